//! A batch that the journal will never take. That is no disk that is away: to look at it and try again would bring the same
//! answer for ever.

use super::away::restore;
use super::{Command, Engine};
use crate::handle::Reply;
use foghorn_core::input::Refusal;
use foghorn_core::time::Now;

impl Engine {
    /// Its inputs are decided again in batches of half as many, until the one that is to blame is alone: that is set aside, and
    /// refused to its sender.
    pub(super) fn invalid(&mut self, now: Now, why: &str, out: &mut Vec<Command>) {
        let Some(mut f) = self.flight.take() else { return };
        self.changed = true;
        // What was decided on top of it is decided anew; what could not be is answered.
        if let Some(mut next) = self.next.take() {
            out.extend(next.failed().map(|(t, _, reply)| Command::Reply(t, reply)));
            next.inputs.into_iter().rev().for_each(|q| self.queue.put_back(q));
        }
        let inputs = f.batch.inputs.len();
        self.narrowed = (inputs > 1).then(|| inputs.div_ceil(2));
        if inputs <= 1 {
            let refused = |_| Reply::Refused(Refusal::Invalid { why: why.to_owned() });
            out.extend(f.batch.replies().map(|(t, _, reply)| Command::Reply(t, refused(reply))));
            self.stats.panics += f.batch.inputs.len() as u64;
            out.extend(f.batch.inputs.iter().map(|q| Command::SetAside(format!("{} ({why})", q.about()))));
        } else {
            out.extend(f.batch.failed().map(|(t, _, reply)| Command::Reply(t, reply)));
            match &mut self.away {
                Some(away) => restore(away, f),
                None => f.batch.inputs.into_iter().rev().for_each(|q| self.queue.put_back(q)),
            }
        }
        if self.away.is_some() {
            self.come_back(now, out);
        }
        self.poll(now, out);
    }
}
