//! One slot without a cluster: the real compiler and a real runner process, as an agent has them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bramble_protocol::agent::Work;
use bramble_protocol::{
    AttemptOutcome, Limits, Mode, ModuleKind, ObjectRef, Params, Secrets, TargetClass, Usage,
};
use bramble_runtime::artefact::{HeadKey, Trust};
use bramble_runtime::compile::{CompileLimits, Compiler};
use bramble_runtime::runner::RunnerProcess;
use bramble_store::Store;
use bramble_tests::cluster::program;

/// A store, a compiler and a runner.
pub(crate) struct Slot {
    store: Store,
    compiler: Compiler,
    key: HeadKey,
    runner: RunnerProcess,
    _dir: tempfile::TempDir,
}

/// A module that is ready to run.
#[derive(Clone, Copy)]
pub(crate) struct Compiled {
    artefact: ObjectRef,
    kind: ModuleKind,
}

impl Slot {
    /// In a directory of its own.
    pub(crate) fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let store = Store::open(dir.path())?;
        let compiler = Compiler::new(program(), CompileLimits::default());
        let key = HeadKey::ephemeral()?;
        let trust = Trust { class: TargetClass::native(), key: key.public() };
        let runner = RunnerProcess::spawn(&program(), dir.path(), &trust)?;
        Ok(Self { store, compiler, key, runner, _dir: dir })
    }

    /// Compiles for this machine.
    pub(crate) fn compile(&self, module: &Path) -> Result<Compiled> {
        let bytes =
            std::fs::read(module).with_context(|| format!("reading {}", module.display()))?;
        let kind = self.compiler.inspect(&bytes)?.kind;
        let artefact =
            self.compiler.compile(&bytes, TargetClass::native(), Mode::Fast, &self.key)?;
        Ok(Compiled { artefact: self.store.put(&artefact)?, kind })
    }

    /// Stores a chunk.
    pub(crate) fn chunk(&self, bytes: &[u8]) -> Result<ObjectRef> {
        Ok(self.store.put(bytes)?)
    }

    /// Runs a map over a chunk and says how long that took in all, from asking to the answer;
    /// the output is thrown away.
    pub(crate) fn map(
        &mut self,
        module: Compiled,
        chunk: ObjectRef,
        params: &Params,
    ) -> Result<Duration> {
        let begun = Instant::now();
        self.run(module, chunk, params, &Secrets::default())?;
        Ok(begun.elapsed())
    }

    /// The same with secrets; says how much processor time the task took.
    pub(crate) fn cpu_of_map(
        &mut self,
        module: Compiled,
        chunk: ObjectRef,
        params: &Params,
        secrets: &Secrets,
    ) -> Result<Duration> {
        Ok(Duration::from_micros(self.run(module, chunk, params, secrets)?.cpu_us))
    }

    fn run(
        &mut self,
        module: Compiled,
        chunk: ObjectRef,
        params: &Params,
        secrets: &Secrets,
    ) -> Result<Usage> {
        let work = Work {
            params: params.clone(),
            secrets: secrets.clone(),
            limits: Limits { memory_bytes_max: 512 << 20, ..Limits::default() },
            ..Work::alone(module.artefact, module.kind, "bench", vec![chunk])
        };
        let finished = self.runner.run(&work);
        match finished.outcome {
            AttemptOutcome::Succeeded { .. } => Ok(finished.usage),
            other => bail!("the task ended as {}: {}", other.slug(), other.message()),
        }
    }
}
