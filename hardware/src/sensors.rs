//! All sensors of one machine, read together for a heartbeat.

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Instant;

use bramble_protocol::NodeStatus;

use crate::board::{Board, Watched};
use crate::linux::cpu::{self, CpuTime};
use crate::linux::{memory, model, temperature};

/// Reads what a machine tells of itself. A sensor that is not there, cannot be read or says
/// nonsense is `None`, never zero and never an error: an agent works without any of them.
#[derive(Debug)]
pub struct Sensors {
    root: PathBuf,
    model: Option<String>,
    last_cpu_time: Option<CpuTime>,
    board: Option<Board>,
}

impl Sensors {
    /// Sensors of the machine whose `proc` and `sys` are found under `root`, which is `/` unless
    /// they were recorded.
    pub fn new(root: &Path) -> Self {
        let model = model::read(root);
        Self { root: root.to_path_buf(), model, last_cpu_time: None, board: None }
    }

    /// The same, and all that the board tells beyond it: [`NodeStatus::board`]. A reading takes
    /// some dozens of small files; whatever may take longer is left to another thread.
    pub fn of_board(root: &Path, watched: Watched) -> Self {
        Self { board: Some(Board::new(root, watched)), ..Self::new(root) }
    }

    /// How the machine does now. Processor use is the average since the call before, and so
    /// `None` the first time.
    pub fn read(&mut self) -> NodeStatus {
        let root = &self.root;
        let cpu_time = CpuTime::read(root);
        let cpu_used_permille = match (self.last_cpu_time, cpu_time) {
            (Some(before), Some(now)) => now.used_permille_since(before),
            _ => None,
        };
        self.last_cpu_time = cpu_time;
        let memory = memory::read(root);
        let board = self.board.as_mut();
        let board = board.map(|board| board.read(Instant::now(), cpu_used_permille, memory.swap));
        NodeStatus {
            model: self.model.clone(),
            cpu_count: available_parallelism()
                .map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
            load_milli: cpu::load_milli(root),
            cpu_used_permille,
            memory_bytes_total: memory.bytes_total,
            memory_bytes_available: memory.bytes_available,
            temperature_millicelsius: temperature::read(root),
            clock_hz: cpu::clock_hz(root),
            uptime_s: cpu::uptime_s(root),
            board: board.map(Box::new),
        }
    }
}
