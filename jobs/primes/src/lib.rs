//! Counts primes: a job of long tasks that save where they are.
//!
//! Each line of the input is a range, two numbers; the result has the line again with the count of
//! primes from the first number to the second, both included, with tabs between.

use bramble_guest::prelude::*;

bramble_guest::job! {
    name: "primes",
    about: "Counts the primes in ranges of numbers.",
    input: InputKind::TABLE
        .about("on each line two numbers: the first and the last of a range")
        .extensions(&["txt", "tsv"]),
    split: Split::Guest,
    result: ResultKind::TABLE,
    map: map,
    plan: plan,
}

/// The largest number: its root, up to which all primes are kept, is a million.
const NUMBER_MAX: u64 = 1_000_000_000_000;
/// Numbers that are sieved at a time.
const SEGMENT: u64 = 1 << 18;
/// What a task counts in at least, unless a chunk is full: some 20 ms of work.
const TASK_NUMBERS_MIN: u64 = 2_000_000;
/// What the work is cut into at most, but for long inputs.
const TASKS_MAX: u64 = 10_000;

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let saved = host::load().map(|state| Place::read(&state)).transpose()?;
    let first = saved.as_ref().map_or(0, |place| place.line);
    for (number, line) in (0..).zip(input.text_lines()).skip(first as usize) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let (from, to) = range_of(&line)?;
        let base = primes_up_to(to.isqrt());
        let mut place = match &saved {
            Some(place) if place.line == number => *place,
            _ => Place { line: number, next: from, count: 0 },
        };
        while place.next <= to {
            let end = to.min(place.next + SEGMENT - 1);
            place.count += primes_between(place.next, end, &base);
            place.next = end + 1;
            progress(place.next - from, to - from + 1);
            if host::should_save() {
                output.save(&place.write());
            }
        }
        writeln!(output, "{from}\t{to}\t{}", place.count)?;
    }
    Ok(())
}

/// Cuts behind a line when there is work enough before it: a few short lines may be hours of work.
fn plan(input: &mut Input, wanted_bytes: u64) -> JobResult<Vec<Span>> {
    let mut lines = Vec::new();
    let mut offset = 0;
    let size = input.size();
    while let Some(line) = input.next_line() {
        // What is no range is told by the task that has it.
        let range = std::str::from_utf8(line).ok().and_then(|line| range_of(line).ok());
        let end = size.min(offset + line.len() as u64 + 1);
        lines.push((end, range.map_or(0, |(from, to)| to - from + 1)));
        offset = end;
    }
    let all: u64 = lines.iter().map(|(_, numbers)| numbers).sum();
    let enough = TASK_NUMBERS_MIN.max(all / TASKS_MAX);
    let mut spans = Vec::new();
    let (mut start, mut work) = (0, 0);
    for (end, numbers) in lines {
        work += numbers;
        if work >= enough || end - start >= wanted_bytes || end == size {
            spans.push(Span { offset: start, len: end - start });
            (start, work) = (end, 0);
        }
    }
    Ok(spans)
}

/// How far the task is: which line, the next number of its range, and the primes before.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    next: u64,
    count: u64,
}

impl Place {
    fn write(self) -> Vec<u8> {
        format!("{} {} {}", self.line, self.next, self.count).into_bytes()
    }

    fn read(state: &[u8]) -> JobResult<Self> {
        let text = std::str::from_utf8(state).unwrap_or_default();
        let numbers: Vec<u64> = text.split(' ').flat_map(str::parse).collect();
        match numbers[..] {
            [line, next, count] => Ok(Self { line, next, count }),
            _ => Err(JobError::failed("the saved state is not its own")),
        }
    }
}

fn range_of(line: &str) -> JobResult<(u64, u64)> {
    let numbers: Option<Vec<u64>> = line.split_whitespace().map(|word| word.parse().ok()).collect();
    match numbers.as_deref() {
        Some([from, to]) if from <= to && *to <= NUMBER_MAX => Ok((*from, *to)),
        _ => Err(JobError::bad_input(format!(
            "{} is not two numbers of which the second is the larger, up to {NUMBER_MAX}",
            bramble_guest::quote(line)
        ))),
    }
}

/// The sieve of Eratosthenes.
fn primes_up_to(max: u64) -> Vec<u64> {
    let mut composite = vec![false; max as usize + 1];
    let mut primes = Vec::new();
    for number in 2..=max {
        if !composite[number as usize] {
            primes.push(number);
            (number * number..=max).step_by(number as usize).for_each(|multiple| {
                composite[multiple as usize] = true;
            });
        }
    }
    primes
}

/// The same for a piece of the numbers, given all primes up to the root of its end.
fn primes_between(from: u64, to: u64, base: &[u64]) -> u64 {
    let mut composite = vec![false; (to - from + 1) as usize];
    for prime in base.iter().take_while(|prime| **prime * **prime <= to) {
        let first = (prime * prime).max(from.next_multiple_of(*prime));
        let multiples = (first..=to).step_by(*prime as usize);
        multiples.for_each(|multiple| composite[(multiple - from) as usize] = true);
    }
    // 0 and 1 are neither.
    composite.iter().zip(from..).filter(|(composite, number)| !**composite && *number > 1).count()
        as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local::Run;

    fn counted(ranges: &str) -> JobResult<String> {
        let result = Run::new(&JOB).whole_in_any_chunks(ranges.as_bytes())?;
        Ok(String::from_utf8(result).unwrap())
    }

    #[test]
    fn primes_of_ranges_are_counted() {
        // Counts of primes below powers of ten: OEIS A006880.
        let result = counted("0 10\n0 100\n\n0 1000000\n2 2\n24 28\n").unwrap();
        let expected = "0\t10\t4\n0\t100\t25\n0\t1000000\t78498\n2\t2\t1\n24\t28\t0\n";
        assert_eq!(result, expected);
        assert_eq!(counted("999999999000 1000000000000").unwrap().matches("\t38\n").count(), 1);
    }

    #[test]
    fn the_work_is_shared_even_where_the_input_is_short() {
        let input = b"0 1999999\n7 9\n2000000 3999999\nno range\n0 9\r\n\n5 6";
        let chunks = Run::new(&JOB).chunks(input, 1 << 20).unwrap();
        let expected: [&[u8]; 3] =
            [b"0 1999999\n", b"7 9\n2000000 3999999\n", b"no range\n0 9\r\n\n5 6"];
        assert_eq!(chunks, expected);
        assert_eq!(Run::new(&JOB).chunks(input, 1).unwrap().concat(), input);
        assert!(Run::new(&JOB).chunks(b"", 1 << 20).unwrap().concat().is_empty());
    }

    #[test]
    fn a_range_counts_as_much_as_its_pieces() {
        let base = primes_up_to(1000);
        let whole = primes_between(0, 999_999, &base);
        let pieces = (0..100).map(|n| primes_between(n * 10_000, n * 10_000 + 9_999, &base));
        assert_eq!(pieces.sum::<u64>(), whole);
    }

    #[test]
    fn a_power_cut_after_any_save_changes_nothing() {
        let ranges = b"0 1000000\n7 7\n500000 1500000\n";
        let expected = Run::new(&JOB).whole(&[ranges]).unwrap();
        for saves in 1..12 {
            let run = Run::new(&JOB).power_cut_after(saves);
            assert_eq!(run.whole(&[ranges]).unwrap(), expected, "after save {saves}");
        }
    }

    #[test]
    fn lines_that_are_no_range_are_bad_input() {
        for bad in ["1", "1 2 3", "a b", "-1 2", "9 8", "0 1000000000001"] {
            assert!(matches!(counted(bad), Err(JobError::BadInput(_))), "{bad}");
        }
    }
}
