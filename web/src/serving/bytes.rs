//! Bytes of objects that follow one another. Each object is verified before any of it is read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::vec;

use axum::body::Body;
use axum::body::Bytes;
use bramble_protocol::{Digest, ObjectRef};
use bramble_store::Store;
use futures_util::{StreamExt, stream};
use tokio::sync::OwnedSemaphorePermit;

use super::range::Span;
use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::state::{Head, Shared, blocking};
use crate::stored::unreadable;

/// The most that [`read_range`] gives, in bytes: what a page may show of a result.
pub(crate) const READ_BYTES_MAX: u64 = 1 << 20;

/// At most `length_max` bytes, and never more than [`READ_BYTES_MAX`], of what `objects` are one
/// after the other, beginning with byte `from`. Fewer when they end before; none behind the end.
///
/// # Errors
/// When an object of which bytes are wanted is gone or damaged.
pub(crate) async fn read_range(
    head: &Head,
    objects: &[ObjectRef],
    from: u64,
    length_max: u64,
) -> ApiResult<Vec<u8>> {
    let parts = parts(objects, Span { from, length: length_max.min(READ_BYTES_MAX) });
    let is_long = parts.iter().any(|part| !part.is_short());
    let verification = if is_long { Some(head.verifications.take().await) } else { None };
    let store = head.store.clone();
    let read = blocking(move || {
        let mut reader = Reader::new(store, parts);
        let mut bytes = Vec::new();
        let read = loop {
            match reader.next() {
                Ok(piece) if piece.is_empty() => break Ok(bytes),
                Ok(piece) => bytes.extend(piece),
                Err(failed) => break Err(failed),
            }
        };
        drop(verification);
        Ok(read)
    });
    head.or_forget(read.await?).await
}

/// The same for any length: sent while it is read, with one piece in memory. The first object is
/// checked before this returns. When a later one is damaged the body breaks off, and with it the
/// connection, so that nobody takes a part for the whole.
///
/// # Errors
/// When the first object is gone or damaged.
pub(crate) async fn stream_range(
    head: &Head,
    objects: &[ObjectRef],
    span: Span,
) -> ApiResult<Body> {
    let download = head.downloads.take().await;
    let reader = Reader::new(head.store.clone(), parts(objects, span));
    let sending = Sending { head: Head::clone(head), reader, _download: download };
    let (first, sending) = sending.next().await?;
    let rest = stream::try_unfold(sending, |sending| async move {
        match sending.next().await {
            Ok((piece, _)) if piece.is_empty() => Ok(None),
            Ok(piece) => Ok(Some(piece)),
            Err(error) => {
                // Too late for a problem: the connection breaks off, and the client sees that.
                let error = error.in_full();
                tracing::error!(error, "cannot go on sending: {error}");
                Err(io::Error::other(error))
            }
        }
    });
    Ok(Body::from_stream(stream::once(async { Ok::<_, io::Error>(first) }).chain(rest)))
}

/// A part of an object, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    object: ObjectRef,
    span: Span,
}

impl Part {
    /// Whether its object is read at once, and not in pieces.
    fn is_short(&self) -> bool {
        self.object.size <= limits::PIECE_BYTES as u64
    }
}

/// The parts of `objects` that a span of all of them is made of.
fn parts(objects: &[ObjectRef], span: Span) -> Vec<Part> {
    let end = span.from.saturating_add(span.length);
    let mut begin = 0u64;
    let mut parts = Vec::new();
    for object in objects {
        let after = begin.saturating_add(object.size);
        let (from, to) = (span.from.max(begin), end.min(after));
        if from < to {
            let span = Span { from: from - begin, length: to - from };
            parts.push(Part { object: *object, span });
        }
        if after >= end {
            break;
        }
        begin = after;
    }
    parts
}

/// Why there is no next piece, and of which object.
type Failed = (Digest, ApiError);

/// Reads parts one after the other.
struct Reader {
    store: Store,
    parts: vec::IntoIter<Part>,
    /// What is being read in pieces: the object, its file, and how much of it is still wanted.
    open: Option<(Digest, File, u64)>,
}

impl Reader {
    fn new(store: Store, parts: Vec<Part>) -> Self {
        Self { store, parts: parts.into_iter(), open: None }
    }

    /// Whether the next piece begins with hashing a long object.
    fn will_verify(&self) -> bool {
        self.open.is_none() && self.parts.as_slice().first().is_some_and(|part| !part.is_short())
    }

    /// The next bytes; none at the end. Blocks.
    fn next(&mut self) -> Result<Vec<u8>, Failed> {
        if let Some((digest, mut file, left)) = self.open.take() {
            let length = left.min(limits::PIECE_BYTES as u64);
            let piece = read_exactly(&mut file, length).map_err(|error| (digest, error))?;
            self.open = (left > length).then_some((digest, file, left - length));
            return Ok(piece);
        }
        let Some(Part { object, span }) = self.parts.next() else { return Ok(Vec::new()) };
        let failed = |error| (object.digest, unreadable(&self.store, error));
        if (Part { object, span }).is_short() {
            let mut bytes = self.store.get(&object).map_err(failed)?;
            // It is as long as it should be, or the store would not have given it.
            bytes.truncate((span.from + span.length) as usize);
            bytes.drain(..span.from as usize);
            return Ok(bytes);
        }
        let mut file = self.store.open_verified(&object).map_err(failed)?;
        file.seek(SeekFrom::Start(span.from))
            .map_err(|error| (object.digest, ApiError::fault(error)))?;
        self.open = Some((object.digest, file, span.length));
        self.next()
    }
}

fn read_exactly(file: &mut File, length: u64) -> ApiResult<Vec<u8>> {
    let mut piece = vec![0; length as usize];
    file.read_exact(&mut piece).map_err(ApiError::fault)?;
    Ok(piece)
}

/// What is being sent. It holds its place until it is sent or given up.
struct Sending {
    head: Head,
    reader: Reader,
    _download: OwnedSemaphorePermit,
}

impl Sending {
    async fn next(mut self) -> ApiResult<(Bytes, Self)> {
        let verification = match self.reader.will_verify() {
            true => Some(self.head.verifications.take().await),
            false => None,
        };
        let mut reader = self.reader;
        let read = blocking(move || {
            let piece = reader.next();
            drop(verification);
            Ok((piece, reader))
        });
        let (piece, reader) = read.await?;
        self.reader = reader;
        let piece = self.head.or_forget(piece).await?;
        Ok((piece.into(), self))
    }
}

impl Shared {
    /// Makes sure that no job is given an object as a result that could not be read.
    async fn or_forget<T>(&self, read: Result<T, Failed>) -> ApiResult<T> {
        match read {
            Ok(read) => Ok(read),
            Err((digest, error)) => {
                self.forget(digest).await;
                Err(error)
            }
        }
    }

    /// Tells the scheduler that an object is gone or damaged.
    pub(crate) async fn forget(&self, digest: Digest) {
        // When the scheduler has stopped, it gives nothing to anybody.
        let _ = self.handle.objects_gone([digest].into()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the same bytes joined and cut out: chunks of several lengths, some of them empty.
    #[test]
    fn the_parts_of_every_span_are_the_bytes_of_the_joined_objects() {
        let chunks: [&[u8]; 6] = [b"ab", b"", b"cdefg", b"h", b"", b"ijk"];
        let objects: Vec<ObjectRef> = chunks.iter().map(|chunk| ObjectRef::of(chunk)).collect();
        let joined = chunks.concat();
        for from in 0..14u64 {
            for length in 0..14u64 {
                let mut found: Vec<u8> = Vec::new();
                for part in parts(&objects, Span { from, length }) {
                    assert!(part.span.length > 0, "an empty part would look like the end");
                    let chunk = chunks.iter().find(|it| ObjectRef::of(it) == part.object).unwrap();
                    let from = part.span.from as usize;
                    found.extend(&chunk[from..from + part.span.length as usize]);
                }
                let expected: Vec<u8> =
                    joined.iter().copied().skip(from as usize).take(length as usize).collect();
                assert_eq!(found, expected, "{length} from {from}");
            }
        }
    }

    #[test]
    fn a_span_behind_all_numbers_has_no_parts() {
        let span = Span { from: u64::MAX, length: u64::MAX };
        assert_eq!(parts(&[ObjectRef::of(b"abc")], span), []);
    }
}
