//! Merge sort on a cluster.
//!
//! Each map sorts one chunk; each merge joins the sorted parts of one key range, so that the
//! merges run side by side too.
//!
//! | `type` | a record | its order |
//! |---|---|---|
//! | `number` | a line that is a decimal number of any length, see [`number`] | by value |
//! | `text` | a line | by its bytes |
//! | `u32`, `u64`, `i64` | an integer of 4 or 8 bytes, little-endian | by value |
//! | `f64` | a floating-point number, little-endian | total order of IEEE 754 |
//!
//! Lines with equal keys stay in the order of the input. They are written as they were read,
//! with a carriage return where they had one; only a line feed is added to a last line without.
//! With `type=number` a line that is no number, an empty one too, is bad input.

mod lines;
pub mod number;
mod records;
pub mod sort;

use std::cmp::Reverse;

use bramble_guest::prelude::*;

use lines::{By, LineOrder};
use records::{F64, I64, U32, U64};

bramble_guest::job! {
    name: "merge-sort",
    about: "Sorts lines by number or by text, or binary numbers of a fixed size.",
    split: Split::ByParam("type", &[
        ("number", Split::Lines),
        ("text", Split::Lines),
        ("u32", Split::Records(4)),
        ("u64", Split::Records(8)),
        ("i64", Split::Records(8)),
        ("f64", Split::Records(8)),
    ]),
    params: [
        Param::new("type", "What a record is: a line with a number, a line of text, or binary.")
            .default("number")
            .choices(&["number", "text", "u32", "u64", "i64", "f64"]),
        Param::new("order", "Whether the smallest or the largest record comes first.")
            .default("ascending")
            .choices(&["ascending", "descending"]),
    ],
    map: map,
    ranges: ranges,
    merge: merge,
}

/// What the parameters ask for.
#[derive(Clone, Copy)]
enum Kind {
    Lines(LineOrder),
    Records { of: Binary, is_descending: bool },
}

#[derive(Clone, Copy)]
enum Binary {
    U32,
    U64,
    I64,
    F64,
}

impl Kind {
    fn from_params() -> JobResult<Self> {
        let is_descending = match param_or("order", "ascending").as_str() {
            "ascending" => false,
            "descending" => true,
            other => return Err(JobError::bad_param(format!("order cannot be `{other}`"))),
        };
        let lines = |by| Self::Lines(LineOrder { by, is_descending });
        let records = |of| Self::Records { of, is_descending };
        Ok(match param_or("type", "number").as_str() {
            "number" => lines(By::Number),
            "text" => lines(By::Text),
            "u32" => records(Binary::U32),
            "u64" => records(Binary::U64),
            "i64" => records(Binary::I64),
            "f64" => records(Binary::F64),
            other => return Err(JobError::bad_param(format!("type cannot be `{other}`"))),
        })
    }
}

/// Calls a function of [`records`] for the type and order that the parameters ask for.
macro_rules! for_records {
    ($of:expr, $is_descending:expr, $function:ident($($arg:expr),*)) => {
        match ($of, $is_descending) {
            (Binary::U32, false) => records::$function::<U32>($($arg),*),
            (Binary::U32, true) => records::$function::<Reverse<U32>>($($arg),*),
            (Binary::U64, false) => records::$function::<U64>($($arg),*),
            (Binary::U64, true) => records::$function::<Reverse<U64>>($($arg),*),
            (Binary::I64, false) => records::$function::<I64>($($arg),*),
            (Binary::I64, true) => records::$function::<Reverse<I64>>($($arg),*),
            (Binary::F64, false) => records::$function::<F64>($($arg),*),
            (Binary::F64, true) => records::$function::<Reverse<F64>>($($arg),*),
        }
    };
}

fn map(task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    match Kind::from_params()? {
        Kind::Lines(order) => lines::map(order, task, input, output),
        Kind::Records { of, is_descending } => {
            for_records!(of, is_descending, map(input, output))
        }
    }
}

fn ranges(task: &Task, sample: &mut Input) -> JobResult<Vec<u8>> {
    match Kind::from_params()? {
        Kind::Lines(order) => lines::ranges(order, task, sample),
        Kind::Records { of, is_descending } => {
            for_records!(of, is_descending, ranges(task, sample))
        }
    }
}

fn merge(_task: &Task, inputs: Vec<Input>, output: &mut Output) -> JobResult {
    match Kind::from_params()? {
        Kind::Lines(order) => lines::merge(order, inputs, output),
        Kind::Records { of, is_descending } => {
            for_records!(of, is_descending, merge(inputs, output))
        }
    }
}
