//! Whether this side has anything to do for a connection, or waits for its client.

use super::limits::Budget;
use super::pace::Pace;
use bytes::Buf;
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

pin_project! {
    /// The body of an answer. Being asked for more and having nothing yet, it is worked on (server-sent events are, most
    /// of the time); what it has given is the client's to take.
    pub(super) struct Answer<B> {
        #[pin]
        body: B,
        work: Work,
        working: Option<Working>,
        taking: Option<Taking>,
    }
}

impl<B> Answer<B> {
    /// With [`Taking`] the answer ends if its client takes too little of it.
    pub(super) fn new(body: B, work: Work, taking: Option<Taking>) -> Answer<B> {
        Answer { body, work, working: None, taking }
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

impl<B: Body<Data: Buf, Error: Into<Error>>> Body for Answer<B> {
    type Data = B::Data;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, Error>>> {
        let this = self.project();
        if let Some(taking) = this.taking
            && !taking.pace.moved(std::mem::take(&mut taking.given))
        {
            taking.budget.count_slow();
            *this.working = None;
            return Poll::Ready(Some(Err(Box::new(Slow))));
        }
        let frame = this.body.poll_frame(cx);
        if let Poll::Ready(given) = &frame {
            *this.working = None;
            let given = given.as_ref().and_then(|f| f.as_ref().ok()?.data_ref()).map_or(0, Buf::remaining);
            if let Some(taking) = this.taking {
                // Whoever takes it fast enough may take as long as there is something to take.
                this.work.touch();
                taking.given = given;
                taking.pace.begin();
            }
        } else if this.working.is_none() {
            *this.working = Some(this.work.begin());
        }
        frame.map(|frame| frame.map(|f| f.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
