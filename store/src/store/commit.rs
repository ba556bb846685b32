//! Making staged objects durable and visible, many at a time.
//!
//! The order is what makes it safe to lose power at any point: first the bytes are durable, then
//! the names appear, then the names are durable, then `commit` returns. Many small files would
//! each wait for the disk, so from a certain number on one `syncfs` serves them all.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::MutexGuard;

use bramble_protocol::Digest;

use super::{Staged, Store, collect, layout};
use crate::StoreError;
use crate::error::failed;

/// Up to this many files or directories are synced one by one. A `syncfs` also waits for what
/// everybody else on the machine has written, so it must be worth it.
const SYNC_SINGLY_MAX: usize = 8;
/// So many names are remembered as durable.
const DURABLE_NAMES_MAX: usize = 4096;

/// What this process knows to survive a power cut, and so need not sync again.
#[derive(Debug)]
pub(super) struct Durable {
    /// The directories `objects/00` to `objects/ff`.
    shards: [bool; 256],
    /// Objects stored lately. Many tasks give the same result, such as an empty one.
    pub(super) names: HashSet<Digest>,
}

impl Durable {
    pub(super) fn nothing() -> Self {
        Self { shards: [false; 256], names: HashSet::new() }
    }
}

impl Store {
    /// Stores objects that were staged here, by this process or another one; all are durable on
    /// return. An object that is here already with the same length is not written again.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::NotStaged`], or what the system says. Some of the
    /// objects may then be stored, which does no harm; the staged files are all gone.
    pub fn commit(&self, staged: Vec<Staged>) -> Result<(), StoreError> {
        let mut seen = HashSet::with_capacity(staged.len());
        let mut fresh = Vec::with_capacity(staged.len());
        let mut names = Vec::with_capacity(staged.len());
        for staged in staged {
            let object = staged.object();
            if staged.is_stored() {
                // Somebody may have set it aside since it was staged.
                if !self.claim(&object)? {
                    return Err(StoreError::Missing { digest: object.digest });
                }
                continue;
            }
            self.check_staged(&staged)?;
            if !seen.insert(object.digest) {
                continue;
            }
            if !self.claim(&object)? {
                names.push(object.digest);
                fresh.push(staged);
            } else if !self.durable().names.contains(&object.digest) {
                names.push(object.digest);
            }
        }
        self.sync_bytes(&fresh)?;
        for staged in fresh {
            self.put_in_place(staged)?;
        }
        self.sync_names(&names)
    }

    /// Makes sure that an object found here stays here: whoever wrote it may have died before
    /// its name was durable.
    pub(super) fn keep(&self, digest: &Digest) -> Result<(), StoreError> {
        if self.durable().names.contains(digest) {
            return Ok(());
        }
        self.sync_names(&[*digest])
    }

    /// Refuses what was staged in another store, and what was changed since.
    fn check_staged(&self, staged: &Staged) -> Result<(), StoreError> {
        let size = staged.object().size;
        let is_ours = staged.path().parent() == Some(&self.inner.layout.tmp);
        let metadata =
            fs::symlink_metadata(staged.path()).map_err(failed("look up", staged.path()));
        if is_ours
            && let Ok(file) = metadata
            && file.is_file()
            && file.len() == size
        {
            // A task may have written it long before it ended.
            return collect::freshen(staged.path(), &file).map_err(failed("touch", staged.path()));
        }
        Err(StoreError::NotStaged { path: staged.path().to_path_buf(), expected: size })
    }

    fn sync_bytes(&self, staged: &[Staged]) -> Result<(), StoreError> {
        if self.inner.layout.is_remote {
            // Finishing the file has already done it.
            return Ok(());
        }
        if staged.len() > SYNC_SINGLY_MAX {
            return self.sync_filesystem();
        }
        for staged in staged {
            File::open(staged.path())
                .and_then(|file| file.sync_all())
                .map_err(failed("sync", staged.path()))?;
        }
        Ok(())
    }

    fn put_in_place(&self, staged: Staged) -> Result<(), StoreError> {
        let digest = staged.object().digest;
        let shard = self.inner.layout.shard(&digest);
        let is_known = self.durable().shards[usize::from(digest.as_bytes()[0])];
        if !is_known {
            make_shard(&shard)?;
        }
        let to = self.inner.layout.object(&digest);
        staged.rename(&to).map_err(failed("move into place", &to))
    }

    /// Makes the names of stored objects durable.
    fn sync_names(&self, digests: &[Digest]) -> Result<(), StoreError> {
        let shards: BTreeSet<u8> = digests.iter().map(|digest| digest.as_bytes()[0]).collect();
        if self.inner.layout.is_remote {
            // An NFS server answers a rename only when it has kept it; syncing does nothing.
        } else if shards.len() > SYNC_SINGLY_MAX {
            self.sync_filesystem()?;
        } else {
            self.sync_shards(&shards)?;
        }
        let names = &mut self.durable().names;
        if names.len() + digests.len() > DURABLE_NAMES_MAX {
            names.clear();
        }
        names.extend(&digests[..digests.len().min(DURABLE_NAMES_MAX)]);
        Ok(())
    }

    fn sync_shards(&self, shards: &BTreeSet<u8>) -> Result<(), StoreError> {
        let objects = &self.inner.layout.objects;
        for first in shards {
            layout::sync_dir(&objects.join(format!("{first:02x}")))?;
        }
        if shards.iter().all(|first| self.durable().shards[usize::from(*first)]) {
            return Ok(());
        }
        // Listed before syncing: only what was there is durable afterwards.
        let listed = list_shards(objects)?;
        layout::sync_dir(objects)?;
        let mut durable = self.durable();
        listed.into_iter().for_each(|first| durable.shards[usize::from(first)] = true);
        Ok(())
    }

    pub(super) fn durable(&self) -> MutexGuard<'_, Durable> {
        self.inner.durable.lock().expect("no thread panics while it holds this lock")
    }

    fn sync_filesystem(&self) -> Result<(), StoreError> {
        rustix::fs::syncfs(&self.inner.tmp).map_err(failed("sync", &self.inner.layout.dir))
    }
}

/// Makes one of the 256 directories; somebody else may have done so a moment ago.
fn make_shard(shard: &Path) -> Result<(), StoreError> {
    match fs::create_dir(shard) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::from_io("make directory", shard, error))
        }
        _ => Ok(()),
    }
}

fn list_shards(objects: &Path) -> Result<Vec<u8>, StoreError> {
    let mut shards = Vec::with_capacity(256);
    for entry in fs::read_dir(objects).map_err(failed("list", objects))? {
        let name = entry.map_err(failed("list", objects))?.file_name();
        shards.extend(name.to_str().and_then(|name| u8::from_str_radix(name, 16).ok()));
    }
    Ok(shards)
}
