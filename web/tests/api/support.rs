//! A head in a temporary directory, and short ways to ask it things.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request, StatusCode};
use bramble_accounts::{Accounts, Admission, NodeSays};
use bramble_protocol::account::Hidden;
use bramble_protocol::api::{JobView, MissingRequest, ModuleResponse, SubmitRequest};
use bramble_protocol::join::NewJoinToken;
use bramble_protocol::module::{Declared, Exports, ParamDecl};
use bramble_protocol::{
    Digest, JobSpec, Limits, Manifest, Mode, ModuleInfo, ModuleKind, NodeSelector, ObjectRef,
    Params, Problem, ProblemKind, TargetClass, pack,
};
use bramble_scheduler::{
    CompileFailure, Handle, Head, ModuleRefusal, ModuleService, StartOptions, core::Config,
};
use bramble_store::Store;
use bramble_tls::Identity;
use bramble_web::{AppState, Collector, Peer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tower::ServiceExt;

/// What the fake takes for a module.
pub(crate) const MODULE: &[u8] = b"module: copies its input";

/// Takes any bytes that start with `module` and compiles them to a fixed artefact.
pub(crate) struct FakeModules {
    store: Store,
    pub(crate) inspected: AtomicUsize,
}

impl ModuleService for FakeModules {
    fn inspect(&self, module: &[u8]) -> Result<ModuleInfo, ModuleRefusal> {
        self.inspected.fetch_add(1, Ordering::SeqCst);
        if !module.starts_with(b"module") {
            return Err(ModuleRefusal {
                title: "not a WebAssembly module".into(),
                detail: Some("it does not start with `\\0asm`".into()),
                help: Some("compile it for wasm32-wasip1".into()),
            });
        }
        let param = ParamDecl {
            name: "mode".into(),
            choices: vec!["fast".into(), "slow".into()],
            ..ParamDecl::default()
        };
        Ok(ModuleInfo {
            digest: Digest::of(module),
            size_bytes: module.len() as u64,
            kind: ModuleKind::Command,
            exports: Exports::default(),
            declared: Declared { params: vec![param], ..Declared::default() },
        })
    }

    fn compile(
        &self,
        _: &Digest,
        class: TargetClass,
        _: Mode,
    ) -> Result<ObjectRef, CompileFailure> {
        self.store
            .put(class.name().as_bytes())
            .map_err(|error| CompileFailure { message: error.to_string(), retry: true })
    }
}

/// A head of its own for one test.
pub(crate) struct TestHead {
    _dir: TempDir,
    pub(crate) accounts: Accounts,
    /// Of its admin.
    pub(crate) token: String,
    pub(crate) store: Store,
    pub(crate) handle: Handle,
    pub(crate) modules: Arc<FakeModules>,
    pub(crate) app: Router,
    /// Its key.
    pub(crate) own: Identity,
    /// The key of the node `p1`.
    pub(crate) node: Identity,
}

impl TestHead {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("data")).unwrap();
        let modules = Arc::new(FakeModules { store: store.clone(), inspected: 0.into() });
        let (handle, _) = Head::start(StartOptions {
            journal_path: dir.path().join("journal.sqlite"),
            network_filesystem_allowed: false,
            modules: modules.clone(),
            config: Config::default(),
        })
        .unwrap();
        let accounts = Accounts::open(&dir.path().join("accounts.sqlite")).unwrap();
        let file = dir.path().join("admin.token");
        accounts.ensure_admin(&file, 1).unwrap();
        let token = std::fs::read_to_string(file).unwrap().trim().to_owned();
        let own = Identity::ephemeral().unwrap();
        let node = Identity::ephemeral().unwrap();
        let app = new_app(&handle, &store, &accounts, &modules, &own);
        Self { _dir: dir, accounts, token, store, handle, modules, app, own, node }
    }

    /// A router without the memory of the first, as after a restart.
    pub(crate) fn forget(&mut self) {
        let (store, accounts, modules) = (&self.store, &self.accounts, &self.modules);
        self.app = new_app(&self.handle, store, accounts, modules, &self.own);
    }

    /// Sends a request by the admin's token, unless it has another or is one of a node.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let of_node = ["/api/v1/objects/", "/api/v1/agent"];
        let of_node = of_node.iter().any(|path| request.uri().path().starts_with(path))
            && request.uri().path() != "/api/v1/objects/missing";
        if of_node {
            let address = ([127, 0, 0, 1], 4711).into();
            let node_key = Some(self.node.fingerprint());
            request.extensions_mut().insert(Peer { address, tls: true, node_key });
        } else if !request.headers().contains_key(AUTHORIZATION) {
            let value = format!("Bearer {}", self.token).parse().unwrap();
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        self.send_as_is(request).await
    }

    /// Makes a key that of a node, as if it had joined by a token.
    pub(crate) fn admit(&self, name: &str, identity: &Identity) {
        let says = NodeSays {
            name,
            key: identity.fingerprint(),
            machine: None,
            model: None,
            join: None,
            from: None,
        };
        if self.accounts.admit_node(&says, now_ms()).unwrap() != Admission::Known {
            let secret = self.join_token(&NewJoinToken::default());
            let says = NodeSays { join: Some(secret.expose()), ..says };
            assert_eq!(self.accounts.admit_node(&says, now_ms()).unwrap(), Admission::Joined);
        }
    }

    /// The secret of a new token.
    pub(crate) fn join_token(&self, new: &NewJoinToken) -> Hidden {
        let own = self.own.fingerprint();
        self.accounts.new_join_token(new, "admin", &own, now_ms()).unwrap().0.secret()
    }

    /// Sends a request with nothing added.
    pub(crate) async fn send_as_is(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        crate::openapi::check(&method, &path, &answer);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).body(body.into()).unwrap()).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &impl Serialize) -> Answer {
        self.post(path, serde_json::to_vec(body).unwrap()).await
    }

    pub(crate) async fn missing(&self, digests: Vec<Digest>) -> Answer {
        self.post_json("/api/v1/objects/missing", &MissingRequest { digests }).await
    }

    /// Uploads [`MODULE`] and an input of `chunks`; gives a job over them.
    pub(crate) async fn prepare(&self, chunks: &[&[u8]]) -> JobSpec {
        let module: ModuleResponse = self.post("/api/v1/modules", MODULE).await.ok();
        let manifest =
            Manifest::new(chunks.iter().map(|chunk| ObjectRef::of(chunk)).collect(), None);
        let encoded = manifest.encode();
        let mut objects = chunks.to_vec();
        objects.push(&encoded);
        let answer = self.post("/api/v1/objects", pack_of(&objects)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        spec(module.module.digest, Digest::of(&encoded))
    }

    pub(crate) async fn submit(&self, spec: JobSpec) -> Answer {
        self.post_json("/api/v1/jobs", &SubmitRequest { spec, secrets: Default::default() }).await
    }

    /// A job that waits, as there are no nodes.
    pub(crate) async fn waiting_job(&self) -> JobView {
        let spec = self.prepare(&[b"one\n", b"two\n"]).await;
        let answer = self.submit(spec).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    /// Overwrites a stored object with bytes of the same length.
    pub(crate) fn damage(&self, digest: &Digest) {
        let hex = digest.to_string();
        let path = self.store.dir().join("objects").join(&hex[..2]).join(&hex);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, vec![b'?'; bytes.len()]).unwrap();
    }

    /// Files that an unfinished upload would leave behind.
    pub(crate) fn staged_files(&self) -> usize {
        std::fs::read_dir(self.store.dir().join("tmp")).unwrap().count()
    }
}

fn new_app(
    handle: &Handle,
    store: &Store,
    accounts: &Accounts,
    modules: &Arc<FakeModules>,
    own: &Identity,
) -> Router {
    let collector =
        Collector::new(handle.clone(), store.clone(), accounts.clone(), modules.clone(), Some(0));
    bramble_web::app(AppState {
        handle: handle.clone(),
        store: store.clone(),
        accounts: accounts.clone(),
        fingerprint: Some(own.fingerprint()),
        anyone_may_look: false,
        modules: modules.clone(),
        collector: Arc::new(collector),
        uploads: store.dir().with_file_name("uploads"),
        gallery: vec![store.dir().with_file_name("gallery")],
        sample: |name| (format!("{name}.txt"), b"a sample\n".to_vec()),
        version: "0.0.0-test",
    })
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, where it is JSON.
    pub(crate) fn json_or_null(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body of an answer that must be 200.
    pub(crate) fn ok<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()
    }

    /// The problem, which must be one of this kind and look like one.
    pub(crate) fn problem(&self, kind: ProblemKind) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Problem = self.json();
        assert_eq!(problem.kind, kind, "{self:?}");
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }
}

pub(crate) fn pack_of(objects: &[&[u8]]) -> Vec<u8> {
    let mut bytes = pack::MAGIC.to_vec();
    for object in objects {
        bytes.extend_from_slice(&pack::entry(&ObjectRef::of(object)));
        bytes.extend_from_slice(object);
    }
    bytes
}

pub(crate) fn spec(module: Digest, input: Digest) -> JobSpec {
    JobSpec {
        name: "copy".into(),
        module,
        input,
        params: Params::new(),
        args: vec![],
        command: Default::default(),
        nodes: NodeSelector::Any,
        limits: Limits::default(),
        mode: Mode::Fast,
        partitions: None,
        result_name: "copy.txt".into(),
        secrets: None,
        clock_ms: None,
        policy: Default::default(),
    }
}

/// The time, which those that expire need.
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_millis() as u64
}
