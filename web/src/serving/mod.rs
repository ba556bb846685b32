//! Sending stored bytes: in whole or a range of them, and only to whoever has not got them.

mod bytes;
mod file_name;
mod range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bramble_protocol::{Digest, ObjectRef};

pub(crate) use bytes::{READ_BYTES_MAX, read_range};
use range::{Span, Wanted, wanted};

use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::state::Head;

/// What is to be sent.
pub(crate) struct Content {
    /// Its bytes, one object after the other.
    pub(crate) objects: Vec<ObjectRef>,
    /// Names exactly these bytes: the strong `ETag`.
    pub(crate) tag: Digest,
    /// What its file should be called.
    pub(crate) name: String,
    /// How long a browser may keep it.
    pub(crate) cache: &'static str,
}

/// What a request wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It was changed, and whoever asks wanted the old one or none.
    Changed,
    /// Whoever asks has it.
    NotModified,
    /// All of it.
    Whole,
    /// A part of it.
    Part(Span),
    /// A part that begins behind its end.
    Outside,
}

impl Content {
    fn size(&self) -> u64 {
        self.objects.iter().fold(0, |sum, object| sum.saturating_add(object.size))
    }
}

/// Sends it as an attachment, which no browser shows, or what the request wants of it. Each object
/// is verified before the first byte of it is sent.
///
/// # Errors
/// When the first object that is wanted is gone or damaged; when a range or a tag is asked for that
/// there is not.
pub(crate) async fn send(
    head: &Head,
    content: &Content,
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult<Response> {
    let (tag, size) = (format!("\"{}\"", content.tag), content.size());
    let answer = answer(method, headers, &tag, size);
    let always = [(ETAG, tag), (CACHE_CONTROL, content.cache.into())];
    let (status, span) = match answer {
        Answer::NotModified => return Ok((StatusCode::NOT_MODIFIED, always).into_response()),
        Answer::Changed => return Err(changed()),
        Answer::Outside => return Ok(outside(size)),
        Answer::Whole => (StatusCode::OK, Span::whole(size)),
        Answer::Part(span) => (StatusCode::PARTIAL_CONTENT, span),
    };
    let body = match span.length {
        // Its length is said below.
        _ if method == Method::HEAD => Body::empty(),
        short if short <= limits::PIECE_BYTES as u64 => {
            read_range(head, &content.objects, span.from, span.length).await?.into()
        }
        _ => bytes::stream_range(head, &content.objects, span).await?,
    };
    let described = [
        (CONTENT_TYPE, "application/octet-stream".into()),
        (CONTENT_LENGTH, span.length.to_string()),
        (CONTENT_DISPOSITION, file_name::attachment(&content.name)),
        (CONTENT_SECURITY_POLICY, "sandbox".into()),
        (ACCEPT_RANGES, "bytes".into()),
    ];
    let range = (status == StatusCode::PARTIAL_CONTENT).then(|| {
        let last = span.from + span.length - 1;
        [(CONTENT_RANGE, format!("bytes {}-{last}/{size}", span.from))]
    });
    let mut response = (status, always, described, body).into_response();
    if let Some([(name, value)]) = range {
        let value = HeaderValue::from_str(&value).map_err(ApiError::fault)?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// The order of RFC 9110, section 13.2.2.
fn answer(method: &Method, headers: &HeaderMap, tag: &str, size: u64) -> Answer {
    if headers.contains_key(IF_MATCH) && !names(headers, &IF_MATCH, tag, Comparison::Strong) {
        return Answer::Changed;
    }
    if names(headers, &IF_NONE_MATCH, tag, Comparison::Weak) {
        return Answer::NotModified;
    }
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Answer::Whole };
    // A date never is this one: none is given.
    let is_same = headers.get(IF_RANGE).is_none_or(|given| given == tag);
    // Ranges are defined for this method only.
    if method != Method::GET || !is_same {
        return Answer::Whole;
    }
    match wanted(range.to_str().unwrap_or_default(), size) {
        Wanted::Whole => Answer::Whole,
        Wanted::Part(span) => Answer::Part(span),
        Wanted::Outside => Answer::Outside,
    }
}

/// How tags are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// A weak tag is as good as a strong one.
    Weak,
    /// A weak tag names nothing.
    Strong,
}

/// Whether a header lists a tag, or any.
fn names(headers: &HeaderMap, header: &HeaderName, tag: &str, how: Comparison) -> bool {
    let listed = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let mut tags = listed.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|given| {
        let weak = given.strip_prefix("W/").filter(|_| how == Comparison::Weak);
        given == "*" || weak.unwrap_or(given) == tag
    })
}

fn changed() -> ApiError {
    ApiError::bad_request("it is not the one that was asked for")
        .status(StatusCode::PRECONDITION_FAILED)
        .detail("its ETag is none of those in If-Match")
        .help("ask for it without If-Match")
}

fn outside(size: u64) -> Response {
    let error = ApiError::bad_request("the range lies behind the end")
        .status(StatusCode::RANGE_NOT_SATISFIABLE)
        .detail(format!("there are {size} bytes"))
        .help("ask for bytes before that, or for all of it without Range");
    let mut response = error.into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"a\"";

    fn answered(method: &Method, headers: &[(HeaderName, &'static str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        answer(method, &map, TAG, 10)
    }

    #[test]
    fn conditions_come_in_the_order_of_the_standard() {
        let part = Answer::Part(Span { from: 0, length: 2 });
        let range = (RANGE, "bytes=0-1");
        for (headers, expected) in [
            (vec![], Answer::Whole),
            (vec![range.clone()], part),
            (vec![(IF_MATCH, TAG), range.clone()], part),
            (vec![(IF_MATCH, "*"), range.clone()], part),
            (vec![(IF_MATCH, "\"b\""), range.clone()], Answer::Changed),
            (vec![(IF_MATCH, "W/\"a\"")], Answer::Changed),
            (vec![(IF_MATCH, "\"b\""), (IF_NONE_MATCH, TAG)], Answer::Changed),
            (vec![(IF_NONE_MATCH, TAG), range.clone()], Answer::NotModified),
            (vec![(IF_NONE_MATCH, "\"b\", W/\"a\"")], Answer::NotModified),
            (vec![(IF_NONE_MATCH, "\"b\""), range.clone()], part),
            (vec![(IF_RANGE, TAG), range.clone()], part),
            (vec![(IF_RANGE, "W/\"a\""), range.clone()], Answer::Whole),
            (vec![(IF_RANGE, "\"b\""), range.clone()], Answer::Whole),
            (vec![(IF_RANGE, "Wed, 21 Oct 2015 07:28:00 GMT"), range.clone()], Answer::Whole),
            (vec![(IF_RANGE, "\"b\""), (RANGE, "bytes=10-")], Answer::Whole),
            (vec![(RANGE, "bytes=10-")], Answer::Outside),
            (vec![range.clone(), (RANGE, "bytes=4-5")], Answer::Whole),
        ] {
            assert_eq!(answered(&Method::GET, &headers), expected, "{headers:?}");
        }
        assert_eq!(answered(&Method::HEAD, std::slice::from_ref(&range)), Answer::Whole);
        assert_eq!(answered(&Method::HEAD, &[(IF_NONE_MATCH, TAG)]), Answer::NotModified);
    }
}
