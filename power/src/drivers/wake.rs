//! Wake-on-LAN: a packet that network cards of PCs take for a power button. It only switches on.

use std::net::{SocketAddr, UdpSocket};

use crate::driver::within;
use crate::{Driver, PowerError, State, Traits};

pub(crate) struct WakeOnLan {
    macs: Vec<[u8; 6]>,
    to: SocketAddr,
}

impl WakeOnLan {
    pub(crate) fn new(macs: &[String], broadcast: &str) -> Result<Self, String> {
        let macs = macs.iter().map(|text| {
            mac(text).ok_or_else(|| format!("{text:?} is no MAC; write it as 02:00:5e:10:00:01"))
        });
        let to = broadcast.parse().map_err(|_| {
            format!("broadcast {broadcast:?} is no address with port; try 192.168.1.255:9")
        })?;
        Ok(Self { macs: macs.collect::<Result<_, _>>()?, to })
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        let digits = part.bytes().all(|digit| digit.is_ascii_hexdigit());
        *byte = u8::from_str_radix(part, 16).ok().filter(|_| digits)?;
    }
    // A group's address wakes nobody, or everybody.
    (parts.next().is_none() && bytes[0] & 1 == 0).then_some(bytes)
}

/// Six bytes of ones, then the address sixteen times.
fn packet(mac: [u8; 6]) -> [u8; 102] {
    let mut packet = [0xff; 102];
    for part in packet[6..].chunks_exact_mut(6) {
        part.copy_from_slice(&mac);
    }
    packet
}

impl Driver for WakeOnLan {
    fn traits(&self) -> Traits {
        let warnings = vec![
            "wakes PCs alone: no Raspberry Pi has the hardware for it, and it cannot switch off"
                .to_owned(),
        ];
        Traits {
            can_switch_off: false,
            outlives_head: Some(true),
            warnings,
            ..Traits::new("wake-on-lan")
        }
    }

    fn check(&self, outlet: u32) -> Result<(), String> {
        within(outlet, u32::try_from(self.macs.len()).unwrap_or(0))
            .map_err(|why| format!("{why}, the place in `macs`"))
    }

    fn read(&mut self, _outlet: u32) -> Result<State, PowerError> {
        Ok(State::Unknown)
    }

    fn switch(&mut self, outlet: u32, on: bool) -> Result<(), PowerError> {
        if !on {
            return Err(PowerError::CannotSwitchOff { driver: "wake-on-lan" });
        }
        self.check(outlet).map_err(|why| PowerError::refused("wake-on-lan", why))?;
        let failed = |error| PowerError::io(format!("sending to {}", self.to), error);
        let here = if self.to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(here).map_err(failed)?;
        socket.set_broadcast(true).map_err(failed)?;
        socket.send_to(&packet(self.macs[outlet as usize - 1]), self.to).map_err(failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_arrives_for_the_chosen_board() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        let to = socket.local_addr().unwrap().to_string();
        let macs = ["02:00:5e:10:00:01".to_owned(), "02-00-5E-10-00-02".to_owned()];
        let mut wake = WakeOnLan::new(&macs, &to).unwrap();
        wake.switch(2, true).unwrap();
        let mut bytes = [0; 200];
        let length = socket.recv(&mut bytes).unwrap();
        let expected = [vec![0xff; 6], [2, 0, 0x5e, 0x10, 0, 2].repeat(16)].concat();
        assert_eq!(bytes[..length], expected);
        assert!(wake.switch(2, false).is_err() && wake.check(3).is_err());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "02:00", "02:00:5e:10:00:0g", "+2:00:5e:10:00:01", "03:00:5e:10:00:01"] {
            assert!(mac(text).is_none(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_address_or_not(text in "\\PC{0,24}") {
            if let Some(bytes) = mac(&text) {
                proptest::prop_assert_eq!(text.len(), 17);
                proptest::prop_assert_eq!(bytes[0] & 1, 0);
            }
        }
    }
}
