//! What the page shows, and how.

use super::{Link, html};
use crate::next::{self, lasted, person};
use crate::show::text::{grouped, line, time};
use crate::show::{alert, incident::shown_severity, picture};
use askama::Template;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use foghorn_core::incident::{Incident, Status};
use foghorn_core::time::Wall;
use foghorn_core::words::Severity;
use foghorn_engine::View;
use http::{HeaderValue, StatusCode};
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("../../templates/page.css");
/// Listed of each.
const LISTED: usize = 8;
/// Names in a row.
const NAMES: usize = 12;
/// Characters of a line from outside.
const WIDE: usize = 300;

/// Its own style and nothing else; its own form and no other.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    });
    HeaderValue::from_str(&POLICY)
        .unwrap_or(HeaderValue::from_static("default-src 'none'; form-action 'self'"))
}

/// The page.
#[derive(Template)]
#[template(path = "ack.html")]
pub(super) struct Page {
    style: &'static str,
    id: u64,
    title: String,
    severity: Severity,
    /// Open since when, for how long.
    since: String,
    standing: Standing,
    /// What the button covers.
    revision: u64,
    /// Whose link it is.
    you: String,
    /// They have left the configuration since: there is no button.
    gone: bool,
    broken: Vec<Item>,
    broken_more: usize,
    unwell: String,
    downstream: String,
    downstream_total: usize,
    changes: Vec<Item>,
    runbooks: Vec<Item>,
    next: String,
    degraded: Option<String>,
    /// Why the button did not work.
    problem: Option<String>,
    as_of: String,
}

/// How the incident stands.
enum Standing {
    /// Nobody has answered; `again` if somebody had, to less or for too long.
    Open { again: bool },
    /// Somebody is on it.
    Acknowledged { by: String, you: bool, at: String },
    /// Over.
    Resolved { by: Option<String>, at: String, after: String },
    /// Over for long: nothing is at hand any more.
    PutAway,
}

/// A line, perhaps a link, and a remark.
struct Item {
    text: String,
    href: Option<String>,
    remark: String,
}

impl Page {
    pub(super) fn new(view: &View, link: &Link) -> Page {
        let whose = view.state.setup.people.get(link.person.as_str());
        let zone = whose.and_then(|p| foghorn_core::schedule::zone(&p.time_zone));
        let zone = zone.unwrap_or(TimeZone::UTC);
        let time = |at: Wall| time(at, view.at.wall, &zone);
        let page = Page {
            style: STYLE,
            id: link.incident,
            title: String::new(),
            severity: Severity::Info,
            since: String::new(),
            standing: Standing::PutAway,
            revision: link.revision,
            you: line(&person(&view.state, &link.person), 80),
            gone: whose.is_none(),
            broken: Vec::new(),
            broken_more: 0,
            unwell: String::new(),
            downstream: String::new(),
            downstream_total: 0,
            changes: Vec::new(),
            runbooks: Vec::new(),
            next: String::new(),
            degraded: view.degraded.as_ref().map(|d| line(&d.why, WIDE)),
            problem: None,
            as_of: view
                .at
                .wall
                .timestamp()
                .to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S %Z")
                .to_string(),
        };
        match view.state.incident(link.incident) {
            Some(incident) => page.fill(view, link, incident, &time),
            None => page,
        }
    }

    fn fill(self, view: &View, link: &Link, incident: &Incident, time: &dyn Fn(Wall) -> String) -> Page {
        let state = &view.state;
        let alerts = picture::worst(state, incident, LISTED);
        let broken = alerts.iter().map(|a| Item {
            text: line(&a.summary(), WIDE),
            href: None,
            remark: match (a.status, a.muted.is_some()) {
                (foghorn_core::alert::AlertStatus::Firing, false) => format!("since {}", time(a.started)),
                (foghorn_core::alert::AlertStatus::Firing, true) => {
                    format!("since {}, muted", time(a.started))
                }
                (other, _) => format!("{}, since {}", alert::word(other), time(a.started)),
            },
        });
        let changes = picture::changes(state, incident, LISTED).into_iter().map(|c| Item {
            text: line(&c.summary, WIDE),
            href: c.link.clone().filter(|l| picture::is_web_link(l)),
            remark: line(&format!("{}, by {}", time(c.at), c.source), 120),
        });
        let runbooks = picture::runbooks(state, incident);
        let downstream = picture::downstream(state, incident);
        Page {
            title: line(&incident.title, WIDE),
            severity: shown_severity(incident),
            since: format!(
                "{}, for {}",
                time(incident.opened.wall),
                lasted(view.at.wall.since(incident.opened.wall))
            ),
            standing: standing(view, link, incident, time),
            revision: incident.revision(),
            broken_more: incident.alerts.size().saturating_sub(alerts.len()),
            broken: broken.collect(),
            unwell: names(picture::unwell(incident).into_iter().map(|(name, _)| name.as_str())),
            downstream_total: downstream.len(),
            downstream: names(downstream.iter().map(|n| n.as_str())),
            changes: changes.collect(),
            runbooks: runbooks
                .into_iter()
                .map(|url| Item {
                    text: line(&url, WIDE),
                    href: Some(url).filter(|u| picture::is_web_link(u)),
                    remark: String::new(),
                })
                .collect(),
            next: line(&next::sentence(state, &next::next(state, incident, view.at), view.at), WIDE),
            ..self
        }
    }

    /// Whether whoever has this link may not acknowledge what is still open.
    pub(super) fn refuses(&self) -> bool {
        self.gone && matches!(self.standing, Standing::Open { .. } | Standing::Acknowledged { .. })
    }

    /// The button did not work.
    pub(super) fn with_problem(self, problem: String) -> Page {
        Page { problem: Some(problem), ..self }
    }

    pub(super) fn respond(&self, status: StatusCode) -> Response {
        match self.render() {
            Ok(body) => html(status, body),
            Err(e) => {
                tracing::error!(error = %e, "the page behind a link cannot be made");
                nothing(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Foghorn failed",
                    "Acknowledge by the API or the command line.",
                )
            }
        }
    }
}

fn standing(view: &View, link: &Link, incident: &Incident, time: &dyn Fn(Wall) -> String) -> Standing {
    let name = |by: &foghorn_core::words::Actor| line(&person(&view.state, &by.name), 80);
    match &incident.status {
        Status::Open => Standing::Open { again: incident.escalation.wave > 1 },
        Status::Acknowledged { by, at, .. } => {
            Standing::Acknowledged { by: name(by), you: by.name.as_str() == link.person, at: time(at.wall) }
        }
        Status::Resolved { by, at, .. } => Standing::Resolved {
            by: by.as_ref().map(name),
            at: time(at.wall),
            after: lasted(at.wall.since(incident.opened.wall)),
        },
    }
}

#[derive(Template)]
#[template(path = "nothing.html")]
struct Nothing<'a> {
    style: &'static str,
    title: &'a str,
    text: &'a str,
}

/// A page that tells nothing of any incident.
pub(super) fn nothing(status: StatusCode, title: &str, text: &str) -> Response {
    // Two plain strings: rendering them does not fail.
    html(status, Nothing { style: STYLE, title, text }.render().unwrap_or_default())
}

/// `a, b and 3 more`
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.collect();
    let shown: Vec<String> = all.iter().take(NAMES).map(|n| line(n, 60)).collect();
    match all.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more)),
    }
}
