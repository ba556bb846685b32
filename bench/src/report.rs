//! Timing and printing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Prints what was measured where.
pub(crate) fn machine() -> Result<()> {
    let cores = std::thread::available_parallelism().context("counting processors")?;
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name\t: "));
    println!("{cores} processors, {}", model.unwrap_or("unknown model"));
    Ok(())
}

/// How long each of several runs took.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// One run that is not counted, then `runs` that are.
    pub(crate) fn measure(runs: usize, run: impl FnMut() -> Result<()>) -> Result<Self> {
        Self::measure_after(runs, Duration::ZERO, run)
    }

    /// The same, with a rest before each run.
    pub(crate) fn measure_after(
        runs: usize,
        rest: Duration,
        mut run: impl FnMut() -> Result<()>,
    ) -> Result<Self> {
        run()?;
        let mut times = Vec::with_capacity(runs);
        for _ in 0..runs.max(1) {
            std::thread::sleep(rest);
            let start = Instant::now();
            run()?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(Self(times))
    }

    /// The middle one.
    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    /// Prints what half of the runs and all but a hundredth of them took at most.
    pub(crate) fn percentiles(&self, what: &str) {
        let at = |part: f64| {
            let place = (self.0.len() as f64 * part).ceil() as usize;
            self.0[place.clamp(1, self.0.len()) - 1].as_secs_f64() * 1000.0
        };
        let runs = self.0.len();
        println!("  {what}: p50 {:.1} ms, p99 {:.1} ms of {runs} runs", at(0.5), at(0.99));
    }

    /// Prints a row: median, minimum and maximum, and the median as a multiple of `base`'s.
    pub(crate) fn row(&self, what: &str, base: Option<&Self>) {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let ratio = base.map_or_else(String::new, |base| {
            format!("{:8.2}x", self.median().as_secs_f64() / base.median().as_secs_f64())
        });
        println!(
            "  {what:<44} {:>10.1} ms  ({:.1} .. {:.1}) {ratio}",
            ms(self.median()),
            ms(self.0[0]),
            ms(self.0[self.0.len() - 1]),
        );
    }
}

/// The middle one.
pub(crate) fn median<T: Ord + Copy>(mut times: Vec<T>) -> T {
    times.sort_unstable();
    times[times.len() / 2]
}
