//! Network interfaces and what has passed through them.

use std::path::{Path, PathBuf};

use bramble_protocol::board::{Interface, LIST_MAX};

use super::{entries, model, number, text};

/// Names that are a kind and the hardware address: `enxb827eb112233` for an adapter on USB.
const NAMES_WITH_ADDRESS: [&str; 3] = ["enx", "wlx", "wwx"];
const ADDRESS_DIGITS: usize = 12;

/// All interfaces but the loopback: those that are hardware first, because a head with
/// containers has more of the others than anybody wants to see.
pub(crate) fn read(root: &Path) -> Vec<Interface> {
    let mut dirs = entries(&root.join("sys/class/net"), "", "");
    dirs.sort_by_key(|dir| !dir.join("device").exists());
    dirs.iter().map(PathBuf::as_path).filter_map(interface).take(LIST_MAX).collect()
}

fn interface(dir: &Path) -> Option<Interface> {
    let name = dir.file_name()?.to_str()?;
    if name == "lo" || !dir.join("statistics").is_dir() {
        // Without counters it is not an interface, but something like `bonding_masters`.
        return None;
    }
    let count = |counter: &str| number::<u64>(&dir.join("statistics").join(counter));
    let both = |rx: &str, tx: &str| count(rx)?.checked_add(count(tx)?);
    Some(Interface {
        name: public_name(name).to_owned(),
        state: text(&dir.join("operstate")).map(|state| model::clean(&state)),
        // -1, or an error, where there is no link.
        megabits: number::<u32>(&dir.join("speed"))
            .filter(|speed| *speed > 0 && *speed != u32::MAX),
        rx_bytes: count("rx_bytes"),
        tx_bytes: count("tx_bytes"),
        errors: both("rx_errors", "tx_errors"),
        dropped: both("rx_dropped", "tx_dropped"),
        carrier_changes: number(&dir.join("carrier_changes")),
    })
}

/// A name without the hardware address that it may contain, which is nobody else's business.
pub(crate) fn public_name(name: &str) -> &str {
    let has_address = |kind: &&&str| {
        name.strip_prefix(**kind).is_some_and(|rest| {
            rest.len() == ADDRESS_DIGITS && rest.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
    };
    NAMES_WITH_ADDRESS.iter().find(has_address).copied().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_in_a_name_is_not_told() {
        assert_eq!(public_name("enxb827eb112233"), "enx");
        assert_eq!(public_name("wlxB827EB112233"), "wlx");
        for name in ["eth0", "enx1", "ethpi1", "enp0s25", "enxb827eb11223g", "enx"] {
            assert_eq!(public_name(name), name);
        }
    }

    proptest! {
        #[test]
        fn no_name_tells_an_address(kind in "(enx|wlx|wwx)", address in "[0-9a-f]{12}") {
            let name = format!("{kind}{address}");
            prop_assert!(!public_name(&name).contains(&address));
        }
    }
}
