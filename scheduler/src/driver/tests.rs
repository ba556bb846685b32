//! The running scheduler on a real journal, with agents that are only channels.

use std::path::Path;

use bramble_protocol::agent::{AttemptReport, FromAgent, HeldLease, Lease, ToAgent};
use bramble_protocol::api::JobState;
use bramble_protocol::{
    AttemptOutcome, Digest, JobId, Mode, ModuleInfo, NodeId, ObjectRef, TargetClass, Usage,
    error_chain,
};

use super::*;
use crate::handle::{AgentLink, CommandError};
use crate::modules::{CompileFailure, ModuleRefusal};
use crate::testing::{hello, job, map_module, sort_module};

struct Modules;

impl ModuleService for Modules {
    fn inspect(&self, _: &[u8]) -> Result<ModuleInfo, ModuleRefusal> {
        Ok(map_module())
    }

    fn compile(
        &self,
        module: &Digest,
        _: TargetClass,
        _: Mode,
    ) -> Result<ObjectRef, CompileFailure> {
        if *module == map_module().digest || *module == sort_module().digest {
            return Ok(ObjectRef::of(b"artefact"));
        }
        Err(CompileFailure { message: "no such module".into(), retry: false })
    }
}

type Ended = JoinHandle<Result<(), HeadFailure>>;

fn start(directory: &Path) -> (Handle, Ended) {
    let options = StartOptions {
        journal_path: directory.join("journal.sqlite"),
        // A test may run on any disk.
        network_filesystem_allowed: true,
        modules: Arc::new(Modules),
        config: Config::default(),
    };
    Head::start(options).unwrap()
}

async fn stop(handle: Handle, ended: Ended) {
    handle.shutdown().await;
    ended.await.unwrap().unwrap();
}

/// The next leases; acknowledgements in between are passed over.
async fn leases(link: &mut AgentLink) -> Vec<Lease> {
    loop {
        if let ToAgent::Leases { leases } = link.outbox.recv().await.unwrap() {
            return leases;
        }
    }
}

async fn succeed(link: &AgentLink, leases: &[Lease]) {
    let report = |lease: &Lease| AttemptReport {
        lease: lease.id,
        attempt: lease.attempt,
        outcome: AttemptOutcome::Succeeded { outputs: lease.work.inputs.clone() },
        usage: Usage::default(),
        log: "said\n".into(),
        enough: false,
    };
    let reports = leases.iter().map(report).collect();
    link.inbox.send(FromAgent::Reports { reports }).await.unwrap();
}

#[tokio::test]
async fn a_job_runs_to_its_result_and_those_who_watch_see_it_end() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, ended) = start(directory.path());
    let mut link = handle.connect(hello("p1", 1, 2)).await.unwrap();
    assert!(matches!(link.welcome, ToAgent::Welcome { node: NodeId(1), heartbeat_ms: 1_000, .. }));
    let submitted = handle.submit(job(&map_module(), 2)).await.unwrap();
    let mut watch = handle.watch_job(submitted.id).await.unwrap();
    assert!(matches!(
        handle.result(submitted.id).await,
        Err(CommandError::WrongState { state: JobState::Waiting | JobState::Running, .. })
    ));
    let given = leases(&mut link).await;
    succeed(&link, &given).await;
    let last = watch.wait_for(|view| view.state.is_final()).await.unwrap().clone();
    assert_eq!(last.state, JobState::Done);
    assert!(watch.changed().await.is_err(), "nothing more comes");
    assert_eq!(handle.job(submitted.id).await, Some(last.clone()));
    assert_eq!(handle.jobs().await, [last]);
    let result = handle.result(submitted.id).await.unwrap();
    assert_eq!(result.manifest.chunks, crate::testing::manifest(2).chunks);
    assert_eq!(handle.logs(submitted.id).await.unwrap().len(), 2);
    assert_eq!(handle.nodes().await[0].succeeded, 2);
    stop(handle, ended).await;
}

#[tokio::test]
async fn reports_are_acknowledged_when_they_are_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, ended) = start(directory.path());
    let mut link = handle.connect(hello("p1", 1, 1)).await.unwrap();
    let id = handle.submit(job(&map_module(), 1)).await.unwrap().id;
    let given = leases(&mut link).await;
    succeed(&link, &given).await;
    let message = link.outbox.recv().await.unwrap();
    assert_eq!(message, ToAgent::Acknowledge { leases: vec![given[0].id] });
    // No shutdown: the process is gone from one moment to the next.
    ended.abort();
    let _ = ended.await;
    drop((handle, link));
    let (handle, ended) = restart(directory.path()).await;
    assert_eq!(handle.job(id).await.unwrap().state, JobState::Done);
    stop(handle, ended).await;
}

/// Starts a head when the thread of the one before has let go of the journal.
async fn restart(directory: &Path) -> (Handle, Ended) {
    loop {
        let path = directory.join("journal.sqlite");
        match Journal::open(&path, true) {
            Ok(journal) => return start_on(journal, Arc::new(Modules), Config::default()).unwrap(),
            Err(JournalError::InUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{}", error_chain(&error)),
        }
    }
}

#[tokio::test]
async fn a_head_that_starts_again_goes_on_with_the_job() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, ended) = start(directory.path());
    let mut link = handle.connect(hello("p1", 1, 2)).await.unwrap();
    let id = handle.submit(job(&map_module(), 3)).await.unwrap().id;
    let given = leases(&mut link).await;
    stop(handle, ended).await;
    assert!(link.inbox.send(FromAgent::Goodbye).await.is_err(), "the scheduler has stopped");

    let (handle, ended) = start(directory.path());
    let mut again = hello("p1", 1, 2);
    again.leases = given.iter().map(|it| HeldLease { lease: it.id, attempt: it.attempt }).collect();
    let mut link = handle.connect(again).await.unwrap();
    succeed(&link, &given).await;
    let rest = leases(&mut link).await;
    let mut watch = handle.watch_job(id).await.unwrap();
    succeed(&link, &rest).await;
    let view = watch.wait_for(|view| view.state.is_final()).await.unwrap().clone();
    assert_eq!((view.state, view.tasks.retried), (JobState::Done, 0));
    stop(handle, ended).await;
}

#[tokio::test]
async fn requests_that_cannot_be_met_say_why() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, ended) = start(directory.path());
    let none = JobId(5);
    assert_eq!(handle.job(none).await, None);
    assert_eq!(handle.cancel(none).await, Err(CommandError::NoSuchJob(none)));
    assert_eq!(handle.result(none).await, Err(CommandError::NoSuchJob(none)));
    assert_eq!(handle.logs(none).await, Err(CommandError::NoSuchJob(none)));
    assert!(handle.watch_job(none).await.is_err());
    let refused = handle.submit(job(&map_module(), 0)).await;
    assert!(matches!(refused, Err(CommandError::Refused { .. })), "{refused:?}");
    let mut older = hello("p1", 1, 1);
    older.protocol = 0;
    assert!(!handle.connect(older).await.unwrap_err().retry);
    let canceled = handle.submit(job(&map_module(), 1)).await.unwrap().id;
    assert_eq!(handle.cancel(canceled).await.unwrap().state, JobState::Canceled);
    let late = handle.watch_job(canceled).await.unwrap();
    assert_eq!(late.borrow().state, JobState::Canceled);
    stop(handle.clone(), ended).await;
    assert_eq!(handle.cancel(canceled).await, Err(CommandError::Stopped));
}

#[tokio::test]
async fn a_module_that_is_not_compiled_fails_its_job() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, ended) = start(directory.path());
    let _link = handle.connect(hello("p1", 1, 1)).await.unwrap();
    let mut bad = job(&map_module(), 1);
    bad.module.digest = Digest::of(b"bad");
    bad.spec.module = bad.module.digest;
    let id = handle.submit(bad).await.unwrap().id;
    let mut watch = handle.watch_job(id).await.unwrap();
    let view = watch.wait_for(|view| view.state.is_final()).await.unwrap().clone();
    assert_eq!(view.state, JobState::Failed);
    assert!(view.note.unwrap().contains("no such module"));
    stop(handle, ended).await;
}

#[tokio::test]
async fn dropping_an_inbox_disconnects_its_node() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, ended) = start(directory.path());
    let link = handle.connect(hello("p1", 1, 1)).await.unwrap();
    assert!(handle.connect(hello("p1", 2, 1)).await.unwrap_err().retry);
    drop(link);
    handle.connect(hello("p1", 2, 1)).await.unwrap();
    stop(handle, ended).await;
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_the_head_and_nothing_was_promised() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.sqlite");
    let journal = Journal::open(&path, true).unwrap();
    let (handle, ended) = start_on(journal, Arc::new(Modules), Config::default()).unwrap();
    handle.submit(job(&map_module(), 1)).await.unwrap();
    stop(handle, ended).await;

    let journal = Journal::open(&path, true).unwrap();
    journal.fill_disk();
    let (handle, ended) = start_on(journal, Arc::new(Modules), Config::default()).unwrap();
    let refused = handle.submit(job(&map_module(), 5_000)).await;
    assert!(matches!(refused, Err(CommandError::Journal { .. })), "{refused:?}");
    assert!(matches!(ended.await.unwrap(), Err(HeadFailure::Journal(_))));
    drop(handle);
    let (handle, ended) = restart(directory.path()).await;
    assert_eq!(handle.jobs().await.len(), 1);
    stop(handle, ended).await;
}
