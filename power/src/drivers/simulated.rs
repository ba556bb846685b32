//! Outlets that are not there, for trials and tests.

use std::fs;
use std::path::PathBuf;

use crate::driver::within;
use crate::{Driver, PowerError, State, Traits};

/// Outlets in memory, and in a file if they are to outlive the head: a line of `0` and `1`.
#[derive(Debug)]
pub struct Simulated {
    on: Vec<bool>,
    file: Option<PathBuf>,
}

/// Outlets that one may have.
const OUTLETS_MAX: u32 = 4096;

impl Simulated {
    /// So many outlets, off but for what the file says.
    ///
    /// # Errors
    /// When the file holds something else.
    pub fn open(outlets: u32, file: Option<PathBuf>) -> Result<Self, PowerError> {
        let mut on = vec![false; outlets.min(OUTLETS_MAX) as usize];
        if let Some(path) = file.as_ref().filter(|path| path.exists()) {
            let text = super::files::read(path, 2 * u64::from(OUTLETS_MAX))?;
            if text.trim().bytes().any(|byte| byte != b'0' && byte != b'1') {
                let said = "holds something else than 0 and 1; remove it to begin anew";
                return Err(PowerError::refused(path.display().to_string(), said));
            }
            for (outlet, byte) in on.iter_mut().zip(text.trim().bytes()) {
                *outlet = byte == b'1';
            }
        }
        Ok(Self { on, file })
    }

    fn index(&self, outlet: u32) -> Result<usize, PowerError> {
        self.check(outlet).map_err(|why| PowerError::refused("simulated", why))?;
        Ok(outlet as usize - 1)
    }
}

impl Driver for Simulated {
    fn traits(&self) -> Traits {
        Traits { outlives_head: Some(self.file.is_some()), ..Traits::new("simulated") }
    }

    fn check(&self, outlet: u32) -> Result<(), String> {
        within(outlet, u32::try_from(self.on.len()).unwrap_or(0))
    }

    fn read(&mut self, outlet: u32) -> Result<State, PowerError> {
        Ok(self.on[self.index(outlet)?].into())
    }

    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        let index = self.index(outlet)?;
        self.on[index] = on;
        let Some(path) = &self.file else { return Ok(()) };
        let text: String = self.on.iter().map(|&on| if on { '1' } else { '0' }).collect();
        let failed = |error| PowerError::io(format!("writing {}", path.display()), error);
        let new = path.with_extension("new");
        fs::write(&new, text).and_then(|()| fs::rename(&new, path)).map_err(failed)
    }
}
