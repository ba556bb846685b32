//! C, by clang and a C library for WASI: Debian's packages, or a WASI SDK.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::{make, output, sources};
use crate::tools::{find, missing};
use crate::{DevError, Language, Project};

/// Names of clang, the newest version first. Older ones know too little of WebAssembly.
const CLANGS: [&str; 12] = [
    "clang-24", "clang-23", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17",
    "clang-16", "clang-15", "clang-14", "clang",
];
/// Where Debian's wasi-libc has its headers and libraries.
const DEBIAN_HEADERS: &str = "/usr/include/wasm32-wasi";

pub(super) fn build(project: &Project) -> Result<PathBuf, DevError> {
    let files = sources(&project.dir, "c")?;
    if files.is_empty() {
        let reason = "there is no .c file in it".into();
        return Err(DevError::BadProject { path: project.dir.clone(), reason });
    }
    let output = output(project);
    let mut command = compiler(project.language)?;
    command.args(["--target=wasm32-wasi", "-std=c17", "-O2", "-Wall", "-Wextra", "-msimd128"]);
    if project.language == Language::CJob {
        // A library that is called, not a program that runs once.
        command.arg("-mexec-model=reactor");
    }
    command.args(files).arg("-o").arg(&output).arg("-lm");
    make(&mut command, &project.dir, output)
}

fn compiler(language: Language) -> Result<Command, DevError> {
    if let Some(sdk) = env::var_os("WASI_SDK_PATH") {
        let clang = PathBuf::from(sdk).join("bin/clang");
        // It knows its own C library and linker.
        return match clang.is_file() {
            true => Ok(Command::new(clang)),
            false => Err(missing(&clang.display().to_string(), language)),
        };
    }
    let clang = find(&CLANGS).ok_or_else(|| missing("clang", language))?;
    if !PathBuf::from(DEBIAN_HEADERS).is_dir() {
        return Err(missing("wasi-libc", language));
    }
    Ok(Command::new(clang))
}
