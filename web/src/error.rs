//! What a handler answers when it cannot do what was asked, as `application/problem+json`.
//!
//! A fault of the head keeps its cause out of the answer. The cause is put beside the answer
//! instead, and [`finish`] logs it once, with the request it belongs to.

use std::error::Error;
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bramble_accounts::AccountsError;
use bramble_protocol::{Problem, ProblemKind, error_chain};
use bramble_scheduler::CommandError;

use crate::pages::trouble::Shown;

/// What handlers return.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A problem, and what caused it where that is for the log only.
#[derive(Debug)]
pub(crate) struct ApiError {
    /// Boxed because it is much larger than what handlers return when all is well.
    problem: Box<Problem>,
    cause: Option<Cause>,
}

/// Goes with an answer up to [`finish`].
#[derive(Clone, Debug)]
struct Cause(Arc<dyn Error + Send + Sync>);

impl ApiError {
    /// A problem whose reason the user is told.
    pub(crate) fn new(kind: ProblemKind, title: impl Into<String>) -> Self {
        Problem::new(kind, title).into()
    }

    /// A malformed request.
    pub(crate) fn bad_request(title: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, title)
    }

    /// A request that is refused because of where it comes from.
    pub(crate) fn forbidden(title: impl Into<String>) -> Self {
        Self::bad_request(title).status(StatusCode::FORBIDDEN)
    }

    /// A job that cannot be accepted.
    pub(crate) fn bad_job(title: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadJob, title)
    }

    /// Too much at a time.
    pub(crate) fn busy(title: impl Into<String>) -> Self {
        Self::new(ProblemKind::Busy, title).help("try again in a few seconds")
    }

    /// A fault of the head. A full disk is told apart, because the user can do something.
    pub(crate) fn fault(cause: impl Error + Send + Sync + 'static) -> Self {
        let problem = if is_disk_full(&cause) {
            Problem::new(ProblemKind::DiskFull, "the head's disk is full")
                .detail("nothing half-written was kept")
                .help("make room on the disk that holds the head's data, then try again")
        } else {
            Problem::new(ProblemKind::Internal, "the head could not do this because of a fault")
                .help("the head's log says more")
        };
        Self { problem: Box::new(problem), cause: Some(Cause(Arc::new(cause))) }
    }

    /// What the user is told.
    pub(crate) fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Sets a status that tells more than that of its kind.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.problem.status = status.as_u16();
        self
    }

    /// What the log shall say where there is no answer any more that could carry it.
    pub(crate) fn in_full(&self) -> String {
        let title = &self.problem.title;
        match &self.cause {
            Some(Cause(cause)) => format!("{title}: {}", error_chain(cause.as_ref())),
            None => title.clone(),
        }
    }

    /// Adds why.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    /// Adds what to do next.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.problem.help = Some(help.into());
        self
    }

    /// Adds what the log shall say.
    pub(crate) fn cause(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Cause(Arc::new(cause)));
        self
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), cause: None }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NoSuchJob(_) => Self::new(ProblemKind::NoSuchJob, error.to_string())
                .help("`bramble jobs` lists the jobs this head knows"),
            CommandError::NoSuchNode(_) => Self::new(ProblemKind::NoSuchNode, error.to_string())
                .help("`bramble nodes` lists the nodes this head knows"),
            CommandError::Limit { reason, help } => {
                let refused = Self::new(ProblemKind::LimitReached, reason);
                help.into_iter().fold(refused, Self::help)
            }
            CommandError::WrongState { .. } => {
                Self::new(ProblemKind::WrongState, error.to_string())
            }
            CommandError::Refused { reason, help } => {
                let refused = Self::bad_job(reason);
                help.into_iter().fold(refused, Self::help)
            }
            CommandError::Journal { .. } | CommandError::Backup { .. } => Self::fault(error),
            CommandError::Busy { .. } => Self::busy(error.to_string()),
            CommandError::Stopped => Self::busy("the head is stopping"),
        }
    }
}

impl From<AccountsError> for ApiError {
    fn from(error: AccountsError) -> Self {
        use AccountsError as E;
        let told = error.to_string();
        match error {
            E::NoSuchUser(_) | E::NoSuchClass(_) | E::NoSuchSession(_) | E::NoSuchCode => {
                Self::new(ProblemKind::NoSuchAccount, told)
            }
            E::NoSuchNode(_) => {
                Self::new(ProblemKind::NoSuchNode, told).help("those that there are: bramble nodes")
            }
            E::NoSuchToken(_) => Self::new(ProblemKind::NotFound, told)
                .help("those that there are: bramble nodes token --list"),
            E::NameTaken { .. } | E::OfAnotherClass(_) => Self::new(ProblemKind::NameTaken, told)
                .help("choose another name: add the first letters of the second one, or a number"),
            E::WrongPin => Self::new(ProblemKind::WrongPin, told)
                .help("a teacher can give out a new PIN: bramble user reset-pin NAME"),
            E::NewPinNeeded => Self::new(ProblemKind::NewPinNeeded, told),
            E::TooManyTries { .. } => Self::new(ProblemKind::TooManyTries, told),
            E::BadName(_) | E::BadPin(_) | E::BadRole(_) | E::BadRoster { .. } => {
                Self::bad_request(told)
            }
            E::ClassClosed(_) | E::LastAdmin(_) => Self::new(ProblemKind::WrongState, told),
            E::Full { .. } => Self::new(ProblemKind::LimitReached, told),
            E::Open { .. }
            | E::NewerFormat { .. }
            | E::Database(_)
            | E::Random(_)
            | E::TokenFile { .. }
            | E::Hash(_) => Self::fault(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = answer(&self.problem);
        // For pages, which show it in their own way.
        response.extensions_mut().insert(Shown(*self.problem));
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

fn answer(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).expect("a problem holds nothing that JSON cannot");
    let mut response = (status, [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
    let header = match problem.kind {
        ProblemKind::Busy => Some((RETRY_AFTER, "5")),
        ProblemKind::TooManyTries => Some((RETRY_AFTER, "30")),
        ProblemKind::SignInNeeded => Some((WWW_AUTHENTICATE, "Bearer realm=\"bramble\"")),
        _ => None,
    };
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The last step of each request: logs the cause of a failure, once, and gives the refusals of
/// the framework the same form as ours.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    if let Some(Cause(cause)) = response.extensions().get() {
        let chain = error_chain(cause.as_ref());
        tracing::error!(%method, path, status, error = chain, "{method} {path} failed: {chain}");
    }
    let content_type = response.headers().get(CONTENT_TYPE);
    // A page says itself what is wrong.
    let is_ours = content_type == Some(&PROBLEM_JSON)
        || content_type.is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    if status < 400 || is_ours { response } else { reword(&method, &path, response).await }
}

async fn reword(method: &axum::http::Method, path: &str, response: Response) -> Response {
    let status = response.status();
    let problem = match status {
        StatusCode::NOT_FOUND => {
            Problem::new(ProblemKind::NotFound, format!("there is no page `{path}`"))
                .help("the API starts at /api/v1")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(ProblemKind::BadRequest, format!("`{path}` does not take {method}"))
        }
        _ => {
            let kind = match status.as_u16() {
                413 => ProblemKind::TooLarge,
                500.. => ProblemKind::Internal,
                _ => ProblemKind::BadRequest,
            };
            Problem::new(kind, status.canonical_reason().unwrap_or("not possible").to_lowercase())
        }
    };
    let (parts, body) = response.into_parts();
    let said = to_bytes(body, 1024).await.unwrap_or_default();
    let detail = (status.is_client_error() && !said.is_empty())
        .then(|| String::from_utf8_lossy(&said).into_owned());
    let mut reworded = answer(&Problem { status: status.as_u16(), detail, ..problem });
    if let Some(allowed) = parts.headers.get(ALLOW) {
        reworded.headers_mut().insert(ALLOW, allowed.clone());
    }
    if *method == axum::http::Method::HEAD {
        *reworded.body_mut() = Body::empty();
    }
    reworded
}

/// The first I/O error in a chain of causes.
pub(crate) fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    io_error(error).is_some_and(|error| full.contains(&error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("writing object abc")]
    struct Writing(#[source] io::Error);

    #[test]
    fn a_full_disk_deep_in_the_causes_is_told_apart_from_other_faults() {
        let kind = |kind: io::ErrorKind| ApiError::fault(Writing(kind.into())).problem.kind;
        assert_eq!(kind(io::ErrorKind::StorageFull), ProblemKind::DiskFull);
        assert_eq!(kind(io::ErrorKind::QuotaExceeded), ProblemKind::DiskFull);
        assert_eq!(kind(io::ErrorKind::PermissionDenied), ProblemKind::Internal);
    }

    #[test]
    fn a_fault_keeps_its_cause_out_of_the_answer() {
        let secret = io::Error::other("/secret/path");
        let error = ApiError::fault(Writing(secret));
        let told = serde_json::to_string(&error.problem).unwrap();
        assert!(!told.contains("secret") && !told.contains("abc"), "{told}");
        let Cause(cause) = error.cause.unwrap();
        assert_eq!(error_chain(cause.as_ref()), "writing object abc: /secret/path");
    }
}
