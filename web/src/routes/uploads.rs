//! Files from browsers, piece by piece: the core of tus 1.0.0, with its extensions creation and
//! termination (<https://tus.io/protocols/resumable-upload>).

use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use bramble_protocol::{Problem, ProblemKind};

use crate::access::Asker;
use crate::body::{BodyReader, announced};
use crate::error::{ApiError, ApiResult};
use crate::state::{Head, Shared, blocking};
use crate::uploads::{self, Upload, UploadError};

const TUS: HeaderName = HeaderName::from_static("tus-resumable");
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX: HeaderName = HeaderName::from_static("tus-max-size");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
/// The only media type of a piece.
const PIECE: &str = "application/offset+octet-stream";

/// `OPTIONS /uploads`: what of tus there is.
pub(crate) async fn options() -> Response {
    let most = HeaderValue::from(uploads::BYTES_MAX);
    let extensions = HeaderValue::from_static("creation,termination");
    let headers = [(TUS_VERSION, VERSION), (TUS_EXTENSION, extensions), (TUS_MAX, most)];
    (StatusCode::NO_CONTENT, [(TUS, VERSION)], headers).into_response()
}

/// `POST /uploads`: begins a file of `Upload-Length` bytes.
pub(crate) async fn begin(
    State(head): State<Head>,
    asker: Asker,
    headers: HeaderMap,
) -> ApiResult<Response> {
    check_version(&headers)?;
    let length = number(&headers, &LENGTH)?;
    let name =
        headers.get(METADATA).and_then(|it| file_name(it.to_str().ok()?)).unwrap_or_default();
    head.may_send(&asker).await?;
    let upload = head.begin_upload(&asker, name, length).await?;
    let location = format!("/api/v1/uploads/{}", upload.id);
    Ok((StatusCode::CREATED, [(TUS, VERSION)], [(LOCATION, location)]).into_response())
}

/// `HEAD /uploads/{upload}`: how much of it is here.
pub(crate) async fn offset(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let upload = head.upload_of(&asker, &id).await?;
    let here =
        head.with_uploads(move |uploads| uploads.offset(&upload).map(|it| (it, upload.length)));
    let (here, length) = here.await?;
    let headers = [(OFFSET, HeaderValue::from(here)), (LENGTH, HeaderValue::from(length))];
    let kept = [(CACHE_CONTROL, HeaderValue::from_static("no-store")), (TUS, VERSION)];
    Ok((StatusCode::NO_CONTENT, headers, kept).into_response())
}

/// `PATCH /uploads/{upload}`: the next piece, which begins at `Upload-Offset`.
pub(crate) async fn append(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<Response> {
    let headers = request.headers();
    check_version(headers)?;
    if headers.get(CONTENT_TYPE).is_none_or(|media| media != PIECE) {
        let mut problem = Problem::new(ProblemKind::BadRequest, "a piece has another media type");
        problem.status = StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16();
        return Err(ApiError::from(problem).help(format!("content-type: {PIECE}")));
    }
    let offset = number(headers, &OFFSET)?;
    let upload = head.upload_of(&asker, &id).await?;
    announced(headers, upload.length.saturating_sub(offset))?;
    head.may_send(&asker).await?;
    let place = head.uploads.take().await;
    let reader = BodyReader::new(request.into_body(), uploads::BYTES_MAX);
    let reader = head.counted(&asker, reader);
    let appended = head.with_uploads(move |uploads| {
        let end = uploads.append(&upload, offset, reader);
        drop(place);
        end
    });
    let headers = [(OFFSET, HeaderValue::from(appended.await?)), (TUS, VERSION)];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// `DELETE /uploads/{upload}`: it is not wanted any more.
pub(crate) async fn remove(
    State(head): State<Head>,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let upload = head.upload_of(&asker, &id).await?;
    head.with_uploads(move |uploads| {
        uploads.remove(&upload);
        Ok(())
    })
    .await?;
    Ok((StatusCode::NO_CONTENT, [(TUS, VERSION)]).into_response())
}

fn check_version(headers: &HeaderMap) -> ApiResult<()> {
    if headers.get(TUS).is_some_and(|version| version == VERSION) {
        return Ok(());
    }
    let mut problem = Problem::new(ProblemKind::BadRequest, "uploads are made by tus 1.0.0");
    problem.status = StatusCode::PRECONDITION_FAILED.as_u16();
    Err(ApiError::from(problem).help("tus-resumable: 1.0.0"))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> ApiResult<u64> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    value.ok_or_else(|| ApiError::bad_request(format!("`{name}` must be a number of bytes")))
}

/// The name of the file out of tus' metadata: `filename` and base64, between commas.
fn file_name(metadata: &str) -> Option<String> {
    let pairs = metadata.split(',').filter_map(|pair| pair.trim().split_once(' '));
    let (_, encoded) = pairs.into_iter().find(|(key, _)| *key == "filename")?;
    String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()
}

impl Shared {
    /// Runs `work` on the files that are on their way, on a thread that may block.
    pub(crate) async fn with_uploads<T: Send + 'static>(
        &self,
        work: impl FnOnce(&uploads::Uploads) -> Result<T, UploadError> + Send + 'static,
    ) -> ApiResult<T> {
        let uploads = self.files.clone();
        blocking(move || Ok(work(&uploads)?)).await
    }

    /// Begins a file of whoever asks.
    pub(crate) async fn begin_upload(
        &self,
        asker: &Asker,
        name: String,
        length: u64,
    ) -> ApiResult<Upload> {
        let owner = asker.signed_in()?.user.clone();
        self.with_uploads(move |uploads| uploads.begin(&owner, &name, length)).await
    }

    /// A file of whoever asks.
    pub(crate) async fn upload_of(&self, asker: &Asker, id: &str) -> ApiResult<Upload> {
        let (owner, id) = (asker.signed_in()?.user.clone(), id.to_owned());
        self.with_uploads(move |uploads| uploads.find(&owner, &id)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_read_as_tus_writes_them() {
        // `printf 'числа.txt' | base64`, coreutils 9.1.
        let metadata = "filetype dGV4dA==,filename 0YfQuNGB0LvQsC50eHQ=";
        assert_eq!(file_name(metadata).as_deref(), Some("числа.txt"));
        assert_eq!(file_name("filename"), None);
        assert_eq!(file_name("filename !!!!"), None);
    }
}
