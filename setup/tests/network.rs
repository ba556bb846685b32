//! The generated network, brought up: a head, two nodes and an internet in namespaces of their own,
//! with real dnsmasq and nftables reading the files that the plan has.
//!
//! Needs root and `ip netns`; says so where it cannot run.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bramble_setup::{Contents, Planned};
use common::cluster_hat_head;

const TIME_MAX: Duration = Duration::from_secs(20);

/// Namespaces and servers, all gone when it is dropped.
struct Lab {
    prefix: String,
    names: Vec<&'static str>,
    servers: Vec<Child>,
    dir: tempfile::TempDir,
}

impl Drop for Lab {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        for name in &self.names {
            let _ = run(&["ip", "netns", "del", &format!("{}{name}", self.prefix)]);
        }
    }
}

fn run(command: &[&str]) -> Result<String, String> {
    let output = Command::new(command[0]).args(&command[1..]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", command[0]))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{}: {}{}", command.join(" "), text(&output.stderr), text(&output.stdout)))
    }
}

impl Lab {
    fn new(names: &[&'static str]) -> Result<Self, String> {
        let prefix = format!("bl{}-", std::process::id());
        let dir = tempfile::tempdir().unwrap();
        let mut lab = Self { prefix, names: Vec::new(), servers: Vec::new(), dir };
        for name in names {
            run(&["ip", "netns", "add", &lab.name(name)])?;
            lab.names.push(name);
            lab.ip(name, "link set lo up");
        }
        Ok(lab)
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn ip(&self, name: &str, rest: &str) {
        let name = self.name(name);
        let command: Vec<&str> = ["ip", "-n", &name].into_iter().chain(rest.split(' ')).collect();
        run(&command).unwrap();
    }

    fn inside(&self, name: &str, command: &[&str]) -> Result<String, String> {
        let name = self.name(name);
        run(&[&["ip", "netns", "exec", &name], command].concat())
    }

    /// Starts a server that inherits neither output nor input.
    fn serve(&mut self, name: &str, command: &[&str]) {
        let name = self.name(name);
        let child = Command::new("ip")
            .args(["netns", "exec", &name])
            .args(command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.servers.push(child.unwrap());
    }

    /// Writes a planned file where a server can read it.
    fn file(&self, files: &[Planned], path: &str) -> String {
        let planned = files.iter().find(|file| file.path == Path::new(path)).unwrap();
        let Contents::Whole(text) = &planned.contents else { panic!("{path} is an edit") };
        let place = self.dir.path().join(Path::new(path).file_name().unwrap());
        fs::write(&place, text).unwrap();
        place.to_str().unwrap().to_owned()
    }
}

/// Tries until it works.
fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + TIME_MAX;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(why) if Instant::now() > deadline => panic!("{what}: {why}"),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("it needs root".into());
    }
    let tools = [["nft", "-v"], ["dnsmasq", "-v"], ["busybox", "true"], ["ip", "-V"]];
    tools.iter().find_map(|tool| run(tool).err())
}

/// A head with an uplink and links to two nodes, as a Cluster HAT makes them.
fn wire(lab: &Lab) {
    let inet = lab.name("inet");
    lab.ip("head", &format!("link add wlan0 type veth peer name wan0 netns {inet}"));
    lab.ip("inet", "addr add 198.51.100.1/24 dev wan0");
    lab.ip("inet", "addr add 192.168.77.1/24 dev wan0");
    lab.ip("inet", "link set wan0 up");
    lab.ip("head", "addr add 198.51.100.2/24 dev wlan0");
    lab.ip("head", "link set wlan0 up");
    lab.ip("head", "route add default via 198.51.100.1");
    lab.ip("head", "link add bramble0 type bridge");
    lab.ip("head", "addr add 10.66.0.1/24 dev bramble0");
    lab.ip("head", "link set bramble0 up");
    for (slot, node) in [(1, "n1"), (2, "n2")] {
        let netns = lab.name(node);
        lab.ip("head", &format!("link add ethpi{slot} type veth peer name usb0 netns {netns}"));
        lab.ip("head", &format!("link set ethpi{slot} master bramble0 up"));
        lab.ip(node, &format!("link set usb0 address 00:22:82:ff:ff:0{slot} up"));
    }
}

/// Asks for an address as a node does, and takes it.
fn lease(lab: &Lab, node: &str) -> String {
    let script = lab.dir.path().join("lease.sh");
    let text = "#!/bin/sh\n[ \"$1\" = bound ] || exit 0\nip addr add \"$ip/24\" dev usb0\n\
                ip route add default via $router\n\
                echo \"bound $ip router $router dns $dns ntp $ntpsrv domain $domain\"\n";
    let mut file = fs::File::create(&script).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    drop(file);
    run(&["chmod", "755", script.to_str().unwrap()]).unwrap();
    let script = script.to_str().unwrap();
    let ask =
        ["busybox", "udhcpc", "-i", "usb0", "-n", "-q", "-t", "3", "-s", script, "-O", "ntpsrv"];
    eventually("a lease", || {
        lab.inside(node, &ask).and_then(|said| match said.contains("bound") {
            true => Ok(said),
            false => Err(said),
        })
    })
}

#[test]
fn nodes_get_address_name_and_a_way_outside_from_the_generated_files() {
    if let Some(why) = missing() {
        println!("not run: {why}");
        return;
    }
    let files = cluster_hat_head().files();
    let mut lab = match Lab::new(&["inet", "head", "n1", "n2"]) {
        Ok(lab) => lab,
        Err(why) => {
            println!("not run: no network namespaces here: {why}");
            return;
        }
    };
    wire(&lab);
    lab.inside("head", &["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]).unwrap();
    let nft = lab.file(&files, "/etc/nftables.d/bramble.nft");
    lab.inside("head", &["nft", "-f", &nft]).unwrap();
    lab.inside("head", &["nft", "-f", &nft]).unwrap();
    let tables = lab.inside("head", &["nft", "list", "ruleset"]).unwrap();
    assert_eq!(tables.matches("masquerade").count(), 1, "loading it twice is loading it once");
    let dnsmasq = lab.file(&files, "/etc/dnsmasq.d/bramble.conf");
    let place = lab.dir.path().to_str().unwrap().to_owned();
    let options = ["-k", "-C", &dnsmasq, "--no-resolv", "--user=root"].map(str::to_owned).to_vec();
    let leases = format!("--dhcp-leasefile={place}/leases");
    let rest = [leases, "--pid-file=".into(), format!("--log-facility={place}/log")];
    let words: Vec<String> = [vec!["dnsmasq".into()], options, rest.to_vec()].concat();
    lab.serve("head", &words.iter().map(String::as_str).collect::<Vec<_>>());
    let first = lease(&lab, "n1");
    assert!(
        first.contains("bound 10.66.0.11 router 10.66.0.1 dns 10.66.0.1 ntp 10.66.0.1"),
        "{first}"
    );
    assert!(first.contains("domain bramble.internal"), "{first}");
    assert!(lease(&lab, "n2").contains("bound 10.66.0.12"));
    for (name, address) in [("head", "10.66.0.1"), ("p1", "10.66.0.11")] {
        let name = format!("{name}.bramble.internal");
        let ask = ["busybox", "nslookup", &name, "10.66.0.1"];
        let said = eventually("a name", || lab.inside("n2", &ask));
        assert!(said.contains(address), "{said}");
    }
    reaches(&mut lab);
}

/// What nodes may reach and what not.
fn reaches(lab: &mut Lab) {
    let hello = lab.dir.path().join("hello");
    fs::write(&hello, "hello").unwrap();
    let dir = lab.dir.path().to_str().unwrap().to_owned();
    let httpd = |address: &str| format!("busybox httpd -f -p {address} -h {dir}");
    for (name, address) in [
        ("inet", "198.51.100.1:80"),
        ("inet", "192.168.77.1:80"),
        ("head", "0.0.0.0:8420"),
        ("head", "0.0.0.0:2049"),
        ("head", "0.0.0.0:9999"),
        ("n2", "0.0.0.0:80"),
    ] {
        let command = httpd(address);
        lab.serve(name, &command.split(' ').collect::<Vec<_>>());
    }
    let get = |from: &str, url: &str| {
        let url = format!("http://{url}/hello");
        lab.inside(from, &["busybox", "timeout", "2", "busybox", "wget", "-q", "-O", "-", &url])
    };
    for (from, url) in [
        ("n1", "198.51.100.1"),
        ("n1", "10.66.0.1:8420"),
        ("n1", "10.66.0.1:2049"),
        ("n1", "10.66.0.12"),
        ("head", "10.66.0.12"),
        ("head", "192.168.77.1"),
        ("inet", "198.51.100.2:8420"),
        ("inet", "198.51.100.2:9999"),
    ] {
        assert_eq!(eventually(&format!("{from} gets {url}"), || get(from, url)), "hello");
    }
    // Each of these servers has just answered somebody, so what is refused here is refused by rule.
    for (from, url) in
        [("n1", "192.168.77.1"), ("n1", "10.66.0.1:9999"), ("inet", "198.51.100.2:2049")]
    {
        assert!(get(from, url).is_err(), "{from} must not get {url}");
    }
    let name = lab.name("inet");
    run(&["ip", "-n", &name, "route", "add", "10.66.0.0/24", "via", "198.51.100.2"]).unwrap();
    assert!(get("inet", "10.66.0.12").is_err(), "nobody outside begins a connection to a node");
    let mut log = String::new();
    let _ = fs::File::open(lab.dir.path().join("log")).map(|mut f| f.read_to_string(&mut log));
    assert!(!log.contains("failed"), "{log}");
}
