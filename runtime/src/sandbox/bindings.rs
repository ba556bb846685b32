//! Bindings of the guest interface, made from its WIT text.
#![allow(
    missing_docs,
    clippy::all,
    unused_qualifications,
    reason = "generated code, which differs from release to release"
)]

wasmtime::component::bindgen!({
    path: "../guest-sdk/wit",
    world: "all",
    imports: { default: trappable },
    with: {
        "bramble:job/io.source": crate::sandbox::source::Source,
        "bramble:job/io.sink": crate::sandbox::output::Sink,
        "bramble:job/io.emitter": crate::sandbox::pairs::Emitter,
        "bramble:job/io.groups": crate::sandbox::pairs::Groups,
    },
});
