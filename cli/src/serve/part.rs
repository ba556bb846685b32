//! One child of a supervisor, and what it is started as.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// So often a child may die within [`DEATHS_WITHIN`] and is still started again.
pub(super) const DEATHS_MAX: usize = 5;
/// See [`DEATHS_MAX`].
const DEATHS_WITHIN: Duration = Duration::from_secs(60);
/// The pause before the first new start, doubled for each further death.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// One child.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) child: Option<Child>,
    pub(super) deaths: VecDeque<Instant>,
    pub(super) start_at: Option<Instant>,
    /// The head does not want it.
    pub(super) refused: bool,
    /// Of a simulated board, whether it is without power.
    pub(super) is_cut: bool,
    /// Of a simulated board, whether it has shut down, and waits for its power to go and come.
    pub(super) is_halted: bool,
}

impl Part {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            child: None,
            deaths: VecDeque::new(),
            start_at: None,
            refused: false,
            is_cut: false,
            is_halted: false,
        }
    }

    /// How the child ended, once.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok().flatten()?;
        self.child = None;
        Some(status)
    }

    /// Counts a death. How long to wait before the next start, or `None` when it dies too often.
    pub(super) fn pause_after_death(&mut self, now: Instant) -> Option<Duration> {
        self.deaths.retain(|death| now.duration_since(*death) < DEATHS_WITHIN);
        self.deaths.push_back(now);
        let count = self.deaths.len();
        (count <= DEATHS_MAX).then(|| PAUSE_MIN * (1 << (count - 1)))
    }

    /// Whether it is a simulated board that is off.
    pub(super) fn is_off(&self) -> bool {
        self.is_cut || self.is_halted
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.child.is_none() && self.start_at.is_none()
    }

    pub(super) fn terminate(&mut self) {
        self.start_at = None;
        if let Some(child) = &mut self.child {
            // It cannot have another's number: it was not waited for. If it has ended, all is well.
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(super) fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_dies_is_started_again_after_growing_pauses_and_not_for_ever() {
        let mut part = Part::new("node-1");
        let now = Instant::now();
        let pauses: Vec<Option<u128>> =
            (0..6).map(|_| part.pause_after_death(now).map(|pause| pause.as_millis())).collect();
        assert_eq!(pauses, [Some(100), Some(200), Some(400), Some(800), Some(1600), None]);
    }

    #[test]
    fn deaths_of_long_ago_are_forgotten() {
        let mut part = Part::new("node-1");
        let now = Instant::now();
        for _ in 0..5 {
            part.pause_after_death(now);
        }
        let later = now + DEATHS_WITHIN;
        assert_eq!(part.pause_after_death(later), Some(PAUSE_MIN));
    }
}
