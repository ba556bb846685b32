//! Example modules that come with the program, and what they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bramble_protocol::{ModuleInfo, ModuleKind, ProblemKind};

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::limits;
use crate::routes::now_ms;
use crate::state::{Head, Shared, blocking};

/// The most examples.
const EXAMPLES_MAX: usize = 100;

/// A file as it was when it was inspected.
type Stamp = (PathBuf, u64, Option<SystemTime>);

/// The directories with examples, and what is known of those in them.
#[derive(Debug, Default)]
pub(crate) struct Gallery {
    dirs: Vec<PathBuf>,
    /// By name; nothing for what is no job of its own.
    known: Mutex<BTreeMap<String, (Stamp, Option<ModuleInfo>)>>,
}

impl Gallery {
    pub(crate) fn new(dirs: Vec<PathBuf>) -> Self {
        Self { dirs, known: Mutex::default() }
    }

    /// Files by name; of two with one name that of the first directory. Blocks.
    fn files(&self) -> BTreeMap<String, Stamp> {
        let mut files = BTreeMap::new();
        for entry in self.dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten() {
            let path = entry.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let is_example = path.extension().is_some_and(|ending| ending == "wasm")
                && !name.is_empty()
                && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
            let Some(metadata) = entry.metadata().ok().filter(|it| it.is_file() && is_example)
            else {
                continue;
            };
            if files.len() < EXAMPLES_MAX && metadata.len() <= limits::MODULE_BYTES_MAX {
                let stamp = (path.clone(), metadata.len(), metadata.modified().ok());
                files.entry(name.to_owned()).or_insert(stamp);
            }
        }
        files
    }

    fn known(&self, name: &str, stamp: &Stamp) -> Option<Option<ModuleInfo>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).filter(|(then, _)| then == stamp).map(|(_, info)| info.clone())
    }

    fn keep(&self, name: String, stamp: Stamp, info: Option<ModuleInfo>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name, (stamp, info));
    }
}

impl Shared {
    /// All examples, by name. The first call inspects each, which may take seconds.
    ///
    /// # Errors
    /// When too many modules wait to be inspected.
    pub(crate) async fn examples(self: &Arc<Self>) -> ApiResult<Vec<(String, ModuleInfo)>> {
        let head: Head = Arc::clone(self);
        let place = self.inspection_place().await?;
        blocking(move || {
            let mut examples = Vec::new();
            for (name, stamp) in head.gallery.files() {
                let info = head.gallery.known(&name, &stamp).unwrap_or_else(|| {
                    let bytes = fs::read(&stamp.0).ok();
                    let info = bytes.and_then(|bytes| head.modules.inspect(&bytes).ok());
                    head.gallery.keep(name.clone(), stamp, info.clone());
                    info
                });
                examples.extend(info.filter(is_for_people).map(|info| (name, info)));
            }
            drop(place);
            Ok(examples)
        })
        .await
    }

    /// Stores an example as if whoever asks had sent it.
    ///
    /// # Errors
    /// When there is none of this name.
    pub(crate) async fn take_example(
        self: &Arc<Self>,
        asker: &Asker,
        name: &str,
    ) -> ApiResult<ModuleInfo> {
        let user = asker.signed_in()?.user.clone();
        let examples = self.examples().await?;
        let found = examples.into_iter().find(|(known, _)| known == name);
        let (_, info) = found.ok_or_else(|| {
            ApiError::new(ProblemKind::NotFound, "there is no such example in the gallery")
        })?;
        let (head, name) = (Arc::clone(self), name.to_owned());
        blocking(move || {
            let files = head.gallery.files();
            let gone = || ApiError::new(ProblemKind::NotFound, "the example has just gone");
            let (path, ..) = files.get(&name).ok_or_else(gone)?;
            let bytes = fs::read(path).map_err(ApiError::fault)?;
            let object = head.store.put(&bytes).map_err(ApiError::fault)?;
            if object.digest != info.digest {
                return Err(gone());
            }
            head.accounts.hold(&user, &[object.digest], now_ms())?;
            head.infos.keep(info.clone());
            Ok(info)
        })
        .await
    }
}

/// Whether a module says of itself what it is, so that a form can be made for it.
fn is_for_people(info: &ModuleInfo) -> bool {
    info.kind == ModuleKind::Job && info.declared.about.is_some()
}
