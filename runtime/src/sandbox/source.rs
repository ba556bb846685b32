//! Inputs as a guest reads them: verified, in blocks.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use bramble_protocol::{AttemptOutcome, Digest, ObjectRef};
use bramble_store::StoreError;

/// The most a guest gets at once, in bytes.
pub(crate) const BLOCK_BYTES_MAX: usize = 1 << 20;

/// Inputs of a task that are together no longer than this are read into memory, once.
pub(crate) const IN_MEMORY_BYTES_MAX: u64 = 32 << 20;

/// How much of a file is hashed at a time.
const HASH_BYTES: usize = 256 << 10;

/// One input.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Source {
    backing: Backing,
    size: u64,
    cursor: u64,
    /// Time spent on reading, for the usage.
    pub(crate) read_time: Duration,
    /// How often and how much was read.
    pub(crate) calls: u64,
    pub(crate) bytes_given: u64,
}

#[derive(Debug)]
enum Backing {
    Memory(Vec<u8>),
    /// Hashed again while it is read in order, because a file may change after it was checked.
    Object {
        file: File,
        hasher: Box<blake3::Hasher>,
        expected: Digest,
    },
    /// Somebody's file, which has no digest yet.
    File(File),
    /// Several, one after the other; the next to be read stands last.
    Joined(Vec<Source>),
}

impl Source {
    /// The inputs of a task, each checked against its digest before a guest sees a byte.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn open_all(
        files: Vec<File>,
        inputs: &[ObjectRef],
    ) -> Result<Vec<Self>, AttemptOutcome> {
        let total = inputs.iter().fold(0u64, |sum, input| sum.saturating_add(input.size));
        let open = |(file, input): (File, &ObjectRef)| {
            if total <= IN_MEMORY_BYTES_MAX {
                read_verified(&file, input).map(Self::memory)
            } else {
                verify(&file, input)?;
                Ok(Self::object(file, input))
            }
        };
        files.into_iter().zip(inputs).map(open).collect()
    }

    pub(crate) fn memory(bytes: Vec<u8>) -> Self {
        Self::new(bytes.len() as u64, Backing::Memory(bytes))
    }

    /// A file that is not an object: only its present length is kept to.
    pub(crate) fn file(file: File) -> io::Result<Self> {
        let size = length(&file)?;
        Ok(Self::new(size, Backing::File(file)))
    }

    /// Several inputs as one, in their order: what a command merges.
    pub(crate) fn joined(mut inputs: Vec<Self>) -> Self {
        if inputs.len() == 1 {
            return inputs.remove(0);
        }
        inputs.reverse();
        Self::new(inputs.iter().map(Self::size).sum(), Backing::Joined(inputs))
    }

    fn object(file: File, object: &ObjectRef) -> Self {
        let hasher = Box::new(blake3::Hasher::new());
        Self::new(object.size, Backing::Object { file, hasher, expected: object.digest })
    }

    fn new(size: u64, backing: Backing) -> Self {
        Self { backing, size, cursor: 0, read_time: Duration::ZERO, calls: 0, bytes_given: 0 }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that [`Source::read`] has not given yet.
    pub(crate) fn left(&self) -> u64 {
        self.size - self.cursor
    }

    /// The next bytes, at most `max` and at most [`BLOCK_BYTES_MAX`]; none only at the end.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn read(&mut self, max: usize) -> Result<Vec<u8>, AttemptOutcome> {
        let want = self.left().min(max.min(BLOCK_BYTES_MAX) as u64) as usize;
        let start = self.cursor as usize;
        self.calls += 1;
        self.bytes_given += want as u64;
        if want == 0 {
            return Ok(Vec::new());
        }
        let begun = Instant::now();
        let block = match &mut self.backing {
            Backing::Memory(bytes) => {
                self.cursor += want as u64;
                return Ok(bytes[start..start + want].to_vec());
            }
            Backing::Object { file, hasher, expected } => {
                let mut block = vec![0; want];
                let got = fill(file, &mut block).map_err(|error| unreadable(*expected, &error))?;
                block.truncate(got);
                hasher.update(&block);
                if got < want || self.cursor + got as u64 == self.size {
                    let found = Digest::from(hasher.finalize());
                    if found != *expected {
                        return Err(AttemptOutcome::ChunkCorrupt { expected: *expected, found });
                    }
                }
                block
            }
            Backing::File(file) => {
                let mut block = vec![0; want];
                let got = fill(file, &mut block).map_err(|error| vanished(&error))?;
                if got < want {
                    return Err(vanished(&io::ErrorKind::UnexpectedEof.into()));
                }
                block
            }
            Backing::Joined(inputs) => {
                while inputs.last().is_some_and(|input| input.left() == 0) {
                    inputs.pop();
                }
                // Something is left, so there is one.
                inputs.last_mut().map_or_else(|| Ok(Vec::new()), |input| input.read(want))?
            }
        };
        self.cursor += block.len() as u64;
        self.read_time += begun.elapsed();
        Ok(block)
    }

    /// Bytes from a place, without moving the cursor; fewer only at the end.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn read_at(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, AttemptOutcome> {
        let left = self.size.saturating_sub(offset);
        let want = left.min(len.min(BLOCK_BYTES_MAX) as u64) as usize;
        let begun = Instant::now();
        let mut block = vec![0; want];
        match &self.backing {
            Backing::Memory(bytes) => {
                if want > 0 {
                    let start = offset as usize;
                    block.copy_from_slice(&bytes[start..start + want]);
                }
            }
            Backing::Object { file, expected, .. } => file
                .read_exact_at(&mut block, offset)
                .map_err(|error| unreadable(*expected, &error))?,
            Backing::File(file) => {
                file.read_exact_at(&mut block, offset).map_err(|error| vanished(&error))?;
            }
            // Only a command's standard input is joined, and that has no places.
            Backing::Joined(_) => block.clear(),
        }
        self.read_time += begun.elapsed();
        Ok(block)
    }

    /// All of it, for guests that take a chunk as one list.
    ///
    /// # Errors
    /// With the outcome that the task ends with.
    pub(crate) fn read_to_end(&mut self) -> Result<Vec<u8>, AttemptOutcome> {
        if let Backing::Memory(bytes) = &mut self.backing {
            let rest = bytes.split_off(self.cursor as usize);
            self.size = self.cursor;
            return Ok(rest);
        }
        let mut all = Vec::with_capacity(self.left() as usize);
        while self.left() > 0 {
            all.extend(self.read(BLOCK_BYTES_MAX)?);
        }
        Ok(all)
    }
}

fn fill(file: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < block.len() {
        match file.read(&mut block[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

fn unreadable(digest: Digest, error: &io::Error) -> AttemptOutcome {
    AttemptOutcome::ChunkMissing { digest, message: error.to_string() }
}

fn vanished(error: &io::Error) -> AttemptOutcome {
    let message = format!("the input changed while it was read: {error}");
    AttemptOutcome::NodeFault { message }
}

/// Length of a file in bytes. Not by the standard library, whose system call looks up names too
/// and is not allowed here.
fn length(file: &File) -> io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_size.unsigned_abs())
}

/// The bytes of an object, from the beginning of its file.
///
/// # Errors
/// With the outcome that the task ends with.
pub(crate) fn read_verified(
    mut file: &File,
    object: &ObjectRef,
) -> Result<Vec<u8>, AttemptOutcome> {
    let failed = |error: io::Error| unreadable(object.digest, &error);
    check_length(file, object)?;
    let mut bytes = Vec::new();
    usize::try_from(object.size)
        .map_err(|_| io::ErrorKind::OutOfMemory)
        .and_then(|size| bytes.try_reserve_exact(size).map_err(|_| io::ErrorKind::OutOfMemory))
        .map_err(|kind| failed(kind.into()))?;
    // One byte more, so that a file that has grown does not pass for the whole object.
    file.by_ref().take(object.size.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    compare(object, Digest::of(&bytes))?;
    Ok(bytes)
}

/// Hashes a file once through, and leaves it at its beginning.
fn verify(file: &File, object: &ObjectRef) -> Result<(), AttemptOutcome> {
    check_length(file, object)?;
    compare(object, hash(file, object)?)
}

/// Comparing lengths costs nothing and comes first. When they differ, the digest tells whether
/// the file or the reference is wrong.
fn check_length(file: &File, object: &ObjectRef) -> Result<(), AttemptOutcome> {
    let found = length(file).map_err(|error| unreadable(object.digest, &error))?;
    if found == object.size {
        return Ok(());
    }
    compare(object, hash(file, object)?)?;
    let message = format!("it is {found} bytes long, not {}", object.size);
    Err(AttemptOutcome::ChunkMissing { digest: object.digest, message })
}

fn hash(mut file: &File, object: &ObjectRef) -> Result<Digest, AttemptOutcome> {
    let mut hasher = blake3::Hasher::new();
    let mut block = vec![0; HASH_BYTES];
    let mut hash_all = || -> io::Result<()> {
        loop {
            match fill(&mut file, &mut block)? {
                0 => break,
                got => hasher.update(&block[..got]),
            };
        }
        rustix::fs::seek(file, rustix::fs::SeekFrom::Start(0))?;
        Ok(())
    };
    hash_all().map_err(|error| unreadable(object.digest, &error))?;
    Ok(Digest::from(hasher.finalize()))
}

fn compare(object: &ObjectRef, found: Digest) -> Result<(), AttemptOutcome> {
    if found == object.digest {
        return Ok(());
    }
    Err(AttemptOutcome::ChunkCorrupt { expected: object.digest, found })
}

/// What a failed look into the store means for a task.
pub(crate) fn outcome_of(error: &StoreError, object: &ObjectRef) -> AttemptOutcome {
    match error {
        StoreError::Corrupt { expected, found, .. } => {
            AttemptOutcome::ChunkCorrupt { expected: *expected, found: *found }
        }
        error => AttemptOutcome::ChunkMissing {
            digest: object.digest,
            message: bramble_protocol::error_chain(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_gives_all_bytes_in_order_and_then_none() {
        let mut source = Source::memory(b"abcdef".to_vec());
        assert_eq!(source.read(4).unwrap(), b"abcd");
        assert_eq!(source.read_at(1, 3).unwrap(), b"bcd");
        assert_eq!(source.read(4).unwrap(), b"ef");
        assert_eq!(source.read(4).unwrap(), b"");
        assert_eq!(source.read_at(4, 10).unwrap(), b"ef");
        assert_eq!(source.read_at(u64::MAX, 10).unwrap(), b"");
    }

    #[test]
    fn joined_inputs_are_read_one_after_the_other() {
        let parts = ["ab", "", "cde"].map(|part| Source::memory(part.into()));
        let mut source = Source::joined(parts.into());
        assert_eq!(source.size(), 5);
        assert_eq!(source.read(10).unwrap(), b"ab");
        assert_eq!(source.read(2).unwrap(), b"cd");
        assert_eq!(source.left(), 1);
        assert_eq!(source.read_to_end().unwrap(), b"e");
        assert_eq!(source.read(1).unwrap(), b"");
        assert_eq!(Source::joined(Vec::new()).read(1).unwrap(), b"");
    }

    #[test]
    fn a_block_has_a_limit() {
        let mut source = Source::memory(vec![0; BLOCK_BYTES_MAX + 1]);
        assert_eq!(source.read(usize::MAX).unwrap().len(), BLOCK_BYTES_MAX);
        assert_eq!(source.read(usize::MAX).unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_changed_after_it_was_checked_is_found_out_at_its_end() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, b"changed").unwrap();
        let object = ObjectRef::of(b"checked");
        let mut source = Source::object(File::open(&path).unwrap(), &object);
        assert_eq!(source.read(3).unwrap(), b"cha");
        let found = Digest::of(b"changed");
        assert_eq!(
            source.read(100),
            Err(AttemptOutcome::ChunkCorrupt { expected: object.digest, found })
        );
    }
}
