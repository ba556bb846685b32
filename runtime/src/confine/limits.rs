//! Limits of the kernel's on a child process: the outer ones, for good, and those of one task.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::child::limit;

/// The longest file that a child may write, in bytes. Outputs have a limit of their own; this
/// one also ends what is not counted.
const FILE_BYTES_MAX: u64 = 64 << 30;

/// What a child process may use at most, whatever it works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Open files.
    pub(crate) files: u64,
    /// Private memory that can be written to, in bytes. Unlike a limit on the address space it
    /// leaves out what is only reserved, which wasmtime does by gigabytes, and unlike a memory
    /// cgroup every kernel has it.
    pub(crate) data_bytes: u64,
    /// Address space in bytes, for processes that reserve nothing.
    pub(crate) address_space_bytes: Option<u64>,
}

impl Limits {
    pub(super) fn set(&self) -> rustix::io::Result<()> {
        limit(Resource::Core, 0)?;
        limit(Resource::Nofile, self.files)?;
        limit(Resource::Fsize, FILE_BYTES_MAX)?;
        limit(Resource::Memlock, 0)?;
        limit(Resource::Data, self.data_bytes)?;
        self.address_space_bytes.map_or(Ok(()), |bytes| limit(Resource::As, bytes))
    }
}

/// Forbids to start threads and processes. Without effect for a privileged user.
pub(super) fn no_more_threads() -> rustix::io::Result<()> {
    limit(Resource::Nproc, 0)
}

/// Sets the limits of the task that comes next, within those of the process: on private memory,
/// and on the length of each file.
pub(crate) fn limit_task(data_bytes: u64, file_bytes: u64) -> rustix::io::Result<()> {
    soft(Resource::Data, data_bytes)?;
    soft(Resource::Fsize, file_bytes)
}

fn soft(resource: Resource, value: u64) -> rustix::io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = Some(maximum.map_or(value, |maximum| value.min(maximum)));
    setrlimit(resource, Rlimit { current, maximum })
}
