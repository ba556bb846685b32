//! One command for each published number.
//!
//! Every benchmark runs the real binary on a cluster of its own and, in the same run, something
//! to compare with: a native sort in one process, or wasmtime alone. Quote the ratios: times
//! depend on the machine and on what else it does.

mod api;
mod baseline;
mod ciphers;
mod compile;
mod core;
mod dashboards;
mod forms;
mod kernels;
mod latency;
mod memory;
mod noop;
mod process;
mod queued;
mod report;
mod restart;
mod signal;
mod slot;
mod sort;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures bramble against doing the same work without it.
#[derive(Parser)]
#[command(name = "bramble-bench")]
struct Args {
    /// Counted runs of each benchmark; the median is printed.
    #[arg(long, default_value_t = 5, global = true)]
    runs: usize,
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// 500,000 numbers as text, sorted on one node and on two.
    Sort500k,
    /// 10,000,000 u64, sorted on one node and on two.
    SortU64,
    /// Records of the sort benchmark, sorted on one node and on two.
    SortRecords {
        /// How many, in millions of bytes.
        #[arg(long, default_value_t = 1000)]
        mb: usize,
    },
    /// From `submit` to the result of a job with one empty task.
    Latency,
    /// Tasks that do nothing: how many a second, and what each costs the head.
    Noop {
        /// Numbers of tasks.
        #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
        tasks: Vec<usize>,
    },
    /// What open pages cost the head, and how long pages take.
    Dashboards {
        /// Tasks of the job that they follow.
        #[arg(long, default_value_t = 10_000)]
        tasks: usize,
    },
    /// Events a second of the scheduler's core alone, by nodes and tasks.
    Core {
        /// Numbers of tasks.
        #[arg(long, value_delimiter = ',', default_value = "10000,50000,100000")]
        tasks: Vec<u32>,
    },
    /// Chunks through guests that copy them, by each form of the interface.
    Forms,
    /// Maps of the jobs in the sandbox and natively.
    Kernels,
    /// The search for drifting signals in the sandbox, natively, and by turboSETI.
    Signal {
        /// A Python that has the package turbo_seti 2.3.2, and numpy before 2.3.
        #[arg(long)]
        python: Option<std::path::PathBuf>,
    },
    /// Sealing by the host for a guest, by a guest and natively.
    Ciphers,
    /// Time and memory of compiling.
    Compile {
        /// A module besides those of this repository.
        #[arg(long)]
        module: Option<std::path::PathBuf>,
    },
    /// Peak memory of head and client for an input of 2 GiB.
    Memory {
        /// Length of the input in MiB.
        #[arg(long, default_value_t = 2048)]
        mib: u64,
    },
    /// Memory of head, agent and runners, idle and at work.
    Resident,
    /// How long a head takes to read its journal.
    Restart {
        /// Jobs of 100,000 tasks.
        #[arg(long, default_value_t = 10)]
        jobs: u64,
    },
    /// Memory of the head with 100 nodes and many tasks in the queue.
    Queued {
        /// Numbers of tasks, ascending.
        #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
        tasks: Vec<usize>,
    },
    /// All but `memory`, `compile` and `sort-records`.
    All,
}

fn main() -> Result<()> {
    let args = Args::parse();
    report::machine()?;
    match args.which {
        Which::Sort500k => sort::text_500k(args.runs),
        Which::SortU64 => sort::u64_10m(args.runs),
        Which::SortRecords { mb } => sort::records(args.runs, mb),
        Which::Latency => latency::run(args.runs),
        Which::Noop { tasks } => noop::run(args.runs, &tasks),
        Which::Dashboards { tasks } => dashboards::run(args.runs, tasks),
        Which::Core { tasks } => core::run(&tasks),
        Which::Forms => forms::run(args.runs),
        Which::Kernels => kernels::run(args.runs),
        Which::Signal { python } => signal::run(args.runs, python.as_deref()),
        Which::Ciphers => ciphers::run(args.runs),
        Which::Compile { module } => compile::run(module.as_deref()),
        Which::Memory { mib } => memory::run(mib),
        Which::Restart { jobs } => restart::run(jobs),
        Which::Queued { tasks } => queued::run(&tasks),
        Which::Resident => memory::resident(),
        Which::All => {
            sort::text_500k(args.runs)?;
            sort::u64_10m(args.runs)?;
            latency::run(args.runs)?;
            noop::run(args.runs, &[1_000, 10_000])?;
            forms::run(args.runs)?;
            kernels::run(args.runs)?;
            signal::run(args.runs, None)?;
            ciphers::run(args.runs)
        }
    }
}
