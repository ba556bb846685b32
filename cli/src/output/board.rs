//! What a board tells of itself, for people.

use bramble_protocol::api::NodeView;
use bramble_protocol::board::{BoardStatus, PowerSource, ShareState};
use bramble_protocol::health::{Finding, findings};

use super::human;

/// What is wrong with a board, in plain words.
pub(crate) const fn sentence(finding: Finding) -> &'static str {
    match finding {
        Finding::WeakSupplyNow => {
            "its supply is too weak just now: a shorter cable or a stronger supply helps"
        }
        Finding::WeakSupplyEarlier => {
            "its supply was too weak at some time since it started: a shorter cable or a stronger \
             supply helps"
        }
        Finding::SlowedByHeat => "it is so hot that it slows itself down: a fan or more room helps",
        Finding::SlowedByHeatEarlier => {
            "it was so hot at some time since it started that it slowed itself down"
        }
        Finding::SoftLimit => "it is warm enough to slow down a little",
        Finding::DiskNearlyFull => "its disk is nearly full",
        Finding::DiskReadOnly => {
            "nothing can be written to its disk: a card that is worn out becomes so"
        }
        Finding::DiskWorn => "its disk is near the end of its life",
        Finding::ClockNotSet => "its clock is not set",
        Finding::ShareNotMounted => "the directory of chunks is not mounted",
        Finding::ShareSilent => {
            "the share does not answer: objects come over HTTP from the head, and it is tried again"
        }
        Finding::PressureOff => {
            "its kernel does not measure for how long work waits: psi=1 in cmdline.txt"
        }
    }
}

/// Lines about a board beyond what every machine tells.
pub(crate) fn lines(node: &NodeView) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(ease) = &node.ease {
        lines.push(("spared", format!("{}; {}", ease.text(), ease.help())));
    }
    if let Some(power) = &node.power {
        let note = power.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        lines.push(("power", format!("{}{note}", power.stage.slug())));
    }
    if let Some(board) = node.status.board.as_deref() {
        about(board, &mut lines);
    }
    if node.energy.millijoules > 0 {
        let joules = node.energy.millijoules as f64 / 1000.0;
        let measured = node.energy.measured_millijoules == node.energy.millijoules;
        let how = if measured { "measured" } else { "estimated" };
        lines.push(("energy", format!("{joules:.0} J since the head started ({how})")));
    }
    lines
}

fn about(board: &BoardStatus, lines: &mut Vec<(&'static str, String)>) {
    let identity = &board.identity;
    let kernel = identity.kernel.as_deref();
    lines.extend(kernel.map(|kernel| ("kernel", format!("Linux {kernel}"))));
    lines.extend(identity.processor.clone().map(|processor| ("chip", processor)));
    if let Some(hz) = board.arm_clock_hz {
        lines.push(("true clock", format!("{} MHz", hz / 1_000_000)));
    }
    if let Some(power) = &board.power {
        let how = match power.source {
            PowerSource::Measured => "measured",
            PowerSource::Estimated => "estimated",
        };
        let watts = f64::from(power.milliwatts) / 1000.0;
        lines.push(("draws", format!("{watts:.1} W ({how}, {})", power.method.name())));
    }
    if let Some((total, free)) =
        board.disk.as_ref().and_then(|disk| disk.bytes_total.zip(disk.bytes_available))
    {
        let text = format!("{} of {} free", human::size(free), human::size(total));
        lines.push(("disk", text));
    }
    if let Some(share) = &board.share {
        let text = match share.state {
            _ if share.silent == Some(true) => "does not answer",
            ShareState::Mounted => "mounted",
            ShareState::OnDemand => "mounted when it is needed",
            ShareState::Missing => "not mounted",
        };
        lines.push(("share", text.into()));
    }
    for interface in &board.interfaces {
        if let Some((rx, tx)) = interface.rx_bytes.zip(interface.tx_bytes) {
            let text =
                format!("{}: {} in, {} out", interface.name, human::size(rx), human::size(tx));
            lines.push(("network", text));
        }
    }
    if board.has_voltage_detector == Some(false) {
        lines.push(("supply", "this board cannot tell whether its supply is weak".into()));
    }
    lines.extend(findings(board).into_iter().map(|finding| ("note", sentence(finding).to_owned())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_a_sentence_of_its_own() {
        let all: std::collections::BTreeSet<_> = Finding::ALL.into_iter().map(sentence).collect();
        assert_eq!(all.len(), Finding::ALL.len());
    }
}
