//! The demo in a browser: a small listener on loopback that shows the story and a telephone, and passes presses of its
//! button on. Foghorn's own console and status page are a click away, on Foghorn's own listeners.

mod board;
mod page;

pub use board::{Board, Offer, Page, Step};

use super::shop::serve;
use axum::extract::{Form, Query, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, http::uri::Authority};
use board::Shown;
use foghorn_config::model::Role;
use foghorn_console::{Account, AccountError, Accounts, new_password};
use foghorn_net::serve::names_loopback;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// Presses that the story has not taken yet; more are not taken, and the page shows its button again.
const UNTAKEN: usize = 8;
/// A press is done within this, or the page goes on without waiting for it.
const PRESSED: Duration = Duration::from_secs(10);
/// In an address and in a form: the page is to load itself again without a script.
const FOLLOW: &str = "follow";
/// A request for news is answered after this, if there is none.
const NO_NEWS: Duration = Duration::from_secs(20);

/// When the page was last asked for; a page that is open asks again and again.
pub type Looked = watch::Receiver<Option<Instant>>;

/// The button was pressed: what it said. The second end is dropped when it is done.
pub type Press = (String, oneshot::Sender<()>);

/// Whoever reads the page may log in to the console with this. It is of this run only.
pub struct Visitor {
    accounts: Accounts,
    account: Account,
    password: String,
}

impl Visitor {
    /// Makes the account in the file at `path`.
    ///
    /// # Errors
    /// The file cannot be used, or the system gives no random numbers.
    pub fn new(path: PathBuf) -> Result<Visitor, AccountError> {
        let (accounts, password) = (Accounts::new(path), new_password()?);
        let account = Account { name: "demo".to_owned(), role: Role::Responder, person: None };
        accounts.add(&account, &password)?;
        Ok(Visitor { accounts, account, password })
    }
}

/// The page and what it leads to.
struct Browser {
    shown: watch::Receiver<Shown>,
    looked: watch::Sender<Option<Instant>>,
    presses: mpsc::Sender<Press>,
    visitor: Visitor,
    title: &'static str,
    console: SocketAddr,
    status: SocketAddr,
}

/// Listens until the set of tasks is dropped. What is pressed comes out, and when somebody looked.
pub fn show(
    listener: TcpListener,
    board: &Board,
    visitor: Visitor,
    title: &'static str,
    (console, status): (SocketAddr, SocketAddr),
    tasks: &mut JoinSet<()>,
) -> (mpsc::Receiver<Press>, Looked) {
    let (presses, pressed) = mpsc::channel(UNTAKEN);
    let (looked, looks) = watch::channel(None);
    let browser = Browser { shown: board.follow(), looked, presses, visitor, title, console, status };
    let text = |kind: &'static str, body: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], body) })
    };
    let router = Router::new()
        .route("/", get(whole))
        .route("/news", get(news))
        .route("/press", post(press))
        .route("/console", post(log_in))
        .route("/style.css", text("text/css; charset=utf-8", foghorn_look::STYLE))
        .route("/demo.css", text("text/css; charset=utf-8", include_str!("demo.css")))
        .route("/demo.js", text("text/javascript; charset=utf-8", include_str!("demo.js")))
        .layer(from_fn(guard))
        .with_state(Arc::new(browser));
    serve(listener, router, tasks);
    (pressed, looks)
}

/// Refuses what a page of another site made a browser send, directly or by a name that it pointed at this machine.
async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
    let host = text("host").to_owned();
    if !names_loopback(&host) {
        let why = "the demo answers to localhost and 127.0.0.1 only\n";
        return (StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    let own = text("sec-fetch-site") == "same-origin"
        || text("origin").strip_prefix("http://").is_some_and(|from| from.eq_ignore_ascii_case(&host));
    if request.method() == Method::POST && !own {
        let why = "nothing was done: only the demo's own page may press its buttons\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A form must say where it comes from, so not "no-referrer".
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Another listener of this run, by the name that the browser uses for this one: a session's cookie is of a name.
fn beside(headers: &HeaderMap, address: SocketAddr) -> String {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).and_then(|h| h.parse().ok());
    let name = host.map_or_else(|| address.ip().to_string(), |host: Authority| host.host().to_owned());
    format!("http://{name}:{}", address.port())
}

/// `/`, and `/?follow` for who runs no script and wants the page to load itself again.
async fn whole(
    State(browser): State<Arc<Browser>>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    browser.looked.send_replace(Some(Instant::now()));
    let follows = asked.iter().any(|(name, _)| name == FOLLOW);
    let (console, status) = (beside(&headers, browser.console), beside(&headers, browser.status));
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self' {console}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let visitor = (browser.visitor.account.name.as_str(), browser.visitor.password.as_str());
    let html = page::render(&browser.shown.borrow(), browser.title, visitor, &status, follows);
    let kind = "text/html; charset=utf-8".to_owned();
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)], html).into_response()
}

/// Waits for the page to be another than the version that the browser has: `/news?5`.
async fn news(State(browser): State<Arc<Browser>>, Query(has): Query<Vec<(String, String)>>) -> Response {
    let has = has.first().and_then(|(n, _)| n.parse::<u64>().ok());
    let mut shown = browser.shown.clone();
    let other = shown.wait_for(|shown| Some(shown.version) != has);
    // With no news it asks again, and knows that the demo is there.
    let _ = tokio::time::timeout(NO_NEWS, other).await;
    StatusCode::NO_CONTENT.into_response()
}

async fn press(State(browser): State<Arc<Browser>>, Form(fields): Form<Vec<(String, String)>>) -> Redirect {
    let follows = fields.iter().any(|(name, _)| name == FOLLOW);
    let what = fields.into_iter().find(|(name, _)| name == "what").map(|(_, what)| what);
    let offered = |what: &String| browser.shown.borrow().offers.iter().any(|o| o.word() == what);
    let (done, is_done) = oneshot::channel();
    if let Some(what) = what.filter(offered)
        && browser.presses.try_send((what, done)).is_ok()
    {
        // It never says anything: it is dropped.
        let _ = tokio::time::timeout(PRESSED, is_done).await;
    }
    Redirect::to(if follows { "/?follow" } else { "/" })
}

/// Begins a session of the console, as its own log-in does, and goes there.
async fn log_in(State(browser): State<Arc<Browser>>, headers: HeaderMap) -> Response {
    let console = beside(&headers, browser.console);
    let begun = tokio::task::spawn_blocking(move || {
        let Visitor { accounts, account, password } = &browser.visitor;
        let proved = accounts.check(&account.name, password).ok()??;
        accounts.begin(&proved, jiff::Timestamp::now().into()).ok()
    });
    let mut response = Redirect::to(&console).into_response();
    // Without a session the console asks for name and password, which are on the page.
    if let Ok(Some(id)) = begun.await
        && let Ok(cookie) = HeaderValue::try_from(format!("foghorn={id}; Path=/; HttpOnly; SameSite=Lax"))
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
