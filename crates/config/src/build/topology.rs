//! Topology, maintenance, the public page.

use super::Sections;
use crate::model::StatusPage;
use crate::raw::File;
use crate::read::{Cx, Spanned};
use crate::scalars::{Moment, Zone};
use foghorn_core::setup::{Entity, Maintenance};
use foghorn_core::time::Wall;
use foghorn_core::words::Name;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn topology(file: &File, names: &Sections<'_>, cx: &mut Cx<'_>) -> BTreeMap<Name, Entity> {
    let mut topology = BTreeMap::new();
    for (name, raw) in file.topology.good() {
        let entity = Entity {
            kind: raw.kind.value,
            runs_on: names.entities.find_all(&raw.runs_on.0, cx),
            depends_on: names.entities.find_all(&raw.depends_on.0, cx),
            escalation: names.escalations.find_some(raw.escalation.as_ref(), cx),
            runbook: raw.runbook.as_ref().map(|r| r.value.0.clone()),
        };
        topology.insert(Name::from(&*name.value), entity);
    }
    if let Some(cycle) = cycle(&topology) {
        let first = file.topology.good().find(|(name, _)| cycle.first().is_some_and(|c| **c == *name.value));
        let at = first.map_or_else(Default::default, |(name, _)| name.at);
        let path: Vec<String> = cycle.iter().chain(cycle.first()).map(|n| format!("`{n}`")).collect();
        cx.say(
            at,
            format!("these entities stand on one another in a circle: {}", path.join(" -> ")),
            "remove one `runs_on` or `depends_on` of it: in a circle nothing can be the cause",
        );
    }
    topology
}

/// A circle in the topology, if there is one: depth first, without recursion.
fn cycle(topology: &BTreeMap<Name, Entity>) -> Option<Vec<Name>> {
    let ups = |name: &Name| -> Vec<&Name> {
        topology.get(name).map(|e| e.runs_on.iter().chain(&e.depends_on).collect()).unwrap_or_default()
    };
    let mut done: BTreeSet<&Name> = BTreeSet::new();
    for start in topology.keys() {
        // The path to where we are, each with what it stands on that was not looked at yet.
        let mut path: Vec<(&Name, Vec<&Name>)> = vec![(start, ups(start))];
        while let Some((name, rest)) = path.last_mut() {
            let Some(next) = rest.pop() else {
                done.insert(name);
                path.pop();
                continue;
            };
            if let Some(from) = path.iter().position(|(n, _)| *n == next) {
                return Some(path[from..].iter().map(|(n, _)| (*n).clone()).collect());
            }
            if !done.contains(next) {
                path.push((next, ups(next)));
            }
        }
    }
    None
}

pub(super) fn maintenance(file: &File, names: &Sections<'_>, cx: &mut Cx<'_>) -> BTreeMap<Name, Maintenance> {
    let mut windows = BTreeMap::new();
    for (name, raw) in file.maintenance.good() {
        let entities = names.entities.find_all(&raw.entities.0, cx).into_iter().collect();
        if raw.entities.0.is_empty() {
            cx.say(
                name.at,
                "nothing is worked on in this maintenance window",
                "name an entity: `entities: […]`",
            );
        }
        let (Some(starts), Some(ends)) =
            (wall(&raw.starts, &raw.time_zone.value, cx), wall(&raw.ends, &raw.time_zone.value, cx))
        else {
            continue;
        };
        if ends <= starts {
            cx.say(raw.ends.at, "`ends` is not after `starts`", "");
        }
        windows.insert(
            Name::from(&*name.value),
            Maintenance { entities, starts, ends, reason: raw.reason.value.clone() },
        );
    }
    windows
}

/// The moment in the world. A time that the clocks skip is moved behind the gap; of one that comes twice the first is meant.
fn wall(moment: &Spanned<Moment>, zone: &Zone, cx: &mut Cx<'_>) -> Option<Wall> {
    let timestamp = match moment.value {
        Moment::World(timestamp) => Ok(timestamp),
        Moment::Local(local) => zone
            .tz()
            .and_then(|tz| tz.to_ambiguous_timestamp(local.0).compatible().map_err(|e| e.to_string())),
    };
    timestamp.map(Wall::from).map_err(|why| cx.say(moment.at, why, "")).ok()
}

pub(super) fn status_page(file: &File, names: &Sections<'_>, cx: &mut Cx<'_>) -> Option<StatusPage> {
    let raw = file.status_page.as_ref()?.0.as_ref()?;
    let mut components = Vec::new();
    for (name, behind) in raw.components.good() {
        if behind.0.is_empty() {
            cx.say(
                name.at,
                format!("nothing is behind the component `{}`", name.value),
                "name an entity of the topology",
            );
        }
        let behind = names.entities.find_all(&behind.0, cx).iter().map(ToString::to_string).collect();
        components.push((name.value.clone(), behind));
    }
    let server = file.server.0.as_ref();
    let taken = server.is_some_and(|s| {
        s.listen.value == raw.listen.value
            || s.links_listen.as_ref().is_some_and(|l| l.value == raw.listen.value)
    });
    if taken && raw.listen.value.port() != 0 {
        cx.say(
            raw.listen.at,
            "another listener has this address: the public page is never the console's",
            "give it a port of its own",
        );
    }
    let tls = raw.tls.as_ref().map(|tls| super::server::tls(tls, cx));
    Some(StatusPage { listen: raw.listen.value, tls, name: raw.name.value.clone(), components })
}
