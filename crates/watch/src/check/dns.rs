//! `dns`: one question to one resolver, over UDP, and over TCP if the answer does not fit.

use super::Trouble;
use super::trace::{Doing, ShowTime, Trace};
use crate::connect;
use foghorn_config::expect::same_answer;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::Instant;

/// A question over UDP that was not answered is sent again after this long.
const AGAIN: Duration = Duration::from_secs(1);
/// More answers are not kept.
const MOST: usize = 256;

pub(super) async fn run(
    name: &str,
    record: &str,
    resolver: Option<SocketAddr>,
    expected: &[String],
    none_expected: bool,
    trace: &mut Trace,
) -> Result<String, Trouble> {
    let question = question(name, record)?;
    let server = match resolver {
        Some(server) => server,
        None => hosts_own(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default()),
    };
    let began = Instant::now();
    trace.doing = Doing::Other(format!("question sent to {server}"));
    let mut reply = over_udp(&question, server, trace).await?;
    if reply.metadata.truncation {
        reply = over_tcp(&question, server).await?;
    }
    let took = began.elapsed();
    trace.phases.first_byte = Some(took);
    match reply.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain if none_expected => {}
        ResponseCode::NXDomain => return Err(Trouble::Bad(format!("{server} says that there is no {name}"))),
        code => return Err(Trouble::Bad(format!("{server} answered {code} for {name}"))),
    }
    let answers = answers(&reply, question.query_type);
    trace.seen.answers = Some(answers.clone());
    if answers.is_empty() && none_expected {
        return Ok(format!("{server} has no {record} record for {name}, in {}", ShowTime(took)));
    }
    if answers.is_empty() {
        return Err(Trouble::Bad(format!("{server} has no {record} record for {name}")));
    }
    let missing: Vec<&str> =
        expected.iter().filter(|e| !answers.iter().any(|a| same_answer(a, e))).map(String::as_str).collect();
    if !missing.is_empty() {
        return Err(Trouble::Bad(format!(
            "{server} answered {} for {name}, without {}",
            answers.join(", "),
            missing.join(", ")
        )));
    }
    Ok(format!("{} in {}", answers.join(", "), ShowTime(took)))
}

fn question(name: &str, record: &str) -> Result<Query, Trouble> {
    let kind = RecordType::from_str(&record.to_ascii_uppercase())
        .map_err(|_| Trouble::Unknown(format!("{record} is no kind of record")))?;
    let mut asked = match name.parse::<IpAddr>() {
        Ok(ip) if kind == RecordType::PTR => Name::from(ip),
        _ => Name::from_utf8(name).map_err(|e| Trouble::Unknown(format!("{name} is no name: {e}")))?,
    };
    asked.set_fqdn(true);
    Ok(Query::query(asked, kind))
}

/// The first `nameserver` of resolv.conf; without one it is the host itself, as for the C library.
fn hosts_own(resolv_conf: &str) -> SocketAddr {
    let ip = resolv_conf.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()).flatten()
    });
    SocketAddr::new(ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 53)
}

/// The message to send, under a random id.
fn ask(question: &Query) -> Result<(u16, Vec<u8>), Trouble> {
    let id =
        getrandom::u32().map_err(|e| Trouble::Unknown(format!("this host has no randomness: {e}")))? as u16;
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(question.clone());
    let bytes =
        message.to_vec().map_err(|e| Trouble::Unknown(format!("the question cannot be written: {e}")))?;
    Ok((id, bytes))
}

/// The answer to this very question; anything else is somebody else's.
fn accept(bytes: &[u8], id: u16, question: &Query) -> Option<Message> {
    let message = Message::from_vec(bytes).ok()?;
    let same_question = match message.queries.as_slice() {
        [q] => {
            q.name == question.name
                && q.query_type == question.query_type
                && q.query_class == question.query_class
        }
        // Some servers leave the question out of an error.
        [] => message.metadata.response_code != ResponseCode::NoError,
        _ => false,
    };
    let ours = message.metadata.id == id && message.metadata.message_type == MessageType::Response;
    (ours && same_question).then_some(message)
}

async fn over_udp(question: &Query, server: SocketAddr, trace: &mut Trace) -> Result<Message, Trouble> {
    let trouble = |e: std::io::Error| connect::trouble(&e, server);
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // Port 0: the kernel chooses a random one, which together with the id is what a forger would have to guess.
    let socket = UdpSocket::bind((any, 0)).await.map_err(trouble)?;
    socket.connect(server).await.map_err(trouble)?;
    let (id, bytes) = ask(question)?;
    let mut buffer = [0; 4096];
    loop {
        socket.send(&bytes).await.map_err(trouble)?;
        let until = Instant::now() + AGAIN;
        while let Ok(received) = tokio::time::timeout_at(until, socket.recv(&mut buffer)).await {
            let n = received.map_err(trouble)?;
            let bytes = buffer.get(..n).unwrap_or_default();
            if let Some(message) = accept(bytes, id, question) {
                return Ok(message);
            }
            // It may be late, or forged: the right one may still come.
            let what = match Message::from_vec(bytes) {
                Ok(_) => "an answer to another question",
                Err(_) => "what is no DNS message",
            };
            trace.doing = Doing::Refusing(format!("{server} answered with {what}"));
        }
    }
}

async fn over_tcp(question: &Query, server: SocketAddr) -> Result<Message, Trouble> {
    let trouble = |e: std::io::Error| connect::trouble(&e, server);
    let mut stream = TcpStream::connect(server).await.map_err(trouble)?;
    let (id, bytes) = ask(question)?;
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes(), bytes.as_slice()].concat()).await.map_err(trouble)?;
    let length = stream.read_u16().await.map_err(trouble)?;
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await.map_err(trouble)?;
    accept(&reply, id, question).ok_or_else(|| {
        Trouble::Bad(format!("{server} answered over TCP with what is no answer to the question"))
    })
}

/// The records of the kind asked for, as people write them: no dot at the end of names.
fn answers(reply: &Message, kind: RecordType) -> Vec<String> {
    reply.answers.iter().filter(|r| r.record_type() == kind).take(MOST).map(|r| text(&r.data)).collect()
}

fn text(data: &RData) -> String {
    let name = |n: &Name| n.to_utf8().trim_end_matches('.').to_ascii_lowercase();
    match data {
        RData::CNAME(n) => name(n),
        RData::NS(n) => name(n),
        RData::PTR(n) => name(n),
        RData::MX(mx) => format!("{} {}", mx.preference, name(&mx.exchange)),
        RData::SRV(s) => format!("{} {} {} {}", s.priority, s.weight, s.port, name(&s.target)),
        RData::SOA(s) => format!("{} {} {}", name(&s.mname), name(&s.rname), s.serial),
        RData::TXT(t) => t.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hosts_own_resolver() {
        assert_eq!(
            hosts_own("# x\nsearch a\nnameserver 192.0.2.53\nnameserver ::1\n"),
            "192.0.2.53:53".parse().unwrap()
        );
        assert_eq!(hosts_own("nameserver fe80::1\n"), "[fe80::1]:53".parse().unwrap());
        assert_eq!(hosts_own("nameserver\n"), "127.0.0.1:53".parse().unwrap());
    }

    #[test]
    fn only_the_answer_to_the_question_counts() {
        let asked = question("Shop.example", "A").unwrap();
        let reply = |id, name: &str, kind| {
            let mut m = Message::response(id, OpCode::Query);
            m.add_query(Query::query(Name::from_utf8(name).unwrap(), kind));
            m.to_vec().unwrap()
        };
        assert!(accept(&reply(7, "shop.example.", RecordType::A), 7, &asked).is_some());
        assert!(accept(&reply(8, "shop.example.", RecordType::A), 7, &asked).is_none(), "another id");
        assert!(accept(&reply(7, "evil.example.", RecordType::A), 7, &asked).is_none(), "another name");
        assert!(accept(&reply(7, "shop.example.", RecordType::MX), 7, &asked).is_none(), "another kind");
        let (_, query) = ask(&asked).unwrap();
        let id = u16::from_be_bytes([query[0], query[1]]);
        assert!(accept(&query, id, &asked).is_none(), "the question itself, reflected");
    }

    #[test]
    fn an_address_is_asked_for_in_reverse() {
        assert_eq!(question("192.0.2.7", "PTR").unwrap().name.to_string(), "7.2.0.192.in-addr.arpa.");
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(bytes in proptest::collection::vec(any::<u8>(), 0..600), id: u16) {
            let asked = question("shop.example", "TXT").unwrap();
            if let Some(message) = accept(&bytes, id, &asked) {
                prop_assert!(answers(&message, RecordType::TXT).len() <= MOST);
            }
        }

        #[test]
        fn a_damaged_answer_is_looked_at(flip in 0usize..60, to: u8, cut in 0usize..60) {
            let asked = question("shop.example", "TXT").unwrap();
            let mut m = Message::response(7, OpCode::Query);
            m.add_query(asked.clone());
            let txt = hickory_proto::rr::rdata::TXT::new(vec!["v=spf1 -all".to_owned()]);
            m.add_answer(hickory_proto::rr::Record::from_rdata(asked.name.clone(), 60, RData::TXT(txt)));
            let mut bytes = m.to_vec().unwrap();
            if let Some(b) = bytes.get_mut(flip) {
                *b = to;
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            if let Some(message) = accept(&bytes, 7, &asked) {
                answers(&message, RecordType::TXT);
            }
        }
    }
}
