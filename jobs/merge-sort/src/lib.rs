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
//! | `f32`, `f64` | a floating-point number of 4 or 8 bytes, little-endian | total order of IEEE 754 |
//! | `record` | 100 bytes, of which the first 10 are the key | by the bytes of the key |
//!
//! The total order puts −0 before 0, NaNs with a sign before −∞ and NaNs without one after ∞, each
//! by its bits, so that every input has one result.
//!
//! Lines and records with equal keys stay in the order of the input. Lines are written as they
//! were read, with a carriage return where they had one; only a line feed is added to a last line
//! without.
//! With `type=number` a line that is no number, an empty one too, is bad input.

// Its checksums are of no use to the job itself.
#[cfg(not(target_family = "wasm"))]
pub mod gensort;
mod keyed;
mod lines;
pub mod number;
mod records;
pub mod sort;

use std::cmp::Reverse;

use bramble_guest::prelude::*;

use lines::{By, LineOrder};
use records::{F32, F64, I64, U32, U64};

bramble_guest::job! {
    name: "merge-sort",
    about: "Sorts lines by number or by text, binary numbers, or records of 100 bytes.",
    input: InputKind::ANY
        .about("lines, or binary numbers with the least significant byte first, or records")
        .extensions(&["txt", "csv", "u32", "u64", "i64", "f32", "f64", "dat"]),
    split: Split::ByParam("type", &[
        ("number", Split::Lines),
        ("text", Split::Lines),
        ("u32", Split::Records(4)),
        ("u64", Split::Records(8)),
        ("i64", Split::Records(8)),
        ("f32", Split::Records(4)),
        ("f64", Split::Records(8)),
        ("record", Split::Records(keyed::RECORD_BYTES as u32)),
    ]),
    params: [
        Param::new("type", "What a record is: a line with a number, a line of text, or binary.")
            .default("number")
            .choices(&["number", "text", "u32", "u64", "i64", "f32", "f64", "record"]),
        Param::new("order", "Whether the smallest or the largest record comes first.")
            .default("ascending")
            .choices(&["ascending", "descending"]),
    ],
    result: ResultKind::by_param("type", &[
        ("number", ResultKind::TEXT),
        ("text", ResultKind::TEXT),
        ("u32", ResultKind::BINARY.extension("u32")),
        ("u64", ResultKind::BINARY.extension("u64")),
        ("i64", ResultKind::BINARY.extension("i64")),
        ("f32", ResultKind::BINARY.extension("f32")),
        ("f64", ResultKind::BINARY.extension("f64")),
        ("record", ResultKind::BINARY.extension("dat")),
    ]),
    map: map,
    ranges: ranges,
    merge: merge,
}

/// What the parameters ask for.
#[derive(Clone, Copy)]
enum Kind {
    Lines(LineOrder),
    Values {
        of: Binary,
        is_descending: bool,
    },
    /// Records with a key and more than that.
    Keyed {
        is_descending: bool,
    },
}

#[derive(Clone, Copy)]
enum Binary {
    U32,
    U64,
    I64,
    F32,
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
        let records = |of| Self::Values { of, is_descending };
        Ok(match param_or("type", "number").as_str() {
            "number" => lines(By::Number),
            "text" => lines(By::Text),
            "u32" => records(Binary::U32),
            "u64" => records(Binary::U64),
            "i64" => records(Binary::I64),
            "f32" => records(Binary::F32),
            "f64" => records(Binary::F64),
            "record" => Self::Keyed { is_descending },
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
            (Binary::F32, false) => records::$function::<F32>($($arg),*),
            (Binary::F32, true) => records::$function::<Reverse<F32>>($($arg),*),
            (Binary::F64, false) => records::$function::<F64>($($arg),*),
            (Binary::F64, true) => records::$function::<Reverse<F64>>($($arg),*),
        }
    };
}

fn map(task: &Task, input: &mut Input, output: &mut Output) -> JobResult {
    match Kind::from_params()? {
        Kind::Keyed { is_descending } => keyed::map(is_descending, task, input, output),
        Kind::Lines(order) => lines::map(order, task, input, output),
        Kind::Values { of, is_descending } => {
            for_records!(of, is_descending, map(input, output))
        }
    }
}

fn ranges(task: &Task, sample: &mut Input) -> JobResult<Vec<u8>> {
    match Kind::from_params()? {
        Kind::Keyed { is_descending } => keyed::ranges(is_descending, task, sample),
        Kind::Lines(order) => lines::ranges(order, task, sample),
        Kind::Values { of, is_descending } => {
            for_records!(of, is_descending, ranges(task, sample))
        }
    }
}

fn merge(_task: &Task, inputs: Vec<Input>, output: &mut Output) -> JobResult {
    match Kind::from_params()? {
        Kind::Keyed { is_descending } => keyed::merge(is_descending, inputs, output),
        Kind::Lines(order) => lines::merge(order, inputs, output),
        Kind::Values { of, is_descending } => {
            for_records!(of, is_descending, merge(inputs, output))
        }
    }
}
