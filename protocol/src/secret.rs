//! Values that nobody is to see but the tasks they are for: how they are held, sent and named.
//!
//! A [`Secret`] cannot be printed, nor be serialized by whoever derives that for a struct that
//! holds one: messages that must carry secrets say so by `#[serde(with = "secret::reveal")]`. Its
//! bytes are cleared when the last copy of it is dropped. What is kept of secrets is only how
//! they are called: [`SecretNames`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Digest, hex};

/// What a job may do with a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SecretAccess {
    /// Read its bytes.
    #[default]
    Read,
    /// Have the host encrypt and decrypt with it, and never see it.
    Sealed,
}

/// Bytes that are not to be seen. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    access: SecretAccess,
    bytes: Arc<Zeroizing<Vec<u8>>>,
}

impl Secret {
    /// Takes the bytes, which are cleared when the last copy is dropped.
    pub fn new(bytes: Zeroizing<Vec<u8>>, access: SecretAccess) -> Self {
        Self { access, bytes: Arc::new(bytes) }
    }

    /// The bytes. Whoever asks must not copy them to where they outlive the task.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// What the job may do with it.
    pub const fn access(&self) -> SecretAccess {
        self.access
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The secrets of a job, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Secret>);

/// What a job's description says of its secrets: their names, never their values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretNames {
    /// Chosen at random by the head. It is part of what names the work of each task, so that no
    /// other job is given what was made with these secrets.
    pub tag: Digest,
    /// What was given, and what the job may do with it.
    pub given: BTreeMap<String, SecretAccess>,
}

impl Secrets {
    /// The most secrets of a job.
    pub const COUNT_MAX: usize = 16;
    /// The longest secret, in bytes.
    pub const BYTES_MAX: usize = 64 << 10;
    /// All secrets of a job together, in bytes: they travel with its tasks.
    pub const TOTAL_BYTES_MAX: usize = 256 << 10;
    /// The longest name, in bytes.
    pub const NAME_BYTES_MAX: usize = 64;

    /// Adds one. Returns whether there was none of this name.
    pub fn insert(&mut self, name: String, secret: Secret) -> bool {
        self.0.insert(name, secret).is_none()
    }

    /// The secret of this name.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How they are called, and what the job may do with each.
    pub fn names(&self) -> BTreeMap<String, SecretAccess> {
        self.0.iter().map(|(name, secret)| (name.clone(), secret.access)).collect()
    }

    /// The same values for what `names` says may be done with each.
    #[must_use]
    pub fn with_access(mut self, names: &SecretNames) -> Self {
        for (name, secret) in &mut self.0 {
            secret.access = names.given.get(name).copied().unwrap_or(secret.access);
        }
        self
    }

    /// The first thing wrong with them, in words for the user.
    pub fn fault(&self) -> Option<String> {
        if self.0.len() > Self::COUNT_MAX {
            return Some(format!("a job may have at most {} secrets", Self::COUNT_MAX));
        }
        let usable = |c: char| !c.is_control() && !c.is_whitespace() && c != '=';
        for (name, secret) in &self.0 {
            let is_name = (1..=Self::NAME_BYTES_MAX).contains(&name.len());
            if !is_name || !name.chars().all(usable) {
                return Some("a secret has a name that cannot be one".into());
            }
            let (bytes, most) = (secret.expose().len(), Self::BYTES_MAX);
            if bytes > most {
                return Some(format!("the secret `{name}` is longer than {most} bytes"));
            }
            if bytes == 0 {
                return Some(format!("the secret `{name}` is empty"));
            }
        }
        let total: usize = self.0.values().map(|secret| secret.expose().len()).sum();
        let most = Self::TOTAL_BYTES_MAX;
        (total > most).then(|| format!("the secrets are longer than {most} bytes together"))
    }
}

impl SecretNames {
    /// What is wrong with secrets that are to take the place of those lost, in words for the user.
    pub fn fault(&self, given: &Secrets) -> Option<String> {
        let names = |names: Vec<&String>| {
            let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        let lacks: Vec<_> = self.given.keys().filter(|name| given.get(name).is_none()).collect();
        if !lacks.is_empty() {
            return Some(format!("the job needs again: {}", names(lacks)));
        }
        let more: Vec<_> = given.0.keys().filter(|name| !self.given.contains_key(*name)).collect();
        (!more.is_empty()).then(|| format!("the job was not given: {}", names(more)))
    }

    /// How to give them again, as words of a command line: `key=@FILE salt=@FILE`.
    pub fn as_typed(&self) -> String {
        let typed: Vec<String> = self.given.keys().map(|name| format!("{name}=@FILE")).collect();
        typed.join(" ")
    }
}

/// Secrets within a message that must carry them: name, and bytes in hexadecimal.
pub mod reveal {
    use serde::de::Error as _;
    use serde::{Deserializer, Serializer};

    use super::*;

    /// What stands for [`Secrets`] in a schema.
    #[cfg(feature = "schema")]
    pub(crate) type Written = BTreeMap<String, Revealed>;

    /// One secret on its way.
    #[derive(Serialize, Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    #[cfg_attr(feature = "schema", schemars(rename = "Secret"))]
    pub(crate) struct Revealed {
        /// Its bytes.
        #[cfg_attr(
            feature = "schema",
            schemars(with = "String", regex(pattern = r"^([0-9A-Fa-f]{2})+$"))
        )]
        hex: Zeroizing<String>,
        /// Whether the job must not read it: the host encrypts and decrypts with it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sealed: bool,
    }

    /// Writes them.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(secrets: &Secrets, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(secrets.0.iter().map(|(name, secret)| {
            let sealed = secret.access == SecretAccess::Sealed;
            (name, Revealed { hex: hex_of(secret.expose()), sealed })
        }))
    }

    /// Reads them.
    ///
    /// # Errors
    /// When they are not written so, or are too many or too long.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secrets, D::Error> {
        // An error of the reader may show what it did not expect, which may be a secret.
        let unreadable = |_| D::Error::custom("secrets are not written as they should be");
        let all = BTreeMap::<String, Revealed>::deserialize(from).map_err(unreadable)?;
        let mut secrets = Secrets::default();
        for (name, Revealed { hex, sealed }) in all {
            let access = if sealed { SecretAccess::Sealed } else { SecretAccess::Read };
            // What is wrong with it must not be told by showing it.
            let bytes = bytes_of(&hex).ok_or_else(|| D::Error::custom("a secret is not hex"))?;
            secrets.insert(name, Secret::new(bytes, access));
        }
        match secrets.fault() {
            Some(fault) => Err(D::Error::custom(fault)),
            None => Ok(secrets),
        }
    }

    fn hex_of(bytes: &[u8]) -> Zeroizing<String> {
        // Of its full length at once: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
        hex::encode_into(bytes, &mut text);
        text
    }

    fn bytes_of(text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
        hex::decode_into(text, &mut bytes)?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[(&str, &[u8])]) -> Secrets {
        let mut secrets = Secrets::default();
        for (name, bytes) in values {
            let bytes = Zeroizing::new(bytes.to_vec());
            secrets.insert((*name).into(), Secret::new(bytes, SecretAccess::Read));
        }
        secrets
    }

    #[derive(Serialize, Deserialize)]
    struct Message {
        #[serde(with = "reveal")]
        secrets: Secrets,
    }

    #[test]
    fn what_is_printed_of_a_secret_does_not_depend_on_it() {
        let shown = format!("{:?}", secrets(&[("key", b"hunter2")]));
        assert_eq!(shown, format!("{:?}", secrets(&[("key", b"another, longer one")])));
        assert!(shown.contains("hidden") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn secrets_are_the_same_after_their_way_in_a_message() {
        let mut sent = secrets(&[("key", &[0, 10, 255]), ("word", b"open sesame")]);
        let sealed = Secret::new(Zeroizing::new(vec![7; 32]), SecretAccess::Sealed);
        sent.insert("master".into(), sealed);
        let text = serde_json::to_string(&Message { secrets: sent.clone() }).unwrap();
        assert!(text.contains(r#""key":{"hex":"000aff"}"#), "{text}");
        let read: Message = serde_json::from_str(&text).unwrap();
        assert_eq!(read.secrets, sent);
        assert_eq!(read.secrets.names()["master"], SecretAccess::Sealed);
    }

    #[test]
    fn a_message_with_too_much_or_no_hex_is_refused_without_showing_it() {
        for hex in ["abc", "zz", "0g", "é"] {
            let text = format!(r#"{{"secrets":{{"key":{{"hex":"{hex}"}}}}}}"#);
            let error = serde_json::from_str::<Message>(&text).map(drop).unwrap_err();
            assert!(!error.to_string().contains(hex), "{error}");
        }
        let plain = r#"{"secrets":{"key":"hunter2"}}"#;
        let error = serde_json::from_str::<Message>(plain).map(drop).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let long = "00".repeat(Secrets::BYTES_MAX + 1);
        let text = format!(r#"{{"secrets":{{"key":{{"hex":"{long}"}}}}}}"#);
        assert!(serde_json::from_str::<Message>(&text).is_err());
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        assert_eq!(secrets(&[("key", &[1; 65_536])]).fault(), None);
        let fault = |values: &[(&str, &[u8])]| secrets(values).fault().unwrap();
        assert!(fault(&[("key", &[1; 65_537])]).contains("`key` is longer"));
        assert!(fault(&[("key", b"")]).contains("`key` is empty"));
        assert!(fault(&[("a=b", b"x")]).contains("name"));
        let block: &[u8] = &[1; 60_000];
        let five = ["a", "b", "c", "d", "e"].map(|name| (name, block));
        assert!(fault(&five).contains("together"));
        let names: Vec<String> = (0..17).map(|number| format!("k{number}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
        assert!(fault(&many).contains("at most 16"));
    }

    #[test]
    fn secrets_given_again_must_be_those_of_the_job() {
        let given = secrets(&[("key", b"x"), ("salt", b"y")]).names();
        let names = SecretNames { tag: Digest::ZERO, given };
        assert_eq!(names.fault(&secrets(&[("key", b"1"), ("salt", b"2")])), None);
        let fault = names.fault(&secrets(&[("key", b"1")])).unwrap();
        assert_eq!(fault, "the job needs again: `salt`");
        let more = secrets(&[("key", b"1"), ("salt", b"2"), ("word", b"3")]);
        assert_eq!(names.fault(&more).unwrap(), "the job was not given: `word`");
        assert_eq!(names.as_typed(), "key=@FILE salt=@FILE");
    }
}
