//! The texts: read once from the files that are built in.

use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use super::Lang;

type Bundle = FluentBundle<FluentResource>;

/// Name and content of each file, in English and in Russian.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../locales/en/", $name, ".ftl")),
            include_str!(concat!("../../locales/ru/", $name, ".ftl")),
        )),*]
    };
}

const FILES: [(&str, &str, &str); 10] =
    files!("frame", "home", "jobs", "job", "new", "nodes", "people", "help", "results", "compare");

/// The text of a key; the key itself, in brackets, where there is none. A test sees to it that
/// there are all.
pub(super) fn get(lang: Lang, key: &str, args: Option<&FluentArgs<'_>>) -> String {
    static ENGLISH: OnceLock<Bundle> = OnceLock::new();
    static RUSSIAN: OnceLock<Bundle> = OnceLock::new();
    let bundle = match lang {
        Lang::En | Lang::Pseudo => ENGLISH.get_or_init(|| bundle(Lang::En)),
        Lang::Ru => RUSSIAN.get_or_init(|| bundle(Lang::Ru)),
    };
    let found = bundle.get_message(key).and_then(|message| message.value());
    let Some(pattern) = found else { return format!("⟦{key}⟧") };
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, args, &mut errors);
    debug_assert!(errors.is_empty(), "{key}: {errors:?}");
    match lang {
        Lang::Pseudo => pseudo(&text),
        Lang::En | Lang::Ru => text.into_owned(),
    }
}

fn bundle(lang: Lang) -> Bundle {
    let language: LanguageIdentifier = lang.tag().parse().expect("the tag of a language");
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // The marks around values are for texts of mixed directions, and would be copied with them.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(match lang {
        Lang::Ru => |value: &FluentValue<'_>, _: &_| number(value, Lang::Ru),
        Lang::En | Lang::Pseudo => |value: &FluentValue<'_>, _: &_| number(value, Lang::En),
    }));
    for (name, english, russian) in FILES {
        let source = if lang == Lang::Ru { russian } else { english };
        let resource = FluentResource::try_new(source.to_owned());
        let resource = resource.unwrap_or_else(|(_, errors)| panic!("{name}.ftl: {errors:?}"));
        if let Err(errors) = bundle.add_resource(resource) {
            panic!("{name}.ftl: {errors:?}");
        }
    }
    bundle
}

fn number(value: &FluentValue<'_>, lang: Lang) -> Option<String> {
    let FluentValue::Number(number) = value else { return None };
    (number.value >= 0.0).then(|| lang.number(number.value as u64))
}

/// What looks foreign and is still readable. Markup is not in texts, so every letter may change.
fn pseudo(text: &str) -> String {
    let accented: String = text
        .chars()
        .map(|c| match c {
            'a' => 'á',
            'e' => 'é',
            'i' => 'í',
            'o' => 'ó',
            'u' => 'ú',
            other => other,
        })
        .collect();
    format!("⟦{accented}⟧")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The keys of a file, each with the names of the values in its text.
    fn keys(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut keys = BTreeMap::new();
        let mut current = String::new();
        for line in source.lines() {
            let starts = line.chars().next().is_some_and(|c| c.is_ascii_lowercase());
            if let Some((key, _)) = line.split_once(" =").filter(|_| starts) {
                current = key.to_owned();
                assert!(keys.insert(current.clone(), BTreeSet::new()).is_none(), "{key} twice");
            }
            for piece in line.split('$').skip(1) {
                let name = piece.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_');
                keys.get_mut(&current).expect("a value in a text").insert(name.collect());
            }
        }
        keys
    }

    #[test]
    fn the_languages_have_the_same_texts_with_the_same_values() {
        for (name, english, russian) in FILES {
            assert_eq!(keys(english), keys(russian), "{name}.ftl");
        }
    }

    /// Calls `see` with the text of each source file of this crate.
    fn sources(dir: &Path, see: &mut dyn FnMut(&Path, &str)) {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, see);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                see(&path, &fs::read_to_string(&path).unwrap());
            }
        }
    }

    #[test]
    fn every_text_that_a_page_asks_for_is_there_and_none_is_left_over() {
        let known: BTreeSet<String> =
            FILES.iter().flat_map(|file| keys(file.1).into_keys()).collect();
        let mut literals = BTreeSet::new();
        sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut |path, source| {
            for call in ["text(\"", "with(\"", "with(\n"] {
                for rest in source.split(&format!(".{call}")).skip(1) {
                    let rest = rest.trim_start().trim_start_matches('"');
                    let key: String = rest
                        .chars()
                        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                        .collect();
                    assert!(known.contains(&key), "{}: there is no text `{key}`", path.display());
                }
            }
            for literal in source.split('"') {
                literals.insert(literal.to_owned());
            }
        });
        let composed = |key: &str| {
            // Such as `state-` and `running`.
            let mut cuts = key.match_indices('-').map(|(at, _)| &key[..=at]);
            cuts.any(|prefix| literals.iter().any(|it| it.starts_with(prefix) && it.contains('{')))
        };
        let unused: Vec<_> =
            known.iter().filter(|key| !literals.contains(*key) && !composed(key)).collect();
        assert!(unused.is_empty(), "no page uses {unused:?}");
    }
}
