//! The head's network: a bridge for all links to nodes, names for them, the way outside.

use crate::HeadPlan;
use crate::Mac;
use crate::plan::{Checker, Contents, OwnCheck, Planned, Reload};
use crate::text::{MARK, bridge_address, uuid};

/// All files of the network, in the order in which they are needed.
pub(super) fn files(plan: &HeadPlan) -> Vec<Planned> {
    let mut files = vec![udev(plan), bridge(plan)];
    if plan.options.cluster_hat {
        files.push(gadgets(plan));
    }
    files.extend(plan.options.inner.iter().map(|interface| port(plan, interface)));
    files.extend([sysctl(), nftables(plan), nftables_unit(), dnsmasq(plan)]);
    files
}

/// Names for what a Cluster HAT shows the head, and rights for displays.
fn udev(plan: &HeadPlan) -> Planned {
    let mut text = MARK.to_owned();
    for node in &plan.nodes {
        let Some(slot) = node.slot else { continue };
        text.push_str(&format!(
            "\n# {}, in slot {slot}: its network link, and its console as /dev/ttypi{slot}\n\
             SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{{address}}==\"{}\", NAME=\"ethpi{slot}\"\n\
             SUBSYSTEM==\"tty\", ATTRS{{idVendor}}==\"3171\", ATTRS{{serial}}==\"{slot}\", \
             SYMLINK+=\"ttypi{slot}\"\n",
            node.name,
            Mac::of_gadget_on_head(slot),
        ));
    }
    text.push_str(
        "\n# Status lights (BlinkStick) and the buses of displays and power boards\n\
         SUBSYSTEM==\"hidraw\", ATTRS{idVendor}==\"20a0\", ATTRS{idProduct}==\"41e5\", \
         MODE=\"0660\", GROUP=\"gpio\"\n\
         SUBSYSTEM==\"i2c-dev\", MODE=\"0660\", GROUP=\"i2c\"\n\
         SUBSYSTEM==\"gpio\", KERNEL==\"gpiochip*\", MODE=\"0660\", GROUP=\"gpio\"\n",
    );
    Planned {
        path: "/etc/udev/rules.d/80-bramble.rules".into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::Udevadm,
        after: vec![Reload::Udev],
        why: "names for the links of a Cluster HAT, and rights for displays and power boards"
            .into(),
    }
}

/// A profile of NetworkManager, which refuses those that others may read.
fn profile(name: &str, text: String, why: String) -> Planned {
    Planned {
        path: format!("/etc/NetworkManager/system-connections/{name}.nmconnection").into(),
        mode: 0o600,
        contents: Contents::Whole(text),
        checked_by: Checker::Nmcli,
        after: vec![Reload::Networks],
        why,
    }
}

fn bridge(plan: &HeadPlan) -> Planned {
    let options = &plan.options;
    let text = format!(
        "{MARK}[connection]\nid=bramble-bridge\nuuid={}\ntype=bridge\ninterface-name={}\n\
         autoconnect-priority=100\n\n\
         [ethernet]\ncloned-mac-address={}\n\n\
         # One head, no loops: spanning tree would keep each node waiting for half a minute.\n\
         [bridge]\nstp=false\n\n\
         [ipv4]\nmethod=manual\naddress1={}\nnever-default=true\n\n\
         [ipv6]\nmethod=link-local\n",
        uuid(&options.cluster, "bridge"),
        options.bridge,
        bridge_address(&options.cluster).to_string().to_uppercase(),
        options.network,
    );
    profile(
        "bramble-bridge",
        text,
        "the network of the nodes, with the head's address in it".into(),
    )
}

fn gadgets(plan: &HeadPlan) -> Planned {
    let options = &plan.options;
    let text = format!(
        "{MARK}[connection]\nid=bramble-gadgets\nuuid={}\ntype=ethernet\n\
         autoconnect-priority=100\nmaster={}\nmulti-connect=3\nslave-type=bridge\n\n\
         [match]\ninterface-name=ethpi*;ethupi*;\n",
        uuid(&options.cluster, "gadgets"),
        uuid(&options.cluster, "bridge"),
    );
    let why = "every link of a Cluster HAT joins the nodes' network when it appears";
    profile("bramble-gadgets", text, why.into())
}

fn port(plan: &HeadPlan, interface: &str) -> Planned {
    let options = &plan.options;
    let text = format!(
        "{MARK}[connection]\nid=bramble-port-{interface}\nuuid={}\ntype=ethernet\n\
         autoconnect-priority=100\ninterface-name={interface}\nmaster={}\nslave-type=bridge\n",
        uuid(&options.cluster, &format!("port {interface}")),
        uuid(&options.cluster, "bridge"),
    );
    let why = format!("{interface} joins the nodes' network");
    let mut planned = profile(&format!("bramble-port-{interface}"), text, why);
    // It may be in use by a profile of somebody else, even by the connection that this is typed over.
    planned.after.push(Reload::Reboot);
    planned
}

fn sysctl() -> Planned {
    let path = "/etc/sysctl.d/60-bramble.conf";
    Planned {
        path: path.into(),
        mode: 0o644,
        contents: Contents::Whole(format!("{MARK}net.ipv4.ip_forward = 1\n")),
        checked_by: Checker::Own(OwnCheck::Sysctl),
        after: vec![Reload::Sysctl(path.into())],
        why: "the head passes on what nodes send outside".into(),
    }
}

/// One table of bramble's own. Others' tables are neither read nor flushed, so a firewall that is
/// there keeps its say: what it drops stays dropped.
fn nftables(plan: &HeadPlan) -> Planned {
    let options = &plan.options;
    let bridge = &options.bridge;
    let outside = match &options.uplink {
        Some(uplink) => format!("oifname \"{uplink}\""),
        None => format!("oifname != \"{bridge}\""),
    };
    let lan = if options.reach_lan {
        String::new()
    } else {
        format!(
            "    # Nodes run what others send them: no private network outside is theirs.\n    \
             iifname \"{bridge}\" ip daddr {{ 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }} \
             counter drop\n"
        )
    };
    let nfs = if options.share.is_some() { ", 2049" } else { "" };
    let text = format!(
        "{MARK}# Declared first, so that deleting it does not fail when there is none.\n\
         table inet bramble\ndelete table inet bramble\n\n\
         table inet bramble {{\n\
         \x20 chain input {{\n    type filter hook input priority filter; policy accept;\n\
         \x20   # The share is for nodes alone.\n\
         \x20   iifname != {{ \"lo\", \"{bridge}\" }} tcp dport 2049 counter drop\n\
         \x20   iifname != \"{bridge}\" accept\n\
         \x20   ct state established,related accept\n\
         \x20   # Addresses, names, time, discovery, the head itself and its share: nothing else.\n\
         \x20   udp dport {{ 53, 67, 123, 5353 }} accept\n\
         \x20   tcp dport {{ 53, {port}{nfs} }} accept\n\
         \x20   meta l4proto {{ icmp, ipv6-icmp }} accept\n\
         \x20   counter drop\n  }}\n\n\
         \x20 chain forward {{\n    type filter hook forward priority filter; policy accept;\n\
         \x20   # Where Docker has bridges filtered, what nodes say to each other comes by here.\n\
         \x20   iifname \"{bridge}\" oifname \"{bridge}\" accept\n\
         \x20   oifname \"{bridge}\" ct state established,related accept\n\
         \x20   # Nobody outside begins a connection to a node.\n\
         \x20   oifname \"{bridge}\" counter drop\n\
         {lan}\
         \x20   iifname \"{bridge}\" {outside} accept\n\
         \x20   iifname \"{bridge}\" counter drop\n  }}\n\n\
         \x20 chain postrouting {{\n    type nat hook postrouting priority srcnat;\n\
         \x20   ip saddr {network}/{length} oifname != \"{bridge}\" masquerade\n  }}\n}}\n",
        port = options.port,
        network = options.network.network(),
        length = options.network.length(),
    );
    Planned {
        path: "/etc/nftables.d/bramble.nft".into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::Nft,
        after: vec![Reload::Enable("bramble-nftables.service".into())],
        why: "nodes reach the outside through the head, and of the head only what they need".into(),
    }
}

fn nftables_unit() -> Planned {
    let text = format!(
        "{MARK}[Unit]\nDescription=Bramble: the nodes' way outside\n\
         # nftables.service flushes all tables when it starts: come after, and again with it.\n\
         After=nftables.service\nPartOf=nftables.service\nBefore=network-pre.target\n\
         Wants=network-pre.target\nDefaultDependencies=no\nAfter=local-fs.target\n\
         Conflicts=shutdown.target\nBefore=shutdown.target\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\n\
         ExecStart=/usr/sbin/nft -f /etc/nftables.d/bramble.nft\n\
         ExecReload=/usr/sbin/nft -f /etc/nftables.d/bramble.nft\n\
         ExecStop=/usr/sbin/nft delete table inet bramble\n\
         ProtectSystem=full\nProtectHome=yes\n\n\
         [Install]\nWantedBy=sysinit.target\n"
    );
    Planned {
        path: "/etc/systemd/system/bramble-nftables.service".into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::SystemdAnalyze,
        after: vec![Reload::Units, Reload::Enable("bramble-nftables.service".into())],
        why: "loads bramble's table by itself; /etc/nftables.conf stays as it is".into(),
    }
}

fn dnsmasq(plan: &HeadPlan) -> Planned {
    let options = &plan.options;
    let (first, last) = options.network.pool();
    let (domain, head) = (&options.domain, &options.head_name);
    let mut text = format!(
        "{MARK}\n# The nodes' network alone, whenever it appears. The head's own resolver keeps port 53\n\
         # on the other interfaces.\n\
         interface={bridge}\nexcept-interface=lo\nbind-dynamic\n\n\
         # Names inside are answered here and asked for nowhere else. The head's /etc/hosts is not\n\
         # read: there, its own name is 127.0.1.1.\n\
         domain={domain}\nlocal=/{domain}/\nno-hosts\ndomain-needed\nbogus-priv\n\
         host-record={head}.{domain},{head},{address}\n\n\
         dhcp-authoritative\ndhcp-range={first},{last},{mask},12h\n\
         # The head is the clock: 0.0.0.0 stands for its address.\n\
         dhcp-option=option:ntp-server,0.0.0.0\n\
         dhcp-option=option:domain-search,{domain}\n",
        bridge = options.bridge,
        address = options.network.head(),
        mask = options.network.mask(),
    );
    if options.only_known {
        text.push_str("# Unknown machines get no address.\ndhcp-ignore=tag:!known\n");
    }
    text.push('\n');
    for node in &plan.nodes {
        text.push_str(&format!("dhcp-host={},{},{}\n", node.mac, node.name, node.address));
    }
    Planned {
        path: "/etc/dnsmasq.d/bramble.conf".into(),
        mode: 0o644,
        contents: Contents::Whole(text),
        checked_by: Checker::Dnsmasq,
        after: vec![Reload::Restart("dnsmasq.service".into())],
        why: "gives nodes their addresses and names".into(),
    }
}
