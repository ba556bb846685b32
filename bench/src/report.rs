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
    pub(crate) fn measure(runs: usize, mut run: impl FnMut() -> Result<()>) -> Result<Self> {
        run()?;
        let mut times = Vec::with_capacity(runs);
        for _ in 0..runs.max(1) {
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
