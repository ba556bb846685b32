//! The bytes of a result or an input, one object after the other, each verified before it is read.

use std::fs::File;
use std::io::{self, Read};

use bramble_protocol::api::JobView;
use bramble_protocol::{Digest, JobSpec, Manifest, ObjectRef};
use bramble_store::Store;

use super::view::What;
use crate::error::{ApiError, ApiResult};
use crate::state::Head;
use crate::stored::unreadable;

/// Which objects are looked at.
///
/// # Errors
/// When there is no result, or the manifest of the input is gone.
pub(super) async fn objects_of(
    head: &Head,
    job: &JobView,
    what: What,
) -> ApiResult<Vec<ObjectRef>> {
    if what == What::Result {
        return Ok(head.handle.result(job.id).await?.manifest.chunks);
    }
    if let Some(upstream) = job.spec.policy.input_from {
        return Ok(head.handle.result(upstream).await?.manifest.chunks);
    }
    let digest: Digest = job.spec.input;
    if digest == JobSpec::NO_INPUT {
        return Ok(Vec::new());
    }
    head.with_store(move |store| {
        let bytes = store.get_by_digest(&digest, Manifest::BYTES_MAX);
        let bytes = bytes.map_err(|error| unreadable(store, error))?;
        let manifest = Manifest::decode(&bytes).map_err(ApiError::fault)?;
        Ok(manifest.chunks)
    })
    .await
}

/// Reads objects as one stream.
pub(super) struct Chain {
    store: Store,
    objects: std::vec::IntoIter<ObjectRef>,
    file: Option<File>,
}

impl Chain {
    pub(super) fn new(store: Store, objects: Vec<ObjectRef>) -> Self {
        Self { store, objects: objects.into_iter(), file: None }
    }
}

impl Read for Chain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.file {
                let length = file.read(buffer)?;
                if length > 0 || buffer.is_empty() {
                    return Ok(length);
                }
            }
            let Some(object) = self.objects.next() else { return Ok(0) };
            let opened = self.store.open_verified(&object);
            self.file = Some(opened.map_err(io::Error::other)?);
        }
    }
}
