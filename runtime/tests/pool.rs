//! Which process a task gets: never one that has worked for somebody else.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bramble_protocol::agent::Work;
use bramble_protocol::{JobId, Mode, ModuleKind};
use bramble_runtime::runner::Pool;
use rustix::process::{Pid, test_kill_process};
use support::{Bench, ECHO, program, trust, wat_command};

fn pool(bench: &Bench) -> Pool {
    let trust = Arc::new(OnceLock::from(trust()));
    Pool::new(program().to_owned(), bench.store.clone(), [61_184, 61_185], trust)
}

fn echo(bench: &Bench, job: u64, owner: Option<&str>) -> Work {
    let mut work = bench.work(wat_command(ECHO).as_bytes(), ModuleKind::Command, &[b"x"]);
    work.task.job = JobId(job);
    work.owner = owner.map(str::to_owned);
    work
}

/// Runs a task and says which process it ran in.
fn run(pool: &mut Pool, bench: &Bench, work: &Work) -> u32 {
    let mut process = pool.take(work).unwrap();
    let id = process.id();
    let finished = process.run(work);
    assert_eq!(finished.outcome.slug(), "succeeded", "{:?}", finished.outcome);
    bench.store.commit(finished.staged).unwrap();
    pool.put(work, process);
    id
}

/// Waits for what must be so soon.
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_gone(id: u32) -> bool {
    test_kill_process(Pid::from_raw(id.cast_signed()).unwrap()).is_err()
}

#[test]
fn a_process_serves_one_job_or_one_owner_in_one_mode() {
    let bench = Bench::new();
    let mut pool = pool(&bench);
    let first = run(&mut pool, &bench, &echo(&bench, 1, None));
    assert_eq!(run(&mut pool, &bench, &echo(&bench, 1, None)), first);
    let second = run(&mut pool, &bench, &echo(&bench, 2, None));
    assert_ne!(second, first);
    soon("what is left of a job goes with its process", || is_gone(first));
    let mine = run(&mut pool, &bench, &echo(&bench, 2, Some("me")));
    assert_ne!(mine, second);
    assert_eq!(run(&mut pool, &bench, &echo(&bench, 3, Some("me"))), mine);
    let theirs = run(&mut pool, &bench, &echo(&bench, 3, Some("you")));
    assert_ne!(theirs, mine);
    let mut verified = echo(&bench, 3, Some("you"));
    verified.mode = Mode::Verify;
    assert_ne!(pool.take(&verified).unwrap().id(), theirs);
    soon("the other mode's process is gone", || is_gone(theirs));
}

#[test]
fn a_spare_process_serves_the_next_owner_and_nobody_before() {
    let bench = Bench::new();
    let mut pool = pool(&bench);
    let mine = run(&mut pool, &bench, &echo(&bench, 1, Some("me")));
    pool.stock_up();
    pool.stock_up();
    let before = children();
    assert_eq!(before.len(), 3, "the bench's own, the bound one and the spare one");
    let theirs = run(&mut pool, &bench, &echo(&bench, 2, Some("you")));
    assert_ne!(theirs, mine);
    assert!(before.contains(&theirs), "it was there already");
    pool.stock_up();
    pool.clear();
    soon("only the bench's own is left", || children() == [bench.sandbox.id()]);
}

/// Processes that this one has started, without those of tests beside it.
fn children() -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let lists = tasks.filter_map(|task| {
        let path = task.unwrap().path();
        let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
        (path.file_name().unwrap().to_str() == Some(&thread))
            .then(|| std::fs::read_to_string(path.join("children")).unwrap())
    });
    let all: String = lists.collect();
    all.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

/// Descriptors and mapped memory of this process, and files in its stores.
fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn two_hundred_tasks_leave_nothing_behind() {
    let bench = Bench::new();
    let mut pool = pool(&bench);
    let flood = wat_command(
        r#"(func (export "_start")
          (loop $on (call $put (i32.const 1) (i32.const 0) (i32.const 65536)) (br $on)))"#,
    );
    let mut flood = bench.work(flood.as_bytes(), ModuleKind::Command, &[b""]);
    flood.limits.output_bytes_max = Some(1 << 20);
    let works: Vec<Work> = (1..=4).map(|job| echo(&bench, job, None)).collect();
    run(&mut pool, &bench, &works[0]);
    let mut runner_files = None;
    for round in 0..200 {
        let work = &works[round / 50];
        let id = run(&mut pool, &bench, work);
        if round % 10 == 0 {
            // One that ends in the midst of a long output.
            flood.task.job = work.task.job;
            let mut process = pool.take(&flood).unwrap();
            assert_eq!(process.run(&flood).outcome.slug(), "too-much-output");
            pool.put(&flood, process);
        }
        let files = std::fs::read_dir(format!("/proc/{id}/fd")).map(Iterator::count).ok();
        if round % 50 == 10 {
            runner_files = files;
        } else if round % 50 > 10 {
            assert_eq!(files, runner_files, "descriptors of the runner, round {round}");
        }
    }
    soon("one process is left", || children().len() == 2);
    pool.clear();
    soon("none but the bench's own is left", || children().len() == 1);
    assert_eq!(bench.staged_files(), 0);
    // Other tests of this process open files as well, for a while.
    soon("descriptors are closed", || open_files() <= 60);
}
