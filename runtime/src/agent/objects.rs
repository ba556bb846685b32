//! Where a node finds objects, and where it puts them: the shared directory, or its own
//! directory with the head behind it, and perhaps a share that is read only in between.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bramble_protocol::api::{MissingRequest, MissingResponse};
use bramble_protocol::{AttemptOutcome, Digest, ObjectRef, Problem, ProblemKind, error_chain};
use bramble_store::pack::{PackError, PackWriter};
use bramble_store::{Staged, Store, StoreError};
use bramble_tls::http_agent;

use super::AgentConfig;
use super::share::Share;

/// How long one request to the head may stand still.
const TIMEOUT: Duration = Duration::from_secs(60);
/// First and longest wait before outputs are offered again to a head that does not answer.
const OFFER_WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long a head may not know this node's connection before a fetch fails.
const FETCH_WAIT_MAX: Duration = Duration::from_secs(10);
/// How much of an object is read at a time.
const FETCH_BUFFER_BYTES: usize = 256 << 10;
/// Objects sent to the head in one request.
const UPLOAD_OBJECTS_MAX: usize = 1_000;

/// The objects a node works with.
#[derive(Clone)]
pub(super) struct Objects {
    store: Store,
    /// Absent when the directory is shared with the head.
    remote: Option<Remote>,
}

#[derive(Clone)]
struct Remote {
    base: Arc<str>,
    http: ureq::Agent,
    /// Asked before the head is.
    share: Option<Share>,
    /// Held while fetching, so that two slots do not fetch the same object at once.
    fetching: Arc<Mutex<()>>,
}

/// Why an object did not get from one machine to the other.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    #[error("cannot ask the head at {url}")]
    Request { url: String, source: Box<ureq::Error> },
    #[error("the head answered {url} with: {}", problem_text(.problem))]
    Answer { url: String, problem: Box<Problem> },
    #[error("the connection to the head broke while an object was sent")]
    Broken(#[source] io::Error),
    #[error("the head sent other bytes than object {}: they hash to {}", .expected.short(), .found.short())]
    WrongBytes { expected: Digest, found: Digest },
    #[error("cannot store an object")]
    Store(#[source] StoreError),
    #[error("cannot put outputs together for the head")]
    Pack(#[source] PackError),
    #[error("cannot use a temporary file in {}", .dir.display())]
    Spool { dir: PathBuf, source: io::Error },
}

impl TransferError {
    /// Whether the same may succeed a little later: the head is away, or this node's connection is.
    fn may_pass(&self) -> bool {
        match self {
            Self::Request { .. } => true,
            Self::Answer { problem, .. } => problem.kind == ProblemKind::Busy,
            _ => false,
        }
    }
}

fn problem_text(problem: &Problem) -> String {
    match &problem.detail {
        Some(detail) => format!("{}: {detail}", problem.title),
        None => problem.title.clone(),
    }
}

impl Objects {
    /// Objects in a directory that the head sees too.
    pub(super) fn shared(store: Store) -> Self {
        Self { store, remote: None }
    }

    /// Objects in this node's own directory, with the head behind it.
    pub(super) fn own(store: Store, config: &AgentConfig) -> Self {
        let http = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(TIMEOUT))
            .timeout_recv_body(None)
            .http_status_as_error(false)
            .max_idle_connections(4)
            // The head is on this network: a proxy for the internet cannot reach it.
            .proxy(None)
            .build();
        let http = http_agent(http, config.tls.clone());
        let base = config.head.trim_end_matches('/').into();
        let share = config.share.as_ref().map(Share::new);
        let remote = Remote { base, http, share, fetching: Arc::default() };
        Self { store, remote: Some(remote) }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the share that is only read answers; nothing when there is none, or nobody knows.
    pub(super) fn share_answers(&self) -> Option<bool> {
        self.remote.as_ref()?.share.as_ref()?.answers()
    }

    /// Sees to it that `objects` can be read here.
    ///
    /// # Errors
    /// The outcome that an attempt has for want of one of them.
    pub(super) fn provide<'a>(
        &self,
        objects: impl Iterator<Item = &'a ObjectRef>,
    ) -> Result<(), Box<AttemptOutcome>> {
        let Some(remote) = &self.remote else { return Ok(()) };
        for object in objects {
            let has = self.store.has(&object.digest).map_err(TransferError::Store);
            let fetched = has.and_then(|has| if has { Ok(()) } else { self.wait(remote, object) });
            fetched.map_err(|error| {
                let message = error_chain(&error);
                Box::new(AttemptOutcome::ChunkMissing { digest: object.digest, message })
            })?;
        }
        Ok(())
    }

    /// Fetches an object, from a head that may not know this node's connection yet.
    fn wait(&self, remote: &Remote, object: &ObjectRef) -> Result<(), TransferError> {
        let give_up = Instant::now() + FETCH_WAIT_MAX;
        loop {
            match self.fetch(remote, object) {
                Err(TransferError::Answer { problem, .. })
                    if problem.kind == ProblemKind::Busy && Instant::now() < give_up =>
                {
                    std::thread::sleep(OFFER_WAIT.0);
                }
                fetched => return fetched,
            }
        }
    }

    fn fetch(&self, remote: &Remote, object: &ObjectRef) -> Result<(), TransferError> {
        let _one_at_a_time = remote.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if self.store.has(&object.digest).map_err(TransferError::Store)? {
            return Ok(());
        }
        if let Some(staged) = remote.share.as_ref().and_then(|it| it.read(&self.store, object)) {
            return self.store.commit(vec![staged]).map_err(TransferError::Store);
        }
        let url = format!("{}/api/v1/objects/{}", remote.base, object.digest);
        let response = remote.http.get(&url).call();
        let mut response = checked(&url, response)?;
        let mut staged = self.store.stage().map_err(TransferError::Store)?;
        // One byte more than announced shows a body that is too long.
        let body = response.body_mut().as_reader().take(object.size.saturating_add(1));
        let mut body = io::BufReader::with_capacity(FETCH_BUFFER_BYTES, body);
        io::copy(&mut body, &mut staged).map_err(TransferError::Broken)?;
        let staged = staged.finish().map_err(TransferError::Store)?;
        let found = staged.object();
        if found != *object {
            return Err(TransferError::WrongBytes { expected: object.digest, found: found.digest });
        }
        self.store.commit(vec![staged]).map_err(TransferError::Store)
    }

    /// Gets a damaged copy out of the way, so that the next attempt fetches it anew. In a shared
    /// directory that is for the head to do: another node may still read it well.
    pub(super) fn set_aside(&self, damaged: &Digest) {
        if self.remote.is_some()
            && let Err(error) = self.store.quarantine(damaged)
        {
            tracing::error!(object = %damaged, "cannot set it aside: {}", error_chain(&error));
        }
    }

    /// Removes what a task has saved. What stays behind is swept a day later.
    pub(super) fn forget_checkpoints(&self, key: &Digest) {
        if let Err(error) = self.store.drop_checkpoints(key) {
            tracing::warn!("a checkpoint stays behind: {}", error_chain(&error));
        }
    }

    /// Makes outputs durable here, all at once.
    pub(super) fn keep(&self, staged: Vec<Staged>) -> Result<(), TransferError> {
        // The digests are what runner processes say, and those have run user code.
        staged.iter().try_for_each(Staged::verify).map_err(TransferError::Store)?;
        self.store.commit(staged).map_err(TransferError::Store)
    }

    /// Sees to it that the head can read objects that are here. Tries again while it does not
    /// answer and `go_on` agrees: it may restart, and work that is done should not be done again
    /// for that.
    pub(super) fn offer(
        &self,
        objects: &[ObjectRef],
        mut go_on: impl FnMut() -> bool,
    ) -> Result<(), TransferError> {
        let Some(remote) = &self.remote else { return Ok(()) };
        for objects in objects.chunks(UPLOAD_OBJECTS_MAX) {
            let mut wait = OFFER_WAIT.0;
            loop {
                match self.upload(remote, objects) {
                    Err(error) if error.may_pass() && go_on() => {
                        std::thread::sleep(wait);
                        wait = (wait * 2).min(OFFER_WAIT.1);
                    }
                    Err(error) => return Err(error),
                    Ok(()) => break,
                }
            }
        }
        Ok(())
    }

    fn upload(&self, remote: &Remote, objects: &[ObjectRef]) -> Result<(), TransferError> {
        let url = format!("{}/api/v1/objects/missing", remote.base);
        let digests = objects.iter().map(|object| object.digest).collect();
        let response = remote.http.post(&url).send_json(MissingRequest { digests });
        let mut response = checked(&url, response)?;
        let missing: MissingResponse = response
            .body_mut()
            .read_json()
            .map_err(|source| TransferError::Request { url, source: Box::new(source) })?;
        let mut missing: HashSet<Digest> = missing.missing.into_iter().collect();
        // Removing each from the set also sends equal outputs once.
        let wanted: Vec<&ObjectRef> =
            objects.iter().filter(|object| missing.remove(&object.digest)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let pack = self.spool_pack(&wanted)?;
        let url = format!("{}/api/v1/objects", remote.base);
        let response = remote.http.post(&url).send(ureq::SendBody::from_owned_reader(pack));
        checked(&url, response).map(drop)
    }

    /// Writes a pack into an unnamed file: the body's length is then known, and memory does not
    /// grow with the outputs.
    fn spool_pack(&self, objects: &[&ObjectRef]) -> Result<std::fs::File, TransferError> {
        let dir = self.store.dir();
        let spool = |source| TransferError::Spool { dir: dir.to_owned(), source };
        let mut file = tempfile::tempfile_in(dir).map_err(spool)?;
        let mut pack =
            PackWriter::new(io::BufWriter::new(&mut file)).map_err(TransferError::Pack)?;
        for object in objects {
            let bytes = self.store.get(object).map_err(TransferError::Store)?;
            pack.push(object, &bytes).map_err(TransferError::Pack)?;
        }
        pack.finish().map_err(TransferError::Pack)?.flush().map_err(spool)?;
        io::Seek::rewind(&mut file).map_err(spool)?;
        Ok(file)
    }
}

type Response = ureq::http::Response<ureq::Body>;

/// An answer of success, or the problem that the head describes.
fn checked(url: &str, response: Result<Response, ureq::Error>) -> Result<Response, TransferError> {
    let mut response = response
        .map_err(|source| TransferError::Request { url: url.into(), source: Box::new(source) })?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem = response
        .body_mut()
        .read_json::<Problem>()
        .unwrap_or_else(|_| Problem::new(ProblemKind::Internal, format!("HTTP status {status}")));
    Err(TransferError::Answer { url: url.into(), problem: Box::new(problem) })
}
