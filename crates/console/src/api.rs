//! The console's listener: its routes, and what each needs.

use crate::auth::{Rule, guard};
use crate::gate::{self, Gate, Hangs};
use crate::ports::{Admin, CheckFigures, CheckHistory, CheckResult, Events, Figures};
use crate::problem::{Kind, Problem};
use crate::query;
use crate::readmodel::{ReadModel, ReadModelError};
use crate::routes;
use axum::Router;
use axum::response::Response;
use axum::routing::MethodRouter;
use foghorn_config::Config;
use foghorn_core::Now;
use foghorn_core::time::Wall;
use foghorn_engine::{Handle, Page, View};
use foghorn_net::throttle::Throttle;
use http::{HeaderName, HeaderValue, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Open streams of events; one more is answered 503.
const MOST_STREAMS: usize = 256;

/// Live pages of the console; one more is told to reload by hand.
pub(crate) const MOST_LIVE: usize = 2048;

/// What the API is made of.
pub struct Parts {
    /// The way to the engine.
    pub engine: Handle,
    /// The configuration that counts.
    pub config: watch::Receiver<Arc<Config>>,
    /// What time it is, on both clocks.
    pub clock: Arc<dyn Fn() -> Now + Send + Sync>,
    /// The journal.
    pub events: Arc<dyn Events>,
    /// What is closed.
    pub read_model: Arc<ReadModel>,
    /// Figures of the checks.
    pub checks: Arc<dyn CheckFigures>,
    /// More for `/metrics`.
    pub figures: Vec<Arc<dyn Figures>>,
    /// The server's chores.
    pub admin: Arc<dyn Admin>,
    /// What else is unwell with Foghorn itself, a line each, for people: a listener that failed, a location that is blind.
    pub unwell: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Why a page by this channel to this address would not be accepted now; `None` where nothing speaks against it.
    pub why_not: Arc<dyn Fn(&str, &str) -> Option<String> + Send + Sync>,
    /// This release.
    pub version: &'static str,
}

/// Everything the routes need.
pub struct Api {
    pub(crate) parts: Parts,
    journal: Gate<()>,
    /// The history of checks.
    past: Gate<()>,
    pub(crate) streams: Arc<Semaphore>,
    /// Pages that are kept true.
    pub(crate) live: Arc<Semaphore>,
    /// Pages that were ever opened live.
    pub(crate) opened: AtomicU32,
    pub(crate) pulse: routes::health::Pulse,
    /// Wrong names or passwords, and tries beyond the limit.
    pub(crate) log_ins_refused: AtomicU64,
    /// Forms that found no room.
    pub(crate) forms_refused: AtomicU64,
    /// Requests without the right to what they asked for.
    pub(crate) refused: AtomicU64,
    /// Wrong tokens, by address.
    pub(crate) throttle: Throttle,
}

/// What is shown after something was done waits so long for its own line in the timeline.
const OWN_LINE: Duration = Duration::from_millis(800);
/// So many events are not a moment's work.
const FAR_BEHIND: u64 = 1000;

impl Api {
    /// Whoever did something looks for it in the timeline next. One that lags for longer says so itself.
    pub(crate) async fn own_line(&self) {
        let (seq, model) = (self.parts.engine.view().seq, &self.parts.read_model);
        let lag = model.lag();
        if lag.error.is_none() && seq.saturating_sub(lag.seq) < FAR_BEHIND {
            model.reaches(seq, Duration::from_millis(5), OWN_LINE).await;
        }
    }

    /// From its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Api {
        Api {
            parts,
            journal: Gate::new(()),
            past: Gate::new(()),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            live: Arc::new(Semaphore::new(MOST_LIVE)),
            opened: AtomicU32::new(0),
            log_ins_refused: AtomicU64::new(0),
            forms_refused: AtomicU64::new(0),
            pulse: routes::health::Pulse::default(),
            refused: AtomicU64::new(0),
            throttle: Throttle::default(),
        }
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        self.parts.config.borrow().clone()
    }

    pub(crate) fn now(&self) -> Now {
        (self.parts.clock)()
    }

    /// What is true, seen now.
    pub(crate) fn view(&self) -> View {
        View { at: self.now(), ..(*self.parts.engine.view()).clone() }
    }

    /// Runs what may wait for the disk where that hurts nobody, and waits for it so long at most.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Api>,
        work: impl FnOnce(&Api) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let api = self.clone();
        gate::blocking(move || work(&api)).await
    }

    /// The same, for as long as it takes.
    pub(crate) async fn chore<T: Send + 'static>(
        self: &Arc<Api>,
        work: impl FnOnce(&dyn Admin) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let api = self.clone();
        tokio::task::spawn_blocking(move || work(&*api.parts.admin)).await.map_err(|_| gate::failed())
    }

    /// Up to `limit` events after `after`. Blocks, but not while somebody else hangs in it.
    pub(crate) fn events(&self, after: u64, limit: usize) -> Result<Page, Problem> {
        let _one = self.journal.enter().map_err(|Hangs| disk_hangs("the journal"))?;
        self.parts.events.page(after, limit).map_err(|e| Problem::new(Kind::Unavailable, e))
    }

    /// [`CheckFigures::history`]. Blocks, but not while somebody else hangs in it.
    pub(crate) fn history(
        &self,
        check: &str,
        from: Wall,
        to: Wall,
        points: usize,
    ) -> Result<CheckHistory, Problem> {
        let _one = self.past.enter().map_err(|Hangs| disk_hangs("the history of checks"))?;
        self.parts.checks.history(check, from, to, points).map_err(|e| Problem::new(Kind::Unavailable, e))
    }

    /// What a check's last result was: whether it is known how its target is; `None` before the first.
    pub(crate) fn measured(&self, check: &str) -> Option<bool> {
        self.parts.checks.last(check).map(|last| last.good.is_some())
    }

    /// [`CheckFigures::recent`]. Blocks, but not while somebody else hangs in it.
    pub(crate) fn recent(&self, check: &str, n: usize) -> Result<Vec<CheckResult>, Problem> {
        let _one = self.past.enter().map_err(|Hangs| disk_hangs("the history of checks"))?;
        self.parts.checks.recent(check, n).map_err(|e| Problem::new(Kind::Unavailable, e))
    }
}

fn disk_hangs(what: &str) -> Problem {
    Problem::new(Kind::Unavailable, format!("{what} cannot be read now: the disk does not answer"))
}

impl From<ReadModelError> for Problem {
    fn from(e: ReadModelError) -> Problem {
        Problem::new(Kind::Unavailable, e.to_string())
    }
}

/// A route: who may, and what it does.
pub(crate) struct Route {
    pub(crate) rule: Rule,
    pub(crate) handler: MethodRouter<Arc<Api>>,
}

/// The API. Requests must carry a [`foghorn_net::serve::Peer`].
pub fn api(api: Arc<Api>) -> Router {
    let mut router = Router::new();
    let mut known = crate::openapi::query_parameters();
    for route in routes::all() {
        let guard = axum::middleware::from_fn_with_state((api.clone(), route.rule), guard);
        // What is not the API takes what it is given: probes and caches add parameters of their own.
        let handler = if route.rule.path.starts_with("/api/") {
            let takes = known.remove(&(route.rule.method, route.rule.path.to_owned())).unwrap_or_default();
            route.handler.route_layer(axum::middleware::from_fn_with_state(takes, query::known_only))
        } else {
            route.handler
        };
        router = router.route(route.rule.path, handler.route_layer(guard));
    }
    router
        .fallback(|uri: http::Uri| async move { Problem::not_found(uri.path()) })
        .method_not_allowed_fallback(|method: http::Method, uri: http::Uri| async move {
            Problem::new(Kind::MethodNotAllowed, format!("{} does not know {method}", uri.path()))
        })
        .layer(axum::middleware::map_response(harden))
        .with_state(api)
}

/// What every answer says: not to be guessed at, framed, cached, or told of to others.
pub(crate) async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        // A page with a form or a style says more precisely what it may do.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
