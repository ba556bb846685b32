//! Copies of the journal, for backups that are made on the head's own machine.

use axum::Json;
use axum::extract::State;
use bramble_protocol::ProblemKind;
use bramble_protocol::api::JournalCopy;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::state::Head;

/// `POST /backup`: has the journal copied into a file in the data directory. Only its name goes
/// out: who may read that directory can use it, nobody else.
pub(crate) async fn copy(State(head): State<Head>, asker: Asker) -> ApiResult<Json<JournalCopy>> {
    let path = head.handle.copy_journal().await?;
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        return Err(ApiError::new(ProblemKind::Internal, "the copy has no name"));
    };
    head.note(&asker, "backup", name, "").await;
    tracing::info!("journal copied to {}", path.display());
    Ok(Json(JournalCopy { schema: "bramble.journal-copy/1".into(), file: name.into() }))
}
