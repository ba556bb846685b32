//! Where the SDK meets the host: bindings made from `wit/job.wit`, and what turns the host's
//! calls into calls of a job's functions.
//!
//! Each interface that a job may export has a world of its own here. A job exports only what
//! [`job!`](crate::job!) was given, and the host joins the worlds when it wraps the module.

use std::borrow::Borrow;

use crate::host::{Level, within};
use crate::{Emitter, Groups, Input, Job, JobError, JobResult, Output, Piece, Task};

use imports::bramble::job::{host as wit_host, io, types};

/// What every job imports.
pub mod imports {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world everything-imported {
            include bramble:job/imports@0.1.2;
            import bramble:job/types@0.1.2;
        }",
        world: "bramble:guest/everything-imported",
        generate_all,
    });
}

/// The world of jobs that export `planner`.
pub mod planner {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world planner-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/planner@0.1.2;
        }",
        world: "bramble:guest/planner-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_planner",
    });
}

/// The world of jobs that export `cutter`.
pub mod cutter {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world cutter-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/cutter@0.1.2;
        }",
        world: "bramble:guest/cutter-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_cutter",
    });
}

/// The world of jobs that export `partitioner`.
pub mod partitioner {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world partitioner-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/partitioner@0.1.2;
        }",
        world: "bramble:guest/partitioner-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_partitioner",
    });
}

/// The world of jobs that export `mapper`.
pub mod mapper {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world mapper-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/mapper@0.1.2;
        }",
        world: "bramble:guest/mapper-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_mapper",
    });
}

/// The world of jobs that export `mapper-bytes`.
pub mod mapper_bytes {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world mapper-bytes-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/mapper-bytes@0.1.2;
        }",
        world: "bramble:guest/mapper-bytes-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_mapper_bytes",
    });
}

/// The world of jobs that export `mapper-pairs`.
pub mod mapper_pairs {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world mapper-pairs-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/mapper-pairs@0.1.2;
        }",
        world: "bramble:guest/mapper-pairs-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_mapper_pairs",
    });
}

/// The world of jobs that export `combiner`.
pub mod combiner {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world combiner-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/combiner@0.1.2;
        }",
        world: "bramble:guest/combiner-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_combiner",
    });
}

/// The world of jobs that export `reducer`.
pub mod reducer {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world reducer-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/reducer@0.1.2;
        }",
        world: "bramble:guest/reducer-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_reducer",
    });
}

/// The world of jobs that export `merger`.
pub mod merger {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package bramble:guest; world merger-job {
            include bramble:job/imports@0.1.2;
            export bramble:job/merger@0.1.2;
        }",
        world: "bramble:guest/merger-job",
        with: {
            "bramble:job/types@0.1.2": crate::__bindings::imports::bramble::job::types,
            "bramble:job/host@0.1.2": crate::__bindings::imports::bramble::job::host,
            "bramble:job/io@0.1.2": crate::__bindings::imports::bramble::job::io,
        },
        pub_export_macro: true,
        export_macro_name: "export_merger",
    });
}

/// The host's side of [`crate::host`].
pub(crate) mod host {
    use super::{Level, wit_host};

    pub(crate) fn log(level: Level, message: &str) {
        let level = match level {
            Level::Debug => wit_host::Level::Debug,
            Level::Info => wit_host::Level::Info,
            Level::Warn => wit_host::Level::Warn,
            Level::Error => wit_host::Level::Error,
        };
        wit_host::log(level, message);
    }

    pub(crate) use wit_host::{
        enough, load, param, params, preview, progress, ranges, save, secret, should_save, stopping,
    };
}

/// Calls a job's `plan`.
pub fn call_plan(
    job: &'static Job,
    input: &io::Source,
    wanted_bytes: u64,
) -> Result<Vec<types::Span>, types::JobError> {
    let plan = job.plan.expect("exported only by jobs that have it");
    let spans = within(job, || plan(&mut Input::new(input), wanted_bytes))?;
    Ok(spans.iter().map(|span| types::Span { offset: span.offset, len: span.len }).collect())
}

/// Calls a job's `cut`.
pub fn call_cut(
    job: &'static Job,
    input: &io::Source,
    wanted_bytes: u64,
) -> Result<Vec<Vec<types::Piece>>, types::JobError> {
    let cut = job.cut.expect("exported only by jobs that have it");
    let chunks = within(job, || cut(&mut Input::new(input), wanted_bytes))?;
    Ok(chunks.into_iter().map(|pieces| pieces.into_iter().map(Into::into).collect()).collect())
}

/// Calls a job's `ranges`.
pub fn call_ranges(
    job: &'static Job,
    task: types::Task,
    sample: &io::Source,
) -> Result<Vec<u8>, types::JobError> {
    let ranges = job.ranges.expect("exported only by jobs that have it");
    Ok(within(job, || ranges(&task.into(), &mut Input::new(sample)))?)
}

/// Calls a job's `map`.
pub fn call_map(
    job: &'static Job,
    task: types::Task,
    input: &io::Source,
    output: &io::Sink,
) -> Result<(), types::JobError> {
    let map = job.map.expect("exported only by jobs that have it");
    let task = Task::from(task);
    write(job, task.partitions, output, |output| map(&task, &mut Input::new(input), output))
}

/// Calls a job's `map_bytes`.
pub fn call_map_bytes(
    job: &'static Job,
    task: types::Task,
    chunk: Vec<u8>,
) -> Result<Vec<u8>, types::JobError> {
    let map = job.map_bytes.expect("exported only by jobs that have it");
    Ok(within(job, || map(&task.into(), &chunk))?)
}

/// Calls a job's `map_pairs`.
pub fn call_map_pairs(
    job: &'static Job,
    task: types::Task,
    input: &io::Source,
    output: &io::Emitter,
) -> Result<(), types::JobError> {
    let map = job.map_pairs.expect("exported only by jobs that have it");
    let task = Task::from(task);
    emit(job, task.partitions, output, |output| map(&task, &mut Input::new(input), output))
}

/// Calls a job's `combine`.
pub fn call_combine(
    job: &'static Job,
    task: types::Task,
    input: &io::Groups,
    output: &io::Emitter,
) -> Result<(), types::JobError> {
    let combine = job.combine.expect("exported only by jobs that have it");
    let task = Task::from(task);
    emit(job, 1, output, |output| combine(&task, &mut Groups::new(input), output))
}

/// Calls a job's `reduce`.
pub fn call_reduce(
    job: &'static Job,
    task: types::Task,
    input: &io::Groups,
    output: &io::Sink,
) -> Result<(), types::JobError> {
    let reduce = job.reduce.expect("exported only by jobs that have it");
    let task = Task::from(task);
    write(job, 1, output, |output| reduce(&task, &mut Groups::new(input), output))
}

/// Calls a job's `merge`.
pub fn call_merge(
    job: &'static Job,
    task: types::Task,
    inputs: Vec<io::Source>,
    output: &io::Sink,
) -> Result<(), types::JobError> {
    let merge = job.merge.expect("exported only by jobs that have it");
    let task = Task::from(task);
    let inputs = inputs.into_iter().map(Input::new).collect();
    write(job, 1, output, |output| merge(&task, inputs, output))
}

fn write(
    job: &'static Job,
    partitions: u32,
    sink: &io::Sink,
    phase: impl FnOnce(&mut Output<'_>) -> JobResult,
) -> Result<(), types::JobError> {
    let mut output = Output::new(sink, partitions);
    within(job, || phase(&mut output))?;
    output.finish();
    Ok(())
}

fn emit(
    job: &'static Job,
    partitions: u32,
    sink: &io::Emitter,
    phase: impl FnOnce(&mut Emitter<'_>) -> JobResult,
) -> Result<(), types::JobError> {
    let mut output = Emitter::new(sink, partitions);
    within(job, || phase(&mut output))?;
    output.finish();
    Ok(())
}

impl<S: Borrow<io::Source>> crate::input::Source for S {
    fn size(&self) -> u64 {
        self.borrow().size()
    }

    fn read(&mut self, max: u32) -> Vec<u8> {
        (*self).borrow().read(max)
    }

    fn read_at(&self, offset: u64, len: u32) -> Vec<u8> {
        self.borrow().read_at(offset, len)
    }
}

impl crate::output::Sink for &io::Sink {
    fn write_to(&mut self, partition: u32, bytes: &[u8]) {
        io::Sink::write_to(self, partition, bytes);
    }
}

impl crate::pairs::PairSink for &io::Emitter {
    fn emit(&mut self, partition: Option<u32>, frames: &[u8]) {
        match partition {
            None => io::Emitter::emit(self, frames),
            Some(partition) => self.emit_to(partition, frames),
        }
    }
}

impl crate::pairs::PairSource for &io::Groups {
    fn next(&mut self, max: u32) -> Vec<u8> {
        io::Groups::next(self, max)
    }
}

impl From<types::Task> for Task {
    fn from(task: types::Task) -> Self {
        let types::Task { job, index, count, partitions, seed, offset } = task;
        Self { job, index, count, partitions, seed, offset }
    }
}

impl From<Piece> for types::Piece {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Bytes(bytes) => Self::Bytes(bytes),
            Piece::Input { offset, len } => Self::Input(types::Span { offset, len }),
            Piece::Rows { offset, len, stride, count } => {
                Self::Rows(types::Rows { offset, len, stride, count })
            }
        }
    }
}

impl From<JobError> for types::JobError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::BadInput(message) => Self::BadInput(message),
            JobError::BadParam(message) => Self::BadParam(message),
            JobError::Failed(message) => Self::Failed(message),
        }
    }
}
