//! The frame of every page: head, navigation, language, what was just done.

use axum::extract::FromRequestParts;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bramble_protocol::Digest;
use bramble_protocol::account::Role;
use flate2::Compression;
use maud::{DOCTYPE, Markup, html};

use super::assets::{self, gzip, takes_gzip};
use crate::access::{Asker, HeadVersion, Need};
use crate::lang::Lang;

/// What a page may do: be styled by our sheets, run our scripts, ask us, send forms to us.
/// Nothing inline runs, nobody frames it, nothing is fetched from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Pages that are shorter than this are sent as they are, in bytes: one packet holds them.
const PACKED_FROM: usize = 1400;

/// What may stand after `?done=`: the text `done-NAME` is shown.
const DEEDS: [&str; 18] = [
    "canceled",
    "retried",
    "drained",
    "undrained",
    "added",
    "closed",
    "opened",
    "removed",
    "approved",
    "rejected",
    "revoked",
    "ended",
    "paused",
    "resumed",
    "limited",
    "power-on",
    "power-off",
    "power-auto",
];

/// Whoever looks at a page: who, in which language, at what.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) asker: Asker,
    pub(crate) lang: Lang,
    /// The path and query of the page.
    pub(crate) here: String,
    version: &'static str,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = crate::error::ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Ok(lang) = Lang::from_request_parts(parts, state).await;
        let asker = Asker::from_request_parts(parts, state).await?;
        let here = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        let mut headers = HeaderMap::new();
        for name in [axum::http::header::ACCEPT_ENCODING, IF_NONE_MATCH] {
            if let Some(value) = parts.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        let version = parts.extensions.get::<HeadVersion>().copied().unwrap_or_default().0;
        Ok(Self { asker, lang, here, version, headers })
    }
}

impl Visit {
    /// The value of a name in the page's query, as it is: for words of a closed list and numbers.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.queries(name).next()
    }

    /// All that a query says of `name`, as it stands there.
    pub(crate) fn queries(&self, name: &str) -> impl Iterator<Item = &str> {
        let query = self.here.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.filter(move |(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Whether the page is for a screen that nobody sits at.
    pub(crate) fn is_kiosk(&self) -> bool {
        self.query("kiosk") == Some("1")
    }

    /// Whoever looks, as those who make live parts need to know him.
    pub(crate) fn viewer(&self) -> crate::live::Viewer {
        crate::live::Viewer { asker: self.asker.clone(), lang: self.lang }
    }

    /// Whether whoever looks would be admitted to what needs this.
    pub(crate) fn may(&self, need: Need) -> bool {
        crate::access::check(need, &self.asker).is_ok()
    }
}

/// The places in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Home,
    Jobs,
    New,
    Nodes,
    Class,
    Admin,
    Help,
    Nowhere,
}

impl Place {
    const ALL: [(Self, &'static str, &'static str, Need); 7] = [
        (Self::Home, "/", "nav-home", Need::Nothing),
        (Self::Jobs, "/j", "nav-jobs", Need::Run),
        (Self::New, "/new", "nav-new", Need::Run),
        (Self::Nodes, "/n", "nav-nodes", Need::Look),
        (Self::Class, "/class", "nav-class", Need::Teach),
        (Self::Admin, "/admin", "nav-admin", Need::Administer),
        (Self::Help, "/help", "nav-help", Need::Nothing),
    ];
}

/// A page before it is framed.
pub(crate) struct Page {
    /// Its title and first heading.
    pub(crate) title: String,
    /// Where it stands in the navigation.
    pub(crate) place: Place,
    /// What it holds under its heading.
    pub(crate) content: Markup,
    /// What of it changes: see [`crate::live`].
    pub(crate) live: Vec<String>,
    /// Whether scripts look again now and then, because no topic tells of what changes.
    pub(crate) again: bool,
    /// Scripts beside the one that all have.
    pub(crate) scripts: &'static [&'static str],
    /// Style sheets beside the one that all have.
    pub(crate) styles: &'static [&'static str],
}

impl Page {
    pub(crate) fn new(title: impl Into<String>, place: Place, content: Markup) -> Self {
        let (live, scripts, styles) = (Vec::new(), &[][..], &[][..]);
        Self { title: title.into(), place, content, live, again: false, scripts, styles }
    }

    /// Makes parts of it follow these topics.
    pub(crate) fn live(mut self, topics: impl IntoIterator<Item = String>) -> Self {
        self.live.extend(topics);
        self
    }

    /// Has its parts, which have ids, looked at again now and then.
    pub(crate) fn again(mut self) -> Self {
        self.again = true;
        self
    }

    /// Gives it scripts.
    pub(crate) fn scripts(mut self, scripts: &'static [&'static str]) -> Self {
        self.scripts = scripts;
        self
    }

    /// Sends it.
    pub(crate) fn send(self, visit: &Visit) -> Response {
        self.send_as(StatusCode::OK, visit)
    }

    /// Sends it with a status.
    pub(crate) fn send_as(self, status: StatusCode, visit: &Visit) -> Response {
        let html = frame(&self, visit).into_string();
        let tag = format!("\"{}\"", &Digest::of(html.as_bytes()).to_string()[..32]);
        let known = visit.headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let mut response = if status == StatusCode::OK && known == Some(tag.as_str()) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if html.len() >= PACKED_FROM && takes_gzip(&visit.headers) {
            let packed = gzip(html.as_bytes(), Compression::fast());
            (status, [(CONTENT_ENCODING, "gzip")], packed).into_response()
        } else {
            (status, html).into_response()
        };
        let fixed: [(HeaderName, &'static str); 4] = [
            (CONTENT_SECURITY_POLICY, POLICY),
            // It says who is signed in.
            (CACHE_CONTROL, "no-store"),
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (VARY, "accept-encoding, accept-language, cookie"),
        ];
        for (name, value) in fixed {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

fn frame(page: &Page, visit: &Visit) -> Markup {
    let lang = visit.lang;
    let done = visit.query("done").filter(|deed| DEEDS.contains(deed));
    let live = page.live.join(" ");
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · bramble" }
                link rel="icon" type="image/svg+xml" href=(assets::address("icon.svg"));
                @for sheet in ["app.css"].iter().chain(page.styles) {
                    link rel="stylesheet" href=(assets::address(sheet));
                }
                @for script in ["app.js"].iter().chain(page.scripts) {
                    script type="module" src=(assets::address(script)) {}
                }
            }
            body class=[visit.is_kiosk().then_some("kiosk")] {
                a.skip href="#main" { (lang.text("skip")) }
                (header(page.place, visit))
                main id="main" data-live=[(!live.is_empty()).then_some(&live)] data-again[page.again]
                    tabindex="-1" {
                    @if let Some(done) = done {
                        p.done role="status" { (lang.text(&format!("done-{done}"))) }
                    }
                    h1 { (page.title) }
                    (page.content)
                }
                footer {
                    span { "bramble " (visit.version) }
                    (languages(visit))
                }
            }
        }
    }
}

fn header(active: Place, visit: &Visit) -> Markup {
    let lang = visit.lang;
    html! {
        header.top {
            a.brand href="/" { (mark()) span { "bramble" } }
            nav aria-label=(lang.text("nav")) {
                @for (place, path, key, need) in Place::ALL {
                    @if visit.may(need) {
                        a href=(path) aria-current=[(place == active).then_some("page")] {
                            (lang.text(key))
                        }
                    }
                }
            }
            div.who {
                @match &visit.asker.person {
                    Some(person) => {
                        a href="/me" {
                            (person.user) " "
                            small { (role(lang, person.role)) }
                        }
                        form method="post" action="/logout" {
                            button.quiet { (lang.text("sign-out")) }
                        }
                    }
                    None => { a.button href="/login" { (lang.text("sign-in")) } }
                }
            }
        }
    }
}

/// A role in words.
pub(crate) fn role(lang: Lang, role: Role) -> String {
    lang.text(&format!("role-{}", role.name()))
}

/// The mark of the project: a cane with four berries, one for each node of the first bramble.
fn mark() -> Markup {
    html! {
        svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" class="mark" {
            path d="M3 21C7 13 13 8 21 4" fill="none" stroke="currentColor" stroke-width="2"
                stroke-linecap="round" {}
            circle cx="8" cy="8" r="3.2" {}
            circle cx="15" cy="4.6" r="2.6" {}
            circle cx="13" cy="15.4" r="3.2" {}
            circle cx="19.4" cy="11" r="2.6" {}
        }
    }
}

/// Links by which a reader chooses his language; they come back to this page.
fn languages(visit: &Visit) -> Markup {
    html! {
        form.languages method="post" action="/lang" aria-label=(visit.lang.text("language")) {
            input type="hidden" name="next" value=(visit.here);
            @for lang in Lang::OFFERED {
                button.quiet name="lang" value=(lang.tag()) lang=(lang.tag())
                    aria-pressed=(if lang == visit.lang { "true" } else { "false" }) {
                    (lang.own_name())
                }
            }
        }
    }
}
