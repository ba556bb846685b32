//! Why a board was not switched or read.

use std::io;
use std::time::Duration;

use crate::State;

/// Why a board was not switched or read.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// No switch has the node.
    #[error("no switch in power.toml has a node {node}; add it to the `nodes` of one")]
    UnknownNode {
        /// The name that was asked for.
        node: String,
    },
    /// The hardware can only switch on.
    #[error("{driver} cannot switch off; shut the board down by its own system")]
    CannotSwitchOff {
        /// The driver.
        driver: &'static str,
    },
    /// The switch took the order, and the outlet did not follow.
    #[error(
        "outlet {outlet} of {driver} was switched {wanted} and reads {found}; look at the board, \
         its cable, and whether another program switches the same outlet"
    )]
    NotDone {
        /// The driver.
        driver: &'static str,
        /// The outlet.
        outlet: u32,
        /// What was asked for.
        wanted: State,
        /// What it reads.
        found: State,
    },
    /// A file, bus or socket failed.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The other side answered that it will not, or something that is no answer.
    #[error("{who}: {said}")]
    Refused {
        /// Who answered.
        who: String,
        /// What, cut to a length that a log takes.
        said: String,
    },
    /// No answer in time.
    #[error("{doing} took longer than {} s", limit.as_secs_f32())]
    TooSlow {
        /// What was being done.
        doing: String,
        /// How long it may take.
        limit: Duration,
    },
}

impl PowerError {
    pub(crate) fn io(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { doing: doing.into(), source: source.into() }
    }

    pub(crate) fn refused(who: impl Into<String>, said: impl Into<String>) -> Self {
        Self::Refused { who: who.into(), said: said.into() }
    }
}
