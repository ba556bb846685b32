//! `bramble doctor`: the first stage at which each node hangs, and where to begin.

mod record;
mod seen;

use bramble_protocol::api::NodeView;
use bramble_protocol::health::{Severity, findings};
use bramble_protocol::power::{PowerList, PowerStage, PowerView};
use bramble_setup::doctor::{Finding, Outcome, Stage, diagnose};
use serde::Serialize;

use super::Context;
use crate::args::doctor::DoctorArgs;
use crate::credentials;
use crate::error::{CliError, CliResult, Exit, Slug};
use crate::output::table::Table;
use crate::output::{Format, board, human};

/// Says of each node what works, or records this machine.
///
/// # Errors
/// When a node is not known, or the head does not answer; silently, when something is wrong.
pub(crate) fn run(context: &Context, args: &DoctorArgs) -> CliResult<()> {
    if let Some(dir) = &args.record_fixture {
        return record::run(context, dir, args);
    }
    let client = context.client()?;
    let head = client.head().map_err(|error| {
        error.help("does the head run? On its machine: systemctl status bramble-head")
    })?;
    let (nodes, power) = (client.nodes()?, client.power()?);
    let is_head = credentials::is_local(client.url()) || seen::is_own_address(client.url());
    let here = seen::Here::new(is_head, head.version, power.has_policy);
    let checkups: Vec<Checkup> = chosen(&nodes, &power, &args.names)?
        .into_iter()
        .map(|(name, node, outlet)| check_up(&name, node, outlet, &here))
        .collect();
    let in_detail = !args.names.is_empty();
    match context.output.format {
        Format::Json => context.output.json(&checkups, false)?,
        Format::Human if checkups.is_empty() => {
            context.output.note("no nodes are known; let one join: bramble nodes token");
        }
        Format::Human if in_detail => {
            let pages: Vec<String> = checkups.iter().map(page).collect();
            context.output.text(&pages.join("\n"))?;
        }
        Format::Human | Format::Plain => context.output.table(&table(&checkups))?,
    }
    if checkups.iter().any(|checkup| !checkup.is_well) {
        return Err(CliError::Silent(Exit::JobFailed.code()));
    }
    Ok(())
}

/// What was found of a node.
#[derive(Debug, Serialize)]
struct Checkup {
    node: String,
    /// Whether nothing is wrong.
    is_well: bool,
    stages: Vec<StageFound>,
    /// What its board tells of itself that is not as it should be, and why it gets no work.
    board: Vec<BoardFound>,
}

#[derive(Debug, Serialize)]
struct StageFound {
    stage: String,
    /// `good`, `bad`, `follows`, `unknown` or `absent`.
    outcome: &'static str,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Debug, Serialize)]
struct BoardFound {
    finding: &'static str,
    text: String,
}

type Known<'a> = (String, Option<&'a NodeView>, Option<&'a PowerView>);

/// Nodes that were ever connected, and those that a switch knows.
fn chosen<'a>(
    nodes: &'a [NodeView],
    power: &'a PowerList,
    names: &[String],
) -> CliResult<Vec<Known<'a>>> {
    let mut all: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    all.extend(power.nodes.iter().map(|view| view.outlet.node.clone()));
    all.sort();
    all.dedup();
    if let Some(stranger) = names.iter().find(|name| !all.contains(name)) {
        let what = format!("there is no node `{}`", human::safe_field(stranger));
        return Err(CliError::new(Slug::NoSuchNode, what)
            .why("none of that name was ever connected, and no switch has one")
            .help("those that there are: bramble nodes")
            .help("on a board that should become one: systemctl status bramble-agent"));
    }
    let find = |name: &String| nodes.iter().find(|node| node.name == *name);
    let outlet = |name: &String| power.nodes.iter().find(|view| view.outlet.node == *name);
    let wanted = all.iter().filter(|name| names.is_empty() || names.contains(name));
    Ok(wanted.map(|name| (name.clone(), find(name), outlet(name))).collect())
}

fn check_up(
    name: &str,
    node: Option<&NodeView>,
    outlet: Option<&PowerView>,
    here: &seen::Here,
) -> Checkup {
    let (patient, seen) = seen::of(name, node, outlet, here);
    let connected = node.filter(|_| seen.agent == Some(true));
    if let Some(found) = outlet.filter(|_| connected.is_none()).and_then(|it| here.at_rest(it)) {
        // Nobody expects it to be there.
        let stage = Stage::Power.to_string();
        let stages = vec![StageFound { stage, outcome: "absent", found, advice: None }];
        return Checkup { node: name.to_owned(), is_well: true, stages, board: Vec::new() };
    }
    let mut stages: Vec<StageFound> = diagnose(&patient, &seen).into_iter().map(told).collect();
    let note = outlet.filter(|it| it.stage == PowerStage::Failed).and_then(|it| it.note.as_ref());
    if let Some((note, bad)) = note.zip(stages.iter_mut().find(|stage| stage.outcome == "bad")) {
        bad.found = format!("{}: it {note}", bad.found);
    }
    let found = connected.and_then(|node| node.status.board.as_deref()).map(findings);
    let found = found.unwrap_or_default();
    let is_bad = found.iter().any(|finding| finding.severity() >= Severity::Warning);
    let mut board: Vec<BoardFound> = connected.map(idle_because).unwrap_or_default();
    board.extend(found.into_iter().map(|finding| BoardFound {
        finding: finding.slug(),
        text: board::sentence(finding).to_owned(),
    }));
    let is_held = board.iter().any(|found| found.finding == "quarantined");
    Checkup {
        node: name.to_owned(),
        is_well: !is_bad && !is_held && stages.iter().all(|stage| stage.outcome != "bad"),
        stages,
        board,
    }
}

/// Why a node gets no work though it is there.
fn idle_because(node: &NodeView) -> Vec<BoardFound> {
    let drained = node.draining.as_ref().map(|why| ("drained", format!("gets no work: {why}")));
    let held = node.quarantined.as_ref();
    let held = held.map(|why| ("quarantined", format!("gets no work for a while: {why}")));
    let all = [drained, held].into_iter().flatten();
    all.map(|(finding, text)| BoardFound { finding, text }).collect()
}

fn told(finding: Finding) -> StageFound {
    let (outcome, advice) = match finding.outcome {
        Outcome::Good => ("good", None),
        Outcome::Bad { advice } => ("bad", Some(advice)),
        Outcome::Follows => ("follows", None),
        Outcome::Unknown => ("unknown", None),
        Outcome::Absent => ("absent", None),
    };
    StageFound { stage: finding.stage.to_string(), outcome, found: finding.found, advice }
}

/// A line for each node: the first that is wrong, and what to do.
fn table(checkups: &[Checkup]) -> Table {
    let mut table = Table::new(["NODE", "WELL", "STAGE", "FOUND", "WHAT TO DO"]);
    for checkup in checkups {
        let bad = checkup.stages.iter().find(|stage| stage.outcome == "bad");
        let (stage, found, advice) = match (bad, checkup.board.first()) {
            (Some(bad), _) => (bad.stage.as_str(), bad.found.as_str(), bad.advice.as_deref()),
            (None, Some(board)) => ("board", board.text.as_str(), None),
            (None, None) => ("", "", None),
        };
        table.row([
            checkup.node.as_str().into(),
            if checkup.is_well { "yes" } else { "no" }.into(),
            stage.into(),
            found.into(),
            advice.unwrap_or_default().into(),
        ]);
    }
    table
}

/// All stages of a node.
fn page(checkup: &Checkup) -> String {
    let mut text = format!("{}\n", human::safe_field(&checkup.node));
    for stage in &checkup.stages {
        let mark = match stage.outcome {
            "good" => "ok",
            "bad" => "BAD",
            "follows" => "…",
            "absent" => "–",
            _ => "?",
        };
        let found = if stage.outcome == "follows" { "because of that" } else { &stage.found };
        text.push_str(&format!("  {mark:<4} {:<8} {}\n", stage.stage, human::safe_field(found)));
        if let Some(advice) = &stage.advice {
            text.push_str(&format!("                → {}\n", human::safe_field(advice)));
        }
    }
    for board in &checkup.board {
        text.push_str(&format!("  {:<4} {:<8} {}\n", "!", "board", human::safe_field(&board.text)));
    }
    text
}

#[cfg(test)]
mod tests {
    use bramble_protocol::power::{Outlet, PowerAct, PowerStage, Supply};

    use super::*;

    fn outlet(stage: PowerStage) -> PowerView {
        PowerView {
            outlet: Outlet {
                node: "p1".into(),
                driver: "command".into(),
                outlet: "1".into(),
                milliwatts: 0,
                can_switch_off: true,
                warnings: Vec::new(),
                supply: Supply::Off,
            },
            stage,
            since_ms: 0,
            wish: PowerAct::Auto,
            boot_ms: None,
            note: None,
        }
    }

    #[test]
    fn a_node_that_was_never_connected_hangs_where_its_switch_says() {
        let here = seen::Here::new(false, "0.1.0".into(), false);
        let off = outlet(PowerStage::Off);
        let checkup = check_up("p1", None, Some(&off), &here);
        assert!(!checkup.is_well);
        let page = page(&checkup);
        assert!(page.contains("BAD  power    off"), "{page}");
        assert!(page.contains("→ switch it on: bramble power on p1"), "{page}");
        let line = table(&[checkup]).tabbed();
        assert!(line.contains("p1\tno\tpower\toff\tswitch it on"), "{line}");
        let on = outlet(PowerStage::On);
        let checkup = check_up("p1", None, Some(&on), &here);
        let bad = checkup.stages.iter().find(|stage| stage.outcome == "bad").unwrap();
        assert_eq!((bad.stage.as_str(), bad.found.as_str()), ("agent", "not connected"));
    }

    #[test]
    fn a_node_that_is_off_because_somebody_wants_it_or_boots_is_well() {
        let without = seen::Here::new(false, "0.1.0".into(), false);
        let with = seen::Here::new(false, "0.1.0".into(), true);
        let by_order = PowerView { wish: PowerAct::Off, ..outlet(PowerStage::Off) };
        let booting = outlet(PowerStage::Booting);
        for (outlet, here) in
            [(&by_order, &without), (&outlet(PowerStage::Off), &with), (&booting, &without)]
        {
            let checkup = check_up("p1", None, Some(outlet), here);
            assert!(checkup.is_well, "{checkup:?}");
            assert!(page(&checkup).contains("power"), "{}", page(&checkup));
        }
        let note = Some("has power, but was not heard of within 180 s".to_owned());
        let failed = PowerView { note, ..outlet(PowerStage::Failed) };
        let checkup = check_up("p1", None, Some(&failed), &with);
        assert!(!checkup.is_well);
        assert!(page(&checkup).contains("not heard of within 180 s"), "{}", page(&checkup));
    }

    #[test]
    fn a_name_that_nobody_knows_is_an_error_with_a_way_on() {
        let error = chosen(&[], &PowerList::default(), &["p9".into()]).unwrap_err();
        assert!(error.to_string().contains("p9"), "{error}");
    }
}
