//! A real `snmpd` asks the example, and `snmpget`, `snmpwalk` and `snmpset` ask that.
//!
//! Skipped, with a word, where `snmpd` or `snmpwalk` is not installed (`apt-get install snmpd snmp`).

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests")]

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BASE: &str = ".1.3.6.1.4.1.8072.9999.9999";
/// Emulated machines are slow.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// A running `snmpd`, which ends with this.
struct Snmpd {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tool(name: &str) -> Option<PathBuf> {
    let dirs = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    dirs.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

/// Cargo builds examples beside tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples/snmp_pass");
    let built = "build it with `cargo build -p bramble-displays --example snmp_pass`";
    assert!(path.is_file(), "{} is missing: {built}", path.display());
    path
}

fn start(base: &str) -> Option<Snmpd> {
    let (Some(snmpd), Some(_)) = (tool("snmpd"), tool("snmpwalk")) else {
        eprintln!("skipped: there is no snmpd or no snmpwalk; `apt-get install snmpd snmp`");
        return None;
    };
    let dir = tempfile::tempdir().unwrap();
    // Nobody takes the port in between but by a great chance.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "agentaddress udp:127.0.0.1:{port}\nrwcommunity lab 127.0.0.1\n\
         pass_persist {base} {} {base}\n",
        example().display()
    );
    let path = dir.path().join("snmpd.conf");
    std::fs::write(&path, config).unwrap();
    let child = Command::new(snmpd)
        .args(["-f", "-LE", "0-4", "-C", "-c"])
        .arg(&path)
        .env("SNMP_PERSISTENT_DIR", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let snmpd = Snmpd { child, port, _dir: dir };
    let deadline = Instant::now() + UP_WITHIN;
    while !snmpd.ask("snmpget", &[&format!("{base}.1.1.1.0")]).contains("0.1.0") {
        assert!(Instant::now() < deadline, "snmpd did not answer within {UP_WITHIN:?}");
    }
    Some(snmpd)
}

impl Snmpd {
    /// Asks with numbers alone, so that no MIB needs to be there; each question waits a second.
    fn ask(&self, program: &str, rest: &[&str]) -> String {
        let output = Command::new(tool(program).unwrap())
            .args(["-v2c", "-c", "lab", "-On", "-Oe", "-t", "1", "-r", "1", "-m", ""])
            .arg(format!("127.0.0.1:{}", self.port))
            .args(rest)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        String::from_utf8_lossy(&output.stdout).into_owned() + &error
    }

    fn get(&self, place: &str) -> String {
        let answer = self.ask("snmpget", &[&format!("{BASE}.{place}")]);
        let value = answer.trim().split_once(" = ").map(|(_, value)| value.to_owned());
        value.unwrap_or(answer)
    }
}

#[test]
fn a_real_snmpd_passes_on_each_type() {
    let Some(snmpd) = start(BASE) else { return };
    assert_eq!(snmpd.get("1.1.1.0"), "STRING: \"0.1.0\"");
    assert_eq!(snmpd.get("1.1.2.0"), "Gauge32: 3");
    assert_eq!(snmpd.get("1.2.1.3.2"), "INTEGER: 2");
    assert_eq!(snmpd.get("1.2.1.5.2"), "INTEGER: 61234");
    assert_eq!(snmpd.get("1.2.1.6.2"), format!("Gauge32: {}", 0x5_0005));
    assert_eq!(snmpd.get("1.2.1.12.2"), "Counter64: 5000000000");
    assert_eq!(snmpd.get("1.2.1.14.2"), "Counter64: 18446744073709551615");
    assert_eq!(snmpd.get("1.2.1.18.2"), "Timeticks: (8640000) 1 day, 0:00:00.00");
    let missing = snmpd.get("1.2.1.5.12");
    assert!(missing.starts_with("No Such"), "a node that is off has no temperature: {missing}");
    let set = snmpd.ask("snmpset", &[&format!("{BASE}.1.2.1.3.2"), "i", "1"]);
    assert!(set.contains("notWritable"), "{set}");
    assert_eq!(snmpd.get("1.2.1.3.2"), "INTEGER: 2", "and nothing changed");
}

#[test]
fn a_walk_and_a_bulk_walk_find_all_in_order() {
    let Some(snmpd) = start(BASE) else { return };
    let places = |program: &str| -> Vec<String> {
        let answer = snmpd.ask(program, &[BASE]);
        let place = |line: &str| line.split_once(" = ").map(|(place, _)| place.to_owned());
        answer.lines().filter_map(place).collect()
    };
    let walked = places("snmpwalk");
    // Ten scalars; seventeen columns of three nodes, without what the one that is off cannot tell.
    assert_eq!(walked.len(), 10 + 17 * 3 - 3, "{walked:?}");
    let names = [2, 3, 12].map(|index| format!("{BASE}.1.2.1.2.{index}"));
    assert_eq!(walked[10..13], names, "12 comes after 3");
    assert_eq!(places("snmpbulkwalk"), walked);
}

#[test]
fn another_place_in_the_tree_does_too() {
    let base = ".1.3.6.1.4.1.99999.7";
    let Some(snmpd) = start(base) else { return };
    let answer = snmpd.ask("snmpgetnext", &[base]);
    assert!(answer.contains(&format!("{base}.1.1.1.0 = STRING")), "{answer}");
}
