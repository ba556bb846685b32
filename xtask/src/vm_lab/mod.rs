//! `cargo xtask vm-lab`: two emulated machines with Debian's kernel, for what this computer's kernel
//! or lack of hardware does not let tests do. On the head's machine a stub of the kernel's I2C stands
//! for the expander of a Cluster HAT, and the kernel's NFS server exports the head's objects; the
//! node's machine mounts them, as `bramble setup` does. The server is stopped in the middle of a job.
//!
//! Nothing of this computer is changed: the machines see its files, but cannot write them, and their
//! network is a socket between the two.

mod kernel;
mod machine;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::cluster::Interrupt;
use crate::demo::numbers;
use crate::process::find;
use crate::workspace::Workspace;
use crate::{build_jobs, test};
use kernel::Kernel;
use machine::{Lab, Plan};

/// What must be there, and the package of Debian that has it.
const TOOLS: [(&str, &str); 8] = [
    ("/usr/bin/qemu-system-x86_64", "qemu-system-x86"),
    ("/usr/bin/busybox", "busybox-static"),
    ("/usr/bin/cpio", "cpio"),
    ("/sbin/modprobe", "kmod"),
    ("/sbin/depmod", "kmod"),
    ("/usr/sbin/rpc.nfsd", "nfs-kernel-server"),
    ("/usr/sbin/exportfs", "nfs-kernel-server"),
    ("/sbin/mount.nfs4", "nfs-common"),
];
/// Numbers that are sorted. In chunks of 32 KiB they are tasks enough to stop a server between them.
const NUMBERS: usize = 150_000;
const INIT: &str = include_str!("init.sh");
const HEAD: usize = 0;
const NODE: usize = 1;

/// The steps: which machine says what, within how many seconds. An emulated machine is 10 to 30 times
/// slower than this one, and starts in half a minute where nothing else is done.
const STEPS: [(usize, &str, u64); 18] = [
    (HEAD, "LAB head up", 240),
    (HEAD, "LAB expander set up", 30),
    (HEAD, "LAB outlet off", 90),
    (HEAD, "LAB outlet on", 90),
    (HEAD, "LAB share exported", 60),
    (NODE, "LAB node up", 120),
    (NODE, "LAB share mounted", 120),
    (HEAD, "LAB node joined", 240),
    (HEAD, "LAB job under way", 300),
    (HEAD, "LAB nfs stopped", 30),
    (NODE, "does not answer", 120),
    (HEAD, "LAB tasks go on without nfs", 180),
    (HEAD, "LAB node tells", 90),
    (HEAD, "LAB nfs started", 30),
    (HEAD, "LAB first job right", 360),
    (HEAD, "LAB second job right", 360),
    (NODE, "answers again", 60),
    (HEAD, "LAB done", 30),
];

/// Runs the lab, and tells each step.
///
/// # Errors
/// When something cannot be had, or the first step that fails or takes too long.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode> {
    let is_built = match args {
        [] => false,
        [flag] if flag == "--built" => true,
        _ => {
            eprintln!("error: usage: cargo xtask vm-lab [--built]");
            return Ok(ExitCode::from(2));
        }
    };
    if std::env::consts::ARCH != "x86_64" {
        bail!("the machines run this computer's own programs, which must be for x86_64");
    }
    install_tools()?;
    let dir = workspace.target_dir().join("vm-lab");
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let kernel = Kernel::fetch(&dir)?;
    if !is_built {
        build_jobs::run(workspace)?;
        test::build_bramble()?;
    }
    let module = workspace.jobs_dir().join("merge-sort.wasm");
    let program = workspace.bramble();
    for built in [&module, &program] {
        if !built.is_file() {
            bail!("{} is missing: leave out --built", built.display());
        }
    }
    for (name, seed) in [("first", 1), ("second", 2)] {
        write_numbers(&dir, name, seed)?;
    }
    let plans = [
        plan(&kernel, &dir, &program, &module, HEAD)?,
        plan(&kernel, &dir, &program, &module, NODE)?,
    ];
    let interrupt = Interrupt::listen()?;
    let started = Instant::now();
    let mut lab = Lab::start(&kernel, &dir, &plans)?;
    for (number, (machine, text, seconds)) in STEPS.into_iter().enumerate() {
        let said = lab.expect(machine, text, Duration::from_secs(seconds), &interrupt)?;
        let (count, took) = (number + 1, started.elapsed().as_secs());
        println!("{took:>4} s  {count:>2}/{}  {}: {said}", STEPS.len(), plans[machine].name);
    }
    println!(
        "vm-lab: all as it should be. Left out: GPIO lines, because Debian's kernel has no gpio-sim"
    );
    Ok(ExitCode::SUCCESS)
}

fn install_tools() -> Result<()> {
    let mut packages: Vec<&str> = TOOLS
        .into_iter()
        .filter(|(path, _)| {
            let name = Path::new(path).file_name().and_then(|name| name.to_str());
            !Path::new(path).exists() && name.and_then(find).is_none()
        })
        .map(|(_, package)| package)
        .collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let missing = packages.join(", ");
    let install = || Apt::find("vm-lab")?.install(&packages);
    install().map_err(|fault| anyhow::anyhow!("{fault}; the lab needs the packages {missing}"))
}

fn write_numbers(dir: &Path, name: &str, seed: u64) -> Result<()> {
    let text = numbers::text(&numbers::random(NUMBERS, seed));
    let sorted = numbers::sorted_text(&text)?;
    for (ending, bytes) in [("txt", text), ("sorted", sorted)] {
        let path = dir.join(format!("{name}.{ending}"));
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// What a machine loads and runs.
fn plan(
    kernel: &Kernel,
    dir: &Path,
    program: &Path,
    module: &Path,
    machine: usize,
) -> Result<Plan> {
    const COMMON: [&str; 5] = ["virtio_pci", "virtio_net", "9pnet_virtio", "9p", "overlay"];
    let (name, script, own): (_, _, &[&str]) = match machine {
        HEAD => ("head", include_str!("head.sh"), &["i2c-dev", "i2c-stub", "nfsd"]),
        _ => ("node", include_str!("node.sh"), &["nfs", "nfsv4"]),
    };
    let set = |name: &str, path: &Path| format!("{name}={}\n", quoted(&path.to_string_lossy()));
    let variables = [set("PROGRAM", program), set("MODULE", module), set("LAB", dir)].concat();
    let modules = [&COMMON[..], own].concat();
    let image: PathBuf = kernel.image(&dir.join(name), &modules, INIT, &(variables + script))?;
    Ok(Plan { name, image })
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_said_by_its_script_or_by_the_agent() {
        let scripts = [include_str!("head.sh"), include_str!("node.sh")];
        for (machine, text, _) in STEPS {
            let Some(step) = text.strip_prefix("LAB ") else { continue };
            let said = [format!("said \"{step}"), format!("echo \"LAB {step}")];
            assert!(said.iter().any(|said| scripts[machine].contains(said)), "{text}");
        }
    }

    #[test]
    fn words_with_quotes_stay_one_word() {
        assert_eq!(quoted("/it's here"), r"'/it'\''s here'");
    }
}
