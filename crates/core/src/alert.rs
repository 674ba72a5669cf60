//! Alerts: one thing known to be wrong.

use crate::labels::{AlertKey, Labels};
use crate::text::is_blank;
use crate::time::{CLOCK_SET, Mono, Now, Span, Wall};
use crate::words::{Name, Severity, Urgency};
use alloc::string::String;
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};

/// The integration name under which Foghorn's own checks raise alerts.
pub const CHECKS: &str = "checks";
/// The integration name under which Foghorn reports what is wrong with itself.
pub const SELF: &str = "foghorn";

/// One thing known to be wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Identity.
    pub key: AlertKey,
    /// The integration it came by; [`CHECKS`] and [`SELF`] are Foghorn's own.
    pub source: Name,
    /// What identifies it.
    pub labels: Labels,
    /// What explains it: `summary`, `description`, `runbook_url` and the like.
    pub annotations: Labels,
    /// How bad.
    pub severity: Severity,
    /// Whether it wakes.
    pub urgency: Urgency,
    /// What is unwell, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Name>,
    /// Alerts of one group are one incident.
    pub group: Name,
    /// Whom it pages.
    pub escalation: Name,
    /// When the trouble began, by the sender's word.
    pub started: Wall,
    /// When Foghorn first heard of it.
    pub received: Now,
    /// Set until it has lasted for as long as it takes to be paged for (a check's `fail_for`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Mono>,
    /// How it stands.
    pub status: AlertStatus,
    /// The sender repeats it at least this often; `None` where it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Span>,
    /// The incident it belongs to.
    pub incident: u64,
    /// The silence that mutes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<Name>,
}

/// What annotations say of an alert, in one line. A template that found nothing to fill in says nothing.
pub(crate) fn said(annotations: &Labels) -> Option<&str> {
    let mut words = ["summary", "title", "message", "description"].into_iter();
    words.find_map(|name| annotations.get(name).filter(|text| !is_blank(text)))
}

impl Alert {
    /// The first of these that says anything: the `summary` annotation, else the alert's name, else its labels.
    #[must_use]
    pub fn summary(&self) -> String {
        use alloc::string::ToString;
        said(&self.annotations)
            .or_else(|| self.labels.get("alertname").filter(|name| !is_blank(name)))
            .map_or_else(|| self.labels.to_string(), ToString::to_string)
    }

    /// Whether people are paged for it: open, neither silenced nor too young.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.status.is_open() && self.muted.is_none() && self.held_until.is_none()
    }

    /// What the wall shows when it expires. Counted from when it was received, so that it is to the millisecond what its
    /// sender said, whenever it is asked for; from `now` if the wall has been set since.
    #[must_use]
    pub fn wall_at(&self, expires: Mono, now: Now) -> Wall {
        let (sent, seen) = (self.received.wall_at(expires), now.wall_at(expires));
        if sent.0.abs_diff(seen.0) < CLOCK_SET.unsigned_abs() { sent } else { seen }
    }

    /// When it expires, if its sender says that it ends then: what [`Alert::wall_at`] undoes.
    #[must_use]
    pub fn mono_at(&self, ends: Wall, now: Now) -> Mono {
        let (sent, seen) = (self.received.mono_at(ends), now.mono_at(ends));
        if sent.0.abs_diff(seen.0) < CLOCK_SET.unsigned_abs() { sent } else { seen }
    }

    /// Where to read what to do.
    #[must_use]
    pub fn runbook(&self) -> Option<&str> {
        self.annotations.get("runbook_url").or_else(|| self.annotations.get("runbook"))
    }
}

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// Wrong now.
    Firing,
    /// Its verdict keeps changing; held as one alert until it is stable.
    Flapping,
    /// Its sender fell silent: not known to be over.
    Stale,
    /// It cannot be measured now (the location is blind): not known to be over.
    Unknown,
    /// Over.
    Resolved,
}

impl AlertStatus {
    /// Whether it keeps its incident open. What is not known to be well is not well.
    #[must_use]
    pub fn is_open(self) -> bool {
        self != AlertStatus::Resolved
    }
}

/// Why an alert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its sender said so, or the check is well again.
    Sender,
    /// Its sender was heard from and repeats it no more.
    NotRepeated,
    /// Its check or integration is no longer in the configuration.
    Removed,
    /// A person closed the incident.
    Person,
    /// It could not be told any more, and had not lasted for as long as it takes to be paged for. Of older journals: such an
    /// alert stays open, as all that is not known to be well.
    Unknown,
}

/// An alert as it comes in, before anything is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertItem {
    /// What identifies it.
    pub labels: Labels,
    /// What explains it.
    pub annotations: Labels,
    /// The sender's word on severity; else the integration's default counts.
    pub severity: Option<Severity>,
    /// Overrides what the severity gives.
    pub urgency: Option<Urgency>,
    /// When the trouble began; else now.
    pub started: Option<Wall>,
    /// Set when it is over, in the past or now.
    pub ended: Option<Wall>,
    /// The sender will repeat it within this long, or it is stale.
    pub lifetime: Option<Span>,
    /// The same as a moment, where the sender says one. It counts more.
    #[serde(default)]
    pub ends: Option<Wall>,
    /// Overrides the mapping from labels.
    pub entity: Option<Name>,
    /// Overrides the policy.
    pub escalation: Option<Name>,
    /// Detected now, paged after this long.
    pub page_after: Span,
    /// For Foghorn's own checks: flapping, unknown.
    pub flapping: bool,
}

impl AlertItem {
    /// A firing alert with nothing but labels and annotations.
    #[must_use]
    pub fn firing(labels: Labels, annotations: Labels) -> AlertItem {
        AlertItem {
            labels,
            annotations,
            severity: None,
            urgency: None,
            started: None,
            ended: None,
            lifetime: None,
            ends: None,
            entity: None,
            escalation: None,
            page_after: Span::ZERO,
            flapping: false,
        }
    }

    /// Within how long it must be repeated, from a moment on.
    #[must_use]
    pub fn lifetime_at(&self, now: Wall) -> Option<Span> {
        // What has ended in between is due at once.
        self.ends.map_or(self.lifetime, |ends| Some(ends.since(now).max(Span(1))))
    }

    /// The end of an alert.
    #[must_use]
    pub fn resolved(labels: Labels, ended: Wall) -> AlertItem {
        AlertItem { ended: Some(ended), ..AlertItem::firing(labels, Labels::empty()) }
    }
}

/// An integration as the state knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// When it was last heard from.
    pub heard: Mono,
    /// The same, for people.
    pub heard_wall: Wall,
    /// How many of its alerts are open.
    pub open: u32,
    /// How many were refused because too many were open.
    pub refused: u64,
}

/// Shared alerts: the state holds pointers.
pub type SharedAlert = Arc<Alert>;
