//! The scheduler's core by itself: no process, no journal, nothing but `apply`.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bramble_protocol::agent::{AttemptReport, FromAgent, Lease, ToAgent};
use bramble_protocol::{AttemptOutcome, NodeStatus, ObjectRef, Usage};
use bramble_scheduler::core::{
    Action, Config, ConnectionId, Event, RequestToken, Scheduler, Timestamp,
};
use bramble_scheduler::testing::{hello, job, map_module};

/// Slots of each node.
const SLOTS: u32 = 4;
/// What a task is said to take, in microseconds: so long that nodes are given few in advance.
const TASK_US: u64 = 1_000_000;

/// A core with nodes that do at once whatever they are asked.
struct Cluster {
    core: Scheduler,
    now: Timestamp,
    /// Leases that were given and not reported, by connection.
    held: Vec<VecDeque<Lease>>,
    output: ObjectRef,
    events: u64,
    spent: Duration,
}

/// Runs jobs of all `sizes` on clusters of 100, 1,000 and 10,000 nodes.
pub(crate) fn run(sizes: &[u32]) -> Result<()> {
    println!(
        "the core alone: nodes of {SLOTS} slots; each task is reported in an event of its own"
    );
    println!(
        "  {:>7} {:>8}  {:>10} {:>9} {:>9}  {:>12}",
        "nodes", "tasks", "events/s", "us/event", "us/beat", "us/tick"
    );
    for nodes in [100, 1_000, 10_000] {
        for &tasks in sizes {
            let mut cluster = Cluster::new(nodes);
            let beat = cluster.beat()?;
            let tick = cluster.tick();
            let (events, spent) = cluster.run(tasks)?;
            println!(
                "  {nodes:>7} {tasks:>8}  {:>10.0} {:>9.2} {:>9.2}  {:>12.1}",
                events as f64 / spent.as_secs_f64(),
                spent.as_secs_f64() * 1e6 / events as f64,
                beat.as_secs_f64() * 1e6,
                tick.as_secs_f64() * 1e6,
            );
        }
    }
    Ok(())
}

impl Cluster {
    fn new(nodes: u32) -> Self {
        let config = Config { agents_max: 20_000, nodes_max: 20_000, ..Config::default() };
        let mut cluster = Self {
            core: Scheduler::new(config),
            now: Timestamp(1_000_000),
            held: (0..nodes).map(|_| VecDeque::new()).collect(),
            output: ObjectRef::of(b""),
            events: 0,
            spent: Duration::ZERO,
        };
        let _ = cluster.core.start(cluster.now);
        for node in 0..nodes {
            let mut hello = hello(&format!("node-{node}"), node.into(), SLOTS);
            // From a small board to four times as fast.
            hello.speed = Some(500 + node % 16 * 100);
            let connection = ConnectionId(node.into());
            cluster.apply(Event::AgentConnected { connection, hello: Box::new(hello) });
        }
        cluster
    }

    /// Applies an event and all that follows at once; only the core's own time is counted.
    fn apply(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let begun = own_time();
            let actions = self.core.apply(self.now, event);
            self.spent += own_time().saturating_sub(begun);
            self.events += 1;
            for action in actions {
                match action {
                    Action::Send { connection, message: ToAgent::Leases { leases } } => {
                        self.held[connection.0 as usize].extend(leases);
                    }
                    Action::Compile { module, class, mode } => {
                        let artefact = ObjectRef::of(b"artefact");
                        events.push_back(Event::Compiled { module, class, mode, artefact });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Time of one heartbeat.
    fn beat(&mut self) -> Result<Duration> {
        self.spent = Duration::ZERO;
        let count = self.held.len();
        for node in 0..count {
            let message = FromAgent::Heartbeat {
                status: NodeStatus::default(),
                leases: Vec::new(),
                previews: Vec::new(),
            };
            self.apply(Event::AgentMessage { connection: ConnectionId(node as u64), message });
        }
        Ok(self.spent / u32::try_from(count).context("nodes are few")?)
    }

    /// Time of one tick, when nothing is due.
    fn tick(&mut self) -> Duration {
        self.spent = Duration::ZERO;
        (0..10).for_each(|_| self.apply(Event::Tick));
        self.spent / 10
    }

    /// Runs a job of `tasks` tasks; the number of events and the time they took.
    fn run(&mut self, tasks: u32) -> Result<(u64, Duration)> {
        let job = Box::new(job(&map_module(), tasks));
        self.apply(Event::Submit { token: RequestToken(1), job });
        (self.events, self.spent) = (0, Duration::ZERO);
        let mut done = 0;
        while done < tasks {
            let before = done;
            self.now = self.now.plus_ms(1);
            for node in 0..self.held.len() {
                let Some(lease) = self.held[node].pop_front() else { continue };
                done += 1;
                let message = FromAgent::Reports { reports: vec![self.report(&lease)] };
                self.apply(Event::AgentMessage { connection: ConnectionId(node as u64), message });
            }
            ensure!(done > before, "{done} of {tasks} tasks were given out, and no more");
        }
        ensure!(self.core.open_jobs() == 0, "the job has not ended");
        Ok((self.events, self.spent))
    }

    fn report(&self, lease: &Lease) -> AttemptReport {
        AttemptReport {
            lease: lease.id,
            attempt: lease.attempt,
            outcome: AttemptOutcome::Succeeded { outputs: vec![self.output] },
            usage: Usage { wall_us: TASK_US, cpu_us: TASK_US, ..Usage::default() },
            log: String::new(),
            enough: false,
        }
    }
}

/// Processor time of this thread: what else the machine does is not the core's.
fn own_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}
