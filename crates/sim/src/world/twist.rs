//! Where a mutation takes hold: between the loop and the world, never inside of it.

use super::{World, setup};
use crate::mutation::Mutation;
use foghorn_core::event::PingKind;
use foghorn_core::input::{Answer, CheckVerdict, Ends, Input};
use foghorn_core::setup::Setup;
use foghorn_core::silence::Matcher;
use foghorn_core::time::Span;
use foghorn_core::words::{Severity, Urgency};
use foghorn_engine::{Action, Class, Reply};
use std::sync::Arc;

impl World {
    /// What the loop gets instead of an input, and whether its reply is passed on; or the reply alone.
    pub(super) fn mutate_input(&mut self, class: Class, input: Input) -> Result<(Input, bool), Reply> {
        let Some(mutation) = self.mutation else { return Ok((input, true)) };
        let away = self.engine.as_ref().is_some_and(|e| e.is_degraded());
        match (mutation, input) {
            (Mutation::ForgottenAck, Input::Acknowledge { .. }) if !away => Err(Reply::Saved(Answer::Done)),
            (Mutation::ForgottenUnsaved, Input::Acknowledge { .. }) if away => {
                Err(Reply::NotSaved(Answer::Done, Arc::from("away")))
            }
            (Mutation::EarlyReply, input @ Input::Alerts { .. }) if class == Class::Intake => {
                self.act(Action::Submit { input, class, ticket: None });
                Err(Reply::Saved(Answer::Done))
            }
            (Mutation::WholeAck, Input::Acknowledge { incident, by, .. }) => {
                Ok((Input::Acknowledge { incident, by, revision: None }, true))
            }
            (Mutation::LongSilence, Input::Silence { id, matchers, entities, starts, comment, by, .. }) => {
                let ends = Ends::After(Span::hours(40));
                Ok((
                    Input::Silence { id, matchers, entities, starts, ends, comment, maintenance: false, by },
                    true,
                ))
            }
            (Mutation::DeafSilence, Input::Silence { id, starts, ends, comment, by, .. }) => {
                let matchers = Matcher::parse("alertname=other").into_iter().collect();
                let entities = std::collections::BTreeSet::new();
                Ok((
                    Input::Silence { id, matchers, entities, starts, ends, comment, maintenance: false, by },
                    true,
                ))
            }
            (
                Mutation::UnknownIsWell,
                Input::Check { check, verdict: CheckVerdict::Unknown { .. }, since },
            ) => Ok((Input::Check { check, verdict: CheckVerdict::Ok, since }, true)),
            (Mutation::Immortal, Input::Alerts { source, mut items }) => {
                items.iter_mut().for_each(|i| i.lifetime = None);
                Ok((Input::Alerts { source, items }, true))
            }
            (Mutation::BeatsItself, input @ Input::Alerts { .. }) => {
                let check = setup::beat(0);
                let ping = Input::Ping { check, ping: PingKind::Success, run: None, body: String::new() };
                self.act(Action::Submit { input: ping, class, ticket: None });
                Ok((input, true))
            }
            (_, Input::AdoptConfig { hash, setup }) => {
                let mut changed = (*setup).clone();
                self.mutate_setup(mutation, &mut changed);
                Ok((Input::AdoptConfig { hash, setup: Arc::new(changed) }, true))
            }
            (_, input) => Ok((input, true)),
        }
    }

    /// A rule that reads the configuration wrongly.
    fn mutate_setup(&mut self, mutation: Mutation, setup: &mut Setup) {
        match mutation {
            Mutation::LongWaits => {
                let steps = setup.escalations.values_mut().flat_map(|p| &mut p.steps);
                steps.for_each(|s| s.wait = Span(s.wait.0 * 4));
            }
            Mutation::EndlessAck => setup.timing.ack_expires = Span::hours(3),
            Mutation::ClosedForGood => setup.timing.still_failing_after = Span::hours(2),
            Mutation::WarningsWake => {
                setup.timing.urgency.insert(Severity::Warning, Urgency::High);
            }
            Mutation::NightShift => {
                let people = setup.people.values_mut();
                people.for_each(|p| p.working_hours.days = vec![1, 2, 3, 4, 5, 6, 7]);
                setup
                    .people
                    .values_mut()
                    .for_each(|p| (p.working_hours.from, p.working_hours.to) = (0, 1440));
            }
            Mutation::GhostPeople => {
                let all = setup::build(&self.profile, &setup::Variant::default());
                setup.people = all.people;
            }
            _ => {}
        }
    }
}
