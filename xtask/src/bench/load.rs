//! Distinct alerts by Alertmanager's API, as fast as they are taken: so many clients, each with one connection and one
//! request at a time. It shares its cores with what it measures, so a request is made by writing numbers into a text.

use super::target::length;
use anyhow::{Context as _, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is sent.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Connections.
    pub(crate) clients: u64,
    /// Alerts in one request.
    pub(crate) each: u64,
    /// So many alerts at most.
    pub(crate) most: u64,
    /// For so long at most.
    pub(crate) time: Duration,
    /// Where the alerts' numbers begin.
    pub(crate) first: u64,
    /// Whether they are over.
    pub(crate) ended: bool,
}

/// Different values of `alertname`: each is a group, and a notification.
pub(crate) const NAMES: u64 = 100;
const NUMBER: &str = "0000000000";
const NAME: &str = "000-name";

/// How many were taken, in how long.
pub(crate) struct Taken {
    pub(crate) alerts: u64,
    pub(crate) took: Duration,
}

impl Taken {
    pub(crate) fn rate(&self) -> f64 {
        self.alerts as f64 / self.took.as_secs_f64()
    }
}

/// A request with places for numbers.
struct Template {
    bytes: Vec<u8>,
    numbers: Vec<usize>,
    names: Vec<usize>,
}

impl Template {
    fn new(to: SocketAddr, load: &Load) -> Template {
        let ends = if load.ended { ",\"endsAt\":\"2020-01-01T00:00:00Z\"" } else { "" };
        let alert = format!(
            "{{\"labels\":{{\"alertname\":\"{NAME}\",\"id\":\"{NUMBER}\",\"cluster\":\"eu-west-1\",\"job\":\"node\",\"severity\":\"critical\"}},\
             \"annotations\":{{\"summary\":\"something is wrong with {NUMBER}\"}}{ends}}}"
        );
        let body = format!("[{}]", vec![alert; load.each as usize].join(","));
        let head = format!(
            "POST /api/v2/alerts HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let text = head + &body;
        let all = |what: &str| text.match_indices(what).map(|(at, _)| at).collect();
        Template { numbers: all(NUMBER), names: all(NAME), bytes: text.into_bytes() }
    }

    fn fill(&mut self, first: u64) {
        // Each number stands twice: as a label, and in the summary.
        for (i, at) in self.numbers.iter().enumerate() {
            digits(&mut self.bytes[*at..*at + NUMBER.len()], first + i as u64 / 2);
        }
        for (i, at) in self.names.iter().enumerate() {
            digits(&mut self.bytes[*at..*at + 3], (first + i as u64) % NAMES);
        }
    }
}

fn digits(place: &mut [u8], mut n: u64) {
    for byte in place.iter_mut().rev() {
        *byte = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

/// Sends them.
pub(crate) fn send(to: SocketAddr, load: Load) -> Result<Taken> {
    let next = AtomicU64::new(0);
    let taken = AtomicU64::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let clients: Vec<_> =
            (0..load.clients).map(|_| scope.spawn(|| client(to, &load, &next, &taken, began))).collect();
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        Ok(())
    })?;
    Ok(Taken { alerts: taken.into_inner(), took: began.elapsed() })
}

fn client(to: SocketAddr, load: &Load, next: &AtomicU64, taken: &AtomicU64, began: Instant) -> Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut template = Template::new(to, load);
    let mut buffer = vec![0; 4096];
    while began.elapsed() < load.time {
        let first = next.fetch_add(load.each, Ordering::Relaxed);
        if first + load.each > load.most {
            break;
        }
        template.fill(load.first + first);
        stream.write_all(&template.bytes)?;
        let mut have = 0;
        loop {
            let n = stream.read(buffer.get_mut(have..).context("a long answer")?)?;
            if n == 0 {
                bail!("the connection was closed");
            }
            have += n;
            let answer = &buffer[..have];
            if length(answer).is_some_and(|l| l <= have) {
                if !answer.starts_with(b"HTTP/1.1 200") {
                    bail!("not taken: {}", String::from_utf8_lossy(answer));
                }
                break;
            }
        }
        taken.fetch_add(load.each, Ordering::Relaxed);
    }
    Ok(())
}
