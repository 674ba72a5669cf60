//! From state to what a page says. Everything that a person needs at 3 a.m. with a phone in one hand: what is broken,
//! since when, how bad, how wide, what changed, what to press, and what happens if nobody does.

use foghorn_config::Config;
use foghorn_console::next;
use foghorn_console::runbooks::runbooks;
use foghorn_core::alert::Alert;
use foghorn_core::change::Change;
use foghorn_core::incident::{Incident, Status};
use foghorn_core::page::{Page, PageKey, PageKind};
use foghorn_core::time::{Now, Span, Wall};
use foghorn_core::words::Name;
use foghorn_engine::View;
use foghorn_wake::link::Tokens;
use foghorn_wake::{Alert as Line, Incident as About, Kind, Message, Names, Person};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Alerts that a page lists; the rest is a number.
const MOST_LISTED: usize = 10;
/// Alerts that are looked through for those.
const MOST_LOOKED_AT: usize = 2000;
/// Runbooks that a page links to.
const MOST_RUNBOOKS: usize = 3;
/// Changes to production are told if they are not older than this.
const CHANGES_BACK: Span = Span::hours(24);

/// What the page with this key says now, and its channel. `Err` says why it cannot be sent, for the timeline.
pub fn message(
    view: &View,
    config: &Config,
    tokens: &Tokens,
    key: &PageKey,
    now: Now,
) -> Result<(String, Message), String> {
    message_with(details, view, config, tokens, key, now)
}

fn message_with(
    details: impl Fn(&View, &Incident, &Page, Now) -> Details,
    view: &View,
    config: &Config,
    tokens: &Tokens,
    key: &PageKey,
    now: Now,
) -> Result<(String, Message), String> {
    let state = &view.state;
    let page = state.pages.get(key).ok_or("superseded")?;
    let incident = state.incident(key.incident).ok_or("its incident is put away")?;
    let person =
        state.setup.people.get(&key.person).ok_or("this person is not in the configuration any more")?;
    let to = config
        .addresses
        .get(key.person.as_str())
        .and_then(|all| all.get(usize::from(key.contact)))
        .ok_or("this contact is not in the configuration any more")?;
    // Nothing that is only good to know keeps a page from leaving.
    let told = catch_unwind(AssertUnwindSafe(|| details(view, incident, page, now)));
    let told = told.unwrap_or_else(|_| Details {
        why: "a bug in Foghorn keeps the rest of this page from you: see the console".to_owned(),
        ..Details::default()
    });
    let token = tokens.mint(incident.id, &key.person, incident.revision());
    let ack_url = format!("{}/ack/{token}", config.server.public_url);
    let kind = match key.kind {
        PageKind::Page => Kind::Page,
        PageKind::Acknowledged => Kind::Acknowledged { by: who_acknowledged(view, incident) },
        PageKind::Resolved => Kind::Resolved { by: who_resolved(view, incident) },
    };
    let message = Message {
        // Of two journals, one of which was put back from a backup, two incidents may have one number.
        id: format!("{key}-{:x}", incident.opened.wall.0),
        kind,
        drill: false,
        incident: About {
            id: incident.id,
            title: incident.title.to_string(),
            severity: incident.severity(),
            url: ack_url.clone(),
            opened_at: incident.opened.wall,
            opened_by: incident.opened_by.as_ref().map(|by| name_of(view, &by.name)),
            note: incident.note.as_deref().map(ToOwned::to_owned),
            status: status(incident).to_owned(),
            unwatched: incident.unwatched && incident.is_resolved(),
        },
        alerts_total: usize::try_from(incident.by_severity.iter().sum::<u32>()).unwrap_or(usize::MAX),
        alerts: told.alerts,
        downstream: told.downstream,
        changes: told.changes,
        entities: told.entities,
        runbooks: told.runbooks,
        next: told.next,
        why: told.why,
        again: told.again,
        ack_url,
        callback_url: Some(format!("{}/callback/twilio/{token}", config.server.public_url)),
        degraded: view
            .degraded
            .as_ref()
            .map(|d| format!("Foghorn's journal is degraded: {}. This page was sent from memory.", d.why)),
        person: Person {
            id: key.person.to_string(),
            name: person.name.clone(),
            time_zone: person.time_zone.to_string(),
        },
        step: u32::from(key.step) + 1,
        attempt: page.attempts + 1,
        sent_at: now.wall,
        to: to.clone(),
        urgency: page.urgency,
    };
    Ok((page.channel.to_string(), message))
}

/// What a page says beside what is broken, how bad it is and where to press.
#[derive(Default)]
struct Details {
    alerts: Vec<Line>,
    entities: Names,
    downstream: Names,
    changes: Vec<String>,
    runbooks: Vec<String>,
    next: Option<String>,
    why: String,
    again: Option<String>,
}

fn details(view: &View, incident: &Incident, page: &Page, now: Now) -> Details {
    let state = &view.state;
    // A page lists what an acknowledgement of it covers, and nothing else. That is nothing only where a person has asked for
    // the page of what is silenced, say.
    let mut open: Vec<&Alert> = state.counted_of(incident).take(MOST_LOOKED_AT).collect();
    let mut entities: Vec<Name> =
        incident.entities.iter().filter(|(_, n)| **n > 0).map(|(e, _)| e.clone()).collect();
    if open.is_empty() && incident.own.is_none() {
        let alerts = state.alerts_of(incident).filter(|a| a.status.is_open());
        open = alerts.take(MOST_LOOKED_AT).collect();
        let theirs: BTreeSet<&Name> = open.iter().filter_map(|a| a.entity.as_ref()).collect();
        entities = theirs.into_iter().cloned().collect();
    }
    open.sort_by_key(|a| (std::cmp::Reverse(a.severity), a.started));
    let upstream: Vec<Name> =
        entities.iter().take(MOST_LISTED).flat_map(|e| state.setup.upstream(e)).collect();
    Details {
        alerts: open
            .iter()
            .take(MOST_LISTED)
            .map(|a| Line {
                summary: a.summary(),
                since: a.started,
                entity: a.entity.as_ref().map(Name::to_string),
                status: a.status,
                silenced: a.muted.is_some(),
            })
            .collect(),
        downstream: state.setup.downstream(&entities).into_iter().collect(),
        changes: state
            .recent_changes(now.wall, CHANGES_BACK, &upstream)
            .iter()
            .take(5)
            .map(|c| change(c, now.wall))
            .collect(),
        entities: entities.iter().collect(),
        runbooks: runbooks(state, incident, open.iter().copied(), MOST_RUNBOOKS),
        next: next_words(view, incident, now, page.key.kind),
        why: why(incident, page),
        again: again(incident, page),
    }
}

fn status(incident: &Incident) -> &'static str {
    match incident.status {
        Status::Open => "open",
        Status::Acknowledged { .. } => "acknowledged",
        Status::Resolved { .. } => "resolved",
    }
}

fn name_of(view: &View, id: &Name) -> String {
    view.state.setup.people.get(id).map_or_else(|| id.to_string(), |p| p.name.clone())
}

fn who_acknowledged(view: &View, incident: &Incident) -> String {
    match &incident.status {
        Status::Acknowledged { by, .. } => name_of(view, &by.name),
        Status::Open | Status::Resolved { .. } => "somebody".to_owned(),
    }
}

fn who_resolved(view: &View, incident: &Incident) -> Option<String> {
    match &incident.status {
        Status::Resolved { by, .. } => by.as_ref().map(|b| name_of(view, &b.name)),
        Status::Open | Status::Acknowledged { .. } => None,
    }
}

fn next_words(view: &View, incident: &Incident, now: Now, kind: PageKind) -> Option<String> {
    (kind == PageKind::Page)
        .then(|| next::sentence(&view.state, &next::next(&view.state, incident, now), now))
}

/// Why paging began again, if it did. A page of an older wave does not know.
fn again(incident: &Incident, page: &Page) -> Option<String> {
    let e = &incident.escalation;
    (page.key.wave > 1).then(|| if e.wave == page.key.wave { e.why.to_string() } else { String::new() })
}

/// `12m ago: shop-api: deploy 4.2 (ci)`
fn change(c: &Change, now: Wall) -> String {
    let what = c.entity.as_ref().map_or_else(String::new, |e| format!("{e}: "));
    format!("{} ago: {what}{} ({})", next::lasted(now.since(c.at)), c.summary, c.source)
}

fn why(incident: &Incident, page: &Page) -> String {
    let e = &incident.escalation;
    let policy = e.policy.as_ref().map_or("default", Name::as_str);
    let round = if page.key.round > 0 { format!(", round {}", page.key.round + 1) } else { String::new() };
    let nobody = match (again(incident, page), page.key.step > 0 || page.key.round > 0) {
        (Some(why), _) if why.is_empty() => {
            "; paged again: nobody has acknowledged it as it is now".to_owned()
        }
        (Some(why), _) => format!("; paged again: {why}"),
        (None, _) if e.asked && e.wave == page.key.wave => format!("; {}", e.why),
        (None, true) => "; nobody has acknowledged yet".to_owned(),
        (None, false) => String::new(),
    };
    format!("step {} of {policy}{round}{nobody}", page.key.step + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_core::alert::AlertItem;
    use foghorn_core::decide;
    use foghorn_core::input::{CheckVerdict, Input};
    use foghorn_core::labels::Labels;
    use foghorn_core::state::State;
    use foghorn_core::time::Mono;
    use foghorn_core::words::{Actor, Severity, Via};

    const FILE: &str = r#"
people: { ana: { name: Ana Reis, contacts: [ { via: hook } ] }, ben: { name: Ben Sá, contacts: [ { via: hook } ] } }
channels: { hook: { kind: webhook, url: "http://127.0.0.1:9/" } }
escalations: { default: { steps: [ { page: person/ana, wait: 5m }, { page: person/ben, wait: 5m } ] } }
topology: { shop-api: { depends_on: [db] }, db: { runbook: "https://wiki.example.com/db" } }
integrations: { prom: { kind: alertmanager } }
checks:
  shop: { entity: shop-api, http: "http://127.0.0.1:1/", fail_for: 0s, severity: critical }
  disk: { entity: db, http: "http://127.0.0.1:1/", fail_for: 0s, severity: critical, urgency: high }
"#;

    struct World {
        config: Config,
        state: State,
        now: Now,
    }

    impl World {
        fn new() -> World {
            let config =
                foghorn_config::parse(FILE, "foghorn.yaml", std::path::Path::new(""), &|_| None).unwrap();
            let now = Now { mono: Mono(1_000_000), wall: Wall(1_793_588_400_000) };
            let mut w = World { state: State::default(), now, config };
            w.put(&Input::AdoptConfig { hash: "h".into(), setup: w.config.setup.clone() });
            w
        }

        fn put(&mut self, input: &Input) {
            decide(&mut self.state, self.now, input, &mut Vec::new()).unwrap();
        }

        fn after(&mut self, span: Span) {
            self.now.mono = self.now.mono + span;
            self.now.wall = self.now.wall + span;
            self.put(&Input::Tick);
        }

        fn failing(&mut self, check: &str) {
            let verdict = CheckVerdict::Failing { summary: "refused".to_owned(), severity: None };
            self.put(&Input::Check { check: check.into(), verdict, since: self.now.wall });
        }

        fn open_by_hand(&mut self, title: &str, entity: Option<&str>) {
            self.put(&Input::Open {
                title: title.to_owned(),
                severity: Severity::Critical,
                entity: entity.map(Name::from),
                escalation: None,
                note: Some("since the move".into()),
                by: Actor { name: "ben".into(), via: Via::Api },
            });
        }

        /// What the newest page to a person says.
        fn page(&self, person: &str) -> Message {
            let view = View::new(self.state.clone(), 1, self.now);
            let mut keys = self.state.pages.iter().map(|(k, _)| k);
            let key = keys.rfind(|k| k.kind == PageKind::Page && k.person.as_str() == person).unwrap();
            message(&view, &self.config, &Tokens::new(&[7; 32]), key, self.now).unwrap().1
        }
    }

    #[test]
    fn a_page_says_what_changed_and_where() {
        let mut w = World::new();
        for (entity, summary) in [(Some("db"), "version 18"), (None, "new firewall")] {
            let change = Change {
                at: w.now.wall,
                source: "ci".into(),
                summary: summary.to_owned(),
                entity: entity.map(Name::from),
                link: None,
            };
            w.put(&Input::Change { change });
            w.after(Span::mins(1));
        }
        w.failing("shop");
        let page = w.page("ana");
        assert_eq!(page.changes, ["1m ago: new firewall (ci)", "2m ago: db: version 18 (ci)"]);
        assert_eq!((page.again, &*page.why), (None, "step 1 of default"));
    }

    /// Whoever presses "page the next step" wakes somebody who must read what is broken.
    #[test]
    fn a_page_that_a_person_asked_for_tells_of_what_is_silenced() {
        let mut w = World::new();
        for (entity, summary) in [("db", "version 18"), ("elsewhere", "kernel 6.18")] {
            let (source, entity) = ("ci".into(), Some(Name::from(entity)));
            let change = Change { at: w.now.wall, source, summary: summary.into(), entity, link: None };
            w.put(&Input::Change { change });
        }
        w.put(&Input::Silence {
            id: "s1".into(),
            matchers: Vec::new(),
            entities: [Name::from("db")].into(),
            starts: None,
            ends: foghorn_core::input::Ends::After(Span::hours(1)),
            comment: "rebuild".into(),
            maintenance: false,
            by: Actor { name: "ben".into(), via: Via::Api },
        });
        w.failing("disk");
        let by = Actor { name: "ben".into(), via: Via::Api };
        w.put(&Input::Escalate { incident: 1, by, seen: None });
        let page = w.page("ana");
        let alert = &page.alerts[..][0];
        assert_eq!(
            (&*alert.summary, alert.entity.as_deref(), alert.silenced),
            ("disk: refused", Some("db"), true)
        );
        assert_eq!(page.doubt(), Some("A silence covers it"));
        assert_eq!((page.entities.total, page.changes.len()), (1, 1), "{:?}", page.changes);
        assert_eq!(page.why, "step 1 of default; Ben Sá asked for the next step");
    }

    /// Whoever sends an alert, or opens an incident by hand, need not know where the runbook is: the file does.
    #[test]
    fn a_page_links_to_the_runbooks_of_what_is_unwell() {
        let mut w = World::new();
        let mut page = |name: &str, labels: &[(&str, &str)], own: &[(&str, &str)]| {
            let item = AlertItem::firing(
                Labels::from_pairs(labels.iter().copied().chain([("alertname", name)])),
                Labels::from_pairs(own.iter().copied()),
            );
            w.put(&Input::Alerts { source: "prom".into(), items: vec![item] });
            let page = w.page("ana");
            let by = Actor { name: "ana".into(), via: Via::Api };
            w.put(&Input::Resolve { incident: page.incident.id, by });
            page.runbooks
        };
        let db = "https://wiki.example.com/db";
        let own = [("runbook_url", "https://wiki.example.com/own")];
        assert_eq!(page("A", &[("instance", "db:9100")], &[]), [db]);
        assert_eq!(page("B", &[("instance", "shop-api")], &own), [own[0].1, db], "its own first");
        assert_eq!(page("C", &[("instance", "elsewhere")], &[]), [""; 0]);
        w.open_by_hand("the disks are slow", Some("shop-api"));
        assert_eq!(w.page("ana").runbooks, [db]);
    }

    #[test]
    fn a_page_says_who_opened_its_incident() {
        let mut w = World::new();
        w.open_by_hand("the disks are slow", Some("db"));
        let page = w.page("ana");
        assert_eq!(page.incident.opened_by.as_deref(), Some("Ben Sá"));
        assert_eq!(
            (&*page.incident.title, &page.entities.listed[..]),
            ("the disks are slow", &["db".to_owned()][..])
        );
        assert_eq!(page.incident.note.as_deref(), Some("since the move"));
        let mut w = World::new();
        w.failing("disk");
        assert_eq!((w.page("ana").incident.opened_by, w.page("ana").incident.note), (None, None));
    }

    /// Whatever goes wrong while it is told what else there is: what is broken and where to press leaves.
    #[test]
    fn a_page_leaves_without_its_details_if_need_be() {
        let mut w = World::new();
        w.failing("shop");
        let view = View::new(w.state.clone(), 1, w.now);
        let key = w.state.pages.keys().next().unwrap();
        let tokens = Tokens::new(&[7; 32]);
        let bug = |_: &View, _: &Incident, _: &Page, _: Now| -> Details { panic!("a bug") };
        let (channel, bare) = message_with(bug, &view, &w.config, &tokens, key, w.now).unwrap();
        let (_, whole) = message(&view, &w.config, &tokens, key, w.now).unwrap();
        assert_eq!((channel.as_str(), &bare.incident.title), ("hook", &whole.incident.title));
        assert_eq!((&bare.ack_url, bare.incident.severity), (&whole.ack_url, whole.incident.severity));
        assert!(bare.why.contains("a bug in Foghorn") && bare.alerts.is_empty(), "{}", bare.why);
    }

    #[test]
    fn a_page_that_comes_again_says_why_and_names_people() {
        let mut w = World::new();
        w.failing("shop");
        let by = Actor { name: "ana".into(), via: Via::Link };
        w.put(&Input::Acknowledge { incident: 1, by, revision: None });
        w.after(Span::mins(20));
        let page = w.page("ben");
        let why = "still critical 20m after Ana Reis acknowledged";
        assert_eq!(page.again.as_deref(), Some(why));
        assert_eq!(page.why, format!("step 2 of default; paged again: {why}"));
        assert_eq!(page.incident.severity, Severity::Critical);

        // Over, and back: that is another reason.
        w.put(&Input::Check { check: "shop".into(), verdict: CheckVerdict::Ok, since: w.now.wall });
        w.after(Span::mins(1));
        w.failing("shop");
        assert_eq!(w.page("ana").again.as_deref(), Some("back 1m after it recovered"));
    }
}
