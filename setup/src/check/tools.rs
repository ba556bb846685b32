//! How each tool is asked, and what its answers mean.

use std::fs;
use std::path::Path;

use super::tool::{self, Said, ToolError};
use super::{Scratch, Verdict};
use crate::plan::{Checker, Contents, Planned};

/// A tool's words are shown up to here, in characters.
const SHOWN_MAX: usize = 2000;

/// Has a file checked by its tool.
pub(super) fn check(scratch: &Scratch, file: &Planned) -> Verdict {
    let Contents::Whole(text) = &file.contents else {
        return Verdict::NotChecked { why: "it has no text of its own".into() };
    };
    let copy = scratch.copy_of(&file.path);
    let path = copy.to_string_lossy();
    match file.checked_by {
        Checker::Nft => nft(scratch, &path),
        Checker::Dnsmasq => {
            quiet(scratch, "dnsmasq", &["--test", "-C", &path], &["dnsmasq: syntax check OK."])
        }
        Checker::Nmcli => nmcli(scratch, &copy, text),
        Checker::SystemdAnalyze => units(scratch, &copy, text),
        Checker::Sysusers => {
            let root = format!("--root={}", scratch.dir().display());
            sysusers(scratch, &["--dry-run", &root, &path])
        }
        Checker::Tmpfiles => tmpfiles(scratch, &path),
        Checker::Chronyd => chronyd(scratch, &path),
        Checker::Sshd => sshd(scratch, &path),
        Checker::Ssh => ssh(scratch, &path),
        Checker::Udevadm => udev(scratch, &path, text),
        Checker::Shell => quiet(scratch, "sh", &["-n", &path], &[]),
        Checker::Own(_) => Verdict::NotChecked { why: "no tool reads it".into() },
    }
}

fn said(
    scratch: &Scratch,
    name: &str,
    args: &[&str],
    judge: impl FnOnce(&Said) -> Option<String>,
) -> Verdict {
    judged(name, tool::run(scratch.dir(), name, args, None, &[]), judge)
}

/// The judge returns what is wrong.
fn judged(
    name: &str,
    said: Result<Said, ToolError>,
    judge: impl FnOnce(&Said) -> Option<String>,
) -> Verdict {
    let by = name.to_owned();
    match said {
        Err(error) => Verdict::NotChecked { why: error.to_string() },
        Ok(said) => match judge(&said) {
            None => Verdict::Passed { by },
            Some(wrong) => Verdict::Failed { by, output: wrong.chars().take(SHOWN_MAX).collect() },
        },
    }
}

/// What is wrong where a good answer is 0 and no words but these.
fn complaint(said: &Said, fine: &[&str]) -> Option<String> {
    let all = said.all();
    let words: Vec<&str> = all.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let bad: Vec<&str> = words.iter().copied().filter(|line| !fine.contains(line)).collect();
    if !bad.is_empty() {
        return Some(bad.join("\n"));
    }
    (!said.good).then(|| "it failed without a word".to_owned())
}

fn quiet(scratch: &Scratch, name: &str, args: &[&str], fine: &[&str]) -> Verdict {
    said(scratch, name, args, |said| complaint(said, fine))
}

/// Even a check asks the kernel, which answers root alone.
fn nft(scratch: &Scratch, path: &str) -> Verdict {
    if !rustix::process::geteuid().is_root() {
        return Verdict::NotChecked { why: "nft answers root alone".into() };
    }
    let said = tool::run(scratch.dir(), "nft", &["-c", "-f", path], None, &[]);
    if let Ok(said) = &said
        && said.stderr.contains("Operation not permitted")
    {
        return Verdict::NotChecked { why: "the kernel lets nft see no tables here".into() };
    }
    judged("nft", said, |said| complaint(said, &[]))
}

/// nmcli drops keys that it does not know without a word, so each line has to come back.
fn nmcli(scratch: &Scratch, copy: &Path, text: &str) -> Verdict {
    // Something has to be changed: its name becomes what it is.
    let id = text.lines().find_map(|line| line.strip_prefix("id=")).unwrap_or("bramble");
    let args = ["--offline", "connection", "modify", "connection.id", id];
    let said = tool::run(scratch.dir(), "nmcli", &args, Some(copy), &[]);
    if let Ok(said) = &said
        && said.stderr.contains("'--offline'")
    {
        return Verdict::NotChecked { why: "this nmcli cannot check offline".into() };
    }
    judged("nmcli", said, |said| {
        if !said.good || !said.stderr.trim().is_empty() {
            return Some(said.all());
        }
        let is_setting = |line: &&str| line.contains('=') && !line.starts_with('#');
        let known: Vec<&str> = said.stdout.lines().map(str::trim).collect();
        let lost: Vec<&str> =
            text.lines().filter(is_setting).filter(|line| !known.contains(line)).collect();
        (!lost.is_empty()).then(|| format!("it does not know: {}", lost.join(", ")))
    })
}

/// Warnings are printed, and the tool ends with 0 all the same: any word is a failure. Programs that
/// are not installed yet are replaced in the copy by one that is there.
fn units(scratch: &Scratch, copy: &Path, text: &str) -> Verdict {
    let stand_in = tool::find("true").map_or_else(String::new, |path| path.display().to_string());
    let mut with = String::with_capacity(text.len());
    for line in text.lines() {
        let program = ["ExecStart=", "ExecStop=", "ExecReload="]
            .iter()
            .find_map(|key| line.strip_prefix(key))
            .and_then(|command| command.split(' ').next());
        match program {
            Some(program) if !Path::new(program).exists() => {
                with.push_str(&line.replacen(program, &stand_in, 1));
            }
            _ => with.push_str(line),
        }
        with.push('\n');
    }
    if let Err(error) = fs::write(copy, with) {
        return Verdict::NotChecked { why: format!("its copy cannot be written: {error}") };
    }
    // The system's own units stay in view behind ours, but not those that are installed by hand,
    // among which older ones of ours may be.
    let ours = copy.parent().unwrap_or(scratch.dir()).display();
    let dirs =
        format!("{ours}:/usr/local/lib/systemd/system:/usr/lib/systemd/system:/lib/systemd/system");
    let path = copy.to_string_lossy();
    let name = "systemd-analyze";
    let args = ["verify", "--man=no", "--recursive-errors=no", &path];
    let said = tool::run(scratch.dir(), name, &args, None, &[("SYSTEMD_UNIT_PATH", &dirs)]);
    judged(name, said, |said| complaint(said, &[]))
}

fn sysusers(scratch: &Scratch, args: &[&str]) -> Verdict {
    said(scratch, "systemd-sysusers", args, |said| {
        // What it would do is told in lines that begin so.
        let told = ["Would ", "Creating user", "Creating group"];
        let bad = said
            .all()
            .lines()
            .filter(|l| !told.iter().any(|t| l.starts_with(t)))
            .fold(String::new(), |all, line| all + line + "\n");
        (!said.good || !bad.is_empty()).then(|| format!("{bad}{}", said.all()))
    })
}

fn tmpfiles(scratch: &Scratch, path: &str) -> Verdict {
    if !rustix::process::geteuid().is_root() {
        return Verdict::NotChecked {
            why: "systemd-tmpfiles can give files away as root alone".into(),
        };
    }
    let root = scratch.dir().join("tmpfiles");
    if let Err(error) = fs::create_dir_all(&root) {
        return Verdict::NotChecked { why: format!("there is no scratch root: {error}") };
    }
    let root = format!("--root={}", root.display());
    quiet(scratch, "systemd-tmpfiles", &["--create", &root, path], &[])
}

/// `-p` prints the configuration as it was read.
fn chronyd(scratch: &Scratch, path: &str) -> Verdict {
    said(scratch, "chronyd", &["-p", "-f", path], |said| {
        (!said.good || !said.stderr.trim().is_empty()).then(|| said.all())
    })
}

/// Keys and a directory of the running service are looked for after the file has been read well.
fn sshd(scratch: &Scratch, path: &str) -> Verdict {
    said(scratch, "sshd", &["-t", "-f", path], |said| {
        let fine =
            ["sshd: no hostkeys available -- exiting.", "Missing privilege separation directory"];
        let is_fine =
            |line: &&str| line.is_empty() || fine.iter().any(|fine| line.starts_with(fine));
        let all = said.all();
        let bad: Vec<&str> = all.lines().map(str::trim).filter(|line| !is_fine(line)).collect();
        let silent_failure = !said.good && all.is_empty();
        (!bad.is_empty() || silent_failure).then(|| bad.join("\n"))
    })
}

fn ssh(scratch: &Scratch, path: &str) -> Verdict {
    said(scratch, "ssh", &["-G", "-T", "-F", path, "node.example"], |said| {
        (!said.good || !said.stderr.trim().is_empty()).then(|| said.all())
    })
}

/// `verify` came with systemd 254. Before, bramble looks at the form itself.
fn udev(scratch: &Scratch, path: &str, text: &str) -> Verdict {
    let said = tool::run(scratch.dir(), "udevadm", &["verify", path], None, &[]);
    let why_own = match &said {
        Err(error) => Some(error.to_string()),
        Ok(said) if said.stderr.contains("Unknown command verb") => {
            Some("this udevadm cannot check rules".to_owned())
        }
        Ok(_) => None,
    };
    match why_own {
        Some(why) => super::own::udev_rules(text, &why),
        None => judged("udevadm", said, |said| (!said.good).then(|| said.all())),
    }
}
