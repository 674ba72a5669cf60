//! Topology, checks, maintenance, the public page.

use super::TlsFiles;
use super::texts::{CaptureText, Expect};
use crate::read::{List, MaybeHidden, OneOrMany, Spanned, Table, record};
use crate::scalars::{AnyText, Host, HostPort, HttpUrl, Method, Moment, RecordKind, Resolver, Zone};
use crate::secret::Secret;
use foghorn_core::setup::EntityKind;
use foghorn_core::words::{Severity, Urgency};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

record! {
    /// A thing in the topology.
    Entity {
        /// What sort of thing it is.
        kind: Spanned<EntityKind> = "service",
        /// What it runs on.
        runs_on: OneOrMany<Spanned<String>>,
        /// What it needs.
        depends_on: OneOrMany<Spanned<String>>,
        /// Whom its alerts page; the nearest entity up the topology that names one counts.
        escalation: Option<Spanned<String>>,
        /// What to do when it is unwell, as a link.
        runbook: Option<Spanned<HttpUrl>>,
    }
}

record! {
    /// Something that is measured. Exactly one of `http`, `tcp`, `tls`, `dns`, `icmp`, `exec` and `heartbeat`.
    Check {
        /// What is unwell when it fails.
        entity: Option<Spanned<String>>,
        /// HTTP requests: a URL, or a group.
        http: Option<Http>,
        /// A TCP connection: `host:port`, or a group.
        tcp: Option<Tcp>,
        /// A certificate: `host:port`, or a group.
        tls: Option<TlsCheck>,
        /// A DNS question: a name, or a group.
        dns: Option<Dns>,
        /// An echo request: a host.
        icmp: Option<Icmp>,
        /// A Nagios plugin: program and arguments, or a group.
        exec: Option<Exec>,
        /// Waits to be pinged, and fails on silence.
        heartbeat: Option<Heartbeat>,
        /// From the beginning of one measurement to the beginning of the next. Default: 30s.
        every: Option<Spanned<Duration>>,
        /// For the whole measurement. Default: 10s, or four fifths of `every` if that is less, so that a target that hangs is done with before the next one.
        timeout: Option<Spanned<Duration>>,
        /// So many failures in a row make it failing. Default: 2.
        fail_after: Option<Spanned<u32>>,
        /// So many good measurements in a row end it. Default: 2.
        recover_after: Option<Spanned<u32>>,
        /// A failure is detected at once and paged after this long, so that a reload wakes nobody. Default: 30s; for heartbeats, whose grace it is, 0s.
        fail_for: Option<Spanned<Duration>>,
        /// What must hold. Unless one looks at the status, an HTTP check also expects `status in 200..399`, a plugin `status == 0`.
        expect: OneOrMany<Expect>,
        /// How bad a failure is.
        severity: Spanned<Severity> = "critical",
        /// Overrides what the severity gives.
        urgency: Option<Spanned<Urgency>>,
        /// Whom to page, instead of the entity's own.
        escalation: Option<Spanned<String>>,
        /// What to do when it fails, as a link.
        runbook: Option<Spanned<HttpUrl>>,
    }
}

record! {
    /// One HTTP request, or several steps with values carried over.
    Http short "url" {
        /// `http://` or `https://`.
        url: Option<Spanned<Secret>>,
        /// HTTP method.
        method: Option<Spanned<Method>>,
        /// Sent with the request.
        headers: Table<Secret>,
        /// Sent with the request.
        body: Option<Spanned<Secret>>,
        /// Several requests, instead of `url`.
        steps: List<HttpStep>,
        /// Use the last connection again.
        keep_alive: Spanned<bool> = "false",
        /// Ask for HTTP/2: ALPN over TLS, prior knowledge without.
        http2: Spanned<bool> = "false",
        /// Follow so many redirects.
        redirects: Spanned<u32> = "0",
        /// Take any certificate.
        insecure: Spanned<bool> = "false",
        /// Extra root certificates, PEM.
        ca_file: Option<Spanned<String>>,
        /// Connect to this `host:port` instead of what the URL names: straight to an instance, around the proxy.
        connect_to: Option<Spanned<HostPort>>,
        /// Bind to this address.
        source: Option<Spanned<IpAddr>>,
    }
}

record! {
    /// One request of several. `{{name}}` in url, header values and body is replaced by a captured value, `{{name|urlencode}}` by one for an address or a form, `{{name|json}}` by one in JSON's quotes.
    HttpStep short "url" {
        /// `http://` or `https://`.
        url: Spanned<Secret>,
        /// HTTP method.
        method: Spanned<Method> = "GET",
        /// Sent with the request.
        headers: Table<Secret>,
        /// Sent with the request.
        body: Option<Spanned<Secret>>,
        /// What must hold after this step.
        expect: OneOrMany<Expect>,
        /// Values to carry over: `json $.path`, `header NAME`, `cookie NAME` or `regex PATTERN` (its first group).
        capture: Table<CaptureText>,
    }
}

record! {
    /// Connect, send, expect.
    Tcp short "target" {
        /// `host:port`.
        target: Spanned<HostPort>,
        /// Sent after connecting.
        send: Option<Spanned<AnyText>>,
        /// What the answer must contain.
        contains: Option<Spanned<String>>,
    }
}

record! {
    /// Handshake; chain, name and days to expiry are looked at.
    TlsCheck short "target" {
        /// `host:port`; the port is 443 unless it is written.
        target: Spanned<HostPort>,
        /// The name that the certificate must be for. Default: the host.
        server_name: Option<Spanned<Host>>,
        /// Fails when fewer days are left.
        min_days: Spanned<u32> = "14",
        /// Extra root certificates, PEM.
        ca_file: Option<Spanned<String>>,
    }
}

record! {
    /// One question to one resolver.
    Dns short "name" {
        /// The name asked for.
        name: Spanned<Host>,
        /// What kind of record.
        record: Spanned<RecordKind> = "A",
        /// Whom to ask. Default: the host's own first resolver.
        resolver: Option<Spanned<Resolver>>,
        /// All of these must be among the answers.
        answer: OneOrMany<Spanned<String>>,
    }
}

record! {
    /// Echo request.
    Icmp short "host" {
        /// Name or address.
        host: Spanned<Host>,
    }
}

record! {
    /// A Nagios plugin: exit codes and performance data.
    Exec short "command" {
        /// Program and arguments; no shell. A program with a `/` is a file, relative to the configuration file's folder.
        command: List<Spanned<AnyText>>,
        /// Added to a minimal environment.
        env: Table<Secret>,
    }
}

record! {
    /// A check that waits to be pinged, at `/ping/UUID`, `/ping/KEY/NAME`, or on loopback alone `/ping/NAME`.
    Heartbeat {
        /// A ping is due this often.
        every: Spanned<Duration>,
        /// How late it may be.
        grace: Spanned<Duration> = "1m",
        /// The whole of its address.
        uuid: MaybeHidden,
        /// A key for `/ping/KEY/NAME`, instead of `server.ping_key`.
        ping_key: MaybeHidden,
    }
}

record! {
    /// Planned work: alerts of these entities are expected.
    Maintenance {
        /// What is worked on; what depends on it is not covered.
        entities: OneOrMany<Spanned<String>>,
        /// On the calendar of `time_zone`, unless it has an offset.
        starts: Spanned<Moment>,
        /// After `starts`.
        ends: Spanned<Moment>,
        /// For `starts` and `ends`.
        time_zone: Spanned<Zone> = "UTC",
        /// Why.
        reason: Spanned<String>,
    }
}

record! {
    /// What the public sees.
    StatusPage {
        /// Its own listener, never the console's.
        listen: Spanned<SocketAddr>,
        /// Built-in TLS.
        tls: Option<TlsFiles>,
        /// Title.
        name: Spanned<String>,
        /// A name for the public, and the entities behind it.
        components: Table<OneOrMany<Spanned<String>>>,
    }
}
