//! The parts of a topic as they were made last, each with the version in which it changed.

use std::sync::Arc;

use super::Part;

/// All parts of a topic.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Grows by one with each change.
    pub(super) version: u64,
    parts: Vec<Made>,
}

#[derive(Clone, Debug)]
struct Made {
    id: String,
    html: Arc<str>,
    version: u64,
}

impl Parts {
    /// What follows when these parts were made; `None` when nothing has changed.
    pub(super) fn followed_by(&self, made: Vec<Part>) -> Option<Self> {
        let version = self.version + 1;
        let mut is_new = made.len() != self.parts.len();
        let parts = made
            .into_iter()
            .map(|part| {
                let html = part.markup.into_string();
                let known = self.parts.iter().find(|known| known.id == part.id);
                match known.filter(|known| *known.html == *html) {
                    Some(known) => known.clone(),
                    None => {
                        is_new = true;
                        Made { id: part.id, html: html.into(), version }
                    }
                }
            })
            .collect();
        is_new.then_some(Self { version, parts })
    }

    /// What has changed since a version, as HTML.
    pub(super) fn since(&self, version: u64) -> String {
        let changed = self.parts.iter().filter(|part| part.version > version);
        changed.map(|part| &*part.html).collect()
    }
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;

    fn part(id: &str, text: &str) -> Part {
        Part { id: id.into(), markup: html! { p id=(id) { (text) } } }
    }

    #[test]
    fn only_what_changed_is_sent_and_who_comes_late_gets_all() {
        let first = Parts::default().followed_by(vec![part("a", "1"), part("b", "1")]).unwrap();
        assert!(first.followed_by(vec![part("a", "1"), part("b", "1")]).is_none());
        let second = first.followed_by(vec![part("a", "1"), part("b", "2")]).unwrap();
        let third = second.followed_by(vec![part("a", "3"), part("b", "2")]).unwrap();
        assert_eq!(third.since(second.version), "<p id=\"a\">3</p>");
        assert_eq!(third.since(first.version), "<p id=\"a\">3</p><p id=\"b\">2</p>");
        assert_eq!(third.since(0), "<p id=\"a\">3</p><p id=\"b\">2</p>");
    }
}
