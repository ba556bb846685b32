//! What is done to files of any kind: `do=encrypt` and `do=decrypt`.
//!
//! A task gets whole segments, and before them what it must know of its place: see [`Place`].

use bramble_guest::prelude::*;

use crate::container::{
    Cost, HEADER_BYTES, Header, HostSegments, PREFIX_BYTES, SALT_BYTES, SealedShape, Segments,
    SoftSegments, Suite, TextShape, derive,
};
use crate::hex::from_hex;
use crate::master::{self, Master};

/// Segments that are worked on at a time.
const BATCH: u64 = 16;
/// The host takes at most 65,536 chunks.
const CHUNKS_MAX: u64 = 60_000;
/// The host takes at most 64 MiB; what stands before the segments must fit too.
const CHUNK_BYTES_MAX: u64 = 60 << 20;

/// Which segments of a file a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Number of the first.
    first: u64,
    /// How many there are in the file.
    all: u64,
    /// Whether the file's last is among them.
    ends: bool,
}

impl Place {
    const BYTES: usize = 17;

    fn encode(self) -> Vec<u8> {
        let mut bytes = self.first.to_le_bytes().to_vec();
        bytes.extend(self.all.to_le_bytes());
        bytes.push(self.ends.into());
        bytes
    }

    fn read(chunk: &mut Input) -> JobResult<Self> {
        let mut bytes = [0; Self::BYTES];
        chunk.read_exact(&mut bytes).map_err(JobError::failed)?;
        let number =
            |at: usize| u64::from_le_bytes(*bytes[at..].first_chunk().expect("there are 17"));
        Ok(Self { first: number(0), all: number(8), ends: bytes[16] != 0 })
    }
}

/// Chunks of whole segments, of `segment` bytes each, from a stretch of the input.
fn chunks_of(
    start: u64,
    bytes: u64,
    segments: u64,
    segment: u64,
    wanted_bytes: u64,
) -> impl Iterator<Item = (Place, Piece)> {
    let most = CHUNK_BYTES_MAX / segment;
    let each = (wanted_bytes / segment).max(segments.div_ceil(CHUNKS_MAX)).clamp(1, most);
    // A last segment without a byte, as c2sp's construction may have it, needs no chunk.
    let filled = segments.min(bytes.div_ceil(segment)).max(1);
    (0..filled.div_ceil(each)).map(move |index| {
        let first = index * each;
        let ends = first + each >= filled;
        let offset = first * segment;
        let len = if ends { bytes - offset } else { each * segment };
        let piece = Piece::Input { offset: start + offset, len };
        (Place { first, all: segments, ends }, piece)
    })
}

pub(crate) fn cut_to_encrypt(input: &Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let suite = chosen_suite()?;
    let shape = TextShape::new(suite, input.size())?;
    let segment = suite.segment_bytes as u64;
    let chunks = chunks_of(0, shape.bytes, shape.segments, segment, wanted_bytes);
    Ok(chunks.map(|(place, piece)| vec![Piece::Bytes(place.encode()), piece]).collect())
}

pub(crate) fn cut_to_decrypt(input: &Input, wanted_bytes: u64) -> JobResult<Vec<Vec<Piece>>> {
    let prefix = input.read_at(0, PREFIX_BYTES);
    let (header, _) = Header::decode(&prefix)?;
    let start = PREFIX_BYTES as u64;
    let shape = SealedShape::new(header.suite, input.size() - start)?;
    let segment = header.suite.sealed_segment_bytes() as u64;
    let chunks = chunks_of(start, shape.bytes, shape.segments, segment, wanted_bytes);
    let with_prefix = |place: Place| Piece::Bytes([prefix.clone(), place.encode()].concat());
    Ok(chunks.map(|(place, piece)| vec![with_prefix(place), piece]).collect())
}

pub(crate) fn encrypt(chunk: &mut Input, output: &mut Output) -> JobResult {
    let place = Place::read(chunk)?;
    let header = new_header()?;
    let (segments, commitment) = keyed(&header)?;
    if place.first == 0 {
        output.put(&header.encode());
        output.put(&header.salt);
        output.put(&commitment);
    }
    let segment = header.suite.segment_bytes as u64;
    let mut sealed = Vec::new();
    in_batches(chunk, Place::BYTES, segment, |done, at_end, text| {
        sealed.clear();
        segments.seal(place.first + done, place.ends && at_end, text, &mut sealed)?;
        output.put(&sealed);
        Ok(())
    })
}

pub(crate) fn decrypt(chunk: &mut Input, output: &mut Output) -> JobResult {
    let mut prefix = [0; PREFIX_BYTES];
    chunk.read_exact(&mut prefix).map_err(JobError::failed)?;
    let place = Place::read(chunk)?;
    let (header, found) = Header::decode(&prefix)?;
    let (segments, commitment) = keyed(&header)?;
    if commitment != found {
        let secret = if header.cost.is_some() { "passphrase" } else { "key" };
        return Err(JobError::bad_param(format!(
            "the secret `{secret}` is not the one this file was sealed with (or its first \
             {PREFIX_BYTES} bytes were changed)"
        )));
    }
    let segment = header.suite.sealed_segment_bytes() as u64;
    let mut text = Vec::new();
    in_batches(chunk, PREFIX_BYTES + Place::BYTES, segment, |done, at_end, sealed| {
        text.clear();
        let first = place.first + done;
        let ends = place.ends && at_end;
        if let Err(number) = segments.open(first, ends, sealed, &mut text) {
            let start = ((number - first) * segment) as usize;
            let end = sealed.len().min(start + segment as usize);
            let wrong = &sealed[start..end];
            return Err(JobError::bad_input(diagnosis(&*segments, place, number, wrong, segment)));
        }
        output.put(&text);
        Ok(())
    })
}

/// Calls `work` for the rest of a chunk in batches of segments: how many segments were before,
/// whether it is the last batch, and its bytes. An empty chunk is one empty batch.
fn in_batches(
    chunk: &mut Input,
    before: usize,
    segment: u64,
    mut work: impl FnMut(u64, bool, &[u8]) -> JobResult,
) -> JobResult {
    let mut left = chunk.size() - before as u64;
    let mut done = 0;
    let mut batch = Vec::new();
    loop {
        let len = left.min(BATCH * segment);
        batch.resize(len as usize, 0);
        chunk.read_exact(&mut batch).map_err(JobError::failed)?;
        left -= len;
        work(done, left == 0, &batch)?;
        if left == 0 {
            return Ok(());
        }
        done += BATCH;
        progress(done, done + left / segment);
    }
}

/// What is wrong with a segment, as far as it can be known.
fn diagnosis(
    segments: &dyn Segments,
    place: Place,
    number: u64,
    wrong: &[u8],
    segment: u64,
) -> String {
    /// More are not tried, so that a forged file costs little.
    const TRIES_MAX: u64 = 1_024;
    let opens = |number, is_last| segments.open(number, is_last, wrong, &mut Vec::new()).is_ok();
    let is_last = number + 1 == place.all;
    if is_last && opens(number, false) {
        return format!(
            "the file was cut short: segment {} and those after it are missing",
            number + 1
        );
    }
    if !is_last && opens(number, true) {
        return format!("bytes were added: segment {number} is the file's own last one");
    }
    let tried = number.saturating_sub(TRIES_MAX)..place.all.min(number + TRIES_MAX);
    if let Some(other) = { tried }.find(|other| opens(*other, false) || opens(*other, true)) {
        return format!("segments are in another order: number {other} stands in place {number}");
    }
    let from = PREFIX_BYTES as u64 + number * segment;
    let to = from + wrong.len() as u64;
    format!(
        "bytes {from} to {to} (segment {number}) are not what was sealed: they were changed, or cut, \
         or come from another file"
    )
}

/// What works on segments, and the commitment to its key.
fn keyed(header: &Header) -> JobResult<(Box<dyn Segments>, [u8; 32])> {
    Ok(match master::master_key(header)? {
        Master::Here(key) => {
            let keys = derive(&key, header);
            (Box::new(SoftSegments::new(header.suite, &keys)), keys.commitment)
        }
        Master::AtHost(key) => {
            let (segments, commitment) = HostSegments::derive(&key, header)?;
            (Box::new(segments), commitment)
        }
    })
}

fn chosen_suite() -> JobResult<&'static Suite> {
    Suite::named(&param_or("cipher", "aes-256-gcm"))
}

/// The header that the parameters ask for.
fn new_header() -> JobResult<Header> {
    let salt = param_or("salt", "");
    let salt = from_hex(salt.as_bytes()).and_then(|bytes| bytes.try_into().ok());
    let salt = salt.ok_or_else(|| {
        JobError::bad_param(format!(
            "`salt` should be {} hexadecimal digits; leave it out to have it chosen by chance, \
             because no two files may share key and salt",
            2 * SALT_BYTES
        ))
    })?;
    let cost = if master::is_passphrase()? { Some(chosen_cost()?) } else { None };
    Ok(Header { suite: chosen_suite()?, cost, salt })
}

fn chosen_cost() -> JobResult<Cost> {
    let cost = Cost {
        memory_kib: param_as("memory-kib")?,
        passes: param_as("passes")?,
        lanes: param_as("lanes")?,
    };
    cost.check().map_err(JobError::bad_param)
}

const _: () = assert!(PREFIX_BYTES == HEADER_BYTES + SALT_BYTES + 32);
