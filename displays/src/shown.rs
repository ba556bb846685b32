//! What there is to show, and what it comes to in one word.

use bramble_protocol::board::PowerSource;

/// What the head shows of itself. Plain data that the head fills; whatever is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Where the head can be reached, the best first: `192.168.1.20:8420`, `bramble.local`.
    pub addresses: Vec<String>,
    /// The code by which a class joins, while a lesson is open.
    pub class_code: Option<String>,
    /// The nodes.
    pub nodes: NodeCounts,
    /// The hottest node, in thousandths of a degree Celsius.
    pub hottest_millicelsius: Option<i32>,
    /// The jobs.
    pub jobs: JobCounts,
    /// The job that runs, or the one of them that began first.
    pub running: Option<RunningJob>,
    /// What somebody should look at now, such as `p3 under-voltage`.
    pub alarm: Option<String>,
    /// What the cluster draws.
    pub power: Option<ClusterPower>,
}

/// How many nodes there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// Connected.
    pub here: u32,
    /// Known, with those that are switched off.
    pub all: u32,
    /// Connected, and so hot that it slows them down.
    pub hot: u32,
    /// Not connected, though nobody has switched them off.
    pub lost: u32,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// With tasks on nodes.
    pub running: u32,
    /// Without.
    pub waiting: u32,
}

/// A job at work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunningJob {
    /// What it is called.
    pub name: String,
    /// How much of it is done, in thousandths.
    pub done_permille: u32,
}

/// What all nodes that are known to draw something draw together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterPower {
    /// In thousandths of a watt.
    pub milliwatts: u64,
    /// Measured only if it is for each of the nodes.
    pub source: PowerSource,
}

/// What the head does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Ready, with nothing to do.
    Idle,
    /// Jobs run.
    Working,
    /// No node is here.
    Waiting,
    /// There is an alarm, or a node is lost.
    Trouble,
    /// The head does not run.
    Off,
}

impl State {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Idle, Self::Working, Self::Waiting, Self::Trouble, Self::Off];

    /// What a head that shows this does. What somebody should look at comes first.
    pub fn of(shown: &Shown) -> Self {
        if shown.alarm.is_some() {
            Self::Trouble
        } else if shown.nodes.here == 0 {
            Self::Waiting
        } else if shown.nodes.lost > 0 {
            Self::Trouble
        } else if shown.jobs.running > 0 {
            Self::Working
        } else {
            Self::Idle
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(here: u32, lost: u32, running: u32) -> Shown {
        Shown {
            nodes: NodeCounts { here, all: here + lost, hot: 0, lost },
            jobs: JobCounts { running, waiting: 0 },
            ..Shown::default()
        }
    }

    #[test]
    fn what_somebody_should_look_at_comes_first() {
        assert_eq!(State::of(&shown(4, 0, 0)), State::Idle);
        assert_eq!(State::of(&shown(4, 0, 1)), State::Working);
        assert_eq!(State::of(&shown(3, 1, 1)), State::Trouble);
        let alarm = Some("p3 under-voltage".to_owned());
        assert_eq!(State::of(&Shown { alarm, ..shown(4, 0, 1) }), State::Trouble);
    }

    #[test]
    fn a_head_that_has_just_started_waits_for_its_nodes_and_has_not_lost_them() {
        assert_eq!(State::of(&shown(0, 0, 0)), State::Waiting);
        assert_eq!(State::of(&shown(0, 4, 0)), State::Waiting);
    }
}
