//! The bytes of a result or an input, one object after the other, each verified before it is read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bramble_protocol::api::JobView;
use bramble_protocol::{Digest, JobSpec, Look, LookKind, Manifest, ObjectRef};
use bramble_store::Store;

use super::view::What;
use crate::error::{ApiError, ApiResult};
use crate::state::Head;
use crate::stored::unreadable;

/// Where a picture comes from.
pub(super) struct Source {
    /// The objects to decode, one after the other; none where there is nothing to see.
    pub(super) objects: Vec<ObjectRef>,
    /// What they are, where they are the small picture that was kept of an input.
    pub(super) look: Option<Look>,
}

/// Which objects are looked at.
///
/// # Errors
/// When there is no result, or the manifest of the input is gone.
pub(super) async fn source_of(head: &Head, job: &JobView, what: What) -> ApiResult<Source> {
    let of_job = match what {
        What::Result => Some(job.id),
        What::Input | What::Waterfall => job.spec.policy.input_from,
    };
    if let Some(id) = of_job {
        let objects = head.handle.result(id).await?.manifest.chunks;
        return Ok(Source { objects, look: None });
    }
    if job.spec.input == JobSpec::NO_INPUT {
        return Ok(Source { objects: Vec::new(), look: None });
    }
    let manifest = manifest(head, job.spec.input).await?;
    let wanted = if what == What::Input { LookKind::Picture } else { LookKind::Waterfall };
    let objects = match manifest.look {
        None => manifest.chunks,
        Some(look) if look.kind == wanted => vec![look.picture],
        Some(_) => Vec::new(),
    };
    Ok(Source { objects, look: manifest.look })
}

async fn manifest(head: &Head, digest: Digest) -> ApiResult<Manifest> {
    head.with_store(move |store| {
        let bytes = store.get_by_digest(&digest, Manifest::BYTES_MAX);
        let bytes = bytes.map_err(|error| unreadable(store, error))?;
        Manifest::decode(&bytes).map_err(ApiError::fault)
    })
    .await
}

/// Pieces from everywhere in what `objects` are one after the other, in order, the end among them.
/// Each object that is read is verified as a whole, so that of a long result not all are read.
pub(super) fn spread(store: &Store, objects: &[ObjectRef]) -> ApiResult<Vec<Vec<u8>>> {
    /// Pieces in all.
    const PIECES: u64 = 64;
    /// Bytes of each: a multiple of every number's size.
    const PIECE_BYTES: u64 = 8 << 10;
    /// Bytes that are verified for it, unless one object has more.
    const VERIFIED_BYTES_MAX: u64 = 64 << 20;
    let total: u64 = objects.iter().map(|object| object.size).sum();
    let step = total.div_ceil(VERIFIED_BYTES_MAX).max(objects.len() as u64 / PIECES + 1) as usize;
    // Counted from behind, so that the end is among them.
    let mut chosen: Vec<&ObjectRef> = objects.iter().rev().step_by(step).collect();
    chosen.reverse();
    let each = (PIECES / chosen.len().max(1) as u64).max(1);
    let mut pieces = Vec::new();
    for object in chosen {
        let opened = store.open_verified(object);
        let mut file = opened.map_err(|error| unreadable(store, error))?;
        let last = object.size.saturating_sub(PIECE_BYTES);
        for place in 1..=each {
            let mut piece = Vec::new();
            file.seek(SeekFrom::Start(last * place / each / 8 * 8)).map_err(ApiError::fault)?;
            let read = file.by_ref().take(PIECE_BYTES).read_to_end(&mut piece);
            read.map_err(ApiError::fault)?;
            pieces.push(piece);
        }
    }
    Ok(pieces)
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
