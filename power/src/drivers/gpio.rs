//! Cluster HAT v1: the power of each board is one GPIO line, active high.

use crate::driver::within;
use crate::drivers::bus::GpioLines;
use crate::{Driver, PowerError, State, Traits};

/// The lines of P1 to P4 in the numbers of the processor, which are offsets in its chip.
pub(crate) const LINES: [u32; 4] = [6, 13, 19, 26];
/// The chips of Raspberry Pi 0 to 3, 4 and 5.
pub(crate) const LABELS: [&str; 3] = ["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"];

pub(crate) struct HatV1 {
    lines: Box<dyn GpioLines>,
    warnings: Vec<String>,
}

impl HatV1 {
    /// Makes each line an output of the level that it has.
    pub(crate) fn new(
        mut lines: Box<dyn GpioLines>,
        warnings: Vec<String>,
    ) -> Result<Self, PowerError> {
        for line in LINES {
            let keep = |error| PowerError::io(format!("taking over GPIO line {line}"), error);
            let high = lines.read(line).map_err(keep)?;
            lines.drive(line, high).map_err(keep)?;
        }
        Ok(Self { lines, warnings })
    }

    fn line(&self, outlet: u32) -> Result<u32, PowerError> {
        self.check(outlet).map_err(|why| PowerError::refused("cluster-hat", why))?;
        Ok(LINES[outlet as usize - 1])
    }
}

impl Driver for HatV1 {
    fn traits(&self) -> Traits {
        let warnings = self.warnings.clone();
        Traits { outlives_head: Some(false), warnings, ..Traits::new("cluster-hat") }
    }

    fn check(&self, outlet: u32) -> Result<(), String> {
        within(outlet, 4)
    }

    fn read(&mut self, outlet: u32) -> Result<State, PowerError> {
        let line = self.line(outlet)?;
        let failed = |error| PowerError::io(format!("reading GPIO line {line}"), error);
        Ok(self.lines.read(line).map_err(failed)?.into())
    }

    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        let line = self.line(outlet)?;
        let failed = |error| PowerError::io(format!("setting GPIO line {line}"), error);
        self.lines.drive(line, on).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    type Log = Arc<Mutex<Vec<(u32, Option<bool>)>>>;

    struct Fake {
        levels: [bool; 32],
        stuck: bool,
        log: Log,
    }

    impl GpioLines for Fake {
        fn read(&mut self, line: u32) -> io::Result<bool> {
            self.log.lock().unwrap().push((line, None));
            Ok(self.levels[line as usize])
        }

        fn drive(&mut self, line: u32, high: bool) -> io::Result<()> {
            self.log.lock().unwrap().push((line, Some(high)));
            if !self.stuck {
                self.levels[line as usize] = high;
            }
            Ok(())
        }
    }

    fn hat(stuck: bool) -> (HatV1, Log) {
        let log = Log::default();
        let mut levels = [false; 32];
        levels[13] = true;
        let fake = Fake { levels, stuck, log: Arc::clone(&log) };
        (HatV1::new(Box::new(fake), vec![]).unwrap(), log)
    }

    #[test]
    fn taking_over_gives_each_line_the_level_that_it_has() {
        let (_, log) = hat(false);
        let expected = [(6, false), (13, true), (19, false), (26, false)]
            .iter()
            .flat_map(|&(line, high)| [(line, None), (line, Some(high))]);
        assert_eq!(*log.lock().unwrap(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn an_order_moves_one_line_and_a_stuck_one_is_noticed() {
        let (mut hat, log) = hat(false);
        log.lock().unwrap().clear();
        hat.switch(4, true).unwrap();
        assert_eq!(hat.read(4).unwrap(), State::On);
        assert_eq!(*log.lock().unwrap(), [(26, Some(true)), (26, None)]);
        assert!(hat.switch(5, true).is_err());

        let (stuck, _) = self::hat(true);
        let mut rack = crate::Rack::open(&crate::Config::default(), "/".as_ref()).unwrap();
        let nodes = [("p1".to_owned(), 1)].into();
        rack.add(Box::new(stuck), &nodes, &Default::default()).unwrap();
        assert!(matches!(rack.switch("p1", true), Err(PowerError::NotDone { .. })));
    }
}
