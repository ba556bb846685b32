//! Ports of a USB hub, by the kernel's `disable` files (Linux 6.0 and later).

use std::fs;
use std::path::{Path, PathBuf};

use crate::config;
use crate::drivers::files;
use crate::{Driver, PowerError, State, Traits};

const DRIVER: &str = "usb-port";

pub(crate) struct UsbPort {
    devices: PathBuf,
    /// The hub, and the half of it that serves USB 3.
    hubs: Vec<String>,
    is_ganged: bool,
}

impl UsbPort {
    pub(crate) fn new(config: &config::UsbPort, root: &Path) -> Result<Self, String> {
        let hubs: Vec<_> =
            [Some(config.hub.clone()), config.other_half.clone()].into_iter().flatten().collect();
        for hub in &hubs {
            let fits = |c: char| c.is_ascii_digit() || c == '-' || c == '.';
            if hub.is_empty() || hub.contains("..") || !hub.chars().all(fits) {
                return Err(format!("hub {hub:?} is no name as in /sys/bus/usb/devices, like 1-1"));
            }
        }
        let model = files::read(&root.join("proc/device-tree/model"), 256).unwrap_or_default();
        let is_ganged = is_ganged(&model, &config.hub);
        if is_ganged && !config.all_ports {
            return Err(format!(
                "the ports of hub {} on {model} are switched together, and perhaps the network or \
                 the disk with them; use a hub that switches each port, or set all-ports = true \
                 if everything on them may go off",
                config.hub
            ));
        }
        Ok(Self { devices: root.join("sys/bus/usb/devices"), hubs, is_ganged })
    }

    fn file(&self, hub: &str, port: u32) -> PathBuf {
        // The interface of a root hub is called after its bus.
        let (interface, name) = match hub.strip_suffix("-0") {
            Some(bus) => (format!("{bus}-0:1.0"), format!("usb{bus}-port{port}")),
            None => (format!("{hub}:1.0"), format!("{hub}-port{port}")),
        };
        self.devices.join(interface).join(name).join("disable")
    }
}

/// Whether a hub on the board switches several ports at once: all that Raspberry Pis have.
fn is_ganged(model: &str, hub: &str) -> bool {
    model.starts_with("Raspberry Pi")
        && matches!(hub, "1-1" | "1-0" | "2-0" | "3-0" | "4-0" | "2-1")
}

impl Driver for UsbPort {
    fn traits(&self) -> Traits {
        let mut warnings = vec![
            "many hubs say that a port is off and leave its 5 V on: see once that the board \
             really goes off"
                .to_owned(),
        ];
        if self.is_ganged {
            warnings.push("all ports of this hub are switched together".into());
        }
        Traits { warnings, ..Traits::new(DRIVER) }
    }

    fn check(&self, outlet: u32) -> Result<(), String> {
        for hub in &self.hubs {
            let file = self.file(hub, outlet);
            if !file.exists() {
                return Err(format!(
                    "there is no {}; is the hub there, and Linux 6.0 or later?",
                    file.display()
                ));
            }
        }
        Ok(())
    }

    fn read(&mut self, outlet: u32) -> Result<State, PowerError> {
        let mut states = Vec::new();
        for hub in &self.hubs {
            let text = files::read(&self.file(hub, outlet), 16)?;
            states.push(match text.as_str() {
                "0" => State::On,
                "1" => State::Off,
                _ => State::Unknown,
            });
        }
        // Either half alone gives power.
        let all_same = states.windows(2).all(|two| two[0] == two[1]);
        Ok(match states.first() {
            Some(&state) if all_same => state,
            _ => State::Unknown,
        })
    }

    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        for hub in &self.hubs {
            let file = self.file(hub, outlet);
            let failed = |error| PowerError::io(format!("writing {}", file.display()), error);
            // Not created: on a kernel without the file there is nothing to write to.
            let text = if on { "0" } else { "1" };
            let open = fs::OpenOptions::new().write(true).open(&file);
            let write =
                open.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
            write.map_err(failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computer(model: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (hub, port) in [("1-1", 2), ("1-2.4", 3), ("2-2.4", 3)] {
            let port = dir.path().join(format!("sys/bus/usb/devices/{hub}:1.0/{hub}-port{port}"));
            fs::create_dir_all(&port).unwrap();
            fs::write(port.join("disable"), "0\n").unwrap();
        }
        fs::create_dir_all(dir.path().join("proc/device-tree")).unwrap();
        fs::write(dir.path().join("proc/device-tree/model"), model).unwrap();
        dir
    }

    fn config(text: &str) -> config::UsbPort {
        toml::from_str(&format!("nodes = {{}}\n{text}")).unwrap()
    }

    #[test]
    fn both_halves_of_a_hub_are_switched_and_read() {
        let dir = computer("PC");
        let config = config("hub = '1-2.4'\nother-half = '2-2.4'");
        let mut hub = UsbPort::new(&config, dir.path()).unwrap();
        hub.switch(3, false).unwrap();
        assert_eq!(hub.read(3).unwrap(), State::Off);
        assert_eq!(fs::read_to_string(hub.file("2-2.4", 3)).unwrap().trim(), "1");
        fs::write(hub.file("2-2.4", 3), "0").unwrap();
        assert_eq!(hub.read(3).unwrap(), State::Unknown, "halves that differ");
        assert!(hub.check(4).is_err() && hub.switch(4, true).is_err());
    }

    #[test]
    fn ports_that_go_together_are_refused_unless_wanted() {
        let dir = computer("Raspberry Pi 3 Model B Rev 1.2\0");
        let refused = UsbPort::new(&config("hub = '1-1'"), dir.path());
        assert!(refused.err().unwrap().contains("all-ports"));
        let hub = UsbPort::new(&config("hub = '1-1'\nall-ports = true"), dir.path()).unwrap();
        assert_eq!(hub.traits().warnings.len(), 2);
        assert!(UsbPort::new(&config("hub = '../1'"), dir.path()).is_err());
    }
}
