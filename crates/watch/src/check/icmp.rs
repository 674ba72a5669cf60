//! `icmp`: one echo request. An unprivileged socket where the host allows it, else a raw one.

use super::trace::{Doing, ShowTime, Trace};
use super::{Env, Trouble};
use crate::connect;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::UdpSocket;
use tokio::time::Instant;

/// Random bytes by which the answer is known: the kernel chooses the identifier of an unprivileged socket.
const MARK: usize = 16;

pub(super) async fn run(host: &str, env: &Env, trace: &mut Trace) -> Result<String, Trouble> {
    let addresses = connect::resolve(&env.resolver, host, trace).await?;
    let Some(ip) = addresses.first().copied() else {
        return Err(Trouble::Bad(format!("{host} has no address")));
    };
    let peer = SocketAddr::new(ip, 0);
    let trouble = |e: &io::Error| connect::trouble(e, peer);
    let (socket, raw) = open(ip)?;
    socket.connect(&peer.into()).map_err(|e| trouble(&e))?;
    // Connected, sent and received by the same system calls as a UDP socket, so that tokio's serves.
    let socket = UdpSocket::from_std(socket.into()).map_err(|e| trouble(&e))?;
    let mut mark = [0; MARK];
    getrandom::fill(&mut mark).map_err(|e| Trouble::Unknown(format!("this host has no randomness: {e}")))?;
    let packet = echo_request(ip.is_ipv4(), &mark);
    trace.doing = Doing::Other(format!("echo request sent to {ip}"));
    let began = Instant::now();
    socket.send(&packet).await.map_err(|e| trouble(&e))?;
    let mut buffer = [0; 1500];
    loop {
        let n = socket.recv(&mut buffer).await.map_err(|e| trouble(&e))?;
        let has_header = raw && ip.is_ipv4();
        if is_answer(buffer.get(..n).unwrap_or_default(), ip.is_ipv4(), has_header, &mark) {
            let took = began.elapsed();
            trace.phases.first_byte = Some(took);
            return Ok(format!("{ip} answered in {}", ShowTime(took)));
        }
    }
}

/// A socket, and whether it is a raw one.
fn open(ip: IpAddr) -> Result<(Socket, bool), Trouble> {
    let (domain, protocol) =
        if ip.is_ipv4() { (Domain::IPV4, Protocol::ICMPV4) } else { (Domain::IPV6, Protocol::ICMPV6) };
    let attempt = |kind: Type| Socket::new(domain, kind.nonblocking(), Some(protocol));
    match attempt(Type::DGRAM) {
        Ok(socket) => Ok((socket, false)),
        Err(_) => match attempt(Type::RAW) {
            Ok(socket) => Ok((socket, true)),
            Err(e) => Err(Trouble::Unknown(format!(
                "this host does not let Foghorn ping ({e}): set net.ipv4.ping_group_range to include its group, or \
                 give it CAP_NET_RAW"
            ))),
        },
    }
}

/// Type, code, checksum, identifier, sequence, and the mark.
fn echo_request(v4: bool, mark: &[u8; MARK]) -> Vec<u8> {
    let kind = if v4 { 8 } else { 128 };
    let mut packet = vec![kind, 0, 0, 0, mark[0], mark[1], 0, 1];
    packet.extend(mark);
    if v4 {
        // The kernel fills it in for IPv6, where it covers the addresses too.
        let sum = checksum(&packet).to_be_bytes();
        packet.splice(2..4, sum);
    }
    packet
}

/// RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let mut sum: u32 = packet
        .chunks(2)
        .map(|pair| match pair {
            [a, b] => u32::from(u16::from_be_bytes([*a, *b])),
            [a] => u32::from(u16::from_be_bytes([*a, 0])),
            _ => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn is_answer(packet: &[u8], v4: bool, has_header: bool, mark: &[u8; MARK]) -> bool {
    let header = match packet.first() {
        Some(first) if has_header => usize::from(first & 0x0f) * 4,
        _ => 0,
    };
    let Some(icmp) = packet.get(header..) else { return false };
    let kind = if v4 { 0 } else { 129 };
    icmp.first() == Some(&kind) && icmp.get(8..8 + MARK) == Some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_checks_out() {
        let packet = echo_request(true, &[7; MARK]);
        assert_eq!(packet.len(), 8 + MARK);
        assert_eq!(checksum(&packet), 0, "a packet with its checksum in place sums to zero");
    }

    #[test]
    fn an_answer_is_known_by_its_mark() {
        let mut packet = echo_request(true, &[7; MARK]);
        assert!(!is_answer(&packet, true, false, &[7; MARK]), "the request itself, seen on loopback");
        packet[0] = 0;
        assert!(is_answer(&packet, true, false, &[7; MARK]));
        assert!(!is_answer(&packet, true, false, &[8; MARK]));
        let with_header = [&[0x45; 20], packet.as_slice()].concat();
        assert!(is_answer(&with_header, true, true, &[7; MARK]));
    }

    proptest! {
        #[test]
        fn any_packet_is_looked_at(packet in proptest::collection::vec(any::<u8>(), 0..100), v4: bool, header: bool) {
            prop_assert!(!is_answer(&packet, v4, header, &[0xa5; MARK]) || packet.len() >= 8 + MARK);
        }
    }
}
