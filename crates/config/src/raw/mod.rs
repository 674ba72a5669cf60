//! The file as it is written: every key, its type, its default and its meaning, in the order of the reference.

mod people;
mod texts;
mod watch;

pub(crate) use people::*;
pub(crate) use texts::*;
pub(crate) use watch::*;

use crate::model::Role;
use crate::read::{Hidden, List, MaybeHidden, Part, Spanned, Table, Tag, record, tagged};
use crate::scalars::{Bytes, HostPort, HttpUrl, Percent};
use foghorn_core::words::Severity;
use std::net::SocketAddr;
use std::time::Duration;

record! {
    /// The whole file. Durations are written `500ms`, `10s`, `5m`, `1h30m`, `7d`. `${NAME}` in a value is replaced by
    /// the environment variable of that name (`$${` stands for `${`). Every key that holds a secret has a twin that ends
    /// in `_file` and names a file with the secret. File names are relative to this file.
    File {
        /// Listeners and directories.
        server: Part<Server>,
        /// Who may send alerts in, by a name of your choice.
        integrations: Table<Integration>,
        /// Who can be paged.
        people: Table<Person>,
        /// How pages go out.
        channels: Table<Channel>,
        /// Who is on call when.
        schedules: Table<Schedule>,
        /// Who is paged next if nobody acknowledges. `default` is used where nothing else is named.
        escalations: Table<Escalation>,
        /// The waits of paging.
        paging: Part<Paging>,
        /// What there is, and what it stands on.
        topology: Table<Entity>,
        /// What is measured.
        checks: Table<Check>,
        /// Planned work, during which alerts are expected.
        maintenance: Table<Maintenance>,
        /// The public page.
        status_page: Option<Part<StatusPage>>,
    }
}

impl File {
    /// Whether there is nobody with a contact; not where what stands there cannot be read, for somebody may be meant.
    pub(crate) fn pages_nobody(&self) -> bool {
        self.people.0.iter().all(|(name, person)| {
            name.at.is_known() && person.as_ref().is_some_and(|p| p.contacts.0.is_empty())
        })
    }
}

record! {
    /// Listeners and directories.
    Server {
        /// Console, API and intake. Off loopback at least one token must be configured: nothing listens there without authentication.
        listen: Spanned<SocketAddr> = "127.0.0.1:7070",
        /// Where people reach `listen` (or `links_listen`), for the links in pages: the root of a host. Default: `listen` itself, which no telephone reaches if that is loopback or `0.0.0.0`.
        public_url: Option<Spanned<HttpUrl>>,
        /// Where the journal, the history and the last good configuration are kept.
        data_dir: Spanned<String> = "data",
        /// A second listener with nothing but links in pages, providers' callbacks and pings, which carry their own secrets.
        links_listen: Option<Spanned<SocketAddr>>,
        /// TLS for `listen` and `links_listen`; the files are read again when they change.
        tls: Option<TlsFiles>,
        /// API tokens, by a name of your choice.
        tokens: Table<Token>,
        /// How long the journal may take to save before Foghorn goes on from memory. Changes take a restart.
        journal_deadline: Spanned<Duration> = "2s",
        /// The largest request that is taken in.
        max_body: Spanned<Bytes> = "10MiB",
        /// Requests a second that one integration may send; twice as many in a burst.
        rate_limit: Spanned<f64> = "50000",
        /// How many of a listener's connections one address may have, that of a proxy on another host too (a `/64` of IPv6 is one address; loopback may have all). Changes take a restart.
        address_share: Spanned<Percent> = "50%",
        /// `host:port` of things that are up if this location's network is. While all of them fail, checks from here are unknown rather than down.
        reference_targets: List<Spanned<HostPort>>,
        /// A key for pinging every heartbeat at `/ping/KEY/NAME`.
        ping_key: MaybeHidden,
    }
}

record! {
    /// A certificate.
    TlsFiles {
        /// PEM, the leaf first.
        cert_file: Spanned<String>,
        /// PEM.
        key_file: Spanned<String>,
    }
}

record! {
    /// An API token.
    Token {
        /// What the bearer sends as `Authorization: Bearer …`.
        token: Hidden,
        /// What the bearer may do: see, act on incidents, or change the server.
        role: Spanned<Role>,
        /// The person who acts, for the timeline.
        person: Option<Spanned<String>>,
    }
}

tagged! {
    /// Who may send alerts in.
    Integration {
        /// Prometheus, and whatever speaks Alertmanager's API.
        Alertmanager(Alertmanager) = "alertmanager",
        /// Whatever pages through PagerDuty's Events API v2.
        PagerDuty(PagerDuty) = "pagerduty",
        /// Grafana's webhook.
        Grafana(Grafana) = "grafana",
    }
}

/// The keys that all integrations share, added to their own.
macro_rules! integration {
    ($(#[doc = $doc:literal])* $name:ident { $( $(#[doc = $fdoc:literal])* $field:ident : $ty:ty ),* $(,)? }) => {
        record! {
            $(#[doc = $doc])*
            $name {
                /// Which API it speaks.
                kind: Tag,
                $( $(#[doc = $fdoc])* $field: $ty, )*
                /// Labels to look into for an entity, in this order. Default: entity, service, instance, host, namespace.
                entity_labels: Option<List<Spanned<String>>>,
                /// Alerts with the same values of these labels are one incident; `entity` is the entity found. Default: alertname, entity.
                group_by: Option<List<Spanned<String>>>,
                /// For an alert that names no severity, or one that is not understood.
                severity: Spanned<Severity> = "critical",
                /// Whom to page, if neither the alert nor the topology says.
                escalation: Option<Spanned<String>>,
                /// So many alerts may be open at once; more are refused.
                max_alerts: Spanned<u32> = "200000",
            }
        }
    };
}

integration! {
    /// Prometheus, and whatever speaks Alertmanager's API: `POST /api/v2/alerts`.
    Alertmanager {
        /// Bearer token or Basic password of the sender. Needed off loopback.
        token: MaybeHidden,
    }
}

integration! {
    /// Whatever pages through PagerDuty's Events API v2: `POST /v2/enqueue`.
    PagerDuty {
        /// 32 characters, as the sender is configured with.
        routing_key: Hidden,
    }
}

integration! {
    /// Grafana's webhook: `POST /api/intake/grafana/NAME`.
    Grafana {
        /// Bearer token or Basic password of the sender. Needed off loopback.
        token: MaybeHidden,
    }
}
