//! Which objects go: from what is stored, what is needed and how much space there should be.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use bramble_protocol::Digest;
use bramble_protocol::gc::{GcKind, GcReason};
use bramble_scheduler::core::Reachable;
use bramble_store::Stored;

/// What a plan is made from.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) stored: Vec<Stored>,
    pub(super) needed: Reachable,
    /// Compiled modules of jobs that are known.
    pub(super) artefacts: Vec<Digest>,
    /// The objects of inputs, those of jobs that have ended first, earliest end first.
    pub(super) inputs: Vec<Digest>,
    /// What was used after this stays.
    pub(super) unused_since: SystemTime,
}

/// What goes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) kinds: Vec<GcKind>,
    /// Objects that nothing needs, then what is kept only while there is space, least recently
    /// used first.
    pub(super) victims: Vec<Victim>,
    /// How much more there should be free afterwards, in bytes.
    pub(super) short_bytes: u64,
}

/// An object that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Victim {
    pub(super) digest: Digest,
    pub(super) reason: GcReason,
    pub(super) bytes: u64,
}

/// Decides what goes so that `wanted_bytes` get free: all that nothing needs, then as much as it
/// takes of what is kept while there is space.
pub(super) fn plan(facts: &Facts, wanted_bytes: u64) -> Plan {
    let reasons = reasons(facts);
    let mut kinds = GcReason::ALL.map(|reason| GcKind {
        reason,
        objects: 0,
        bytes: 0,
        freed_objects: 0,
        freed_bytes: 0,
    });
    let mut candidates: Vec<(GcReason, usize, &Stored)> = Vec::new();
    for stored in &facts.stored {
        let is_recent = stored.used > facts.unused_since;
        let (reason, place) = match reasons.get(&stored.digest) {
            Some(known) => *known,
            None if is_recent => (GcReason::Recent, 0),
            None => (GcReason::Unused, 0),
        };
        let kind = &mut kinds[reason as usize];
        kind.objects += 1;
        kind.bytes += stored.size_bytes;
        if order(reason).is_some() && !is_recent && stored.is_ours {
            candidates.push((reason, place, stored));
        }
    }
    candidates.sort_unstable_by_key(|(reason, place, stored)| {
        (order(*reason), *place, stored.used, stored.digest)
    });
    let (mut freed, mut victims) = (0u64, Vec::new());
    for (reason, _, stored) in candidates {
        if reason != GcReason::Unused && freed >= wanted_bytes {
            break;
        }
        freed += stored.size_bytes;
        let kind = &mut kinds[reason as usize];
        kind.freed_objects += 1;
        kind.freed_bytes += stored.size_bytes;
        victims.push(Victim { digest: stored.digest, reason, bytes: stored.size_bytes });
    }
    Plan { kinds: kinds.into(), victims, short_bytes: wanted_bytes.saturating_sub(freed) }
}

/// In which order things go; `None` for what never does.
fn order(reason: GcReason) -> Option<u8> {
    match reason {
        GcReason::Unused => Some(0),
        GcReason::Cached => Some(1),
        GcReason::Input => Some(2),
        GcReason::Open | GcReason::Module | GcReason::Result | GcReason::Recent => None,
    }
}

/// Why each object is needed, and its place among those of the same reason.
fn reasons(facts: &Facts) -> HashMap<Digest, (GcReason, usize)> {
    let Reachable { open, modules, results, cached, inputs } = &facts.needed;
    let mut reasons = HashMap::with_capacity(facts.stored.len());
    let mut add = |reason, digests: &[Digest]| {
        for (place, digest) in digests.iter().enumerate() {
            reasons.insert(*digest, (reason, place));
        }
    };
    // From the weakest reason to the strongest: the last one stays.
    add(GcReason::Input, inputs);
    add(GcReason::Input, &facts.inputs);
    add(GcReason::Cached, cached);
    add(GcReason::Result, results);
    add(GcReason::Module, &facts.artefacts);
    add(GcReason::Module, modules);
    add(GcReason::Open, open);
    reasons
}

/// All that must stay if it is needed now.
pub(super) fn needed_now(needed: &Reachable) -> HashSet<Digest> {
    let Reachable { open, modules, results, cached, inputs: _ } = needed;
    [open, modules, results, cached].into_iter().flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn digests(names: &[&str]) -> Vec<Digest> {
        names.iter().map(|name| digest(name)).collect()
    }

    /// Objects of 10 bytes, all used long ago except those whose names begin with `new`.
    fn facts(names: &[&str]) -> Facts {
        let now = SystemTime::UNIX_EPOCH + HOUR * 100;
        let stored = names.iter().map(|name| Stored {
            digest: digest(name),
            size_bytes: 10,
            used: if name.starts_with("new") { now } else { now - HOUR * 2 },
            is_ours: *name != "foreign",
        });
        Facts {
            stored: stored.collect(),
            needed: Reachable::default(),
            artefacts: Vec::new(),
            inputs: Vec::new(),
            unused_since: now - HOUR,
        }
    }

    fn gone(plan: &Plan) -> Vec<Digest> {
        plan.victims.iter().map(|victim| victim.digest).collect()
    }

    #[test]
    fn only_what_nothing_needs_goes_while_there_is_space() {
        let mut facts = facts(&[
            "open", "module", "compiled", "result", "cached", "input", "new", "foreign", "x",
        ]);
        facts.needed = Reachable {
            open: digests(&["open"]),
            modules: digests(&["module"]),
            results: digests(&["result"]),
            cached: digests(&["cached"]),
            inputs: digests(&["input"]),
        };
        facts.artefacts = digests(&["compiled"]);
        let plan = plan(&facts, 0);
        assert_eq!(gone(&plan), digests(&["x"]));
        assert_eq!(plan.short_bytes, 0);
        let counts: Vec<u64> = plan.kinds.iter().map(|kind| kind.objects).collect();
        assert_eq!(
            counts,
            [1, 2, 1, 1, 1, 1, 2],
            "open, module, result, cached, input, recent, unused"
        );
    }

    #[test]
    fn when_space_is_short_kept_results_go_before_inputs_and_what_is_needed_never() {
        let mut facts = facts(&["in1", "in2", "c1", "c2", "new c", "open", "result", "x"]);
        facts.needed = Reachable {
            open: digests(&["open"]),
            results: digests(&["result"]),
            // The second was used again after the third; an open job reads the last.
            cached: digests(&["c2", "c1", "c2", "new c", "open"]),
            ..Reachable::default()
        };
        facts.inputs = digests(&["in2", "in1", "result"]);
        let goes = |wanted| gone(&plan(&facts, wanted));
        assert_eq!(goes(10), digests(&["x"]));
        assert_eq!(goes(11), digests(&["x", "c1"]));
        assert_eq!(goes(30), digests(&["x", "c1", "c2"]));
        assert_eq!(goes(31), digests(&["x", "c1", "c2", "in2"]));
        let all = plan(&facts, 1_000);
        assert_eq!(gone(&all), digests(&["x", "c1", "c2", "in2", "in1"]));
        assert_eq!(all.short_bytes, 950);
    }
}
