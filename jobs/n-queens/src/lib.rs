//! Counts the ways to place queens on a board so that none attacks another: a search in tasks of
//! uneven length.
//!
//! [`cut`] places queens in the first rows in every possible way; each way is a task, which counts
//! how the rest can be filled. The merge adds the counts.

mod board;

use board::Board;
use bramble_guest::prelude::*;

bramble_guest::params! {
    struct Params {
        /// How many queens, and rows and columns of the board: 1 to 24.
        queens: u32 = 14,
        /// In how many rows queens are placed beforehand; each way to do so is a task.
        depth: u32 = 2,
        /// How many of the solutions are written out; of two that mirror each other only one.
        show: u32 = 1,
    }
}

bramble_guest::job! {
    name: "n-queens",
    about: "Counts the ways to place n queens on a board so that none attacks another.",
    input: InputKind::NONE,
    split: Split::Guest,
    params: Params::DECLARED,
    result: ResultKind::TABLE,
    map: map,
    merge: merge,
    cut: cut,
}

/// Beyond this a count takes years.
const QUEENS_MAX: u32 = 24;
/// More lines than anyone reads.
const SHOW_MAX: u32 = 1000;
/// A job may have so many chunks.
const TASKS_MAX: usize = 65_536;

impl Params {
    fn checked() -> JobResult<Self> {
        let params = Self::read()?;
        if !(1..=QUEENS_MAX).contains(&params.queens) {
            return Err(JobError::bad_param(format!("`queens` goes from 1 to {QUEENS_MAX}")));
        }
        if params.depth == 0 {
            return Err(JobError::bad_param("`depth` must be at least 1"));
        }
        if params.show > SHOW_MAX {
            return Err(JobError::bad_param(format!("`show` goes up to {SHOW_MAX}")));
        }
        Ok(params)
    }
}

/// A chunk is the columns of the queens that are placed already, row by row.
fn cut(_input: &mut Input, _wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let params = Params::checked()?;
    // Of each solution and its mirror image one has the first queen in the left half.
    let left_half = (0..params.queens.div_ceil(2)).map(|column| vec![u64::from(column)]);
    let mut starts: Vec<Vec<u64>> = left_half.collect();
    for _ in 1..params.depth.min(params.queens) {
        let longer = one_row_more(params.queens, &starts);
        if longer.is_empty() {
            // A small board without any solution; someone has to say so.
            break;
        }
        if longer.len() > TASKS_MAX {
            return Err(JobError::bad_param(format!(
                "`depth` {} makes more than {TASKS_MAX} tasks: choose a smaller one",
                params.depth
            )));
        }
        starts = longer;
    }
    Ok(starts.iter().map(|start| vec![Piece::numbers(start)]).collect())
}

fn one_row_more(queens: u32, starts: &[Vec<u64>]) -> Vec<Vec<u64>> {
    let longer = starts.iter().flat_map(|start| {
        let board = Board::with(queens, start);
        board.free_columns().map(|column| [start.as_slice(), &[u64::from(column)]].concat())
    });
    longer.collect()
}

fn map(_task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    let params = Params::checked()?;
    let start = input.numbers().collect::<JobResult<Vec<u64>>>()?;
    let board = Board::with(params.queens, &start);
    let has_mirror_image = 2 * start[0] + 1 != u64::from(params.queens);
    let count = board.solutions() * if has_mirror_image { 2 } else { 1 };
    write_head(params.queens, count, output)?;
    let mut shown = Vec::new();
    board.first_solutions(&mut start.clone(), params.show as usize, &mut shown);
    for columns in shown {
        let columns: Vec<String> = columns.iter().map(|column| (column + 1).to_string()).collect();
        writeln!(output, "board\t{}", columns.join(" "))?;
    }
    Ok(())
}

fn write_head(queens: u32, solutions: u64, output: &mut Output) -> JobResult {
    writeln!(output, "queens\t{queens}\nsolutions\t{solutions}")?;
    Ok(())
}

fn merge(_task: &Task, parts: Vec<Input>, output: &mut Output) -> JobResult {
    let params = Params::checked()?;
    let mut solutions: u64 = 0;
    let mut boards = Vec::new();
    for mut part in parts {
        for line in part.text_lines() {
            let line = line?;
            if let Some(count) = line.strip_prefix("solutions\t") {
                let count: u64 = count.parse().map_err(JobError::failed)?;
                solutions += count;
            } else if line.starts_with("board\t") && boards.len() < params.show as usize {
                boards.push(line);
            }
        }
    }
    write_head(params.queens, solutions, output)?;
    for board in boards {
        writeln!(output, "{board}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bramble_guest::local::Run;

    fn result(args: &[(&str, &str)]) -> JobResult<String> {
        let run = args.iter().fold(Run::new(&JOB), |run, (name, value)| run.arg(name, value));
        Ok(String::from_utf8(run.whole_in_any_chunks(b"")?).unwrap())
    }

    #[test]
    fn counts_are_the_known_ones() {
        // OEIS A000170, from n = 1.
        let known = [1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200];
        for (queens, count) in (1..).zip(known) {
            for depth in ["1", "2", "4"] {
                let queens = queens.to_string();
                let found = result(&[("queens", &queens), ("depth", depth), ("show", "0")]);
                let expected = format!("queens\t{queens}\nsolutions\t{count}\n");
                assert_eq!(found.unwrap(), expected, "depth {depth}");
            }
        }
    }

    #[test]
    fn the_first_boards_are_those_of_the_plain_search() {
        // Wirth, "Algorithms + Data Structures = Programs", table of the eight queens' solutions.
        let expected = "queens\t8\nsolutions\t92\nboard\t1 5 8 6 3 7 2 4\nboard\t1 6 8 3 7 4 2 5\n\
                        board\t1 7 4 6 8 2 5 3\n";
        for depth in ["1", "3", "8", "100"] {
            assert_eq!(
                result(&[("queens", "8"), ("depth", depth), ("show", "3")]).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn every_solution_or_its_mirror_image_can_be_shown() {
        let found = result(&[("queens", "7"), ("show", "1000")]).unwrap();
        // 40 solutions, of which those with the first queen in the middle are their own images' set.
        let boards: Vec<&str> = found.lines().skip(2).collect();
        let in_the_middle = boards.iter().filter(|board| board.starts_with("board\t4 ")).count();
        assert_eq!(2 * (boards.len() - in_the_middle) + in_the_middle, 40);
    }

    #[test]
    fn unusable_parameters_are_named() {
        let bad = [
            ("queens", "0", "1 to 24"),
            ("queens", "25", "1 to 24"),
            ("depth", "0", "at least 1"),
            ("show", "1001", "up to 1000"),
        ];
        for (name, value, expected) in bad {
            match result(&[(name, value)]) {
                Err(JobError::BadParam(message)) => {
                    assert!(message.contains(expected), "{message}");
                }
                other => panic!("{other:?}"),
            }
        }
        let too_deep = result(&[("queens", "24"), ("depth", "9")]).unwrap_err();
        assert!(too_deep.to_string().contains("more than 65536 tasks"), "{too_deep}");
    }
}
