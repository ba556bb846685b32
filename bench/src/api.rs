//! The head's HTTP API over connections that are kept, as a program of a user would call it.

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bramble_protocol::api::{JobState, JobView, ModuleResponse, ResultView, SubmitRequest};
use bramble_protocol::{JobId, JobPolicy, JobSpec, Manifest, ModuleInfo, ObjectRef};
use bramble_store::pack::PackWriter;
use bramble_tests::cluster::Cluster;
use serde::de::DeserializeOwned;

/// Objects in one pack.
const PACK_OBJECTS: usize = 10_000;

/// One head.
pub(crate) struct Api {
    http: ureq::Agent,
    base: String,
}

impl Api {
    /// Speaks to the head of a cluster as its admin.
    pub(crate) fn new(cluster: &Cluster) -> Self {
        Self { http: cluster.http(), base: format!("{}/api/v1", cluster.url) }
    }

    /// Sends a module and learns what it is.
    pub(crate) fn send_module(&self, path: &Path) -> Result<ModuleInfo> {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let answer: ModuleResponse = self.post("/modules", &bytes)?;
        Ok(answer.module)
    }

    /// Stores objects on the head and names them in their order.
    pub(crate) fn store(&self, objects: impl Iterator<Item = Vec<u8>>) -> Result<Vec<ObjectRef>> {
        let objects: Vec<_> = objects.map(|bytes| (ObjectRef::of(&bytes), bytes)).collect();
        for objects in objects.chunks(PACK_OBJECTS) {
            let mut pack = PackWriter::new(Vec::new())?;
            for (object, bytes) in objects {
                pack.push(object, bytes)?;
            }
            let _: serde_json::Value = self.post("/objects", &pack.finish()?)?;
        }
        Ok(objects.into_iter().map(|(object, _)| object).collect())
    }

    /// Stores the list of an input's chunks, and says how a job over it is asked for: one whose
    /// results are neither taken from earlier tasks nor kept for later ones.
    pub(crate) fn job(&self, module: &ModuleInfo, chunks: &[ObjectRef]) -> Result<JobSpec> {
        let manifest = Manifest::new(chunks.to_vec(), None).encode();
        let input = self.store(std::iter::once(manifest))?[0].digest;
        Ok(JobSpec {
            name: "bench".into(),
            module: module.digest,
            input,
            params: Default::default(),
            args: Vec::new(),
            command: Default::default(),
            nodes: Default::default(),
            limits: Default::default(),
            mode: Default::default(),
            partitions: None,
            result_name: String::new(),
            secrets: None,
            clock_ms: None,
            policy: JobPolicy { cache: false, ..JobPolicy::default() },
        })
    }

    /// Submits a job, which is in the journal when this returns.
    pub(crate) fn submit(&self, spec: &JobSpec) -> Result<JobView> {
        self.post(
            "/jobs",
            &serde_json::to_vec(&SubmitRequest {
                spec: spec.clone(),
                secrets: Default::default(),
            })?,
        )
    }

    /// Follows a job to its end, which must be a good one.
    pub(crate) fn wait(&self, id: JobId) -> Result<JobView> {
        let response = self.http.get(format!("{}/jobs/{id}/events", self.base)).call()?;
        let mut last = None;
        // To its end, so that the connection can be used again.
        for line in BufReader::new(response.into_body().into_reader()).lines() {
            if let Some(data) = line?.strip_prefix("data: ") {
                last = Some(serde_json::from_str::<JobView>(data)?);
            }
        }
        let job = last.context("no event came")?;
        ensure!(job.state == JobState::Done, "job {id} is {}: {:?}", job.state.name(), job.failure);
        Ok(job)
    }

    /// What the job gave.
    pub(crate) fn result(&self, id: JobId) -> Result<ResultView> {
        let mut response = self.http.get(format!("{}/jobs/{id}/result", self.base)).call()?;
        Ok(response.body_mut().read_json()?)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T> {
        let url = format!("{}{path}", self.base);
        let kind = if path == "/jobs" { "application/json" } else { "application/octet-stream" };
        let mut response = self
            .http
            .post(&url)
            .content_type(kind)
            .send(body)
            .with_context(|| format!("sending to {url}"))?;
        Ok(response.body_mut().read_json()?)
    }
}
