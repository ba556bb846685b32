//! Compilation beside the loop, one module at a time: it may take hundreds of megabytes.

use std::collections::VecDeque;
use std::sync::Arc;

use bramble_protocol::{Digest, Mode, TargetClass};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::core::Event;
use crate::modules::ModuleService;

/// Compilations at the same time.
const RUNNING_MAX: usize = 1;

pub(super) struct Compilations {
    service: Arc<dyn ModuleService>,
    /// At most one entry for each module of open jobs, class and mode: the core asks once.
    waiting: VecDeque<(Digest, TargetClass, Mode)>,
    running: JoinSet<Event>,
}

impl Compilations {
    pub(super) fn new(service: Arc<dyn ModuleService>) -> Self {
        Self { service, waiting: VecDeque::new(), running: JoinSet::new() }
    }

    pub(super) fn add(&mut self, module: Digest, class: TargetClass, mode: Mode) {
        self.waiting.push_back((module, class, mode));
        self.start_next();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the next one to end; pends for ever when none runs.
    pub(super) async fn next(&mut self) -> Option<Event> {
        let ended = self.running.join_next().await;
        self.start_next();
        // An error means that the runtime is going down.
        ended?.ok()
    }

    fn start_next(&mut self) {
        while self.running.len() < RUNNING_MAX {
            let Some((module, class, mode)) = self.waiting.pop_front() else { return };
            let service = Arc::clone(&self.service);
            self.running.spawn(async move {
                info!(module = %module.short(), %class, mode = mode.name(), "compiling");
                let work =
                    tokio::task::spawn_blocking(move || service.compile(&module, class, mode));
                match work.await {
                    Ok(Ok(artefact)) => Event::Compiled { module, class, mode, artefact },
                    Ok(Err(failure)) => {
                        warn!(module = %module.short(), %class, error = %failure, "not compiled");
                        let message = failure.message;
                        let retry = failure.retry;
                        Event::CompileFailed { module, class, mode, message, retry }
                    }
                    Err(_) => Event::CompileFailed {
                        module,
                        class,
                        mode,
                        message: "the compiler broke down".into(),
                        retry: false,
                    },
                }
            });
        }
    }
}
