//! What must always hold, in a sentence each.

use std::fmt;

macro_rules! invariants {
    ($($name:ident, $short:literal, $text:literal;)*) => {
        /// What must always hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Invariant {
            $(#[doc = $text] $name,)*
        }

        impl Invariant {
            /// All of them.
            pub const ALL: &[Invariant] = &[$(Invariant::$name,)*];

            /// A short name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Invariant::$name => $short,)* }
            }

            /// What it says.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Invariant::$name => $text,)* }
            }
        }

        pub(crate) const COUNT: usize = [$(Invariant::$name,)*].len();
    };
}

invariants! {
    NeverSilent, "never-silent", "An open, unacknowledged incident that wakes is never without an attempt to page for longer than its policy's longest wait.";
    Reached, "reached", "While all channels work, such an incident is never without an accepted page for longer than that.";
    AckHolds, "ack-holds", "Nobody is paged for an acknowledged incident unless it grew, the acknowledgement lapsed, a person asked for the next step or it was opened again; or the page was on its way.";
    AckExpires, "ack-expires", "Acknowledged and still critical after the set time pages the next team.";
    LinkCovers, "link-covers", "An acknowledgement by a link covers no more than the page with that link showed.";
    SavedIsDurable, "saved-is-durable", "What was answered \"saved\" is in the journal at that moment, and after every crash.";
    UnsavedIsKept, "unsaved-is-kept", "An acknowledgement answered \"not yet saved\" is in the journal once it is back, unless the process died in between.";
    ClockIsSaid, "clock-is-said", "A step of the wall clock that was noticed is in the journal, unless the process died in between; one that happened while it was away is said at the start.";
    Replay, "replay", "Replaying the journal gives the state that is in effect; so does a snapshot and the rest.";
    Sequence, "sequence", "Records follow one another without a gap, time in them never runs backwards, incidents are numbered upwards, every append follows on the head.";
    SameRun, "same-run", "The same seed gives the same run.";
    NotOverUntilSaid, "not-over-until-said", "No alert ends and no incident is resolved unless the sender said so, or was heard from and did not repeat it, or it left the configuration, or a person closed it.";
    StaleIsSaid, "stale-is-said", "An alert whose sender fell silent is stale after its lifetime, and not before.";
    StillFailingReturns, "still-failing-returns", "What a person closed while it was still failing is opened again after the set time.";
    Quiet, "quiet", "What is silenced, informational, or not yet confirmed pages nobody.";
    WorkingHours, "working-hours", "What does not wake is planned for the person's working hours, and no page leaves before it is due.";
    UrgencyIsGiven, "urgency-is-given", "An alert's urgency is what its severity or its sender gives.";
    KnownPeople, "known-people", "Nobody is paged who is not in the configuration, and by no contact that is not theirs.";
    RightPeople, "right-people", "A step pages whom it names; everybody, only if nobody named by the policy can be reached.";
    Delivered, "delivered", "Every page that is planned is attempted when it is due, or superseded.";
    Planned, "planned", "Every page was planned, and is not superseded when it leaves.";
    NoIdleRepeat, "no-idle-repeat", "A page leaves a second time only if it was not accepted, its outcome was not known in time, or the process died.";
    Canary, "canary", "A critical alert that stands alone is paged and escalates in time, whatever the journal does.";
    HeartbeatMissed, "heartbeat-missed", "A heartbeat that is not pinged in time alerts, unless it was due while Foghorn was away.";
    Recovers, "recovers", "When the journal works again, everything is reconciled by itself.";
    Counts, "counts", "What an incident counts equals a recount of its alerts; what must go on has a timer.";
    Bounded, "bounded", "Nothing is left of what is over.";
    NoPanic, "no-panic", "No decision panics.";
    NoBusyLoop, "no-busy-loop", "The loop never wakes without end at one moment.";
    ComesToRest, "comes-to-rest", "When all faults stop and people answer, everything is resolved and put away within hours.";
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
