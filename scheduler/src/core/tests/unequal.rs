//! How long jobs take on nodes of different speeds, in simulated time.

use bramble_protocol::api::JobState;

use super::*;
use crate::testing::{job, map_module};

/// A node of the simulated cluster, and what its slots do until when.
struct Board {
    connection: ConnectionId,
    speed: u64,
    slots: usize,
    waiting: Vec<Lease>,
    running: Vec<(u64, Lease)>,
}

/// How long a job of `chunks` tasks takes, each a second on the reference core, in milliseconds.
fn time_of(chunks: u32, boards: &[(u32, u64)]) -> u64 {
    time_of_sizes(&vec![1_000; chunks as usize], boards)
}

/// How long a job takes over chunks of such sizes, each thousand bytes a second on the reference
/// core, in milliseconds.
fn time_of_sizes(sizes: &[u64], boards: &[(u32, u64)]) -> u64 {
    let mut head = Head::with(Config { spot_check_permille: 0, ..Config::default() });
    let mut cluster = Vec::new();
    for (number, (slots, speed)) in boards.iter().enumerate() {
        let mut hello = hello(&format!("p{number}"), 1, *slots);
        hello.speed = Some(*speed as u32);
        let connection = head.connect(hello);
        let (slots, speed) = (*slots as usize, *speed);
        let (waiting, running) = (Vec::new(), Vec::new());
        cluster.push(Board { connection, speed, slots, waiting, running });
    }
    let start = head.now.0;
    let mut job = job(&map_module(), sizes.len() as u32);
    for (chunk, size) in job.manifest.chunks.iter_mut().zip(sizes) {
        chunk.size = *size;
    }
    let id = head.submit(job);
    while head.view(id).state != JobState::Done {
        for board in &mut cluster {
            step(&mut head, board);
        }
        head.wait(25);
        assert!(head.now.0 - start < 3_600_000, "{:?}", head.view(id));
    }
    head.now.0 - start
}

fn step(head: &mut Head, board: &mut Board) {
    let now = head.now.0;
    let us = |lease: &Lease| lease.work.inputs[0].size * 1_000_000 / board.speed;
    let revoked = head.revoked(board.connection);
    board.waiting.extend(head.leases(board.connection));
    board.waiting.retain(|lease| !revoked.contains(&lease.id));
    board.running.retain(|(_, lease)| !revoked.contains(&lease.id));
    let (done, running): (Vec<_>, Vec<_>) =
        std::mem::take(&mut board.running).into_iter().partition(|(until, _)| *until <= now);
    board.running = running;
    for (_, lease) in done {
        let us = us(&lease);
        let report = AttemptReport {
            lease: lease.id,
            attempt: lease.attempt,
            outcome: AttemptOutcome::Succeeded { outputs: outputs(&lease) },
            usage: Usage { wall_us: us, cpu_us: us, ..Usage::default() },
            log: String::new(),
            enough: false,
        };
        head.say(board.connection, FromAgent::Reports { reports: vec![report] });
    }
    while board.running.len() < board.slots && !board.waiting.is_empty() {
        let lease = board.waiting.remove(0);
        board.running.push((now + us(&lease) / 1000, lease));
    }
}

#[test]
fn a_board_sixteen_times_slower_does_not_hold_a_job_up() {
    for chunks in [8, 16, 33, 64, 200] {
        let alone = time_of(chunks, &[(4, 1600)]);
        let together = time_of(chunks, &[(4, 1600), (1, 100)]);
        println!("{chunks} chunks: {alone} ms without the slow board, {together} ms with it");
        assert!(
            together * 100 <= alone * 105,
            "{chunks} chunks: {alone} ms, with it {together} ms"
        );
    }
}

#[test]
fn small_chunks_at_the_end_let_slow_boards_help() {
    let boards = [(1, 1600), (4, 100)];
    let alone = time_of(16, &boards[..1]);
    let equal = time_of(16, &boards);
    let mut sizes = vec![1_000; 8];
    sizes.extend([62; 8 * 16]);
    let smaller = time_of_sizes(&sizes, &boards);
    println!("{alone} ms alone; with slow boards {equal} ms in equal chunks, {smaller} ms so");
    assert!(smaller * 100 <= alone * 92, "{smaller} ms instead of {alone} ms");
    assert!(equal * 100 <= alone * 105, "{equal} ms instead of {alone} ms");
}

#[test]
fn boards_of_half_the_speed_shorten_a_job() {
    let alone = time_of(60, &[(4, 1000)]);
    let together = time_of(60, &[(4, 1000), (4, 500), (4, 500)]);
    println!("60 chunks: {alone} ms alone, {together} ms with two of half the speed");
    assert!(together * 100 <= alone * 60, "{alone} ms, together {together} ms");
}
