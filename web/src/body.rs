//! Request bodies: read as JSON or as a blocking stream, within limits, never whole unless short.

use std::error::Error;
use std::io::{self, Read};

use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bramble_protocol::ProblemKind;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::error::ApiError;
use crate::limits;

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyFault {
    /// Nothing came any more, or too little.
    #[error("the request's body stopped coming")]
    Stalled,
    /// More came than may.
    #[error("the request's body is longer than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// The connection broke, or its framing is wrong.
    #[error("the request's body broke off")]
    Broken(#[source] axum::Error),
}

/// A body as a blocking reader, for a thread that may block.
pub(crate) struct BodyReader {
    runtime: Handle,
    body: BodyDataStream,
    piece: Bytes,
    left: u64,
    bytes_max: u64,
}

impl BodyReader {
    /// Reads at most `bytes_max` bytes of `body`; more is an error. Call within a runtime.
    pub(crate) fn new(body: Body, bytes_max: u64) -> Self {
        let body = body.into_data_stream();
        Self { runtime: Handle::current(), body, piece: Bytes::new(), left: bytes_max, bytes_max }
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let Some(piece) = self.runtime.block_on(self.body.next()) else {
                return Ok(0);
            };
            let piece = piece.map_err(io::Error::other)?;
            let too_large = BodyFault::TooLarge { bytes_max: self.bytes_max };
            let left = self.left.checked_sub(piece.len() as u64);
            self.left = left.ok_or_else(|| io::Error::other(too_large))?;
            self.piece = piece;
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// A short JSON body. What is wrong with it is answered as a problem.
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        parsed(&short_body(request).await?).map(Self)
    }
}

/// The same where all of it may be left out.
pub(crate) struct MaybeJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for MaybeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = short_body(request).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { parsed(&bytes).map(Self) }
    }
}

async fn short_body(request: Request) -> Result<Vec<u8>, ApiError> {
    let mut body = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| refusal(&error).unwrap_or_else(broken))?;
        if bytes.len() + piece.len() > limits::JSON_BYTES_MAX {
            let bytes_max = limits::JSON_BYTES_MAX as u64;
            return Err(answer(&BodyFault::TooLarge { bytes_max }));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        ApiError::bad_request("the request's body is not the JSON that belongs here")
            .detail(error.to_string())
    })
}

/// Refuses a body that says itself that it is too long, before anything of it is read.
pub(crate) fn announced(headers: &HeaderMap, bytes_max: u64) -> Result<(), ApiError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match length {
        Some(length) if bytes_max < length => Err(answer(&BodyFault::TooLarge { bytes_max })),
        _ => Ok(()),
    }
}

/// The answer to a failure that a request's body caused; `None` when something else did.
pub(crate) fn refusal(error: &(dyn Error + 'static)) -> Option<ApiError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<BodyFault>() {
            return Some(answer(fault));
        }
        // An I/O error's source is not what it wraps but what that was caused by.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn answer(fault: &BodyFault) -> ApiError {
    match fault {
        BodyFault::TooLarge { .. } => ApiError::new(ProblemKind::TooLarge, fault.to_string()),
        BodyFault::Stalled => ApiError::bad_request(fault.to_string()).help("send it again"),
        BodyFault::Broken(_) => ApiError::bad_request(fault.to_string()),
    }
}

fn broken() -> ApiError {
    ApiError::bad_request("the request's body broke off")
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn pieces(pieces: &[&'static [u8]]) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, io::Error>(*piece)).collect();
        Body::from_stream(stream::iter(pieces))
    }

    async fn read(body: Body, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut reader = BodyReader::new(body, bytes_max);
        let read = move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_not_past_it() {
        let body = || pieces(&[b"one ", b"", b"two"]);
        assert_eq!(read(body(), 7).await.unwrap(), b"one two");
        let error = read(body(), 6).await.unwrap_err();
        assert!(error.to_string().contains("longer than 6 bytes"), "{error}");
        assert!(refusal(&error).is_some());
    }
}
