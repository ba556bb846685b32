//! Who may call what: every route with every role against the table, and whose things people see.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bramble_accounts::SessionKind;
use bramble_protocol::account::{
    ClassView, Hidden, IssuedPin, LoginAnswer, LoginRequest, NewAccount, NewClass, RemovedView,
    Role,
};
use bramble_protocol::api::{JobList, JobView, MissingRequest, MissingResponse, ModuleResponse};
use bramble_protocol::{Digest, JobSpec, Manifest, ObjectRef, Order, ProblemKind};
use bramble_web::{Need, Peer, needs, openapi};
use serde::Serialize;
use serde_json::json;

use crate::support::{Answer, MODULE, TestHead, pack_of, spec};

/// A head with two classes of two teachers.
pub(crate) struct School {
    pub(crate) head: Arc<TestHead>,
    pub(crate) viewer: String,
    pub(crate) anna: String,
    pub(crate) boris: String,
    pub(crate) smith: String,
    pub(crate) jones: String,
}

impl School {
    pub(crate) async fn start() -> Self {
        let head = Arc::new(TestHead::start());
        let smith = staff(&head, "smith", Role::Teacher).await;
        let jones = staff(&head, "jones", Role::Teacher).await;
        let viewer = staff(&head, "visitor", Role::Viewer).await;
        let anna = student(&head, &smith, "7b", "anna").await;
        let boris = student(&head, &jones, "8a", "boris").await;
        Self { head, viewer, anna, boris, smith, jones }
    }

    fn token(&self, role: Option<Role>) -> Option<&str> {
        role.map(|role| match role {
            Role::Viewer => self.viewer.as_str(),
            Role::Student => &self.anna,
            Role::Teacher => &self.smith,
            Role::Admin => &self.head.token,
        })
    }

    pub(crate) async fn call(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.head.send_as_is(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(Some(token), "GET", path, Body::empty()).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: &impl Serialize) -> Answer {
        self.call(Some(token), "POST", path, serde_json::to_vec(body).unwrap()).await
    }

    /// Sends all that a job over `chunks` needs.
    pub(crate) async fn upload(&self, token: &str, chunks: &[&[u8]]) -> JobSpec {
        let module: ModuleResponse =
            self.call(Some(token), "POST", "/api/v1/modules", MODULE).await.ok();
        let refs = chunks.iter().map(|chunk| ObjectRef::of(chunk)).collect();
        let manifest = Manifest::new(refs, None).encode();
        let mut objects = chunks.to_vec();
        objects.push(&manifest);
        let pack = pack_of(&objects);
        let stored = self.call(Some(token), "POST", "/api/v1/objects", pack).await;
        assert_eq!(stored.status, StatusCode::OK, "{stored:?}");
        spec(module.module.digest, Digest::of(&manifest))
    }

    pub(crate) async fn submit(&self, token: &str, spec: &JobSpec) -> Answer {
        self.post(token, "/api/v1/jobs", &json!({ "spec": spec })).await
    }

    pub(crate) async fn job(&self, token: &str, chunks: &[&[u8]]) -> JobView {
        let spec = self.upload(token, chunks).await;
        let answer = self.submit(token, &spec).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    async fn missing(&self, token: &str, digests: Vec<Digest>) -> Vec<Digest> {
        let request = MissingRequest { digests };
        let answer = self.post(token, "/api/v1/objects/missing", &request).await;
        answer.ok::<MissingResponse>().missing
    }
}

async fn staff(head: &TestHead, name: &str, role: Role) -> String {
    let new = NewAccount { user: name.into(), role, class: None };
    let answer = head.post_json("/api/v1/accounts", &new).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let request = LoginRequest {
        code: None,
        user: name.into(),
        pin: answer.json::<IssuedPin>().pin,
        new_pin: Some(Hidden::new("correct horse".into())),
    };
    let login = head.accounts.login(&request, SessionKind::CommandLine, None, now_ms()).unwrap();
    login.token.expose().to_owned()
}

async fn student(head: &TestHead, teacher: &str, class: &str, name: &str) -> String {
    let new = NewClass { class: class.into(), teacher: None, open: true, ends_at_ms: None };
    let request = Request::post("/api/v1/classes")
        .header("authorization", format!("Bearer {teacher}"))
        .body(Body::from(serde_json::to_vec(&new).unwrap()));
    let made = head.send(request.unwrap()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let code = made.json::<ClassView>().code;
    let pin = Hidden::new("4711".into());
    let request = LoginRequest { code, user: name.into(), pin, new_pin: None };
    let login: LoginAnswer = head.post_json("/api/v1/login", &request).await.ok();
    login.token.expose().to_owned()
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

#[test]
fn the_table_and_the_document_name_the_same_routes() {
    let document = openapi();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_open = operation["security"] == json!([]);
            documented.insert((method.to_uppercase(), path.clone(), is_open));
        }
    }
    let table = needs().into_iter().filter(|it| !it.is_page).map(|it| {
        let is_open = it.need == Need::Nothing;
        (it.method.to_owned(), it.path.to_owned(), is_open)
    });
    assert_eq!(table.collect::<BTreeSet<_>>(), documented);
}

/// What the table says of every route, role by role, is what the head does.
#[tokio::test]
async fn every_route_admits_the_roles_of_the_table_and_no_other() {
    let school = School::start().await;
    let roles = std::iter::once(None).chain(Role::ALL.map(Some));
    for role in roles {
        for route in needs() {
            // These end the session that the walk is made with.
            if route.path.ends_with("/logout") {
                continue;
            }
            let path = route
                .path
                .replace("{id}", "999")
                .replace("{index}", "0")
                .replace("{session}", "999")
                .replace("{act}", "none")
                .replace("{name}", "nobody")
                .replace("{digest}", &Digest::of(b"x").to_string());
            let answer = school.call(school.token(role), route.method, &path, "").await;
            let what = format!("{} {path} as {role:?}: {answer:?}", route.method);
            let refused = is_refused(&answer);
            let admitted = match route.need {
                Need::SignIn => role.is_some(),
                need => need.admits(role),
            };
            assert_eq!(!refused, admitted, "{what}");
            if refused {
                let may_sign_in = role.is_none() && route.need != Need::Node;
                let status = if may_sign_in { 401 } else { 403 };
                assert_eq!(answer.status.as_u16(), status, "{what}");
            }
            assert!(answer.status.as_u16() < 500, "{what}");
        }
    }
}

/// Whether it was not for whoever asked: said as a problem, or by a page.
fn is_refused(answer: &Answer) -> bool {
    let kinds = ["sign-in-needed", "not-allowed"];
    let page = String::from_utf8_lossy(&answer.body);
    let kind = answer.json_or_null()["type"].as_str().map(str::to_owned);
    // An answer to HEAD has its status only.
    let is_bare = answer.body.is_empty() && matches!(answer.status.as_u16(), 401 | 403);
    is_bare
        || kinds.iter().any(|refusal| {
            kind.as_deref() == Some(refusal)
                || page.contains(&format!("data-problem=\"{refusal}\""))
        })
}

/// A node has no role: it calls what is for nodes and what is for anybody.
#[tokio::test]
async fn a_key_opens_the_routes_of_nodes_and_no_other() {
    let head = TestHead::start();
    head.admit("p1", &head.node);
    for route in needs() {
        let path = route.path.replace("{name}", "nobody");
        let path = path.replace("{digest}", &Digest::of(b"x").to_string());
        let address = ([10, 0, 0, 7], 4711).into();
        let node_key = Some(head.node.fingerprint());
        let peer = Peer { address, tls: true, node_key };
        let request = Request::builder().method(route.method).uri(path).extension(peer);
        let answer = head.send_as_is(request.body(Body::empty()).unwrap()).await;
        let refused = is_refused(&answer);
        let is_for_nodes = matches!(route.need, Need::Nothing | Need::Node | Need::NodeOrRun);
        assert_eq!(!refused, is_for_nodes, "{} {}: {answer:?}", route.method, route.path);
    }
}

/// Each route about a job answers a stranger just as if there were no such job.
#[tokio::test]
async fn anothers_job_does_not_exist_on_any_route() {
    let school = School::start().await;
    let job = school.job(&school.anna, &[b"one\n"]).await;
    for route in needs()
        .into_iter()
        .filter(|route| route.path.contains("/jobs/{id}") || route.path.starts_with("/j/{id}"))
    {
        let path = |id: &str| route.path.replace("{id}", id).replace("{index}", "0");
        for stranger in [&school.boris, &school.jones] {
            let body = r#"{"secrets":{}}"#;
            let theirs = school.call(Some(stranger), route.method, &path("1"), body).await;
            let none = school.call(Some(stranger), route.method, &path("999"), body).await;
            let text = |answer: &Answer| String::from_utf8_lossy(&answer.body).replace("999", "1");
            assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{} {}", route.method, route.path);
            assert_eq!(text(&theirs), text(&none), "{} {}", route.method, route.path);
        }
    }
    let jobs = |answer: Answer| answer.ok::<JobList>().jobs.len();
    assert_eq!(jobs(school.get(&school.boris, "/api/v1/jobs").await), 0);
    assert_eq!(jobs(school.get(&school.jones, "/api/v1/jobs").await), 0);
    assert_eq!(jobs(school.get(&school.anna, "/api/v1/jobs").await), 1);
    assert_eq!(jobs(school.get(&school.smith, "/api/v1/jobs").await), 1, "her teacher sees it");
    let own: JobView = school.get(&school.anna, "/api/v1/jobs/1").await.ok();
    assert_eq!(
        (own.spec.policy.user.as_str(), own.spec.policy.class.as_deref()),
        ("anna", Some("7b"))
    );
    let stopped = school.post(&school.smith, "/api/v1/jobs/1/cancel", &()).await;
    assert_eq!(stopped.status, StatusCode::OK, "{stopped:?}");
    assert_eq!(job.id.0, 1);
}

#[tokio::test]
async fn a_job_is_of_whoever_submits_it_and_only_admins_say_otherwise() {
    let school = School::start().await;
    let spec = school.upload(&school.anna, &[b"one\n"]).await;
    let mut forged = spec.clone();
    forged.policy.user = "boris".into();
    school.submit(&school.anna, &forged).await.problem(ProblemKind::NotAllowed);
    let mut forged = spec.clone();
    forged.policy.class = Some("8a".into());
    school.submit(&school.anna, &forged).await.problem(ProblemKind::NotAllowed);
    let mut first = spec.clone();
    first.policy.priority = 1;
    school.submit(&school.anna, &first).await.problem(ProblemKind::NotAllowed);
    let boris = school.job(&school.boris, &[b"two\n"]).await;
    for of in [
        |spec: &mut JobSpec, id| spec.policy.after = vec![id],
        |spec: &mut JobSpec, id| {
            spec.policy.input_from = Some(id);
            spec.input = JobSpec::NO_INPUT;
        },
    ] {
        let mut behind = spec.clone();
        of(&mut behind, boris.id);
        school.submit(&school.anna, &behind).await.problem(ProblemKind::NoSuchJob);
    }
    let mut given = spec.clone();
    given.policy.user = "anna".into();
    assert_eq!(school.submit(&school.head.token, &given).await.status, StatusCode::CREATED);
}

/// Whoever guesses digests learns nothing: the answers are those for objects that nobody has.
#[tokio::test]
async fn a_digest_gives_nothing_to_whoever_has_not_sent_its_bytes() {
    let school = School::start().await;
    let secret: &[u8] = b"the PIN of the vault is 4711\n";
    let theirs = school.upload(&school.anna, &[secret]).await;
    let unknown = Digest::of(b"nobody has sent this");
    let guesses = vec![Digest::of(secret), theirs.module, theirs.input, unknown];
    assert_eq!(school.missing(&school.boris, guesses.clone()).await, guesses);
    assert_eq!(school.missing(&school.anna, guesses.clone()).await, [unknown]);
    // A job of another's module, manifest or chunks is refused as one of things that are not here.
    let own = school.upload(&school.boris, &[b"mine\n"]).await;
    let lists = Manifest::new(vec![ObjectRef::of(secret)], None).encode();
    school.call(Some(&school.boris), "POST", "/api/v1/objects", pack_of(&[&lists])).await;
    let about_chunk = JobSpec { input: Digest::of(&lists), ..own.clone() };
    let about_input = JobSpec { input: theirs.input, ..own.clone() };
    assert_eq!(theirs.input, Digest::of(&lists), "the same list of the same chunk");
    for (spec, word) in
        [(about_chunk, "objects are not on the head"), (about_input, "not on the head")]
    {
        let refused = school.submit(&school.boris, &spec).await.problem(ProblemKind::BadJob);
        assert!(refused.title.contains(word), "{refused:?}");
    }
    let path = format!("/api/v1/objects/{}", Digest::of(secret));
    school.get(&school.boris, &path).await.problem(ProblemKind::NotAllowed);
    school.get(&school.anna, &path).await.problem(ProblemKind::NotAllowed);
}

#[tokio::test]
async fn a_module_that_another_has_sent_is_inspected_again_and_not_said_to_be_known() {
    let school = School::start().await;
    let send = |token: &str| {
        let token = token.to_owned();
        let school = &school;
        async move { school.call(Some(&token), "POST", "/api/v1/modules", MODULE).await }
    };
    assert!(!send(&school.anna).await.ok::<ModuleResponse>().known);
    assert!(!send(&school.boris).await.ok::<ModuleResponse>().known);
    assert!(send(&school.boris).await.ok::<ModuleResponse>().known);
}

#[tokio::test]
async fn teachers_rule_their_own_classes_and_no_others() {
    let school = School::start().await;
    let order = |order: Order| serde_json::to_value(order).unwrap();
    let pause = |class: Option<&str>| {
        order(Order::Pause { class: class.map(Into::into), reason: String::new() })
    };
    let smith = school.smith.as_str();
    assert_eq!(school.post(smith, "/api/v1/orders", &pause(Some("7b"))).await.status, 200);
    school
        .post(smith, "/api/v1/orders", &pause(Some("8a")))
        .await
        .problem(ProblemKind::NoSuchAccount);
    school.post(smith, "/api/v1/orders", &pause(None)).await.problem(ProblemKind::NotAllowed);
    school
        .post(&school.anna, "/api/v1/orders", &pause(Some("7b")))
        .await
        .problem(ProblemKind::NotAllowed);
    for path in ["/api/v1/accounts/boris/reset-pin", "/api/v1/accounts/jones/reset-pin"] {
        school.post(smith, path, &()).await.problem(ProblemKind::NoSuchAccount);
    }
    assert_eq!(school.post(smith, "/api/v1/accounts/anna/reset-pin", &()).await.status, 200);
    let admin = NewAccount { user: "eve".into(), role: Role::Admin, class: None };
    school.post(smith, "/api/v1/accounts", &admin).await.problem(ProblemKind::NotAllowed);
    let into_other =
        NewAccount { user: "eve".into(), role: Role::Student, class: Some("8a".into()) };
    school.post(smith, "/api/v1/accounts", &into_other).await.problem(ProblemKind::NoSuchAccount);
}

#[tokio::test]
async fn a_user_or_class_that_is_removed_leaves_no_job_and_no_session() {
    let school = School::start().await;
    school.job(&school.anna, &[b"one\n"]).await;
    school.job(&school.boris, &[b"two\n"]).await;
    let delete = async |token: &str, path: &str| {
        school.call(Some(token), "DELETE", path, Body::empty()).await
    };
    let strange = delete(&school.jones, "/api/v1/accounts/anna").await;
    strange.problem(ProblemKind::NoSuchAccount);
    delete(&school.jones, "/api/v1/classes/7b").await.problem(ProblemKind::NoSuchAccount);
    let removed: RemovedView = delete(&school.smith, "/api/v1/accounts/anna").await.ok();
    assert_eq!((removed.canceled, removed.forgotten), (1, 1));
    school.get(&school.anna, "/api/v1/jobs").await.problem(ProblemKind::SignInNeeded);
    let removed: RemovedView = delete(&school.jones, "/api/v1/classes/8a").await.ok();
    assert_eq!((removed.users, removed.forgotten), (vec!["boris".to_owned()], 1));
    school.get(&school.boris, "/api/v1/jobs").await.problem(ProblemKind::SignInNeeded);
    let jobs: JobList = school.get(&school.head.token, "/api/v1/jobs").await.ok();
    assert_eq!(jobs.jobs.len(), 0);
}

#[tokio::test]
async fn a_token_that_was_revoked_or_never_was_opens_nothing() {
    let school = School::start().await;
    assert_eq!(school.get(&school.anna, "/api/v1/jobs").await.status, StatusCode::OK);
    let out = school.post(&school.anna, "/api/v1/logout", &()).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    for token in [school.anna.as_str(), "", "brt_", &"f".repeat(10_000)] {
        let answer = school.get(token, "/api/v1/jobs").await;
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"bramble\"");
        answer.problem(ProblemKind::SignInNeeded);
    }
}

#[tokio::test]
async fn a_flood_of_tries_is_cut_off_and_says_for_how_long() {
    let school = School::start().await;
    let wrong = |guess: u32| json!({ "user": "smith", "pin": format!("guess {guess}") });
    let mut refused = 0;
    for guess in 0..12 {
        let answer = school.call(None, "POST", "/api/v1/login", wrong(guess).to_string()).await;
        match answer.status.as_u16() {
            401 => {}
            429 => {
                refused += 1;
                assert!(!answer.header("retry-after").is_empty());
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert!(refused >= 3, "{refused}");
    let audit = school.get(&school.head.token, "/api/v1/audit?action=login&count=5").await;
    let text = String::from_utf8_lossy(&audit.body);
    assert!(text.contains("too many tries") && !text.contains("guess"), "{text}");
}

#[tokio::test]
async fn a_cookie_signs_pages_in_but_another_site_cannot_use_it() {
    let school = School::start().await;
    let form = "user=smith&pin=correct+horse";
    let request = |path: &str, method: Method| Request::builder().method(method).uri(path);
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let sent = request("/login", Method::POST)
        .header(form_type.0, form_type.1)
        .header("host", "pi.local")
        .header("origin", "http://pi.local")
        .body(Body::from(form));
    let answer = school.head.send_as_is(sent.unwrap()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let pause = serde_json::to_string(&Order::Lesson).unwrap();
    let order = |headers: &[(&str, &str)]| {
        let mut built = request("/api/v1/orders", Method::POST).header("cookie", &cookie);
        for (name, value) in headers {
            built = built.header(*name, *value);
        }
        school.head.send_as_is(built.body(Body::from(pause.clone())).unwrap())
    };
    let own = [("host", "pi.local"), ("origin", "http://pi.local")];
    assert_eq!(order(&own).await.status, StatusCode::OK);
    for foreign in [
        &[("host", "pi.local")][..],
        &[("host", "pi.local"), ("origin", "http://evil.example")],
        &[("host", "pi.local"), ("origin", "null")],
        &[("host", "pi.local"), ("sec-fetch-site", "cross-site")],
        &[("host", "pi.local"), ("origin", "http://pi.local"), ("sec-fetch-site", "same-site")],
    ] {
        let refused = order(foreign).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{foreign:?}: {refused:?}");
    }
}

#[tokio::test]
async fn names_that_are_paths_or_markup_are_refused_or_shown_as_text() {
    let school = School::start().await;
    let admin = school.head.token.as_str();
    for bad in ["../../etc/passwd", "/etc/passwd", "a/b", "<script>", "-rf", "", "a b", "x\n"] {
        let new = json!({ "user": bad, "role": "teacher" });
        school.post(admin, "/api/v1/accounts", &new).await.problem(ProblemKind::BadRequest);
        let class = json!({ "class": bad });
        school.post(admin, "/api/v1/classes", &class).await.problem(ProblemKind::BadRequest);
    }
    let evil = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let form = format!("user={evil}&pin=x&code={evil}&program={evil}");
    let request = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form));
    let page = school.head.send_as_is(request.unwrap()).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    let text = String::from_utf8_lossy(&page.body);
    assert!(!text.contains("<script>alert") && text.contains("&lt;script&gt;"), "{text}");
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
}
