//! The head's [`ModuleService`]: compiler children, and artefacts that are kept.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bramble_protocol::{Digest, ModuleInfo, ObjectRef, TargetClass, error_chain};
use bramble_runtime::compile::{CompileLimits, Compiler, artefact_version};
use bramble_scheduler::{CompileFailure, ModuleRefusal, ModuleService};
use bramble_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::data;
use crate::error::{CliError, CliResult};
use crate::local;
use crate::request::MODULE_BYTES_MAX;

/// Where it is written down which artefacts there are, in the data directory.
const ARTEFACTS_DIR: &str = "artefacts";

/// A module and the machine it is compiled for.
type Key = (Digest, TargetClass);

/// Compiles each module once for each class, also over restarts.
///
/// A note is only a hint: an artefact that the store does not hold in full is compiled again, and
/// whoever reads it verifies it.
#[derive(Debug)]
pub(super) struct CompilerService {
    store: Store,
    compiler: Compiler,
    dir: PathBuf,
    /// A lock for each key, so that two jobs do not compile the same module side by side.
    artefacts: Mutex<HashMap<Key, Arc<Mutex<Option<ObjectRef>>>>>,
}

/// What is written down of an artefact.
#[derive(Serialize, Deserialize)]
struct Note {
    schema: String,
    artefact: ObjectRef,
}

impl CompilerService {
    /// A service over `store`, with its notes in `dir`.
    ///
    /// # Errors
    /// When the directory for the notes cannot be made.
    pub(super) fn new(store: Store, dir: &Path, program: PathBuf) -> CliResult<Self> {
        let dir = dir.join(ARTEFACTS_DIR);
        data::prepare(&dir)?;
        let compiler = Compiler::new(program, CompileLimits::default());
        Ok(Self { store, compiler, dir, artefacts: Mutex::default() })
    }

    fn slot(&self, key: Key) -> Arc<Mutex<Option<ObjectRef>>> {
        let mut artefacts = self.artefacts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(artefacts.entry(key).or_default())
    }

    /// The note's name: another engine or other settings make another artefact.
    fn note_name(key: &Key) -> String {
        let version = Digest::of(artefact_version().as_bytes());
        format!("{}-{}-{}.json", key.0, key.1, version.short())
    }

    fn is_stored(&self, artefact: &ObjectRef) -> bool {
        matches!(self.store.size_of(&artefact.digest), Ok(Some(size)) if size == artefact.size)
    }

    fn compile_now(&self, key: &Key) -> Result<ObjectRef, CompileFailure> {
        let module = self
            .store
            .get_by_digest(&key.0, MODULE_BYTES_MAX)
            .map_err(|error| store_failure("cannot read the module", &error))?;
        let started = std::time::Instant::now();
        let artefact = self.compiler.compile(&module, key.1).map_err(|error| CompileFailure {
            message: error_chain(&error),
            retry: error.is_retryable(),
        })?;
        let object = self
            .store
            .put(&artefact)
            .map_err(|error| store_failure("cannot store the compiled module", &error))?;
        tracing::info!(
            module = %key.0.short(),
            class = %key.1,
            duration_ms = started.elapsed().as_millis() as u64,
            "compiled module {} for {}",
            key.0.short(),
            key.1,
        );
        Ok(object)
    }

    fn write_note(&self, key: &Key, artefact: ObjectRef) {
        let note = Note { schema: "bramble.artefact/1".into(), artefact };
        if let Err(error) = local::write(&self.dir, &Self::note_name(key), &note) {
            let error: CliError = error;
            tracing::warn!(%error, "a compiled module was not noted and will be compiled again after a restart");
        }
    }
}

impl ModuleService for CompilerService {
    fn inspect(&self, module: &[u8]) -> Result<ModuleInfo, ModuleRefusal> {
        self.compiler.inspect(module).map_err(|error| {
            let refusal = error.to_refusal();
            ModuleRefusal { title: refusal.title, detail: refusal.detail, help: refusal.help }
        })
    }

    fn compile(&self, module: &Digest, class: TargetClass) -> Result<ObjectRef, CompileFailure> {
        let key = (*module, class);
        let slot = self.slot(key);
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let noted =
            || local::read::<Note>(&self.dir, &Self::note_name(&key)).map(|note| note.artefact);
        if let Some(artefact) = known.or_else(noted).filter(|artefact| self.is_stored(artefact)) {
            *known = Some(artefact);
            return Ok(artefact);
        }
        let artefact = self.compile_now(&key)?;
        self.write_note(&key, artefact);
        *known = Some(artefact);
        Ok(artefact)
    }
}

fn store_failure(what: &str, error: &StoreError) -> CompileFailure {
    let retry = !matches!(error, StoreError::Missing { .. } | StoreError::Corrupt { .. });
    CompileFailure { message: format!("{what}: {}", error_chain(error)), retry }
}

/// Removes notes of other versions, whose artefacts nobody will ask for again.
pub(super) fn forget_other_versions(dir: &Path) {
    let version = Digest::of(artefact_version().as_bytes()).short();
    let entries = fs::read_dir(dir.join(ARTEFACTS_DIR)).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        if !name.to_string_lossy().ends_with(&format!("-{version}.json")) {
            // A note that stays is only a small file.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(dir: &Path) -> CompilerService {
        let store = data::open_store(dir).unwrap();
        // A program that answers nothing: what it is asked for must not be needed.
        CompilerService::new(store, dir, "/bin/false".into()).unwrap()
    }

    #[test]
    fn an_artefact_that_is_noted_and_stored_is_not_compiled_again() {
        let dir = tempfile::tempdir().unwrap();
        let service = service(dir.path());
        let artefact = service.store.put(b"compiled").unwrap();
        let key = (Digest::of(b"module"), TargetClass::X86_64);
        service.write_note(&key, artefact);
        assert_eq!(service.compile(&key.0, key.1), Ok(artefact));
        assert!(service.compile(&key.0, TargetClass::Aarch64).is_err(), "another machine");
    }

    #[test]
    fn a_note_whose_artefact_is_gone_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let service = service(dir.path());
        let key = (Digest::of(b"module"), TargetClass::X86_64);
        service.write_note(&key, ObjectRef::of(b"never stored"));
        let failure = service.compile(&key.0, key.1).unwrap_err();
        assert!(failure.message.contains("cannot read the module"), "{failure}");
        assert!(!failure.retry, "the module itself is not there");
    }

    #[test]
    fn notes_of_other_versions_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let service = service(dir.path());
        let key = (Digest::of(b"module"), TargetClass::X86_64);
        service.write_note(&key, ObjectRef::of(b"artefact"));
        let old = service.dir.join("module-x86_64-000000000000.json");
        fs::write(&old, "{}").unwrap();
        forget_other_versions(dir.path());
        assert!(!old.exists());
        assert!(service.dir.join(CompilerService::note_name(&key)).exists());
    }
}
