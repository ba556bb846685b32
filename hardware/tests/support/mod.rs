//! Boards of `tests/fixtures`, unpacked where sensors can look at them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bramble_hardware::Watched;

/// All boards that are what they say they are.
pub(crate) const BOARDS: [&str; 7] =
    ["pi-zero-w", "pi-zero-2w", "pi-3b", "pi-4b", "pi-5", "orange-pi-5", "x86"];

/// The root of a board.
pub(crate) struct Tree(tempfile::TempDir);

impl Tree {
    pub(crate) fn of(board: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(board);
        let table = fs::read_to_string(path.with_extension("tree")).unwrap();
        let tree = Self(tempfile::tempdir().unwrap());
        let mut file: Option<(&str, Vec<u8>)> = None;
        for line in table.lines().skip_while(|line| line.starts_with('#')) {
            let Some(mark) = line.strip_prefix('=') else {
                let (_, content) = file.as_mut().unwrap();
                content.extend(bytes(line));
                content.push(b'\n');
                continue;
            };
            if let Some((path, content)) = file.take() {
                tree.write(path, content);
            }
            let (kind, rest) = mark.split_once(' ').unwrap();
            match (kind, rest.split_once(' ')) {
                ("file", None) => file = Some((rest, Vec::new())),
                ("dir", None) => fs::create_dir_all(tree.root().join(rest)).unwrap(),
                ("hex", Some((path, digits))) => tree.write(path, hex(digits)),
                ("link", Some((path, target))) => tree.link(path, target),
                _ => panic!("{board}: {line:?} is no line of a tree"),
            }
        }
        if let Some((path, content)) = file {
            tree.write(path, content);
        }
        tree
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.made(path), content).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.root().join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.made(path)).unwrap();
    }

    fn made(&self, path: &str) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

/// What is watched on all boards.
pub(crate) fn watched() -> Watched {
    Watched {
        data_dir: Some("/srv/data/bramble".into()),
        share: Some("/srv/bramble/chunks".into()),
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// A line with its escapes taken out.
fn bytes(line: &str) -> Vec<u8> {
    let mut parts = line.split('\\');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = match part.split_at(1) {
            ("0", rest) => (0, rest),
            ("x", rest) => (hex(&rest[..2])[0], &rest[2..]),
            (other, _) => panic!("{line:?} has an unknown escape \\{other}"),
        };
        bytes.push(byte);
        bytes.extend(rest.as_bytes());
    }
    bytes
}
