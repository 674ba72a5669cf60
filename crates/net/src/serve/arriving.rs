//! Bodies of requests that have to keep coming.

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A body must come at this many bytes a second, on the whole: the poorest mobile network is faster.
const PACE: u32 = 4096;

/// Why a body did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ArriveError {
    /// Waiting for it took too long. The request is answered 408, whatever its handler says.
    #[error("the body came too slowly")]
    Late,
    /// The connection broke, or what came is no body.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// The body of a request. The time that is spent waiting for it is limited: [`super::Limits::body_timeout`], and what
/// comes adds to what is left of that. Time in which nobody reads is the handler's and is not counted.
#[derive(Debug)]
pub struct Arriving {
    body: Incoming,
    most: Duration,
    left: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    late: Arc<AtomicBool>,
}

impl Arriving {
    /// `late` is set once it is.
    pub(super) fn new(body: Incoming, most: Duration, late: Arc<AtomicBool>) -> Arriving {
        Arriving { body, most, left: most, waiting: None, late }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = ArriveError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ArriveError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            let waited = this.waiting.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
            let came = frame.as_ref().and_then(|f| f.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
            let earned = Duration::from_secs(came as u64) / PACE;
            this.left = this.most.min(this.left.saturating_sub(waited) + earned);
            return Poll::Ready(frame.map(|f| f.map_err(ArriveError::Broken)));
        }
        let (_, sleep) =
            this.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(this.left))));
        ready!(sleep.as_mut().poll(cx));
        this.late.store(true, Relaxed);
        Poll::Ready(Some(Err(ArriveError::Late)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
