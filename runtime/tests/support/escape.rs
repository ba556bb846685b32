//! Native code in a runner process, as if a guest had broken out of WebAssembly. Each attempt
//! either says what came of it or does not live to tell.

use std::fmt::Display;
use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};

use bramble_protocol::agent::Work;
use rustix::process::{Pid, Resource, Rlimit, Signal};

/// Runs the attempt that the parameter `escape` names, if it is there.
pub(crate) fn attempt(work: &Work) -> Option<String> {
    let about = |name: &str| work.params.get(name).cloned().unwrap_or_default();
    let parent: i32 = about("parent").parse().unwrap_or(1);
    let name = work.params.get("escape")?;
    Some(match name.as_str() {
        "files" => files(&about("secret"), parent),
        "descriptors" => descriptors(),
        "environment" => format!("{} variables", std::env::vars_os().count()),
        "user" => format!("user {}", rustix::process::getuid().as_raw()),
        "memory" => memory(),
        "limits" => limits(),
        "connect" => said(TcpStream::connect("127.0.0.1:1")),
        "listen" => said(TcpListener::bind("127.0.0.1:0")),
        "udp" => said(UdpSocket::bind("127.0.0.1:0")),
        "unix" => said(std::os::unix::net::UnixListener::bind("/tmp/escape.sock")),
        "kill" => said(rustix::process::kill_process(Pid::from_raw(parent)?, Signal::KILL)),
        "thread" => {
            said(std::thread::Builder::new().spawn(|| ()).map(std::thread::JoinHandle::join))
        }
        "directory" => said(std::fs::create_dir("/tmp/escape")),
        "remove" => said(std::fs::remove_file(about("secret"))),
        name => system_call(name, parent)?,
    })
}

/// Everything that is open for whoever knows its name.
fn files(secret: &str, parent: i32) -> String {
    let names = [
        secret.to_owned(),
        "/etc/passwd".to_owned(),
        "/etc/shadow".to_owned(),
        "/proc/self/environ".to_owned(),
        "/proc/self/maps".to_owned(),
        "/dev/mem".to_owned(),
        "/tmp".to_owned(),
        ".".to_owned(),
        format!("/proc/{parent}/environ"),
        format!("/proc/{parent}/mem"),
        format!("/proc/{parent}/fd/0"),
    ];
    let opened: Vec<_> = names.iter().filter(|name| File::open(name).is_ok()).collect();
    let made = File::create("/tmp/escape").is_ok();
    let seen: Vec<_> = names.iter().filter(|name| std::fs::metadata(name).is_ok()).collect();
    format!("opened {opened:?}, made {made}, saw {seen:?}")
}

fn descriptors() -> String {
    let is_open = |number: &i32| {
        // SAFETY: asks for the flags of a number, whether or not it is a descriptor.
        #[expect(unsafe_code, reason = "looks for descriptors that belong to nobody here")]
        let flags = unsafe { libc::fcntl(*number, libc::F_GETFD) };
        flags >= 0
    };
    let open: Vec<i32> = (0..1024).filter(is_open).collect();
    format!("{} descriptors", open.len())
}

fn memory() -> String {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let block = 64 << 20;
    loop {
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(block).is_err() {
            return format!("{} MiB", kept.len() * (block >> 20));
        }
        kept.push(bytes);
    }
}

fn limits() -> String {
    let raised =
        [Resource::Nofile, Resource::Nproc, Resource::Data, Resource::Fsize, Resource::Core]
            .into_iter()
            .filter(|resource| {
                let unlimited = Rlimit { current: None, maximum: None };
                rustix::process::setrlimit(*resource, unlimited).is_ok()
            });
    format!("raised {:?}", raised.collect::<Vec<_>>())
}

/// What the standard library offers no function for.
#[expect(unsafe_code, reason = "an attacker has no manners")]
fn system_call(name: &str, parent: i32) -> Option<String> {
    let path = c"/bin/true".as_ptr();
    // SAFETY: none of these is supposed to return. If one does, no memory has changed but in a
    // child, and the test fails.
    let answer = unsafe {
        match name {
            "fork" => libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0),
            "exec" => libc::syscall(libc::SYS_execve, path, 0, 0),
            "ptrace" => libc::syscall(libc::SYS_ptrace, libc::PTRACE_ATTACH, parent, 0, 0),
            "peek" => libc::syscall(libc::SYS_process_vm_readv, parent, 0, 0, 0, 0, 0),
            "thread-kill" => libc::syscall(libc::SYS_tgkill, parent, parent, libc::SIGKILL),
            "signal-queue" => libc::syscall(libc::SYS_rt_sigqueueinfo, parent, libc::SIGKILL, 0),
            "pidfd" => libc::syscall(libc::SYS_pidfd_open, parent, 0),
            "other-limits" => libc::syscall(libc::SYS_prlimit64, parent, 7, 0, 0),
            "root" => libc::syscall(libc::SYS_setuid, 0),
            "unshare" => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER),
            "mount" => libc::syscall(libc::SYS_mount, path, path, path, 0, 0),
            "ring" => libc::syscall(libc::SYS_io_uring_setup, 8, 0),
            "bpf" => libc::syscall(libc::SYS_bpf, 0, 0, 0),
            "key" => libc::syscall(libc::SYS_keyctl, 0, 0, 0, 0, 0),
            "dumpable" => libc::syscall(libc::SYS_prctl, libc::PR_SET_DUMPABLE, 1, 0, 0, 0),
            _ => return None,
        }
    };
    Some(format!("returned {answer}"))
}

fn said<T, E: Display>(result: Result<T, E>) -> String {
    result.map_or_else(|error| format!("refused: {error}"), |_| "done".into())
}
