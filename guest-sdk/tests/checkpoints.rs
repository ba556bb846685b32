//! Jobs that save where they are, and power cuts.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

use bramble_guest::local::Run;
use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "count",
    about: "Counts to a hundred.",
    map: count,
}

fn count(_: &Task, _: &mut Input, output: &mut Output) -> JobResult {
    let mut next = host::load().map_or(0, |state| state[0]);
    host::info(format!("from {next}"));
    while next < 100 {
        write!(output, "{next} ")?;
        next += 1;
        if next.is_multiple_of(30) && host::should_save() {
            output.save(&[next]);
        }
    }
    Ok(())
}

#[test]
fn a_task_goes_on_from_what_it_saved() {
    let expected = Run::new(&JOB).whole(&[b"x"]).unwrap();
    for (saves, from) in [(1, "info: from 30"), (3, "info: from 90")] {
        let run = Run::new(&JOB).power_cut_after(saves);
        assert_eq!(run.whole(&[b"x", b"y"]).unwrap(), [&expected[..], &expected].concat());
        assert_eq!(run.logged(), ["info: from 0", from, "info: from 0", from]);
    }
}

#[test]
fn a_task_that_saves_less_often_is_not_cut() {
    let run = Run::new(&JOB).power_cut_after(4);
    run.whole(&[b"x"]).unwrap();
    assert_eq!(run.logged(), ["info: from 0"]);
}

mod pairs {
    use super::*;

    bramble_guest::job! {
        name: "digits",
        about: "Counts last digits.",
        split: Split::Lines,
        map_pairs: map,
        combine: combine,
        reduce: reduce,
    }

    /// Saves after each line how many it has read.
    fn map(_: &Task, input: &mut Input, pairs: &mut Emitter) -> JobResult {
        let done = host::load().map_or(0, |state| state[0]);
        for (number, line) in (1..).zip(input.text_lines()).skip(done.into()) {
            pairs.emit(line?.pop().map(String::from).unwrap_or_default(), 1u64);
            pairs.save(&[number]);
        }
        Ok(())
    }

    fn combine(_: &Task, groups: &mut Groups, pairs: &mut Emitter) -> JobResult {
        while let Some((digit, counts)) = groups.next::<String, u64>() {
            pairs.emit(digit, counts.sum::<u64>());
        }
        Ok(())
    }

    fn reduce(_: &Task, groups: &mut Groups, output: &mut Output) -> JobResult {
        while let Some((digit, counts)) = groups.next::<String, u64>() {
            write!(output, "{digit}:{} ", counts.sum::<u64>())?;
        }
        Ok(())
    }

    #[test]
    fn pairs_that_were_emitted_before_a_power_cut_count_once() {
        let numbers = b"11\n22\n31\n41\n52\n3\n";
        for saves in 1..8 {
            let run = Run::new(&JOB).power_cut_after(saves);
            assert_eq!(run.whole_in_any_chunks(numbers).unwrap(), b"1:3 2:2 3:1 ");
        }
        let run = Run::new(&JOB).without_combine().block_bytes(1);
        assert_eq!(run.whole_in_any_chunks(numbers).unwrap(), b"1:3 2:2 3:1 ");
    }
}
