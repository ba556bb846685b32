//! A job's input: its manifest is read, and every chunk it lists must be there.

use std::collections::HashSet;

use bramble_protocol::{Digest, Manifest, ObjectRef, error_chain};
use bramble_store::{Store, StoreError, Touched};

use crate::error::{ApiError, ApiResult};
use crate::stored;

const SEND_FIRST: &str = "submit the input again, which sends what is missing";

/// Reads the manifest `digest` and checks that the job could run on it. Blocks. `not_held` says
/// which objects the user may not use, because he has not sent them: to him they are not here.
///
/// # Errors
/// When it is not there, is no manifest, is empty, or chunks are missing.
pub(crate) fn read(
    store: &Store,
    digest: &Digest,
    not_held: impl Fn(&[Digest]) -> ApiResult<Vec<Digest>>,
) -> ApiResult<Manifest> {
    if !not_held(&[*digest])?.is_empty() {
        return Err(no_manifest(digest));
    }
    // First of all: what is read afterwards stays.
    store.touch(digest).map_err(ApiError::fault)?;
    let bytes = store.get_by_digest(digest, Manifest::BYTES_MAX).map_err(|error| {
        let short = digest.short();
        match error {
            StoreError::Missing { .. } => no_manifest(digest),
            StoreError::TooLarge { .. } => {
                ApiError::bad_job(format!("the input's manifest {short} is too long to be one"))
            }
            _ => stored::unreadable(store, error),
        }
    })?;
    let manifest = Manifest::decode(&bytes).map_err(|error| {
        ApiError::bad_job("the input is not a manifest that this head can read")
            .detail(error_chain(&error))
    })?;
    if manifest.total_bytes == 0 {
        return Err(ApiError::bad_job("the input is empty"));
    }
    check_objects(store, &manifest, not_held)?;
    Ok(manifest)
}

fn no_manifest(digest: &Digest) -> ApiError {
    ApiError::bad_job(format!("the input's manifest {} is not on the head", digest.short()))
        .help(SEND_FIRST)
}

fn check_objects(
    store: &Store,
    manifest: &Manifest,
    not_held: impl Fn(&[Digest]) -> ApiResult<Vec<Digest>>,
) -> ApiResult<()> {
    let mut objects: Vec<ObjectRef> = manifest.objects().copied().collect();
    // Chunks may repeat; the files are visited in the order of their directories.
    objects.sort_unstable_by_key(|object| (object.digest, object.size));
    objects.dedup();
    let digests: Vec<Digest> = objects.iter().map(|object| object.digest).collect();
    let unknown: HashSet<Digest> = not_held(&digests)?.into_iter().collect();
    let mut missing = Vec::new();
    for object in &objects {
        if unknown.contains(&object.digest) || !is_there(store, object)? {
            missing.push(object.digest);
        }
    }
    let Some(first) = missing.first() else {
        return Ok(());
    };
    let (count, all) = (missing.len(), objects.len());
    let title = format!("{count} of the input's {all} objects are not on the head");
    Err(ApiError::bad_job(title).detail(format!("the first is {first}")).help(SEND_FIRST))
}

fn is_there(store: &Store, object: &ObjectRef) -> ApiResult<bool> {
    let digest = object.digest;
    // What is here counts as used now, so that it is not removed before the job is known.
    if store.claim(object).map_err(ApiError::fault)? {
        return Ok(true);
    }
    // Not here, or of another length: then its bytes tell whether the manifest or the file is
    // wrong. Once a damaged file is out of the way, the object can be sent again.
    match store.open_verified(object) {
        Ok(_) => Ok(store.touch(&digest).map_err(ApiError::fault)? != Touched::Missing),
        Err(StoreError::Missing { .. }) => Ok(false),
        Err(StoreError::Corrupt { .. }) => {
            stored::quarantine(store, &digest);
            Ok(false)
        }
        Err(StoreError::WrongSize { expected, found, .. }) => Err(ApiError::bad_job(format!(
            "the manifest says that object {} has {expected} bytes, but it has {found}",
            digest.short()
        ))),
        Err(error) => Err(ApiError::fault(error)),
    }
}
