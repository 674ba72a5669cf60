//! A receiver of webhooks that believes nothing unsigned: it computes the signature of the Standard Webhooks specification
//! by itself.

use super::{CEILING, http};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Base64 of 24 bytes.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What came in, in order.
#[derive(Clone, Debug)]
pub struct Received {
    pub body: Value,
}

impl Received {
    fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `page`, `acknowledged`, `resolved`.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    pub fn id(&self) -> &str {
        self.text("/id")
    }

    pub fn person(&self) -> &str {
        self.text("/person")
    }

    pub fn title(&self) -> &str {
        self.text("/incident/title")
    }

    pub fn incident(&self) -> u64 {
        self.body.pointer("/incident/id").and_then(Value::as_u64).unwrap_or_default()
    }

    /// Where its link leads, on the server itself.
    #[track_caller]
    pub fn link(&self) -> &str {
        let url = self.text("/ack_url");
        url.find("/ack/")
            .map(|at| &url[at..])
            .unwrap_or_else(|| panic!("no link to acknowledge by: {self:?}"))
    }

    /// Why the journal does not take events, as the page said.
    pub fn degraded(&self) -> &str {
        self.text("/degraded")
    }

    pub fn step(&self) -> u64 {
        self.body.pointer("/step").and_then(Value::as_u64).unwrap_or_default()
    }
}

#[derive(Default)]
struct Inner {
    received: Vec<Received>,
    faults: Vec<String>,
}

type Shared = Arc<(Mutex<Inner>, Condvar)>;

/// Listens until the test ends.
pub struct Hook {
    pub address: SocketAddr,
    shared: Shared,
}

impl Hook {
    pub fn start() -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared::default();
        let all = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = all.clone();
                std::thread::spawn(move || connection(stream, &shared));
            }
        });
        Hook { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}/page", self.address)
    }

    #[track_caller]
    fn inner(&self) -> MutexGuard<'_, Inner> {
        let inner = self.shared.0.lock().unwrap();
        assert!(inner.faults.is_empty(), "{:?}", inner.faults);
        inner
    }

    /// All that came so far.
    #[track_caller]
    pub fn all(&self) -> Vec<Received> {
        self.inner().received.clone()
    }

    /// Looks at all that came so far.
    #[track_caller]
    pub fn look<T>(&self, look: impl FnOnce(&[Received]) -> T) -> T {
        look(&self.inner().received)
    }

    /// The first that is like this, as soon as there is one.
    #[track_caller]
    pub fn wait(&self, what: &str, like: impl Fn(&Received) -> bool) -> Received {
        let began = Instant::now();
        let mut inner = self.inner();
        loop {
            assert!(inner.faults.is_empty(), "{:?}", inner.faults);
            if let Some(found) = inner.received.iter().find(|r| like(r)) {
                return found.clone();
            }
            let seen: Vec<_> = inner
                .received
                .iter()
                .map(|r| format!("{} to {}: {}", r.kind(), r.person(), r.title()))
                .collect();
            assert!(began.elapsed() < CEILING, "no webhook within {CEILING:?}: {what}; there were {seen:#?}");
            inner = self.shared.1.wait_timeout(inner, Duration::from_millis(200)).unwrap().0;
        }
    }
}

fn connection(mut stream: TcpStream, shared: &Shared) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..n]);
        let Some((_, headers, body)) = http::split(&bytes) else { continue };
        bytes.clear();
        let verified = verify(&headers, &body);
        let answer = if verified.is_ok() {
            "HTTP/1.1 204 No Content\r\n\r\n"
        } else {
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
        };
        let mut inner = shared.0.lock().unwrap();
        match verified {
            Ok(body) => inner.received.push(Received { body }),
            Err(why) => inner.faults.push(why),
        }
        drop(inner);
        shared.1.notify_all();
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
    // The other side has closed it, or was killed.
    let _ = stream.shutdown(Shutdown::Both);
}

fn verify(headers: &[(String, String)], body: &[u8]) -> Result<Value, String> {
    let header = |name: &str| {
        headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).ok_or(format!("no {name}"))
    };
    let (id, timestamp, signatures) =
        (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    let sent: u64 = timestamp.parse().map_err(|_| format!("{timestamp} is no time"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?.as_secs();
    if now.abs_diff(sent) > 300 {
        return Err(format!("sent {} s away from now", now.abs_diff(sent)));
    }
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).map_err(|e| e.to_string())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|e| e.to_string())?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    if !signatures.split(' ').any(|s| s == expected) {
        return Err(format!("the signature {signatures} is wrong"));
    }
    let body: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    if body["id"] != id {
        return Err(format!("webhook-id {id} is not the body's id {}", body["id"]));
    }
    Ok(body)
}
