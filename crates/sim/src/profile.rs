//! How busy and how unlucky the simulated world is.

use foghorn_core::time::Span;

/// How busy and how unlucky the simulated world is.
#[derive(Clone, Debug)]
pub struct Profile {
    /// How many people can be paged; at least 9.
    pub people: usize,
    /// How many entities the topology has; at least 12.
    pub entities: usize,
    /// Mean time between new troubles (alerts, failing checks).
    pub alert_every: Span,
    /// The longest that a trouble lasts; half of it is the mean.
    pub lasts: Span,
    /// Mean time between faults: of channels, journal, clock, senders, and crashes.
    pub fault_every: Span,
    /// Mean time between things that people do unasked: silences, stand-ins, notes, incidents by hand.
    pub whim_every: Span,
    /// Mean time between changed configurations.
    pub reload_every: Span,
    /// Mean time between alerts that stand alone and are watched closely.
    pub canary_every: Span,
    /// Out of a hundred crashes so many damage the end of the journal: acknowledged batches are lost as a broken disk
    /// would lose them. Promises about them are not checked in such a run, everything else is.
    pub damage: u64,
    /// The whole state is compared with a replay after so many batches.
    pub compare_every: u64,
    /// A snapshot is kept after so many events.
    pub snapshot_every: u64,
}

impl Default for Profile {
    /// Unlucky, as tests want it.
    fn default() -> Self {
        Profile {
            people: 10,
            entities: 40,
            alert_every: Span::secs(90),
            lasts: Span::mins(50),
            fault_every: Span::mins(7),
            whim_every: Span::mins(6),
            reload_every: Span::mins(50),
            canary_every: Span::mins(35),
            damage: 0,
            compare_every: 16,
            snapshot_every: 700,
        }
    }
}

impl Profile {
    /// For figures of speed: 10 people, 100 entities, an alert a minute, a fault every ten. Troubles last five minutes
    /// in the mean, so that incidents end; were it half an hour, all would be one incident without end.
    #[must_use]
    pub fn bench() -> Profile {
        Profile {
            people: 10,
            entities: 100,
            alert_every: Span::mins(1),
            lasts: Span::mins(10),
            fault_every: Span::mins(10),
            whim_every: Span::mins(60),
            reload_every: Span::hours(6),
            canary_every: Span::mins(60),
            damage: 0,
            compare_every: 2000,
            snapshot_every: 200,
        }
    }

    /// The profile that a seed of a test or a long run gets: mostly the unlucky one, sometimes a world that is calm
    /// enough for long waits to matter, sometimes one whose disk lies.
    #[must_use]
    pub fn of_seed(seed: u64) -> Profile {
        let base = Profile::default();
        match seed % 8 {
            3 => Profile {
                alert_every: Span::mins(12),
                fault_every: Span::mins(25),
                whim_every: Span::mins(30),
                ..base
            },
            5 => Profile { fault_every: Span::mins(2), ..base },
            6 => Profile { damage: 60, ..base },
            7 => Profile { alert_every: Span::secs(25), whim_every: Span::mins(2), ..base },
            _ => base,
        }
    }
}
