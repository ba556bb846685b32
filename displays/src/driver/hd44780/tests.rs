//! What goes over the wires, and what a display makes of it.

use proptest::prelude::*;

use super::super::i2c::fake::{FakeI2c, Sent};
use super::*;
use crate::letters::Letters;
use crate::lines::Size;
use crate::shown::{JobCounts, NodeCounts};
use crate::words::Language;

/// What an HD44780 does with what its pins get.
#[derive(Debug)]
struct Glass {
    cells: [u8; 128],
    at: usize,
    is_four_bits: bool,
    half: Option<u8>,
    before: u8,
    is_lit: bool,
}

impl Glass {
    fn new() -> Self {
        let cells = [b'#'; 128];
        Self { cells, at: 0, is_four_bits: false, half: None, before: 0, is_lit: false }
    }

    fn see(&mut self, sent: &[Sent]) {
        for sent in sent {
            if let Sent::Byte(pins) = sent {
                assert_eq!(pins & 2, 0, "it is never read from");
                if self.before & E != 0 && pins & E == 0 {
                    self.take(self.before & 0xf0, self.before & RS);
                }
                self.before = *pins;
                self.is_lit = pins & BACKLIGHT != 0;
            }
        }
    }

    /// With each fall of E. In eight bits the four lower lines, which are not wired, count as 0.
    fn take(&mut self, bits: u8, register: u8) {
        match self.half.take() {
            _ if !self.is_four_bits => self.obey(bits, register),
            None => self.half = Some(bits),
            Some(upper) => self.obey(upper | bits >> 4, register),
        }
    }

    fn obey(&mut self, byte: u8, register: u8) {
        if register == RS {
            self.cells[self.at] = byte;
            self.at = (self.at + 1) % self.cells.len();
        } else if byte & PLACE != 0 {
            self.at = usize::from(byte & 0x7f);
        } else if matches!(byte, 0x20..0x40) {
            self.is_four_bits = byte < 0x30;
        } else if byte == CLEAR {
            self.cells = [b' '; 128];
            self.at = 0;
        }
    }

    fn row(&self, start: usize, columns: usize) -> String {
        self.cells[start..start + columns].iter().map(|byte| char::from(*byte)).collect()
    }
}

fn display(size: Size) -> Hd44780<FakeI2c> {
    let style = Style { size, letters: Letters::A00, language: Language::English };
    Hd44780::new(FakeI2c::default(), LcdSettings { style, has_backlight: true })
}

fn shown(jobs: u32) -> Shown {
    Shown {
        addresses: vec!["192.168.1.20:8420".into()],
        nodes: NodeCounts { here: 4, all: 4, ..NodeCounts::default() },
        hottest_millicelsius: Some(61_400),
        jobs: JobCounts { running: jobs, waiting: 0 },
        ..Shown::default()
    }
}

fn at(ms: u64) -> Moment {
    Moment::from(Duration::from_millis(ms))
}

/// A half with the backlight on.
fn half(bits: u8, register: u8) -> Vec<Sent> {
    let pins = bits | register | BACKLIGHT;
    [pins, pins | E, pins].map(Sent::Byte).to_vec()
}

fn byte(byte: u8, register: u8) -> Vec<Sent> {
    [half(byte & 0xf0, register), half(byte << 4, register)].concat()
}

#[test]
fn it_is_reset_as_the_data_sheet_says() {
    let mut display = display(Size::SMALL);
    display.show(&shown(2), at(0)).unwrap();
    let wait = |micros| vec![Sent::Wait(Duration::from_micros(micros))];
    let expected = [
        wait(50_000),
        half(0x30, 0),
        wait(5_000),
        half(0x30, 0),
        wait(200),
        half(0x30, 0),
        wait(200),
        half(0x20, 0),
        wait(200),
        byte(0x28, 0),
        byte(0x0c, 0),
        byte(0x06, 0),
        byte(0x01, 0),
        wait(2_000),
        byte(0x80, 0),
        byte(b'1', RS),
    ]
    .concat();
    assert_eq!(display.bus.sent[..expected.len()], expected);
    assert_eq!(display.bus.sent[1..4], [0x38, 0x3c, 0x38].map(Sent::Byte), "RS 0, E up and down");
    let last = &display.bus.sent[expected.len() - 6..expected.len()];
    assert_eq!(last, [0x39, 0x3d, 0x39, 0x19, 0x1d, 0x19].map(Sent::Byte), "`1`, with RS 1");
}

#[test]
fn only_what_changed_is_sent() {
    let mut display = display(Size::SMALL);
    display.show(&shown(2), at(0)).unwrap();
    display.bus.taken();
    display.show(&shown(2), at(1000)).unwrap();
    assert_eq!(display.bus.taken(), []);
    display.show(&shown(3), at(2000)).unwrap();
    // `4/4 up 61C 2job`: the 2 is the twelfth character of the second row.
    assert_eq!(display.bus.taken(), [byte(0x80 + 0x40 + 11, 0), byte(b'3', RS)].concat());
}

#[test]
fn four_rows_go_where_the_glass_has_them() {
    let mut display = display(Size::LARGE);
    let job = crate::RunningJob { name: "merge-sort".into(), done_permille: 500 };
    display.show(&Shown { running: Some(job), ..shown(2) }, at(0)).unwrap();
    let mut glass = Glass::new();
    glass.see(&display.bus.sent);
    assert_eq!(glass.row(0x00, 20), "192.168.1.20:8420   ");
    assert_eq!(glass.row(0x40, 20), "4/4 up 61C 2job     ");
    assert_eq!(glass.row(0x14, 20), "merge-sort          ");
    assert_eq!(glass.row(0x54, 20), "ÿÿÿÿÿÿÿ--------  50%", "0xff is the full block");
}

#[test]
fn a_display_that_lost_a_half_comes_right_again_by_itself() {
    let mut display = display(Size::SMALL);
    display.show(&shown(2), at(0)).unwrap();
    let mut glass = Glass::new();
    glass.see(&display.bus.taken());
    // Somebody touched a wire: from now on the halves are exchanged.
    glass.take(0x00, 0);
    display.show(&shown(3), at(4_000)).unwrap();
    glass.see(&display.bus.taken());
    assert_ne!(glass.row(0x40, 15), "4/4 up 61C 3job");
    display.show(&shown(3), at(PAGES_BETWEEN_RESETS * 4_000)).unwrap();
    glass.see(&display.bus.taken());
    assert_eq!(glass.row(0x40, 15), "4/4 up 61C 3job");
}

#[test]
fn it_says_goodbye_and_goes_dark() {
    let mut display = display(Size::SMALL);
    display.show(&shown(2), at(0)).unwrap();
    display.off().unwrap();
    let mut glass = Glass::new();
    glass.see(&display.bus.sent);
    assert_eq!(
        (glass.row(0, 16), glass.row(0x40, 16)),
        ("bramble is off  ".into(), " ".repeat(16))
    );
    assert!(!glass.is_lit);
}

proptest! {
    #[test]
    fn wherever_the_bus_fails_a_display_that_is_opened_anew_is_right(
        fails_after in 0usize..600, jobs in 0u32..30,
    ) {
        let mut glass = Glass::new();
        let mut first = display(Size::SMALL);
        first.bus.fails_after = Some(fails_after);
        let _ = first.show(&shown(jobs), at(0));
        glass.see(&first.bus.sent);
        let mut second = display(Size::SMALL);
        second.show(&shown(jobs), at(30_000)).unwrap();
        glass.see(&second.bus.sent);
        let summary = format!("{:<16}", format!("4/4 up 61C {jobs}job"));
        prop_assert_eq!(glass.row(0x40, 16), summary);
    }
}
