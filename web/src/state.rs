//! What handlers share: the scheduler, the store, what is known of modules, and places in queues.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bramble_accounts::Accounts;
use bramble_protocol::{Digest, ModuleInfo};
use bramble_scheduler::{Handle, ModuleService};
use bramble_store::Store;
use bramble_tls::Fingerprint;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::collector::Collector;
use crate::counters::Counters;
use crate::damaged::Damaged;
use crate::error::{ApiError, ApiResult};
use crate::gallery::Gallery;
use crate::limits;
use crate::live::{History, Live};
use crate::nodes::Connected;
use crate::previews::Previews;
use crate::sent::Sent;
use crate::timeline::Timelines;
use crate::uploads::Uploads;

/// What the API is put together from.
#[derive(Clone)]
pub struct AppState {
    /// The scheduler.
    pub handle: Handle,
    /// Where objects lie.
    pub store: Store,
    /// Who people are.
    pub accounts: Accounts,
    /// What nodes know this head by, if it speaks TLS.
    pub fingerprint: Option<Fingerprint>,
    /// Whether whoever has not signed in may look at the cluster, but for names.
    pub anyone_may_look: bool,
    /// Inspects modules; may block.
    pub modules: Arc<dyn ModuleService>,
    /// Removes what nobody needs.
    pub collector: Arc<Collector>,
    /// Where files lie that are on their way in; made when the first comes.
    pub uploads: PathBuf,
    /// Directories with example modules.
    pub gallery: Vec<PathBuf>,
    /// Makes an input for an example to be tried on: what its file is called, and its bytes.
    pub sample: fn(&str) -> (String, Vec<u8>),
    /// Version of the program, for people.
    pub version: &'static str,
}

/// Everything a handler may use.
pub(crate) struct Shared {
    pub(crate) handle: Handle,
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) anyone_may_look: bool,
    pub(crate) modules: Arc<dyn ModuleService>,
    pub(crate) collector: Arc<Collector>,
    pub(crate) version: &'static str,
    pub(crate) files: Arc<Uploads>,
    pub(crate) gallery: Gallery,
    pub(crate) sample: fn(&str) -> (String, Vec<u8>),
    pub(crate) counters: Counters,
    pub(crate) infos: ModuleInfos,
    pub(crate) damaged: Damaged,
    pub(crate) connected: Connected,
    pub(crate) previews: Previews,
    /// When attempts ran.
    pub(crate) timelines: Timelines,
    pub(crate) sent: Sent,
    pub(crate) live: Live,
    pub(crate) live_history: History,
    pub(crate) uploads: Places,
    pub(crate) cuts: Places,
    pub(crate) views: Places,
    pub(crate) inspections: Places,
    pub(crate) submits: Places,
    pub(crate) verifications: Places,
    pub(crate) downloads: Places,
    pub(crate) event_streams: Places,
    pub(crate) logins: Places,
}

/// [`Shared`], as handlers receive it.
pub(crate) type Head = Arc<Shared>;

impl Shared {
    pub(crate) fn new(state: AppState) -> Self {
        let AppState { handle, store, accounts, fingerprint, anyone_may_look, .. } = state;
        let AppState { modules, collector, version, uploads, gallery, sample, .. } = state;
        Self {
            handle,
            store,
            accounts,
            fingerprint,
            anyone_may_look,
            modules,
            collector,
            version,
            files: Arc::new(Uploads::new(uploads)),
            gallery: Gallery::new(gallery),
            sample,
            counters: Counters::default(),
            infos: ModuleInfos::default(),
            damaged: Damaged::default(),
            connected: Connected::default(),
            previews: Previews::default(),
            timelines: Timelines::default(),
            sent: Sent::default(),
            live: Live::default(),
            live_history: History::default(),
            uploads: Places::new(limits::UPLOADS_MAX),
            cuts: Places::new(limits::CUTS_MAX),
            views: Places::new(limits::VIEWS_MAX),
            inspections: Places::new(limits::INSPECTIONS_MAX),
            submits: Places::new(limits::SUBMITS_MAX),
            verifications: Places::new(limits::VERIFICATIONS_MAX),
            downloads: Places::new(limits::DOWNLOADS_MAX),
            event_streams: Places::new(limits::EVENT_STREAMS_MAX),
            logins: Places::new(limits::LOGINS_MAX),
        }
    }

    /// Runs `work` on the store, on a thread that may block.
    pub(crate) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let store = self.store.clone();
        blocking(move || work(&store)).await
    }
}

/// Runs `work` on a thread that may block. A place that `work` holds is held until it ends, even
/// when the client has gone and nobody waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::fault)?
}

/// How many may do something at a time.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Places {
    fn new(count: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a place.
    pub(crate) async fn take(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.free).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Waits for a place, unless `waiting_max` others wait already.
    pub(crate) async fn take_soon(&self, waiting_max: usize) -> Option<OwnedSemaphorePermit> {
        /// Counts one who waits, also when he gives up.
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        if let Some(place) = self.try_take() {
            return Some(place);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        if before >= waiting_max {
            return None;
        }
        let place = self.take().await;
        drop(waiting);
        Some(place)
    }

    /// A place, if one is free.
    pub(crate) fn try_take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }
}

/// What is known of the modules that were used last.
#[derive(Default)]
pub(crate) struct ModuleInfos(Mutex<VecDeque<ModuleInfo>>);

impl ModuleInfos {
    /// What is known of a module.
    pub(crate) fn get(&self, digest: &Digest) -> Option<ModuleInfo> {
        let mut infos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = infos.iter().position(|info| info.digest == *digest)?;
        let info = infos.remove(place)?;
        infos.push_front(info.clone());
        Some(info)
    }

    /// Keeps what was found out, and forgets what was not used for the longest time.
    pub(crate) fn keep(&self, info: ModuleInfo) {
        let mut infos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        infos.retain(|known| known.digest != info.digest);
        infos.push_front(info);
        infos.truncate(limits::MODULE_INFOS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::ModuleKind;
    use bramble_protocol::module::{Declared, Exports};

    use super::*;

    fn info(number: usize) -> ModuleInfo {
        ModuleInfo {
            digest: Digest::of(&number.to_le_bytes()),
            size_bytes: 8,
            kind: ModuleKind::Command,
            exports: Exports::default(),
            declared: Declared::default(),
        }
    }

    #[tokio::test]
    async fn whoever_finds_too_many_waiting_does_not_wait() {
        let places = Arc::new(Places::new(1));
        let held = places.take_soon(1).await.expect("it is free");
        let waiter = Arc::clone(&places);
        let waits = tokio::spawn(async move { waiter.take_soon(1).await.is_some() });
        while places.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(places.take_soon(1).await.is_none(), "one waits already");
        drop(held);
        assert!(waits.await.unwrap(), "who waited gets the place");
        assert_eq!(places.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_module_that_was_not_used_for_the_longest_time_is_forgotten() {
        let infos = ModuleInfos::default();
        for number in 0..limits::MODULE_INFOS_MAX {
            infos.keep(info(number));
        }
        assert_eq!(infos.get(&info(0).digest), Some(info(0)));
        infos.keep(info(limits::MODULE_INFOS_MAX));
        assert_eq!(infos.get(&info(1).digest), None);
        assert_eq!(infos.get(&info(0).digest), Some(info(0)));
    }
}
