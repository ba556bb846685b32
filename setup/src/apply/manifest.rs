//! What bramble keeps about what it wrote: `/var/lib/bramble/setup`.
//!
//! `manifest.json` says which files are bramble's and what was there before the first of its runs,
//! `pending.json` what was there before the run that is under way, and `backups` holds both, each
//! under the digest of its bytes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bramble_protocol::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::files::{Tree, failed};
use super::{ApplyError, Change};
use crate::plan::{Planned, Reload};

/// Counts what older programs would misread.
const FORMAT: u32 = 1;
const DIR: &str = "/var/lib/bramble/setup";

/// Bytes that were there, found in `backups` by their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) digest: Digest,
    pub(super) mode: u32,
}

/// One file of bramble's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    /// What bramble wrote.
    pub(super) written: Digest,
    /// What was there before its first run. None: nothing.
    pub(super) before: Option<Before>,
    /// What has to notice when it goes.
    pub(super) after: Vec<Reload>,
}

/// All files of bramble's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// Which run wrote it, from 1.
    pub(super) run: u32,
    pub(super) entries: Vec<Entry>,
    /// Directories that were not there before.
    pub(super) dirs: Vec<PathBuf>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { format: FORMAT, run: 0, entries: Vec::new(), dirs: Vec::new() }
    }
}

impl Manifest {
    pub(super) fn entry(&self, path: &Path) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// Whether these bytes are what bramble wrote there.
    pub(super) fn wrote(&self, path: &Path, digest: &Digest) -> bool {
        self.entry(path).is_some_and(|entry| entry.written == *digest)
    }

    /// Whether it knows all files of a plan.
    pub(super) fn covers(&self, plan: &[Planned]) -> bool {
        plan.iter()
            .all(|planned| self.entry(&planned.path).is_some_and(|e| e.after == planned.after))
    }
}

/// What was there before one file was touched by the run that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) path: PathBuf,
    pub(super) before: Option<Before>,
}

/// How to put back what the run that is under way has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) format: u32,
    /// Which run this is. Once the manifest has the same number, it is over.
    pub(super) run: u32,
    pub(super) steps: Vec<Step>,
    pub(super) dirs: Vec<PathBuf>,
}

/// The list after a run. What was there before the first run stays what it was.
pub(super) fn after(
    old: &Manifest,
    plan: &[Planned],
    changes: &[Change<'_>],
    same: &[Change<'_>],
    pending: &Pending,
) -> Manifest {
    let mut new = Manifest { run: pending.run, dirs: old.dirs.clone(), ..Manifest::default() };
    for planned in plan {
        let all = changes.iter().chain(same);
        let change = all.into_iter().find(|change| change.path == planned.path);
        let Some((bytes, _)) = change.and_then(|change| change.wanted.as_ref()) else { continue };
        let before = match old.entry(&planned.path) {
            Some(entry) => entry.before.clone(),
            None => change
                .and_then(|change| change.found.as_ref())
                .map(|found| Before { digest: Digest::of(&found.bytes), mode: found.mode }),
        };
        let (path, after) = (planned.path.clone(), planned.after.clone());
        new.entries.push(Entry { path, written: Digest::of(bytes), before, after });
    }
    for dir in &pending.dirs {
        if !new.dirs.contains(dir) {
            new.dirs.push(dir.clone());
        }
    }
    new
}

/// The directory with both lists and the backups.
pub(super) struct Home {
    tree: Tree,
}

impl Home {
    pub(super) fn new(tree: &Tree) -> Self {
        Self { tree: tree.clone() }
    }

    pub(super) fn manifest(&self) -> Result<Option<Manifest>, ApplyError> {
        self.list("manifest.json")
    }

    pub(super) fn pending(&self) -> Result<Option<Pending>, ApplyError> {
        self.list("pending.json")
    }

    fn list<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ApplyError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let path = Path::new(DIR).join(name);
        let Some(found) = self.tree.read(&path)? else { return Ok(None) };
        let damaged = |source| ApplyError::Manifest { path: path.clone(), source };
        let Format { format } = serde_json::from_slice(&found.bytes).map_err(damaged)?;
        if format > FORMAT {
            return Err(ApplyError::Newer { path: path.clone(), found: format });
        }
        serde_json::from_slice(&found.bytes).map(Some).map_err(damaged)
    }

    pub(super) fn write_manifest(&self, manifest: &Manifest) -> Result<(), ApplyError> {
        self.write_list("manifest.json", manifest)
    }

    fn write_list(&self, name: &str, list: &impl Serialize) -> Result<(), ApplyError> {
        let bytes = serde_json::to_vec_pretty(list).expect("paths of plans are text");
        self.tree.write(&Path::new(DIR).join(name), &bytes, 0o600)
    }

    fn backup(digest: &Digest) -> PathBuf {
        Path::new(DIR).join("backups").join(digest.to_string())
    }

    /// Saves what is there, and writes down how to put it back.
    pub(super) fn prepare(
        &self,
        tree: &Tree,
        run: u32,
        changes: &[Change<'_>],
        same: &[Change<'_>],
    ) -> Result<Pending, ApplyError> {
        let mut pending = Pending { format: FORMAT, run, steps: Vec::new(), dirs: Vec::new() };
        let own = [DIR.into(), Path::new(DIR).join("backups")];
        let above = changes.iter().map(|change| tree.missing_dirs(change.path));
        for dir in above.flatten().chain(tree.missing_dirs(Path::new(&format!("{DIR}/x")))) {
            if !pending.dirs.contains(&dir) && !own.contains(&dir) {
                pending.dirs.push(dir);
            }
        }
        for change in changes {
            let before = match &change.found {
                Some(found) => {
                    let digest = Digest::of(&found.bytes);
                    tree.write(&Self::backup(&digest), &found.bytes, 0o600)?;
                    Some(Before { digest, mode: found.mode })
                }
                None => None,
            };
            pending.steps.push(Step { path: change.path.to_owned(), before });
        }
        // Files that are taken over as they are may be changed by somebody later.
        for found in same.iter().filter_map(|change| change.found.as_ref()) {
            tree.write(&Self::backup(&Digest::of(&found.bytes)), &found.bytes, 0o600)?;
        }
        self.write_list("pending.json", &pending)?;
        Ok(pending)
    }

    /// Bytes that were there, still what they were.
    pub(super) fn saved(&self, before: &Before) -> Result<Vec<u8>, ApplyError> {
        let path = Self::backup(&before.digest);
        let lost = |what: &str| failed("restore from", &path, io::Error::other(what.to_owned()));
        let found = self.tree.read(&path)?.ok_or_else(|| lost("the backup is gone"))?;
        if Digest::of(&found.bytes) != before.digest {
            return Err(lost("the backup has changed"));
        }
        Ok(found.bytes)
    }

    /// The change that brings back what was there before the first run.
    pub(super) fn original<'a>(
        &self,
        tree: &Tree,
        entry: &'a Entry,
    ) -> Result<Change<'a>, ApplyError> {
        let found = tree.read(&entry.path)?;
        let wanted = match &entry.before {
            Some(before) => Some((self.saved(before)?, before.mode)),
            None => None,
        };
        Ok(Change { path: &entry.path, found, wanted })
    }

    /// The run is over.
    pub(super) fn clear_pending(&self) -> Result<(), ApplyError> {
        self.tree.remove(&Path::new(DIR).join("pending.json"))
    }

    /// Nothing of bramble's is left to be remembered.
    pub(super) fn clear_all(&self) -> Result<(), ApplyError> {
        self.tree.remove(&Path::new(DIR).join("manifest.json"))?;
        let dir = self.tree.place(Path::new(DIR));
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", Path::new(DIR), error))
            }
            _ => Ok(()),
        }
    }
}
