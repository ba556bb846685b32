//! Short texts that people and requests name things by: what is read is written as the same.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bramble_protocol::account::Role;
use bramble_protocol::join::JoinToken;
use bramble_protocol::{
    Digest, Fingerprint, JobId, NodeSelector, PublicKey, SplitRule, TargetClass, node,
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    again::<Digest>(text);
    again::<JobId>(text);
    again::<PublicKey>(text);
    again::<Fingerprint>(text);
    if let Ok(token) = text.parse::<JoinToken>() {
        assert_eq!(token.text().expose(), text.trim().to_ascii_lowercase());
    }
    again::<SplitRule>(text);
    let _ = text.parse::<Role>().map(|role| assert_eq!(role.name(), text));
    let _ = text.parse::<TargetClass>().map(|class| assert_eq!(class.name(), text));
    if let Ok(NodeSelector::Named(names)) = text.parse() {
        assert!(names.iter().all(|name| node::is_node_name(name)));
    }
});

fn again<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    assert_eq!(value.to_string().parse().ok(), Some(value));
}
