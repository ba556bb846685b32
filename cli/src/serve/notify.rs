//! What head and agent tell systemd, when it started them: ready, alive, how it goes, stopping.
//!
//! "Alive" comes from the loop on which everything else waits. Where that hangs, systemd misses the
//! word and starts the service again.

use std::env;
use std::time::Duration;

use bramble_runtime::agent::Pulse;
#[cfg(feature = "head")]
use bramble_scheduler::{Handle, core::Scheduler};
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::Instant;
#[cfg(feature = "head")]
use tokio::time::MissedTickBehavior;

/// How often the status is told anew at most, and the head asked how it goes.
#[cfg(feature = "head")]
const EVERY_MAX: Duration = Duration::from_secs(10);

/// Tells how the agent does, until it ends.
pub(super) async fn agent(mut pulse: watch::Receiver<Pulse>, head: &str) {
    if !is_wanted() {
        return;
    }
    let every = watchdog();
    let (mut told, mut lived) = (None, None::<Instant>);
    while pulse.changed().await.is_ok() {
        let now = *pulse.borrow_and_update();
        let status = match now {
            Pulse::Away => format!("waits for the head at {head}"),
            Pulse::Connected => format!("works for the head at {head}"),
        };
        let mut states = Vec::new();
        if told.is_none() {
            states.push(NotifyState::Ready);
        }
        if told != Some(now) {
            states.push(NotifyState::Status(&status));
        }
        if every.is_some_and(|every| lived.is_none_or(|lived| lived.elapsed() >= every)) {
            states.push(NotifyState::Watchdog);
            lived = Some(Instant::now());
        }
        tell(&states);
        told = Some(now);
    }
}

/// Tells how the head at `url` does, for as long as its scheduler answers.
#[cfg(feature = "head")]
pub(super) async fn head(handle: Handle, url: String) {
    if !is_wanted() {
        return;
    }
    let every = watchdog();
    let mut ticks = tokio::time::interval(every.map_or(EVERY_MAX, |every| every.min(EVERY_MAX)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        ticks.tick().await;
        let Ok(counts) = handle.look(Scheduler::counts).await else { return };
        let (running, waiting) = (counts.running, counts.waiting);
        let status = format!("{url}: {running} jobs run, {waiting} wait");
        let mut states = Vec::new();
        if told.is_none() {
            states.push(NotifyState::Ready);
        }
        if told != Some((running, waiting)) {
            states.push(NotifyState::Status(&status));
        }
        if every.is_some() {
            states.push(NotifyState::Watchdog);
        }
        tell(&states);
        told = Some((running, waiting));
    }
}

/// Tells that the end has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Whether anybody listens.
fn is_wanted() -> bool {
    env::var_os("NOTIFY_SOCKET").is_some()
}

/// How often to tell that we live: three times in the time after which we are taken for hung, so that
/// one late word is not our end.
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 3)
}

fn tell(states: &[NotifyState<'_>]) {
    if states.is_empty() {
        return;
    }
    if let Err(error) = sd_notify::notify(states) {
        // Whoever started us decides what a missing word means.
        tracing::debug!(%error, "systemd was not told");
    }
}
