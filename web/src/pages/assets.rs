//! Style sheets and scripts: built in, named by their content, compressed once.

use std::io::Write;
use std::sync::OnceLock;

use axum::extract::{Path, RawQuery};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bramble_protocol::{Digest, Problem, ProblemKind};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::ApiError;

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Name, media type and content of each.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("app.css", CSS, include_bytes!("../../assets/app.css")),
    ("app.js", SCRIPT, include_bytes!("../../assets/app.js")),
    ("new.js", SCRIPT, include_bytes!("../../assets/new.js")),
    ("icon.svg", SVG, include_bytes!("../../assets/icon.svg")),
];

/// The style sheet of all pages, for a page that is to stand alone.
pub(super) fn style_sheet() -> &'static str {
    include_str!("../../assets/app.css")
}

struct Asset {
    media: &'static str,
    plain: &'static [u8],
    packed: Vec<u8>,
    /// Of the plain bytes, as far as it is needed to tell versions apart.
    version: String,
}

fn assets() -> &'static [(&'static str, Asset)] {
    static ASSETS: OnceLock<Vec<(&str, Asset)>> = OnceLock::new();
    ASSETS.get_or_init(|| {
        let asset = |(name, media, plain): (&'static str, _, &'static [u8])| {
            let version = Digest::of(plain).to_string()[..16].to_owned();
            (name, Asset { media, plain, packed: gzip(plain, Compression::best()), version })
        };
        FILES.into_iter().map(asset).collect()
    })
}

/// Bytes as gzip.
pub(super) fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written to")
}

/// Whether a client takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse() != Ok(0.0)
    })
}

/// The address of an asset. It changes with its content, so that it can be kept for ever.
pub(super) fn address(name: &str) -> String {
    let asset = assets().iter().find(|(known, _)| *known == name);
    let version = asset.map_or("", |(_, asset)| &asset.version);
    format!("/assets/{name}?v={version}")
}

/// `GET /assets/{name}`.
pub(crate) async fn send(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some((_, asset)) = assets().iter().find(|(known, _)| *known == name) else {
        return Err(Problem::new(ProblemKind::NotFound, "there is no such asset").into());
    };
    // An address without this version, such as one typed, may mean another one tomorrow.
    let is_this = query.is_some_and(|query| query == format!("v={}", asset.version));
    let kept = if is_this { "public, max-age=31536000, immutable" } else { "no-cache" };
    let always = [
        (ETAG, format!("\"{}\"", asset.version)),
        (CACHE_CONTROL, kept.to_owned()),
        (VARY, "accept-encoding".to_owned()),
    ];
    let tag = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if tag.is_some_and(|tag| tag.contains(&asset.version)) {
        return Ok((StatusCode::NOT_MODIFIED, always).into_response());
    }
    let media = [(CONTENT_TYPE, asset.media)];
    Ok(if takes_gzip(&headers) {
        let packed = [(CONTENT_ENCODING, "gzip")];
        (always, media, packed, asset.packed.as_slice()).into_response()
    } else {
        (always, media, asset.plain).into_response()
    })
}
