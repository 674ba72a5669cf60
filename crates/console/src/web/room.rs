//! Room for the bodies of forms: what is held in memory before it is known what it is.

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};

/// So many bytes of bodies, all together.
pub(super) struct Room(Semaphore);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is too large, or its end did not come.
    Unfit,
    /// Others take all the room.
    Full,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Room {
        Room(Semaphore::new(bytes))
    }

    /// Reads a body of `most` bytes at most. To be held for as long as what was read. Only what has come takes room: one
    /// that says that it will be large keeps nobody out.
    pub(super) async fn read(
        &self,
        mut body: Body,
        most: usize,
    ) -> Result<(Vec<u8>, SemaphorePermit<'_>), Unread> {
        let take = |bytes: usize| {
            let bytes = u32::try_from(bytes).map_err(|_| Unread::Unfit)?;
            self.0.try_acquire_many(bytes).map_err(|_| Unread::Full)
        };
        let (mut read, mut held) = (Vec::new(), take(0)?);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Unread::Unfit)?.into_data() else { continue };
            if read.len() + data.len() > most {
                return Err(Unread::Unfit);
            }
            held.merge(take(data.len())?);
            read.extend_from_slice(&data);
        }
        Ok((read, held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use std::convert::Infallible;

    /// One whose end does not come.
    fn slow(bytes: usize) -> Body {
        let begins = stream::iter([Ok::<_, Infallible>(vec![b'x'; bytes])]);
        Body::from_stream(begins.chain(stream::pending()))
    }

    #[tokio::test]
    async fn all_bodies_together_have_so_much_room() {
        let room = Room::new(100);
        let mut slow: Vec<_> = (0..3).map(|_| Box::pin(room.read(slow(30), 40))).collect();
        assert!(slow.iter_mut().all(|body| body.now_or_never().is_none()));
        assert_eq!(room.read(Body::from("x".repeat(11)), 40).await.unwrap_err(), Unread::Full);
        let (read, held) = room.read(Body::from("x".repeat(10)), 40).await.unwrap();
        assert_eq!(read.len(), 10);
        assert_eq!(room.read(Body::from("x"), 40).await.unwrap_err(), Unread::Full);
        drop(held);
        assert!(room.read(Body::from("x"), 40).await.is_ok());
        drop(slow);
        assert_eq!(room.read(Body::from("x".repeat(41)), 40).await.unwrap_err(), Unread::Unfit);
        assert_eq!(room.0.available_permits(), 100, "all of it is given back");
    }
}
