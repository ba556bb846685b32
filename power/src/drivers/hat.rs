//! Which Cluster HAT is there, and what is known to go wrong with it.

use std::path::Path;

use crate::config::ClusterHat;
use crate::drivers::bus::{KernelBus, KernelLines};
use crate::drivers::expander::Expander;
use crate::drivers::files;
use crate::drivers::gpio::{HatV1, LABELS, LINES};
use crate::{Driver, OpenError};

const DRIVER: &str = "cluster-hat";
/// What the HAT's memory says that it is.
const PRODUCT: &str = "ZC4:ClusterHAT";
/// Where a kernel of Raspberry Pi says whether outputs stay when a program ends.
const PERSIST: &str = "sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u8,
    pub(crate) minor: u8,
}

impl Version {
    /// From what stands in `product_ver`: hex text, sixteen numbers for each of v1, v2, v3.
    fn from_word(text: &str) -> Option<Self> {
        let word = u8::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()?;
        let version = Self { major: word / 16, minor: word % 16 };
        (1..=3).contains(&version.major).then_some(version)
    }

    /// From what people write: `2.5`.
    fn from_text(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        let version = Self { major: major.parse().ok()?, minor: minor.parse().ok()? };
        ((1..=3).contains(&version.major) && version.minor < 16).then_some(version)
    }
}

pub(crate) fn version(forced: Option<&str>, root: &Path) -> Result<Version, String> {
    if let Some(text) = forced {
        return Version::from_text(text).ok_or_else(|| {
            format!("version {text:?} is none of 1.0 to 3.15; write it as \"2.5\"")
        });
    }
    let hat = root.join("proc/device-tree/hat");
    let product = files::read(&hat.join("product"), 256).unwrap_or_default();
    if product != PRODUCT {
        return Err(format!(
            "the board says {product:?} instead of {PRODUCT:?} in /proc/device-tree/hat/product; \
             if a Cluster HAT is on it, set `version` as printed on the HAT"
        ));
    }
    let word = files::read(&hat.join("product_ver"), 64).unwrap_or_default();
    Version::from_word(&word)
        .ok_or_else(|| format!("the HAT's version {word:?} is not known; set `version`"))
}

/// What people should know of this HAT on this board.
fn warnings(version: Version, root: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    if version.major == 1 && files::read(&root.join(PERSIST), 16).as_deref().ok() != Some("Y") {
        warnings.push(
            "boards lose power when the head's program ends: this kernel lacks \
             persist_gpio_outputs"
                .into(),
        );
    }
    let model = files::read(&root.join("proc/device-tree/model"), 256).unwrap_or_default();
    if version.major == 2 && version.minor <= 2 && model.starts_with("Raspberry Pi 4") {
        warnings.push("a Pi 4 head that reboots cuts the power of boards on HAT v2.0-2.2".into());
    }
    warnings
}

pub(crate) fn open(config: &ClusterHat, root: &Path) -> Result<Box<dyn Driver>, OpenError> {
    let setting = |why| OpenError::Setting { driver: DRIVER, why };
    let hardware = |source| OpenError::Hardware { driver: DRIVER, source };
    let version = version(config.version.as_deref(), root).map_err(setting)?;
    let warnings = warnings(version, root);
    if version.major == 1 {
        let lines = KernelLines::open(&LABELS, &LINES)
            .map_err(|error| hardware(crate::PowerError::io("taking over GPIO lines", error)))?;
        return Ok(Box::new(HatV1::new(Box::new(lines), warnings).map_err(hardware)?));
    }
    if !(0x20..=0x23).contains(&config.address) {
        return Err(setting(format!("address {:#x} is not in 0x20 to 0x23", config.address)));
    }
    let path = root.join(format!("dev/i2c-{}", config.bus));
    let doing = format!("opening {} (is I2C switched on in config.txt?)", path.display());
    let bus = KernelBus::open(&path, config.address)
        .map_err(|error| hardware(crate::PowerError::io(doing, error)))?;
    let lock = root.join(format!("run/lock/bramble-hat-{}-{:x}", config.bus, config.address));
    let hat = Expander::new(Box::new(bus), version, lock, warnings).map_err(hardware)?;
    Ok(Box::new(hat))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn board(product: &str, word: &str, model: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("proc/device-tree");
        fs::create_dir_all(tree.join("hat")).unwrap();
        fs::write(tree.join("hat/product"), format!("{product}\0")).unwrap();
        fs::write(tree.join("hat/product_ver"), format!("{word}\0")).unwrap();
        fs::write(tree.join("model"), format!("{model}\0")).unwrap();
        dir
    }

    #[test]
    fn the_version_is_read_from_the_board_unless_told() {
        let found = |word| version(None, board(PRODUCT, word, "").path());
        assert_eq!(found("0x0013").unwrap(), Version { major: 1, minor: 3 });
        assert_eq!(found("0x25").unwrap(), Version { major: 2, minor: 5 });
        assert_eq!(found("0x0030").unwrap(), Version { major: 3, minor: 0 });
        assert!(found("0x40").is_err() && found("0x0f").is_err() && found("").is_err());
        let other = board("Sense HAT", "0x25", "");
        assert!(version(None, other.path()).unwrap_err().contains("Sense HAT"));
        let forced = version(Some("2.4"), other.path()).unwrap();
        assert_eq!(forced, Version { major: 2, minor: 4 });
    }

    #[test]
    fn what_goes_wrong_is_said_where_it_does() {
        let said = |major, minor, model: &str| {
            warnings(Version { major, minor }, board(PRODUCT, "", model).path()).len()
        };
        assert_eq!(said(2, 2, "Raspberry Pi 4 Model B Rev 1.4"), 1);
        assert_eq!(said(2, 5, "Raspberry Pi 4 Model B Rev 1.4"), 0);
        assert_eq!(said(2, 0, "Raspberry Pi 3 Model B"), 0);
        assert_eq!(said(1, 3, "Raspberry Pi 3 Model B"), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_word_is_a_version_or_none(text in "\\PC{0,12}", word: u8) {
            let _ = (Version::from_word(&text), Version::from_text(&text));
            let found = Version::from_word(&format!("0x{word:04x}"));
            proptest::prop_assert_eq!(found.is_some(), (16..64).contains(&word));
        }
    }
}
