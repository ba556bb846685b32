//! Who a child process is and what it has inherited: its user, its network, its descriptors.

use std::io;

use rustix::process::DumpableBehavior;
use rustix::thread::{
    CapabilitySet, CapabilitySets, Gid, Uid, UnshareFlags, set_capabilities, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid, unshare_unsafe,
};

/// User ids that nobody owns and no service is given for long: those that systemd hands out for
/// `DynamicUser=` (systemd's `docs/UIDS-GIDS.md`). Nothing of ours is ever stored under them.
const USERS: std::ops::RangeInclusive<u32> = 61_184..=65_519;

/// A user id for the child with this number: children of different numbers get different ones,
/// as far as there are enough. `salt` keeps the agents of one machine apart.
pub(crate) fn user_for(salt: u64, number: u32) -> u32 {
    let count = u64::from(USERS.end() - USERS.start() + 1);
    USERS.start() + ((salt % count + u64::from(number)) % count) as u32
}

/// Takes on a user and group id of its own, and gives up all others and all capabilities.
pub(super) fn change_user(user: Option<u32>) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("the agent does not run as root".into());
    }
    let Some(user) = user else { return Err("no user id was given".into()) };
    if !USERS.contains(&user) {
        return Err(format!("user id {user} is not one for runners"));
    }
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .map_err(|error| {
            // As root in all but power, then.
            let none = CapabilitySet::empty();
            let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
            let dropped = set_capabilities(None, none).is_ok();
            format!("cannot change the user id: {error} (capabilities dropped: {dropped})")
        })
}

/// Moves into a network of its own that has nothing in it. Only root may do so.
#[expect(unsafe_code, reason = "the only way to leave a namespace")]
pub(super) fn leave_the_network() -> io::Result<()> {
    // SAFETY: a new network namespace leaves memory and descriptors as they are.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.map_err(Into::into)
}

/// Closes every descriptor but the first three, whoever left them open.
#[expect(unsafe_code, reason = "closes descriptors that belong to nobody here")]
pub(super) fn close_foreign_descriptors() -> io::Result<()> {
    // SAFETY: called first thing in a process that has opened nothing yet, so that no descriptor
    // from 3 on belongs to anything in it.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) };
    if closed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps other processes of the same user from looking into this one's memory, and a crash from
/// leaving it on the disk.
pub(super) fn hide_memory() -> io::Result<()> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::chdir("/").map_err(Into::into)
}

/// Makes the kernel end this process before the agent when memory runs out.
pub(super) fn prefer_for_the_oom_killer() {
    // Absent in some containers; then the kernel chooses by itself.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_of_one_agent_have_different_users_in_the_range() {
        let users: std::collections::BTreeSet<_> =
            (0..4_336).map(|number| user_for(u64::MAX - 7, number)).collect();
        assert_eq!(users.len(), 4_336);
        assert!(users.iter().all(|user| USERS.contains(user)));
    }
}
