//! Seccomp: the system calls that a child still may make. Where no filter can be made, the
//! report says so.

use super::Profile;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn allow_only(_profile: Profile) -> Result<(), String> {
    Err("no filter of system calls is built for this processor".into())
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) use filter::allow_only;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod filter {
    use std::collections::BTreeMap;

    use seccompiler::SeccompAction::{Allow, Errno, KillProcess};
    use seccompiler::SeccompCmpArgLen::{Dword, Qword};
    use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
        SeccompFilter, SeccompRule,
    };

    use super::Profile;

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// Memory, its own descriptors, time, and its own threads.
    const ALLOWED: &[i64] = &[
        libc::SYS_brk,
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_fstat,
        libc::SYS_ftruncate,
        libc::SYS_futex,
        libc::SYS_getegid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_lseek,
        libc::SYS_madvise,
        // Code that was just loaded is made known to all cores by it on aarch64.
        libc::SYS_membarrier,
        // Wasmtime keeps the initial memory of modules in one, to map it copy-on-write.
        libc::SYS_memfd_create,
        // With PROT_EXEC too: code is loaded for each module.
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_ppoll,
        libc::SYS_pread64,
        libc::SYS_pwrite64,
        libc::SYS_read,
        libc::SYS_readv,
        // On the one socket there is: no other can be made.
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_restart_syscall,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_sendmsg,
        libc::SYS_sendto,
        libc::SYS_set_robust_list,
        libc::SYS_sigaltstack,
        libc::SYS_write,
        libc::SYS_writev,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_gettimeofday,
    ];

    /// What libraries try on the way and do without: glibc's allocator asks `/proc` and `/sys`
    /// for the machine, the standard library asks for a file's length. They fail with `EPERM`.
    const FAILING: &[i64] = &[
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_getcwd,
        libc::SYS_ioctl,
        libc::SYS_newfstatat,
        libc::SYS_openat,
        libc::SYS_readlinkat,
        libc::SYS_statx,
        libc::SYS_sysinfo,
        libc::SYS_uname,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_access,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lstat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_readlink,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_stat,
    ];

    /// Installs the filters for all threads of this process.
    pub(in super::super) fn allow_only(profile: Profile) -> Result<(), String> {
        let install = || -> Result<(), seccompiler::Error> {
            let mut allowed = allowed_rules(profile)?;
            let failing: Rules = FAILING.iter().map(|call| (*call, Vec::new())).collect();
            allowed.extend(failing.clone());
            // All filters are asked and the strictest answer counts. The strictest one comes
            // last, because it does not allow to install another.
            apply(failing, Allow, Errno(libc::EPERM as u32))?;
            if profile == Profile::Compiler {
                // Its flags cannot be looked at; without it the C library uses `clone`.
                let newer = Rules::from([(libc::SYS_clone3, Vec::new())]);
                apply(newer, Allow, Errno(libc::ENOSYS as u32))?;
            }
            apply(allowed, KillProcess, Allow)
        };
        install().map_err(|error| error.to_string())
    }

    fn apply(
        rules: Rules,
        otherwise: SeccompAction,
        matched: SeccompAction,
    ) -> Result<(), seccompiler::Error> {
        let arch = std::env::consts::ARCH.try_into()?;
        let filter: BpfProgram = SeccompFilter::new(rules, otherwise, matched, arch)?.try_into()?;
        seccompiler::apply_filter_all_threads(&filter)
    }

    fn allowed_rules(profile: Profile) -> Result<Rules, BackendError> {
        let mut rules: Rules = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
        let me = u64::from(rustix::process::getpid().as_raw_nonzero().get().cast_unsigned());
        // An abort sends a signal to its own thread.
        rules.insert(libc::SYS_tgkill, vec![arg(0, Dword, Eq, me)?]);
        // Its own limits, which it can only lower.
        rules.insert(libc::SYS_prlimit64, vec![arg(0, Dword, Eq, 0)?]);
        let file_calls =
            [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC, libc::F_ADD_SEALS];
        let file_calls = file_calls.map(|call| arg(1, Dword, Eq, u64::from(call.cast_unsigned())));
        rules.insert(libc::SYS_fcntl, file_calls.into_iter().collect::<Result<_, _>>()?);
        // A thread that is just starting gives itself a name.
        let set_name = u64::from(libc::PR_SET_NAME.cast_unsigned());
        rules.insert(libc::SYS_prctl, vec![arg(0, Dword, Eq, set_name)?]);
        if profile == Profile::Compiler {
            let thread = u64::from(libc::CLONE_THREAD.cast_unsigned());
            rules.insert(libc::SYS_clone, vec![arg(0, Qword, MaskedEq(thread), thread)?]);
            rules.insert(libc::SYS_clone3, Vec::new());
        }
        Ok(rules)
    }

    fn arg(
        number: u8,
        length: SeccompCmpArgLen,
        operator: SeccompCmpOp,
        value: u64,
    ) -> Result<SeccompRule, BackendError> {
        SeccompRule::new(vec![SeccompCondition::new(number, length, operator, value)?])
    }
}
