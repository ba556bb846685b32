//! A class roster is read or refused; the names on it can be names, and each is there once.
#![no_main]

use std::collections::BTreeSet;

use bramble_accounts::roster;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(names) = roster::parse(text) else { return };
    assert!((1..=roster::NAMES_MAX).contains(&names.len()));
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for name in &names {
        assert!(!name.is_empty() && !name.contains(char::is_whitespace), "{name:?}");
        assert!(!name.contains(char::is_control), "{name:?}");
    }
    // What was read is a roster itself.
    assert_eq!(roster::parse(&format!("name\n{}\n", names.join("\n"))).expect("it is one"), names);
});
