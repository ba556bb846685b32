//! `bramble queue` and `bramble priority`: whose turn it is, and who may change that.

use std::time::Duration;

use bramble_protocol::Order;
use bramble_protocol::explain::QueueView;

use super::{Context, select};
use crate::args::queue::{PriorityArgs, QueueAction, QueueArgs};
use crate::error::CliResult;
use crate::output::table::Table;
use crate::output::{Format, human};

/// Shows the order, or pauses it.
///
/// # Errors
/// When the head refuses it, or cannot be reached.
pub(crate) fn run(context: &Context, args: &QueueArgs) -> CliResult<()> {
    let client = context.client()?;
    let output = &context.output;
    let what = |class: &Option<String>| match class {
        Some(class) => format!("class {}", human::safe_field(class)),
        None => "the queue".into(),
    };
    match &args.action {
        Some(QueueAction::Pause { class, reason }) => {
            let order = Order::Pause { class: class.clone(), reason: reason.clone() };
            client.order(&order)?;
            output.say("Paused", &format!("{}: what runs goes on", what(class)));
            done(context)
        }
        Some(QueueAction::Resume { class }) => {
            client.order(&Order::Resume { class: class.clone() })?;
            output.say("Resumed", &what(class));
            done(context)
        }
        None => show(context, &client.queue()?),
    }
}

/// Gives a job another priority.
///
/// # Errors
/// When there is no such job, it has ended, or the head cannot be reached.
pub(crate) fn priority(context: &Context, args: &PriorityArgs) -> CliResult<()> {
    let client = context.client()?;
    let job = select::one(&client, args.job)?;
    let view = client.order(&Order::Prioritise { job, priority: args.priority })?;
    let text = format!("job {job} has priority {}", args.priority);
    context.output.say("Changed", &text);
    match (context.output.format, view) {
        (Format::Json, Some(view)) => context.output.json(&view, false),
        (Format::Plain, _) => context.output.line(&job.to_string()),
        _ => Ok(()),
    }
}

/// What a program is answered where there is nothing to show.
pub(super) fn done(context: &Context) -> CliResult<()> {
    match context.output.format {
        Format::Json => context.output.json(&serde_json::json!({ "done": true }), false),
        Format::Human | Format::Plain => Ok(()),
    }
}

fn show(context: &Context, queue: &QueueView) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(queue, false);
    }
    for pause in &queue.paused {
        let what =
            pause.class.as_ref().map_or("the queue".into(), |class| format!("class {class}"));
        output.note(&human::safe_field(&format!("{what} is paused  {}", pause.reason)));
    }
    if queue.jobs.is_empty() {
        output.note("no job waits or runs");
        return Ok(());
    }
    output.table(&table(queue))
}

fn table(queue: &QueueView) -> Table {
    let mut table = Table::new([
        ">TURN",
        ">JOB",
        "NAME",
        "USER",
        ">PRIORITY",
        ">USED",
        ">EXPECTED",
        ">AT WORK",
        ">READY",
        "NOTE",
    ]);
    for job in &queue.jobs {
        let time = |us| human::duration(Duration::from_micros(us));
        table.row([
            job.place.map_or_else(|| "–".to_owned(), |place| place.to_string()).into(),
            job.job.to_string().into(),
            job.name.as_str().into(),
            who(&job.user).into(),
            job.priority.to_string().into(),
            time(job.used_us).into(),
            time(job.expected_us).into(),
            job.leased.to_string().into(),
            job.ready.to_string().into(),
            job.waits.clone().unwrap_or_default().into(),
        ]);
    }
    table
}

/// A user as people read it.
pub(super) fn who(user: &str) -> &str {
    if user.is_empty() { "(nobody)" } else { user }
}

#[cfg(test)]
mod tests {
    use bramble_protocol::JobId;
    use bramble_protocol::explain::QueuedView;

    use super::*;

    #[test]
    fn the_order_is_shown_with_the_numbers_that_make_it() {
        let job = QueuedView {
            place: Some(1),
            job: JobId(7),
            name: "sort".into(),
            user: "ann".into(),
            class: None,
            priority: 5,
            used_us: 64_000_000,
            expected_us: 2_000_000,
            leased: 2,
            ready: 9,
            waits: None,
        };
        let idle = QueuedView {
            place: None,
            user: String::new(),
            waits: Some("class 7b is paused".into()),
            ..job.clone()
        };
        let jobs = vec![job, idle];
        let queue = QueueView { schema: "bramble.queue/1".into(), paused: Vec::new(), jobs };
        assert_eq!(
            table(&queue).tabbed(),
            "1\t7\tsort\tann\t5\t1m04s\t2.0 s\t2\t9\t\n\
             –\t7\tsort\t(nobody)\t5\t1m04s\t2.0 s\t2\t9\tclass 7b is paused\n"
        );
    }
}
