//! What a backup consists of: a tar file, with a list of its parts first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bramble_protocol::{Digest, JobId, Manifest, ObjectRef};
use bramble_scheduler::core::{Config, Reachable, Scheduler};
use bramble_scheduler::journal::{Journal, JournalError};
use bramble_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// The version of the format.
pub(super) const SCHEMA: &str = "bramble.backup/1";
/// The list of parts, the first entry.
pub(super) const INDEX: &str = "backup.json";
/// The journal.
pub(super) const JOURNAL: &str = "journal.sqlite";
/// The head's key.
pub(super) const KEY: &str = "head.key";
/// What else of the data directory is saved where it is there: by its own name.
pub(super) const FURTHER: [&str; 2] = [super::data::ACCOUNTS_FILE, super::data::TLS_FILE];
/// What the names of objects start with.
pub(super) const OBJECTS: &str = "objects/";

/// The list of parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    /// [`SCHEMA`].
    pub(super) schema: String,
    /// Version of the program that wrote it.
    pub(super) version: String,
    /// When, in milliseconds since 1970.
    pub(super) made_at_ms: u64,
    /// The id of the object store, by which agents know it.
    pub(super) store_id: String,
    /// The journal's bytes.
    pub(super) journal: ObjectRef,
    /// The key's bytes.
    pub(super) key: ObjectRef,
    /// The bytes of further files, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) further: BTreeMap<String, ObjectRef>,
    /// How many objects are in it.
    pub(super) objects: u64,
}

/// Reads a journal as a head does that starts on it.
pub(super) fn read_journal(path: &Path) -> Result<Scheduler, JournalError> {
    Ok(Journal::open(path, true)?.restore(Config::default())?.scheduler)
}

/// The objects that must be there for all jobs to go on and all results to be had.
pub(super) fn needed(found: &Reachable) -> BTreeSet<Digest> {
    found.open.iter().chain(&found.modules).chain(&found.results).copied().collect()
}

/// The inputs of jobs, as far as they are still stored: their manifests and chunks.
pub(super) fn inputs(found: &Reachable, store: &Store) -> BTreeSet<Digest> {
    let mut all = BTreeSet::new();
    for digest in &found.inputs {
        let Ok(bytes) = store.get_by_digest(digest, Manifest::BYTES_MAX) else { continue };
        let Ok(manifest) = Manifest::decode(&bytes) else { continue };
        all.insert(*digest);
        all.extend(manifest.objects().map(|object| object.digest));
    }
    all
}

/// Which of the objects are not in the store.
pub(super) fn missing(
    store: &Store,
    needed: &BTreeSet<Digest>,
) -> Result<BTreeSet<Digest>, StoreError> {
    let needed: Vec<Digest> = needed.iter().copied().collect();
    Ok(store.missing(&needed)?.into_iter().collect())
}

/// The jobs that cannot go on, or whose results cannot be had, without some objects.
pub(super) fn touched(core: &Scheduler, missing: &BTreeSet<Digest>) -> Vec<JobId> {
    let jobs = core.jobs().into_iter();
    let lacks = |job: &bramble_protocol::api::JobView| {
        let result = core.result(job.id).ok();
        let parts = result.iter().flat_map(|result| &result.manifest.chunks);
        let own = [job.spec.module, job.spec.input];
        parts.map(|part| part.digest).chain(own).any(|digest| missing.contains(&digest))
    };
    jobs.filter(lacks).map(|job| job.id).collect()
}
