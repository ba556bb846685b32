//! SSD1306: displays of 128x64 dots that light up by themselves.
//!
//! Commands: data sheet of the SSD1306, revision 1.1, section 9 and the application example of its
//! charge pump. Everything goes out in blocks of at most 32 bytes, which every bus can send. The
//! crate of this name would want whole I2C messages, and brings a graphics library.

use std::time::Duration;

use super::i2c::{BLOCK_BYTES_MAX, I2c};
use super::{Driver, Moment, TEXT_PACE};
use crate::error::DisplayError;
use crate::picture::Picture;
use crate::shown::Shown;
use crate::words::Language;

/// Before commands.
const COMMANDS: u8 = 0x00;
/// Before dots.
const DOTS: u8 = 0x40;
/// The frame does not move, all 64 rows, addressed line by line, supplied by its own charge pump.
const SETUP: [u8; 20] = [
    0xae, 0xd5, 0x80, 0xa8, 0x3f, 0xd3, 0x00, 0x40, 0x8d, 0x14, 0x20, 0x00, 0xda, 0x12, 0xd9, 0xf1,
    0xdb, 0x40, 0xa4, 0xa6,
];
const UPRIGHT: [u8; 2] = [0xa1, 0xc8];
const UPSIDE_DOWN: [u8; 2] = [0xa0, 0xc0];
const CONTRAST: u8 = 0x81;
const ON: u8 = 0xaf;
const OFF: u8 = 0xae;
const COLUMNS: [u8; 3] = [0x21, 0, 127];
const BANDS: u8 = 0x22;

/// How a display is mounted and what it speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OledSettings {
    pub(crate) language: Language,
    pub(crate) percent: u8,
    pub(crate) is_upside_down: bool,
}

/// A display.
#[derive(Debug)]
pub(crate) struct Ssd1306<B> {
    bus: B,
    settings: OledSettings,
    picture: Option<Picture>,
}

impl<B: I2c> Ssd1306<B> {
    pub(crate) fn new(bus: B, settings: OledSettings) -> Self {
        Self { bus, settings, picture: None }
    }

    fn set_up(&mut self) -> Result<(), DisplayError> {
        let OledSettings { percent, is_upside_down, .. } = self.settings;
        let turn = if is_upside_down { UPSIDE_DOWN } else { UPRIGHT };
        // At most 255.
        let contrast = (u16::from(percent.min(100)) * 255 / 100) as u8;
        self.bus.send_block(COMMANDS, &SETUP)?;
        self.bus.send_block(COMMANDS, &[turn[0], turn[1], CONTRAST, contrast])
    }

    /// Sends the bands that are different. What a display shows when it is switched on is noise,
    /// so it is lit only afterwards.
    fn draw(&mut self, picture: Picture) -> Result<(), DisplayError> {
        let old = self.picture.take();
        if old.is_none() {
            self.set_up()?;
        }
        let mut was = old.as_ref().map(Picture::bands);
        for (number, band) in (0u8..).zip(picture.bands()) {
            if was.as_mut().and_then(Iterator::next) == Some(band) {
                continue;
            }
            let place = [COLUMNS[0], COLUMNS[1], COLUMNS[2], BANDS, number, number];
            self.bus.send_block(COMMANDS, &place)?;
            for dots in band.chunks(BLOCK_BYTES_MAX) {
                self.bus.send_block(DOTS, dots)?;
            }
        }
        if old.is_none() {
            self.bus.send_block(COMMANDS, &[ON])?;
        }
        self.picture = Some(picture);
        Ok(())
    }
}

impl<B: I2c> Driver for Ssd1306<B> {
    fn pace(&self) -> Duration {
        TEXT_PACE
    }

    fn show(&mut self, shown: &Shown, moment: Moment) -> Result<(), DisplayError> {
        self.draw(Picture::of(shown, self.settings.language, moment.page()))
    }

    fn off(&mut self) -> Result<(), DisplayError> {
        self.bus.send_block(COMMANDS, &[OFF])
    }
}

#[cfg(test)]
mod tests {
    use super::super::i2c::fake::{FakeI2c, Sent};
    use super::*;
    use crate::picture::WIDTH;
    use crate::shown::NodeCounts;

    /// What an SSD1306 makes of what it gets.
    #[derive(Debug)]
    struct Glass {
        bytes: Vec<u8>,
        at: usize,
        is_on: bool,
    }

    impl Glass {
        fn see(&mut self, sent: &[Sent]) {
            for sent in sent {
                match sent {
                    Sent::Block(COMMANDS, commands) => match commands[..] {
                        [0x21, 0, 127, 0x22, from, to] => {
                            assert_eq!(from, to);
                            self.at = usize::from(from) * WIDTH;
                        }
                        [ON] => self.is_on = true,
                        [OFF] => self.is_on = false,
                        _ => assert!(!self.is_on, "set up in the dark: {commands:02x?}"),
                    },
                    Sent::Block(DOTS, dots) => {
                        self.bytes[self.at..self.at + dots.len()].copy_from_slice(dots);
                        self.at += dots.len();
                    }
                    other => panic!("no SSD1306 takes {other:?}"),
                }
            }
        }
    }

    fn display() -> Ssd1306<FakeI2c> {
        let settings =
            OledSettings { language: Language::English, percent: 50, is_upside_down: false };
        Ssd1306::new(FakeI2c::default(), settings)
    }

    fn shown(here: u32) -> Shown {
        let nodes = NodeCounts { here, all: 4, ..NodeCounts::default() };
        Shown { nodes, addresses: vec!["10.0.0.1".into()], ..Shown::default() }
    }

    #[test]
    fn it_is_set_up_in_the_dark_and_shows_the_picture() {
        let mut display = display();
        display.show(&shown(4), Moment::default()).unwrap();
        assert_eq!(display.bus.sent[0], Sent::Block(0, SETUP.to_vec()));
        assert_eq!(display.bus.sent[1], Sent::Block(0, vec![0xa1, 0xc8, 0x81, 0x7f]));
        assert_eq!(display.bus.sent.len(), 2 + 8 * 5 + 1);
        let mut glass = Glass { bytes: vec![0x55; 1024], at: 0, is_on: false };
        glass.see(&display.bus.taken());
        let picture = Picture::of(&shown(4), Language::English, 0);
        assert_eq!(glass.bytes, picture.bands().flatten().copied().collect::<Vec<u8>>());
        assert!(glass.is_on);
        display.off().unwrap();
        assert_eq!(display.bus.taken(), [Sent::Block(0, vec![0xae])]);
    }

    #[test]
    fn only_bands_that_changed_are_sent() {
        let mut display = display();
        display.show(&shown(4), Moment::default()).unwrap();
        display.bus.taken();
        display.show(&shown(4), Moment::default()).unwrap();
        assert_eq!(display.bus.taken(), []);
        display.show(&shown(3), Moment::default()).unwrap();
        let sent = display.bus.taken();
        assert_eq!(sent[0], Sent::Block(0, vec![0x21, 0, 127, 0x22, 1, 1]));
        assert_eq!(sent.len(), 5, "one band of eight");
    }

    #[test]
    fn after_an_error_it_is_set_up_anew() {
        let mut display = display();
        display.show(&shown(4), Moment::default()).unwrap();
        display.bus.fails_after = Some(2);
        display.show(&shown(3), Moment::default()).unwrap_err();
        display.bus.fails_after = None;
        display.bus.taken();
        display.show(&shown(3), Moment::default()).unwrap();
        assert_eq!(display.bus.taken()[0], Sent::Block(0, SETUP.to_vec()));
    }
}
