//! Engine settings: one function for the compiler and for the runner, because an artefact only
//! loads into an engine with the settings it was compiled under.

use std::num::NonZeroUsize;

use bramble_protocol::{Mode, TargetClass};
use wasmtime::{Config, Engine, ModuleVersionStrategy, WasmBacktraceDetails, WasmFeatures};

/// Stack of a guest, in bytes. The thread that runs it needs as much again for the host's part.
pub const STACK_BYTES: usize = 512 << 10;

/// Memories that must find room at once: more than an instance may have. Each runner has an
/// address space of its own and runs one instance at a time.
const MEMORIES_PROBED: usize = 8;

/// Calls kept of a trapped guest's stack.
const BACKTRACE_FRAMES_MAX: usize = 64;

/// The version in the lock file; a test compares them.
const WASMTIME: &str = "48.0.8";

/// Address space reserved for a memory in a narrow class, in bytes. The memory is moved when it
/// grows beyond.
const NARROW_RESERVATION_BYTES: u64 = 64 << 20;
/// Address space behind a memory in a narrow class that traps, in bytes.
const NARROW_GUARD_BYTES: u64 = 64 << 10;

/// What artefacts depend on besides the module, the class and the mode. Part of every key under which one
/// is kept. The whole wasmtime version is in it: wasmtime itself compares only the first number,
/// and a fix of the code generator must not leave old code in use.
pub fn artefact_version() -> String {
    format!("wasmtime-{WASMTIME}/2")
}

/// WebAssembly as bramble offers it: what clang, rustc and Go emit by default, and nothing that
/// makes the result depend on the machine (threads, relaxed SIMD) or that jobs cannot use.
pub fn features() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::COMPONENT_MODEL
}

/// Settings to compile for `class` and `mode`.
///
/// x86_64 code is made for x86-64-v2 (SSE 4.2, POPCNT: every PC since 2009) and not for the
/// machine that compiles, because it may run on another; without SSSE3 and SSE 4.1 the
/// vector instructions of a guest would become calls. AArch64 code is made for ARMv8.0, which
/// all 64-bit boards have.
///
/// Results to be compared between kinds of machines need one form of NaN: which bits an
/// operation gives otherwise is up to the processor. It costs up to four times the time in
/// loops over floating-point numbers, and nothing elsewhere.
///
/// # Errors
/// When this build cannot compile for the class.
#[cfg(feature = "compile")]
pub fn compile_config(class: TargetClass, mode: Mode) -> wasmtime::Result<Config> {
    let mut config = common(class, mode)?;
    config.target(match class {
        TargetClass::X86_64 => "x86_64-unknown-linux-gnu",
        TargetClass::Aarch64 | TargetClass::Aarch64Narrow => "aarch64-unknown-linux-gnu",
        TargetClass::Pulley32 => "pulley32",
        TargetClass::Pulley64 => "pulley64",
    })?;
    config.cranelift_nan_canonicalization(mode == Mode::Verify);
    if class == TargetClass::X86_64 {
        for flag in ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"] {
            enable_cpu_flag(&mut config, flag);
        }
    }
    Ok(config)
}

/// An engine that runs what was compiled for `class` and `mode`. It has no compiler.
///
/// # Errors
/// When this machine cannot run guests of that class.
pub fn run_engine(class: TargetClass, mode: Mode) -> wasmtime::Result<Engine> {
    if !class.runs_here() {
        return Err(wasmtime::format_err!("this machine cannot run what is made for {class}"));
    }
    let mut config = common(class, mode)?;
    #[cfg(feature = "compile")]
    config.enable_compiler(false);
    if class == TargetClass::interpreted() {
        config.target(class.name())?;
    }
    Engine::new(&config)
}

/// Whether this process can reserve the address space that the wide class of this machine takes:
/// gigabytes for each memory, of which almost nothing is ever used. Kernels with few bits of
/// address space, and limits such as `ulimit -v`, do not allow it.
pub fn can_reserve_widely() -> bool {
    let reserved = run_engine(TargetClass::native(), Mode::Fast).and_then(|engine| {
        let mut store = wasmtime::Store::new(&engine, ());
        let page = wasmtime::MemoryType::new(1, None);
        for _ in 0..MEMORIES_PROBED {
            wasmtime::Memory::new(&mut store, page.clone())?;
        }
        Ok(())
    });
    reserved.is_ok()
}

fn common(class: TargetClass, mode: Mode) -> wasmtime::Result<Config> {
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
    // The same count everywhere, so that a task ends at the same instruction everywhere.
    config.consume_fuel(mode == Mode::Verify);
    if class == TargetClass::Aarch64Narrow {
        config.memory_reservation(NARROW_RESERVATION_BYTES);
        config.memory_guard_size(NARROW_GUARD_BYTES);
        config.memory_may_move(true);
    }
    config.module_version(ModuleVersionStrategy::Custom(artefact_version()))?;
    Ok(config)
}

#[cfg(feature = "compile")]
#[expect(unsafe_code, reason = "the only way to name processor features of the target")]
fn enable_cpu_flag(config: &mut Config, flag: &str) {
    // SAFETY: these are plain processor features. Wasmtime records them in the artefact and
    // refuses to load it on a processor that lacks one.
    unsafe {
        config.cranelift_flag_enable(flag);
    }
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    const ADD: &str = r#"(module (func (export "add") (param i32 i32) (result i32)
        local.get 0 local.get 1 i32.add)
        (func (export "nan") (result i64)
          (i64.reinterpret_f64 (f64.sqrt (f64.const -1)))))"#;

    #[test]
    #[expect(unsafe_code, reason = "loads what was just compiled")]
    fn every_class_compiles_in_each_mode_and_what_this_machine_can_run_runs() {
        let mut ran = Vec::new();
        for class in TargetClass::ALL {
            for mode in Mode::ALL {
                let engine = Engine::new(&compile_config(class, mode).unwrap()).unwrap();
                let artefact = engine.precompile_module(ADD.as_bytes()).unwrap();
                assert!(Engine::detect_precompiled(&artefact).is_some(), "{class}");
                let Ok(engine) = run_engine(class, mode) else {
                    assert!(!class.runs_here(), "{class}");
                    continue;
                };
                // SAFETY: made by this engine's compiler and not touched since.
                let module = unsafe { wasmtime::Module::deserialize(&engine, artefact) }.unwrap();
                let mut store = wasmtime::Store::new(&engine, ());
                store.set_epoch_deadline(1);
                if mode == Mode::Verify {
                    store.set_fuel(1_000).unwrap();
                }
                let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
                let add = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add").unwrap();
                assert_eq!(add.call(&mut store, (40, 2)).unwrap(), 42, "{class}");
                let nan = instance.get_typed_func::<(), i64>(&mut store, "nan").unwrap();
                let bits = nan.call(&mut store, ()).unwrap();
                if mode == Mode::Verify {
                    assert_eq!(bits, 0x7ff8 << 48, "{class}: the one form of a NaN");
                    ran.push((class, store.get_fuel().unwrap()));
                }
            }
        }
        assert!(ran.len() >= 2, "this machine runs its own code and interprets: {ran:?}");
        assert!(ran.iter().all(|(_, fuel)| *fuel == ran[0].1), "the same fuel everywhere: {ran:?}");
    }

    #[test]
    #[expect(unsafe_code, reason = "tries to load what was just compiled")]
    fn code_for_other_reservations_or_another_mode_does_not_load() {
        let native = TargetClass::native();
        let compiler = Engine::new(&compile_config(native, Mode::Verify).unwrap()).unwrap();
        let artefact = compiler.precompile_module(ADD.as_bytes()).unwrap();
        let engine = run_engine(native, Mode::Fast).unwrap();
        // SAFETY: made by this program's compiler and not touched since.
        let loaded = unsafe { wasmtime::Module::deserialize(&engine, artefact) };
        assert!(loaded.is_err(), "the engine itself looks at fuel too");
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

    #[test]
    fn a_pc_can_reserve_widely() {
        if TargetClass::native() == TargetClass::X86_64 {
            assert!(can_reserve_widely());
        }
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
            let engine = Engine::new(&compile_config(class, Mode::Fast).unwrap()).unwrap();
            let component = wat::parse_str(TWO_MEMORIES).unwrap();
            assert!(engine.precompile_component(&component).is_ok(), "{class}");
        }
        assert!(!features().contains(WasmFeatures::MULTI_MEMORY), "guests have one memory each");
    }
}
