//! What a guest logs: the last bytes of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// So many pieces of log a task may write at once, however fast. A piece is a call of the host's
/// `log`, or one write to standard error.
const BURST: u32 = 20_000;
/// So many more it may write each second after that.
const PIECES_PER_SECOND: u32 = 2_000;
/// Of what comes faster, so much of the end is kept, in bytes: a guest that floods its log and
/// then panics says the reason last.
const TAIL_BYTES: usize = 4 << 10;

/// Keeps the last bytes and counts those that fell out. Clones share one log.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    kept: Ring,
    /// The end of what came too fast.
    tail: Ring,
    rate: Rate,
    pieces: u64,
    pieces_dropped: u64,
    bytes_dropped: u64,
}

impl Log {
    pub(crate) fn new(bytes_max: u32) -> Self {
        let bytes_max = bytes_max as usize;
        Self(Arc::new(Mutex::new(Inner {
            kept: Ring::new(bytes_max),
            tail: Ring::new(bytes_max.min(TAIL_BYTES)),
            rate: Rate { left: BURST, refilled: Instant::now() },
            pieces: 0,
            pieces_dropped: 0,
            bytes_dropped: 0,
        })))
    }

    /// Adds bytes as they are.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut inner = self.inner();
        inner.pieces += 1;
        if inner.rate.admits(Instant::now()) {
            let lost = inner.kept.push(bytes);
            inner.bytes_dropped += lost;
        } else {
            inner.pieces_dropped += 1;
            inner.bytes_dropped += bytes.len() as u64;
            inner.tail.push(bytes);
        }
    }

    /// Adds a line.
    pub(crate) fn line(&self, level: &str, message: &str) {
        let mut line = String::with_capacity(level.len() + message.len() + 3);
        line.extend([level, ": ", message]);
        if !message.ends_with('\n') {
            line.push('\n');
        }
        self.push(line.as_bytes());
    }

    /// What is kept, as text that is safe to show: no control characters but line feeds and
    /// tabs, and without the beginning of which a part is missing.
    pub(crate) fn text(&self) -> String {
        let inner = self.inner();
        let mut text = inner.kept.text();
        if inner.pieces_dropped > 0 {
            text.push_str(&format!(
                "[{} pieces of log came too fast; the last of them:]\n{}",
                inner.pieces_dropped,
                inner.tail.text()
            ));
        }
        text
    }

    /// Bytes that are not kept.
    pub(crate) fn bytes_dropped(&self) -> u64 {
        self.inner().bytes_dropped
    }

    /// Pieces that came too fast.
    pub(crate) fn pieces_dropped(&self) -> u64 {
        self.inner().pieces_dropped
    }

    /// How often something was logged.
    pub(crate) fn pieces(&self) -> u64 {
        self.inner().pieces
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last bytes.
#[derive(Debug)]
struct Ring {
    kept: VecDeque<u8>,
    bytes_max: usize,
    is_cut: bool,
}

impl Ring {
    fn new(bytes_max: usize) -> Self {
        Self { kept: VecDeque::new(), bytes_max, is_cut: false }
    }

    /// Adds bytes, and says how many fell out for them.
    fn push(&mut self, bytes: &[u8]) -> u64 {
        let skipped = bytes.len().saturating_sub(self.bytes_max);
        let fresh = &bytes[skipped..];
        let too_many = (self.kept.len() + fresh.len()).saturating_sub(self.bytes_max);
        self.kept.drain(..too_many);
        self.kept.extend(fresh);
        self.is_cut |= skipped + too_many > 0;
        (skipped + too_many) as u64
    }

    fn text(&self) -> String {
        let bytes: Vec<u8> = self.kept.iter().copied().collect();
        let first = if self.is_cut {
            bytes.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1)
        } else {
            0
        };
        clean(&String::from_utf8_lossy(&bytes[first..]))
    }
}

/// A bucket that fills with time and is emptied by the piece.
#[derive(Debug)]
struct Rate {
    left: u32,
    refilled: Instant,
}

impl Rate {
    fn admits(&mut self, now: Instant) -> bool {
        if self.left == 0 {
            let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
            let more = (passed * f64::from(PIECES_PER_SECOND)) as u32;
            if more == 0 {
                return false;
            }
            self.left = more.min(BURST);
            self.refilled = now;
        }
        self.left -= 1;
        true
    }
}

/// Replaces control characters, which could drive the terminal that shows them.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        // Characters that reverse the direction of text could disguise what it says.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.replace("\r\n", "\n").chars().map(shown).collect()
}

/// The beginning of a text, cut at a character, with a mark when something is missing.
pub(crate) fn shorten(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_the_lost_bytes_counted() {
        let log = Log::new(12);
        log.push(b"one\ntwo\n");
        assert_eq!(log.text(), "one\ntwo\n");
        log.push(b"three\n");
        assert_eq!(log.text(), "two\nthree\n");
        assert_eq!(log.bytes_dropped(), 2);
        log.push(&[b'x'; 100]);
        assert_eq!(log.text(), "x".repeat(12));
        assert_eq!(log.bytes_dropped(), 102);
    }

    #[test]
    fn what_comes_too_fast_is_counted_and_its_end_is_kept() {
        let log = Log::new(64 << 10);
        // However slow this machine is, nothing is refilled meanwhile.
        let later = Instant::now() + std::time::Duration::from_secs(3600);
        log.inner().rate = Rate { left: BURST, refilled: later };
        for number in 0..100_000 {
            log.push(format!("{number}\n").as_bytes());
        }
        log.line("error", "the reason");
        let dropped = log.pieces_dropped();
        assert_eq!(dropped, 80_001);
        assert_eq!(log.pieces(), 100_001);
        assert!(log.text().contains(&format!("[{dropped} pieces of log came too fast")));
        assert!(log.text().ends_with("99999\nerror: the reason\n"));
        assert!(log.text().len() < 72 << 10);
    }

    #[test]
    fn a_steady_log_is_kept_whole() {
        let mut rate = Rate { left: 1, refilled: Instant::now() };
        let start = rate.refilled;
        assert!(rate.admits(start));
        assert!(!rate.admits(start));
        let later = start + std::time::Duration::from_millis(10);
        assert_eq!((0..100).filter(|_| rate.admits(later)).count(), 20);
    }

    #[test]
    fn a_log_of_nothing_keeps_nothing() {
        let log = Log::new(0);
        log.line("warn", "text");
        assert_eq!((log.text(), log.bytes_dropped()), (String::new(), 11));
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        let log = Log::new(100);
        log.push(b"a\x1b[31mb\tc\r\nd\x07\xff\n");
        assert_eq!(log.text(), "a\u{fffd}[31mb\tc\nd\u{fffd}\u{fffd}\n");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(shorten("aäb", 2), "a…");
        assert_eq!(shorten("aä", 3), "aä");
    }
}
