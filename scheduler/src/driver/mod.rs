//! The loop around the core: receive, apply, journal in groups, perform.
//!
//! Leases go out at once. Whatever lets others rely on something (an acknowledgement, an answer,
//! the end of a job) waits until the records before it are on disk; meanwhile the loop goes on
//! and collects the next group. When a group cannot be written, the disk being full for example,
//! the head stops: nothing of the group was acknowledged, so a new start from the journal is
//! right whatever the memory says.

mod clock;
mod command;
mod compile;
mod group;
mod links;
mod switches;
#[cfg(test)]
mod tests;
mod vault;

use bramble_protocol::error_chain;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{error, info};

use crate::core::{Action, Config, Event, RequestToken, Scheduler};
use crate::handle::{Handle, MAILBOX_LENGTH};
use crate::journal::{Group, Journal, JournalError, Restored, Writer};
use crate::modules::ModuleService;
use clock::Clock;
use command::Reply;
use compile::Compilations;
use group::{Committer, Deferred};
use links::Links;
use switches::Switches;
use vault::Vault;

pub(crate) use command::Command;
pub use switches::Switch;

/// How often the core is told the time.
const TICK: Duration = Duration::from_millis(250);
/// How often those who watch a job are told of changes.
const PUBLISH: Duration = Duration::from_millis(100);
/// Commands taken at a time.
const COMMANDS_MAX: usize = 256;

/// What a scheduler is started with.
pub struct StartOptions {
    /// The journal's file, on a disk of this machine. Created when it is not there.
    pub journal_path: PathBuf,
    /// Whether the journal may lie on a network filesystem, where a crash can damage it.
    pub network_filesystem_allowed: bool,
    /// Compiles modules.
    pub modules: Arc<dyn ModuleService>,
    /// Times and limits.
    pub config: Config,
}

/// Why a scheduler did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be used.
    #[error("failed to open the journal")]
    Journal(#[source] JournalError),
}

/// Why a scheduler stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum HeadFailure {
    /// The journal could not be written, so nothing more can be promised. What was not written
    /// was not acknowledged either: start the head again when the cause is gone.
    #[error("the head stops because its journal cannot be written; what it acknowledged is safe")]
    Journal(#[source] JournalError),
}

/// The scheduler of a head.
pub struct Head;

impl Head {
    /// Opens the journal, restores what it holds, and starts the scheduler on the current tokio
    /// runtime. Blocks while the journal is read.
    ///
    /// The task ends after [`Handle::shutdown`], when the last handle is dropped, or with a
    /// failure, on which the process should end.
    ///
    /// # Errors
    /// When the journal cannot be used.
    pub fn start(
        options: StartOptions,
    ) -> Result<(Handle, JoinHandle<Result<(), HeadFailure>>), StartError> {
        let StartOptions { journal_path, network_filesystem_allowed, modules, config } = options;
        let journal = Journal::open(&journal_path, network_filesystem_allowed)
            .map_err(StartError::Journal)?;
        info!(journal = %journal_path.display(), "the scheduler starts");
        start_on(journal, modules, config).map_err(StartError::Journal)
    }
}

fn start_on(
    mut journal: Journal,
    modules: Arc<dyn ModuleService>,
    config: Config,
) -> Result<(Handle, JoinHandle<Result<(), HeadFailure>>), JournalError> {
    let Restored { scheduler: mut core, latest_at_ms } = journal.restore(config)?;
    let clock = Clock::start(latest_at_ms);
    let started = core.start(clock.now());
    journal.append(&Group { records: vec![(clock.now().0, started)], logs: Vec::new() })?;
    let writer = Writer::start(journal)?;
    let (sender, mailbox) = mpsc::channel(MAILBOX_LENGTH);
    let driver = Driver {
        core,
        clock,
        own_mailbox: sender.downgrade(),
        mailbox,
        committer: Committer::new(writer),
        links: Links::default(),
        vault: Vault::default(),
        compilations: Compilations::new(modules),
        switches: Switches::default(),
        last_token: 0,
        replies: BTreeMap::new(),
        watchers: command::Watchers::default(),
        stopping: None,
    };
    Ok((Handle::new(sender), tokio::spawn(driver.run())))
}

struct Driver {
    core: Scheduler,
    clock: Clock,
    /// For the inboxes of agents. Weak, so that the loop ends when nobody else is left.
    own_mailbox: mpsc::WeakSender<Command>,
    mailbox: mpsc::Receiver<Command>,
    committer: Committer,
    links: Links,
    vault: Vault,
    compilations: Compilations,
    switches: Switches,
    last_token: u64,
    replies: BTreeMap<RequestToken, Reply>,
    watchers: command::Watchers,
    /// Set when the loop is to end after what is under way.
    stopping: Option<Vec<oneshot::Sender<()>>>,
}

impl Driver {
    async fn run(mut self) -> Result<(), HeadFailure> {
        let mut tick = periodic(TICK);
        let mut publish = periodic(PUBLISH);
        let mut commands = Vec::with_capacity(COMMANDS_MAX);
        let result = loop {
            self.committer.start_group();
            if self.stopping.is_some() && self.committer.is_idle() {
                break Ok(());
            }
            let open = self.stopping.is_none();
            tokio::select! {
                biased;
                written = self.committer.written(), if self.committer.is_writing() => {
                    match written {
                        Ok(deferred) => deferred.into_iter().for_each(|it| self.release(it)),
                        Err(failure) => break Err(failure),
                    }
                }
                _ = tick.tick(), if open => self.apply(Event::Tick),
                _ = publish.tick(), if self.watchers.has_changes() => {
                    self.watchers.publish(&self.core);
                }
                event = self.compilations.next(), if open && !self.compilations.is_idle() => {
                    if let Some(event) = event {
                        self.apply(event);
                    }
                }
                count = self.mailbox.recv_many(&mut commands, COMMANDS_MAX),
                    if open && self.committer.has_room() =>
                {
                    commands.drain(..).for_each(|command| self.obey(command));
                    if count == 0 {
                        self.stopping.get_or_insert_default();
                    }
                }
            }
        };
        self.end(result)
    }

    fn end(mut self, result: Result<(), JournalError>) -> Result<(), HeadFailure> {
        if let Err(failure) = &result {
            error!(error = error_chain(failure), "the journal cannot be written; the head stops");
            self.committer.fail_all(failure, &mut self.replies);
        }
        self.committer.stop();
        for done in self.stopping.into_iter().flatten() {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
        result.map_err(HeadFailure::Journal)
    }

    fn apply(&mut self, event: Event) {
        let actions = self.core.apply(self.clock.now(), event);
        self.perform(actions);
        for connection in self.links.take_broken() {
            let event = Event::AgentDisconnected { connection };
            let actions = self.core.apply(self.clock.now(), event);
            self.perform(actions);
        }
        for event in self.switches.take_faults() {
            let actions = self.core.apply(self.clock.now(), event);
            self.perform(actions);
        }
    }

    fn perform(&mut self, actions: Vec<Action>) {
        let now_ms = self.clock.now().0;
        for action in actions {
            if let Action::JobEnded(view) = &action {
                self.vault.drop_of(&view.spec);
            }
            if action.needs_journal() {
                if let Some(due) = self.committer.defer(Deferred::Action(action)) {
                    self.release(due);
                }
                continue;
            }
            match action {
                Action::Append(record) => self.committer.record(now_ms, record),
                Action::SaveLog { job, entry } => self.committer.log(job, *entry),
                Action::Admit { connection, node, heartbeat_ms } => {
                    let mailbox = self.own_mailbox.upgrade();
                    self.links.admit(connection, node, heartbeat_ms, mailbox);
                }
                Action::Refuse { connection, reason, retry } => {
                    self.links.refuse(connection, reason, retry);
                }
                Action::Send { connection, mut message } => {
                    self.vault.join(&mut message);
                    self.links.send(connection, message);
                }
                Action::Disconnect { connection, reason } => self.links.close(connection, &reason),
                Action::Compile { module, class, mode } => {
                    self.compilations.add(module, class, mode);
                }
                Action::Switch { node, on } => self.switches.ask(node, on),
                Action::Reply { .. } | Action::JobChanged(_) | Action::JobEnded(_) => {
                    unreachable!("these need the journal")
                }
            }
        }
    }
}

fn periodic(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
