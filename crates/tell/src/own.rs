//! What one incident does to the components, whatever else is wrong with them: its story is of its own alerts.

use crate::ledger::{Affected, MOST_AFFECTED};
use foghorn_core::State;
use foghorn_core::component::{ComponentStatus, EntityStatus, component_status, entities, said, unwell};
use foghorn_core::incident::{Incident, IncidentId};
use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use std::collections::{BTreeMap, BTreeSet};

/// How the components would be, were each incident the only one.
pub(crate) struct Own<'a> {
    state: &'a State,
    /// How the components are by all that is wrong.
    statuses: &'a BTreeMap<Name, ComponentStatus>,
    /// The components that an entity is behind.
    behind: BTreeMap<&'a Name, Vec<&'a Name>>,
    /// How each entity would be if nothing were wrong.
    quiet: BTreeMap<Name, EntityStatus>,
    /// What an incident's own alerts say of an entity.
    said: BTreeMap<(IncidentId, &'a Name), EntityStatus>,
}

impl<'a> Own<'a> {
    pub(crate) fn of(state: &'a State, statuses: &'a BTreeMap<Name, ComponentStatus>, wall: Wall) -> Own<'a> {
        let mut behind: BTreeMap<&Name, Vec<&Name>> = BTreeMap::new();
        for (component, entities) in &state.setup.components {
            entities.iter().for_each(|e| behind.entry(e).or_default().push(component));
        }
        // A few pointers.
        let mut nothing = state.clone();
        (nothing.alerts, nothing.incidents) = Default::default();
        let mut own = Own { state, statuses, quiet: entities(&nothing, wall), behind, said: BTreeMap::new() };
        for (incident, entity, is) in said(state).filter(|(_, entity, _)| own.behind.contains_key(entity)) {
            let was = own.said.entry((incident, entity)).or_insert(is);
            *was = (*was).max(is);
        }
        own
    }

    /// How a component is by this incident alone; `None` of one that is not configured.
    fn status(&self, incident: IncidentId, component: &Name) -> Option<ComponentStatus> {
        let entities = self.state.setup.components.get(component)?;
        let of = |entity: &Name| {
            let quiet = self.quiet.get(entity).copied().unwrap_or(EntityStatus::Unmeasured);
            self.said.get(&(incident, entity)).map_or(quiet, |said| quiet.max(*said))
        };
        let own = component_status(&entities.iter().map(of).collect::<Vec<_>>());
        let measured = self.statuses.get(component) != Some(&ComponentStatus::Unknown);
        // Well is only what is measured.
        Some(if own == ComponentStatus::Operational && !measured { ComponentStatus::Unknown } else { own })
    }

    /// A component that is not well by this incident alone.
    fn unwell(&self, incident: &Incident, component: &Name) -> Option<Affected> {
        let status = self.status(incident.id, component)?;
        (status != ComponentStatus::Operational)
            .then(|| Affected { component: component.to_string(), status })
    }

    /// What is not well of the components that an incident touches, in the order of their names.
    pub(crate) fn affected(&self, incident: &Incident) -> Vec<Affected> {
        let entities = unwell(self.state, incident).into_iter();
        let touched: BTreeSet<&Name> =
            entities.filter_map(|e| self.behind.get(e)).flatten().copied().collect();
        touched.into_iter().filter_map(|name| self.unwell(incident, name)).take(MOST_AFFECTED).collect()
    }

    /// What is not well at the end of an incident that a person closed, of what it ever touched.
    pub(crate) fn left(&self, incident: &Incident, touched: &[Affected]) -> Vec<Affected> {
        let names = touched.iter().map(|a| Name::from(a.component.as_str()));
        names.filter_map(|name| self.unwell(incident, &name)).collect()
    }

    /// The same of an incident that has been put away: its alerts are not known any more, so it is not taken for well while
    /// anything is wrong with what it touched. `ended`: it was known to be over before.
    pub(crate) fn left_by_all(&self, touched: &[Affected], ended: bool) -> Vec<Affected> {
        let unwell = |a: &Affected| {
            let status = *self.statuses.get(a.component.as_str())?;
            let unwell = if ended { status != ComponentStatus::Operational } else { status.is_hurt() };
            unwell.then(|| Affected { component: a.component.clone(), status })
        };
        touched.iter().filter_map(unwell).collect()
    }
}
