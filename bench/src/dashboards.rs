//! What people who look cost: pages that follow the cluster while it works, and making a page.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bramble_protocol::JobSpec;
use bramble_tests::cluster::{Cluster, job};

use crate::api::Api;
use crate::process::{cpu_alone, resident_kib};
use crate::report::median;

/// Pages that are open at a time.
const PAGES: usize = 30;
/// Agents, each of one slot.
const NODES: usize = 2;
/// Pages that are asked for to see how long they take.
const ASKED: usize = 100;

/// One job, with or without pages that follow it.
struct Run {
    wall: Duration,
    head: Duration,
}

/// Jobs of `tasks` empty tasks with and without [`PAGES`] open pages, in turn; then the time to make
/// the page of such a job.
pub(crate) fn run(runs: usize, tasks: usize) -> Result<()> {
    println!("{PAGES} pages that follow the cluster and a job of {tasks} empty tasks");
    let cluster = Cluster::start(NODES);
    let api = Api::new(&cluster);
    let module = api.send_module(&job("noop"))?;
    let chunks = api.store((0..tasks).map(|number| format!("{number:07}\n").into_bytes()))?;
    let spec = api.job(&module, &chunks)?;
    measure(&cluster, &api, &spec, 0)?;
    let memory = || resident_kib(cluster.head_process()).context("the head lives");
    let before = memory()?;
    let (mut alone, mut watched, mut bytes, mut most) = (Vec::new(), Vec::new(), 0, before);
    for _ in 0..runs.max(1) {
        alone.push(measure(&cluster, &api, &spec, 0)?.0);
        let (run, received, held) = measure(&cluster, &api, &spec, PAGES)?;
        watched.push(run);
        bytes += received;
        most = most.max(held);
        // In the other order as well, so that what drifts is in both.
        watched.push(measure(&cluster, &api, &spec, PAGES)?.0);
        alone.push(measure(&cluster, &api, &spec, 0)?.0);
    }
    let of = |runs: &[Run], what: fn(&Run) -> Duration| {
        median(runs.iter().map(what).collect()).as_secs_f64()
    };
    let (slow, fast) = (of(&watched, |run| run.wall), of(&alone, |run| run.wall));
    println!(
        "  tasks/s: {:.0} alone, {:.0} with pages: {:.3}x",
        tasks as f64 / fast,
        tasks as f64 / slow,
        fast / slow
    );
    let (busy, idle) = (of(&watched, |run| run.head), of(&alone, |run| run.head));
    println!("  processor time of the head: {idle:.3} s alone, {busy:.3} s with pages");
    println!("  memory of the head: {before} KiB before, {most} KiB at most with pages");
    println!(
        "  {:.0} KiB came for each page",
        bytes as f64 / 1024.0 / (PAGES * runs.max(1)) as f64
    );
    pages(&cluster, tasks)
}

/// How long pages take, beside an answer that says nothing.
fn pages(cluster: &Cluster, tasks: usize) -> Result<()> {
    let http = cluster.http();
    let ask = |path: &str| -> Result<Duration> {
        let begun = Instant::now();
        let mut answer = http.get(format!("{}{path}", cluster.url)).call()?;
        answer.body_mut().read_to_vec()?;
        Ok(begun.elapsed())
    };
    let times = |path: &str| (0..ASKED).map(|_| ask(path)).collect::<Result<Vec<_>>>();
    times("/healthz")?;
    let nothing = median(times("/healthz")?);
    for path in ["/j/1", "/", "/j"] {
        let mut all = times(path)?;
        all.sort_unstable();
        let late = all[all.len() * 95 / 100];
        println!(
            "  {path:<5} {:>7.2} ms (p95 {:.2} ms), {:.1}x an empty answer ({tasks} tasks in a job)",
            median(all).as_secs_f64() * 1e3,
            late.as_secs_f64() * 1e3,
            median(times(path)?).as_secs_f64() / nothing.as_secs_f64(),
        );
    }
    Ok(())
}

/// Runs a job while pages are open; says also how many bytes came for them, and what the head held
/// with them.
fn measure(cluster: &Cluster, api: &Api, spec: &JobSpec, pages: usize) -> Result<(Run, u64, u64)> {
    let head = cluster.head_process();
    let before = cpu_alone(head)?;
    let begun = Instant::now();
    let job = api.submit(spec)?;
    let pages = Pages::open(cluster, pages, &format!("cluster.mine.job-{}", job.id));
    api.wait(job.id)?;
    let wall = begun.elapsed();
    let run = Run { wall, head: cpu_alone(head)?.saturating_sub(before) };
    let held = resident_kib(head).context("the head lives")?;
    Ok((run, pages.close(), held))
}

/// Pages that are open: their streams are read as they come.
struct Pages {
    closed: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
    readers: Vec<JoinHandle<()>>,
}

impl Pages {
    fn open(cluster: &Cluster, count: usize, topics: &str) -> Self {
        let (closed, received) = (Arc::default(), Arc::default());
        let reader = |_| {
            let (closed, received): (Arc<AtomicBool>, Arc<AtomicU64>) =
                (Arc::clone(&closed), Arc::clone(&received));
            let (http, url) = (cluster.http(), format!("{}/live?topics={topics}", cluster.url));
            std::thread::spawn(move || {
                let Ok(answer) = http.get(url).call() else { return };
                let (mut stream, mut buffer) = (answer.into_body().into_reader(), [0; 16 << 10]);
                while !closed.load(Ordering::Relaxed) {
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => return,
                        Ok(length) => received.fetch_add(length as u64, Ordering::Relaxed),
                    };
                }
            })
        };
        let readers = (0..count).map(reader).collect();
        Self { closed, received, readers }
    }

    /// Closes them; each has something to read within a few seconds.
    fn close(self) -> u64 {
        self.closed.store(true, Ordering::Relaxed);
        for reader in self.readers {
            // What it was about is measured; a reader that failed has read less.
            let _ = reader.join();
        }
        self.received.load(Ordering::Relaxed)
    }
}
