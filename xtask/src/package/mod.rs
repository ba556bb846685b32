//! `cargo xtask package`: Debian's packages, made with Debian's own tool.
//!
//! Two of them. `bramble` is everything: head, compiler, client, agent, gallery. `bramble-agent` has
//! the small program for boards that are nodes only, whose cards and memory are small too. They
//! cannot be installed together: both bring `/usr/bin/bramble`.

mod check;
mod control;
mod elf;
mod stage;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::test::BRAMBLE_BIN_ENV;
use crate::workspace::Workspace;
use crate::{cross, process, test};
use stage::Stage;

/// A kind of processor that packages are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// As Debian calls it.
    debian: &'static str,
    /// As rustc calls it.
    target: &'static str,
    /// What cuts names out of its programs.
    strip: &'static str,
    /// Whether a head can run there: 32-bit ARM has no compiler for modules.
    has_head: bool,
}

const MACHINES: [Machine; 3] = [
    Machine { debian: "amd64", target: "x86_64-unknown-linux-gnu", strip: "strip", has_head: true },
    Machine {
        debian: "arm64",
        target: "aarch64-unknown-linux-gnu",
        strip: "aarch64-linux-gnu-strip",
        has_head: true,
    },
    Machine {
        debian: "armhf",
        target: "armv7-unknown-linux-gnueabihf",
        strip: "arm-linux-gnueabihf-strip",
        has_head: false,
    },
];

/// What a package can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Head and node.
    Everything,
    /// A node.
    Agent,
}

impl Kind {
    /// The package's name.
    fn name(self) -> &'static str {
        match self {
            Self::Everything => "bramble",
            Self::Agent => "bramble-agent",
        }
    }
}

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    machines: Vec<Machine>,
    /// The small package alone.
    agent: bool,
    /// A program that is built already.
    program: Option<PathBuf>,
    /// Built quickly, for trying.
    debug: bool,
    /// Installed and removed again, to see.
    check: bool,
}

/// Makes the packages that `args` ask for below the target directory.
///
/// # Errors
/// When the arguments do not fit, something cannot be built, or a check fails.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let asked = parse(args)?;
    for tool in ["dpkg-deb", "gzip", "md5sum", "readelf"] {
        if process::find(tool).is_none() {
            bail!("`{tool}` is missing\n  help: apt-get install dpkg gzip coreutils binutils");
        }
    }
    for machine in &asked.machines {
        for kind in kinds(&asked, machine) {
            let program = match &asked.program {
                Some(program) => program.clone(),
                None => build(workspace, machine, kind, asked.debug)?,
            };
            let deb = package(workspace, machine, kind, &program)?;
            println!("package: {} ({} KiB)", deb.display(), fs::metadata(&deb)?.len() / 1024);
            if asked.check {
                check::run(&deb, machine, kind)?;
            }
        }
    }
    Ok(())
}

fn parse(args: &[String]) -> Result<Asked> {
    let mut asked = Asked::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--agent" => asked.agent = true,
            "--debug" => asked.debug = true,
            "--check" => asked.check = true,
            "--program" => {
                let file = words.next().context("--program needs the name of a file")?;
                asked.program = Some(file.into());
            }
            name => match MACHINES.iter().find(|machine| machine.debian == name) {
                Some(machine) => asked.machines.push(*machine),
                None => bail!(
                    "there is no machine `{name}`: there are amd64, arm64 and armhf (the first Zero \
                     and Zero W are not among them: see docs/install.md)"
                ),
            },
        }
    }
    if asked.machines.is_empty() {
        asked.machines.push(MACHINES[0]);
    }
    if asked.program.is_some() && asked.machines.len() != 1 {
        bail!("--program is for one machine: name that alone");
    }
    Ok(asked)
}

/// The packages of a machine. 64-bit boards may be heads or nodes, so they get both.
fn kinds(asked: &Asked, machine: &Machine) -> Vec<Kind> {
    match (asked.agent || !machine.has_head, machine.debian, &asked.program) {
        (true, _, _) => vec![Kind::Agent],
        (false, "arm64", None) => vec![Kind::Everything, Kind::Agent],
        _ => vec![Kind::Everything],
    }
}

/// Builds the program: by the release profile, or with `debug` by that of the tests.
fn build(workspace: &Workspace, machine: &Machine, kind: Kind, debug: bool) -> Result<PathBuf> {
    let mut command = process::cargo();
    command.current_dir(workspace.root());
    command.args(["build", "--locked", "--package", "bramble", "--target", machine.target]);
    if kind == Kind::Agent {
        command.arg("--no-default-features");
    }
    if !debug {
        command.arg("--release");
    }
    // The same bytes wherever the checkout is.
    let root = workspace.root().display();
    command.env("RUSTFLAGS", format!("--remap-path-prefix={root}=/usr/src/bramble"));
    cross::for_target(&mut command, machine.target)
        .map_err(|fault| anyhow::anyhow!("cannot build for {}\n  {fault}", machine.debian))?;
    process::run(&mut command)?;
    let profile = if debug { "debug" } else { "release" };
    Ok(workspace.target_dir().join(machine.target).join(profile).join("bramble"))
}

/// Makes one package from a program.
fn package(
    workspace: &Workspace,
    machine: &Machine,
    kind: Kind,
    program: &Path,
) -> Result<PathBuf> {
    let elf = elf::Facts::of(program)?;
    if elf.machine != machine.debian {
        bail!("{} is for {}, not for {}", program.display(), elf.machine, machine.debian);
    }
    let dir = workspace.target_dir().join("packages");
    let version = control::version(workspace)?;
    let stage = Stage::new(&dir.join(machine.debian).join(kind.name()), epoch(workspace)?)?;
    stage.program(program, machine.strip)?;
    // From the same sources by the machine that makes the package, because the program may be for
    // another one.
    let helper = if elf::is_of_this_machine(&elf) && kind == Kind::Everything {
        program.to_owned()
    } else {
        helper(workspace)?
    };
    let mut parts = Command::new(helper);
    parts.args(["internal", "package"]).arg(stage.root());
    if kind == Kind::Agent {
        parts.arg("--agent");
    }
    process::run(&mut parts)?;
    stage.documents(workspace, kind, &version)?;
    if kind == Kind::Everything {
        stage.gallery(workspace)?;
    }
    stage.finish()?;
    control::write(&stage, kind, machine.debian, &version, &elf)?;
    stage.settle()?;
    let deb = dir.join(format!("{}_{version}_{}.deb", kind.name(), machine.debian));
    let mut command = Command::new("dpkg-deb");
    command.args(["--root-owner-group", "-Zxz", "--build"]).arg(stage.root()).arg(&deb);
    command.env("SOURCE_DATE_EPOCH", stage.epoch().to_string());
    process::output(&mut command)?;
    Ok(deb)
}

/// The program of this machine, which knows what belongs into packages.
fn helper(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(program) = env::var_os(BRAMBLE_BIN_ENV) {
        return Ok(program.into());
    }
    test::build_bramble()?;
    Ok(workspace.bramble())
}

/// The time that all files have: as the environment says, else that of the last commit.
fn epoch(workspace: &Workspace) -> Result<u64> {
    if let Ok(text) = env::var("SOURCE_DATE_EPOCH") {
        return text.trim().parse().context("SOURCE_DATE_EPOCH is not a number of seconds");
    }
    let mut git = Command::new("git");
    git.current_dir(workspace.root()).args(["log", "-1", "--format=%ct"]);
    let text = process::answer(&mut git).unwrap_or_default();
    text.parse().context("there is no commit to take the time from: set SOURCE_DATE_EPOCH")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str) -> Result<Asked> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn what_is_not_asked_for_is_for_amd64() {
        let machines = |words| asked(words).unwrap().machines;
        assert_eq!(machines(""), [MACHINES[0]]);
        assert_eq!(machines("arm64 armhf"), MACHINES[1..]);
        assert!(asked("armel").unwrap_err().to_string().contains("amd64, arm64 and armhf"));
        assert!(asked("amd64 arm64 --program x").is_err());
    }

    #[test]
    fn a_machine_without_a_compiler_gets_no_head() {
        let kinds_of = |words| {
            let asked = asked(words).unwrap();
            kinds(&asked, &asked.machines[0])
        };
        assert_eq!(kinds_of("armhf"), [Kind::Agent]);
        assert_eq!(kinds_of("arm64"), [Kind::Everything, Kind::Agent]);
        assert_eq!(kinds_of("amd64"), [Kind::Everything]);
        assert_eq!(kinds_of("amd64 --agent"), [Kind::Agent]);
    }
}
