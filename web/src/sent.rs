//! How much each person sends in an hour, so that one alone cannot fill disk and network.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bramble_protocol::ProblemKind;
use bramble_protocol::account::Role;

use crate::access::Asker;
use crate::error::{ApiError, ApiResult};
use crate::routes::now_ms;
use crate::state::Shared;

const HOUR_MS: u64 = 3_600_000;
/// So many people are remembered; then those of earlier hours are forgotten.
const PEOPLE_MAX: usize = 4_096;

/// What people have sent: the hour, counted since 1970, and bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Mutex<HashMap<String, (u64, u64)>>>);

impl Sent {
    fn add(&self, user: &str, at_ms: u64, bytes: u64) {
        let hour = at_ms / HOUR_MS;
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() >= PEOPLE_MAX {
            sent.retain(|_, (of, _)| *of == hour);
        }
        match sent.get_mut(user) {
            Some((of, sum)) if *of == hour => *sum = sum.saturating_add(bytes),
            _ => {
                sent.insert(user.to_owned(), (hour, bytes));
            }
        }
    }

    /// Bytes that somebody has sent in the hour of `at_ms`.
    fn in_hour(&self, user: &str, at_ms: u64) -> u64 {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.get(user).filter(|(of, _)| *of == at_ms / HOUR_MS).map_or(0, |(_, bytes)| *bytes)
    }
}

/// A body that counts for whoever sends it.
pub(crate) struct Counted<R> {
    body: R,
    by: Option<(Sent, String)>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.body.read(buffer)?;
        if let Some((sent, user)) = &self.by {
            sent.add(user, now_ms(), length as u64);
        }
        Ok(length)
    }
}

impl Shared {
    /// Counts a body for whoever sends it.
    pub(crate) fn counted<R: Read>(&self, asker: &Asker, body: R) -> Counted<R> {
        let person = asker.person.as_ref();
        Counted { body, by: person.map(|person| (self.sent.clone(), person.user.clone())) }
    }

    /// Sees that a person may send more in this hour.
    ///
    /// # Errors
    /// When that is used up: how much it is, and who can raise it.
    pub(crate) async fn may_send(&self, asker: &Asker) -> ApiResult<()> {
        let Some(person) = asker.person.as_ref().filter(|person| person.role != Role::Admin) else {
            return Ok(());
        };
        let (user, class) = (person.user.clone(), person.class.clone());
        let look = move |core: &bramble_scheduler::core::Scheduler| {
            core.limits_of(&user, class.as_deref()).upload_bytes
        };
        let Some(max) = self.handle.look(look).await? else { return Ok(()) };
        let (user, now) = (&person.user, now_ms());
        let sent = self.sent.in_hour(user, now);
        if sent < max {
            return Ok(());
        }
        let minutes = (HOUR_MS - now % HOUR_MS).div_ceil(60_000);
        let title = format!("{user} has sent {sent} bytes in this hour; at most {max}");
        Err(ApiError::new(ProblemKind::LimitReached, title).help(format!(
            "wait {minutes} min; the teacher can raise the limit: bramble users limit {user} \
             --upload SIZE"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_counts_until_the_hour_is_over_and_for_its_sender_only() {
        let sent = Sent::default();
        sent.add("ann", HOUR_MS, 5);
        sent.add("ann", 2 * HOUR_MS - 1, 7);
        assert_eq!(sent.in_hour("ann", HOUR_MS + 1), 12);
        assert_eq!(sent.in_hour("bob", HOUR_MS + 1), 0);
        assert_eq!(sent.in_hour("ann", 2 * HOUR_MS), 0);
        sent.add("ann", 2 * HOUR_MS, 1);
        assert_eq!(sent.in_hour("ann", 2 * HOUR_MS), 1);
    }
}
