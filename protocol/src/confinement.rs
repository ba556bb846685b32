//! Which walls stand around a process that runs somebody else's code.

use serde::{Deserialize, Serialize};

/// A wall of the operating system's around a runner, behind the sandbox of WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// It can gain no privileges, by a set-user-id program say.
    NoNewPrivileges,
    /// It runs under a user id that nobody else has.
    OwnUser,
    /// Its network is empty.
    NoNetwork,
    /// Landlock: no file can be opened by name.
    Files,
    /// Landlock: no TCP port can be bound or connected to.
    Tcp,
    /// Landlock: no signal and no abstract socket reaches a process outside.
    Signals,
    /// Seccomp: only the system calls that a runner needs.
    SystemCalls,
    /// Limits on memory, files, processes and core dumps.
    Limits,
    /// No descriptor but its own is open.
    Descriptors,
    /// Its memory cannot be looked at by other processes of the same user.
    NotDumpable,
}

impl Wall {
    /// All of them, in the order in which they are put up.
    pub const ALL: [Self; 10] = [
        Self::NoNewPrivileges,
        Self::Limits,
        Self::Descriptors,
        Self::NoNetwork,
        Self::OwnUser,
        Self::NotDumpable,
        Self::Files,
        Self::Tcp,
        Self::Signals,
        Self::SystemCalls,
    ];

    /// Its name, as in JSON and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoNewPrivileges => "no-new-privileges",
            Self::OwnUser => "own-user",
            Self::NoNetwork => "no-network",
            Self::Files => "files",
            Self::Tcp => "tcp",
            Self::Signals => "signals",
            Self::SystemCalls => "system-calls",
            Self::Limits => "limits",
            Self::Descriptors => "descriptors",
            Self::NotDumpable => "not-dumpable",
        }
    }
}

/// What a process could do about its own confinement. What a kernel or a container does not
/// offer is missing, and not an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confinement {
    /// Walls that stand.
    pub walls: Vec<Wall>,
    /// Walls that do not, and why.
    pub missing: Vec<(Wall, String)>,
}

impl Confinement {
    /// Notes how putting up a wall went.
    pub fn note<E: std::fmt::Display>(&mut self, wall: Wall, result: Result<(), E>) {
        match result {
            Ok(()) => self.walls.push(wall),
            Err(error) => self.missing.push((wall, error.to_string())),
        }
    }

    /// Whether a wall stands.
    pub fn has(&self, wall: Wall) -> bool {
        self.walls.contains(&wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wall_is_listed_by_its_name_in_json() {
        for wall in Wall::ALL {
            let json = serde_json::to_string(&wall).unwrap();
            assert_eq!(json, format!("\"{}\"", wall.name()));
        }
    }

    #[test]
    fn what_could_not_be_done_is_kept_with_its_reason() {
        let mut confinement = Confinement::default();
        confinement.note(Wall::Files, Ok::<(), String>(()));
        confinement.note(Wall::Tcp, Err("not in this kernel"));
        assert!(confinement.has(Wall::Files) && !confinement.has(Wall::Tcp));
        assert_eq!(confinement.missing, [(Wall::Tcp, "not in this kernel".to_owned())]);
    }
}
