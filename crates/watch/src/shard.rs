//! One thread's share of the checks. A single owner: waits for what happens next, then acts on it without waiting.

use crate::blind::Sight;
use crate::check::{self, Env, Memory, Outcome};
use crate::history::{History, Mark};
use crate::slots::{self, Due, Slot};
use crate::stats::{Stats, add, sub};
use crate::transition::{Sink, Transition, Verdict};
use crate::watch::{Board, Latest, Open, Set, wall_now};
use foghorn_config::model::Check;
use foghorn_core::time::{Mono, Now, Span, Wall};
use foghorn_core::words::{Name, Severity};
use foghorn_detect::streak::{Change, Grade, Next, Reading, Rule, Streak};
use futures_util::FutureExt;
use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A first failure is confirmed this long after it began, or at once if it took longer.
const CONFIRM: Duration = Duration::from_secs(1);

/// What falls due within this many microseconds begins together: a thousand checks a second then cost two hundred
/// wake-ups instead of a thousand, and the caches are warm for all but the first. A check is late by up to this, and by
/// the same each time.
const BATCH: u64 = 5_000;

/// How the handle reaches a thread: the latest set wins, so there is no queue.
#[derive(Default)]
pub(crate) struct Mailbox {
    pub(crate) set: Mutex<Option<Set>>,
    pub(crate) changed: Notify,
    pub(crate) stop: AtomicBool,
}

/// What the threads share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) env: Arc<Env>,
    pub(crate) sight: Arc<Sight>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) history: Option<History>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) board: Arc<Board>,
    pub(crate) anchor: Instant,
}

/// A failure that has become another is told after so many intervals at the earliest.
const TOLD_AFTER: u64 = 3;

/// One check on its thread.
struct Entry {
    name: Name,
    check: Arc<Check>,
    rule: Rule,
    streak: Streak,
    memory: Arc<Memory>,
    latest: Arc<Mutex<Option<Latest>>>,
    last_bad: String,
    /// How it fails, as it was told last, and when.
    told: Option<(String, Mono)>,
    /// Counts up when the schedule changes, which makes what is on the heap void.
    generation: u64,
    phase: u64,
    every: u64,
    due: u64,
    confirm_due: Option<u64>,
    busy: bool,
}

impl Entry {
    /// What it has failed with for two runs now is not what was told of it: whoever is paged next reads of that. A text that
    /// is another each time is not told anew, nor one that comes and goes.
    fn fails_otherwise(&self, summary: &str, now: Mono) -> Option<Change> {
        let (since, grade) = self.streak.failing().filter(|_| !self.streak.is_flapping())?;
        let (told, at) = self.told.as_ref()?;
        let long_ago = now.since(*at).0.saturating_mul(1000) >= self.every.saturating_mul(TOLD_AFTER);
        (told != summary && long_ago).then_some(Change::Failing { since, grade, flapping: false })
    }
}

/// A run that has ended.
struct Done {
    index: usize,
    generation: u64,
    began: Instant,
    outcome: Outcome,
    blind: bool,
}

pub(crate) struct Shard {
    shared: Shared,
    mailbox: Arc<Mailbox>,
    entries: Vec<Option<Entry>>,
    by_name: HashMap<Name, usize>,
    free: Vec<usize>,
    due: Due,
    runs: JoinSet<Done>,
    limit: usize,
    waiting: VecDeque<(u64, Slot)>,
    generations: u64,
}

impl Shard {
    /// Runs at most `limit` checks at a time.
    pub(crate) fn new(shared: Shared, mailbox: Arc<Mailbox>, limit: usize) -> Shard {
        Shard {
            shared,
            mailbox,
            entries: Vec::new(),
            by_name: HashMap::new(),
            free: Vec::new(),
            due: Due::default(),
            runs: JoinSet::new(),
            limit: limit.max(1),
            waiting: VecDeque::new(),
            generations: 0,
        }
    }

    /// Works until told to stop.
    pub(crate) async fn run(mut self) {
        const IDLE: Duration = Duration::from_secs(3600);
        let mailbox = Arc::clone(&self.mailbox);
        let mut timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        while !mailbox.stop.load(Ordering::Acquire) {
            let next = self.due.peek().map_or_else(
                || Instant::now() + IDLE,
                |at| self.instant(at.div_ceil(BATCH).saturating_mul(BATCH)),
            );
            if timer.deadline() != next {
                timer.as_mut().reset(next);
            }
            tokio::select! {
                biased;
                () = mailbox.changed.notified() => self.adopt(),
                Some(done) = self.runs.join_next(), if !self.runs.is_empty() => {
                    // Runs catch their own panics and are not cancelled, so there is always a result.
                    if let Ok(done) = done {
                        self.finish(done);
                    }
                }
                () = &mut timer => self.dispatch(),
            }
        }
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.shared.anchor).as_micros()).unwrap_or(u64::MAX)
    }

    fn instant(&self, micros: u64) -> Instant {
        self.shared.anchor + Duration::from_micros(micros)
    }

    /// Takes over the set that was put into the mailbox. What is known of a check stays, whatever was changed of it,
    /// but the row that it was in is interrupted.
    fn adopt(&mut self) {
        let set = self.mailbox.set.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(set) = set else { return };
        let now = self.micros(Instant::now());
        let wanted: HashSet<&str> = set.checks.iter().map(|c| c.name.as_str()).collect();
        let gone: Vec<Name> = self.by_name.keys().filter(|n| !wanted.contains(n.as_str())).cloned().collect();
        for name in gone {
            if let Some(index) = self.by_name.remove(&name) {
                self.entries[index] = None;
                self.free.push(index);
                self.shared.board.remove(&name);
            }
        }
        for check in set.checks {
            let every = u64::try_from(check.every.as_micros()).unwrap_or(u64::MAX).clamp(1000, 1 << 50);
            let rule = Rule::new(check.fail_after, check.recover_after, Span(every / 1000));
            let index = match self.by_name.get(check.name.as_str()) {
                Some(index) => *index,
                None => self.insert(&check, rule, set.open.get(&check.name).copied(), now),
            };
            self.generations += 1;
            let Some(entry) = &mut self.entries[index] else { continue };
            let mut another = false;
            if !Arc::ptr_eq(&entry.check, &check) {
                another = entry.check != check;
                if another {
                    entry.streak.interrupt();
                    entry.memory = Arc::default();
                }
                entry.check = check;
            }
            entry.rule = rule;
            // What is under way measures what the check was before: with the schedule begun anew it does not count.
            if another || entry.every != every {
                entry.every = every;
                entry.phase = slots::phase(&entry.name, every);
                entry.due = slots::first(now, entry.phase, every);
                entry.generation = self.generations;
                entry.confirm_due = None;
                entry.busy = false;
                let slot = Slot { index, generation: entry.generation, confirmation: false };
                self.due.push(entry.due, slot);
            }
        }
    }

    fn insert(&mut self, check: &Arc<Check>, rule: Rule, open: Option<Open>, now: u64) -> usize {
        let name = Name::from(check.name.as_str());
        let entry = Entry {
            name: name.clone(),
            check: Arc::clone(check),
            rule,
            streak: match open {
                Some(Open::Failing) => Streak::open(Mono(now / 1000), Grade::Full),
                Some(Open::Warning) => Streak::open(Mono(now / 1000), Grade::Partial),
                Some(Open::Unknown) => Streak::open_unknown(),
                None => Streak::new(),
            },
            memory: Arc::default(),
            latest: self.shared.board.add(&name),
            last_bad: String::new(),
            told: None,
            generation: 0,
            phase: 0,
            // No schedule yet: the caller sees that it differs.
            every: 0,
            due: 0,
            confirm_due: None,
            busy: false,
        };
        let index = self.free.pop().unwrap_or(self.entries.len());
        if index == self.entries.len() {
            self.entries.push(Some(entry));
        } else {
            self.entries[index] = Some(entry);
        }
        self.by_name.insert(name, index);
        index
    }

    /// Begins everything that is due.
    fn dispatch(&mut self) {
        let now = self.micros(Instant::now());
        while let Some((at, slot)) = self.due.pop(now) {
            let stats = &self.shared.stats;
            let Some(entry) = self.entries[slot.index].as_mut().filter(|e| e.generation == slot.generation)
            else {
                continue;
            };
            if slot.confirmation {
                if entry.confirm_due != Some(at) {
                    continue;
                }
            } else {
                let (next, missed) = slots::next(at, entry.phase, entry.every, now);
                stats.skipped.fetch_add(missed, Ordering::Relaxed);
                entry.due = next;
                self.due.push(next, slot);
            }
            entry.confirm_due = None;
            if entry.busy {
                add(&stats.skipped);
                continue;
            }
            entry.busy = true;
            if self.runs.len() >= self.limit {
                add(&stats.waited);
                self.waiting.push_back((at, slot));
            } else {
                self.begin(at, slot);
            }
        }
    }

    fn begin(&mut self, at: u64, slot: Slot) {
        let due = self.instant(at);
        let Some(entry) = self.entries[slot.index].as_ref().filter(|e| e.generation == slot.generation)
        else {
            return;
        };
        let Slot { index, generation, confirmation } = slot;
        let (check, memory) = (Arc::clone(&entry.check), Arc::clone(&entry.memory));
        let (env, sight) = (Arc::clone(&self.shared.env), Arc::clone(&self.shared.sight));
        let stats = Arc::clone(&self.shared.stats);
        self.runs.spawn(async move {
            let began = Instant::now();
            stats.lateness.record(began.saturating_duration_since(due));
            add(&stats.runs);
            add(&stats.running);
            if confirmation {
                add(&stats.confirmations);
            }
            let measured = AssertUnwindSafe(check::run(&check, &env, &memory)).catch_unwind().await;
            sub(&stats.running);
            let outcome = measured.unwrap_or_else(|_| {
                add(&stats.crashed);
                Outcome::crashed()
            });
            let bad = matches!(outcome.verdict, check::Verdict::Bad(_));
            let blind = bad && !sight.sees(began).await;
            Done { index, generation, began, outcome, blind }
        });
    }

    /// Counts a result, keeps it, and tells what follows from it.
    fn finish(&mut self, done: Done) {
        while self.runs.len() < self.limit
            && let Some((at, slot)) = self.waiting.pop_front()
        {
            self.begin(at, slot);
        }
        let now = Instant::now();
        let now = Now { mono: Mono(self.micros(now) / 1000), wall: wall_now() };
        let began = self.micros(done.began);
        let Shared { stats, history, sink, .. } = &self.shared;
        let Some(entry) = self.entries[done.index].as_mut().filter(|e| e.generation == done.generation)
        else {
            return;
        };
        entry.busy = false;
        let mut outcome = done.outcome;
        if done.blind {
            outcome.verdict = check::Verdict::Unknown;
            outcome.summary = format!("this location is blind; seen from here: {}", outcome.summary);
        }
        let (counter, mark, reading) = match outcome.verdict {
            check::Verdict::Good => (&stats.good, Mark::Up, Reading::Good),
            check::Verdict::Bad(None) => (&stats.bad, Mark::Down, Reading::Bad(Grade::Full)),
            check::Verdict::Bad(Some(_)) => (&stats.bad, Mark::Down, Reading::Bad(Grade::Partial)),
            check::Verdict::Unknown => (&stats.unknown, Mark::Unknown, Reading::Unknown),
        };
        add(counter);
        if let Some(history) = history {
            history.record(&entry.name, now.wall, mark, outcome.phases.total);
        }
        let twice = mark == Mark::Down && entry.last_bad == outcome.summary;
        if mark == Mark::Down {
            entry.last_bad.clone_from(&outcome.summary);
        }
        // What was failing is not known to be; what was well before is not known to fail.
        let change = if done.blind && !entry.streak.is_failing() {
            entry.streak.interrupt();
            None
        } else {
            let step = entry.streak.on(&entry.rule, now.mono, reading);
            if step.next == Next::Soon {
                let gap = u64::try_from(CONFIRM.as_micros()).unwrap_or(u64::MAX).min(entry.every);
                let at = (began + gap).max(now.mono.0 * 1000);
                entry.confirm_due = Some(at);
                let slot = Slot { index: done.index, generation: done.generation, confirmation: true };
                self.due.push(at, slot);
            }
            step.change
        };
        if change.is_some() {
            add(&stats.transitions);
        }
        let another = || entry.fails_otherwise(&outcome.summary, now.mono).filter(|_| twice);
        if let Some(change) = change.or_else(another) {
            let bad = if entry.last_bad.is_empty() { &outcome.summary } else { &entry.last_bad };
            let flapping = entry.streak.is_flapping();
            let verdict = verdict(change, now, bad, &outcome.summary, flapping, done.blind);
            entry.told = match &verdict {
                Verdict::Failing { summary, .. } => Some((summary.clone(), now.mono)),
                _ => None,
            };
            sink.transition(Transition::Check { check: entry.name.clone(), at: now.wall, verdict });
        }
        let latest = Latest {
            at: now.wall,
            verdict: outcome.verdict,
            summary: outcome.summary,
            phases: outcome.phases,
            failing: entry.streak.is_failing(),
            flapping: entry.streak.is_flapping(),
        };
        *entry.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(latest);
    }
}

fn verdict(change: Change, now: Now, bad: &str, summary: &str, flapping: bool, blind: bool) -> Verdict {
    let wall = |mono: Mono| -> Wall { now.wall_at(mono) };
    let hint = |grade| (grade == Grade::Partial).then_some(Severity::Warning);
    let failing = |since, grade, flapping| Verdict::Failing {
        since: wall(since),
        summary: bad.to_owned(),
        severity_hint: hint(grade),
        flapping,
    };
    match change {
        Change::Failing { since, grade, flapping } => failing(since, grade, flapping),
        Change::Graded { since, grade } => failing(since, grade, flapping),
        Change::Flapping { grade, .. } => {
            Verdict::Flapping { summary: bad.to_owned(), severity_hint: hint(grade) }
        }
        Change::Recovered { since } => Verdict::Recovered { since: wall(since) },
        Change::Unknown { since } => Verdict::Unknown { since: wall(since), why: summary.to_owned(), blind },
    }
}
