//! From a pack into the store.

use std::io::Read;

use bramble_protocol::ObjectRef;

use super::{PackError, PackReader};
use crate::{Staged, StagedWriter, Store, StoreError};

/// So many objects are committed together at most: syncing waits for the disk, and many can
/// share the wait.
const GROUP_OBJECTS_MAX: usize = 64;
/// A group is committed as soon as it has so many bytes, so that the disk is kept busy.
const GROUP_BYTES: u64 = 64 << 20;

/// Stores every object of a pack and says how many there were. Each is hashed while it is staged
/// and must match its digest. They are committed in groups of up to 64 objects or 64 MiB: after
/// an error the groups before it are stored durably, and nothing is left of the group it was in.
/// Memory does not grow with the pack.
///
/// # Errors
/// What is wrong with the pack or its stream; [`PackError::Store`] when the store cannot take
/// it, in particular when its disk is full.
pub fn receive(store: &Store, input: impl Read) -> Result<u64, PackError> {
    receive_telling(store, input, |_| {})
}

/// The same, telling of each group of objects when it is stored, also of those before an error.
///
/// # Errors
/// See [`receive`].
pub fn receive_telling(
    store: &Store,
    input: impl Read,
    mut stored: impl FnMut(&[ObjectRef]),
) -> Result<u64, PackError> {
    let mut commit = |group: Vec<Staged>| {
        let refs: Vec<ObjectRef> = group.iter().map(Staged::object).collect();
        store.commit(group).map_err(PackError::Store)?;
        stored(&refs);
        Ok::<_, PackError>(())
    };
    let mut reader = PackReader::new(input)?;
    let mut group: Vec<Staged> = Vec::new();
    let mut group_bytes = 0;
    let mut objects = 0;
    while let Some(entry) = reader.next_entry()? {
        let mut writer = store.stage().map_err(PackError::Store)?;
        entry.copy_to(&mut writer).map_err(|error| sort(error, &writer))?;
        let staged = writer.finish().map_err(PackError::Store)?;
        group_bytes += staged.object().size;
        objects += 1;
        group.push(staged);
        if group.len() == GROUP_OBJECTS_MAX || group_bytes >= GROUP_BYTES {
            commit(std::mem::take(&mut group))?;
            group_bytes = 0;
        }
    }
    commit(group)?;
    Ok(objects)
}

/// What could not be written was going to the store.
fn sort(error: PackError, writer: &StagedWriter) -> PackError {
    match error {
        PackError::Write { source, .. } => {
            PackError::Store(StoreError::from_io("write", writer.path(), source))
        }
        other => other,
    }
}
