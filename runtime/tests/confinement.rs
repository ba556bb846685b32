//! Native code in a runner that tries to get at the rest of the machine, and what is left of it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use bramble_protocol::{AttemptOutcome, ModuleKind, Wall};
use bramble_runtime::runner::RunnerProcess;
use support::{Bench, ECHO, program, trust, wat_command};

/// Keeps a runner that native code takes over at the named attempt.
struct Prison {
    bench: Bench,
    secret: std::path::PathBuf,
}

impl Prison {
    fn new() -> Self {
        let bench = Bench::new();
        let secret = bench.dir.path().join("key");
        std::fs::write(&secret, "the head's key").unwrap();
        Self { bench, secret }
    }

    fn attempt(&mut self, escape: &str) -> AttemptOutcome {
        let echo = wat_command(ECHO);
        let mut work = self.bench.work(echo.as_bytes(), ModuleKind::Command, &[b"x"]);
        let secret = self.secret.to_str().unwrap().to_owned();
        work.params.insert("secret".into(), secret);
        work.params.insert("parent".into(), std::process::id().to_string());
        work.params.insert("escape".into(), escape.into());
        self.bench.sandbox.run(&work).outcome
    }

    /// What came of an attempt that the runner survives.
    fn told(&mut self, escape: &str) -> String {
        match self.attempt(escape) {
            AttemptOutcome::GuestFailed { message, .. } => message,
            outcome => panic!("{escape}: {outcome:?}"),
        }
    }

    fn renew(&mut self) {
        self.bench.sandbox =
            RunnerProcess::start(program(), self.bench.store.clone(), Some(61_200), &trust())
                .unwrap();
    }

    /// Whether the wall stands here. One that does not makes its test say so and nothing else.
    fn has(&mut self, wall: Wall) -> bool {
        self.told("environment");
        let confinement = self.bench.sandbox.confinement().unwrap();
        if let Some((_, why)) = confinement.missing.iter().find(|(missing, _)| *missing == wall) {
            eprintln!("skipped: the wall `{}` is not to be had here: {why}", wall.name());
        }
        confinement.has(wall)
    }
}

#[test]
fn no_file_of_the_host_can_be_opened_or_even_seen() {
    let mut prison = Prison::new();
    if !prison.has(Wall::SystemCalls) && !prison.has(Wall::Files) {
        return;
    }
    assert_eq!(prison.told("files"), "opened [], made false, saw []");
    assert_eq!(std::fs::read_to_string(&prison.secret).unwrap(), "the head's key");
}

#[test]
fn there_is_nothing_to_find_in_the_process_itself() {
    let mut prison = Prison::new();
    assert_eq!(prison.told("environment"), "0 variables");
    // The socket, the empty standard output, its last words, and the input of the task.
    assert_eq!(prison.told("descriptors"), "4 descriptors");
    if prison.has(Wall::Limits) {
        // What is not root cannot raise what was lowered. Memory ends far below the machine's.
        prison.renew();
        if prison.has(Wall::OwnUser) {
            assert_eq!(prison.told("limits"), "raised []");
            assert_eq!(prison.told("user"), "user 61200");
        }
        let memory = prison.told("memory");
        let mib: u64 = memory.trim_end_matches(" MiB").parse().unwrap();
        assert!(mib <= 6 << 10, "{memory}");
    }
}

#[test]
fn whoever_tries_more_is_killed_and_costs_one_task() {
    let mut prison = Prison::new();
    if !prison.has(Wall::SystemCalls) {
        return;
    }
    let echo = prison.bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b"fine"]);
    for escape in [
        "connect",
        "listen",
        "udp",
        "unix",
        "kill",
        "thread",
        "directory",
        "remove",
        "fork",
        "exec",
        "ptrace",
        "peek",
        "thread-kill",
        "signal-queue",
        "pidfd",
        "other-limits",
        "root",
        "unshare",
        "mount",
        "ring",
        "bpf",
        "key",
        "dumpable",
    ] {
        let AttemptOutcome::NodeFault { message } = prison.attempt(escape) else {
            panic!("{escape} did not end as a node fault");
        };
        assert!(message.contains("SIGSYS"), "{escape}: {message}");
        assert!(!prison.bench.sandbox.is_alive());
        prison.renew();
    }
    let finished = prison.bench.sandbox.run(&echo);
    assert_eq!(prison.bench.outputs(finished), [b"fine"]);
    assert!(prison.secret.exists());
}

#[test]
fn the_walls_that_this_machine_offers_are_reported() {
    let mut prison = Prison::new();
    prison.renew();
    prison.told("environment");
    let confinement = prison.bench.sandbox.confinement().unwrap();
    assert!(confinement.has(Wall::NoNewPrivileges));
    assert!(confinement.has(Wall::Limits));
    assert_eq!(confinement.walls.len() + confinement.missing.len(), Wall::ALL.len());
    for (wall, why) in &confinement.missing {
        eprintln!("not to be had here: {}: {why}", wall.name());
    }
}

#[test]
fn a_compiler_is_shut_in_before_it_sees_the_module() {
    use std::os::unix::process::CommandExt;
    let mut child = std::process::Command::new(program())
        .args(["internal", "module", "inspect", "1000000000", "60"])
        .env_clear()
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let found = loop {
        // It waits for its module now, or will in a moment.
        let status = std::fs::read_to_string(&status).unwrap();
        let is_shut_in = status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1");
        if is_shut_in || std::time::Instant::now() > deadline {
            break is_shut_in;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    drop(child.stdin.take());
    child.wait().unwrap();
    let mut prison = Prison::new();
    assert!(found || !prison.has(Wall::SystemCalls));
}
