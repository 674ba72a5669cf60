//! Small servers in this process: one that takes webhooks, one that is healthy or not as it is told.

use anyhow::Result;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Instant;

/// A whole request, or `None` when the other side is done. `buffer` keeps what came of the next one.
fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut chunk = [0; 64 * 1024];
    loop {
        if let Some(length) = length(buffer)
            && buffer.len() >= length
        {
            return Some(buffer.drain(..length).collect());
        }
        match stream.read(&mut chunk) {
            Ok(n @ 1..) => buffer.extend_from_slice(chunk.get(..n)?),
            _ => return None,
        }
    }
}

/// The length of the message at the beginning, head and body, as far as its head is there.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(bytes.get(..end)?).to_ascii_lowercase();
    let body = head
        .split("\r\n")
        .find_map(|l| l.strip_prefix("content-length:"))
        .map_or(Some(0), |v| v.trim().parse().ok())?;
    Some(end + body)
}

/// Takes every webhook, and hands on when it came, and what.
pub(crate) struct Hook {
    pub(crate) address: SocketAddr,
    came: Mutex<mpsc::Receiver<(Instant, String)>>,
}

impl Hook {
    pub(crate) fn start() -> Result<Hook> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (tx, came) = mpsc::channel();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let tx = tx.clone();
                std::thread::spawn(move || {
                    let mut buffer = Vec::new();
                    while let Some(request) = request(&mut stream, &mut buffer) {
                        let came = Instant::now();
                        let _ = tx.send((came, String::from_utf8_lossy(&request).into_owned()));
                        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Ok(Hook { address, came: Mutex::new(came) })
    }

    /// When the next that contains this came.
    pub(crate) fn wait(&self, word: &str) -> Result<Instant> {
        Ok(self.first_of(&[word.to_owned()])?.1)
    }

    /// Which of these words is in the next that contains any, and when it came.
    pub(crate) fn first_of(&self, words: &[String]) -> Result<(usize, Instant)> {
        let came = self.came.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        loop {
            let (at, text) = came.recv_timeout(std::time::Duration::from_secs(120))?;
            if let Some(which) = words.iter().position(|w| text.contains(w)) {
                return Ok((which, at));
            }
        }
    }
}

/// A service that answers 200, and 503 once it is broken.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    broken: Arc<AtomicBool>,
    first_failure: Arc<Mutex<Option<Instant>>>,
}

impl Service {
    pub(crate) fn start() -> Result<Service> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let broken = Arc::new(AtomicBool::new(false));
        let first_failure = Arc::new(Mutex::new(None));
        let (sick, first) = (broken.clone(), first_failure.clone());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut buffer = Vec::new();
                while request(&mut stream, &mut buffer).is_some() {
                    let bad = sick.load(Ordering::Relaxed);
                    let status = if bad { "503 Service Unavailable" } else { "200 OK" };
                    if bad {
                        first
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .get_or_insert_with(Instant::now);
                    }
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nok\n");
                    if stream.write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
        Ok(Service { address, broken, first_failure })
    }

    /// From now on it is sick.
    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// When it first said so.
    pub(crate) fn first_failure(&self) -> Option<Instant> {
        *self.first_failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
