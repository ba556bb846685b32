//! The compiler for guests: the rustup target where there is one, else Debian's packages.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::apt::Apt;
use crate::process;
use crate::workspace::GuestKind;

/// What guests are compiled for.
pub(crate) const GUEST_TARGET: &str = "wasm32-wasip1";

/// Chooses a toolchain instead of taking what is there.
const CHOICE_ENV: &str = "BRAMBLE_GUEST_TOOLCHAIN";
/// Downloading a target takes seconds; without a network it may hang.
const RUSTUP_TIME_MAX: Duration = Duration::from_secs(180);
/// Debian's compiler for web browsers and its sources, a C library and a linker for WASI.
const DEBIAN_PACKAGES: [&str; 5] =
    ["rustc-web", "cargo-web", "rust-web-src", "wasi-libc", "lld-19"];
/// The oldest compiler that builds the workspace: 1.95.
const RUSTC_MINOR_MIN: u32 = 95;

/// A compiler for guests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The compiler of the workspace, which has the target installed.
    Own,
    /// Debian's, which has no standard library for WASI and builds one.
    Debian(Debian),
}

/// Where Debian's parts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Debian {
    bin_dir: PathBuf,
    linker: PathBuf,
    libc_dir: PathBuf,
}

impl Toolchain {
    /// What is installed, else what can be installed.
    ///
    /// # Errors
    /// With what to do by hand, when nothing is there and nothing can be installed.
    pub(crate) fn find_or_install() -> Result<Self> {
        let choice = env::var(CHOICE_ENV).unwrap_or_default();
        let (rustup, debian) = match choice.as_str() {
            "" => (true, true),
            "rustup" => (true, false),
            "debian" => (false, true),
            other => bail!("{CHOICE_ENV} cannot be `{other}`: use rustup or debian"),
        };
        if rustup && own_has_target(GUEST_TARGET) {
            return Ok(Self::Own);
        }
        // What is there already needs no network, so it comes before asking rustup for more.
        if debian && let Some(found) = Debian::find(Path::new("/")) {
            return Ok(Self::Debian(found));
        }
        let mut faults = Vec::new();
        if rustup {
            match add_rustup_target("guests", GUEST_TARGET) {
                Ok(()) => return Ok(Self::Own),
                Err(fault) => faults.push(fault),
            }
        }
        if debian {
            match install_debian_packages() {
                Ok(found) => return Ok(Self::Debian(found)),
                Err(fault) => faults.push(fault),
            }
        }
        bail!(
            "there is no compiler for WebAssembly guests\n  {}\n  help: run `rustup target add \
             {GUEST_TARGET}`, or on Debian and Ubuntu, as root:\n        apt-get install \
             --no-install-recommends {}",
            faults.join("\n  "),
            DEBIAN_PACKAGES.join(" ")
        )
    }

    /// A directory name for what it builds, so that two toolchains do not throw away each
    /// other's work.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Debian(_) => "debian",
        }
    }

    /// Whether it compiles the standard library first.
    pub(crate) fn builds_std(&self) -> bool {
        matches!(self, Self::Debian(_))
    }

    /// Its cargo, with the flags for all that is compiled.
    pub(crate) fn cargo(&self) -> Command {
        // SIMD halves the time of hashes and searches. Line tables of the C library are dropped,
        // names of functions stay for backtraces.
        let mut flags =
            vec!["-Ctarget-feature=+simd128".to_owned(), "-Clink-arg=--strip-debug".to_owned()];
        let mut command = match self {
            Self::Own => process::cargo(),
            Self::Debian(debian) => {
                flags.extend(debian.link_flags());
                debian.cargo()
            }
        };
        process::forget_cargo(&mut command);
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command
    }

    /// Arguments for building one module, which end the command line.
    pub(crate) fn add_arguments(&self, command: &mut Command, kind: GuestKind) {
        if let Self::Debian(debian) = self {
            command.arg("-Zbuild-std=std,panic_abort");
            if kind == GuestKind::Command {
                let start = debian.libc_dir.join("crt1-command.o");
                command.arg("--").arg(format!("-Clink-arg={}", start.display()));
            }
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => write!(f, "this toolchain's {GUEST_TARGET}"),
            Self::Debian(_) => f.write_str("Debian's rustc-web"),
        }
    }
}

impl Debian {
    /// All parts under `root`, when they are there and new enough.
    fn find(root: &Path) -> Option<Self> {
        let bin_dir = root.join("usr/bin");
        let rustc = bin_dir.join("rustc");
        if !bin_dir.join("cargo").is_file() {
            return None;
        }
        let version = process::answer(Command::new(&rustc).arg("--version"))?;
        if rustc_minor(&version)? < RUSTC_MINOR_MIN {
            return None;
        }
        let sysroot = process::answer(Command::new(&rustc).args(["--print", "sysroot"]))?;
        let sources = Path::new(&sysroot).join("lib/rustlib/src/rust/library/std");
        let libc_dir = ["usr/lib/wasm32-wasip1", "usr/lib/wasm32-wasi"]
            .iter()
            .map(|dir| root.join(dir))
            .find(|dir| dir.join("libc.a").is_file() && dir.join("crt1-command.o").is_file())?;
        let linker = newest_linker(&bin_dir)?;
        sources.is_dir().then_some(Self { bin_dir, linker, libc_dir })
    }

    fn cargo(&self) -> Command {
        let mut command = Command::new(self.bin_dir.join("cargo"));
        let mut path = vec![self.bin_dir.clone()];
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        if let Ok(path) = env::join_paths(path) {
            command.env("PATH", path);
        }
        // A compiler of a stable version builds its own standard library only when told so.
        command.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
        command
    }

    fn link_flags(&self) -> [String; 5] {
        [
            format!("-Clinker={}", self.linker.display()),
            "-Clink-self-contained=no".into(),
            "-L".into(),
            self.libc_dir.display().to_string(),
            "-Clink-arg=-lc".into(),
        ]
    }
}

/// Whether the workspace's compiler has the target. Asked of the compiler, not of rustup, so that
/// it holds for toolchains from elsewhere too.
pub(crate) fn own_has_target(target: &str) -> bool {
    let mut rustc = Command::new("rustc");
    process::forget_cargo(&mut rustc);
    rustc.args(["--print", "target-libdir", "--target", target]);
    let Some(dir) = process::answer(&mut rustc) else { return false };
    fs::read_dir(dir).is_ok_and(|files| {
        files.flatten().any(|file| {
            let name = file.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

/// Adds a target to the workspace's compiler. `what` is said before the line that tells so.
///
/// # Errors
/// When there is no rustup, or it fails.
pub(crate) fn add_rustup_target(what: &str, target: &str) -> Result<(), String> {
    let Some(rustup) = process::find("rustup") else {
        return Err("rustup: not found".into());
    };
    println!("{what}: rustup target add {target}");
    let mut command = Command::new(rustup);
    command.args(["target", "add", target]);
    process::succeeds_within(&mut command, RUSTUP_TIME_MAX)
        .map_err(|fault| format!("rustup target add {target}: {fault}"))?;
    if own_has_target(target) {
        Ok(())
    } else {
        Err("rustup added the target to another toolchain than the one in use".into())
    }
}

fn install_debian_packages() -> Result<Debian, String> {
    Apt::find("guests")?.install(&DEBIAN_PACKAGES)?;
    Debian::find(Path::new("/"))
        .ok_or_else(|| "apt-get: the installed compiler is too old or incomplete".into())
}

/// The linker itself or, as Debian names it, one with its version.
fn newest_linker(bin_dir: &Path) -> Option<PathBuf> {
    let mut linkers: Vec<(u32, PathBuf)> = fs::read_dir(bin_dir)
        .ok()?
        .flatten()
        .filter_map(|file| {
            let name = file.file_name();
            let version = name.to_str()?.strip_prefix("wasm-ld-")?.parse().ok()?;
            Some((version, file.path()))
        })
        .collect();
    linkers.sort();
    let plain = bin_dir.join("wasm-ld");
    linkers.pop().map(|(_, path)| path).or_else(|| plain.is_file().then_some(plain))
}

/// The second number of `rustc 1.96.0 (…)`.
fn rustc_minor(version: &str) -> Option<u32> {
    version.split_whitespace().nth(1)?.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compilers_version_is_read() {
        assert_eq!(rustc_minor("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some(96));
        assert_eq!(rustc_minor("rustc 1.63.0"), Some(63));
        assert_eq!(rustc_minor("something else"), None);
    }

    #[test]
    fn an_incomplete_debian_is_not_found() {
        let nowhere = env::temp_dir().join("bramble-xtask-no-such-root");
        assert_eq!(Debian::find(&nowhere), None);
        assert_eq!(newest_linker(&nowhere), None);
    }
}
