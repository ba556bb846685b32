//! The sizes of the matrices, where their numbers lie in the input, and how they are cut.

use bramble_guest::{Input, JobError, JobResult, Piece, quote};

/// Bytes of a number.
const NUMBER_BYTES: u64 = 8;
/// No first line is longer.
const HEAD_BYTES_MAX: usize = 100;
/// A chunk has at most so many bytes, and a job so many chunks.
const CHUNK_BYTES_MAX: u64 = 64 << 20;
const CHUNKS_MAX: u64 = 65_536;

/// What the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Float,
    Integer,
}

/// The input, as its first line describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// Rows of the first matrix and of the product.
    pub(crate) rows: u64,
    /// Columns of the first matrix and rows of the second.
    pub(crate) inner: u64,
    /// Columns of the second matrix and of the product.
    pub(crate) columns: u64,
    /// Where the numbers begin, in bytes.
    start: u64,
}

/// A block of the product: its first row and column, and how many it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) row: u64,
    pub(crate) rows: u64,
    pub(crate) column: u64,
    pub(crate) columns: u64,
}

impl Shape {
    /// Reads the first line, and checks that the input is as long as it says.
    pub(crate) fn read(input: &Input) -> JobResult<Self> {
        let head = input.read_at(0, HEAD_BYTES_MAX);
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        let shape = Self::parse(&text).ok_or_else(|| {
            JobError::bad_input(format!(
                "the input starts with {}; it should be `matrices f64 ROWS INNER COLUMNS` or \
                 `matrices i64 …`, each number at least 1",
                quote(&text)
            ))
        })?;
        let numbers =
            u128::from(shape.inner) * (u128::from(shape.rows) + u128::from(shape.columns));
        let wanted = numbers * u128::from(NUMBER_BYTES) + u128::from(shape.start);
        if u128::from(input.size()) != wanted {
            return Err(JobError::bad_input(format!(
                "the input has {} bytes; {} should have {wanted}",
                input.size(),
                quote(&text)
            )));
        }
        Ok(shape)
    }

    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let ["matrices", kind, rows, inner, columns] = words[..] else { return None };
        let kind = match kind {
            "f64" => Kind::Float,
            "i64" => Kind::Integer,
            _ => return None,
        };
        let size = |word: &str| word.parse().ok().filter(|size: &u64| *size > 0);
        let (rows, inner, columns) = (size(rows)?, size(inner)?, size(columns)?);
        Some(Self { kind, rows, inner, columns, start: line.len() as u64 + 1 })
    }

    /// The first line of the result.
    pub(crate) fn result_head(&self) -> String {
        let kind = if self.kind == Kind::Float { "f64" } else { "i64" };
        format!("matrix {kind} {} {}\n", self.rows, self.columns)
    }

    /// The blocks of the product, row by row, with so many rows and columns each.
    pub(crate) fn blocks(&self, side: u64) -> JobResult<Vec<Block>> {
        let bytes = self.inner.saturating_mul(2 * side * NUMBER_BYTES);
        if bytes >= CHUNK_BYTES_MAX {
            return Err(JobError::bad_param(format!(
                "with `block` {side} a task would get {bytes} bytes, and {CHUNK_BYTES_MAX} is too \
                 much: choose a smaller one"
            )));
        }
        if self.rows.div_ceil(side).saturating_mul(self.columns.div_ceil(side)) > CHUNKS_MAX {
            return Err(JobError::bad_param(format!(
                "`block` {side} makes more than {CHUNKS_MAX} tasks: choose a larger one"
            )));
        }
        let starts = |end: u64| (0..end).step_by(side as usize);
        let blocks = starts(self.rows).flat_map(|row| {
            starts(self.columns).map(move |column| Block {
                row,
                rows: side.min(self.rows - row),
                column,
                columns: side.min(self.columns - column),
            })
        });
        Ok(blocks.collect())
    }
}

impl Block {
    /// What a task needs to make this block: the sizes, rows of the first matrix, columns of the
    /// second.
    pub(crate) fn pieces(&self, shape: &Shape) -> Vec<Piece> {
        let kind = u64::from(shape.kind == Kind::Integer);
        let second = shape.start + shape.rows * shape.inner * NUMBER_BYTES;
        vec![
            Piece::numbers(&[kind, shape.rows, shape.inner, shape.columns]),
            Piece::numbers(&[self.row, self.rows, self.column, self.columns]),
            Piece::Input {
                offset: shape.start + self.row * shape.inner * NUMBER_BYTES,
                len: self.rows * shape.inner * NUMBER_BYTES,
            },
            Piece::Rows {
                offset: second + self.column * NUMBER_BYTES,
                len: self.columns * NUMBER_BYTES,
                stride: shape.columns * NUMBER_BYTES,
                count: shape.inner,
            },
        ]
    }

    /// Reads the sizes at the head of a chunk, and checks that the chunk is as long as they say.
    pub(crate) fn read(input: &mut Input) -> JobResult<(Shape, Self)> {
        let bad = || JobError::bad_input("the chunk does not begin with its sizes");
        let head: Vec<u64> = input.numbers().take(8).collect::<JobResult<_>>()?;
        let [kind, rows, inner, columns, row, block_rows, column, block_columns] = head[..] else {
            return Err(bad());
        };
        let kind = if kind == 1 { Kind::Integer } else { Kind::Float };
        let numbers = block_rows.checked_add(block_columns).and_then(|sum| sum.checked_mul(inner));
        let is_right = numbers == Some(input.size() / NUMBER_BYTES - 8) && block_columns > 0;
        if !is_right || row.saturating_add(block_rows) > rows {
            return Err(bad());
        }
        let shape = Shape { kind, rows, inner, columns, start: 0 };
        Ok((shape, Self { row, rows: block_rows, column, columns: block_columns }))
    }
}
