//! Engine settings: one function for the compiler and for the runner, because an artefact only
//! loads into an engine with the settings it was compiled under.

use std::num::NonZeroUsize;

use bramble_protocol::TargetClass;
use wasmtime::{Config, Engine, ModuleVersionStrategy, WasmBacktraceDetails, WasmFeatures};

/// Stack of a guest, in bytes. The thread that runs it needs as much again for the host's part.
pub const STACK_BYTES: usize = 512 << 10;

/// Calls kept of a trapped guest's stack.
const BACKTRACE_FRAMES_MAX: usize = 64;

/// The version in the lock file; a test compares them.
const WASMTIME: &str = "48.0.8";

/// What artefacts depend on besides the module and the class. Part of every key under which one
/// is kept. The whole wasmtime version is in it: wasmtime itself compares only the first number,
/// and a fix of the code generator must not leave old code in use.
pub fn artefact_version() -> String {
    format!("wasmtime-{WASMTIME}/1")
}

/// WebAssembly as bramble offers it: what clang, rustc and Go emit by default, and nothing that
/// makes the result depend on the machine (threads, relaxed SIMD) or that jobs cannot use.
pub fn features() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::COMPONENT_MODEL
}

/// Settings to compile for `class`.
///
/// x86_64 code is made for x86-64-v2 (SSE 4.2, POPCNT: every PC since 2009) and not for the
/// machine that compiles, because it may run on another; without SSSE3 and SSE 4.1 the
/// vector instructions of a guest would become calls. AArch64 code is made for ARMv8.0, which
/// all 64-bit boards have.
///
/// # Errors
/// When this build cannot compile for the class.
pub fn compile_config(class: TargetClass) -> wasmtime::Result<Config> {
    let mut config = common()?;
    config.target(match class {
        TargetClass::X86_64 => "x86_64-unknown-linux-gnu",
        TargetClass::Aarch64 | TargetClass::Aarch64Narrow => "aarch64-unknown-linux-gnu",
        TargetClass::Pulley32 => "pulley32",
    })?;
    if class == TargetClass::X86_64 {
        for flag in ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"] {
            enable_cpu_flag(&mut config, flag);
        }
    }
    Ok(config)
}

/// An engine that runs what was compiled for this machine's class. It has no compiler.
///
/// # Errors
/// When this machine cannot run guests at all.
pub fn run_engine() -> wasmtime::Result<Engine> {
    let mut config = common()?;
    config.enable_compiler(false);
    Engine::new(&config)
}

fn common() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    // Guests are validated without it. What wasmtime itself puts between two modules of one
    // component copies from one's memory to the other's, and its compiler panics without this.
    let own = WasmFeatures::MULTI_MEMORY;
    let unwanted = WasmFeatures::all() - features() - own;
    config.wasm_features(unwanted, false);
    config.epoch_interruption(true);
    config.max_wasm_stack(STACK_BYTES);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX));
    // The guests' debug sections are not trusted, and function names come without them.
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.module_version(ModuleVersionStrategy::Custom(artefact_version()))?;
    Ok(config)
}

#[expect(unsafe_code, reason = "the only way to name processor features of the target")]
fn enable_cpu_flag(config: &mut Config, flag: &str) {
    // SAFETY: these are plain processor features. Wasmtime records them in the artefact and
    // refuses to load it on a processor that lacks one.
    unsafe {
        config.cranelift_flag_enable(flag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADD: &str = r#"(module (func (export "add") (param i32 i32) (result i32)
        local.get 0 local.get 1 i32.add))"#;

    #[test]
    fn every_class_compiles() {
        for class in TargetClass::ALL {
            let engine = Engine::new(&compile_config(class).unwrap()).unwrap();
            let artefact = engine.precompile_module(ADD.as_bytes()).unwrap();
            assert!(Engine::detect_precompiled(&artefact).is_some(), "{class}");
        }
    }

    #[test]
    #[expect(unsafe_code, reason = "loads what the line above has compiled")]
    fn what_is_compiled_for_this_machine_loads_and_runs() {
        let compiler = Engine::new(&compile_config(TargetClass::native()).unwrap()).unwrap();
        let artefact = compiler.precompile_module(ADD.as_bytes()).unwrap();
        let engine = run_engine().unwrap();
        // SAFETY: made by this engine's compiler and not touched since.
        let module = unsafe { wasmtime::Module::deserialize(&engine, artefact) }.unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let add = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add").unwrap();
        assert_eq!(add.call(&mut store, (40, 2)).unwrap(), 42);
    }

    #[test]
    fn the_artefact_version_names_the_wasmtime_that_is_locked() {
        let locked = include_str!("../../../Cargo.lock");
        assert!(locked.contains(&format!("name = \"wasmtime\"\nversion = \"{WASMTIME}\"\n")));
    }

    #[test]
    fn features_that_make_results_differ_are_off() {
        assert!(!features().intersects(WasmFeatures::THREADS | WasmFeatures::RELAXED_SIMD));
        assert!(features().contains(WasmFeatures::SIMD));
    }

    /// A component in which one core module hands a text to another, each with a memory.
    const TWO_MEMORIES: &str = r#"(component
      (component $a
        (core module $m (memory (export "memory") 1)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
          (func (export "f") (param i32 i32)))
        (core instance $i (instantiate $m))
        (func (export "f") (param "s" string)
          (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
      (component $b
        (import "f" (func $f (param "s" string)))
        (core module $memory (memory (export "memory") 1))
        (core instance $memory (instantiate $memory))
        (core func $f (canon lower (func $f) (memory (core memory $memory "memory"))))
        (core module $m (import "" "f" (func (param i32 i32)))
          (func (export "g") (call 0 (i32.const 0) (i32.const 1))))
        (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
        (func (export "g") (canon lift (core func $i "g"))))
      (instance $a (instantiate $a))
      (instance $b (instantiate $b (with "f" (func $a "f"))))
      (export "g" (func $b "g")))"#;

    #[test]
    fn modules_of_one_component_may_hand_texts_to_one_another() {
        for class in TargetClass::ALL {
            let engine = Engine::new(&compile_config(class).unwrap()).unwrap();
            let component = wat::parse_str(TWO_MEMORIES).unwrap();
            assert!(engine.precompile_component(&component).is_ok(), "{class}");
        }
        assert!(!features().contains(WasmFeatures::MULTI_MEMORY), "guests have one memory each");
    }
}
