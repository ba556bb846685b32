//! Writes the files of a plan, all or none, and takes them back.
//!
//! Before the first file changes, what is there is copied to `backups` and a list of steps is on
//! disk. Whoever comes next and finds such a list, after a failure or a power cut, first puts
//! everything back. When all is written and noticed, the manifest says what belongs to bramble and
//! what was there before it.

mod files;
mod manifest;
mod reloads;
mod undo;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use bramble_protocol::Digest;

use crate::check::{Checked, Verdict, check_all};
use crate::edits::EditError;
use crate::plan::{Contents, Moment, Planned, Reload};
use files::{Found, Tree};
use manifest::{Home, Manifest};

pub use reloads::{NoReloads, Reloads, SystemReloads};
pub use undo::{Undone, recover, undo};

/// How a plan is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Replace files that are somebody else's. They are kept, and come back with undo.
    pub force: bool,
    /// Find out what would be done, and write nothing.
    pub dry_run: bool,
}

/// What applying a plan came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Files that were as they should be.
    pub unchanged: Vec<PathBuf>,
    /// Files of an earlier plan that this one does not have: what was there before is back.
    pub removed: Vec<PathBuf>,
    /// What each check found.
    pub checked: Vec<Checked>,
    /// What was told that files have changed, in order. [`Reload::Reboot`] is for people to do.
    pub reloads: Vec<Reload>,
    /// An earlier run was broken off, and was put back first.
    pub recovered: bool,
}

/// Why a plan was not applied. Unless it says otherwise, everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file's own tool does not take it.
    #[error("{} would not work, so nothing was written; {by} says: {output}", .path.display())]
    Check {
        /// The file.
        path: PathBuf,
        /// The tool.
        by: String,
        /// What it says.
        output: String,
    },
    /// Files are there that bramble did not write.
    #[error("not written by bramble: {}; move them away, or replace them by --force (undo brings them back)", shown(.0))]
    NotOurs(Vec<PathBuf>),
    /// A file is a link, a directory or a device.
    #[error("{} is no regular file, and bramble writes through nothing else", .0.display())]
    NotRegular(PathBuf),
    /// A file that is to be changed cannot be.
    #[error("{} cannot be changed", .path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: EditError,
    },
    /// A file that is to be changed is too long, or no text.
    #[error("{} is no text of at most 1 MiB", .0.display())]
    NotText(PathBuf),
    /// The same path twice, or one that does not start at the root.
    #[error("the plan has no clear place for {}", .0.display())]
    Path(PathBuf),
    /// A file could not be read or written.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A service did not take its new files.
    #[error("could not {reload}: {why}; everything was put back")]
    Reload {
        /// What was to be done.
        reload: Reload,
        /// What was said.
        why: String,
    },
    /// The list of what was written is damaged.
    #[error("{} is damaged; what was there before setup is in `backups` beside it", .path.display())]
    Manifest {
        /// The list.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The list of what was written is of another version.
    #[error("{} was written by a newer bramble (format {found}): use that one", .path.display())]
    Newer {
        /// The list.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Putting things back failed as well.
    #[error(
        "{first}; and putting things back failed: {second}; `bramble setup undo` tries it again"
    )]
    PutBack {
        /// What failed first.
        first: Box<ApplyError>,
        /// What failed then.
        second: Box<ApplyError>,
    },
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A file that has to change.
struct Change<'a> {
    path: &'a Path,
    /// What is there now.
    found: Option<Found>,
    /// What there is to be. None: nothing.
    wanted: Option<(Vec<u8>, u32)>,
}

/// Checks all files, then writes those that differ from what is under `root`, then runs `reloads`.
/// Doing it twice changes nothing.
///
/// # Errors
/// When a check fails, files of somebody else are in the way, or something cannot be written or
/// does not take its new files. Then everything is as it was.
pub fn apply(
    root: &Path,
    plan: &[Planned],
    options: ApplyOptions,
    reloads: &mut dyn Reloads,
) -> Result<Applied, ApplyError> {
    let tree = Tree::new(root);
    let home = Home::new(&tree);
    let mut applied = Applied { checked: check_all(plan), ..Applied::default() };
    if let Some(error) = applied.checked.iter().find_map(failure) {
        return Err(error);
    }
    if !options.dry_run {
        applied.recovered = recover(root)?;
    }
    let old = home.manifest()?.unwrap_or_default();
    let wanted = resolve(&tree, plan, &old, options.force)?;
    let (mut changes, same): (Vec<_>, Vec<_>) = wanted.into_iter().partition(Change::is_one);
    applied.unchanged = same.iter().map(|change| change.path.to_owned()).collect();
    applied.written = changes.iter().map(|change| change.path.to_owned()).collect();
    for entry in old.entries.iter().filter(|entry| plan.iter().all(|p| p.path != entry.path)) {
        changes.push(home.original(&tree, entry)?);
        applied.removed.push(entry.path.clone());
    }
    let notices = Notices::new(&old, plan, &applied);
    applied.reloads = notices.told.iter().cloned().collect();
    if options.dry_run || (changes.is_empty() && old.covers(plan)) {
        return Ok(applied);
    }
    let run_number = old.run + 1;
    let new = match home.prepare(&tree, run_number, &changes, &same) {
        Ok(pending) => manifest::after(&old, plan, &changes, &same, &pending),
        Err(error) => return Err(put_back(root, error, &notices, reloads)),
    };
    let done = run(&notices.gone, Moment::BeforeUndo, reloads)
        .and_then(|()| write_all(&tree, &changes))
        .and_then(|()| run(&notices.gone, Moment::Undone, reloads))
        .and_then(|()| run(&notices.told, Moment::Applied, reloads))
        .and_then(|()| home.write_manifest(&new));
    if let Err(first) = done {
        return Err(put_back(root, first, &notices, reloads));
    }
    home.clear_pending()?;
    Ok(applied)
}

/// Who is told what.
struct Notices {
    /// Of files that were written.
    told: BTreeSet<Reload>,
    /// Of files that go, and of none that stay.
    gone: BTreeSet<Reload>,
    /// Of files that were there before this run.
    old: BTreeSet<Reload>,
}

impl Notices {
    fn new(old: &Manifest, plan: &[Planned], applied: &Applied) -> Self {
        let of_plan = |planned: &&Planned| applied.written.contains(&planned.path);
        let told = plan.iter().filter(of_plan).flat_map(|planned| planned.after.clone()).collect();
        let stay: BTreeSet<Reload> =
            plan.iter().flat_map(|planned| planned.after.clone()).collect();
        let gone = old.entries.iter().filter(|entry| applied.removed.contains(&entry.path));
        let gone =
            gone.flat_map(|entry| entry.after.clone()).filter(|r| !stay.contains(r)).collect();
        let old = old.entries.iter().flat_map(|entry| entry.after.clone()).collect();
        Self { told, gone, old }
    }
}

impl Change<'_> {
    fn is_one(&self) -> bool {
        match (&self.found, &self.wanted) {
            (Some(found), Some((bytes, mode))) => found.bytes != *bytes || found.mode != *mode,
            (None, None) => false,
            _ => true,
        }
    }
}

fn failure(checked: &Checked) -> Option<ApplyError> {
    let Verdict::Failed { by, output } = &checked.verdict else { return None };
    let (path, by, output) = (checked.path.clone(), by.clone(), output.clone());
    Some(ApplyError::Check { path, by, output })
}

/// What there is to be of each file, beside what there is.
fn resolve<'a>(
    tree: &Tree,
    plan: &'a [Planned],
    old: &Manifest,
    force: bool,
) -> Result<Vec<Change<'a>>, ApplyError> {
    let mut changes: Vec<Change<'a>> = Vec::new();
    let mut foreign = Vec::new();
    for planned in plan {
        let path = planned.path.as_path();
        if !files::is_clear(path) || changes.iter().any(|change| change.path == path) {
            return Err(ApplyError::Path(path.to_owned()));
        }
        let found = tree.read(path)?;
        let bytes = match &planned.contents {
            Contents::Whole(text) => text.clone().into_bytes(),
            Contents::Secret(secret) => format!("{}\n", secret.expose().trim()).into_bytes(),
            Contents::Edit(edit) => {
                let text = found.as_ref().map(|found| std::str::from_utf8(&found.bytes));
                let text = text.transpose().map_err(|_| ApplyError::NotText(path.to_owned()))?;
                let edited = edit
                    .apply(text)
                    .map_err(|source| ApplyError::Edit { path: path.to_owned(), source })?;
                edited.into_bytes()
            }
        };
        let is_edit = matches!(planned.contents, Contents::Edit(_));
        if let Some(found) = &found
            && !is_edit
            && found.bytes != bytes
            && !old.wrote(path, &Digest::of(&found.bytes))
        {
            foreign.push(path.to_owned());
        }
        let mode = found.as_ref().filter(|_| is_edit).map_or(planned.mode, |found| found.mode);
        changes.push(Change { path, found, wanted: Some((bytes, mode)) });
    }
    if foreign.is_empty() || force { Ok(changes) } else { Err(ApplyError::NotOurs(foreign)) }
}

fn write_all(tree: &Tree, changes: &[Change<'_>]) -> Result<(), ApplyError> {
    for change in changes {
        match &change.wanted {
            Some((bytes, mode)) => tree.write(change.path, bytes, *mode)?,
            None => tree.remove(change.path)?,
        }
    }
    Ok(())
}

fn run(
    told: &BTreeSet<Reload>,
    moment: Moment,
    reloads: &mut dyn Reloads,
) -> Result<(), ApplyError> {
    for reload in told {
        let done = reloads.run(reload, moment);
        done.map_err(|why| ApplyError::Reload { reload: reload.clone(), why })?;
    }
    Ok(())
}

/// After a failure: the files as they were, and whoever was told of the new ones is told again.
fn put_back(
    root: &Path,
    first: ApplyError,
    notices: &Notices,
    reloads: &mut dyn Reloads,
) -> ApplyError {
    let was_told = matches!(first, ApplyError::Reload { .. });
    let all: BTreeSet<&Reload> = notices.told.iter().chain(&notices.gone).collect();
    // The first failure is what people have to know. Those here follow from it.
    for reload in all.iter().filter(|reload| was_told && !notices.old.contains(**reload)) {
        let _ = reloads.run(reload, Moment::BeforeUndo);
    }
    if let Err(second) = recover(root) {
        return ApplyError::PutBack { first: Box::new(first), second: Box::new(second) };
    }
    for reload in all.into_iter().filter(|_| was_told) {
        let is_old = notices.old.contains(reload);
        let _ = reloads.run(reload, if is_old { Moment::Applied } else { Moment::Undone });
    }
    first
}
