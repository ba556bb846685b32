//! What each command does.

#[cfg(feature = "head")]
pub(crate) mod build;
mod bundle;
pub(crate) mod cancel;
pub(crate) mod compare;
pub(crate) mod doctor;
mod drain;
pub(crate) mod explain;
pub(crate) mod fetch;
pub(crate) mod gc;
pub(crate) mod get;
pub(crate) mod help;
#[cfg(feature = "head")]
pub(crate) mod inspect;
pub(crate) mod jobs;
mod joining;
pub(crate) mod login;
pub(crate) mod logs;
pub(crate) mod manual;
#[cfg(feature = "head")]
pub(crate) mod new;
pub(crate) mod nodes;
pub(crate) mod people;
pub(crate) mod power;
pub(crate) mod previews;
pub(crate) mod queue;
pub(crate) mod report;
mod retry;
pub(crate) mod run;
pub(crate) mod secret;
pub(crate) mod select;
pub(crate) mod setup;
#[cfg(feature = "head")]
pub(crate) mod snmp_pass;
pub(crate) mod submit;
#[cfg(feature = "head")]
pub(crate) mod test;
pub(crate) mod users;
pub(crate) mod watch;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::args::{Cli, Command, Global};
use crate::client::Client;
use crate::error::{CliError, CliResult};
use crate::output::Output;
use crate::{local, paths, serve};

/// What every command is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// How to speak.
    pub(crate) output: Output,
    /// The flags that every command has.
    pub(crate) global: Global,
}

impl Context {
    /// The cluster to speak to: as typed, else by the environment, else the local one that runs.
    ///
    /// # Errors
    /// When an address is given that is none.
    pub(crate) fn client(&self) -> CliResult<Client> {
        let url = match &self.global.cluster {
            Some(url) if url.is_empty() => {
                return Err(CliError::usage("--cluster needs an address")
                    .help("use http://HOST:PORT, such as http://127.0.0.1:8420"));
            }
            Some(url) => url.clone(),
            None => default_url(),
        };
        let client = Client::new(&url)?;
        if let Some(fingerprint) = client.first_met() {
            let url = client.url();
            self.output
                .note(&format!("{url} is spoken to for the first time: its key is {fingerprint}"));
        }
        self.output.detail(&format!("cluster {}", client.url()));
        Ok(client)
    }
}

fn default_url() -> String {
    if let Some(url) = paths::variable(paths::CLUSTER_ENV) {
        return url.to_string_lossy().into_owned();
    }
    let local = paths::data_dir(None).ok().and_then(|dir| local::running_head(&dir));
    local.map_or_else(|| paths::DEFAULT_URL.to_owned(), |record| record.url)
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

/// Does what was typed.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let Cli { global, command } = cli;
    let output = Output::new(&global);
    let context = Context { output, global };
    match dispatch(&context, command) {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

fn dispatch(context: &Context, command: Command) -> CliResult<ExitCode> {
    match command {
        #[cfg(feature = "head")]
        Command::Up(args) => serve::up::run(context, &args)?,
        #[cfg(feature = "head")]
        Command::Head(args) => serve::head::run(context, &args)?,
        #[cfg(feature = "head")]
        Command::Backup(args) => serve::backup::run(context, &args)?,
        #[cfg(feature = "head")]
        Command::Restore(args) => serve::restore::run(context, &args)?,
        #[cfg(not(feature = "head"))]
        Command::Up(_) | Command::Head(_) | Command::Backup(_) | Command::Restore(_) => {
            return Err(CliError::agent_only("run a head"));
        }
        Command::Down(args) => serve::down::run(context, &args)?,
        Command::Agent(args) => serve::agent::run(context, &args)?,
        Command::Submit(args) => submit::run(context, *args)?,
        Command::Compare(args) => compare::run(context, &args)?,
        Command::Run(args) => run::run(context, &args)?,
        Command::Jobs(args) => jobs::run(context, &args)?,
        Command::Watch(args) => watch::run(context, &args)?,
        Command::Logs(args) => logs::run(context, &args)?,
        Command::Bundle(args) => bundle::run(context, &args)?,
        Command::Get(args) => get::run(context, &args)?,
        Command::Cancel(args) => cancel::run(context, &args)?,
        Command::Retry(args) => retry::run(context, &args)?,
        Command::Secret(args) => secret::run(context, &args)?,
        Command::Nodes(args) => nodes::run(context, &args)?,
        Command::Gc(args) => gc::run(context, &args)?,
        Command::Explain(args) => explain::run(context, &args)?,
        Command::Power(args) => power::run(context, &args)?,
        Command::Report(args) => report::run(context, &args)?,
        Command::Doctor(args) => doctor::run(context, &args)?,
        Command::Setup(args) => setup::run(context, &args)?,
        #[cfg(feature = "head")]
        Command::SnmpPass(args) => snmp_pass::run(context, &args)?,
        Command::Queue(args) => queue::run(context, &args)?,
        Command::Priority(args) => queue::priority(context, &args)?,
        Command::Users(args) => users::run(context, &args)?,
        Command::Login(args) => login::login(context, &args)?,
        Command::Logout(args) => login::logout(context, &args)?,
        Command::Whoami(_) => login::whoami(context)?,
        Command::User(args) => people::user(context, &args)?,
        Command::Class(args) => people::class(context, &args)?,
        Command::Audit(args) => people::audit(context, &args)?,
        #[cfg(feature = "head")]
        Command::New(args) => new::run(context, &args)?,
        #[cfg(feature = "head")]
        Command::Build(args) => build::run(context, &args)?,
        #[cfg(feature = "head")]
        Command::Test(args) => test::run(context, &args)?,
        #[cfg(feature = "head")]
        Command::Inspect(args) => inspect::run(context, &args)?,
        #[cfg(not(feature = "head"))]
        Command::New(_) | Command::Build(_) | Command::Test(_) | Command::Inspect(_) => {
            return Err(CliError::agent_only("make jobs"));
        }
        Command::Help(args) => help::run(context, args.topic.as_deref())?,
        Command::Completions(args) => manual::completions(context, args.shell)?,
        Command::Man(args) => manual::man(&args.dir)?,
        Command::Version => context.output.line(concat!("bramble ", env!("CARGO_PKG_VERSION")))?,
        Command::Internal(args) => return serve::internal::run(args.part),
    }
    Ok(ExitCode::SUCCESS)
}
