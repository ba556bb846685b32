//! Modules that would take a compiler down: they end within limits and are refused, the head goes
//! on meanwhile, and who sends one again is told at once.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bramble_protocol::api::JobState;
use bramble_tests::cluster::{Cluster, wait_for};

/// A module with one function per body, each called by nobody.
fn module(bodies: &[String]) -> Vec<u8> {
    let mut text = String::from("(module (memory (export \"memory\") 1)\n");
    for body in bodies {
        writeln!(text, "(func {body})").unwrap();
    }
    text.push_str("(func (export \"_start\")))");
    text.into_bytes()
}

/// Many locals, written in many loops: quick to check, and slow to compile beyond all measure.
fn slow() -> Vec<u8> {
    let mut body = format!("(local {})", "i32 ".repeat(4_900));
    for index in 0..2_000 {
        let (a, b) = (index * 7 % 4_900, index * 13 % 4_900);
        write!(body, "(loop (local.set {a} (i32.add (local.get {b}) (i32.const 1)))").unwrap();
        write!(body, "(br_if 0 (local.get {b})))").unwrap();
    }
    module(&[body.clone(), body])
}

#[test]
fn what_no_program_has_is_refused_at_once() {
    let cluster = Cluster::start(0);
    let input = cluster.file("input.txt", b"x\n");
    let nested = format!("{}{}", "(block ".repeat(12_000), ")".repeat(12_000));
    let straight = "(drop (i32.add (i32.const 1) (i32.const 2)))".repeat(500_000);
    for (name, bytes, words) in [
        ("functions", module(&vec![String::new(); 1_000_000]), "too many functions"),
        ("locals", module(&[format!("(local {})", "i64 ".repeat(20_000))]), "too many locals"),
        ("straight", module(&[straight]), "too long"),
        ("nested", module(&[nested]), "blocks inside one another"),
        ("memory", b"(module (memory 65536) (func (export \"_start\")))".to_vec(), "more memory"),
    ] {
        let file = cluster.file(&format!("{name}.wat"), &bytes);
        let started = Instant::now();
        cluster.bramble(&["submit", &file, "--input", &input]).fails(6, &[words, "help: "]);
        println!("{name}: {} bytes refused after {:?}", bytes.len(), started.elapsed());
        // Again, without looking at it.
        let started = Instant::now();
        cluster.bramble(&["submit", &file, "--input", &input]).fails(6, &[words, "help: "]);
        println!("{name}: again after {:?}", started.elapsed());
    }
    let remembered = std::fs::read_dir(cluster.data().join("refused")).unwrap().count();
    assert_eq!(remembered, 5);
}

#[test]
fn calls_by_the_hundred_thousand_end_within_the_limits() {
    let cluster = Cluster::start(1);
    let input = cluster.file("input.txt", b"x\n");
    let calls = cluster.file("calls.wat", &module(&["(call 0)".repeat(200_000)]));
    let started = Instant::now();
    let said = cluster.bramble(&["submit", &calls, "--input", &input, "-o", "-"]);
    assert!(said.code == 0 || said.stderr.contains("too big or too complex"), "{}", said.stderr);
    // The limits are 120 s of processor time; two seconds for all the rest.
    assert!(started.elapsed() < Duration::from_secs(122), "{:?}", started.elapsed());
    println!("200,000 calls: exit code {} after {:?}", said.code, started.elapsed());
}

#[test]
fn a_head_answers_while_a_bomb_is_compiled_and_remembers_how_it_ended() {
    const LIMIT_S: u64 = 3;
    let cluster = Cluster::start_with_head(1, &["--compile-time", "3s"]);
    let input = cluster.file("input.txt", b"x\n");
    let bomb = cluster.file("bomb.wat", &slow());
    let compiling = AtomicBool::new(true);
    let slowest = thread::scope(|scope| {
        let health = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            let mut asked = 0;
            while compiling.load(Ordering::Relaxed) || asked < 10 {
                let started = Instant::now();
                ureq::get(&format!("{}/readyz", cluster.url)).call().unwrap();
                slowest = slowest.max(started.elapsed());
                asked += 1;
                thread::sleep(Duration::from_millis(20));
            }
            slowest
        });
        let started = Instant::now();
        let id = cluster.bramble(&["submit", &bomb, "--input", &input, "-d", "-q"]).ok();
        let id = id.text().trim().to_owned();
        let job = wait_for("the bomb to be stopped", || {
            Some(cluster.job(&id)).filter(|job| job.state == JobState::Failed)
        });
        let took = started.elapsed();
        compiling.store(false, Ordering::Relaxed);
        let note = job.note.unwrap();
        assert!(note.contains("too big or too complex") && note.contains("3 s"), "{note}");
        // On a busy machine so much processor time may take four times as long on the wall.
        assert!(took < Duration::from_secs(4 * LIMIT_S + 2), "{took:?}");
        println!("stopped after {took:?}: {note}");
        health.join().unwrap()
    });
    println!("slowest answer meanwhile: {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let started = Instant::now();
    cluster.bramble(&["submit", &bomb, "--input", &input]).fails(1, &["too big or too complex"]);
    assert!(started.elapsed() < Duration::from_secs(LIMIT_S), "{:?}", started.elapsed());
}
