//! The tree of files that a package is made from.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use super::Kind;
use crate::workspace::Workspace;
use crate::{build_jobs, process};

/// What is copied from the checkout for people to read, beside `docs`.
const READINGS: [&str; 2] = ["README.md", "SECURITY.md"];

/// A directory that holds what a machine gets.
pub(super) struct Stage {
    root: PathBuf,
    epoch: u64,
}

impl Stage {
    /// An empty one at `dir`; what was there is removed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new(dir: &Path, epoch: u64) -> Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("cannot empty {}", dir.display()))?;
        }
        let root = dir.join("root");
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        Ok(Self { root, epoch })
    }

    /// Where the root of the machine is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The time of all files, in seconds since 1970.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Writes a file below the root, with the directories above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = self.root.join(path);
        let dir = path.parent().context("a file is in a directory")?;
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    fn copy(&self, from: &Path, to: &str) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.write(to, &bytes)
    }

    /// The program, without what only a debugger reads.
    ///
    /// # Errors
    /// When it cannot be copied, or the tool for its machine is missing.
    pub(super) fn program(&self, program: &Path, strip: &str) -> Result<()> {
        self.copy(program, "usr/bin/bramble")?;
        if process::find(strip).is_none() {
            bail!("`{strip}` is missing\n  help: apt-get install the binutils of that machine");
        }
        let path = self.root.join("usr/bin/bramble");
        process::run(Command::new(strip).args(["--strip-unneeded"]).arg(path))
    }

    /// What there is to read: the project's documents, licences, and the two logs of changes.
    ///
    /// # Errors
    /// When a document is missing.
    pub(super) fn documents(&self, workspace: &Workspace, kind: Kind, version: &str) -> Result<()> {
        let doc = format!("usr/share/doc/{}", kind.name());
        let root = workspace.root();
        if kind == Kind::Everything {
            for name in READINGS {
                self.copy(&root.join(name), &format!("{doc}/{name}"))?;
            }
            self.copy_documents(&root.join("docs"), &format!("{doc}/docs"))?;
        } else {
            self.copy(&root.join("docs/install.md"), &format!("{doc}/install.md"))?;
        }
        self.copy(&root.join("CHANGELOG.md"), &format!("{doc}/changelog"))?;
        self.write(&format!("{doc}/changelog.Debian"), self.changes(kind, version)?.as_bytes())?;
        self.write(&format!("{doc}/copyright"), copyright(root)?.as_bytes())
    }

    /// Pictures stay out: they are for the site of the project, and half of the size.
    fn copy_documents(&self, from: &Path, to: &str) -> Result<()> {
        let entries =
            fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let (path, to) = (entry.path(), format!("{to}/{name}"));
            match (path.is_dir(), name.as_str()) {
                (true, "pictures") => {}
                (true, _) => self.copy_documents(&path, &to)?,
                (false, _) => self.copy(&path, &to)?,
            }
        }
        Ok(())
    }

    fn changes(&self, kind: Kind, version: &str) -> Result<String> {
        let mut date = Command::new("date");
        date.env("LC_ALL", "C").args(["-R", "-u", "-d", &format!("@{}", self.epoch)]);
        let date = process::output(&mut date)?;
        Ok(format!(
            "{} ({version}) unstable; urgency=medium\n\n  * As changelog.gz says.\n\n -- {}  {}\n",
            kind.name(),
            super::control::MAINTAINER,
            date.trim()
        ))
    }

    /// The modules that `--example` and the gallery of the site offer.
    ///
    /// # Errors
    /// When one does not build.
    pub(super) fn gallery(&self, workspace: &Workspace) -> Result<()> {
        let built = match std::env::var_os(crate::test::BRAMBLE_JOBS_ENV) {
            Some(dir) => dir.into(),
            None => build_jobs::run(workspace)?,
        };
        for job in workspace.jobs()?.iter().filter(|job| job.dir.starts_with("jobs/")) {
            let file = format!("{}.wasm", job.name);
            self.copy(&built.join(&file), &format!("usr/share/bramble/jobs/{file}"))?;
        }
        Ok(())
    }

    /// Compresses what Debian wants compressed.
    ///
    /// # Errors
    /// When that fails.
    pub(super) fn finish(&self) -> Result<()> {
        fs::create_dir_all(self.root.join("etc/bramble")).context("cannot make etc/bramble")?;
        let pages = self.files()?.into_iter().filter(|path| {
            let text = path.to_string_lossy();
            text.contains("share/man/") || text.contains("/changelog")
        });
        for page in pages {
            process::run(Command::new("gzip").args(["-9", "-n"]).arg(self.root.join(page)))?;
        }
        Ok(())
    }

    /// All files, from the root, by name.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        walk(&self.root, &mut paths)?;
        let mut files: Vec<PathBuf> = paths
            .into_iter()
            .filter(|path| path.is_file())
            .filter_map(|path| path.strip_prefix(&self.root).ok().map(Path::to_owned))
            .collect();
        files.sort();
        Ok(files)
    }

    /// Gives everything its mode and the same time, so that the same sources make the same bytes.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn settle(&self) -> Result<()> {
        let mut paths = vec![self.root.clone()];
        walk(&self.root, &mut paths)?;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.epoch);
        // What is deepest first: a directory's time changes with what is in it.
        for path in paths.iter().rev() {
            let text = path.to_string_lossy();
            let is_program = text.ends_with("/usr/bin/bramble")
                || ["/postinst", "/prerm", "/postrm"].iter().any(|name| text.ends_with(name));
            let mode = if path.is_dir() || is_program { 0o755 } else { 0o644 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
                .and_then(|()| File::open(path))
                .and_then(|file| file.set_times(FileTimes::new().set_modified(time)))
                .with_context(|| format!("cannot settle {}", path.display()))?;
        }
        Ok(())
    }
}

fn walk(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        paths.push(path.clone());
        if path.is_dir() {
            walk(&path, paths)?;
        }
    }
    Ok(())
}

/// The licences in Debian's form.
fn copyright(root: &Path) -> Result<String> {
    let mit = fs::read_to_string(root.join("LICENSE-MIT")).context("cannot read LICENSE-MIT")?;
    let owner = mit.lines().find(|line| line.starts_with("Copyright")).unwrap_or("Copyright");
    let body: Vec<&str> = mit.lines().skip_while(|line| !line.starts_with("Permission")).collect();
    let indented: Vec<String> = body
        .iter()
        .map(|line| if line.is_empty() { " .".to_owned() } else { format!(" {line}") })
        .collect();
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: bramble\n\
         Comment: The program contains libraries under licences of their own, all of them free;\n \
         Cargo.lock of the sources names them, deny.toml says which licences are allowed.\n\n\
         Files: *\n{owner}\nLicense: Apache-2.0 or Expat\n\n\
         License: Apache-2.0\n On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n\n\
         License: Expat\n{}\n",
        indented.join("\n")
    )
    .replace("\nCopyright (c)", "\nCopyright:"))
}
