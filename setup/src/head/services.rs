//! What runs on the head: the head itself, the share, the clock, and how it is found.

use crate::HeadPlan;
use crate::plan::{Checker, Contents, OwnCheck, Planned, Reload, ShareMode};
use crate::text::MARK;
use crate::units::{self, Service};

/// All files of services, in the order in which they are needed.
pub(super) fn files(plan: &HeadPlan) -> Vec<Planned> {
    let mut files = vec![users(plan), directories(plan)];
    if let Some(mode) = plan.options.share {
        files.extend([exports(plan, mode), nfs()]);
    }
    files.extend([chrony(plan), avahi(plan), ssh(plan), unit(plan)]);
    files
}

/// The user's number is the same everywhere, because NFS knows users by number.
pub(crate) fn users_file(user: &str, uid: u32, home: &str, groups: &[&str]) -> Planned {
    let text = users_text(MARK, user, uid, home, groups);
    let path = "/etc/sysusers.d/bramble.conf";
    Planned {
        path: path.into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::Sysusers,
        after: vec![Reload::Users(path.into())],
        why: format!("the user {user}, with rights to the board's buses and nothing else"),
    }
}

/// The user and the groups of a board's buses, after the file's first line.
pub(crate) fn users_text(mark: &str, user: &str, uid: u32, home: &str, groups: &[&str]) -> String {
    let mut text = format!("{mark}u {user} {uid} \"Bramble\" {home}\n");
    for group in groups {
        text.push_str(&format!("g {group} -\nm {user} {group}\n"));
    }
    text
}

fn users(plan: &HeadPlan) -> Planned {
    let options = &plan.options;
    users_file(
        &options.user,
        options.uid,
        &options.data.to_string_lossy(),
        &["gpio", "i2c", "video", "dialout"],
    )
}

fn directories(plan: &HeadPlan) -> Planned {
    let options = &plan.options;
    let (data, uid) = (options.data.display(), options.uid);
    let path = "/etc/tmpfiles.d/bramble.conf";
    Planned {
        path: path.into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}d {data} 0700 {uid} {uid} -\nd {data}/store 0700 {uid} {uid} -\n"
        )),
        checked_by: Checker::Tmpfiles,
        after: vec![Reload::Directories(path.into())],
        why: "the directory for jobs and objects".into(),
    }
}

/// Whoever asks is taken for the head's user, whose objects they are. So the
/// numbers of users on nodes do not matter.
/// What the export is called in file handles. Without it that is the disk's number, which may be
/// another after a start, and all that nodes have open is stale.
const FSID: u32 = 842;

fn exports(plan: &HeadPlan, mode: ShareMode) -> Planned {
    let options = &plan.options;
    let uid = options.uid;
    Planned {
        path: "/etc/exports.d/bramble.exports".into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}{data}/store {network}/{length}({mode},all_squash,anonuid={uid},anongid={uid},\
             no_subtree_check,fsid={FSID})\n",
            mode = mode.option(),
            data = options.data.display(),
            network = options.network.network(),
            length = options.network.length(),
        )),
        checked_by: Checker::Own(OwnCheck::Exports),
        after: vec![Reload::Exports],
        why: "nodes may use the objects on the head's disk, and nothing else of it".into(),
    }
}

fn nfs() -> Planned {
    Planned {
        path: "/etc/nfs.conf.d/bramble.conf".into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}[nfsd]\nvers3=n\n\
             # With the usual 90 seconds, nodes hang for as long after each start of the head.\n\
             grace-time=10\nlease-time=15\n"
        )),
        checked_by: Checker::Own(OwnCheck::Sections),
        after: vec![Reload::Restart("nfs-server.service".into())],
        why: "NFS version 4 only, and a short wait after the head has started".into(),
    }
}

fn chrony(plan: &HeadPlan) -> Planned {
    let network = plan.options.network;
    Planned {
        path: "/etc/chrony/conf.d/bramble.conf".into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}# Boards without a battery start years behind and need somebody to believe,\n\
             # even where there is no internet.\n\
             allow {}/{}\nlocal stratum 10\nmakestep 1 3\n",
            network.network(),
            network.length(),
        )),
        checked_by: Checker::Chronyd,
        after: vec![Reload::Restart("chrony.service".into())],
        why: "the head is the nodes' clock".into(),
    }
}

fn avahi(plan: &HeadPlan) -> Planned {
    let text = format!(
        "<?xml version=\"1.0\" standalone='no'?>\n\
         <!-- Written by `bramble setup`. `bramble setup undo` removes it. -->\n\
         <!DOCTYPE service-group SYSTEM \"avahi-service.dtd\">\n\
         <service-group>\n\
         \x20 <name replace-wildcards=\"yes\">Bramble {cluster} on %h</name>\n\
         \x20 <service>\n    <type>_bramble._tcp</type>\n    <port>{port}</port>\n\
         \x20   <txt-record>cluster={cluster}</txt-record>\n  </service>\n</service-group>\n",
        cluster = plan.options.cluster,
        port = plan.options.port,
    );
    Planned {
        path: "/etc/avahi/services/bramble.service".into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::Own(OwnCheck::Xml),
        // avahi-daemon watches its directory.
        after: Vec::new(),
        why: "people's machines find the head without knowing its address".into(),
    }
}

fn ssh(plan: &HeadPlan) -> Planned {
    let options = &plan.options;
    let mut text = MARK.to_owned();
    for node in &plan.nodes {
        text.push_str(&format!(
            "\nHost {name} {name}.{domain}\n    HostName {address}\n    User {user}\n",
            name = node.name,
            domain = options.domain,
            address = node.address,
            user = options.ssh_user,
        ));
    }
    text.push_str(&format!(
        "\n# A new board's key is believed once; a changed one never.\n\
         Match originalhost {names}\n    StrictHostKeyChecking accept-new\n    ConnectTimeout 10\n",
        names = match plan.nodes.as_slice() {
            [] => format!("*.{}", options.domain),
            nodes => nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(","),
        },
    ));
    Planned {
        path: "/etc/ssh/ssh_config.d/50-bramble.conf".into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::Ssh,
        after: Vec::new(),
        why: "`ssh p1` on the head leads to the node".into(),
    }
}

fn unit(plan: &HeadPlan) -> Planned {
    let options = &plan.options;
    let data = options.data.display();
    let description = format!("the head of the cluster {}", options.cluster);
    let command = format!(
        "{program} head --listen 0.0.0.0:{port} --data {data}",
        program = options.program.display(),
        port = options.port,
    );
    let service = Service {
        after: "network-online.target bramble-nftables.service",
        unit: &format!("RequiresMountsFor={data}\n"),
        lines: &format!("ReadWritePaths={data}\n"),
        ..units::head(&description, &options.user, &command)
    };
    let text = service.text(MARK);
    Planned {
        path: "/etc/systemd/system/bramble-head.service".into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::SystemdAnalyze,
        after: vec![Reload::Units, Reload::Enable("bramble-head.service".into())],
        why: "the head runs from the machine's start on, and starts again when it fails".into(),
    }
}
