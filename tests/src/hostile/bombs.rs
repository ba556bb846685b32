//! Modules that are large in one way or another: small to send, or within the limits of the
//! format, and meant to take down whoever checks, compiles or loads them.

use std::fmt::Write;

use super::bytes::{command, leb, module, section, with_section};
use super::{Case, Expected, OUT_OF_MEMORY, STACK_OVERFLOW};

pub(super) fn cases() -> Vec<Case> {
    let contained = |name: &str, module: Vec<u8>| Case::new(name, module, Expected::Contained);
    vec![
        Case::new(
            "functions-100001",
            functions(100_001),
            Expected::Refused(&["too many functions"]),
        ),
        contained("functions-20000", functions(20_000)),
        Case::new(
            "locals-50000",
            command(&locals(50_000)),
            Expected::Refused(&["too many locals"]),
        ),
        Case::new(
            "locals-four-billion",
            command(&locals(u64::from(u32::MAX))),
            Expected::Refused(&["too many locals"]),
        ),
        contained("locals-in-a-loop", command(&locals_in_a_loop(400))),
        contained("straight-line", command(&straight_line(60_000))),
        contained("nested-blocks", command(&nested(0x02, 3_000))),
        contained("nested-loops", command(&nested(0x03, 3_000))),
        contained("nested-blocks-of-values", command(&nested_values(2_000))),
        contained("jump-table", command(&jump_table(50_000))),
        Case::new("jump-table-too-long", command(&jump_table(8_000_000)), Expected::Refused(&[])),
        contained("calls", command(&calls(30_000))),
        contained("data-segments", text(&format!("(memory 1) {}", data_segments(50_000)))),
        Case::new(
            "data-segments-100001",
            text(&format!("(memory 1) {}", data_segments(100_001))),
            Expected::Refused(&[]),
        ),
        Case::new("data-9-mib", data(9 << 20), OUT_OF_MEMORY),
        contained("exports", exports(50_000)),
        contained("imports", imports(20_000)),
        contained("globals", text(&"(global i64 (i64.const 1))".repeat(50_000))),
        contained("types", types(10_000)),
        Case::new("types-100000", types(100_000), Expected::Refused(&["too many types"])),
        contained("custom-section", with_section(functions(0), "x", &vec![0xff; 4 << 20])),
        contained("names-of-nothing", with_section(functions(0), "name", &[0xff; 1 << 16])),
        Case::new(
            "name-of-16-mib",
            deep_calls(16 << 20),
            Expected::Refused(&["bytes in one name"]),
        ),
        Case::new("name-of-60-kib", deep_calls(60 << 10), STACK_OVERFLOW),
        Case::new(
            "import-of-90-kb",
            long_import(90_000),
            Expected::Refused(&["the module imports"]),
        ),
        Case::new("exports-of-90-kb", long_exports(90_000), Expected::Refused(&["no entry point"])),
        Case::new(
            "tables-65",
            text(&"(table 1 funcref)".repeat(65)),
            Expected::Fails(&["too-many-tables"]),
        ),
        Case::new("tables-101", text(&"(table 1 funcref)".repeat(101)), Expected::Refused(&[])),
        Case::new("instances-200", instances("", 200), Expected::Fails(&["too-many-instances"])),
        Case::new(
            "memories-40",
            instances("(memory 0)", 40),
            Expected::Fails(&["too-many-memories"]),
        ),
        Case::new("memories-of-4-mib", instances("(memory 64)", 5), OUT_OF_MEMORY),
        Case::new("components-1001", components(1001), Expected::Refused(&["modules inside"])),
        Case::new("components-200-deep", deep_components(200), Expected::Refused(&[])),
        Case::new("component-type-doubling", doubling_type(40), Expected::Refused(&[])),
    ]
}

/// A command of these fields, in text.
fn text(fields: &str) -> Vec<u8> {
    format!(r#"(module {fields} (func (export "_start")))"#).into_bytes()
}

/// A command with so many more empty functions.
fn functions(count: u64) -> Vec<u8> {
    let all = usize::try_from(count + 1).expect("small enough");
    module(&[
        section(1, b"\x01\x60\0\0"),
        section(3, &[leb(count + 1), vec![0; all]].concat()),
        section(7, b"\x01\x06_start\0\0"),
        section(10, &[leb(count + 1), b"\x02\0\x0b".repeat(all)].concat()),
    ])
}

/// A body with so many locals that does nothing.
fn locals(count: u64) -> Vec<u8> {
    [&[1][..], &leb(count), b"\x7e\x0b"].concat()
}

/// A loop in which all locals are alive and change places: what registers are allocated for.
fn locals_in_a_loop(count: u64) -> Vec<u8> {
    let mut body = [&[1][..], &leb(count), b"\x7e\x03\x40"].concat();
    for local in 0..count {
        body.extend([&[0x20][..], &leb(local)].concat());
    }
    for local in 0..count {
        body.extend([&[0x21][..], &leb((local * 7 + 1) % count)].concat());
    }
    body.extend(b"\x0c\0\x0b\x0b");
    body
}

/// So many additions without a jump.
fn straight_line(count: usize) -> Vec<u8> {
    [&[0][..], &b"\x41\x01\x41\x02\x6a\x1a".repeat(count), b"\x0b"].concat()
}

/// Blocks or loops, one in the other.
fn nested(opcode: u8, depth: usize) -> Vec<u8> {
    [&[0][..], &[opcode, 0x40].repeat(depth), &[0x0b].repeat(depth), b"\x0b"].concat()
}

/// The same, each with a jump out of all of them.
fn nested_values(depth: u64) -> Vec<u8> {
    let mut body = vec![0];
    for outer in 0..depth {
        body.extend(b"\x02\x40\x41\0\x0d");
        body.extend(leb(outer));
    }
    body.extend(std::iter::repeat_n(0x0b, depth as usize + 1));
    body
}

/// One jump with so many targets, all the same.
fn jump_table(targets: u64) -> Vec<u8> {
    let zeroes = vec![0; usize::try_from(targets).expect("small enough") + 1];
    [&b"\0\x02\x40\x41\x05\x0e"[..], &leb(targets), &zeroes, b"\x0b\x0b"].concat()
}

/// So many calls of itself, none of which is reached.
fn calls(count: usize) -> Vec<u8> {
    [&b"\0\x0f"[..], &b"\x10\0".repeat(count), b"\x0b"].concat()
}

fn data_segments(count: usize) -> String {
    r#"(data (i32.const 0) "x")"#.repeat(count)
}

/// A command with one segment of data, and the memory for it.
fn data(bytes: u64) -> Vec<u8> {
    let zeroes = vec![0; usize::try_from(bytes).expect("small enough")];
    let pages = bytes.div_ceil(1 << 16);
    module(&[
        section(1, b"\x01\x60\0\0"),
        section(3, b"\x01\0"),
        section(5, &[&b"\x01\0"[..], &leb(pages)].concat()),
        section(7, b"\x01\x06_start\0\0"),
        section(10, b"\x01\x02\0\x0b"),
        section(11, &[&b"\x01\0\x41\0\x0b"[..], &leb(bytes), &zeroes].concat()),
    ])
}

fn exports(count: usize) -> Vec<u8> {
    let mut fields = String::new();
    for number in 0..count {
        write!(fields, r#"(export "export-{number}" (func 0))"#).expect("a String takes all");
    }
    format!(r#"(module (func (export "_start")) {fields})"#).into_bytes()
}

/// The same function of WASI, imported so often.
fn imports(count: usize) -> Vec<u8> {
    let import = r#"(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))"#;
    text(&format!(r#"{} (memory (export "memory") 1)"#, import.repeat(count)))
}

/// So many types, each different.
fn types(count: u64) -> Vec<u8> {
    let mut body = leb(count + 1);
    body.extend(b"\x60\0\0");
    for number in 0..count {
        // 17 parameters, each i32 or i64 after the bits of the number.
        body.extend(b"\x60\x11");
        body.extend((0..17).map(|bit| 0x7f - (number >> bit & 1) as u8));
        body.push(0);
    }
    module(&[
        section(1, &body),
        section(3, b"\x01\0"),
        section(7, b"\x01\x06_start\0\0"),
        section(10, b"\x01\x02\0\x0b"),
    ])
}

/// Recursion without an end of a function with a long name, which every call in the backtrace has.
fn deep_calls(name_bytes: usize) -> Vec<u8> {
    let name = "x".repeat(name_bytes);
    text(&format!(
        r#"(func ${name} (result i32) (i32.add (call 0) (i32.const 1)))
           (start $begin) (func $begin (drop (call 0)))"#
    ))
}

/// An import by a name that would fill the message about it.
fn long_import(bytes: usize) -> Vec<u8> {
    let name = "x".repeat(bytes);
    text(&format!(r#"(import "{name}" "{name}" (func))"#))
}

/// Eight exports by such names.
fn long_exports(bytes: usize) -> Vec<u8> {
    let name = "x".repeat(bytes);
    let exports: String =
        (0..8).map(|number| format!(r#"(func (export "{name}{number}"))"#)).collect();
    format!("(module {exports})").into_bytes()
}

/// A command component of so many instances of one module.
fn instances(fields: &str, count: usize) -> Vec<u8> {
    format!(
        r#"(component
  (core module $m {fields} (func (export "run") (result i32) (i32.const 0)))
  {}
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.3" (instance $cli)))"#,
        "(core instance (instantiate $m))".repeat(count)
    )
    .into_bytes()
}

fn components(count: usize) -> Vec<u8> {
    format!("(component {})", "(component)".repeat(count)).into_bytes()
}

fn deep_components(depth: usize) -> Vec<u8> {
    // In binary, because text that deep is refused as text.
    let mut inner = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..depth {
        inner = [&b"\0asm\x0d\0\x01\0"[..], &section(4, &inner)].concat();
    }
    inner
}

/// A type made of two of the type before, and so on: two to the power of `depth` in all.
fn doubling_type(depth: usize) -> Vec<u8> {
    let mut text = String::from("(component (type $t0 (tuple u8 u8))");
    for level in 1..=depth {
        let below = level - 1;
        write!(text, "(type $t{level} (tuple $t{below} $t{below}))").expect("a String takes all");
    }
    write!(text, r#"(import "f" (func (param "x" $t{depth}))))"#).expect("a String takes all");
    text.into_bytes()
}
