//! Compiled modules, loaded once and kept for the tasks that follow.

use bramble_protocol::{Digest, Mode, ModuleKind, ObjectRef};
use wasmtime::component::{Component, InstancePre as ComponentPre};
use wasmtime::{Engine, InstancePre, Module, Precompiled, component};
use wasmtime_wasi::p2::bindings::sync::CommandPre;

use super::bindings::exports::bramble::job;
use super::host::{Host, SharedOutside};
use super::run::Broken;
use super::source::read_verified;
use crate::artefact::{self, Trust};
use bramble_protocol::AttemptOutcome;

/// How many modules are kept. A node mostly works on one or two jobs at a time.
const KEPT_MAX: usize = 4;
/// The longest artefact, in bytes: code grows to about four times the module.
const ARTEFACT_BYTES_MAX: u64 = 512 << 20;

/// A loaded module with its imports resolved.
pub(super) enum Loaded {
    /// A component that exports interfaces of `bramble:job`.
    Job(Box<Job>),
    /// A core module with `_start`.
    Core(InstancePre<Host>),
    /// A component with `wasi:cli/run`.
    Command(CommandPre<Host>),
}

/// The interfaces that a job has.
pub(super) struct Job {
    pub(super) pre: ComponentPre<Host>,
    pub(super) planner: Option<job::planner::GuestIndices>,
    pub(super) cutter: Option<job::cutter::GuestIndices>,
    pub(super) partitioner: Option<job::partitioner::GuestIndices>,
    pub(super) mapper: Option<job::mapper::GuestIndices>,
    pub(super) mapper_bytes: Option<job::mapper_bytes::GuestIndices>,
    pub(super) mapper_pairs: Option<job::mapper_pairs::GuestIndices>,
    pub(super) combiner: Option<job::combiner::GuestIndices>,
    pub(super) reducer: Option<job::reducer::GuestIndices>,
    pub(super) merger: Option<job::merger::GuestIndices>,
}

/// Loads artefacts and keeps the last few.
pub(super) struct Artefacts {
    trust: Trust,
    /// One for each mode, in the order of [`Mode::ALL`].
    engines: [EngineOf; Mode::ALL.len()],
    /// Last used last.
    kept: Vec<(Digest, Mode, Loaded)>,
}

/// An engine for one mode, and what it links guests to.
struct EngineOf {
    engine: Engine,
    linkers: Option<Linkers>,
}

struct Linkers {
    components: component::Linker<Host>,
    modules: wasmtime::Linker<Host>,
}

impl EngineOf {
    fn new(trust: &Trust, mode: Mode) -> wasmtime::Result<Self> {
        let engine = super::engine::run_engine(trust.class, mode)?;
        Ok(Self { engine, linkers: None })
    }

    /// Made when first needed: most runners need one mode only.
    fn linkers(&mut self) -> wasmtime::Result<&Linkers> {
        if self.linkers.is_none() {
            let components = super::wasi::component_linker(&self.engine)?;
            let modules = super::wasi::core_linker(&self.engine)?;
            self.linkers = Some(Linkers { components, modules });
        }
        Ok(self.linkers.as_ref().expect("just made"))
    }
}

impl Artefacts {
    /// Loads what `trust` says.
    pub(super) fn new(trust: Trust) -> wasmtime::Result<Self> {
        let [fast, verify] = Mode::ALL;
        let mut engines = [EngineOf::new(&trust, fast)?, EngineOf::new(&trust, verify)?];
        // So that the first task does not wait for it.
        engines[0].linkers()?;
        Ok(Self { trust, engines, kept: Vec::new() })
    }

    /// The engine for tasks of one mode.
    pub(super) fn engine(&self, mode: Mode) -> &Engine {
        &self.engines[mode as usize].engine
    }

    /// The module of `artefact`, read from `outside` and verified unless it is kept.
    pub(super) fn get(
        &mut self,
        artefact: &ObjectRef,
        kind: ModuleKind,
        mode: Mode,
        outside: &SharedOutside,
    ) -> Result<&Loaded, Broken> {
        let is_it = |kept: &(Digest, Mode, Loaded)| kept.0 == artefact.digest && kept.1 == mode;
        let known = self.kept.iter().position(is_it);
        let entry = match known {
            Some(index) => self.kept.remove(index),
            None => (artefact.digest, mode, self.load(artefact, kind, mode, outside)?),
        };
        if self.kept.len() == KEPT_MAX {
            self.kept.remove(0);
        }
        self.kept.push(entry);
        Ok(&self.kept.last().expect("just pushed").2)
    }

    fn load(
        &mut self,
        artefact: &ObjectRef,
        kind: ModuleKind,
        mode: Mode,
        outside: &SharedOutside,
    ) -> Result<Loaded, Broken> {
        if artefact.size > ARTEFACT_BYTES_MAX {
            return Err(unfit(&format!("the artefact is {} bytes long", artefact.size)));
        }
        let file = outside.lock().artefact()?;
        let bytes = read_verified(&file, artefact)?;
        let code =
            artefact::open(&bytes, &self.trust, mode).map_err(|error| unfit(&error.to_string()))?;
        let engine = &mut self.engines[mode as usize];
        let loaded =
            deserialize(&engine.engine, code).map_err(|error| unfit(&format!("{error:#}")))?;
        let linkers = engine.linkers().map_err(|error| unlinked(&error))?;
        match loaded {
            Code::Module(module) => {
                let pre =
                    linkers.modules.instantiate_pre(&module).map_err(|error| unlinked(&error))?;
                Ok(Loaded::Core(pre))
            }
            Code::Component(component) => {
                let linker = &linkers.components;
                let pre = linker.instantiate_pre(&component).map_err(|error| unlinked(&error))?;
                Ok(match kind {
                    ModuleKind::Command => {
                        Loaded::Command(CommandPre::new(pre).map_err(|error| unlinked(&error))?)
                    }
                    ModuleKind::Job => Loaded::Job(Box::new(Job::new(pre))),
                })
            }
        }
    }
}

impl Job {
    fn new(pre: ComponentPre<Host>) -> Self {
        Self {
            planner: job::planner::GuestIndices::new(&pre).ok(),
            cutter: job::cutter::GuestIndices::new(&pre).ok(),
            partitioner: job::partitioner::GuestIndices::new(&pre).ok(),
            mapper: job::mapper::GuestIndices::new(&pre).ok(),
            mapper_bytes: job::mapper_bytes::GuestIndices::new(&pre).ok(),
            mapper_pairs: job::mapper_pairs::GuestIndices::new(&pre).ok(),
            combiner: job::combiner::GuestIndices::new(&pre).ok(),
            reducer: job::reducer::GuestIndices::new(&pre).ok(),
            merger: job::merger::GuestIndices::new(&pre).ok(),
            pre,
        }
    }
}

enum Code {
    Module(Module),
    Component(Component),
}

#[expect(unsafe_code, reason = "compiled code can only be loaded on trust")]
fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Code> {
    match Engine::detect_precompiled(bytes) {
        // SAFETY (both): the head compiled these bytes from a module that it had validated, and
        // its signature over them was verified here, in this process's own memory. Nothing a user
        // sends is ever signed.
        Some(Precompiled::Module) => {
            unsafe { Module::deserialize(engine, bytes) }.map(Code::Module)
        }
        Some(Precompiled::Component) => {
            // SAFETY: see above.
            unsafe { Component::deserialize(engine, bytes) }.map(Code::Component)
        }
        _ => Err(wasmtime::format_err!("not compiled code")),
    }
}

/// The artefact is of no use on this machine; it may be on another.
fn unfit(why: &str) -> Broken {
    let message = format!("the compiled module cannot be loaded on this machine: {why}");
    AttemptOutcome::NodeFault { message }.into()
}

/// The module is of no use anywhere.
fn unlinked(error: &wasmtime::Error) -> Broken {
    AttemptOutcome::Trapped {
        trap: bramble_protocol::TrapKind::Other,
        message: format!("the module does not fit what bramble offers: {error:#}"),
    }
    .into()
}
