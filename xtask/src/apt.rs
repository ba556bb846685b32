//! Debian's packages, where this is a Debian and installing is allowed.

use std::process::Command;

use crate::process;

/// The right to install packages.
pub(crate) struct Apt {
    /// Said before each line that tells what is done.
    what: &'static str,
    by_sudo: bool,
}

impl Apt {
    /// Sees whether packages can be installed.
    ///
    /// # Errors
    /// When this is no Debian, or installing needs a password.
    pub(crate) fn find(what: &'static str) -> Result<Self, String> {
        if process::find("apt-get").is_none() {
            return Err("apt-get: not found, so this is not a Debian".into());
        }
        let by_root = process::answer(Command::new("id").arg("-u")).as_deref() == Some("0");
        let by_sudo =
            !by_root && process::answer(Command::new("sudo").args(["-n", "true"])).is_some();
        if by_root || by_sudo {
            Ok(Self { what, by_sudo })
        } else {
            Err("apt-get: installing packages needs root".into())
        }
    }

    /// Installs packages.
    ///
    /// # Errors
    /// When one cannot be had.
    pub(crate) fn install(&self, packages: &[&str]) -> Result<(), String> {
        let mut words = vec!["-qq", "install", "-y", "--no-install-recommends"];
        words.extend(packages);
        if self.run("apt-get", &words).is_ok() {
            return Ok(());
        }
        // The lists of a fresh machine are empty or old. One list that cannot be had, as when a
        // mirror is being filled, may not be the one that is needed.
        if let Err(fault) = self.run("apt-get", &["-qq", "update"]) {
            println!("{}: {fault}", self.what);
        }
        self.run("apt-get", &words)
    }

    /// Allows packages for another kind of processor, such as `arm64`.
    ///
    /// # Errors
    /// When dpkg does not.
    pub(crate) fn add_architecture(&self, architecture: &str) -> Result<(), String> {
        self.run("dpkg", &["--add-architecture", architecture])
    }

    fn run(&self, program: &str, words: &[&str]) -> Result<(), String> {
        println!("{}: {program} {}", self.what, words.join(" "));
        let mut command = Command::new(if self.by_sudo { "sudo" } else { program });
        if self.by_sudo {
            command.args(["-n", program]);
        }
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut command).map_err(|error| error.to_string())
    }
}
