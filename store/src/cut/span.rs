//! Cutting where a module's own planner says.

use std::io::Read;

use bramble_protocol::{Manifest, pack};

use super::CutError;

/// Cuts a stream at given places, yielding the chunks in order. After an error nothing more is
/// yielded.
#[derive(Debug)]
pub struct SpanCutter<R> {
    reader: R,
    spans: std::vec::IntoIter<(u64, u64)>,
    planned: u64,
    is_done: bool,
}

impl<R: Read> SpanCutter<R> {
    /// Checks that `spans`, each offset and length in bytes, cover one stretch from 0 on in
    /// order; nothing is read yet.
    ///
    /// # Errors
    /// [`CutError::Empty`] without spans, [`CutError::BadSpan`], [`CutError::TooManyChunks`].
    pub fn new(reader: R, spans: Vec<(u64, u64)>) -> Result<Self, CutError> {
        if spans.is_empty() {
            return Err(CutError::Empty);
        }
        let mut due = 0u64;
        for (index, &(offset, len)) in spans.iter().enumerate() {
            let end = due.checked_add(len);
            let fits = offset == due && (1..=pack::OBJECT_BYTES_MAX).contains(&len);
            due = end.filter(|_| fits).ok_or(CutError::BadSpan { index, offset, len, due })?;
        }
        if spans.len() > Manifest::CHUNKS_MAX {
            return Err(CutError::TooManyChunks { chunk_bytes: due / spans.len() as u64 });
        }
        Ok(Self { reader, spans: spans.into_iter(), planned: due, is_done: false })
    }

    fn cut(&mut self) -> Result<Option<Vec<u8>>, CutError> {
        let Some((offset, len)) = self.spans.next() else {
            let rest = self.read(self.planned, 1)?;
            let error = CutError::NotCovered { planned: self.planned, is_longer: true };
            return if rest.is_empty() { Ok(None) } else { Err(error) };
        };
        let chunk = self.read(offset, len)?;
        if chunk.len() as u64 != len {
            return Err(CutError::NotCovered { planned: self.planned, is_longer: false });
        }
        Ok(Some(chunk))
    }

    fn read(&mut self, offset: u64, len: u64) -> Result<Vec<u8>, CutError> {
        let capacity = usize::try_from(len).expect("64 MiB fit into any address space");
        let mut bytes = Vec::with_capacity(capacity);
        match self.reader.by_ref().take(len).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(source) => Err(CutError::Read { offset: offset + bytes.len() as u64, source }),
        }
    }
}

impl<R: Read> Iterator for SpanCutter<R> {
    type Item = Result<Vec<u8>, CutError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let chunk = self.cut().transpose();
        self.is_done = !matches!(chunk, Some(Ok(_)));
        chunk
    }
}
