//! Languages of the pages: which one somebody reads, its texts (Fluent files in `web/locales`),
//! and numbers as they are written in it.
//!
//! What programs read is never translated: JSON, logs, and what the scheduler and guests say.

mod format;
mod texts;

pub(crate) use format::rfc3339;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use fluent_bundle::{FluentArgs, FluentValue};

/// Cookie with the language that somebody has chosen.
pub(crate) const COOKIE_NAME: &str = "lang";

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
    /// No language: every English text in brackets and with accents, so that a text that was not
    /// taken from the files stands out. Chosen by its cookie only.
    Pseudo,
}

impl Lang {
    /// Those that people are offered.
    pub(crate) const OFFERED: [Self; 2] = [Self::En, Self::Ru];

    /// Its tag, as in the attribute `lang`.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
            // Private use, so that no browser offers to translate it.
            Self::Pseudo => "qps",
        }
    }

    /// Its own name.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Ru => "Русский",
            Self::Pseudo => "[!!]",
        }
    }

    /// The language of a tag; `None` when there is none.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        [Self::En, Self::Ru, Self::Pseudo].into_iter().find(|lang| lang.tag() == tag)
    }

    /// The text of a key.
    pub(crate) fn text(self, key: &str) -> String {
        texts::get(self, key, None)
    }

    /// The text of a key with values in it.
    pub(crate) fn with(self, key: &str, values: &[(&'static str, Value)]) -> String {
        let mut args = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            let value = match value {
                // As written in the language, so that Fluent need not know how.
                Value::Text(text) => FluentValue::from(text.as_str()),
                Value::Count(count) => FluentValue::from(*count as f64),
            };
            args.set(*name, value);
        }
        texts::get(self, key, Some(&args))
    }

    /// The language that a request asks for: by the cookie, else by the browser's settings.
    fn of(headers: &HeaderMap) -> Self {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let chosen = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| Self::of_tag(value).filter(|_| name == COOKIE_NAME));
        chosen.unwrap_or_else(|| {
            let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            accepted.map_or_else(Self::default, Self::preferred)
        })
    }

    /// The best of those that a browser accepts, by RFC 9110, section 12.5.4.
    fn preferred(accepted: &str) -> Self {
        let weighed = accepted.split(',').take(32).filter_map(|range| {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
            let primary = tag.trim().split('-').next()?.to_ascii_lowercase();
            let lang = Self::OFFERED.into_iter().find(|lang| lang.tag() == primary)?;
            (weight > 0.0).then_some((lang, weight))
        });
        // Of equal ones the first.
        let best = weighed.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or_else(Self::default, |(lang, _)| lang)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Lang {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

/// A value in a text.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// As it is.
    Text(String),
    /// A number by which forms of words are chosen.
    Count(u64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<u32> for Value {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(cookie: &str, accepted: &str) -> Lang {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(accepted).unwrap());
        Lang::of(&headers)
    }

    #[test]
    fn the_cookie_goes_before_the_browsers_settings_and_nonsense_is_english() {
        assert_eq!(asked("a=b; lang=ru", "en"), Lang::Ru);
        assert_eq!(asked("lang=xx", "ru-RU,ru;q=0.9,en;q=0.8"), Lang::Ru);
        assert_eq!(asked("", "de, en;q=0.7, ru;q=0.3"), Lang::En);
        assert_eq!(asked("", "en;q=0, ru;q=0.1"), Lang::Ru);
        assert_eq!(asked("", ";;;,q=,ru;q=x"), Lang::En);
    }

    #[test]
    fn words_have_the_form_that_their_number_asks_for() {
        let tasks = |lang: Lang, count: u64| lang.with("tasks", &[("count", count.into())]);
        assert_eq!([1, 2].map(|count| tasks(Lang::En, count)), ["1 task", "2 tasks"]);
        let russian = [1, 2, 5, 11, 21, 10_000].map(|count| tasks(Lang::Ru, count));
        let expected =
            ["1 задача", "2 задачи", "5 задач", "11 задач", "21 задача", "10\u{202f}000 задач"];
        assert_eq!(russian, expected);
    }
}
