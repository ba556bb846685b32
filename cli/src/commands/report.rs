//! `bramble report`: what jobs have taken of the cluster.

use std::time::Duration;

use bramble_protocol::energy::Taken;
use bramble_protocol::report::{ReportBy, ReportRow, ReportView};

use super::{Context, now_ms};
use crate::args::report::{By, ReportArgs};
use crate::error::CliResult;
use crate::output::table::Table;
use crate::output::{Format, human};

/// Shows the sums.
///
/// # Errors
/// When the head cannot be reached.
pub(crate) fn run(context: &Context, args: &ReportArgs) -> CliResult<()> {
    let by = match args.by {
        By::User => ReportBy::User,
        By::Class => ReportBy::Class,
        By::Job => ReportBy::Job,
        By::Node => ReportBy::Node,
    };
    let ago = args.since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let since_ms = ago.map_or(0, |ago| now_ms().saturating_sub(ago));
    let view = context.client()?.report(by, since_ms)?;
    let output = &context.output;
    match output.format {
        Format::Json => output.json(&view, false),
        Format::Human if view.rows.is_empty() => {
            output.note("no jobs are known; those that gc has removed are not counted");
            Ok(())
        }
        Format::Human | Format::Plain => {
            output.table(&table(&view))?;
            output.note(&summary(&view.total));
            Ok(())
        }
    }
}

fn table(view: &ReportView) -> Table {
    let heading = match view.by {
        ReportBy::User => "USER",
        ReportBy::Class => "CLASS",
        ReportBy::Job => "JOB",
        ReportBy::Node => "NODE",
    };
    let mut columns = vec![heading];
    if view.by == ReportBy::Job {
        columns.push("NAME");
    }
    columns.extend([">JOBS", ">TASKS", ">PROCESSOR", ">ENERGY", ">PER TASK", "HOW"]);
    let mut table = Table::of(columns);
    for row in &view.rows {
        let taken = Taken::of(row.energy_uj, row.energy_measured_uj);
        let unknown = || "–".to_owned();
        let name = if row.name.is_empty() { "–" } else { &row.name };
        let mut cells = vec![name.into()];
        if view.by == ReportBy::Job {
            cells.push(row.title.as_deref().unwrap_or_default().into());
        }
        let per_task = |taken: Taken| human::joules(taken.joules / row.tasks.max(1) as f64);
        cells.extend([
            row.jobs.to_string().into(),
            row.tasks.to_string().into(),
            human::duration(Duration::from_micros(row.cpu_us)).into(),
            taken.map_or_else(unknown, |taken| human::joules(taken.joules)).into(),
            taken.map_or_else(unknown, per_task).into(),
            taken.map_or_else(unknown, |taken| taken.how()).into(),
        ]);
        table.push(cells);
    }
    table
}

fn summary(total: &ReportRow) -> String {
    let mut text = format!(
        "{} with {} took {} of processor time",
        human::count(total.jobs, "job"),
        human::count(total.tasks, "task"),
        human::duration(Duration::from_micros(total.cpu_us))
    );
    if let Some(taken) = Taken::of(total.energy_uj, total.energy_measured_uj) {
        text.push_str(&format!(" and {} ({})", human::joules(taken.joules), taken.how()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_nothing_and_figures_say_how_they_are_known() {
        let row = |name: &str, energy_uj, energy_measured_uj| ReportRow {
            name: name.into(),
            title: Some("sort".into()),
            jobs: 1,
            tasks: 4,
            cpu_us: 2_000_000,
            energy_uj,
            energy_measured_uj,
        };
        let rows = vec![row("7", 8_000_000_000, 0), row("8", 0, 0)];
        let total = row("", 8_000_000_000, 2_000_000_000);
        let schema = "bramble.report/1".to_owned();
        let view = ReportView { schema, by: ReportBy::Job, since_ms: 0, rows, total };
        let text = table(&view).tabbed();
        assert!(text.contains("7\tsort\t1\t4\t2.0 s\t8.0 kJ\t2.0 kJ\testimated"), "{text}");
        assert!(text.contains("8\tsort\t1\t4\t2.0 s\t–\t–\t–"), "{text}");
        assert!(
            summary(&view.total).ends_with("8.0 kJ (25 % measured)"),
            "{}",
            summary(&view.total)
        );
    }
}
