//! Which parts of WASI are linked at all; waiting and leaving in WASI preview 1.

use wasmtime::component::HasData;
use wasmtime::{Caller, Engine, Extern, Linker, component};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sockets, sync};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use wasmtime_wasi::{I32Exit, ResourceTable, p1};

use super::clock::HostClock;
use crate::sandbox::bindings::bramble::job;
use crate::sandbox::host::Host;

/// A linker for components: `bramble:job`, and WASI 0.2. The interfaces of the file system are
/// there because every libc asks which directories it has, and those of sockets because some
/// programs import what they never call; there are no directories, and no address is allowed.
pub(crate) fn component_linker(engine: &Engine) -> wasmtime::Result<component::Linker<Host>> {
    let mut linker = component::Linker::new(engine);
    let l = &mut linker;
    sync::io::error::add_to_linker::<Host, Table>(l, |host| host.ctx().table)?;
    sync::io::poll::add_to_linker::<Host, Table>(l, |host| host.ctx().table)?;
    sync::io::streams::add_to_linker::<Host, Table>(l, |host| host.ctx().table)?;
    clocks::wall_clock::add_to_linker::<Host, WasiClocks>(l, Host::clocks)?;
    clocks::monotonic_clock::add_to_linker::<Host, HostClock>(l, |host| host)?;
    random::random::add_to_linker::<Host, WasiRandom>(l, Host::random)?;
    random::insecure::add_to_linker::<Host, WasiRandom>(l, Host::random)?;
    random::insecure_seed::add_to_linker::<Host, WasiRandom>(l, Host::random)?;
    cli::environment::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::exit::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::stdin::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::stdout::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::stderr::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_input::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_output::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_stdin::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_stdout::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    cli::terminal_stderr::add_to_linker::<Host, WasiCli>(l, Host::cli)?;
    filesystem::preopens::add_to_linker::<Host, WasiFilesystem>(l, Host::filesystem)?;
    sync::filesystem::types::add_to_linker::<Host, WasiFilesystem>(l, Host::filesystem)?;
    sockets::instance_network::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<Host, WasiSockets>(l, &options, Host::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    sockets::udp_create_socket::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    sync::sockets::tcp::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    sync::sockets::udp::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    job::types::add_to_linker::<Host, component::HasSelf<Host>>(l, |host| host)?;
    job::host::add_to_linker::<Host, component::HasSelf<Host>>(l, |host| host)?;
    job::io::add_to_linker::<Host, component::HasSelf<Host>>(l, |host| host)?;
    crate::sandbox::crypto::add_to_linker(l)?;
    Ok(linker)
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// A linker for core modules that are WASI preview 1 commands.
pub(crate) fn core_linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    p1::add_to_linker_sync(&mut linker, |host: &mut Host| &mut host.wasi)?;
    // The library's own would wait in real time.
    linker.allow_shadowing(true);
    linker.func_wrap("wasi_snapshot_preview1", "poll_oneoff", poll_oneoff)?;
    // The library's own traps at 126 and more, which is how programs say that a signal ended them.
    linker.func_wrap("wasi_snapshot_preview1", "proc_exit", |status: i32| {
        Err::<(), _>(wasmtime::Error::from(I32Exit(status)))
    })?;
    linker.allow_shadowing(false);
    Ok(linker)
}

const SUBSCRIPTION_BYTES: usize = 48;
const EVENT_BYTES: usize = 32;
/// Most subscriptions in one call.
const SUBSCRIPTIONS_MAX: usize = 1024;
const ERRNO_INVAL: i32 = 28;
const ERRNO_FAULT: i32 = 21;

/// Waits on the virtual clock. Streams are always ready; where one is asked for, no time passes.
fn poll_oneoff(
    mut caller: Caller<'_, Host>,
    subscriptions: u32,
    events: u32,
    count: u32,
    ready: u32,
) -> i32 {
    let count = count as usize;
    if count == 0 || count > SUBSCRIPTIONS_MAX {
        return ERRNO_INVAL;
    }
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return ERRNO_FAULT;
    };
    let mut asked = vec![0; count * SUBSCRIPTION_BYTES];
    if memory.read(&caller, subscriptions as usize, &mut asked).is_err() {
        return ERRNO_FAULT;
    }
    let asked: Vec<_> = asked.chunks_exact(SUBSCRIPTION_BYTES).map(Subscription::parse).collect();
    let happened = happened(&asked, caller.data());
    let number = (happened.len() / EVENT_BYTES) as u32;
    let written = memory
        .write(&mut caller, events as usize, &happened)
        .and_then(|()| memory.write(&mut caller, ready as usize, &number.to_le_bytes()));
    if written.is_ok() { 0 } else { ERRNO_FAULT }
}

/// The events to report, encoded.
fn happened(asked: &[Subscription], host: &Host) -> Vec<u8> {
    let streams: Vec<u8> = asked
        .iter()
        .filter_map(|one| match one.wants {
            Wants::Stream { kind, fd } => {
                let stdin = host.stdin.as_ref().filter(|_| fd == 0);
                Some(one.event(kind, stdin.map_or(0, |stdin| stdin.lock().left())))
            }
            Wants::Time { .. } => None,
        })
        .flatten()
        .collect();
    if !streams.is_empty() {
        return streams;
    }
    // Several timers: the first to end is the one that ends the wait.
    let first = asked.iter().min_by_key(|one| match one.wants {
        Wants::Time { timeout_ns, .. } => timeout_ns,
        Wants::Stream { .. } => u64::MAX,
    });
    let Some((one, Wants::Time { clock, timeout_ns, absolute })) =
        first.map(|one| (one, one.wants))
    else {
        return Vec::new();
    };
    match (absolute, clock) {
        (false, _) => host.clock.wait_for(timeout_ns),
        (true, 0) => host.clock.wait_until_date(timeout_ns),
        (true, _) => host.clock.wait_until(timeout_ns),
    }
    one.event(0, 0).to_vec()
}

struct Subscription {
    user_data: [u8; 8],
    wants: Wants,
}

#[derive(Clone, Copy)]
enum Wants {
    Time { clock: u32, timeout_ns: u64, absolute: bool },
    Stream { kind: u8, fd: u32 },
}

impl Subscription {
    /// Reads the layout of `subscription` in WASI preview 1.
    fn parse(bytes: &[u8]) -> Self {
        let u32_at = |at: usize| u32::from_le_bytes(take(bytes, at));
        let kind = bytes[8];
        let wants = if kind == 0 {
            let timeout_ns = u64::from_le_bytes(take(bytes, 24));
            Wants::Time { clock: u32_at(16), timeout_ns, absolute: bytes[40] & 1 == 1 }
        } else {
            Wants::Stream { kind, fd: u32_at(16) }
        };
        Self { user_data: take(bytes, 0), wants }
    }

    /// Writes the layout of `event`, without an error.
    fn event(&self, kind: u8, bytes: u64) -> [u8; EVENT_BYTES] {
        let mut event = [0; EVENT_BYTES];
        event[..8].copy_from_slice(&self.user_data);
        event[10] = kind;
        event[16..24].copy_from_slice(&bytes.to_le_bytes());
        event
    }
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the layout is longer than that")
}
