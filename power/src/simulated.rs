//! Outlets that are files, one for each: `1` in it means that it has power. For preparing lessons
//! and for tests; whatever plays the board watches its file.

use std::fs;
use std::path::PathBuf;

use bramble_protocol::power::Supply;

use crate::driver::{Driver, PowerError};

pub(crate) struct Simulated {
    pub(crate) dir: PathBuf,
}

impl Driver for Simulated {
    fn read(&mut self, outlet: &str) -> Result<Supply, PowerError> {
        let path = self.dir.join(outlet);
        match fs::read(&path) {
            Ok(text) if text.starts_with(b"1") => Ok(Supply::On),
            Ok(_) => Ok(Supply::Off),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Supply::Off),
            Err(source) => Err(PowerError::File { path, source }),
        }
    }

    fn switch(&mut self, outlet: &str, on: bool) -> Result<(), PowerError> {
        let path = self.dir.join(outlet);
        let cannot = |source| PowerError::File { path: path.clone(), source };
        fs::create_dir_all(&self.dir).map_err(cannot)?;
        fs::write(&path, if on { "1\n" } else { "0\n" }).map_err(cannot)
    }
}
