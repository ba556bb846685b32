//! A device on an I2C bus, by the calls that all buses have.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use i2cdev::core::I2CDevice;
use i2cdev::linux::LinuxI2CDevice;

use crate::error::{DisplayError, Hints};

/// The most bytes of one block: what SMBus allows.
#[cfg(feature = "ssd1306")]
pub(crate) const BLOCK_BYTES_MAX: usize = 32;

const HINTS: Hints = Hints {
    missing: "switch I2C on with `raspi-config` (Interface options) or `dtparam=i2c_arm=on`",
    forbidden: "its group is `i2c`: `sudo usermod -aG i2c bramble`, then start the head anew",
    taken: "a driver of the kernel has this address: use `driver = \"lcd\"` with it",
};
/// What may be the matter with a device that does not answer.
const SILENT: &str = "nothing answers at its address: `i2cdetect -y BUS` shows who does, \
                      and PCF8574A boards are at 0x3f";

/// A device on a bus.
pub(crate) trait I2c: Debug + Send {
    /// Sends a byte and nothing else.
    fn send(&mut self, byte: u8) -> Result<(), DisplayError>;
    /// Sends at most [`BLOCK_BYTES_MAX`] bytes after a register, or what stands in its place.
    #[cfg(feature = "ssd1306")]
    fn send_block(&mut self, register: u8, bytes: &[u8]) -> Result<(), DisplayError>;
    /// Waits until the device has done what it was told.
    fn wait(&mut self, time: Duration);
}

/// A device on a bus of this machine.
#[derive(Debug)]
pub(crate) struct LinuxI2c {
    device: LinuxI2CDevice,
    path: PathBuf,
}

impl LinuxI2c {
    /// The device at an address. It need not be there: only sending shows that.
    pub(crate) fn open(root: &Path, bus: u8, address: u8) -> Result<Self, DisplayError> {
        let path = root.join(format!("dev/i2c-{bus}"));
        let device = LinuxI2CDevice::new(&path, u16::from(address));
        let device = device.map_err(io::Error::from).map_err(DisplayError::open(&path, HINTS))?;
        Ok(Self { device, path })
    }
}

impl I2c for LinuxI2c {
    fn send(&mut self, byte: u8) -> Result<(), DisplayError> {
        let sent = self.device.smbus_write_byte(byte);
        sent.map_err(io::Error::from).map_err(DisplayError::send(&self.path, SILENT))
    }

    #[cfg(feature = "ssd1306")]
    fn send_block(&mut self, register: u8, bytes: &[u8]) -> Result<(), DisplayError> {
        let sent = self.device.smbus_write_i2c_block_data(register, bytes);
        sent.map_err(io::Error::from).map_err(DisplayError::send(&self.path, SILENT))
    }

    fn wait(&mut self, time: Duration) {
        thread::sleep(time);
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! A bus that remembers what was sent.

    use super::*;

    /// What happened on the bus.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Sent {
        Byte(u8),
        #[cfg(feature = "ssd1306")]
        Block(u8, Vec<u8>),
        Wait(Duration),
    }

    /// The bus; it fails after so many more transactions, if it is told so.
    #[derive(Debug, Default)]
    pub(crate) struct FakeI2c {
        pub(crate) sent: Vec<Sent>,
        pub(crate) fails_after: Option<usize>,
    }

    impl FakeI2c {
        /// What happened since it was last asked.
        pub(crate) fn taken(&mut self) -> Vec<Sent> {
            std::mem::take(&mut self.sent)
        }

        fn carry(&mut self, sent: Sent) -> Result<(), DisplayError> {
            if let Some(left) = &mut self.fails_after {
                let Some(fewer) = left.checked_sub(1) else {
                    let error = io::Error::from_raw_os_error(121);
                    return Err(DisplayError::send(Path::new("/dev/i2c-1"), SILENT)(error));
                };
                *left = fewer;
            }
            self.sent.push(sent);
            Ok(())
        }
    }

    impl I2c for FakeI2c {
        fn send(&mut self, byte: u8) -> Result<(), DisplayError> {
            self.carry(Sent::Byte(byte))
        }

        #[cfg(feature = "ssd1306")]
        fn send_block(&mut self, register: u8, bytes: &[u8]) -> Result<(), DisplayError> {
            assert!(bytes.len() <= BLOCK_BYTES_MAX, "a block of SMBus has at most 32 bytes");
            self.carry(Sent::Block(register, bytes.to_owned()))
        }

        fn wait(&mut self, time: Duration) {
            self.sent.push(Sent::Wait(time));
        }
    }
}
