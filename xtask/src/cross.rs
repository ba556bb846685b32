//! The agent's program for boards, built here: without head and compiler, so that it is small.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::workspace::Workspace;
use crate::{emulated, process, toolchain};

/// A kind of board.
struct Board {
    /// Its name on our command line.
    name: &'static str,
    /// What rustc calls it.
    target: &'static str,
    /// The C compiler that links for it.
    linker: &'static str,
    /// What Debian calls that and its C library.
    packages: [&'static str; 2],
    /// What runs its programs here.
    emulator: &'static str,
    /// Debian's name of its processor, for the libraries that its programs load.
    debian: &'static str,
    /// What loads them.
    loader: &'static str,
}

const BOARDS: [Board; 2] = [
    Board {
        name: "aarch64",
        target: "aarch64-unknown-linux-gnu",
        linker: "aarch64-linux-gnu-gcc",
        packages: ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
        emulator: "qemu-aarch64-static",
        debian: "arm64",
        loader: "/lib/ld-linux-aarch64.so.1",
    },
    Board {
        name: "armv7",
        target: "armv7-unknown-linux-gnueabihf",
        linker: "arm-linux-gnueabihf-gcc",
        packages: ["gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"],
        emulator: "qemu-arm-static",
        debian: "armhf",
        loader: "/lib/ld-linux-armhf.so.3",
    },
];

/// Does without a board whose tools are missing: for machines that must go on without a network.
const IF_POSSIBLE: &str = "--if-possible";

/// Has the program of 64-bit boards work, which must be built.
const DEMO: &str = "--demo";

/// Builds the agent's program for the boards that `args` name, or for 64-bit ones.
///
/// # Errors
/// When there is no such board, the build fails, or a tool is missing and cannot be installed,
/// unless `args` allow that.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == DEMO) {
        let board = &BOARDS[0];
        let program = workspace.target_dir().join(board.target).join("debug/bramble");
        return emulated::demo(workspace, &program, board.emulator);
    }
    let if_possible = args.iter().any(|arg| arg == IF_POSSIBLE);
    let names: Vec<&str> =
        args.iter().map(String::as_str).filter(|arg| *arg != IF_POSSIBLE).collect();
    let names = if names.is_empty() { vec![BOARDS[0].name] } else { names };
    for name in names {
        let Some(board) = BOARDS.iter().find(|board| board.name == name) else {
            let known: Vec<&str> = BOARDS.iter().map(|board| board.name).collect();
            bail!("there is no board `{name}`; there are {}", known.join(", "));
        };
        match prepare(board) {
            Ok(()) => build(workspace, board)?,
            Err(fault) if if_possible => println!("cross: skipped {name}: {fault}"),
            Err(fault) => bail!(
                "cannot build for {target}\n  {fault}\n  help: rustup target add {target}; on \
                 Debian and Ubuntu, as root: apt-get install --no-install-recommends {packages} \
                 qemu-user-static",
                target = board.target,
                packages = board.packages.join(" ")
            ),
        }
    }
    Ok(())
}

/// Tells cargo what links for `target`, after seeing that it is there. For this machine's own kind
/// there is nothing to tell.
///
/// # Errors
/// What is missing, in one line.
pub(crate) fn for_target(command: &mut Command, target: &str) -> Result<(), String> {
    if let Some(board) = BOARDS.iter().find(|board| board.target == target) {
        prepare(board)?;
        steer(command, board);
    }
    Ok(())
}

fn steer(command: &mut Command, board: &Board) {
    let Board { target, linker, .. } = board;
    command
        .env(format!("CARGO_TARGET_{}_LINKER", variable(target).to_uppercase()), linker)
        .env(format!("CC_{}", variable(target)), linker);
}

fn build(workspace: &Workspace, board: &Board) -> Result<()> {
    let target = board.target;
    let mut command = process::cargo();
    command
        .current_dir(workspace.root())
        .args(["build", "--locked", "--package", "bramble", "--no-default-features"])
        .args(["--target", target])
        // Tried under an emulator, whose time is not the code's.
        .args(["--config", "profile.dev.opt-level=1"]);
    steer(&mut command, board);
    process::run(&mut command)?;
    let program = workspace.target_dir().join(target).join("debug/bramble");
    println!("cross: {} ({} MiB)", program.display(), mebibytes(&program)?);
    Ok(())
}

/// A target's name as part of a variable's.
fn variable(target: &str) -> String {
    target.replace('-', "_")
}

/// Sees that the compiler and the linker are there, and as far as possible what runs the program.
fn prepare(board: &Board) -> Result<(), String> {
    if !toolchain::own_has_target(board.target) {
        toolchain::add_rustup_target("cross", board.target)?;
    }
    if process::find(board.linker).is_none() {
        Apt::find("cross")?.install(&board.packages)?;
    }
    // Only tests run it, and they say so when they are skipped.
    if let Err(fault) = prepare_to_run(board) {
        println!("cross: tests will not run what is built: {fault}");
    }
    Ok(())
}

fn prepare_to_run(board: &Board) -> Result<(), String> {
    if process::find(board.emulator).is_none() {
        Apt::find("cross")?.install(&["qemu-user-static"])?;
    }
    if !Path::new(board.loader).exists() {
        let apt = Apt::find("cross")?;
        apt.add_architecture(board.debian)?;
        let libraries = ["libc6", "libgcc-s1"].map(|name| format!("{name}:{}", board.debian));
        apt.install(&libraries.each_ref().map(String::as_str))?;
    }
    Ok(())
}

fn mebibytes(program: &Path) -> Result<u64> {
    let metadata =
        fs::metadata(program).with_context(|| format!("cannot find {}", program.display()))?;
    Ok(metadata.len().div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_that_is_not_known_is_named_with_those_that_are() {
        let text = Workspace::load().map(|workspace| run(&workspace, &["z80".into()]));
        let error = text.unwrap().unwrap_err().to_string();
        assert!(error.contains("z80") && error.contains("aarch64, armv7"), "{error}");
    }

    #[test]
    fn cargo_is_told_by_variables_in_its_own_form() {
        assert_eq!(variable("aarch64-unknown-linux-gnu"), "aarch64_unknown_linux_gnu");
    }
}
