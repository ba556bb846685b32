//! When a head or an agent is to stop: a signal, or the end of whoever started it.

use std::io::{self, Read};
use std::process;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::error::{CliError, CliResult, Exit, Slug};

/// How long an orderly end may take after the parent is gone.
const ORPHAN_TIME_MAX: Duration = Duration::from_secs(15);

/// Everything that can ask for an end, listening from its creation on.
pub(super) struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    orphaned: Option<oneshot::Receiver<()>>,
}

impl Stop {
    /// Starts to listen; with `with_parent` also for the end of standard input, which is a pipe
    /// that the parent holds open while it lives, however it dies.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn listen(with_parent: bool) -> CliResult<Self> {
        let failed = |error: io::Error| {
            CliError::new(Slug::Local, "cannot listen for signals").because(&error)
        };
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let orphaned = if with_parent { Some(watch_parent().map_err(failed)?) } else { None };
        Ok(Self { terminate, interrupt, orphaned })
    }

    /// Ends when an end is asked for.
    pub(super) async fn requested(mut self) {
        let orphaned = async {
            match self.orphaned {
                Some(orphaned) => _ = orphaned.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = orphaned => tracing::info!("the process that started this one is gone; stopping"),
        }
    }
}

fn watch_parent() -> io::Result<oneshot::Receiver<()>> {
    let (sender, orphaned) = oneshot::channel();
    let work = move || {
        let mut stdin = io::stdin();
        let mut bytes = [0; 64];
        while !matches!(stdin.read(&mut bytes), Ok(0) | Err(_)) {}
        // Whoever listened may be gone because the end has come already.
        let _ = sender.send(());
        thread::sleep(ORPHAN_TIME_MAX);
        process::exit(Exit::Cluster.code().into());
    };
    thread::Builder::new().name("parent".into()).spawn(work)?;
    Ok(orphaned)
}
