//! Finds out who asks, by the session that the request carries.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use bramble_accounts::Identity;

use super::{Asker, cookie};
use crate::error::{ApiError, ApiResult};
use crate::routes::now_ms;
use crate::state::{Head, blocking};

/// How a request carries its session.
enum Carried<'a> {
    /// In a header, which no page of another site can set.
    Header(&'a str),
    /// In a cookie, which browsers add by themselves.
    Cookie(&'a str),
}

/// Puts an [`Asker`] beside each request. A token that is nobody's makes its bearer a stranger.
pub(crate) async fn identify(
    State(head): State<Head>,
    mut request: Request,
    next: Next,
) -> ApiResult<Response> {
    let person = match carried(request.headers()) {
        Some(Carried::Header(token)) => head.accounts.authenticate(token, now_ms()),
        Some(Carried::Cookie(token)) => {
            let person = head.accounts.authenticate(token, now_ms());
            if person.is_some() {
                check_own_page(request.method(), request.headers())?;
            }
            person
        }
        None => None,
    };
    if let Some(person) = &person {
        note_seen(&head, person.clone());
    }
    let from = crate::peer::address(request.extensions());
    let is_tls = crate::peer::is_tls(request.extensions());
    let node_key = crate::peer::node_key(request.extensions());
    let asker = Asker { person, node_key, anyone_may_look: head.anyone_may_look, from, is_tls };
    request.extensions_mut().insert(asker);
    request.extensions_mut().insert(HeadVersion(head.version));
    Ok(next.run(request).await)
}

/// The version of the program, for pages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeadVersion(pub(crate) &'static str);

/// The token that is carried, however.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn carried_token(headers: &HeaderMap) -> Option<&str> {
    carried(headers).map(|carried| match carried {
        Carried::Header(token) | Carried::Cookie(token) => token,
    })
}

fn carried(headers: &HeaderMap) -> Option<Carried<'_>> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
        return is_token.then_some(Carried::Header(token));
    }
    cookie::token(headers).map(Carried::Cookie)
}

/// What changes anything must come from a page of ours, and say so: whoever has no `Origin` header
/// there is no browser of today, and programs carry their token in the other header.
fn check_own_page(method: &Method, headers: &HeaderMap) -> ApiResult<()> {
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let is_own = match site {
        Some(site) => matches!(site, "same-origin"),
        // That it is ours the origin check has seen to.
        None => headers.contains_key(ORIGIN),
    };
    if changes && !is_own {
        return Err(ApiError::forbidden("a session in a cookie is for pages of this head only")
            .detail("neither Origin nor Sec-Fetch-Site says that the request comes from one")
            .help("programs send `Authorization: Bearer TOKEN`"));
    }
    Ok(())
}

/// Has it written down that somebody was there, without making him wait.
fn note_seen(head: &Head, person: Identity) {
    let now_ms = now_ms();
    if head.accounts.was_seen_lately(&person, now_ms) {
        return;
    }
    let accounts = head.accounts.clone();
    tokio::spawn(blocking(move || {
        if let Err(error) = accounts.seen(&person, now_ms) {
            tracing::warn!("when a user was here is not kept: {error}");
        }
        Ok(())
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_preferred_to_a_cookie_and_other_schemes_are_none() {
        let headers = |pairs: &[(&'static str, &str)]| -> HeaderMap {
            pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect()
        };
        let both = headers(&[("authorization", "bearer brt_1"), ("cookie", "bramble=brt_2")]);
        assert!(matches!(carried(&both), Some(Carried::Header("brt_1"))));
        let basic = headers(&[("authorization", "Basic eA=="), ("cookie", "bramble=brt_2")]);
        assert!(carried(&basic).is_none());
        assert!(matches!(
            carried(&headers(&[("cookie", "bramble=brt_2")])),
            Some(Carried::Cookie("brt_2"))
        ));
    }

    #[test]
    fn a_cookie_alone_changes_nothing() {
        let headers = |name: &'static str, value: &str| -> HeaderMap {
            [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect()
        };
        let allowed = |headers: &HeaderMap| check_own_page(&Method::POST, headers).is_ok();
        assert!(!allowed(&HeaderMap::new()));
        assert!(!allowed(&headers("sec-fetch-site", "cross-site")));
        assert!(!allowed(&headers("sec-fetch-site", "same-site")));
        assert!(!allowed(&headers("sec-fetch-site", "none")));
        assert!(allowed(&headers("sec-fetch-site", "same-origin")));
        assert!(allowed(&headers("origin", "http://pi.local")));
        check_own_page(&Method::GET, &HeaderMap::new()).unwrap();
    }
}
