//! Asks each file's own tool whether it is well-formed, about a copy in a scratch directory.
//!
//! Nothing here touches the running system. A tool that is not installed, or that may not look, is
//! told as such: a file that nobody has checked must not look like one that somebody has.

mod own;
mod tool;
mod tools;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub(crate) use tool::find as program;

use crate::plan::{Checker, Contents, Planned};

/// What was found about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The file.
    pub path: PathBuf,
    /// What was found.
    pub verdict: Verdict,
}

/// What a check comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is well-formed.
    Passed {
        /// Who says so: `nft`, `bramble`.
        by: String,
    },
    /// Nobody could say.
    NotChecked {
        /// Why: `chronyd is not installed`.
        why: String,
    },
    /// It is not.
    Failed {
        /// Who says so.
        by: String,
        /// In which words, cut to what fits on a screen.
        output: String,
    },
}

impl Verdict {
    /// Whether the file must not be installed.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// Checks one file by itself. Units that belong together are better checked by [`check_all`].
pub fn check(planned: &Planned) -> Verdict {
    let mut all = check_all(std::slice::from_ref(planned));
    let nothing = || Verdict::NotChecked { why: "nothing was found".into() };
    all.pop().map_or_else(nothing, |checked| checked.verdict)
}

/// Checks all files of a plan, each beside the others: a unit may name another.
pub fn check_all(files: &[Planned]) -> Vec<Checked> {
    let scratch = match Scratch::new(files) {
        Ok(scratch) => scratch,
        Err(error) => {
            let why = format!("there is no room for a copy of it: {error}");
            let verdict = Verdict::NotChecked { why };
            let told =
                |file: &Planned| Checked { path: file.path.clone(), verdict: verdict.clone() };
            return files.iter().map(told).collect();
        }
    };
    let verdict = |file: &Planned| match file.checked_by {
        Checker::Own(form) => own::check(form, &file.contents),
        _ => tools::check(&scratch, file),
    };
    files.iter().map(|file| Checked { path: file.path.clone(), verdict: verdict(file) }).collect()
}

/// A directory with a copy of all files, gone when it is dropped.
struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    fn new(files: &[Planned]) -> io::Result<Self> {
        let scratch = Self { dir: tempfile::tempdir()? };
        for file in files {
            if let Contents::Whole(text) = &file.contents {
                let path = scratch.copy_of(&file.path);
                if let Some(dir) = path.parent() {
                    fs::create_dir_all(dir)?;
                }
                fs::write(&path, text)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
            }
        }
        Ok(scratch)
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where the copy of a file is.
    fn copy_of(&self, path: &Path) -> PathBuf {
        self.dir().join("root").join(path.strip_prefix("/").unwrap_or(path))
    }
}
