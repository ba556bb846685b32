//! What is answered when a stored object cannot be read.

use bramble_protocol::{Digest, ProblemKind, error_chain};
use bramble_store::{Store, StoreError};

use crate::error::ApiError;

/// The answer to a failed read. A damaged object is moved out of the way, so that the next
/// upload of it is not taken for one that is there already. Blocks.
pub(crate) fn unreadable(store: &Store, error: StoreError) -> ApiError {
    match error {
        StoreError::Missing { digest } => no_such_object(&digest),
        StoreError::Corrupt { expected, .. } => {
            quarantine(store, &expected);
            let title = format!("object {} is damaged on the head's disk", expected.short());
            ApiError::new(ProblemKind::Corrupt, title)
                .detail(format!("object {expected} did not match its digest and was set aside"))
                .help("submit the input again to replace it, and check the disk that holds it")
                .cause(error)
        }
        _ => ApiError::fault(error),
    }
}

/// No object of this name.
pub(crate) fn no_such_object(digest: &Digest) -> ApiError {
    ApiError::new(ProblemKind::NoSuchObject, format!("object {} is not here", digest.short()))
        .detail(format!("there is no object {digest}"))
}

/// Moves a damaged object out of the way. That it is damaged is what the caller reports.
pub(crate) fn quarantine(store: &Store, digest: &Digest) {
    let short = digest.short();
    match store.quarantine(digest) {
        Ok(Some(path)) => {
            let path = path.display();
            tracing::warn!(object = %digest, %path, "damaged object {short} set aside as {path}");
        }
        // Somebody else was faster.
        Ok(None) => {}
        Err(error) => {
            let error = error_chain(&error);
            tracing::error!(object = %digest, error, "cannot set object {short} aside: {error}");
        }
    }
}
