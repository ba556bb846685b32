//! Turing Pi 2: its management controller, over HTTPS with a pinned certificate.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use crate::config;
use crate::driver::within;
use crate::drivers::files;
use crate::{Driver, PowerError, State, Traits};

const DRIVER: &str = "turing-bmc";
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
const TIME_MAX: Duration = Duration::from_secs(15);
const UNAUTHORIZED: u16 = 401;

pub(crate) struct TuringBmc {
    agent: Agent,
    host: String,
    user: String,
    password_file: PathBuf,
    token: Option<String>,
}

impl TuringBmc {
    pub(crate) fn new(config: &config::TuringBmc) -> Result<Self, String> {
        let sha256 = fingerprint(&config.fingerprint).ok_or(
            "fingerprint is not the SHA-256 of a certificate; docs/power.md says how to get it",
        )?;
        if config.host.is_empty() || config.host.contains(['/', '@', '?', '#', ' ']) {
            return Err(format!("host {:?} is no name or address", config.host));
        }
        let tls =
            bramble_tls::Client::for_certificate(sha256).map_err(|error| error.to_string())?;
        let http = ureq::config::Config::builder()
            .http_status_as_error(false)
            .https_only(true)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(TIME_MAX))
            .build();
        Ok(Self {
            agent: bramble_tls::http_agent(http, tls),
            host: config.host.clone(),
            user: config.user.clone(),
            password_file: config.password_file.clone(),
            token: None,
        })
    }

    fn sent(&self, error: ureq::Error) -> PowerError {
        PowerError::io(format!("asking the BMC at {}", self.host), std::io::Error::other(error))
    }

    fn log_in(&mut self) -> Result<String, PowerError> {
        let password = files::read(&self.password_file, 1024)?;
        let url = format!("https://{}/api/bmc/authenticate", self.host);
        let body = json!({ "username": self.user, "password": password });
        let answer = self.agent.post(url).send_json(body).map_err(|error| self.sent(error))?;
        let status = answer.status().as_u16();
        let value = parsed(answer.into_body());
        match value.as_ref().and_then(|value| value["id"].as_str()) {
            Some(token) if status == 200 => Ok(token.to_owned()),
            _ => {
                let said = format!(
                    "did not let {} in ({status}); check {}; after five wrong \
                     passwords it bans for a minute",
                    self.user,
                    self.password_file.display()
                );
                Err(PowerError::refused(format!("the BMC at {}", self.host), said))
            }
        }
    }

    /// Asks, and once more with a new token where the old one is no longer good.
    fn ask(&mut self, query: &str) -> Result<Value, PowerError> {
        let mut is_new = false;
        loop {
            let token = match self.token.clone() {
                Some(token) => token,
                None => {
                    is_new = true;
                    self.log_in()?
                }
            };
            self.token = Some(token.clone());
            let request = self
                .agent
                .get(format!("https://{}/api/bmc?{query}", self.host))
                .header("authorization", format!("Bearer {token}"));
            let answer = request.call().map_err(|error| self.sent(error))?;
            let status = answer.status().as_u16();
            if status == UNAUTHORIZED {
                self.token = None;
                if !is_new {
                    continue;
                }
            }
            let value = parsed(answer.into_body());
            return match value {
                Some(value) if status == 200 => Ok(value["response"][0]["result"].clone()),
                _ => {
                    let said = format!("answered {status} to {query}");
                    Err(PowerError::refused(format!("the BMC at {}", self.host), said))
                }
            };
        }
    }
}

fn parsed(body: ureq::Body) -> Option<Value> {
    let mut bytes = Vec::new();
    body.into_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// 64 hex digits, with colons or without.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|&c| c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|two| two.iter().fold(0, |all, d| all << 4 | d)).collect();
    bytes.try_into().ok().filter(|_| digits.len() == 64)
}

impl Driver for TuringBmc {
    fn traits(&self) -> Traits {
        let warnings = vec!["nodes lose power while the BMC itself reboots".to_owned()];
        Traits { outlives_head: Some(true), warnings, ..Traits::new(DRIVER) }
    }

    fn check(&self, outlet: u32) -> Result<(), String> {
        within(outlet, 4)
    }

    fn read(&mut self, outlet: u32) -> Result<State, PowerError> {
        let result = self.ask("opt=get&type=power")?;
        let nodes = result.get(0).unwrap_or(&result);
        Ok(match nodes[format!("node{outlet}")].as_str() {
            Some("1") => State::On,
            Some("0") => State::Off,
            _ => State::Unknown,
        })
    }

    /// Power is set by node1 to node4. Its `reset`, which counts from 0, is not used.
    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        self.check(outlet).map_err(|why| PowerError::refused(DRIVER, why))?;
        let result = self.ask(&format!("opt=set&type=power&node{outlet}={}", u8::from(on)))?;
        if result.as_str() == Some("ok") {
            return Ok(());
        }
        let said = format!("answered {}", result.to_string().chars().take(80).collect::<String>());
        Err(PowerError::refused(format!("the BMC at {}", self.host), said))
    }
}

#[cfg(test)]
#[path = "bmc_tests.rs"]
mod tests;
