//! The world around the engine: another owner of the same loop, with a clock that jumps to the next thing that happens.

mod faults;
mod people;
mod senders;
mod twist;

use crate::check::{Checker, Invariant};
use crate::disk::{Answer, Disk};
use crate::mutation::Mutation;
use crate::profile::Profile;
use crate::rng::Rng;
use crate::setup::{self, Variant};
use foghorn_core::State;
use foghorn_core::event::Event;
use foghorn_core::incident::IncidentId;
use foghorn_core::input::Input;
use foghorn_core::labels::Labels;
use foghorn_core::page::{Outcome, PageKey, PageKind};
use foghorn_core::setup::Setup;
use foghorn_core::time::{Mono, Now, Span, Wall};
use foghorn_core::words::Name;
use foghorn_engine::engine::Limits;
use foghorn_engine::{Action, Class, Command, Engine, Reply};
use people::Intent;
use senders::{Check, Trouble};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

/// Thursday, 22 October 2026, 03:00 UTC: the clocks change in Europe three days later, in America ten.
const BEGIN: i64 = 1_792_638_000_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// So many steps at one moment are a loop without end.
const MOST_AT_ONCE: u32 = 20_000;
/// So many lines are kept of a run that failed.
const LINES: usize = 1_000_000;
/// How long it may take until all is at rest once the faults have stopped.
const REST: u64 = 5 * HOUR;

/// Something that happens at its time.
#[derive(Debug)]
enum Happening {
    /// A page's channel has decided. With the life of the process that sent it.
    Channel(u32, PageKey, Name, Outcome),
    /// The process starts again.
    Restart,
    /// The shell notices that the wall clock was set.
    Notice(u32),
    NewTrouble,
    /// A sender's next word on a trouble.
    Sender(u64),
    /// A sender repeats what still fires.
    Repeat,
    CheckTurns(usize),
    Beat(usize),
    NewCanary,
    /// A person does something that was intended before.
    Person(Intent),
    Whim,
    Reload,
    Fault,
    /// A channel works again.
    ChannelMends(usize),
    DiskMends(u64),
    /// Nothing: a page is sent once more by a mutation.
    Again(PageKey),
}

struct Entry(u64, u64, Happening);

impl PartialEq for Entry {
    fn eq(&self, o: &Entry) -> bool {
        (self.0, self.1) == (o.0, o.1)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, o: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Entry {
    fn cmp(&self, o: &Entry) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(o.0, o.1))
    }
}

pub(crate) struct World {
    profile: Profile,
    mutation: Option<Mutation>,
    rng: Rng,
    /// Milliseconds since the run began, as the universe counts.
    pub(crate) t: u64,
    /// What the wall clock shows beside the truth.
    offset: i64,
    unnoticed: i64,
    agenda: BinaryHeap<Reverse<Entry>>,
    entries: u64,
    life: u32,
    /// When the process was last known to be alive: it writes that down once a minute.
    alive: Wall,
    engine: Option<Engine>,
    mono: (Mono, u64),
    disk: Disk,
    snapshots: Vec<(u64, State)>,
    /// What the loop asked for and nobody has looked at.
    commands: VecDeque<Command>,
    armed: Option<faults::Point>,
    tickets: u64,
    waiting: BTreeMap<u64, Vec<(u64, bool)>>,
    variant: Variant,
    file: Arc<Setup>,
    files: u64,
    channels: Vec<faults::Channel>,
    troubles: BTreeMap<u64, Trouble>,
    next_trouble: u64,
    /// What every sender has to say beside the labels.
    broken: Labels,
    checks: Vec<Check>,
    /// Senders that are dead until then.
    dead: BTreeMap<Name, u64>,
    ids: u64,
    /// The faults are over, and everybody answers.
    calm: bool,
    at_once: (u64, u32),
    mutated: u64,
    disk_troubles: u64,
    pub(crate) checker: Checker,
    pub(crate) hash: u64,
    pub(crate) lines: Option<VecDeque<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, profile: &Profile, mutation: Option<Mutation>, trace: bool) -> World {
        let mut rng = Rng::new(seed);
        let variant = Variant::default();
        let file = Arc::new(setup::build(profile, &variant));
        let offset = i64::try_from(rng.below(14 * 24 * HOUR)).unwrap_or(0);
        let mut w = World {
            profile: profile.clone(),
            mutation,
            rng,
            t: 0,
            offset,
            unnoticed: 0,
            agenda: BinaryHeap::new(),
            entries: 0,
            life: 0,
            alive: Wall::default(),
            engine: None,
            mono: (Mono(1000), 0),
            disk: Disk::new(),
            snapshots: Vec::new(),
            commands: VecDeque::new(),
            armed: None,
            tickets: 0,
            waiting: BTreeMap::new(),
            variant,
            file: file.clone(),
            files: 1,
            channels: setup::CHANNELS.iter().map(|_| faults::Channel::Works).collect(),
            troubles: BTreeMap::new(),
            next_trouble: 0,
            broken: Labels::from_pairs([("summary", "it is broken")]),
            checks: (0..setup::CHECKS).map(|_| Check::default()).collect(),
            dead: BTreeMap::new(),
            ids: 0,
            calm: false,
            at_once: (0, 0),
            mutated: 0,
            disk_troubles: 0,
            checker: Checker::new(file, profile.compare_every),
            hash: 0xcbf2_9ce4_8422_2325,
            lines: trace.then(VecDeque::new),
        };
        w.begin();
        w
    }

    fn begin(&mut self) {
        self.boot(State::default(), 0);
        let p = self.profile.clone();
        for (mean, what) in [
            (p.alert_every, Happening::NewTrouble),
            (p.fault_every, Happening::Fault),
            (p.whim_every, Happening::Whim),
            (p.reload_every, Happening::Reload),
            (p.canary_every, Happening::NewCanary),
        ] {
            let wait = self.rng.wait(mean.0);
            self.later(wait, what);
        }
        self.later(MINUTE, Happening::Repeat);
        for n in 0..setup::BEATS {
            let wait = self.rng.between(1000, 5 * MINUTE);
            self.later(wait, Happening::Beat(n));
        }
    }

    pub(crate) fn now(&self) -> Now {
        let passed = self.t - self.mono.1;
        let t = i64::try_from(self.t).unwrap_or(i64::MAX);
        Now { mono: self.mono.0 + Span(passed), wall: Wall(BEGIN + t + self.offset) }
    }

    fn is(&self, m: Mutation) -> bool {
        self.mutation == Some(m)
    }

    /// True for every `n`th time that a mutation could strike.
    fn strikes(&mut self, m: Mutation, n: u64) -> bool {
        if self.mutation != Some(m) {
            return false;
        }
        self.mutated += 1;
        self.mutated.is_multiple_of(n)
    }

    fn later(&mut self, wait: u64, what: Happening) {
        self.entries += 1;
        self.agenda.push(Reverse(Entry(self.t + wait, self.entries, what)));
    }

    fn line(&mut self, text: impl FnOnce() -> String) {
        let t = self.t;
        if let Some(lines) = &mut self.lines {
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(format!("{} {}", clock(t), text()));
        }
    }

    fn observe(&mut self, parts: &[u64]) {
        for p in parts {
            self.hash = (self.hash ^ p).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
    }

    /// Runs until `end`, or until something is wrong.
    pub(crate) fn run(&mut self, hours: u64) {
        self.go_on(hours * HOUR);
        if self.checker.violation.is_some() {
            return;
        }
        self.calm_down();
        self.go_on(hours * HOUR + REST);
        if self.checker.violation.is_some() {
            return;
        }
        if let Some(engine) = &self.engine {
            self.checker.rests(engine);
        }
    }

    fn go_on(&mut self, end: u64) {
        while self.checker.violation.is_none() {
            let wake = self.engine.as_ref().and_then(Engine::next_wakeup);
            let wake = wake.map(|at| self.t + at.since(self.now().mono).0);
            let next = [self.agenda.peek().map(|Reverse(e)| e.0), wake, self.disk.done_at()];
            let Some(next) = next.into_iter().flatten().min().filter(|t| *t <= end) else {
                self.t = end;
                return;
            };
            self.t = next.max(self.t);
            self.checker.at(self.t, self.now());
            self.turn(wake.is_some_and(|w| w <= self.t));
        }
    }

    /// One step of the world: whatever happens now, and what the engine makes of it.
    fn turn(&mut self, wake: bool) {
        self.at_once = if self.at_once.0 == self.t { (self.t, self.at_once.1 + 1) } else { (self.t, 0) };
        let busy = self.at_once.1;
        self.checker
            .holds(Invariant::NoBusyLoop, busy < MOST_AT_ONCE, || format!("{busy} steps at one moment"));
        if self.disk.done_at().is_some_and(|at| at <= self.t) {
            self.disk_answers();
        } else if !wake
            && self.agenda.peek().is_some_and(|Reverse(e)| e.0 <= self.t)
            && let Some(Reverse(Entry(_, _, what))) = self.agenda.pop()
        {
            self.happens(what);
        }
        self.act(Action::Poll);
        self.obey();
        self.checker.after_step(self.engine.as_ref());
        if self.engine.is_some() {
            self.checker.canaries_sing();
        }
    }

    fn happens(&mut self, what: Happening) {
        match what {
            Happening::Channel(life, key, channel, outcome) => {
                self.channel_reports(life, &key, channel, outcome)
            }
            Happening::Restart => self.restart(),
            Happening::Notice(life) => self.notice(life),
            Happening::NewTrouble => self.new_trouble(),
            Happening::Sender(id) => self.sender_speaks(id),
            Happening::Repeat => self.sender_repeats(),
            Happening::CheckTurns(n) => self.check_turns(n),
            Happening::Beat(n) => self.beat(n),
            Happening::NewCanary => self.new_canary(),
            Happening::Person(intent) => self.person(intent),
            Happening::Whim => self.whim(),
            Happening::Reload => self.reload(),
            Happening::Fault => self.fault(),
            Happening::ChannelMends(n) => self.channel_mends(n),
            Happening::DiskMends(n) => self.disk_mends(n),
            Happening::Again(key) => self.send(key),
        }
    }

    fn act(&mut self, action: Action) {
        let now = self.now();
        if let Some(engine) = &mut self.engine {
            self.commands.extend(engine.on(action, now));
        }
    }

    /// Hands an input to the engine. Returns its ticket, or nothing if nobody listens.
    fn submit(&mut self, class: Class, input: Input) -> Option<u64> {
        self.engine.as_ref()?;
        self.tickets += 1;
        let ticket = self.tickets;
        self.line(|| format!("#{ticket} {}", short(&input)));
        self.observe(&[1, self.t, ticket]);
        self.checker.submitted(Some(ticket), &input);
        match self.mutate_input(class, input) {
            Ok((input, ticket)) => {
                self.act(Action::Submit { input, class, ticket: ticket.then_some(self.tickets) })
            }
            Err(reply) => self.commands.push_back(Command::Reply(ticket, reply)),
        }
        Some(ticket)
    }

    /// Does what the loop asked for.
    fn obey(&mut self) {
        while let Some(command) = self.commands.pop_front() {
            match command {
                Command::Append(append) => {
                    self.observe(&[2, append.first_seq, append.written.records.len() as u64]);
                    let n = append.written.records.len();
                    self.line(|| format!("append of {n} after {}", append.first_seq - 1));
                    self.disk.append(self.t, append, &mut self.rng);
                    self.crash_if(faults::Point::Appending);
                }
                Command::Settle => {
                    self.line(|| "the journal is looked at".to_string());
                    if self.is(Mutation::NeverLooksAgain) {
                        continue;
                    }
                    if let Some(answer) = self.disk.settle(self.t, &mut self.rng) {
                        self.disk_answer(answer);
                    }
                }
                Command::Reply(ticket, reply) => self.replied(ticket, &reply),
                Command::Send(key) => {
                    if !self.strikes(Mutation::DroppedPage, 7) {
                        let twice = self.strikes(Mutation::SentTwice, 5);
                        self.send(key.clone());
                        if twice {
                            self.later(30_000, Happening::Again(key));
                        }
                    }
                    self.crash_if(faults::Point::Sending);
                }
                Command::Publish(written) => {
                    if self.is(Mutation::StaleIsOver) {
                        self.end_what_is_stale(&written.records);
                    }
                    if let Some(engine) = &self.engine {
                        self.checker.batch_done(engine);
                    }
                }
                Command::Snapshot { seq, state } => {
                    self.snapshots.push((seq, *state));
                    if self.snapshots.len() > 2 {
                        self.snapshots.remove(0);
                    }
                }
                Command::Degraded(why) => {
                    self.line(|| format!("degraded: {why}"));
                    self.observe(&[3, self.t]);
                    self.checker.degraded();
                }
                Command::Recovered { lost, .. } => {
                    self.line(|| format!("recovered, {lost} lost"));
                    self.observe(&[4, self.t, lost]);
                    self.checker.recovered(lost);
                }
                // The checker counts them.
                Command::SetAside(what) => self.line(|| format!("set aside: {what}")),
            }
        }
    }

    fn replied(&mut self, ticket: u64, reply: &Reply) {
        self.line(|| format!("#{ticket} {reply:?}"));
        self.checker.replied(ticket, reply);
        let saved = matches!(reply, Reply::Saved(_));
        self.observe(&[5, ticket, u64::from(saved)]);
        for (id, fired) in self.waiting.remove(&ticket).unwrap_or_default() {
            if let Some(trouble) = self.troubles.get_mut(&id).filter(|_| saved) {
                (trouble.saved, trouble.tries) = (Some(fired), 0);
            }
        }
    }

    fn disk_answers(&mut self) {
        let answer = self.disk.finish(self.t, &mut self.rng);
        self.look_at_disk();
        if let Some(answer) = answer {
            if matches!(answer, Answer::Appended(..)) && self.crash_if(faults::Point::Durable) {
                return;
            }
            self.disk_answer(answer);
        }
    }

    fn disk_answer(&mut self, answer: Answer) {
        self.line(|| format!("the disk: {answer:?}"));
        self.act(match answer {
            Answer::Appended(id, result) => Action::Appended { id, result },
            Answer::Settled(found) => Action::Settled { found },
        });
    }

    /// What has reached the disk is read by the checkers.
    fn look_at_disk(&mut self) {
        if let Some((first, len)) = self.disk.astray.take() {
            self.checker
                .holds(Invariant::Sequence, false, || format!("an append at {first} after {len} records"));
        }
        let fresh = std::mem::take(&mut self.disk.fresh);
        if fresh > 0 && self.strikes(Mutation::SwallowedRecord, 40) {
            self.disk.swallow(self.disk.records.len() - 1);
        }
        let from = self.disk.records.len().saturating_sub(fresh);
        for n in from..self.disk.records.len() {
            let Some(record) = self.disk.records.get(n).cloned() else { break };
            self.line(|| {
                format!(
                    "    {} {}{}",
                    record.seq,
                    if record.late { "(late) " } else { "" },
                    brief(&record.event)
                )
            });
            self.observe(&[6, record.seq, record.at.mono.0]);
            self.checker.durable(&record);
        }
    }

    /// A page leaves: it is composed from what is true now, as the shell does, and handed to its channel.
    fn send(&mut self, key: PageKey) {
        let Some(engine) = &self.engine else { return };
        let (state, engine_is_away) = (engine.state(), engine.is_degraded());
        let mut key = key;
        let channel = state.pages.get(&key).map(|p| p.channel.clone()).unwrap_or_default();
        let incident = state.incident(key.incident);
        let canary = incident.and_then(|i| canary_of(state, i.id));
        let shape = incident.map(|i| {
            let revision = i.revision();
            // While it is not believed to be over, it is shown as it was.
            let shown =
                if i.recovers_at.is_some() { i.shape() } else { i.shape_now(self.now().mono, state.life) };
            foghorn_core::incident::Shape { revision, ..shown }
        });
        let shape = shape.unwrap_or_default();
        if self.strikes(Mutation::KeyPerAttempt, 9) {
            key.round += 1000;
        }
        self.line(|| format!("{key} leaves by {channel}"));
        self.observe(&[
            7,
            self.t,
            key.incident,
            u64::from(key.wave),
            u64::from(key.round),
            u64::from(key.step),
        ]);
        for b in key.person.bytes() {
            self.observe(&[u64::from(b)]);
        }
        self.checker.sent(&key, canary, &channel);
        if key.kind == PageKind::Page && canary.is_none() {
            let from_memory = engine_is_away.then_some(self.life);
            self.may_answer(&key, shape, from_memory);
        }
        self.hand_to_channel(&key, &channel);
    }

    /// What is over: the faults, the whims, the troubles. People answer.
    fn calm_down(&mut self) {
        self.line(|| "from now on all is calm".to_string());
        self.calm = true;
        self.armed = None;
        self.variant = Variant::default();
        self.mend_everything();
        for trouble in self.troubles.values_mut() {
            trouble.ends = trouble.ends.min(self.t);
        }
        self.speak_again(1000, 20_000, |_| true);
        (0..self.checks.len()).for_each(|n| self.later(2000, Happening::CheckTurns(n)));
        self.later(500, Happening::Reload);
        self.later(10 * MINUTE, Happening::Person(Intent::CloseManual));
    }
}

/// The number of the canary among an incident's alerts, if one is there.
fn canary_of(state: &State, id: IncidentId) -> Option<u64> {
    let incident = state.incident(id)?;
    state.alerts_of(incident).take(3).find_map(|a| a.labels.get("canary")?.parse().ok())
}

fn clock(t: u64) -> String {
    format!("{:03}:{:02}:{:02}.{:03}", t / HOUR, t / MINUTE % 60, t / 1000 % 60, t % 1000)
}

fn short(input: &Input) -> String {
    match input {
        Input::AdoptConfig { hash, .. } => format!("configuration {hash}"),
        other => cut(format!("{other:?}")),
    }
}

fn brief(event: &Event) -> String {
    match event {
        Event::ConfigAdopted { hash, .. } => format!("configuration {hash} adopted"),
        other => cut(format!("{other:?}")),
    }
}

fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(420) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// The limits of the loop under test.
fn limits(profile: &Profile) -> Limits {
    Limits { snapshot_every: profile.snapshot_every, ..Limits::default() }
}
