//! `bramble logs`: what the tasks of a job logged.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use bramble_protocol::api::LogEntry;
use bramble_protocol::{PhaseKind, TaskId};

use super::{Context, select};
use crate::args::jobs::LogsArgs;
use crate::error::CliResult;
use crate::output::{Format, human, job};
use crate::signals::Interrupt;

/// How often `-f` asks for more.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Shows logs, and with `-f` goes on until the job ends.
///
/// # Errors
/// When there is no such job or the head cannot be reached.
pub(crate) fn run(context: &Context, args: &LogsArgs) -> CliResult<()> {
    let interrupt = Interrupt::listen()?;
    let client = context.client()?;
    let id = select::one(&client, args.job)?;
    let mut seen: HashSet<(TaskId, u32)> = HashSet::new();
    let mut first = true;
    loop {
        // The state before the logs: what is logged in between is then asked for once more.
        let ended = !args.follow || client.job(id)?.state.is_final();
        let mut entries = client.logs(id)?;
        entries.retain(|entry| wanted(args, entry) && seen.insert((entry.task, entry.attempt)));
        if first && entries.is_empty() && ended {
            context.output.note(&format!("job {id} has logged nothing{}", narrowed(args)));
        }
        show(context, args, &entries, first)?;
        first = false;
        if ended {
            return Ok(());
        }
        for _ in 0..10 {
            interrupt.check(&format!("stopped following; job {id} goes on"))?;
            thread::sleep(ASK_EVERY / 10);
        }
    }
}

fn wanted(args: &LogsArgs, entry: &LogEntry) -> bool {
    let chunk_fits =
        args.chunk.is_none_or(|chunk| entry.phase == PhaseKind::Map && entry.index == chunk);
    chunk_fits && args.node.as_ref().is_none_or(|node| entry.node == *node)
}

fn narrowed(args: &LogsArgs) -> &'static str {
    if args.chunk.is_some() || args.node.is_some() { " there" } else { "" }
}

fn show(context: &Context, args: &LogsArgs, entries: &[LogEntry], first: bool) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        // A stream is one object a line; a list is one array.
        return if args.follow {
            entries.iter().try_for_each(|entry| output.json(entry, true))
        } else {
            output.json(&entries, false)
        };
    }
    let mut lines: Vec<String> =
        entries.iter().flat_map(|entry| lines(entry, output.format)).collect();
    if let Some(tail) = args.tail.filter(|_| first) {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    match lines.is_empty() {
        true => Ok(()),
        false => output.text(&lines.concat()),
    }
}

/// An entry as lines, each with where it comes from.
fn lines(entry: &LogEntry, format: Format) -> Vec<String> {
    let node = human::safe_field(&entry.node);
    let place = job::place_of_entry(entry);
    let retry = if entry.attempt > 1 { format!(" #{}", entry.attempt) } else { String::new() };
    let mut texts: Vec<String> = entry.text.lines().map(human::safe).collect();
    if let Some(error) = &entry.error {
        texts.extend(error.lines().map(|line| format!("{}: {}", entry.outcome, human::safe(line))));
    }
    let line = |text: String| match format {
        Format::Plain => format!("{node}\t{place}\t{}\t{text}\n", entry.attempt),
        Format::Human | Format::Json => format!("{node} {place}{retry} │ {text}\n"),
    };
    texts.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use bramble_protocol::JobId;

    use super::*;

    fn entry(index: u32, node: &str, text: &str) -> LogEntry {
        LogEntry {
            task: TaskId { job: JobId(1), index },
            attempt: 2,
            phase: PhaseKind::Map,
            index,
            node: node.into(),
            at_ms: 0,
            outcome: "trapped".into(),
            error: Some("unreachable\n  at main".into()),
            text: text.into(),
            usage: Default::default(),
        }
    }

    fn args(chunk: Option<u32>, node: Option<&str>) -> LogsArgs {
        LogsArgs {
            job: crate::args::values::JobSelector::Last,
            follow: false,
            chunk,
            node: node.map(Into::into),
            tail: None,
        }
    }

    #[test]
    fn each_line_says_where_it_comes_from_and_cannot_steer_the_terminal() {
        assert_eq!(
            lines(&entry(3, "p2", "one\n\x1b[2Jtwo\n"), Format::Human),
            [
                "p2 chunk 3 #2 │ one\n",
                "p2 chunk 3 #2 │ \\u{1b}[2Jtwo\n",
                "p2 chunk 3 #2 │ trapped: unreachable\n",
                "p2 chunk 3 #2 │ trapped:   at main\n",
            ]
        );
    }

    #[test]
    fn entries_are_chosen_by_chunk_and_node() {
        let entry = entry(3, "p2", "");
        assert!(wanted(&args(None, None), &entry));
        assert!(wanted(&args(Some(3), Some("p2")), &entry));
        assert!(!wanted(&args(Some(4), None), &entry));
        assert!(!wanted(&args(None, Some("p1")), &entry));
        let merge = LogEntry { phase: PhaseKind::Merge, ..entry };
        assert!(!wanted(&args(Some(3), None), &merge), "a merge is no chunk");
    }
}
