//! `bramble users`: what users have used, and what they may have.

use std::time::Duration;

use bramble_protocol::user::{UserList, UserView};
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
            let whom = args.user.as_deref().unwrap_or("everybody without limits of his own");
            context.output.say("Limited", whom);
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
            .help("one or more of --jobs, --running, --queued, --stored, --cpu, --reset"));
    }
    Ok(Order::Limit { user: args.user.clone(), limits, reset: args.reset })
}

fn show(context: &Context, users: &UserList) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(users, false);
    }
    if users.users.is_empty() {
        output.note("nobody has submitted anything yet");
        return Ok(());
    }
    output.table(&table(&users.users))
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
