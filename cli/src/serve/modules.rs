//! The head's [`ModuleService`]: compiler children, and artefacts that are kept.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bramble_protocol::{Digest, Mode, ModuleInfo, ObjectRef, PublicKey, TargetClass, error_chain};
use bramble_runtime::artefact::{HeadKey, artefact_version};
use bramble_runtime::compile::{Compiler, Refusal};
use bramble_runtime::split::{Request, SplitError, plan_chunks, plan_spans};
use bramble_scheduler::{CompileFailure, CutAnswer, CutRequest, ModuleRefusal, ModuleService};
use bramble_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::data;
use super::refusals::{Refusals, Target};
use crate::error::{CliError, CliResult};
use crate::local;
use crate::request::MODULE_BYTES_MAX;

/// Where it is written down which artefacts there are, in the data directory.
const ARTEFACTS_DIR: &str = "artefacts";

/// A module, the machine it is compiled for, and how it is to run there.
type Key = (Digest, TargetClass, Mode);

/// Compiles each module once for each class and mode, also over restarts.
///
/// A note is only a hint: an artefact that the store does not hold in full is compiled again, and
/// whoever reads it verifies it.
#[derive(Debug)]
pub(super) struct CompilerService {
    store: Store,
    compiler: Compiler,
    key: HeadKey,
    refusals: Refusals,
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
    pub(super) fn new(
        store: Store,
        dir: &Path,
        compiler: Compiler,
        key: HeadKey,
    ) -> CliResult<Self> {
        let refusals = Refusals::open(dir, compiler.limits())?;
        let dir = dir.join(ARTEFACTS_DIR);
        data::prepare(&dir)?;
        Ok(Self { store, compiler, key, refusals, dir, artefacts: Mutex::default() })
    }

    fn slot(&self, key: Key) -> Arc<Mutex<Option<ObjectRef>>> {
        let mut artefacts = self.artefacts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(artefacts.entry(key).or_default())
    }

    /// The note's name: another engine, other settings or another signature make another artefact.
    fn note_name(&self, (module, class, mode): &Key) -> String {
        format!("{module}-{class}-{}-{}.json", mode.name(), makers(&self.key.public()))
    }

    fn is_stored(&self, artefact: &ObjectRef) -> bool {
        // It counts as used from now on, so that it is not removed before a job has it.
        self.store.claim(artefact).unwrap_or(false)
    }

    fn compile_now(&self, key: &Key) -> Result<ObjectRef, CompileFailure> {
        let target: Target = Some((key.1, key.2));
        if let Some(refusal) = self.refusals.find(&key.0, target) {
            return Err(CompileFailure { message: refusal.title, retry: false });
        }
        let module = self
            .store
            .get_by_digest(&key.0, MODULE_BYTES_MAX)
            .map_err(|error| store_failure("cannot read the module", &error))?;
        let started = std::time::Instant::now();
        let artefact = self.compiler.compile(&module, key.1, key.2, &self.key);
        let artefact = artefact.map_err(|error| {
            self.refusals.keep(&key.0, target, &error);
            CompileFailure { message: error_chain(&error), retry: error.is_retryable() }
        })?;
        let object = self
            .store
            .put(&artefact)
            .map_err(|error| store_failure("cannot store the compiled module", &error))?;
        tracing::info!(
            module = %key.0.short(),
            class = %key.1,
            mode = key.2.name(),
            duration_ms = started.elapsed().as_millis() as u64,
            "compiled module {} for {}",
            key.0.short(),
            key.1,
        );
        Ok(object)
    }

    fn write_note(&self, key: &Key, artefact: ObjectRef) {
        let note = Note { schema: "bramble.artefact/1".into(), artefact };
        if let Err(error) = local::write(&self.dir, &self.note_name(key), &note) {
            let error: CliError = error;
            tracing::warn!(%error, "a compiled module was not noted and will be compiled again after a restart");
        }
    }
}

impl ModuleService for CompilerService {
    fn inspect(&self, module: &[u8]) -> Result<ModuleInfo, ModuleRefusal> {
        let digest = Digest::of(module);
        if let Some(refusal) = self.known_refusal(&digest) {
            return Err(refusal);
        }
        self.compiler.inspect(module).map_err(|error| {
            self.refusals.keep(&digest, None, &error);
            for_user(error.to_refusal())
        })
    }

    fn known_refusal(&self, module: &Digest) -> Option<ModuleRefusal> {
        self.refusals.find(module, None).map(for_user)
    }

    fn cut(&self, asked: &CutRequest<'_>) -> Result<CutAnswer, ModuleRefusal> {
        let module = self.store.get_by_digest(&asked.module, MODULE_BYTES_MAX);
        let module = module.map_err(|error| ModuleRefusal {
            title: store_failure("cannot read the module", &error).message,
            detail: None,
            help: None,
        })?;
        let request = Request {
            module: &module,
            input: asked.input,
            wanted_bytes: asked.wanted_bytes,
            params: asked.params,
            secrets: asked.secrets,
            limits: asked.limits,
        };
        let answer = if asked.makes_chunks {
            plan_chunks(&self.compiler, &request).map(CutAnswer::Pieces)
        } else {
            plan_spans(&self.compiler, &request).map(CutAnswer::Spans)
        };
        answer.map_err(|error| cannot_cut(&error))
    }

    fn artefacts(&self) -> Vec<(Digest, ObjectRef)> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let noted = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let module = name.split('-').next()?.parse().ok()?;
            Some((module, local::read::<Note>(&self.dir, &name)?.artefact))
        });
        noted.collect()
    }

    fn artefact_key(&self) -> Option<PublicKey> {
        Some(self.key.public())
    }

    fn compile(
        &self,
        module: &Digest,
        class: TargetClass,
        mode: Mode,
    ) -> Result<ObjectRef, CompileFailure> {
        let key = (*module, class, mode);
        let slot = self.slot(key);
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let noted =
            || local::read::<Note>(&self.dir, &self.note_name(&key)).map(|note| note.artefact);
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

/// Why a module did not cut its input, for whoever submits it.
fn cannot_cut(error: &SplitError) -> ModuleRefusal {
    let title = "the module cannot cut this input".to_owned();
    match error {
        SplitError::Failed { outcome, log } => ModuleRefusal {
            title,
            detail: Some(format!("{}\n{log}", outcome.message()).trim_end().to_owned()),
            help: outcome.hint().map(str::to_owned),
        },
        _ => ModuleRefusal { title, detail: Some(error_chain(error)), help: None },
    }
}

fn for_user(refusal: Refusal) -> ModuleRefusal {
    let Refusal { title, detail, help } = refusal;
    ModuleRefusal { title, detail, help }
}

fn store_failure(what: &str, error: &StoreError) -> CompileFailure {
    let retry = !matches!(error, StoreError::Missing { .. } | StoreError::Corrupt { .. });
    CompileFailure { message: format!("{what}: {}", error_chain(error)), retry }
}

/// By what and by whom artefacts are made, in short.
fn makers(key: &PublicKey) -> String {
    Digest::of(format!("{} {key}", artefact_version()).as_bytes()).short()
}

/// Removes notes of other versions and keys, whose artefacts nobody will ask for again.
pub(super) fn forget_others(dir: &Path, key: &PublicKey) {
    let version = makers(key);
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
        let key = HeadKey::ephemeral().unwrap();
        let limits = bramble_runtime::compile::CompileLimits::default();
        CompilerService::new(store, dir, Compiler::new("/bin/false".into(), limits), key).unwrap()
    }

    #[test]
    fn an_artefact_that_is_noted_and_stored_is_not_compiled_again() {
        let dir = tempfile::tempdir().unwrap();
        let service = service(dir.path());
        let artefact = service.store.put(b"compiled").unwrap();
        let key = (Digest::of(b"module"), TargetClass::X86_64, Mode::Fast);
        service.write_note(&key, artefact);
        assert_eq!(service.compile(&key.0, key.1, key.2), Ok(artefact));
        assert!(service.compile(&key.0, TargetClass::Aarch64, key.2).is_err(), "another machine");
        assert!(service.compile(&key.0, key.1, Mode::Verify).is_err(), "another mode");
    }

    #[test]
    fn a_note_whose_artefact_is_gone_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let service = service(dir.path());
        let key = (Digest::of(b"module"), TargetClass::X86_64, Mode::Fast);
        service.write_note(&key, ObjectRef::of(b"never stored"));
        let failure = service.compile(&key.0, key.1, key.2).unwrap_err();
        assert!(failure.message.contains("cannot read the module"), "{failure}");
        assert!(!failure.retry, "the module itself is not there");
    }

    #[test]
    fn notes_of_other_versions_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let service = service(dir.path());
        let key = (Digest::of(b"module"), TargetClass::X86_64, Mode::Fast);
        service.write_note(&key, ObjectRef::of(b"artefact"));
        let old = service.dir.join("module-x86_64-fast-000000000000.json");
        fs::write(&old, "{}").unwrap();
        forget_others(dir.path(), &service.key.public());
        assert!(!old.exists());
        assert!(service.dir.join(service.note_name(&key)).exists());
    }
}
