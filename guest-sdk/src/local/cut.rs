//! Cutting an input as a client does, for tests over several chunk sizes.

use super::Run;
use crate::{JobResult, Piece, Split};

impl Run {
    /// The whole job over `input` in one chunk, and again over chunks of several sizes: the
    /// result must be the same.
    ///
    /// # Errors
    /// The first error of any phase.
    ///
    /// # Panics
    /// When the result depends on where the input is cut: the job then counts on more than its
    /// chunk, or does not merge what it should.
    pub fn whole_in_any_chunks(&self, input: &[u8]) -> JobResult<Vec<u8>> {
        let whole_of = |bytes: usize| -> JobResult<(usize, Vec<u8>)> {
            let chunks = self.chunks(input, bytes)?;
            let borrowed: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            Ok((chunks.len(), self.whole(&borrowed)?))
        };
        let expected = if self.job.cut.is_some() {
            whole_of(input.len().max(1))?.1
        } else {
            self.whole(&[input])?
        };
        for pieces in [2, 3, 7, 50] {
            let bytes = input.len().div_ceil(pieces).max(1);
            let (chunks, found) = whole_of(bytes)?;
            let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
            let at = differs.unwrap_or(expected.len().min(found.len()));
            assert!(
                found == expected,
                "the result depends on where the input is cut: {chunks} chunks of about {bytes} \
                 bytes give {} bytes, one chunk gives {}, and they differ from byte {at} on",
                found.len(),
                expected.len()
            );
        }
        Ok(expected)
    }

    /// The chunks of `input`, of about so many bytes each: cut where the job allows it, or made by
    /// the job itself.
    ///
    /// # Errors
    /// What the job's `plan` or `cut` answered.
    ///
    /// # Panics
    /// When that is no cut of the input.
    pub fn chunks(&self, input: &[u8], bytes: usize) -> JobResult<Vec<Vec<u8>>> {
        if self.job.cut.is_some() && self.rule() == Split::Guest {
            return self.made(input, bytes.max(1) as u64);
        }
        Ok(self.cut(input, bytes)?.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// Cuts `input` into chunks of about so many bytes, where the job allows it.
    ///
    /// # Errors
    /// What the job's `plan` answered.
    ///
    /// # Panics
    /// When the job's `plan` gives spans that do not cover the input.
    pub fn cut<'i>(&self, input: &'i [u8], bytes: usize) -> JobResult<Vec<&'i [u8]>> {
        let bytes = bytes.max(1);
        match self.rule() {
            Split::Guest => self.cut_by_plan(input, bytes),
            Split::Bytes => Ok(input.chunks(bytes).collect()),
            Split::Records(record) => {
                let record = record.max(1) as usize;
                Ok(input.chunks((bytes / record).max(1) * record).collect())
            }
            Split::Lines | Split::ByParam(..) => Ok(cut_lines(input, bytes)),
        }
    }

    /// How the input is cut under these parameters.
    fn rule(&self) -> Split {
        let Split::ByParam(param, cases) = self.job.declaration.split else {
            return self.job.declaration.split;
        };
        let value = self.within(|| crate::host::param(param)).unwrap_or_default();
        let case = cases.iter().find(|(case, _)| *case == value);
        case.map_or(Split::Lines, |(_, rule)| *rule)
    }

    fn cut_by_plan<'i>(&self, input: &'i [u8], bytes: usize) -> JobResult<Vec<&'i [u8]>> {
        let mut chunks = Vec::new();
        let mut end = 0;
        for span in self.plan(input, bytes as u64)? {
            assert_eq!(span.offset, end as u64, "a span starts where the one before it ends");
            assert!(span.len > 0, "no span is empty");
            let start = end;
            end += usize::try_from(span.len).expect("the input is in memory");
            assert!(end <= input.len(), "no span goes beyond the input");
            chunks.push(&input[start..end]);
        }
        assert_eq!(end, input.len(), "the spans cover the input");
        Ok(chunks)
    }
}

/// The bytes of a chunk that a job made of pieces of `input`.
pub(super) fn gathered(input: &[u8], pieces: &[Piece]) -> Vec<u8> {
    let stretch = |offset: u64, len: u64| {
        let end = offset.checked_add(len).filter(|end| *end <= input.len() as u64);
        let end = end.expect("a piece lies within the input") as usize;
        &input[offset as usize..end]
    };
    let mut chunk = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => chunk.extend_from_slice(bytes),
            Piece::Input { offset, len } => chunk.extend_from_slice(stretch(*offset, *len)),
            Piece::Rows { offset, len, stride, count } => {
                for row in 0..*count {
                    chunk.extend_from_slice(stretch(offset + row * stride, *len));
                }
            }
        }
    }
    assert!(!chunk.is_empty(), "no chunk is empty");
    chunk
}

fn cut_lines(input: &[u8], bytes: usize) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    let mut rest = input;
    while rest.len() > bytes {
        let line_end = rest[bytes - 1..].iter().position(|byte| *byte == b'\n');
        let Some(more) = line_end else { break };
        let (chunk, after) = rest.split_at(bytes + more);
        chunks.push(chunk);
        rest = after;
    }
    if !rest.is_empty() {
        chunks.push(rest);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_gathered_from_pieces() {
        let pieces = [
            Piece::Bytes(b"head:".to_vec()),
            Piece::Rows { offset: 1, len: 2, stride: 4, count: 3 },
            Piece::Input { offset: 10, len: 2 },
            Piece::Input { offset: 0, len: 1 },
        ];
        assert_eq!(gathered(b"0123456789ab", &pieces), b"head:12569aab0");
    }

    #[test]
    fn lines_are_cut_after_a_line_feed_and_nothing_is_lost() {
        let text = b"one\ntwo\n\nthree and more\nfour";
        for bytes in 1..40 {
            let chunks = cut_lines(text, bytes);
            assert_eq!(chunks.concat(), text);
            let (_, ended) = chunks.split_last().unwrap();
            assert!(ended.iter().all(|chunk| chunk.ends_with(b"\n")), "{bytes}");
        }
        assert_eq!(cut_lines(b"a\nb\n", 1), [b"a\n", b"b\n"]);
        assert!(cut_lines(b"", 3).is_empty());
    }
}
