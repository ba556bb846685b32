//! What is added to a module after its own toolchain has made it: what it declares of itself,
//! and the description of its interface when the toolchain knows nothing of components.

use bramble_protocol::module::Declared;
use wasmparser::{Encoding, Parser, Payload};
use wit_component::StringEncoding;
use wit_parser::Resolve;

use crate::DevError;
use crate::embedded::{wit, wit_version};

/// The section in which a module declares things about itself.
const MANIFEST: &str = "bramble:manifest";

/// What has to be known of a module before something is added to it.
#[derive(Default)]
struct Outline {
    is_component: bool,
    has_manifest: bool,
    has_component_type: bool,
    exports: Vec<String>,
}

/// Completes a module as a toolchain made it.
///
/// # Errors
/// When it is no module, or its exports are not those of the interface.
pub(crate) fn complete(mut wasm: Vec<u8>, declared: &Declared) -> Result<Vec<u8>, DevError> {
    let outline = outline(&wasm).map_err(|error| bad(error.message().to_owned()))?;
    let interfaces = interfaces(&outline);
    if !outline.is_component && !outline.has_component_type && !interfaces.is_empty() {
        describe(&mut wasm, &interfaces).map_err(bad)?;
    }
    if !outline.has_manifest && *declared != Declared::default() {
        let text = serde_json::to_vec(declared).expect("our own types are always JSON");
        append(&mut wasm, MANIFEST, &text);
    }
    Ok(wasm)
}

fn bad(reason: String) -> DevError {
    DevError::BadModule { reason }
}

fn outline(wasm: &[u8]) -> wasmparser::Result<Outline> {
    let mut outline = Outline::default();
    let mut depth = 0u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::Version { encoding, .. } if depth == 0 => {
                outline.is_component = encoding == Encoding::Component;
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) => {
                outline.has_manifest |= section.name() == MANIFEST;
                outline.has_component_type |= section.name().starts_with("component-type");
            }
            Payload::ExportSection(exports) if depth == 0 => {
                for export in exports {
                    outline.exports.push(export?.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}

/// The interfaces of which a core module exports functions: `bramble:job/mapper@0.1.2`.
fn interfaces(outline: &Outline) -> Vec<&str> {
    let functions = outline.exports.iter().filter(|name| name.starts_with("bramble:job/"));
    let mut names: Vec<&str> = functions.filter_map(|name| Some(name.split_once('#')?.0)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Adds the section that says which world a core module is made for.
fn describe(wasm: &mut Vec<u8>, interfaces: &[&str]) -> Result<(), String> {
    let exports: String = interfaces.iter().map(|name| format!("  export {name};\n")).collect();
    let version = wit_version();
    let world = format!(
        "package local:job;\nworld job {{\n  include bramble:job/imports@{version};\n{exports}}}\n"
    );
    let mut resolve = Resolve::default();
    let mut encode = || {
        resolve.push_source("job.wit", wit())?;
        let package = resolve.push_source("world.wit", &world)?;
        let world = resolve.select_world(&[package], Some("job"))?;
        wit_component::embed_component_metadata(wasm, &resolve, world, StringEncoding::UTF8)
    };
    encode().map_err(|error| format!("{error:#}"))
}

/// Adds a custom section at the end, where modules and components both may have one.
fn append(wasm: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut content = Vec::new();
    push_length(&mut content, name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
    wasm.push(0);
    push_length(wasm, content.len());
    wasm.extend(content);
}

/// A length in unsigned LEB128.
fn push_length(to: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        to.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    to.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_declares_what_its_project_says_and_only_once() {
        let declared = Declared { name: Some("x".repeat(300)), ..Declared::default() };
        let bare = wat::parse_str("(module (func (export \"_start\")))").unwrap();
        let done = complete(bare.clone(), &declared).unwrap();
        let sections: Vec<Vec<u8>> = Parser::new(0)
            .parse_all(&done)
            .filter_map(|payload| match payload.unwrap() {
                Payload::CustomSection(section) if section.name() == MANIFEST => {
                    Some(section.data().to_vec())
                }
                _ => None,
            })
            .collect();
        assert_eq!(sections, [serde_json::to_vec(&declared).unwrap()]);
        assert_eq!(complete(done.clone(), &declared).unwrap(), done);
        assert_eq!(complete(bare.clone(), &Declared::default()).unwrap(), bare);
        assert!(complete(b"\0asm?".to_vec(), &declared).is_err());
    }

    #[test]
    fn a_module_that_exports_the_interface_gets_its_description() {
        let version = wit_version();
        let text = format!(
            "(module (memory (export \"memory\") 1)
               (func (export \"bramble:job/mapper-bytes@{version}#run\")
                 (param i64 i32 i32 i32 i64 i64 i32 i32) (result i32) unreachable))"
        );
        let done = complete(wat::parse_str(text).unwrap(), &Declared::default()).unwrap();
        assert!(outline(&done).unwrap().has_component_type);
        let unknown = format!("(module (func (export \"bramble:job/painter@{version}#run\")))");
        assert!(complete(wat::parse_str(unknown).unwrap(), &Declared::default()).is_err());
    }
}
