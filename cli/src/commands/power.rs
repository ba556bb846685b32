//! `bramble power`: nodes on and off.

use std::time::Duration;

use bramble_protocol::Order;
use bramble_protocol::power::{PowerAct, PowerList, PowerView};

use super::{Context, now_ms};
use crate::args::power::{PowerAction, PowerArgs};
use crate::error::{CliError, CliResult, Slug};
use crate::output::table::Table;
use crate::output::{Format, human};

/// Shows where nodes are between off and on, or switches some.
///
/// # Errors
/// When nothing switches one of them, it cannot be done, or the head cannot be reached. Those before
/// it are switched then.
pub(crate) fn run(context: &Context, args: &PowerArgs) -> CliResult<()> {
    let (act, which, force) = match &args.action {
        None => return status(context, &[]),
        Some(PowerAction::Status { names }) => return status(context, names),
        Some(PowerAction::On(which)) => (PowerAct::On, which, false),
        Some(PowerAction::Off(off)) => (PowerAct::Off, &off.which, off.force),
        Some(PowerAction::Cycle(off)) => (PowerAct::Cycle, &off.which, off.force),
        Some(PowerAction::Auto(which)) => (PowerAct::Auto, which, false),
    };
    let client = context.client()?;
    if force {
        context
            .output
            .warn("their power is cut while they run: a card that is written to may be damaged");
    }
    for node in &which.names {
        client.order(&Order::Power { node: node.clone(), act, force })?;
        let (verb, what) = match act {
            PowerAct::On => ("Switching", "on"),
            PowerAct::Off => ("Switching", "off, when it has finished and shut down"),
            PowerAct::Cycle => ("Switching", "off and on again"),
            PowerAct::Auto => ("Left", "to the policy"),
        };
        context.output.say(verb, &format!("{} {what}", human::safe_field(node)));
    }
    match context.output.format {
        Format::Human => {
            context.output.note("how far they are: bramble power status");
            Ok(())
        }
        Format::Json | Format::Plain => show(context, &chosen(client.power()?, &which.names)?),
    }
}

fn status(context: &Context, names: &[String]) -> CliResult<()> {
    let all = chosen(context.client()?.power()?, names)?;
    if all.nodes.is_empty() && context.output.format == Format::Human {
        context.output.note(
            "nothing is known that switches nodes: bramble head --power FILE, see docs/power.md",
        );
        return Ok(());
    }
    show(context, &all)
}

/// Those that are named, or all.
fn chosen(mut all: PowerList, names: &[String]) -> CliResult<PowerList> {
    for name in names {
        if !all.nodes.iter().any(|view| view.outlet.node == *name) {
            let what = format!("nothing is known that switches `{}`", human::safe_field(name));
            return Err(CliError::new(Slug::NoSuchNode, what)
                .help("bramble power lists what can be switched"));
        }
    }
    all.nodes.retain(|view| names.is_empty() || names.contains(&view.outlet.node));
    Ok(all)
}

fn show(context: &Context, all: &PowerList) -> CliResult<()> {
    let output = &context.output;
    if output.format == Format::Json {
        return output.json(all, false);
    }
    output.table(&table(all, now_ms()))?;
    if let Some(budget) = all.budget_milliwatts {
        let watts = |milliwatts: u64| format!("{:.1} W", milliwatts as f64 / 1000.0);
        output.note(&format!(
            "at most {} of the {} that all may draw",
            watts(all.milliwatts),
            watts(budget)
        ));
    }
    if let Some(cap) = all.cap_milliwatts {
        output.note(&format!(
            "{:.1} W are drawn of the {:.1} W that all may draw for work",
            all.drawn_milliwatts as f64 / 1000.0,
            cap as f64 / 1000.0
        ));
    }
    for view in &all.nodes {
        for warning in &view.outlet.warnings {
            output.warn(&human::safe_field(&format!("{}: {warning}", view.outlet.node)));
        }
    }
    Ok(())
}

fn table(all: &PowerList, now_ms: u64) -> Table {
    let mut table =
        Table::new(["NODE", "POWER", ">FOR", "WISH", ">BOOT", ">WATTS", "SWITCH", "NOTE"]);
    for view in &all.nodes {
        let PowerView { outlet, stage, since_ms, wish, boot_ms, note } = view;
        let time = |ms| human::duration(Duration::from_millis(ms));
        let wish = match wish {
            PowerAct::On => "on",
            PowerAct::Off => "off",
            PowerAct::Cycle | PowerAct::Auto => "auto",
        };
        table.row([
            outlet.node.as_str().into(),
            stage.slug().into(),
            time(now_ms.saturating_sub(*since_ms)).into(),
            wish.into(),
            boot_ms.map_or_else(|| "–".to_owned(), time).into(),
            format!("{:.1}", f64::from(outlet.milliwatts) / 1000.0).into(),
            format!("{} {}", outlet.driver, outlet.outlet).into(),
            note.clone().unwrap_or_default().into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use bramble_protocol::power::{Outlet, PowerStage, Supply};

    use super::*;

    #[test]
    fn each_node_is_shown_with_where_it_is_and_why() {
        let outlet = Outlet {
            node: "p1".into(),
            driver: "cluster-hat".into(),
            outlet: "1".into(),
            milliwatts: 1_750,
            can_switch_off: true,
            warnings: Vec::new(),
            supply: Supply::Off,
        };
        let view = PowerView {
            outlet,
            stage: PowerStage::Booting,
            since_ms: 1_000,
            wish: PowerAct::On,
            boot_ms: Some(41_000),
            note: None,
        };
        let all = PowerList { nodes: vec![view], ..PowerList::default() };
        let shown = table(&all, 13_000).tabbed();
        assert_eq!(shown, "p1\tbooting\t12 s\ton\t41 s\t1.8\tcluster-hat 1\t\n");
        assert!(chosen(all.clone(), &["p2".into()]).is_err());
        assert_eq!(chosen(all, &["p1".into()]).unwrap().nodes.len(), 1);
    }
}
