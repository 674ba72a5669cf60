//! One HTTP connection, driven by hand so that each phase can be timed.

use super::header_value;
use crate::check::tls;
use crate::check::trace::{Doing, Trace};
use crate::check::{Env, Seen, Trouble};
use crate::connect;
use bytes::Bytes;
use foghorn_config::model::HttpCheck;
use http::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::Url;

/// More of a body is not read, and expectations see this much.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;
/// Fields of an answer's head. Browsers read more than hyper's hundred.
const MOST_HEADERS: usize = 1000;

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Cookies that the configuration gives, beside those that servers set.
    pub(super) own_cookies: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) seen: Seen,
    /// `503 Service Unavailable`.
    pub(super) status_text: String,
}

/// Why nothing came back.
pub(super) struct AskError {
    pub(super) trouble: Trouble,
    /// The request did not reach the server, or may be repeated without harm.
    pub(super) may_repeat: bool,
}

enum Sender {
    H1(http1::SendRequest<Full<Bytes>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An open connection.
pub(super) struct Live {
    sender: Sender,
    /// Moves the bytes; `None` once the connection has ended.
    driver: Option<Driver>,
    peer: SocketAddr,
    origin: url::Origin,
    /// When the server's certificate does, in seconds of Unix.
    cert_ends: Option<i64>,
    /// The last answer was read to its end.
    clean: bool,
}

impl Live {
    /// Resolves, connects, and does the handshakes. `at_home`: this is the server that the step names, to which
    /// `connect_to` applies.
    pub(super) async fn open(
        url: &Url,
        http: &HttpCheck,
        at_home: bool,
        env: &Env,
        trace: &mut Trace,
    ) -> Result<Live, Trouble> {
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let port = url.port_or_known_default().unwrap_or(80);
        let (to, to_port) = match &http.connect_to {
            Some(t) if at_home => (t.host.as_str(), t.port),
            _ => (host, port),
        };
        let (stream, peer) = connect::connect(&env.resolver, to, to_port, http.source, trace).await?;
        let (sender, driver, cert_ends) = if url.scheme() == "https" {
            // Boxed, because a plain connection should not carry its size along.
            Box::pin(secure(stream, host, peer, http, trace)).await?
        } else {
            let (sender, driver) = speak(stream, http.http2, peer).await?;
            (sender, driver, None)
        };
        let driver = Some(driver);
        Ok(Live { sender, driver, peer, origin: url.origin(), cert_ends, clean: true })
    }

    /// Whether a request to this address may go over it: a certificate that has ended since is noticed in a new handshake.
    pub(super) fn serves(&self, url: &Url) -> bool {
        self.origin == url.origin() && self.cert_ends.is_none_or(|ends| tls::days_until(ends) >= 0)
    }

    /// Whether another request may go over it.
    pub(super) fn usable(&self) -> bool {
        self.clean
            && self.driver.is_some()
            && match &self.sender {
                Sender::H1(s) => s.is_ready(),
                Sender::H2(s) => s.is_ready(),
            }
    }

    /// Sends a request and reads its answer.
    pub(super) async fn ask(&mut self, request: &Request, trace: &mut Trace) -> Result<Answer, AskError> {
        let fatal = |trouble| AskError { trouble, may_repeat: false };
        let wire = wire(request, matches!(self.sender, Sender::H2(_))).map_err(fatal)?;
        self.clean = false;
        let peer = self.peer;
        trace.doing = Doing::Waiting { peer, sent: true };
        let began = Instant::now();
        let mut answered = false;
        let result = {
            let sender = &mut self.sender;
            let answered = &mut answered;
            let exchange = pin!(async move {
                let response = match sender {
                    Sender::H1(s) => s.send_request(wire).await,
                    Sender::H2(s) => s.send_request(wire).await,
                }?;
                *answered = true;
                *trace.phases.first_byte.get_or_insert_default() += began.elapsed();
                read(response, peer, trace).await
            });
            drive(&mut self.driver, exchange).await
        };
        let mut answer = result.map_err(|e| AskError {
            trouble: Trouble::Bad(error_text(&e, peer, answered)),
            may_repeat: !answered && (e.is_canceled() || e.is_closed() || request.method.is_safe()),
        })?;
        self.clean = !answer.seen.cut;
        answer.seen.cert_days = self.cert_ends.map(tls::days_until);
        Ok(answer)
    }
}

/// TLS, and HTTP over it; and when the certificate ends.
async fn secure(
    stream: TcpStream,
    host: &str,
    peer: SocketAddr,
    http: &HttpCheck,
    trace: &mut Trace,
) -> Result<(Sender, Driver, Option<i64>), Trouble> {
    let alpn: &[&[u8]] = if http.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    let config = tls::config(http.insecure, http.ca_file.as_deref(), alpn)?;
    let stream = tls::handshake(config, host, stream, peer, trace).await?;
    let cert_ends = tls::leaf_ends(&stream);
    if http.http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(Trouble::Bad(format!("{peer} does not speak HTTP/2")));
    }
    let (sender, driver) = speak(stream, http.http2, peer).await?;
    Ok((sender, driver, cert_ends))
}

async fn speak<S>(stream: S, h2: bool, peer: SocketAddr) -> Result<(Sender, Driver), Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let trouble = |e: hyper::Error| Trouble::Bad(error_text(&e, peer, false));
    if h2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let (sender, conn) = builder.timer(TokioTimer::new()).handshake(io).await.map_err(trouble)?;
        Ok((Sender::H2(sender), Box::pin(conn)))
    } else {
        let (sender, conn) =
            http1::Builder::new().max_headers(MOST_HEADERS).handshake(io).await.map_err(trouble)?;
        Ok((Sender::H1(sender), Box::pin(conn)))
    }
}

/// Polls the connection and what is done over it in one task: one wake-up less for each read, which is a good part of
/// what a check costs.
async fn drive<T>(driver: &mut Option<Driver>, mut work: Pin<&mut impl Future<Output = T>>) -> T {
    poll_fn(|cx| {
        if let Some(d) = driver
            && let Poll::Ready(_ended) = d.as_mut().poll(cx)
        {
            // How it ended is told to the request that was under way.
            *driver = None;
        }
        work.as_mut().poll(cx)
    })
    .await
}

async fn read(
    response: http::Response<Incoming>,
    peer: SocketAddr,
    trace: &mut Trace,
) -> hyper::Result<Answer> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    let mut cut = false;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = BODY_LIMIT - body.len();
        body.extend_from_slice(data.get(..room).unwrap_or(&data));
        trace.doing = Doing::Reading { peer, bytes: body.len() };
        if data.len() > room {
            cut = true;
            break;
        }
    }
    let status = head.status;
    let status_text = match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    let seen = Seen {
        status: Some(status.as_u16()),
        body: Some(body),
        cut,
        headers: head.headers,
        ..Seen::default()
    };
    Ok(Answer { seen, status_text })
}

fn wire(request: &Request, h2: bool) -> Result<http::Request<Full<Bytes>>, Trouble> {
    let url = &request.url;
    let mut headers = request.headers.clone();
    let default = |headers: &mut HeaderMap, name, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(&mut headers, USER_AGENT, concat!("Foghorn/", env!("CARGO_PKG_VERSION")));
    default(&mut headers, ACCEPT, "*/*");
    if !url.username().is_empty() && !headers.contains_key(AUTHORIZATION) {
        headers.insert(AUTHORIZATION, basic(url)?);
    }
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map_or_else(|| host.to_owned(), |p| format!("{host}:{p}"));
    let path = url.query().map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()));
    let uri = if h2 {
        // A Host that the configuration gives is the authority in HTTP/2.
        let given = headers.remove(HOST);
        let authority = given.as_ref().and_then(|h| h.to_str().ok()).unwrap_or(&authority);
        format!("{}://{authority}{path}", url.scheme())
    } else {
        if !headers.contains_key(HOST) {
            headers.insert(HOST, header_value("host", &authority)?);
        }
        path
    };
    let version = if h2 { Version::HTTP_2 } else { Version::HTTP_11 };
    let mut wire = http::Request::builder()
        .method(request.method.clone())
        .uri(uri)
        .version(version)
        .body(Full::new(request.body.clone()))
        .map_err(|e| Trouble::Bad(format!("the request cannot be made: {e}")))?;
    *wire.headers_mut() = headers;
    Ok(wire)
}

/// User and password in the address.
fn basic(url: &Url) -> Result<HeaderValue, Trouble> {
    use base64::Engine;
    let plain = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let mut pair = plain(url.username());
    pair.push(b':');
    pair.extend(plain(url.password().unwrap_or_default()));
    let mut value = header_value(
        "authorization",
        &format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)),
    )?;
    value.set_sensitive(true);
    Ok(value)
}

fn error_text(e: &hyper::Error, peer: SocketAddr, answered: bool) -> String {
    use std::error::Error;
    let mut source = e.source();
    while let Some(s) = source {
        if let Some(io) = s.downcast_ref::<std::io::Error>()
            && io.kind() != std::io::ErrorKind::UnexpectedEof
            && let Trouble::Bad(text) = connect::trouble(io, peer)
        {
            let when = if answered { "while its answer was read" } else { "before it answered" };
            return format!("{text} {when}");
        }
        source = s.source();
    }
    if e.is_parse() && !e.is_incomplete_message() {
        return format!("the answer of {peer} is not HTTP: {e}");
    }
    if answered {
        return format!("{peer} closed the connection in the middle of its answer");
    }
    if e.is_incomplete_message() || e.is_canceled() || e.is_closed() {
        return format!("{peer} closed the connection without an answer");
    }
    format!("HTTP with {peer} failed: {e}")
}
