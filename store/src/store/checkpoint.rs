//! Checkpoints: what a task has said to be worth keeping, should its node lose power.
//!
//! ```text
//! checkpoints/KEY/ATTEMPT.record   the state, and length and digest of each output
//! checkpoints/KEY/ATTEMPT.N        a second name of the file of output N
//! ```
//!
//! Each attempt writes files of its own, so that two at once do not spoil each other's. An
//! attempt that resumes takes the latest record that is whole, and copies the outputs up to the
//! lengths in it: whoever wrote them may still be writing.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bramble_protocol::{Digest, ObjectRef};

use super::layout::{self, Layout};
use super::{Inner, StagedFile, Store};
use crate::StoreError;
use crate::error::failed;

/// The first bytes of a record; the number is the format's version.
const MAGIC: &[u8] = b"bramble checkpoint 1\n";
/// What record files' names end in.
const RECORD: &str = ".record";
/// The longest record that is read: 1 MiB of state and some thousand outputs fit.
const RECORD_BYTES_MAX: u64 = 4 << 20;
/// How much is copied at a time.
const COPY_BYTES: usize = 256 << 10;

/// One output as it was when a checkpoint was made.
#[derive(Debug)]
pub struct SavedOutput<F> {
    /// Its file; none when nothing was written to it.
    pub file: Option<F>,
    /// Digest and length of what was written to it so far.
    pub so_far: ObjectRef,
}

/// A task as it was when it was saved.
#[derive(Debug)]
pub struct Checkpoint {
    /// The guest's own words.
    pub state: Vec<u8>,
    /// Its outputs in order, in files of this attempt's own that hold no more than was saved.
    pub outputs: Vec<SavedOutput<StagedFile>>,
}

/// Saves the checkpoints of one attempt, each in the place of the one before.
#[derive(Debug)]
pub struct CheckpointWriter {
    store: Arc<Inner>,
    key: Digest,
    attempt: String,
}

impl Store {
    /// Where an attempt at the task that `key` names saves. Nothing is written yet.
    pub fn checkpoint_writer(&self, key: Digest) -> CheckpointWriter {
        // Other machines save in the same directory.
        let draw = || RandomState::new().build_hasher().finish();
        let attempt = format!("{:016x}{:016x}", draw(), draw());
        CheckpointWriter { store: Arc::clone(&self.inner), key, attempt }
    }

    /// The latest whole checkpoint of the task that `key` names. One that is damaged is passed
    /// over.
    ///
    /// # Errors
    /// When the outputs cannot be copied for want of space, say.
    pub fn load_checkpoint(&self, key: &Digest) -> Result<Option<Checkpoint>, StoreError> {
        let dir = self.inner.layout.checkpoint(key);
        for path in records(&dir)? {
            if let Some(record) = Record::read(&path, key)
                && let Some(outputs) = copies(&self.inner.layout, &path, &record)?
            {
                return Ok(Some(Checkpoint { state: record.state, outputs }));
            }
        }
        Ok(None)
    }

    /// Forgets all checkpoints of a task. One that has none is no error.
    ///
    /// # Errors
    /// What the system says.
    pub fn drop_checkpoints(&self, key: &Digest) -> Result<(), StoreError> {
        let dir = self.inner.layout.checkpoint(key);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::from_io("remove", &dir, error))
            }
            _ => Ok(()),
        }
    }
}

impl CheckpointWriter {
    /// Makes `state` and the outputs so far durable as one unit.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system says. The checkpoint before then still holds.
    pub fn save(
        &self,
        state: &[u8],
        outputs: &[SavedOutput<&StagedFile>],
    ) -> Result<(), StoreError> {
        let layout = &self.store.layout;
        let dir = layout.checkpoint(&self.key);
        for output in outputs {
            if let Some(file) = output.file {
                file.file().sync_data().map_err(failed("sync", file.path()))?;
            }
        }
        // Another attempt may have succeeded meanwhile and have removed the directory.
        let is_new = !dir.is_dir();
        layout::make_dir(&dir)?;
        for (number, output) in outputs.iter().enumerate() {
            let Some(file) = output.file else { continue };
            let name = dir.join(format!("{}.{number}", self.attempt));
            match fs::hard_link(file.path(), &name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(StoreError::from_io("link", &name, error));
                }
                _ => {}
            }
        }
        let path = dir.join(format!("{}{RECORD}", self.attempt));
        let half = dir.join(format!("{}.half", self.attempt));
        let bytes = encode(&self.key, state, outputs.iter().map(|output| output.so_far));
        let write = || {
            let mut file = File::create(&half)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&half, &path)
        };
        write().map_err(failed("write", &path))?;
        layout::sync_dir(&dir)?;
        if is_new {
            layout::sync_dir(&layout.checkpoints)?;
            layout::sync_dir(&layout.dir)?;
        }
        Ok(())
    }
}

/// A record as it is on the disk.
struct Record {
    state: Vec<u8>,
    outputs: Vec<ObjectRef>,
}

/// Magic, key, number of outputs, each one's length and digest, length of the state, the state;
/// then BLAKE3 of all that. Numbers are of 8 bytes, little-endian.
fn encode(
    key: &Digest,
    state: &[u8],
    outputs: impl ExactSizeIterator<Item = ObjectRef>,
) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(key.as_bytes());
    bytes.extend((outputs.len() as u64).to_le_bytes());
    for output in outputs {
        bytes.extend(output.size.to_le_bytes());
        bytes.extend(output.digest.as_bytes());
    }
    bytes.extend((state.len() as u64).to_le_bytes());
    bytes.extend(state);
    let digest = Digest::of(&bytes);
    bytes.extend(digest.as_bytes());
    bytes
}

impl Record {
    /// `None` for what is not a whole record of this task.
    fn read(path: &Path, key: &Digest) -> Option<Self> {
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(RECORD_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Self::decode(&bytes, key)
    }

    fn decode(bytes: &[u8], key: &Digest) -> Option<Self> {
        let (body, digest) = bytes.split_last_chunk::<32>()?;
        if Digest::of(body).as_bytes() != digest {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?.strip_prefix(key.as_bytes())?;
        let mut outputs = Vec::new();
        for _ in 0..take_number(&mut rest)? {
            let size = take_number(&mut rest)?;
            let (digest, after) = rest.split_first_chunk::<32>()?;
            outputs.push(ObjectRef { digest: Digest::from_bytes(*digest), size });
            rest = after;
        }
        let state_bytes = take_number(&mut rest)?;
        (rest.len() as u64 == state_bytes).then(|| Self { state: rest.to_vec(), outputs })
    }
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}

/// The records of a task, latest first.
fn records(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("list", dir))?,
    };
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("list", dir))?;
        if entry.file_name().to_str().is_some_and(|name| name.ends_with(RECORD))
            && let Ok(modified) = entry.metadata().and_then(|file| file.modified())
        {
            found.push((modified, entry.path()));
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Copies the outputs of a record; `None` when one of them is not what the record says.
fn copies(
    layout: &Layout,
    record_path: &Path,
    record: &Record,
) -> Result<Option<Vec<SavedOutput<StagedFile>>>, StoreError> {
    let mut outputs = Vec::with_capacity(record.outputs.len());
    for (number, so_far) in record.outputs.iter().enumerate() {
        let file = if so_far.size == 0 {
            None
        } else {
            let from = record_path.with_extension(number.to_string());
            let Some(file) = copy(layout, &from, so_far)? else { return Ok(None) };
            Some(file)
        };
        outputs.push(SavedOutput { file, so_far: *so_far });
    }
    Ok(Some(outputs))
}

fn copy(
    layout: &Layout,
    from: &Path,
    so_far: &ObjectRef,
) -> Result<Option<StagedFile>, StoreError> {
    let Ok(source) = File::open(from) else { return Ok(None) };
    let mut source = source.take(so_far.size);
    let staged = StagedFile::new(layout)?;
    let mut hasher = blake3::Hasher::new();
    let mut block = vec![0; COPY_BYTES];
    loop {
        let got = match source.read(&mut block) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(None),
        };
        hasher.update(&block[..got]);
        staged.file().write_all(&block[..got]).map_err(failed("write", staged.path()))?;
    }
    let is_whole =
        hasher.count() == so_far.size && Digest::from(hasher.finalize()) == so_far.digest;
    Ok(is_whole.then_some(staged))
}
