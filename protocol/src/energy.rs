//! How much energy a job took: from what its nodes told, or as far as that can be said without it,
//! from what boards of a model take when they are idle and when they work.

use crate::api::JobView;

/// A board's power at the wall, in watts. A board that is not listed has no estimate.
struct Board {
    /// How its model's name begins, as the device tree says it.
    model: &'static str,
    idle_w: f64,
    /// With all cores at work.
    busy_w: f64,
    cores: f64,
}

/// Longer names before those that begin alike.
///
/// Sources: Zero, Zero W, 2B, 3B: the power table of the Raspberry Pi documentation (currents at
/// 5 V); Zero 2 W: cnx-software.com, 2021; all others: geerlingguy/sbc-reviews (idle, and stress
/// or HPL, measured at the wall).
const BOARDS: [Board; 14] = [
    board("Raspberry Pi Zero 2", 0.6, 1.75, 4.0),
    board("Raspberry Pi Zero W", 0.75, 1.8, 1.0),
    board("Raspberry Pi Zero", 0.5, 1.75, 1.0),
    board("Raspberry Pi 2", 1.1, 4.1, 4.0),
    board("Raspberry Pi 3 Model B Plus", 3.1, 5.6, 4.0),
    board("Raspberry Pi 3", 1.5, 6.7, 4.0),
    board("Raspberry Pi 400", 2.7, 6.4, 4.0),
    board("Raspberry Pi 4", 1.6, 5.0, 4.0),
    board("Raspberry Pi Compute Module 4", 2.5, 5.2, 4.0),
    board("Raspberry Pi 500", 2.9, 12.9, 4.0),
    board("Raspberry Pi 5", 2.8, 9.7, 4.0),
    board("Raspberry Pi Compute Module 5", 2.4, 9.4, 4.0),
    board("Orange Pi 5 Max", 1.4, 12.8, 8.0),
    board("Orange Pi 5", 1.0, 11.5, 8.0),
];

const fn board(model: &'static str, idle_w: f64, busy_w: f64, cores: f64) -> Board {
    Board { model, idle_w, busy_w, cores }
}

/// What a job took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    /// In joules.
    pub joules: f64,
    /// How much of it comes from sensors, between 0 and 1; the rest is estimated.
    pub measured: f64,
}

impl Taken {
    /// What sums of attempts say: millionths of a joule, and those that were measured; `None` for
    /// nothing, which nobody has taken.
    pub fn of(energy_uj: u64, measured_uj: u64) -> Option<Self> {
        (energy_uj > 0).then(|| Self {
            joules: energy_uj as f64 / 1e6,
            measured: measured_uj as f64 / energy_uj as f64,
        })
    }

    /// Whether it is `measured` or `estimated`, or which part is, in percent.
    pub fn how(&self) -> String {
        match (self.measured * 100.0).round() as u32 {
            0 => "estimated".into(),
            100.. => "measured".into(),
            percent => format!("{percent} % measured"),
        }
    }
}

/// What a job took in attempts that succeeded, as its nodes told while it ran; where they did not,
/// an estimate by [`joules`].
pub fn taken<'m>(
    job: &JobView,
    wall_s: f64,
    model: impl Fn(&str) -> Option<&'m str>,
) -> Option<Taken> {
    let told = Taken::of(job.usage.energy_uj, job.usage.energy_measured_uj);
    told.or_else(|| Some(Taken { joules: joules(job, wall_s, model)?, measured: 0.0 }))
}

/// Joules that the nodes of a job took together while it ran, `wall_s` seconds: all the time what
/// they take idle, and for each second of processor time one core's share of what work adds. `None`
/// where a board is not known, or nothing was done. `model` tells a node's board by its name.
pub fn joules<'m>(
    job: &JobView,
    wall_s: f64,
    model: impl Fn(&str) -> Option<&'m str>,
) -> Option<f64> {
    let worked = job.nodes.iter().filter(|node| node.succeeded > 0);
    let of_node = |name: &str, cpu_us: u64| {
        let model = model(name)?;
        let board = BOARDS.iter().find(|board| model.starts_with(board.model))?;
        let a_core_w = (board.busy_w - board.idle_w) / board.cores;
        Some(board.idle_w * wall_s + a_core_w * cpu_us as f64 / 1e6)
    };
    let each: Option<Vec<f64>> = worked.map(|node| of_node(&node.name, node.cpu_us)).collect();
    each.filter(|each| !each.is_empty()).map(|each| each.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_is_measured() {
        assert_eq!(Taken::of(0, 0), None);
        let how = |all, measured| Taken::of(all, measured).unwrap().how();
        assert_eq!((how(10, 10), how(10, 0)), ("measured".into(), "estimated".into()));
        assert_eq!(how(400, 100), "25 % measured");
        assert_eq!(Taken::of(1_500_000, 0).unwrap().joules, 1.5);
    }

    #[test]
    fn each_board_is_found_by_its_own_entry() {
        for board in &BOARDS {
            let found = BOARDS.iter().find(|it| board.model.starts_with(it.model));
            assert_eq!(found.map(|it| it.model), Some(board.model));
        }
    }
}
