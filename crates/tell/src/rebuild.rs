//! The ledger from the journal.

use crate::Events;
use crate::ledger::Ledger;
use foghorn_core::event::Event;
use foghorn_core::time::{Span, Wall};
use foghorn_core::{Record, State};

/// The most events that are read at a time.
const PAGE: usize = 1000;
/// Of what happens within a second, the end is looked at: nobody reads shorter outages.
const GRAIN: Span = Span::secs(1);

/// Folds the whole journal again, as far as it is there. `stop` is asked now and then.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn rebuild(events: &dyn Events, stop: &dyn Fn() -> bool) -> Result<Option<Ledger>, String> {
    let (mut ledger, mut state, mut seq) = (Ledger::default(), State::default(), 0);
    // Since when something has not been looked at.
    let mut unseen: Option<Wall> = None;
    // When this run of Foghorn began.
    let mut started: Option<Wall> = None;
    loop {
        if stop() {
            return Ok(None);
        }
        let page = events.page(seq, PAGE)?;
        for (n, json) in page.events {
            // What this release cannot read changes nothing that it could show.
            let Ok(record) = serde_json::from_slice::<Record>(&json) else { continue };
            if unseen.is_some_and(|since| record.at.wall.since(since) >= GRAIN) {
                ledger.observe(&state, state.clock.wall, seq);
                unseen = None;
            }
            if let Event::Started { down, .. } = &record.event {
                ledger.away(record.at.wall, *down);
                started = Some(record.at.wall);
            }
            state.apply(record.at, &record.event);
            seq = n;
            if matters(&record.event) {
                unseen = unseen.or(Some(record.at.wall));
            }
        }
        ledger.prune(state.clock.wall);
        if !page.more {
            ledger.observe(&state, state.clock.wall, seq);
            if let Some(since) = started {
                ledger.doubt(since);
            }
            return Ok(Some(ledger));
        }
    }
}

/// Whether the public may read something else after it.
fn matters(event: &Event) -> bool {
    matches!(
        event,
        Event::Started { .. }
            | Event::ConfigAdopted { .. }
            | Event::AlertOpened { .. }
            | Event::AlertConfirmed { .. }
            | Event::AlertChanged { .. }
            | Event::AlertReworded { .. }
            | Event::AlertStatusChanged { .. }
            | Event::AlertEnded { .. }
            | Event::AlertMuted { .. }
            | Event::AlertUnmuted { .. }
            | Event::IncidentOpened { .. }
            | Event::IncidentResolved { .. }
            | Event::IncidentReopened { .. }
            | Event::StatusUpdated { .. }
            | Event::StatusCorrected { .. }
            | Event::Acknowledged { .. }
            | Event::AcknowledgementLapsed { .. }
            | Event::SilenceAdded { .. }
            | Event::SilenceBegan { .. }
            | Event::SilenceEnded { .. }
            | Event::HeartbeatPinged { .. }
    )
}
