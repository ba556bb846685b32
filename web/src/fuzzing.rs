//! What fuzzers call: readers of requests that are not public otherwise.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::access;

/// The token of a session that headers carry, if they carry one. Headers that no request can have
/// are left out.
pub fn carried_token(headers: &[(&str, &str)]) -> Option<String> {
    let headers = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    });
    access::carried_token(&headers.collect::<HeaderMap>()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_carried_by_a_header_or_else_by_a_cookie() {
        let bearer = ("authorization", "BEARER brt_1");
        let cookie = ("cookie", "a=1; bramble=brt_2");
        assert_eq!(carried_token(&[cookie, bearer]).as_deref(), Some("brt_1"));
        assert_eq!(carried_token(&[cookie]).as_deref(), Some("brt_2"));
        for none in ["Basic abc", "Bearer", "Bearer ", "brt_1", ""] {
            assert_eq!(carried_token(&[("authorization", none), cookie]), None, "{none:?}");
        }
    }
}
