//! An error in one line.

use std::error::Error;

/// The texts of `error` and of all its sources, outermost first, joined by `: `; without those
/// that say again what stands there already.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (text, rest) = texts.split_first().expect("at least one");
        let source = (!rest.is_empty()).then(|| Box::new(layers(rest)));
        Layer { text, source }
    }

    #[test]
    fn causes_follow_what_they_caused_and_nothing_is_said_twice() {
        let error = layers(&["cannot start", "cannot open x: no such file", "no such file"]);
        assert_eq!(error_chain(&error), "cannot start: cannot open x: no such file");
    }
}
