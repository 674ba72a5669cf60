//! Other tools that send alerts, Foghorn's own checks, and jobs that ping.

use super::{Happening, MINUTE, World};
use crate::check::Invariant;
use crate::setup;
use foghorn_core::alert::AlertItem;
use foghorn_core::event::PingKind;
use foghorn_core::input::{CheckVerdict, Input};
use foghorn_core::labels::Labels;
use foghorn_core::time::Span;
use foghorn_core::words::{Name, Severity, Urgency};
use foghorn_engine::Class;

/// What is wrong somewhere, as its sender sees it.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    source: Name,
    labels: Labels,
    severity: Option<Severity>,
    urgency: Option<Urgency>,
    /// For senders that repeat.
    lifetime: Option<Span>,
    page_after: Span,
    pub(super) ends: u64,
    /// The last word that was acknowledged: that it fires, or that it is over.
    pub(super) saved: Option<bool>,
    pub(super) canary: Option<u64>,
    /// How often its sender has spoken in vain since it was last heard.
    pub(super) tries: u32,
    /// When its sender speaks next. What else is on the agenda for it is out of date.
    speaks: u64,
}

/// A check that measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Check {
    #[default]
    Well,
    Failing,
    Flapping,
    Unknown,
}

impl World {
    pub(super) fn new_trouble(&mut self) {
        if self.calm {
            return;
        }
        let wait = self.rng.wait(self.profile.alert_every.0);
        self.later(wait, Happening::NewTrouble);
        if self.rng.percent(25) {
            let n = self.rng.index(self.checks.len());
            if self.checks.get(n) == Some(&Check::Well) {
                self.check_turns(n);
            }
            return;
        }
        let n = self.rng.below(30);
        let source = match n {
            0..=15 => "prom",
            16..=24 => "nagios",
            _ => "grafana",
        };
        let ends = self.t + self.rng.between(20_000, self.profile.lasts.0);
        self.trouble(source, ends);
    }

    /// A new trouble, or one that is there already and goes on for longer.
    fn trouble(&mut self, source: &str, ends: u64) {
        let entity = setup::entity(self.rng.index(self.profile.entities.max(12)));
        let name = format!("A{}", self.rng.below(12));
        let mut pairs = vec![("alertname".to_string(), name)];
        match self.rng.below(10) {
            0 => {}
            1 => pairs.push(("instance".into(), format!("{entity}.example.com:9100"))),
            2 => pairs.push(("host".into(), format!("stranger-{}", self.rng.below(5)))),
            _ => pairs.push(("entity".into(), entity.to_string())),
        }
        let severity = match self.rng.below(20) {
            0..=8 => Some(Severity::Critical),
            9..=14 => Some(Severity::Warning),
            15..=17 => Some(Severity::Info),
            _ => None,
        };
        let labels = Labels::from_pairs(pairs);
        let same = self.troubles.iter_mut().find(|(_, t)| t.source.as_str() == source && t.labels == labels);
        if let Some((_, t)) = same {
            // Worse, or less bad, than it was.
            t.severity = severity;
            t.ends = t.ends.max(ends);
            return;
        }
        let lifetime = Some(Span::mins(4)).filter(|_| source == "prom");
        let urgency = Some(Urgency::High).filter(|_| self.rng.below(40) == 0);
        let page_after = if self.rng.percent(10) { Span::secs(45) } else { Span::ZERO };
        self.add_trouble(Trouble {
            source: Name::from(source),
            labels,
            severity,
            urgency,
            lifetime,
            page_after,
            ends,
            saved: None,
            canary: None,
            tries: 0,
            speaks: 0,
        });
    }

    fn add_trouble(&mut self, trouble: Trouble) {
        self.next_trouble += 1;
        let id = self.next_trouble;
        self.troubles.insert(id, Trouble { speaks: self.t, ..trouble });
        self.sender_speaks(id);
    }

    /// A trouble's sender speaks after this wait, and not before.
    pub(super) fn speak_later(&mut self, id: u64, wait: u64) {
        let at = self.t + wait;
        if let Some(trouble) = self.troubles.get_mut(&id) {
            trouble.speaks = at;
            self.later(wait, Happening::Sender(id));
        }
    }

    /// The same for all troubles that `which` names.
    pub(super) fn speak_again(&mut self, first: u64, last: u64, which: impl Fn(&Trouble) -> bool) {
        let ids: Vec<u64> = self.troubles.iter().filter(|(_, t)| which(t)).map(|(id, _)| *id).collect();
        for id in ids {
            let wait = self.rng.between(first, last);
            self.speak_later(id, wait);
        }
    }

    /// More at once than an integration may have open.
    pub(super) fn flood(&mut self) {
        for _ in 0..60 {
            let ends = self.t + self.rng.between(MINUTE, 9 * MINUTE);
            self.trouble("nagios", ends);
        }
    }

    /// An alert that stands alone, and that nobody takes care of for a while.
    pub(super) fn new_canary(&mut self) {
        if self.calm {
            return;
        }
        let wait = self.rng.wait(self.profile.canary_every.0);
        self.later(wait, Happening::NewCanary);
        let n = self.next_trouble + 1;
        let labels = Labels::from_pairs([("alertname", format!("Canary{n}")), ("canary", n.to_string())]);
        let ends = self.t + self.rng.between(12 * MINUTE, 40 * MINUTE);
        self.add_trouble(Trouble {
            source: Name::from("canary"),
            labels,
            severity: Some(Severity::Critical),
            urgency: None,
            lifetime: None,
            page_after: Span::ZERO,
            ends,
            saved: None,
            canary: Some(n),
            tries: 0,
            speaks: 0,
        });
    }

    /// A sender says how one of its troubles stands, and when it says so again: as real ones do, it waits longer each
    /// time that nobody took it.
    pub(super) fn sender_speaks(&mut self, id: u64) {
        let t = self.t;
        let Some(trouble) = self.troubles.get_mut(&id).filter(|trouble| trouble.speaks == t) else { return };
        let fires = trouble.ends > t;
        if !fires && trouble.saved == Some(false) {
            self.troubles.remove(&id);
            return;
        }
        trouble.tries += 1;
        let trouble = trouble.clone();
        // Told and taken: of this one its sender speaks again when it is over, but for what it repeats.
        if trouble.saved == Some(fires) {
            return self.speak_later(id, trouble.ends - t);
        }
        // Nobody would know it; when it is in the configuration again its sender speaks.
        if !self.file.integrations.contains_key(&trouble.source) {
            return;
        }
        let dead = self.dead.get(&trouble.source).filter(|until| **until > t).map(|until| until - t);
        let again = match (dead, trouble.canary) {
            (Some(wait), _) => wait,
            (None, Some(_)) if fires => 15_000,
            (None, _) => {
                let wait = 10_000 << trouble.tries.min(5);
                self.rng.between(wait / 2, wait)
            }
        };
        self.speak_later(id, if fires { again.min(trouble.ends - t) } else { again });
        if dead.is_some() {
            return;
        }
        if let Some(n) = trouble.canary {
            match (fires, self.engine.is_some()) {
                (true, true) => self.checker.canary(n),
                (false, _) => self.checker.canary_over(n),
                (true, false) => {}
            }
        }
        let mut items = vec![self.item(&trouble, fires)];
        let mut ids = vec![(id, fires)];
        if self.rng.below(6) == 0 {
            self.gather(&trouble, &mut items, &mut ids);
        }
        let input = Input::Alerts { source: trouble.source.clone(), items };
        if let Some(ticket) = self.submit(Class::Intake, input) {
            // Until it is answered nobody knows which of its words counts.
            for (id, fires) in &ids {
                if let Some(trouble) = self.troubles.get_mut(id).filter(|t| t.saved != Some(*fires)) {
                    trouble.saved = None;
                }
            }
            self.waiting.insert(ticket, ids);
        }
    }

    /// A sender that repeats what fires does so once a minute, in requests of at most so many.
    pub(super) fn sender_repeats(&mut self) {
        const AT_ONCE: usize = 32;
        self.later(MINUTE, Happening::Repeat);
        if self.dead.get("prom").is_some_and(|until| *until > self.t) || self.engine.is_none() {
            return;
        }
        let firing = |t: &&Trouble| t.lifetime.is_some() && t.ends > self.t && t.saved == Some(true);
        let firing: Vec<Trouble> = self.troubles.values().filter(firing).cloned().collect();
        for some in firing.chunks(AT_ONCE) {
            let items: Vec<AlertItem> = some.iter().map(|t| self.item(t, true)).collect();
            self.submit(Class::Intake, Input::Alerts { source: Name::from("prom"), items });
        }
    }

    fn item(&self, t: &Trouble, fires: bool) -> AlertItem {
        if !fires {
            return AlertItem::resolved(t.labels.clone(), self.now().wall);
        }
        AlertItem {
            severity: t.severity,
            urgency: t.urgency,
            lifetime: t.lifetime,
            page_after: t.page_after,
            ..AlertItem::firing(t.labels.clone(), self.broken.clone())
        }
    }

    /// Senders put several alerts into one request, at times the same one twice.
    fn gather(&mut self, first: &Trouble, items: &mut Vec<AlertItem>, ids: &mut Vec<(u64, bool)>) {
        let others: Vec<(u64, Trouble)> = self
            .troubles
            .iter()
            .filter(|(_, t)| t.source == first.source && t.canary.is_none())
            .filter(|(id, _)| ids.iter().all(|(known, _)| known != *id))
            .take(3)
            .map(|(id, t)| (*id, t.clone()))
            .collect();
        for (id, t) in others {
            let fires = t.ends > self.t;
            if !fires && t.saved.is_some() && self.rng.percent(20) {
                items.push(self.item(&t, true));
            }
            items.push(self.item(&t, fires));
            ids.push((id, fires));
        }
    }

    /// A check's verdict changes.
    pub(super) fn check_turns(&mut self, n: usize) {
        let Some(before) = self.checks.get(n).copied() else { return };
        let next = if self.calm {
            Check::Well
        } else {
            match (before, self.rng.below(10)) {
                (Check::Well, _) => Check::Failing,
                (_, 0..=5) => Check::Well,
                (Check::Failing, 6 | 7) => Check::Flapping,
                (_, 8) => Check::Unknown,
                _ => Check::Failing,
            }
        };
        if let Some(c) = self.checks.get_mut(n) {
            *c = next;
        }
        if next != Check::Well {
            let wait = self.rng.between(5000, 25 * MINUTE);
            self.later(wait, Happening::CheckTurns(n));
        }
        self.tell_check(n);
    }

    fn tell_check(&mut self, n: usize) {
        let name = setup::check(n);
        if !self.file.checks.contains_key(&name) {
            return;
        }
        let summary = "connection refused".to_string();
        let verdict = match self.checks.get(n).copied().unwrap_or_default() {
            Check::Well => CheckVerdict::Ok,
            Check::Failing => {
                let severity = Some(Severity::Warning).filter(|_| self.rng.below(8) == 0);
                CheckVerdict::Failing { summary, severity }
            }
            Check::Flapping => CheckVerdict::Flapping { summary, severity: None },
            Check::Unknown => CheckVerdict::Unknown { why: "this location is blind".to_string() },
        };
        let since = self.now().wall;
        self.submit(Class::World, Input::Check { check: name, verdict, since });
    }

    /// After a start or a reload everything is measured again, and senders that nobody knew are heard.
    pub(super) fn measure_everything(&mut self) {
        (0..self.checks.len()).for_each(|n| self.tell_check(n));
        let (now, file) = (self.t, self.file.clone());
        self.speak_again(1000, 20_000, |t| t.speaks <= now && file.integrations.contains_key(&t.source));
    }

    /// A job pings, or not.
    pub(super) fn beat(&mut self, n: usize) {
        let every = (10 + 20 * n as u64) * MINUTE;
        let wait = self.rng.between(every - MINUTE, every + MINUTE);
        self.later(wait, Happening::Beat(n));
        let ping = match self.rng.below(12) {
            _ if self.calm => PingKind::Success,
            0 => return,
            1 => PingKind::Fail,
            2 => PingKind::Log,
            _ => PingKind::Success,
        };
        let check = setup::beat(n);
        self.submit(Class::Intake, Input::Ping { check, ping, run: None, body: "done".to_string() });
    }

    /// A mutation: what is stale is taken for over.
    pub(super) fn end_what_is_stale(&mut self, records: &[std::sync::Arc<foghorn_core::Record>]) {
        use foghorn_core::Event;
        use foghorn_core::alert::AlertStatus;
        let Some(engine) = &self.engine else { return };
        let stale: Vec<(Name, Labels)> = records
            .iter()
            .filter_map(|r| match &r.event {
                Event::AlertStatusChanged { alert, status: AlertStatus::Stale, .. } => {
                    engine.state().alerts.get(&alert.key)
                }
                _ => None,
            })
            .map(|a| (a.source.clone(), a.labels.clone()))
            .collect();
        let ended = self.now().wall;
        for (source, labels) in stale {
            let input = Input::Alerts { source, items: vec![AlertItem::resolved(labels, ended)] };
            self.act(foghorn_engine::Action::Submit { input, class: Class::World, ticket: None });
        }
        self.checker.holds(Invariant::NoPanic, true, String::new);
    }

    /// After the disk lost what it had promised, senders say everything again.
    pub(super) fn say_it_all_again(&mut self) {
        self.troubles.values_mut().for_each(|t| t.saved = None);
        self.speak_again(1000, 20_000, |_| true);
    }
}
