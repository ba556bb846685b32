//! Small files, read up to a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::PowerError;

/// The text of a file of at most so many bytes, without the zeros of the device tree.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<String, PowerError> {
    let failed = |error| PowerError::io(format!("reading {}", path.display()), error);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(bytes_max).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned())
}
