//! Plans: what is refused, and the files of a typical Cluster HAT, held against those in `golden`.
//!
//! After a change that is meant: `BRAMBLE_GOLDEN=write cargo test -p bramble-setup --test plans`,
//! and read the difference.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

mod common;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use bramble_setup::{
    Contents, HeadOptions, HeadPlan, Link, Moment, NodeEntry, NodeOptions, NodePlan, Planned,
    Problem, ShareMode, Verdict, Wired, check, check_all, user_problem,
};
use common::{cluster_hat_head, cluster_hat_node, node};

fn shown(files: &[Planned]) -> String {
    let mut text = String::new();
    for file in files {
        let after: Vec<String> = file.after.iter().map(ToString::to_string).collect();
        writeln!(text, "==> {} ({:o})", file.path.display(), file.mode).unwrap();
        writeln!(text, "    {}; then: {}\n", file.why, after.join(", ")).unwrap();
        match &file.contents {
            Contents::Whole(contents) => text.push_str(contents),
            Contents::Edit(edit) => writeln!(text, "    {}", edit.told()).unwrap(),
            Contents::Secret(_) => text.push_str("    (not shown)\n"),
        }
        text.push('\n');
    }
    text
}

fn golden(name: &str, files: &[Planned]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let now = shown(files);
    if std::env::var_os("BRAMBLE_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, &now).unwrap();
    }
    let then = fs::read_to_string(&path).unwrap();
    let differs = then.lines().zip(now.lines()).position(|(then, now)| then != now);
    assert!(then == now, "{name} differs from line {:?} on", differs.map(|line| line + 1));
}

#[test]
fn a_head_with_a_cluster_hat_gets_these_files() {
    golden("head.txt", &cluster_hat_head().files());
}

#[test]
fn a_node_on_a_cluster_hat_gets_these_files() {
    golden("node.txt", &cluster_hat_node().files());
}

#[test]
fn every_file_is_taken_by_its_own_tool() {
    let mut plans = vec![cluster_hat_head().files(), cluster_hat_node().files()];
    let wired = HeadOptions {
        inner: vec!["eth0".into(), "eth1".into()],
        nodes: vec![node("p1", Wired::Mac("b8:27:eb:00:00:01".parse().unwrap()))],
        only_known: true,
        reach_lan: true,
        share: None,
        ..HeadOptions::default()
    };
    plans.push(HeadPlan::new(wired).unwrap().files());
    let wired = NodeOptions {
        share: Some("/srv/my-store".into()),
        slots: Some(2),
        boot: None,
        ..NodeOptions::new("p9", Link::Interface("eth0".into()))
    };
    plans.push(NodePlan::new(wired).unwrap().files());
    let writable = HeadOptions {
        cluster_hat: true,
        share: Some(ShareMode::Writable),
        ..HeadOptions::default()
    };
    plans.push(HeadPlan::new(writable).unwrap().files());
    for checked in plans.iter().flat_map(|files| check_all(files)) {
        if let Verdict::NotChecked { why } = &checked.verdict {
            println!("not checked: {}: {why}", checked.path.display());
        }
        assert!(!checked.verdict.is_failure(), "{checked:?}");
    }
}

/// A copy of a planned file with one thing broken in it.
fn broken(files: &[Planned], path: &str, from: &str, to: &str) -> Planned {
    let mut file = files.iter().find(|file| file.path.ends_with(path)).unwrap().clone();
    let Contents::Whole(text) = &mut file.contents else { panic!("{path} is an edit") };
    assert!(text.contains(from), "{path} has no {from}");
    *text = text.replacen(from, to, 1);
    file
}

#[test]
fn what_is_broken_is_found_by_its_own_tool() {
    let head = cluster_hat_head().files();
    let node = cluster_hat_node().files();
    let cases = [
        (&head, "bramble.nft", "policy accept", "polcy accept"),
        (&head, "dnsmasq.d/bramble.conf", "dhcp-range=", "dhcp-rnge="),
        (&head, "bramble-bridge.nmconnection", "stp=false", "stq=false"),
        (&head, "bramble-bridge.nmconnection", "10.66.0.1/24", "10.66.0.1/240"),
        (&head, "bramble-head.service", "Restart=always", "Restart=allways"),
        (&head, "bramble-head.service", "[Install]", "[Instal]"),
        (&head, "chrony/conf.d/bramble.conf", "makestep", "makstep"),
        (&head, "50-bramble.conf", "HostName", "HostNome"),
        (&head, "sysusers.d/bramble.conf", "u bramble", "x bramble"),
        (&head, "tmpfiles.d/bramble.conf", "0700", "07x0"),
        (&head, "80-bramble.rules", "SYMLINK+=", "SYMLINQ+="),
        (&head, "bramble.exports", "(ro,", " (ro,"),
        (&head, "services/bramble.service", "</service>", "</servise>"),
        (&node, "sshd_config.d/50-bramble.conf", "AuthorizedKeysFile", "AuthorisedKeysFile"),
        (&node, "lib/bramble/gadget", "until ", "untill ("),
        (&node, "bramble-link.nmconnection", "method=auto", "method=automatic"),
        (&node, "srv-bramble-store.automount", "Where=/srv", "Where=srv"),
    ];
    for (files, path, from, to) in cases {
        let verdict = check(&broken(files, path, from, to));
        match verdict {
            Verdict::NotChecked { why } => println!("not checked: {path}: {why}"),
            Verdict::Failed { output, .. } => assert!(!output.is_empty(), "{path}"),
            Verdict::Passed { by } => panic!("{by} took {path} with {to}"),
        }
    }
}

#[test]
fn options_that_cannot_be_carried_out_are_all_told() {
    let problems = |options: HeadOptions| HeadPlan::new(options).unwrap_err().0;
    let hat = HeadOptions { cluster_hat: true, ..HeadOptions::default() };
    let options = HeadOptions {
        uplink: Some("eth0".into()),
        inner: vec!["eth0".into(), "eth0".into()],
        domain: "lab.local".into(),
        port: 53,
        data: "/etc".into(),
        ..hat.clone()
    };
    let found = problems(options);
    for expected in [
        Problem::UplinkInside("eth0".into()),
        Problem::InterfaceTwice("eth0".into()),
        Problem::DomainOfMdns,
        Problem::Port(53),
        Problem::PathOfSystem("/etc".into()),
    ] {
        assert!(found.contains(&expected), "{expected} is not among {found:?}");
    }
    assert_eq!(problems(HeadOptions::default()), [Problem::NoInside]);
    let with = |nodes: Vec<NodeEntry>| problems(HeadOptions { nodes, ..hat.clone() });
    let at = |name: &str, slot, address: [u8; 4]| NodeEntry {
        address: Some(address.into()),
        ..node(name, Wired::Slot(slot))
    };
    assert!(matches!(with(vec![node("P1", Wired::Slot(1))])[..], [Problem::Label { .. }]));
    assert!(matches!(with(vec![node("all", Wired::Slot(1))])[..], [Problem::Reserved(_)]));
    assert!(matches!(with(vec![node("head", Wired::Slot(1))])[..], [Problem::NameTwice(_)]));
    assert!(matches!(with(vec![node("p0", Wired::Slot(0))])[..], [Problem::Slot(0)]));
    let same = vec![at("p1", 1, [10, 66, 0, 9]), at("p2", 2, [10, 66, 0, 9])];
    assert!(matches!(with(same)[..], [Problem::AddressTwice(..)]));
    let twice = vec![node("p1", Wired::Slot(1)), node("p2", Wired::Slot(1))];
    assert!(matches!(with(twice)[..], [Problem::MacTwice(..)]));
    assert!(matches!(
        with(vec![at("p1", 1, [10, 67, 0, 9])])[..],
        [Problem::AddressOutside { .. }]
    ));
    assert!(matches!(
        with(vec![at("p1", 1, [10, 66, 0, 150])])[..],
        [Problem::AddressInPool { .. }]
    ));
    assert!(matches!(with(vec![at("p1", 1, [10, 66, 0, 1])])[..], [Problem::AddressTwice(..)]));
}

#[test]
fn nodes_without_an_address_get_one_that_nobody_has() {
    let taken = NodeEntry { address: Some([10, 66, 0, 11].into()), ..node("x", Wired::Slot(9)) };
    let mac = Wired::Mac("b8:27:eb:00:00:01".parse().unwrap());
    let options = HeadOptions {
        cluster_hat: true,
        nodes: vec![node("p1", Wired::Slot(1)), node("w", mac), node("p2", Wired::Slot(2)), taken],
        ..HeadOptions::default()
    };
    let plan = HeadPlan::new(options).unwrap();
    let mut addresses: Vec<_> = plan.addresses().map(|(_, address)| address).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 4);
}

#[test]
fn what_needs_the_next_start_is_not_started_before() {
    let files = cluster_hat_node().files();
    let commands: Vec<_> = files
        .iter()
        .flat_map(|file| &file.after)
        .flat_map(|reload| reload.commands(Moment::Applied))
        .filter(|command| command.contains(&"bramble-gadget.service".to_owned()))
        .collect();
    assert_eq!(commands, [["systemctl", "enable", "bramble-gadget.service"]]);
}

#[test]
fn a_number_that_somebody_else_has_is_told() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(user_problem(root.path(), "bramble", 842), None, "no list of users, no conflict");
    fs::create_dir(root.path().join("etc")).unwrap();
    let passwd = "root:x:0:0::/root:/bin/sh\nother:x:842:842::/:/bin/false\nbroken\n";
    fs::write(root.path().join("etc/passwd"), passwd).unwrap();
    assert_eq!(user_problem(root.path(), "bramble", 843), None);
    let problem = user_problem(root.path(), "bramble", 842).unwrap();
    assert!(problem.to_string().contains("other"), "{problem}");
    let problem = user_problem(root.path(), "other", 843).unwrap();
    assert!(problem.to_string().contains("842"), "{problem}");
}

#[test]
fn a_token_is_in_no_output() {
    let options =
        NodeOptions { join_token: Some(common::token()), ..NodeOptions::new("p1", Link::Slot(1)) };
    let files = NodePlan::new(options).unwrap().files();
    assert!(!format!("{files:?}{}", shown(&files)).contains(common::token().expose()));
    let bad = bramble_protocol::account::Hidden::new("brj_no".into());
    let options = NodeOptions { join_token: Some(bad), ..NodeOptions::new("p1", Link::Slot(1)) };
    assert_eq!(NodePlan::new(options).unwrap_err().0, [Problem::Token]);
}
