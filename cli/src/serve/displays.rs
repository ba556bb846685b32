//! Displays beside the head: a thread that shows on them how things are.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bramble_accounts::Accounts;
use bramble_displays::snmp::Snapshot;
use bramble_displays::{Config, Displays, JobCounts, NodeCounts, PACE, RunningJob, Shown};
use bramble_protocol::api::{HeadView, JobState, JobView, NodeView};
use bramble_protocol::ease::EaseLevel;
use bramble_protocol::power::PowerStage;
use bramble_protocol::{NodeState, error_chain};
use bramble_scheduler::Handle;

use crate::commands::now_ms;
use crate::error::{CliError, CliResult, Slug};
use crate::paths;

/// How often it is looked what there is to show.
const LOOK: Duration = Duration::from_secs(1);

/// Displays that are at work.
pub(super) struct Running {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Has them say that the head does not run any more.
    pub(super) fn end(self) {
        self.ends.store(true, Ordering::Relaxed);
        // What it could not say does not matter now.
        let _ = self.thread.join();
    }
}

/// Begins to show on the displays of a file.
///
/// # Errors
/// When the file is none, or no thread can be started. A display that does not answer is no error:
/// it is told once, and tried again.
pub(super) fn start(
    handle: &Handle,
    accounts: &Accounts,
    addresses: Vec<String>,
    file: &Path,
) -> CliResult<Running> {
    let config = Config::read(file).map_err(|error| {
        let what = format!("the displays in {} cannot be used", paths::shown(file));
        CliError::new(Slug::DataUnusable, what)
            .why(error_chain(&error))
            .help("docs/displays.md has an example for each driver")
    })?;
    let ends = Arc::new(AtomicBool::new(false));
    let work = Work {
        displays: Displays::new(Path::new("/"), &config),
        handle: handle.clone(),
        accounts: accounts.clone(),
        addresses,
        runtime: tokio::runtime::Handle::current(),
        ends: Arc::clone(&ends),
    };
    let thread = thread::Builder::new().name("displays".into()).spawn(move || work.run());
    let thread = thread
        .map_err(|error| CliError::new(Slug::Local, "cannot start a thread").because(&error))?;
    Ok(Running { ends, thread })
}

struct Work {
    displays: Displays,
    handle: Handle,
    accounts: Accounts,
    addresses: Vec<String>,
    runtime: tokio::runtime::Handle,
    ends: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self) {
        let begun = Instant::now();
        let mut shown = self.look();
        let mut looked = begun;
        while !self.ends.load(Ordering::Relaxed) {
            if looked.elapsed() >= LOOK {
                (shown, looked) = (self.look(), Instant::now());
            }
            for notice in self.displays.show(&shown, begun.elapsed()) {
                tracing::warn!("{notice}");
            }
            thread::sleep(PACE);
        }
        self.displays.off();
    }

    fn look(&self) -> Shown {
        let looked = self.handle.look(|core| {
            let running = core.jobs_where(|state, _| state == JobState::Running, 0, 1);
            let waiting = core.jobs_where(|state, _| state == JobState::Waiting, 0, 0).1;
            (core.nodes(), running, waiting)
        });
        // A scheduler that has stopped has nothing to show.
        let Ok((nodes, (first, running), waiting)) = self.runtime.block_on(looked) else {
            return Shown::default();
        };
        let jobs = JobCounts { running: running as u32, waiting: waiting as u32 };
        let shown = shown(&nodes, jobs, first.first());
        let now_ms = now_ms();
        let classes = self.accounts.classes(|_| true, now_ms);
        let class_code = classes.into_iter().find_map(|class| class.code);
        Shown { addresses: self.addresses.clone(), class_code, ..shown }
    }
}

/// What nodes and jobs come to.
fn shown(nodes: &[NodeView], jobs: JobCounts, first: Option<&JobView>) -> Shown {
    let is_here = |node: &&NodeView| node.state != NodeState::Lost;
    let is_off = |node: &NodeView| node.power.as_ref().is_some_and(|it| it.stage != PowerStage::On);
    let rests = |node: &NodeView| node.ease.is_some_and(|it| it.level == EaseLevel::Rest);
    let here = nodes.iter().filter(is_here);
    let head = HeadView {
        schema: String::new(),
        version: String::new(),
        process_id: 0,
        nodes_connected: 0,
        slots: 0,
    };
    let snapshot = Snapshot::of(&head, nodes);
    Shown {
        nodes: NodeCounts {
            here: here.clone().count() as u32,
            all: nodes.len() as u32,
            hot: here.clone().filter(|node| rests(node)).count() as u32,
            lost: nodes.iter().filter(|node| !is_here(node) && !is_off(node)).count() as u32,
        },
        hottest_millicelsius: here.filter_map(|node| node.status.temperature_millicelsius).max(),
        jobs,
        running: first.map(|job| RunningJob {
            name: job.spec.name.clone(),
            done_permille: (u64::from(job.tasks.succeeded) * 1000
                / u64::from(job.tasks.total.max(1))) as u32,
        }),
        alarm: snapshot.alarm,
        power: snapshot.power,
        ..Shown::default()
    }
}
