//! What runs on a node: the agent, the clock, who may sign in, the share.

use crate::head::users_file;
use crate::node::NodePlan;
use crate::plan::{Checker, Contents, OwnCheck, Planned, Reload, ShareMode};
use crate::text::{MARK, unit_of_path};
use crate::units::{self, AGENT_LINES, Service};

/// Where the token waits for the agent, which gets a copy from systemd.
const TOKEN: &str = "/etc/bramble/join.token";

/// All files of services, in the order in which they are needed.
pub(super) fn files(plan: &NodePlan) -> Vec<Planned> {
    let options = &plan.options;
    let mut files = vec![users_file(
        &options.user,
        options.uid,
        "/var/lib/bramble-agent",
        &["video", "i2c", "gpio"],
    )];
    files.extend([time(plan), journal()]);
    if !options.ssh_keys.is_empty() {
        files.extend([keys(plan), sshd()]);
    }
    files.extend(share(plan));
    files.extend(token(plan));
    files.push(agent(plan));
    files
}

fn time(plan: &NodePlan) -> Planned {
    Planned {
        path: "/etc/systemd/timesyncd.conf.d/bramble.conf".into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}[Time]\nNTP={}\n# A board starts years behind: ask soon again where nobody answers.\n\
             ConnectionRetrySec=10\n",
            plan.head_host
        )),
        checked_by: Checker::Own(OwnCheck::Sections),
        after: vec![Reload::Restart("systemd-timesyncd.service".into())],
        why: "the head is the node's clock".into(),
    }
}

fn journal() -> Planned {
    Planned {
        path: "/etc/systemd/journald.conf.d/bramble.conf".into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n"
        )),
        checked_by: Checker::Own(OwnCheck::Sections),
        after: vec![Reload::Restart("systemd-journald.service".into())],
        why: "logs stay in memory: cards wear out, and break when power is cut during a write"
            .into(),
    }
}

fn keys(plan: &NodePlan) -> Planned {
    let options = &plan.options;
    let mut text = MARK.to_owned();
    for key in &options.ssh_keys {
        text.push_str(key.trim());
        text.push('\n');
    }
    Planned {
        path: format!("/etc/ssh/bramble-keys/{}", options.ssh_user).into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::Own(OwnCheck::Keys),
        after: Vec::new(),
        why: format!("whose keys let them sign in as {}", options.ssh_user),
    }
}

fn sshd() -> Planned {
    Planned {
        path: "/etc/ssh/sshd_config.d/50-bramble.conf".into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}# The users' own files still count.\n\
             AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 /etc/ssh/bramble-keys/%u\n"
        )),
        checked_by: Checker::Sshd,
        after: vec![Reload::Restart("ssh.service".into())],
        why: "keys are taken from a place outside of people's home directories, too".into(),
    }
}

/// Mounted when it is first looked at, so that no node waits for the head to start. Soft, because
/// every object is checked against its digest, and a write that fails is told to the agent when it
/// syncs. `lookupcache=positive`: objects appear all the time, and the kernel would remember for up to
/// a minute that there was none.
fn share(plan: &NodePlan) -> Vec<Planned> {
    let options = &plan.options;
    let Some(share) = &options.share else { return Vec::new() };
    let (unit, path, head) = (unit_of_path(share), share.display(), &plan.head_host);
    let mode = options.share_mode.option();
    let mount = format!(
        "{MARK}[Unit]\nDescription=Bramble: the head's objects\n\
         After=network-online.target\nWants=network-online.target\n\n\
         [Mount]\nWhat={head}:{path}\nWhere={path}\nType=nfs4\n\
         Options={mode},vers=4.2,softerr,timeo=50,retrans=2,lookupcache=positive,noatime,nosuid,nodev,noexec,_netdev\n\
         TimeoutSec=20\n"
    );
    let automount = format!(
        "{MARK}[Unit]\nDescription=Bramble: the head's objects, when they are looked at\n\n\
         [Automount]\nWhere={path}\nTimeoutIdleSec=0\n\n\
         [Install]\nWantedBy=multi-user.target\n"
    );
    let planned = |ending: &str, text: String, after: Vec<Reload>, why: &str| Planned {
        path: format!("/etc/systemd/system/{unit}.{ending}").into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::SystemdAnalyze,
        after,
        why: why.into(),
    };
    let enable = Reload::Enable(format!("{unit}.automount"));
    vec![
        planned("mount", mount, vec![Reload::Units], "the head's objects"),
        planned(
            "automount",
            automount,
            vec![Reload::Units, enable],
            "mounts them when they are looked at, and not before: a head that is away delays nothing",
        ),
    ]
}

fn token(plan: &NodePlan) -> Option<Planned> {
    let token = plan.options.join_token.clone()?;
    Some(Planned {
        path: TOKEN.into(),
        mode: 0o600,
        contents: Contents::Secret(token),
        checked_by: Checker::Own(OwnCheck::Token),
        after: Vec::new(),
        why: "lets the node join once; from then on it has a key of its own".into(),
    })
}

fn agent(plan: &NodePlan) -> Planned {
    let options = &plan.options;
    let mut command = format!(
        "{program} agent --head {head} --name {name} --data /var/lib/bramble-agent",
        program = options.program.display(),
        head = options.head,
        name = options.name,
    );
    let mut lines = String::new();
    let mut after = String::from("network-online.target");
    if let Some(slots) = options.slots {
        command.push_str(&format!(" --slots {slots}"));
    }
    if let Some(share) = &options.share {
        let flag = match options.share_mode {
            ShareMode::ReadOnly => "--share",
            ShareMode::Writable => "--store",
        };
        command.push_str(&format!(" {flag} {}", share.display()));
        after.push_str(&format!(" {}.automount", unit_of_path(share)));
    }
    if options.join_token.is_some() {
        command.push_str(" --join-file %d/join.token");
        lines.push_str(&format!("LoadCredential=join.token:{TOKEN}\n"));
    }
    lines.push_str(AGENT_LINES);
    let description = format!("the node {}", options.name);
    let service = Service {
        after: &after,
        lines: &lines,
        ..units::agent(&description, &options.user, &command)
    };
    let text = service.text(MARK);
    Planned {
        path: "/etc/systemd/system/bramble-agent.service".into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::SystemdAnalyze,
        after: vec![Reload::Units, Reload::Enable("bramble-agent.service".into())],
        why: "the node works from the machine's start on, and starts again when it fails".into(),
    }
}
