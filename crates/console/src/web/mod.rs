//! The console in a browser: log-in, pages, buttons. It works without JavaScript; a small script makes it live.
//!
//! [`routes`] is the table of who may do what. [`guard()`] asks for it before a handler sees the request, and holds every
//! form against its token: no handler can forget to.

mod account;
mod action;
mod alerts;
mod assets;
mod charts;
mod checks;
mod cookie;
mod correction;
mod draft;
mod flash;
mod fold;
mod form;
mod guard;
mod incident;
mod incidents;
mod leaf;
mod live;
mod log_in;
mod marks;
mod on_call;
mod once;
mod page;
mod pages_sent;
mod room;
mod seal;
mod silences;
mod strip;
mod text;
mod timeline;
mod topology;
mod users;

use crate::accounts::Accounts;
use crate::api::{Api, harden};
use crate::auth::Needs;
use crate::tries::Tries;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use foghorn_config::model::Role;
use foghorn_core::time::Span;
use guard::{Rule, guard, wants_html};
use http::StatusCode;
use room::Room;
use seal::Seal;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// Passwords that are hashed at once: each takes a core and 19 MiB.
const HASHED_AT_ONCE: usize = 2;
/// Log-ins that wait for that; one more is answered 503.
const LOG_INS_WAITING: usize = 32;
/// Log-ins that one address may try and fail in [`TRIES_WITHIN`].
const TRIES_OF_ADDRESS: u32 = 20;
/// The same for one name, from addresses from which it has never logged in: a stranger must not keep its owner out.
const TRIES_OF_NAME: u32 = 30;
const TRIES_WITHIN: Span = Span::mins(10);
/// Bytes of forms that whoever is logged in may send at one time, all together.
const ROOM: usize = 32 << 20;
/// The same for all others. What strangers send keeps nobody from a button.
const ROOM_OF_STRANGERS: usize = 16 << 20;

/// Everything that the pages need.
pub(crate) struct Web {
    pub(crate) api: Arc<Api>,
    accounts: Arc<Accounts>,
    seal: OnceLock<Seal>,
    by_address: Tries<IpAddr>,
    by_name: Tries<String>,
    /// Of a name from an address from which it has logged in.
    by_known: Tries<(String, IpAddr)>,
    /// Of who is logged in and changes the password, by session: others' guesses are not theirs.
    by_session: Tries<String>,
    known: log_in::Known,
    once: once::Once,
    hashing: Semaphore,
    waiting: Semaphore,
    room: Room,
    strangers: Room,
    /// The API, for what is not the console's.
    rest: Router,
}

impl Web {
    /// Reads a file the first time.
    fn seal(&self) -> &Seal {
        self.seal.get_or_init(|| Seal::new(self.accounts.key()))
    }

    /// Runs what may wait for the disk where that hurts nobody, and waits for it so long at most.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Web>,
        work: impl FnOnce(&Web) -> T + Send + 'static,
    ) -> Result<T, crate::Problem> {
        let web = self.clone();
        crate::gate::blocking(move || work(&web)).await
    }
}

/// The console's listener: the pages, and the API for everything else. Requests must carry a
/// [`foghorn_net::serve::Peer`].
pub fn console(api: Arc<Api>, accounts: Arc<Accounts>) -> Router {
    let web = Arc::new(Web {
        rest: crate::api(api.clone()),
        api,
        accounts,
        seal: OnceLock::new(),
        by_address: Tries::new(TRIES_OF_ADDRESS, TRIES_WITHIN),
        by_name: Tries::new(TRIES_OF_NAME, TRIES_WITHIN),
        by_known: Tries::new(TRIES_OF_NAME, TRIES_WITHIN),
        by_session: Tries::new(TRIES_OF_NAME, TRIES_WITHIN),
        known: log_in::Known::default(),
        once: once::Once::default(),
        hashing: Semaphore::new(HASHED_AT_ONCE),
        waiting: Semaphore::new(LOG_INS_WAITING),
        room: Room::new(ROOM),
        strangers: Room::new(ROOM_OF_STRANGERS),
    });
    let mut router = Router::new();
    for (rule, handler) in routes() {
        let guard = axum::middleware::from_fn_with_state((web.clone(), rule), guard);
        router = router.route(rule.path, handler.route_layer(guard));
    }
    let front = get(incidents::open)
        .route_layer(axum::middleware::from_fn_with_state((web.clone(), guard::FRONT), guard));
    let front = front.with_state(web.clone());
    router
        .route(
            "/",
            get(move |State(web): State<Arc<Web>>, req: Request| async move {
                // Programs are told what there is; browsers get the console.
                if wants_html(req.headers()) {
                    front.oneshot(req).await.into_response()
                } else {
                    web.rest.clone().oneshot(req).await.into_response()
                }
            }),
        )
        .fallback(rest)
        .method_not_allowed_fallback(page::wrong_method)
        .layer(axum::middleware::map_response(harden))
        .with_state(web)
}

/// The API; where it has nothing either, a person is told so on a page.
async fn rest(State(web): State<Arc<Web>>, req: Request) -> Response {
    let person = wants_html(req.headers()) && !req.uri().path().starts_with("/api/");
    let who = person.then(|| guard::cookie_of(&web, &req)).flatten();
    let response = web.rest.clone().oneshot(req).await.into_response();
    if !person || response.status() != StatusCode::NOT_FOUND {
        return response;
    }
    match guard::whose(&web, who).await {
        Ok(Some(visitor)) => page::told(&web, visitor, page::not_there()).await,
        _ => page::problem(None, &page::not_there()),
    }
}

/// Who may do what.
fn routes() -> Vec<(Rule, MethodRouter<Arc<Web>>)> {
    const ANYBODY: Needs = Needs::Nothing;
    const SEE: Needs = Needs::Role(Role::Viewer);
    const ACT: Needs = Needs::Role(Role::Responder);
    const RULE: Needs = Needs::Role(Role::Admin);
    let see = |path, handler| (Rule { path, get: SEE, post: ACT }, handler);
    vec![
        // Whoever shortens an address looks for the list.
        see("/incidents", get(async || Redirect::to("/")).post(action::act)),
        (Rule { path: "/incidents/new", get: ACT, post: ACT }, get(incidents::new)),
        see("/incidents/closed", get(incidents::closed)),
        see("/incidents/{id}", get(incident::show)),
        see("/incidents/{id}/alerts", get(alerts::list)),
        see("/incidents/{id}/timeline", get(timeline::show)),
        see("/incidents/{id}/live", get(live::incident)),
        see("/incidents/{id}/{verb}", post(action::act)),
        (Rule { path: "/incidents/{id}/updates/{number}", get: ACT, post: ACT }, get(correction::show)),
        see("/incidents/{id}/updates/{number}/{verb}", post(action::act)),
        see("/live", get(live::all)),
        see("/checks", get(checks::list)),
        see("/checks/{name}", get(checks::show)),
        see("/on-call", get(on_call::show)),
        see("/topology", get(topology::show)),
        see("/silences", get(silences::list).post(action::act)),
        see("/silences/{id}/end", post(action::act)),
        (Rule { path: "/account", get: SEE, post: SEE }, get(account::show).post(account::change)),
        (Rule { path: "/log-out", get: SEE, post: SEE }, post(log_in::out)),
        (Rule { path: "/log-in", get: ANYBODY, post: ANYBODY }, get(log_in::show).post(log_in::log_in)),
        (Rule { path: "/users", get: RULE, post: RULE }, get(users::list).post(users::add)),
        (Rule { path: "/users/{name}", get: RULE, post: RULE }, post(users::change)),
        (Rule { path: "/users/{name}/remove", get: RULE, post: RULE }, get(users::removal)),
        (Rule { path: assets::STYLE_PATH, get: ANYBODY, post: ANYBODY }, get(assets::style)),
        (Rule { path: assets::SCRIPT_PATH, get: ANYBODY, post: ANYBODY }, get(assets::script)),
    ]
}
