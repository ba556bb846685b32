//! Modules as people send them: what is accepted as what, and how each wrong one is refused.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/sdk.rs"]
mod sdk;
mod support;

use bramble_protocol::{Mode, ModuleInfo, ModuleKind, SplitRule, TargetClass};
use bramble_runtime::compile::{CompileLimits, Compiler, ModuleError, Refusal};
use support::{ECHO, compiler, key, program, wat_command};

fn accepted(module: &[u8]) -> ModuleInfo {
    compiler().inspect(module).unwrap_or_else(|error| panic!("{error:?}"))
}

fn refused(module: &[u8]) -> Refusal {
    match compiler().inspect(module) {
        Err(ModuleError::Refused(refusal)) => {
            let compiled = compiler().compile(module, TargetClass::native(), Mode::Fast, key());
            assert!(matches!(compiled, Err(ModuleError::Refused(_))), "{compiled:?}");
            refusal
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_refused(module: &[u8], expected: &[&str]) {
    let refusal = refused(module);
    let text = format!("{refusal:?}");
    for part in expected {
        assert!(text.contains(part), "`{part}` is not in {refusal:#?}");
    }
    assert!(!refusal.title.ends_with('.'));
}

#[test]
fn a_command_in_text_or_binary_is_accepted() {
    let wat = wat_command(ECHO);
    let info = accepted(wat.as_bytes());
    assert_eq!(info.kind, ModuleKind::Command);
    assert_eq!(info.size_bytes, wat.len() as u64);
    assert_eq!(info.digest, bramble_protocol::Digest::of(wat.as_bytes()));
    assert_eq!(accepted(&wat::parse_str(&wat).unwrap()).kind, ModuleKind::Command);
}

#[test]
fn a_component_with_the_command_world_is_accepted() {
    let info = accepted(
        br#"(component
          (core module $m (func (export "run") (result i32) (i32.const 0)))
          (core instance $i (instantiate $m))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $cli (export "run" (func $run)))
          (export "wasi:cli/run@0.2.3" (instance $cli)))"#,
    );
    assert_eq!(info.kind, ModuleKind::Command);
}

#[test]
fn a_job_made_with_an_sdk_is_accepted_with_the_interfaces_it_exports() {
    let info = accepted(&sdk::full_job());
    assert_eq!(info.kind, ModuleKind::Job);
    let exports = info.exports;
    assert!(exports.planner && exports.partitioner && exports.mapper && exports.merger);
    assert!(!exports.mapper_bytes);
    assert!(accepted(&sdk::sdk_module(sdk::BYTES, &["mapper-bytes"])).exports.mapper_bytes);
}

#[test]
fn every_accepted_module_compiles_for_every_class() {
    for module in [wat_command(ECHO).into_bytes(), sdk::full_job()] {
        for class in TargetClass::ALL {
            for mode in Mode::ALL {
                let artefact = compiler().compile(&module, class, mode, key()).unwrap();
                assert!(!artefact.is_empty(), "{class}");
            }
        }
    }
}

#[test]
fn what_a_module_declares_of_itself_is_read() {
    let manifest = br#"{"name":"sort","about":"Sorts.",
        "split":{"by-param":{"param":"type","cases":{"u64":"records:8"}}},
        "params":[{"name":"type","default":"text","choices":["text","u64"]}]}"#;
    let info = accepted(&sdk::with_section(sdk::full_job(), "bramble:manifest", manifest));
    assert_eq!(info.declared.name.as_deref(), Some("sort"));
    let params = [("type".into(), "u64".into())].into();
    assert_eq!(info.declared.split_rule(&params), SplitRule::Records { bytes: 8 });
}

#[test]
fn a_bad_declaration_is_refused_with_the_reason() {
    let with = |manifest: &str| {
        sdk::with_section(sdk::full_job(), "bramble:manifest", manifest.as_bytes())
    };
    assert_refused(&with("{"), &["bramble:manifest", "EOF"]);
    assert_refused(&with(r#"{"split":{"always":"words"}}"#), &["words"]);
    assert_refused(&with(r#"{"name":""}"#), &["name is empty"]);
    assert_refused(&with(r#"{"params":[{"name":"a b"}]}"#), &["`a b`"]);
    assert_refused(&with(r#"{"params":[{"name":"a"},{"name":"a"}]}"#), &["twice"]);
    assert_refused(
        &with(r#"{"params":[{"name":"a","default":"x","choices":["y"]}]}"#),
        &["bad default", "choose from: y"],
    );
    assert_refused(
        &with(r#"{"params":[{"name":"a","default":"x","kind":"integer"}]}"#),
        &["bad default", "a whole number"],
    );
    assert_refused(&with(r#"{"params":[{"name":"a","kind":"colour"}]}"#), &["colour"]);
    assert_refused(&with(r#"{"result":{"kind":"film"}}"#), &["film"]);
    assert_refused(
        &with(r#"{"result":{"kind":"text","extension":"../x"}}"#),
        &["cannot end the name of a file"],
    );
    assert_refused(
        &with(r#"{"split":{"by-param":{"param":"t","cases":{}}}}"#),
        &["`t`, which is no parameter"],
    );
    assert_refused(&with(&format!(r#"{{"about":"{}"}}"#, "x".repeat(70_000))), &["longer than"]);
    let bytes = sdk::sdk_module(sdk::BYTES, &["mapper-bytes"]);
    let guest = br#"{"split":{"always":"guest"}}"#;
    assert_refused(
        &sdk::with_section(bytes, "bramble:manifest", guest),
        &["neither planner nor cutter"],
    );
    let command = wat::parse_str(wat_command(ECHO)).unwrap();
    assert_refused(
        &sdk::with_section(command, "bramble:manifest", guest),
        &["neither planner nor cutter"],
    );
}

#[test]
fn what_is_not_webassembly_is_named_by_what_it_looks_like() {
    for (bytes, expected) in [
        (&b""[..], "an empty file"),
        (b"\0as", "cut off"),
        (b"\x7fELF\x02\x01\x01", "ELF"),
        (b"PK\x03\x04rest", "zip"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"<!DOCTYPE html><p>404", "web page"),
        (b"hello world\n1\n2\n", "text file"),
        (b"#!/bin/sh\n", "script"),
        (b"\x01\x02\x03\x04", "binary file"),
    ] {
        assert_refused(bytes, &["not WebAssembly", expected]);
    }
    assert_refused(b"(module (func $x (i32.const)))", &["not a WebAssembly module", "1:"]);
}

#[test]
fn a_compiled_module_is_refused() {
    let module = b"(module (func (export \"_start\")))";
    let native = TargetClass::native();
    let config = bramble_runtime::sandbox::engine::compile_config(native, Mode::Fast).unwrap();
    let engine = wasmtime::Engine::new(&config).unwrap();
    assert_refused(&engine.precompile_module(module).unwrap(), &[".cwasm"]);
    let sealed = compiler().compile(module, native, Mode::Fast, key()).unwrap();
    assert_refused(&sealed, &[".cwasm"]);
}

#[test]
fn a_module_that_is_cut_off_anywhere_is_refused() {
    let whole = wat::parse_str(wat_command(ECHO)).unwrap();
    let places = [4, 7, 8, 20, whole.len() / 2, whole.len() - 1];
    for end in places {
        refused(&whole[..end]);
    }
    assert_refused(&whole[..whole.len() / 2], &["cut off"]);
}

#[test]
fn a_module_without_an_entry_point_is_told_what_it_has_and_what_it_needs() {
    assert_refused(
        br#"(module (func (export "foo")) (func (export "bar")))"#,
        &["`foo`, `bar`", "`_start`", "bramble:job/mapper"],
    );
    assert_refused(b"(module)", &["exports nothing"]);
    assert_refused(
        br#"(module (func (export "_start") (param i32)))"#,
        &["takes or returns values"],
    );
}

#[test]
fn a_foreign_import_is_named() {
    assert_refused(
        br#"(module (import "env" "fetch" (func)) (func (export "_start")))"#,
        &["`env.fetch`", "does not offer", "linkers"],
    );
    assert_refused(
        br#"(module (import "wasi_snapshot_preview1" "fly" (func)) (func (export "_start")))"#,
        &["`wasi_snapshot_preview1.fly`"],
    );
    assert_refused(
        br#"(module (import "env" "memory" (memory 1)) (func (export "_start")))"#,
        &["`env.memory`"],
    );
    let wat = sdk::BYTES.replacen("(module", r#"(module (import "env" "x" (func))"#, 1);
    assert_refused(&sdk::sdk_module(&wat, &["mapper-bytes"]), &["`env.x`"]);
}

#[test]
fn a_component_of_another_world_is_refused() {
    assert_refused(
        br#"(component
          (core module $m (func (export "handle")))
          (core instance $i (instantiate $m))
          (func $handle (canon lift (core func $i "handle")))
          (instance $http (export "handle" (func $handle)))
          (export "wasi:http/incoming-handler@0.2.0" (instance $http)))"#,
        &["another world", "wasi:http/incoming-handler@0.2.0"],
    );
    assert_refused(
        br#"(component (import "wasi:http/outgoing-handler@0.2.0" (instance)))"#,
        &["`wasi:http/outgoing-handler@0.2.0`", "does not offer"],
    );
}

#[test]
fn interfaces_that_make_no_job_together_are_refused() {
    assert_refused(&sdk::sdk_module(&only("merger"), &["merger"]), &["nothing that maps"]);
    let interfaces = ["mapper", "partitioner"];
    let wat = without(&without(sdk::JOB, "merger"), "planner");
    assert_refused(&sdk::sdk_module(&wat, &interfaces), &["partitioner but no merger"]);
}

#[test]
fn an_interface_of_a_later_version_is_refused_as_such() {
    let wat = sdk::BYTES.replace("mapper-bytes@0.1.2", "mapper-bytes@0.2.0");
    assert_refused(
        &wat::parse_str(wat).unwrap(),
        &["`bramble:job/mapper-bytes@0.2.0`", "newer bramble"],
    );
}

#[test]
fn a_job_whose_description_was_stripped_is_refused() {
    assert_refused(&wat::parse_str(sdk::BYTES).unwrap(), &["component-type", "strip"]);
}

#[test]
fn features_that_are_off_are_refused() {
    for wat in [
        r#"(module (memory 1) (memory 1) (func (export "_start")))"#,
        r#"(module (memory i64 1) (func (export "_start")))"#,
        r#"(module (memory 1 1 shared) (func (export "_start")))"#,
        r#"(module (type (struct)) (func (export "_start")))"#,
        r#"(module (tag) (func (export "_start")))"#,
    ] {
        assert_refused(wat.as_bytes(), &["feature of WebAssembly"]);
    }
}

#[test]
fn modules_of_sizes_that_no_program_has_are_refused_before_they_are_compiled() {
    let functions = "(func)".repeat(100_001);
    assert_refused(format!("(module {functions})").as_bytes(), &["too many functions"]);
    let locals = "i64 ".repeat(5_001);
    let wat = format!(r#"(module (func (export "_start") (local {locals})))"#);
    assert_refused(wat.as_bytes(), &["too many locals"]);
    assert_refused(&vec![0; (64 << 20) + 1], &["longer than 64 MiB"]);
}

/// Twelve functions of 80,000 additions each: small to send, large to compile.
fn bomb() -> Vec<u8> {
    let mut body = String::new();
    for _ in 0..400 {
        body.push_str("(block ");
        body.push_str(&"(drop (i32.add (i32.const 1) (i32.const 2)))".repeat(200));
    }
    body.push_str(&")".repeat(400));
    let functions: String = (0..12).map(|index| format!("(func $f{index} {body})")).collect();
    wat::parse_str(format!(r#"(module {functions} (func (export "_start")))"#)).unwrap()
}

#[test]
fn a_module_that_takes_too_much_to_compile_is_stopped_by_the_kernel() {
    let module = bomb();
    let limited = |limits| {
        let compiler = Compiler::new(program().to_owned(), limits);
        compiler.compile(&module, TargetClass::native(), Mode::Fast, key())
    };
    let limits = CompileLimits { memory_bytes_max: 96 << 20, ..CompileLimits::default() };
    match limited(limits) {
        Err(ModuleError::TooBig { limit }) => assert_eq!(limit, "96 MiB of memory"),
        other => panic!("{:?}", other.map(|artefact| artefact.len())),
    }
}

#[test]
fn a_compiler_that_does_not_end_is_killed() {
    // Time is over before the child can have answered.
    let limits = CompileLimits { wall_max: std::time::Duration::ZERO, ..CompileLimits::default() };
    let compiler = Compiler::new(program().to_owned(), limits);
    let error = compiler.compile(&bomb(), TargetClass::native(), Mode::Fast, key()).unwrap_err();
    assert!(matches!(error, ModuleError::TooSlow { .. }), "{error}");
    assert!(!error.is_retryable());
    assert!(!error.is_final(), "on a machine with less to do it may be done in time");
}

#[test]
fn a_program_that_is_no_compiler_is_an_error_of_its_own() {
    let inspect = |program: &str| {
        Compiler::new(program.into(), CompileLimits::default()).inspect(b"(module)").unwrap_err()
    };
    assert!(matches!(inspect("/nonexistent"), ModuleError::Spawn { .. }));
    let crashed = inspect("/bin/false");
    assert!(matches!(&crashed, ModuleError::Crashed { .. }), "{crashed:?}");
    assert!(crashed.is_retryable());
}

/// The text of the streaming job with one interface only.
fn only(kept: &str) -> String {
    ["planner", "partitioner", "mapper", "merger"]
        .iter()
        .filter(|interface| **interface != kept)
        .fold(sdk::JOB.to_owned(), |wat, interface| without(&wat, interface))
}

/// The same without one interface.
fn without(wat: &str, interface: &str) -> String {
    let sign = format!(r#"(export "bramble:job/{interface}@0.1.2#"#);
    let at = wat.find(&sign).unwrap();
    let end = at + wat[at..].find(')').unwrap() + 1;
    format!("{}{}", &wat[..at], &wat[end..])
}
