//! What every page has: its frame, its headers, and the pages that say what went wrong and what to do.

use super::flash::News;
use super::guard::Visitor;
use super::text::{Clock, NAME, WIDE, line, sentence};
use super::{Web, assets};
use crate::problem::{Kind, Problem};
use askama::Template;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use foghorn_config::model::Role;
use foghorn_core::setup::{Setup, Target};
use foghorn_core::words::Name;
use foghorn_engine::View;
use http::{HeaderValue, StatusCode, header};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Its own style, script, pictures and forms, and nobody else's.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);
/// Things named in a banner.
const NAMED: usize = 3;
/// Things folded away in one.
const FOLDED: usize = 20;

/// Which of the console's places a page is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Here {
    Incidents,
    Checks,
    OnCall,
    Topology,
    Silences,
    Users,
    Account,
    Nowhere,
}

/// Around a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) here: Here,
    pub(super) who: Option<Who>,
    /// Of every form.
    pub(super) token: String,
    /// Of a form that must not count twice.
    pub(super) once: String,
    pub(super) banners: Vec<Banner>,
    /// What was done by the button that led here, told once.
    pub(super) done: Option<News>,
    pub(super) as_of: String,
    /// For reading, not for comparing.
    pub(super) narrow: bool,
    /// Where news of this page comes from.
    pub(super) live: Option<String>,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
}

/// Who is logged in.
pub(super) struct Who {
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) acts: bool,
    pub(super) rules: bool,
}

/// Something that every page tells.
pub(super) struct Banner {
    pub(super) strong: String,
    pub(super) text: String,
    /// Where to read more.
    pub(super) href: Option<&'static str>,
    /// More of the kind, folded away: on a telephone the button below must stay within sight.
    pub(super) more: Vec<String>,
}

impl Frame {
    /// Without a visitor: nothing is told.
    pub(super) fn bare(title: &str) -> Frame {
        Frame {
            title: title.to_owned(),
            here: Here::Nowhere,
            who: None,
            token: String::new(),
            once: String::new(),
            banners: Vec::new(),
            done: None,
            as_of: String::new(),
            narrow: true,
            live: None,
            style: assets::style_path(),
            script: assets::script_path(),
        }
    }

    pub(super) fn new(web: &Web, view: &View, visitor: &Visitor, title: &str, here: Here) -> Frame {
        let account = &visitor.account;
        let clock = clock(view, visitor);
        Frame {
            here,
            who: Some(Who {
                name: line(&account.name, NAME),
                role: crate::accounts::word(account.role),
                acts: visitor.may(Role::Responder),
                rules: visitor.may(Role::Admin),
            }),
            token: visitor.token.clone(),
            once: super::once::id(),
            banners: banners(web, view),
            done: visitor.told.clone(),
            as_of: clock.full(view.at.wall),
            narrow: false,
            ..Frame::bare(title)
        }
    }

    pub(super) fn live(mut self, from: impl Into<String>) -> Frame {
        self.live = Some(from.into());
        self
    }

    /// Whether buttons are shown.
    pub(super) fn may_act(&self) -> bool {
        self.who.as_ref().is_some_and(|w| w.acts)
    }

    /// For the navigation.
    pub(super) fn is(&self, path: &str) -> bool {
        let own = match self.here {
            Here::Incidents => "/",
            Here::Checks => "/checks",
            Here::OnCall => "/on-call",
            Here::Topology => "/topology",
            Here::Silences => "/silences",
            Here::Users => "/users",
            Here::Account => "/account",
            Here::Nowhere => "",
        };
        own == path
    }
}

/// The visitor's calendar.
pub(super) fn clock(view: &View, visitor: &Visitor) -> Clock {
    Clock::of(&view.state, visitor.account.person.as_deref(), view.at)
}

/// Schedules that a policy pages. Who is on call on another is nobody's trouble.
pub(super) fn paged(setup: &Setup) -> BTreeSet<&Name> {
    let steps = setup.escalations.values().flat_map(|policy| &policy.steps);
    let targets = steps.flat_map(|step| &step.page);
    targets.filter_map(|t| if let Target::Schedule(name) = t { Some(name) } else { None }).collect()
}

fn banners(web: &Web, view: &View) -> Vec<Banner> {
    let mut all = Vec::new();
    if let Some(d) = &view.degraded {
        all.push(Banner {
            strong: format!("Foghorn’s journal is degraded: {}.", line(&d.why, WIDE)),
            text: "Pages go out from memory. What you do here takes effect at once and is saved when the disk is back.".to_owned(),
            href: None,
            more: Vec::new(),
        });
    }
    let setup = &view.state.setup;
    let paged = paged(setup);
    let nobody: Vec<&Name> = setup
        .schedules
        .iter()
        .filter(|(name, _)| paged.contains(name))
        .filter(|(name, s)| s.on_call(view.at.wall, view.state.overrides_of(name)).is_empty())
        .map(|(name, _)| name)
        .collect();
    if setup.people.values().all(|p| p.contacts.is_empty()) {
        all.push(Banner {
            strong: "There is nobody to page.".to_owned(),
            text: "Nobody in the configuration has a contact: add people with contacts to foghorn.yaml, then run foghorn reload.".to_owned(),
            href: None,
            more: Vec::new(),
        });
    } else if !nobody.is_empty() {
        all.push(Banner {
            strong: format!("Nobody is on call on {}.", super::text::names(nobody.iter().copied(), NAMED)),
            text: "A step that pages only that schedule is passed over at once.".to_owned(),
            href: Some("/on-call"),
            more: Vec::new(),
        });
    }
    let unwell = (web.api.parts.unwell)();
    if let Some((first, more)) = unwell.split_first() {
        let left_out = more.len().saturating_sub(FOLDED);
        let shown = more.iter().take(FOLDED).map(|text| line(text, WIDE));
        all.push(Banner {
            strong: "Foghorn itself is unwell:".to_owned(),
            text: line(first, WIDE),
            href: None,
            more: shown.chain((left_out > 0).then(|| format!("and {left_out} others"))).collect(),
        });
    }
    all
}

/// A page of HTML, with what it may do.
pub(super) fn respond(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(body) => html(status, body),
        Err(e) => {
            tracing::error!(error = %e, "a page cannot be made");
            let body = "<!doctype html><title>Foghorn failed</title><p>This page cannot be made; the log has more. The command line and the API do not need it.".to_owned();
            html(StatusCode::INTERNAL_SERVER_ERROR, body)
        }
    }
}

fn html(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // `no-referrer` would have browsers hide where a form comes from.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (status, headers, Html(body)).into_response()
}

#[derive(Template)]
#[template(path = "console/problem.html")]
struct Trouble {
    frame: Frame,
    detail: String,
    next: &'static str,
    /// The page to go on with, where it is not the list.
    on: Option<String>,
}

/// The page that a form was on is not this session's any more; `on` is where it is now.
pub(super) fn stale(problem: &Problem, on: String) -> Response {
    let (_, _, status) = problem.kind.parts();
    let frame = Frame::bare("This page is of another session");
    respond(status, &Trouble { frame, detail: sentence(&problem.detail), next: "", on: Some(on) })
}

/// A page that says what went wrong, and what to do.
pub(super) fn problem(for_whom: Option<(&Web, &Visitor)>, problem: &Problem) -> Response {
    let (_, title, status) = problem.kind.parts();
    let title = match problem.kind {
        Kind::Forbidden => "Your account may not do this",
        Kind::Unavailable => "Not now",
        Kind::NotFound => "There is nothing here",
        Kind::Invalid => "That did not work",
        Kind::UnsupportedMediaType => "This is not a form of Foghorn’s",
        _ => title,
    };
    let next = match problem.kind {
        Kind::NotFound => "It may have been a typing error, or have gone with a change of the configuration.",
        Kind::Unavailable | Kind::TooMany => "Wait a moment, then go back and press the button again.",
        Kind::Changed => "Nothing was done.",
        Kind::Over => "There is nothing left to do.",
        Kind::Internal => "Try again. If it stays, acknowledge by the link in your page or the command line.",
        Kind::Forbidden => "An admin can change that under Users.",
        _ => "Go back, change it, and press the button again.",
    };
    let frame = match for_whom {
        Some((web, visitor)) => Frame::new(web, &web.api.view(), visitor, title, Here::Nowhere),
        None => Frame::bare(title),
    };
    let mut response = respond(status, &Trouble { frame, detail: sentence(&problem.detail), next, on: None });
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    }
    response
}

/// The same, for whoever pressed a button.
pub(super) async fn told(web: &Arc<Web>, visitor: Visitor, trouble: Problem) -> Response {
    let made = web.blocking(move |web| problem(Some((web, &visitor)), &trouble)).await;
    made.unwrap_or_else(|p| problem(None, &p))
}

/// Nothing here.
pub(super) fn not_there() -> Problem {
    Problem::new(Kind::NotFound, "there is no page at this address")
}

/// The path is there, the method is not.
pub(super) async fn wrong_method(req: Request) -> Response {
    let detail = format!("{} does not know {}", req.uri().path(), req.method());
    let wrong = Problem::new(Kind::MethodNotAllowed, detail);
    if super::guard::wants_html(req.headers()) { problem(None, &wrong) } else { wrong.into_response() }
}

/// A page that is made where waiting for the disk hurts nobody.
pub(super) async fn made(
    web: &Arc<Web>,
    visitor: Visitor,
    make: impl FnOnce(&Web, &Visitor) -> Result<Response, Problem> + Send + 'static,
) -> Response {
    let work = move |web: &Web| make(web, &visitor).unwrap_or_else(|p| problem(Some((web, &visitor)), &p));
    web.blocking(work).await.unwrap_or_else(|p| problem(None, &p))
}
