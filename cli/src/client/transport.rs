//! How bytes get to the head: plain HTTP, or TLS with a head that is known by its key.

use std::io;

use bramble_tls::{Fingerprint, Pin, http_agent, wrong_key};
use ureq::Agent;
use ureq::config::Config;

use super::known;
use crate::error::{CliError, CliResult, Slug};

/// What speaks to the head at `url`; with the key of a head that is met for the first time.
///
/// # Errors
/// When the file of known heads cannot be used, or a head that is met for the first time does not
/// answer.
pub(super) fn agent(url: &str, config: Config) -> CliResult<(Agent, Option<Fingerprint>)> {
    if !url.starts_with("https://") {
        return Ok((config.new_agent(), None));
    }
    if let Some(fingerprint) = known::find(url)? {
        return Ok((http_agent(config, client(Pin::exact(fingerprint))?), None));
    }
    let pin = Pin::first_use();
    let agent = http_agent(config, client(pin.clone())?);
    // Before anything is sent that others should not read: without the caller's token.
    let plain = Config::builder().http_status_as_error(false).proxy(None).max_redirects(0);
    let met = http_agent(
        plain.timeout_global(Some(super::CONNECT_TIME_MAX)).build(),
        client(pin.clone())?,
    );
    met.get(format!("{url}/healthz")).call().map_err(|error| unreachable(url, &error))?;
    let Some(fingerprint) = pin.seen() else { return Ok((agent, None)) };
    known::add(url, fingerprint)?;
    Ok((agent, Some(fingerprint)))
}

fn client(pin: Pin) -> CliResult<bramble_tls::Client> {
    bramble_tls::Client::new(None, pin)
        .map_err(|error| CliError::new(Slug::Local, "cannot speak TLS").because(&error))
}

/// Explains why a request to the head at `url` was not answered at all.
pub(super) fn unreachable(url: &str, error: &ureq::Error) -> CliError {
    if let Some(wrong) = wrong_key(error) {
        return known::changed(url, wrong);
    }
    let (why, help) = match error {
        ureq::Error::HostNotFound => {
            ("no computer of that name is known", "check --cluster and BRAMBLE_CLUSTER")
        }
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            ("nobody listens there", "is the head running? start one with: bramble up")
        }
        ureq::Error::Io(error) if was_cut(error.kind()) => {
            ("the connection was cut", "the head stopped, or refuses what was sent: look there")
        }
        ureq::Error::Timeout(_) => ("no answer came", "is that address right, and the head on?"),
        ureq::Error::Io(_) => ("the connection failed", "is the head running? try: bramble up"),
        _ => ("what answers there speaks another language", "is that the head's address?"),
    };
    let error_text = error.to_string();
    CliError::new(Slug::Unreachable, format!("cannot reach the head at {url}"))
        .why(format!("{why} ({error_text})"))
        .help(help)
}

/// Whether a connection ended while it was used.
fn was_cut(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::UnexpectedEof
    )
}
