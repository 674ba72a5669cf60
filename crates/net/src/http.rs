//! Outbound HTTP/1.1 for webhooks and providers' APIs: one deadline for everything, bounded bodies, connections kept
//! for the next request, and errors that say what happened and where. Redirects are not followed.

mod connect;
mod pool;
mod url;

pub use self::url::{Url, UrlError};
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use self::connect::{Connection, connect};
use self::pool::Pool;
use crate::resolve::Resolver;
use crate::tls::{Why, WhyKind};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// As the server reads it.
    pub method: Method,
    /// Where to. A user and password in it become Basic authentication, unless `headers` has its own.
    pub url: Url,
    /// `host` is added if missing.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Bytes,
}

/// How a request is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// For all of it: name, connection, TLS, answer, body.
    pub timeout: Duration,
    /// What is beyond this of the answer's body is not read.
    pub max_body: usize,
    /// `None` for [`crate::tls::default_client`]. Must not offer `h2`.
    pub client_config: Option<Arc<ClientConfig>>,
}

impl Default for Options {
    fn default() -> Options {
        Options { timeout: Duration::from_secs(30), max_body: 64 * 1024, client_config: None }
    }
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// Any, errors too.
    pub status: StatusCode,
    /// As sent.
    pub headers: HeaderMap,
    /// At most [`Options::max_body`] bytes.
    pub body: Bytes,
    /// Whether there was more.
    pub truncated: bool,
}

/// Why there is no answer. The text names host and port, never a path or a password: those can be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The name has no address.
    #[error("{host} cannot be resolved: {why}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// No connection.
    #[error("{why} {at}")]
    Connect {
        /// `127.0.0.1:9000`
        at: String,
        /// `connection refused by`
        why: String,
    },
    /// The handshake failed.
    #[error("{}", .0.text)]
    Tls(Why),
    /// The deadline has passed.
    #[error("no {what} from {at} within {after:?}")]
    Timeout {
        /// `host:port`
        at: String,
        /// `answer`, `connection`, ...
        what: &'static str,
        /// The whole deadline.
        after: Duration,
    },
    /// The peer closed before its answer was whole.
    #[error("{at} closed the connection {when}")]
    Closed {
        /// `host:port`
        at: String,
        /// `before it answered`, `in the middle of its answer`
        when: &'static str,
    },
    /// What came is not HTTP, or the connection broke.
    #[error("broken exchange with {at}: {why}")]
    Broken {
        /// `host:port`
        at: String,
        /// The library's reason.
        why: String,
    },
    /// The request cannot be put into HTTP.
    #[error("the request to {at} cannot be sent: {why}")]
    Request {
        /// `host:port`
        at: String,
        /// What is wrong with it.
        why: String,
    },
}

impl HttpError {
    fn timeout(url: &Url, what: &'static str, options: &Options) -> HttpError {
        HttpError::Timeout { at: url.authority(), what, after: options.timeout }
    }

    /// hyper's errors in words; `when` says how far the exchange was.
    fn of(url: &Url, when: &'static str, e: &hyper::Error) -> HttpError {
        use std::io::ErrorKind as K;
        let at = url.authority();
        let io = io_error(e);
        let lost = [K::ConnectionReset, K::ConnectionAborted, K::BrokenPipe, K::UnexpectedEof, K::TimedOut];
        if e.is_incomplete_message()
            || e.is_canceled()
            || e.is_closed()
            || io.is_some_and(|e| lost.contains(&e.kind()))
        {
            return HttpError::Closed { at, when };
        }
        HttpError::Broken { at, why: io.map_or_else(|| e.to_string(), ToString::to_string) }
    }
}

fn io_error<'a>(e: &'a (dyn std::error::Error + 'static)) -> Option<&'a std::io::Error> {
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(io) = e.downcast_ref() {
            return Some(io);
        }
        next = e.source();
    }
    None
}

const BEFORE: &str = "before it answered";
const MIDDLE: &str = "in the middle of its answer";

/// Makes requests and keeps connections for the next one. Cheap to clone. A connection lives on the runtime that made
/// it, so each runtime needs a client of its own.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pool: Arc<Pool>,
    resolver: Resolver,
}

impl Client {
    /// A client without connections.
    #[must_use]
    pub fn new() -> Client {
        Client::default()
    }

    /// The same for a channel, which looks names up by threads of its own.
    #[must_use]
    pub fn of(channel: &str) -> Client {
        Client { pool: Arc::default(), resolver: Resolver::of(channel) }
    }

    /// Makes one request. A kept connection that fails before an answer began is replaced by a new one, once: the peer
    /// may have closed it meanwhile. (So the peer may see a request twice; a page has an id for that.)
    ///
    /// # Errors
    /// What went wrong, and with whom.
    pub async fn request(&self, request: Request, options: &Options) -> Result<Response, HttpError> {
        let url = &request.url;
        let deadline = Instant::now() + options.timeout;
        let tls = match (url.is_https(), &options.client_config) {
            (false, _) => None,
            (true, Some(config)) => Some(Arc::clone(config)),
            (true, None) => Some(
                crate::tls::default_client()
                    .map_err(|e| HttpError::Tls(Why { kind: WhyKind::Other, text: e.to_string() }))?,
            ),
        };
        let answer = |conn| answer(conn, &request, options, deadline);
        if let Some(kept) = self.pool.take(url, tls.as_ref()) {
            match answer(kept).await {
                Err(HttpError::Closed { when: BEFORE, .. }) => {}
                Err(e) => return Err(e),
                Ok((response, conn)) => {
                    self.pool.put(url, tls, conn);
                    return Ok(response);
                }
            }
        }
        let conn = connect(&self.resolver, url, tls.clone(), options, deadline).await?;
        let (response, conn) = answer(conn).await?;
        self.pool.put(url, tls, conn);
        Ok(response)
    }
}

/// Sends the request and reads the answer. The connection comes back if it can be used again.
async fn answer(
    mut conn: Connection,
    request: &Request,
    options: &Options,
    deadline: Instant,
) -> Result<(Response, Option<Connection>), HttpError> {
    let url = &request.url;
    let message = message(request)?;
    let exchange = async {
        conn.ready().await?;
        conn.send_request(message).await
    };
    let response = timeout_at(deadline, exchange)
        .await
        .map_err(|_| HttpError::timeout(url, "answer", options))?
        .map_err(|e| HttpError::of(url, BEFORE, &e))?;
    let (head, mut rest) = response.into_parts();
    let mut body = Vec::new();
    let mut truncated = false;
    while let Some(frame) = timeout_at(deadline, rest.frame())
        .await
        .map_err(|_| HttpError::timeout(url, "end of the answer", options))?
    {
        // Trailers say nothing that anybody here reads.
        let Ok(data) = frame.map_err(|e| HttpError::of(url, MIDDLE, &e))?.into_data() else { continue };
        let room = options.max_body.saturating_sub(body.len());
        body.extend_from_slice(data.get(..room).unwrap_or(&data));
        if data.len() > room {
            truncated = true;
            break;
        }
    }
    let response = Response { status: head.status, headers: head.headers, body: body.into(), truncated };
    Ok((response, (!truncated).then_some(conn)))
}

fn message(request: &Request) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
    let url = &request.url;
    let bad = |why: String| HttpError::Request { at: url.authority(), why };
    let mut message = hyper::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = url.path_and_query().parse().map_err(|e| bad(format!("{e}")))?;
    *message.headers_mut() = request.headers.clone();
    let headers = message.headers_mut();
    let mut default = |name: HeaderName, value: String| -> Result<(), HttpError> {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_str(&value).map_err(|e| bad(e.to_string()))?);
        }
        Ok(())
    };
    default(hyper::header::HOST, url.host_header())?;
    default(hyper::header::USER_AGENT, concat!("foghorn/", env!("CARGO_PKG_VERSION")).to_owned())?;
    if let Some(basic) = url.basic_authorization() {
        default(hyper::header::AUTHORIZATION, basic)?;
    }
    Ok(message)
}

/// The value of a `Retry-After` header in seconds; dates are not understood, as senders of 429 use seconds.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(hyper::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The value of an `Authorization` header with user and password.
#[must_use]
pub fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}
