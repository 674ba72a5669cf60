//! Whether this side has anything to do for a connection, or waits for its client.

use super::limits::Budget;
use super::pace::Pace;
use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;

/// How many handlers and answers of one connection are being worked on.
#[derive(Clone, Debug)]
pub(super) struct Work(Arc<watch::Sender<usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Working(Work);

impl Work {
    pub(super) fn new() -> Work {
        Work(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn begin(&self) -> Working {
        self.0.send_modify(|n| *n += 1);
        Working(self.clone())
    }

    /// Something has moved: nobody waits for the next request yet.
    fn touch(&self) {
        self.0.send_modify(|_| {});
    }

    /// Ends when nothing was worked on, and nothing has moved, for so long.
    pub(super) async fn none_for(&self, time: Duration) {
        let mut count = self.0.subscribe();
        // The sender is `self`, so neither wait can fail.
        while count.wait_for(|n| *n == 0).await.is_ok() {
            if tokio::time::timeout(time, count.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.send_modify(|n| *n -= 1);
    }
}

/// How fast the client of an answer takes it, as far as it says so by giving leave to send more: with HTTP/2 what is
/// written to the connection need not be what it has asked for.
#[derive(Debug)]
pub(super) struct Taking {
    pace: Pace,
    /// Bytes of what was given last.
    given: usize,
    budget: Arc<Budget>,
}

impl Taking {
    pub(super) fn new(most: Duration, budget: Arc<Budget>) -> Taking {
        Taking { pace: Pace::new(most), given: 0, budget }
    }
}

/// Why an answer ends early.
#[derive(Debug, thiserror::Error)]
#[error("the client takes its answer too slowly")]
struct Slow;

/// With HTTP/2 an answer is given in pieces: leave to send is asked for one after another, and that is when its client's
/// pace is seen.
const PIECE: usize = 16 * 1024;

pin_project! {
    /// The body of an answer. Being asked for more and having nothing yet, it is worked on (server-sent events are, most
    /// of the time); what it has given is the client's to take.
    pub(super) struct Answer<B> {
        #[pin]
        body: B,
        work: Work,
        working: Option<Working>,
        taking: Option<Taking>,
        rest: Bytes,
    }
}

impl<B> Answer<B> {
    /// With [`Taking`] the answer ends if its client takes too little of it.
    pub(super) fn new(body: B, work: Work, taking: Option<Taking>) -> Answer<B> {
        Answer { body, work, working: None, taking, rest: Bytes::new() }
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

impl<B: Body<Data: Buf, Error: Into<Error>>> Body for Answer<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.project();
        if let Some(taking) = this.taking
            && !taking.pace.moved(std::mem::take(&mut taking.given))
        {
            taking.budget.count_slow();
            *this.working = None;
            return Poll::Ready(Some(Err(Box::new(Slow))));
        }
        let mut frame = if this.rest.is_empty() {
            // Of one piece, which nearly all are, nothing is copied.
            let whole =
                |frame: Frame<B::Data>| frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
            this.body.poll_frame(cx).map(|frame| frame.map(|f| f.map(whole).map_err(Into::into)))
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(this.rest)))))
        };
        if let Poll::Ready(given) = &mut frame {
            *this.working = None;
            if let Some(taking) = this.taking {
                let data = given.as_mut().and_then(|f| f.as_mut().ok()?.data_mut());
                taking.given = data.map_or(0, |data| {
                    *this.rest = data.split_off(data.len().min(PIECE));
                    data.len()
                });
                // Whoever takes it fast enough may take as long as there is something to take.
                this.work.touch();
                taking.pace.begin();
            }
        } else if this.working.is_none() {
            *this.working = Some(this.work.begin());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut all = SizeHint::new();
        all.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            all.set_upper(upper + rest);
        }
        all
    }
}
