//! Pictures of results and inputs as the head serves them: small, and encoded by the head.

use std::io::BufReader;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bramble_protocol::api::JobView;
use bramble_protocol::{Digest, ProblemKind};

use super::fil;
use super::picture::{self, Small};
use super::source::{Chain, Source, source_of};
use crate::error::{ApiError, ApiResult};
use crate::state::{Head, blocking};

/// The longest file that is decoded for a picture, in bytes.
pub(super) const SOURCE_BYTES_MAX: u64 = 256 << 20;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The result, as a picture.
    Result,
    /// The input, as a picture.
    Input,
    /// The input as spectra over time.
    Waterfall,
}

impl What {
    pub(crate) const ALL: [Self; 3] = [Self::Result, Self::Input, Self::Waterfall];

    /// Its name in addresses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Result => "result.png",
            Self::Input => "input.png",
            Self::Waterfall => "waterfall.png",
        }
    }

    /// The one of a name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// Shape of a picture, and how often each byte occurs in its small form.
pub(super) struct Measured {
    pub(super) width: u32,
    pub(super) height: u32,
    /// As wide and high as it is in full.
    full: (u32, u32),
    pub(super) counts: [u64; 256],
}

impl Measured {
    /// As wide and high as it is in full.
    pub(super) const fn full(&self) -> (u32, u32) {
        self.full
    }

    pub(super) fn same_shape(&self, other: &Self) -> bool {
        self.full == other.full
    }
}

/// Looks at a picture; `None` when it is none that can be shown.
pub(super) async fn measure(head: &Head, job: &JobView, what: What) -> ApiResult<Option<Measured>> {
    let small = small(head, job, what).await?;
    Ok(small.map(|small| {
        let mut counts = [0; 256];
        small.bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        Measured { width: small.width, height: small.height, full: small.full, counts }
    }))
}

async fn small(head: &Head, job: &JobView, what: What) -> ApiResult<Option<Small>> {
    let Source { objects, look } = source_of(head, job, what).await?;
    let total: u64 = objects.iter().map(|object| object.size).sum();
    if objects.is_empty() || total > SOURCE_BYTES_MAX {
        return Ok(None);
    }
    let place = head.views.take().await;
    let store = head.store.clone();
    blocking(move || {
        let reader = BufReader::with_capacity(64 << 10, Chain::new(store, objects));
        let small = match (what, look) {
            (What::Waterfall, None) => fil::waterfall(reader),
            _ => picture::small(reader),
        };
        let full = look.map(|look| (look.width, look.height));
        let small = small.map(|small| Small { full: full.unwrap_or(small.full), ..small });
        drop(place);
        Ok(small)
    })
    .await
}

/// A picture as the bytes of a PNG; `None` where there is none.
///
/// # Errors
/// When the objects cannot be read.
pub(crate) async fn picture(head: &Head, job: &JobView, what: What) -> ApiResult<Option<Vec<u8>>> {
    let Some(small) = small(head, job, what).await? else { return Ok(None) };
    blocking(move || Ok(small.encode())).await
}

/// The answer with a picture as PNG.
///
/// # Errors
/// When there is none.
pub(crate) async fn render(
    head: &Head,
    job: &JobView,
    what: What,
    headers: &HeaderMap,
) -> ApiResult<Response> {
    let none = || {
        ApiError::new(ProblemKind::NotFound, "there is no picture to be shown here")
            .detail("PNG, PGM and PPM are shown, and SIGPROC filterbanks as waterfalls")
    };
    let objects = source_of(head, job, what).await?.objects;
    let named: Vec<u8> = objects
        .iter()
        .flat_map(|object| *object.digest.as_bytes())
        .chain(what.name().bytes())
        .collect();
    let tag = format!("\"{}\"", Digest::of(&named));
    // What is named by its content never changes.
    let always = [(ETAG, tag.clone()), (CACHE_CONTROL, "private, max-age=86400".into())];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, always).into_response());
    }
    let png = picture(head, job, what).await?.ok_or_else(none)?;
    let media = [(CONTENT_TYPE, "image/png"), (CONTENT_SECURITY_POLICY, "sandbox")];
    Ok((always, media, png).into_response())
}
