//! The checkers. They stand outside: they see what a person outside could see, which is the inputs and their replies, the
//! pages as they reach a channel, the records on disk, and the configuration; and they keep simple models of their own.
//! They ask the rules nothing. Only [`state`] looks inside, to count again what the state has counted.

mod book;
mod invariant;
mod paging;
mod promise;
mod silence;
mod state;

pub use invariant::Invariant;

use book::Book;
use foghorn_core::incident::{IncidentId, Shape};
use foghorn_core::labels::AlertKey;
use foghorn_core::page::PageKey;
use foghorn_core::setup::Setup;
use foghorn_core::time::{Mono, Now, Span};
use foghorn_core::words::{Name, Urgency};
use foghorn_core::{Record, State};
use foghorn_engine::Engine;
use invariant::COUNT;
use paging::{Planned, Sent, Watched};
use promise::Promise;
use silence::{Own, Quiet};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What a loop of one batch at a time, on a slow disk, may take beside the waits of the rules, in milliseconds.
pub(crate) const SLACK: u64 = 20_000;
/// The longest that the first contact of anybody waits.
pub(crate) const FIRST_CONTACT: u64 = 30_000;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// Milliseconds since the run began.
    pub at: u64,
    /// What was seen.
    pub what: String,
}

/// What an alert's sender has said about it.
#[derive(Debug, Default)]
pub(crate) struct Word {
    source: Name,
    /// What its severities gave; empty where a check's rule decides.
    urgencies: BTreeSet<Urgency>,
    lifetime: Option<Span>,
    /// The last thing said, by number.
    op: u64,
    /// What that was.
    fires: bool,
    /// When it was said to fire, last.
    fired: Mono,
    /// The same, as far as it was acknowledged.
    fired_saved: Mono,
    /// When it was said to be over, last.
    ended: Option<Mono>,
    /// When a person's word ended it, last, in milliseconds since the run began.
    closed: Option<u64>,
}

/// What is counted for the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Pages and notices handed to channels.
    pub pages: u64,
    /// Of these, such that the receiver may have had already.
    pub duplicates: u64,
    /// Times that the journal was away.
    pub degradations: u64,
    /// Times that the process died.
    pub crashes: u64,
    /// Times that the wall clock was set.
    pub clock_steps: u64,
    /// Times that the end of the journal was lost.
    pub damages: u64,
    /// Records on disk.
    pub records: u64,
    /// Incidents opened.
    pub incidents: u64,
    /// Inputs submitted.
    pub inputs: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, o: &Figures) {
        self.pages += o.pages;
        self.duplicates += o.duplicates;
        self.degradations += o.degradations;
        self.crashes += o.crashes;
        self.clock_steps += o.clock_steps;
        self.damages += o.damages;
        self.records += o.records;
        self.incidents += o.incidents;
        self.inputs += o.inputs;
    }
}

pub(crate) struct Checker {
    pub(crate) violation: Option<Violation>,
    pub(crate) counts: [u64; COUNT],
    pub(crate) figures: Figures,
    /// Milliseconds since the run began.
    t: u64,
    now: Now,
    life: u32,
    book: Book,
    /// Every record on disk, folded: what a replay gives.
    shadow: State,
    setup: Arc<Setup>,
    setup_at: u64,
    words: BTreeMap<AlertKey, Word>,
    ops: u64,
    /// When an integration was heard from, last.
    heard: BTreeMap<Name, Mono>,
    promises: BTreeMap<u64, Promise>,
    unsaved_acks: Vec<(IncidentId, Name, Mono)>,
    link_acks: BTreeMap<(IncidentId, Name), Shape>,
    /// Incidents for which a person asked for the next step.
    asked: BTreeSet<IncidentId>,
    quiet: Quiet,
    watched: BTreeMap<IncidentId, Watched>,
    deadlines: BTreeSet<(u64, IncidentId)>,
    dirty: BTreeSet<IncidentId>,
    planned: BTreeMap<PageKey, Planned>,
    dues: BTreeSet<(Mono, PageKey)>,
    sent: BTreeMap<PageKey, Sent>,
    /// Those of `sent` that nothing has superseded.
    live: BTreeSet<PageKey>,
    memory_acks: BTreeMap<IncidentId, Mono>,
    suspects: Vec<(IncidentId, Mono, Mono)>,
    canaries: BTreeMap<u64, paging::Canary>,
    beats: BTreeMap<Name, Mono>,
    /// Nothing before this moment counts as a delay.
    grace: u64,
    grace_mono: Mono,
    up: bool,
    degraded: bool,
    /// The journal lost what it had promised: promises are not checked any more.
    damaged: bool,
    reading_again: bool,
    channels_well_since: Option<u64>,
    disk_well_since: Option<u64>,
    degraded_since: u64,
    /// The wall clock was set and nobody has noticed.
    unnoticed: bool,
    /// Steps of the wall clock that were noticed and are not in the journal yet, and since when.
    clock_steps: VecDeque<(u64, i64)>,
    batches: u64,
    compare_every: u64,
}

impl Checker {
    pub(crate) fn new(setup: Arc<Setup>, compare_every: u64) -> Checker {
        Checker {
            violation: None,
            counts: [0; COUNT],
            figures: Figures::default(),
            t: 0,
            now: Now::default(),
            life: 0,
            book: Book::default(),
            shadow: State::default(),
            setup,
            setup_at: 0,
            words: BTreeMap::new(),
            ops: 0,
            heard: BTreeMap::new(),
            promises: BTreeMap::new(),
            unsaved_acks: Vec::new(),
            link_acks: BTreeMap::new(),
            asked: BTreeSet::new(),
            quiet: Quiet::default(),
            watched: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            dirty: BTreeSet::new(),
            planned: BTreeMap::new(),
            dues: BTreeSet::new(),
            sent: BTreeMap::new(),
            live: BTreeSet::new(),
            memory_acks: BTreeMap::new(),
            suspects: Vec::new(),
            canaries: BTreeMap::new(),
            beats: BTreeMap::new(),
            grace: 0,
            grace_mono: Mono::default(),
            up: true,
            degraded: false,
            damaged: false,
            reading_again: false,
            channels_well_since: Some(0),
            disk_well_since: Some(0),
            degraded_since: 0,
            unnoticed: false,
            clock_steps: VecDeque::new(),
            batches: 0,
            compare_every: compare_every.max(1),
        }
    }

    /// Notes that an invariant was looked at, and whether it held. The first that does not hold is kept.
    pub(crate) fn holds(&mut self, invariant: Invariant, ok: bool, what: impl FnOnce() -> String) {
        if self.reading_again {
            return;
        }
        if let Some(n) = self.counts.get_mut(invariant as usize) {
            *n += 1;
        }
        if !ok && self.violation.is_none() {
            self.violation = Some(Violation { invariant, at: self.t, what: what() });
        }
    }

    /// Time is now this.
    pub(crate) fn at(&mut self, t: u64, now: Now) {
        (self.t, self.now) = (t, now);
    }

    /// A record is on disk.
    pub(crate) fn durable(&mut self, record: &Record) {
        self.figures.records += 1;
        let expected = self.book.seq + 1;
        self.holds(Invariant::Sequence, record.seq == expected, || {
            format!("record {} follows {}", record.seq, expected - 1)
        });
        let late = self.book.mono > record.at.mono;
        self.holds(Invariant::Sequence, !late, || {
            format!("record {} is older than the one before", record.seq)
        });
        self.shadow.apply(record.at, &record.event);
        self.plan(record);
        self.fold(record);
    }

    /// After every step of the world.
    pub(crate) fn after_step(&mut self, engine: Option<&Engine>) {
        if let Some(engine) = engine {
            let panics = engine.stats().panics;
            self.holds(Invariant::NoPanic, panics == 0, || format!("{panics} decisions panicked"));
            self.recovers();
            if self.degraded || !self.up {
                return;
            }
            self.look_at_silences();
            self.rewatch();
            self.nothing_is_late();
            self.clock_is_said();
        }
    }

    /// A batch is on disk and acknowledged: now and then everything is compared.
    pub(crate) fn batch_done(&mut self, engine: &Engine) {
        self.batches += 1;
        if self.batches.is_multiple_of(self.compare_every) {
            self.compare(engine);
            self.stored(engine);
        }
    }

    pub(crate) fn crashed(&mut self) {
        self.figures.crashes += 1;
        self.up = false;
        self.life += 1;
        // Whoever asked for a silence was not answered; where it reached the disk all the same, it counts.
        for promise in std::mem::take(&mut self.promises).into_values() {
            if let Promise::Silence(id, own) = promise {
                self.quiet.put(id, Own { saved: false, ..own });
            }
        }
        self.unsaved_acks.clear();
        self.memory_acks.clear();
        self.suspects.clear();
        self.quiet.forget_unsaved(&self.book.silences);
        // What is saved was made before any step that is not.
        for (_, by) in self.clock_steps.drain(..) {
            self.quiet.step(-by);
        }
        self.degraded = false;
        self.unnoticed = false;
    }

    /// The disk lost what it had acknowledged; these records are left.
    pub(crate) fn lost(&mut self, records: &[Arc<Record>]) {
        self.figures.damages += 1;
        self.damaged = true;
        self.book = Book::default();
        self.shadow = State::default();
        self.planned.clear();
        self.dues.clear();
        self.watched.clear();
        self.deadlines.clear();
        let counted = self.figures;
        self.reading_again = true;
        records.iter().for_each(|r| self.durable(r));
        self.reading_again = false;
        self.figures = counted;
        self.quiet.follow(&self.shadow);
        // What is open by the journal may be over by its sender's word, which the disk has lost.
        self.link_acks.clear();
    }

    pub(crate) fn restarted(&mut self) {
        self.up = true;
        self.forgive();
        // What the journal does not know yet has its sender say again.
        let known = |n: &u64| {
            let n = n.to_string();
            self.book.alerts.values().any(|a| a.labels.get("canary") == Some(n.as_str()))
        };
        self.canaries.retain(|n, _| known(n));
        for canary in self.canaries.values_mut() {
            canary.base = self.t;
        }
    }

    /// Delays are counted from now on.
    fn forgive(&mut self) {
        (self.grace, self.grace_mono) = (self.t, self.now.mono);
        self.dirty.extend(self.book.incidents.keys().copied());
    }

    pub(crate) fn degraded(&mut self) {
        self.figures.degradations += 1;
        self.degraded = true;
        self.degraded_since = self.t;
    }

    pub(crate) fn recovered(&mut self, lost: u64) {
        self.degraded = false;
        self.quiet.all_saved();
        if lost == 0 {
            self.kept_what_was_not_saved();
        }
        self.unsaved_acks.clear();
        self.memory_acks.clear();
        self.suspects.clear();
        self.forgive();
    }

    pub(crate) fn clock_set(&mut self) {
        self.figures.clock_steps += 1;
        self.unnoticed = true;
    }

    pub(crate) fn clock_noticed(&mut self, by: i64) {
        self.unnoticed = false;
        self.clock_steps.push_back((self.t, by));
        self.quiet.step(by);
        self.forgive();
    }

    /// The journal says that the wall clock was set: what was noticed, in order.
    pub(crate) fn clock_said(&mut self, by: i64) {
        if by == 0 || self.reading_again {
            return;
        }
        let noticed = self.clock_steps.pop_front();
        self.holds(Invariant::ClockIsSaid, noticed.is_some_and(|(_, n)| n == by), || {
            format!("the journal has a step of {by} ms, noticed was {noticed:?}")
        });
        self.forgive();
    }

    fn clock_is_said(&mut self) {
        if let Some((since, by)) = self.clock_steps.front().copied() {
            let ok = self.t <= since.max(self.grace) + SLACK;
            self.holds(Invariant::ClockIsSaid, ok, || format!("a step of {by} ms is not in the journal"));
        }
    }

    pub(crate) fn channels(&mut self, well: bool) {
        let since = self.channels_well_since;
        self.channels_well_since = if well { since.or(Some(self.t)) } else { None };
        self.dirty.extend(self.book.incidents.keys().copied());
    }

    pub(crate) fn disk(&mut self, well: bool) {
        let since = self.disk_well_since;
        self.disk_well_since = if well { since.or(Some(self.t)) } else { None };
    }

    pub(crate) fn configured(&mut self, setup: &Arc<Setup>) {
        for (name, rule) in &setup.checks {
            let Some(beat) = &rule.heartbeat else { continue };
            let due = self.now.mono + beat.every + beat.grace;
            if self.setup.checks.get(name) != Some(rule) || !self.beats.contains_key(name) {
                self.beats.insert(name.clone(), due);
            }
        }
        self.setup = setup.clone();
        self.setup_at = self.t;
    }

    /// A degraded engine comes back by itself once the disk is well.
    fn recovers(&mut self) {
        if !self.degraded {
            return;
        }
        let Some(well) = self.disk_well_since else { return };
        let waited = self.t.saturating_sub(well.max(self.degraded_since));
        self.holds(Invariant::Recovers, waited <= 60_000, || {
            format!("the disk has been well for {} s and Foghorn is still degraded", waited / 1000)
        });
    }
}
