//! Keys and values: what a map emits, and what is combined and reduced.

use std::marker::PhantomData;

use crate::{Key, OwnedKey, OwnedValue, Value, host};

/// How much is gathered before it goes to the host.
const BLOCK_BYTES: usize = 64 << 10;
/// The most that is gathered for all partitions together.
const BLOCKS_BYTES_MAX: usize = 4 << 20;
/// Bytes before the key of a frame: the lengths of key and value.
const HEADING_BYTES: usize = 8;

/// Where frames go: the host, or a vector in a native test.
pub(crate) trait PairSink {
    fn emit(&mut self, partition: Option<u32>, frames: &[u8]);
}

/// Where sorted frames come from.
pub(crate) trait PairSource {
    fn next(&mut self, max: u32) -> Vec<u8>;
}

/// Where a map, or a combine, puts its pairs.
///
/// Keys may have up to 64 KiB, values up to 4 MiB. What is emitted counts only if the task ends
/// well.
pub struct Emitter<'a> {
    sink: Box<dyn PairSink + 'a>,
    /// First for pairs that go where their key says, then for each partition.
    blocks: Vec<Vec<u8>>,
    block_bytes: usize,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(sink: impl PairSink + 'a, partitions: u32) -> Self {
        let partitions = partitions.max(1) as usize;
        Self {
            sink: Box::new(sink),
            blocks: vec![Vec::new(); 1 + partitions],
            block_bytes: BLOCK_BYTES.min(BLOCKS_BYTES_MAX / partitions).max(1),
        }
    }

    /// How many partitions there are, at least 1.
    pub fn partitions(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Adds a pair. All pairs of one key meet in one partition, which its digest decides on.
    #[inline]
    pub fn emit(&mut self, key: impl Key, value: impl Value) {
        self.add(0, &key, &value);
    }

    /// Adds a pair to a partition of the job's own choice, from 0: that of its key range, say.
    /// A job must not send one key to several, nor the same one by [`emit`](Self::emit).
    ///
    /// In a combine there is no choice: pairs stay in the partition they are from.
    ///
    /// # Panics
    /// When there is no such partition.
    #[inline]
    pub fn emit_to(&mut self, partition: usize, key: impl Key, value: impl Value) {
        let count = self.partitions();
        assert!(partition < count, "there is no partition {partition}: there are {count}");
        self.add(1 + partition, &key, &value);
    }

    #[inline]
    fn add(&mut self, place: usize, key: &impl Key, value: &impl Value) {
        let block = &mut self.blocks[place];
        if block.capacity() == 0 {
            block.reserve(self.block_bytes);
        }
        let start = block.len();
        block.extend_from_slice(&[0; HEADING_BYTES]);
        key.encode(block, true);
        let key_len = block.len() - start - HEADING_BYTES;
        value.encode(block, true);
        let value_len = block.len() - start - HEADING_BYTES - key_len;
        block[start..start + 4].copy_from_slice(&(key_len as u32).to_le_bytes());
        block[start + 4..start + 8].copy_from_slice(&(value_len as u32).to_le_bytes());
        if block.len() >= self.block_bytes {
            self.send(place);
        }
    }

    /// Makes `state`, of at most 1 MiB, durable together with all that was emitted so far. When
    /// the task is run again after a power cut, [`host::load`] gives the state, and what was
    /// emitted before is there already.
    pub fn save(&mut self, state: &[u8]) {
        self.send_all();
        host::save(state);
    }

    /// Sends on what has been gathered. The SDK calls it when a task ends well.
    pub(crate) fn finish(mut self) {
        self.send_all();
    }

    fn send_all(&mut self) {
        for place in 0..self.blocks.len() {
            self.send(place);
        }
    }

    fn send(&mut self, place: usize) {
        let block = &mut self.blocks[place];
        if !block.is_empty() {
            self.sink.emit((place as u32).checked_sub(1), block);
            block.clear();
        }
    }
}

/// Pairs in the order of their keys, for a combine or a reduce.
///
/// ```
/// # use bramble_guest::prelude::*;
/// fn reduce(_: &Task, groups: &mut Groups, output: &mut Output) -> JobResult {
///     while let Some((word, counts)) = groups.next::<String, u64>() {
///         writeln!(output, "{word}\t{}", counts.sum::<u64>())?;
///     }
///     Ok(())
/// }
/// ```
pub struct Groups<'a> {
    source: Box<dyn PairSource + 'a>,
    block: Vec<u8>,
    at: usize,
    key: Vec<u8>,
    /// Whether values of `key` may be left.
    open: bool,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(source: impl PairSource + 'a) -> Self {
        Self { source: Box::new(source), block: Vec::new(), at: 0, key: Vec::new(), open: false }
    }

    /// The next key with its values, which come in the order of the chunks and, within a chunk,
    /// as they were emitted. None at the end. Values that were not looked at are passed over.
    ///
    /// # Panics
    /// When a key is no `K`, or later a value no `V`: the job emits other types than it reads.
    #[expect(clippy::should_implement_trait, reason = "an iterator's items could not borrow")]
    pub fn next<K: OwnedKey, V: OwnedValue>(&mut self) -> Option<(K, Values<'_, 'a, V>)> {
        while self.open {
            self.next_value();
        }
        let (key, _, _) = self.peek()?;
        let mut known = std::mem::take(&mut self.key);
        known.clear();
        known.extend_from_slice(&self.block[key]);
        self.key = known;
        self.open = true;
        let key = decoded::<K>(&self.key, K::decode, "key");
        Some((key, Values { groups: self, values: PhantomData }))
    }

    /// Where in the block the next frame's key and value are, and where the frame ends.
    #[inline]
    fn peek(&mut self) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>, usize)> {
        if self.at == self.block.len() {
            self.at = 0;
            self.block = self.source.next(BLOCK_BYTES as u32);
            if self.block.is_empty() {
                return None;
            }
        }
        let word = |at: usize| {
            let bytes = self.block[at..].first_chunk::<4>().expect("the host gives whole frames");
            u32::from_le_bytes(*bytes) as usize
        };
        let key = self.at + HEADING_BYTES;
        let value = key + word(self.at);
        let end = value + word(self.at + 4);
        Some((key..value, value..end, end))
    }

    /// Where in the block the next value of the key is.
    #[inline]
    fn next_value(&mut self) -> Option<std::ops::Range<usize>> {
        if !self.open {
            return None;
        }
        match self.peek() {
            Some((key, value, end)) if self.block[key.clone()] == self.key[..] => {
                self.at = end;
                Some(value)
            }
            _ => {
                self.open = false;
                None
            }
        }
    }
}

/// The values of one key.
pub struct Values<'g, 'a, V> {
    groups: &'g mut Groups<'a>,
    values: PhantomData<fn() -> V>,
}

impl<V: OwnedValue> Iterator for Values<'_, '_, V> {
    type Item = V;

    #[inline]
    fn next(&mut self) -> Option<V> {
        let value = self.groups.next_value()?;
        Some(decoded::<V>(&self.groups.block[value], V::decode, "value"))
    }
}

#[inline]
fn decoded<T>(bytes: &[u8], decode: fn(&mut &[u8], bool) -> Option<T>, what: &str) -> T {
    let mut rest = bytes;
    match decode(&mut rest, true) {
        Some(decoded) if rest.is_empty() => decoded,
        _ => panic!(
            "a {what} of {} bytes is no {}: emit the type that is read",
            bytes.len(),
            std::any::type_name::<T>()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local;

    fn frames(emit: impl FnOnce(&mut Emitter<'_>)) -> Vec<u8> {
        struct All<'v>(&'v mut Vec<u8>);
        impl PairSink for All<'_> {
            fn emit(&mut self, _partition: Option<u32>, frames: &[u8]) {
                self.0.extend_from_slice(frames);
            }
        }
        let mut all = Vec::new();
        let mut emitter = Emitter::new(All(&mut all), 1);
        emit(&mut emitter);
        emitter.finish();
        all
    }

    #[test]
    fn groups_are_the_same_however_the_host_cuts_its_blocks() {
        let frames = frames(|pairs| {
            for (key, value) in [("a", 1u32), ("a", 2), ("b", 3), ("c", 4), ("c", 5), ("c", 6)] {
                pairs.emit(key, value);
            }
        });
        for frames_per_block in 1..8 {
            let mut groups = local::groups(&frames, frames_per_block);
            let mut seen = Vec::new();
            while let Some((key, values)) = groups.next::<String, u32>() {
                seen.push((key, values.collect::<Vec<_>>()));
            }
            let expected = [("a", vec![1, 2]), ("b", vec![3]), ("c", vec![4, 5, 6])];
            assert_eq!(seen, expected.map(|(key, values)| (key.to_owned(), values)));
        }
    }

    #[test]
    fn values_that_nobody_looks_at_are_passed_over() {
        let frames = frames(|pairs| (0..100u8).for_each(|n| pairs.emit(n / 10, n)));
        let mut groups = local::groups(&frames, 3);
        let mut firsts = Vec::new();
        while let Some((_, mut values)) = groups.next::<u8, u8>() {
            firsts.extend(values.next());
        }
        assert_eq!(firsts, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
        assert!(groups.next::<u8, u8>().is_none());
    }

    #[test]
    #[should_panic(expected = "a value of 4 bytes is no u64: emit the type that is read")]
    fn reading_another_type_than_was_emitted_says_so() {
        let frames = frames(|pairs| pairs.emit("a", 1i32));
        let mut groups = local::groups(&frames, 1);
        let (_, mut values) = groups.next::<String, u64>().unwrap();
        values.next();
    }
}
