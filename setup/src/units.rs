//! The services' units: one text for what set-up writes and for what packages bring.

use std::path::{Path, PathBuf};

use crate::head::users_text;

/// What a unit of ours differs in from the others.
pub(crate) struct Service<'a> {
    /// For people.
    pub(crate) description: &'a str,
    /// Units to come after, and to be started too.
    pub(crate) after: &'a str,
    /// More lines of `[Unit]`.
    pub(crate) unit: &'a str,
    /// Whom it runs as.
    pub(crate) user: &'a str,
    /// The program and its arguments.
    pub(crate) command: &'a str,
    /// More lines of `[Service]`.
    pub(crate) lines: &'a str,
    /// How long it may take to say that it is ready, in seconds.
    pub(crate) start_s: u32,
    /// How long to wait before it is started again, in seconds.
    pub(crate) again_s: u32,
}

/// What every service of ours gives up. Not `MemoryDenyWriteExecute`: modules become machine code.
/// Not `ProtectClock` and `PrivateDevices`: they take the board's buses away. Not
/// `ProtectKernelTunables`: power switches of USB ports are files under /sys.
const HARDENING: &str = "\
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
UMask=0077
";

/// How long a service may say nothing before it is taken for hung. A card that writes can keep a
/// program waiting for half of that.
const WATCHDOG_S: u32 = 60;

impl Service<'_> {
    /// The unit, after its first line.
    pub(crate) fn text(&self, mark: &str) -> String {
        let Self { description, after, unit, user, command, lines, start_s, again_s } = self;
        format!(
            "{mark}[Unit]\nDescription=Bramble: {description}\nWants={after}\nAfter={after}\n{unit}\
             # What stops is started again for as long as it takes.\n\
             StartLimitIntervalSec=0\n\n\
             [Service]\nType=notify\nWatchdogSec={WATCHDOG_S}\nTimeoutStartSec={start_s}\n\
             User={user}\nGroup={user}\nExecStart={command}\n{lines}\
             Restart=always\nRestartSec={again_s}\nTimeoutStopSec=60\nKillMode=mixed\n{HARDENING}\n\
             [Install]\nWantedBy=multi-user.target\n"
        )
    }
}

/// The head's unit for [`crate::HeadPlan`]. A long journal is read before it is ready.
pub(crate) fn head<'a>(description: &'a str, user: &'a str, command: &'a str) -> Service<'a> {
    Service {
        description,
        after: "network-online.target",
        unit: "",
        user,
        command,
        lines: "",
        start_s: 600,
        again_s: 2,
    }
}

/// The agent's unit. A head that is away is no fault of it: it is ready all the same.
pub(crate) fn agent<'a>(description: &'a str, user: &'a str, command: &'a str) -> Service<'a> {
    Service {
        description,
        after: "network-online.target",
        unit: "",
        user,
        command,
        lines: "",
        start_s: 180,
        again_s: 5,
    }
}

/// Lines of an agent's service in any case.
pub(crate) const AGENT_LINES: &str = "\
StateDirectory=bramble-agent
StateDirectoryMode=0700
# A task that takes too much memory is not the agent's end.
OOMPolicy=continue
";

/// A file of a package, from the root of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Whether a package can make a head of a machine, or a node alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packaged {
    /// Head and node.
    Everything,
    /// A node.
    Agent,
}

const PACKAGED_MARK: &str = "\
# Part of the package. `systemctl edit` changes it; `bramble setup` writes one that goes before it.
";

/// What the package of `kind` brings beside the program: units, the user, settings. Nothing of it
/// starts by itself.
pub fn packaged(kind: Packaged) -> Vec<PackagedFile> {
    let file = |path: &str, text: String| PackagedFile { path: Path::new(path).into(), text };
    // As set-up has it by default, so that one does not disturb the other.
    let defaults = crate::HeadOptions::default();
    let (user, uid) = (defaults.user.as_str(), defaults.uid);
    let groups = ["gpio", "i2c", "video", "dialout"];
    let users = users_text(PACKAGED_MARK, user, uid, "/var/lib/bramble-agent", &groups);
    let mut files = vec![
        file("/usr/lib/sysusers.d/bramble.conf", users),
        file("/usr/lib/systemd/system/bramble-agent.service", packaged_agent(user)),
        file("/etc/default/bramble-agent", AGENT_SETTINGS.into()),
    ];
    if kind == Packaged::Everything {
        files.push(file("/usr/lib/systemd/system/bramble-head.service", packaged_head(user)));
        files.push(file("/etc/default/bramble-head", HEAD_SETTINGS.into()));
    }
    files
}

fn packaged_head(user: &str) -> String {
    let lines = "Environment=BRAMBLE_DATA=/var/lib/bramble-head\n\
                 EnvironmentFile=-/etc/default/bramble-head\n\
                 StateDirectory=bramble-head\nStateDirectoryMode=0700\n";
    let command = "/usr/bin/bramble head $HEAD_OPTIONS";
    let service = head("the head of a cluster", user, command);
    Service { unit: "Documentation=man:bramble-head(1)\n", lines, ..service }.text(PACKAGED_MARK)
}

fn packaged_agent(user: &str) -> String {
    let lines = format!(
        "EnvironmentFile=-/etc/default/bramble-agent\n{AGENT_LINES}\
         # Settings that cannot be right do not become so by another start.\n\
         RestartPreventExitStatus=2\n"
    );
    let command = "/usr/bin/bramble agent --data /var/lib/bramble-agent $AGENT_OPTIONS";
    let service = agent("a node", user, command);
    Service { unit: "Documentation=man:bramble-agent(1)\n", lines: &lines, ..service }
        .text(PACKAGED_MARK)
}

const HEAD_SETTINGS: &str = "\
# Settings of bramble-head.service: see bramble-head(1). After a change:
#   systemctl restart bramble-head
# For nodes to reach the head, it has to listen to more than this machine: --listen 0.0.0.0:8420
HEAD_OPTIONS=\"--listen 127.0.0.1:8420\"
#BRAMBLE_LOG=info
";

const AGENT_SETTINGS: &str = "\
# Settings of bramble-agent.service: see bramble-agent(1). Without --head it does not start.
# A token to join by, made on the head by `bramble nodes token`, is to be the agent's own file:
#   install -o bramble -g bramble -m 600 join.token /etc/bramble/join.token
#AGENT_OPTIONS=\"--head 10.66.0.1:8420 --join-file /etc/bramble/join.token\"
AGENT_OPTIONS=\"\"
#BRAMBLE_LOG=info
";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Packaged, name: &str) -> Option<String> {
        packaged(kind).into_iter().find(|file| file.path.ends_with(name)).map(|file| file.text)
    }

    #[test]
    fn packages_give_up_what_set_up_gives_up_and_are_watched_alike() {
        for name in ["bramble-head.service", "bramble-agent.service"] {
            let unit = text(Packaged::Everything, name).unwrap();
            assert!(unit.contains(HARDENING) && unit.contains("\nType=notify\n"), "{unit}");
            assert!(unit.contains(&format!("\nWatchdogSec={WATCHDOG_S}\n")), "{unit}");
        }
    }

    #[test]
    fn a_nodes_package_has_no_head() {
        assert_eq!(text(Packaged::Agent, "bramble-head.service"), None);
        assert_eq!(text(Packaged::Agent, "bramble-head"), None);
        assert!(text(Packaged::Agent, "bramble-agent.service").is_some());
    }

    #[test]
    fn settings_as_they_come_let_nobody_in_from_outside() {
        let settings = text(Packaged::Everything, "default/bramble-head").unwrap();
        assert!(settings.contains("\nHEAD_OPTIONS=\"--listen 127.0.0.1:8420\"\n"), "{settings}");
    }
}
