//! Modules that were refused, by digest: the same bytes are told the same again at once, without
//! another child that goes through them.
//!
//! One small file for each. What is written depends on the engine and on the limits, so both are
//! part of its name: with a new version, or on a machine with more memory, the module gets
//! another chance.

use std::fs;
use std::path::{Path, PathBuf};

use bramble_protocol::{Digest, Mode, TargetClass};
use bramble_runtime::artefact::artefact_version;
use bramble_runtime::compile::{CompileLimits, ModuleError, Refusal};
use serde::{Deserialize, Serialize};

use super::data;
use crate::error::CliResult;
use crate::local;

/// Where they are written down, in the data directory.
const REFUSED_DIR: &str = "refused";
/// How many are remembered. Whoever sends more wrong modules only makes the head forget others.
const COUNT_MAX: usize = 1_000;

/// What was refused: to be accepted at all, or to be compiled.
pub(super) type Target = Option<(TargetClass, Mode)>;

/// What is remembered of refused modules.
#[derive(Debug)]
pub(super) struct Refusals {
    dir: PathBuf,
    judge: String,
}

#[derive(Serialize, Deserialize)]
struct Note {
    schema: String,
    refusal: Refusal,
}

impl Refusals {
    /// Opens what is remembered in the data directory `dir`, as far as it holds under `limits`.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub(super) fn open(dir: &Path, limits: &CompileLimits) -> CliResult<Self> {
        let dir = dir.join(REFUSED_DIR);
        data::prepare(&dir)?;
        let CompileLimits { memory_bytes_max, cpu_s_max, .. } = limits;
        let judge = format!(
            "{} {} {memory_bytes_max} {cpu_s_max}",
            env!("CARGO_PKG_VERSION"),
            artefact_version()
        );
        let refusals = Self { dir, judge: Digest::of(judge.as_bytes()).short() };
        refusals.forget(|name| !name.ends_with(&refusals.ending()));
        Ok(refusals)
    }

    fn ending(&self) -> String {
        format!("-{}.json", self.judge)
    }

    fn name(&self, module: &Digest, target: Target) -> String {
        let what = target.map_or_else(
            || "module".to_owned(),
            |(class, mode)| format!("{class}-{}", mode.name()),
        );
        format!("{module}-{what}{}", self.ending())
    }

    /// Why a module was refused, if it was.
    pub(super) fn find(&self, module: &Digest, target: Target) -> Option<Refusal> {
        local::read::<Note>(&self.dir, &self.name(module, target)).map(|note| note.refusal)
    }

    /// Remembers an error that the same module will always meet.
    pub(super) fn keep(&self, module: &Digest, target: Target, error: &ModuleError) {
        if !error.is_final() {
            return;
        }
        self.make_room();
        let note = Note { schema: "bramble.refusal/1".into(), refusal: error.to_refusal() };
        if let Err(error) = local::write(&self.dir, &self.name(module, target), &note) {
            tracing::warn!(%error, "a refused module was not noted and will be looked at again");
        }
    }

    /// Forgets the oldest quarter when there are too many.
    fn make_room(&self) {
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut files: Vec<_> = files
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        if files.len() < COUNT_MAX {
            return;
        }
        files.sort();
        for (_, path) in files.drain(..COUNT_MAX / 4) {
            // One that stays is only a small file.
            let _ = fs::remove_file(path);
        }
    }

    fn forget(&self, is_old: impl Fn(&str) -> bool) {
        for file in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if is_old(&file.file_name().to_string_lossy()) {
                let _ = fs::remove_file(file.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_big() -> ModuleError {
        ModuleError::TooBig { limit: "1 MiB of memory".into() }
    }

    #[test]
    fn a_refusal_is_remembered_for_what_was_refused_and_over_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let limits = CompileLimits::default();
        let module = Digest::of(b"module");
        let target = Some((TargetClass::X86_64, Mode::Fast));
        Refusals::open(dir.path(), &limits).unwrap().keep(&module, target, &too_big());
        let again = Refusals::open(dir.path(), &limits).unwrap();
        assert_eq!(again.find(&module, target), Some(too_big().to_refusal()));
        assert_eq!(again.find(&module, None), None);
        assert_eq!(again.find(&module, Some((TargetClass::X86_64, Mode::Verify))), None);
    }

    #[test]
    fn with_more_memory_a_module_gets_another_chance() {
        let dir = tempfile::tempdir().unwrap();
        let module = Digest::of(b"module");
        let small = Refusals::open(dir.path(), &CompileLimits::for_memory(1 << 29)).unwrap();
        small.keep(&module, None, &too_big());
        let large = Refusals::open(dir.path(), &CompileLimits::default()).unwrap();
        assert_eq!(large.find(&module, None), None);
        assert_eq!(fs::read_dir(&large.dir).unwrap().count(), 0, "the old one is gone");
    }

    #[test]
    fn a_fault_of_the_machine_is_not_held_against_the_module() {
        let dir = tempfile::tempdir().unwrap();
        let refusals = Refusals::open(dir.path(), &CompileLimits::default()).unwrap();
        let slow = ModuleError::TooSlow { limit: std::time::Duration::from_secs(1) };
        refusals.keep(&Digest::of(b"module"), None, &slow);
        assert_eq!(refusals.find(&Digest::of(b"module"), None), None);
    }

    #[test]
    fn not_more_than_so_many_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let refusals = Refusals::open(dir.path(), &CompileLimits::default()).unwrap();
        for number in 0..COUNT_MAX + 10 {
            refusals.keep(&Digest::of(&number.to_le_bytes()), None, &too_big());
        }
        assert!(fs::read_dir(&refusals.dir).unwrap().count() < COUNT_MAX);
        let last = Digest::of(&(COUNT_MAX + 9).to_le_bytes());
        assert!(refusals.find(&last, None).is_some());
    }
}
