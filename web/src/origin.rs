//! Keeps web pages of other sites away from the head.
//!
//! A browser sends requests to any address a page names, also to a head that only listens on
//! this computer. Two tricks matter. A page can send a form or open a WebSocket across sites:
//! then `Origin` names the page's site, which is not ours. Or its own name can be made to point
//! to this computer ("DNS rebinding"), so that browser and page take the head for that site:
//! then `Host` is a public name, which no head that listens on loopback only has.

use std::net::{IpAddr, SocketAddr};

use axum::Extension;
use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::{ApiError, ApiResult};

/// Where the server listens; absent when the app is called without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListensOn(pub(crate) SocketAddr);

/// Refuses what a page of another site asks for, with the reason.
pub(crate) async fn check(
    listens_on: Option<Extension<ListensOn>>,
    request: Request,
    next: Next,
) -> ApiResult<Response> {
    let headers = request.headers();
    let host = header(headers, &HOST);
    if let (Some(Extension(ListensOn(address))), Some(host)) = (listens_on, host)
        && address.ip().is_loopback()
        && !is_local_name(host)
    {
        let shown: String = host.chars().take(80).collect();
        return Err(ApiError::forbidden(format!(
            "this head serves its own computer only and is not called `{shown}`"
        ))
        .help(format!(
            "use http://localhost:{}, or start the head with --listen",
            address.port()
        )));
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let matters = changes || headers.contains_key(UPGRADE);
    if let Some(origin) = headers.get(ORIGIN)
        && matters
        && !is_same_site(origin.to_str().unwrap_or("null"), host)
    {
        return Err(ApiError::forbidden("a web page of another site may not change anything here")
            .detail("the Origin header does not match the Host header"));
    }
    Ok(next.run(request).await)
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or(""))
}

fn is_same_site(origin: &str, host: Option<&str>) -> bool {
    let site = origin.split_once("://").map(|(_, site)| site);
    matches!((site, host), (Some(site), Some(host)) if site.eq_ignore_ascii_case(host))
}

/// Whether only this computer or its own network can have given out this name.
fn is_local_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || name.ends_with(".localhost")
        || name.ends_with(".local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_are_not_local() {
        for local in
            ["localhost", "127.0.0.1:8420", "[::1]:8420", "pi:8420", "pi.local", "LOCALHOST."]
        {
            assert!(is_local_name(local), "{local}");
        }
        for public in ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "", "a b"] {
            assert!(!is_local_name(public), "{public}");
        }
    }

    #[test]
    fn the_same_site_is_the_same_host_and_port() {
        assert!(is_same_site("http://pi.local:8420", Some("pi.local:8420")));
        assert!(is_same_site("http://PI.local", Some("pi.local")));
        for (origin, host) in [
            ("http://evil.example", Some("pi.local")),
            ("http://pi.local:80", Some("pi.local:8420")),
            ("null", Some("pi.local")),
            ("http://pi.local", None),
        ] {
            assert!(!is_same_site(origin, host), "{origin}");
        }
    }
}
