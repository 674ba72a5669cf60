//! Grafana's webhook: `POST` or `PUT /api/intake/grafana/NAME`. Alertmanager's `webhook_config` has the same form.
//!
//! Grafana says itself when an alert is over, and does not say how often it repeats one: its alerts do not go stale.

use crate::Intake;
use crate::auth::{Caller, Unknown};
use crate::door::Reason;
use crate::item::{self, GENERATOR, MOST_ITEMS};
use crate::moment;
use crate::read::{self, Pairs, Text, explain};
use crate::reply::{Problem, first, json, too_many_open};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use foghorn_core::alert::AlertItem;
use foghorn_core::time::Wall;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Intake>> {
    Router::new().route("/api/intake/grafana/{name}", post(notify).put(notify))
}

/// What Grafana shows of a failed test of a contact point.
#[derive(Serialize)]
struct Told {
    accepted: usize,
    errors: Vec<String>,
}

fn told(status: StatusCode, accepted: usize, errors: &[String]) -> Response {
    json(status, &Told { accepted, errors: first(errors) })
}

fn problem(p: &Problem) -> Response {
    p.on(told(p.status(), 0, &[p.to_string()]))
}

pub(crate) fn unknown(u: &Unknown) -> Response {
    u.on(told(u.status, 0, std::slice::from_ref(&u.why)))
}

async fn notify(
    State(intake): State<Arc<Intake>>,
    crate::auth::Grafana(caller): crate::auth::Grafana,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Caller::Integration(name) = caller else {
        let why = "this is an API token: alerts are sent with the token of an integration of kind grafana";
        return told(StatusCode::FORBIDDEN, 0, &[why.to_owned()]);
    };
    let door = intake.door(&name, &intake.config());
    let (visit, bytes) = match read::body(&intake, &door, &headers, body).await {
        Ok(read) => read,
        Err(p) => return problem(&p),
    };
    let text = read::text(&bytes);
    let (items, mut errors) = match parse(&text, jiff::Timestamp::now().into()) {
        Ok(parsed) => parsed,
        Err(why) => {
            door.bad(1);
            return told(StatusCode::BAD_REQUEST, 0, &[why]);
        }
    };
    let count = items.len();
    if count + errors.len() > MOST_ITEMS {
        door.refuse(Reason::Items, 1);
        let why = format!("more than {MOST_ITEMS} alerts in one request");
        return told(StatusCode::PAYLOAD_TOO_LARGE, 0, &[why]);
    }
    door.bad(errors.len());
    let refused = match item::submit(&intake, &visit, items).await {
        Ok(refused) => refused,
        Err(p) => return problem(&p),
    };
    if refused > 0 {
        errors.push(too_many_open(refused, &name));
    }
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    told(status, count.saturating_sub(refused as usize), &errors)
}

#[derive(Deserialize)]
#[serde(expecting = "a notification")]
struct Notice<'a> {
    #[serde(borrow)]
    alerts: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(expecting = "an alert")]
struct Posted<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    labels: Option<Pairs<'a>>,
    #[serde(borrow)]
    annotations: Option<Pairs<'a>>,
    #[serde(borrow, rename = "startsAt")]
    starts: Option<Text<'a>>,
    #[serde(borrow, rename = "endsAt")]
    ends: Option<Text<'a>>,
    #[serde(borrow, rename = "generatorURL")]
    generator: Option<Text<'a>>,
    #[serde(borrow, rename = "silenceURL")]
    silence: Option<Text<'a>>,
    #[serde(borrow, rename = "dashboardURL")]
    dashboard: Option<Text<'a>>,
    #[serde(borrow, rename = "panelURL")]
    panel: Option<Text<'a>>,
    #[serde(borrow, rename = "imageURL")]
    image: Option<Text<'a>>,
    /// Up to version 9.
    #[serde(borrow, rename = "valueString")]
    value_string: Option<Text<'a>>,
    #[serde(borrow)]
    values: Option<&'a RawValue>,
}

fn parse(text: &str, now: Wall) -> Result<(Vec<AlertItem>, Vec<String>), String> {
    let notice: Notice<'_> = serde_json::from_str(text)
        .map_err(|e| format!("the notification cannot be read: {}", explain(text, text, &e)))?;
    let alerts =
        notice.alerts.ok_or("there is no `alerts` in it: send Grafana's own payload, without a template")?;
    let list = read::list::<Posted<'_>>(text, alerts.get(), "alerts")?;
    let (mut items, mut wrong) = (Vec::with_capacity(list.good.len()), list.bad);
    for (i, posted) in list.good {
        match posted.item(now) {
            Ok(item) => items.push(item),
            Err(why) => wrong.push(format!("{why} (alerts[{i}])")),
        }
    }
    Ok((items, wrong))
}

impl Posted<'_> {
    fn item(&self, now: Wall) -> Result<AlertItem, String> {
        let labels = item::labels_by_any_name(self.labels.as_ref().map_or(&[], |l| &l.0))?;
        let started = moment::read(self.starts.as_ref().map(AsRef::as_ref), "startsAt")?;
        let ends = moment::read(self.ends.as_ref().map(AsRef::as_ref), "endsAt")?.filter(|e| *e <= now);
        let ended = match self.status.as_ref().map(AsRef::as_ref) {
            Some("firing") => None,
            Some("resolved") => Some(ends.unwrap_or(now)),
            None => ends,
            Some(other) => {
                return Err(format!(
                    "the status {:?} is neither \"firing\" nor \"resolved\"",
                    item::cut(other, 40)
                ));
            }
        };
        let beside = [
            (GENERATOR, &self.generator),
            ("silence_url", &self.silence),
            ("dashboard_url", &self.dashboard),
            ("panel_url", &self.panel),
            ("image_url", &self.image),
            ("value_string", &self.value_string),
        ];
        let beside =
            beside.into_iter().filter_map(|(k, v)| v.as_ref().map(|v| (k, Cow::Borrowed(v.as_ref()))));
        let values =
            self.values.map(RawValue::get).filter(|v| *v != "null").map(|v| ("values", Cow::Borrowed(v)));
        let given = self.annotations.as_ref().map_or(&[][..], |a| &a.0);
        let names: Vec<Cow<'_, str>> = given.iter().map(|(name, _)| item::fitting(name.as_ref())).collect();
        let given = names.iter().zip(given).map(|(name, (_, v))| (name.as_ref(), Cow::Borrowed(v.as_ref())));
        let annotations = item::annotations(beside.chain(values).chain(given))?;
        Ok(AlertItem {
            severity: item::severity(&labels),
            started,
            ended,
            ..AlertItem::firing(labels, annotations)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Wall = Wall(1_795_000_000_000);

    #[test]
    fn a_notification_of_grafana() {
        let text = r#"{"receiver":"hook","status":"firing","version":"1","orgId":1,"state":"alerting","alerts":[
            {"status":"firing","labels":{"alertname":"High memory","severity":"critical"},
             "annotations":{"summary":"memory is high"},"startsAt":"2021-10-12T09:51:03.157076+02:00",
             "endsAt":"0001-01-01T00:00:00Z","generatorURL":"https://g/e","silenceURL":"https://g/s","panelURL":"",
             "values":{"B":44.2,"C":1}},
            {"status":"resolved","labels":{"alertname":"CPU"},"endsAt":"2021-10-12T10:00:00Z","valueString":"[ value=1 ]"},
            {"status":"odd","labels":{"alertname":"X"}}, {"status":"firing","labels":{}}, 7]}"#;
        let (items, wrong) = parse(text, NOW).unwrap();
        let shown: Vec<String> = items
            .iter()
            .map(|i| {
                format!("{} {:?} {:?} {:?}", i.labels, i.severity, i.ended.map(moment::show), i.annotations)
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        alertname=High memory severity=critical Some(Critical) None {"__generator_url__": "https://g/e", "silence_url": "https://g/s", "summary": "memory is high", "values": "{\"B\":44.2,\"C\":1}"}
        alertname=CPU None Some("2021-10-12T10:00:00.000Z") {"value_string": "[ value=1 ]"}
        "#);
        insta::assert_snapshot!(wrong.join("\n"), @r#"
        alerts[4]: invalid type: integer `7`, expected an alert at line 7 column 91
        the status "odd" is neither "firing" nor "resolved" (alerts[2])
        at least one label pair required (alerts[3])
        "#);
        assert!(items.iter().all(|i| i.lifetime.is_none()));
    }

    #[test]
    fn a_name_with_a_space_costs_no_alert() {
        let text = r#"{"alerts":[{"status":"firing","labels":{"alertname":"A","Team name":"web","2nd":"x"},
            "annotations":{"Runbook link":"https://r/1","a=b":"c"}}]}"#;
        let (items, wrong) = parse(text, NOW).unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(items[0].labels.to_string(), "Team_name=web _2nd=x alertname=A");
        assert_eq!(format!("{:?}", items[0].annotations), r#"{"Runbook_link": "https://r/1", "a_b": "c"}"#);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".*") {
            let _ = parse(&text, NOW);
            let _ = parse(&format!("{{\"alerts\":{text}}}"), NOW);
        }

        #[test]
        fn a_bad_alert_costs_no_good_one(bad in "(null|5|\"x\"|\\[\\]|\\{\\}|\\{\"labels\":5\\}|\\{\"status\":\\{\\}\\})") {
            let text = format!(r#"{{"alerts":[{bad},{{"status":"firing","labels":{{"good":"yes"}}}}]}}"#);
            let (items, wrong) = parse(&text, NOW).unwrap();
            prop_assert_eq!((items.len(), wrong.len()), (1, 1));
        }
    }
}
