//! A configuration comes into force, in the middle of whatever is going on.

use super::Draft;
use super::escalate::But;
use super::follow_up::Concern;
use crate::alert::{Alert, AlertStatus, CHECKS, EndReason, SELF};
use crate::event::Event;
use crate::incident::{Incident, IncidentId, Phase, Status};
use crate::input::Answer;
use crate::labels::AlertKey;
use crate::page::{Page, PageKind};
use crate::setup::Setup;
use crate::silence::Silence;
use crate::time::Mono;
use crate::words::{Actor, Name, Severity, Urgency};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a configuration says of an alert, as far as its sender does not.
#[derive(PartialEq)]
struct Ruled {
    severity: Severity,
    urgency: Urgency,
    escalation: Name,
}

impl Ruled {
    fn of(setup: &Setup, a: &Alert) -> Ruled {
        let check = a.labels.get("check").filter(|_| *a.source == *CHECKS).and_then(|c| setup.checks.get(c));
        let entity = check.map_or(a.entity.as_ref(), |c| c.entity.as_ref());
        // A plugin's warning is one, however bad its check is.
        let severity = check.map_or(a.severity, |c| c.severity);
        Ruled {
            severity,
            urgency: check.and_then(|c| c.urgency).unwrap_or_else(|| setup.timing.urgency_of(severity)),
            escalation: setup.escalation_for(check.and_then(|c| c.escalation.as_ref()), entity, &a.source),
        }
    }
}

impl Draft<'_> {
    pub(super) fn adopt(&mut self, hash: &str, setup: &Arc<Setup>) -> Answer {
        if *self.state.setup_hash == *hash && *self.state.setup == **setup {
            return Answer::Already;
        }
        let before = self.state.setup.clone();
        let paged = self.paged_by_rule(setup);
        self.emit(Event::ConfigAdopted { hash: hash.to_string(), setup: setup.clone() });
        self.end_orphans(&before, setup);
        self.follow_rules(&before, setup);
        self.follow_integrations(setup);
        self.expect_heartbeats(&before, setup);
        self.declare_maintenance(&before, setup);
        self.drop_unreachable(&before, setup);
        self.follow_policies(paged);
        self.look_at_waiting("the configuration changed");
        Answer::Done
    }

    /// An open alert is as bad, wakes and pages by what the new rules say, as far as it was as the old ones said: what its
    /// sender said of it stays.
    fn follow_rules(&mut self, before: &Setup, setup: &Setup) {
        let alerts = self.state.alerts.values().filter(|a| a.status.is_open() && *a.source != *SELF);
        let changed: Vec<(Arc<Alert>, Ruled)> = alerts
            .filter_map(|a| {
                let (then, now) = (Ruled::of(before, a), Ruled::of(setup, a));
                let is = Ruled { severity: a.severity, urgency: a.urgency, escalation: a.escalation.clone() };
                let own = is.severity.min(now.severity);
                let new = Ruled {
                    severity: if is.severity == then.severity { now.severity } else { own },
                    urgency: if is.urgency == then.urgency { now.urgency } else { is.urgency },
                    escalation: if is.escalation == then.escalation {
                        now.escalation
                    } else {
                        is.escalation.clone()
                    },
                };
                (new != is).then(|| (a.clone(), new))
            })
            .collect();
        let mut touched: BTreeSet<IncidentId> = BTreeSet::new();
        for (a, new) in changed {
            let alert = self.reference(a.key, a.incident);
            touched.insert(a.incident);
            self.emit(Event::AlertChanged {
                alert,
                severity: new.severity,
                urgency: new.urgency,
                annotations: None,
                escalation: Some(new.escalation).filter(|e| *e != a.escalation),
            });
        }
        self.look_at_all(touched, Concern::Alerts);
    }

    /// The alert of a check that is gone is over: nothing measures it any more, as whoever took it out wanted. So it is
    /// where another kind of check has its name now, one that measures instead of waiting to be pinged, or the reverse.
    fn end_orphans(&mut self, before: &Setup, setup: &Setup) {
        let waits = |setup: &Setup, check: &str| setup.checks.get(check).map(|c| c.heartbeat.is_some());
        let gone = |check: &str| {
            waits(setup, check).is_none_or(|now| waits(before, check).is_some_and(|then| then != now))
        };
        let gone: Vec<(AlertKey, IncidentId)> = self
            .state
            .alerts
            .values()
            .filter(|a| a.status.is_open() && *a.source == *CHECKS)
            .filter(|a| a.labels.get("check").is_some_and(gone))
            .map(|a| (a.key, a.incident))
            .collect();
        for (key, _) in &gone {
            self.end_alert(*key, self.now.wall, EndReason::Removed);
        }
        self.look_at_all(gone.into_iter().map(|(_, id)| id).collect(), Concern::Alerts);
    }

    /// What an integration reported is no less wrong because the integration left the file: its alerts are stale until a
    /// person closes their incident. Comes it back, those that are told once are as they were; others are repeated.
    fn follow_integrations(&mut self, setup: &Setup) {
        let ours = |a: &Alert| matches!(&*a.source, CHECKS | SELF);
        let changed: Vec<((AlertKey, IncidentId), AlertStatus, String)> = self
            .state
            .alerts
            .values()
            .filter(|a| a.status.is_open() && !ours(a))
            .filter_map(|a| {
                let known = setup.integrations.contains_key(&a.source);
                let stale = a.status == AlertStatus::Stale;
                match (known, stale) {
                    (false, false) => Some((
                        (a.key, a.incident),
                        AlertStatus::Stale,
                        format!(
                            "the integration {} is not in the configuration any more: nobody will say that this is over",
                            a.source
                        ),
                    )),
                    (true, true) if a.lifetime.is_none() => Some((
                        (a.key, a.incident),
                        AlertStatus::Firing,
                        format!("the integration {} is in the configuration again", a.source),
                    )),
                    _ => None,
                }
            })
            .collect();
        for ((key, incident), status, why) in changed {
            let alert = self.reference(key, incident);
            self.emit(Event::AlertStatusChanged { alert, status, held_until: None, why });
        }
    }

    /// Incidents that are paged for by the policy that the rules name now, or by one that is in the new configuration no more.
    fn paged_by_rule(&self, setup: &Setup) -> Vec<(IncidentId, Name)> {
        let waits = |i: &&Incident| {
            i.status == Status::Open && i.escalation.phase != Phase::Idle && !i.escalation.asked
        };
        let by_rule = |i: &Incident| {
            let policy = i.escalation.policy.clone()?;
            let follows = self.policy_for(i.id) == policy || !setup.escalations.contains_key(&policy);
            follows.then_some((i.id, policy))
        };
        self.state.open_incidents().filter(waits).filter_map(by_rule).collect()
    }

    /// Where the rules name another policy now, that one is begun.
    fn follow_policies(&mut self, paged: Vec<(IncidentId, Name)>) {
        let others = paged.into_iter().filter(|(id, policy)| {
            let same = self.state.incident(*id).is_some_and(|i| i.escalation.policy.as_ref() == Some(policy));
            same && self.policy_for(*id) != *policy
        });
        let others = others.map(|(id, _)| id).collect();
        self.look_at_all(others, Concern::Policy);
    }

    /// Of one incident.
    pub(super) fn follow_policy(&mut self, id: IncidentId) {
        let Some(i) = self.state.incident(id) else { return };
        let (Status::Open, Some(policy)) = (&i.status, i.escalation.policy.clone()) else { return };
        let now = self.policy_for(id);
        if now != policy && i.urgency() > Urgency::None {
            let why = format!("the configuration changed: {now} instead of {policy}");
            self.start_escalation(id, But::Nobody, &why);
        }
    }

    /// A new heartbeat has a whole interval for its first ping. One whose times were changed is counted from its last ping
    /// on, as far as it is not missed by that at once.
    fn expect_heartbeats(&mut self, before: &Setup, setup: &Setup) {
        for (name, rule) in &setup.checks {
            let Some(beat) = &rule.heartbeat else { continue };
            let (had, known) = (before.checks.get(name), self.state.heartbeats.get(name));
            let had = had.and_then(|rule| rule.heartbeat.as_ref()).zip(known);
            if had.is_some_and(|(then, _)| then == beat) {
                continue;
            }
            let whole = beat.every + beat.grace;
            let from_last = had.map(|(then, known)| {
                let due = known.success_due.unwrap_or(known.due);
                Mono(due.0.saturating_sub((then.every + then.grace).0)) + whole
            });
            let due = from_last.filter(|at| *at > self.now.mono).unwrap_or(self.now.mono + whole);
            let (why, unheard) = match had {
                Some((_, known)) => ("its times were changed in the configuration", known.unheard),
                None => ("new in the configuration", false),
            };
            let (check, why) = (name.clone(), why.to_string());
            self.emit(Event::HeartbeatExpected { check, due, why, unheard });
        }
    }

    /// Declared windows are silences under a name of their own, which follow the file; one that a person has ended comes
    /// back only if it is written anew.
    fn declare_maintenance(&mut self, before: &Setup, setup: &Setup) {
        const PREFIX: &str = "maintenance/";
        let declared: Vec<Silence> = setup
            .maintenance
            .iter()
            .filter(|(_, m)| m.ends > self.now.wall)
            .map(|(name, m)| Silence {
                id: Name::from(format!("{PREFIX}{name}")),
                matchers: Vec::new(),
                entities: m.entities.clone(),
                starts: m.starts,
                ends: m.ends,
                relative: false,
                by: Actor::system(),
                comment: m.reason.clone(),
                maintenance: true,
            })
            .collect();
        let ids: BTreeSet<&Name> = declared.iter().map(|s| &s.id).collect();
        let gone: Vec<Name> = self
            .state
            .silences
            .keys()
            .filter(|id| id.starts_with(PREFIX) && !ids.contains(id))
            .cloned()
            .collect();
        gone.iter().for_each(|id| self.drop_silence(id, None));
        let as_before = |id: &str| {
            let name = id.strip_prefix(PREFIX).unwrap_or(id);
            before.maintenance.get(name).is_some_and(|m| setup.maintenance.get(name) == Some(m))
        };
        for silence in declared {
            let known = self.state.silences.get(&silence.id);
            if known.map_or(!as_before(&silence.id), |s| **s != silence) {
                self.put_silence(silence);
            }
        }
    }

    /// Pages that are on their way to somebody who is gone, or by a contact that is another now, are given up, and their
    /// step is entered again.
    fn drop_unreachable(&mut self, before: &Setup, setup: &Setup) {
        let gone: Vec<_> = self
            .state
            .pages
            .values()
            .filter(|p| p.due_at().is_some())
            .filter(|p| {
                let person = &p.key.person;
                let (then, now) = (before.contacts(person), setup.contacts(person));
                let several = |setup: &Setup| setup.several_on(person, &p.channel);
                // Of several on one channel nothing tells which is which, once their order may be another.
                now.get(usize::from(p.key.contact)).is_none_or(|c| c.channel != p.channel)
                    || then != now && (several(before) || several(setup))
            })
            .map(|p| p.key.clone())
            .collect();
        let mut again: BTreeSet<IncidentId> = self.shortened(before, setup).collect();
        again.extend(self.left_alone(setup));
        for key in gone {
            if key.kind == PageKind::Page {
                again.insert(key.incident);
            }
            let why = format!("this contact of {} is not in the configuration any more", key.person);
            self.emit(Event::PageDropped { key, why });
        }
        self.look_at_all(again, Concern::Step);
    }

    /// Incidents whose pages wait for a contact's delay that is shorter now.
    fn shortened<'a>(&'a self, before: &'a Setup, setup: &'a Setup) -> impl Iterator<Item = IncidentId> + 'a {
        let waits = |p: &&Arc<Page>| p.key.kind == PageKind::Page && p.attempts == 0 && p.due_at().is_some();
        let delay = |setup: &'a Setup, p: &Page| {
            setup.contacts(&p.key.person).get(usize::from(p.key.contact)).map(|c| c.after)
        };
        let shorter = move |p: &&Arc<Page>| delay(setup, p) < delay(before, p) && delay(setup, p).is_some();
        self.state.pages.values().filter(waits).filter(shorter).map(|p| p.key.incident)
    }

    /// Incidents of whose step everybody has left the configuration: nobody who was paged can answer.
    fn left_alone<'a>(&'a self, setup: &'a Setup) -> impl Iterator<Item = IncidentId> + 'a {
        let waits =
            |i: &&Incident| i.status == Status::Open && matches!(i.escalation.phase, Phase::Waiting { .. });
        let alone = move |i: &&Incident| {
            let step = i.escalation.seen();
            let pages = || self.state.pages_of(i.id).filter(|p| p.key.kind == PageKind::Page);
            // A wave that goes on where another was has no pages for those who have that one's.
            let any = pages().any(|p| p.key.is_of(step));
            pages().filter(|p| !any || p.key.is_of(step)).all(|p| !setup.people.contains_key(&p.key.person))
        };
        self.state.open_incidents().filter(waits).filter(alone).map(|i| i.id)
    }
}
