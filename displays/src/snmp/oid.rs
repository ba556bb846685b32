//! Object identifiers: where values of SNMP stand.

use std::fmt;
use std::str::FromStr;

/// The most numbers in one: what SMIv2 allows.
const PARTS_MAX: usize = 128;

/// An object identifier. They are ordered number by number, as SNMP walks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Vec<u32>);

/// Why a text is no object identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidError {
    /// It is not made of numbers with dots between.
    #[error(
        "`{text}` is no object identifier; write numbers with dots: .1.3.6.1.4.1.8072.9999.9999"
    )]
    Malformed {
        /// The text.
        text: String,
    },
    /// It is too long.
    #[error("an object identifier has at most 128 numbers, this one has {count}")]
    TooLong {
        /// How many it has.
        count: usize,
    },
}

impl Oid {
    /// The one with more numbers behind it.
    #[must_use]
    pub fn with(&self, numbers: &[u32]) -> Self {
        Self([&self.0, numbers].concat())
    }

    /// How many numbers it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Oid {
    /// In net-snmp's own playground, until bramble has a number of its own.
    fn default() -> Self {
        Self(vec![1, 3, 6, 1, 4, 1, 8072, 9999, 9999])
    }
}

impl From<Vec<u32>> for Oid {
    fn from(numbers: Vec<u32>) -> Self {
        Self(numbers)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|number| write!(f, ".{number}"))
    }
}

impl FromStr for Oid {
    type Err = OidError;

    /// The dot in front may be missing.
    fn from_str(text: &str) -> Result<Self, OidError> {
        let numbers = text.strip_prefix('.').unwrap_or(text);
        let count = numbers.split('.').count();
        if count > PARTS_MAX {
            return Err(OidError::TooLong { count });
        }
        // `parse` would take a sign.
        let number = |part: &str| part.parse().ok().filter(|_| !part.starts_with('+'));
        let numbers: Option<Vec<u32>> = numbers.split('.').map(number).collect();
        numbers.map(Self).ok_or_else(|| {
            let text = text.chars().take(80).collect();
            OidError::Malformed { text }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn they_are_ordered_number_by_number() {
        let oid = |text: &str| text.parse::<Oid>().unwrap();
        assert!(oid(".1.3.6") < oid(".1.3.6.0"));
        assert!(oid(".1.3.6.9") < oid(".1.3.6.10"), "and not as texts");
        assert!(oid(".1.3.6.1.5") < oid(".1.3.6.2"));
        assert_eq!(oid("1.3.6"), oid(".1.3.6"));
    }

    #[test]
    fn what_is_none_is_refused_in_words() {
        for text in ["", ".", "1..3", "1.-3", "1.+3", "iso.3", "1.4294967296", "1.3.", "1 .3"] {
            let error = text.parse::<Oid>().unwrap_err();
            assert!(error.to_string().contains("write numbers with dots"), "{text}");
        }
        let long = ".1".repeat(129).parse::<Oid>().unwrap_err();
        assert_eq!(long, OidError::TooLong { count: 129 });
    }

    proptest! {
        #[test]
        fn a_text_of_one_is_read_back(numbers in prop::collection::vec(any::<u32>(), 1..128)) {
            let oid = Oid::from(numbers);
            prop_assert_eq!(oid.to_string().parse(), Ok(oid));
        }
    }
}
