//! Names and addresses as people type them, checked before any of them stands in a file.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;
use std::str::FromStr;

use crate::plan::Problem;

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a hardware address.
    #[error("`{0}` is not a hardware address: use six pairs of digits, as b8:27:eb:00:00:01")]
    Mac(String),
    /// A hardware address that no single interface has.
    #[error(
        "`{0}` is not the address of one interface: take the one after `link/ether` in `ip link`"
    )]
    MacOfMany(String),
    /// Not an address with the length of its network.
    #[error("`{0}` is not an address in a network: use IP/LENGTH, as 10.66.0.1/24")]
    Subnet(String),
    /// A network that is too small or too big.
    #[error("a network of length /{0} does not fit: use one from /16 to /26")]
    SubnetLength(u8),
    /// The network's own address, or the one that reaches all in it.
    #[error(
        "{0} is not an address that the head could have: take the first after it, as 10.66.0.1"
    )]
    SubnetEdge(Ipv4Addr),
    /// An address that the internet uses, or none at all.
    #[error(
        "{0} is not a private address: use one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
    )]
    SubnetPublic(Ipv4Addr),
}

/// The hardware address of one network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address `bytes`.
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// What the node's end of the USB link has on a board in slot `slot` of a Cluster HAT.
    /// The vendor's images use the same addresses.
    pub const fn of_gadget(slot: u8) -> Self {
        Self([0x00, 0x22, 0x82, 0xff, 0xff, slot])
    }

    /// What the head's end of that link has.
    pub const fn of_gadget_on_head(slot: u8) -> Self {
        Self([0x00, 0x22, 0x82, 0xff, 0xfe, slot])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bad = || NameError::Mac(text.to_owned());
        let mut bytes = [0; 6];
        let mut pairs = text.split([':', '-']);
        for byte in &mut bytes {
            let pair = pairs.next().filter(|pair| pair.len() == 2).ok_or_else(bad)?;
            if !pair.chars().all(|c| c.is_ascii_hexdigit()) {
                return Err(bad());
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        if pairs.next().is_some() {
            return Err(bad());
        }
        // The lowest bit of the first byte marks groups.
        if bytes[0] & 1 == 1 || bytes == [0; 6] {
            return Err(NameError::MacOfMany(text.to_owned()));
        }
        Ok(Self(bytes))
    }
}

/// The head's address and the network it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    head: Ipv4Addr,
    length: u8,
}

impl Subnet {
    /// The head's address `head` in a network whose first `length` bits are given.
    ///
    /// # Errors
    /// When the length does not fit, or the address is public or none that a machine could have.
    pub fn new(head: Ipv4Addr, length: u8) -> Result<Self, NameError> {
        if !(16..=26).contains(&length) {
            return Err(NameError::SubnetLength(length));
        }
        if !head.is_private() {
            return Err(NameError::SubnetPublic(head));
        }
        let subnet = Self { head, length };
        if head == subnet.network() || head == subnet.nth(subnet.size() - 1) {
            return Err(NameError::SubnetEdge(head));
        }
        Ok(subnet)
    }

    /// The head's address.
    pub const fn head(self) -> Ipv4Addr {
        self.head
    }

    /// How many bits are the same in the whole network.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// How many addresses there are in it.
    pub const fn size(self) -> u32 {
        1 << (32 - self.length)
    }

    /// The bits that are the same, as dnsmasq wants them.
    pub fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(!(self.size() - 1))
    }

    /// The network's own address.
    pub fn network(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.head.to_bits() & !(self.size() - 1))
    }

    /// The address number `n` of the network, from 0.
    pub fn nth(self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network().to_bits() + n)
    }

    /// Whether a machine in the network could have this address.
    pub fn has(self, address: Ipv4Addr) -> bool {
        let offset = address.to_bits().wrapping_sub(self.network().to_bits());
        offset > 0 && offset < self.size() - 1
    }

    /// First and last of the addresses for machines that nobody has named: in a /24 those from 100
    /// to 199.
    pub fn pool(self) -> (Ipv4Addr, Ipv4Addr) {
        (self.nth(self.size() * 100 / 256), self.nth(self.size() * 200 / 256 - 1))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.head, self.length)
    }
}

impl FromStr for Subnet {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parsed = text.split_once('/').and_then(|(head, length)| {
            Some((head.parse::<Ipv4Addr>().ok()?, length.parse::<u8>().ok()?))
        });
        let (head, length) = parsed.ok_or_else(|| NameError::Subnet(text.to_owned()))?;
        Self::new(head, length)
    }
}

/// Whether `name` may stand between the dots of a host name: 1 to 63 small letters, digits and
/// hyphens, no hyphen at either end. Large letters mean the same in DNS, but not in other files.
pub fn is_dns_label(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether `name` is made of labels, as `bramble.internal` is.
pub(crate) fn is_domain(name: &str) -> bool {
    name.len() <= 200 && name.split('.').all(is_dns_label)
}

/// Whether Linux could call an interface so, and every file that names it take it as it is.
pub(crate) fn is_interface(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=15).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with(['-', '.'])
        && name != "lo"
        && name != "all"
}

/// Whether `name` is one that Debian gives to users.
pub(crate) fn is_user(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    (1..=31).contains(&name.len())
        && name.chars().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
}

/// Whether `path` is absolute, says plainly where it leads, and needs quoting in no file.
pub(crate) fn is_plain_path(path: &Path) -> bool {
    let Some(text) = path.to_str() else { return false };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    let mut parts = text.split('/').skip(1).peekable();
    text.starts_with('/')
        && text.len() <= 200
        && text.chars().all(allowed)
        && parts.peek().is_some()
        && parts.all(|part| !part.is_empty() && part != "." && part != "..")
}

/// What keeps the machine under `root` from having this user with this number, if anything does.
/// Where there is no list of users, nothing does.
pub fn user_problem(root: &Path, user: &str, uid: u32) -> Option<Problem> {
    // Longer lists are cut: nobody has a megabyte of local users.
    const BYTES_MAX: u64 = 1 << 20;
    let mut bytes = Vec::new();
    let file = File::open(root.join("etc/passwd")).ok()?;
    file.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    String::from_utf8_lossy(&bytes).lines().find_map(|line| {
        let mut fields = line.split(':');
        let other = fields.next()?;
        let has: u32 = fields.nth(1)?.parse().ok()?;
        match (other == user, has == uid) {
            (true, false) => Some(Problem::UidDiffers { user: user.to_owned(), has }),
            (false, true) => Some(Problem::UidTaken { uid, other: other.to_owned() }),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_read_as_people_write_them() {
        let mac: Mac = "B8-27-EB-0a-00-01".parse().unwrap();
        assert_eq!(mac.to_string(), "b8:27:eb:0a:00:01");
        assert_eq!(Mac::of_gadget(3).to_string(), "00:22:82:ff:ff:03");
        for bad in ["", "b8:27:eb:0a:00", "b8:27:eb:0a:00:01:02", "b8:27:eb:0a:00:+1", "p1"] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
        for of_many in ["ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "01:00:5e:00:00:01"] {
            assert!(matches!(of_many.parse::<Mac>(), Err(NameError::MacOfMany(_))), "{of_many}");
        }
    }

    #[test]
    fn a_network_knows_its_pool_and_who_is_in_it() {
        let subnet: Subnet = "10.66.0.1/24".parse().unwrap();
        assert_eq!(subnet.mask(), Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(subnet.network(), Ipv4Addr::new(10, 66, 0, 0));
        let pool = (Ipv4Addr::new(10, 66, 0, 100), Ipv4Addr::new(10, 66, 0, 199));
        assert_eq!(subnet.pool(), pool);
        assert!(subnet.has(Ipv4Addr::new(10, 66, 0, 254)));
        for outside in [[10, 66, 0, 0], [10, 66, 0, 255], [10, 66, 1, 1], [10, 65, 255, 255]] {
            assert!(!subnet.has(Ipv4Addr::from(outside)), "{outside:?}");
        }
        let small: Subnet = "192.168.7.65/26".parse().unwrap();
        assert_eq!(small.network(), Ipv4Addr::new(192, 168, 7, 64));
        assert!(small.has(small.pool().0) && small.has(small.pool().1));
    }

    #[test]
    fn networks_that_cannot_work_are_refused() {
        let error = |text: &str| text.parse::<Subnet>().unwrap_err();
        assert!(matches!(error("10.66.0.1"), NameError::Subnet(_)));
        assert!(matches!(error("10.66.0.1/30"), NameError::SubnetLength(30)));
        assert!(matches!(error("10.66.0.0/24"), NameError::SubnetEdge(_)));
        assert!(matches!(error("10.66.0.255/24"), NameError::SubnetEdge(_)));
        assert!(matches!(error("8.8.8.8/24"), NameError::SubnetPublic(_)));
        assert!(matches!(error("0.0.0.1/24"), NameError::SubnetPublic(_)));
    }

    #[test]
    fn names_that_would_mean_something_else_in_a_file_are_refused() {
        assert!(is_dns_label("p1") && is_dns_label("a-b") && is_domain("bramble.internal"));
        for bad in ["", "-a", "a-", "P1", "a_b", "a b", "a.b", "ä", &"x".repeat(64)] {
            assert!(!is_dns_label(bad), "{bad}");
        }
        assert!(is_interface("enxb827eb0a0001") && is_interface("eth0.10"));
        for bad in ["", "lo", "eth0;", "eth*", "a/b", "x234567890123456", "eth0\n"] {
            assert!(!is_interface(bad), "{bad}");
        }
        assert!(is_plain_path(Path::new("/srv/bramble")));
        for bad in ["", "/", "srv", "/srv/../etc", "/srv//a", "/srv/a b", "/srv/%i", "/srv/"] {
            assert!(!is_plain_path(Path::new(bad)), "{bad}");
        }
        assert!(is_user("pi") && !is_user("Pi") && !is_user("1pi") && !is_user("root:x"));
    }
}
