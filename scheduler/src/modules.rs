//! What the scheduler needs to have done with modules, without knowing how.

use std::path::Path;

use bramble_protocol::{
    Digest, Limits, Mode, ModuleInfo, ObjectRef, Params, Piece, PublicKey, Secrets, TargetClass,
};

/// Inspects and compiles modules. Implemented where the sandbox is known.
///
/// Both calls may take seconds and block: they are made outside the async runtime's own threads.
pub trait ModuleService: Send + Sync + 'static {
    /// Finds out what a module is, without running it.
    ///
    /// # Errors
    /// When it cannot be run as a job, in words for the user.
    fn inspect(&self, module: &[u8]) -> Result<ModuleInfo, ModuleRefusal>;

    /// Why [`ModuleService::inspect`] refused a module of this digest before, if that is known. Does
    /// not block for long.
    fn known_refusal(&self, _module: &Digest) -> Option<ModuleRefusal> {
        None
    }

    /// Compiles a stored module for `class` and `mode` and stores the signed artefact, or finds
    /// the artefact of an earlier call.
    ///
    /// # Errors
    /// When there is no artefact; the failure says whether a later call may succeed.
    fn compile(
        &self,
        module: &Digest,
        class: TargetClass,
        mode: Mode,
    ) -> Result<ObjectRef, CompileFailure>;

    /// Asks a stored module that cuts its input itself how, in a sandbox. Blocks for as long as the
    /// limits allow.
    ///
    /// # Errors
    /// When it cannot, in words for the user.
    fn cut(&self, _asked: &CutRequest<'_>) -> Result<CutAnswer, ModuleRefusal> {
        Err(ModuleRefusal {
            title: "this head cannot ask a module how to cut its input".into(),
            detail: None,
            help: Some("submit the job by `bramble submit`, which asks on your computer".into()),
        })
    }

    /// Which artefacts there are, each with its module. What is not named may be removed from the
    /// store.
    fn artefacts(&self) -> Vec<(Digest, ObjectRef)> {
        Vec::new()
    }

    /// By which agents tell this head's artefacts from others. None where nothing is signed, as
    /// in tests without agents that run code.
    fn artefact_key(&self) -> Option<PublicKey> {
        None
    }
}

/// What a module that cuts its input itself is asked with.
#[derive(Clone, Copy, Debug)]
pub struct CutRequest<'a> {
    /// The module.
    pub module: Digest,
    /// Whether it makes the chunks itself, and does not only say where to cut.
    pub makes_chunks: bool,
    /// The input; none for a job that makes its chunks from its parameters.
    pub input: Option<&'a Path>,
    /// How long a chunk should be, in bytes.
    pub wanted_bytes: u64,
    /// Parameters of the job.
    pub params: &'a Params,
    /// Its secrets, of which the module sees those that it may read.
    pub secrets: &'a Secrets,
    /// What it may use for the answer.
    pub limits: &'a Limits,
}

/// How a module cuts its input.
#[derive(Clone, Debug)]
pub enum CutAnswer {
    /// Offset and length in bytes of each chunk.
    Spans(Vec<(u64, u64)>),
    /// The pieces of each chunk.
    Pieces(Vec<Vec<Piece>>),
}

/// Why a module is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{title}")]
pub struct ModuleRefusal {
    /// What is wrong, one line.
    pub title: String,
    /// Why, in more words.
    pub detail: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

/// Why a module has no artefact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileFailure {
    /// What went wrong, one line.
    pub message: String,
    /// Whether it may succeed later: a full disk, say, but not an invalid module.
    pub retry: bool,
}
