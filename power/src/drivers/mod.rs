//! The kinds of switches.

pub(crate) mod bmc;
pub(crate) mod bus;
pub(crate) mod clusterctrl;
pub(crate) mod command;
pub(crate) mod expander;
pub(crate) mod files;
pub(crate) mod gpio;
pub(crate) mod hat;
#[cfg(feature = "poe-snmp")]
pub(crate) mod poe;
pub(crate) mod simulated;
pub(crate) mod usb;
pub(crate) mod wake;

use std::path::Path;

use crate::config::Switch;
use crate::{Driver, OpenError, PowerError};

/// Opens one switch. Changes no outlet.
pub(crate) fn open(switch: &Switch, root: &Path) -> Result<Box<dyn Driver>, OpenError> {
    let hardware = |driver| move |source: PowerError| OpenError::Hardware { driver, source };
    let setting = |driver| move |why: String| OpenError::Setting { driver, why };
    Ok(match switch {
        Switch::ClusterHat(s) => hat::open(s, root)?,
        Switch::Clusterctrl(s) => {
            Box::new(clusterctrl::open(s, root).map_err(hardware("clusterctrl"))?)
        }
        Switch::TuringBmc(s) => Box::new(bmc::TuringBmc::new(s).map_err(setting("turing-bmc"))?),
        #[cfg(feature = "poe-snmp")]
        Switch::PoeSnmp(s) => Box::new(poe::PoeSnmp::new(s).map_err(setting("poe-snmp"))?),
        #[cfg(not(feature = "poe-snmp"))]
        Switch::PoeSnmp(_) => {
            let why = "this bramble was built without it; build with the feature poe-snmp";
            return Err(setting("poe-snmp")(why.into()));
        }
        Switch::UsbPort(s) => Box::new(usb::UsbPort::new(s, root).map_err(setting("usb-port"))?),
        Switch::WakeOnLan(s) => {
            Box::new(wake::WakeOnLan::new(&s.macs, &s.broadcast).map_err(setting("wake-on-lan"))?)
        }
        Switch::Command(s) => Box::new(command::Command::new(s).map_err(setting("command"))?),
        Switch::Simulated(s) => Box::new(
            simulated::Simulated::open(s.outlets, s.file.clone()).map_err(hardware("simulated"))?,
        ),
    })
}
