//! Progress on standard error: a bar on a terminal, elsewhere a line now and then.

use std::time::{Duration, Instant};

use bramble_protocol::api::{JobState, JobView};
use indicatif::{ProgressBar, ProgressStyle as BarStyle};

use super::{Output, human, job};
use crate::args::ProgressStyle;

/// The longest silence while something goes on, where lines are written.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Follows one job.
#[derive(Debug)]
pub(crate) struct JobProgress {
    output: Output,
    bar: Option<ProgressBar>,
    shown: Option<Shown>,
}

/// What the last line said.
#[derive(Clone, Copy, Debug)]
struct Shown {
    state: JobState,
    tenths: u32,
    at: Instant,
}

impl JobProgress {
    /// Shows nothing before the first update.
    pub(crate) fn new(output: Output) -> Self {
        let bar = (output.progress == ProgressStyle::Bar).then(|| {
            let bar = ProgressBar::new(0);
            bar.set_style(style("{prefix:>11.cyan.bold} {bar:20} {pos}/{len} {wide_msg}"));
            bar
        });
        Self { output, bar, shown: None }
    }

    /// The job as it is now.
    pub(crate) fn update(&mut self, view: &JobView) {
        if let Some(bar) = &self.bar {
            bar.set_length(view.tasks.total.into());
            bar.set_position(view.tasks.succeeded.into());
            bar.set_prefix(if view.state == JobState::Waiting { "Waiting" } else { "Running" });
            bar.set_message(human::safe_field(&format!("· {}", job::doing(view))));
            return;
        }
        let now = Shown { state: view.state, tenths: tenths(view), at: Instant::now() };
        let due = self.shown.is_none_or(|last| {
            (last.state, last.tenths) != (now.state, now.tenths)
                || now.at.duration_since(last.at) >= SILENCE_MAX
        });
        if due && self.output.progress == ProgressStyle::Lines && !view.state.is_final() {
            self.output.note(&human::safe_field(&job::progress_line(view)));
            self.shown = Some(now);
        }
    }

    /// Says that the head is away, or is back.
    pub(crate) fn remark(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.note(text)),
            None => self.output.note(text),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.shown = None;
    }
}

impl Drop for JobProgress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// How many tenths of the tasks are done.
fn tenths(view: &JobView) -> u32 {
    let done = u64::from(view.tasks.succeeded) * 10;
    // At most 10, as no more tasks can be done than there are.
    (done / u64::from(view.tasks.total.max(1))) as u32
}

/// Follows bytes that are sent or fetched.
#[derive(Debug)]
pub(crate) struct Meter {
    output: Output,
    verb: &'static str,
    total: Option<u64>,
    moved: u64,
    bar: Option<ProgressBar>,
    said_at: Instant,
}

impl Meter {
    /// Of `total` bytes, where that is known.
    pub(crate) fn new(output: Output, verb: &'static str, total: Option<u64>) -> Self {
        let bar = (output.progress == ProgressStyle::Bar).then(|| {
            let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
            let template = match total {
                Some(_) => "{prefix:>11.cyan.bold} {bar:20} {bytes}/{total_bytes} · {eta} left",
                None => "{prefix:>11.cyan.bold} {bytes}",
            };
            bar.set_style(style(template));
            bar.set_prefix(verb);
            bar
        });
        Self { output, verb, total, moved: 0, bar, said_at: Instant::now() }
    }

    /// So many bytes more are done.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.moved += bytes;
        if let Some(bar) = &self.bar {
            bar.set_position(self.moved);
        } else if self.output.progress == ProgressStyle::Lines
            && self.said_at.elapsed() >= SILENCE_MAX
        {
            let moved = human::size(self.moved);
            let of = self.total.map(|total| format!(" of {}", human::size(total)));
            self.output.say(self.verb, &format!("{moved}{}", of.unwrap_or_default()));
            self.said_at = Instant::now();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> BarStyle {
    BarStyle::with_template(template)
        .expect("a constant template that tests draw")
        .progress_chars("█▌░")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ProgressStyle;
    use crate::output::Format;
    use crate::output::job::tests::view;

    fn output(progress: ProgressStyle) -> Output {
        Output { format: Format::Human, quiet: true, verbose: false, progress }
    }

    #[test]
    fn the_bars_can_be_drawn() {
        for total in [None, Some(100)] {
            Meter::new(output(ProgressStyle::Bar), "Sending", total).add(10);
        }
        let mut progress = JobProgress::new(output(ProgressStyle::Bar));
        progress.update(&view(JobState::Running));
        progress.finish();
    }

    #[test]
    fn lines_come_when_the_state_or_the_tenth_changes() {
        let mut progress = JobProgress::new(output(ProgressStyle::Lines));
        let mut job = view(JobState::Waiting);
        job.tasks.succeeded = 0;
        progress.update(&job);
        assert_eq!(progress.shown.map(|shown| shown.state), Some(JobState::Waiting));
        job.state = JobState::Running;
        progress.update(&job);
        let first = progress.shown.map(|shown| shown.at);
        progress.update(&job);
        assert_eq!(progress.shown.map(|shown| shown.at), first, "nothing new, nothing said");
        job.tasks.succeeded = job.tasks.total;
        progress.update(&job);
        assert_eq!(progress.shown.map(|shown| shown.tenths), Some(10));
    }
}
