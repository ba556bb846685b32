//! ClusterCTRL boards: a mailbox of registers on an I2C bus that the board itself brings by USB.
//!
//! Registers and commands are those of the maker's clusterctrl and firmware.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::config::Clusterctrl;
use crate::driver::within;
use crate::drivers::bus::{KernelBus, Smbus};
use crate::{Driver, PowerError, State, Traits};

const ADDRESS: u8 = 0x20;
const MAXPI: u8 = 1;
const ORDER: u8 = 2;
/// The first byte of what goes with a command and comes back.
const DATA0: u8 = 0x0c;
const COMMAND: u8 = 0x0d;
const STATUS: u8 = 0x0e;
const ON: u8 = 0x03;
const OFF: u8 = 0x04;
const GET_POWER: u8 = 0x0f;
/// Boards that are looked for.
const BOARDS_MAX: usize = 16;
/// Boards have a pause between the command and its answer.
const PAUSE: Duration = Duration::from_millis(1);

struct Board {
    bus: Box<dyn Smbus>,
    order: u8,
    outlets: u8,
}

/// All boards of a head. Outlets are counted through, in the boards' order.
pub(crate) struct Boards(Vec<Board>);

pub(crate) fn open(config: &Clusterctrl, root: &Path) -> Result<Boards, PowerError> {
    let dev = root.join("dev");
    let mut paths: Vec<_> = config.buses.iter().map(|bus| dev.join(format!("i2c-{bus}"))).collect();
    if paths.is_empty() {
        let failed = |error| PowerError::io(format!("reading {}", dev.display()), error);
        let entries = fs::read_dir(&dev).map_err(failed)?.filter_map(Result::ok);
        let named = entries.filter(|e| e.file_name().to_string_lossy().starts_with("ClusterCTRL-"));
        paths.extend(named.map(|entry| entry.path()).take(BOARDS_MAX));
    }
    let mut buses: Vec<Box<dyn Smbus>> = Vec::new();
    for path in paths {
        let failed = |error| PowerError::io(format!("opening {}", path.display()), error);
        buses.push(Box::new(KernelBus::open(&path, ADDRESS).map_err(failed)?));
    }
    Boards::new(buses)
}

impl Boards {
    fn new(buses: Vec<Box<dyn Smbus>>) -> Result<Self, PowerError> {
        let mut boards = Vec::new();
        for mut bus in buses {
            let failed = |error| PowerError::io("asking a ClusterCTRL who it is", error);
            let order = bus.read(ORDER).map_err(failed)?;
            let outlets = bus.read(MAXPI).map_err(failed)?;
            boards.push(Board { bus, order, outlets });
        }
        if boards.is_empty() {
            let said = "no board was found in /dev/ClusterCTRL-*; set `buses`";
            return Err(PowerError::refused("clusterctrl", said));
        }
        boards.sort_by_key(|board| board.order);
        if let Some(two) = boards.windows(2).find(|two| two[0].order == two[1].order) {
            let said = format!(
                "two boards have the order {}; change one: clusterctrl setorder",
                two[0].order
            );
            return Err(PowerError::refused("clusterctrl", said));
        }
        Ok(Self(boards))
    }

    fn place(&mut self, outlet: u32) -> Result<(&mut Board, u8), PowerError> {
        let mut left = outlet;
        for board in &mut self.0 {
            let outlets = u32::from(board.outlets);
            match u8::try_from(left) {
                Ok(number) if (1..=outlets).contains(&left) => return Ok((board, number)),
                _ => left = left.saturating_sub(outlets),
            }
        }
        Err(PowerError::refused("clusterctrl", format!("no board has outlet {outlet}")))
    }
}

impl Board {
    fn call(&mut self, command: u8, number: u8) -> Result<u8, PowerError> {
        let failed =
            |error| PowerError::io(format!("command {command:#04x} of a ClusterCTRL"), error);
        self.bus.write(DATA0, number).map_err(failed)?;
        self.bus.write(COMMAND, command).map_err(failed)?;
        thread::sleep(PAUSE);
        let said = match self.bus.read(STATUS).map_err(failed)? {
            0 => return self.bus.read(DATA0).map_err(failed),
            1 => "it cannot do that",
            2 => "it has no such outlet",
            3 => "its firmware does not know the command",
            _ => "it answers nonsense; is something else at this address?",
        };
        Err(PowerError::refused(format!("ClusterCTRL of order {}", self.order), said))
    }
}

impl Driver for Boards {
    fn traits(&self) -> Traits {
        let warnings =
            vec!["boards keep their power only while the ClusterCTRL keeps its 5 V".to_owned()];
        Traits { outlives_head: Some(true), warnings, ..Traits::new("clusterctrl") }
    }

    fn check(&self, outlet: u32) -> Result<(), String> {
        within(outlet, self.0.iter().map(|board| u32::from(board.outlets)).sum())
    }

    fn read(&mut self, outlet: u32) -> Result<State, PowerError> {
        let (board, number) = self.place(outlet)?;
        Ok(match board.call(GET_POWER, number)? {
            0 => State::Off,
            1 => State::On,
            // 0xff: it cannot tell.
            _ => State::Unknown,
        })
    }

    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        let (board, number) = self.place(outlet)?;
        board.call(if on { ON } else { OFF }, number).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    type Log = Arc<Mutex<Vec<(u8, u8, u8)>>>;

    /// A board that does what the table of commands says.
    struct Fake {
        registers: [u8; 16],
        power: [u8; 4],
        log: Log,
    }

    impl Smbus for Fake {
        fn read(&mut self, register: u8) -> io::Result<u8> {
            Ok(self.registers[register as usize])
        }

        fn write(&mut self, register: u8, value: u8) -> io::Result<()> {
            self.registers[register as usize] = value;
            if register != COMMAND {
                return Ok(());
            }
            let number = self.registers[DATA0 as usize];
            self.log.lock().unwrap().push((self.registers[ORDER as usize], value, number));
            let Some(power) = self.power.get_mut(number as usize - 1) else {
                self.registers[STATUS as usize] = 2;
                return Ok(());
            };
            self.registers[STATUS as usize] = 0;
            match value {
                ON => *power = 1,
                OFF => *power = 0,
                GET_POWER => self.registers[DATA0 as usize] = *power,
                _ => self.registers[STATUS as usize] = 3,
            }
            Ok(())
        }
    }

    fn board(order: u8, outlets: u8, log: &Log) -> Box<dyn Smbus> {
        let mut registers = [0; 16];
        (registers[ORDER as usize], registers[MAXPI as usize]) = (order, outlets);
        Box::new(Fake { registers, power: [0, 0xff, 0, 0], log: Arc::clone(log) })
    }

    #[test]
    fn outlets_are_counted_through_in_the_order_of_boards() {
        let log = Log::default();
        let mut boards = Boards::new(vec![board(30, 2, &log), board(20, 3, &log)]).unwrap();
        assert!(log.lock().unwrap().is_empty(), "opening gives no command");
        assert!(boards.check(5).is_ok() && boards.check(6).is_err() && boards.check(0).is_err());
        boards.switch(3, true).unwrap();
        boards.switch(4, true).unwrap();
        assert_eq!(*log.lock().unwrap(), [(20, ON, 3), (30, ON, 1)]);
        assert_eq!(boards.read(4).unwrap(), State::On);
        assert_eq!(boards.read(1).unwrap(), State::Off);
        assert_eq!(boards.read(2).unwrap(), State::Unknown, "0xff is no state");
    }

    #[test]
    fn what_a_board_refuses_is_told() {
        let log = Log::default();
        let mut boards = Boards::new(vec![board(20, 9, &log)]).unwrap();
        let refused = boards.switch(7, true).unwrap_err().to_string();
        assert!(refused.contains("no such outlet"), "{refused}");
        let refused = boards.0[0].call(0x77, 1).unwrap_err().to_string();
        assert!(refused.contains("does not know"), "{refused}");
        let same = Boards::new(vec![board(20, 1, &log), board(20, 1, &log)]);
        assert!(same.err().unwrap().to_string().contains("setorder"));
        assert!(Boards::new(vec![]).is_err());
    }
}
