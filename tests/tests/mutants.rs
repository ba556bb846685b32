//! Faults that are built into the scheduler on purpose, each of which the simulator must find:
//! `cargo test -p bramble-tests --features mutants --test mutants -- --nocapture` shows by what.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bramble_scheduler::core::Mutant;
use bramble_tests::sim::{Options, run};

/// Seeds that are tried before a fault counts as not found. Those of the other tests come first.
const SEEDS: u64 = 400;
/// Seeds that must find nothing where no fault is built in.
const WITHOUT: u64 = 30;

/// What the run of a seed dies of, in one line.
fn death(seed: u64) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(|| run(&Options::small(seed)))).err()?;
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    let line = text.unwrap_or_default().lines().next().unwrap_or_default().to_owned();
    Some(line.chars().take(100).collect())
}

#[test]
fn the_simulator_finds_every_fault_that_is_built_in() {
    std::panic::set_hook(Box::new(|_| {}));
    // Else a fault would be found that nobody built in.
    let without = (0..WITHOUT).find_map(|seed| death(seed).map(|line| (seed, line)));
    let mut missed = Vec::new();
    println!("{:24} {:>6}  found by", "fault", "seed");
    for mutant in Mutant::ALL {
        Mutant::choose(Some(mutant));
        let found = (0..SEEDS).find_map(|seed| death(seed).map(|line| (seed, line)));
        Mutant::choose(None);
        match found {
            Some((seed, line)) => println!("{:24} {seed:>6}  {line}", format!("{mutant:?}")),
            None => {
                println!("{:24}      -  nothing", format!("{mutant:?}"));
                missed.push(mutant);
            }
        }
    }
    drop(std::panic::take_hook());
    assert_eq!(without, None, "found without a fault");
    assert!(missed.is_empty(), "not found: {missed:?}");
}
