//! What goes wrong: channels, the journal, the clock, senders, and the process itself.

use super::{HOUR, Happening, MINUTE, World, limits};
use crate::disk;
use crate::mutation::Mutation;
use crate::setup;
use foghorn_core::State;
use foghorn_core::input::Input;
use foghorn_core::page::{Outcome, PageKey};
use foghorn_core::time::{CLOCK_SET, Span, Wall};
use foghorn_core::words::Name;
use foghorn_engine::{Class, Engine};

/// How a channel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Works,
    /// Answers after a long time.
    Slow,
    /// Says "later".
    Busy,
    /// Says "never".
    Refuses,
    /// Says nothing at all.
    Mute,
}

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// When an append has been handed over and not answered.
    Appending,
    /// When it is on disk and the answer has not been taken.
    Durable,
    /// When a page has left and its outcome is not known.
    Sending,
}

impl World {
    pub(super) fn fault(&mut self) {
        if self.calm {
            return;
        }
        let wait = self.rng.wait(self.profile.fault_every.0);
        self.later(wait, Happening::Fault);
        match self.rng.below(16) {
            0..=3 => self.channel_breaks(),
            4..=7 => self.disk_breaks(),
            8 => self.crash(),
            9 | 10 => {
                let points = [Point::Appending, Point::Durable, Point::Sending];
                self.armed = self.rng.pick(&points).copied();
            }
            11 | 12 => self.set_clock(),
            13 | 14 => {
                let who = if self.rng.percent(70) { "prom" } else { "grafana" };
                let until = self.t + self.rng.between(MINUTE, 20 * MINUTE);
                self.line(|| format!("{who} falls silent"));
                self.dead.insert(Name::from(who), until);
            }
            _ => self.flood(),
        }
    }

    fn channel_breaks(&mut self) {
        // At times all of them: no network.
        let all = self.rng.percent(20);
        let how = [Channel::Slow, Channel::Busy, Channel::Refuses, Channel::Mute];
        let how = self.rng.pick(&how).copied().unwrap_or(Channel::Busy);
        let which = self.rng.index(self.channels.len());
        let for_how_long = self.rng.between(20_000, 40 * MINUTE);
        for n in 0..self.channels.len() {
            if all || n == which {
                if let Some(c) = self.channels.get_mut(n) {
                    *c = how;
                }
                self.later(for_how_long, Happening::ChannelMends(n));
                self.line(|| format!("{} is {how:?}", setup::CHANNELS.get(n).copied().unwrap_or("")));
            }
        }
        self.checker.channels(false);
    }

    pub(super) fn channel_mends(&mut self, n: usize) {
        if let Some(c) = self.channels.get_mut(n) {
            *c = Channel::Works;
        }
        self.line(|| format!("{} works", setup::CHANNELS.get(n).copied().unwrap_or("")));
        if self.channels.iter().all(|c| *c == Channel::Works) {
            self.checker.channels(true);
        }
    }

    /// A page is handed to its channel, which will say what became of it, or not.
    pub(super) fn hand_to_channel(&mut self, key: &PageKey, channel: &Name) {
        let n = setup::CHANNELS.iter().position(|c| *c == channel.as_str()).unwrap_or(0);
        let how = self.channels.get(n).copied().unwrap_or(Channel::Works);
        let soon = self.rng.between(30, 900);
        let busy = |after| Outcome::Retry { error: "busy".into(), after };
        let (wait, outcome) = match how {
            Channel::Works => (soon, Outcome::Accepted { detail: "ok".into() }),
            Channel::Slow => (self.rng.between(4000, 100_000), Outcome::Accepted { detail: "late".into() }),
            Channel::Busy => {
                let after = Span::secs(self.rng.between(1, 400));
                (soon, busy(Some(after).filter(|_| self.rng.percent(20))))
            }
            Channel::Refuses => (soon, Outcome::Failed { error: "gone".into() }),
            Channel::Mute if self.rng.percent(60) => return,
            Channel::Mute => (self.rng.between(30_000, 300_000), busy(None)),
        };
        self.later(wait, Happening::Channel(self.life, key.clone(), channel.clone(), outcome));
    }

    pub(super) fn channel_reports(&mut self, life: u32, key: &PageKey, channel: Name, outcome: Outcome) {
        if life != self.life || self.engine.is_none() {
            return;
        }
        self.checker.outcome(key, &channel, &outcome);
        if !self.strikes(Mutation::LostOutcome, 6) {
            self.submit(
                Class::Paging,
                Input::Delivered { key: key.clone(), channel: Some(channel), outcome },
            );
        }
    }

    fn disk_breaks(&mut self) {
        let long = self.rng.between(3000, 15 * MINUTE);
        self.disk.trouble = match self.rng.below(4) {
            0 => disk::Trouble::Slow,
            1 => disk::Trouble::Full,
            2 => disk::Trouble::Unsure,
            _ => disk::Trouble::Hangs(self.t + long),
        };
        let what = self.disk.trouble;
        self.line(|| format!("the disk: {what:?}"));
        self.checker.disk(false);
        self.disk_troubles += 1;
        self.later(long + 100, Happening::DiskMends(self.disk_troubles));
    }

    /// The trouble with this number is over, unless another has come.
    pub(super) fn disk_mends(&mut self, n: u64) {
        if n != self.disk_troubles {
            return;
        }
        self.disk.mend(self.t);
        self.line(|| "the disk works".to_string());
        self.checker.disk(true);
    }

    fn set_clock(&mut self) {
        let far = match self.rng.below(4) {
            0 => self.rng.between(3000, 60_000),
            1 => self.rng.between(MINUTE, HOUR),
            2 => self.rng.between(HOUR, 12 * HOUR),
            _ => self.rng.between(12 * HOUR, 40 * 24 * HOUR),
        };
        let by = i64::try_from(far).unwrap_or(0) * if self.rng.percent(50) { 1 } else { -1 };
        self.offset += by;
        self.unnoticed += by;
        self.line(|| format!("the wall clock is set by {by} ms"));
        self.observe(&[8, by.unsigned_abs()]);
        self.checker.at(self.t, self.now());
        self.checker.clock_set();
        // The loop looks at both clocks whenever it wakes, so this is soon; but it may be stuck for a while.
        let wait = if self.rng.percent(60) { 0 } else { self.rng.between(100, 4000) };
        self.later(wait, Happening::Notice(self.life));
    }

    pub(super) fn notice(&mut self, life: u32) {
        if life != self.life || self.unnoticed == 0 || self.engine.is_none() {
            return;
        }
        let by = std::mem::take(&mut self.unnoticed);
        self.checker.clock_noticed(by);
        if !self.is(Mutation::ClockUnsaid) {
            self.submit(Class::Paging, Input::ClockStep { by });
        }
    }

    /// Dies if it was to die here.
    pub(super) fn crash_if(&mut self, here: Point) -> bool {
        let dies = self.armed == Some(here) && !self.calm;
        if dies {
            self.armed = None;
            self.crash();
        }
        dies
    }

    /// The process dies. What it had in memory is gone.
    pub(super) fn crash(&mut self) {
        if self.engine.take().is_none() {
            return;
        }
        self.line(|| "Foghorn dies".to_string());
        self.observe(&[9, self.t]);
        self.life += 1;
        self.alive = Wall(self.now().wall.0 - i64::try_from(self.t % MINUTE).unwrap_or(0));
        self.commands.clear();
        self.waiting.clear();
        self.unnoticed = 0;
        self.disk.crash(&mut self.rng);
        self.look_at_disk();
        self.checker.crashed();
        if self.rng.percent(self.profile.damage) {
            let left = self.disk.lose(self.rng.index(5) + 1);
            self.line(|| format!("the disk has lost everything after record {left}"));
            self.checker.lost(&self.disk.records);
            self.snapshots.retain(|(seq, _)| *seq <= left as u64);
            self.say_it_all_again();
        }
        let down = match self.rng.below(10) {
            0..=6 => self.rng.between(300, 20_000),
            7 | 8 => self.rng.between(20_000, 20 * MINUTE),
            _ => self.rng.between(20 * MINUTE, 3 * HOUR),
        };
        self.later(down, Happening::Restart);
    }

    pub(super) fn restart(&mut self) {
        if self.engine.is_some() {
            return;
        }
        // From the last snapshot, an older one, or from the beginning.
        let snapshot = match self.rng.below(8) {
            0 if self.disk.records.len() < 3000 => None,
            1 => self.snapshots.first(),
            _ => self.snapshots.last(),
        };
        let (mut state, from) = match snapshot {
            Some((seq, state)) => {
                (State::from_snapshot(state.snapshot()), usize::try_from(*seq).unwrap_or(0))
            }
            None => (State::default(), 0),
        };
        if !(self.is(Mutation::StaleSnapshot) && from > 0) {
            self.disk.records.iter().skip(from).for_each(|r| state.apply(r.at, &r.event));
        }
        let seq = self.disk.records.len() as u64;
        self.line(|| format!("Foghorn starts: {from} records from a snapshot, {} read", seq - from as u64));
        self.boot(state, seq);
        if let Some(engine) = &self.engine {
            self.checker.compare(engine);
        }
    }

    /// As the server does: clocks that go on where the journal ends, the start, the file.
    pub(super) fn boot(&mut self, state: State, seq: u64) {
        // What the clock shows at a start is what it shows: a step while nothing ran has been noticed with that.
        self.unnoticed = 0;
        let (wall, state_clock) = (self.now().wall, state.clock);
        let away =
            if seq == 0 { Span::ZERO } else { wall.since(state.clock.wall).min(Span::hours(24 * 365)) };
        self.mono = if seq == 0 { self.mono } else { (state.clock.mono + away, self.t) };
        let mut nonce = [0; 16];
        nonce.iter_mut().for_each(|b| *b = u8::try_from(self.rng.below(256)).unwrap_or(0));
        let mut limits = limits(&self.profile);
        if self.is(Mutation::NoDeadline) {
            limits.append_deadline = Span::mins(15);
        }
        let now = self.now();
        self.checker.at(self.t, now);
        let mut engine = Engine::new(state, seq, self.disk.head(), nonce, limits);
        self.checker.restarted();
        if !self.disk.is_well() && self.rng.percent(50) {
            engine.start_degraded(now, "read-only file system");
            self.checker.degraded();
        }
        let set = wall.0 - state_clock.wall.0 - away.as_i64();
        if seq > 0 && set.abs() >= CLOCK_SET {
            self.checker.clock_noticed(set);
        }
        self.engine = Some(engine);
        let life = u16::try_from(self.rng.below(1 << 16)).unwrap_or(0);
        let down = away.min(wall.since(self.alive));
        self.submit(Class::Paging, Input::Start { version: "sim".into(), down, life });
        self.adopt();
        self.measure_everything();
    }

    pub(super) fn mend_everything(&mut self) {
        (0..self.channels.len()).for_each(|n| self.channel_mends(n));
        let n = self.disk_troubles;
        self.disk_mends(n);
        self.dead.clear();
    }
}
