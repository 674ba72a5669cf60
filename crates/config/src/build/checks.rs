//! Checks: what is measured, and what a failure means.

use super::http::{check_url, headers};
use super::people::command;
use super::server::target;
use super::{Sections, span};
use crate::errors::{At, listed, quote};
use crate::expect::{Expectation, Op, Phase, Subject, Value};
use crate::model::{Check, CheckKind, HttpCheck, HttpStep, Ping, Server};
use crate::placeholder::Placeholder;
use crate::raw::{self, Expect, File};
use crate::read::{Cx, Spanned};
use crate::secret::Secret;
use foghorn_core::setup::{CheckRule, HeartbeatRule};
use foghorn_core::words::Name;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Everything that the section `checks` gives.
pub(super) struct Checks {
    pub(super) rules: BTreeMap<Name, CheckRule>,
    pub(super) checks: BTreeMap<String, Arc<Check>>,
    pub(super) pings: BTreeMap<String, Ping>,
}

const KINDS: [&str; 7] = ["http", "tcp", "tls", "dns", "icmp", "exec", "heartbeat"];
/// A check more often than this measures the network's patience.
const SHORTEST: Duration = Duration::from_millis(100);
const EVERY: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(10);
const FAIL_FOR: Duration = Duration::from_secs(30);

pub(super) fn checks(file: &File, server: Option<&Server>, names: &Sections<'_>, cx: &mut Cx<'_>) -> Checks {
    let mut out = Checks { rules: BTreeMap::new(), checks: BTreeMap::new(), pings: BTreeMap::new() };
    let mut uuids: BTreeMap<String, &str> = BTreeMap::new();
    for (name, raw) in file.checks.good() {
        let present = [
            raw.http.is_some(),
            raw.tcp.is_some(),
            raw.tls.is_some(),
            raw.dns.is_some(),
            raw.icmp.is_some(),
            raw.exec.is_some(),
            raw.heartbeat.is_some(),
        ];
        let kinds: Vec<&str> =
            KINDS.into_iter().zip(present).filter_map(|(kind, is)| is.then_some(kind)).collect();
        if kinds.len() != 1 {
            let message = match kinds.len() {
                0 => format!("the check `{}` measures nothing", name.value),
                _ => format!(
                    "the check `{}` is several at once: {}",
                    name.value,
                    listed(kinds.iter().copied(), "and")
                ),
            };
            cx.say(name.at, message, format!("it needs exactly one of {}", listed(KINDS, "and")));
        }
        let fail_for = match (&raw.fail_for, &raw.heartbeat) {
            (Some(fail_for), _) => fail_for.value,
            (None, Some(_)) => Duration::ZERO,
            (None, None) => FAIL_FOR,
        };
        let rule = CheckRule {
            entity: names.entities.find_some(raw.entity.as_ref(), cx),
            severity: raw.severity.value,
            urgency: raw.urgency.as_ref().map(|u| u.value),
            escalation: names.escalations.find_some(raw.escalation.as_ref(), cx),
            fail_for: span(fail_for),
            runbook: raw.runbook.as_ref().map(|r| r.value.0.clone()),
            heartbeat: raw
                .heartbeat
                .as_ref()
                .map(|h| HeartbeatRule { every: span(h.every.value), grace: span(h.grace.value) }),
        };
        match (&raw.heartbeat, &kinds[..]) {
            (Some(heartbeat), [_]) => {
                if let Some(uuid) = &heartbeat.uuid.0
                    && let Ok(text) = uuid.value.expose()
                    && let Some(other) = uuids.insert(text.to_ascii_lowercase(), &name.value)
                {
                    cx.say(
                        uuid.at,
                        format!(
                            "`{}` and `{other}` have the same UUID: nobody can tell them apart",
                            name.value
                        ),
                        "give each its own: `uuidgen` makes one",
                    );
                }
                out.pings.insert(name.value.clone(), ping(name, raw, heartbeat, server, cx));
            }
            (None, [kind]) => {
                let before = cx.wrong.len();
                let expect = expectations(&raw.expect.0, kind, cx);
                if let Some(http) = raw.http.as_ref() {
                    without_tls(http, &raw.expect.0, cx);
                }
                // One that has lost an expectation would find everything good.
                if let Some(check) = measured(name, raw, kind, expect, cx)
                    && cx.wrong.len() == before
                {
                    out.checks.insert(name.value.clone(), Arc::new(check));
                }
            }
            // Which of them is meant is not known; what is wrong with each is.
            _ => kinds.iter().for_each(|kind| _ = measured(name, raw, kind, Vec::new(), cx)),
        }
        out.rules.insert(Name::from(&*name.value), rule);
    }
    out
}

/// A check that waits: the keys of one that measures have no meaning.
fn ping(
    name: &Spanned<String>,
    raw: &raw::Check,
    heartbeat: &raw::Heartbeat,
    server: Option<&Server>,
    cx: &mut Cx<'_>,
) -> Ping {
    let times =
        [("every", &raw.every), ("timeout", &raw.timeout)].map(|(key, at)| (key, at.as_ref().map(|a| a.at)));
    let counts = [("fail_after", &raw.fail_after), ("recover_after", &raw.recover_after)]
        .map(|(key, at)| (key, at.as_ref().map(|a| a.at)));
    for (key, at) in times.into_iter().chain(counts).chain([("expect", raw.expect.0.first().map(|e| e.at))]) {
        if let Some(at) = at {
            cx.say(
                at,
                format!("`{key}` has no meaning for a heartbeat, which measures nothing"),
                "remove it; `every` and `grace` stand inside of `heartbeat`",
            );
        }
    }
    if heartbeat.every.value < Duration::from_secs(1) {
        cx.say(heartbeat.every.at, "a heartbeat is due at most once a second", "");
    }
    let uuid = heartbeat.uuid.0.as_ref();
    if let Some(bad) = uuid.filter(|u| u.value.expose().is_ok_and(|text| !is_uuid(text))) {
        cx.say(bad.at, "this is no UUID", "make one with `uuidgen`");
    }
    let own_key = heartbeat.ping_key.0.as_ref();
    let key_text = own_key.filter(|k| {
        k.value.expose().is_ok_and(|k| {
            k.is_empty() || !k.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
    });
    if let Some(bad) = key_text {
        cx.say(bad.at, "a ping key has letters, digits, `-` and `_` only: it stands in an address", "");
    }
    let key = own_key.map(|k| k.value.clone()).or_else(|| server.and_then(|s| s.ping_key.clone()));
    let open = server
        .and_then(|s| [Some(s.listen), s.links_listen].into_iter().flatten().find(|l| !l.ip().is_loopback()));
    if let (None, None, Some(listen)) = (uuid, &key, open) {
        cx.say(
            name.at,
            format!("the heartbeat `{}` has no secret address, and `{listen}` is off loopback: anybody could ping it", name.value),
            "add `uuid:` or `ping_key:` to it, or `ping_key:` to `server`",
        );
    }
    // The same in capitals and in small letters.
    let small =
        |u: &Secret| u.expose().map_or_else(|_| u.clone(), |text| Secret::new(text.to_ascii_lowercase()));
    Ping { uuid: uuid.map(|u| small(&u.value)), key }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
}

fn measured(
    name: &Spanned<String>,
    raw: &raw::Check,
    kind: &str,
    mut expect: Vec<Expectation>,
    cx: &mut Cx<'_>,
) -> Option<Check> {
    let every = raw.every.as_ref().map_or(EVERY, |e| e.value);
    let timeout = raw.timeout.as_ref().map_or(TIMEOUT.min(every * 4 / 5), |t| t.value);
    if let Some(bad) = raw.every.as_ref().filter(|e| e.value < SHORTEST) {
        cx.say(bad.at, "a check runs at most ten times a second", "write at least `100ms`; `30s` is usual");
    }
    match &raw.timeout {
        Some(t) if t.value > every => {
            let shown = crate::duration::show_duration(every);
            cx.say(
                t.at,
                format!("the timeout is longer than `every`, which is {shown}: measurements would pile up"),
                format!("write at most `{shown}`"),
            );
        }
        Some(t) if t.value == every => {
            let text = "the timeout is as long as `every`: while the target hangs, every other measurement is skipped; write a shorter one";
            cx.warn(t.at, text);
        }
        Some(t) if t.value < Duration::from_millis(1) => {
            cx.say(t.at, "nothing answers in no time", "write a timeout such as `3s`");
        }
        _ => {}
    }
    let times = |raw: &Option<Spanned<u32>>, cx: &mut Cx<'_>| {
        if let Some(bad) = raw.as_ref().filter(|n| n.value == 0) {
            cx.say(bad.at, "this must be at least 1", "");
        }
        raw.as_ref().map_or(2, |n| n.value)
    };
    let (fail_after, recover_after) = (times(&raw.fail_after, cx), times(&raw.recover_after, cx));
    let mut hidden = Vec::new();
    let what = match kind {
        "http" => CheckKind::Http(http_check(raw.http.as_ref()?, name.at, cx)),
        "tcp" => {
            let tcp = raw.tcp.as_ref()?;
            hidden = cx.put_in(tcp.send.iter().map(|s| s.at).chain(tcp.contains.iter().map(|c| c.at)));
            CheckKind::Tcp {
                target: target(&tcp.target, None, cx)?,
                send: tcp.send.as_ref().map(|s| s.value.0.clone()),
                contains: tcp.contains.as_ref().map(|c| c.value.clone()),
            }
        }
        "tls" => {
            let tls = raw.tls.as_ref()?;
            let target = target(&tls.target, Some(443), cx)?;
            let server_name = tls.server_name.as_ref().map_or(&target.host, |n| &n.value.0).clone();
            let ca_file = tls.ca_file.as_ref().map(|f| cx.path(&f.value));
            CheckKind::Tls { target, server_name, min_days: tls.min_days.value, ca_file }
        }
        "dns" => {
            let dns = raw.dns.as_ref()?;
            CheckKind::Dns {
                name: dns.name.value.0.clone(),
                record: dns.record.value.0.to_owned(),
                resolver: dns.resolver.as_ref().map(|r| r.value.0),
                answer: dns.answer.0.iter().map(|a| a.value.clone()).collect(),
            }
        }
        "icmp" => CheckKind::Icmp { host: raw.icmp.as_ref()?.host.value.0.clone() },
        "exec" => {
            let exec = raw.exec.as_ref()?;
            hidden = cx.put_in(exec.command.0.iter().map(|word| word.at));
            add_status(&mut expect);
            let env = exec.env.good().map(|(name, value)| (name.value.clone(), value.clone())).collect();
            CheckKind::Exec { command: command(&exec.command, name.at, cx), env }
        }
        _ => return None,
    };
    let name = name.value.clone();
    Some(Check { name, kind: what, every, timeout, fail_after, recover_after, expect, hidden })
}

/// The expectations, each of which looks at something that this kind of check finds.
fn expectations(raw: &[Expect], kind: &str, cx: &mut Cx<'_>) -> Vec<Expectation> {
    let words: &[&str] = match kind {
        "http" => &[
            "status",
            "body",
            "size",
            "header",
            "json",
            "resolve",
            "connect",
            "tls",
            "first_byte",
            "total",
            "cert_days",
        ],
        "tcp" => &["body", "size", "json", "resolve", "connect", "first_byte", "total"],
        "tls" => &["cert_days", "resolve", "connect", "tls", "total"],
        "dns" => &["answer", "total"],
        "icmp" => &["resolve", "total"],
        _ => &["status", "body", "size", "json", "perf", "total"],
    };
    for e in raw {
        let word = e.expectation.subject.word();
        if !words.contains(&word) {
            cx.say(
                e.at,
                format!("a check by {kind} finds no `{word}`"),
                format!("it finds {}", listed(words.iter().copied(), "and")),
            );
        }
    }
    raw.iter().map(|e| e.expectation.clone()).collect()
}

/// What only an encrypted connection has, expected where there is none: it would never hold.
fn without_tls(http: &raw::Http, expect: &[Expect], cx: &mut Cx<'_>) {
    let urls = || http.url.iter().chain(http.steps.0.iter().map(|step| &step.url));
    let plain = |url: &Spanned<Secret>| url.value.expose().is_ok_and(|url| url.starts_with("http://"));
    // A redirect may lead to where there is one.
    if http.redirects.value > 0 || !urls().all(plain) {
        return;
    }
    for e in expect {
        if matches!(e.expectation.subject, Subject::CertDays | Subject::Phase(Phase::Tls)) {
            let word = e.expectation.subject.word();
            cx.say(
                e.at,
                format!("`http://` has no certificate: there is no `{word}`"),
                "write `https://`, or leave it out",
            );
        }
    }
}

/// What everybody means of a plugin without writing it.
fn add_status(expect: &mut Vec<Expectation>) {
    if !expect.iter().any(|e| e.subject == Subject::Status) {
        let (subject, op, value) = (Subject::Status, Op::Eq, Value::Number(0.0));
        let mut status = Expectation { text: String::new(), subject, op, value };
        status.text = status.to_string();
        expect.insert(0, status);
    }
}

fn http_check(raw: &raw::Http, check: At, cx: &mut Cx<'_>) -> HttpCheck {
    let steps = match (&raw.url, &raw.steps.0[..]) {
        (None, []) => {
            let advice = "write `http: \"http://…\"`, or `url` or `steps` inside of `http`";
            cx.say(check, "the URL is missing in this check", advice);
            Vec::new()
        }
        (Some(url), []) => {
            check_url(url, cx);
            vec![HttpStep {
                method: raw.method.as_ref().map_or("GET", |m| &m.value.0).to_owned(),
                url: url.value.clone(),
                headers: headers(&raw.headers, cx),
                body: body(raw.body.as_ref()),
                expect: Vec::new(),
                capture: Vec::new(),
            }]
        }
        (None, steps) => {
            let single = [
                ("method", raw.method.as_ref().map(|m| m.at)),
                ("headers", raw.headers.0.first().map(|(n, _)| n.at)),
                ("body", raw.body.as_ref().map(|b| b.at)),
            ];
            for (key, at) in single {
                if let Some(at) = at {
                    cx.say(at, format!("`{key}` beside `steps` has no meaning"), "write it inside of a step");
                }
            }
            steps.iter().map(|s| http_step(s, cx)).collect()
        }
        (Some(url), steps) => {
            cx.say(url.at, "`url` and `steps` both stand here", "put the URL into a step of its own");
            check_url(url, cx);
            steps.iter().map(|s| http_step(s, cx)).collect()
        }
    };
    captured_before_use(raw, &steps, cx);
    if raw.redirects.value > 20 {
        cx.say(raw.redirects.at, "more than 20 redirects are a circle", "");
    }
    HttpCheck {
        steps,
        keep_alive: raw.keep_alive.value,
        http2: raw.http2.value,
        redirects: raw.redirects.value,
        insecure: raw.insecure.value,
        ca_file: raw.ca_file.as_ref().map(|f| cx.path(&f.value)),
        connect_to: raw.connect_to.as_ref().and_then(|t| target(t, None, cx)),
        source: raw.source.as_ref().map(|s| s.value),
    }
}

fn body(raw: Option<&Spanned<Secret>>) -> Secret {
    raw.map_or_else(|| Secret::new(""), |b| b.value.clone())
}

fn http_step(raw: &raw::HttpStep, cx: &mut Cx<'_>) -> HttpStep {
    check_url(&raw.url, cx);
    HttpStep {
        method: raw.method.value.0.clone(),
        url: raw.url.value.clone(),
        headers: headers(&raw.headers, cx),
        body: body(raw.body.as_ref()),
        expect: expectations(&raw.expect.0, "http", cx),
        capture: raw.capture.good().map(|(name, c)| (name.value.clone(), c.0.clone())).collect(),
    }
}

/// A value is used in a step after the one that captures it.
fn captured_before_use(raw: &raw::Http, steps: &[HttpStep], cx: &mut Cx<'_>) {
    let mut known: Vec<&str> = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        let raw_step = raw.steps.0.get(i);
        let at = raw_step.map_or(raw.at, |s| s.url.at);
        let texts = [&step.url, &step.body].into_iter().chain(step.headers.iter().map(|(_, value)| value));
        for inside in texts.filter_map(|s| s.expose().ok()).flat_map(placeholders) {
            let name = match Placeholder::read(inside) {
                Ok(found) => found.name,
                Err(filter) => {
                    let what = format!("{} is no way in which a captured value is put in", quote(filter));
                    cx.say(
                        at,
                        what,
                        "write `{{name}}`, `{{name|urlencode}}` for addresses and forms, or `{{name|json}}`",
                    );
                    continue;
                }
            };
            if !known.contains(&name) {
                let advice = match known[..] {
                    [] => "no step before this one captures a value: add `capture:` to one".to_owned(),
                    _ => {
                        format!("the steps before this one capture {}", listed(known.iter().copied(), "and"))
                    }
                };
                cx.say(
                    at,
                    format!("{} is used in this step and was not captured before", quote(name)),
                    advice,
                );
            }
        }
        if raw_step.is_some_and(|s| !s.capture.is_known()) {
            // It may capture anything.
            return;
        }
        known.extend(raw_step.into_iter().flat_map(|s| s.capture.names()));
    }
}

/// What stands between `{{` and `}}`.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0))
}
