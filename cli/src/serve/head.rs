//! `bramble head`: store, journal, scheduler, compiler and API in one process.

use bramble_protocol::error_chain;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bramble_accounts::{Accounts, AccountsError, AdminToken};
use bramble_runtime::artefact::{HeadKey, KeyError};
use bramble_runtime::compile::{CompileLimits, Compiler};
use bramble_scheduler::journal::JournalError;
use bramble_scheduler::{Head, HeadFailure, StartError, StartOptions};
use bramble_tls::Fingerprint;
use bramble_web::{AppState, Collector};
use tokio::runtime;
use tokio::task::JoinError;

use super::modules::{self, CompilerService};
use super::stop::Stop;
use super::{data, logging, notify};
use crate::args::cluster::HeadArgs;
use crate::commands::{Context, now_ms};
use crate::error::{CliError, CliResult, Slug};
use crate::local::{self, HEAD_FILE, HeadRecord, ProcessMark};
use crate::paths;

/// Threads that run the API and the scheduler. Both mostly wait.
const WORKER_THREADS: usize = 2;
/// Threads that may wait for the disk or a compiler at the same time.
const BLOCKING_THREADS_MAX: usize = 64;
/// The journal, in the data directory.
pub(super) const JOURNAL_FILE: &str = "journal.sqlite";

/// Runs a head until it is told to stop.
///
/// # Errors
/// When the directory or the address cannot be used, or the journal fails.
pub(crate) fn run(context: &Context, args: &HeadArgs) -> CliResult<()> {
    logging::start(&context.output)?;
    let dir = paths::data_dir(args.data.as_deref())?;
    data::prepare(&dir)?;
    let _lock = data::lock(&dir, &dir, "bramble head")?;
    let listener = bind(args.listen)?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Slug::Local, "cannot start the head").because(&error))?;
    let ended = runtime.block_on(serve(context, &dir, listener, args));
    local::remove(&dir, HEAD_FILE);
    ended
}

/// Listens on `address`.
fn bind(address: SocketAddr) -> CliResult<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        let what = format!("cannot listen on {address}");
        match error.kind() {
            io::ErrorKind::AddrInUse => CliError::new(Slug::AddressInUse, what)
                .why("another program listens there, perhaps another bramble")
                .help("use that one, or take any free port: --listen 127.0.0.1:0"),
            io::ErrorKind::AddrNotAvailable => CliError::new(Slug::AddressInUse, what)
                .why("this computer has no such address")
                .help("listen on all of its addresses: --listen 0.0.0.0:8420"),
            io::ErrorKind::PermissionDenied => CliError::new(Slug::AddressInUse, what)
                .because(&error)
                .help("ports below 1024 are for the administrator: choose a higher one"),
            _ => CliError::new(Slug::Local, what).because(&error),
        }
    })
}

async fn serve(
    context: &Context,
    dir: &Path,
    listener: TcpListener,
    args: &HeadArgs,
) -> CliResult<()> {
    let stop = Stop::listen(args.exit_with_parent)?;
    let store = data::open_store(dir)?;
    let key = head_key(dir)?;
    modules::forget_others(dir, &key.public());
    let compiler = Compiler::new(paths::program()?, compile_limits(args));
    let modules = Arc::new(CompilerService::new(store.clone(), dir, compiler, key)?);
    let (handle, mut scheduler) = Head::start(StartOptions {
        journal_path: dir.join(JOURNAL_FILE),
        network_filesystem_allowed: false,
        modules: Arc::clone(&modules) as Arc<dyn bramble_scheduler::ModuleService>,
        config: bramble_scheduler::core::Config {
            spot_check_permille: args.spot_checks,
            calibration: Some(data::calibration(&store)?),
            ..Default::default()
        },
    })
    .map_err(|error| start_error(dir, &error))?;
    if let Some(file) = &args.power {
        super::power::serve(&handle, file).await?;
    }
    let service = Arc::clone(&modules) as Arc<dyn bramble_scheduler::ModuleService>;
    let accounts = accounts(context, dir)?;
    let shown_accounts = accounts.clone();
    let collector = Arc::new(Collector::new(
        handle.clone(),
        store.clone(),
        accounts.clone(),
        service,
        args.store_quota,
    ));
    let collecting = tokio::spawn({
        let collector = Arc::clone(&collector);
        async move { collector.run().await }
    });
    let tls = tls(dir)?;
    let fingerprint = tls.fingerprint();
    let app = bramble_web::app(AppState {
        handle: handle.clone(),
        store,
        accounts,
        fingerprint: Some(fingerprint),
        anyone_may_look: args.anyone_may_look,
        modules,
        collector,
        uploads: dir.join("uploads"),
        gallery: crate::request::example::dirs(),
        sample: crate::request::samples::bytes,
        version: env!("CARGO_PKG_VERSION"),
    });
    let record = listening(&listener, fingerprint)?;
    let listener = listener
        .set_nonblocking(true)
        .and_then(|()| tokio::net::TcpListener::from_std(listener))
        .map_err(|error| CliError::new(Slug::Local, "cannot use the socket").because(&error))?;
    if !record.listen.ip().is_loopback() {
        context.output.warn(&format!(
            "what crosses the network to {} in plain HTTP can be read there, PINs too",
            record.listen
        ));
    }
    local::write(dir, HEAD_FILE, &record)?;
    let displays = match &args.displays {
        Some(file) => {
            let addresses = vec![record.listen.to_string()];
            Some(super::displays::start(&handle, &shown_accounts, addresses, file)?)
        }
        None => None,
    };
    tracing::info!(
        url = record.url,
        %fingerprint,
        "head {} listens at {}, and for TLS with the key {fingerprint}",
        env!("CARGO_PKG_VERSION"),
        record.url
    );
    tokio::spawn(notify::head(handle.clone(), record.url.clone()));
    let mut failed = None;
    let stopped = async {
        tokio::select! {
            () = stop.requested() => {}
            ended = &mut scheduler => failed = Some(ended),
        }
        notify::stopping();
    };
    bramble_web::serve(listener, app, Some(tls), stopped).await;
    collecting.abort();
    if let Some(displays) = displays {
        tokio::task::block_in_place(|| displays.end());
    }
    let ended = match failed {
        Some(ended) => ended,
        None => {
            tracing::info!("stopping");
            handle.shutdown().await;
            scheduler.await
        }
    };
    ended_well(ended)
}

/// Who people are, with an admin whose token lies beside.
fn accounts(context: &Context, dir: &Path) -> CliResult<Accounts> {
    let failed = |error: AccountsError| {
        let slug = match error {
            AccountsError::NewerFormat { .. } => Slug::DataNewer,
            _ => Slug::DataUnusable,
        };
        CliError::new(slug, "the accounts of this head cannot be used").why(error_chain(&error))
    };
    let accounts = Accounts::open(&dir.join(data::ACCOUNTS_FILE)).map_err(failed)?;
    let path = dir.join(local::ADMIN_TOKEN_FILE);
    let shown = paths::shown(&path);
    match accounts.ensure_admin(&path, now_ms()).map_err(failed)? {
        AdminToken::Kept => {}
        AdminToken::Made => {
            context.output.note(&format!("the admin's token is in {shown}, for you alone"));
        }
        AdminToken::Replaced => context.output.warn(&format!(
            "others could read the admin's token in {shown}, or it was none: there is a new one"
        )),
    }
    Ok(accounts)
}

/// What compiling may take: as typed, else as the machine allows.
fn compile_limits(args: &HeadArgs) -> CompileLimits {
    let mut limits = CompileLimits::for_this_machine();
    if let Some(bytes) = args.compile_memory {
        limits.memory_bytes_max = bytes;
        limits.memory_is_scarce = false;
    }
    if let Some(time) = args.compile_time {
        limits.cpu_s_max = time.as_secs().max(1);
        limits.wall_max = Duration::from_secs(limits.cpu_s_max.saturating_mul(4).max(10));
    }
    limits
}

/// The key by which this head signs artefacts, made at its first start.
fn head_key(dir: &Path) -> CliResult<HeadKey> {
    let path = dir.join(data::KEY_FILE);
    HeadKey::load_or_create(&path).map_err(|error| {
        let what = "the key by which this head signs compiled modules cannot be used";
        let shown = CliError::new(Slug::DataUnusable, what).why(error_chain(&error));
        match error {
            KeyError::Open { .. } => shown.help(format!(
                "if nobody else has read it: chmod 600 {}; else remove it, and all agents will ask \
                 whether to trust the new one",
                paths::shown(&path)
            )),
            KeyError::NoKey { .. } => shown.help(
                "put the right file back, or remove this one: a new key is made, which agents with \
                 directories of their own refuse until they are told otherwise",
            ),
            _ => shown.help("choose another directory: --data DIR"),
        }
    })
}

/// The end of those connections that nobody on the way can read; its key is made at the first
/// start.
fn tls(dir: &Path) -> CliResult<bramble_tls::Server> {
    let path = dir.join(data::TLS_FILE);
    let identity = data::identity(&path).map_err(|error| {
        error.help(
            "put the right file back, or remove this one: a new key is made, which nodes refuse \
             until they join again, and people until they are told",
        )
    })?;
    bramble_tls::Server::new(&identity)
        .map_err(|error| CliError::new(Slug::Local, "cannot speak TLS").because(&error))
}

/// What to write down about where we listen.
fn listening(listener: &TcpListener, fingerprint: Fingerprint) -> CliResult<HeadRecord> {
    let listen = listener
        .local_addr()
        .map_err(|error| CliError::new(Slug::Local, "cannot use the socket").because(&error))?;
    let schema = "bramble.head-record/1".to_owned();
    let (process, url) = (ProcessMark::own(), url_of(listen));
    Ok(HeadRecord { schema, process, url, listen, fingerprint: Some(fingerprint) })
}

/// The address by which this computer reaches what listens on `listen`.
fn url_of(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

fn start_error(dir: &Path, error: &StartError) -> CliError {
    let StartError::Journal(cause) = error;
    journal_error(&dir.join(JOURNAL_FILE), cause)
}

/// A journal that cannot be used, for people.
pub(super) fn journal_error(path: &Path, cause: &JournalError) -> CliError {
    let slug = match cause {
        JournalError::NewerFormat { .. } => Slug::DataNewer,
        JournalError::InUse { .. } => Slug::DataLocked,
        _ => Slug::DataUnusable,
    };
    let dir = path.parent().unwrap_or(path);
    let what = format!("cannot open the journal in {}", paths::shown(dir));
    CliError::new(slug, what).why(error_chain(cause))
}

fn ended_well(ended: Result<Result<(), HeadFailure>, JoinError>) -> CliResult<()> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => Err(CliError::new(Slug::ClusterDown, "the head stopped")
            .why(error_chain(&failure))
            .help("remove the cause and start it again: every job that was accepted goes on")),
        Err(error) => Err(CliError::new(Slug::ClusterDown, "the scheduler broke off")
            .why(error.to_string())
            .help("start it again: every job that was accepted goes on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_on_this_computer_reach_a_head_that_listens_everywhere() {
        for (listen, url) in [
            ("127.0.0.1:8420", "http://127.0.0.1:8420"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("10.0.0.1:80", "http://10.0.0.1:80"),
        ] {
            assert_eq!(url_of(listen.parse().unwrap()), url);
        }
    }

    #[test]
    fn a_port_in_use_is_named_with_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind(address).unwrap_err();
        assert_eq!(error.slug(), Some(Slug::AddressInUse));
        assert!(error.to_string().contains(&address.to_string()));
    }
}
