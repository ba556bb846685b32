//! PoE switches by SNMP: the table of ports of RFC 3621.

use std::time::Duration;

use snmp2::v3::{Auth, AuthProtocol, Cipher, Security};
use snmp2::{Oid, SyncSession, Value};

use crate::config;
use crate::drivers::files;
use crate::{Driver, PowerError, State, Traits};

const DRIVER: &str = "poe-snmp";
/// pethPsePortEntry: 3 is the order, 6 what the port does.
const ENTRY: [u64; 10] = [1, 3, 6, 1, 2, 1, 105, 1, 1, 1];
const ADMIN: u64 = 3;
const DETECTION: u64 = 6;
const DELIVERS: i64 = 3;
const TIMEOUT: Duration = Duration::from_secs(3);
/// A switch looks for what hangs on a port before it gives power.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct PoeSnmp {
    config: config::PoeSnmp,
}

impl PoeSnmp {
    pub(crate) fn new(config: &config::PoeSnmp) -> Result<Self, String> {
        if config.host.is_empty() {
            return Err("host is empty; set the switch's address".into());
        }
        Ok(Self { config: config.clone() })
    }

    fn host(&self) -> String {
        let host = &self.config.host;
        if host.contains(':') { host.clone() } else { format!("{host}:161") }
    }

    /// A session is made for each question: switches restart, and UDP has no end.
    fn session(&self) -> Result<SyncSession, PowerError> {
        let secret = files::read(&self.config.secret_file, 1024)?;
        let Some(user) = &self.config.user else {
            return SyncSession::new_v2c(self.host(), secret.as_bytes(), Some(TIMEOUT), 1)
                .map_err(|error| PowerError::io(format!("reaching {}", self.host()), error));
        };
        let Some((first, second)) = secret.split_once('\n') else {
            let said = "needs two lines for SNMPv3: the password and the one for encryption";
            return Err(PowerError::refused(self.config.secret_file.display().to_string(), said));
        };
        let privacy = second.trim().as_bytes().to_vec();
        let security = Security::new(user.as_bytes(), first.trim().as_bytes())
            .with_auth_protocol(AuthProtocol::Sha1)
            .with_auth(Auth::AuthPriv { cipher: Cipher::Aes128, privacy_password: privacy });
        let mut session = SyncSession::new_v3(self.host(), Some(TIMEOUT), 1, security)
            .map_err(|error| PowerError::io(format!("reaching {}", self.host()), error))?;
        session.init().map_err(|error| self.failed(&error))?;
        Ok(session)
    }

    fn failed(&self, error: &snmp2::Error) -> PowerError {
        PowerError::refused(self.host(), format!("SNMP: {error}"))
    }

    fn oid(&self, column: u64, port: u32) -> Oid<'static> {
        let ends = [column, self.config.group.into(), port.into()];
        Oid::from(&[&ENTRY[..], &ends].concat()).expect("its first numbers are 1 and 3")
    }

    fn get(&self, column: u64, port: u32) -> Result<Option<i64>, PowerError> {
        let mut session = self.session()?;
        let answer = session.get(&self.oid(column, port)).map_err(|error| self.failed(&error))?;
        Ok(match answer.varbinds.clone().next() {
            Some((_, Value::Integer(value))) => Some(value),
            _ => None,
        })
    }
}

impl Driver for PoeSnmp {
    fn traits(&self) -> Traits {
        Traits {
            outlives_head: Some(true),
            settles_within: SETTLES_WITHIN,
            warnings: vec!["most switches forget a port that is off when they restart".to_owned()],
            ..Traits::new(DRIVER)
        }
    }

    fn check(&self, outlet: u32) -> Result<(), String> {
        if outlet == self.config.head_port {
            return Err(format!(
                "port {outlet} is the head's own, and nobody could switch it on again"
            ));
        }
        if outlet == 0 { Err("ports are counted from 1".into()) } else { Ok(()) }
    }

    fn read(&mut self, outlet: u32) -> Result<State, PowerError> {
        Ok(match (self.get(ADMIN, outlet)?, self.get(DETECTION, outlet)?) {
            (Some(2), _) => State::Off,
            (Some(1), Some(DELIVERS)) => State::On,
            // On by order, but nothing there that takes power, or a fault.
            _ => State::Unknown,
        })
    }

    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        self.check(outlet).map_err(|why| PowerError::refused(DRIVER, why))?;
        let mut session = self.session()?;
        let wanted = if on { 1 } else { 2 };
        let oid = self.oid(ADMIN, outlet);
        let answer =
            session.set(&[(&oid, Value::Integer(wanted))]).map_err(|error| self.failed(&error))?;
        if answer.error_status == 0 {
            return Ok(());
        }
        let said = format!(
            "refused to set port {outlet} (SNMP error {}); may the community or \
             user write?",
            answer.error_status
        );
        Err(PowerError::refused(self.host(), said))
    }
}

#[cfg(test)]
#[path = "poe_tests.rs"]
mod tests;
