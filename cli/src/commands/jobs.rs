//! `bramble jobs`: a list, or some in detail.

use bramble_protocol::api::{JobView, PhaseView};
use bramble_protocol::energy::Taken;
use bramble_protocol::{Mode, Prefer};

use super::{Context, now_ms, select};
use crate::args::jobs::JobsArgs;
use crate::error::CliResult;
use crate::output::{Format, human, job};

/// How many are listed without `--all`.
const LISTED: usize = 20;

/// Lists jobs, or shows those that are named.
///
/// # Errors
/// When one that is named does not exist, or the head cannot be reached.
pub(crate) fn run(context: &Context, args: &JobsArgs) -> CliResult<()> {
    let client = context.client()?;
    let output = &context.output;
    if !args.jobs.is_empty() {
        let jobs = select::all(&client, &args.jobs)?;
        return match output.format {
            Format::Json => output.json(&jobs, false),
            Format::Plain => output.table(&job::list(&jobs, now_ms())),
            Format::Human => {
                let texts: Vec<String> = jobs.iter().map(detail).collect();
                output.text(&texts.join("\n"))
            }
        };
    }
    let mut jobs = client.jobs()?;
    if let Some(state) = &args.state {
        jobs.retain(|job| job.state.name() == state);
    }
    let all = jobs.len();
    if !args.all {
        jobs.truncate(LISTED);
    }
    if output.format == Format::Json {
        return output.json(&jobs, false);
    }
    if jobs.is_empty() {
        output.note("no jobs; submit one: bramble submit --example sort");
        return Ok(());
    }
    output.table(&job::list(&jobs, now_ms()))?;
    if all > jobs.len() {
        output.note(&format!("and {} older: bramble jobs --all", all - jobs.len()));
    }
    Ok(())
}

/// One job as a page.
fn detail(view: &JobView) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        ("state", state(view)),
        ("submitted", submitted(view)),
        ("time", human::duration(job::elapsed(view, now_ms()))),
        ("input", format!("{}  {}", human::size(view.input_bytes), view.spec.input.short())),
        ("module", view.spec.module.short()),
    ];
    for (name, value) in &view.spec.params {
        lines.push(("parameter", format!("{name}={value}")));
    }
    if !view.spec.args.is_empty() {
        lines.push(("arguments", view.spec.args.join(" ")));
    }
    if view.spec.mode == Mode::Verify {
        lines.push(("mode", "verify: the same bytes on every kind of processor".into()));
    }
    if let Some(bytes) = view.result_bytes {
        lines.push(("result", format!("{}  {}", human::size(bytes), view.spec.result_name)));
    }
    if let Some(saved) = job::saved(view) {
        lines.push(("known", saved));
    }
    if let Some(id) = view.spec.policy.retry_of {
        lines.push(("retries", format!("job {id}")));
    }
    if view.tasks.retried > 0 {
        lines.push(("tried again", human::count(view.tasks.retried.into(), "attempt")));
    }
    if let Some(ratio) = job::speed_up(view) {
        lines.push(("speed-up", format!("{ratio:.1}× (estimated: processor time over time)")));
    }
    if let Some(taken) = Taken::of(view.usage.energy_uj, view.usage.energy_measured_uj) {
        lines.push(("energy", format!("{} ({})", human::joules(taken.joules), taken.how())));
    }
    if view.usage.memory_bytes_peak > 0 {
        lines.push(("memory", format!("{} at most", human::size(view.usage.memory_bytes_peak))));
    }
    if let Some(note) = &view.note {
        lines.push(("note", note.clone()));
    }
    if let Some(failure) = &view.failure {
        lines.push(("failure", failure.outcome.slug().to_owned()));
        for line in failure.message().lines() {
            lines.push(("", line.to_owned()));
        }
    }
    if view.failures.len() > 1 {
        let failed = human::count(view.tasks.ended.into(), "task");
        lines.push(("failed for good", format!("{failed}, with those that cannot run")));
    }
    lines.extend(view.phases.iter().map(|phase| (phase.phase.name(), phase_text(phase))));
    for node in &view.nodes {
        let done = human::count(node.succeeded.into(), "task");
        let energy = Taken::of(node.energy_uj, node.energy_measured_uj);
        let energy = energy.map_or(String::new(), |it| format!(", {}", human::joules(it.joules)));
        lines.push(("node", format!("{}  {done}, {} now{energy}", node.name, node.leased)));
    }
    let mut text = format!("job {} \"{}\"\n", view.id, human::safe_field(&view.spec.name));
    for (name, value) in lines {
        text.push_str(&format!("  {name:<12} {}\n", human::safe_field(&value)));
    }
    text
}

fn state(view: &JobView) -> String {
    format!("{}  {}/{} tasks", view.state.name(), view.tasks.succeeded, view.tasks.total)
}

/// When, by whom, and how urgent it is.
fn submitted(view: &JobView) -> String {
    let policy = &view.spec.policy;
    let mut text = human::moment(view.submitted_at_ms);
    if !policy.user.is_empty() {
        text.push_str(&format!(" by {}", policy.user));
    }
    if let Some(class) = &policy.class {
        text.push_str(&format!(", class {class}"));
    }
    if policy.priority != 0 {
        text.push_str(&format!(", priority {}", policy.priority));
    }
    if policy.prefer == Prefer::Energy {
        text.push_str(", is to take little energy");
    }
    text
}

fn phase_text(phase: &PhaseView) -> String {
    let micros = std::time::Duration::from_micros;
    let mut text = format!(
        "{}/{}  processor {}  reading {}  writing {}",
        phase.succeeded,
        phase.total,
        human::duration(micros(phase.usage.cpu_us)),
        human::duration(micros(phase.usage.read_us)),
        human::duration(micros(phase.usage.write_us)),
    );
    if let (Some(start), Some(end)) = (phase.started_at_ms, phase.ended_at_ms) {
        let took = std::time::Duration::from_millis(end.saturating_sub(start));
        text.push_str(&format!("  took {}", human::duration(took)));
    }
    text
}

#[cfg(test)]
mod tests {
    use bramble_protocol::api::JobState;

    use super::*;
    use crate::output::job::tests::view;

    #[test]
    fn the_detail_of_a_job_cannot_steer_the_terminal() {
        let mut job = view(JobState::Running);
        job.spec.name = "a\x1b[2J".into();
        job.spec.params.insert("key".into(), "x\ny".into());
        job.spec.mode = Mode::Verify;
        let text = detail(&job);
        assert!(text.contains("verify: "), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
        assert!(text.contains("running  9/14 tasks") && text.contains("key=x y"), "{text}");
    }
}
