//! `bramble users`: what users have used, and what they may have.

use std::time::Duration;

use bramble_protocol::user::{ClassLimits, UserList, UserView};
use bramble_protocol::{Order, UserLimits};

use super::Context;
use super::queue::{done, who};
use crate::args::queue::{LimitArgs, UsersAction, UsersArgs};
use crate::error::{CliError, CliResult};
use crate::output::table::Table;
use crate::output::{Format, human};

/// Lists users, sets limits, or begins a lesson.
///
/// # Errors
/// When the head refuses it, or cannot be reached.
pub(crate) fn run(context: &Context, args: &UsersArgs) -> CliResult<()> {
    let client = context.client()?;
    match &args.action {
        None => show(context, &client.users()?),
        Some(UsersAction::Limit(args)) => {
            client.order(&limit(args)?)?;
            let whom = match (&args.user, &args.class) {
                (Some(user), _) => user.clone(),
                (None, Some(class)) => format!("each student of class {class}"),
                (None, None) => "everybody without limits of his own".into(),
            };
            context.output.say("Limited", &whom);
            done(context)
        }
        Some(UsersAction::Lesson) => {
            client.order(&Order::Lesson)?;
            context.output.say("Began", "a new lesson: nobody has used any of its processor time");
            done(context)
        }
    }
}

fn limit(args: &LimitArgs) -> CliResult<Order> {
    let limits = args.limits();
    if limits == UserLimits::default() && !args.reset {
        return Err(CliError::usage("which limit?")
            .help(
                "one or more of --jobs, --running, --stored, --task-memory and others, or --reset",
            )
            .help("all of them: bramble users limit --help"));
    }
    let (user, class) = (args.user.clone(), args.class.clone());
    Ok(Order::Limit { user, class, limits, reset: args.reset })
}

fn show(context: &Context, users: &UserList) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(users, false);
    }
    for ClassLimits { class, limits } in &users.classes {
        output.note(&format!("each student of class {class}: {}", shown(limits)));
    }
    if users.users.is_empty() {
        output.note("nobody has submitted anything yet");
        return Ok(());
    }
    output.table(&table(&users.users))
}

/// Limits as they are typed.
fn shown(limits: &UserLimits) -> String {
    let count = |number: u64| number.to_string();
    let micros = |us| human::duration(Duration::from_micros(us));
    let millis = |ms| human::duration(Duration::from_millis(ms));
    let mut words = Vec::new();
    let mut add = |flag: &str, limit: Option<u64>, shown: &dyn Fn(u64) -> String| {
        let value = limit.map(|limit| match limit {
            UserLimits::NONE => "none".to_owned(),
            limit => shown(limit),
        });
        words.extend(value.map(|value| format!("{flag} {value}")));
    };
    add("--jobs", limits.jobs, &count);
    add("--running", limits.running, &count);
    add("--queued", limits.queued_bytes, &human::size);
    add("--stored", limits.stored_bytes, &human::size);
    add("--cpu", limits.cpu_us, &micros);
    add("--input", limits.input_bytes, &human::size);
    add("--upload", limits.upload_bytes, &human::size);
    add("--task-memory", limits.task_memory_bytes, &human::size);
    add("--task-cpu", limits.task_cpu_ms, &millis);
    add("--task-output", limits.task_output_bytes, &human::size);
    add("--task-log", limits.task_log_bytes, &human::size);
    add("--job-cpu", limits.job_cpu_us, &micros);
    words.join(", ")
}

fn table(users: &[UserView]) -> Table {
    let mut table = Table::new([
        "USER", ">USED", ">SHARE", ">JOBS", ">AT WORK", ">QUEUED", ">STORED", ">LESSON",
    ]);
    for user in users {
        let time = |us| human::duration(Duration::from_micros(us));
        let limits = &user.limits;
        let count = |number: u64| number.to_string();
        table.row([
            who(&user.user).into(),
            time(user.used_us).into(),
            format!("{}%", (user.share_permille + 5) / 10).into(),
            of(user.jobs, limits.jobs, count).into(),
            of(user.running, limits.running, count).into(),
            of(user.queued_bytes, limits.queued_bytes, human::size).into(),
            of(user.stored_bytes, limits.stored_bytes, human::size).into(),
            of(user.lesson_us, limits.cpu_us, time).into(),
        ]);
    }
    table
}

/// What a user has, of what he may have: `3/20`; only what he has, where that is not limited.
fn of(has: u64, limit: Option<u64>, shown: impl Fn(u64) -> String) -> String {
    match limit.filter(|limit| *limit != UserLimits::NONE) {
        Some(limit) => format!("{}/{}", shown(has), shown(limit)),
        None => shown(has),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_a_class_are_shown_as_they_are_typed() {
        let limits = UserLimits {
            jobs: Some(2),
            task_memory_bytes: Some(128 << 20),
            job_cpu_us: Some(600_000_000),
            task_log_bytes: Some(UserLimits::NONE),
            ..UserLimits::default()
        };
        let expected = "--jobs 2, --task-memory 128 MiB, --task-log none, --job-cpu 10m00s";
        assert_eq!(shown(&limits), expected);
    }

    #[test]
    fn users_are_shown_with_what_they_have_of_what_they_may() {
        let limits =
            UserLimits { jobs: Some(20), running: Some(UserLimits::NONE), ..UserLimits::default() };
        let user = UserView {
            schema: "bramble.user/1".into(),
            user: "ann".into(),
            jobs: 3,
            running: 4,
            queued_bytes: 2 << 20,
            stored_bytes: 3 << 30,
            used_us: 64_000_000,
            share_permille: 333,
            lesson_us: 1_500_000,
            limits,
        };
        let expected = "ann\t1m04s\t33%\t3/20\t4\t2.0 MiB\t3.0 GiB\t1.5 s\n";
        assert_eq!(table(&[user]).tabbed(), expected);
    }
}
