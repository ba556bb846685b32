//! A rack of boards that the head switches: how long they boot, how warm they are, what they draw.

use bramble_protocol::board::{Power, PowerMethod};
use bramble_protocol::power::{Outlet, PowerPolicy, Supply};
use bramble_protocol::{BoardStatus, NodeStatus};
use bramble_scheduler::core::Event;

use super::dice::Dice;
use super::world::{Happening, World};

/// Temperature of the room, in thousandths of a degree.
const ROOM: f64 = 25_000.0;
/// By how much a board is warmer than the room in the end, idle and with all slots at work: more
/// than it can bear, as without a heat sink in a box.
const WARMER: (f64, f64) = (20_000.0, 65_000.0);
/// What a board draws idle, in thousandths of the most.
const IDLE_PERMILLE: u64 = 400;
/// So long after the last trouble nothing is left of it, in milliseconds.
const SETTLED_MS: u64 = 300_000;
/// What part of the way to there it goes in a second.
const PACE: f64 = 0.05;

/// The boards' hardware.
#[derive(Debug, Default)]
pub(super) struct Rack {
    boards: Vec<Board>,
    budget_milliwatts: u64,
    cap_milliwatts: u64,
    policy: PowerPolicy,
}

#[derive(Debug)]
struct Board {
    has_power: bool,
    boot_ms: u64,
    milliwatts: u32,
    heat: f64,
}

impl Rack {
    /// Some boards have power from the beginning; never more than the supply can bear.
    pub(super) fn new(nodes: usize, dice: &mut Dice) -> Self {
        let board = |dice: &mut Dice| Board {
            has_power: dice.permille(500),
            boot_ms: dice.between(5_000, 60_000),
            milliwatts: dice.between(1_000, 6_000) as u32,
            heat: ROOM,
        };
        let boards: Vec<Board> = (0..nodes).map(|_| board(dice)).collect();
        let sum = |on: bool| -> u64 {
            let those = boards.iter().filter(|it| !on || it.has_power);
            those.map(|it| u64::from(it.milliwatts)).sum()
        };
        let largest = boards.iter().map(|it| u64::from(it.milliwatts)).max().unwrap_or(0);
        let least = sum(true).max(largest);
        let budget_milliwatts = dice.between(least, sum(false).max(least));
        // One can always work, while another boots.
        let needed = sum(false) * IDLE_PERMILLE / 1000 + 2 * largest;
        let cap_milliwatts = dice.between(needed, needed.max(sum(false)));
        let policy = PowerPolicy {
            idle_off_ms: Some(dice.between(5_000, 60_000)),
            keep_on: dice.between(0, 2) as u32,
            on_ms_min: dice.between(0, 30_000),
            budget_milliwatts: Some(budget_milliwatts),
            cap_milliwatts: Some(cap_milliwatts),
            boot_ms_max: 90_000,
            drain_ms_max: 20_000,
            // As often as it takes: in the end there is no trouble any more.
            tries_max: 10,
            ..PowerPolicy::default()
        };
        Self { boards, budget_milliwatts, cap_milliwatts, policy }
    }

    pub(super) fn has_power(&self, node: usize) -> bool {
        self.boards.get(node).is_none_or(|board| board.has_power)
    }

    /// What a head finds that looks at the hardware.
    pub(super) fn found(&self) -> Event {
        let outlet = |(node, board): (usize, &Board)| Outlet {
            node: format!("n{node}"),
            driver: "simulated".into(),
            outlet: node.to_string(),
            milliwatts: board.milliwatts,
            can_switch_off: true,
            warnings: Vec::new(),
            supply: if board.has_power { Supply::On } else { Supply::Off },
        };
        let outlets = self.boards.iter().enumerate().map(outlet).collect();
        Event::PowerFound { outlets, policy: Box::new(self.policy.clone()) }
    }

    /// Lets a second pass for a board with so much of its slots at work.
    fn warm(&mut self, node: usize, work: f64) -> i32 {
        let Some(board) = self.boards.get_mut(node) else { return ROOM as i32 };
        let goal = ROOM + WARMER.0 + (WARMER.1 - WARMER.0) * work;
        board.heat += (goal - board.heat) * PACE;
        board.heat as i32
    }

    fn drawn(&self) -> u64 {
        let powered = self.boards.iter().filter(|board| board.has_power);
        powered.map(|board| u64::from(board.milliwatts)).sum()
    }
}

impl World {
    /// The head wants a board switched.
    pub(super) fn switch(&mut self, node: &str, on: bool) {
        let Some(node) = node.strip_prefix('n').and_then(|it| it.parse().ok()) else { return };
        let ms = self.dice.between(1, 200);
        let fault = self.dice.permille(if self.is_calm() { 0 } else { 100 });
        let life = self.head.life;
        self.after(ms, Happening::Switched { life, node, on, fault });
    }

    /// A board is switched, unless the bus fails.
    pub(super) fn switched(&mut self, life: u64, node: usize, on: bool, fault: bool) {
        if !fault && self.rack.has_power(node) != on {
            self.outcome.switched += 1;
            self.rack.boards[node].has_power = on;
            if on {
                self.check_budget();
                let ms = self.rack.boards[node].boot_ms;
                self.after(ms, Happening::Boots { node });
            } else {
                if !self.nodes[node].is_done() && self.is_calm() {
                    self.check_may_be_cut(node);
                }
                self.end_agent(node, true);
            }
        }
        // A head that died meanwhile looks at the hardware when it is started.
        if life == self.head.life && self.head.core().is_some() {
            let fault = fault.then(|| "the bus is stuck".to_owned());
            self.tell(Event::PowerSwitched { node: format!("n{node}"), on, fault });
        }
    }

    fn check_budget(&self) {
        let (drawn, budget) = (self.rack.drawn(), self.rack.budget_milliwatts);
        if drawn > budget {
            self.fail(&format!("{drawn} mW are drawn, and {budget} is what the supply can bear"));
        }
    }

    /// In calm weather no board is cut off that works: it is drained first, or has had its time.
    fn check_may_be_cut(&self, node: usize) {
        let node = &self.nodes[node];
        if !node.running.is_empty() && node.connection.is_some() && node.welcome {
            self.fail(&format!("n{} was cut off at work", node.index));
        }
    }

    /// A board is told to shut down: it does, and keeps its power until it is cut.
    pub(super) fn shuts_down(&mut self, node: usize) {
        let place = self.nodes[node].place();
        let ms = self.dice.between(500, 8_000);
        self.after(ms, Happening::Halts(place));
    }

    /// What a board tells of itself.
    pub(super) fn board_status(&mut self, node: usize) -> NodeStatus {
        if self.rack.boards.is_empty() {
            return NodeStatus::default();
        }
        let its = &self.nodes[node];
        let work = its.running.len() as f64 / f64::from(its.slots);
        let heat = self.rack.warm(node, work);
        self.outcome.hot += u64::from(heat >= 84_000);
        self.check_cap();
        let power = Power::by(PowerMethod::Meter, self.draws(node) as u32);
        let board = BoardStatus { power: Some(power), ..BoardStatus::default() };
        NodeStatus {
            temperature_millicelsius: Some(heat),
            board: Some(Box::new(board)),
            ..NodeStatus::default()
        }
    }

    /// What a board draws that is up, by what it works on.
    fn draws(&self, node: usize) -> u64 {
        let (its, most) = (&self.nodes[node], u64::from(self.rack.boards[node].milliwatts));
        let working = its.running.len().min(its.slots as usize) as u64;
        let busy = most * (1000 - IDLE_PERMILLE) * working / u64::from(its.slots);
        (most * IDLE_PERMILLE + busy) / 1000
    }

    /// Once all is well, the boards draw no more for their work than they may.
    fn check_cap(&self) {
        if self.now < self.users.trouble_until + SETTLED_MS {
            return;
        }
        let up = (0..self.nodes.len())
            .filter(|node| self.rack.has_power(*node) && self.nodes[*node].connection.is_some());
        let drawn: u64 = up.map(|node| self.draws(node)).sum();
        if drawn > self.rack.cap_milliwatts {
            let cap = self.rack.cap_milliwatts;
            self.fail(&format!("{drawn} mW are drawn for work, and {cap} are allowed"));
        }
    }
}
