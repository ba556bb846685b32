//! What a guest logs: the last bytes of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps the last bytes and counts those that fell out. Clones share one log.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Mutex<Ring>>);

#[derive(Debug)]
struct Ring {
    kept: VecDeque<u8>,
    bytes_max: usize,
    bytes_dropped: u64,
}

impl Log {
    pub(crate) fn new(bytes_max: u32) -> Self {
        let bytes_max = bytes_max as usize;
        Self(Arc::new(Mutex::new(Ring { kept: VecDeque::new(), bytes_max, bytes_dropped: 0 })))
    }

    /// Adds bytes as they are.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut ring = self.ring();
        let bytes_max = ring.bytes_max;
        let skipped = bytes.len().saturating_sub(bytes_max);
        let fresh = &bytes[skipped..];
        let too_many = (ring.kept.len() + fresh.len()).saturating_sub(bytes_max);
        ring.kept.drain(..too_many);
        ring.bytes_dropped += (skipped + too_many) as u64;
        ring.kept.extend(fresh);
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
        let ring = self.ring();
        let bytes: Vec<u8> = ring.kept.iter().copied().collect();
        let first = if ring.bytes_dropped == 0 {
            0
        } else {
            bytes.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1)
        };
        clean(&String::from_utf8_lossy(&bytes[first..]))
    }

    pub(crate) fn bytes_dropped(&self) -> u64 {
        self.ring().bytes_dropped
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
