//! What every driver can do.

use bramble_protocol::power::Supply;

/// Why an outlet was not switched, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// Nothing in the configuration switches the node.
    #[error("nothing is configured that switches `{node}`")]
    NoSuchNode {
        /// The node.
        node: String,
    },
    /// A command could not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A command took too long and was stopped.
    #[error("`{program}` did not end within {seconds} s")]
    Slow {
        /// The program.
        program: String,
        /// How long it may take.
        seconds: u64,
    },
    /// A command failed.
    #[error("`{program}` ended with {status}: {said}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it wrote to standard error.
        said: String,
    },
    /// It was switched, but is not as it should be.
    #[error("it was switched {}, but is still {}", way(*.on), way(!*.on))]
    Unchanged {
        /// Whether it should be on.
        on: bool,
    },
    /// A file of the kernel, or of the simulation, cannot be used.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

const fn way(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// Hardware with outlets.
pub(crate) trait Driver: Send {
    /// How an outlet's supply is now.
    fn read(&mut self, outlet: &str) -> Result<Supply, PowerError>;

    /// Switches an outlet.
    fn switch(&mut self, outlet: &str, on: bool) -> Result<(), PowerError>;
}
