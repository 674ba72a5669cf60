//! Deliberately broken rules: what shows that the checkers can fail. Each takes hold between the loop and the world, so
//! that what runs in production has no hook for it.

use std::fmt;

macro_rules! mutations {
    ($($name:ident, $short:literal, $within:literal, $text:literal;)*) => {
        /// A deliberately broken rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutation {
            $(#[doc = $text] $name,)*
        }

        impl Mutation {
            /// All of them.
            pub const ALL: &[Mutation] = &[$(Mutation::$name,)*];

            /// A short name, as the command line takes it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Mutation::$name => $short,)* }
            }

            /// What is broken.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Mutation::$name => $text,)* }
            }

            /// Within so many seeds, from 0, of [`crate::TEST_HOURS`] hours each it is caught.
            #[must_use]
            pub fn within(self) -> u64 {
                match self { $(Mutation::$name => $within,)* }
            }
        }
    };
}

mutations! {
    DroppedPage, "dropped-page", 2, "Every seventh page never leaves.";
    SentTwice, "sent-twice", 2, "Every fifth page leaves a second time half a minute later.";
    KeyPerAttempt, "key-per-attempt", 2, "Every ninth page leaves under a key of its own.";
    LostOutcome, "lost-outcome", 2, "Every sixth outcome of a page is forgotten.";
    LongWaits, "long-waits", 4, "The steps of a policy wait four times as long.";
    EndlessAck, "endless-ack", 6, "An acknowledgement stops the clock for three hours.";
    ForgottenAck, "forgotten-ack", 2, "An acknowledgement is answered and not written down.";
    ForgottenUnsaved, "forgotten-unsaved", 12, "An acknowledgement is forgotten while the journal is away.";
    WholeAck, "whole-ack", 12, "A link acknowledges whatever there is now, not what it showed.";
    EarlyReply, "early-reply", 2, "Senders are answered before their alerts are on disk.";
    StaleSnapshot, "stale-snapshot", 6, "After a crash the snapshot is taken for the whole journal.";
    SwallowedRecord, "swallowed-record", 2, "The journal swallows a record now and then.";
    NoDeadline, "no-deadline", 12, "A disk that hangs is waited for.";
    NeverLooksAgain, "never-looks-again", 4, "A journal that was away is never looked at again.";
    StaleIsOver, "stale-is-over", 4, "An alert whose sender fell silent is taken for over.";
    UnknownIsWell, "unknown-is-well", 8, "A check that cannot measure is taken for well.";
    Immortal, "immortal", 4, "Silent senders are never noticed.";
    BeatsItself, "beats-itself", 8, "A heartbeat is pinged by whatever comes in.";
    ClosedForGood, "closed-for-good", 8, "What a person closed while it was failing stays closed.";
    WarningsWake, "warnings-wake", 2, "Warnings wake people.";
    NightShift, "night-shift", 4, "Working hours are day and night.";
    DeafSilence, "deaf-silence", 8, "Silences match nothing.";
    LongSilence, "long-silence", 8, "Silences do not end when they should.";
    ClockUnsaid, "clock-unsaid", 20, "Steps of the wall clock go unnoticed.";
    GhostPeople, "ghost-people", 8, "People who have left the configuration are still paged.";
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Mutation {
    type Err = String;
    fn from_str(s: &str) -> Result<Mutation, String> {
        let all = || Mutation::ALL.iter().map(|m| m.name()).collect::<Vec<_>>().join(", ");
        Mutation::ALL
            .iter()
            .copied()
            .find(|m| m.name() == s)
            .ok_or_else(|| format!("there is no mutation {s:?}; there are: {}", all()))
    }
}
