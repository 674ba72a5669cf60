//! What was said to whoever asked, held against what is on disk.

use super::silence::Own;
use super::{Checker, Invariant, SLACK, Word};
use foghorn_core::alert::{AlertItem, CHECKS};
use foghorn_core::decide::check_labels;
use foghorn_core::event::PingKind;
use foghorn_core::incident::{IncidentId, Shape};
use foghorn_core::input::{Answer, CheckVerdict, Ends, Input};
use foghorn_core::labels::AlertKey;
use foghorn_core::time::Mono;
use foghorn_core::update::Stage;
use foghorn_core::words::{Name, Severity, Urgency};
use foghorn_engine::Reply;

/// What a reply "saved" would promise.
#[derive(Debug)]
pub(crate) enum Promise {
    Alerts(Vec<(AlertKey, bool, u64)>),
    Acknowledged(IncidentId, Name, Mono),
    Resolved(IncidentId),
    Opened,
    Silence(Name, Own),
    SilenceOver(Name),
    Override(Name, bool),
    Ping(Name, Mono),
}

impl Checker {
    /// Somebody submits something.
    pub(crate) fn submitted(&mut self, ticket: Option<u64>, input: &Input) {
        self.figures.inputs += 1;
        let mono = self.now.mono;
        let promise = match input {
            Input::Alerts { source, items } => {
                self.heard.insert(source.clone(), mono);
                Promise::Alerts(items.iter().map(|i| self.word(source, i)).collect())
            }
            Input::Check { check, verdict, .. } => {
                let key = AlertKey::of(CHECKS, &check_labels(check));
                let word = self.words.entry(key).or_default();
                word.source = Name::from(CHECKS);
                word.fires = *verdict != CheckVerdict::Ok;
                match verdict {
                    CheckVerdict::Ok => word.ended = Some(mono),
                    _ => word.fired = mono,
                }
                return;
            }
            Input::Ping { check, ping, .. } => {
                let key = AlertKey::of(CHECKS, &check_labels(check));
                if *ping == PingKind::Success {
                    self.words.entry(key).or_default().ended = Some(mono);
                }
                Promise::Ping(check.clone(), mono)
            }
            Input::Acknowledge { incident, by, .. } => {
                Promise::Acknowledged(*incident, by.name.clone(), mono)
            }
            Input::Resolve { incident, .. }
            | Input::StatusUpdate { incident, stage: Stage::Resolved, .. } => Promise::Resolved(*incident),
            Input::Escalate { incident, .. } => {
                self.asked.insert(*incident);
                return;
            }
            Input::Open { .. } => Promise::Opened,
            Input::Silence { id, matchers, entities, starts, ends, .. } => {
                let starts = starts.unwrap_or(self.now.wall);
                let (ends, relative) = match ends {
                    Ends::At(at) => (*at, false),
                    Ends::After(span) => (starts + *span, true),
                };
                let label = matchers.first().map(|m| (m.name.clone(), m.value.clone()));
                let entities = entities.clone();
                Promise::Silence(
                    id.clone(),
                    Own { label, entities, starts, ends, relative, saved: true, gone: false },
                )
            }
            Input::EndSilence { id, .. } => Promise::SilenceOver(id.clone()),
            Input::AddOverride { id, .. } => Promise::Override(id.clone(), true),
            Input::RemoveOverride { id, .. } => Promise::Override(id.clone(), false),
            _ => return,
        };
        if let Some(ticket) = ticket {
            self.promises.insert(ticket, promise);
        }
    }

    fn word(&mut self, source: &Name, item: &AlertItem) -> (AlertKey, bool, u64) {
        let key = AlertKey::of(source, &item.labels);
        self.ops += 1;
        let (op, mono) = (self.ops, self.now.mono);
        let default = self.setup.integrations.get(source).map(|r| r.severity);
        let severity = item.severity.or(default).unwrap_or_default();
        let urgency = item.urgency.unwrap_or_else(|| self.setup.timing.urgency_of(severity));
        let word = self.words.entry(key).or_default();
        (word.op, word.source, word.fires) = (op, source.clone(), item.ended.is_none());
        if item.ended.is_some() {
            word.ended = Some(mono);
        } else {
            (word.fired, word.lifetime) = (mono, item.lifetime);
            word.urgencies.insert(urgency);
        }
        (key, item.ended.is_none(), op)
    }

    /// A person pressed the link of a page that showed this. What was shown from memory before a crash may have
    /// been recorded since, or not: of that nothing is asked here.
    pub(crate) fn link_pressed(&mut self, id: IncidentId, who: &Name, shown: Shape, lost: bool) {
        let most =
            Shape { severity: Severity::Critical, urgency: Urgency::High, width: u32::MAX / 2, ..shown };
        let shown = if lost { most } else { shown };
        let entry = self.link_acks.entry((id, who.clone())).or_insert(shown);
        *entry = entry.and(&shown);
    }

    /// Whoever submitted is answered.
    pub(crate) fn replied(&mut self, ticket: u64, reply: &Reply) {
        let Some(promise) = self.promises.remove(&ticket) else { return };
        match reply {
            Reply::Saved(answer) => self.saved(promise, answer),
            Reply::NotSaved(answer, _) => self.not_saved(promise, answer),
            Reply::Unavailable(_) | Reply::Refused(_) | Reply::Busy => {}
        }
    }

    fn saved(&mut self, promise: Promise, answer: &Answer) {
        let reloading = self.t.saturating_sub(self.setup_at) < 600_000;
        let check = !self.damaged;
        match promise {
            Promise::Alerts(items) => {
                for (key, fires, op) in items {
                    let Some(word) = self.words.get_mut(&key).filter(|w| w.op == op) else { continue };
                    if fires {
                        word.fired_saved = word.fired;
                    }
                    let open = self.book.alerts.contains_key(&key);
                    // A person may have closed it in the same batch.
                    let closed = fires && word.closed == Some(self.t);
                    let excused = matches!(answer, Answer::Refused(_)) || reloading && fires || closed;
                    self.holds(Invariant::SavedIsDurable, open == fires || excused || !check, || {
                        format!(
                            "{key} was said to {}, and in the journal it is {}",
                            verb(fires),
                            is_open(open)
                        )
                    });
                }
            }
            Promise::Acknowledged(id, who, since) => {
                if *answer == Answer::Done && check {
                    self.is_acknowledged(Invariant::SavedIsDurable, id, &who, since);
                }
            }
            Promise::Resolved(id) => {
                let over = self
                    .book
                    .incidents
                    .get(&id)
                    .is_none_or(|c| !c.open || c.started.last() >= Some(&self.now.mono));
                self.holds(Invariant::SavedIsDurable, over || !check, || {
                    format!("incident {id} is not closed")
                });
            }
            Promise::Opened => {
                if let Answer::Incident(id) = answer {
                    let there = self.book.last_incident >= *id;
                    self.holds(Invariant::SavedIsDurable, there, || {
                        format!("incident {id} is not in the journal")
                    });
                }
            }
            Promise::Silence(id, own) => {
                let there = self.book.silences.contains(&id) || own.ends <= self.now.wall;
                self.holds(Invariant::SavedIsDurable, there, || {
                    format!("silence {id} is not in the journal")
                });
                self.quiet.put(id, own);
            }
            Promise::SilenceOver(id) => {
                let there = self.book.silences.contains(&id);
                self.holds(Invariant::SavedIsDurable, !there, || format!("silence {id} goes on"));
                self.quiet.end(&id, true);
            }
            Promise::Override(id, made) => {
                let there = self.book.overrides.contains_key(&id);
                // It may have ended by itself in the same batch.
                self.holds(Invariant::SavedIsDurable, there || !made, || {
                    format!("override {id} is not in the journal")
                });
            }
            Promise::Ping(check, at) => self.pinged(&check, at),
        }
    }

    fn not_saved(&mut self, promise: Promise, answer: &Answer) {
        match promise {
            Promise::Acknowledged(id, who, since) if *answer == Answer::Done => {
                self.unsaved_acks.push((id, who, since));
                self.memory_acks.insert(id, since);
            }
            Promise::Silence(id, own) => self.quiet.put(id, Own { saved: false, ..own }),
            Promise::SilenceOver(id) => self.quiet.end(&id, false),
            Promise::Ping(check, at) => self.pinged(&check, at),
            _ => {}
        }
    }

    fn pinged(&mut self, check: &Name, at: Mono) {
        let rule = self.setup.checks.get(check).and_then(|c| c.heartbeat.as_ref());
        if let Some(rule) = rule {
            self.beats.insert(check.clone(), at + rule.every + rule.grace);
        }
    }

    fn is_acknowledged(&mut self, invariant: Invariant, id: IncidentId, who: &Name, since: Mono) {
        let known = self.book.last_incident >= id;
        let there = match self.book.incidents.get(&id) {
            Some(case) => case.acks.iter().any(|(name, at)| name == who && *at >= since),
            None => known,
        };
        self.holds(invariant, there, || {
            format!("{who} was told that incident {id} is acknowledged; the journal does not say so")
        });
    }

    /// The journal is back: what was answered "not yet saved" is in it, and so is the reason of every page that left
    /// after an acknowledgement.
    pub(crate) fn kept_what_was_not_saved(&mut self) {
        for (id, who, since) in std::mem::take(&mut self.unsaved_acks) {
            self.is_acknowledged(Invariant::UnsavedIsKept, id, &who, since);
        }
        for (id, acked, sent) in std::mem::take(&mut self.suspects) {
            let Some(case) = self.book.incidents.get(&id) else { continue };
            let reason = case.started.iter().any(|m| *m >= acked && *m <= sent);
            self.holds(Invariant::AckHolds, reason, || {
                format!("incident {id} was acknowledged in memory at {acked:?} and paged at {sent:?} for no reason")
            });
        }
    }

    /// A heartbeat that is overdue has an alert.
    pub(crate) fn beats_are_heard(&mut self) {
        let now = self.now.mono;
        let Some((check, due)) = self.beats.iter().min_by_key(|(_, due)| **due) else { return };
        let Some(rule) = self.setup.checks.get(check).and_then(|c| c.heartbeat.clone()) else { return };
        // One that was due while Foghorn was away, or could not say, is due again an interval later.
        let floor = self.grace_mono + rule.every + rule.grace;
        let since = (*due).max(floor);
        let late = now.0 > since.0 + SLACK;
        let alerts = |c: &Name| self.book.alerts.contains_key(&AlertKey::of(CHECKS, &check_labels(c)));
        let ok = !late || alerts(check);
        let check = check.clone();
        if late && ok {
            // Said; it is looked at again after another interval.
            self.beats.insert(check.clone(), now + rule.every);
        }
        self.holds(Invariant::HeartbeatMissed, ok, || format!("{check} was not pinged and nobody says so"));
    }

    /// Silent senders have been noticed.
    pub(crate) fn silent_senders(&mut self) {
        let now = self.now.mono;
        let late: Option<String> = self.book.alerts.iter().find_map(|(key, told)| {
            let word = self.words.get(key)?;
            let lifetime = word.lifetime?;
            let since = word.fired.max(self.grace_mono).max(told.opened);
            let late = told.stale.is_none() && now.0 > (since + lifetime).0 + SLACK;
            late.then(|| format!("{:?} was last repeated {} ago", told.labels, now.since(word.fired)))
        });
        let damaged = self.damaged;
        self.holds(Invariant::StaleIsSaid, late.is_none() || damaged, || late.clone().unwrap_or_default());
    }
}

impl Word {
    /// Whether the sender's last word is that it is over.
    pub(crate) fn is_over(&self) -> bool {
        !self.fires
    }
}

fn verb(fires: bool) -> &'static str {
    if fires { "fire" } else { "be over" }
}

fn is_open(open: bool) -> &'static str {
    if open { "open" } else { "not open" }
}
