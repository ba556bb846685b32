//! Rust for WASI without rustup: Debian's compiler for web browsers, which builds the standard
//! library from its sources, with the C library and the linker of other packages. `cargo xtask`
//! knows the same way for the jobs of the repository.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::answer;

/// Where Debian's parts are.
#[derive(Debug)]
pub(super) struct Debian {
    bin_dir: PathBuf,
    linker: PathBuf,
    libc_dir: PathBuf,
}

impl Debian {
    /// The parts under `root`, when all are there.
    pub(super) fn find(root: &Path) -> Option<Self> {
        let bin_dir = root.join("usr/bin");
        let rustc = bin_dir.join("rustc");
        if !bin_dir.join("cargo").is_file() || !rustc.is_file() {
            return None;
        }
        let sysroot = answer(Command::new(rustc).args(["--print", "sysroot"]), root).ok()?;
        let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std");
        let libc_dir = ["usr/lib/wasm32-wasip1", "usr/lib/wasm32-wasi"]
            .iter()
            .map(|dir| root.join(dir))
            .find(|dir| dir.join("libc.a").is_file() && dir.join("crt1-command.o").is_file())?;
        let linker = newest_linker(&bin_dir)?;
        sources.is_dir().then_some(Self { bin_dir, linker, libc_dir })
    }

    /// Its cargo, which builds the standard library too.
    pub(super) fn cargo(&self, is_program: bool) -> Command {
        let mut command = Command::new(self.bin_dir.join("cargo"));
        let mut path = vec![self.bin_dir.clone()];
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        if let Ok(path) = env::join_paths(path) {
            command.env("PATH", path);
        }
        // A compiler of a stable version builds its own standard library only when told so.
        command.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
        let mut flags = vec![
            "-Ctarget-feature=+simd128".to_owned(),
            "-Clink-arg=--strip-debug".into(),
            format!("-Clinker={}", self.linker.display()),
            "-Clink-self-contained=no".into(),
            format!("-L{}", self.libc_dir.display()),
            "-Clink-arg=-lc".into(),
        ];
        if is_program {
            let start = self.libc_dir.join("crt1-command.o");
            flags.push(format!("-Clink-arg={}", start.display()));
        }
        // These take the place of those in the project's own settings.
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command.arg("-Zbuild-std=std,panic_abort");
        command
    }
}

/// The linker itself or, as Debian names it, one with its version.
fn newest_linker(bin_dir: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(bin_dir).ok()?.flatten();
    let versions = files.filter_map(|file| {
        let name = file.file_name();
        let version = name.to_str()?.strip_prefix("wasm-ld-")?.parse::<u32>().ok()?;
        Some((version, file.path()))
    });
    let plain = bin_dir.join("wasm-ld");
    versions.max().map(|(_, path)| path).or_else(|| plain.is_file().then_some(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_debian_is_not_found() {
        let root = tempfile::tempdir().unwrap();
        assert!(Debian::find(root.path()).is_none());
        let bin = root.path().join("usr/bin");
        fs::create_dir_all(&bin).unwrap();
        for name in ["wasm-ld-9", "wasm-ld-19", "wasm-ld"] {
            fs::write(bin.join(name), "").unwrap();
        }
        assert_eq!(newest_linker(&bin), Some(bin.join("wasm-ld-19")));
        assert!(Debian::find(root.path()).is_none(), "there is no compiler");
    }
}
