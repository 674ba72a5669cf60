//! Distinct alerts by Alertmanager's API, as fast as they are taken: so many clients, each with one connection and one
//! request at a time. It shares its cores with what it measures, so a request is made by writing numbers into a text, and
//! one thread is all clients: as many threads cost twice as much, and what they wait for each other was measured too.

use super::target::length;
use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
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
    let mut poll = Poll::new()?;
    let mut clients = Vec::new();
    for token in 0..load.clients as usize {
        let stream = std::net::TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(token), both)?;
        clients.push(Client {
            stream,
            request: Template::new(to, &load),
            sent: 0,
            answer: vec![0; 4096],
            have: 0,
        });
    }
    let (mut next, mut taken, mut waiting) = (0, 0, 0);
    let began = Instant::now();
    for client in &mut clients {
        waiting += u64::from(client.begin(&load, &mut next, began)?);
    }
    let mut events = Events::with_capacity(256);
    while waiting > 0 {
        poll.poll(&mut events, Some(LONGEST))?;
        if events.is_empty() {
            bail!("no answer for {} s", LONGEST.as_secs());
        }
        for event in &events {
            let Some(client) = clients.get_mut(event.token().0) else { continue };
            client.write()?;
            if client.answered()? {
                taken += load.each;
                waiting -= 1;
                waiting += u64::from(client.begin(&load, &mut next, began)?);
            }
        }
    }
    Ok(Taken { alerts: taken, took: began.elapsed() })
}

/// An answer that takes longer will not come.
const LONGEST: Duration = Duration::from_secs(60);

/// A connection with a request on its way, or none any more.
struct Client {
    stream: TcpStream,
    request: Template,
    sent: usize,
    answer: Vec<u8>,
    have: usize,
}

impl Client {
    /// The next request. False if there is none.
    fn begin(&mut self, load: &Load, next: &mut u64, began: Instant) -> Result<bool> {
        let (first, end) = (*next, *next + load.each);
        if end > load.most || began.elapsed() >= load.time {
            self.sent = self.request.bytes.len();
            return Ok(false);
        }
        *next = end;
        self.request.fill(load.first + first);
        (self.sent, self.have) = (0, 0);
        self.write()?;
        Ok(true)
    }

    fn write(&mut self) -> Result<()> {
        while self.sent < self.request.bytes.len() {
            match self.stream.write(&self.request.bytes[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    /// Whether the answer is there, and that it was taken.
    fn answered(&mut self) -> Result<bool> {
        loop {
            match self.stream.read(self.answer.get_mut(self.have..).context("a long answer")?) {
                Ok(0) => bail!("the connection was closed"),
                Ok(n) => self.have += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e.into()),
            }
            let answer = &self.answer[..self.have];
            if length(answer).is_some_and(|l| l <= self.have) {
                if !answer.starts_with(b"HTTP/1.1 200") {
                    bail!("not taken: {}", String::from_utf8_lossy(answer));
                }
                return Ok(true);
            }
        }
    }
}
