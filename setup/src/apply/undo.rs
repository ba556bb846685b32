//! The way back: to before a run that was broken off, or to before the first.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bramble_protocol::Digest;

use super::files::{Tree, beside, failed};
use super::manifest::{Before, Home, Step};
use super::{ApplyError, Change, Reloads, run};
use crate::plan::{Moment, Reload};

/// What undoing came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Files that say again what they said before.
    pub restored: Vec<PathBuf>,
    /// Files that were not there before, and are gone.
    pub removed: Vec<PathBuf>,
    /// Files that somebody has changed since, and where what he made of them is kept, if it is.
    pub changed_by_hand: Vec<(PathBuf, Option<PathBuf>)>,
    /// What could not be told that files are gone, and why: a service that is not there any more
    /// must not keep anybody from undoing.
    pub not_told: Vec<(Reload, String)>,
}

/// Puts back what a run has done that was broken off. Returns whether there was one.
///
/// # Errors
/// When a file cannot be read or written. It may be tried again.
pub fn recover(root: &Path) -> Result<bool, ApplyError> {
    let tree = Tree::new(root);
    let home = Home::new(&tree);
    let Some(pending) = home.pending()? else {
        // Backups without a list: a run that failed before it began.
        if home.manifest()?.is_none() {
            home.clear_all()?;
        }
        return Ok(false);
    };
    if home.manifest()?.is_some_and(|manifest| manifest.run >= pending.run) {
        // All was done but to say so.
        home.clear_pending()?;
        return Ok(false);
    }
    for Step { path, before } in pending.steps.iter().rev() {
        let found = tree.read(path)?;
        let now = found.map(|found| Before { digest: Digest::of(&found.bytes), mode: found.mode });
        match before {
            // Not touched yet: a disk that takes no more need not take it again.
            Some(_) if now == *before => {}
            Some(before) => tree.write(path, &home.saved(before)?, before.mode)?,
            None => tree.remove(path)?,
        }
    }
    home.clear_pending()?;
    if home.manifest()?.is_none() {
        home.clear_all()?;
    }
    for dir in pending.dirs.iter().rev() {
        tree.remove_dir(dir);
    }
    Ok(true)
}

/// Restores under `root` what was there before the first run. What somebody has changed since is
/// kept beside, as `.NAME.bramble-yours`, unless `force` says that it need not be.
///
/// # Errors
/// When a file cannot be read or written. It may be tried again.
pub fn undo(root: &Path, force: bool, reloads: &mut dyn Reloads) -> Result<Undone, ApplyError> {
    recover(root)?;
    let tree = Tree::new(root);
    let home = Home::new(&tree);
    let mut undone = Undone::default();
    let Some(manifest) = home.manifest()? else { return Ok(undone) };
    let after = manifest.entries.iter().flat_map(|entry| entry.after.clone());
    let told: BTreeSet<Reload> = after.collect();
    tell(&told, Moment::BeforeUndo, reloads, &mut undone);
    for entry in manifest.entries.iter().rev() {
        let change = home.original(&tree, entry)?;
        let now = change.found.as_ref().map(|found| Digest::of(&found.bytes));
        // Undone already by a run that was broken off, or never changed.
        if !change.is_one() {
            continue;
        }
        if let Some(now) = now
            && now != entry.written
        {
            let kept = if force { None } else { Some(keep(&tree, &change)?) };
            undone.changed_by_hand.push((entry.path.clone(), kept));
        }
        match &change.wanted {
            Some((bytes, mode)) => {
                tree.write(&entry.path, bytes, *mode)?;
                undone.restored.push(entry.path.clone());
            }
            None => {
                tree.remove(&entry.path)?;
                undone.removed.push(entry.path.clone());
            }
        }
    }
    tell(&told, Moment::Undone, reloads, &mut undone);
    home.clear_all()?;
    let mut dirs = manifest.dirs;
    dirs.sort_by_key(|dir| std::cmp::Reverse(dir.components().count()));
    dirs.iter().for_each(|dir| tree.remove_dir(dir));
    Ok(undone)
}

fn tell(told: &BTreeSet<Reload>, moment: Moment, reloads: &mut dyn Reloads, undone: &mut Undone) {
    for reload in told {
        if let Err(ApplyError::Reload { reload, why }) =
            run(&BTreeSet::from([reload.clone()]), moment, reloads)
        {
            undone.not_told.push((reload, why));
        }
    }
}

/// Keeps what somebody made of a file, under a name that is free.
fn keep(tree: &Tree, change: &Change<'_>) -> Result<PathBuf, ApplyError> {
    const TRIES_MAX: u32 = 100;
    let Some(found) = &change.found else { return Ok(change.path.to_owned()) };
    for number in 1..=TRIES_MAX {
        let ending = match number {
            1 => "bramble-yours".to_owned(),
            _ => format!("bramble-yours-{number}"),
        };
        let kept = beside(change.path, &ending);
        match fs::read(tree.place(&kept)) {
            Ok(bytes) if bytes == found.bytes => return Ok(kept),
            Ok(_) => {}
            Err(_) => {
                tree.write(&kept, &found.bytes, found.mode)?;
                return Ok(kept);
            }
        }
    }
    let full = std::io::Error::other("a hundred are kept already: remove some");
    Err(failed("keep your", change.path, full))
}
