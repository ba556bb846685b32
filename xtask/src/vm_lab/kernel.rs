//! Debian's kernel, unpacked and not installed, and images of a first root directory for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// Depends on the newest one.
const NEWEST: &str = "linux-image-amd64";

/// An unpacked kernel.
pub(super) struct Kernel {
    dir: PathBuf,
    version: String,
}

impl Kernel {
    /// The one that is unpacked below `lab`, or else Debian's newest.
    ///
    /// # Errors
    /// When it cannot be had.
    pub(super) fn fetch(lab: &Path) -> Result<Self> {
        let dir = lab.join("kernel");
        if let Some(kernel) = Self::unpacked(&dir) {
            return Ok(kernel);
        }
        let answer = process::output(Command::new("apt-cache").args(["depends", NEWEST]))?;
        let package = answer
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with("linux-image-"))
            .with_context(|| format!("apt knows no {NEWEST}: try `apt-get update`"))?
            .to_owned();
        println!("vm-lab: the kernel {package}, 70 MB");
        let download = lab.join("download");
        remove(&download)?;
        fs::create_dir_all(&download)
            .with_context(|| format!("cannot create {}", download.display()))?;
        let mut fetch = Command::new("apt-get");
        process::run(fetch.args(["-qq", "download", &package]).current_dir(&download))?;
        let file = only_file(&download)?;
        // Unpacked beside, so that half a kernel is never taken for one.
        let half = lab.join("kernel.half");
        remove(&half)?;
        process::run(Command::new("dpkg-deb").arg("-x").arg(file).arg(&half))?;
        remove(&dir)?;
        fs::rename(&half, &dir).with_context(|| format!("cannot rename {}", half.display()))?;
        remove(&download)?;
        let kernel = Self::unpacked(&dir).context("the package holds no kernel")?;
        process::run(Command::new("/sbin/depmod").arg("-b").arg(&dir).arg(&kernel.version))?;
        Ok(kernel)
    }

    fn unpacked(dir: &Path) -> Option<Self> {
        let mut versions = fs::read_dir(dir.join("lib/modules")).ok()?;
        let version = versions.next()?.ok()?.file_name().into_string().ok()?;
        let kernel = Self { dir: dir.to_owned(), version };
        kernel.file().is_file().then_some(kernel)
    }

    /// The kernel itself.
    pub(super) fn file(&self) -> PathBuf {
        self.dir.join("boot").join(format!("vmlinuz-{}", self.version))
    }

    /// Makes an image: busybox, modules with those that they need, and two scripts.
    ///
    /// # Errors
    /// When the kernel lacks a module, or a file cannot be written.
    pub(super) fn image(
        &self,
        dir: &Path,
        modules: &[&str],
        init: &str,
        script: &str,
    ) -> Result<PathBuf> {
        remove(dir)?;
        for below in ["bin", "modules", "proc", "sys", "dev"] {
            let below = dir.join(below);
            fs::create_dir_all(&below)
                .with_context(|| format!("cannot create {}", below.display()))?;
        }
        copy(&process::find("busybox").context("no busybox")?, &dir.join("bin/busybox"))?;
        for (number, module) in self.with_needed(modules)?.iter().enumerate() {
            let name = module.file_name().unwrap_or_default().to_string_lossy();
            // Loaded in the order of their names.
            copy(module, &dir.join(format!("modules/{number:02}-{name}")))?;
        }
        for (name, text) in [("init", init), ("lab.sh", script)] {
            let path = dir.join(name);
            fs::write(&path, text)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let image = dir.with_extension("gz");
        let pack = "find . | cpio --quiet -o -H newc | gzip -1 > \"$0\"";
        process::run(Command::new("sh").args(["-ec", pack]).arg(&image).current_dir(dir))?;
        Ok(image)
    }

    /// Files of modules in the order in which they are loaded, each once.
    fn with_needed(&self, modules: &[&str]) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for module in modules {
            let mut command = Command::new("/sbin/modprobe");
            command.arg("-d").arg(&self.dir).args(["-S", &self.version, "--show-depends", module]);
            for line in process::output(&mut command)?.lines() {
                // What is built into the kernel is told as `builtin`.
                let file = line.trim().strip_prefix("insmod ").map(PathBuf::from);
                files.extend(file.filter(|file| !files.contains(file)));
            }
        }
        Ok(files)
    }
}

fn only_file(dir: &Path) -> Result<PathBuf> {
    let mut entries =
        fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    match entries.next() {
        Some(entry) => Ok(entry.context("cannot list what was downloaded")?.path()),
        None => bail!("nothing was downloaded into {}", dir.display()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Removes a directory that may not be there.
fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
