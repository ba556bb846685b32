//! A network that is cut between the head and a node, and mended: real, in network namespaces
//! that the test makes and nothing else is in.

use std::process::{Child, Command, Stdio};

use bramble_protocol::api::NodeView;
use bramble_tests::cluster::{Said, job, program, wait_for};
use bramble_tests::data;
use tempfile::TempDir;

/// The head's address in its namespace. Two of them are connected to nothing else.
const HEAD: &str = "10.213.77.1";
const URL: &str = "http://10.213.77.1:8420";

fn ip(args: &[&str]) -> bool {
    let status = Command::new("ip").args(args).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Two namespaces with a cable between them. Removed at the end, with all processes in them.
struct Cable {
    head: String,
    node: String,
}

impl Cable {
    /// `None` where this user may not; the test then says that it was skipped.
    fn lay() -> Option<Self> {
        let pid = std::process::id();
        let cable = Self { head: format!("brh{pid}"), node: format!("brn{pid}") };
        let (head, node) = (cable.head.as_str(), cable.node.as_str());
        let veth = ["link", "add", "cable", "netns", head, "type", "veth", "peer", "name"];
        let laid = ip(&["netns", "add", head])
            && ip(&["netns", "add", node])
            && ip(&[&veth[..], &["cable", "netns", node]].concat())
            && ip(&["-n", head, "addr", "add", &format!("{HEAD}/24"), "dev", "cable"])
            && ip(&["-n", node, "addr", "add", "10.213.77.2/24", "dev", "cable"])
            && ip(&["-n", head, "link", "set", "lo", "up"])
            && ip(&["-n", node, "link", "set", "lo", "up"])
            && ip(&["-n", head, "link", "set", "cable", "up"])
            && ip(&["-n", node, "link", "set", "cable", "up"]);
        if !laid {
            println!("SKIPPED: network namespaces need root and `ip`");
            return None;
        }
        Some(cable)
    }

    fn set(&self, state: &str) {
        assert!(ip(&["-n", &self.head, "link", "set", "cable", state]), "the cable is there");
    }

    /// A command of bramble in one of the namespaces.
    fn command(namespace: &str, dir: &TempDir, args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program()).args(args);
        command
            .env("BRAMBLE_CLUSTER", URL)
            .env("BRAMBLE_DATA", "data")
            .env("NO_COLOR", "1")
            .current_dir(dir.path());
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for namespace in [&self.head, &self.node] {
            ip(&["netns", "del", namespace]);
        }
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(namespace: &str, dir: &TempDir, log: &str, args: &[&str]) -> Process {
    let log = std::fs::File::create(dir.path().join(log)).expect("the directory is the test's");
    let mut command = Cable::command(namespace, dir, args);
    let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("`ip` was there before");
    Process(child)
}

#[test]
fn a_cut_network_costs_no_result_and_the_node_is_back_when_it_is_mended() {
    let Some(cable) = Cable::lay() else { return };
    let dir = TempDir::new().expect("a temporary directory can be made");
    let head = ["head", "--listen", "10.213.77.1:8420", "--data", "data"];
    let _head = start(&cable.head, &dir, "head.log", &head);
    let said = |args: &[&str]| -> Said {
        let output = Cable::command(&cable.head, &dir, args).output();
        output.expect("the binary can be started").into()
    };
    let states = || -> Vec<String> {
        let nodes: Vec<NodeView> =
            serde_json::from_slice(&said(&["nodes", "--json"]).stdout).unwrap_or_default();
        nodes.iter().map(|node| format!("{} {}", node.name, node.state.name())).collect()
    };
    wait_for("the head to listen", || (said(&["jobs"]).code == 0).then_some(()));
    let token = said(&["nodes", "token", "--uses", "2"]).ok().stdout;
    std::fs::write(dir.path().join("join.token"), token).expect("the directory is the test's");
    let url = URL.replacen("http", "https", 1);
    let agent = ["agent", "--head", &url, "--join-file", "join.token", "--slots", "1"];
    let near = [&agent[..], &["--name", "near", "--data", "near"]].concat();
    let far = [&agent[..], &["--name", "far", "--data", "far"]].concat();
    let _near = start(&cable.head, &dir, "near.log", &near);
    let _far = start(&cable.node, &dir, "far.log", &far);
    let alive = |count| {
        let states = states();
        let alive = states.iter().filter(|state| !state.ends_with("lost")).count();
        (alive == count).then_some(())
    };
    wait_for("both nodes to connect", || alive(2));

    let numbers = data::u64_bytes(12, 1_000_000);
    std::fs::write(dir.path().join("numbers.u64"), &numbers).expect("the directory is the test's");
    let module = job("merge-sort");
    let module = module.to_str().expect("a path of text");
    let args = ["submit", module, "--input", "numbers.u64", "--arg", "type=u64"];
    let id = said(&[&args[..], &["--chunk-size", "64k", "-d", "-q"]].concat()).ok().text();
    let id = id.trim();
    wait_for("the far node to work", || {
        let view = said(&["jobs", id, "--json"]).text();
        view.contains("\"far\"").then_some(())
    });
    cable.set("down");
    said(&["watch", id]).ok();
    wait_for("the far node to be given up", || alive(1));
    let result = said(&["get", id, "-o", "-"]).ok().stdout;
    assert!(result == data::sorted_u64_bytes(&numbers), "the result differs");

    cable.set("up");
    wait_for("the far node to come back", || alive(2));
    std::fs::write(dir.path().join("small.txt"), b"2\n1\n").expect("the directory is the test's");
    let small = ["submit", module, "--input", "small.txt", "--nodes", "far", "-o", "-"];
    assert_eq!(said(&small).ok().text(), "1\n2\n");
}
