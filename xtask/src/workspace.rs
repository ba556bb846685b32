//! What cargo knows of this workspace.
//!
//! Read from its JSON by hand: the usual library switches on features of shared dependencies, so
//! that building the program alone and building everything would compile wasmtime twice.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process;

/// Where the packages are that guest modules are built from.
const GUEST_DIRS: [&str; 2] = ["jobs/", "bench/guests/"];

/// The workspace and where its files go.
pub(crate) struct Workspace {
    root: PathBuf,
    target_dir: PathBuf,
    packages: Vec<Package>,
}

/// A package of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its directory under the root, with `/` between its parts.
    pub(crate) dir: String,
    /// The names of the packages it depends on, for whatever purpose.
    pub(crate) dependencies: Vec<String>,
    targets: Vec<Target>,
}

#[derive(Clone, Debug)]
struct Target {
    name: String,
    is_program: bool,
    is_c_library: bool,
}

/// A guest module to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GuestJob {
    /// The package, and the name of the finished module.
    pub(crate) name: String,
    /// The package's directory under the root.
    pub(crate) dir: String,
    /// The target in that package.
    pub(crate) target: String,
    /// What is built from it.
    pub(crate) kind: GuestKind,
}

/// What a guest module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuestKind {
    /// A library made with the SDK.
    Job,
    /// A WASI command.
    Command,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// When cargo cannot read the workspace.
    pub(crate) fn load() -> Result<Self> {
        let mut command = process::cargo();
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        let text = process::output(&mut command)?;
        serde_json::from_str(&text)
            .ok()
            .and_then(|metadata| Self::parse(&metadata))
            .context("`cargo metadata` answers in another form than expected")
    }

    fn parse(metadata: &Value) -> Option<Self> {
        let root = PathBuf::from(metadata["workspace_root"].as_str()?);
        let target_dir = PathBuf::from(metadata["target_directory"].as_str()?);
        let packages = metadata["packages"].as_array()?;
        let packages =
            packages.iter().map(|package| Package::parse(package, &root)).collect::<Option<_>>()?;
        Some(Self { root, target_dir, packages })
    }

    /// The directory of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of everything built.
    pub(crate) fn target_dir(&self) -> &Path {
        &self.target_dir
    }

    /// Where the finished guest modules are.
    pub(crate) fn jobs_dir(&self) -> PathBuf {
        self.target_dir.join("jobs")
    }

    /// The program `bramble` of the dev profile.
    pub(crate) fn bramble(&self) -> PathBuf {
        self.target_dir.join("debug").join(format!("bramble{}", std::env::consts::EXE_SUFFIX))
    }

    /// The packages of the workspace.
    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The guest modules, in the order of their names.
    ///
    /// # Errors
    /// When a package under one of [`GUEST_DIRS`] is neither a `cdylib` nor a program.
    pub(crate) fn jobs(&self) -> Result<Vec<GuestJob>> {
        let is_guest =
            |package: &&Package| GUEST_DIRS.iter().any(|dir| package.dir.starts_with(dir));
        let guests = self.packages.iter().filter(is_guest);
        let mut jobs = guests.map(Package::guest_job).collect::<Result<Vec<_>>>()?;
        jobs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(jobs)
    }
}

impl Package {
    fn parse(package: &Value, root: &Path) -> Option<Self> {
        let manifest = Path::new(package["manifest_path"].as_str()?);
        let dir = manifest.parent()?.strip_prefix(root).ok()?;
        let dependencies = package["dependencies"].as_array()?;
        let targets = package["targets"].as_array()?;
        Some(Self {
            name: package["name"].as_str()?.to_owned(),
            dir: dir.to_str()?.replace('\\', "/"),
            dependencies: dependencies
                .iter()
                .map(|dependency| dependency["name"].as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            targets: targets.iter().map(Target::parse).collect::<Option<_>>()?,
        })
    }

    fn guest_job(&self) -> Result<GuestJob> {
        let job = |target: &Target, kind| GuestJob {
            name: self.name.clone(),
            dir: self.dir.clone(),
            target: target.name.clone(),
            kind,
        };
        if let Some(library) = self.targets.iter().find(|target| target.is_c_library) {
            return Ok(job(library, GuestKind::Job));
        }
        if let Some(program) = self.targets.iter().find(|target| target.is_program) {
            return Ok(job(program, GuestKind::Command));
        }
        bail!("{} builds no module: it needs `crate-type = [\"cdylib\", …]` or a main.rs", self.dir)
    }
}

impl Target {
    fn parse(target: &Value) -> Option<Self> {
        let has = |field: &str, word: &str| {
            target[field].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == word))
        };
        Some(Self {
            name: target["name"].as_str()?.to_owned(),
            is_program: has("kind", "bin"),
            is_c_library: has("crate_types", "cdylib"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn workspace(targets: &Value) -> Workspace {
        let metadata = json!({
            "workspace_root": "/w", "target_directory": "/t",
            "packages": [{
                "name": "sort", "manifest_path": "/w/jobs/sort/Cargo.toml",
                "dependencies": [{ "name": "bramble-guest" }], "targets": targets,
            }],
        });
        Workspace::parse(&metadata).unwrap()
    }

    #[test]
    fn a_job_is_a_c_library_or_a_program() {
        let library = json!({ "name": "sort", "kind": ["cdylib", "rlib"],
            "crate_types": ["cdylib", "rlib"] });
        let test = json!({ "name": "job", "kind": ["test"], "crate_types": ["bin"] });
        let program = json!({ "name": "sort", "kind": ["bin"], "crate_types": ["bin"] });
        let kind = |targets: Value| workspace(&targets).jobs().unwrap()[0].kind;
        assert_eq!(kind(json!([test, library])), GuestKind::Job);
        assert_eq!(kind(json!([test, program])), GuestKind::Command);
        let fault = workspace(&json!([test])).jobs().unwrap_err();
        assert!(fault.to_string().starts_with("jobs/sort builds no module"), "{fault}");
    }

    #[test]
    fn packages_are_known_by_their_directory() {
        let workspace = workspace(&json!([]));
        assert_eq!(workspace.packages()[0].dir, "jobs/sort");
        assert_eq!(workspace.packages()[0].dependencies, ["bramble-guest"]);
        assert_eq!(workspace.jobs_dir(), Path::new("/t/jobs"));
    }
}
