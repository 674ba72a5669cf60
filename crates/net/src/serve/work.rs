//! Whether this side has anything to do for a connection, or waits for its client.

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

    /// Ends when nothing was worked on for so long.
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

pin_project! {
    /// The body of an answer. Being asked for more and having nothing yet, it is worked on (server-sent events are, most
    /// of the time); what it has given is the client's to take.
    pub(super) struct Answer<B> {
        #[pin]
        body: B,
        work: Work,
        working: Option<Working>,
    }
}

impl<B> Answer<B> {
    pub(super) fn new(body: B, work: Work) -> Answer<B> {
        Answer { body, work, working: None }
    }
}

impl<B: Body<Data: Buf>> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = this.body.poll_frame(cx);
        if frame.is_ready() {
            *this.working = None;
        } else if this.working.is_none() {
            *this.working = Some(this.work.begin());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
