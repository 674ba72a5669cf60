//! Bodies of requests that have to keep coming.

use super::pace::Pace;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

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
    pace: Pace,
    late: Arc<AtomicBool>,
}

impl Arriving {
    /// `late` is set once it is.
    pub(super) fn new(body: Incoming, most: Duration, late: Arc<AtomicBool>) -> Arriving {
        Arriving { body, pace: Pace::new(most), late }
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
            let came = frame.as_ref().and_then(|f| f.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
            // What has come counts, however late; only what does not come is waited for in vain.
            let _ = this.pace.moved(came);
            return Poll::Ready(frame.map(|f| f.map_err(ArriveError::Broken)));
        }
        ready!(this.pace.wait(cx));
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
