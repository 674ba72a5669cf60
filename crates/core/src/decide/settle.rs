//! An incident is brought in line with its alerts: what has grown is recorded, what is well is resolved, paging is begun,
//! begun again or paused. The one place where these rules are.

use super::Draft;
use super::escalate::But;
use crate::event::Event;
use crate::incident::{Incident, IncidentId, Phase, Shape, Status};
use crate::words::Urgency;
use alloc::format;
use alloc::string::String;

impl Draft<'_> {
    /// What comes of what its alerts are now.
    pub(super) fn settle(&mut self, id: IncidentId) {
        let Some(i) = self.state.incident(id) else { return };
        if i.is_resolved() {
            return self.reopen_if_worse(id);
        }
        if i.is_well() {
            return self.recover(id);
        }
        if i.recovers_at.is_some() {
            self.emit(Event::RecoveryAwaited { id, until: None, why: String::from("unwell again") });
        }
        let Some(i) = self.state.incident(id) else { return };
        let now = i.shape_now(self.now.mono, self.state.life);
        let grown = i.shapes.last().filter(|last| !last.covers(&now)).copied();
        self.record(id, now);
        let Some(i) = self.state.incident(id) else { return };
        match &i.status {
            Status::Acknowledged { covers, by, .. } => {
                if covers.covers(&now) || i.urgency() == Urgency::None {
                    return;
                }
                let (who, why) =
                    (by.name.clone(), grown_since(covers, &now, &self.called(&by.name), "acknowledged"));
                self.emit(Event::AcknowledgementLapsed { id, why: why.clone() });
                // Whoever works on what was less is to know.
                self.start_escalation(id, But::With(&who), &why);
            }
            Status::Open => self.settle_paging(id, now, grown),
            Status::Resolved { .. } => {}
        }
    }

    /// Writes down what an incident is now, if that is something else than what was written last.
    fn record(&mut self, id: IncidentId, now: Shape) {
        let Some(i) = self.state.incident(id) else { return };
        // Shrinking is recorded as well: a link in a page refers to what the page showed, and an acknowledgement by it
        // must not cover what was worse before or becomes worse again.
        // The first that is unwell is recorded too: while all alerts are held there is none.
        let same =
            |last: &Shape| last.covers(&now) && now.covers(last) && (last.width == 0) == (now.width == 0);
        if i.shapes.last().is_some_and(same) {
            return;
        }
        // It is called after what is worst of what people are paged for: whoever is woken for that must not read of
        // what is harmless, nor of what is held still or was over before it was paged for.
        let worse = |last: &Shape| now.severity > last.severity || last.width == 0 && now.width > 0;
        let renamed = i.own.is_none() && i.shapes.last().is_some_and(worse);
        let title = if renamed { self.title_of_worst(id) } else { None };
        self.emit(Event::IncidentGrew { id, shape: now, title });
    }

    /// Paging of what nobody has answered yet. `before` is what it was, if it is worse now.
    fn settle_paging(&mut self, id: IncidentId, now: Shape, before: Option<Shape>) {
        let Some(i) = self.state.incident(id) else { return };
        let e = &i.escalation;
        match e.phase {
            Phase::Idle if i.urgency() > Urgency::None => self.start_escalation(id, But::Nobody, ""),
            Phase::Idle => {}
            _ if i.pages_with() == Urgency::None => self.emit(Event::EscalationPaused { id }),
            _ if i.urgency() > e.urgency || self.concerns_others(i, now, before) => {
                self.start_escalation(id, But::Nobody, &format!("it is {} now", now.severity));
            }
            Phase::Waiting { .. } if i.pages_with() == Urgency::Low && e.urgency == Urgency::High => {
                self.calm_down(id);
            }
            Phase::Waiting { .. } => {}
            // A policy that has come to its end has not come to that of what is new, nor is who has not answered treated
            // worse than who has.
            Phase::Exhausted => {
                let Some(before) = before else { return };
                let why = if now.severity > before.severity {
                    format!("it is {} now", now.severity)
                } else {
                    format!("{} entities are unwell now, {} before", now.width, before.width)
                };
                self.start_escalation(id, But::Nobody, &why);
            }
        }
    }

    /// What is worse now may be somebody else's, who would not hear of it by the policy of what was first.
    fn concerns_others(&self, i: &Incident, now: Shape, before: Option<Shape>) -> bool {
        matches!(i.escalation.phase, Phase::Waiting { .. })
            && !i.escalation.asked
            && before.is_some_and(|before| now.severity > before.severity)
            && i.escalation.policy.as_ref() != Some(&self.policy_for(i.id))
    }

    /// What a person closed and is worse now than what they closed is open again at once: of that they have said nothing.
    fn reopen_if_worse(&mut self, id: IncidentId) {
        let Some(i) = self.state.incident(id) else { return };
        let Status::Resolved { by: Some(by), .. } = &i.status else { return };
        let (mut now, closed) = (i.shape_now(self.now.mono, self.state.life), i.shape());
        // What it was opened by hand for was unwell as well.
        now.width += u32::from(i.own_entity.as_ref().is_some_and(|e| i.entities.get(e) == Some(&0)));
        // Muted and held alerts have no urgency yet, and had none.
        let closed = Shape { urgency: now.urgency, ..closed };
        if i.open_alerts() == 0 || closed.covers(&now) {
            return;
        }
        let why = grown_since(&closed, &now, &self.called(&by.name), "resolved");
        self.reopen(id, why);
    }
}

/// Why it is not what somebody said that they had done with it any more.
fn grown_since(was: &Shape, now: &Shape, by: &str, did: &str) -> String {
    if now.severity > was.severity {
        format!("it grew from {} to {} since {by} {did} it", was.severity, now.severity)
    } else if now.urgency > was.urgency {
        match was.urgency {
            Urgency::None => format!("it pages now, which it did not when {by} {did} it"),
            _ => format!("it is urgent now, which it was not when {by} {did} it"),
        }
    } else {
        format!("{} entities are unwell now; {by} {did} {}", now.width, was.width)
    }
}
