//! `bramble user`, `class` and `audit`: for those who look after people.

use std::fs;
use std::path::Path;

use bramble_protocol::account::{
    AccountView, AuditList, ClassView, IssuedPin, NewAccount, NewClass, RemovedView, RosterAnswer,
};

use super::{Context, now_ms};
use crate::args::people::{AuditArgs, ClassAction, ClassArgs, UserAction, UserArgs};
use crate::error::{CliError, CliResult, Slug};
use crate::output::table::Table;
use crate::output::{Format, human};

/// Lists or changes accounts.
///
/// # Errors
/// When the head refuses it, or cannot be reached.
pub(crate) fn user(context: &Context, args: &UserArgs) -> CliResult<()> {
    let client = context.client()?;
    match &args.action {
        UserAction::List => show_accounts(context, &client.accounts()?),
        UserAction::Add { name, role, class } => {
            let new = NewAccount { user: name.clone(), role: *role, class: class.clone() };
            show_pins(context, &[client.add_account(&new)?])
        }
        UserAction::Import { roster, class } => {
            let answer = client.import_roster(class, read_roster(roster)?)?;
            show_import(context, class, &answer)
        }
        UserAction::ResetPin { name } => show_pins(context, &[client.reset_pin(name)?]),
        UserAction::Remove { name } => {
            show_removed(context, &format!("user {name}"), &client.remove_account(name)?)
        }
    }
}

/// Lists or changes classes.
///
/// # Errors
/// When the head refuses it, or cannot be reached.
pub(crate) fn class(context: &Context, args: &ClassArgs) -> CliResult<()> {
    let client = context.client()?;
    let output = &context.output;
    match &args.action {
        ClassAction::List => show_classes(context, &client.classes()?),
        ClassAction::New { name, open, ends, teacher } => {
            let new = NewClass {
                class: name.clone(),
                teacher: teacher.clone(),
                open: *open,
                ends_at_ms: ends.map(|time| now_ms().saturating_add(time.as_millis() as u64)),
            };
            let class = client.add_class(&new)?;
            output.say("Made", &format!("class {}", human::safe_field(&class.class)));
            match (output.format, &class.code) {
                (Format::Json, _) => output.json(&class, false),
                (_, Some(code)) => output.line(&human::safe_field(code)),
                (_, None) => Ok(()),
            }
        }
        ClassAction::Close { name } => {
            let class = client.close_class(name)?;
            output.say("Closed", &format!("class {}", human::safe_field(&class.class)));
            if output.format == Format::Json { output.json(&class, false) } else { Ok(()) }
        }
        ClassAction::Remove { name } => {
            show_removed(context, &format!("class {name}"), &client.remove_class(name)?)
        }
    }
}

/// Shows what was done, by whom, from where.
///
/// # Errors
/// When the head refuses it, or cannot be reached.
pub(crate) fn audit(context: &Context, args: &AuditArgs) -> CliResult<()> {
    let list = context.client()?.audit(args)?;
    let output = &context.output;
    if !list.intact {
        output.warn("the audit log was changed: an entry does not follow from the one before");
    }
    if output.format == Format::Json {
        return output.json(&list, false);
    }
    output.table(&audit_table(&list))
}

fn audit_table(list: &AuditList) -> Table {
    let mut table = Table::new([">NUMBER", "TIME", "WHO", "FROM", "ACTION", "SUBJECT", "DETAIL"]);
    let shown = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    for entry in &list.entries {
        table.row([
            entry.number.to_string().into(),
            human::moment(entry.at_ms).into(),
            shown(&entry.who).into(),
            shown(&entry.from).into(),
            entry.action.as_str().into(),
            entry.subject.as_str().into(),
            entry.detail.as_str().into(),
        ]);
    }
    table
}

fn read_roster(path: &Path) -> CliResult<String> {
    let bytes = fs::read(path).map_err(|error| CliError::file("read", path, &error))?;
    String::from_utf8(bytes).map_err(|_| {
        CliError::new(Slug::BadFile, format!("{} is not UTF-8 text", path.display()))
            .why("spreadsheets write other encodings unless told otherwise")
            .help("save it as \"CSV UTF-8\", or write a name a line with an editor")
    })
}

fn show_accounts(context: &Context, accounts: &[AccountView]) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(&accounts, false);
    }
    let mut table = Table::new(["NAME", "ROLE", "CLASS", ">SESSIONS", "LAST SEEN", "NOTE"]);
    for account in accounts {
        table.row([
            account.user.as_str().into(),
            account.role.name().into(),
            account.class.as_deref().unwrap_or("-").into(),
            account.sessions.to_string().into(),
            account.seen_at_ms.map_or_else(|| "never".into(), human::moment).into(),
            if account.initial_pin { "has not chosen a PIN" } else { "" }.into(),
        ]);
    }
    output.table(&table)
}

fn show_classes(context: &Context, classes: &[ClassView]) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(&classes, false);
    }
    if classes.is_empty() {
        output.note("you have no classes: bramble class new NAME");
        return Ok(());
    }
    let titles = ["CLASS", "CODE", "TEACHER", ">STUDENTS", ">SIGNED IN", "JOIN", "ENDS"];
    let mut table = Table::new(titles);
    for class in classes {
        let ends = class.closed_at_ms.map(|at| format!("closed {}", human::moment(at)));
        let ends = ends.or_else(|| class.ends_at_ms.map(human::moment));
        table.row([
            class.class.as_str().into(),
            class.code.as_deref().unwrap_or("-").into(),
            class.teacher.as_str().into(),
            class.students.to_string().into(),
            class.signed_in.to_string().into(),
            if class.open { "with the code" } else { "by roster" }.into(),
            ends.unwrap_or_else(|| "-".into()).into(),
        ]);
    }
    output.table(&table)
}

/// PINs are shown this once: as a table to be cut into slips.
fn show_pins(context: &Context, pins: &[IssuedPin]) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(&pins, false);
    }
    let mut table = Table::new(["NAME", "FIRST PIN"]);
    for issued in pins {
        table.row([issued.user.as_str().into(), issued.pin.expose().into()]);
    }
    output.table(&table)?;
    output.note("shown this once; it must be replaced at the first sign-in");
    Ok(())
}

fn show_import(context: &Context, class: &str, answer: &RosterAnswer) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(answer, false);
    }
    let (added, known) = (answer.added.len() as u64, answer.known.len() as u64);
    let text = format!(
        "{} to class {}; {known} there already",
        human::count(added, "student"),
        human::safe_field(class)
    );
    output.say("Added", &text);
    if answer.added.is_empty() { Ok(()) } else { show_pins(context, &answer.added) }
}

fn show_removed(context: &Context, what: &str, removed: &RemovedView) -> CliResult<()> {
    let output = &context.output;
    let (stopped, forgotten) = (removed.canceled, removed.forgotten);
    output.say(
        "Removed",
        &format!(
            "{}: {} stopped, {} forgotten; what only they needed leaves the disk at the next \
             collection (bramble gc, or within two hours)",
            human::safe_field(what),
            human::count(stopped, "job"),
            human::count(forgotten, "job")
        ),
    );
    if output.format == Format::Json { output.json(removed, false) } else { Ok(()) }
}
