//! How long a head takes to read its journal, by what it holds and by what it once held.

use std::time::Instant;

use anyhow::{Result, ensure};
use bramble_protocol::api::JobState;
use bramble_protocol::{AttemptId, JobId, NodeId, ObjectRef, TargetClass, TaskId, Usage};
use bramble_scheduler::core::{Config, Record, Scheduler, Submitted};
use bramble_scheduler::journal::{Group, Journal};
use bramble_scheduler::testing::{job, map_module};

/// Tasks of each job.
const TASKS: u32 = 100_000;
/// Records written at a time.
const GROUP: usize = 20_000;

/// `jobs` jobs of 100,000 tasks each, all but the last task of each done: as they are, and after
/// they were cancelled.
pub(crate) fn run(jobs: u64) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("journal.sqlite");
    let mut journal = Journal::open(&path, true)?;
    let node = NodeId(1);
    let known = Record::NodeKnown { node, name: "p1".into(), class: TargetClass::X86_64 };
    write(&mut journal, vec![Record::HeadStarted { epoch: 1 }, known])?;
    let start = Instant::now();
    for number in 1..=jobs {
        write(&mut journal, vec![submitted(JobId(number))])?;
        let tasks: Vec<Record> = (0..TASKS - 1).map(|index| success(number, index)).collect();
        for group in tasks.chunks(GROUP) {
            write(&mut journal, group.to_vec())?;
        }
    }
    let events = jobs * u64::from(TASKS);
    let each = start.elapsed().as_secs_f64() * 1e6 / events as f64;
    println!("{events} task events in jobs that have not ended: written in {each:.1} us each");
    drop(journal);
    let open = read(&path)?;
    ensure!(open.open_jobs() as u64 == jobs, "jobs are missing");

    let mut journal = Journal::open(&path, true)?;
    let mut core = journal.restore(Config::default())?.scheduler;
    let now = bramble_scheduler::core::Timestamp(2_000);
    write(&mut journal, vec![core.start(now)])?;
    for number in 1..=jobs {
        let token = bramble_scheduler::core::RequestToken(0);
        let cancel = bramble_scheduler::core::Event::Cancel { token, job: JobId(number) };
        let records = core.apply(now, cancel).into_iter().filter_map(|action| match action {
            bramble_scheduler::core::Action::Append(record) => Some(record),
            _ => None,
        });
        write(&mut journal, records.collect())?;
    }
    drop(journal);
    println!("the same when the jobs have ended:");
    let ended = read(&path)?;
    ensure!(ended.job_state(JobId(1)) == Some(JobState::Canceled), "a job is missing");
    Ok(())
}

fn write(journal: &mut Journal, records: Vec<Record>) -> Result<()> {
    let records = records.into_iter().map(|record| (1_000, record)).collect();
    Ok(journal.append(&Group { records, logs: Vec::new() })?)
}

fn read(path: &std::path::Path) -> Result<Scheduler> {
    let bytes = std::fs::metadata(path)?.len() >> 20;
    let plain = Instant::now();
    let digest = bramble_protocol::Digest::of(&std::fs::read(path)?);
    let plain = plain.elapsed();
    let start = Instant::now();
    let core = Journal::open(path, true)?.restore(Config::default())?.scheduler;
    let took = start.elapsed();
    let ratio = took.as_secs_f64() / plain.as_secs_f64().max(1e-6);
    println!(
        "  file of {bytes} MiB: {:.2} s to start from, {ratio:.0}x reading and hashing it ({})",
        took.as_secs_f64(),
        digest.short()
    );
    Ok(core)
}

fn submitted(id: JobId) -> Record {
    let new = job(&map_module(), TASKS);
    let mut spec = new.spec;
    // Each does other work, so that none finds what another has done.
    spec.params.insert("job".into(), id.to_string());
    Record::JobSubmitted(Box::new(Submitted {
        job: id,
        at_ms: 1_000,
        spec,
        module: new.module,
        chunks: new.manifest.chunks,
        sample: None,
        partitions: 1,
        owns_input: true,
        epoch: 1,
    }))
}

fn success(job: u64, index: u32) -> Record {
    let task = TaskId { job: JobId(job), index };
    Record::TaskSucceeded {
        attempt: AttemptId { task, number: 1 },
        node: NodeId(1),
        leased_at_ms: 1_000,
        at_ms: 1_001,
        outputs: vec![ObjectRef::of(&index.to_le_bytes())],
        usage: Usage { wall_us: 900, cpu_us: 800, bytes_in: 1_000, ..Usage::default() },
        enough: false,
    }
}
