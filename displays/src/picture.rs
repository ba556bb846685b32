//! What a display of 128x64 dots shows: everything on one page, in letters of 8x8 dots.

use font8x8::legacy::BASIC_LEGACY;

use crate::letters::Letters;
use crate::lines::{Size, Style, watts};
use crate::shown::Shown;
use crate::words::Language;

/// Dots in a row.
pub const WIDTH: usize = 128;
/// Rows of dots.
pub const HEIGHT: usize = 64;
/// Dots of a letter, both ways.
const LETTER: usize = 8;
const COLUMNS: usize = WIDTH / LETTER;
/// Rows of letters.
const ROWS: usize = HEIGHT / LETTER;

/// A picture, as such displays keep it: eight bands of 128 bytes, of which each is eight dots one
/// below the other, the lowest bit on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    bytes: Box<[u8; WIDTH * ROWS]>,
}

impl Picture {
    /// Nothing.
    pub fn blank() -> Self {
        Self { bytes: Box::new([0; WIDTH * ROWS]) }
    }

    /// What is to be shown. The address is another one on each page, if there are several.
    pub fn of(shown: &Shown, language: Language, page: u64) -> Self {
        let size = Size { columns: COLUMNS, rows: ROWS };
        let style = Style { size, letters: Letters::Ascii, language };
        let words = language.words();
        let mut picture = Self::blank();
        let count = shown.addresses.len().max(1) as u64;
        match shown.addresses.get((page % count) as usize) {
            Some(address) => picture.write(0, &style.address(address)),
            None => picture.write(0, &style.text(words.no_network)),
        }
        picture.write(1, &style.summary(shown));
        if let Some(code) = &shown.class_code {
            picture.write(2, &style.text(words.class_code));
            picture.write(3, &style.text(code));
            picture.invert(3);
        }
        if let Some(job) = &shown.running {
            picture.write(4, &style.text(&job.name));
            picture.bar(5, job.done_permille);
        }
        if let Some(power) = shown.power {
            let source = words.source(power.source);
            picture.write(6, &style.text(&format!("{} {source}", watts(power))));
        }
        if let Some(alarm) = &shown.alarm {
            picture.write(7, &style.text(alarm));
            picture.invert(7);
        }
        picture
    }

    /// Whether a dot is lit, counted from the upper left corner; those outside are not.
    pub fn is_lit(&self, x: usize, y: usize) -> bool {
        x < WIDTH && y < HEIGHT && self.bytes[y / LETTER * WIDTH + x] >> (y % LETTER) & 1 == 1
    }

    /// The eight bands, from top to bottom.
    pub fn bands(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(WIDTH)
    }

    /// A row of letters, which are ASCII; what does not fit is left out.
    fn write(&mut self, row: usize, text: &[u8]) {
        for (column, letter) in text.iter().take(COLUMNS).enumerate() {
            let Some(dots) = BASIC_LEGACY.get(usize::from(*letter)) else { continue };
            // The font has a byte for each row, the leftmost dot in the lowest bit.
            for (y, line) in dots.iter().enumerate() {
                for x in 0..LETTER {
                    let band = &mut self.bytes[row * WIDTH + column * LETTER + x];
                    *band |= (line >> x & 1) << y;
                }
            }
        }
    }

    /// A row as wide as the picture, filled as far as something is done.
    fn bar(&mut self, row: usize, permille: u32) {
        const FRAME: u8 = 0b0100_0010;
        const SIDE: u8 = 0b0111_1110;
        let done = (WIDTH - 4) * permille.min(1000) as usize / 1000;
        for x in 0..WIDTH {
            let is_side = x == 0 || x == WIDTH - 1;
            let is_done = (2..2 + done).contains(&x);
            let inside = if is_done { 0b0001_1000 } else { 0 };
            self.bytes[row * WIDTH + x] = if is_side { SIDE } else { FRAME | inside };
        }
    }

    /// Dark letters on a lit row.
    fn invert(&mut self, row: usize) {
        for band in &mut self.bytes[row * WIDTH..(row + 1) * WIDTH] {
            *band = !*band;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shown::{ClusterPower, JobCounts, NodeCounts, RunningJob};
    use bramble_protocol::board::PowerSource;

    /// Reads a row of letters, upright or inverted, as the eye does.
    fn read(picture: &Picture, row: usize) -> String {
        let letter = |column: usize| {
            let dots: Vec<u8> = (0..LETTER)
                .map(|y| {
                    let lit = |x| picture.is_lit(column * LETTER + x, row * LETTER + y);
                    (0..LETTER).map(|x| u8::from(lit(x)) << x).sum()
                })
                .collect();
            let inverted: Vec<u8> = dots.iter().map(|line| !line).collect();
            let is = |code: &u8| {
                let own = BASIC_LEGACY[usize::from(*code)];
                own[..] == dots[..] || own[..] == inverted[..]
            };
            (b' '..b'~').find(is).map_or('#', char::from)
        };
        (0..COLUMNS).map(letter).collect::<String>().trim_end().to_owned()
    }

    fn rows(picture: &Picture) -> Vec<String> {
        (0..ROWS).map(|row| read(picture, row)).collect()
    }

    fn shown() -> Shown {
        Shown {
            addresses: vec!["192.168.1.20:8420".into(), "bramble.local".into()],
            class_code: Some("FERN-42".into()),
            nodes: NodeCounts { here: 3, all: 4, hot: 0, lost: 1 },
            hottest_millicelsius: Some(61_000),
            jobs: JobCounts { running: 1, waiting: 1 },
            running: Some(RunningJob { name: "merge-sort".into(), done_permille: 500 }),
            alarm: Some("p3 under-voltage".into()),
            power: Some(ClusterPower { milliwatts: 12_340, source: PowerSource::Estimated }),
        }
    }

    #[test]
    fn everything_stands_on_one_page() {
        let picture = Picture::of(&shown(), Language::English, 0);
        let bar = "#".repeat(COLUMNS);
        let expected = [
            "192.168.1.20",
            "3/4 up 1lost 61C",
            "Class code",
            "FERN-42",
            "merge-sort",
            &bar,
            "12.3 W estimated",
            "p3 under-voltage",
        ];
        assert_eq!(rows(&picture), expected);
        assert!(picture.is_lit(0, 56), "an alarm is inverted");
        let russian = rows(&Picture::of(&shown(), Language::Russian, 1));
        assert_eq!(russian[..3], ["bramble.local", "3/4 vkl 1net 61C", "Kod klassa"]);
        assert_eq!(russian[6], "12.3 W otsenka");
    }

    #[test]
    fn the_bar_is_as_full_as_the_job() {
        let filled = |permille| {
            let job = RunningJob { name: String::new(), done_permille: permille };
            let shown = Shown { running: Some(job), ..Shown::default() };
            let picture = Picture::of(&shown, Language::English, 0);
            (0..WIDTH).filter(|x| picture.is_lit(*x, 44)).count() - 2
        };
        assert_eq!([0, 500, 1000, 5000].map(filled), [0, 62, 124, 124]);
    }

    #[test]
    fn nothing_at_all_can_be_shown() {
        let picture = Picture::of(&Shown::default(), Language::English, u64::MAX);
        assert_eq!(rows(&picture)[..3], ["no network", "no nodes yet", ""]);
        assert!(!picture.is_lit(WIDTH, 0) && !picture.is_lit(0, HEIGHT));
    }
}
