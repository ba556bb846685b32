//! Small pictures of what a task is doing, on their way from its guest to whoever looks.

use serde::{Deserialize, Serialize};

use crate::TaskId;

/// The largest one that is taken, in bytes.
pub const BYTES_MAX: usize = 64 << 10;
/// The longest name of a media type.
pub const MEDIA_BYTES_MAX: usize = 64;

/// Media types that are passed on as what they are, with the endings of their files. Browsers show
/// some of them and run none: whatever else a guest names is bytes.
const KINDS: [(&str, &str); 11] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/bmp", "bmp"),
    ("image/x-portable-anymap", "pnm"),
    ("image/x-portable-bitmap", "pbm"),
    ("image/x-portable-graymap", "pgm"),
    ("image/x-portable-pixmap", "ppm"),
    ("text/plain", "txt"),
    ("text/csv", "csv"),
];
/// What all others are, and how their files end.
const OTHER: (&str, &str) = ("application/octet-stream", "bin");

/// The media type under which something is passed on that a guest calls `media`.
pub fn served_as(media: &str) -> &'static str {
    kind(media).0
}

/// How a file ends that has it.
pub fn extension(media: &str) -> &'static str {
    kind(media).1
}

fn kind(media: &str) -> (&'static str, &'static str) {
    KINDS.into_iter().find(|kind| kind.0 == media).unwrap_or(OTHER)
}

/// The last picture that a task has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The task.
    pub task: TaskId,
    /// What its guest says that it is, such as `image/png`. Nobody has looked whether it is.
    pub media: String,
    /// The picture; in JSON in hexadecimal.
    #[serde(with = "as_hex")]
    pub bytes: Vec<u8>,
}

impl Preview {
    /// Whether it is within the limits, and its media type could be one.
    pub fn is_sound(&self) -> bool {
        is_sound(&self.media, self.bytes.len())
    }
}

/// The same of a picture of so many bytes before its task is known.
pub fn is_sound(media: &str, bytes: usize) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"!#$&^_.+-/".contains(&c);
    let parts = media.split('/').filter(|part| !part.is_empty()).count();
    let named = media.len() <= MEDIA_BYTES_MAX && media.bytes().all(fits) && parts == 2;
    named && media.matches('/').count() == 1 && bytes > 0 && bytes <= BYTES_MAX
}

mod as_hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::hex;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(2 * bytes.len());
        hex::encode_into(bytes, &mut text);
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        let mut bytes = Vec::with_capacity(text.len() / 2);
        hex::decode_into(&text, &mut bytes).ok_or_else(|| D::Error::custom("not hexadecimal"))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;

    #[test]
    fn a_preview_comes_back_from_json_as_it_was() {
        let task = TaskId { job: JobId(3), index: 7 };
        let bytes: Vec<u8> = (0..=255).collect();
        let preview = Preview { task, media: "image/png".into(), bytes };
        let json = serde_json::to_string(&preview).unwrap();
        assert!(json.contains("000102") && json.ends_with("feff\"}"), "{json}");
        assert_eq!(serde_json::from_str::<Preview>(&json).unwrap(), preview);
        for bad in ["\"0\"", "\"0g\"", "\"é0\"", "7"] {
            let json = json.replace(&json[json.find("\"0001").unwrap()..json.len() - 1], bad);
            assert!(serde_json::from_str::<Preview>(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn only_what_no_browser_runs_is_passed_on_as_what_it_is() {
        assert_eq!((served_as("image/png"), extension("image/png")), ("image/png", "png"));
        for other in ["image/svg+xml", "text/html", "application/pdf", "image/PNG", ""] {
            assert_eq!(served_as(other), "application/octet-stream", "{other}");
            assert_eq!(extension(other), "bin", "{other}");
        }
    }

    #[test]
    fn what_is_too_large_or_cannot_be_a_media_type_is_not_sound() {
        assert!(is_sound("image/svg+xml", 1) && is_sound("image/png", BYTES_MAX));
        for (media, bytes) in [
            ("image/png", 0),
            ("image/png", BYTES_MAX + 1),
            ("image", 1),
            ("image/", 1),
            ("a/b/c", 1),
            ("text/html; x=\"\r\n", 1),
            ("", 1),
        ] {
            assert!(!is_sound(media, bytes), "{media} {bytes}");
        }
        assert!(!is_sound(&format!("image/{}", "x".repeat(64)), 1));
    }
}
