//! The name under which a browser stores what it is sent: `Content-Disposition` of RFC 6266.

use crate::spec::printable;

/// A longer name is cut: what file systems allow, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The header's value for a file called `name`, which is shown by no browser, only stored.
///
/// Whatever the name is, nothing of it ends the quotes, names a directory or turns the text
/// around: such characters become `_`. One outside ASCII is given twice, the second time encoded
/// after RFC 8187.
pub(crate) fn attachment(name: &str) -> String {
    let name = plain(name);
    let fallback: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    // Some browsers decode these in the plain form.
    let fallback = fallback.replace('%', "_");
    if fallback == name {
        return format!("attachment; filename=\"{name}\"");
    }
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{}", encoded(&name))
}

fn plain(name: &str) -> String {
    let harmless = |c: char| match c {
        '"' | '\\' | '/' | ':' | '*' | '?' | '<' | '>' | '|' => '_',
        c => c,
    };
    let name: String = printable(name).chars().map(harmless).collect();
    let name = name.trim_matches(' ');
    let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
    if name.trim_matches('.').is_empty() { "result".into() } else { name.to_owned() }
}

/// Everything but `attr-char` of RFC 8187 in percent encoding.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_quoted_and_others_are_given_twice() {
        assert_eq!(attachment("sorted.txt"), "attachment; filename=\"sorted.txt\"");
        assert_eq!(attachment("a b;c.txt"), "attachment; filename=\"a b;c.txt\"");
        // The example of RFC 6266, section 5.
        assert_eq!(
            attachment("\u{20ac} rates"),
            "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates"
        );
        assert_eq!(
            attachment("100%.txt"),
            "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"
        );
    }

    #[test]
    fn no_name_breaks_out_of_its_quotes_or_directory() {
        for (name, expected) in [
            ("a\"; filename=\"b.exe", "a_; filename=_b.exe"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("a\\\"b", "a__b"),
            ("a\r\nSet-Cookie: x=1", "a__Set-Cookie_ x=1"),
            ("report\u{202e}txt.exe", "report_txt.exe"),
            ("..", "result"),
            ("  ", "result"),
            ("", "result"),
        ] {
            assert_eq!(
                attachment(name),
                format!("attachment; filename=\"{expected}\""),
                "{name:?}"
            );
        }
        let long = attachment(&"ж".repeat(200));
        assert_eq!(long.matches("%D0%B6").count(), NAME_BYTES_MAX / 2);
    }

    #[test]
    fn every_character_makes_a_header_that_can_be_sent_and_read_back() {
        for c in (0..0x3000u32).chain(0x1f600..0x1f610).filter_map(char::from_u32) {
            let header = attachment(&format!("a{c}b"));
            assert!(header.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{header:?}");
            assert_eq!(header.matches('"').count(), 2, "{header:?}");
            assert!(!header.contains('\\'), "{header:?}");
        }
    }
}
