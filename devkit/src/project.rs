//! `bramble.toml`: what a project says of itself.

use std::fs;
use std::path::{Path, PathBuf};

use bramble_protocol::module::Declared;
use bramble_protocol::{Params, SplitRule};
use serde::Deserialize;

use crate::{DevError, Language};

/// Its file.
const FILE: &str = "bramble.toml";
/// Files and directories of a project from which nothing is built.
const NO_SOURCES: [&str; 9] = [
    "__pycache__",
    "input",
    "expect",
    "build",
    "target",
    "node_modules",
    "README.md",
    "Cargo.lock",
    "package-lock.json",
];

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Where it is.
    pub dir: PathBuf,
    /// What it is called, and its module without `.wasm`.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// What its module is to say of itself.
    pub job: Declared,
    /// How it is tested.
    pub test: TestSettings,
}

/// How a project is tested, when the command line does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TestSettings {
    /// Memory of each task, in MiB.
    pub memory_mib: Option<u64>,
    /// Parameters.
    pub params: Params,
    /// Command-line arguments of a plain program.
    pub args: Vec<String>,
    /// Exit statuses that mean success, beside 0.
    pub ok_status: Vec<i32>,
    /// Arguments of the program when it merges; it does not merge without them.
    pub merge_args: Option<Vec<String>>,
    /// Where the input is cut.
    pub split: Option<SplitRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    language: String,
    #[serde(default)]
    job: Declared,
    #[serde(default)]
    test: TestSettings,
}

impl Project {
    /// Reads the project in `dir`: its `bramble.toml`, or, without one, a crate or a Go module.
    ///
    /// # Errors
    /// When there is no project, or its file cannot be used.
    pub fn open(dir: &Path) -> Result<Self, DevError> {
        let dir = fs::canonicalize(dir).map_err(DevError::read(dir))?;
        let path = dir.join(FILE);
        if !path.is_file() {
            return Self::without_file(dir);
        }
        let text = fs::read_to_string(&path).map_err(DevError::read(&path))?;
        let bad = |reason: String| DevError::BadProject { path: path.clone(), reason };
        let file: File = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
        let language = file.language.parse().map_err(bad)?;
        let name = match &file.job.name {
            Some(name) => name.clone(),
            None => name_of(&dir),
        };
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Err(bad(format!("`{name}` cannot be the name of a file")));
        }
        Ok(Self { dir, name, language, job: file.job, test: file.test })
    }

    fn without_file(dir: PathBuf) -> Result<Self, DevError> {
        let language = if dir.join("Cargo.toml").is_file() {
            Language::Rust
        } else if dir.join("go.mod").is_file() {
            Language::Go
        } else {
            return Err(DevError::NoProject { path: dir });
        };
        let (job, test) = (Declared::default(), TestSettings::default());
        Ok(Self { name: name_of(&dir), dir, language, job, test })
    }

    /// Where its module is, once it is built.
    pub fn module(&self) -> PathBuf {
        self.dir.join(&self.name).with_added_extension("wasm")
    }

    /// Whether its module is missing, or older than a file it may be made from.
    pub fn is_stale(&self) -> bool {
        let Ok(built) = self.module().metadata().and_then(|file| file.modified()) else {
            return true;
        };
        let mut open = vec![self.dir.clone()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if NO_SOURCES.contains(&&*name) || name.starts_with('.') || name.ends_with(".wasm")
                {
                    continue;
                }
                let newer = |file: fs::Metadata| file.modified().is_ok_and(|at| at > built);
                match entry.metadata() {
                    Ok(file) if file.is_dir() => open.push(entry.path()),
                    Ok(file) if newer(file.clone()) => return true,
                    _ => {}
                }
            }
        }
        false
    }

    /// The files of `input/`, each with its expected result in `expect/` when there is one.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn inputs(&self) -> Result<Vec<(PathBuf, PathBuf)>, DevError> {
        let dir = self.dir.join("input");
        if !dir.is_dir() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&dir).map_err(DevError::read(&dir))?;
        let mut files: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        files.sort();
        let expected = |input: PathBuf| {
            let expected = self.dir.join("expect").join(input.file_name().unwrap_or_default());
            (input, expected)
        };
        Ok(files.into_iter().map(expected).collect())
    }
}

fn name_of(dir: &Path) -> String {
    dir.file_name().map_or_else(|| "job".into(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &str) -> Result<Project, DevError> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), text).unwrap();
        Project::open(dir.path())
    }

    #[test]
    fn a_project_says_what_it_is_and_how_it_is_tested() {
        let project = opened(
            "language = \"c\"\n[job]\nname = \"sort\"\nsplit = { always = \"records:8\" }\n\
             [test]\nmemory-mib = 16\nargs = [\"-r\"]\nmerge-args = []\n[test.params]\na = \"b\"\n",
        )
        .unwrap();
        assert_eq!((project.name.as_str(), project.language), ("sort", Language::C));
        assert_eq!(project.test.memory_mib, Some(16));
        assert_eq!(project.test.merge_args, Some(Vec::new()));
        assert_eq!(project.test.params["a"], "b");
        let rule = project.job.split_rule(&Params::new());
        assert_eq!(rule, SplitRule::Records { bytes: 8 });
        assert!(project.module().ends_with("sort.wasm"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let reason = |text: &str| opened(text).unwrap_err().to_string();
        assert!(reason("language = \"cobol\"").contains("`cobol`"));
        assert!(reason("language = \"c\"\n[test]\nmemory = 1").contains("memory"));
        assert!(reason("language = \"c\"\n[job]\nname = \"../x\"").contains("../x"));
        assert!(reason("").contains("language"));
        let empty = tempfile::tempdir().unwrap();
        let error = Project::open(empty.path()).unwrap_err();
        assert!(matches!(error, DevError::NoProject { .. }), "{error}");
    }
}
