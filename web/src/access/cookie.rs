//! The cookie that browsers carry a session in.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// Its name, as in the OpenAPI document.
const NAME: &str = "bramble";

/// What sets it. Scripts never see it, and other sites never send it with what changes anything.
pub(crate) fn of(token: &str, lasts: Duration, is_tls: bool) -> String {
    let secure = if is_tls { "; Secure" } else { "" };
    let seconds = lasts.as_secs();
    format!("{NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// What removes it.
pub(crate) fn ended() -> String {
    format!("{NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

/// The token in a request's cookies. One that carries several is trusted with none: another site
/// under the same name has set one of them.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut own = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == NAME && !value.is_empty()).then_some(value)
    });
    let token = own.next()?;
    own.next().is_none().then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, line.parse().unwrap())).collect()
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        assert_eq!(token(&headers(&["a=1; bramble=brt_1; b=2"])), Some("brt_1"));
        assert_eq!(token(&headers(&["a=1", "bramble=brt_1"])), Some("brt_1"));
        for none in [&["a=1"][..], &[], &["bramble="], &["xbramble=1"], &["bramble"]] {
            assert_eq!(token(&headers(none)), None, "{none:?}");
        }
    }

    #[test]
    fn of_two_sessions_in_one_request_neither_is_taken() {
        assert_eq!(token(&headers(&["bramble=brt_1; bramble=brt_2"])), None);
    }
}
