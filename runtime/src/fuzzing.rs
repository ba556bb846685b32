//! What fuzzers call: readers of foreign bytes that are otherwise private, and their properties
//! as tests, so that they hold where no fuzzer is installed.

use std::io::Write;
use std::os::fd::AsFd;

use bramble_protocol::ModuleInfo;

use crate::compile::Refusal;
use crate::runner::socket::{self, Reader};
use crate::runner::wire::{FromRunner, ToRunner};

/// Recognises a module as the child process does, but in this process and without its limits.
///
/// # Errors
/// When it cannot be used as a job.
pub fn inspect(module: &[u8]) -> Result<ModuleInfo, Refusal> {
    crate::compile::inspect_here(module)
}

/// Reads frames between agent and runner until they end or make no sense.
pub fn read_frames(bytes: &[u8]) {
    read_all::<FromRunner>(bytes);
    read_all::<ToRunner>(bytes);
}

fn read_all<T: serde::de::DeserializeOwned>(bytes: &[u8]) {
    let (ours, theirs) = socket::pair().expect("a pair of sockets can be had");
    std::thread::scope(|scope| {
        scope.spawn(move || std::fs::File::from(theirs).write_all(bytes));
        while let Ok(Some(_)) = socket::receive::<T>(ours.as_fd(), Reader::Runner) {}
        // A writer that nobody reads any more must not wait for ever.
        drop(ours);
    });
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use bramble_protocol::{AttemptOutcome, Digest, ObjectRef, TrapKind, Usage};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::runner::wire::{Output, Reply};

    /// So many changed copies are tried of each.
    const CHANGES: usize = 10_000;

    const COMMAND: &str = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (table 4 funcref) (elem (i32.const 1) func 1)
        (global (mut i64) (i64.const -1)) (data (i32.const 8) "text")
        (func (export "_start") (local f32 v128)
          (block (br_table 0 1 0 (i32.load (i32.const 4)))) (drop (memory.grow (i32.const 1))))
        (@custom "bramble:manifest" "{\"name\":\"x\",\"params\":[{\"name\":\"y\"}]}"))"#;

    const COMPONENT: &str = r#"(component
        (core module $m (func (export "run") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $cli (export "run" (func $run)))
        (export "wasi:cli/run@0.2.3" (instance $cli)))"#;

    /// One to three bytes changed, a stretch left out, or the end cut off.
    fn changed(random: &mut ChaCha8Rng, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let mut below = |end: usize| (random.next_u64() % end as u64) as usize;
        let at = below(bytes.len());
        match below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..(at + 1 + below(8)).min(bytes.len()))),
            2 => bytes.insert(at, below(256) as u8),
            count => {
                for _ in 0..count % 3 + 1 {
                    let at = below(bytes.len());
                    bytes[at] = below(256) as u8;
                }
            }
        }
        bytes
    }

    #[test]
    fn a_changed_module_is_recognised_or_refused_and_nothing_worse() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for text in [COMMAND, COMPONENT] {
            let module = wat::parse_str(text).unwrap();
            inspect(&module).unwrap();
            // The text as well: whoever writes it reads the messages about it.
            for whole in [&module, text.as_bytes()] {
                for _ in 0..CHANGES {
                    let changed = changed(&mut random, whole);
                    match inspect(&changed) {
                        Ok(info) => assert_eq!(info.digest, Digest::of(&changed)),
                        Err(refusal) => assert!(!refusal.title.is_empty()),
                    }
                }
            }
        }
    }

    #[test]
    fn changed_frames_of_a_runner_that_was_taken_over_are_read_or_refused() {
        let reply = |outcome| Reply {
            outcome,
            outputs: vec![Output::Inline(2), Output::File(ObjectRef::of(b"out"))],
            spans: vec![(0, 7)],
            usage: Usage::default(),
            log: "a line\n".into(),
            enough: false,
        };
        let trapped = AttemptOutcome::Trapped { trap: TrapKind::BadCall, message: "no".into() };
        let (ours, theirs) = socket::pair().unwrap();
        for outcome in [trapped, AttemptOutcome::OutOfTime { limit_ms: 5 }] {
            let message = FromRunner::Done(Box::new(reply(outcome)));
            socket::send(ours.as_fd(), &message, b"ab", &[]).unwrap();
        }
        drop(ours);
        let mut frames = Vec::new();
        std::fs::File::from(theirs).read_to_end(&mut frames).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..CHANGES {
            read_frames(&changed(&mut random, &frames));
        }
    }
}
