//! Compilation beside the loop, one module at a time: it may take hundreds of megabytes.

use std::collections::VecDeque;
use std::sync::Arc;

use bramble_protocol::{Digest, TargetClass};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::core::Event;
use crate::modules::ModuleService;

/// Compilations at the same time.
const RUNNING_MAX: usize = 1;

pub(super) struct Compilations {
    service: Arc<dyn ModuleService>,
    /// At most one entry for each module of open jobs and class: the core asks once.
    waiting: VecDeque<(Digest, TargetClass)>,
    running: JoinSet<Event>,
}

impl Compilations {
    pub(super) fn new(service: Arc<dyn ModuleService>) -> Self {
        Self { service, waiting: VecDeque::new(), running: JoinSet::new() }
    }

    pub(super) fn add(&mut self, module: Digest, class: TargetClass) {
        self.waiting.push_back((module, class));
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
            let Some((module, class)) = self.waiting.pop_front() else { return };
            let service = Arc::clone(&self.service);
            self.running.spawn(async move {
                info!(module = %module.short(), %class, "compiling");
                let work = tokio::task::spawn_blocking(move || service.compile(&module, class));
                match work.await {
                    Ok(Ok(artefact)) => Event::Compiled { module, class, artefact },
                    Ok(Err(failure)) => {
                        warn!(module = %module.short(), %class, error = %failure, "not compiled");
                        let message = failure.message;
                        Event::CompileFailed { module, class, message, retry: failure.retry }
                    }
                    Err(_) => Event::CompileFailed {
                        module,
                        class,
                        message: "the compiler broke down".into(),
                        retry: false,
                    },
                }
            });
        }
    }
}
