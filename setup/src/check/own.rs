//! Forms that no tool checks without acting on them: bramble looks at them itself.

use bramble_protocol::join::JoinToken;

use super::Verdict;
use crate::node::is_public_key;
use crate::plan::{Contents, OwnCheck};

/// Checks a file's form.
pub(super) fn check(form: OwnCheck, contents: &Contents) -> Verdict {
    let wrong = match (form, contents) {
        // An edit is tried on what is there before anything is written.
        (OwnCheck::Edit, Contents::Edit(_)) => None,
        (OwnCheck::Token, Contents::Secret(token)) => {
            match token.expose().trim().parse::<JoinToken>() {
                Ok(_) => None,
                Err(error) => Some(error.to_string()),
            }
        }
        (form, Contents::Whole(text)) => match form {
            OwnCheck::Sysctl => each_line(text, is_sysctl),
            OwnCheck::Sections => sections(text),
            OwnCheck::Exports => each_line(text, is_export),
            OwnCheck::Xml => xml(text),
            OwnCheck::Keys => each_line(text, is_public_key),
            OwnCheck::Token | OwnCheck::Edit => Some("it is of another kind".into()),
        },
        _ => Some("it is of another kind".into()),
    };
    verdict(wrong, "bramble".into())
}

fn verdict(wrong: Option<String>, by: String) -> Verdict {
    match wrong {
        None => Verdict::Passed { by },
        Some(output) => Verdict::Failed { by, output },
    }
}

/// Lines that are neither empty nor comments, each checked.
fn each_line(text: &str, is_good: impl Fn(&str) -> bool) -> Option<String> {
    let bad = settings(text).find(|(_, line)| !is_good(line));
    bad.map(|(number, line)| format!("line {number}: {line}"))
}

fn settings(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn is_sysctl(line: &str) -> bool {
    let in_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    line.split_once('=').is_some_and(|(key, value)| {
        let (key, value) = (key.trim(), value.trim());
        key.contains('.') && key.chars().all(in_key) && !value.is_empty()
    })
}

fn sections(text: &str) -> Option<String> {
    let mut in_section = false;
    for (number, line) in settings(text) {
        if line.starts_with('[') && line.ends_with(']') && line.len() > 2 {
            in_section = true;
        } else if !in_section || line.split_once('=').is_none_or(|(key, _)| key.trim().is_empty()) {
            return Some(format!("line {number}: {line}"));
        }
    }
    (!in_section).then(|| "it has no section".to_owned())
}

/// `/dir client(option,option)`: options from those that exports(5) knows and this program uses.
fn is_export(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(dir), Some(client), None) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let Some((host, options)) = client.strip_suffix(')').and_then(|c| c.split_once('(')) else {
        return false;
    };
    let is_option = |option: &str| match option.split_once('=') {
        Some(("anonuid" | "anongid" | "fsid", value)) => value.parse::<u32>().is_ok(),
        Some(_) => false,
        None => {
            ["ro", "rw", "root_squash", "all_squash", "no_subtree_check", "sync"].contains(&option)
        }
    };
    let is_network = host.parse::<std::net::Ipv4Addr>().is_ok()
        || host.split_once('/').is_some_and(|(address, length)| {
            address.parse::<std::net::Ipv4Addr>().is_ok()
                && length.parse::<u8>().is_ok_and(|length| length <= 32)
        });
    dir.starts_with('/') && is_network && options.split(',').all(is_option)
}

/// Elements are closed in the order in which they were opened, and text holds no loose `&`.
fn xml(text: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((before, tag_on)) = rest.split_once('<') {
        if before.contains('&') && !before.contains(';') {
            return Some(format!("a loose & in `{}`", before.trim()));
        }
        let Some((tag, after)) = tag_on.split_once('>') else {
            return Some("a tag has no end".into());
        };
        rest = after;
        if tag.starts_with(['?', '!']) || tag.ends_with('/') {
            continue;
        }
        let name = tag.split_whitespace().next().unwrap_or_default();
        match name.strip_prefix('/') {
            None => open.push(name),
            Some(name) if open.pop() == Some(name) => {}
            Some(name) => {
                return Some(format!("`{name}` is closed, but was not the last one opened"));
            }
        }
    }
    open.pop().map(|name| format!("`{name}` is not closed"))
}

/// Rules of udev: keys with an operator and a value in quotes, separated by commas.
pub(super) fn udev_rules(text: &str, why: &str) -> Verdict {
    let wrong = each_line(text, |line| split_rule(line).is_some_and(|parts| parts > 1));
    verdict(wrong, format!("bramble ({why})"))
}

/// How many parts a rule has, if each is well-formed.
fn split_rule(line: &str) -> Option<usize> {
    const KEYS: [&str; 10] = [
        "SUBSYSTEM",
        "ACTION",
        "KERNEL",
        "ATTR{",
        "ATTRS{",
        "ENV{",
        "NAME",
        "SYMLINK",
        "MODE",
        "GROUP",
    ];
    let (mut rest, mut parts) = (line.trim(), 0);
    loop {
        let quote = rest.find('"')?;
        let head = &rest[..quote];
        let operator = head.find(['=', '+', '!', ':'])?;
        let (key, operator) = head.split_at(operator);
        let is_key = KEYS.iter().any(|known| match known.strip_suffix('{') {
            Some(start) => {
                key.starts_with(start) && key[start.len()..].starts_with('{') && key.ends_with('}')
            }
            None => key == *known,
        });
        if !is_key || !["==", "!=", "=", "+=", ":="].contains(&operator) {
            return None;
        }
        let value = &rest[quote + 1..];
        rest = value[value.find('"')? + 1..].trim_start();
        parts += 1;
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => return rest.is_empty().then_some(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(form: OwnCheck, text: &str) -> bool {
        check(form, &Contents::Whole(text.into())).is_failure()
    }

    #[test]
    fn what_is_malformed_is_found() {
        for (form, good, bad) in [
            (OwnCheck::Sysctl, "net.ipv4.ip_forward = 1\n", "net.ipv4.ip_forward 1\n"),
            (OwnCheck::Sections, "# x\n[Time]\nNTP=a\n", "NTP=a\n"),
            (OwnCheck::Sections, "[Time]\nNTP=a\n", "[Time]\nNTP\n"),
            (OwnCheck::Exports, "/a 10.0.0.0/8(ro,anonuid=1)\n", "/a 10.0.0.0/8 (ro)\n"),
            (OwnCheck::Exports, "/a 10.0.0.0/8(ro)\n", "/a *(rw)\n"),
            (OwnCheck::Exports, "/a 10.0.0.0/8(ro)\n", "/a 10.0.0.0/8(r0)\n"),
            (OwnCheck::Xml, "<?x?><a><b c='d'>e</b></a>", "<a><b></a></b>"),
            (OwnCheck::Xml, "<a>b &amp; c</a>", "<a>b & c</a>"),
            (OwnCheck::Xml, "<a></a>", "<a>"),
        ] {
            assert!(!fails(form, good), "{good}");
            assert!(fails(form, bad), "{bad}");
        }
    }

    #[test]
    fn rules_of_udev_are_read_part_by_part() {
        let verdict = |text: &str| udev_rules(text, "why").is_failure();
        assert!(!verdict("# x\nSUBSYSTEM==\"net\", ATTR{address}==\"00\", NAME=\"a\"\n"));
        for bad in [
            "SUBSYSTEM==\"net\" NAME=\"a\"",
            "SUBSYSTEM==\"net\", NAME=a",
            "SUBSYSTEM==\"net\", NOME=\"a\"",
            "SUBSYSTEM==\"net\", ATTR{address=\"a\"",
            "SUBSYSTEM==\"net",
            "SUBSYSTEM==\"net\"",
        ] {
            assert!(verdict(bad), "{bad}");
        }
    }
}
