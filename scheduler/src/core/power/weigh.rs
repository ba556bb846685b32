//! Whether a board that is off is worth waking: not for work that is done before it has booted.

use std::collections::{BTreeMap, BTreeSet};

use bramble_protocol::power::PowerStage;
use bramble_protocol::{NodeSelector, Prefer};

use super::super::Scheduler;
use super::steps::span;

/// How long a board takes to boot of which nobody has seen it, in milliseconds: a Zero takes
/// 30 to 60 s.
const BOOT_MS_UNSEEN: u64 = 45_000;
/// What a task takes of which none has been done, in microseconds of the reference core.
const TASK_US_UNSEEN: u64 = 1_000_000;
/// Work that has waited so long for slots that are free waits for another node, in milliseconds.
const STUCK_MS: u64 = 10_000;
/// A board must be up before this part of the work left is done, in thousandths, or it is not worth
/// its boot.
const WORTH_PERMILLE: u64 = 800;

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    /// Nodes without which a job that names them cannot run, and why.
    pub(super) named: BTreeMap<String, String>,
    /// Nodes that are worth waking, and why.
    pub(super) wake: BTreeMap<String, String>,
    /// Whether work waits that none of those that are on takes.
    pub(super) is_stuck: bool,
    /// Nodes that have work ahead of them.
    needed: BTreeSet<String>,
}

impl Weighed {
    /// Whether a node that is on has work ahead of it.
    pub(super) fn is_needed(&self, name: &str) -> bool {
        self.needed.contains(name) || self.named.contains_key(name)
    }
}

/// Slots that work from some time on, from now, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Hand {
    from_ms: u64,
    /// Slots times speed, in thousandths of a reference core.
    strength: u64,
}

impl Scheduler {
    /// Weighs all outlets that are off, and notes at those that stay off why.
    pub(super) fn weigh(&mut self) -> Weighed {
        let mut weighed = Weighed { named: self.named_and_off(), ..Weighed::default() };
        let (work_us, ready) = self.work_left();
        let is_stuck = self.is_stuck();
        if ready == 0 && !is_stuck {
            return weighed;
        }
        let mut free: u64 = self.cluster.index().capacity.iter().map(|it| u64::from(it.free)).sum();
        let mut hands = self.hands();
        let mut sleeping = Vec::new();
        for (name, supplied) in &self.rack.outlets {
            match supplied.stage {
                PowerStage::Off => sleeping.push((self.boot_ms(name), name.clone())),
                PowerStage::Queued | PowerStage::SwitchingOn | PowerStage::Booting => {
                    let gone = self.now.ms_since(supplied.since);
                    let from_ms = self.boot_ms(name).saturating_sub(gone);
                    hands.push(Hand { from_ms, ..self.hand(name) });
                    free += self.slots_of(name);
                    weighed.wake.insert(name.clone(), "there is work for it".into());
                }
                _ => {
                    // Not switched off while something waits that it could do next.
                    weighed.needed.insert(name.clone());
                }
            }
        }
        sleeping.sort_unstable();
        let mut notes = Vec::new();
        weighed.is_stuck = is_stuck;
        if is_stuck {
            // Those that are on are of no use, and may be in the way of others.
            weighed.needed.clear();
        }
        if is_stuck
            && weighed.wake.is_empty()
            && let Some(place) = self.next_to_try(&sleeping)
        {
            let (_, name) = sleeping.remove(place);
            weighed.wake.insert(name, "what waits is not for the nodes that are on".into());
        }
        for (boot_ms, name) in sleeping {
            let left_ms = time_left(work_us, &hands);
            if free >= ready {
                notes.push((name, format!("stays off: {ready} tasks wait, and {free} slots are or will be free for them")));
            } else if boot_ms > left_ms.saturating_mul(WORTH_PERMILLE) / 1000 {
                let (left, boot) = (span(left_ms), span(boot_ms));
                notes.push((name, format!("stays off: what is to be done takes about {left}, and it needs {boot} to come up")));
            } else {
                let left = if left_ms == u64::MAX {
                    "nothing else runs it".into()
                } else {
                    format!("else it takes about {}", span(left_ms))
                };
                weighed.wake.insert(name.clone(), format!("{ready} tasks wait for slots: {left}"));
                hands.push(Hand { from_ms: boot_ms, ..self.hand(&name) });
                free += self.slots_of(&name);
            }
        }
        for (name, note) in notes {
            if let Some(supplied) = self.rack.outlets.get_mut(&name) {
                supplied.note = Some(note);
            }
        }
        weighed
    }

    /// Whether work has waited for a while though slots are free: what must be done on yet another
    /// node, or by another kind of machine.
    fn is_stuck(&mut self) -> bool {
        let mut jobs = self.queue.order();
        let waits = jobs.any(|job| self.open(job).counts.ready > 0);
        let all = self.cluster.all();
        let is_idle = all.iter().all(|node| node.leases.is_empty());
        // With more nodes there would be still less for each.
        let is_capped = all.iter().any(|node| node.is_available() && !self.is_within_cap(node));
        if !waits || !is_idle || is_capped {
            self.rack.stuck_since = None;
            return false;
        }
        let since = *self.rack.stuck_since.get_or_insert(self.now);
        self.now.ms_since(since) >= STUCK_MS
    }

    /// Which of those that are off to try for work that the others do not take: one that a job names,
    /// and of those the one that has been off for longest.
    fn next_to_try(&self, sleeping: &[(u64, String)]) -> Option<usize> {
        let mut named = BTreeSet::new();
        for job in self.queue.order() {
            let open = self.open(job);
            if let NodeSelector::Named(names) = &open.spec.nodes
                && open.counts.ready > 0
            {
                named.extend(names.iter().map(String::as_str));
            }
        }
        let rank = |name: &str| (!named.contains(name), self.rack.outlets[name].since);
        let places = 0..sleeping.len();
        places.min_by_key(|place| rank(&sleeping[*place].1))
    }

    /// Nodes that are off, and that a job names of whose nodes none is on.
    fn named_and_off(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for job in self.queue.order() {
            let open = self.open(job);
            let NodeSelector::Named(names) = &open.spec.nodes else { continue };
            let is_on = |name: &String| {
                self.cluster.find(name).is_some_and(|node| node.connection().is_some())
            };
            if open.counts.ready > 0 && !names.iter().any(is_on) {
                let why = format!("job {job} names it");
                let known = names.iter().filter(|name| self.rack.outlets.contains_key(*name));
                all.extend(known.map(|name| (name.clone(), why.clone())));
            }
        }
        all
    }

    /// Work of all tasks that are ready or leased and that any node may do, in microseconds of the
    /// reference core, and how many are ready.
    fn work_left(&self) -> (u64, u64) {
        let (mut work_us, mut ready) = (0_u64, 0_u64);
        for job in self.queue.order() {
            let open = self.open(job);
            let is_named = matches!(open.spec.nodes, NodeSelector::Named(_));
            if is_named || open.spec.policy.prefer == Prefer::Energy {
                // Only those that it names are of use for it, or those that are on.
                continue;
            }
            let counts = open.counts;
            let tasks = u64::from(counts.ready) + u64::from(counts.leased) / 2;
            let done = u64::from(counts.succeeded).max(1);
            let mean = match open.usage.reference_us.max(open.usage.cpu_us) / done {
                0 => TASK_US_UNSEEN,
                mean => mean,
            };
            work_us = work_us.saturating_add(mean.saturating_mul(tasks));
            ready += u64::from(counts.ready);
        }
        (work_us, ready)
    }

    /// Those that can work now.
    fn hands(&self) -> Vec<Hand> {
        let nodes = self.cluster.all().iter().filter(|node| node.is_available());
        let strength = nodes.map(|node| {
            u64::from(node.usable_slots()) * u64::from(node.speed.unwrap_or(self.usual_speed()))
        });
        vec![Hand { from_ms: 0, strength: strength.sum() }]
    }

    fn hand(&self, name: &str) -> Hand {
        let speed = self.cluster.find(name).and_then(|node| node.speed);
        let speed = u64::from(speed.unwrap_or(self.usual_speed()));
        Hand { from_ms: 0, strength: self.slots_of(name) * speed }
    }

    fn slots_of(&self, name: &str) -> u64 {
        self.cluster.find(name).map_or(1, |node| u64::from(node.slots.max(1)))
    }

    /// The speed of a node that was not measured.
    fn usual_speed(&self) -> u32 {
        self.cluster.index().fastest().unwrap_or(1000)
    }

    fn boot_ms(&self, name: &str) -> u64 {
        self.rack.boots.get(name).copied().unwrap_or(BOOT_MS_UNSEEN)
    }
}

/// When so much work is done by those that come one after the other, in milliseconds from now;
/// `u64::MAX` when nobody comes.
///
/// The time `t` for which the sum of `strength * (t - from)` over those with `from < t` is the work.
fn time_left(work_us: u64, hands: &[Hand]) -> u64 {
    let mut hands: Vec<Hand> = hands.iter().filter(|hand| hand.strength > 0).copied().collect();
    hands.sort_unstable_by_key(|hand| hand.from_ms);
    // In thousandths of a reference core times milliseconds, as microseconds of that core are.
    let mut left = u128::from(work_us);
    let mut strength = 0_u128;
    let mut at_ms = 0;
    for hand in hands {
        let until = u128::from(hand.from_ms - at_ms) * strength;
        if strength > 0 && until >= left {
            break;
        }
        left -= until;
        at_ms = hand.from_ms;
        strength += u128::from(hand.strength);
    }
    match left.checked_div(strength) {
        Some(ms) => at_ms.saturating_add(u64::try_from(ms).unwrap_or(u64::MAX)),
        None => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_by_those_that_are_there_and_sooner_by_those_that_come() {
        let hand = |from_ms, strength| Hand { from_ms, strength };
        assert_eq!(time_left(10_000_000, &[]), u64::MAX);
        assert_eq!(time_left(10_000_000, &[hand(0, 0)]), u64::MAX);
        // 10 s of work for one reference core.
        assert_eq!(time_left(10_000_000, &[hand(0, 1_000)]), 10_000);
        // Another comes after 4 s: 6 s of work are left for two.
        assert_eq!(time_left(10_000_000, &[hand(4_000, 1_000), hand(0, 1_000)]), 7_000);
        assert_eq!(time_left(10_000_000, &[hand(0, 1_000), hand(20_000, 1_000)]), 10_000);
        assert_eq!(time_left(10_000_000, &[hand(30_000, 2_000)]), 35_000);
    }
}
