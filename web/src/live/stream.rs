//! What changes on a page, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::future::select_all;
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::parts::Parts;
use super::{Topic, Viewer, follow};
use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::pages::Visit;
use crate::server::Closing;
use crate::state::Head;

/// Topics that one page follows.
const TOPICS_MAX: usize = 4;
/// How long one stream lasts. The browser opens the next one, and who may not look any more by
/// then is refused.
const LASTS: Duration = Duration::from_secs(300);

/// `GET /live?topics=…`: events `swap`, each with elements that take the place of those with
/// their ids.
pub(crate) async fn send(
    State(head): State<Head>,
    visit: Visit,
    closing: Option<Extension<Closing>>,
) -> ApiResult<impl IntoResponse> {
    let viewer = Viewer { asker: visit.asker.clone(), lang: visit.lang };
    let named: Vec<Topic> = visit
        .query("topics")
        .unwrap_or_default()
        .split('.')
        .filter_map(Topic::of)
        .take(TOPICS_MAX)
        .collect();
    if named.is_empty() {
        return Err(ApiError::bad_request("there is nothing to follow: name topics"));
    }
    for topic in &named {
        topic.admit(&head, &viewer.asker).await?;
    }
    let place = head.event_streams.try_take().ok_or_else(|| {
        ApiError::busy(format!("{} event streams are open already", limits::EVENT_STREAMS_MAX))
    })?;
    let follow = |topic: &Topic| {
        let mut parts = follow(&head, topic, &viewer);
        // The first event brings up to date whoever loaded the page a while ago.
        parts.mark_changed();
        Feed { parts, seen: 0 }
    };
    let closing = closing.map(|Extension(closing)| closing).unwrap_or_default();
    let feeds = named.iter().map(follow).collect();
    let followed = Followed { feeds, closing, ends: Instant::now() + LASTS, _place: place };
    let keep_alive = KeepAlive::new().interval(limits::EVENT_KEEP_ALIVE);
    Ok(Sse::new(events(followed)).keep_alive(keep_alive))
}

struct Feed {
    parts: watch::Receiver<Arc<Parts>>,
    /// The version that was sent last.
    seen: u64,
}

struct Followed {
    feeds: Vec<Feed>,
    closing: Closing,
    ends: Instant,
    _place: OwnedSemaphorePermit,
}

impl Followed {
    /// Waits until one of the feeds has changed; `None` when there is nothing to wait for any more.
    async fn changed(&mut self) -> Option<usize> {
        let closing = self.closing.0.clone();
        let changes = self.feeds.iter_mut().map(|feed| Box::pin(feed.parts.changed()));
        tokio::select! {
            (changed, index, _) = select_all(changes) => changed.ok().map(|()| index),
            () = closing.cancelled() => None,
            () = tokio::time::sleep_until(self.ends) => None,
        }
    }
}

fn events(followed: Followed) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(followed, |mut followed| async move {
        loop {
            let index = followed.changed().await?;
            let feed = &mut followed.feeds[index];
            let parts = Arc::clone(&feed.parts.borrow_and_update());
            let html = parts.since(feed.seen);
            feed.seen = parts.version;
            if !html.is_empty() {
                return Some((Ok(Event::default().event("swap").data(html)), followed));
            }
        }
    })
}
