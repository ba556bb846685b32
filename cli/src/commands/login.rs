//! `bramble login`, `logout` and `whoami`.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use bramble_protocol::account::{Hidden, LoginAnswer, LoginRequest, MeView};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::{Context, now_ms};
use crate::args::people::{LoginArgs, LogoutArgs};
use crate::client::Client;
use crate::credentials;
use crate::error::{CliError, CliResult, Slug};
use crate::output::table::Table;
use crate::output::{Format, human};
use crate::paths;
use crate::signals::Interrupt;

/// How often it is asked whether somebody has confirmed the code.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The longest PIN or token that is read, in bytes.
const SECRET_BYTES_MAX: u64 = 1 << 10;

/// Begins a session and keeps it for this user's commands.
///
/// # Errors
/// When the head refuses it, or it cannot be kept.
pub(crate) fn login(context: &Context, args: &LoginArgs) -> CliResult<()> {
    let client = context.client()?;
    let output = &context.output;
    if let Some(path) = &args.token_file {
        let token = read_secret(path)?;
        let client = Client::with_token(client.url().to_owned(), Some(token.clone()))?;
        let Some(user) = client.me()?.user else {
            return Err(CliError::new(Slug::SignInNeeded, "the head does not know this token")
                .why("it has expired, was ended, or is for another head"));
        };
        return keep(context, client.url(), &user, token);
    }
    let answer = match &args.user {
        Some(user) => by_pin(context, &client, user, args)?,
        None => by_code(context, &client)?,
    };
    if output.format == Format::Json {
        let LoginAnswer { user, role, class, expires_at_ms, .. } = &answer;
        let shown = serde_json::json!({
            "schema": "bramble.signed-in/1", "user": user, "role": role, "class": class,
            "expires_at_ms": expires_at_ms,
        });
        output.json(&shown, false)?;
    }
    keep(context, client.url(), &answer.user, answer.token)
}

fn keep(context: &Context, url: &str, user: &str, token: Hidden) -> CliResult<()> {
    let path = credentials::keep(url, user, token)?;
    let user = human::safe_field(user);
    context.output.say("Signed in", &format!("at {url} as {user}"));
    context.output.detail(&format!("kept in {}", paths::shown(&path)));
    Ok(())
}

fn by_pin(
    context: &Context,
    client: &Client,
    user: &str,
    args: &LoginArgs,
) -> CliResult<LoginAnswer> {
    let pin = match &args.pin_file {
        Some(path) => read_secret(path)?,
        None => ask(context, &format!("PIN of {user}: "))?,
    };
    let new_pin = args.new_pin_file.as_deref().map(read_secret).transpose()?;
    let code = args.code.clone();
    let mut request = LoginRequest { code, user: user.to_owned(), pin, new_pin };
    match client.login(&request) {
        Err(error) if asks_for_new_pin(&error) && args.pin_file.is_none() => {
            context.output.note("This PIN was for the first time only.");
            let new = ask(context, "A PIN of your own: ")?;
            if ask(context, "Once more: ")? != new {
                return Err(CliError::usage("the two are not the same"));
            }
            request.new_pin = Some(new);
            client.login(&request)
        }
        answer => answer,
    }
}

fn asks_for_new_pin(error: &CliError) -> bool {
    error.to_string().contains("for the first time only")
}

fn by_code(context: &Context, client: &Client) -> CliResult<LoginAnswer> {
    let interrupt = Interrupt::listen()?;
    let asked = client.begin_code()?;
    let (code, url) = (human::safe_field(&asked.code), client.url());
    let spaced = format!("{} {}", &code[..code.len() / 2], &code[code.len() / 2..]);
    context.output.note(&format!(
        "Open {url}/login/code?{code}\nsign in there, see that it shows {spaced}, and let this \
         program in."
    ));
    while now_ms() < asked.expires_at_ms {
        interrupt.check("nobody was signed in")?;
        if let Some(answer) = client.poll_code(asked.secret.clone())? {
            return Ok(answer);
        }
        sleep(ASK_EVERY);
    }
    Err(CliError::new(Slug::SignInNeeded, "nobody confirmed the code in time")
        .help("try again: bramble login"))
}

/// Ends a session.
///
/// # Errors
/// When there is none, or the head cannot be reached.
pub(crate) fn logout(context: &Context, args: &LogoutArgs) -> CliResult<()> {
    let client = context.client()?;
    if let Some(session) = args.session {
        client.end_session(session)?;
        context.output.say("Ended", &format!("session {session}"));
        return Ok(());
    }
    let Some(user) = credentials::kept_user(client.url())? else {
        let what = format!("nobody has signed in at {} by `bramble login`", client.url());
        return Err(CliError::new(Slug::SignInNeeded, what));
    };
    // A session that is over already is as good as ended.
    match client.logout() {
        Err(error) if error.slug() != Some(Slug::SignInNeeded) => return Err(error),
        _ => {}
    }
    credentials::forget(client.url())?;
    context.output.say("Signed out", &human::safe_field(&user));
    Ok(())
}

/// Shows who the head takes this user for.
///
/// # Errors
/// When the head cannot be reached, or takes him for nobody.
pub(crate) fn whoami(context: &Context) -> CliResult<()> {
    let client = context.client()?;
    let me = client.me()?;
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(&me, false);
    }
    let MeView { user, role, class, sessions, .. } = me;
    let Some(user) = user else {
        return Err(
            CliError::new(Slug::SignInNeeded, "nobody has signed in here").help("bramble login")
        );
    };
    let of = class.map(|class| format!(" of class {class}")).unwrap_or_default();
    output.line(&human::safe_field(&format!("{user}, {}{of}", role.name())))?;
    let mut table = Table::new([">SESSION", "BEGUN BY", "FROM", "SINCE", "ENDS", "THIS"]);
    for session in sessions {
        let ends = session.expires_at_ms.map_or_else(|| "never".into(), human::moment);
        let from = if session.from.is_empty() { "-".into() } else { session.from };
        table.row([
            session.session.to_string().into(),
            session.kind.into(),
            from.into(),
            human::moment(session.created_at_ms).into(),
            ends.into(),
            if session.current { "yes" } else { "" }.into(),
        ]);
    }
    output.table(&table)
}

/// A PIN or token out of a file, without the end of its line.
fn read_secret(path: &Path) -> CliResult<Hidden> {
    let failed = |error: io::Error| CliError::file("read", path, &error);
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().lock().take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = fs::File::open(path).map_err(failed)?;
        file.take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(Hidden::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Asks on the terminal, without showing what is typed.
fn ask(context: &Context, question: &str) -> CliResult<Hidden> {
    let stdin = io::stdin();
    if context.global.no_input || !stdin.is_terminal() {
        return Err(CliError::usage("a PIN is needed, and nobody can be asked")
            .help("put it into a file: --pin-file FILE, or - for standard input"));
    }
    let failed = |error: io::Error| {
        CliError::new(Slug::Local, "the terminal cannot be read").because(&error)
    };
    eprint!("{question}");
    io::stderr().flush().map_err(failed)?;
    let before = tcgetattr(&stdin).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &silent).map_err(|error| failed(error.into()))?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    // Also when nothing was read: the terminal is somebody's.
    let restored = tcsetattr(&stdin, OptionalActions::Now, &before);
    eprintln!();
    read.map_err(failed)?;
    restored.map_err(|error| failed(error.into()))?;
    Ok(Hidden::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
