//! A job as it changes, as server-sent events.

use std::convert::Infallible;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use bramble_protocol::api::JobView;
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::routes::job_id;
use crate::server::Closing;
use crate::state::Head;

/// `GET /jobs/{id}/events`: the job as it is now, then after each change, up to its final state.
pub(crate) async fn job(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
    closing: Option<Extension<Closing>>,
) -> ApiResult<impl IntoResponse> {
    let id = job_id(&id)?;
    head.visible(&asker, id).await?;
    let place = head.event_streams.try_take().ok_or_else(|| {
        ApiError::busy(format!("{} event streams are open already", limits::EVENT_STREAMS_MAX))
    })?;
    let mut job = head.handle.watch_job(id).await?;
    job.mark_changed();
    let closing = closing.map(|Extension(closing)| closing).unwrap_or_default();
    let events = events(Watched { job, closing, ended: false, _place: place });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(limits::EVENT_KEEP_ALIVE)))
}

struct Watched {
    job: watch::Receiver<JobView>,
    closing: Closing,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

fn events(watched: Watched) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(watched, |mut watched| async move {
        if watched.ended {
            return None;
        }
        tokio::select! {
            // The sender goes away with the scheduler, or after the final state.
            changed = watched.job.changed() => changed.ok()?,
            () = watched.closing.0.cancelled() => return None,
        }
        let job = watched.job.borrow_and_update().clone();
        watched.ended = job.state.is_final();
        let json = serde_json::to_string(&job).expect("a job's view holds nothing JSON cannot");
        Some((Ok(Event::default().event("job").data(json)), watched))
    })
}
