//! What a character display shows: one address and the state of the cluster always or often, and
//! what else there is in turn.

use crate::letters::Letters;
use crate::shown::{ClusterPower, RunningJob, Shown};
use crate::words::{Language, Words};

/// Rows and columns of a character display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Characters in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Size {
    /// Two rows of sixteen.
    pub const SMALL: Self = Self { columns: 16, rows: 2 };
    /// Four rows of twenty.
    pub const LARGE: Self = Self { columns: 20, rows: 4 };
}

/// How a display is written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How much there is room for.
    pub size: Size,
    /// In these characters.
    pub letters: Letters,
    /// In this language.
    pub language: Language,
}

/// Two rows that belong together.
type Fact = [Vec<u8>; 2];

impl Style {
    /// The rows of a page, each as long as the display is wide. Pages are counted from any number;
    /// an alarm is on every second one.
    pub fn lines(&self, shown: &Shown, page: u64) -> Vec<Vec<u8>> {
        let home = self.home(shown);
        let others = self.others(shown);
        let alarm = shown.alarm.as_deref().filter(|_| page.is_multiple_of(2));
        let alarm = alarm.map(|alarm| self.alarm(alarm));
        // With an alarm on the even pages, the odd ones are all there is for the rest.
        let page = if shown.alarm.is_some() { page / 2 } else { page };
        let facts: Vec<Fact> = if self.size.rows < 4 {
            let mut all = vec![home];
            all.extend(others);
            vec![alarm.unwrap_or_else(|| turn(all, page))]
        } else if let Some(alarm) = alarm {
            vec![home, alarm]
        } else if others.is_empty() {
            vec![home]
        } else {
            vec![home, turn(others, page)]
        };
        self.filled(facts.into_iter().flatten())
    }

    /// What is shown when the head ends.
    pub fn farewell(&self) -> Vec<Vec<u8>> {
        self.filled([self.text(self.words().off)].into_iter())
    }

    /// Where the head is, and how the cluster does.
    fn home(&self, shown: &Shown) -> Fact {
        let address = match shown.addresses.first() {
            Some(address) => self.address(address),
            None => self.text(self.words().no_network),
        };
        [address, self.summary(shown)]
    }

    /// What is shown in turn.
    fn others(&self, shown: &Shown) -> Vec<Fact> {
        let words = self.words();
        let mut facts = Vec::new();
        if let Some(code) = &shown.class_code {
            facts.push([self.text(words.class_code), self.text(code)]);
        }
        if let Some(job) = &shown.running {
            facts.push([self.text(&job.name), self.progress(job)]);
        }
        if let Some(power) = shown.power {
            facts.push([watts(power).into_bytes(), self.text(words.source(power.source))]);
        }
        for address in shown.addresses.iter().skip(1).take(ADDRESSES_MAX) {
            facts.push([self.text(words.also), self.address(address)]);
        }
        facts
    }

    /// What somebody should look at: in one row below a title, or in both.
    fn alarm(&self, alarm: &str) -> Fact {
        let mut first = self.text(alarm);
        if first.len() <= self.size.columns {
            return [self.text(self.words().alarm), first];
        }
        let is_break = |at: &usize| first[*at] == b' ';
        let end = (1..=self.size.columns).rev().find(is_break).unwrap_or(self.size.columns);
        let rest = first.split_off(end);
        [first, rest.trim_ascii_start().to_vec()]
    }

    /// As much of how the cluster does as there is room for, the most important first.
    pub(crate) fn summary(&self, shown: &Shown) -> Vec<u8> {
        let Words { up, hot, lost, jobs, no_nodes, .. } = self.words();
        let nodes = &shown.nodes;
        if nodes.all == 0 {
            return self.text(no_nodes);
        }
        let mut parts = vec![format!("{}/{} {up}", nodes.here, nodes.all)];
        if nodes.lost > 0 {
            parts.push(format!("{}{lost}", nodes.lost));
        }
        if nodes.hot > 0 {
            parts.push(format!("{}{hot}", nodes.hot));
        }
        if let Some(millicelsius) = shown.hottest_millicelsius {
            parts.push(format!("{}C", millicelsius.saturating_add(500).div_euclid(1000)));
        }
        let of_jobs = shown.jobs.running + shown.jobs.waiting;
        parts.push(format!("{of_jobs}{jobs}"));
        let mut line = Vec::new();
        for part in parts {
            let part = self.text(&part);
            let gap = usize::from(!line.is_empty());
            if line.len() + gap + part.len() <= self.size.columns {
                line.extend(std::iter::repeat_n(b' ', gap));
                line.extend(part);
            }
        }
        line
    }

    /// An address, without its port where there is no room for it.
    pub(crate) fn address(&self, address: &str) -> Vec<u8> {
        let whole = self.text(address);
        let host = address.rsplit_once(':').map(|(host, _)| host);
        // What has colons of its own, but no brackets, has no port.
        match host.filter(|host| !host.contains(':') || host.ends_with(']')) {
            Some(host) if whole.len() > self.size.columns => self.text(host),
            _ => whole,
        }
    }

    fn progress(&self, job: &RunningJob) -> Vec<u8> {
        let permille = job.done_permille.min(1000) as usize;
        let percent = format!("{:>4}%", permille / 10);
        let room = self.size.columns.saturating_sub(percent.len());
        let done = room * permille / 1000;
        let bar = "█".repeat(done) + &"-".repeat(room - done);
        self.text(&(bar + &percent))
    }

    fn words(&self) -> &'static Words {
        self.language.words()
    }

    pub(crate) fn text(&self, text: &str) -> Vec<u8> {
        // Whatever is longer than this is cut anyway.
        let start: String = text.chars().take(CHARS_MAX).collect();
        self.letters.encode(&start)
    }

    /// All rows of the display, whether there is something for them or not.
    fn filled(&self, lines: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = lines.take(self.size.rows).collect();
        lines.resize(self.size.rows, Vec::new());
        for line in &mut lines {
            line.resize(self.size.columns, b' ');
        }
        lines
    }
}

/// The most addresses beside the first that are shown.
const ADDRESSES_MAX: usize = 3;
/// The most characters of a text that are looked at.
const CHARS_MAX: usize = 64;

/// What the cluster draws, as a figure.
pub(crate) fn watts(power: ClusterPower) -> String {
    let tenths = power.milliwatts.saturating_add(50) / 100;
    format!("{}.{} W", tenths / 10, tenths % 10)
}

/// The one whose turn it is. There is at least one.
fn turn(mut facts: Vec<Fact>, page: u64) -> Fact {
    let index = page % facts.len() as u64;
    facts.swap_remove(index as usize)
}
