//! The head's HTTP API, as the commands use it.
//!
//! Every call ends: connecting has a limit, and so has each wait for the next bytes. Every body
//! that is read has a limit, too.

mod events;
mod known;
mod nodes;
mod pack;
mod people;
mod shown;
mod transport;

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use bramble_protocol::account::Hidden;
use bramble_protocol::api::{
    HeadView, JobList, JobView, LogEntry, LogList, MissingRequest, MissingResponse, ModuleResponse,
    NodeList, NodeView, ResultView, SecretsRequest, StoredResponse, SubmitRequest,
};
use bramble_protocol::explain::{Explanation, QueueView};
use bramble_protocol::gc::{GcRequest, GcView};
use bramble_protocol::order::DrainRequest;
use bramble_protocol::power::PowerList;
use bramble_protocol::report::{ReportBy, ReportView};
use bramble_protocol::user::UserList;
use bramble_protocol::{Digest, JobId, JobSpec, ModuleInfo, ObjectRef, Order, Problem, Secrets};
use bramble_tls::Fingerprint;
use serde::de::DeserializeOwned;
use ureq::http::header::AUTHORIZATION;
use ureq::http::{HeaderValue, Request, Response, Uri};
use ureq::middleware::MiddlewareNext;
use ureq::{Agent, Body, RequestBuilder, SendBody};

pub(crate) use events::{Followed, Follower};

use crate::credentials;
use crate::error::{CliError, CliResult, Slug, slug_of_problem};

/// How long a connection may take to be made.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long the head may be silent within a call. Inspecting a large module takes seconds.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(60);
/// The largest JSON answer that is read, in bytes: a manifest of 100 000 chunks fits.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// The largest error answer that is read, in bytes.
const PROBLEM_BYTES_MAX: u64 = 1 << 20;

/// One head.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
    url: String,
    first_met: Option<Fingerprint>,
}

impl Client {
    /// Speaks to the head at `url`, such as `http://127.0.0.1:8420`, by this user's token for it if
    /// he has one. Opens nothing yet, unless it is the first time that this head is spoken to over
    /// TLS.
    ///
    /// # Errors
    /// When `url` is not an address that can be spoken to, the token cannot be read, or a
    /// head that is met for the first time does not answer.
    pub(crate) fn new(url: &str) -> CliResult<Self> {
        let url = checked_url(url)?;
        let token = credentials::token_for(&url)?;
        Self::with_token(url, token)
    }

    /// The same by the admin's token in a head's data directory.
    ///
    /// # Errors
    /// When `url` is not an address that can be spoken to, or the token cannot be read.
    pub(crate) fn of_own_head(url: &str, dir: &Path) -> CliResult<Self> {
        Self::with_token(checked_url(url)?, credentials::admin_token(dir)?)
    }

    /// Speaks to the head at `url`, which is checked, by `token`.
    ///
    /// # Errors
    /// When a head that is met for the first time does not answer.
    pub(crate) fn with_token(url: String, token: Option<Hidden>) -> CliResult<Self> {
        let sign = move |mut request: Request<SendBody<'_>>, next: MiddlewareNext<'_>| {
            let value = token.as_ref().map(|token| format!("Bearer {}", token.expose()));
            if let Some(Ok(mut value)) = value.map(|value| HeaderValue::from_str(&value)) {
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            next.handle(request)
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // The cluster is on this network: a proxy for the internet cannot reach it.
            .proxy(None)
            .max_redirects(0)
            // The head closes idle connections after 10 s; one that it is about to close is of no use.
            .max_idle_age(Duration::from_secs(4))
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_per_read(Some(SILENCE_TIME_MAX))
            .timeout_per_write(Some(SILENCE_TIME_MAX))
            .user_agent(concat!("bramble/", env!("CARGO_PKG_VERSION")))
            .middleware(sign)
            .build();
        let (agent, first_met) = transport::agent(&url, config)?;
        Ok(Self { agent, url, first_met })
    }

    /// The key of the head, if this is the first time that it was spoken to over TLS.
    pub(crate) const fn first_met(&self) -> Option<Fingerprint> {
        self.first_met
    }

    /// The head's address, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn path(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }

    /// Who answers.
    ///
    /// # Errors
    /// When nobody does, or something that is no head.
    pub(crate) fn head(&self) -> CliResult<HeadView> {
        self.get("")
    }

    /// Sends a module and learns what it is.
    ///
    /// # Errors
    /// When the head refuses it, or cannot be reached.
    pub(crate) fn send_module(&self, module: &[u8]) -> CliResult<ModuleInfo> {
        let request = self.agent.post(self.path("/modules")).content_type("application/wasm");
        let answer: ModuleResponse = self.read(self.sent(request.send(module))?)?;
        Ok(answer.module)
    }

    /// Which of `digests` the head lacks.
    ///
    /// # Errors
    /// When the head cannot be reached.
    pub(crate) fn missing(&self, digests: &[Digest]) -> CliResult<Vec<Digest>> {
        let mut missing = Vec::new();
        for digests in digests.chunks(MissingRequest::DIGESTS_MAX) {
            let request = MissingRequest { digests: digests.to_vec() };
            let answer: MissingResponse = self.post("/objects/missing", &request)?;
            missing.extend(answer.missing);
        }
        Ok(missing)
    }

    /// Sends objects in one pack. They are durable on the head when this returns.
    ///
    /// # Errors
    /// When the head cannot be reached, or cannot store them.
    pub(crate) fn send_objects(
        &self,
        objects: &[(ObjectRef, &[u8])],
        moved: &mut dyn FnMut(u64),
    ) -> CliResult<()> {
        let mut reader = pack::PackReader::new(objects, moved);
        let length = reader.length();
        let request = self
            .agent
            .post(self.path("/objects"))
            .content_type("application/octet-stream")
            .header("content-length", length.to_string());
        let answer = self.sent(request.send(SendBody::from_reader(&mut reader)))?;
        let stored: StoredResponse = self.read(answer)?;
        if stored.objects != objects.len() as u64 {
            return Err(self.nonsense(&format!(
                "it stored {} of {} objects",
                stored.objects,
                objects.len()
            )));
        }
        Ok(())
    }

    /// Queues a job. It is journalled when this returns.
    ///
    /// # Errors
    /// When the head refuses it, or cannot be reached.
    pub(crate) fn submit(&self, spec: JobSpec, secrets: Secrets) -> CliResult<JobView> {
        self.post("/jobs", &SubmitRequest { spec, secrets })
    }

    /// All jobs, newest first.
    ///
    /// # Errors
    /// When the head cannot be reached.
    pub(crate) fn jobs(&self) -> CliResult<Vec<JobView>> {
        Ok(self.get::<JobList>("/jobs")?.jobs)
    }

    /// One job.
    ///
    /// # Errors
    /// When there is none of that number, or the head cannot be reached.
    pub(crate) fn job(&self, id: JobId) -> CliResult<JobView> {
        self.get(&format!("/jobs/{id}"))
    }

    /// Stops a job.
    ///
    /// # Errors
    /// When there is none of that number, it has ended, or the head cannot be reached.
    pub(crate) fn cancel(&self, id: JobId) -> CliResult<JobView> {
        let request = self.agent.post(self.path(&format!("/jobs/{id}/cancel")));
        self.read(self.sent(request.send_empty())?)
    }

    /// Tries a job again that failed or was cancelled. The new job is journalled when this returns.
    ///
    /// # Errors
    /// When there is none of that number, there is nothing to try again, or the head cannot be
    /// reached.
    pub(crate) fn retry(&self, id: JobId, secrets: Secrets) -> CliResult<JobView> {
        let path = format!("/jobs/{id}/retry");
        if !secrets.is_empty() {
            return self.post(&path, &SecretsRequest { secrets });
        }
        let request = self.agent.post(self.path(&path));
        self.read(self.sent(request.send_empty())?)
    }

    /// Gives a job its secrets that the head does not have any more.
    ///
    /// # Errors
    /// When there is none of that number, these are not its secrets, or the head cannot be
    /// reached.
    pub(crate) fn give_secrets(&self, id: JobId, secrets: Secrets) -> CliResult<JobView> {
        self.post(&format!("/jobs/{id}/secrets"), &SecretsRequest { secrets })
    }

    /// Has the head remove what nobody needs, or say what would go.
    ///
    /// # Errors
    /// When it cannot do so now, or cannot be reached.
    pub(crate) fn gc(&self, dry_run: bool) -> CliResult<GcView> {
        self.post("/gc", &GcRequest { dry_run })
    }

    /// What a job's result consists of.
    ///
    /// # Errors
    /// When it has none, or the head cannot be reached.
    pub(crate) fn result(&self, id: JobId) -> CliResult<ResultView> {
        self.get(&format!("/jobs/{id}/result"))
    }

    /// What a job's tasks logged.
    ///
    /// # Errors
    /// When there is no such job, or the head cannot be reached.
    pub(crate) fn logs(&self, id: JobId) -> CliResult<Vec<LogEntry>> {
        Ok(self.get::<LogList>(&format!("/jobs/{id}/logs"))?.entries)
    }

    /// All nodes, by name.
    ///
    /// # Errors
    /// When the head cannot be reached.
    pub(crate) fn nodes(&self) -> CliResult<Vec<NodeView>> {
        Ok(self.get::<NodeList>("/nodes")?.nodes)
    }

    /// Gives a node no more work.
    ///
    /// # Errors
    /// When there is none of that name, or the head cannot be reached.
    pub(crate) fn drain(&self, node: &str, reason: &str) -> CliResult<NodeView> {
        let request = DrainRequest { reason: reason.to_owned() };
        self.post(&format!("/nodes/{node}/drain"), &request)
    }

    /// Has the head copy its journal; returns the name of the copy in its data directory.
    ///
    /// # Errors
    /// When it cannot, or cannot be reached.
    #[cfg(feature = "head")]
    pub(crate) fn copy_journal(&self) -> CliResult<String> {
        let request = self.agent.post(self.path("/backup"));
        let copy: bramble_protocol::api::JournalCopy =
            self.read(self.sent(request.send_empty())?)?;
        Ok(copy.file)
    }

    /// Gives a node work again.
    ///
    /// # Errors
    /// When there is none of that name, or the head cannot be reached.
    pub(crate) fn undrain(&self, node: &str) -> CliResult<NodeView> {
        let request = self.agent.post(self.path(&format!("/nodes/{node}/undrain")));
        self.read(self.sent(request.send_empty())?)
    }

    /// Tells the scheduler something. Returns the job that it is about, if it is about one.
    ///
    /// # Errors
    /// When the head refuses it, or cannot be reached.
    pub(crate) fn order(&self, order: &Order) -> CliResult<Option<JobView>> {
        self.post("/orders", order)
    }

    /// The order in which jobs get slots.
    ///
    /// # Errors
    /// When the head cannot be reached.
    pub(crate) fn queue(&self) -> CliResult<QueueView> {
        self.get("/queue")
    }

    /// What jobs have taken that were submitted since a time in milliseconds since 1970.
    ///
    /// # Errors
    /// When the head cannot be reached.
    pub(crate) fn report(&self, by: ReportBy, since_ms: u64) -> CliResult<ReportView> {
        self.get(&format!("/report?by={}&since={since_ms}", by.slug()))
    }

    /// The nodes that can be switched on and off.
    ///
    /// # Errors
    /// When the head cannot be reached.
    pub(crate) fn power(&self) -> CliResult<PowerList> {
        self.get("/power")
    }

    /// Users, and what each may have.
    ///
    /// # Errors
    /// When the head cannot be reached.
    pub(crate) fn users(&self) -> CliResult<UserList> {
        self.get("/users")
    }

    /// Why a job or one of its tasks waits, or runs where it does.
    ///
    /// # Errors
    /// When there is none of that number, or the head cannot be reached.
    pub(crate) fn explain(&self, id: JobId, task: Option<u32>) -> CliResult<Explanation> {
        match task {
            None => self.get(&format!("/jobs/{id}/explain")),
            Some(task) => self.get(&format!("/jobs/{id}/tasks/{task}/explain")),
        }
    }

    /// The bytes of a result's chunk, counted from 0, as they come; not yet verified.
    ///
    /// # Errors
    /// When the head does not have it, or cannot be reached.
    pub(crate) fn result_chunk(
        &self,
        id: JobId,
        index: usize,
        object: &ObjectRef,
    ) -> CliResult<impl Read + use<>> {
        let request = self.agent.get(self.path(&format!("/jobs/{id}/result/{index}")));
        let body = self.accepted(self.sent(request.call())?)?.into_body();
        Ok(body.into_with_config().limit(object.size).reader())
    }

    /// The stream of a job's changes.
    fn event_stream(&self, id: JobId) -> CliResult<impl Read + use<>> {
        let request = self
            .agent
            .get(self.path(&format!("/jobs/{id}/events")))
            .header("accept", "text/event-stream");
        let body = self.accepted(self.sent(request.call())?)?.into_body();
        Ok(body.into_reader())
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> CliResult<T> {
        self.read(self.sent(self.agent.get(self.path(path)).call())?)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> CliResult<T> {
        let request: RequestBuilder<_> = self.agent.post(self.path(path));
        self.read(self.sent(request.send_json(body))?)
    }

    /// Explains why a request was not answered at all.
    fn sent(&self, answer: Result<Response<Body>, ureq::Error>) -> CliResult<Response<Body>> {
        answer.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &ureq::Error) -> CliError {
        transport::unreachable(&self.url, error)
    }

    /// Lets a good answer through and turns any other into the head's own words.
    fn accepted(&self, mut answer: Response<Body>) -> CliResult<Response<Body>> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.body_mut().with_config().limit(PROBLEM_BYTES_MAX).read_to_vec();
        let problem = text.ok().and_then(|text| serde_json::from_slice::<Problem>(&text).ok());
        let Some(problem) = problem else {
            return Err(self.nonsense(&format!("it answered with status {}", status.as_u16())));
        };
        let mut error = CliError::new(slug_of_problem(problem.kind), problem.title);
        if let Some(detail) = problem.detail {
            error = error.why(detail);
        }
        if let Some(help) = problem.help {
            error = error.help(help);
        }
        Err(error)
    }

    fn read<T: DeserializeOwned>(&self, answer: Response<Body>) -> CliResult<T> {
        let mut answer = self.accepted(answer)?;
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let text = text.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&text)
            .map_err(|error| self.nonsense(&format!("its answer cannot be read: {error}")))
    }

    /// Something answered that is no head of this version.
    fn nonsense(&self, why: &str) -> CliError {
        CliError::new(Slug::HeadFault, format!("{} does not answer as a head does", self.url))
            .why(why)
            .help("is that the head's address, and is it of the same version as this program?")
    }
}

/// `url` as scheme, host and port.
pub(crate) fn checked_url(url: &str) -> CliResult<String> {
    let bad = |why: &str| {
        CliError::usage(format!("`{url}` is not the address of a head"))
            .why(why)
            .help("use http://HOST:PORT, such as http://127.0.0.1:8420")
    };
    let url = url.trim();
    let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let uri: Uri = full.parse().map_err(|_| bad("it is no URL"))?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(bad("it must start with http:// or https://")),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(bad("it names no computer"));
    }
    if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
        return Err(bad("it has a path; the head is at the root"));
    }
    Ok(full.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_completed_and_checked() {
        assert_eq!(checked_url("http://a:1/").unwrap(), "http://a:1");
        assert_eq!(checked_url("lab.local:8420").unwrap(), "http://lab.local:8420");
        assert_eq!(checked_url("https://a:1/").unwrap(), "https://a:1");
        for bad in ["", "http://", "ftp://a", "http://a/path", "http://a b"] {
            let error = checked_url(bad).unwrap_err();
            assert_eq!(error.slug(), Some(Slug::Usage), "{bad}");
        }
    }

    #[test]
    fn a_head_that_is_not_there_is_told_with_what_to_do() {
        // A listener that is gone again: the port was free a moment ago.
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let client = Client::new(&format!("http://127.0.0.1:{port}")).unwrap();
        let error = client.head().unwrap_err();
        assert_eq!(error.code(), 3);
        let CliError::Shown(report) = error else { panic!("shown") };
        assert!(report.help[0].contains("bramble up"), "{report:?}");
    }
}
