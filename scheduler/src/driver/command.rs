//! Commands of handles: what they ask for, and how they are answered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bramble_protocol::agent::{FromAgent, Hello};
use bramble_protocol::api::{JobView, LogEntry};
use bramble_protocol::power::{Outlet, PowerPolicy};
use bramble_protocol::{JobId, Secrets};
use tokio::sync::{mpsc, oneshot, watch};

use super::Driver;
use super::group::Deferred;
use super::switches::Switch;
use crate::core::{
    Action, Answer, ConnectionId, Event, NewJob, Rejection, RequestToken, Scheduler,
};
use crate::handle::{AgentLink, CommandError, Refusal};

pub(super) type Reply = oneshot::Sender<Result<Answer, CommandError>>;
/// Makes an event of a request's number.
pub(crate) type MakeEvent = Box<dyn FnOnce(RequestToken) -> Event + Send>;
/// Looks at the state and gives what will send the answer.
pub(crate) type Look = Box<dyn FnOnce(&Scheduler) -> Box<dyn FnOnce() + Send> + Send>;

/// What the mailbox carries.
pub(crate) enum Command {
    /// A request of the core, which it answers.
    Request {
        event: MakeEvent,
        reply: Reply,
    },
    /// A new job, with the secrets that its description names.
    Submit {
        job: Box<NewJob>,
        secrets: Secrets,
        reply: Reply,
    },
    /// The secrets of a job that the head lacks.
    Unlock {
        job: JobId,
        secrets: Secrets,
        reply: Reply,
    },
    /// A look at the state. The answer goes out when all that it saw is on disk.
    Look(Look),
    Logs {
        job: JobId,
        reply: oneshot::Sender<Result<Vec<LogEntry>, CommandError>>,
    },
    /// A copy of the journal, with all that was acknowledged before.
    Copy {
        reply: oneshot::Sender<Result<PathBuf, CommandError>>,
    },
    Watch {
        job: JobId,
        reply: oneshot::Sender<Result<watch::Receiver<JobView>, CommandError>>,
    },
    Connect {
        hello: Box<Hello>,
        reply: oneshot::Sender<Result<AgentLink, Refusal>>,
    },
    Agent {
        connection: ConnectionId,
        message: Box<FromAgent>,
    },
    Disconnected {
        connection: ConnectionId,
    },
    /// What can be switched, and who does it.
    Supply {
        outlets: Vec<Outlet>,
        policy: Box<PowerPolicy>,
        switcher: mpsc::Sender<Switch>,
    },
    /// What happened, which nobody waits to have answered.
    Tell(Box<Event>),
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

impl Driver {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Request { event, reply } => self.request(event, reply),
            Command::Submit { job, secrets, reply } => self.submit(job, secrets, reply),
            Command::Unlock { job, secrets, reply } => self.unlock(job, secrets, reply),
            Command::Look(look) => {
                let send = look(&self.core);
                if let Some(due) = self.committer.defer(Deferred::Answer(send)) {
                    self.release(due);
                }
            }
            Command::Logs { job, reply } => {
                if self.core.job_state(job).is_none() {
                    self.answer(reply, Err(CommandError::NoSuchJob(job)));
                } else if let Some(due) = self.committer.defer(Deferred::Logs { job, reply }) {
                    self.release(due);
                }
            }
            Command::Copy { reply } => self.committer.ask_copy(reply),
            Command::Watch { job, reply } => match self.core.job(job) {
                None => self.answer(reply, Err(CommandError::NoSuchJob(job))),
                Some(view) => {
                    let receiver = self.watchers.subscribe(view);
                    self.answer(reply, Ok(receiver));
                }
            },
            Command::Connect { hello, reply } => {
                let connection = self.links.prepare(reply);
                self.apply(Event::AgentConnected { connection, hello });
            }
            Command::Agent { connection, message } => {
                self.apply(Event::AgentMessage { connection, message: *message });
            }
            Command::Disconnected { connection } => {
                self.links.close(connection, "the agent is gone");
                self.apply(Event::AgentDisconnected { connection });
            }
            Command::Supply { outlets, policy, switcher } => {
                self.switches.hand_to(switcher);
                self.apply(Event::PowerFound { outlets, policy });
            }
            Command::Tell(event) => self.apply(*event),
            Command::Shutdown { reply } => self.stopping.get_or_insert_default().push(reply),
        }
    }

    fn request(&mut self, event: impl FnOnce(RequestToken) -> Event, reply: Reply) {
        self.last_token += 1;
        let token = RequestToken(self.last_token);
        self.replies.insert(token, reply);
        self.apply(event(token));
    }

    fn submit(&mut self, job: Box<NewJob>, secrets: Secrets, reply: Reply) {
        let names = job.spec.secrets.as_ref();
        if let Some(reason) = names.and_then(|names| names.fault(&secrets)) {
            return self.answer(reply, Err(CommandError::Refused { reason, help: None }));
        }
        let tag = names.map(|names| names.tag);
        if let Some(tag) = tag {
            // First of all: leases go out while the job is taken in.
            self.vault.keep(tag, secrets);
        }
        self.request(|token| Event::Submit { token, job }, reply);
        if let Some(tag) = tag.filter(|tag| self.core.job_of_secrets(tag).is_none()) {
            self.vault.drop_tag(&tag);
        }
    }

    fn unlock(&mut self, job: JobId, secrets: Secrets, reply: Reply) {
        if let Some(names) = self.core.secrets_of(job) {
            if let Some(reason) = names.fault(&secrets) {
                let help = Some(format!("bramble secret {job} {}", names.as_typed()));
                return self.answer(reply, Err(CommandError::Refused { reason, help }));
            }
            self.vault.keep(names.tag, secrets.with_access(names));
        }
        self.request(|token| Event::Unlock { token, job }, reply);
    }

    /// Answers from the state as it is now, once that is on disk.
    fn answer<T: Send + 'static>(&mut self, reply: oneshot::Sender<T>, answer: T) {
        // Whoever asked may have gone.
        let send = move || drop(reply.send(answer));
        if let Some(due) = self.committer.defer(Deferred::Answer(Box::new(send))) {
            self.release(due);
        }
    }

    /// Does what had to wait for the journal.
    pub(super) fn release(&mut self, deferred: Deferred) {
        match deferred {
            Deferred::Answer(send) => send(),
            Deferred::Logs { job, reply } => self.committer.ask_logs(job, reply),
            Deferred::Action(Action::Reply { token, answer }) => {
                if let Some(reply) = self.replies.remove(&token) {
                    // Whoever asked may have gone.
                    let _ = reply.send(result_of(answer));
                }
            }
            Deferred::Action(Action::Send { connection, message }) => {
                self.links.send(connection, message);
            }
            Deferred::Action(Action::JobChanged(job)) => self.watchers.changed(job),
            Deferred::Action(Action::JobEnded(view)) => self.watchers.ended(*view),
            Deferred::Action(_) => unreachable!("no other action waits for the journal"),
        }
    }
}

fn result_of(answer: Answer) -> Result<Answer, CommandError> {
    match answer {
        Answer::Job(_) | Answer::Done | Answer::Forgotten { .. } => Ok(answer),
        Answer::Rejected(rejection) => Err(match rejection {
            Rejection::NoSuchJob(job) => CommandError::NoSuchJob(job),
            Rejection::NoSuchNode(name) => CommandError::NoSuchNode(name),
            Rejection::WrongState { job, state } => CommandError::WrongState { job, state },
            Rejection::Unsound { reason, help } => CommandError::Refused { reason, help },
            Rejection::Limit { reason, help } => CommandError::Limit { reason, help },
            Rejection::Busy { reason } => CommandError::Busy { reason },
        }),
    }
}

/// Who watches which job.
#[derive(Default)]
pub(super) struct Watchers {
    jobs: BTreeMap<JobId, watch::Sender<JobView>>,
    changed: BTreeSet<JobId>,
}

impl Watchers {
    fn subscribe(&mut self, view: JobView) -> watch::Receiver<JobView> {
        if view.state.is_final() {
            // Nothing more will come, and the receiver sees that the sender is gone.
            return watch::channel(view).1;
        }
        self.jobs.entry(view.id).or_insert_with(|| watch::channel(view).0).subscribe()
    }

    fn changed(&mut self, job: JobId) {
        if self.jobs.contains_key(&job) {
            self.changed.insert(job);
        }
    }

    fn ended(&mut self, view: JobView) {
        self.changed.remove(&view.id);
        if let Some(sender) = self.jobs.remove(&view.id) {
            sender.send_replace(view);
        }
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Shows the changes since the last time.
    pub(super) fn publish(&mut self, core: &Scheduler) {
        for job in std::mem::take(&mut self.changed) {
            let Some(sender) = self.jobs.get(&job) else { continue };
            if sender.receiver_count() == 0 {
                self.jobs.remove(&job);
            } else if let Some(view) = core.job(job).filter(|view| !view.state.is_final()) {
                // A final state is shown when it is on disk, by `ended`.
                sender.send_replace(view);
            }
        }
    }
}
