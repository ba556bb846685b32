//! Builders for tests, here and in other crates.

use bramble_protocol::agent::Hello;
use bramble_protocol::module::Exports;
use bramble_protocol::version::AGENT_PROTOCOL;
use bramble_protocol::{
    Digest, JobSpec, Limits, Manifest, ModuleInfo, ModuleKind, NodeSelector, NodeStatus, ObjectRef,
    Params, TargetClass,
};

use crate::core::NewJob;

fn module(name: &str, exports: Exports) -> ModuleInfo {
    ModuleInfo {
        digest: Digest::of(name.as_bytes()),
        size_bytes: name.len() as u64,
        kind: ModuleKind::Job,
        exports,
        declared: Default::default(),
    }
}

/// A module that only maps.
pub fn map_module() -> ModuleInfo {
    module("map", Exports { mapper: true, ..Exports::default() })
}

/// A module that maps and merges.
pub fn merge_module() -> ModuleInfo {
    module("merge", Exports { mapper: true, merger: true, ..Exports::default() })
}

/// A module that chooses key ranges, maps and merges.
pub fn sort_module() -> ModuleInfo {
    let exports = Exports { partitioner: true, mapper: true, merger: true, ..Exports::default() };
    module("sort", exports)
}

/// A module that maps to pairs and reduces them.
pub fn reduce_module() -> ModuleInfo {
    module("reduce", Exports { mapper_pairs: true, reducer: true, ..Exports::default() })
}

/// `count` chunks of different sizes with a sample.
pub fn manifest(count: u32) -> Manifest {
    let chunk = |i: u32| ObjectRef {
        digest: Digest::of(format!("chunk {i}").as_bytes()),
        size: 1_000 + u64::from(i),
    };
    Manifest::new((0..count).map(chunk).collect(), Some(ObjectRef::of(b"sample")))
}

/// A job of `chunks` chunks.
pub fn job(module: &ModuleInfo, chunks: u32) -> NewJob {
    let manifest = manifest(chunks);
    NewJob {
        spec: JobSpec {
            name: "test".into(),
            module: module.digest,
            input: Digest::of(&manifest.encode()),
            params: Params::new(),
            args: Vec::new(),
            command: Default::default(),
            nodes: NodeSelector::Any,
            limits: Limits::default(),
            mode: bramble_protocol::Mode::Fast,
            partitions: None,
            result_name: String::new(),
            secrets: None,
            clock_ms: None,
            policy: Default::default(),
        },
        module: module.clone(),
        manifest,
        owns_input: true,
    }
}

/// An agent that says hello without leases.
pub fn hello(name: &str, instance: u64, slots: u32) -> Hello {
    Hello {
        protocol: AGENT_PROTOCOL,
        version: "0.1.0".into(),
        name: name.into(),
        instance,
        class: TargetClass::X86_64,
        speed: None,
        slots,
        store_id: None,
        leases: Vec::new(),
        join: None,
        machine: None,
        status: NodeStatus::default(),
    }
}
