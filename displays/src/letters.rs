//! Texts in the characters that a display has.

use unicode_normalization::char::decompose_canonical;

/// A character set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Letters {
    /// What all character displays have in common: ASCII without `\` and `~`, which some of them
    /// show as a yen sign and an arrow.
    Ascii,
    /// The HD44780 with ROM A00, table 4 of its data sheet: most displays that are sold.
    #[default]
    A00,
}

/// Characters of the ROM A00 beyond those that are in all sets.
const A00: [(char, u8); 14] = [
    ('→', 0x7e),
    ('←', 0x7f),
    ('°', 0xdf),
    ('ä', 0xe1),
    ('ß', 0xe2),
    ('µ', 0xe4),
    ('ñ', 0xee),
    ('ö', 0xef),
    ('Ω', 0xf4),
    ('ü', 0xf5),
    ('Σ', 0xf6),
    ('π', 0xf7),
    ('÷', 0xfd),
    ('█', 0xff),
];

/// What characters outside of the sets become, beside those that only lose an accent.
const INSTEAD: [(char, &str); 34] = [
    ('\\', "/"),
    ('~', "-"),
    ('°', ""),
    ('ß', "ss"),
    ('æ', "ae"),
    ('Æ', "AE"),
    ('œ', "oe"),
    ('Œ', "OE"),
    ('ø', "o"),
    ('Ø', "O"),
    ('ł', "l"),
    ('Ł', "L"),
    ('đ', "d"),
    ('ı', "i"),
    ('µ', "u"),
    ('€', "EUR"),
    ('£', "GBP"),
    ('№', "No"),
    ('…', "..."),
    ('–', "-"),
    ('—', "-"),
    ('−', "-"),
    ('‘', "'"),
    ('’', "'"),
    ('“', "\""),
    ('”', "\""),
    ('«', "\""),
    ('»', "\""),
    ('·', "."),
    ('×', "x"),
    ('→', ">"),
    ('←', "<"),
    ('█', "#"),
    ('\u{a0}', " "),
];

/// Cyrillic letters, lower case, as they are heard.
const CYRILLIC: [(char, &str); 43] = [
    ('а', "a"),
    ('б', "b"),
    ('в', "v"),
    ('г', "g"),
    ('д', "d"),
    ('е', "e"),
    ('ё', "e"),
    ('ж', "zh"),
    ('з', "z"),
    ('и', "i"),
    ('й', "y"),
    ('к', "k"),
    ('л', "l"),
    ('м', "m"),
    ('н', "n"),
    ('о', "o"),
    ('п', "p"),
    ('р', "r"),
    ('с', "s"),
    ('т', "t"),
    ('у', "u"),
    ('ф', "f"),
    ('х', "kh"),
    ('ц', "ts"),
    ('ч', "ch"),
    ('ш', "sh"),
    ('щ', "shch"),
    ('ъ', ""),
    ('ы', "y"),
    ('ь', ""),
    ('э', "e"),
    ('ю', "yu"),
    ('я', "ya"),
    ('і', "i"),
    ('ї', "yi"),
    ('є', "ye"),
    ('ґ', "g"),
    ('ў', "u"),
    ('ј', "j"),
    ('љ', "lj"),
    ('њ', "nj"),
    ('ћ', "c"),
    ('џ', "dz"),
];

/// Stands for what cannot be shown.
const UNKNOWN: u8 = b'?';

impl Letters {
    /// Whether the set has this byte.
    pub fn has(self, byte: u8) -> bool {
        is_common(byte) || self == Self::A00 && A00.iter().any(|(_, own)| *own == byte)
    }

    /// A text in this set: each byte is one character of the display. What it has not is shown by
    /// what comes near, or else as `?`; control characters become spaces.
    pub fn encode(self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len());
        for c in text.chars() {
            self.push(c, &mut bytes);
        }
        bytes
    }

    fn push(self, c: char, bytes: &mut Vec<u8>) {
        if let Some(byte) = self.own(c) {
            bytes.push(byte);
        } else if let Some(text) = found(&INSTEAD, c) {
            bytes.extend(text.bytes());
        } else if push_cyrillic(c, bytes) || is_accent(c) {
            // An accent by itself is left out.
        } else if c.is_whitespace() || c.is_control() {
            bytes.push(b' ');
        } else {
            self.push_bare(c, bytes);
        }
    }

    /// A letter without its accents, if that is all it has too much.
    fn push_bare(self, c: char, bytes: &mut Vec<u8>) {
        let mut first = None;
        decompose_canonical(c, |part| {
            first.get_or_insert(part);
        });
        bytes.push(first.and_then(|bare| self.own(bare)).unwrap_or(UNKNOWN));
    }

    fn own(self, c: char) -> Option<u8> {
        let common = u8::try_from(c).ok().filter(|byte| is_common(*byte));
        let own = || A00.iter().find(|(there, _)| *there == c).map(|(_, byte)| *byte);
        common.or_else(|| own().filter(|_| self == Self::A00))
    }
}

/// Whether all displays show this byte as the character that it is in ASCII.
const fn is_common(byte: u8) -> bool {
    matches!(byte, b' '..=b'}') && byte != b'\\'
}

/// Combining marks, and what has no width at all.
const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn found(table: &[(char, &'static str)], c: char) -> Option<&'static str> {
    table.iter().find(|(there, _)| *there == c).map(|(_, text)| *text)
}

/// A capital letter of two sounds has one capital: `Щ` is `Shch`.
fn push_cyrillic(c: char, bytes: &mut Vec<u8>) -> bool {
    let lower = c.to_lowercase().next().unwrap_or(c);
    let Some(text) = found(&CYRILLIC, lower) else { return false };
    let start = bytes.len();
    bytes.extend(text.bytes());
    if lower != c && start < bytes.len() {
        bytes[start].make_ascii_uppercase();
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ascii(text: &str) -> String {
        String::from_utf8(Letters::Ascii.encode(text)).unwrap()
    }

    #[test]
    fn russian_is_shown_as_it_is_heard() {
        assert_eq!(ascii("Узлы: 4 из 4, задача «Щука»"), "Uzly: 4 iz 4, zadacha \"Shchuka\"");
        assert_eq!(ascii("объезд, ЁЛКА, чай, Київ"), "obezd, ELKA, chay, Kiyiv");
        assert_eq!(Letters::A00.encode("Привет"), b"Privet");
    }

    #[test]
    fn accents_are_left_out_where_the_display_has_none() {
        assert_eq!(ascii("Müller, façade, Åse, e\u{301}te\u{301}"), "Muller, facade, Ase, ete");
        assert_eq!(ascii("61°C → 5 € \\ ~"), "61C > 5 EUR / -");
        assert_eq!(ascii("日本 \u{1b}[2J\n"), "??  [2J ");
    }

    #[test]
    fn the_display_s_own_characters_are_used() {
        assert_eq!(Letters::A00.encode("61°C ä→█"), b"61\xdfC \xe1\x7e\xff");
        assert_eq!(Letters::A00.encode("é\\~"), b"e/-", "A00 has a yen sign and an arrow there");
    }

    proptest! {
        #[test]
        fn no_byte_is_outside_of_the_set(text in any::<String>()) {
            for letters in [Letters::Ascii, Letters::A00] {
                let bytes = letters.encode(&text);
                prop_assert!(bytes.iter().all(|byte| letters.has(*byte)), "{:x?}", bytes);
            }
        }

        #[test]
        fn what_all_displays_have_stays_as_it_is(text in "[ -\\[\\]-}]*") {
            prop_assert_eq!(ascii(&text), text);
        }
    }
}
