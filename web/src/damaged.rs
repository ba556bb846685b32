//! Damaged objects that agents have come upon: set aside, so that whoever has the bytes can send
//! them again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bramble_protocol::{Digest, JobId, TaskId};

use crate::state::Head;

/// The most objects that are looked after at a time. A report about another one comes again with
/// the next job that needs it.
const NOTED_MAX: usize = 1_024;

/// The objects that are looked after.
#[derive(Default)]
pub(crate) struct Damaged(Mutex<HashSet<Digest>>);

impl Damaged {
    /// Takes note of damaged objects that an agent has come upon, and of the task of each.
    ///
    /// An object is set aside when the job that needed it has ended: until then another node may
    /// still read it well, and the job's other attempts say that it is damaged, not that it is
    /// gone. One that is sound here stays; the damage was then on the agent's way to it.
    pub(crate) fn note(head: &Head, found: Vec<(Digest, TaskId)>) {
        for (digest, task) in found {
            if head.damaged.add(digest) {
                tokio::spawn(set_aside(head.clone(), digest, task.job));
            }
        }
    }

    fn add(&self, digest: Digest) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.len() < NOTED_MAX && noted.insert(digest)
    }

    fn remove(&self, digest: &Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }
}

async fn set_aside(head: Head, digest: Digest, job: JobId) {
    // What a task of the job has made it will make again, and needs the place for it.
    let remade = head.handle.look(move |core| core.is_made_by(job, &digest)).await;
    if !remade.unwrap_or(false)
        && let Ok(mut view) = head.handle.watch_job(job).await
    {
        // An error means that the scheduler has stopped; then the object is looked at now.
        let _ = view.wait_for(|view| view.state.is_final()).await;
    }
    let store = head.store.clone();
    let moved = tokio::task::spawn_blocking(move || store.quarantine(&digest)).await;
    match moved.expect("setting an object aside does not panic") {
        Ok(Some(path)) => {
            let path = path.display();
            tracing::error!(object = %digest, "object {digest} is damaged; it is now {path}");
        }
        Ok(None) => tracing::warn!(object = %digest, "object {digest} is sound here"),
        Err(error) => {
            tracing::error!(object = %digest, "damaged object {digest} cannot be set aside: {error}");
        }
    }
    head.damaged.remove(&digest);
}
