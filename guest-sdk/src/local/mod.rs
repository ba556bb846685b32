//! Runs a job without WebAssembly, in memory: for its tests.
//!
//! ```
//! use bramble_guest::{local, prelude::*};
//!
//! bramble_guest::job! {
//!     name: "shout",
//!     about: "Turns text into capitals.",
//!     split: Split::Lines,
//!     map_bytes: shout,
//! }
//!
//! fn shout(_: &Task, text: &[u8]) -> JobResult<Vec<u8>> {
//!     Ok(text.to_ascii_uppercase())
//! }
//!
//! assert_eq!(local::Run::new(&JOB).whole(&[b"hey\n", b"you\n"]).unwrap(), b"HEY\nYOU\n");
//! ```

mod cut;
mod pairs;
mod power;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::host::{self as guest_host, Level};
use crate::input::Source;
use crate::output::Sink;
use crate::{Input, Job, JobResult, Output, Span, Task};
pub use pairs::groups;
use power::Power;

/// A job with parameters, ready to run any of its phases.
#[derive(Clone, Debug)]
pub struct Run {
    job: &'static Job,
    surroundings: Surroundings,
    partitions: u32,
    block_bytes: usize,
    combines: bool,
}

/// What the functions of [`host`] answer with.
#[derive(Clone, Debug, Default)]
struct Surroundings {
    params: BTreeMap<String, String>,
    secrets: BTreeMap<String, Vec<u8>>,
    sealed: BTreeMap<String, Vec<u8>>,
    ranges: Vec<u8>,
    enough: Rc<Cell<bool>>,
    previews: Rc<RefCell<Vec<Preview>>>,
    log: Rc<RefCell<Vec<String>>>,
    power: Rc<RefCell<Power>>,
}

/// Media type and bytes of a picture.
pub type Preview = (String, Vec<u8>);
/// What a task has written: one vector for each partition.
type Parts = Vec<Vec<u8>>;

impl Run {
    /// With no parameters and one partition.
    pub fn new(job: &'static Job) -> Self {
        Self {
            job,
            surroundings: Surroundings::default(),
            partitions: 1,
            block_bytes: 64 << 10,
            combines: true,
        }
    }

    /// Sets a parameter, as `--arg name=value` does.
    #[must_use]
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.surroundings.params.insert(name.into(), value.into());
        self
    }

    /// Sets a secret parameter, as `--secret name=@FILE` does.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &[u8]) -> Self {
        self.surroundings.secrets.insert(name.into(), value.into());
        self
    }

    /// Sets a secret that only the host's ciphers use, as `--sealed name=@FILE` does.
    #[must_use]
    pub fn sealed(mut self, name: &str, value: &[u8]) -> Self {
        self.surroundings.sealed.insert(name.into(), value.into());
        self
    }

    /// Sets the number of key ranges.
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = partitions.max(1);
        self
    }

    /// Sets the largest block in which inputs are read. Small ones find mistakes at the borders.
    #[must_use]
    pub fn block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes.max(1);
        self
    }

    /// Leaves the job's `combine` out, as the host may do. The result must be the same.
    #[must_use]
    pub fn without_combine(mut self) -> Self {
        self.combines = false;
        self
    }

    /// What the job has logged so far, each line with its level before it.
    pub fn logged(&self) -> Vec<String> {
        self.surroundings.log.borrow().clone()
    }

    /// The pictures that the job has shown so far: media type and bytes.
    pub fn previews(&self) -> Vec<Preview> {
        self.surroundings.previews.borrow().clone()
    }

    /// The whole job, as a cluster runs it: key ranges from all of the input, a map of each
    /// chunk, a merge or a reduce of each range or partition, and the results in order.
    ///
    /// # Errors
    /// The first error of any phase.
    pub fn whole(&self, chunks: &[&[u8]]) -> JobResult<Vec<u8>> {
        let mut run = self.clone();
        if self.job.ranges.is_some() && (self.merges() || self.job.reduce.is_some()) {
            run.surroundings.ranges = self.ranges(&chunks.concat())?;
        }
        let maps_only = !self.merges() && self.job.reduce.is_none();
        run.surroundings.enough.set(false);
        let (merges, is_single) = (self.merges(), chunks.len() <= 1);
        let mut parts: Vec<Vec<Vec<u8>>> = vec![Vec::new(); self.partitions as usize];
        let mut offset = 0;
        for (index, chunk) in chunks.iter().enumerate() {
            let task = Task { offset, ..run.task(index, chunks.len()) };
            for (partition, part) in run.map_task(&task, chunk)?.into_iter().enumerate() {
                parts[partition].push(part);
            }
            offset += chunk.len() as u64;
            if maps_only && run.surroundings.enough.get() {
                break;
            }
        }
        let mut result = Vec::new();
        for range in parts {
            let borrowed: Vec<&[u8]> = range.iter().map(Vec::as_slice).collect();
            if merges && !is_single {
                result.extend(run.merge_tree(&borrowed)?);
            } else if self.job.reduce.is_some() {
                result.extend(run.reduced(&run.task(0, 1), &borrowed)?);
            } else {
                result.extend(range.concat());
            }
        }
        Ok(result)
    }

    /// Whether the job merges under these parameters.
    fn merges(&self) -> bool {
        let Some((param, values)) = self.job.declaration.merge_when else {
            return self.job.merge.is_some();
        };
        let value = self.within(|| guest_host::param(param)).unwrap_or_default();
        values.contains(&value.as_str())
    }

    /// The map of one chunk: one output for each partition, which for a job of `map_pairs` are
    /// sorted frames. It is told the ranges that [`with_ranges`](Self::with_ranges) set.
    ///
    /// # Errors
    /// What the job's function answered.
    ///
    /// # Panics
    /// When the job has no map.
    pub fn map(&self, chunk: &[u8]) -> JobResult<Vec<Vec<u8>>> {
        self.map_task(&self.task(0, 1), chunk)
    }

    /// Sets what the maps are told of key ranges.
    #[must_use]
    pub fn with_ranges(mut self, ranges: &[u8]) -> Self {
        self.surroundings.ranges = ranges.to_vec();
        self
    }

    /// The choice of key ranges from `sample`.
    ///
    /// # Errors
    /// What the job's function answered.
    ///
    /// # Panics
    /// When the job chooses none.
    pub fn ranges(&self, sample: &[u8]) -> JobResult<Vec<u8>> {
        let ranges = self.job.ranges.expect("the job chooses no key ranges");
        self.within(|| ranges(&self.task(0, 1), &mut input(sample, self.block_bytes)))
    }

    /// The merge of `parts`.
    ///
    /// # Errors
    /// What the job's function answered.
    ///
    /// # Panics
    /// When the job does not merge.
    pub fn merge(&self, parts: &[&[u8]]) -> JobResult<Vec<u8>> {
        let merge = self.job.merge.expect("the job does not merge");
        let task = Task { partitions: 1, ..self.task(0, 1) };
        let inputs = || parts.iter().map(|part| input(part, self.block_bytes)).collect();
        let mut outputs = self.written(1, |output| merge(&task, inputs(), output))?;
        Ok(outputs.swap_remove(0))
    }

    /// All merges of one key range. With many parts a tree of them, as on a cluster, where a
    /// merge has more parts.
    fn merge_tree(&self, parts: &[&[u8]]) -> JobResult<Vec<u8>> {
        const FAN_IN: usize = 16;
        if parts.len() <= FAN_IN {
            return self.merge(parts);
        }
        let merged = parts.chunks(FAN_IN).map(|some| self.merge(some));
        let merged: Vec<Vec<u8>> = merged.collect::<JobResult<_>>()?;
        self.merge_tree(&merged.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// The job's own cut of `whole` into pieces of about `wanted_bytes`.
    ///
    /// # Errors
    /// What the job's function answered.
    ///
    /// # Panics
    /// When the job does not cut.
    pub fn plan(&self, whole: &[u8], wanted_bytes: u64) -> JobResult<Vec<Span>> {
        let plan = self.job.plan.expect("the job does not cut its input");
        self.within(|| plan(&mut input(whole, self.block_bytes), wanted_bytes))
    }

    /// The chunks that the job makes itself of `whole`, of about `wanted_bytes` each.
    ///
    /// # Errors
    /// What the job's function answered.
    ///
    /// # Panics
    /// When the job makes no chunks, or a piece lies outside of the input.
    pub fn made(&self, whole: &[u8], wanted_bytes: u64) -> JobResult<Vec<Vec<u8>>> {
        let cut = self.job.cut.expect("the job makes no chunks");
        let chunks = self.within(|| cut(&mut input(whole, self.block_bytes), wanted_bytes))?;
        Ok(chunks.iter().map(|pieces| cut::gathered(whole, pieces)).collect())
    }

    fn map_task(&self, task: &Task, chunk: &[u8]) -> JobResult<Vec<Vec<u8>>> {
        if self.job.map_pairs.is_some() {
            return self.map_pairs(task, chunk);
        }
        if let Some(map) = self.job.map {
            return self.written(self.partitions, |output| {
                map(task, &mut input(chunk, self.block_bytes), output)
            });
        }
        let map_bytes = self.job.map_bytes.expect("the job has no map");
        self.attempt(1, |parts| {
            let output = map_bytes(task, chunk)?;
            parts.borrow_mut()[0] = output;
            Ok(())
        })
    }

    fn written(
        &self,
        partitions: u32,
        phase: impl Fn(&mut Output<'_>) -> JobResult,
    ) -> JobResult<Parts> {
        self.attempt(partitions, |parts| {
            let mut output = Output::new(Vectors(Rc::clone(parts)), partitions);
            phase(&mut output)?;
            output.finish();
            Ok(())
        })
    }

    fn within<T>(&self, phase: impl FnOnce() -> T) -> T {
        /// Also when the power is cut.
        struct Restored(Option<Surroundings>);
        impl Drop for Restored {
            fn drop(&mut self) {
                SURROUNDINGS.set(self.0.take());
            }
        }
        let _restored = Restored(SURROUNDINGS.replace(Some(self.surroundings.clone())));
        guest_host::within(self.job, phase)
    }

    fn task(&self, index: usize, count: usize) -> Task {
        Task {
            job: 1,
            index: index as u32,
            count: count as u32,
            partitions: self.partitions,
            seed: 0x5eed + index as u64,
            offset: 0,
        }
    }
}

/// An input over `bytes` that gives at most `block_bytes` at a time.
pub fn input(bytes: &[u8], block_bytes: usize) -> Input<'_> {
    Input::new(Slice { bytes, at: 0, block_bytes })
}

struct Slice<'a> {
    bytes: &'a [u8],
    at: usize,
    block_bytes: usize,
}

impl Source for Slice<'_> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&mut self, max: u32) -> Vec<u8> {
        let block = self.read_at(self.at as u64, max);
        self.at += block.len();
        block
    }

    fn read_at(&self, offset: u64, len: u32) -> Vec<u8> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let take = (len as usize).min(self.block_bytes).min(self.bytes.len() - start);
        self.bytes[start..start + take].to_vec()
    }
}

struct Vectors(Rc<RefCell<Parts>>);

impl Sink for Vectors {
    fn write_to(&mut self, partition: u32, bytes: &[u8]) {
        self.0.borrow_mut()[partition as usize].extend_from_slice(bytes);
    }
}

/// Runs `read` as a job that was given these parameters would.
#[cfg(test)]
pub(crate) fn with_params<T>(args: &[(&str, &str)], read: impl FnOnce() -> T) -> T {
    let params = args.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let before = SURROUNDINGS.replace(Some(Surroundings { params, ..Surroundings::default() }));
    let answer = read();
    SURROUNDINGS.set(before);
    answer
}

thread_local! {
    static SURROUNDINGS: RefCell<Option<Surroundings>> = const { RefCell::new(None) };
}

/// The host's side of [`crate::host`].
#[cfg_attr(target_family = "wasm", expect(dead_code, reason = "a node answers there"))]
pub(crate) mod host {
    use std::rc::Rc;

    use super::{Level, SURROUNDINGS, Surroundings};

    pub(crate) fn log(level: Level, message: &str) {
        let line = format!("{}: {message}", level.name());
        if current(|here| here.log.borrow_mut().push(line.clone())).is_none() {
            eprintln!("{line}");
        }
    }

    pub(crate) fn progress(_done: u64, _total: u64) {}

    pub(crate) fn param(name: &str) -> Option<String> {
        current(|here| here.params.get(name).cloned()).flatten()
    }

    pub(crate) fn params() -> Vec<(String, String)> {
        current(|here| here.params.clone().into_iter().collect()).unwrap_or_default()
    }

    pub(crate) fn ranges() -> Vec<u8> {
        current(|here| here.ranges.clone()).unwrap_or_default()
    }

    pub(crate) fn secret(name: &str) -> Option<Vec<u8>> {
        current(|here| here.secrets.get(name).cloned()).flatten()
    }

    /// The same, or one that only the host's ciphers use.
    #[cfg(all(feature = "crypto", not(target_family = "wasm")))]
    pub(crate) fn any_secret(name: &str) -> Option<Vec<u8>> {
        let sealed = || current(|here| here.sealed.get(name).cloned()).flatten();
        secret(name).or_else(sealed)
    }

    pub(crate) fn enough() {
        current(|here| here.enough.set(true));
    }

    pub(crate) fn preview(media: &str, bytes: &[u8]) {
        current(|here| here.previews.borrow_mut().push((media.into(), bytes.into())));
    }

    pub(crate) fn save(state: &[u8]) {
        if let Some(power) = current(|here| Rc::clone(&here.power)) {
            super::power::save(&power, state);
        }
    }

    pub(crate) fn load() -> Option<Vec<u8>> {
        current(|here| here.power.borrow().state()).flatten()
    }

    /// Always, so that tests go through what saves.
    pub(crate) fn should_save() -> bool {
        true
    }

    pub(crate) fn stopping() -> bool {
        false
    }

    fn current<T>(ask: impl FnOnce(&Surroundings) -> T) -> Option<T> {
        SURROUNDINGS.with_borrow(|surroundings| surroundings.as_ref().map(ask))
    }
}
