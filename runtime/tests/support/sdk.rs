//! Modules as an SDK makes them: core WebAssembly with a section that describes its world.
#![allow(dead_code, reason = "each test file uses a part")]

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A job with all streaming interfaces, in text.
pub(crate) const JOB: &str = include_str!("job.wat");
/// A job with `mapper-bytes`, in text.
pub(crate) const BYTES: &str = include_str!("bytes.wat");

/// Assembles `wat` and describes it as a world that exports `interfaces`.
pub(crate) fn sdk_module(wat: &str, interfaces: &[&str]) -> Vec<u8> {
    of_version(wat, interfaces, "0.1.2", include_str!("../../../guest-sdk/wit/job.wit"))
}

/// `bramble:crypto` as this release has it.
pub(crate) const CRYPTO: &str = include_str!("../../../guest-sdk/wit/deps/crypto/crypto.wit");

/// The same for a module that imports `bramble:crypto` as well, which has this WIT text.
pub(crate) fn cipher_module(wat: &str, interfaces: &[&str], crypto: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_str("crypto.wit", crypto).unwrap();
    let job = include_str!("../../../guest-sdk/wit/job.wit");
    embedded(resolve, wat, interfaces, ("0.1.2", job), "include bramble:crypto/imports@0.1.0;")
}

/// The same as an SDK of another version makes it, which has another WIT text.
pub(crate) fn of_version(wat: &str, interfaces: &[&str], version: &str, wit: &str) -> Vec<u8> {
    embedded(Resolve::default(), wat, interfaces, (version, wit), "")
}

fn embedded(
    mut resolve: Resolve,
    wat: &str,
    interfaces: &[&str],
    (version, wit): (&str, &str),
    more: &str,
) -> Vec<u8> {
    resolve.push_str("job.wit", wit).unwrap();
    let exports: String = interfaces
        .iter()
        .map(|interface| format!("export bramble:job/{interface}@{version};\n"))
        .collect();
    let world = format!(
        "package test:job;\nworld job {{\ninclude bramble:job/imports@{version};\n{more}\n{exports}}}"
    );
    let package = resolve.push_str("test.wit", &world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wat::parse_str(wat.replace("@0.1.2", &format!("@{version}"))).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

/// The streaming job with all its interfaces.
pub(crate) fn full_job() -> Vec<u8> {
    sdk_module(JOB, &["planner", "partitioner", "mapper", "merger"])
}

/// Adds a custom section.
pub(crate) fn with_section(mut module: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let leb = |mut value: usize| {
        let mut bytes = Vec::new();
        while value >= 128 {
            bytes.push((value & 127) as u8 | 128);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    let mut section = leb(name.len());
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(data);
    module.push(0);
    module.extend(leb(section.len()));
    module.extend(section);
    module
}
