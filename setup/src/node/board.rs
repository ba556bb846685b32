//! What makes a board a node: its name, its firmware's settings, its link to the head.

use crate::Mac;
use crate::edits::Edit;
use crate::node::{Link, NodePlan};
use crate::plan::{Checker, Contents, OwnCheck, Planned, Reload};
use crate::text::{MARK, uuid};

/// Where the script for the USB link is.
const GADGET: &str = "/usr/local/lib/bramble/gadget";

/// All files of the board, in the order in which they are needed.
pub(super) fn files(plan: &NodePlan) -> Vec<Planned> {
    let mut files = names(plan).to_vec();
    files.extend(firmware(plan));
    match &plan.options.link {
        Link::Slot(slot) => {
            files.extend([gadget_rule(), gadget_script(*slot), gadget_unit()]);
            files.push(link(plan, "usb0"));
        }
        Link::Interface(interface) => files.push(link(plan, interface)),
    }
    files
}

fn edited(path: String, edit: Edit, why: &str) -> Planned {
    Planned {
        path: path.into(),
        mode: 0o644,
        contents: Contents::Edit(edit),
        checked_by: Checker::Own(OwnCheck::Edit),
        after: vec![Reload::Reboot],
        why: why.into(),
    }
}

fn names(plan: &NodePlan) -> [Planned; 2] {
    let name = &plan.options.name;
    [
        edited("/etc/hostname".into(), Edit::Hostname(name.clone()), "the node's name"),
        edited(
            "/etc/hosts".into(),
            Edit::Hosts(name.clone()),
            "the node knows itself by its new name; without, sudo waits for a name server",
        ),
    ]
}

fn firmware(plan: &NodePlan) -> Vec<Planned> {
    let Some(boot) = &plan.options.boot else { return Vec::new() };
    let mut files = Vec::new();
    if matches!(plan.options.link, Link::Slot(_)) {
        files.push(edited(
            format!("{}/config.txt", boot.display()),
            Edit::ConfigTxt(vec!["dtoverlay=dwc2,dr_mode=peripheral".into()]),
            "the USB port is a device's and not a host's, so that the head sees the board",
        ));
    }
    let words = ["psi=1", "cgroup_enable=memory"].map(str::to_owned).to_vec();
    files.push(edited(
        format!("{}/cmdline.txt", boot.display()),
        Edit::CmdlineTxt(words),
        "the kernel measures how long work waits, and limits memory; both are off as it comes",
    ));
    files
}

fn gadget_rule() -> Planned {
    Planned {
        path: "/etc/udev/rules.d/86-bramble-gadget.rules".into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}# Rule 85 of NetworkManager leaves USB links of boards alone; this one comes after it.\n\
             SUBSYSTEM==\"net\", ENV{{DEVTYPE}}==\"gadget\", ENV{{NM_UNMANAGED}}=\"0\"\n"
        )),
        checked_by: Checker::Udevadm,
        after: vec![Reload::Udev],
        why: "NetworkManager looks after the USB link".into(),
    }
}

/// Vendor, product, names and addresses are those of the vendor's images, so that heads made by
/// these know the node.
fn gadget_script(slot: u8) -> Planned {
    let (node, head) = (Mac::of_gadget(slot), Mac::of_gadget_on_head(slot));
    let text = format!(
        r#"#!/bin/sh
{MARK}# Shows the head a network link and a console over USB, always with the same addresses: by
# itself, the kernel makes up new ones at each start.
set -eu
gadget=/sys/kernel/config/usb_gadget/bramble

stop() {{
    [ -d "$gadget" ] || return 0
    echo "" > "$gadget/UDC" || true
    rm -f "$gadget/configs/c.1/ncm.usb0" "$gadget/configs/c.1/acm.gs0"
    for dir in configs/c.1/strings/0x409 configs/c.1 functions/ncm.usb0 functions/acm.gs0 strings/0x409; do
        [ ! -d "$gadget/$dir" ] || rmdir "$gadget/$dir"
    done
    rmdir "$gadget"
}}

start() {{
    modprobe libcomposite
    stop
    mkdir -p "$gadget/strings/0x409" "$gadget/configs/c.1/strings/0x409"
    cd "$gadget"
    echo 0x3171 > idVendor
    echo 0x0021 > idProduct
    echo {slot} > strings/0x409/serialnumber
    echo 8086 > strings/0x409/manufacturer
    echo ClusterCTRL > strings/0x409/product
    echo bramble > configs/c.1/strings/0x409/configuration
    mkdir functions/ncm.usb0 functions/acm.gs0
    echo {head} > functions/ncm.usb0/host_addr
    echo {node} > functions/ncm.usb0/dev_addr
    ln -s "$gadget/functions/ncm.usb0" "$gadget/functions/acm.gs0" configs/c.1/
    tries=0
    until controller=$(ls /sys/class/udc) && [ -n "$controller" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 50 ]; then
            echo "no USB device controller: is dtoverlay=dwc2,dr_mode=peripheral in config.txt?" >&2
            exit 1
        fi
        sleep 0.2
    done
    echo "$controller" | head -n 1 > UDC
}}

case "${{1:-}}" in
start | stop) "$1" ;;
*)
    echo "use: $0 start|stop" >&2
    exit 2
    ;;
esac
"#
    );
    Planned {
        path: GADGET.into(),
        mode: 0o755,
        contents: Contents::Whole(text),
        checked_by: Checker::Shell,
        after: vec![Reload::Reboot],
        why: format!("shows the head a network link and a console over USB, as board {slot}"),
    }
}

fn gadget_unit() -> Planned {
    Planned {
        path: "/etc/systemd/system/bramble-gadget.service".into(),
        mode: 0o644,
        contents: Contents::Whole(format!(
            "{MARK}[Unit]\nDescription=Bramble: the USB link to the head\n\
             After=local-fs.target sys-kernel-config.mount\n\
             Wants=sys-kernel-config.mount\nBefore=network-pre.target\nWants=network-pre.target\n\n\
             [Service]\nType=oneshot\nRemainAfterExit=yes\n\
             ExecStart={GADGET} start\nExecStop={GADGET} stop\n\
             Restart=on-failure\nRestartSec=5\nTimeoutStartSec=60\n\n\
             [Install]\nWantedBy=multi-user.target\n"
        )),
        checked_by: Checker::SystemdAnalyze,
        // Before the firmware has made the port a device's, starting it would fail.
        after: vec![
            Reload::Units,
            Reload::EnableForBoot("bramble-gadget.service".into()),
            Reload::Reboot,
        ],
        why: "makes the USB link at each start".into(),
    }
}

fn link(plan: &NodePlan, interface: &str) -> Planned {
    let text = format!(
        "{MARK}[connection]\nid=bramble-link\nuuid={}\ntype=ethernet\nautoconnect-priority=100\n\
         autoconnect-retries=0\ninterface-name={interface}\n\n\
         # The head may be away for long: an address is asked for without end.\n\
         [ipv4]\nmethod=auto\ndhcp-timeout=2147483647\nroute-metric=50\n\n\
         [ipv6]\nmethod=link-local\n",
        uuid(&plan.options.name, "link"),
    );
    Planned {
        path: "/etc/NetworkManager/system-connections/bramble-link.nmconnection".into(),
        mode: 0o600,
        contents: Contents::Whole(text),
        checked_by: Checker::Nmcli,
        after: vec![Reload::Networks],
        why: format!("{interface} gets its address from the head, however long that takes"),
    }
}
