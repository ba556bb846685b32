//! How the rest of the head talks to the scheduler: an async mailbox.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bramble_protocol::agent::{FromAgent, Hello, ToAgent};
use bramble_protocol::api::{JobState, JobView, LogEntry, NodeView, ResultView};
use bramble_protocol::power::{Outlet, PowerList, PowerPolicy, Supply};
use bramble_protocol::{Digest, JobId, NodeId, ObjectRef, Order, Secrets};
use tokio::sync::{mpsc, oneshot, watch};

use crate::core::{Answer, ConnectionId, Event, NewJob, RequestToken, Scheduler};
use crate::driver::{Command, Switch};

/// Commands that wait for the scheduler. Whoever sends more waits too.
pub(crate) const MAILBOX_LENGTH: usize = 1_024;

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No job of this number is known.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// No node of this name is known.
    #[error("there is no node {0}")]
    NoSuchNode(String),
    /// The job's state does not allow it: it has ended already, or has no result.
    #[error("job {job} is {}", state.name())]
    WrongState {
        /// The job.
        job: JobId,
        /// Its state.
        state: JobState,
    },
    /// The job is not sound.
    #[error("{reason}")]
    Refused {
        /// What is wrong with it, one line.
        reason: String,
        /// What to do.
        help: Option<String>,
    },
    /// A limit of the user or the class is reached.
    #[error("{reason}")]
    Limit {
        /// Which, and its value, one line.
        reason: String,
        /// Who can raise it, or what to do.
        help: Option<String>,
    },
    /// The journal could not be copied; it is as it was.
    #[error("the journal could not be copied: {message}")]
    Backup {
        /// Why.
        message: String,
    },
    /// The journal could not be written. The head stops.
    #[error("the journal could not be written: {message}")]
    Journal {
        /// Why.
        message: String,
    },
    /// The head has as much to do as it accepts. A later try may succeed.
    #[error("the head is busy: {reason}")]
    Busy {
        /// Which limit is reached.
        reason: String,
    },
    /// The scheduler has stopped.
    #[error("the scheduler has stopped")]
    Stopped,
}

/// Why an agent was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Why, and what to do.
    pub reason: String,
    /// Whether the agent should try again later.
    pub retry: bool,
}

/// The scheduler, to everybody else. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    mailbox: mpsc::Sender<Command>,
}

impl Handle {
    pub(crate) const fn new(mailbox: mpsc::Sender<Command>) -> Self {
        Self { mailbox }
    }

    /// Accepts a job. Returns when it is in the journal: from then on it will end, whatever
    /// crashes.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn submit(&self, job: NewJob) -> Result<JobView, CommandError> {
        self.submit_with(job, Secrets::default()).await
    }

    /// The same for a job with secrets, all of which its description names. They are held in
    /// memory only, and cleared when the job ends.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn submit_with(
        &self,
        job: NewJob,
        secrets: Secrets,
    ) -> Result<JobView, CommandError> {
        let job = Box::new(job);
        self.ask_job(|reply| Command::Submit { job, secrets, reply }).await
    }

    /// Gives a job its secrets again, which the head lost when it was restarted. What the job may
    /// do with each is as it was when it was submitted.
    ///
    /// # Errors
    /// When there is no such job, it has ended, or these are not its secrets by name.
    pub async fn unlock(&self, job: JobId, secrets: Secrets) -> Result<JobView, CommandError> {
        self.ask_job(|reply| Command::Unlock { job, secrets, reply }).await
    }

    /// Cancels a job. Returns when that is in the journal.
    ///
    /// # Errors
    /// When there is no such job, or it has ended.
    pub async fn cancel(&self, job: JobId) -> Result<JobView, CommandError> {
        self.request_job(move |token| Event::Cancel { token, job }).await
    }

    /// Says what can be switched, as it was found, and what is switched without being asked. What
    /// is to be switched comes from the receiver, at most one thing for each node at a time; each is
    /// answered by [`Self::power_switched`].
    ///
    /// # Errors
    /// When the scheduler has stopped.
    pub async fn supply(
        &self,
        outlets: Vec<Outlet>,
        policy: PowerPolicy,
    ) -> Result<mpsc::Receiver<Switch>, CommandError> {
        let (switcher, switches) = mpsc::channel(outlets.len().max(1) * 2);
        let policy = Box::new(policy);
        self.tell(Command::Supply { outlets, policy, switcher }).await?;
        Ok(switches)
    }

    /// Says how switching a node's power ended: `fault` is why it could not be done, in one line.
    ///
    /// # Errors
    /// When the scheduler has stopped.
    pub async fn power_switched(
        &self,
        node: String,
        on: bool,
        fault: Option<String>,
    ) -> Result<(), CommandError> {
        self.tell(Command::Tell(Box::new(Event::PowerSwitched { node, on, fault }))).await
    }

    /// Says how the supply of a node was when it was looked at.
    ///
    /// # Errors
    /// When the scheduler has stopped.
    pub async fn power_read(&self, node: String, supply: Supply) -> Result<(), CommandError> {
        self.tell(Command::Tell(Box::new(Event::PowerRead { node, supply }))).await
    }

    /// The nodes whose power can be switched.
    pub async fn power(&self) -> PowerList {
        self.look(Scheduler::power).await.unwrap_or_default()
    }

    async fn tell(&self, command: Command) -> Result<(), CommandError> {
        self.mailbox.send(command).await.map_err(|_| CommandError::Stopped)
    }

    /// Gives an order. Returns when that is in the journal.
    ///
    /// # Errors
    /// When it is not carried out.
    pub async fn order(&self, order: Order) -> Result<Answer, CommandError> {
        self.request(|token| Event::Order { token, order: Box::new(order) }).await
    }

    /// Tells that objects are about to be removed from the store, or are gone or damaged: results
    /// that contain one are not used any more. Returns when that is in the journal.
    ///
    /// # Errors
    /// When the scheduler has stopped.
    pub async fn objects_gone(&self, digests: BTreeSet<Digest>) -> Result<(), CommandError> {
        self.request(|token| Event::ObjectsGone { token, digests }).await.map(drop)
    }

    /// Looks at the state of the scheduler. What is seen is on disk when this returns. The look
    /// holds up everything else: it must be short.
    ///
    /// # Errors
    /// When the scheduler has stopped.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Scheduler) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        self.ask(|reply| {
            Command::Look(Box::new(|core| {
                let answer = look(core);
                // Whoever asked may have gone.
                Box::new(move || drop(reply.send(answer)))
            }))
        })
        .await
    }

    /// One job; `None` when there is none of this number, or the scheduler has stopped.
    pub async fn job(&self, job: JobId) -> Option<JobView> {
        self.look(move |core| core.job(job)).await.ok()?
    }

    /// All jobs that are known, newest first.
    pub async fn jobs(&self) -> Vec<JobView> {
        self.look(Scheduler::jobs).await.unwrap_or_default()
    }

    /// All nodes that were connected since the journal began, by name.
    pub async fn nodes(&self) -> Vec<NodeView> {
        self.look(Scheduler::nodes).await.unwrap_or_default()
    }

    /// The result of a job that is done.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] when it is not done.
    pub async fn result(&self, job: JobId) -> Result<ResultView, CommandError> {
        self.look(move |core| core.result(job)).await?.map_err(|state| match state {
            Some(state) => CommandError::WrongState { job, state },
            None => CommandError::NoSuchJob(job),
        })
    }

    /// One chunk of the result of a job that is done, counted from 0; `None` when it has fewer.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] when it is not done.
    pub async fn result_chunk(
        &self,
        job: JobId,
        index: usize,
    ) -> Result<Option<ObjectRef>, CommandError> {
        let chunk = self.look(move |core| core.result_chunk(job, index)).await?;
        chunk.map_err(|state| match state {
            Some(state) => CommandError::WrongState { job, state },
            None => CommandError::NoSuchJob(job),
        })
    }

    /// What the attempts of a job logged, in the order in which they ended. An attempt that
    /// succeeded and logged nothing has no entry.
    ///
    /// # Errors
    /// When there is no such job or the journal cannot be read.
    pub async fn logs(&self, job: JobId) -> Result<Vec<LogEntry>, CommandError> {
        self.ask(|reply| Command::Logs { job, reply }).await?
    }

    /// Copies the journal into a file beside it, with all that was acknowledged before, and
    /// returns its path. Whoever asks removes it. New records wait meanwhile.
    ///
    /// # Errors
    /// When it cannot be copied, the disk being full for example.
    pub async fn copy_journal(&self) -> Result<PathBuf, CommandError> {
        self.ask(|reply| Command::Copy { reply }).await?
    }

    /// A job as it changes: at most every 100 ms, and at once when it ends. After the final
    /// state nothing more comes and the sender is gone.
    ///
    /// # Errors
    /// When there is no such job.
    pub async fn watch_job(&self, job: JobId) -> Result<watch::Receiver<JobView>, CommandError> {
        self.ask(|reply| Command::Watch { job, reply }).await?
    }

    /// Lets an agent in that has said hello.
    ///
    /// # Errors
    /// When it must not come in, or not now.
    pub async fn connect(&self, hello: Hello) -> Result<AgentLink, Refusal> {
        self.ask(|reply| Command::Connect { hello: Box::new(hello), reply })
            .await
            .unwrap_or_else(|stopped| Err(Refusal { reason: stopped.to_string(), retry: true }))
    }

    /// Stops the scheduler after all that was accepted is in the journal.
    pub async fn shutdown(&self) {
        // When it has stopped already there is nothing left to do.
        let _ = self.ask(|reply| Command::Shutdown { reply }).await;
    }

    /// A request that is answered with a job.
    async fn request_job(
        &self,
        event: impl FnOnce(RequestToken) -> Event + Send + 'static,
    ) -> Result<JobView, CommandError> {
        let event = Box::new(event);
        self.ask_job(|reply| Command::Request { event, reply }).await
    }

    /// A command that is answered with a job.
    async fn ask_job(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<Answer, CommandError>>) -> Command,
    ) -> Result<JobView, CommandError> {
        match self.ask(command).await?? {
            Answer::Job(view) => Ok(*view),
            other => unreachable!("the core answers with a job, not {other:?}"),
        }
    }

    async fn request(
        &self,
        event: impl FnOnce(RequestToken) -> Event + Send + 'static,
    ) -> Result<Answer, CommandError> {
        let event = Box::new(event);
        self.ask(|reply| Command::Request { event, reply }).await?
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(command(reply)).await.map_err(|_| CommandError::Stopped)?;
        answer.await.map_err(|_| CommandError::Stopped)
    }
}

/// An agent's connection, as the scheduler sees it.
#[derive(Debug)]
pub struct AgentLink {
    /// The first message to send.
    pub welcome: ToAgent,
    /// What else to send, in order. Ends when the scheduler closes the connection.
    pub outbox: mpsc::Receiver<ToAgent>,
    /// Where the agent's messages go. Dropping it tells the scheduler that the connection is gone.
    pub inbox: AgentInbox,
}

/// Where one agent's messages go.
#[derive(Debug)]
pub struct AgentInbox {
    connection: ConnectionId,
    node: NodeId,
    mailbox: mpsc::Sender<Command>,
}

impl AgentInbox {
    pub(crate) const fn new(
        connection: ConnectionId,
        node: NodeId,
        mailbox: mpsc::Sender<Command>,
    ) -> Self {
        Self { connection, node, mailbox }
    }

    /// The node's number.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Passes on a message. Waits while the scheduler has too much to do.
    ///
    /// # Errors
    /// When the scheduler has stopped: close the connection.
    pub async fn send(&self, message: FromAgent) -> Result<(), CommandError> {
        let message = Box::new(message);
        let command = Command::Agent { connection: self.connection, message };
        self.mailbox.send(command).await.map_err(|_| CommandError::Stopped)
    }
}

impl Drop for AgentInbox {
    fn drop(&mut self) {
        let command = Command::Disconnected { connection: self.connection };
        if let Err(mpsc::error::TrySendError::Full(command)) = self.mailbox.try_send(command)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // Waits for room behind the connection's last messages. Where there is no runtime
            // any more, the node's silence tells the scheduler the same.
            let mailbox = self.mailbox.clone();
            runtime.spawn(async move { mailbox.send(command).await });
        }
    }
}
