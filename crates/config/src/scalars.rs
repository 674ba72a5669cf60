//! The small values of the file: each is a text with a meaning.

use crate::duration::parse_duration;
use crate::errors::{listed, nearest};
use crate::model::{Role, SocketTarget};
use crate::read::FromText;
use foghorn_core::schedule::{LocalTime, Turn};
use foghorn_core::setup::{EntityKind, Target};
use foghorn_core::words::{Name, Severity, Urgency};
use jiff::fmt::temporal::Pieces;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

fn described(text: &str) -> Value {
    json!({ "type": "string", "description": text })
}

impl FromText for String {
    const WANTED: &'static str = "a text";
    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("this text is empty".into()),
            _ => Ok(text.to_owned()),
        }
    }
    fn placeholder() -> Self {
        String::new()
    }
    fn shape() -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

/// A text that may be empty.
#[derive(Clone, Debug)]
pub(crate) struct AnyText(pub(crate) String);
impl FromText for AnyText {
    const WANTED: &'static str = "a text";
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(AnyText(text.to_owned()))
    }
    fn placeholder() -> Self {
        AnyText(String::new())
    }
}

impl FromText for bool {
    const WANTED: &'static str = "`true` or `false`";
    const TEXT: bool = false;
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is neither `true` nor `false`"))
    }
    fn placeholder() -> Self {
        false
    }
    fn shape() -> Value {
        json!({ "type": "boolean" })
    }
}

impl FromText for u32 {
    const WANTED: &'static str = "a whole number";
    const TEXT: bool = false;
    fn from_text(text: &str) -> Result<Self, String> {
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
        text.parse()
            .ok()
            .filter(|_| plain)
            .ok_or_else(|| format!("`{text}` is no whole number between 0 and {}", u32::MAX))
    }
    fn placeholder() -> Self {
        0
    }
    fn shape() -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
    }
}

impl FromText for f64 {
    const WANTED: &'static str = "a number";
    const TEXT: bool = false;
    fn from_text(text: &str) -> Result<Self, String> {
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        text.parse()
            .ok()
            .filter(|n: &f64| plain && n.is_finite())
            .ok_or_else(|| format!("`{text}` is no number such as `10` or `0.5`"))
    }
    fn placeholder() -> Self {
        0.0
    }
    fn shape() -> Value {
        json!({ "type": "number", "minimum": 0 })
    }
}

impl FromText for Duration {
    const WANTED: &'static str = "a duration such as `30s`";
    const TEXT: bool = false;
    fn from_text(text: &str) -> Result<Self, String> {
        parse_duration(text)
    }
    fn advice(_: &str) -> String {
        "write whole numbers with units, as in `30s`, `5m` or `1h30m`".to_owned()
    }
    fn placeholder() -> Self {
        // Long enough to be too short for nothing.
        Duration::from_secs(365 * 86_400)
    }
    fn shape() -> Value {
        json!({ "type": "string", "description": "a duration such as `30s`, `1h30m`", "pattern": r"^([0-9]+(ms|s|m|h|d|w))+$|\$\{" })
    }
}

/// A part of something, in per cent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Percent(pub(crate) u8);
impl FromText for Percent {
    const WANTED: &'static str = "a share such as `50%`";
    const TEXT: bool = false;
    fn from_text(text: &str) -> Result<Self, String> {
        let number =
            text.strip_suffix('%').map(str::trim_end).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        number
            .and_then(|n| n.parse().ok())
            .filter(|n| (1..=100).contains(n))
            .map(Percent)
            .ok_or_else(|| format!("`{text}` is no share such as `50%`, from 1% to 100%"))
    }
    fn placeholder() -> Self {
        Percent(100)
    }
    fn shape() -> Value {
        json!({ "type": "string", "description": "a share such as `50%`", "pattern": r"^(100|[1-9][0-9]?) *%$|\$\{" })
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes(pub(crate) usize);
impl FromText for Bytes {
    const WANTED: &'static str = "a size such as `10MiB`";
    const TEXT: bool = false;
    fn from_text(text: &str) -> Result<Self, String> {
        const UNITS: [(&str, usize); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
        UNITS
            .iter()
            .find_map(|(unit, size)| {
                text.strip_suffix(unit)?.trim().parse::<usize>().ok()?.checked_mul(*size)
            })
            .filter(|n| (1024..=1 << 30).contains(n))
            .map(Bytes)
            .ok_or_else(|| format!("`{text}` is no size such as `512KiB` or `10MiB`, from 1 KiB to 1 GiB"))
    }
    fn placeholder() -> Self {
        Bytes(1024)
    }
    fn shape() -> Value {
        json!({ "type": "string", "description": "a size such as `10MiB`", "pattern": r"^[0-9]+ ?[KMG]iB$|\$\{" })
    }
}

impl FromText for SocketAddr {
    const WANTED: &'static str = "an address and a port";
    fn from_text(text: &str) -> Result<Self, String> {
        let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        numeric
            .as_deref()
            .unwrap_or(text)
            .parse()
            .map_err(|_| format!("`{text}` is no IP address with a port"))
    }
    fn advice(text: &str) -> String {
        match text.trim_start_matches(':').parse::<u16>() {
            Ok(port) => format!(
                "write \"127.0.0.1:{port}\" for this machine alone, \"0.0.0.0:{port}\" or \"[::]:{port}\" for others too"
            ),
            Err(_) => "write both, as in \"127.0.0.1:7070\" or \"[::]:7070\"".to_owned(),
        }
    }
    fn placeholder() -> Self {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }
    fn shape() -> Value {
        described("an address and a port")
    }
}

impl FromText for IpAddr {
    const WANTED: &'static str = "an address";
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is no IP address"))
    }
    fn placeholder() -> Self {
        IpAddr::from([127, 0, 0, 1])
    }
    fn shape() -> Value {
        described("an address")
    }
}

/// An address whose port is 53 unless it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver(pub(crate) SocketAddr);
impl FromText for Resolver {
    const WANTED: &'static str = "a resolver's address";
    fn from_text(text: &str) -> Result<Self, String> {
        let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        bare.or_else(|_| text.parse())
            .map(Resolver)
            .map_err(|_| format!("`{text}` is no address such as `9.9.9.9` or `127.0.0.1:5353`"))
    }
    fn placeholder() -> Self {
        Resolver(SocketAddr::placeholder())
    }
    fn shape() -> Value {
        described("an address, or an address and a port")
    }
}

/// `host:port`, `host` or `[::1]:443`.
#[derive(Clone, Debug)]
pub(crate) struct HostPort {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl HostPort {
    pub(crate) fn target(self, default_port: Option<u16>) -> Result<SocketTarget, String> {
        match self.port.or(default_port) {
            Some(port) => Ok(SocketTarget { host: self.host, port }),
            None => Err(format!("the port is missing, as in `{}:443`", self.host)),
        }
    }
}

impl FromText for HostPort {
    const WANTED: &'static str = "a host and a port";
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no host with a port, such as `db1:5432` or `[::1]:443`");
        let (host, port) = match text.rsplit_once(':') {
            _ if text.parse::<IpAddr>().is_ok() => (text, None),
            Some((host, port)) => (host, Some(port.parse().ok().filter(|p| *p > 0).ok_or_else(wrong)?)),
            None => (text, None),
        };
        let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(v6) if v6.parse::<std::net::Ipv6Addr>().is_ok() => v6,
            _ => host,
        };
        if is_host(host) { Ok(HostPort { host: host.to_owned(), port }) } else { Err(wrong()) }
    }
    fn placeholder() -> Self {
        HostPort { host: String::new(), port: None }
    }
    fn shape() -> Value {
        described("`host:port`")
    }
}

/// Whether it can be a host: an address, or a name as resolvers take it (RFC 1123 and underscores).
pub(crate) fn is_host(host: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty() && l.len() <= 63 && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    host.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(label))
}

/// A host without a port.
#[derive(Clone, Debug)]
pub(crate) struct Host(pub(crate) String);
impl FromText for Host {
    const WANTED: &'static str = "a host";
    fn from_text(text: &str) -> Result<Self, String> {
        if is_host(text) {
            Ok(Host(text.to_owned()))
        } else {
            Err(format!("`{text}` is no host name or address"))
        }
    }
    fn placeholder() -> Self {
        Host(String::new())
    }
    fn shape() -> Value {
        described("a host")
    }
}

/// `http://` or `https://`, without a password in it.
#[derive(Clone, Debug)]
pub(crate) struct HttpUrl(pub(crate) String);
impl FromText for HttpUrl {
    const WANTED: &'static str = "a URL";
    fn shown(text: &str) -> bool {
        !text.contains('@')
    }
    fn from_text(text: &str) -> Result<Self, String> {
        let url = http_url(text).map_err(|why| format!("{why}, as in `https://example.com`"))?;
        match (url.username(), url.password()) {
            ("", None) => Ok(HttpUrl(text.trim_end_matches('/').to_owned())),
            _ => Err("a URL here must not hold a user or password: use the key for the secret".into()),
        }
    }
    fn placeholder() -> Self {
        HttpUrl(String::new())
    }
    fn shape() -> Value {
        json!({ "type": "string", "description": "a URL" })
    }
}

/// Reads an HTTP URL, without showing it.
pub(crate) fn http_url(text: &str) -> Result<url::Url, String> {
    read_url(text, &["http", "https"])
}

/// Reads a URL of one of these schemes. What is wrong is said without showing it: it may hold a secret.
pub(crate) fn read_url(text: &str, schemes: &[&str]) -> Result<url::Url, String> {
    use url::ParseError::{
        EmptyHost, IdnaError, InvalidDomainCharacter, InvalidIpv4Address, InvalidIpv6Address, InvalidPort,
        RelativeUrlWithoutBase,
    };
    let begin = || {
        let schemes: Vec<String> = schemes.iter().map(|s| format!("{s}://")).collect();
        format!("this URL must begin with {}", listed(schemes.iter().map(String::as_str), "or"))
    };
    let url = url::Url::parse(text).map_err(|e| match e {
        RelativeUrlWithoutBase => begin(),
        EmptyHost => "this URL names no host".to_owned(),
        InvalidPort => "the port of this URL is no number from 1 to 65535".to_owned(),
        InvalidIpv4Address | InvalidIpv6Address => "the host of this URL is no IP address".to_owned(),
        IdnaError | InvalidDomainCharacter => {
            "the host of this URL has a character that no host's name has".to_owned()
        }
        other => format!("this is no URL: {other}"),
    })?;
    // The standard takes `http:///host` for `http://host`, and nobody who writes it means that.
    let slashes = text.split_once(':').is_some_and(|(_, rest)| rest.starts_with("///"));
    match url.host_str() {
        _ if slashes => Err("this URL names no host".to_owned()),
        _ if !schemes.contains(&url.scheme()) => Err(begin()),
        None | Some("") => Err("this URL names no host".to_owned()),
        Some(_) => Ok(url),
    }
}

/// Upper case.
#[derive(Clone, Debug)]
pub(crate) struct Method(pub(crate) String);
impl FromText for Method {
    const WANTED: &'static str = "an HTTP method";
    fn from_text(text: &str) -> Result<Self, String> {
        const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        match METHODS.iter().find(|m| m.eq_ignore_ascii_case(text)) {
            Some(method) => Ok(Method((*method).to_owned())),
            None => Err(format!("`{text}` is no method: it is one of {}", listed(METHODS, "or"))),
        }
    }
    fn placeholder() -> Self {
        Method("GET".to_owned())
    }
    fn shape() -> Value {
        described("an HTTP method")
    }
}

/// A time zone of the bundled database, as it spells it.
#[derive(Clone, Debug)]
pub(crate) struct Zone(pub(crate) Name);

/// The bundled database: what an old journal means must not depend on the host's files.
fn zones() -> jiff::tz::TimeZoneDatabase {
    jiff::tz::TimeZoneDatabase::bundled()
}

impl Zone {
    pub(crate) fn tz(&self) -> Result<jiff::tz::TimeZone, String> {
        zones().get(&self.0).map_err(|e| e.to_string())
    }
}

impl FromText for Zone {
    const WANTED: &'static str = "a time zone such as `Europe/Lisbon`";
    fn from_text(text: &str) -> Result<Self, String> {
        if let Ok(tz) = zones().get(text) {
            return Ok(Zone(Name::from(tz.iana_name().unwrap_or(text))));
        }
        Err(format!("there is no time zone `{text}`"))
    }
    fn advice(text: &str) -> String {
        let names: Vec<String> = zones().available().map(|n| n.as_str().to_owned()).collect();
        match nearest(text, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "use a name of the IANA database, such as `Europe/Lisbon`".to_owned(),
        }
    }
    fn placeholder() -> Self {
        Zone(Name::from("UTC"))
    }
    fn shape() -> Value {
        described("a time zone such as `Europe/Lisbon`")
    }
}

impl FromText for LocalTime {
    const WANTED: &'static str = "a date and time such as \"2026-11-02 09:00\"";
    fn from_text(text: &str) -> Result<Self, String> {
        if has_own_zone(text) {
            return Err(format!("`{text}` has an offset or a time zone of its own"));
        }
        text.parse()
            .map(LocalTime)
            .map_err(|_| format!("`{text}` is no date and time such as \"2026-11-02 09:00\""))
    }
    fn advice(text: &str) -> String {
        let counts = "write it without: it counts in `time_zone`";
        if has_own_zone(text) { counts.to_owned() } else { String::new() }
    }
    fn placeholder() -> Self {
        LocalTime(jiff::civil::DateTime::ZERO)
    }
    fn shape() -> Value {
        described("a date and time such as \"2026-11-02 09:00\"")
    }
}

/// What reads a time on a calendar would leave that out.
fn has_own_zone(text: &str) -> bool {
    Pieces::parse(text).is_ok_and(|p| p.offset().is_some() || p.time_zone_annotation().is_some())
}

/// A moment on a calendar, or in the world if it has an offset.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    Local(LocalTime),
    World(jiff::Timestamp),
}
impl FromText for Moment {
    const WANTED: &'static str = LocalTime::WANTED;
    fn from_text(text: &str) -> Result<Self, String> {
        match text.parse() {
            // `09:00-05:00[Europe/Lisbon]` says two things.
            Ok(timestamp) if !text.contains('[') => Ok(Moment::World(timestamp)),
            _ => LocalTime::from_text(text).map(Moment::Local),
        }
    }
    fn advice(text: &str) -> String {
        let either = "write an offset alone, such as `+01:00`, or neither: then it counts in `time_zone`";
        if has_own_zone(text) { either.to_owned() } else { String::new() }
    }
    fn placeholder() -> Self {
        Moment::World(jiff::Timestamp::UNIX_EPOCH)
    }
    fn shape() -> Value {
        LocalTime::shape()
    }
}

/// How long a turn is: one number, one unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnText(pub(crate) Turn);
impl FromText for TurnText {
    const WANTED: &'static str = "the length of a turn, such as `1w`";
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no length of a turn: whole hours, days or weeks, such as `12h`, `1d` or `1w`, from `1h` up to a year"
            )
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let n: u32 = number.parse().map_err(|_| wrong())?;
        let (turn, days) = match unit {
            "h" => (Turn::Hours(n), n / 24),
            "d" => (Turn::Days(n), n),
            "w" => (Turn::Weeks(n), n.saturating_mul(7)),
            _ => return Err(wrong()),
        };
        if n > 0 && days <= 366 { Ok(TurnText(turn)) } else { Err(wrong()) }
    }
    fn placeholder() -> Self {
        TurnText(Turn::Weeks(1))
    }
    fn shape() -> Value {
        json!({ "type": "string", "description": "`12h`, `1d` or `1w`", "pattern": r"^[0-9]+[hdw]$|\$\{" })
    }
}

/// Minutes after midnight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeOfDay(pub(crate) u16);
impl FromText for TimeOfDay {
    const WANTED: &'static str = "a time such as \"09:00\"";
    fn from_text(text: &str) -> Result<Self, String> {
        let read = || {
            let (h, m) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
            let (h, m): (u16, u16) = (h.parse().ok()?, m.parse().ok()?);
            (h < 24 && m < 60 || (h, m) == (24, 0)).then_some(TimeOfDay(60 * h + m))
        };
        read().ok_or_else(|| format!("`{text}` is no time of day, such as \"09:00\", up to \"24:00\""))
    }
    fn placeholder() -> Self {
        TimeOfDay(0)
    }
    fn shape() -> Value {
        json!({ "type": "string", "description": "a time such as \"09:00\"", "pattern": r"^[0-9]{2}:[0-9]{2}$|\$\{" })
    }
}

/// `forever`, or how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeat(pub(crate) Option<u32>);
impl FromText for Repeat {
    const WANTED: &'static str = "`forever` or a number";
    const TEXT: bool = false;
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "forever" => Ok(Repeat(None)),
            _ => u32::from_text(text)
                .ok()
                .filter(|n| *n > 0)
                .map(|n| Repeat(Some(n)))
                .ok_or_else(|| format!("`{text}` is neither `forever` nor a number from 1")),
        }
    }
    fn placeholder() -> Self {
        Repeat(None)
    }
    fn shape() -> Value {
        json!({ "anyOf": [{ "const": "forever" }, { "type": "integer", "minimum": 1 }] })
    }
}

/// Whom a step pages.
#[derive(Clone, Debug)]
pub(crate) struct TargetText(pub(crate) Target);
impl FromText for TargetText {
    const WANTED: &'static str = "whom to page";
    fn from_text(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            None if text == "everyone" => Ok(TargetText(Target::Everyone)),
            Some(("schedule", name)) => Ok(TargetText(Target::Schedule(Name::from(name)))),
            Some(("person", name)) => Ok(TargetText(Target::Person(Name::from(name)))),
            _ => {
                Err(format!("`{text}` is nobody to page: write `schedule/NAME`, `person/NAME` or `everyone`"))
            }
        }
    }
    fn placeholder() -> Self {
        TargetText(Target::Person(Name::from("")))
    }
    fn shape() -> Value {
        json!({ "type": "string", "description": "`schedule/NAME`, `person/NAME` or `everyone`", "pattern": r"^(schedule/.+|person/.+|everyone)$|\$\{" })
    }
}

/// Values that are one of a few words.
macro_rules! words {
    ($($ty:ty, $wanted:literal { $($word:literal => $value:expr),* $(,)? })*) => {$(
        impl FromText for $ty {
            const WANTED: &'static str = $wanted;
            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $( $word => Ok($value), )*
                    _ => Err(format!("`{text}` is not {}", $wanted)),
                }
            }
            fn advice(text: &str) -> String {
                one_of(text, &[$($word),*])
            }
            fn placeholder() -> Self {
                let [first, ..] = [$($value),*];
                first
            }
            fn shape() -> Value {
                json!({ "enum": [$($word),*] })
            }
        }
    )*};
}

fn one_of(text: &str, words: &[&str]) -> String {
    match nearest(text, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write {}", listed(words.iter().copied(), "or")),
    }
}

/// An ISO weekday, 1 = Monday.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weekday(pub(crate) i8);
/// The urgencies that a contact can be for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageUrgency(pub(crate) Urgency);
/// A kind of DNS record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordKind(pub(crate) &'static str);

words! {
    Severity, "a severity" { "info" => Severity::Info, "warning" => Severity::Warning, "critical" => Severity::Critical }
    Urgency, "an urgency" { "none" => Urgency::None, "low" => Urgency::Low, "high" => Urgency::High }
    PageUrgency, "an urgency that pages" { "low" => PageUrgency(Urgency::Low), "high" => PageUrgency(Urgency::High) }
    Role, "a role" { "viewer" => Role::Viewer, "responder" => Role::Responder, "admin" => Role::Admin }
    EntityKind, "a kind of entity" {
        "site" => EntityKind::Site, "host" => EntityKind::Host, "instance" => EntityKind::Instance,
        "service" => EntityKind::Service, "component" => EntityKind::Component, "tenant" => EntityKind::Tenant,
    }
    Weekday, "a day of the week" {
        "mon" => Weekday(1), "tue" => Weekday(2), "wed" => Weekday(3), "thu" => Weekday(4),
        "fri" => Weekday(5), "sat" => Weekday(6), "sun" => Weekday(7),
    }
    RecordKind, "a kind of DNS record" {
        "A" => RecordKind("A"), "AAAA" => RecordKind("AAAA"), "CNAME" => RecordKind("CNAME"), "MX" => RecordKind("MX"),
        "NS" => RecordKind("NS"), "TXT" => RecordKind("TXT"), "SOA" => RecordKind("SOA"), "PTR" => RecordKind("PTR"),
        "SRV" => RecordKind("SRV"), "CAA" => RecordKind("CAA"),
    }
}
