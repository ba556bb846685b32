//! What a program needs of the system it runs on, as its own headers say.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Debian's name of its processor.
    pub(super) machine: &'static str,
    /// The libraries that it loads.
    pub(super) libraries: Vec<String>,
    /// The oldest C library with all that it calls: major and minor version.
    pub(super) glibc: (u32, u32),
}

impl Facts {
    /// Asks `readelf`, which reads the programs of every machine.
    ///
    /// # Errors
    /// When it is no program, or one for a machine without packages.
    pub(super) fn of(program: &Path) -> Result<Self> {
        let args = ["--wide", "--file-header", "--dynamic", "--version-info"];
        // In English, whatever the user's language.
        let text =
            process::output(Command::new("readelf").env("LC_ALL", "C").args(args).arg(program))?;
        match Self::parse(&text) {
            Some(facts) => Ok(facts),
            None => bail!("{} is no program for amd64, arm64 or armhf", program.display()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let machine = text.lines().find_map(|line| line.trim().strip_prefix("Machine:"))?.trim();
        let machine = match machine {
            "Advanced Micro Devices X86-64" => "amd64",
            "AArch64" => "arm64",
            "ARM" => "armhf",
            _ => return None,
        };
        let libraries = text
            .lines()
            .filter(|line| line.contains("(NEEDED)"))
            .filter_map(|line| line.split_once('[')?.1.split_once(']'))
            .map(|(name, _)| name.to_owned())
            .collect();
        let versions = text.split("GLIBC_").skip(1).filter_map(|rest| {
            let word: &str = rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
            let (major, rest) = word.split_once('.')?;
            let minor = rest.split('.').next()?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        });
        Some(Self { machine, libraries, glibc: versions.max()? })
    }

    /// The packages that bring what it loads.
    ///
    /// # Errors
    /// When it loads what no package of ours should.
    pub(super) fn depends(&self) -> Result<String> {
        let mut packages = vec![format!("libc6 (>= {}.{})", self.glibc.0, self.glibc.1)];
        for library in &self.libraries {
            let of_libc = ["libc.so.", "libm.so.", "libdl.so.", "libpthread.so.", "ld-linux"];
            if library.starts_with("libgcc_s.so.") {
                packages.push("libgcc-s1".into());
            } else if !of_libc.iter().any(|name| library.starts_with(name)) {
                bail!("the program loads {library}, of which its package says nothing");
            }
        }
        Ok(packages.join(", "))
    }
}

/// Whether this machine runs it without an emulator.
pub(super) fn is_of_this_machine(facts: &Facts) -> bool {
    let own = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        _ => "armhf",
    };
    facts.machine == own
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "
  Machine:                           AArch64
 0x0000000000000001 (NEEDED)             Shared library: [libgcc_s.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
  0x0020:   Name: GLIBC_2.9  Flags: none  Version: 9
  0x0030:   Name: GLIBC_2.34  Flags: none  Version: 8
  0x0040:   Name: GLIBC_2.2.5  Flags: none  Version: 8
";

    #[test]
    fn the_newest_function_says_which_c_library_is_needed() {
        let facts = Facts::parse(SAID).unwrap();
        assert_eq!(facts.machine, "arm64");
        assert_eq!(facts.depends().unwrap(), "libc6 (>= 2.34), libgcc-s1");
        assert_eq!(Facts::parse("nothing"), None);
    }

    #[test]
    fn a_library_that_nobody_thought_of_stops_the_package() {
        let facts = Facts::parse(&SAID.replace("libgcc_s.so.1", "libssl.so.3")).unwrap();
        assert!(facts.depends().unwrap_err().to_string().contains("libssl.so.3"));
    }
}
