//! How often a PIN or a code may be tried: by whoever, for one account; and from one address.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::{AccountsError, From, Result};

/// So many tries for an account are free. A class that cannot type does not lock itself out.
const ACCOUNT_FREE: u32 = 8;
/// So many from an address: a whole class may sit behind one.
const ADDRESS_FREE: u32 = 60;
/// The first wait, and the longest, in milliseconds. Each further try doubles it.
const WAIT_MS: (u64, u64) = (30_000, 15 * 60_000);
/// Tries are forgotten after this, in milliseconds.
const FORGET_MS: u64 = 60 * 60_000;
/// How many accounts and addresses are remembered. When there are more, those who were quiet for
/// the longest time are forgotten.
const REMEMBERED_MAX: usize = 20_000;

/// What tries are counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
    /// Somebody, by what his name looks like.
    Account(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    tries: u32,
    last_at: u64,
    /// No other before this.
    free_at: u64,
}

/// All tries that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Tries(HashMap<Target, Count>);

impl Tries {
    /// Counts a try before its result is known, so that many at once count as many.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) fn begin(&mut self, account: &str, from: From, now_ms: u64) -> Result<()> {
        self.shrink(now_ms);
        let targets = targets(account, from);
        let wait_ms = targets
            .iter()
            .filter_map(|(target, _)| self.0.get(target))
            .map(|count| count.free_at.saturating_sub(now_ms))
            .max()
            .unwrap_or(0);
        if wait_ms > 0 {
            return Err(AccountsError::TooManyTries { wait_ms });
        }
        for (target, free) in targets {
            let count = self.0.entry(target).or_default();
            if now_ms.saturating_sub(count.last_at) > FORGET_MS {
                *count = Count::default();
            }
            count.tries += 1;
            count.last_at = now_ms;
            if let Some(over) = count.tries.checked_sub(free) {
                let wait = WAIT_MS.0.saturating_mul(1 << over.min(16)).min(WAIT_MS.1);
                count.free_at = now_ms.saturating_add(wait);
            }
        }
        Ok(())
    }

    /// Forgets the tries of whoever has shown that he knows his PIN. Those from his address
    /// count on but for this one: somebody else may be trying there.
    pub(crate) fn succeeded(&mut self, account: &str, from: From) {
        for (target, _) in targets(account, from) {
            match target {
                Target::Account(_) => {
                    self.0.remove(&target);
                }
                Target::Address(_) => {
                    if let Some(count) = self.0.get_mut(&target) {
                        count.tries = count.tries.saturating_sub(1);
                        count.free_at = count.free_at.min(count.last_at);
                    }
                }
            }
        }
    }

    fn shrink(&mut self, now_ms: u64) {
        if self.0.len() < REMEMBERED_MAX {
            return;
        }
        self.0.retain(|_, count| now_ms.saturating_sub(count.last_at) <= FORGET_MS);
        if self.0.len() >= REMEMBERED_MAX {
            let mut times: Vec<u64> = self.0.values().map(|count| count.last_at).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.0.retain(|_, count| count.last_at > middle);
        }
    }
}

fn targets(account: &str, from: From) -> Vec<(Target, u32)> {
    let mut targets = Vec::with_capacity(2);
    if !account.is_empty() {
        targets.push((Target::Account(account.to_owned()), ACCOUNT_FREE));
    }
    // Whoever is at the head's own keyboard may as well read the files.
    if let Some(address) = from.map(|it| it.to_canonical()) {
        targets.push((Target::Address(address), ADDRESS_FREE));
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: From = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7)));

    #[test]
    fn an_account_is_locked_after_a_few_tries_wherever_they_come_from_and_opens_again() {
        let mut tries = Tries::default();
        for number in 0..ACCOUNT_FREE {
            let from = Some(IpAddr::from([10, 0, 1, number as u8]));
            tries.begin("anna", from, 1_000).unwrap();
        }
        let error = tries.begin("anna", HERE, 1_000).unwrap_err();
        assert!(matches!(error, AccountsError::TooManyTries { wait_ms: 30_000 }), "{error}");
        tries.begin("boris", HERE, 1_000).unwrap();
        tries.begin("anna", HERE, 31_000).unwrap();
        let error = tries.begin("anna", HERE, 31_000).unwrap_err();
        assert!(matches!(error, AccountsError::TooManyTries { wait_ms: 60_000 }), "{error}");
        tries.begin("anna", HERE, 31_000 + FORGET_MS + 60_001).unwrap();
    }

    #[test]
    fn an_address_that_tries_all_accounts_is_locked_and_others_are_not() {
        let mut tries = Tries::default();
        for number in 0..ADDRESS_FREE {
            tries.begin(&format!("user{number}"), HERE, 0).unwrap();
        }
        assert!(tries.begin("another", HERE, 0).is_err());
        tries.begin("another", Some(IpAddr::from([10, 0, 0, 8])), 0).unwrap();
    }

    #[test]
    fn whoever_knows_his_pin_is_not_locked_out_by_his_own_slips() {
        let mut tries = Tries::default();
        for _ in 0..100 {
            tries.begin("anna", HERE, 0).unwrap();
            tries.succeeded("anna", HERE);
        }
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut tries = Tries::default();
        for number in 0..2 * REMEMBERED_MAX as u64 {
            tries.begin(&format!("user{number}"), None, number).unwrap();
        }
        assert!(tries.0.len() <= REMEMBERED_MAX);
    }
}
