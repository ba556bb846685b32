//! A dataset as an ordered list of chunks.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// An object's name and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ObjectRef {
    /// BLAKE3 of the bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
}

impl ObjectRef {
    /// Names `bytes`, hashing them on the calling thread.
    pub fn of(bytes: &[u8]) -> Self {
        Self { digest: Digest::of(bytes), size: bytes.len() as u64 }
    }
}

/// An input or a result: its chunks in order. Stored as an object itself, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Manifest {
    /// Always [`Manifest::SCHEMA`].
    pub schema: String,
    /// Sum of the chunks' lengths in bytes.
    pub total_bytes: u64,
    /// The chunks; joined in this order they give the dataset.
    pub chunks: Vec<ObjectRef>,
    /// Records taken evenly from all chunks, from which a job may choose key ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<ObjectRef>,
    /// What the file looked like, where the chunks, joined, are not the file that was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
}

/// A small picture of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Look {
    /// What is to be seen.
    pub kind: LookKind,
    /// The picture, a PNG.
    pub picture: ObjectRef,
    /// Pixels from left to right that the file has, or channels.
    pub width: u32,
    /// Pixels from above to below that the file has, or spectra.
    pub height: u32,
}

/// What is to be seen in a small picture of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LookKind {
    /// The picture that the file is.
    Picture,
    /// The spectra of an observation over time.
    Waterfall,
}

/// Why bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the JSON of a manifest.
    #[error("not a manifest")]
    Json(#[source] serde_json::Error),
    /// A schema this version does not know.
    #[error("manifest schema `{found}` is not `{}`", Manifest::SCHEMA)]
    Schema {
        /// What the manifest says of itself.
        found: String,
    },
    /// The total is not the sum of the parts.
    #[error("manifest says {said} bytes but its chunks hold {found}")]
    Total {
        /// The written total in bytes.
        said: u64,
        /// The sum over the chunks in bytes.
        found: u64,
    },
    /// More chunks than a manifest may list.
    #[error("manifest lists {found} chunks, more than {}", Manifest::CHUNKS_MAX)]
    TooMany {
        /// How many it lists.
        found: usize,
    },
}

impl Manifest {
    /// The schema name written into each manifest.
    pub const SCHEMA: &str = "bramble.manifest/1";
    /// The most chunks a manifest may list: a scheduler holds a task for each.
    pub const CHUNKS_MAX: usize = 100_000;
    /// The most that an encoded manifest may hold, in bytes: more than [`Self::CHUNKS_MAX`] need.
    pub const BYTES_MAX: u64 = 16 << 20;

    /// A manifest of `chunks`.
    pub fn new(chunks: Vec<ObjectRef>, sample: Option<ObjectRef>) -> Self {
        let total_bytes = chunks.iter().map(|chunk| chunk.size).sum();
        Self { schema: Self::SCHEMA.into(), total_bytes, chunks, sample, look: None }
    }

    /// The same, with what the file looked like.
    #[must_use]
    pub fn with_look(self, look: Option<Look>) -> Self {
        Self { look, ..self }
    }

    /// All objects that it names: the chunks in order, then what belongs to them.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectRef> {
        let picture = self.look.as_ref().map(|look| &look.picture);
        self.chunks.iter().chain(&self.sample).chain(picture)
    }

    /// The bytes under which the manifest is stored.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest holds nothing that JSON cannot")
    }

    /// Reads and checks stored bytes.
    ///
    /// # Errors
    /// When the bytes are not a manifest of this schema, or its sum is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
        if manifest.schema != Self::SCHEMA {
            return Err(ManifestError::Schema { found: manifest.schema });
        }
        if manifest.chunks.len() > Self::CHUNKS_MAX {
            return Err(ManifestError::TooMany { found: manifest.chunks.len() });
        }
        let sum = manifest.chunks.iter().try_fold(0u64, |sum, chunk| sum.checked_add(chunk.size));
        if sum != Some(manifest.total_bytes) {
            // A sum that does not even fit is told as the most that does.
            let found = sum.unwrap_or(u64::MAX);
            return Err(ManifestError::Total { said: manifest.total_bytes, found });
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_survives_encoding() {
        let chunks = vec![ObjectRef::of(b"one"), ObjectRef::of(b"three")];
        let manifest = Manifest::new(chunks, Some(ObjectRef::of(b"sample")));
        assert_eq!(manifest.total_bytes, 8);
        assert_eq!(Manifest::decode(&manifest.encode()).unwrap(), manifest);
    }

    #[test]
    fn what_a_file_looked_like_belongs_to_its_manifest_and_older_ones_have_none() {
        let picture = ObjectRef::of(b"a picture");
        let look = Look { kind: LookKind::Waterfall, picture, width: 4, height: 2 };
        let plain = Manifest::new(vec![ObjectRef::of(b"one")], None);
        assert!(!String::from_utf8(plain.encode()).unwrap().contains("look"));
        let with = plain.clone().with_look(Some(look));
        let read = Manifest::decode(&with.encode()).unwrap();
        assert_eq!(read.objects().copied().collect::<Vec<_>>(), [plain.chunks[0], picture]);
    }

    #[test]
    fn a_manifest_whose_sum_is_wrong_is_refused() {
        let mut manifest = Manifest::new(vec![ObjectRef::of(b"one")], None);
        manifest.total_bytes = 4;
        let refused = Manifest::decode(&manifest.encode());
        assert!(matches!(refused, Err(ManifestError::Total { said: 4, found: 3 })));
    }

    #[test]
    fn a_manifest_of_a_later_schema_is_refused() {
        let mut manifest = Manifest::new(vec![], None);
        manifest.schema = "bramble.manifest/2".into();
        assert!(matches!(
            Manifest::decode(&manifest.encode()),
            Err(ManifestError::Schema { found }) if found == "bramble.manifest/2"
        ));
    }
}
