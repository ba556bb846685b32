//! Answers for net-snmp's `pass_persist`, by which the `snmpd` of a distribution, with its own
//! rules on who may ask, tells of a cluster.
//!
//! The caller fetches a [`Snapshot`] from time to time and makes a [`Tree`] of it; [`serve`]
//! answers from whichever tree is the latest. `docs/BRAMBLE-MIB.txt` describes it for programs.

mod oid;
mod snapshot;
mod tree;

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

pub use oid::{Oid, OidError};
pub use snapshot::{NodeRow, PowerState, Snapshot};
pub use tree::{SnmpValue, Tree};

/// The longest line that is read, in bytes: net-snmp's own limit.
const LINE_BYTES_MAX: u64 = 4 << 10;

/// Why no more questions are answered.
#[derive(Debug, thiserror::Error)]
pub enum SnmpError {
    /// A question cannot be read.
    #[error("cannot read from snmpd")]
    Read {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is longer than any that net-snmp sends.
    #[error("snmpd sent a line of more than 4 KiB; only its `pass_persist` should start this")]
    LineTooLong,
    /// An answer cannot be written.
    #[error("cannot write to snmpd")]
    Write {
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Answers questions until `input` ends or says that it does: `PING`, `get`, `getnext` and `set`,
/// which is refused. `latest` is asked with each question, which waits for it.
///
/// # Errors
/// When reading or writing fails, or something else than net-snmp asks.
pub fn serve(
    mut input: impl BufRead,
    mut output: impl Write,
    mut latest: impl FnMut() -> Arc<Tree>,
) -> Result<(), SnmpError> {
    while let Some(command) = line(&mut input)? {
        // An empty line is how snmpd says that it ends.
        if command.is_empty() {
            return Ok(());
        }
        let answer = match command.to_ascii_lowercase().as_str() {
            "ping" => "PONG\n".to_owned(),
            "get" => {
                let Some(text) = line(&mut input)? else { return Ok(()) };
                let tree = latest();
                let oid: Option<Oid> = text.parse().ok();
                let found = oid.and_then(|oid| tree.get(&oid).map(|value| said(&oid, value)));
                found.unwrap_or_else(nothing)
            }
            "getnext" => {
                let Some(text) = line(&mut input)? else { return Ok(()) };
                let tree = latest();
                let oid: Option<Oid> = text.parse().ok();
                let found = oid.and_then(|oid| tree.next(&oid).map(|(at, value)| said(at, value)));
                found.unwrap_or_else(nothing)
            }
            "set" => {
                // What is to be set, and to what.
                let (Some(_), Some(_)) = (line(&mut input)?, line(&mut input)?) else {
                    return Ok(());
                };
                "not-writable\n".to_owned()
            }
            _ => nothing(),
        };
        let written = output.write_all(answer.as_bytes()).and_then(|()| output.flush());
        written.map_err(|source| SnmpError::Write { source })?;
    }
    Ok(())
}

fn said(oid: &Oid, value: &SnmpValue) -> String {
    format!("{oid}\n{}\n{}\n", value.kind(), value.text())
}

/// There is no such value.
fn nothing() -> String {
    "NONE\n".to_owned()
}

/// The next line without its end; nothing at the end of all.
fn line(input: &mut impl BufRead) -> Result<Option<String>, SnmpError> {
    let mut bytes = Vec::new();
    let read = input.take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes);
    read.map_err(|source| SnmpError::Read { source })?;
    if bytes.len() as u64 > LINE_BYTES_MAX {
        return Err(SnmpError::LineTooLong);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok((!bytes.is_empty()).then(|| text.trim().to_owned()))
}

#[cfg(test)]
mod tests;
