//! Building the programs in C among the jobs, where there is a compiler for them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// Names of clang, the newest version first.
const CLANGS: [&str; 7] =
    ["clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang"];
/// Where Debian's wasi-libc has its headers.
const DEBIAN_HEADERS: &str = "usr/include/wasm32-wasi";

/// The C files directly in `dir`, in order: each is a program.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn sources(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = dir.read_dir().with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "c"))
        .collect();
    files.sort();
    Ok(files)
}

/// A compiler for WASI: that of a WASI SDK, else clang with Debian's C library.
pub(crate) fn compiler() -> Option<PathBuf> {
    if let Some(sdk) = env::var_os("WASI_SDK_PATH") {
        return Some(Path::new(&sdk).join("bin/clang")).filter(|clang| clang.is_file());
    }
    if !Path::new("/").join(DEBIAN_HEADERS).is_dir() {
        return None;
    }
    CLANGS.iter().find_map(|name| process::find(name))
}

/// Compiles one program to a module.
///
/// # Errors
/// When it does not compile.
pub(crate) fn build(compiler: &Path, source: &Path, module: &Path) -> Result<()> {
    let mut command = Command::new(compiler);
    command
        .args(["--target=wasm32-wasi", "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror"])
        .args(["-msimd128", "-Wl,--strip-debug"])
        .arg(source)
        .arg("-o")
        .arg(module);
    process::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_c_file_beside_the_jobs_is_a_program() {
        let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs");
        let names: Vec<_> = sources(&jobs)
            .expect("there are jobs")
            .iter()
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect();
        assert_eq!(names, ["letters.c"]);
        assert!(sources(Path::new("/no/such/directory")).is_err());
    }
}
