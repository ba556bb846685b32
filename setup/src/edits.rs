//! Changes to files that belong to the system: what stands in them stays.

/// What is to be changed in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// `/etc/hostname` says this and nothing else.
    Hostname(String),
    /// In `/etc/hosts`, `127.0.1.1` is first of all this name.
    Hosts(String),
    /// The board's `config.txt` has these lines, whatever board it is.
    ConfigTxt(Vec<String>),
    /// The kernel's command line has these words.
    CmdlineTxt(Vec<String>),
}

/// Why a file cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It must be there already.
    #[error("it is not there: is this a Raspberry Pi's card, and its first partition mounted?")]
    Missing,
    /// Without the word `root=` it is no command line, and the board would not start.
    #[error("its first line names no root=: this is no kernel command line that a board starts by")]
    NoRoot,
}

const BEGIN: &str = "# bramble setup: begin";
const END: &str = "# bramble setup: end";

impl Edit {
    /// The text that there is to be, from the text that there is. Doing it twice is doing it once.
    ///
    /// # Errors
    /// When the file must be there and is not, or is not what it should be.
    pub fn apply(&self, old: Option<&str>) -> Result<String, EditError> {
        match self {
            Self::Hostname(name) => Ok(format!("{name}\n")),
            Self::Hosts(name) => Ok(hosts(old.unwrap_or_default(), name)),
            Self::ConfigTxt(lines) => Ok(config(old.ok_or(EditError::Missing)?, lines)),
            Self::CmdlineTxt(words) => cmdline(old.ok_or(EditError::Missing)?, words),
        }
    }

    /// What it does, for people.
    pub fn told(&self) -> String {
        match self {
            Self::Hostname(name) => format!("the host name becomes {name}"),
            Self::Hosts(name) => format!("127.0.1.1 is called {name}"),
            Self::ConfigTxt(lines) => format!("added, for all boards: {}", lines.join(", ")),
            Self::CmdlineTxt(words) => format!("added to the one line: {}", words.join(" ")),
        }
    }
}

/// The old names of the machine stay behind the new one: something may still ask for them.
fn hosts(old: &str, name: &str) -> String {
    let mut new = String::with_capacity(old.len() + name.len() + 16);
    let mut found = false;
    for line in old.split_inclusive('\n') {
        let mut words = line.split_whitespace();
        if found || words.next() != Some("127.0.1.1") {
            new.push_str(line);
            continue;
        }
        found = true;
        if words.next() == Some(name) {
            new.push_str(line);
        } else {
            let rest = line.trim_start().trim_start_matches("127.0.1.1");
            new.push_str(&format!("127.0.1.1\t{name}{rest}"));
        }
    }
    if !found {
        end_line(&mut new);
        new.push_str(&format!("127.0.1.1\t{name}\n"));
    }
    new
}

/// Lines between two marks, replaced where they are and otherwise added at the end. They count for
/// every board, whatever section was open before.
fn config(old: &str, lines: &[String]) -> String {
    let block = format!("{BEGIN}\n[all]\n{}\n{END}\n", lines.join("\n"));
    let all: Vec<&str> = old.split_inclusive('\n').collect();
    if let Some((begin, end)) = marked(&all) {
        return [&all[..begin].concat(), &block, &all[end + 1..].concat()]
            .map(String::as_str)
            .concat();
    }
    if lines.iter().all(|line| has_for_all(&all, line)) {
        return old.to_owned();
    }
    let mut new = old.to_owned();
    end_line(&mut new);
    new + &block
}

/// First and last line of what bramble wrote. A mark without its other half is somebody's remark.
fn marked(lines: &[&str]) -> Option<(usize, usize)> {
    let mut begin = None;
    for (index, line) in lines.iter().enumerate() {
        match (line.trim(), begin) {
            (BEGIN, _) => begin = Some(index),
            (END, Some(begin)) => return Some((begin, index)),
            _ => {}
        }
    }
    None
}

/// Whether a line stands where it counts for every board.
fn has_for_all(lines: &[&str], wanted: &str) -> bool {
    let mut for_all = true;
    for line in lines.iter().map(|line| line.trim()) {
        if line.starts_with('[') {
            for_all = line == "[all]";
        } else if for_all && line == wanted {
            return true;
        }
    }
    false
}

/// The firmware reads the first line only, so words go to its end and never on a line of their own.
/// A later word outweighs an earlier one with the same key.
fn cmdline(old: &str, words: &[String]) -> Result<String, EditError> {
    let split = old.find('\n').unwrap_or(old.len());
    let (line, rest) = old.split_at(split);
    if !line.split_whitespace().any(|word| word.starts_with("root=")) {
        return Err(EditError::NoRoot);
    }
    let mut new = line.trim_end().to_owned();
    for word in words {
        if !line.split_whitespace().any(|there| there == word) {
            new.push(' ');
            new.push_str(word);
        }
    }
    if new.len() == line.trim_end().len() {
        return Ok(old.to_owned());
    }
    Ok(new + rest)
}

/// Ends the last line where somebody's editor did not.
fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}
