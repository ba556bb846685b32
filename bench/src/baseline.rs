//! The same work without bramble.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use merge_sort::gensort::Record;
use rayon::slice::ParallelSliceMut;
use wasmtime::{Engine, Linker, Module, Store};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::{self, WasiP1Ctx};

/// Reads lines with numbers, sorts them, writes them: one thread, one process.
pub(crate) fn sort_text(input: &Path, output: &Path) -> Result<()> {
    let text = std::fs::read_to_string(input).context("reading the input")?;
    let mut numbers =
        text.lines().map(str::parse::<u64>).collect::<Result<Vec<_>, _>>().context("parsing")?;
    numbers.sort_unstable();
    let mut sorted = String::with_capacity(text.len());
    for number in numbers {
        writeln!(sorted, "{number}")?;
    }
    std::fs::write(output, sorted).context("writing the output")
}

/// Reads little-endian u64, sorts them in one thread, writes them.
pub(crate) fn sort_u64(input: &Path, output: &Path) -> Result<()> {
    u64s(input, output, <[u64]>::sort_unstable)
}

/// The same in as many threads as there are processors.
pub(crate) fn sort_u64_rayon(input: &Path, output: &Path) -> Result<()> {
    u64s(input, output, ParallelSliceMut::par_sort_unstable)
}

fn u64s(input: &Path, output: &Path, sort: fn(&mut [u64])) -> Result<()> {
    let bytes = std::fs::read(input).context("reading the input")?;
    let numbers = bytes.as_chunks().0.iter().map(|number| u64::from_le_bytes(*number));
    let mut numbers: Vec<u64> = numbers.collect();
    sort(&mut numbers);
    let sorted: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
    std::fs::write(output, sorted).context("writing the output")
}

/// Reads records of 100 bytes, sorts them by their keys in one thread, writes them.
pub(crate) fn sort_records(input: &Path, output: &Path) -> Result<()> {
    records(input, output, |records| records.sort_unstable_by_key(key))
}

/// The same in as many threads as there are processors.
pub(crate) fn sort_records_rayon(input: &Path, output: &Path) -> Result<()> {
    records(input, output, |records| records.par_sort_unstable_by_key(key))
}

fn key(record: &Record) -> [u8; 10] {
    *record.first_chunk().expect("records are longer")
}

fn records(input: &Path, output: &Path, sort: fn(&mut [Record])) -> Result<()> {
    let mut bytes = std::fs::read(input).context("reading the input")?;
    sort(bytes.as_chunks_mut().0);
    std::fs::write(output, bytes).context("writing the output")
}

/// GNU sort in two threads, of lines: with `flags` before the file's name.
pub(crate) fn gnu_sort(flags: &[&str], input: &Path, output: &Path) -> Result<()> {
    let mut command = std::process::Command::new("sort");
    command.env("LC_ALL", "C").arg("--parallel=2").args(flags).arg("-o").arg(output).arg(input);
    let status = command.status().context("starting GNU sort")?;
    anyhow::ensure!(status.success(), "GNU sort failed");
    Ok(())
}

/// A compiled WASI command.
pub(crate) struct Command {
    engine: Engine,
    linker: Linker<WasiP1Ctx>,
    module: Module,
}

impl Command {
    /// Compiles `path` with wasmtime's own defaults.
    pub(crate) fn compile(path: &Path) -> Result<Self> {
        let engine = Engine::default();
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let module = Module::new(&engine, bytes).map_err(said)?;
        let mut linker = Linker::new(&engine);
        p1::add_to_linker_sync(&mut linker, |context| context).map_err(said)?;
        Ok(Self { engine, linker, module })
    }

    /// Runs it once in a fresh instance.
    pub(crate) fn run(&self) -> Result<()> {
        let context = WasiCtxBuilder::new().build_p1();
        let mut store = Store::new(&self.engine, context);
        let instance = self.linker.instantiate(&mut store, &self.module).map_err(said)?;
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").map_err(said)?;
        start.call(&mut store, ()).map_err(said)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn said(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
