//! Starting, and checks that wait to be pinged.

use super::Draft;
use crate::alert::{AlertItem, AlertStatus, CHECKS, EndReason};
use crate::event::{Event, PingKind};
use crate::input::{Answer, Refusal};
use crate::labels::{AlertKey, Labels};
use crate::time::{CLOCK_SET, Mono, Now, Span};
use crate::words::Name;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Bytes of what came with a ping that are kept (the journal is no log store).
const MOST_BODY: usize = 2000;

impl Draft<'_> {
    /// Nobody could be heard while Foghorn was away: senders and heartbeats have time to speak again. A wall clock that
    /// went back while nobody looked has been set; that it went forward cannot be told from being away.
    pub(super) fn start(&mut self, version: &str, down: Span, life: u16) {
        let last = self.state.clock;
        self.emit(Event::Started { version: version.to_string(), down, life });
        let (wall, mono) = (self.now.wall.0.saturating_sub(last.wall.0), self.now.mono.since(last.mono));
        let by = wall.saturating_sub(mono.as_i64());
        if last != Now::default() && by.abs() >= CLOCK_SET {
            self.clock_stepped(by);
        }
        if down == Span::ZERO {
            return;
        }
        let alerts: Vec<(AlertKey, Mono)> = self
            .state
            .alerts
            .entries()
            .filter_map(|(_, a, expires)| {
                let until = self.now.mono + a.lifetime?;
                Some((a.key, until)).filter(|_| expires.is_some_and(|at| at < until))
            })
            .collect();
        if !alerts.is_empty() {
            let why = format!("Foghorn was away for {down}");
            self.emit(Event::AlertsExtended { alerts, why });
        }
        let went = Mono(self.now.mono.0.saturating_sub(down.0));
        let back = self.now.mono;
        let moved: Vec<(Name, Mono, bool)> = self
            .state
            .heartbeats
            .iter()
            .filter_map(|(name, b)| {
                let rule = self.state.setup.checks.get(name)?.heartbeat.as_ref()?;
                let expected = Mono(b.due.0.saturating_sub(rule.grace.0));
                if b.due < went || back < expected {
                    return None;
                }
                // It was late before, and nearly all of its grace could be heard: it has as long as it would have had.
                if expected < went && back < b.due && down.0 < rule.grace.0 / 2 {
                    return Some((name.clone(), b.due + down, false));
                }
                // It may have come. The first time it is due after now, by its own rhythm.
                let (since, every) = (back.since(expected).0, rule.every.0.max(1));
                Some((name.clone(), b.due + Span(every.saturating_mul(since / every + 1)), true))
            })
            .collect();
        for (check, due, unheard) in moved {
            let why = if unheard {
                format!("was due while Foghorn was away for {down}: unknown, not missed")
            } else {
                format!("is late, and Foghorn was away for {down}: it has so much longer")
            };
            self.emit(Event::HeartbeatExpected { check, due, why, unheard });
        }
    }

    pub(super) fn ping(
        &mut self,
        check: &Name,
        ping: PingKind,
        run: Option<&String>,
        body: &str,
    ) -> Result<Answer, Refusal> {
        let Some(rule) = self.state.setup.checks.get(check).and_then(|c| c.heartbeat.clone()) else {
            return Err(Refusal::NotFound { what: format!("heartbeat {check}") });
        };
        let next = self.now.mono + rule.every + rule.grace;
        let beat = self.state.heartbeats.get(check);
        let success_due = beat.map_or(next, |b| b.success_due.unwrap_or(b.due));
        let under_way = beat.and_then(|b| b.run.as_ref());
        // Healthchecks' rules: a run that began has the grace time to end. That it began is no success: what begins over and
        // over is missed when a success was due. The success of another run does not end it.
        let (success_due, run_due) = match ping {
            PingKind::Success => {
                (next, under_way.filter(|r| run.is_some() && r.id.as_ref() != run).map(|r| r.due))
            }
            PingKind::Fail => (next, None),
            PingKind::Start => (success_due, Some(self.now.mono + rule.grace)),
            PingKind::Log => (success_due, under_way.map(|r| r.due)),
        };
        let due = match ping {
            PingKind::Log => beat.map_or(next, |b| b.due),
            _ => run_due.map_or(success_due, |run| run.min(success_due)),
        };
        let body: String = body.chars().take(MOST_BODY).collect();
        self.emit(Event::HeartbeatPinged {
            check: check.clone(),
            ping,
            run: run.cloned(),
            body: body.clone(),
            due,
            success_due: Some(success_due).filter(|success| *success != due),
            run_due,
        });
        match ping {
            PingKind::Success => self.heartbeat_well(check),
            PingKind::Fail => {
                let first =
                    body.lines().find(|l| !l.trim().is_empty()).unwrap_or("the job says that it failed");
                self.heartbeat_alert(check, first);
            }
            PingKind::Start | PingKind::Log => {}
        }
        Ok(Answer::Done)
    }

    pub(super) fn heartbeat_overdue(&mut self, check: &Name) {
        let Some(beat) = self.state.heartbeats.get(check).cloned() else { return };
        let rule = self.state.setup.checks.get(check).and_then(|c| c.heartbeat.clone());
        let Some(rule) = rule else { return };
        let due = self.now.mono + Span(rule.every.0.max(1000));
        let why = "missed".to_string();
        self.emit(Event::HeartbeatExpected { check: check.clone(), due, why, unheard: false });
        let last = beat.last.map_or_else(|| "never".to_string(), |w| w.to_string());
        let summary = match beat.running_since {
            Some(since) if self.now.wall.since(since) < rule.grace => {
                format!("begins, last at {since}, and does not end well; last success {last}")
            }
            Some(since) => {
                format!("began at {since} and has not ended within {}; last success {last}", rule.grace)
            }
            None => format!(
                "no ping; one is due every {} (grace {}), last success {last}",
                rule.every, rule.grace
            ),
        };
        self.heartbeat_alert(check, &summary);
    }

    fn heartbeat_alert(&mut self, check: &Name, summary: &str) {
        let rule = self.state.setup.checks.get(check).cloned().unwrap_or_default();
        let mut annotations = alloc::vec![("summary", format!("{check}: {summary}"))];
        annotations.extend(self.state.setup.runbook_of_check(&rule).map(|url| ("runbook_url", url)));
        let item = AlertItem {
            severity: Some(rule.severity),
            urgency: rule.urgency,
            entity: rule.entity,
            escalation: rule.escalation,
            page_after: rule.fail_for,
            ..AlertItem::firing(super::check_labels(check), Labels::from_pairs(annotations))
        };
        self.alerts(&Name::from(CHECKS), &[item]);
    }

    fn heartbeat_well(&mut self, check: &Name) {
        let key = AlertKey::of(CHECKS, &super::check_labels(check));
        let Some(a) = self.state.alerts.get(&key).filter(|a| a.status != AlertStatus::Resolved).cloned()
        else {
            return;
        };
        self.end_alert(key, self.now.wall, EndReason::Sender);
        self.settle(a.incident);
    }
}
