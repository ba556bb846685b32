//! What is not WebAssembly, or not quite: each is refused when it is submitted.

use super::bytes::{HEAD, command, leb, module, section, with_section};
use super::{Case, Expected};

pub(super) fn cases() -> Vec<Case> {
    let refused = Expected::Refused(&[]);
    let mut cases: Vec<Case> = encodings()
        .into_iter()
        .map(|(name, module)| Case::new(format!("broken-{name}"), module, refused))
        .collect();
    let sound = command(b"\0\x0b");
    for end in [5, 8, 9, 12, sound.len() - 1] {
        cases.push(Case::new(format!("cut-at-{end}"), &sound[..end], refused));
    }
    cases
}

fn encodings() -> Vec<(&'static str, Vec<u8>)> {
    let types = section(1, b"\x01\x60\0\0");
    let functions = section(3, b"\x01\0");
    let exports = section(7, b"\x01\x06_start\0\0");
    let code = section(10, b"\x01\x02\0\x0b");
    let with = |replaced: &[Vec<u8>]| module(replaced);
    let export = |name: &[u8]| {
        let body = [&[1][..], &leb(name.len() as u64), name, b"\0\0"].concat();
        with(&[types.clone(), functions.clone(), section(7, &body), code.clone()])
    };
    let body = |instructions: &[u8]| command(&[&[0][..], instructions].concat());
    vec![
        ("version-2", b"\0asm\x02\0\0\0".to_vec()),
        ("unknown-layer", b"\0asm\x0d\0\x07\0".to_vec()),
        ("component-of-garbage", [&b"\0asm\x0d\0\x01\0"[..], &[0x5a; 64]].concat()),
        ("head-twice", [HEAD, HEAD].concat()),
        ("number-too-long", with(&[b"\x01\x84\x80\x80\x80\x80\0\x01\x60\0\0".to_vec()])),
        ("number-too-large", with(&[b"\x01\xff\xff\xff\xff\x7f".to_vec()])),
        ("section-past-the-end", with(&[types.clone(), b"\x03\xff\xff\xff\x0f\x01\0".to_vec()])),
        ("section-too-short", with(&[section(1, b"\x02\x60\0\0")])),
        ("section-too-long", with(&[section(1, b"\x01\x60\0\0\0\0")])),
        ("section-unknown", with(&[types.clone(), section(99, b"\0")])),
        (
            "sections-in-disorder",
            with(&[functions.clone(), types.clone(), exports.clone(), code.clone()]),
        ),
        ("section-twice", with(&[types.clone(), types.clone()])),
        ("code-without-functions", with(&[types.clone(), code.clone()])),
        ("functions-without-code", with(&[types.clone(), functions.clone(), exports.clone()])),
        (
            "more-code-than-functions",
            with(&[
                types.clone(),
                functions.clone(),
                exports.clone(),
                section(10, b"\x02\x02\0\x0b\x02\0\x0b"),
            ]),
        ),
        ("type-unknown", with(&[section(1, b"\x01\x3f\0\0"), functions.clone(), code.clone()])),
        ("type-out-of-range", with(&[types.clone(), section(3, b"\x01\x7f"), code.clone()])),
        ("name-no-text", export(b"_start\xff\xfe")),
        ("name-surrogate", export(b"\xed\xa0\x80")),
        ("name-overlong", export(b"\xc0\xaf")),
        (
            "export-twice",
            with(&[
                types.clone(),
                functions.clone(),
                section(7, b"\x02\x06_start\0\0\x06_start\0\0"),
                code.clone(),
            ]),
        ),
        (
            "export-out-of-range",
            with(&[types.clone(), functions.clone(), section(7, b"\x01\x06_start\0\x63"), code]),
        ),
        ("body-without-end", command(b"\0\x01")),
        ("body-empty", command(b"")),
        ("body-past-its-end", command(b"\0\x0b\x0b\x0b")),
        ("opcode-unknown", body(b"\xff\x0b")),
        ("opcode-half", body(b"\xfc")),
        ("stack-empty", body(b"\x1a\x0b")),
        ("stack-left-over", body(b"\x41\x01\x0b")),
        ("jump-too-far", body(b"\x0c\x09\x0b")),
        ("local-out-of-range", body(b"\x20\x63\x1a\x0b")),
        ("locals-overflow", command(b"\x02\xff\xff\xff\xff\x0f\x7f\xff\xff\xff\xff\x0f\x7f\x0b")),
        ("memory-without-one", body(b"\x41\0\x28\x02\0\x1a\x0b")),
        ("manifest-no-text", with_section(command(b"\0\x0b"), "bramble:manifest", b"\xff\xfe")),
        ("text-no-module", b"(module (func".to_vec()),
        ("text-deep", "(".repeat(100_000).into_bytes()),
        ("text-control", b"(module (func $\x1b[2J (oops)))".to_vec()),
        ("text-endless-string", b"(module (data \"".to_vec()),
        ("machine-code", b"\x7fELF\x02\x01\x01\0".to_vec()),
    ]
}
