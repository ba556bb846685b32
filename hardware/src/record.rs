//! Packs the files that are read of a board, so that an odd board becomes a test.
//!
//! Only what is on the list below is taken, and of that nothing that tells whose board it is:
//! serial numbers and hardware addresses are replaced by made-up ones, of mounts only those that
//! count are kept, under names of our own and without the machines and directories behind them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::board::Watched;
use crate::calls::{self, Calls, Live, Recorded};
use crate::linux::machine::{self, SERIALS};
use crate::linux::mounts::{self, Mount};
use crate::linux::{entries, gencmd, long_text, network, text};

mod list;

use list::{FILES, Keep, LINKS};

/// Takes the place of a serial number.
const SERIAL: &str = "1000000000000000";
/// A serial number that is shorter stands in many a file by chance.
const SECRET_BYTES_MIN: usize = 6;
/// Where the state of systemd's time service is, which need not hold a file.
const TIME_SERVICE: &str = "run/systemd/timesync";

/// Why a board could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The directory for the recording cannot be made; perhaps there is one already.
    #[error("cannot make the directory {}", .dir.display())]
    Make {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the recording cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Records the board whose files are under `root` into the new directory `dir`. Returns the files
/// that it holds, by their paths in it. Sensors of `dir` that watch [`Watched::in_recording`] read
/// what those of `root` do.
///
/// # Errors
/// When the recording cannot be written. What the board does not have or does not let this user
/// read is not part of it.
pub fn record(root: &Path, watched: &Watched, dir: &Path) -> Result<Vec<PathBuf>, RecordError> {
    fs::create_dir(dir).map_err(|source| RecordError::Make { dir: dir.to_path_buf(), source })?;
    let (secrets, names) = (secrets(root), names_with_address(root));
    let mut recording = Recording { dir, secrets, names, written: Vec::new() };
    for (pattern, keep) in FILES {
        for path in expanded(root, pattern) {
            if let Some(content) = kept(&root.join(&path), *keep, recording.written.len()) {
                recording.write(&recording.public(&path), &content)?;
            }
        }
    }
    for path in LINKS.iter().flat_map(|pattern| expanded(root, pattern)) {
        let target = fs::read_link(root.join(&path)).ok();
        if let Some(bus) = target.as_deref().and_then(Path::file_name) {
            recording.link(&recording.public(&path), &Path::new("/bus").join(bus))?;
        }
    }
    if root.join(TIME_SERVICE).is_dir() {
        recording.make_dir(Path::new(TIME_SERVICE))?;
    }
    let mounts = mounts::read(root);
    recording.write("proc/self/mountinfo".as_ref(), kept_mounts(&mounts, watched).as_bytes())?;
    recording.add_calls(root, &mounts, watched)?;
    Ok(recording.written)
}

/// What has been written so far.
struct Recording<'a> {
    dir: &'a Path,
    /// In lower case.
    secrets: Vec<String>,
    /// Names of interfaces that contain an address.
    names: Vec<OsString>,
    written: Vec<PathBuf>,
}

impl Recording<'_> {
    /// The path with the address in an interface's name replaced by as many digits, so that it
    /// stays a name of that kind.
    fn public(&self, path: &Path) -> PathBuf {
        let replaced = |name: &OsStr| {
            let number = self.names.iter().position(|known| known == name)?;
            Some(format!("{}{number:012x}", network::public_name(name.to_str()?)))
        };
        path.iter().map(|name| replaced(name).map_or_else(|| name.to_owned(), Into::into)).collect()
    }

    /// Writes a file, unless it holds a secret all the same.
    fn write(&mut self, path: &Path, content: &[u8]) -> Result<(), RecordError> {
        let text = String::from_utf8_lossy(content).to_lowercase();
        if self.secrets.iter().any(|secret| text.contains(secret.as_str())) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_dir(parent)?;
        }
        let target = self.dir.join(path);
        fs::write(&target, content)
            .map_err(|source| RecordError::Write { path: target, source })?;
        self.written.push(path.to_path_buf());
        Ok(())
    }

    fn link(&mut self, path: &Path, to: &Path) -> Result<(), RecordError> {
        if let Some(parent) = path.parent() {
            self.make_dir(parent)?;
        }
        let link = self.dir.join(path);
        symlink(to, &link).map_err(|source| RecordError::Write { path: link, source })?;
        self.written.push(path.to_path_buf());
        Ok(())
    }

    fn make_dir(&self, path: &Path) -> Result<(), RecordError> {
        let dir = self.dir.join(path);
        fs::create_dir_all(&dir).map_err(|source| RecordError::Make { dir, source })
    }

    /// What only a kernel tells who asks it.
    fn add_calls(
        &mut self,
        root: &Path,
        mounts: &[Mount],
        watched: &Watched,
    ) -> Result<(), RecordError> {
        let calls: Box<dyn Calls> =
            if root == Path::new("/") { Box::new(Live) } else { Box::new(Recorded::new(root)) };
        let file = |name: &str| Path::new(calls::DIR).join(name);
        for command in [gencmd::THROTTLED, gencmd::ARM_CLOCK, gencmd::PMIC] {
            if let Some(answer) = calls.firmware(command) {
                self.write(&file(&calls::file_of(command)), answer.as_bytes())?;
            }
        }
        let dir = watched.data_dir.as_deref();
        let safe_dir =
            dir.filter(|dir| mounts::holding(mounts, dir).is_some_and(|mount| !mount.may_hang()));
        if let Some(space) = safe_dir.and_then(|dir| calls.space(dir)) {
            self.write(&file(calls::SPACE), space.line().as_bytes())?;
        }
        match calls.time_ms() {
            Some(time_ms) => self.write(&file(calls::TIME), format!("{time_ms}\n").as_bytes()),
            None => Ok(()),
        }
    }
}

/// What of a file is kept; `number` tells made-up addresses apart.
fn kept(path: &Path, keep: Keep, number: usize) -> Option<Vec<u8>> {
    match keep {
        Keep::All => {
            // Binary files too. As long as the longest that is read.
            let mut bytes = fs::read(path).ok()?;
            bytes.truncate(256 << 10);
            Some(bytes)
        }
        Keep::Lines(starts) => {
            let all = long_text(path)?;
            let is_kept = |line: &&str| starts.iter().any(|start| line.starts_with(start));
            Some(
                all.lines()
                    .filter(is_kept)
                    .flat_map(|line| [line, "\n"])
                    .collect::<String>()
                    .into(),
            )
        }
        Keep::Serial => {
            let serial = text(path)?;
            let is_filler = machine::is_filler(&serial.to_lowercase());
            Some(if is_filler { serial } else { SERIAL.into() }.into_bytes())
        }
        Keep::Address => Some(made_up_address(&text(path)?, number)?.into_bytes()),
    }
}

/// An address of the range for documents (RFC 7042) that is as global or local as the true one.
fn made_up_address(address: &str, number: usize) -> Option<String> {
    let first = u8::from_str_radix(address.get(..2)?, 16).ok()?;
    if address.chars().all(|c| matches!(c, '0' | ':')) {
        return Some(address.to_owned());
    }
    Some(format!("{:02x}:00:5e:00:53:{:02x}\n", first & 2, number % 256))
}

/// The mounts that hold what is watched, under the names that it has in a recording.
fn kept_mounts(mounts: &[Mount], watched: &Watched) -> String {
    let names = Watched::in_recording();
    let renamed = |path: &Option<PathBuf>, name: Option<PathBuf>, with_parents: bool| {
        let path = path.as_deref()?;
        let mount = mounts::holding(mounts, path)?;
        // A share that is part of something else, such as the root of a disk, is not mounted.
        let counts = with_parents || mount.may_hang() || mount.point == path;
        let (point, source) = (name?, public_source(&mount.source));
        counts.then(|| Mount { point, source, ..mount.clone() })
    };
    let data = renamed(&watched.data_dir, names.data_dir, true);
    let share = renamed(&watched.share, names.share, false);
    data.iter().chain(&share).map(Mount::line).collect()
}

/// A device is kept; whatever else is mounted names machines, directories or people.
fn public_source(source: &Path) -> PathBuf {
    let is_plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric());
    let device = source.strip_prefix("/dev").ok().and_then(Path::to_str);
    if device.is_some_and(is_plain) { source.to_path_buf() } else { "none".into() }
}

/// Serial numbers and addresses, which no file may hold.
fn secrets(root: &Path) -> Vec<String> {
    let serials = SERIALS.iter().filter_map(|path| text(&root.join(path)));
    let serials = serials.map(|serial| serial.to_lowercase()).filter(|s| !machine::is_filler(s));
    let addresses = entries(&root.join("sys/class/net"), "", "")
        .into_iter()
        .filter_map(|dir| text(&dir.join("address")))
        .map(|address| address.to_lowercase())
        .filter(|address| !address.chars().all(|c| matches!(c, '0' | ':')));
    let addresses = addresses.flat_map(|address| [address.replace(':', ""), address]);
    serials.chain(addresses).filter(|secret| secret.len() >= SECRET_BYTES_MIN).collect()
}

/// The paths under `root` that a pattern stands for, without what is not there. A `*` stands for
/// any text within a name.
fn expanded(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for segment in pattern.split('/') {
        found = match segment.split_once('*') {
            None => found.into_iter().map(|path| path.join(segment)).collect(),
            Some((before, after)) => found
                .iter()
                .flat_map(|path| entries(&root.join(path), before, after))
                .filter_map(|path| path.strip_prefix(root).ok().map(Path::to_path_buf))
                .collect(),
        };
    }
    found
}

/// The names of interfaces that contain an address, in order.
fn names_with_address(root: &Path) -> Vec<OsString> {
    let mut names = entries(&root.join("sys/class/net"), "", "");
    names.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| network::public_name(name) != name)
    });
    names.iter().filter_map(|path| path.file_name().map(ToOwned::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_addresses_are_as_global_as_the_true_ones() {
        assert_eq!(made_up_address("b8:27:eb:11:22:33", 7).unwrap(), "00:00:5e:00:53:07\n");
        assert_eq!(made_up_address("02:42:ac:11:00:02", 300).unwrap(), "02:00:5e:00:53:2c\n");
        assert_eq!(made_up_address("00:00:00:00:00:00", 1).unwrap(), "00:00:00:00:00:00");
        assert_eq!(made_up_address("", 1), None);
        assert_eq!(made_up_address("ää", 1), None);
    }

    #[test]
    fn only_plain_devices_keep_their_names() {
        assert_eq!(public_source(Path::new("/dev/mmcblk0p2")), Path::new("/dev/mmcblk0p2"));
        for other in ["head.example:/srv", "/dev/mapper/ada-root", "//pc/ada", "tmpfs"] {
            assert_eq!(public_source(Path::new(other)), Path::new("none"));
        }
    }

    #[test]
    fn patterns_stand_for_names_and_not_for_directories() {
        let root = tempfile::tempdir().unwrap();
        for path in ["a/x1/t", "a/x2/t", "a/y1/t", "b/x1/t"] {
            fs::create_dir_all(root.path().join(path)).unwrap();
        }
        let found = expanded(root.path(), "a/x*/t");
        assert_eq!(found, [Path::new("a/x1/t"), Path::new("a/x2/t")]);
    }
}
