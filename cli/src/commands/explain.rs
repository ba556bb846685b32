//! `bramble explain`: why something waits, and why it runs where it does.

use bramble_protocol::explain::{Explanation, Verdict};

use super::{Context, select};
use crate::args::queue::ExplainArgs;
use crate::error::CliResult;
use crate::output::table::{Cell, Table};
use crate::output::{Format, human};

/// Shows how a job or a task stands, and why.
///
/// # Errors
/// When there is no such job or task, or the head cannot be reached.
pub(crate) fn run(context: &Context, args: &ExplainArgs) -> CliResult<()> {
    let client = context.client()?;
    let job = select::one(&client, args.what.job)?;
    let answer = client.explain(job, args.what.task)?;
    match context.output.format {
        Format::Json => context.output.json(&answer, false),
        Format::Plain => context.output.table(&plain(&answer)),
        Format::Human => context.output.text(&page(&answer)),
    }
}

/// A line for each node: its name, what it is to the job, why, and what changes that.
fn plain(answer: &Explanation) -> Table {
    let mut table = Table::new(["NODE", "VERDICT", "WHY", "HELP"]);
    for node in &answer.nodes {
        table.row([
            node.node.as_str().into(),
            Cell::from(node.verdict.name()),
            node.text.as_str().into(),
            node.help.clone().unwrap_or_default().into(),
        ]);
    }
    table
}

fn page(answer: &Explanation) -> String {
    let mut text = format!("{}\n", human::safe_field(&answer.text));
    let help = |text: &mut String, help: &Option<String>, indent: &str| {
        if let Some(help) = help {
            text.push_str(&format!("{indent}help: {}\n", human::safe_field(help)));
        }
    };
    help(&mut text, &answer.help, "  ");
    for attempt in &answer.attempts {
        let number = attempt.number.map_or(String::new(), |number| format!(" {number}"));
        let (node, what) = (human::safe_field(&attempt.node), human::safe_field(&attempt.text));
        text.push_str(&format!("  attempt{number} on {node}: {what}\n"));
    }
    let width = answer.nodes.iter().map(|node| node.node.len()).max().unwrap_or(0);
    for node in &answer.nodes {
        let sign = match node.verdict {
            Verdict::Runs => '+',
            Verdict::Could => '·',
            Verdict::Cannot => '-',
        };
        let (name, why) = (human::safe_field(&node.node), human::safe_field(&node.text));
        text.push_str(&format!("  {sign} {name:<width$}  {why}\n"));
        help(&mut text, &node.help, &" ".repeat(width + 6));
    }
    text
}

#[cfg(test)]
mod tests {
    use bramble_protocol::JobId;
    use bramble_protocol::explain::NodeAnswer;

    use super::*;

    #[test]
    fn a_page_has_a_sentence_for_each_node_and_what_changes_it() {
        let node = |node: &str, verdict, text: &str, help: Option<&str>| NodeAnswer {
            node: node.into(),
            verdict,
            text: text.into(),
            help: help.map(Into::into),
        };
        let answer = Explanation {
            schema: "bramble.explain/1".into(),
            job: JobId(3),
            task: None,
            text: "job 3 waits".into(),
            help: Some("bramble queue".into()),
            nodes: vec![
                node("p1", Verdict::Runs, "runs 1 task of it", None),
                node(
                    "p20",
                    Verdict::Cannot,
                    "is drained: \x1b[2J",
                    Some("bramble nodes undrain p20"),
                ),
            ],
            attempts: Vec::new(),
        };
        let expected = "job 3 waits\n  help: bramble queue\n  + p1   runs 1 task of it\n  \
                        - p20  is drained: \\u{1b}[2J\n         help: bramble nodes undrain p20\n";
        assert_eq!(page(&answer), expected);
    }
}
