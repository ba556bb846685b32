//! Multiplies two matrices block by block.
//!
//! The input is a line `matrices TYPE ROWS INNER COLUMNS`, then the numbers of the first matrix
//! (`ROWS` by `INNER`) and of the second (`INNER` by `COLUMNS`), row by row, little-endian, 8 bytes
//! each; `TYPE` is `f64` or `i64`. The result is a line `matrix TYPE ROWS COLUMNS` and the numbers of
//! the product. Whole numbers are exact: a product that does not fit is an error.
//!
//! A block of the product needs some rows of the first matrix and some columns of the second, and
//! nothing else: [`cut`] makes a chunk of just these. Rows of blocks meet again by their keys.

mod kernel;
mod shape;

use bramble_guest::prelude::*;
use kernel::Element;
use shape::{Block, Kind, Shape};

bramble_guest::params! {
    struct Params {
        /// How many rows and columns of the product a task makes: 1 to 4096.
        block: u32 = 256,
    }
}

bramble_guest::job! {
    name: "matrix-multiply",
    about: "Multiplies two matrices of whole numbers or of f64, block by block.",
    input: InputKind::BINARY
        .about("a line `matrices f64 ROWS INNER COLUMNS` (or i64), then two matrices, row by row")
        .extensions(&["matrices"]),
    split: Split::Guest,
    params: Params::DECLARED,
    result: ResultKind::BINARY.extension("matrix"),
    map_pairs: map,
    reduce: reduce,
    cut: cut,
}

/// A block of rows has to fit into a value.
const BLOCK_MAX: u64 = 4096;

fn cut(input: &mut Input, _wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let block = u64::from(Params::read()?.block);
    if !(1..=BLOCK_MAX).contains(&block) {
        return Err(JobError::bad_param(format!("`block` goes from 1 to {BLOCK_MAX}")));
    }
    let shape = Shape::read(input)?;
    shape.blocks(block)?.iter().map(|block| Ok(block.pieces(&shape))).collect()
}

fn map(_task: &Task, input: &mut Input, pairs: &mut Emitter) -> JobResult {
    let (shape, block) = Block::read(input)?;
    match shape.kind {
        Kind::Float => multiply::<f64>(&shape, &block, input, pairs),
        Kind::Integer => multiply::<i64>(&shape, &block, input, pairs),
    }
}

/// Emits each row of the block with its place in the product as the key.
fn multiply<T: Element>(
    shape: &Shape,
    block: &Block,
    input: &mut Input,
    pairs: &mut Emitter,
) -> JobResult {
    let mut numbers = |count: u64| -> JobResult<Vec<T>> {
        let numbers: Vec<T> = input.numbers().take(count as usize).collect::<JobResult<_>>()?;
        let is_whole = numbers.len() as u64 == count;
        is_whole.then_some(numbers).ok_or_else(|| JobError::bad_input("the chunk ends too early"))
    };
    let left = numbers(block.rows * shape.inner)?;
    let right = numbers(shape.inner * block.columns)?;
    let product = T::product(&left, &right, shape.inner as usize).ok_or_else(|| {
        JobError::bad_input(format!(
            "a number in the rows from {} and the columns from {} of the product does not fit into \
             64 bits: use f64",
            block.row, block.column
        ))
    })?;
    let partitions = pairs.partitions() as u64;
    for (row, numbers) in (block.row..).zip(product.chunks(block.columns as usize)) {
        let mut value = Vec::with_capacity(numbers.len() * 8);
        if (row, block.column) == (0, 0) {
            // Where the result begins.
            value.extend_from_slice(shape.result_head().as_bytes());
        }
        numbers.iter().for_each(|number| value.extend_from_slice(&number.bytes()));
        // Ranges of rows, so that the partitions in order are the product.
        let partition = row * partitions / shape.rows;
        pairs.emit_to(partition as usize, (row, block.column), value.as_slice());
        progress(row + 1 - block.row, block.rows);
    }
    Ok(())
}

fn reduce(_task: &Task, groups: &mut Groups, output: &mut Output) -> JobResult {
    while let Some((_place, rows)) = groups.next::<(u64, u64), Vec<u8>>() {
        rows.for_each(|row| output.put(&row));
    }
    Ok(())
}
