//! Silences by Alertmanager's API. Those that have ended are shown for as long as Alertmanager shows them, as far as
//! they are the last few; the journal has all.

use super::receive::{is_json, not_json};
use super::show::{Asked, matchers};
use super::{problem, unknown, wrong};
use crate::auth::{Am, Caller, Unknown};
use crate::item::cut;
use crate::read::{self, Text, explain};
use crate::reply::{Problem, empty, json, saved};
use crate::{Intake, id, moment};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use foghorn_config::model::Role;
use foghorn_core::State as House;
use foghorn_core::input::{Ends, Input, Refusal};
use foghorn_core::silence::{MOST_MATCHERS, MatchOp, Matcher, Silence, match_anything};
use foghorn_core::time::{Span, Wall};
use foghorn_core::words::{Actor, Name, Via};
use foghorn_engine::Reply;
use foghorn_engine::handle::Class;
use http::header::WARNING;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bytes of a silence to be made.
const LARGEST: usize = 256 * 1024;
/// Alertmanager shows what has ended for as long, by default.
const SHOWN: Span = Span::hours(120);

pub(super) async fn all(State(intake): State<Arc<Intake>>, _: Am, asked: Asked) -> Response {
    let wanted = match matchers(&asked.0) {
        Ok(wanted) => wanted,
        Err(why) => return wrong(StatusCode::BAD_REQUEST, &why),
    };
    let (view, now) = (intake.handle.view(), Wall::from(jiff::Timestamp::now()));
    let live = view.state.silences.values().map(|s| &**s);
    let mut hits: Vec<&Silence> = live.chain(ended(&view.state, now)).collect();
    hits.retain(|s| wanted.iter().all(|m| s.matchers.contains(m)));
    // Active ones by their end, then those to come by their start, then those that ended last, as there.
    hits.sort_by_key(|s| match standing(s, now) {
        "active" => (0, s.ends.0),
        "pending" => (1, s.starts.0),
        _ => (2, -s.ends.0),
    });
    let shown: Vec<Gettable<'_>> = hits.into_iter().map(|s| Gettable::of(s, now)).collect();
    json(StatusCode::OK, &shown)
}

/// The last that have ended, without those whose id counts again.
fn ended(state: &House, now: Wall) -> impl Iterator<Item = &Silence> {
    let gone = move |s: &&Silence| s.ends + SHOWN > now && !state.silences.contains_key(&s.id);
    state.ended_silences.iter().map(|s| &**s).filter(gone)
}

fn standing(s: &Silence, now: Wall) -> &'static str {
    if s.ends <= now {
        "expired"
    } else if s.starts <= now {
        "active"
    } else {
        "pending"
    }
}

pub(super) async fn one(
    State(intake): State<Arc<Intake>>,
    _: Am,
    Path(params): Path<Vec<(String, String)>>,
) -> Response {
    let (view, now, id) = (intake.handle.view(), Wall::from(jiff::Timestamp::now()), id_of(&params));
    let live = view.state.silences.get(id).map(|s| &**s);
    match live.or_else(|| ended(&view.state, now).find(|s| *s.id == *id)) {
        Some(s) => json(StatusCode::OK, &Gettable::of(s, now)),
        None => empty(StatusCode::NOT_FOUND),
    }
}

pub(super) async fn end(
    State(intake): State<Arc<Intake>>,
    Am(caller): Am,
    Path(params): Path<Vec<(String, String)>>,
) -> Response {
    let by = match actor(&caller, "") {
        Ok(by) => by,
        Err(u) => return unknown(&u),
    };
    let input = Input::EndSilence { id: Name::from(id_of(&params)), by };
    match in_effect(intake.handle.submit(Class::Paging, input).await) {
        Ok(unsaved) => warned(empty(StatusCode::OK), unsaved.as_deref()),
        Err(Problem::Refused(Refusal::NotFound { .. })) => empty(StatusCode::NOT_FOUND),
        Err(p) => problem(&p),
    }
}

pub(super) async fn put(
    State(intake): State<Arc<Intake>>,
    Am(caller): Am,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !is_json(&headers) {
        return not_json();
    }
    let bytes = match read::bytes(body, read::length(&headers).unwrap_or(0), LARGEST).await {
        Ok(bytes) => bytes,
        Err(p) => return problem(&p),
    };
    let text = read::text(&bytes);
    let posted: Posted<'_> = match serde_json::from_str(&text) {
        Ok(posted) => posted,
        Err(e) => {
            return wrong(
                StatusCode::BAD_REQUEST,
                &format!("the silence cannot be read: {}", explain(&text, &text, &e)),
            );
        }
    };
    let by = match actor(&caller, posted.by.as_ref()) {
        Ok(by) => by,
        Err(u) => return unknown(&u),
    };
    let input = match posted.input(&intake, by, jiff::Timestamp::now().into()) {
        Ok(input) => input,
        Err((status, why)) => return wrong(status, &why),
    };
    let Input::Silence { id, .. } = &input else { return empty(StatusCode::INTERNAL_SERVER_ERROR) };
    let made = serde_json::json!({ "silenceID": id });
    match in_effect(intake.handle.submit(Class::Paging, input).await) {
        Ok(unsaved) => warned(json(StatusCode::OK, &made), unsaved.as_deref()),
        Err(Problem::Refused(refusal)) => {
            wrong(StatusCode::BAD_REQUEST, &format!("silence invalid: {refusal}"))
        }
        Err(p) => problem(&p),
    }
}

/// Done, if perhaps not saved yet, with why not: what a person does is in effect while the disk takes nothing, and to be told
/// that it failed would have them do it again.
fn in_effect(reply: Reply) -> Result<Option<Arc<str>>, Problem> {
    match reply {
        Reply::NotSaved(_, why) => Ok(Some(why)),
        other => saved(other, None).map(|_| None),
    }
}

/// Alertmanager's API has no word for it, so a header says it (RFC 7234, 5.5: 199 is for people to read).
fn warned(mut response: Response, unsaved: Option<&str>) -> Response {
    let text = unsaved
        .map(|why| format!("199 foghorn \"in effect, not yet saved: {}\"", why.replace(['"', '\\'], "'")));
    if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(WARNING, value);
    }
    response
}

/// The last of the path's parameters: the one before, if any, is an integration's name.
fn id_of(params: &[(String, String)]) -> &str {
    params.iter().rfind(|(k, _)| k == "id").map_or("", |(_, v)| v)
}

/// Who silences: as the sender says (`createdBy`), else by whose token it comes.
fn actor(caller: &Caller, says: &str) -> Result<Actor, Unknown> {
    let own = match caller {
        Caller::Integration(name) => name,
        Caller::Token { name, role } if *role >= Role::Responder => name,
        Caller::Token { .. } => {
            let why = "this token may only look: silencing takes a responder's".to_owned();
            return Err(Unknown { status: StatusCode::FORBIDDEN, why, wait: None });
        }
    };
    let name = if says.is_empty() { own.clone() } else { cut(says, 128) };
    Ok(Actor { name: Name::from(name), via: Via::Api })
}

#[derive(Deserialize)]
#[serde(expecting = "a silence")]
struct Posted<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    matchers: Vec<PostedMatcher<'a>>,
    #[serde(borrow, rename = "startsAt")]
    starts: Text<'a>,
    #[serde(borrow, rename = "endsAt")]
    ends: Text<'a>,
    #[serde(borrow, rename = "createdBy")]
    by: Text<'a>,
    #[serde(borrow)]
    comment: Text<'a>,
}

#[derive(Deserialize)]
#[serde(expecting = "a matcher")]
struct PostedMatcher<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    value: Text<'a>,
    #[serde(rename = "isRegex")]
    regex: bool,
    #[serde(rename = "isEqual", default = "yes")]
    equal: bool,
}

fn yes() -> bool {
    true
}

impl Posted<'_> {
    fn input(&self, intake: &Intake, by: Actor, now: Wall) -> Result<Input, (StatusCode, String)> {
        let bad = |why: String| (StatusCode::BAD_REQUEST, why);
        // Looked at before they are compiled, which takes its time and memory.
        if self.matchers.len() > MOST_MATCHERS {
            return Err(bad(format!(
                "silence invalid: {} matchers, at most {MOST_MATCHERS}",
                self.matchers.len()
            )));
        }
        let matchers: Vec<Matcher> =
            self.matchers.iter().map(PostedMatcher::read).collect::<Result<_, _>>().map_err(bad)?;
        if match_anything(&matchers) {
            return Err(bad(
                "silence invalid: at least one matcher must not match the empty string".to_owned()
            ));
        }
        let starts = moment::read(Some(self.starts.as_ref()), "startsAt").map_err(bad)?;
        let ends = moment::read(Some(self.ends.as_ref()), "endsAt").map_err(bad)?.unwrap_or_default();
        if starts.is_some_and(|s| s >= ends) {
            return Err(bad("Failed to create silence: start time must be before end time".to_owned()));
        }
        if ends < now {
            return Err(bad("Failed to create silence: end time can't be in the past".to_owned()));
        }
        let view = intake.handle.view();
        // One that has ended is not brought back: another is made, as there.
        let over = |id: &&str| ended(&view.state, now).any(|s| *s.id == **id);
        let named = self.id.as_ref().map(AsRef::as_ref).filter(|id| !id.is_empty() && !over(id));
        let (id, began) = match named {
            Some(id) => {
                let known = view.state.silences.get(id).map(|s| Some(s.starts).filter(|at| *at <= now));
                let began = known.ok_or((StatusCode::NOT_FOUND, "silence not found".to_owned()))?;
                (id.to_owned(), began)
            }
            None => {
                let id = id::uuid().ok_or((
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "this host has no randomness to give".to_owned(),
                ))?;
                (id, None)
            }
        };
        Ok(Input::Silence {
            id: Name::from(id),
            matchers,
            entities: std::collections::BTreeSet::new(),
            // One that has begun keeps its beginning.
            starts: starts.filter(|s| *s > now).or(began),
            ends: Ends::At(ends),
            comment: cut(self.comment.as_ref(), 4096),
            maintenance: false,
            by,
        })
    }
}

impl PostedMatcher<'_> {
    fn read(&self) -> Result<Matcher, String> {
        let op = match (self.regex, self.equal) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (true, false) => MatchOp::NotRegex,
        };
        Matcher::new(self.name.as_ref(), op, self.value.as_ref()).map_err(|e| format!("silence invalid: {e}"))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownMatcher {
    is_equal: bool,
    is_regex: bool,
    name: String,
    value: String,
}

#[derive(Serialize)]
struct Standing {
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gettable<'a> {
    id: &'a Name,
    status: Standing,
    updated_at: String,
    comment: &'a str,
    created_by: &'a Name,
    ends_at: String,
    matchers: Vec<ShownMatcher>,
    starts_at: String,
}

impl<'a> Gettable<'a> {
    fn of(s: &'a Silence, now: Wall) -> Gettable<'a> {
        let matchers = s.matchers.iter().map(|m| ShownMatcher {
            is_equal: matches!(m.op, MatchOp::Equal | MatchOp::Regex),
            is_regex: matches!(m.op, MatchOp::Regex | MatchOp::NotRegex),
            name: m.name.clone(),
            value: m.value.clone(),
        });
        // Entities that are named without a matcher are shown as one.
        let names: Vec<String> = s.entities.iter().map(|e| regex::escape(e)).collect();
        let entities = (!names.is_empty()).then(|| ShownMatcher {
            is_equal: true,
            is_regex: true,
            name: "entity".to_owned(),
            value: names.join("|"),
        });
        Gettable {
            id: &s.id,
            status: Standing { state: standing(s, now) },
            // One that is over was changed last when it ended.
            updated_at: moment::show(if s.ends <= now { s.ends } else { s.starts.min(now) }),
            comment: &s.comment,
            created_by: &s.by.name,
            ends_at: moment::show(s.ends),
            matchers: matchers.chain(entities).collect(),
            starts_at: moment::show(s.starts),
        }
    }
}
