//! What the form of a job sends, field by field; a file goes to the disk as it comes.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;

use axum::body::Body;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use bramble_protocol::{ProblemKind, Secret, SecretAccess, Secrets};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::faults::Faults;
use crate::access::Asker;
use crate::body::BodyReader;
use crate::error::{ApiError, ApiResult};
use crate::state::Head;
use crate::uploads::{BYTES_MAX, Upload};

/// Fields of one form.
const FIELDS_MAX: usize = 200;
/// The longest text of a field, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Fields {
    texts: BTreeMap<String, String>,
    /// Of parameters that are secret, never shown again.
    pub(super) secrets: Secrets,
    /// The file, when one came with the form.
    pub(super) file: Option<Upload>,
    /// What is wrong with some of them.
    pub(super) faults: Faults,
}

impl Fields {
    /// The text of a field without what is around it; `None` when it is empty or not there.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// A text as it was typed.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    /// Fills a field in, for a form that is shown for the first time.
    pub(super) fn set(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.texts.insert(name.into(), text.into());
    }

    /// Whether a box is ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.texts.contains_key(name)
    }

    /// A whole number, if one was typed.
    ///
    /// # Errors
    /// When something else was.
    pub(super) fn number(&self, name: &str, what: &str) -> ApiResult<Option<u64>> {
        let parse = |text: &str| {
            text.parse().map_err(|_| ApiError::bad_job(format!("{what} must be a whole number")))
        };
        self.typed(name).map(parse).transpose()
    }

    /// Reads a form.
    ///
    /// # Errors
    /// When it is none, has too much in it, or the disk fails.
    pub(super) async fn read(head: &Head, asker: &Asker, mut sent: Multipart) -> ApiResult<Self> {
        let mut fields = Self::default();
        let mut count = 0;
        while let Some(field) = sent.next_field().await.map_err(|error| broken(&error))? {
            count += 1;
            let name = field.name().unwrap_or_default().to_owned();
            if count > FIELDS_MAX || name.len() > 100 {
                return Err(ApiError::new(ProblemKind::TooLarge, "the form has too many fields"));
            }
            if field.file_name().is_some() {
                fields.take_file(head, asker, field).await?;
            } else if let Some(secret) = name.strip_prefix("secret-") {
                let text = Zeroizing::new(text_of(field).await?);
                if !text.is_empty() {
                    let bytes = Zeroizing::new(text.as_bytes().to_vec());
                    let secret_value = Secret::new(bytes, SecretAccess::Read);
                    fields.secrets.insert(secret.to_owned(), secret_value);
                }
            } else {
                fields.texts.insert(name, text_of(field).await?);
            }
        }
        Ok(fields)
    }

    async fn take_file(&mut self, head: &Head, asker: &Asker, field: Field<'_>) -> ApiResult<()> {
        let name = field.file_name().unwrap_or_default().to_owned();
        let mut stream = field.map(|piece| piece.map_err(|_| broken_off())).boxed();
        // A field without a file has no name and no bytes.
        let first = stream.next().await.transpose()?.unwrap_or_default();
        if name.is_empty() && first.is_empty() {
            return Ok(());
        }
        head.may_send(asker).await?;
        // How long it is, nobody has said.
        let upload = head.begin_upload(asker, name, BYTES_MAX).await?;
        let (body, sending) = piped(stream::once(async { Ok(first) }).chain(stream));
        let place = head.uploads.take().await;
        let reader = head.counted(asker, BodyReader::new(body, BYTES_MAX));
        let kept = upload.clone();
        let writing = head.with_uploads(move |uploads| {
            let end = uploads.append(&kept, 0, reader);
            drop(place);
            uploads.end_at(&kept, end?)
        });
        let (written, sent) = tokio::join!(writing, sending);
        match sent.and(written) {
            Ok(whole) => self.file = Some(whole),
            Err(error) => {
                let remove = head.with_uploads(move |uploads| {
                    uploads.remove(&upload);
                    Ok(())
                });
                remove.await?;
                return Err(error);
            }
        }
        Ok(())
    }
}

/// A body that gives what comes, for as long as the second part of the answer is waited for.
pub(super) fn piped(
    pieces: impl Stream<Item = ApiResult<Bytes>>,
) -> (Body, impl Future<Output = ApiResult<()>>) {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    let body = Body::from_stream(stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    }));
    let sending = async move {
        let mut pieces = pin!(pieces);
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => {
                    // Whoever reads does not want any more, and says why.
                    if sender.send(Ok(piece)).await.is_err() {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let _ = sender.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
                    return Err(error);
                }
            }
        }
        Ok(())
    };
    (body, sending)
}

async fn text_of(mut field: Field<'_>) -> ApiResult<String> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + piece.len() > TEXT_BYTES_MAX {
            return Err(ApiError::new(ProblemKind::TooLarge, "a text of the form is too long"));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::bad_request("a text of the form is no UTF-8"))
}

/// The answer to a form that cannot be read.
pub(super) fn broken(error: &MultipartError) -> ApiError {
    ApiError::bad_request("this is not what the page's form sends").detail(error.body_text())
}

/// The answer to a file that did not come to its end.
pub(super) fn broken_off() -> ApiError {
    ApiError::bad_request("the file broke off on its way").help("send the form again")
}
