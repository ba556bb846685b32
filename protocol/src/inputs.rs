//! Inputs that the head cuts, and the files from which it does: see `docs/api.md`, "Inputs".

use serde::{Deserialize, Serialize};

use crate::{Digest, ModuleInfo, NodeSelector, ObjectRef, Params, Secrets, SplitRule, secret};

/// `POST /api/v1/inputs`: cut a file that was uploaded, for a job of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InputRequest {
    /// The upload; absent for a module that works on no input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// The module.
    pub module: Digest,
    /// Parameters that the job will have.
    #[serde(default)]
    pub params: Params,
    /// Its secrets, for a module that cuts its input itself and must read it.
    #[serde(default, with = "secret::reveal", skip_serializing_if = "Secrets::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "secret::reveal::Written"))]
    pub secrets: Secrets,
    /// Where to cut; as the module says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub split: Option<SplitRule>,
    /// The longest a chunk may be, in bytes; chosen by the length of the input when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_bytes: Option<u64>,
    /// Which nodes will run the job: where they differ in speed, the last chunks are smaller.
    #[serde(default)]
    pub nodes: NodeSelector,
    /// Whether only to count: nothing is stored, and the upload stays.
    #[serde(default)]
    pub dry_run: bool,
}

/// Answer to [`InputRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InputView {
    /// Always `bramble.input/1`.
    pub schema: String,
    /// The manifest, which is what a job names as its input; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ObjectRef>,
    /// Chunks.
    pub chunks: u64,
    /// Bytes in all of them.
    pub bytes: u64,
}

/// `GET /api/v1/gallery`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GalleryView {
    /// By name.
    pub examples: Vec<ExampleView>,
}

/// A module that comes with the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExampleView {
    /// Its name.
    pub name: String,
    /// What it is.
    pub module: ModuleInfo,
}
