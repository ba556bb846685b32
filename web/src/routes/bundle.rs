//! A task that failed, with all that it takes to look for the fault elsewhere, as one tar file.

use std::fs::File;
use std::io::{self, Write};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use bramble_protocol::api::{FailureView, JobView, LogEntry};
use bramble_protocol::{JobId, ObjectRef, PhaseKind, ProblemKind, SecretAccess, error_chain};
use bramble_scheduler::CommandError;
use bramble_scheduler::core::FailedTask;
use bramble_store::Store;
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::sync::mpsc;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::routes::job_id;
use crate::state::{Head, blocking};
use crate::stored::unreadable;

/// Pieces that may wait for a slow client.
const PIECES_MAX: usize = 4;

/// All that goes into one bundle.
struct Bundle {
    job: JobView,
    failure: FailureView,
    task: FailedTask,
    log: Vec<LogEntry>,
}

/// `GET /jobs/{id}/tasks/{index}/bundle`: a tar file about a task that failed for good.
pub(crate) async fn send(
    State(head): State<Head>,
    asker: Asker,
    Path((job, index)): Path<(String, String)>,
) -> ApiResult<impl IntoResponse> {
    let id = job_id(&job)?;
    head.visible(&asker, id).await?;
    let index: u32 = index.parse().map_err(|_| {
        let shown: String = index.chars().take(80).collect();
        ApiError::bad_request(format!("`{shown}` is not the number of a task"))
    })?;
    let bundle = bundle(&head, id, index).await?;
    let download = head.downloads.take().await;
    let store = head.store.clone();
    let (files, bundle) = blocking(move || Ok((bundle.files(&store)?, bundle))).await?;
    let (pieces, body) = mpsc::channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || {
        let _held = download;
        if let Err(error) = bundle.write(files, Pipe(pieces)) {
            // Too late for a problem: the client sees that the file is not whole.
            let error = error_chain(&error);
            tracing::warn!(job = %id, error, "bundle of task {id}/{index} was not sent: {error}");
        }
    });
    let body = stream::unfold(body, |mut body| async { body.recv().await.map(|it| (it, body)) });
    let name = format!("attachment; filename=\"job-{id}-task-{index}.tar\"");
    let described = [
        (CONTENT_TYPE, "application/x-tar".to_owned()),
        (CONTENT_DISPOSITION, name),
        (CONTENT_SECURITY_POLICY, "sandbox".into()),
    ];
    Ok((described, Body::from_stream(body)))
}

async fn bundle(head: &Head, id: JobId, index: u32) -> ApiResult<Bundle> {
    let found = head.handle.look(move |core| (core.job(id), core.failed_task(id, index))).await?;
    let (job, task) = match found {
        (None, _) => return Err(CommandError::NoSuchJob(id).into()),
        (Some(job), task) => (job, task),
    };
    let mut failures = job.failures.iter().chain(&job.failure);
    let failure = failures.find(|failure| failure.task.index == index).cloned();
    let (Some(task), Some(failure)) = (task, failure) else {
        let title = format!("task {index} of job {id} is not among its failures");
        return Err(ApiError::new(ProblemKind::WrongState, title)
            .help(format!("`bramble jobs {id}` shows what failed")));
    };
    let mut log = head.handle.logs(id).await?;
    log.retain(|entry| entry.task.index == index);
    Ok(Bundle { job, failure, task, log })
}

/// A stored object under the name that it has in the bundle.
struct Entry {
    name: String,
    size: u64,
    file: File,
}

impl Bundle {
    /// Opens and verifies all that is stored. Blocks.
    fn files(&self, store: &Store) -> ApiResult<Vec<Entry>> {
        let module = self.job.spec.module;
        let size = store.size_of(&module).map_err(ApiError::fault)?;
        let size = size.ok_or_else(|| crate::stored::no_such_object(&module))?;
        let mut objects = vec![("module.wasm".to_owned(), ObjectRef { digest: module, size })];
        let inputs = self.task.inputs.iter().enumerate();
        objects.extend(inputs.map(|(number, part)| (format!("input/{number:03}"), *part)));
        objects.extend(self.task.ranges.map(|ranges| ("ranges".to_owned(), ranges)));
        let open = |(name, object): (String, ObjectRef)| {
            let file = store.open_verified(&object).map_err(|error| unreadable(store, error))?;
            Ok(Entry { name, size: object.size, file })
        };
        objects.into_iter().map(open).collect()
    }

    /// Writes the file. Blocks.
    fn write(&self, files: Vec<Entry>, to: Pipe) -> io::Result<()> {
        let buffered = io::BufWriter::with_capacity(limits::PIECE_BYTES, to);
        let mut tar = tar::Builder::new(buffered);
        let seconds = self.job.submitted_at_ms / 1000;
        let root = format!("job-{}-task-{}", self.job.id, self.task.index);
        let job = serde_json::to_vec_pretty(&self.description()).map_err(io::Error::other)?;
        let texts = [
            ("README.txt", self.readme().into_bytes()),
            ("job.json", job),
            ("log.txt", self.log_text().into_bytes()),
        ];
        for (name, text) in texts {
            let mut header = header(text.len() as u64, seconds);
            tar.append_data(&mut header, format!("{root}/{name}"), text.as_slice())?;
        }
        for Entry { name, size, file } in files {
            let mut header = header(size, seconds);
            tar.append_data(&mut header, format!("{root}/{name}"), file)?;
        }
        tar.into_inner()?.flush()
    }

    fn description(&self) -> serde_json::Value {
        json!({
            "schema": "bramble.bundle/1",
            "job": self.job.id,
            "spec": self.job.spec,
            "task": self.task,
            "failure": self.failure,
        })
    }

    fn log_text(&self) -> String {
        let mut text = String::new();
        for entry in &self.log {
            let error = entry.error.as_deref().unwrap_or("no error");
            let (number, node) = (entry.attempt, &entry.node);
            text.push_str(&format!("== attempt {number} on {node}: {} ==\n", entry.outcome));
            text.push_str(&format!("{error}\n{}\n", entry.text));
        }
        if text.is_empty() { "nothing was logged\n".into() } else { text }
    }

    fn readme(&self) -> String {
        let (job, index, spec) = (self.job.id, self.task.index, &self.job.spec);
        let Self { failure, task, .. } = self;
        let mut text = format!(
            "Task {index} of job {job} failed for good, after {} attempts:\n\n  {}\n\n\
             module.wasm  the module as it was sent\n\
             input/       what the task reads, in order\n\
             job.json     the job, the task's place in it, its limits, and how it failed\n\
             log.txt      what each attempt logged\n\n",
            failure.attempts,
            failure.message(),
        );
        if failure.phase != PhaseKind::Map {
            text.push_str(&format!(
                "It is a {}: its parts are in input/. Tests of single merges are not made from\n\
                 the command line; see docs/jobs.md on how to test one in the module's language.\n",
                failure.phase
            ));
            return text;
        }
        let bytes = task.inputs.iter().map(|part| part.size).sum::<u64>().max(1);
        let mut words = format!("bramble test module.wasm --input input/000 --chunk-size {bytes}");
        for (name, value) in &spec.params {
            words.push_str(&format!(" --arg {}", quoted(&format!("{name}={value}"))));
        }
        for (name, access) in spec.secrets.iter().flat_map(|secrets| &secrets.given) {
            // Their values are nowhere.
            let flag = if *access == SecretAccess::Sealed { "sealed" } else { "secret" };
            words.push_str(&format!(" --{flag} {}", quoted(&format!("{name}=@FILE"))));
        }
        words.push_str(&format!(" --memory {}", spec.limits.memory_bytes_max));
        words.push_str(&format!(" --cpu-time {}ms", spec.limits.cpu_ms_max));
        if spec.mode == bramble_protocol::Mode::Verify {
            words.push_str(" --verify");
        }
        if !task.args.is_empty() {
            let args: Vec<String> = task.args.iter().map(|arg| quoted(arg)).collect();
            words.push_str(&format!(" -- {}", args.join(" ")));
        }
        text.push_str(&format!("To run it on this computer, without a cluster:\n\n  {words}\n"));
        text
    }
}

/// An argument as a shell reads it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn header(size: u64, seconds: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(seconds);
    header
}

/// Where a thread that may block writes what a client reads.
struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
