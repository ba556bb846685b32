//! WASI as a task sees it: streams, arguments, a clock that only the guest moves, and random
//! numbers that follow from the task's seed. No directory, no network.

mod clock;
mod link;
mod streams;

use bramble_protocol::PhaseKind;
use bramble_protocol::agent::Work;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::WasiP1Ctx;

use super::fault::Fault;
use super::host::{SharedOutputs, SharedSource};
use super::log::Log;

pub(crate) use clock::VirtualClock;
pub(crate) use link::{component_linker, core_linker};

/// Most random bytes at one time.
const RANDOM_BYTES_MAX: u64 = 1 << 20;
/// Handles a guest may hold at a time.
pub(crate) const HANDLES_MAX: usize = 1024;

/// What a command reads and writes.
pub(crate) struct Stdio {
    pub(crate) stdin: SharedSource,
    pub(crate) stdout: SharedOutputs,
    pub(crate) fault: Fault,
}

/// Builds the WASI of one task. `stdio` is given for commands, which alone have arguments, an
/// environment, an input and an output; a job component has only its standard error, which is
/// the log.
pub(crate) fn context(
    seed: u64,
    clock: &VirtualClock,
    log: &Log,
    command: Option<(&Work, Stdio)>,
) -> WasiP1Ctx {
    let mut builder = WasiCtxBuilder::new();
    // Three streams from one seed: what one of them gives must say nothing of the others.
    let stream = |number: u64| {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        random.set_stream(number);
        random
    };
    let mut seeds = stream(3);
    builder
        .allow_blocking_current_thread(true)
        .max_random_size(RANDOM_BYTES_MAX)
        .secure_random(stream(1))
        .insecure_random(stream(2))
        .insecure_random_seed(u128::from(seeds.next_u64()) << 64 | u128::from(seeds.next_u64()))
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .stderr(streams::LogStream(log.clone()));
    if let Some((work, stdio)) = command {
        builder.arg(&work.job_name).args(&work.args);
        for (name, value) in environment(work) {
            builder.env(name, value);
        }
        let Stdio { stdin, stdout, fault } = stdio;
        builder
            .stdin(streams::InputBytes { source: stdin, fault: fault.clone() })
            .stdout(streams::OutputBytes { outputs: stdout, fault });
    }
    let mut context = builder.build_p1();
    wasmtime_wasi::WasiView::ctx(&mut context).table.set_max_capacity(HANDLES_MAX);
    context
}

/// A command's environment, in the order of the names.
fn environment(work: &Work) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("BRAMBLE_COUNT".to_owned(), work.task.count.to_string()),
        ("BRAMBLE_INDEX".to_owned(), work.task.index.to_string()),
        ("BRAMBLE_PHASE".to_owned(), work.task.phase.kind().name().to_owned()),
        ("BRAMBLE_SEED".to_owned(), work.task.seed.to_string()),
    ];
    if work.task.phase.kind() == PhaseKind::Merge {
        let lengths: Vec<String> = work.inputs.iter().map(|part| part.size.to_string()).collect();
        pairs.push(("BRAMBLE_PART_LENGTHS".to_owned(), lengths.join(",")));
    }
    pairs.extend(work.params.iter().map(|(name, value)| {
        let name = name.to_ascii_uppercase().replace('-', "_");
        (format!("BRAMBLE_PARAM_{name}"), value.clone())
    }));
    pairs.sort();
    pairs
}
