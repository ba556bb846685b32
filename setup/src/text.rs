//! Small pieces that several of the generated files share.

use std::path::Path;

use bramble_protocol::Digest;

/// How each generated file begins: whose it is, and how to get rid of it.
pub(crate) const MARK: &str = "# Written by `bramble setup`. `bramble setup undo` removes it.\n";

/// The UUID of what is called `what` in this cluster: always the same, so that writing a profile
/// again replaces it. Version 8 of RFC 9562: made by a rule of one's own.
pub(crate) fn uuid(cluster: &str, what: &str) -> String {
    let digest = Digest::of(format!("bramble setup uuid\0{cluster}\0{what}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A hardware address for the bridge that is the same after each start. Without it, the bridge has
/// that of one of its ports, and nodes keep asking for the head where it is no more.
pub(crate) fn bridge_address(cluster: &str) -> crate::Mac {
    let digest = Digest::of(format!("bramble setup bridge\0{cluster}").as_bytes());
    let [a, b, c, d, e, ..] = *digest.as_bytes();
    // 02: administered locally, of one interface.
    crate::Mac::new([0x02, a, b, c, d, e])
}

/// What systemd calls the unit for a path, without its ending.
pub(crate) fn unit_of_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    let mut name = String::new();
    for (index, c) in text.trim_matches('/').chars().enumerate() {
        match c {
            '/' => name.push('-'),
            '.' if index == 0 => name.push_str("\\x2e"),
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':') => name.push(c),
            c => {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    name.push_str(&format!("\\x{byte:02x}"));
                }
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_follows_from_the_names_alone() {
        let id = uuid("bramble", "bridge");
        assert_eq!(id, uuid("bramble", "bridge"));
        assert_ne!(id, uuid("bramble", "port"));
        assert_ne!(id, uuid("other", "bridge"));
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "8");
    }

    #[test]
    fn units_of_paths_are_named_as_systemd_does() {
        assert_eq!(unit_of_path(Path::new("/srv/bramble/store")), "srv-bramble-store");
        assert_eq!(unit_of_path(Path::new("/srv/my-store")), "srv-my\\x2dstore");
        assert_eq!(unit_of_path(Path::new("/.a/b")), "\\x2ea-b");
    }
}
