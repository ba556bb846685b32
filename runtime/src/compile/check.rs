//! The first look at a module: is it WebAssembly at all, and of a size that compiles?
//!
//! The bounds are far above what compilers produce (CPython has some 15,000 functions, a Go
//! program 20,000; the longest function of either is below 1 MB) and below what takes a compiler
//! down: a million functions, or one with tens of thousands of locals. What passes them and is
//! still too much meets the limits of the process.

use std::borrow::Cow;

use bramble_protocol::Limits;
use wasmparser::{
    BinaryReader, ComponentExternalKind, Encoding, ExternalKind, Name, NameSectionReader, Operator,
    Parser, Payload, TypeRef,
};
use wasmtime::Engine;

use super::Refusal;

/// Longest module, in bytes.
pub(super) const MODULE_BYTES_MAX: usize = 64 << 20;
/// Most functions, in all modules of a component together.
const FUNCTIONS_MAX: u64 = 100_000;
/// Most types, likewise. The largest programs have some thousands; 100,000 different ones took
/// 17 s and 835 MB.
const TYPES_MAX: u64 = 20_000;
/// Longest code of one function, in bytes. Time and memory grow faster than its length.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Most locals of one function.
const LOCALS_MAX: u64 = 5_000;
/// Locals of a function times its blocks, loops and conditions: where they meet, the compiler
/// may look at each local. Both of these together are what takes a compiler down.
const LOCALS_TIMES_BLOCKS_MAX: u64 = 20_000_000;
/// Deepest nesting of blocks.
const NESTING_MAX: u32 = 10_000;
/// Most targets of one `br_table`.
const BRANCH_TARGETS_MAX: u32 = 16_384;
/// Bodies shorter than this, in bytes, cannot break a bound on what is in them: so they are not
/// read twice. Two bytes are a block without its end, and one a branch target.
const BODY_BYTES_LOOKED_AT: usize = 8 << 10;
/// Most modules and components inside a component.
const NESTED_MAX: u32 = 1000;
/// Longest name of a function or module, in bytes. A runner copies it for every call of a
/// backtrace: one of 16 MiB took 2.7 GB. The longest of C++ templates have some tens of thousands.
const NAME_BYTES_MAX: u64 = 64 << 10;
/// Longest declaration of a module about itself, in bytes.
const MANIFEST_BYTES_MAX: usize = 64 << 10;

/// What was seen on the way through a module. Names are those of the outermost level.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) is_component: bool,
    /// Module, name and kind of each import of a core module.
    pub(super) imports: Vec<(String, String, &'static str)>,
    /// Name and kind of each export of a core module.
    pub(super) exports: Vec<(String, &'static str)>,
    pub(super) component_imports: Vec<String>,
    /// Name of each export of a component, and whether it is an interface.
    pub(super) component_exports: Vec<(String, bool)>,
    /// The section by which an SDK describes the world of a core module.
    pub(super) has_component_type: bool,
    /// The section that only object files have, which are yet to be linked.
    pub(super) has_linking: bool,
    /// The section in which a module declares things about itself, at any level.
    pub(super) manifest: Option<Vec<u8>>,
}

/// The binary form of what was sent, which may be text.
pub(super) fn binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    if bytes.len() > MODULE_BYTES_MAX {
        return Err(Refusal::new(format!(
            "the module is longer than {} MiB",
            MODULE_BYTES_MAX >> 20
        ))
        .help("leave out debug information (strip it), or data that belongs into the input"));
    }
    if Engine::detect_precompiled(bytes).is_some() || crate::artefact::is_artefact(bytes) {
        return Err(Refusal::new("the file is a module compiled for one kind of machine (.cwasm)")
            .detail("bramble compiles modules itself and runs no machine code that it did not make")
            .help("submit the .wasm file it was made from"));
    }
    if bytes.starts_with(b"\0asm") {
        return Ok(Cow::Borrowed(bytes));
    }
    let text = std::str::from_utf8(bytes).ok();
    if text.is_some_and(|text| text.trim_start().starts_with(['(', ';'])) {
        return wat::parse_bytes(bytes).map_err(|error| {
            Refusal::new("the text is not a WebAssembly module").detail(error.to_string())
        });
    }
    Err(Refusal::new("the file is not WebAssembly")
        .detail(format!("it looks like {}", looks_like(bytes)))
        .help("submit a .wasm file: for Rust, built with --target wasm32-wasip1"))
}

fn looks_like(bytes: &[u8]) -> &'static str {
    const SIGNS: [(&[u8], &str); 12] = [
        (b"\x7fELF", "a program or library for Linux (ELF)"),
        (b"\xcf\xfa\xed\xfe", "a program or library for macOS"),
        (b"MZ", "a program or library for Windows"),
        (b"!<arch>", "a static library (.a)"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x1f\x8b", "a file compressed by gzip"),
        (b"\x28\xb5\x2f\xfd", "a file compressed by zstd"),
        (b"\x89PNG", "a picture (PNG)"),
        (b"\xff\xd8\xff", "a picture (JPEG)"),
        (b"%PDF", "a PDF document"),
        (b"#!", "a script"),
    ];
    if bytes.is_empty() {
        return "an empty file";
    }
    if b"\0asm".starts_with(bytes) {
        return "the first bytes of a WebAssembly file that was cut off";
    }
    if let Some((_, name)) = SIGNS.iter().find(|(sign, _)| bytes.starts_with(sign)) {
        return name;
    }
    let start = &bytes[..bytes.len().min(4096)];
    let lower = start.trim_ascii_start().to_ascii_lowercase();
    if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        return "a web page (HTML)";
    }
    let control = |byte: &u8| *byte < 9 || (14..32).contains(byte);
    if start.iter().any(control) { "some other binary file" } else { "a text file" }
}

/// Goes through a module, counts what has a bound and notes what tells its kind.
pub(super) fn survey(binary: &[u8]) -> Result<Survey, Refusal> {
    let mut survey = Survey::default();
    let (mut depth, mut nested, mut functions, mut types) = (0u32, 0u32, 0u64, 0u64);
    let mut memory_pages = 0u64;
    for payload in Parser::new(0).parse_all(binary) {
        match payload.map_err(|error| malformed(&error))? {
            Payload::Version { encoding, .. } if depth == 0 => {
                survey.is_component = encoding == Encoding::Component;
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                depth += 1;
                nested += 1;
                bound("modules inside", nested.into(), NESTED_MAX.into())?;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::TypeSection(section) => {
                types += u64::from(section.count());
                bound("types", types, TYPES_MAX)?;
            }
            Payload::CodeSectionStart { count, .. } => {
                functions += u64::from(count);
                bound("functions", functions, FUNCTIONS_MAX)?;
            }
            Payload::CodeSectionEntry(body) => {
                examine(&body)?;
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory.map_err(|error| malformed(&error))?;
                    memory_pages = memory_pages.saturating_add(memory.initial);
                }
                memory_fits(memory_pages)?;
            }
            Payload::CustomSection(section) => survey.custom(section.name(), section.data())?,
            other if depth == 0 => {
                survey.outermost(other).map_err(|error| malformed(&error))?;
            }
            _ => {}
        }
    }
    Ok(survey)
}

/// Whether the memories that a module starts with are allowed at all. How much a job gets is
/// seen when it runs.
fn memory_fits(pages: u64) -> Result<(), Refusal> {
    const PAGE_BYTES: u64 = 64 << 10;
    let bytes = pages.saturating_mul(PAGE_BYTES);
    if bytes < Limits::MEMORY_BYTES_HARD_MAX {
        return Ok(());
    }
    let most = Limits::MEMORY_BYTES_HARD_MAX >> 20;
    Err(Refusal::new("the module starts with more memory than any job may have")
        .detail(format!("it starts with {} MiB; less than {most} MiB are allowed", bytes >> 20))
        .help("lower its initial memory: linkers take --initial-memory"))
}

/// Looks for what no program has in one function.
fn examine(body: &wasmparser::FunctionBody<'_>) -> Result<(), Refusal> {
    let locals = locals(body)?;
    bound("locals in one function", locals, LOCALS_MAX)?;
    let length = body.range().len();
    if length > BODY_BYTES_MAX {
        return Err(Refusal::new("a function of the module is too long")
            .detail(format!("its code has {length} bytes, {BODY_BYTES_MAX} are allowed"))
            .help("split it into smaller functions; large tables belong into data"));
    }
    if length < BODY_BYTES_LOOKED_AT {
        return Ok(());
    }
    let (mut depth, mut blocks) = (0u32, 0u64);
    let operators = body.get_operators_reader().map_err(|error| malformed(&error))?;
    for operator in operators {
        match operator.map_err(|error| malformed(&error))? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                depth += 1;
                blocks += 1;
                bound("blocks inside one another", depth.into(), NESTING_MAX.into())?;
            }
            Operator::End => depth = depth.saturating_sub(1),
            Operator::BrTable { targets } => {
                bound("targets of one branch", targets.len().into(), BRANCH_TARGETS_MAX.into())?;
            }
            _ => {}
        }
    }
    bound("blocks in a function with many locals", locals * blocks, LOCALS_TIMES_BLOCKS_MAX)
}

fn locals(body: &wasmparser::FunctionBody<'_>) -> Result<u64, Refusal> {
    let mut sum = 0u64;
    for group in body.get_locals_reader().map_err(|error| malformed(&error))? {
        sum += u64::from(group.map_err(|error| malformed(&error))?.0);
    }
    Ok(sum)
}

/// Length of the longest name that a backtrace may show. A section that makes no sense has none:
/// it is ignored by all who read it.
fn longest_name(section: &[u8]) -> u64 {
    let mut longest = 0;
    for subsection in NameSectionReader::new(BinaryReader::new(section, 0)).map_while(Result::ok) {
        match subsection {
            Name::Module { name, .. } => longest = longest.max(name.len()),
            Name::Function(names) => {
                let names = names.into_iter().map_while(Result::ok);
                longest = names.fold(longest, |longest, naming| longest.max(naming.name.len()));
            }
            _ => {}
        }
    }
    longest as u64
}

fn bound(what: &str, count: u64, max: u64) -> Result<(), Refusal> {
    if count <= max {
        return Ok(());
    }
    Err(Refusal::new(format!("the module has too many {what}"))
        .detail(format!("{count} were found, {max} are allowed"))
        .help("build it with optimisation"))
}

impl Survey {
    fn custom(&mut self, name: &str, data: &[u8]) -> Result<(), Refusal> {
        if name.starts_with("component-type") {
            self.has_component_type = true;
        }
        self.has_linking |= name == "linking";
        if name == "name" {
            bound("bytes in one name", longest_name(data), NAME_BYTES_MAX)?;
        }
        if name == "bramble:manifest" {
            if data.len() > MANIFEST_BYTES_MAX {
                return Err(bad_manifest(format!("it is longer than {MANIFEST_BYTES_MAX} bytes")));
            }
            if self.manifest.as_deref().is_some_and(|known| known != data) {
                return Err(bad_manifest("there are two, and they differ".into()));
            }
            self.manifest = Some(data.to_vec());
        }
        Ok(())
    }

    fn outermost(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let kind = match import.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => "function",
                        TypeRef::Memory(_) => "memory",
                        TypeRef::Table(_) => "table",
                        TypeRef::Global(_) => "global",
                        TypeRef::Tag(_) => "tag",
                    };
                    self.imports.push((import.module.into(), import.name.into(), kind));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let kind = match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => "function",
                        ExternalKind::Memory => "memory",
                        ExternalKind::Table => "table",
                        ExternalKind::Global => "global",
                        ExternalKind::Tag => "tag",
                    };
                    self.exports.push((export.name.into(), kind));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.component_imports.push(import?.name.name.into());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    let is_interface = export.kind == ComponentExternalKind::Instance;
                    self.component_exports.push((export.name.name.into(), is_interface));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a module is valid under the features that bramble offers.
pub(super) fn validate(binary: &[u8]) -> Result<wasmparser::types::Types, Refusal> {
    let features = crate::sandbox::engine::features();
    wasmparser::Validator::new_with_features(features)
        .validate_all(binary)
        .map_err(|error| malformed(&error))
}

fn malformed(error: &wasmparser::BinaryReaderError) -> Refusal {
    let message = error.message();
    let place = format!("{message} (at byte {})", error.offset());
    if message.contains("unexpected end") {
        return Refusal::new("the module is cut off: it ends in the middle")
            .detail(place)
            .help("build or copy it again");
    }
    // How wasmparser says that something is known and switched off.
    let off = ["not enabled", "must be enabled", "disabled", "requires", "not supported without"];
    if off.iter().any(|sign| message.contains(sign)) || message.contains("multiple memories") {
        return Refusal::new("the module uses a feature of WebAssembly that bramble does not offer")
            .detail(place)
            .help("threads, 64-bit memories, several memories, exceptions and garbage collection are off: build without them");
    }
    Refusal::new("the module is not valid WebAssembly").detail(place).help("build it again")
}

pub(super) fn bad_manifest(why: String) -> Refusal {
    Refusal::new("what the module declares of itself (section `bramble:manifest`) cannot be used")
        .detail(why)
}
