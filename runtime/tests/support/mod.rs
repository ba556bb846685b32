//! What this crate's tests share: a store, a compiler in its real child process, and work.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::Path;

use bramble_protocol::agent::Work;
use bramble_protocol::{AttemptOutcome, JobId, Mode, ModuleKind, ObjectRef, TargetClass};
use bramble_runtime::artefact::{HeadKey, Trust};
use bramble_runtime::compile::{CompileLimits, Compiler};
use bramble_runtime::runner::{Finished, RunnerProcess};
use bramble_store::Store;

/// The stand-in for the program `bramble`.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_bramble-runtime-child"))
}

/// The key that signs in tests: one for each process.
pub(crate) fn key() -> &'static HeadKey {
    static KEY: std::sync::LazyLock<HeadKey> =
        std::sync::LazyLock::new(|| HeadKey::ephemeral().unwrap());
    &KEY
}

/// What runners in tests load.
pub(crate) fn trust() -> Trust {
    Trust { class: TargetClass::native(), key: key().public() }
}

pub(crate) fn compiler() -> Compiler {
    Compiler::new(program().to_owned(), CompileLimits::default())
}

/// A store and a runner process that works on it.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) sandbox: RunnerProcess,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let sandbox = RunnerProcess::start(program(), store.clone(), None, &trust()).unwrap();
        Self { dir, store, sandbox }
    }

    /// Puts a fresh process in the place of the runner.
    pub(crate) fn restart(&mut self) {
        self.sandbox = RunnerProcess::start(program(), self.store.clone(), None, &trust()).unwrap();
    }

    /// Work on `inputs` by `module`, which is compiled for this machine.
    pub(crate) fn work(&self, module: &[u8], kind: ModuleKind, inputs: &[&[u8]]) -> Work {
        self.work_in(Mode::Fast, module, kind, inputs)
    }

    /// The same in either mode.
    pub(crate) fn work_in(
        &self,
        mode: Mode,
        module: &[u8],
        kind: ModuleKind,
        inputs: &[&[u8]],
    ) -> Work {
        let artefact = compiler().compile(module, TargetClass::native(), mode, key()).unwrap();
        let artefact = self.store.put(&artefact).unwrap();
        let inputs = inputs.iter().map(|input| self.store.put(input).unwrap()).collect();
        let mut work = Work::alone(artefact, kind, "test", inputs);
        (work.task.job, work.task.seed) = (JobId(1), 7);
        Work { mode, clock_ms: 1_700_000_000_000, ..work }
    }

    /// Runs a command written as text over `input`.
    pub(crate) fn command(&mut self, wat: &str, input: &[u8]) -> Finished {
        let work = self.work(wat.as_bytes(), ModuleKind::Command, &[input]);
        self.sandbox.run(&work)
    }

    /// The bytes of each output of a task that succeeded.
    pub(crate) fn outputs(&self, end: Finished) -> Vec<Vec<u8>> {
        let Finished { outcome, staged, log, .. } = end;
        let AttemptOutcome::Succeeded { outputs } = outcome else {
            panic!("{outcome:?}\n{log}");
        };
        self.store.commit(staged).unwrap();
        outputs.iter().map(|output| self.store.get(output).unwrap()).collect()
    }

    /// Files that wait in the store's staging directory.
    pub(crate) fn staged_files(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("tmp")).unwrap().count()
    }

    /// Overwrites an object's file.
    pub(crate) fn damage(&self, object: &ObjectRef, bytes: &[u8]) {
        let name = object.digest.to_string();
        let path = self.dir.path().join("objects").join(&name[..2]).join(&name);
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "a file of the test's own")]
        permissions.set_readonly(false);
        std::fs::set_permissions(&path, permissions).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
}

/// A command whose `_start` has `body`, with two functions of WASI and a page of memory.
pub(crate) fn wat_command(body: &str) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func $put (param $fd i32) (param $at i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $len))
    (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  {body})"#
    )
}

/// Copies standard input to standard output.
pub(crate) const ECHO: &str = r#"
  (func (export "_start") (local $n i32)
    (loop $next
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 65536))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (local.set $n (i32.load (i32.const 8)))
      (if (i32.eqz (local.get $n)) (then (return)))
      (call $put (i32.const 1) (i32.const 1024) (local.get $n))
      (br $next)))"#;
