//! Who is paged when: how long an incident may be silent, what an acknowledgement stops, and what becomes of every page.

use super::{Checker, FIRST_CONTACT, Invariant, SLACK};
use foghorn_core::event::PersonTurn;
use foghorn_core::incident::IncidentId;
use foghorn_core::page::{Outcome, PageKey, PageKind};
use foghorn_core::schedule::{Rotation, WorkingHours};
use foghorn_core::setup::{Setup, Target};
use foghorn_core::time::{Mono, Now, Span, Wall};
use foghorn_core::words::{Name, Urgency};
use foghorn_core::{Event, Record};
use foghorn_engine::engine::Limits;
use std::collections::BTreeSet;

/// What is known of an incident that is watched for silence.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watched {
    /// Since when it should wake somebody.
    high_since: Option<u64>,
    /// Since when it should page nobody.
    quiet_since: Option<u64>,
    last_attempt: u64,
    last_accept: u64,
    /// When it was acknowledged, paging was started over or the like, last.
    turned: u64,
    deadline: Option<u64>,
}

/// A page that is planned and has not left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    due: Mono,
    calendar: Option<Wall>,
    /// It has been attempted, and is tried again.
    again: bool,
}

/// A page that has left.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    at: Mono,
    life: u32,
    channel: Name,
    outcome: Option<bool>,
}

/// An alert that stands alone, is critical, and is left alone for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canary {
    pub(crate) base: u64,
    paged: bool,
}

impl Checker {
    pub(crate) fn canary(&mut self, n: u64) {
        let t = self.t;
        self.canaries.entry(n).or_insert(Canary { base: t, paged: false });
    }

    pub(crate) fn canary_over(&mut self, n: u64) {
        self.canaries.remove(&n);
    }

    /// Takes note of what a record plans, and of what it supersedes.
    pub(crate) fn plan(&mut self, record: &Record) {
        let at = record.at;
        match &record.event {
            Event::StepEntered { id, wave, round, step, turns, .. } => {
                // What was decided while the journal was away may be older than the configuration.
                if !record.late || self.setup_at < self.degraded_since {
                    self.right_people(*id, *step, turns, at.wall);
                }
                self.supersede(*id, record, |k| k.kind != PageKind::Page);
                let wakes = self.book.incidents.get(id).is_some_and(|c| {
                    let loud = c.alerts.iter().filter_map(|k| self.book.alerts.get(k));
                    let mut loud = loud.filter(|a| !a.muted && !a.held);
                    c.manual == Some(Urgency::High) || loud.any(|a| a.urgency == Urgency::High)
                });
                let wakes = wakes || self.asked.contains(id);
                for turn in turns {
                    for c in &turn.contacts {
                        let key = PageKey {
                            incident: *id,
                            kind: PageKind::Page,
                            wave: *wave,
                            round: *round,
                            step: *step,
                            person: turn.person.clone(),
                            contact: c.contact,
                        };
                        self.supersede(*id, record, |k| {
                            k.person == turn.person && k.contact == c.contact && *k != key
                        });
                        if !wakes {
                            self.at_work(&turn.person, c.contact, at, c.due);
                        }
                        self.put_planned(
                            key,
                            Planned { due: c.due, calendar: c.calendar, again: false },
                            at.mono,
                        );
                    }
                }
            }
            Event::NoticesPlanned { id, kind, wave, to } => {
                for (person, contact, _) in to {
                    let key = PageKey {
                        incident: *id,
                        kind: *kind,
                        wave: *wave,
                        round: 0,
                        step: 0,
                        person: person.clone(),
                        contact: *contact,
                    };
                    self.put_planned(key, Planned { due: at.mono, calendar: None, again: false }, at.mono);
                }
            }
            Event::ContactPassedOver { key, next: Some((contact, due)), .. } => {
                let next = PageKey { contact: *contact, ..key.clone() };
                if let Some(old) = self.drop_planned(&next) {
                    self.put_planned(next, Planned { due: *due, ..old }, at.mono);
                }
            }
            Event::PageAttempted { key, retry, .. } => {
                let known = self.drop_planned(key).is_some() || self.sent.contains_key(key);
                if let Some(due) = retry.filter(|_| known) {
                    self.put_planned(key.clone(), Planned { due, calendar: None, again: true }, at.mono);
                }
            }
            Event::RetriesHastened { .. } => {
                let waits = |(_, p): &(&PageKey, &Planned)| p.again && p.due > at.mono;
                let waiting: Vec<(PageKey, Planned)> =
                    self.planned.iter().filter(waits).map(|(key, p)| (key.clone(), *p)).collect();
                for (key, p) in waiting {
                    self.put_planned(key, Planned { due: at.mono, ..p }, at.mono);
                }
            }
            Event::PageDropped { key, .. } => {
                self.drop_planned(key);
                self.live.remove(key);
            }
            Event::Acknowledged { id, .. } | Event::EscalationPaused { id } => {
                self.supersede(*id, record, |k| k.kind == PageKind::Page);
            }
            Event::AcknowledgementLapsed { id, .. } => {
                self.supersede(*id, record, |k| k.kind == PageKind::Acknowledged)
            }
            Event::IncidentResolved { id, .. } => {
                self.supersede(*id, record, |k| k.kind != PageKind::Resolved)
            }
            Event::IncidentReopened { id, .. } => self.supersede(*id, record, |_| true),
            Event::IncidentArchived { id } => {
                self.supersede(*id, record, |_| true);
                let theirs: Vec<PageKey> = self
                    .sent
                    .range(PageKey::first_of(*id)..)
                    .map(|(k, _)| k.clone())
                    .take_while(|k| k.incident == *id)
                    .collect();
                for key in &theirs {
                    self.sent.remove(key);
                    self.live.remove(key);
                }
                if let Some(deadline) = self.watched.remove(id).and_then(|w| w.deadline) {
                    self.deadlines.remove(&(deadline, *id));
                }
            }
            Event::ClockStepped { .. } => {
                let moved: Vec<(PageKey, Wall)> =
                    self.planned.iter().filter_map(|(k, p)| Some((k.clone(), p.calendar?))).collect();
                for (key, wall) in moved {
                    self.drop_planned(&key);
                    self.put_planned(
                        key,
                        Planned { due: at.mono_at(wall), calendar: Some(wall), again: false },
                        at.mono,
                    );
                }
            }
            _ => {}
        }
    }

    fn put_planned(&mut self, key: PageKey, planned: Planned, at: Mono) {
        // What left from memory while the journal was away has been recorded only now; what is on its way is not sent
        // a second time.
        let life = self.life;
        let left = |s: &Sent| s.life == life && (s.at >= at || s.outcome.is_none());
        if self.sent.get(&key).is_some_and(left) {
            self.live.insert(key);
            return;
        }
        self.drop_planned(&key);
        self.dues.insert((planned.due, key.clone()));
        self.planned.insert(key, planned);
    }

    fn drop_planned(&mut self, key: &PageKey) -> Option<Planned> {
        let old = self.planned.remove(key)?;
        self.dues.remove(&(old.due, key.clone()));
        Some(old)
    }

    fn supersede(&mut self, id: IncidentId, at: &Record, which: impl Fn(&PageKey) -> bool) {
        let first = PageKey::first_of(id);
        let mine = |k: &&PageKey| k.incident == id;
        let gone: Vec<PageKey> = self
            .planned
            .range(&first..)
            .map(|(k, _)| k)
            .take_while(mine)
            .filter(|k| which(k))
            .cloned()
            .collect();
        for key in &gone {
            self.drop_planned(key);
        }
        // What left from memory after the moment of a late record is not superseded by it.
        let before = |s: &Sent| !at.late || s.at < at.at.mono;
        let left = self.live.range(&first..).take_while(mine).filter(|k| which(k));
        let gone: Vec<PageKey> = left.filter(|k| self.sent.get(k).is_none_or(before)).cloned().collect();
        for key in &gone {
            self.live.remove(key);
        }
    }

    /// Whether somebody is still to hear that it is over.
    pub(crate) fn owes_notice(&self, id: IncidentId) -> bool {
        let theirs = |k: &PageKey| k.incident == id && k.kind == PageKind::Resolved;
        self.planned.keys().any(theirs) || self.live.iter().any(theirs)
    }

    /// A step pages whom it names; everybody, only if nobody whom the policy names can be reached.
    fn right_people(&mut self, id: IncidentId, step: u16, turns: &[PersonTurn], at: Wall) {
        let policy = self.book.incidents.get(&id).and_then(|c| c.policy.clone());
        let policy = policy.and_then(|p| self.setup.escalations.get(&p));
        let Some(policy) = policy.filter(|_| self.t.saturating_sub(self.setup_at) >= 600_000) else { return };
        let named = |targets: &[Target]| -> Option<BTreeSet<Name>> {
            let mut names = BTreeSet::new();
            for target in targets {
                match target {
                    Target::Everyone => return None,
                    Target::Person(p) => {
                        names.insert(p.clone());
                    }
                    Target::Schedule(s) => {
                        let rotations =
                            self.setup.schedules.get(s).map(|s| s.rotations.as_slice()).unwrap_or_default();
                        names.extend(rotations.iter().flat_map(|r| r.people.iter().cloned()));
                        names.extend(self.book.overrides.values().cloned());
                    }
                }
            }
            Some(names)
        };
        let names = policy.steps.get(usize::from(step)).and_then(|s| named(&s.page));
        let Some(names) = names else { return };
        // Whoever acknowledged what has grown since hears of it beside those whom the step names.
        let acker = self.book.incidents.get(&id).and_then(|c| c.acks.last()).map(|(n, _)| n);
        let stranger = |p: &&Name| !names.contains(*p) && Some(*p) != acker;
        let strangers: Vec<&Name> = turns.iter().map(|t| &t.person).filter(stranger).collect();
        // Everybody is right if nobody whom any step names can be reached, the one who acknowledged left out.
        let there = |p: &Name| Some(p) != acker && self.setup.people.contains_key(p);
        // A clock that was set back may show a day before the first turn: then nobody has it yet.
        let begun = |r: &Rotation| {
            let at = jiff::Timestamp::from_millisecond(at.0).map(|t| t.to_zoned(jiff::tz::TimeZone::UTC));
            at.is_ok_and(|at| at.datetime() - jiff::Span::new().days(1) >= r.starts.0)
        };
        let any = policy.steps.iter().flat_map(|s| &s.page).any(|target| match target {
            Target::Everyone => true,
            Target::Person(p) => there(p),
            // Whoever stands in takes the whole schedule.
            Target::Schedule(s) => {
                self.setup.schedules.get(s).filter(|_| self.book.overrides.is_empty()).is_some_and(|s| {
                    let mut turns = s.rotations.iter().filter(|r| begun(r));
                    turns.any(|r| !r.people.is_empty() && r.people.iter().all(there))
                })
            }
        });
        let ok = strangers.is_empty() || !any;
        let what = if ok {
            String::new()
        } else {
            format!("step {step} of incident {id} pages {strangers:?}, not {names:?}")
        };
        self.holds(Invariant::RightPeople, ok, || what);
    }

    /// What does not wake begins in the person's working hours.
    fn at_work(&mut self, who: &Name, contact: u8, at: Now, due: Mono) {
        let Some(person) = self.setup.people.get(who) else { return };
        let after = person.contacts.get(usize::from(contact)).map(|c| c.after).unwrap_or_default();
        // What has waited already leaves now, whatever the clock showed when it began to wait.
        let begins = if due <= at.mono { at.wall } else { Wall(at.wall_at(due).0 - after.as_i64()) };
        let ok = works(&person.working_hours, &person.time_zone, begins);
        let fresh = self.t.saturating_sub(self.setup_at) < 600_000;
        let what = if ok { String::new() } else { format!("{person:?}") };
        self.holds(Invariant::WorkingHours, ok || fresh, || {
            format!("{who} would be paged at {begins} by a warning, said at {at:?}, due {due:?}: {what}")
        });
    }

    /// A page leaves for its channel.
    pub(crate) fn sent(&mut self, key: &PageKey, canary: Option<u64>, channel: &Name) {
        self.figures.pages += 1;
        if !self.degraded {
            self.look_at_silences();
            self.rewatch();
        }
        // By the channel that a reload has given it instead, it leaves for the first time.
        let before = self.sent.get(key).filter(|s| s.channel == *channel).cloned();
        let planned = self.drop_planned(key);
        let live = self.live.contains(key);
        let duplicate = planned.is_none() && before.as_ref().is_some_and(|s| s.outcome != Some(false));
        self.figures.duplicates += u64::from(duplicate);
        if !self.degraded {
            self.holds(Invariant::Planned, planned.is_some() || live, || {
                format!("{key} was not planned, or is superseded")
            });
            if let Some(p) = planned {
                let early = p.due.since(self.now.mono);
                self.holds(Invariant::WorkingHours, early == Span::ZERO, || {
                    format!("{key} leaves {early} before it is due")
                });
            }
            if key.kind == PageKind::Page {
                self.may_page(key.incident);
            }
        } else if let Some(acked) = self.memory_acks.get(&key.incident).filter(|_| key.kind == PageKind::Page)
        {
            let suspect = (key.incident, *acked, self.now.mono);
            self.suspects.push(suspect);
        }
        if let Some(s) = before.filter(|_| planned.is_none()) {
            let waited = self.now.mono.since(s.at);
            let ok = s.life != self.life
                || s.outcome == Some(false)
                || s.outcome.is_none() && waited >= Span::secs(120);
            // While the journal is away the checkers do not know what is planned: a second "stand down", or a step
            // that is entered again after a reload.
            let again = key.kind != PageKind::Page || self.t.saturating_sub(self.setup_at) < 600_000;
            self.holds(Invariant::NoIdleRepeat, ok || self.degraded && again, || {
                format!("{key} leaves again after {waited}, its outcome was {:?}", s.outcome)
            });
        }
        let theirs =
            self.setup.people.get(&key.person).and_then(|p| p.contacts.get(usize::from(key.contact)));
        let ok =
            theirs.is_some_and(|c| c.channel == *channel) || self.t.saturating_sub(self.setup_at) < 60_000;
        self.holds(Invariant::KnownPeople, ok || self.degraded, || {
            format!("{key} by {channel}: no such contact in the configuration")
        });
        let (at, life, channel) = (self.now.mono, self.life, channel.clone());
        self.sent.insert(key.clone(), Sent { at, life, channel, outcome: None });
        self.live.insert(key.clone());
        if key.kind == PageKind::Page {
            let t = self.t;
            self.watched.entry(key.incident).or_default().last_attempt = t;
            self.dirty.insert(key.incident);
            if let Some(canary) = canary.and_then(|n| self.canaries.get_mut(&n)) {
                *canary = Canary { base: t, paged: true };
            }
        }
    }

    /// Its channel reported what became of it.
    pub(crate) fn outcome(&mut self, key: &PageKey, channel: &Name, outcome: &Outcome) {
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        if let Some(s) = self.sent.get_mut(key).filter(|s| s.channel == *channel) {
            s.outcome = Some(accepted || s.outcome == Some(true));
        }
        if accepted && key.kind == PageKind::Page {
            let t = self.t;
            self.watched.entry(key.incident).or_default().last_accept = t;
            self.dirty.insert(key.incident);
        }
    }

    fn may_page(&mut self, id: IncidentId) {
        let Some(case) = self.book.incidents.get(&id) else {
            return self
                .holds(Invariant::Planned, false, || format!("a page for incident {id}, which is put away"));
        };
        let acked = case.acked;
        self.holds(Invariant::AckHolds, acked.is_none(), || {
            format!("incident {id} is acknowledged: {acked:?}")
        });
        let quiet = self.watched.get(&id).and_then(|w| w.quiet_since);
        let long = quiet.is_some_and(|since| self.t.saturating_sub(since.max(self.grace)) > SLACK);
        let ok = !long || self.asked.contains(&id) || self.unnoticed;
        self.holds(Invariant::Quiet, ok, || {
            format!("incident {id} pages and has had nothing to page for since {quiet:?}")
        });
    }

    /// A silence may begin or end by itself.
    pub(crate) fn look_at_silences(&mut self) {
        // Until it is noticed, the wall clock says nothing about a silence that was given as a length of time.
        if !self.unnoticed && self.quiet.moved(self.now.wall) {
            self.dirty.extend(self.book.incidents.keys().copied());
        }
    }

    /// What an incident's alerts ask for, by the checkers' own silences.
    fn asks_for(&self, id: IncidentId) -> Urgency {
        let Some(case) = self.book.incidents.get(&id).filter(|c| c.open) else { return Urgency::None };
        let alerts = case.alerts.iter().filter_map(|k| self.book.alerts.get(k));
        let loud =
            alerts.filter(|a| !a.held && !self.quiet.covers(self.now.wall, &a.labels, a.entity.as_ref()));
        loud.map(|a| a.urgency).max().unwrap_or_default().max(case.manual.unwrap_or_default())
    }

    /// Looks again at incidents about which something has changed.
    pub(crate) fn rewatch(&mut self) {
        let t = self.t;
        for id in std::mem::take(&mut self.dirty) {
            let Some(case) = self.book.incidents.get(&id) else {
                if let Some(deadline) = self.watched.remove(&id).and_then(|w| w.deadline) {
                    self.deadlines.remove(&(deadline, id));
                }
                continue;
            };
            let asks = self.asks_for(id);
            let (acked, exhausted) = (case.acked.is_some(), case.exhausted);
            let turned =
                case.started.last().copied().max(case.acks.last().map(|(_, m)| *m)).unwrap_or_default();
            let turned_t = t.saturating_sub(self.now.mono.since(turned).0);
            let closed = case.closed_at;
            let wait = case.policy.as_ref().map_or(Span::mins(10), |p| longest_wait(&self.setup, p));
            let old = self.watched.get(&id).copied().unwrap_or_default();
            let mut w = old;
            w.turned = turned_t;
            w.high_since = if asks == Urgency::High { old.high_since.or(Some(t)) } else { None };
            w.quiet_since = if asks == Urgency::None { old.quiet_since.or(Some(t)) } else { None };
            let bound = SLACK + FIRST_CONTACT;
            let base = |since: u64| since.max(self.grace).max(w.turned);
            w.deadline = match (w.high_since, acked, exhausted) {
                _ if closed.is_some() => {
                    let after = self.setup.timing.still_failing_after.0;
                    closed.map(|c| c.max(self.grace) + after + SLACK)
                }
                (Some(since), true, _) => Some(base(since) + self.setup.timing.ack_expires.0 + bound),
                (Some(since), false, false) => {
                    let attempt = base(since).max(w.last_attempt) + wait.0 + bound;
                    let accept = self
                        .channels_well_since
                        .map(|well| base(since).max(w.last_accept).max(well) + wait.0 + bound);
                    Some(accept.map_or(attempt, |a| a.min(attempt)))
                }
                _ => None,
            };
            if let Some(deadline) = old.deadline {
                self.deadlines.remove(&(deadline, id));
            }
            if let Some(deadline) = w.deadline {
                self.deadlines.insert((deadline, id));
            }
            self.watched.insert(id, w);
        }
    }

    /// Nothing that has a time is behind it.
    pub(crate) fn nothing_is_late(&mut self) {
        if let Some((deadline, id)) = self.deadlines.first().copied() {
            let late = deadline < self.t;
            let (w, case) =
                (self.watched.get(&id).copied().unwrap_or_default(), self.book.incidents.get(&id));
            let which = match case {
                Some(c) if c.closed_at.is_some() => Invariant::StillFailingReturns,
                Some(c) if c.acked.is_some() => Invariant::AckExpires,
                _ if w.last_attempt > w.last_accept => Invariant::Reached,
                _ => Invariant::NeverSilent,
            };
            let what = if late { format!("incident {id}: {w:?}, {case:?}") } else { String::new() };
            self.holds(which, !late, || what);
        }
        if let Some((due, key)) = self.dues.first() {
            let since = due.0.max(self.grace_mono.0);
            let late = self.now.mono.0 > since + SLACK && !self.waits_for_room(key);
            let what =
                if late { format!("{key} was due {} ago", self.now.mono.since(*due)) } else { String::new() };
            self.holds(Invariant::Delivered, !late, || what);
        }
        self.beats_are_heard();
    }

    /// Whether its channel hangs, and has about as many pages on their way as it may have: others wait for their outcomes.
    /// About: a reload may have given a contact another channel since, and an outcome makes room only once it is on disk.
    fn waits_for_room(&self, key: &PageKey) -> bool {
        let channel = |key: &PageKey| {
            let person = self.setup.people.get(&key.person)?;
            person.contacts.get(usize::from(key.contact)).map(|c| c.channel.clone())
        };
        let (limits, by) = (Limits::default(), channel(key));
        let on_their_way = self.sent.iter().filter(|(other, s)| {
            let left = s.life == self.life && s.outcome.is_none();
            left && self.now.mono.since(s.at) < limits.send_deadline && channel(other) == by
        });
        on_their_way.count() >= limits.sending_by_one * 3 / 4
    }

    /// The canaries' own rule, which holds while the journal is away too.
    pub(crate) fn canaries_sing(&mut self) {
        let Some((n, c)) =
            self.canaries.iter().min_by_key(|(_, c)| c.base + if c.paged { 600_000 } else { 0 })
        else {
            return;
        };
        let limit = if c.paged { 600_000 } else { 0 } + SLACK + FIRST_CONTACT;
        let (n, c, late) = (*n, *c, self.t > c.base + limit);
        self.holds(Invariant::Canary, !late, || format!("canary {n} is not heard: {c:?}"));
    }
}

fn longest_wait(setup: &Setup, policy: &Name) -> Span {
    let steps = setup.escalations.get(policy).map(|p| p.steps.iter().map(|s| s.wait));
    steps.into_iter().flatten().max().unwrap_or(Span::mins(10))
}

/// Whether a person is at work, by the checkers' own calendar.
fn works(hours: &WorkingHours, zone: &str, at: Wall) -> bool {
    let Ok(zone) = jiff::tz::TimeZone::get(zone) else { return true };
    let Ok(stamp) = jiff::Timestamp::from_millisecond(at.0) else { return true };
    let local = stamp.to_zoned(zone);
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    hours.days.contains(&local.weekday().to_monday_one_offset())
        && minute >= i32::from(hours.from)
        && minute <= i32::from(hours.to)
}
