//! Removing stored objects that nobody needs any more: by itself, and when asked.
//!
//! What is needed the scheduler says; what was used lately the store says, and that stays in any
//! case: it may be the input of a job that is about to be submitted, or a task's output whose
//! report is on its way. All that takes long happens outside the scheduler.

mod plan;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bramble_accounts::Accounts;
use bramble_protocol::gc::{GcReason, GcView};
use bramble_protocol::{Digest, Manifest, error_chain};
use bramble_scheduler::core::{Reachable, Scheduler};
use bramble_scheduler::{CommandError, Handle, ModuleService};
use bramble_store::{Store, StoreError};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use plan::{Facts, Plan, Victim};

/// What was used so lately stays, needed or not.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// How often it runs by itself.
const PERIOD: Duration = Duration::from_secs(60 * 60);
/// How often it runs at most while the disk is short of space.
const SHORT_PERIOD: Duration = Duration::from_secs(10 * 60);
/// How often it looks whether the disk is.
const LOOK_PERIOD: Duration = Duration::from_secs(60);
/// The first run comes so long after the start.
const FIRST_AFTER: Duration = Duration::from_secs(5 * 60);
/// One part in so many of the disk stays free without a quota.
const RESERVED_PART: u64 = 10;
/// A clock that is set by more than this says nothing about how long ago something was.
const JUMP: Duration = Duration::from_secs(5 * 60);

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The store cannot be listed, or an object not removed.
    #[error("the store cannot be collected")]
    Store(#[source] StoreError),
    /// The scheduler does not say what is needed.
    #[error("the scheduler does not say what is needed")]
    Scheduler(#[source] CommandError),
    /// Times in the store say nothing.
    #[error("the clock was set a moment ago: what was used lately is known an hour after that")]
    ClockSet,
    /// The work broke off.
    #[error("the collection broke off")]
    Broken(#[source] tokio::task::JoinError),
}

/// Collects one store, never twice at a time.
#[derive(Debug)]
pub struct Collector {
    handle: Handle,
    store: Store,
    accounts: Accounts,
    modules: Modules,
    /// The most that may be stored, in bytes. Without it, a tenth of the disk stays free.
    quota_bytes: Option<u64>,
    running: AsyncMutex<()>,
    clock: Mutex<Clock>,
}

struct Modules(Arc<dyn ModuleService>);

impl std::fmt::Debug for Modules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("modules")
    }
}

/// Whether the filesystem's clock goes as time does.
#[derive(Debug, Default)]
struct Clock {
    seen: Option<(Instant, SystemTime)>,
    set_at: Option<Instant>,
}

impl Clock {
    /// Whether it has gone steadily for long enough.
    fn is_steady(&mut self, at: Instant, shown: SystemTime) -> bool {
        if let Some((before, shown_before)) = self.seen.replace((at, shown)) {
            let passed = shown.duration_since(shown_before).unwrap_or_default();
            if passed > at.duration_since(before) + JUMP {
                self.set_at = Some(at);
            }
        }
        self.set_at.is_none_or(|set| at.duration_since(set) > GRACE)
    }
}

impl Collector {
    /// A collector of `store`, which holds at most `quota_bytes`, or leaves a tenth of the disk
    /// free.
    pub fn new(
        handle: Handle,
        store: Store,
        accounts: Accounts,
        modules: Arc<dyn ModuleService>,
        quota_bytes: Option<u64>,
    ) -> Self {
        let mut clock = Clock::default();
        if let Ok(shown) = store.clock() {
            clock.is_steady(Instant::now(), shown);
        }
        let (modules, clock) = (Modules(modules), Mutex::new(clock));
        Self { handle, store, accounts, modules, quota_bytes, running: AsyncMutex::new(()), clock }
    }

    /// Keeps everything from being collected until the guard is dropped.
    pub async fn hold(&self) -> MutexGuard<'_, ()> {
        self.running.lock().await
    }

    /// Collects hourly, and when the disk is short of space. Does not return.
    pub async fn run(&self) {
        let mut next = Instant::now() + FIRST_AFTER;
        let mut last: Option<Instant> = None;
        loop {
            tokio::time::sleep(LOOK_PERIOD).await;
            let rested = last.is_none_or(|last| last.elapsed() > SHORT_PERIOD);
            let is_short = self.quota_bytes.is_none() && rested && self.is_disk_short();
            if Instant::now() < next && !is_short {
                continue;
            }
            match self.collect(false).await {
                Ok(_) => {}
                Err(CollectError::Scheduler(_)) => return,
                Err(error) => tracing::warn!("nothing is collected: {}", error_chain(&error)),
            }
            last = Some(Instant::now());
            next = Instant::now() + PERIOD;
        }
    }

    fn is_disk_short(&self) -> bool {
        self.disk().is_ok_and(|(free, reserved)| free < reserved)
    }

    /// Free space of the disk and how much there should be, in bytes.
    fn disk(&self) -> Result<(u64, u64), StoreError> {
        let (free, total) = self.store.disk()?;
        Ok((free, total / RESERVED_PART))
    }

    /// Says what is stored and why, and removes what nobody needs, unless this is a `dry_run`.
    ///
    /// # Errors
    /// See [`CollectError`]. What was removed until then is gone.
    pub async fn collect(&self, dry_run: bool) -> Result<GcView, CollectError> {
        let _alone = self.running.lock().await;
        let store = self.store.clone();
        let listed = blocking(move || {
            let now = store.clock()?;
            Ok((now, store.list()?))
        });
        let (now, stored) = listed.await?;
        let steady = self
            .clock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_steady(Instant::now(), now);
        if !steady && !dry_run {
            return Err(CollectError::ClockSet);
        }
        let needed = self.needed().await?;
        let (store, modules) = (self.store.clone(), Arc::clone(&self.modules.0));
        let facts = blocking(move || {
            let known: HashSet<Digest> = needed.modules.iter().copied().collect();
            let artefacts = modules.artefacts().into_iter();
            let artefacts = artefacts.filter(|(module, _)| known.contains(module));
            Ok(Facts {
                stored,
                artefacts: artefacts.map(|(_, artefact)| artefact.digest).collect(),
                inputs: inputs(&store, &needed.inputs),
                needed,
                unused_since: now - GRACE,
            })
        });
        let facts = facts.await?;
        let (free, reserved) = self.disk().map_err(CollectError::Store)?;
        let held: u64 = facts.stored.iter().map(|stored| stored.size_bytes).sum();
        let wanted = match self.quota_bytes {
            Some(quota) => held.saturating_sub(quota),
            None => reserved.saturating_sub(free),
        };
        let mut plan = plan::plan(&facts, wanted);
        if !dry_run {
            let victims =
                self.remove(std::mem::take(&mut plan.victims), facts.unused_since).await?;
            plan.settle(&victims);
        }
        let view = GcView {
            schema: GcView::SCHEMA.into(),
            dry_run,
            kinds: plan.kinds,
            quota_bytes: self.quota_bytes,
            disk_bytes_free: free,
            disk_bytes_reserved: if self.quota_bytes.is_some() { 0 } else { reserved },
            short_bytes: plan.short_bytes,
        };
        if !dry_run {
            tell(&view);
        }
        Ok(view)
    }

    async fn needed(&self) -> Result<Reachable, CollectError> {
        self.handle.look(Scheduler::reachable).await.map_err(CollectError::Scheduler)
    }

    /// Removes objects, and says which have gone.
    async fn remove(
        &self,
        mut victims: Vec<Victim>,
        unused_since: SystemTime,
    ) -> Result<Vec<Victim>, CollectError> {
        let cached = victims.iter().filter(|victim| victim.reason == GcReason::Cached);
        let cached: BTreeSet<Digest> = cached.map(|victim| victim.digest).collect();
        if !cached.is_empty() {
            self.handle.objects_gone(cached).await.map_err(CollectError::Scheduler)?;
        }
        // A job may have been given one of them before it was withdrawn.
        let needed = plan::needed_now(&self.needed().await?);
        victims.retain(|victim| !needed.contains(&victim.digest));
        let (store, accounts) = (self.store.clone(), self.accounts.clone());
        blocking(move || {
            let mut gone = Vec::with_capacity(victims.len());
            for victim in victims {
                if store.remove_unused(&victim.digest, unused_since)?.is_some() {
                    gone.push(victim);
                }
            }
            store.sweep()?;
            let digests: Vec<Digest> = gone.iter().map(|victim| victim.digest).collect();
            if let Err(error) = accounts.forget_objects(&digests) {
                // Whoever is told that he has sent one is told that it is gone, too.
                tracing::warn!("who sent objects that are gone is not forgotten: {error}");
            }
            Ok(gone)
        })
        .await
    }
}

impl Plan {
    /// Corrects what was to go by what has gone.
    fn settle(&mut self, gone: &[Victim]) {
        let before: u64 = self.kinds.iter().map(|kind| kind.freed_bytes).sum();
        for kind in &mut self.kinds {
            let of_kind = gone.iter().filter(|victim| victim.reason == kind.reason);
            kind.freed_objects = of_kind.clone().count() as u64;
            kind.freed_bytes = of_kind.map(|victim| victim.bytes).sum();
        }
        let after: u64 = self.kinds.iter().map(|kind| kind.freed_bytes).sum();
        if self.short_bytes > 0 {
            self.short_bytes += before.saturating_sub(after);
        }
    }
}

/// The objects that inputs consist of: the manifests, and what they list. One that cannot be read
/// is passed over, as no job could read it either.
fn inputs(store: &Store, manifests: &[Digest]) -> Vec<Digest> {
    let mut seen = HashSet::new();
    // The last time that one is named counts.
    let mut latest: Vec<Digest> =
        manifests.iter().rev().filter(|digest| seen.insert(**digest)).copied().collect();
    latest.reverse();
    let mut objects = Vec::new();
    for digest in latest {
        let manifest = store.get_by_digest(&digest, Manifest::BYTES_MAX).ok();
        if let Some(manifest) = manifest.and_then(|bytes| Manifest::decode(&bytes).ok()) {
            objects.extend(manifest.objects().map(|object| object.digest));
        }
        objects.push(digest);
    }
    objects
}

fn tell(view: &GcView) {
    let (objects, bytes) = view.freed();
    for kind in view.kinds.iter().filter(|kind| kind.freed_objects > 0) {
        let (reason, objects, bytes) = (kind.reason.name(), kind.freed_objects, kind.freed_bytes);
        tracing::info!(
            reason,
            objects,
            bytes,
            "removed {objects} objects: {reason}, {bytes} bytes"
        );
    }
    if view.short_bytes > 0 {
        let short = view.short_bytes;
        tracing::warn!(
            objects,
            bytes,
            short,
            "{short} bytes too few are free, and all that is left is needed or was used within the hour"
        );
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, CollectError> {
    let end = tokio::task::spawn_blocking(work).await.map_err(CollectError::Broken)?;
    end.map_err(CollectError::Store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_clock_was_set_nothing_counts_as_old_for_a_while() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let shown = SystemTime::UNIX_EPOCH;
        let mut clock = Clock::default();
        assert!(clock.is_steady(start, shown));
        assert!(clock.is_steady(start + minute, shown + minute));
        let today = SystemTime::now();
        assert!(!clock.is_steady(start + minute * 2, today), "the network told the time");
        assert!(!clock.is_steady(start + minute * 32, today + minute * 30));
        assert!(clock.is_steady(start + minute * 92, today + minute * 90));
    }
}
