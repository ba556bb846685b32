//! The agent's one async task: keeps the connection, passes leases to the slots and reports to
//! the head, and forgets nothing while the head is away.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::pin;
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::Duration;

use bramble_hardware::{Sensors, Watched};
use bramble_protocol::agent::{AttemptReport, FromAgent, HeldLease, Hello, ToAgent, Work};
use bramble_protocol::board::ShareState;
use bramble_protocol::node::speed_of;
use bramble_protocol::version::AGENT_PROTOCOL;
use bramble_protocol::{LeaseId, NodeStatus, PublicKey};
use bramble_store::Store;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::committer::{self, Committer};
use super::connection::{ConnectError, Connection};
use super::objects::Objects;
use super::pin::{self, Pin};
use super::queue::Queue;
use super::simulated::Board;
use super::slot::Slot;
use super::spool::Spool;
use super::{AgentConfig, AgentError, Pulse, StoreAccess, calibrate, report};
use crate::runner::{Pool, RunnerError, RunnerProcess};

/// First and longest wait before connecting again. Each is shortened by up to a half at random,
/// so that the nodes of a head that comes back do not all knock at once.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long tasks may take to save and end when the agent is told to stop. Shorter than the
/// silence after which a head gives the node no more work.
const WIND_UP_MAX: Duration = Duration::from_millis(1_500);
/// A head that says nothing for so long is taken for gone.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How often the agent tells that it lives while it waits for a head.
const PULSE: Duration = Duration::from_secs(1);
/// Groups of reports that may wait for the driver.
const REPORT_GROUPS_MAX: usize = 64;

pub(super) async fn run(
    config: AgentConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let mut shutdown = pin!(shutdown);
    let (mut driver, threads) = Driver::start(config)?;
    let mut wait = BACKOFF.0;
    let ended = loop {
        let end = tokio::select! {
            biased;
            () = &mut shutdown => break Ok(()),
            end = driver.connect() => end,
        };
        let lost = match end {
            Ok(mut connection) => {
                wait = BACKOFF.0;
                let end = driver.serve(&mut connection, shutdown.as_mut()).await;
                if matches!(end, SessionEnd::Shutdown) {
                    driver.wind_up().await;
                    driver.queue.close();
                    // The head learns of the lost connection anyway; this only saves its wait.
                    let _ = connection.send(&FromAgent::Goodbye).await;
                    connection.close().await;
                    break Ok(());
                }
                end
            }
            Err(end) => end,
        };
        match lost {
            SessionEnd::Refused { reason, retry: false } => {
                break Err(AgentError::Refused { reason });
            }
            SessionEnd::Fatal(error) => break Err(error),
            SessionEnd::Lost(ConnectError::Address(url)) => break Err(AgentError::Address { url }),
            SessionEnd::Refused { reason, .. } => tracing::warn!("the head refuses: {reason}"),
            SessionEnd::Lost(error) => {
                tracing::warn!(
                    "lost the head: {}; trying again",
                    bramble_protocol::error_chain(&error)
                );
            }
            SessionEnd::Shutdown => break Ok(()),
        }
        driver.save_unacknowledged();
        tokio::select! {
            biased;
            () = &mut shutdown => break Ok(()),
            () = driver.collect(tokio::time::sleep(jittered(wait))) => {
                wait = (wait * 2).min(BACKOFF.1);
            }
        }
    };
    driver.queue.close();
    while let Ok(reports) = driver.reports.try_recv() {
        driver.take(reports);
    }
    driver.save_unacknowledged();
    drop(driver);
    for thread in threads {
        // A thread that panicked has said so already.
        let _ = tokio::task::spawn_blocking(|| thread.join()).await;
    }
    ended
}

enum SessionEnd {
    Shutdown,
    Refused {
        reason: String,
        retry: bool,
    },
    Lost(ConnectError),
    /// No other attempt would do better.
    Fatal(AgentError),
}

impl From<ConnectError> for SessionEnd {
    fn from(error: ConnectError) -> Self {
        Self::Lost(error)
    }
}

struct Driver {
    config: AgentConfig,
    instance: u64,
    objects: Objects,
    /// Speed of one core, once it was measured, and where a measurement comes in.
    speed: Option<u32>,
    measured: (mpsc::Sender<u64>, mpsc::Receiver<u64>),
    /// Of the directory that is shared with the head.
    store_id: Option<String>,
    pin: Pin,
    sensors: Sensors,
    /// The board that this one is to be.
    simulated: Option<Board>,
    queue: Queue,
    reports: mpsc::Receiver<Vec<AttemptReport>>,
    /// Reports that the head has not acknowledged.
    unacknowledged: BTreeMap<LeaseId, AttemptReport>,
    /// Those of them that had to wait for the head, on disk.
    spool: Spool,
    heartbeat: Duration,
}

impl Driver {
    fn start(config: AgentConfig) -> Result<(Self, Vec<thread::JoinHandle<()>>), AgentError> {
        let dir = config.store.dir();
        let failed = |source| AgentError::Store { dir: dir.to_owned(), source };
        let (objects, store_id) = match &config.store {
            StoreAccess::Shared(_) => {
                let store = Store::open_existing(dir).map_err(failed)?;
                let id = store.id().to_owned();
                (Objects::shared(store), Some(id))
            }
            StoreAccess::Own(_) => (Objects::own(Store::open(dir).map_err(failed)?, &config), None),
        };
        let instance = RandomState::new().build_hasher().finish();
        let pin = Pin::new(&config.head, config.class, config.heads_file.clone());
        let (spool, inherited) = Spool::of(&config, store_id.clone(), &pin)?;
        let queue = Queue::new();
        queue
            .inherit(inherited.iter().map(|it| HeldLease { lease: it.lease, attempt: it.attempt }));
        let now = std::time::Instant::now();
        let simulated = config.simulate.map(|kind| Board::new(kind, now));
        let (ended, ended_rx) = std_mpsc::channel();
        let (reports_tx, reports) = mpsc::channel(REPORT_GROUPS_MAX);
        let mut threads = Vec::new();
        for number in 0..config.slots {
            let users = [0, 1].map(|it| crate::confine::user_for(instance, 2 * number + it));
            let store = objects.store().clone();
            let slot = Slot {
                queue: queue.clone(),
                objects: objects.clone(),
                runners: Pool::new(config.program.clone(), store, users, pin.trust()),
                ended: ended.clone(),
                pace: simulated.as_ref().map(Board::pace),
            };
            threads.push(spawn(format!("slot-{number}"), "a slot", move || slot.run())?);
        }
        let committer =
            Committer { queue: queue.clone(), objects: objects.clone(), spool: spool.clone() };
        let commit = move || committer::run(&committer, inherited, &ended_rx, &reports_tx);
        threads.push(spawn("committer".into(), "outputs", commit)?);
        let share = config.share.as_ref();
        let watched = Watched {
            data_dir: std::path::absolute(dir).ok(),
            share: share.and_then(|share| std::path::absolute(&share.dir).ok()),
        };
        let driver = Self {
            instance,
            objects,
            speed: None,
            measured: mpsc::channel(1),
            store_id,
            pin,
            simulated,
            sensors: Sensors::of_board(std::path::Path::new("/"), watched),
            queue,
            reports,
            unacknowledged: BTreeMap::new(),
            spool,
            heartbeat: Duration::from_secs(1),
            config,
        };
        Ok((driver, threads))
    }

    /// Opens a connection and introduces this node.
    async fn connect(&mut self) -> Result<Connection, SessionEnd> {
        let hello = self.hello();
        let head = self.config.head.clone();
        let tls = self.config.tls.clone();
        let greeting = self.collect(Connection::greet(&head, &tls, hello)).await;
        let (connection, answer) = greeting.map_err(|error| self.lost(error))?;
        match answer {
            ToAgent::Welcome { node, heartbeat_ms, artefact_key } => {
                self.believe(artefact_key)?;
                if let Some((file, key)) = self.config.head_file.as_deref().zip(tls.head_key()) {
                    pin::keep_head(file, key).map_err(SessionEnd::Fatal)?;
                }
                self.heartbeat = Duration::from_millis(heartbeat_ms.clamp(50, 10_000));
                tracing::info!(node = node.0, "connected to {head}");
                Ok(connection)
            }
            ToAgent::Refused { reason, retry } => Err(SessionEnd::Refused { reason, retry }),
            _ => Err(ConnectError::Closed(": it did not say welcome".into()).into()),
        }
    }

    /// What a failure to connect means. At the first time a wrong key is for a person to see; later
    /// it may be somebody who wants this node to give up.
    fn lost(&self, error: ConnectError) -> SessionEnd {
        match error.wrong_key() {
            Some(wrong) if self.config.tls.head_key().is_none() => {
                let (head, source) = (self.config.head.clone(), wrong.clone());
                SessionEnd::Fatal(AgentError::OtherHead { head, source })
            }
            _ => SessionEnd::Lost(error),
        }
    }

    fn hello(&mut self) -> Hello {
        Hello {
            protocol: AGENT_PROTOCOL,
            version: self.config.version.clone(),
            name: self.config.name.clone(),
            instance: self.instance,
            class: self.config.class,
            slots: self.config.slots,
            speed: self.speed,
            store_id: self.store_id.clone(),
            leases: self.queue.held(),
            join: self.config.join.clone(),
            machine: self.config.machine,
            status: self.status(),
        }
    }

    /// How the board does, and what only this agent knows of its share.
    fn status(&mut self) -> NodeStatus {
        if let Some(board) = &mut self.simulated {
            let work = self.queue.at_work().min(self.config.slots as usize) as f64;
            return board.status(std::time::Instant::now(), work / f64::from(self.config.slots));
        }
        let mut status = self.sensors.read();
        let share = status.board.as_mut().and_then(|board| board.share.as_mut());
        if let Some((share, answers)) = share.zip(self.objects.share_answers()) {
            share.silent = Some(!answers);
            if answers {
                // A directory of the same disk is no mount, and does as well.
                share.state = ShareState::Mounted;
            }
        }
        status
    }

    /// Takes the head's key. Without one the node stays, and fails whatever it is to run.
    fn believe(&self, key: Option<PublicKey>) -> Result<(), SessionEnd> {
        let Some(key) = key else { return Ok(()) };
        self.pin.check(key).map_err(SessionEnd::Fatal)?;
        self.spool.is_for(|| key.to_string());
        Ok(())
    }

    /// Waits without a head: what ends meanwhile is written down.
    async fn collect<T>(&mut self, until: impl Future<Output = T>) -> T {
        let mut until = pin!(until);
        let mut ticks = tokio::time::interval(PULSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                end = &mut until => return end,
                _ = ticks.tick() => drop(self.config.pulse.send_replace(Pulse::Away)),
                Some(reports) = self.reports.recv() => {
                    let reports = self.take(reports);
                    self.spool.keep(reports.iter());
                }
            }
        }
    }

    /// Sees to it that nothing that ended is lost with this process.
    fn save_unacknowledged(&self) {
        self.spool.keep(self.unacknowledged.values());
    }

    async fn serve(
        &mut self,
        connection: &mut Connection,
        mut shutdown: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> SessionEnd {
        let mut ticks = tokio::time::interval(self.heartbeat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let unacknowledged: Vec<_> = self.unacknowledged.values().cloned().collect();
        if let Err(error) = send_reports(connection, unacknowledged).await {
            return error.into();
        }
        loop {
            let step = tokio::select! {
                biased;
                () = &mut shutdown => return SessionEnd::Shutdown,
                message = connection.receive() => {
                    heard = Instant::now();
                    match message.map(|message| message.and_then(|it| self.obey(it))) {
                        Ok(Some(end)) => return end,
                        Ok(None) => Ok(()),
                        Err(error) => Err(error),
                    }
                }
                Some(reports) = self.reports.recv() => self.report(connection, reports).await,
                Some(cpu_us) = self.measured.1.recv() => {
                    let board = self.simulated.as_mut();
                    let cpu_us = board.map_or(cpu_us, |board| board.calibrated(cpu_us));
                    self.speed = Some(speed_of(cpu_us));
                    connection.send(&FromAgent::Calibrated { cpu_us }).await
                }
                _ = ticks.tick() => {
                    self.config.pulse.send_replace(Pulse::Connected);
                    if heard.elapsed() > SILENCE_MAX {
                        return ConnectError::Timeout(self.config.head.clone()).into();
                    }
                    self.beat(connection).await
                }
            };
            if let Err(error) = step {
                return error.into();
            }
        }
    }

    /// Does what the head says; an end if it lets go of this node.
    fn obey(&mut self, message: ToAgent) -> Option<SessionEnd> {
        match message {
            ToAgent::Leases { leases } => self.queue.grant(leases),
            ToAgent::Calibrate { work } => self.measure(*work),
            ToAgent::Revoke { leases } => {
                self.queue.revoke(&leases);
                leases.iter().for_each(|lease| self.forget(*lease));
            }
            ToAgent::Acknowledge { leases } => {
                for lease in &leases {
                    self.forget(*lease);
                    self.queue.acknowledged(*lease);
                }
            }
            ToAgent::Refused { reason, retry } => {
                return Some(SessionEnd::Refused { reason, retry });
            }
            ToAgent::ShutDown if self.simulated.is_some() => return Some(SessionEnd::Shutdown),
            ToAgent::ShutDown => self.power_off(),
            ToAgent::Welcome { .. } => tracing::warn!("the head said welcome twice"),
        }
        None
    }

    /// Has the machine shut down, if its owner has said how.
    fn power_off(&self) {
        let command = self.config.power_off.as_ref().and_then(|words| words.split_first());
        let Some((program, args)) = command else {
            tracing::warn!(
                "the head will cut this machine's power, and nothing is said that shuts it down: \
                 --power-off-command"
            );
            return;
        };
        tracing::info!(program, "the head will cut this machine's power: it shuts down");
        let mut command = std::process::Command::new(program);
        command.args(args).stdin(std::process::Stdio::null());
        match command.spawn() {
            // Waited for beside, so that it does not stay behind as a zombie.
            Ok(mut child) => drop(thread::spawn(move || child.wait())),
            Err(error) => tracing::error!(program, %error, "the machine cannot be shut down"),
        }
    }

    fn forget(&mut self, lease: LeaseId) {
        self.unacknowledged.remove(&lease);
        self.spool.forget(lease);
    }

    /// Lets guests save where they are, so that whoever is given their tasks next goes on from
    /// there.
    async fn wind_up(&self) {
        self.queue.wind_up();
        let end = Instant::now() + WIND_UP_MAX;
        while self.queue.is_at_work() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs the head's calibration job on a thread of its own.
    fn measure(&self, work: Work) {
        let (objects, program) = (self.objects.clone(), self.config.program.clone());
        let (measured, trust) = (self.measured.0.clone(), self.pin.trust());
        // The slots have the numbers below.
        let user = crate::confine::user_for(self.instance, 2 * self.config.slots);
        let measure = move || {
            let start = || {
                let trust = trust.get().ok_or(RunnerError::NoKey)?;
                RunnerProcess::start(&program, objects.store().clone(), Some(user), trust)
            };
            if let Some(cpu_us) = calibrate::measure(&objects, &work, start) {
                // One that waits already is as good.
                let _ = measured.try_send(cpu_us);
            }
        };
        if let Err(error) = spawn("calibration".into(), "the calibration", measure) {
            tracing::warn!("{}", bramble_protocol::error_chain(&error));
        }
    }

    async fn report(
        &mut self,
        connection: &mut Connection,
        mut reports: Vec<AttemptReport>,
    ) -> Result<(), ConnectError> {
        while let Ok(more) = self.reports.try_recv() {
            reports.extend(more);
        }
        let reports = self.take(reports);
        send_reports(connection, reports).await
    }

    fn take(&mut self, reports: Vec<AttemptReport>) -> Vec<AttemptReport> {
        let reports: Vec<_> = reports.into_iter().map(report::bounded).collect();
        for report in &reports {
            self.unacknowledged.insert(report.lease, report.clone());
        }
        reports
    }

    async fn beat(&mut self, connection: &mut Connection) -> Result<(), ConnectError> {
        let leases = self.queue.held().iter().map(|held| held.lease).collect();
        let status = self.status();
        let previews = self.queue.take_previews();
        connection.send(&FromAgent::Heartbeat { status, leases, previews }).await?;
        connection.ping().await
    }
}

fn jittered(wait: Duration) -> Duration {
    let thousandths = RandomState::new().build_hasher().finish() % 500;
    wait * (1_000 - thousandths as u32) / 1_000
}

async fn send_reports(
    connection: &mut Connection,
    reports: Vec<AttemptReport>,
) -> Result<(), ConnectError> {
    for message in report::messages(reports) {
        connection.send(&message).await?;
    }
    Ok(())
}

fn spawn(
    name: String,
    what: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> Result<thread::JoinHandle<()>, AgentError> {
    thread::Builder::new()
        .name(name)
        .spawn(work)
        .map_err(|source| AgentError::Thread { what, source })
}
