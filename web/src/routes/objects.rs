//! Objects: which are missing, in by packs, out by digest.

use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use bramble_protocol::account::Role;
use bramble_protocol::api::{MissingRequest, MissingResponse, StoredResponse};
use bramble_protocol::{Digest, ObjectRef, ProblemKind, error_chain};
use bramble_store::pack::{self, PackError};

use crate::access::Asker;
use crate::body::{ApiJson, BodyReader, announced, refusal};
use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::routes::now_ms;
use crate::serving::{self, Content};
use crate::state::Head;
use crate::stored::no_such_object;

/// `POST /objects/missing`: which of these must be sent. Whoever is no admin is told of those only
/// that he has sent himself: whether somebody else has, he does not learn.
pub(crate) async fn missing(
    State(head): State<Head>,
    asker: Asker,
    ApiJson(request): ApiJson<MissingRequest>,
) -> ApiResult<Json<MissingResponse>> {
    let digests = request.digests;
    if digests.len() > MissingRequest::DIGESTS_MAX {
        let title = format!("at most {} digests in one question", MissingRequest::DIGESTS_MAX);
        return Err(ApiError::new(ProblemKind::TooLarge, title));
    }
    let (sender, accounts) = (Sender::of(&asker), head.accounts.clone());
    if matches!(sender, Sender::Node) {
        head.is_at_work(&asker).await?;
        // Which of them somebody else has sent is not a node's business.
        return Ok(Json(MissingResponse { missing: digests }));
    }
    let missing = head
        .with_store(move |store| {
            let not_held = match &sender {
                Sender::Admin => Vec::new(),
                Sender::User(user) => accounts.not_held(user, &digests)?,
                Sender::Node => return Ok(digests),
            };
            // What he sent once may be gone since.
            let unknown: HashSet<Digest> = not_held.into_iter().collect();
            let mut absent = store.missing(&digests).map_err(ApiError::fault)?;
            absent.retain(|digest| !unknown.contains(digest));
            let absent: HashSet<Digest> = absent.into_iter().collect();
            let is_missing = |digest: &Digest| unknown.contains(digest) || absent.contains(digest);
            Ok(digests.into_iter().filter(is_missing).collect())
        })
        .await?;
    Ok(Json(MissingResponse { missing }))
}

/// `POST /objects`: the body is a pack. It is stored while it comes in.
pub(crate) async fn receive(
    State(head): State<Head>,
    asker: Asker,
    request: Request,
) -> ApiResult<Json<StoredResponse>> {
    announced(request.headers(), limits::PACK_BYTES_MAX)?;
    let (sender, accounts) = (Sender::of(&asker), head.accounts.clone());
    if matches!(sender, Sender::Node) {
        head.is_at_work(&asker).await?;
    }
    head.may_send(&asker).await?;
    let place = head.uploads.take().await;
    let reader = BodyReader::new(request.into_body(), limits::PACK_BYTES_MAX);
    let reader = head.counted(&asker, reader);
    let objects = head
        .with_store(move |store| {
            let mut stored: Vec<Digest> = Vec::new();
            let received = pack::receive_telling(store, reader, |group| {
                if matches!(sender, Sender::User(_)) {
                    stored.extend(group.iter().map(|object| object.digest));
                }
            });
            drop(place);
            if let Sender::User(user) = &sender {
                accounts.hold(user, &stored, now_ms())?;
            }
            received.map_err(not_received)
        })
        .await?;
    Ok(Json(StoredResponse { objects }))
}

/// Whose objects they are.
enum Sender {
    /// Somebody who sees everything anyway.
    Admin,
    /// Somebody who knows of his own only.
    User(String),
    /// A node, which sends what its tasks made.
    Node,
}

impl Sender {
    fn of(asker: &Asker) -> Self {
        match &asker.person {
            Some(person) if person.role == Role::Admin => Self::Admin,
            Some(person) => Self::User(person.user.clone()),
            None => Self::Node,
        }
    }
}

/// `GET /objects/{digest}`: for a node, the bytes of what it works on, verified before the first is
/// sent.
pub(crate) async fn send(
    State(head): State<Head>,
    asker: Asker,
    Path(text): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let digest: Digest = text.parse().map_err(|error| ApiError::bad_request(format!("{error}")))?;
    head.is_read_by(&asker, digest).await?;
    send_verified(&head, digest, &method, &headers).await
}

/// Sends an object that whoever asks may have: as an attachment, which no browser shows.
pub(crate) async fn send_verified(
    head: &Head,
    digest: Digest,
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult<Response> {
    let size =
        head.with_store(move |store| store.size_of(&digest).map_err(ApiError::fault)).await?;
    let Some(size) = size else {
        head.forget(digest).await;
        return Err(no_such_object(&digest));
    };
    let content = Content {
        objects: vec![ObjectRef { digest, size }],
        tag: digest,
        name: digest.to_string(),
        // Bytes under a digest never change, so that nobody needs to ask twice.
        cache: "private, max-age=31536000, immutable",
    };
    serving::send(head, &content, method, headers).await
}

fn not_received(error: PackError) -> ApiError {
    if let Some(refused) = refusal(&error) {
        return refused;
    }
    match error {
        PackError::ObjectTooLarge { .. } | PackError::TooManyObjects { .. } => {
            ApiError::new(ProblemKind::TooLarge, error.to_string())
        }
        _ if error.is_malformed() => ApiError::bad_request("the pack is damaged")
            .detail(error_chain(&error))
            .help("send it again"),
        _ => ApiError::fault(error),
    }
}
