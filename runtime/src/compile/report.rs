//! Everything about a module, for whoever makes it: what it is and needs, and all that would be
//! refused, not only what is found first.

use bramble_protocol::{Digest, ModuleInfo};
use serde::{Deserialize, Serialize};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use super::check::{self, Survey};
use super::{Refusal, kind, offer};

/// Findings beyond this many say nothing new.
const FINDINGS_MAX: usize = 50;
/// Modules longer than this, in bytes, are not validated once more for every feature.
const FEATURES_BYTES_MAX: usize = 32 << 20;

/// What was found in a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// BLAKE3 of the bytes as they are in the file.
    pub digest: Digest,
    /// Their length.
    pub size_bytes: u64,
    /// `component` or `core module`; absent when it is neither.
    pub form: Option<String>,
    /// What the head would say of it; absent when it would be refused.
    pub info: Option<ModuleInfo>,
    /// What it imports.
    pub imports: Vec<Import>,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// Its functions, those of the modules inside included.
    pub functions: u64,
    /// Its memories, those of the modules inside included.
    pub memories: Vec<Memory>,
    /// The features of WebAssembly that it cannot do without.
    pub features: Vec<Feature>,
    /// Why it would be refused; empty when it would not.
    pub findings: Vec<Refusal>,
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// `wasi_snapshot_preview1.fd_write`, or the name of an interface.
    pub name: String,
    /// Whether bramble has it.
    pub offered: bool,
}

/// One linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What it starts with, in bytes.
    pub initial_bytes: u64,
    /// What it may grow to, in bytes, when it says so.
    pub maximum_bytes: Option<u64>,
}

/// A feature that a module uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name in the WebAssembly proposals.
    pub name: String,
    /// Whether bramble has it.
    pub offered: bool,
}

/// Says everything about a module as it is in its file.
pub(super) fn of(bytes: &[u8]) -> Report {
    let mut report = Report {
        digest: Digest::of(bytes),
        size_bytes: bytes.len() as u64,
        form: None,
        info: None,
        imports: Vec::new(),
        exports: Vec::new(),
        functions: 0,
        memories: Vec::new(),
        features: Vec::new(),
        findings: Vec::new(),
    };
    match kind::recognise(bytes) {
        Ok(module) => report.info = Some(module.info),
        Err(refusal) => report.findings.push(refusal),
    }
    if let Ok(binary) = check::binary(bytes) {
        report.look_inside(&binary);
    }
    report.findings.truncate(FINDINGS_MAX);
    report
}

impl Report {
    fn look_inside(&mut self, binary: &[u8]) {
        if let Ok(survey) = check::survey(binary) {
            let form = if survey.is_component { "component" } else { "core module" };
            self.form = Some(form.into());
            self.name_imports_and_exports(&survey);
        }
        self.count(binary);
        if binary.len() <= FEATURES_BYTES_MAX {
            self.features = features_of(binary);
        }
        let off = self.features.iter().filter(|feature| !feature.offered);
        let off: Vec<&str> = off.map(|feature| feature.name.as_str()).collect();
        if !off.is_empty() {
            let text = format!("it uses {}, which bramble does not offer", off.join(", "));
            self.findings.push(Refusal::new(text).help("build it without"));
        }
    }

    fn name_imports_and_exports(&mut self, survey: &Survey) {
        let shown = |name: &str| crate::sandbox::shown(name);
        for name in &survey.component_imports {
            let offered = offer::is_offered(name);
            self.imports.push(Import { name: shown(name), offered });
        }
        for (module, name, what) in &survey.imports {
            let preview1 = module == kind::PREVIEW1
                && *what == "function"
                && kind::PREVIEW1_FUNCTIONS.contains(&name.as_str());
            let offered =
                preview1 || offer::is_offered(module) || module.starts_with("[export]bramble:job/");
            self.imports.push(Import { name: shown(&format!("{module}.{name}")), offered });
        }
        self.exports = survey
            .component_exports
            .iter()
            .map(|(name, _)| name)
            .chain(survey.exports.iter().map(|(name, _)| name))
            .map(|name| shown(name))
            .collect();
        self.find_foreign_imports(survey);
    }

    /// Adds a finding for each module of which functions are imported that are not there. The
    /// first of all foreign imports has been found already.
    fn find_foreign_imports(&mut self, survey: &Survey) {
        let mut modules: Vec<(&str, Vec<&str>)> = Vec::new();
        let foreign = self.imports.iter().filter(|import| !import.offered).skip(1);
        for import in foreign {
            let module = import.name.split('.').next().unwrap_or_default();
            match modules.iter_mut().find(|(known, _)| *known == module) {
                Some((_, names)) => names.push(&import.name),
                None => modules.push((module, vec![&import.name])),
            }
        }
        let findings = modules.into_iter().map(|(module, names)| match names.as_slice() {
            [name] => offer::foreign_import(&format!("`{name}`"), Some(survey)),
            names => {
                let what = format!("{} more functions of `{module}`", names.len());
                offer::foreign_import(&what, Some(survey)).detail(names.join(", "))
            }
        });
        let findings: Vec<Refusal> = findings.collect();
        self.findings.extend(findings);
    }

    /// Counts what is inside, as far as the module can be read.
    fn count(&mut self, binary: &[u8]) {
        for payload in Parser::new(0).parse_all(binary) {
            match payload {
                Ok(Payload::CodeSectionStart { count, .. }) => self.functions += u64::from(count),
                Ok(Payload::MemorySection(memories)) => {
                    for memory in memories.into_iter().flatten() {
                        let page = 1u64 << memory.page_size_log2.unwrap_or(16);
                        self.memories.push(Memory {
                            initial_bytes: memory.initial.saturating_mul(page),
                            maximum_bytes: memory.maximum.map(|pages| pages.saturating_mul(page)),
                        });
                    }
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

/// The features without which the module would not be valid.
fn features_of(binary: &[u8]) -> Vec<Feature> {
    let valid = |features| Validator::new_with_features(features).validate_all(binary).is_ok();
    let all = WasmFeatures::all();
    if !valid(all) {
        return Vec::new();
    }
    let offered = crate::sandbox::engine::features();
    let used = NAMED.iter().filter(|(_, feature)| !valid(all.difference(*feature)));
    let named = |(name, feature): &(&str, WasmFeatures)| Feature {
        name: (*name).into(),
        offered: offered.contains(*feature),
    };
    used.map(named).collect()
}

/// The features that compilers switch on and off, by the names of their proposals.
const NAMED: &[(&str, WasmFeatures)] = &[
    ("mutable-global", WasmFeatures::MUTABLE_GLOBAL),
    ("nontrapping-fptoint", WasmFeatures::SATURATING_FLOAT_TO_INT),
    ("sign-extension", WasmFeatures::SIGN_EXTENSION),
    ("reference-types", WasmFeatures::REFERENCE_TYPES),
    ("multi-value", WasmFeatures::MULTI_VALUE),
    ("bulk-memory", WasmFeatures::BULK_MEMORY),
    ("simd", WasmFeatures::SIMD),
    ("relaxed-simd", WasmFeatures::RELAXED_SIMD),
    ("threads", WasmFeatures::THREADS),
    ("tail-call", WasmFeatures::TAIL_CALL),
    ("multi-memory", WasmFeatures::MULTI_MEMORY),
    ("exception-handling", WasmFeatures::EXCEPTIONS),
    ("legacy-exceptions", WasmFeatures::LEGACY_EXCEPTIONS),
    ("memory64", WasmFeatures::MEMORY64),
    ("extended-const", WasmFeatures::EXTENDED_CONST),
    ("function-references", WasmFeatures::FUNCTION_REFERENCES),
    ("gc", WasmFeatures::GC),
    ("custom-page-sizes", WasmFeatures::CUSTOM_PAGE_SIZES),
    ("wide-arithmetic", WasmFeatures::WIDE_ARITHMETIC),
    ("stack-switching", WasmFeatures::STACK_SWITCHING),
    ("component-model-async", WasmFeatures::CM_ASYNC),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_would_be_refused_is_found_at_once() {
        let report = of(br#"(module
            (import "env" "one" (func)) (import "env" "two" (func))
            (memory i64 1) (func (export "other")))"#);
        let titles: Vec<&str> = report.findings.iter().map(|f| f.title.as_str()).collect();
        assert!(titles.iter().any(|title| title.contains("`env.two`")), "{titles:?}");
        assert!(titles.iter().any(|title| title.contains("memory64")), "{titles:?}");
        assert_eq!(report.info, None);
        assert_eq!(report.exports, ["other"]);
        assert_eq!(report.memories[0].initial_bytes, 64 << 10);
    }

    #[test]
    fn a_module_that_is_fine_has_no_finding_and_names_what_it_uses() {
        let report = of(br#"(module (memory (export "memory") 2 3)
            (func (export "_start") (drop (i32.extend8_s (i32.const 1)))))"#);
        assert_eq!(report.findings, []);
        assert!(report.info.is_some());
        let used: Vec<&str> = report.features.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(used, ["sign-extension"]);
        let memory = Memory { initial_bytes: 128 << 10, maximum_bytes: Some(192 << 10) };
        assert_eq!(report.memories, [memory]);
    }

    #[test]
    fn what_is_not_webassembly_is_one_finding() {
        let report = of(b"\x7fELF");
        assert_eq!((report.findings.len(), report.form), (1, None));
    }
}
