//! The expander against fakes that keep a list of what was asked of them.

use std::io;
use std::sync::{Arc, Mutex};

use super::*;

/// EREMOTEIO, what the kernel says when no chip answers.
const NO_ANSWER: i32 = 121;

#[derive(Default)]
struct Chip {
    registers: [u8; 8],
    /// Register and what was written, or nothing for a read.
    log: Vec<(u8, Option<u8>)>,
    has_pull_ups: bool,
    lost_writes: usize,
    broken: bool,
    /// What another program writes to the outputs after our first read of them.
    other_writes: Option<u8>,
}

struct Fake(Arc<Mutex<Chip>>);

impl Smbus for Fake {
    fn read(&mut self, register: u8) -> io::Result<u8> {
        let mut chip = self.0.lock().unwrap();
        chip.log.push((register, None));
        if chip.broken || register == PULL_UP && !chip.has_pull_ups {
            return Err(io::Error::from_raw_os_error(NO_ANSWER));
        }
        let value = chip.registers[register as usize];
        Ok(if register == IN && chip.registers[DIR as usize] == 0 {
            chip.registers[OUT as usize]
        } else {
            value
        })
    }

    fn write(&mut self, register: u8, value: u8) -> io::Result<()> {
        let mut chip = self.0.lock().unwrap();
        chip.log.push((register, Some(value)));
        if chip.broken {
            return Err(io::Error::from_raw_os_error(NO_ANSWER));
        }
        if chip.lost_writes > 0 {
            chip.lost_writes -= 1;
            return Ok(());
        }
        chip.registers[register as usize] = value;
        if register == OUT
            && let Some(other) = chip.other_writes.take()
        {
            chip.registers[OUT as usize] = other;
        }
        Ok(())
    }
}

fn fresh(jumper: u8) -> Chip {
    Chip { registers: [jumper, 0xff, 0, 0xff, 0, 0, 0, 0], has_pull_ups: true, ..Chip::default() }
}

fn ready(out: u8) -> Chip {
    Chip { registers: [0, out, 0, 0, 0, 0, 0, 0], ..Chip::default() }
}

fn open(
    chip: Chip,
    minor: u8,
) -> (Result<Expander, PowerError>, Arc<Mutex<Chip>>, tempfile::TempDir) {
    let (chip, dir) = (Arc::new(Mutex::new(chip)), tempfile::tempdir().unwrap());
    let version = Version { major: 2, minor };
    let fake = Box::new(Fake(Arc::clone(&chip)));
    (Expander::new(fake, version, dir.path().join("lock"), vec![]), chip, dir)
}

fn log(chip: &Mutex<Chip>) -> Vec<(u8, Option<u8>)> {
    std::mem::take(&mut chip.lock().unwrap().log)
}

#[test]
fn a_chip_that_somebody_set_up_is_not_written_to() {
    let (hat, chip, _dir) = open(ready(0b0010_0101), 5);
    let mut hat = hat.unwrap();
    assert_eq!(hat.read(1).unwrap(), State::On);
    assert_eq!(hat.read(2).unwrap(), State::Off);
    hat.switch(3, true).unwrap();
    let reads = [(DIR, None), (IN, None), (IN, None), (OUT, None)];
    assert_eq!(log(&chip), reads, "not even an order for what is so already writes");
}

#[test]
fn a_fresh_chip_keeps_what_the_jumper_says_and_outputs_come_before_directions() {
    let begin = [(DIR, None), (DIR, None), (PULL_UP, None), (IN, None)];
    for (jumper, minor, out) in [(0xff, 5, 0x1f), (0, 5, 0x10), (0, 0, 0x30), (0x07, 4, 0x10)] {
        let (hat, chip, _dir) = open(fresh(jumper), minor);
        hat.unwrap();
        let end = [(OUT, Some(out)), (PULL_UP, Some(0)), (DIR, Some(0))];
        assert_eq!(log(&chip), [&begin[..], &end[..]].concat(), "{jumper:#x} 2.{minor}");
    }
}

#[test]
fn a_chip_without_pull_ups_is_set_up_without_them() {
    let (hat, chip, _dir) = open(Chip { has_pull_ups: false, ..fresh(0xff) }, 5);
    hat.unwrap();
    let writes: Vec<_> = log(&chip).into_iter().filter(|(_, value)| value.is_some()).collect();
    assert_eq!(writes, [(OUT, Some(0x1f)), (DIR, Some(0))]);
}

#[test]
fn an_order_changes_one_bit_and_a_lost_write_is_repeated() {
    let (hat, chip, _dir) = open(ready(0b1101_0001), 5);
    let mut hat = hat.unwrap();
    log(&chip);
    chip.lock().unwrap().lost_writes = 1;
    hat.switch(2, true).unwrap();
    let (read, write) = ((OUT, None), (OUT, Some(0b1101_0011)));
    assert_eq!(log(&chip), [read, write, read, write, read]);
    chip.lock().unwrap().lost_writes = 99;
    let refused = hat.switch(1, false).unwrap_err();
    assert!(refused.to_string().contains("does not keep"), "{refused}");
    assert_eq!(log(&chip).len(), 1 + 2 * TRIES);
}

#[test]
fn what_another_program_wrote_meanwhile_is_kept() {
    let (hat, chip, _dir) = open(ready(0), 5);
    let mut hat = hat.unwrap();
    chip.lock().unwrap().other_writes = Some(0b1000);
    hat.switch(1, true).unwrap();
    assert_eq!(chip.lock().unwrap().registers[OUT as usize], 0b1001);
}

#[test]
fn a_dead_bus_and_a_held_lock_are_errors_and_change_nothing() {
    let (hat, chip, dir) = open(ready(1), 5);
    let mut hat = hat.unwrap();
    log(&chip);
    let other = File::create(dir.path().join("lock")).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    assert!(hat.switch(2, true).is_err());
    assert_eq!(log(&chip), []);
    drop(other);
    chip.lock().unwrap().broken = true;
    let failed = hat.switch(2, true).unwrap_err();
    let PowerError::Io { source, .. } = failed else { panic!("{failed}") };
    assert_eq!(source.raw_os_error(), Some(NO_ANSWER));
    assert!(open(Chip { broken: true, ..ready(0) }, 5).0.is_err());
}
