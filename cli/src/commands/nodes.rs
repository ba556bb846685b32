//! `bramble nodes`: a list, or some in detail.

use std::time::Duration;

use bramble_protocol::NodeState;
use bramble_protocol::api::NodeView;
use bramble_protocol::power::PowerStage;

use super::{Context, drain, joining, now_ms};
use crate::args::nodes::{NodesAction, NodesArgs};
use crate::error::{CliError, CliResult, Slug};
use crate::output::table::{Cell, Table};
use crate::output::{Format, board, human};

/// What stands for a sensor that a machine does not have.
const NO_SENSOR: &str = "–";

/// Lists nodes, or shows those that are named.
///
/// # Errors
/// When one that is named does not exist, or the head cannot be reached.
pub(crate) fn run(context: &Context, args: &NodesArgs) -> CliResult<()> {
    match &args.action {
        Some(NodesAction::Drain { names, reason, wait }) => {
            return drain::drain(context, names, reason, *wait);
        }
        Some(NodesAction::Undrain { names }) => return drain::undrain(context, names),
        Some(NodesAction::Token(args)) => return joining::token(context, args),
        Some(NodesAction::Approve { names }) => return joining::change(context, names, "approve"),
        Some(NodesAction::Reject { names }) => return joining::change(context, names, "reject"),
        Some(NodesAction::Remove { names }) => return joining::change(context, names, "remove"),
        None => {}
    }
    let client = context.client()?;
    let output = &context.output;
    let mut nodes = client.nodes()?;
    for name in &args.names {
        if nodes.iter().all(|node| node.name != *name) {
            let shown = human::safe_field(name);
            return Err(CliError::new(Slug::NoSuchNode, format!("there is no node `{shown}`"))
                .help("those that there are: bramble nodes"));
        }
    }
    if args.names.is_empty() && output.format == Format::Human {
        joining::note_pending(context, &client);
    }
    if !args.names.is_empty() {
        nodes.retain(|node| args.names.contains(&node.name));
    }
    match output.format {
        Format::Json => output.json(&nodes, false),
        Format::Human if !args.names.is_empty() => {
            let pages: Vec<String> = nodes.iter().map(detail).collect();
            output.text(&pages.join("\n"))
        }
        Format::Human if nodes.is_empty() => {
            output.note("no nodes; let one join: bramble nodes token");
            Ok(())
        }
        Format::Human | Format::Plain => output.table(&list(&nodes)),
    }
}

fn list(nodes: &[NodeView]) -> Table {
    let mut table = Table::new(["NODE", "MODEL", "STATE", ">CPU", ">MEM", ">TEMP", "DOING"]);
    for node in nodes {
        table.row([
            node.name.as_str().into(),
            or_none(node.status.model.clone()),
            Cell::state(state(node)),
            or_none(cpu(node)),
            or_none(memory(node)),
            or_none(temperature(node)),
            doing(node).into(),
        ]);
    }
    table
}

/// What it is in one word. A node that was drained has a word of its own, because it looks idle
/// and yet gets no work.
fn state(node: &NodeView) -> &'static str {
    match node.state {
        NodeState::Idle | NodeState::Busy if node.quarantined.is_some() => "quarantined",
        NodeState::Idle | NodeState::Busy if node.draining.is_some() => {
            if node.leased > 0 {
                "draining"
            } else {
                "drained"
            }
        }
        NodeState::Lost => match &node.power {
            Some(power) if power.stage != PowerStage::On => power.stage.slug(),
            _ => NodeState::Lost.name(),
        },
        other => other.name(),
    }
}

fn or_none(text: Option<String>) -> Cell {
    text.unwrap_or_else(|| NO_SENSOR.into()).into()
}

fn cpu(node: &NodeView) -> Option<String> {
    node.status.cpu_used_permille.map(|permille| format!("{}%", (permille + 5) / 10))
}

/// Memory in use and all of it, in MiB or GiB.
fn memory(node: &NodeView) -> Option<String> {
    let total = node.status.memory_bytes_total?;
    let used = total.saturating_sub(node.status.memory_bytes_available?);
    if total < 8 << 30 {
        return Some(format!("{}/{}M", used >> 20, total >> 20));
    }
    let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
    Some(format!("{:.1}/{:.1}G", gib(used), gib(total)))
}

fn temperature(node: &NodeView) -> Option<String> {
    let degrees = f64::from(node.status.temperature_millicelsius?) / 1000.0;
    Some(format!("{degrees:.0}°C"))
}

/// Speed of one core, as a multiple of the reference core.
fn speed(thousandths: u32) -> String {
    format!("{:.2} × the reference core", f64::from(thousandths) / 1000.0)
}

fn doing(node: &NodeView) -> String {
    let jobs = node.jobs.iter().map(|(job, tasks)| format!("job {job} ×{tasks}"));
    let spared = node.ease.iter().map(|ease| ease.text().to_owned());
    jobs.chain(spared).collect::<Vec<_>>().join("  ")
}

/// What comparing its results with those of other nodes has shown.
fn trust(node: &NodeView) -> String {
    let trust = &node.trust;
    let confirmed = format!("{} confirmed in a row", human::count(trust.valid, "result"));
    match (&trust.last_wrong, trust.wrong) {
        (_, 0) => confirmed,
        (None, wrong) => format!("{confirmed}, {wrong} wrong"),
        (Some(last), wrong) => format!("{confirmed}, {wrong} wrong: {last}"),
    }
}

/// One node as a page.
fn detail(node: &NodeView) -> String {
    let status = &node.status;
    let seen = Duration::from_millis(now_ms().saturating_sub(node.seen_at_ms));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NO_SENSOR.into());
    let lines = [
        ("state", format!("{}, heard of {} ago", state(node), human::duration(seen))),
        ("drained", or_none(node.draining.clone())),
        ("model", or_none(status.model.clone())),
        ("class", node.class.to_string()),
        ("agent", format!("bramble {}", node.version)),
        ("slots", format!("{}, {} in use", node.slots, node.leased)),
        ("processors", status.cpu_count.to_string()),
        ("speed", or_none(node.speed.map(speed))),
        ("cpu", or_none(cpu(node))),
        ("load", or_none(status.load_milli.map(|load| format!("{:.2}", f64::from(load) / 1000.0)))),
        ("clock", or_none(status.clock_hz.map(|clock| format!("{} MHz", clock / 1_000_000)))),
        ("memory", or_none(memory(node))),
        ("temperature", or_none(temperature(node))),
        ("running for", or_none(status.uptime_s.map(|s| human::duration(Duration::from_secs(s))))),
        ("tasks done", human::thousands(node.succeeded)),
        ("failed", human::thousands(node.failed)),
        ("trust", trust(node)),
        ("doing", doing(node)),
    ];
    let quarantined = node.quarantined.iter().map(|reason| ("quarantined", reason.clone()));
    let help = format!("bramble nodes undrain {}", node.name);
    let help = node.quarantined.iter().map(|_| ("to lift it", help.clone()));
    let lines = lines.into_iter().chain(board::lines(node)).chain(quarantined).chain(help);
    let mut text = format!("node {}\n", human::safe_field(&node.name));
    for (name, value) in lines {
        let line = format!("  {name:<12} {}", human::safe_field(&value));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use bramble_protocol::{JobId, NodeId, NodeStatus, TargetClass};

    use super::*;

    fn node(status: NodeStatus) -> NodeView {
        NodeView {
            ease: None,
            energy: Default::default(),
            power: None,
            schema: "bramble.node/1".into(),
            id: NodeId(1),
            name: "p1".into(),
            state: NodeState::Busy,
            class: TargetClass::Aarch64,
            version: "0.1.0".into(),
            slots: 4,
            speed: Some(1500),
            draining: None,
            trust: Default::default(),
            quarantined: None,
            leased: 4,
            jobs: vec![(JobId(18), 4)],
            succeeded: 0,
            failed: 0,
            seen_at_ms: 0,
            status,
        }
    }

    #[test]
    fn a_sensor_that_is_missing_shows_a_dash_and_not_a_zero() {
        let table = list(&[node(NodeStatus::default())]);
        assert_eq!(table.tabbed(), "p1\t–\tbusy\t–\t–\t–\tjob 18 ×4\n");
    }

    #[test]
    fn a_node_that_is_drained_has_a_word_of_its_own() {
        let mut node = node(NodeStatus::default());
        node.draining = Some("new fan".into());
        assert_eq!(state(&node), "draining");
        assert!(detail(&node).contains("  drained      new fan\n"));
        (node.leased, node.state) = (0, NodeState::Idle);
        assert_eq!(state(&node), "drained");
        node.state = NodeState::Lost;
        assert_eq!(state(&node), "lost");
    }

    #[test]
    fn sensors_are_shown_in_the_units_people_use() {
        let status = NodeStatus {
            model: Some("Zero 2 W".into()),
            cpu_used_permille: Some(984),
            memory_bytes_total: Some(426 << 20),
            memory_bytes_available: Some(114 << 20),
            temperature_millicelsius: Some(61_200),
            ..NodeStatus::default()
        };
        let table = list(&[node(status)]);
        assert_eq!(table.tabbed(), "p1\tZero 2 W\tbusy\t98%\t312/426M\t61°C\tjob 18 ×4\n");
    }
}
