//! Pairs that a map has emitted, until there are enough of them to be sorted.

use bramble_protocol::AttemptOutcome;

use super::frame::{self, FRAME_HEADING_BYTES};

/// Memory for pairs and their places, in bytes: more makes fewer runs, and the smallest boards
/// have 512 MiB.
pub(super) const BUFFER_BYTES: usize = 8 << 20;
/// The partition of a pair that goes where its key says. There are never so many partitions.
const BY_KEY: u16 = u16::MAX;

/// A pair's place in the buffer with all that most comparisons need.
#[derive(Clone, Copy, Debug)]
struct Place {
    prefix: u64,
    offset: u32,
    partition: u16,
    /// Length of the key, or `u16::MAX` for all that are longer.
    key_len: u16,
}

/// Pairs in the order in which they were emitted.
#[derive(Debug, Default)]
pub(super) struct SortBuffer {
    frames: Vec<u8>,
    places: Vec<Place>,
}

/// The pairs of a buffer, sorted: by partition, by key, and as they were emitted.
pub(super) struct Sorted<'a> {
    frames: &'a [u8],
    places: &'a [Place],
    /// Where in `order` each partition starts, and where the last one ends.
    starts: Vec<usize>,
    /// Indices of `places`.
    order: Vec<u32>,
}

impl SortBuffer {
    /// Takes frames off the start of `block` until it or the room is used up, and returns how
    /// many bytes that were. `partition` is the guest's own choice.
    ///
    /// # Errors
    /// With the outcome of a guest whose frames are malformed.
    pub(super) fn take(
        &mut self,
        block: &[u8],
        partition: Option<u32>,
    ) -> Result<usize, AttemptOutcome> {
        let partition = partition.map_or(BY_KEY, |partition| partition as u16);
        let mut taken = 0;
        while !self.is_full() {
            let Some((key, len)) = frame::first(&block[taken..])? else { break };
            self.places.push(Place {
                prefix: frame::prefix(key),
                // The buffer is far smaller than 4 GiB.
                offset: self.frames.len() as u32,
                partition,
                key_len: u16::try_from(key.len()).unwrap_or(u16::MAX),
            });
            self.frames.extend_from_slice(&block[taken..taken + len]);
            taken += len;
        }
        Ok(taken)
    }

    pub(super) fn is_full(&self) -> bool {
        self.frames.len() + self.places.len() * size_of::<Place>() >= BUFFER_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.places.clear();
    }

    /// Sorts what there is, for so many partitions.
    pub(super) fn sort(&mut self, partitions: u32) -> Sorted<'_> {
        let frames = self.frames.as_slice();
        self.places.sort_unstable_by(|a, b| {
            a.prefix
                .cmp(&b.prefix)
                .then_with(|| {
                    // Keys of up to eight bytes with one prefix differ in trailing zeros only.
                    if a.key_len <= 8 && b.key_len <= 8 {
                        a.key_len.cmp(&b.key_len)
                    } else {
                        key_at(frames, *a).cmp(key_at(frames, *b))
                    }
                })
                .then_with(|| a.offset.cmp(&b.offset))
        });
        choose_partitions(frames, &mut self.places, partitions);
        Sorted::new(frames, &self.places, partitions)
    }
}

/// The digest of a key decides on its partition; each key is hashed once, because equal ones stand
/// together.
fn choose_partitions(frames: &[u8], places: &mut [Place], partitions: u32) {
    let mut last: Option<(&[u8], u16)> = None;
    for place in places.iter_mut().filter(|place| place.partition == BY_KEY) {
        if partitions <= 1 {
            place.partition = 0;
            continue;
        }
        let key = key_at(frames, *place);
        place.partition = match last {
            Some((known, partition)) if known == key => partition,
            _ => partition_of(key, partitions) as u16,
        };
        last = Some((key, place.partition));
    }
}

/// The partition of a key: the first 8 bytes of its BLAKE3 digest as a little-endian number,
/// modulo the number of partitions.
pub(super) fn partition_of(key: &[u8], partitions: u32) -> u32 {
    let digest = blake3::hash(key);
    let (first, _) = digest.as_bytes().split_first_chunk::<8>().expect("a digest has 32 bytes");
    (u64::from_le_bytes(*first) % u64::from(partitions)) as u32
}

#[inline]
fn key_at(frames: &[u8], place: Place) -> &[u8] {
    let frame = &frames[place.offset as usize..];
    let (key, _) = frame::lengths(frame).expect("only whole frames are taken in");
    &frame[FRAME_HEADING_BYTES..FRAME_HEADING_BYTES + key]
}

impl<'a> Sorted<'a> {
    fn new(frames: &'a [u8], places: &'a [Place], partitions: u32) -> Self {
        // A counting sort by partition, which keeps the order of the keys.
        let mut starts = vec![0; partitions as usize + 1];
        for place in places {
            starts[usize::from(place.partition) + 1] += 1;
        }
        for partition in 0..partitions as usize {
            starts[partition + 1] += starts[partition];
        }
        let mut next = starts.clone();
        let mut order = vec![0; places.len()];
        for (index, place) in places.iter().enumerate() {
            let slot = &mut next[usize::from(place.partition)];
            order[*slot] = index as u32;
            *slot += 1;
        }
        Self { frames, places, starts, order }
    }

    /// The frames of one partition in order.
    pub(super) fn frames(&self, partition: u32) -> impl Iterator<Item = &'a [u8]> {
        let partition = partition as usize;
        self.order[self.starts[partition]..self.starts[partition + 1]].iter().map(|index| {
            let frame = &self.frames[self.places[*index as usize].offset as usize..];
            let (key, value) = frame::lengths(frame).expect("only whole frames are taken in");
            &frame[..FRAME_HEADING_BYTES + key + value]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::frame;
    use super::*;

    fn take(buffer: &mut SortBuffer, key: &[u8], value: &[u8], partition: Option<u32>) {
        let frame = frame(key, value);
        assert_eq!(buffer.take(&frame, partition).unwrap(), frame.len());
    }

    #[test]
    fn pairs_come_by_partition_and_key_and_equal_keys_as_they_were_emitted() {
        let mut buffer = SortBuffer::default();
        let keys: [&[u8]; 9] = [
            b"b",
            b"",
            b"a\0",
            b"a",
            b"long key number two",
            b"long key number one",
            b"b",
            b"a\0\0",
            b"abcdefgh",
        ];
        for round in [b"1", b"2"] {
            for key in keys {
                take(&mut buffer, key, round, Some(0));
            }
        }
        take(&mut buffer, b"a", b"", Some(1));
        let sorted = buffer.sort(2);
        let mut expected: Vec<(&[u8], &[u8])> =
            [b"1", b"2"].iter().flat_map(|round| keys.map(|key| (key, &round[..]))).collect();
        expected.sort_by_key(|(key, _)| *key);
        let expected: Vec<Vec<u8>> =
            expected.iter().map(|(key, value)| frame(key, value)).collect();
        assert_eq!(sorted.frames(0).collect::<Vec<_>>(), expected);
        assert_eq!(sorted.frames(1).collect::<Vec<_>>(), [frame(b"a", b"")]);
    }

    #[test]
    fn a_key_decides_on_its_partition_by_its_digest() {
        let mut buffer = SortBuffer::default();
        for number in 0..1000u32 {
            take(&mut buffer, &(number % 100).to_be_bytes(), &number.to_le_bytes(), None);
        }
        let sorted = buffer.sort(7);
        let mut seen = 0;
        for partition in 0..7 {
            for frame in sorted.frames(partition) {
                let (key, _) = frame::first(frame).unwrap().unwrap();
                assert_eq!(partition_of(key, 7), partition);
                seen += 1;
            }
        }
        assert_eq!(seen, 1000);
    }

    #[test]
    fn a_full_buffer_takes_no_more() {
        let mut buffer = SortBuffer::default();
        let block = frame(b"k", &[7; 1000]).repeat(1000);
        let mut taken = 0;
        while !buffer.is_full() {
            taken += buffer.take(&block, None).unwrap();
        }
        assert!(taken < BUFFER_BYTES + block.len());
        assert_eq!(buffer.take(&block, None).unwrap(), 0);
        buffer.clear();
        assert!(buffer.is_empty() && !buffer.is_full());
    }
}
