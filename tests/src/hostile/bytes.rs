//! Modules byte by byte, for what no assembler would write.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What every core module begins with.
pub(super) const HEAD: [u8; 8] = *b"\0asm\x01\0\0\0";

/// An unsigned number as WebAssembly writes it.
pub(super) fn leb(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A section with its length before it.
pub(super) fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(body.len() as u64), body].concat()
}

/// A core module of these sections.
pub(super) fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [&HEAD[..], &sections.concat()].concat()
}

/// A core module that exports one function as `_start`, with this body: its locals first, its
/// `end` last.
pub(super) fn command(body: &[u8]) -> Vec<u8> {
    let entry = [&leb(body.len() as u64)[..], body].concat();
    module(&[
        section(1, b"\x01\x60\0\0"),
        section(3, b"\x01\0"),
        section(7, b"\x01\x06_start\0\0"),
        section(10, &[&[1][..], &entry].concat()),
    ])
}

/// Adds a custom section.
pub(super) fn with_section(mut module: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let body = [&leb(name.len() as u64)[..], name.as_bytes(), data].concat();
    module.extend(section(0, &body));
    module
}

/// Assembles `wat` and describes it as a job that exports `interface`, as the SDK does.
pub(super) fn sdk_module(wat: &str, interface: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = include_str!("../../../guest-sdk/wit/job.wit");
    resolve.push_str("job.wit", wit).expect("the interface is sound");
    let world = format!(
        "package test:job;\nworld job {{\ninclude bramble:job/imports@0.1.2;\n\
         export bramble:job/{interface}@0.1.2;\n}}"
    );
    let package = resolve.push_str("test.wit", &world).expect("the world is sound");
    let world = resolve.select_world(&[package], None).expect("there is one world");
    let mut module = wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}\n{wat}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the module can be described");
    module
}
