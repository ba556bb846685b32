//! What a task writes: one stream of bytes for each partition.

use std::io::{self, Write};

use crate::host;

/// How much is gathered before it goes to the host.
const BLOCK_BYTES: usize = 64 << 10;
/// The most that is gathered for all partitions together.
const BLOCKS_BYTES_MAX: usize = 4 << 20;

/// Where the bytes go: the host, or vectors in a native test.
pub(crate) trait Sink {
    fn write_to(&mut self, partition: u32, bytes: &[u8]);
}

/// The task's outputs. Most jobs have one and use [`put`](Self::put); a job that chooses key
/// ranges writes each record [`to`](Self::to) the partition of its range.
///
/// It is also an [`io::Write`], for `writeln!(output, …)?`. What is written counts only if the
/// task ends well.
pub struct Output<'a> {
    sink: Box<dyn Sink + 'a>,
    blocks: Vec<Vec<u8>>,
    block_bytes: usize,
}

impl<'a> Output<'a> {
    pub(crate) fn new(sink: impl Sink + 'a, partitions: u32) -> Self {
        let partitions = partitions.max(1) as usize;
        Self {
            sink: Box::new(sink),
            blocks: vec![Vec::new(); partitions],
            block_bytes: BLOCK_BYTES.min(BLOCKS_BYTES_MAX / partitions).max(1),
        }
    }

    /// How many partitions there are, at least 1.
    pub fn partitions(&self) -> usize {
        self.blocks.len()
    }

    /// Adds bytes to the first partition.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        self.to(0).put(bytes);
    }

    /// One of the partitions, from 0.
    ///
    /// # Panics
    /// When there is no such partition.
    #[inline]
    pub fn to(&mut self, partition: usize) -> Partition<'_, 'a> {
        let count = self.blocks.len();
        assert!(partition < count, "there is no partition {partition}: there are {count}");
        Partition { output: self, partition }
    }

    /// Makes `state`, of at most 1 MiB, durable together with all that was written so far. When
    /// the task is run again after a power cut, [`host::load`] gives the state, and the outputs
    /// hold what they hold now.
    ///
    /// ```
    /// # use bramble_guest::prelude::*;
    /// fn count(_: &Task, _: &mut Input, output: &mut Output) -> JobResult {
    ///     let saved = host::load().and_then(|state| state.try_into().ok());
    ///     let mut next = saved.map_or(0, u32::from_le_bytes);
    ///     while next < 1_000_000 {
    ///         writeln!(output, "{next}")?;
    ///         next += 1;
    ///         if next % 1000 == 0 && host::should_save() {
    ///             output.save(&next.to_le_bytes());
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn save(&mut self, state: &[u8]) {
        self.send_all();
        host::save(state);
    }

    /// Sends on what has been gathered. The SDK calls it when a task ends well.
    pub(crate) fn finish(mut self) {
        self.send_all();
    }

    fn send_all(&mut self) {
        for partition in 0..self.blocks.len() {
            self.send(partition);
        }
    }

    fn send(&mut self, partition: usize) {
        let block = &mut self.blocks[partition];
        if !block.is_empty() {
            self.sink.write_to(partition as u32, block);
            block.clear();
        }
    }
}

/// One partition of an [`Output`].
pub struct Partition<'o, 'a> {
    output: &'o mut Output<'a>,
    partition: usize,
}

impl Partition<'_, '_> {
    /// Adds bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        self.put_with(bytes.len(), |block| append(block, bytes));
    }

    /// Adds `line` and a line feed.
    #[inline]
    pub fn put_line(&mut self, line: &[u8]) {
        self.put_with(line.len() + 1, |block| {
            append(block, line);
            block.push(b'\n');
        });
    }

    #[inline]
    fn put_with(&mut self, len: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let limit = self.output.block_bytes;
        if self.output.blocks[self.partition].len() + len > limit {
            self.output.send(self.partition);
        }
        let block = &mut self.output.blocks[self.partition];
        if block.capacity() == 0 {
            block.reserve_exact(limit);
        }
        write(block);
    }
}

/// Most lines and records are short, and calling for a copy of a length that is not known takes
/// longer in WebAssembly than copying a few words.
#[inline]
fn append(block: &mut Vec<u8>, bytes: &[u8]) {
    const SHORT_BYTES_MAX: usize = 32;
    if bytes.len() > SHORT_BYTES_MAX {
        return block.extend_from_slice(bytes);
    }
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        block.extend_from_slice(word);
    }
    for byte in rest {
        block.push(*byte);
    }
}

impl Write for Partition<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, rc::Rc};

    /// What was sent, call by call.
    type Calls = Rc<RefCell<Vec<(u32, Vec<u8>)>>>;

    struct Recorder(Calls);

    impl Sink for Recorder {
        fn write_to(&mut self, partition: u32, bytes: &[u8]) {
            self.0.borrow_mut().push((partition, bytes.to_vec()));
        }
    }

    #[test]
    fn partitions_keep_their_bytes_apart_and_in_order() {
        let calls = Calls::default();
        let mut output = Output::new(Recorder(calls.clone()), 2);
        output.to(1).put_line(b"x");
        output.put(b"a");
        write!(output, "{}", 7).unwrap();
        output.to(1).put(b"y");
        assert!(calls.borrow().is_empty(), "little is gathered before it is sent");
        output.finish();
        assert_eq!(*calls.borrow(), [(0, b"a7".to_vec()), (1, b"x\ny".to_vec())]);
    }

    #[test]
    fn blocks_are_bounded_and_nothing_is_lost() {
        let calls = Calls::default();
        let mut output = Output::new(Recorder(calls.clone()), 1);
        let mut expected = Vec::new();
        for number in 0..40_000u32 {
            output.put(&number.to_le_bytes());
            expected.extend_from_slice(&number.to_le_bytes());
        }
        let large = vec![7; 3 * BLOCK_BYTES];
        output.put(&large);
        expected.extend_from_slice(&large);
        output.finish();
        let calls = calls.borrow();
        assert!(calls.iter().all(|(_, bytes)| bytes.len() <= BLOCK_BYTES || *bytes == large));
        let sent: Vec<u8> = calls.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        assert_eq!(sent, expected);
    }

    #[test]
    fn many_partitions_share_the_memory_for_blocks() {
        let output = Output::new(Recorder(Calls::default()), 1024);
        assert_eq!(output.block_bytes, 4096);
    }
}
