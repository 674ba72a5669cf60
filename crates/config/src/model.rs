//! The configuration as the rooms read it: checked, with every reference resolved and every default filled in.
//!
//! What decisions need of it is [`foghorn_core::setup::Setup`]; the rest (addresses, secrets, targets) is here and
//! never enters the journal.

use crate::expect::Expectation;
pub use crate::here::Places;
use crate::secret::Secret;
use foghorn_core::setup::Setup;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A good configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the journal keeps.
    pub setup: Arc<Setup>,
    /// Listeners and directories.
    pub server: Server,
    /// How alerts come in, by integration's name.
    pub integrations: BTreeMap<String, Integration>,
    /// How pages go out, by channel's name.
    pub channels: BTreeMap<String, Channel>,
    /// Addresses: person, then in the order of [`foghorn_core::setup::Person::contacts`].
    pub addresses: BTreeMap<String, Vec<String>>,
    /// What is measured, by check's name. Heartbeats are in [`Setup::checks`] only, with their ping keys in
    /// [`Config::pings`].
    pub checks: BTreeMap<String, Arc<Check>>,
    /// Ping keys of heartbeats.
    pub pings: BTreeMap<String, Ping>,
    /// The public page, if there is one.
    pub status_page: Option<StatusPage>,
    /// Things to say at the start that are no errors: `file:line:column: text`. [`Config::warnings_here`] has more.
    pub warnings: Vec<String>,
    /// Where stands what only this machine or this moment can judge.
    pub places: Places,
    /// Secrets that could not be found (an unset variable, a missing file), where the key stands and what it was to be
    /// read from. Using one fails, which is paged; the rest runs.
    pub missing_secrets: Vec<String>,
}

/// Listeners and directories.
#[derive(Clone, Debug)]
pub struct Server {
    /// Console, API, intake.
    pub listen: SocketAddr,
    /// For the links in pages; no trailing slash.
    pub public_url: String,
    /// Journal, history, last good configuration. Relative to the configuration file.
    pub data_dir: PathBuf,
    /// Nothing but links in pages, providers' callbacks, pings.
    pub links_listen: Option<SocketAddr>,
    /// Built-in TLS for `listen` and `links_listen`.
    pub tls: Option<Tls>,
    /// API tokens.
    pub tokens: BTreeMap<String, Token>,
    /// How long an append may take before Foghorn goes on from memory.
    pub journal_deadline: Duration,
    /// The largest request body taken in.
    pub max_body: usize,
    /// Requests a second that one integration may send, with twice as many in a burst.
    pub rate_limit: f64,
    /// How many per cent of a listener's connections one address may have, from 1 to 100.
    pub address_share: u8,
    /// Where the reference targets are that tell a blind location from a sick target.
    pub reference_targets: Vec<SocketTarget>,
    /// Pings every heartbeat, at `/ping/KEY/NAME`. Copied to [`Config::pings`] where a heartbeat has no key of its own.
    pub ping_key: Option<Secret>,
}

/// A `host:port` that is resolved when used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketTarget {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Files that are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM, leaf first.
    pub cert_file: PathBuf,
    /// PEM.
    pub key_file: PathBuf,
}

/// An API token.
#[derive(Clone, Debug)]
pub struct Token {
    /// Never shown.
    pub secret: Secret,
    /// What its bearer may do.
    pub role: Role,
    /// The person it stands for, if any.
    pub person: Option<String>,
}

/// What somebody may do: each role may all that the ones before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See.
    Viewer,
    /// Acknowledge, resolve, note, silence, override.
    Responder,
    /// Reload, backup.
    Admin,
}

/// How one integration's alerts come in.
#[derive(Clone, Debug)]
pub enum Integration {
    /// `POST /api/v2/alerts`; the token is optional on loopback.
    Alertmanager {
        /// Bearer token or Basic password that the sender must show.
        token: Option<Secret>,
    },
    /// `POST /v2/enqueue`.
    PagerDuty {
        /// 32 characters.
        routing_key: Secret,
    },
    /// `POST /api/intake/grafana/NAME`.
    Grafana {
        /// Bearer token or Basic password that the sender must show.
        token: Option<Secret>,
    },
}

/// How a heartbeat is pinged: `/ping/UUID` or `/ping/KEY/SLUG`; with neither (on loopback alone) `/ping/SLUG`.
#[derive(Clone, Debug)]
pub struct Ping {
    /// The whole of the address for `/ping/UUID`.
    pub uuid: Option<Secret>,
    /// The project's key for `/ping/KEY/SLUG`; the slug is the check's name.
    pub key: Option<Secret>,
}

/// What templates of [`Channel::Http`] may name.
pub const TEMPLATE_VARIABLES: &[&str] = &[
    "ack_url",
    "alerts",
    "alerts_total",
    "attempt",
    "by",
    "changes",
    "degraded",
    "downstream",
    "downstream_total",
    "drill",
    "entities",
    "entities_total",
    "headline",
    "id",
    "incident",
    "kind",
    "next",
    "person",
    "person_name",
    "runbooks",
    "sent_at",
    "severity",
    "short_text",
    "step",
    "text",
    "title",
    "to",
    "urgency",
    "url",
    "why",
];

/// Filters of such templates, besides those that the language has.
pub const TEMPLATE_FILTERS: &[&str] = &["json", "urlencode"];

/// How a page goes out.
#[derive(Clone, Debug)]
pub enum Channel {
    /// E-mail by SMTP.
    Smtp {
        /// `smtp://`, `smtp+starttls://` or `smtps://`, with user and password if needed.
        url: Secret,
        /// `Name <address>`.
        from: String,
    },
    /// JSON by POST, signed per Standard Webhooks.
    Webhook {
        /// Where to.
        url: Secret,
        /// `whsec_` and base64, or any text.
        secret: Option<Secret>,
    },
    /// ntfy, with its emergency priority.
    Ntfy {
        /// The server, without the topic (the contact's `to`).
        url: String,
        /// Access token.
        token: Option<Secret>,
    },
    /// Slack's incoming webhook.
    Slack {
        /// The secret address that Slack gave.
        url: Secret,
    },
    /// A call that reads the page aloud and takes a key press, through Twilio.
    TwilioVoice(Twilio),
    /// A text message through Twilio.
    TwilioSms(Twilio),
    /// A program: the page as JSON on its standard input.
    Exec {
        /// Program and arguments; no shell.
        command: Vec<String>,
        /// It is killed after this long.
        timeout: Duration,
        /// What the variables in the command stand for: nobody is shown them.
        hidden: Vec<Secret>,
    },
    /// Any HTTP API, by a template.
    Http {
        /// A template too: `{{ to }}`, `{{ title }}` ...
        url: Secret,
        /// Upper case.
        method: String,
        /// Values are templates.
        headers: BTreeMap<String, Secret>,
        /// Template; empty for none.
        body: String,
        /// What the variables in the body stand for: nobody is shown them.
        hidden: Vec<Secret>,
    },
}

/// A Twilio account.
#[derive(Clone, Debug)]
pub struct Twilio {
    /// `https://api.twilio.com` unless told otherwise.
    pub url: String,
    /// `AC...`.
    pub account: String,
    /// Auth token; also signs Twilio's callbacks.
    pub token: Secret,
    /// Number in E.164, or a messaging service's id.
    pub from: String,
}

/// One active measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// As in the file.
    pub name: String,
    /// What is done.
    pub kind: CheckKind,
    /// From the beginning of one to the beginning of the next.
    pub every: Duration,
    /// For the whole measurement.
    pub timeout: Duration,
    /// So many failures in a row make it *detected*; at least 1.
    pub fail_after: u32,
    /// So many good ones in a row end it; at least 1.
    pub recover_after: u32,
    /// All must hold.
    pub expect: Vec<Expectation>,
    /// What the variables in what is sent or run stand for: nobody is shown them.
    pub hidden: Vec<Secret>,
}

/// What a check does.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckKind {
    /// One request, or several with values carried over.
    Http(HttpCheck),
    /// Connect, send, expect.
    Tcp {
        /// Where to.
        target: SocketTarget,
        /// Bytes to send after connecting.
        send: Option<String>,
        /// What the answer must contain.
        contains: Option<String>,
    },
    /// Handshake; chain, name and days to expiry are looked at.
    Tls {
        /// Where to.
        target: SocketTarget,
        /// The name that the certificate must be for.
        server_name: String,
        /// Fails when fewer days are left.
        min_days: u32,
        /// Extra root certificates, PEM.
        ca_file: Option<PathBuf>,
    },
    /// One question to one resolver.
    Dns {
        /// The name asked for.
        name: String,
        /// `A`, `AAAA`, `CNAME`, `MX`, `NS`, `TXT`, `SOA`, `PTR`, `SRV`, `CAA`.
        record: String,
        /// Whom to ask; `None` for the host's own first resolver.
        resolver: Option<SocketAddr>,
        /// Every one of these must be among the answers.
        answer: Vec<String>,
    },
    /// Echo request.
    Icmp {
        /// Name or address.
        host: String,
    },
    /// A Nagios plugin.
    Exec {
        /// Program and arguments; no shell.
        command: Vec<String>,
        /// Added to a minimal environment.
        env: BTreeMap<String, Secret>,
    },
}

/// HTTP requests that make one check.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpCheck {
    /// At least one.
    pub steps: Vec<HttpStep>,
    /// Use the last connection again (then connect and tls take no time).
    pub keep_alive: bool,
    /// Ask for HTTP/2: ALPN over TLS, prior knowledge without.
    pub http2: bool,
    /// Follow so many redirects; 0 by default.
    pub redirects: u32,
    /// Take any certificate.
    pub insecure: bool,
    /// Extra root certificates, PEM.
    pub ca_file: Option<PathBuf>,
    /// Connect here instead of what the URL's name resolves to: straight to an instance, around the proxy.
    pub connect_to: Option<SocketTarget>,
    /// Bind to this address.
    pub source: Option<IpAddr>,
}

/// One request. `{{name}}` in url, header values and body is replaced by a captured value: see
/// [`Placeholder`](crate::placeholder::Placeholder).
#[derive(Clone, Debug, PartialEq)]
pub struct HttpStep {
    /// Upper case.
    pub method: String,
    /// `http://` or `https://`.
    pub url: Secret,
    /// In order.
    pub headers: Vec<(String, Secret)>,
    /// Empty for none.
    pub body: Secret,
    /// All must hold, after this step.
    pub expect: Vec<Expectation>,
    /// Name of the value, and where it is found in the answer.
    pub capture: Vec<(String, Capture)>,
}

/// Where a value to carry over is found.
#[derive(Clone, Debug)]
pub enum Capture {
    /// A JSON path into the body.
    Json(crate::expect::JsonPath),
    /// A header's value.
    Header(String),
    /// A cookie's value.
    Cookie(String),
    /// The first group of a regular expression over the body.
    Regex(regex::Regex),
}

impl PartialEq for Capture {
    fn eq(&self, other: &Capture) -> bool {
        match (self, other) {
            (Capture::Json(a), Capture::Json(b)) => a == b,
            (Capture::Header(a), Capture::Header(b)) | (Capture::Cookie(a), Capture::Cookie(b)) => a == b,
            (Capture::Regex(a), Capture::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

/// What the public sees.
#[derive(Clone, Debug)]
pub struct StatusPage {
    /// Its own listener.
    pub listen: SocketAddr,
    /// Built-in TLS for it.
    pub tls: Option<Tls>,
    /// Title.
    pub name: String,
    /// Components in the order of the file, with the entities behind each.
    pub components: Vec<(String, Vec<String>)>,
}

impl Config {
    /// A fingerprint of what decisions need: SHA-256 of [`Setup`] as JSON, in hexadecimal. It changes when that does.
    #[must_use]
    pub fn setup_hash(&self) -> String {
        use sha2::Digest as _;
        // Maps are ordered and there are no floating-point numbers, so the same setup is the same text. Nothing in
        // it can fail to be written.
        let json = serde_json::to_vec(&*self.setup).unwrap_or_default();
        sha2::Sha256::digest(&json).iter().map(|b| format!("{b:02x}")).collect()
    }
}
