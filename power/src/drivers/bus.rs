//! The two buses of a Raspberry Pi that switch boards: SMBus and GPIO lines.

use std::io;
use std::path::Path;

use gpiocdev::Request;
use gpiocdev::line::Value;
use i2cdev::core::I2CDevice;
use i2cdev::linux::LinuxI2CDevice;

/// Bytes in the registers of one chip.
pub(crate) trait Smbus: Send {
    fn read(&mut self, register: u8) -> io::Result<u8>;
    fn write(&mut self, register: u8, value: u8) -> io::Result<()>;
}

/// A chip on a bus of the kernel.
pub(crate) struct KernelBus(LinuxI2CDevice);

impl KernelBus {
    pub(crate) fn open(path: &Path, address: u8) -> io::Result<Self> {
        Ok(Self(LinuxI2CDevice::new(path, address.into())?))
    }
}

impl Smbus for KernelBus {
    fn read(&mut self, register: u8) -> io::Result<u8> {
        Ok(self.0.smbus_read_byte_data(register)?)
    }

    fn write(&mut self, register: u8, value: u8) -> io::Result<()> {
        Ok(self.0.smbus_write_byte_data(register, value)?)
    }
}

/// Some lines of one chip, by their offsets in it.
pub(crate) trait GpioLines: Send {
    /// The level of a line, whatever its direction is.
    fn read(&mut self, line: u32) -> io::Result<bool>;
    /// Makes a line an output of this level.
    fn drive(&mut self, line: u32, high: bool) -> io::Result<()>;
}

/// Lines asked of the kernel as they are. Dropping it may turn them into inputs, which takes the
/// boards' power, so it lives as long as the head.
pub(crate) struct KernelLines(Request);

impl KernelLines {
    /// Finds the chip by its label: its number differs between kernels.
    pub(crate) fn open(labels: &[&str], lines: &[u32]) -> io::Result<Self> {
        for path in gpiocdev::chip::chips().map_err(io::Error::other)? {
            let info = gpiocdev::chip::Chip::from_path(&path).and_then(|chip| chip.info());
            if !info.is_ok_and(|info| labels.contains(&info.label.as_str())) {
                continue;
            }
            let mut wish = Request::builder();
            wish.on_chip(path).with_consumer("bramble").with_lines(lines).as_is();
            return Ok(Self(wish.request().map_err(io::Error::other)?));
        }
        let said = format!("no GPIO chip is labelled {}", labels.join(" or "));
        Err(io::Error::new(io::ErrorKind::NotFound, said))
    }
}

impl GpioLines for KernelLines {
    fn read(&mut self, line: u32) -> io::Result<bool> {
        Ok(self.0.value(line).map_err(io::Error::other)? == Value::Active)
    }

    fn drive(&mut self, line: u32, high: bool) -> io::Result<()> {
        let level = if high { Value::Active } else { Value::Inactive };
        let mut config = self.0.config();
        config.with_line(line).as_output(level);
        self.0.reconfigure(&config).map_err(io::Error::other)
    }
}
