//! The pace of request bodies: not too slow while they are read, and read out when they are refused.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::body::BodyFault;
use crate::limits;

/// Gives up bodies that stall or trickle, so that nobody can hold a place in a queue with them.
///
/// What a handler leaves unread when it refuses a request is read and thrown away, for a while:
/// a client that is cut off while it sends would never see why.
pub(crate) async fn keep(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Such a client sends nothing before it is asked to, and an answer will do instead.
    let waits_to_be_asked = request.headers().contains_key(EXPECT);
    let (back, unread) = oneshot::channel();
    let request = request.map(|body| {
        let paced = Paced::new(body, limits::BODY_STALL_MAX, back);
        Body::from_stream(paced.into_stream())
    });
    let response = next.run(request).await;
    if response.status().as_u16() >= 400
        && let Ok(Unread { body, begun }) = { unread }.try_recv()
        && (begun || !waits_to_be_asked)
    {
        // Whether it came to its end or not, the answer goes out.
        let _ = timeout(limits::BODY_DRAIN_MAX, drain(body)).await;
    }
    response
}

async fn drain(mut body: BodyDataStream) {
    while let Some(Ok(_)) = body.next().await {}
}

/// What is left of a body that was not read to its end.
struct Unread {
    body: BodyDataStream,
    /// Whether any of it was asked for.
    begun: bool,
}

/// A body that is watched, and handed back when it is dropped before its end.
struct Paced {
    body: Option<BodyDataStream>,
    back: Option<oneshot::Sender<Unread>>,
    stall_max: Duration,
    begun: bool,
    bytes: u64,
    /// How long it was waited for. Time spent on our side does not count.
    waited: Duration,
}

impl Paced {
    fn new(body: Body, stall_max: Duration, back: oneshot::Sender<Unread>) -> Self {
        Self {
            body: Some(body.into_data_stream()),
            back: Some(back),
            stall_max,
            begun: false,
            bytes: 0,
            waited: Duration::ZERO,
        }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, BodyFault>> {
        stream::try_unfold(self, |mut paced| async move {
            Ok(paced.next().await?.map(|piece| (piece, paced)))
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>, BodyFault> {
        let Some(body) = &mut self.body else {
            return Ok(None);
        };
        self.begun = true;
        let earned = Duration::from_secs(self.bytes / limits::BODY_RATE_MIN);
        let patience = (self.stall_max + earned).saturating_sub(self.waited).min(self.stall_max);
        let asked = Instant::now();
        let fault = match timeout(patience, body.next()).await {
            Ok(Some(Ok(piece))) => {
                self.waited += asked.elapsed();
                self.bytes += piece.len() as u64;
                return Ok(Some(piece));
            }
            Ok(Some(Err(error))) => Err(BodyFault::Broken(error)),
            Ok(None) => Ok(None),
            Err(_) => Err(BodyFault::Stalled),
        };
        // There is nothing left that is worth reading.
        self.body = None;
        fault
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // When the request itself is gone, nobody waits for it.
            let _ = back.send(Unread { body, begun: self.begun });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn paced(body: Body, stall_max: Duration) -> (Paced, oneshot::Receiver<Unread>) {
        let (back, unread) = oneshot::channel();
        (Paced::new(body, stall_max, back), unread)
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_given_up() {
        let silent = Body::from_stream(stream::pending::<io::Result<Bytes>>());
        let (mut paced, mut unread) = paced(silent, Duration::from_millis(1));
        assert!(matches!(paced.next().await, Err(BodyFault::Stalled)));
        drop(paced);
        assert!(unread.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_body_that_trickles_runs_out_of_patience() {
        let silent = Body::from_stream(stream::pending::<io::Result<Bytes>>());
        let (mut paced, _unread) = paced(silent, limits::BODY_STALL_MAX);
        (paced.bytes, paced.waited) = (1000, Duration::from_secs(3600));
        assert!(matches!(paced.next().await, Err(BodyFault::Stalled)));
    }

    #[tokio::test]
    async fn what_was_not_read_is_handed_back() {
        let pieces = [Ok::<_, io::Error>("one"), Ok("two")];
        let (mut paced, mut unread) =
            paced(Body::from_stream(stream::iter(pieces)), limits::BODY_STALL_MAX);
        assert_eq!(paced.next().await.unwrap().unwrap(), "one");
        drop(paced);
        let Unread { mut body, begun } = unread.try_recv().unwrap();
        assert!(begun);
        assert_eq!(body.next().await.unwrap().unwrap(), "two");
    }
}
