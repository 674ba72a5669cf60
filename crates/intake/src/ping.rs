//! Healthchecks' pings: `/ping/UUID`, `/ping/KEY/SLUG`, each with `/start`, `/fail`, `/log` or an exit status behind it.
//!
//! A heartbeat without a key is pinged at `/ping/SLUG`, from this host alone. A slug is the check's name, or that name in
//! lower case with hyphens. Checks are not made by pinging: `create=1` is answered 404, as if it were not there.

use crate::auth::{guarded, is, is_local};
use crate::door::{Reason, Visit};
use crate::reply::{Problem, plain, saved};
use crate::{Intake, PING_BODY, id, read};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use foghorn_config::model::{Config, Ping};
use foghorn_core::event::PingKind;
use foghorn_core::input::{Input, Refusal};
use foghorn_core::words::Name;
use foghorn_engine::handle::Class;
use foghorn_net::serve::Peer;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Before a heartbeat's name, where doors are kept.
pub(crate) const DOOR: &str = "ping/";

const BODY_LIMIT: HeaderName = HeaderName::from_static("ping-body-limit");
const DEADLINE: Duration = Duration::from_secs(5);

pub(crate) fn routes() -> Router<Arc<Intake>> {
    Router::new().route("/ping/{*what}", get(ping).post(ping))
}

async fn ping(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match pinged(&intake, &parts, body).await {
        Ok(()) => plain(StatusCode::OK, "OK"),
        Err(Wrong::Ping(status, why)) => plain(status, why),
        Err(Wrong::Often { retry_after, why }) => {
            let p = Problem::Rate { retry_after };
            p.on(plain(p.status(), why))
        }
        Err(Wrong::Request(p)) => p.on(plain(p.status(), p.to_string())),
    };
    let headers = response.headers_mut();
    headers.insert(BODY_LIMIT, PING_BODY.into());
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

enum Wrong {
    Ping(StatusCode, &'static str),
    /// Too often, and what to do.
    Often {
        retry_after: Duration,
        why: &'static str,
    },
    Request(Problem),
}

const GUESSED: &str = "too many pings from here were of no check: look at their addresses, and wait";
const TOO_OFTEN: &str = "this check is pinged more often than server.rate_limit allows a second: ping it less often, or raise that";

const BAD_URL: Wrong = Wrong::Ping(StatusCode::BAD_REQUEST, "invalid url format");
const NOT_FOUND: Wrong = Wrong::Ping(StatusCode::NOT_FOUND, "not found");

async fn pinged(intake: &Arc<Intake>, parts: &Parts, body: Body) -> Result<(), Wrong> {
    let config = intake.config();
    let path = parts.uri.path().trim_start_matches("/ping/").trim_end_matches('/');
    let path: Vec<_> = path.split('/').map(|p| percent_decode_str(p).decode_utf8_lossy()).collect();
    let words: Vec<&str> = path.iter().map(|p| &**p).collect();
    let peer = parts.extensions.get::<Peer>().copied();
    let too_many = |retry_after| Wrong::Often { retry_after, why: GUESSED };
    let look = || find(&config, &words, is_local(parts));
    let (check, action) = guarded(intake, peer, too_many, |_| true, look)?;
    let (kind, exit) = action.map_or(Ok((PingKind::Success, None)), kind_of)?;
    let run = run_of(parts.uri.query().unwrap_or(""))?;
    let door = intake.door(&format!("{DOOR}{check}"), &config);
    let most = config.server.max_body;
    let size = read::length(&parts.headers).unwrap_or(PING_BODY).min(PING_BODY);
    let visit = door.enter(config.server.rate_limit, size).map_err(|w| match w.reason {
        Reason::Rate => Wrong::Often { retry_after: w.retry_after, why: TOO_OFTEN },
        _ => Wrong::Request(w.into()),
    })?;
    let (intake, check) = (intake.clone(), Name::from(check));
    // The request itself says that the job has run, so what it brings along must not lose it: neither its size, nor a
    // sender that is slow, nor one that is gone, with whom the connection ends and all that waits for it.
    let counted = tokio::spawn(async move {
        let mut rest = Rest { body, read: 0, until: Instant::now() + DEADLINE };
        let mut said = Vec::new();
        rest.read(PING_BODY, |data| said.extend_from_slice(data)).await;
        said.truncate(PING_BODY);
        let said = String::from_utf8_lossy(&said);
        let body = match exit {
            Some(status) if said.trim().is_empty() => format!("exit status {status}"),
            Some(status) => format!("exit status {status}: {}", said.trim_start()),
            None => said.into_owned(),
        };
        let done = submit(&intake, &visit, Input::Ping { check, ping: kind, run, body }).await;
        // Many a sender hears no answer before it has said everything.
        rest.read(most, |_| ()).await;
        done
    });
    counted
        .await
        .unwrap_or(Err(Wrong::Ping(StatusCode::INTERNAL_SERVER_ERROR, "this ping failed; the log has more")))
}

async fn submit(intake: &Intake, visit: &Visit, input: Input) -> Result<(), Wrong> {
    match saved(intake.handle.submit(Class::Intake, input).await, Some(&visit.door)) {
        Ok(_) => {
            visit.door.accept(1);
            Ok(())
        }
        // The configuration that was read is not yet the one that decides, or no longer.
        Err(Problem::Refused(Refusal::NotFound { .. })) => Err(NOT_FOUND),
        Err(p) => Err(Wrong::Request(p)),
    }
}

/// Which check is meant, and what is said of it.
fn find<'c, 'p>(
    config: &'c Config,
    words: &[&'p str],
    local: bool,
) -> Result<(&'c str, Option<&'p str>), Wrong> {
    let (first, rest) = words.split_first().ok_or(NOT_FOUND)?;
    // All are looked for, so that the time taken does not tell which secret it was.
    let with = |part: fn(&Ping) -> &Option<foghorn_config::secret::Secret>, shown: &str| -> Vec<&'c str> {
        let hits = config.pings.iter().filter(|(_, p)| part(p).as_ref().is_some_and(|s| is(s, shown)));
        hits.map(|(name, _)| name.as_str()).collect()
    };
    let small = first.to_ascii_lowercase();
    let (by_uuid, by_key) = (with(|p| &p.uuid, &small), with(|p| &p.key, first));
    if let [name] = by_uuid[..] {
        return one_action(rest).map(|action| (name, action));
    }
    if id::is_uuid(first) {
        return Err(NOT_FOUND);
    }
    if !by_key.is_empty() {
        let (slug, rest) = rest.split_first().ok_or(NOT_FOUND)?;
        let name = by_slug(&by_key, slug)?;
        return one_action(rest).map(|action| (name, action));
    }
    if !local {
        return Err(NOT_FOUND);
    }
    let open: Vec<&str> = config
        .pings
        .iter()
        .filter(|(_, p)| p.uuid.is_none() && p.key.is_none())
        .map(|(n, _)| n.as_str())
        .collect();
    let name = by_slug(&open, first)?;
    one_action(rest).map(|action| (name, action))
}

fn by_slug<'c>(names: &[&'c str], slug: &str) -> Result<&'c str, Wrong> {
    if let Some(name) = names.iter().find(|n| **n == slug) {
        return Ok(name);
    }
    if slug.is_empty() || !slug.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
        return Err(BAD_URL);
    }
    let like: Vec<&&str> = names.iter().filter(|n| slug_of(n) == slug).collect();
    match like[..] {
        [name] => Ok(name),
        [] => Err(NOT_FOUND),
        _ => Err(Wrong::Ping(StatusCode::CONFLICT, "ambiguous slug")),
    }
}

/// As Django makes slugs: lower case, everything else than letters, digits, `-` and `_` a hyphen.
fn slug_of(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let words: String = name.chars().map(plain).collect();
    words.split('-').filter(|w| !w.is_empty()).collect::<Vec<_>>().join("-")
}

fn one_action<'p>(rest: &[&'p str]) -> Result<Option<&'p str>, Wrong> {
    match rest {
        [] => Ok(None),
        [action] => Ok(Some(action)),
        _ => Err(BAD_URL),
    }
}

/// What an action says, and a failed job's exit status.
fn kind_of(action: &str) -> Result<(PingKind, Option<u8>), Wrong> {
    Ok(match action {
        "start" => (PingKind::Start, None),
        "fail" => (PingKind::Fail, None),
        "log" => (PingKind::Log, None),
        _ if !action.bytes().all(|b| b.is_ascii_digit()) => return Err(BAD_URL),
        status => match status.parse().map_err(|_| BAD_URL)? {
            0_u8 => (PingKind::Success, None),
            status => (PingKind::Fail, Some(status)),
        },
    })
}

/// The run that `rid` names.
fn run_of(query: &str) -> Result<Option<String>, Wrong> {
    let Some((_, rid)) = query.split('&').filter_map(|q| q.split_once('=')).find(|(k, _)| *k == "rid") else {
        return Ok(None);
    };
    if !id::is_uuid(rid) {
        return Err(Wrong::Ping(StatusCode::BAD_REQUEST, "invalid uuid format"));
    }
    Ok(Some(rid.to_ascii_lowercase()))
}

/// What is yet to be read of a body.
struct Rest {
    body: Body,
    /// Bytes that were.
    read: usize,
    until: Instant,
}

impl Rest {
    /// Reads until there were so many bytes, and as far as they come.
    async fn read(&mut self, most: usize, mut take: impl FnMut(&[u8])) {
        while self.read < most {
            let Ok(Some(Ok(frame))) = tokio::time::timeout_at(self.until, self.body.frame()).await else {
                return;
            };
            let data = frame.data_ref().map_or(&[][..], |d| d);
            self.read = self.read.saturating_add(data.len());
            take(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_djangos() {
        for (name, slug) in
            [("backup-job", "backup-job"), ("DB Backup", "db-backup"), ("a.b  c!", "a-b-c"), ("x_y", "x_y")]
        {
            assert_eq!(slug_of(name), slug);
        }
    }

    #[test]
    fn a_slug_that_fits_two_names_is_ambiguous_unless_one_is_it() {
        let status = |names: &[&'static str], slug| match by_slug(names, slug) {
            Ok(name) => name.to_owned(),
            Err(Wrong::Ping(status, _)) => status.as_u16().to_string(),
            Err(Wrong::Request(_) | Wrong::Often { .. }) => "request".to_owned(),
        };
        assert_eq!(status(&["DB Backup", "db.backup"], "db-backup"), "409");
        assert_eq!(status(&["DB Backup", "db-backup"], "db-backup"), "db-backup");
        assert_eq!(status(&["DB Backup"], "db-backup"), "DB Backup");
        assert_eq!(status(&["DB"], "Other"), "400");
        assert_eq!(status(&["DB"], "other"), "404");
    }

    proptest::proptest! {
        #[test]
        fn no_path_or_query_panics(words in proptest::collection::vec(".{0,40}", 0..4), query in ".{0,60}") {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let config = crate::tests::config("");
            let _ = find(&config, &words, true);
            let _ = run_of(&query);
            let _ = words.first().map(|w| kind_of(w).is_ok());
        }
    }
}
