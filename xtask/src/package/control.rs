//! What Debian's tools are told of a package: its fields, its settings, what is done when it comes
//! and goes.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::Kind;
use super::elf::Facts;
use super::stage::Stage;
use crate::process;
use crate::workspace::Workspace;

/// Who answers for packages. Whoever gives them to others puts himself here.
pub(super) const MAINTAINER: &str = "The bramble authors <bramble@localhost>";

/// Services are not started unasked: a head or a node needs settings first. Those that run already are
/// started anew with the new program.
const POSTINST: &str = r#"#!/bin/sh
set -e
if [ "$1" = configure ]; then
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers bramble.conf
    fi
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        if [ -n "$2" ]; then
            systemctl try-restart @UNITS@
        fi
    fi
fi
"#;

const PRERM: &str = r#"#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now @UNITS@
fi
"#;

/// Data and keys go with `purge` alone, and only where the package's own units keep them.
const POSTRM: &str = r#"#!/bin/sh
set -e
if [ "$1" = purge ]; then
    rm -rf @DATA@
    rmdir --ignore-fail-on-non-empty /etc/bramble 2>/dev/null || true
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
"#;

/// The packages' version: the program's, and how often it was packed.
///
/// # Errors
/// When the manifest says none.
pub(super) fn version(workspace: &Workspace) -> Result<String> {
    let path = workspace.root().join("Cargo.toml");
    let text = fs::read_to_string(&path).context("cannot read Cargo.toml")?;
    let line = text.lines().find_map(|line| line.strip_prefix("version = \""));
    let version = line.and_then(|rest| rest.strip_suffix('"')).context("there is no version")?;
    Ok(format!("{version}-1"))
}

/// Writes the directory `DEBIAN`.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn write(
    stage: &Stage,
    kind: Kind,
    machine: &str,
    version: &str,
    elf: &Facts,
) -> Result<()> {
    let files = stage.files()?;
    let mut bytes = 0;
    for file in &files {
        bytes += fs::metadata(stage.root().join(file))?.len().div_ceil(1024);
    }
    let mut sums = Command::new("md5sum");
    sums.current_dir(stage.root()).args(files.iter().filter(|file| !file.starts_with("etc")));
    let sums = process::output(&mut sums)?;
    let settings: String = files
        .iter()
        .filter(|file| file.starts_with("etc"))
        .map(|file| format!("/{}\n", file.display()))
        .collect();
    let fields = fields(kind, machine, version, bytes, &elf.depends()?);
    let script = |text: &str| text.replace("@UNITS@", units(kind)).replace("@DATA@", data(kind));
    for (name, text) in [
        ("control", fields),
        ("conffiles", settings),
        ("md5sums", sums),
        ("postinst", script(POSTINST)),
        ("prerm", script(PRERM)),
        ("postrm", script(POSTRM)),
    ] {
        stage.write(&format!("DEBIAN/{name}"), text.as_bytes())?;
    }
    Ok(())
}

/// The units that it brings.
pub(super) fn units(kind: Kind) -> &'static str {
    match kind {
        Kind::Everything => "bramble-head.service bramble-agent.service",
        Kind::Agent => "bramble-agent.service",
    }
}

fn data(kind: Kind) -> &'static str {
    match kind {
        Kind::Everything => "/var/lib/bramble-head /var/lib/bramble-agent",
        Kind::Agent => "/var/lib/bramble-agent",
    }
}

fn fields(kind: Kind, machine: &str, version: &str, kib: u64, depends: &str) -> String {
    let name = kind.name();
    let (relations, summary, description) = match kind {
        Kind::Everything => (
            "Provides: bramble-agent\nConflicts: bramble-agent\nReplaces: bramble-agent\n\
             Suggests: network-manager, nftables, dnsmasq, chrony, avahi-daemon, nfs-kernel-server\n",
            "WebAssembly jobs on clusters of small computers",
            " Cuts an input into chunks, runs a module on every board in a sandbox, and brings the\n \
             result back, verified. Boards may be switched off in the middle of it.\n .\n \
             This is everything: head, client, node, and the gallery of jobs. Its services do not\n \
             start by themselves. For boards that are nodes only there is bramble-agent.\n",
        ),
        Kind::Agent => (
            "Conflicts: bramble\nReplaces: bramble\nSuggests: nfs-common\n",
            "WebAssembly jobs on clusters of small computers (nodes)",
            " Makes a board a node of a bramble, which runs WebAssembly jobs in a sandbox.\n .\n \
             The small program, without head and compiler: what is run is compiled on the head.\n",
        ),
    };
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {machine}\nMaintainer: {MAINTAINER}\n\
         Installed-Size: {kib}\nDepends: {depends}\nRecommends: systemd\n{relations}\
         Section: net\nPriority: optional\nDescription: {summary}\n{description}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_packages_bring_one_program_and_so_exclude_each_other() {
        let all = fields(Kind::Everything, "arm64", "1-1", 1, "libc6");
        let agent = fields(Kind::Agent, "arm64", "1-1", 1, "libc6");
        assert!(all.contains("\nConflicts: bramble-agent\n"), "{all}");
        assert!(agent.contains("\nConflicts: bramble\n"), "{agent}");
        // Lines of a description begin with a space, and an empty one would end the paragraph.
        for text in [all, agent] {
            let (_, description) = text.split_once("Description: ").unwrap();
            assert!(description.lines().skip(1).all(|line| line.starts_with(' ')), "{text}");
            assert!(!text.contains("\n\n"), "{text}");
        }
    }

    #[test]
    fn no_script_starts_a_service_that_did_not_run() {
        for script in [POSTINST, PRERM, POSTRM] {
            assert!(!script.contains("systemctl start") && !script.contains("systemctl enable"));
        }
        assert!(!data(Kind::Everything).contains("/srv"), "what set-up's head stores is not ours");
    }
}
