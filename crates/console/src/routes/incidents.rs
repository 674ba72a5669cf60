//! Incidents: seen, opened, answered.

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{Json, Line, OptionalJson, Path};
use crate::problem::{Body, Problem};
use crate::query::{Count, Query, moment};
use crate::readmodel::{Closed, Lag};
use crate::reply::{Done, respond, respond_warning, unknown};
use crate::show::Severity;
use crate::show::alert::AlertShown;
use crate::show::event::EventShown;
use crate::show::incident::{Detail, Summary, UpdateShown, nowhere, unwritten, updates};
use crate::show::text::{grouped, line};
use crate::wanted::{Room, Wanted, Which};
use crate::words::{LONGEST, Words};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use foghorn_core::alert::{Alert, AlertStatus};
use foghorn_core::held::Place;
use foghorn_core::incident::{Incident, IncidentId};
use foghorn_core::input::Input;
use foghorn_core::words::{self, Name};
use foghorn_engine::{Class, View};
use http::{HeaderValue, Uri, header};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Acts of people that are looked through.
const LIFE: usize = 500;

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// `open` for all that are not over: `unacknowledged` and `acknowledged` ones; `resolved`, `all` (the default).
    #[param(inline)]
    state: Option<Which>,
    /// `next` of the answer before: incidents older than this one.
    #[param(value_type = Option<u64>, format = "uint64")]
    after: Option<IncidentId>,
    /// 1 to 1000; 50 if not given.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000)]
    limit: Option<Count>,
    /// Only of this severity.
    severity: Option<Severity>,
    /// Words, at most 200 characters: each begins a word of the title, of the name of an entity, or of the value of an alert's
    /// label (its name is one), of the first 1000 alerts that came.
    q: Option<String>,
    /// RFC 3339: not those that were over before then.
    from: Option<String>,
    /// RFC 3339: not those that began then or later.
    to: Option<String>,
}

/// Incidents, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List {
    incidents: Vec<Summary>,
    /// `after` for the next page; `null` at the end.
    next: Option<IncidentId>,
    /// Set where some may be missing, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<String>,
}

/// Incidents, newest first.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "incidents", params(ListQuery),
    responses((status = 200, body = List), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Query(q): Query<ListQuery>,
) -> Result<Response, Problem> {
    let limit = Count::or(q.limit, 50);
    let wanted = wanted(&q)?;
    let mut list = api.blocking(move |api| collect(api, &wanted, q.after, limit)).await?;
    let mut link = None;
    if list.incidents.len() > limit {
        list.incidents.truncate(limit);
        list.next = list.incidents.last().map(|i| i.id);
        link = list.next.map(|next| next_link(&uri, next, limit));
    }
    Ok(with_link(axum::Json(list).into_response(), link))
}

fn wanted(q: &ListQuery) -> Result<Wanted, Problem> {
    let bad = |why: String| Problem::new(crate::problem::Kind::BadQuery, why);
    let at = |name, text: &Option<String>| text.as_deref().map(|t| moment(name, t)).transpose();
    let (from, to) = (at("from", &q.from)?, at("to", &q.to)?);
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(bad("`from` must be before `to`".to_owned()));
    }
    let text = q.q.as_deref().unwrap_or_default();
    if text.chars().count() > LONGEST {
        return Err(bad(format!("`q` has more than {LONGEST} characters: search for less")));
    }
    let (which, severity) = (q.state.unwrap_or_default(), q.severity.map(Into::into));
    Ok(Wanted { which, severity, words: Words::read(text), from, to })
}

/// One more than `limit`, to see whether there is a next page.
fn collect(api: &Api, wanted: &Wanted, after: Option<IncidentId>, limit: usize) -> List {
    let (view, room) = (api.view(), Room::default());
    let config = api.config();
    let url = &config.server.public_url;
    let before = |i: &&Incident| after.is_none_or(|after| i.id < after);
    let newest_first = view.state.incidents.values().rev().map(|i| &**i).skip_while(|i| !before(i));
    let fitting = newest_first.filter(|i| wanted.fits(&view.state, i, &room)).take(limit + 1);
    let mut incidents: Vec<Summary> = fitting.map(|i| Summary::of(&view, i, url)).collect();
    let mut incomplete = room.short();
    if let Some(filter) = wanted.put_away(after) {
        let known = |id| view.state.incidents.contains_key(&id);
        match api.parts.read_model.incidents(&filter, limit + 1, &known) {
            Ok(closed) => incidents.extend(closed.iter().map(|c| Summary::closed(c, &view, url))),
            Err(e) => incomplete = Some(e.to_string()),
        }
        incidents.sort_by_key(|i| std::cmp::Reverse(i.id));
        incomplete = incomplete.or_else(|| behind(api, &view));
    }
    List { incidents, next: None, incomplete }
}

/// How far the read model is behind, where that is worth saying.
fn behind(api: &Api, view: &View) -> Option<String> {
    let lag = api.parts.read_model.lag();
    let events = view.seq.saturating_sub(lag.seq);
    match (lag.error, events) {
        (_, 0) => None,
        (Some(e), n) => Some(format!("the list of closed incidents is {n} events behind: {e}")),
        // A moment's work, unless it is being made anew.
        (None, n) => {
            (n > 1000).then(|| format!("the list of closed incidents is {n} events behind and catching up"))
        }
    }
}

/// What a timeline may lack at its end.
fn late(view: &View, lag: &Lag) -> Option<String> {
    let written = unwritten(view);
    let read = match (view.seq.saturating_sub(lag.seq), &lag.error) {
        (0, _) => None,
        (n, why) => {
            let lag = if n == 1 { "1 event".to_owned() } else { format!("{n} events") };
            let catching_up = || " and catching up: look again in a moment".to_owned();
            let why = why.as_ref().map_or_else(catching_up, |e| format!(": {e}"));
            Some(format!("it is {lag} behind the journal{why}"))
        }
    };
    let whys: Vec<String> = written.into_iter().chain(read).collect();
    (!whys.is_empty()).then(|| whys.join("; "))
}

/// `Link: <…>; rel="next"`: the same path, after what was shown. Without a host: `server.public_url` may lead to another
/// listener, and whoever follows shows a token.
pub(super) fn next_link(uri: &Uri, after: impl std::fmt::Display, limit: usize) -> String {
    let paging = |pair: &&str| pair.starts_with("after=") || pair.starts_with("limit=");
    let kept = uri.query().unwrap_or("").split('&').filter(|p| !p.is_empty() && !paging(p));
    let query: String = kept.flat_map(|p| [p, "&"]).collect();
    format!("<{}?{query}after={after}&limit={limit}>; rel=\"next\"", uri.path())
}

pub(super) fn with_link(mut response: Response, link: Option<String>) -> Response {
    if let Some(value) = link.and_then(|l| HeaderValue::try_from(l).ok()) {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

/// Opens an incident by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    /// One line; at most 500 bytes.
    #[schema(value_type = String)]
    title: Line,
    /// How bad; critical, which wakes people, if not given. Other tools' words, such as `error` and `warn`, are understood.
    #[serde(default)]
    #[schema(value_type = Severity, default = "critical")]
    severity: Urgent,
    /// What is unwell.
    #[schema(value_type = Option<String>)]
    entity: Option<Line>,
    /// Whom to page, instead of the entity's own policy.
    #[schema(value_type = Option<String>)]
    escalation: Option<Line>,
    /// More words.
    note: Option<String>,
}

/// How bad, by who opens an incident and may not say it: then somebody is woken.
#[derive(Debug)]
struct Urgent(words::Severity);

impl Default for Urgent {
    fn default() -> Urgent {
        Urgent(words::Severity::Critical)
    }
}

impl<'de> Deserialize<'de> for Urgent {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Urgent, D::Error> {
        let word = String::deserialize(from)?;
        let known = words::Severity::from_foreign(&word).map(Urgent);
        known.ok_or_else(|| D::Error::unknown_variant(&word, &["info", "warning", "critical"]))
    }
}

/// Opens an incident by hand, and pages for it.
#[utoipa::path(post, path = "/api/v1/incidents", tag = "incidents", request_body = Open,
    responses((status = 201, body = Done, headers(("Location" = String, description = "Where the incident is"))),
        (status = 202, description = "In effect, not yet saved", body = Done, headers(("Location" = String, description = "Where the incident is"))),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn open(State(api): State<Arc<Api>>, caller: Caller, Json(open): Json<Open>) -> Response {
    let entity = open.entity.map(Name::from);
    let warnings = unknown(&api.view().state, &entity);
    let input = Input::Open {
        title: open.title.0,
        severity: open.severity.0,
        entity,
        escalation: open.escalation.map(Name::from),
        note: open.note,
        by: caller.actor,
    };
    respond_warning(api.parts.engine.submit(Class::Paging, input).await, None, warnings)
}

/// One incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "incidents", params(("id" = u64, Path)),
    responses((status = 200, body = Detail), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Path(id): Path<IncidentId>,
) -> Result<axum::Json<Detail>, Problem> {
    api.own_line().await;
    api.blocking(move |api| detail(api, id)).await?.map(axum::Json)
}

fn detail(api: &Api, id: IncidentId) -> Result<Detail, Problem> {
    let view = api.view();
    let config = api.config();
    let url = &config.server.public_url;
    let model = &api.parts.read_model;
    // Before it is read: what it then lacks is less, never more.
    let lag = model.lag();
    let stored = model.incident(id);
    let mut detail = match (view.state.incident(id), &stored) {
        (Some(open), stored) => Detail::of(&view, open, stored.as_ref().ok().and_then(Option::as_ref), url),
        (None, Ok(Some(closed))) => put_away(api, closed, &view, url)?,
        (None, Ok(None)) => return Err(nowhere(&view, id)),
        (None, Err(e)) => return Err(Problem::new(crate::problem::Kind::Unavailable, e.to_string())),
    };
    // Of what is at hand the state knows everything that was told.
    let record = if view.state.incident(id).is_some() { Vec::new() } else { model.life(id, LIFE)? };
    let updates = updates(&view.state, id, &record);
    detail.updates = updates.iter().map(|(number, u)| UpdateShown::of(*number, u, &view.state)).collect();
    match model.latest(id, 50) {
        Ok(lines) => {
            let shown = lines
                .into_iter()
                .filter_map(|l| EventShown::new(l.record.seq, l.json, &view.state, l.alert.as_deref()));
            detail.timeline = shown.collect();
        }
        Err(e) => detail.timeline_error = Some(e.to_string()),
    }
    detail.timeline_incomplete = late(&view, &lag);
    Ok(detail)
}

fn put_away(api: &Api, closed: &Closed, view: &View, url: &str) -> Result<Detail, Problem> {
    let mut detail = Detail::closed(closed, view, url);
    let alerts = api.parts.read_model.alerts(closed.id, 0, 100)?;
    detail.worst_alerts = alerts.into_iter().map(|(_, alert)| AlertShown::closed(alert)).collect();
    Ok(detail)
}

/// A page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlertsQuery {
    /// `next` of the answer before.
    #[param(value_type = Option<u64>, format = "uint64")]
    after: Option<Place>,
    /// 1 to 1000; 100 if not given.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000)]
    limit: Option<Count>,
}

/// Alerts, in the order in which they came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alerts {
    alerts: Vec<AlertShown>,
    /// `after` for the next page; `null` at the end.
    next: Option<u64>,
}

/// An incident's alerts, open and ended.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/alerts", tag = "incidents", params(("id" = u64, Path), AlertsQuery),
    responses((status = 200, body = Alerts), (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn alerts(
    State(api): State<Arc<Api>>,
    Path(id): Path<IncidentId>,
    uri: Uri,
    Query(q): Query<AlertsQuery>,
) -> Result<Response, Problem> {
    let limit = Count::or(q.limit, 100);
    let after = q.after.unwrap_or(0);
    let mut alerts = api.blocking(move |api| alerts_of(api, id, after, limit + 1)).await??;
    let mut next = None;
    if alerts.len() > limit {
        alerts.truncate(limit);
        next = alerts.last().map(|(place, _)| *place);
    }
    let link = next.map(|n| next_link(&uri, n, limit));
    let alerts = alerts.into_iter().map(|(_, alert)| alert).collect();
    Ok(with_link(axum::Json(Alerts { alerts, next }).into_response(), link))
}

fn alerts_of(
    api: &Api,
    id: IncidentId,
    after: Place,
    most: usize,
) -> Result<Vec<(Place, AlertShown)>, Problem> {
    let view = api.view();
    if let Some(incident) = view.state.incident(id) {
        let places = incident.alerts.range(after.saturating_add(1)..);
        let alerts = places.filter_map(|place| Some((*place, view.state.alerts.at(*place)?))).take(most);
        return Ok(alerts.map(|(place, a)| (place, AlertShown::of(a, |at| view.wall_at(at)))).collect());
    }
    let model = &api.parts.read_model;
    model.incident(id)?.ok_or_else(|| nowhere(&view, id))?;
    let alerts = model.alerts(id, after, most)?.into_iter();
    Ok(alerts.map(|(place, alert)| (place, AlertShown::closed(alert))).collect())
}

/// What an acknowledgement covers.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ack {
    /// `revision` of the incident that was seen; all there is now if it is not given.
    revision: Option<u64>,
}

/// Somebody is on it: paging stops for what they have seen.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/ack", tag = "incidents", params(("id" = u64, Path)), request_body = Option<Ack>,
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn ack(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(incident): Path<IncidentId>,
    OptionalJson(ack): OptionalJson<Ack>,
) -> Response {
    act(&api, incident, Input::Acknowledge { incident, by: caller.actor, revision: ack.revision }).await
}

/// Nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

/// Somebody says that it is over. What still fails after a while opens it again.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/resolve", tag = "incidents", params(("id" = u64, Path)), request_body = Option<Empty>,
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn resolve(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(incident): Path<IncidentId>,
    OptionalJson(Empty {}): OptionalJson<Empty>,
) -> Response {
    let warnings = still_failing(&api.view().state, incident).into_iter().collect();
    act_warning(&api, incident, Input::Resolve { incident, by: caller.actor }, warnings).await
}

/// What of an incident fails at this moment, and that it may come back.
fn still_failing(state: &foghorn_core::State, id: IncidentId) -> Option<String> {
    const NAMED: usize = 3;
    let i = state.incident(id).filter(|i| !i.is_resolved())?;
    let fails = |a: &&Alert| matches!(a.status, AlertStatus::Firing | AlertStatus::Flapping);
    let fail = || state.alerts_of(i).filter(fails);
    let all = fail().count();
    let named: Vec<String> = fail().take(NAMED).map(|a| line(&a.summary(), 100)).collect();
    let more =
        if all > named.len() { format!(" and {} more", grouped(all - named.len())) } else { String::new() };
    let after = state.setup.timing.still_failing_after;
    (all > 0).then(|| {
        format!(
            "still failing: {}{more}. What still fails in {after} opens the incident again",
            named.join("; ")
        )
    })
}

/// Something worth knowing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// At most 64 KiB.
    text: String,
}

/// Writes something down, in the incident's timeline.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/note", tag = "incidents", params(("id" = u64, Path)), request_body = Note,
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn note(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(incident): Path<IncidentId>,
    Json(note): Json<Note>,
) -> Response {
    if note.text.trim().is_empty() {
        return Problem::new(crate::problem::Kind::Invalid, "`text` is empty: say something").into_response();
    }
    // Of what is put away too.
    let input = Input::Note { incident, by: caller.actor, text: note.text };
    respond(api.parts.engine.submit(Class::Paging, input).await, None)
}

/// Pages the next step now.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/escalate", tag = "incidents", params(("id" = u64, Path)), request_body = Option<Empty>,
    responses((status = 200, body = Done), (status = 202, description = "In effect, not yet saved", body = Done),
        (status = "default", body = Body, content_type = "application/problem+json")))]
pub(crate) async fn escalate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(incident): Path<IncidentId>,
    OptionalJson(Empty {}): OptionalJson<Empty>,
) -> Response {
    act(&api, incident, Input::Escalate { incident, by: caller.actor, seen: None }).await
}

/// What is put away is over, not unknown.
async fn act(api: &Arc<Api>, id: IncidentId, input: Input) -> Response {
    act_warning(api, id, input, Vec::new()).await
}

async fn act_warning(api: &Arc<Api>, id: IncidentId, input: Input, warnings: Vec<String>) -> Response {
    let at_hand = api.parts.engine.view().state.incident(id).is_some();
    if !at_hand {
        let stored = api.blocking(move |api| api.parts.read_model.incident(id)).await;
        if let Ok(Ok(Some(_))) = stored {
            let detail = format!("incident {id} is over already, and put away");
            return Problem::new(crate::problem::Kind::Over, detail).into_response();
        }
    }
    respond_warning(api.parts.engine.submit(Class::Paging, input).await, None, warnings)
}
