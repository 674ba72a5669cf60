//! `http`: one request, or several with values and cookies carried over.

mod connection;
mod jar;
mod template;

use super::trace::{ShowTime, Trace};
use super::{Env, Phases, Seen, Trouble, expect, secrecy, shorten};
use connection::{Answer, Live, Request};
use foghorn_config::expect::Subject;
use foghorn_config::model::{Check, HttpCheck, HttpStep};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method};
use jar::Jar;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;
use template::Values;
use url::Url;

/// What a check keeps from run to run.
#[derive(Default)]
pub struct HttpMemory {
    /// The connection that `keep_alive` uses again.
    live: Mutex<Option<Live>>,
    /// The requests of those steps that are the same each time: reading an address takes as long as sending it.
    ready: OnceLock<Vec<Option<Request>>>,
}

impl std::fmt::Debug for HttpMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpMemory")
    }
}

impl HttpMemory {
    fn take(&self) -> Option<Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, live: Live) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(live);
    }

    /// The request of a step, if it carries nothing over.
    fn ready(&self, steps: &[HttpStep], i: usize) -> Option<Request> {
        let prepared = |step: &HttpStep| {
            let fixed = !template::is_template(step);
            fixed.then(|| prepare(step, &Values::default()).ok()).flatten()
        };
        self.ready.get_or_init(|| steps.iter().map(prepared).collect()).get(i).cloned().flatten()
    }
}

pub(super) async fn run(
    check: &Check,
    http: &HttpCheck,
    env: &Env,
    memory: &HttpMemory,
    trace: &mut Trace,
) -> Result<String, Trouble> {
    let mut client = Client { http, env, memory, jar: Jar::default() };
    let mut values = Values::default();
    let count = http.steps.len();
    let mut summary = String::new();
    for (i, step) in http.steps.iter().enumerate() {
        if count > 1 {
            trace.step = format!("step {} of {count}: ", i + 1);
        }
        trace.begin_step(&step.method);
        let request = match memory.ready(&http.steps, i) {
            Some(request) => request,
            None => prepare(step, &values)?,
        };
        let answer = client.follow(request, trace).await?;
        let own = trace.end_step();
        trace.seen = answer.seen;
        judge(check, step, i + 1 == count, &own, &trace.seen, &answer.status_text)?;
        template::capture(step, &trace.seen, &mut values)?;
        summary = format!("{} in {}", answer.status_text, ShowTime(own.total));
    }
    trace.step = String::new();
    if count > 1 {
        summary = format!("{count} steps in {}", ShowTime(trace.started.elapsed()));
    }
    Ok(summary)
}

/// Where nothing is said about the status, one that is no error is expected, and what the server says of it is told.
fn judge(
    check: &Check,
    step: &HttpStep,
    last: bool,
    phases: &Phases,
    seen: &Seen,
    status_text: &str,
) -> Result<(), Trouble> {
    let speaks = |e: &foghorn_config::expect::Expectation| e.subject == Subject::Status;
    let said = step.expect.iter().any(speaks) || last && check.expect.iter().any(speaks);
    if !said && !seen.status.is_some_and(|s| (200..400).contains(&s)) {
        let text = seen.text();
        let hint = match text.trim_start() {
            t if t.is_empty() || t.starts_with('<') => String::new(),
            t => format!(": {}", shorten(t, 80)),
        };
        return Err(Trouble::Bad(format!("answered {status_text}{hint}")));
    }
    match expect::first_broken(&step.expect, seen, phases) {
        Some(why) => Err(Trouble::Bad(why)),
        None => Ok(()),
    }
}

/// What one run carries along.
struct Client<'a> {
    http: &'a HttpCheck,
    env: &'a Env,
    memory: &'a HttpMemory,
    jar: Jar,
}

impl Client<'_> {
    /// One request and the redirects that follow it.
    async fn follow(&mut self, mut request: Request, trace: &mut Trace) -> Result<Answer, Trouble> {
        let first = request.url.origin();
        let mut redirects = 0;
        loop {
            self.cookies(&mut request)?;
            if let Some(last) = trace.steps.last_mut() {
                last.name = format!("{} {}", request.method, request.url.host_str().unwrap_or_default());
            }
            let answer = self.ask(&request, request.url.origin() == first, trace).await?;
            if let Some(last) = trace.steps.last_mut() {
                last.status = answer.seen.status;
            }
            for cookie in answer.seen.headers.get_all(SET_COOKIE) {
                self.jar.set(&request.url, &String::from_utf8_lossy(cookie.as_bytes()), SystemTime::now());
            }
            let Some(to) = redirect(&request.url, &answer) else { return Ok(answer) };
            if self.http.redirects == 0 {
                return Ok(answer);
            }
            redirects += 1;
            if redirects > self.http.redirects {
                return Err(Trouble::Bad(format!("redirected more than {} times", self.http.redirects)));
            }
            request.follow(to?, answer.seen.status.unwrap_or_default())?;
        }
    }

    fn cookies(&self, request: &mut Request) -> Result<(), Trouble> {
        if let Some(cookies) = self.jar.get(&request.url, SystemTime::now()) {
            let mut line = request.own_cookies.clone().unwrap_or_default();
            if !line.is_empty() {
                line.push_str("; ");
            }
            line.push_str(&cookies);
            request.headers.insert(COOKIE, header_value("cookie", &line)?);
        } else if let Some(own) = &request.own_cookies {
            let value = header_value("cookie", own)?;
            request.headers.insert(COOKIE, value);
        }
        Ok(())
    }

    async fn ask(&self, request: &Request, at_home: bool, trace: &mut Trace) -> Result<Answer, Trouble> {
        if self.http.keep_alive
            && let Some(mut live) = self.memory.take()
            && live.serves(&request.url)
        {
            match live.ask(request, trace).await {
                Ok(answer) => {
                    if live.usable() {
                        self.memory.put(live);
                    }
                    return Ok(answer);
                }
                // The server may have closed it since: that is no fault of the server's.
                Err(e) if e.may_repeat => {}
                Err(e) => return Err(e.trouble),
            }
        }
        let mut live = Live::open(&request.url, self.http, at_home, self.env, trace).await?;
        let answer = live.ask(request, trace).await.map_err(|e| e.trouble)?;
        if self.http.keep_alive && live.usable() {
            self.memory.put(live);
        }
        Ok(answer)
    }
}

fn prepare(step: &HttpStep, values: &Values) -> Result<Request, Trouble> {
    let missing = |what: &str, why: &str| Trouble::Unknown(format!("{what} is missing: {why}"));
    let url = values.fill(step.url.expose().map_err(|why| missing("the url", why))?);
    let url = Url::parse(&url).map_err(|e| Trouble::Bad(format!("the url is none: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Trouble::Bad("the url is neither http:// nor https://".to_owned()));
    }
    let method = Method::from_bytes(step.method.as_bytes())
        .map_err(|_| Trouble::Unknown(format!("{:?} is no method", step.method)))?;
    let body = values.fill(step.body.expose().map_err(|why| missing("the body", why))?);
    let mut headers = HeaderMap::with_capacity(step.headers.len() + 6);
    let mut own_cookies = None;
    for (name, secret) in &step.headers {
        let value = values.fill(secret.expose().map_err(|why| missing(&format!("header {name}"), why))?);
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Trouble::Unknown(format!("{name:?} is no header's name")))?;
        if key == COOKIE {
            own_cookies = Some(value);
        } else {
            headers.append(key, header_value(name, &value)?);
        }
    }
    Ok(Request { method, url, headers, body: body.into(), own_cookies })
}

pub(super) fn header_value(name: &str, value: &str) -> Result<HeaderValue, Trouble> {
    HeaderValue::from_str(value)
        .map_err(|_| Trouble::Bad(format!("the value of header {name} cannot be sent")))
}

/// Where an answer leads, if it leads anywhere.
fn redirect(from: &Url, answer: &Answer) -> Option<Result<Url, Trouble>> {
    if !matches!(answer.seen.status, Some(301 | 302 | 303 | 307 | 308)) {
        return None;
    }
    let location = answer.seen.headers.get(LOCATION)?;
    let bad = || Trouble::Bad("redirected to what is no http:// or https:// address".to_owned());
    let to = std::str::from_utf8(location.as_bytes()).ok().and_then(|l| from.join(l).ok());
    Some(to.filter(|u| matches!(u.scheme(), "http" | "https") && u.host_str().is_some()).ok_or_else(bad))
}

impl Request {
    /// Turns into the request after a redirect, as browsers do it: 307 and 308 repeat it, the others ask anew.
    /// What was meant for one server is not shown to another.
    fn follow(&mut self, mut to: Url, status: u16) -> Result<(), Trouble> {
        if !matches!(status, 307 | 308) && self.method != Method::HEAD {
            self.method = Method::GET;
            self.body = bytes::Bytes::new();
            self.headers.remove(CONTENT_TYPE);
            self.headers.remove(CONTENT_LENGTH);
        }
        if to.origin() != self.url.origin() {
            if !self.body.is_empty() {
                let host = to.host_str().unwrap_or_default();
                let why = format!("redirected to {}://{host}, to which the body is not sent", to.scheme());
                return Err(Trouble::Bad(why));
            }
            let names: Vec<HeaderName> = self.headers.keys().cloned().collect();
            for name in names.iter().filter(|name| **name == HOST || !secrecy::is_plain(name.as_str())) {
                self.headers.remove(name);
            }
            self.own_cookies = None;
        } else if to.username().is_empty() {
            // User and password stay as a header would; an `http://` address can always have them.
            let _ = to.set_username(self.url.username());
            let _ = to.set_password(self.url.password());
        }
        self.headers.remove(COOKIE);
        self.url = to;
        Ok(())
    }
}
