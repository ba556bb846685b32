//! Headers in which requests carry a session: what is found in them is a part of them.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let headers: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.split_once(": ")).take(64).collect();
    let Some(token) = bramble_web::fuzzing::carried_token(&headers) else { return };
    assert!(!token.is_empty() && token == token.trim(), "{token:?}");
    assert!(headers.iter().any(|(_, value)| value.contains(&token)), "{token:?}");
});
