//! Bindings of `bramble:crypto`, made from its WIT text.
#![allow(
    missing_docs,
    clippy::all,
    unused_qualifications,
    reason = "generated code, which differs from release to release"
)]

wasmtime::component::bindgen!({
    path: "../guest-sdk/wit/deps/crypto",
    world: "imports",
    imports: { default: trappable },
    with: {
        "bramble:crypto/ciphers.key": super::HeldKey,
    },
});
