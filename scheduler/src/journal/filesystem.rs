//! Filesystems on which no journal should lie.

use std::path::Path;

use super::JournalError;

/// Magic numbers of `statfs(2)` and the names people know.
const NETWORK: [(u64, &str); 6] = [
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x517B, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
];

/// Refuses a journal on a network filesystem.
pub(super) fn check(path: &Path) -> Result<(), JournalError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let stat = rustix::fs::statfs(directory.unwrap_or(Path::new("."))).map_err(|error| {
        JournalError::Filesystem { path: path.to_owned(), source: error.into() }
    })?;
    match network_name(stat.f_type as u64) {
        Some(filesystem) => {
            Err(JournalError::NetworkFilesystem { path: path.to_owned(), filesystem })
        }
        None => Ok(()),
    }
}

fn network_name(magic: u64) -> Option<&'static str> {
    // The field is signed and 32 bits wide on some machines.
    let magic = magic & 0xFFFF_FFFF;
    NETWORK.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_filesystems_are_known_by_their_number() {
        assert_eq!(network_name(0x6969), Some("NFS"));
        assert_eq!(network_name(0xFFFF_FFFF_FF53_4D42), Some("CIFS"));
        assert_eq!(network_name(0xEF53), None, "ext4");
    }
}
