//! Rust, by cargo for `wasm32-wasip1`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::debian::Debian;
use crate::tools::{answer, missing, need, shown};
use crate::{DevError, Language, Project};

/// What guests are compiled for.
const TARGET: &str = "wasm32-wasip1";

pub(super) fn build(project: &Project) -> Result<PathBuf, DevError> {
    let mut cargo = if has_target(project)? {
        Command::new(need(&["cargo"], Language::Rust)?)
    } else if let Some(debian) = Debian::find(Path::new("/")) {
        debian.cargo(project.dir.join("src/main.rs").is_file())
    } else {
        return Err(missing(&format!("Rust's target {TARGET}"), Language::Rust));
    };
    forget_outer_cargo(&mut cargo);
    cargo.args(["build", "--release", "--target", TARGET]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let messages = answer(&mut cargo, &project.dir)?;
    modules(&messages).pop().ok_or_else(|| DevError::NothingBuilt {
        tool: shown(&cargo),
        help: "a job is a library with `crate-type = [\"cdylib\"]`, or a program".into(),
    })
}

/// Whether the compiler in `PATH` has the target. Asked of the compiler and not of rustup, so that
/// it holds for toolchains from elsewhere too.
fn has_target(project: &Project) -> Result<bool, DevError> {
    let mut rustc = Command::new(need(&["rustc"], Language::Rust)?);
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = answer(&mut rustc, &project.dir)?;
    // The directory of a target that is not installed is named all the same.
    Ok(fs::read_dir(libraries.trim()).is_ok_and(|files| {
        files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
    }))
}

/// The modules that cargo says it has made, in their order: that of the project comes last.
fn modules(messages: &str) -> Vec<PathBuf> {
    let artefacts = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact");
    artefacts
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .collect()
}

/// When this runs under cargo itself, its settings are not meant for the project.
fn forget_outer_cargo(command: &mut Command) {
    let own: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
    for (name, _) in env::vars_os().filter(|(name, _)| !own.contains(name)) {
        let text = name.to_string_lossy();
        let prefixes = ["CARGO_PKG_", "CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_MANIFEST_"];
        if prefixes.iter().any(|prefix| text.starts_with(prefix))
            || matches!(
                &*text,
                "CARGO_ENCODED_RUSTFLAGS" | "CARGO_INCREMENTAL" | "CARGO_CRATE_NAME"
            )
        {
            command.env_remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_own_module_is_the_last_that_cargo_made() {
        let messages = r#"
            {"reason":"compiler-artifact","filenames":["/t/libdep.rlib"]}
            {"reason":"compiler-artifact","filenames":["/t/job.wasm","/t/libjob.rlib"]}
            {"reason":"build-finished","success":true}
            not json"#;
        assert_eq!(modules(messages), [PathBuf::from("/t/job.wasm")]);
        assert!(modules("").is_empty());
    }
}
