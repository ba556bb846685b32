//! Artefacts as runners take them: the head's own, for this machine, unchanged; nothing else.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, Mode, ModuleKind, TargetClass};
use bramble_runtime::artefact::{HeadKey, Trust};
use bramble_runtime::runner::RunnerProcess;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use support::{Bench, ECHO, compiler, key, program, trust, wat_command};

/// Mutations that are tried.
const MUTATIONS: usize = 1_000;

fn module() -> Vec<u8> {
    wat_command(ECHO).into_bytes()
}

/// The same work with other bytes as its artefact, under their own digest.
fn with_artefact(bench: &Bench, work: &Work, artefact: &[u8]) -> Work {
    Work { artefact: bench.store.put(artefact).unwrap(), ..work.clone() }
}

fn runner(bench: &Bench, trust: &Trust) -> RunnerProcess {
    RunnerProcess::spawn(program(), bench.dir.path(), trust).unwrap()
}

#[track_caller]
fn assert_not_loaded(outcome: &AttemptOutcome, why: &str) {
    let AttemptOutcome::NodeFault { message } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("artefact") && message.contains(why), "`{why}` is not in: {message}");
}

/// Changes one to four bytes, cuts the end off, or puts a piece in.
fn mutate(bytes: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    // A quarter of the mutations go where the header and the seal are.
    let mut place = |length: usize| {
        let any = random.next_u64() as usize;
        match random.next_u32() % 8 {
            0 => any % length.min(300),
            1 => length - 1 - any % length.min(96),
            _ => any % length,
        }
    };
    let first = place(changed.len());
    match first % 8 {
        0 => changed.truncate(first),
        1 => changed.splice(first..first, [0; 7]).for_each(drop),
        count => {
            for _ in 0..count.div_ceil(2) {
                let at = place(bytes.len());
                changed[at] ^= 1 << (at % 8);
            }
        }
    }
    changed
}

#[test]
fn of_a_thousand_mutations_none_is_loaded() {
    let bench = Bench::new();
    let work = bench.work(&module(), ModuleKind::Command, &[b"input"]);
    let sound = bench.store.get(&work.artefact).unwrap();
    let mut runner = runner(&bench, &trust());
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for number in 0..MUTATIONS {
        let changed = mutate(&sound, &mut random);
        if changed == sound {
            continue;
        }
        let end = runner.run(&with_artefact(&bench, &work, &changed));
        let AttemptOutcome::NodeFault { message } = &end.outcome else {
            panic!("mutation {number}: {:?}", end.outcome);
        };
        assert!(message.contains("artefact"), "mutation {number}: {message}");
        assert!(runner.is_alive(), "mutation {number} was refused in good order");
    }
    let end = runner.run(&work);
    assert!(matches!(end.outcome, AttemptOutcome::Succeeded { .. }), "{:?}", end.outcome);
}

#[test]
fn each_wrong_artefact_is_refused_for_its_own_reason() {
    let bench = Bench::new();
    let module = module();
    let work = bench.work(&module, ModuleKind::Command, &[b"input"]);
    let mut runner = runner(&bench, &trust());
    let mut outcome = |artefact: &[u8]| runner.run(&with_artefact(&bench, &work, artefact)).outcome;
    let native = TargetClass::native();
    let other = TargetClass::ALL.into_iter().find(|class| *class != native).unwrap();
    let of = |class, mode, key: &HeadKey| compiler().compile(&module, class, mode, key).unwrap();

    assert_not_loaded(&outcome(&of(other, Mode::Fast, key())), other.name());
    assert_not_loaded(&outcome(&of(native, Mode::Verify, key())), "mode verify");
    let stranger = HeadKey::ephemeral().unwrap();
    assert_not_loaded(&outcome(&of(native, Mode::Fast, &stranger)), &stranger.public().short());
    let config = bramble_runtime::sandbox::engine::compile_config(native, Mode::Fast).unwrap();
    let engine = wasmtime::Engine::new(&config).unwrap();
    let unsigned = engine.precompile_module(&module).unwrap();
    assert_not_loaded(&outcome(&unsigned), "does not begin");
    assert_not_loaded(&outcome(b""), "does not begin");
}

#[test]
fn every_class_of_this_machine_gives_the_same_bytes_in_each_mode() {
    let bench = Bench::new();
    let module = module();
    let mut given = Vec::new();
    for class in TargetClass::ALL.into_iter().filter(|class| class.runs_here()) {
        let mut runner = runner(&bench, &Trust { class, ..trust() });
        for mode in Mode::ALL {
            let mut work = bench.work(&module, ModuleKind::Command, &[b"over the river"]);
            let artefact = compiler().compile(&module, class, mode, key()).unwrap();
            work.artefact = bench.store.put(&artefact).unwrap();
            work.mode = mode;
            match runner.run(&work).outcome {
                AttemptOutcome::Succeeded { outputs } => given.push(outputs),
                other => panic!("{class}, {mode:?}: {other:?}"),
            }
        }
    }
    assert!(given.len() >= 4, "machine code and interpreter, in two modes");
    assert!(given.iter().all(|outputs| *outputs == given[0]));
}

#[test]
fn a_runner_does_not_start_for_a_class_of_another_machine() {
    let bench = Bench::new();
    let class = TargetClass::ALL.into_iter().find(|class| !class.runs_here()).unwrap();
    let work = bench.work(&module(), ModuleKind::Command, &[b"input"]);
    let end = runner(&bench, &Trust { class, ..trust() }).run(&work);
    assert!(matches!(end.outcome, AttemptOutcome::NodeFault { .. }), "{:?}", end.outcome);
}
