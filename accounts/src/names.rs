//! What people and classes may be called, and which names are too much alike.

use bramble_protocol::JobPolicy;
use unicode_normalization::UnicodeNormalization;

use crate::{AccountsError, Result};

/// Sees that a text can be the name of a person.
pub(crate) fn check_user(name: &str) -> Result<()> {
    check(name, &JobPolicy { user: name.into(), ..JobPolicy::default() })
}

/// Sees that a text can be the name of a class.
pub(crate) fn check_class(name: &str) -> Result<()> {
    check(name, &JobPolicy { class: Some(name.into()), ..JobPolicy::default() })
}

fn check(name: &str, policy: &JobPolicy) -> Result<()> {
    if let Some(fault) = policy.fault() {
        return Err(AccountsError::BadName(fault));
    }
    // A dash would be taken for a flag, and the others hide files.
    if !name.chars().next().is_some_and(char::is_alphanumeric) {
        let fault = format!("`{name}` cannot be a name: it must begin with a letter or digit");
        return Err(AccountsError::BadName(fault));
    }
    Ok(())
}

/// What all names have in common that look or read alike: case is folded, and each letter becomes
/// the one of its look-alikes that Unicode Technical Standard 39 chooses.
pub(crate) fn skeleton(name: &str) -> String {
    let folded: String = name.nfkc().flat_map(char::to_lowercase).collect();
    let alike: String = unicode_security::skeleton(&folded).collect();
    // Some small letters look like large ones.
    alike.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one() {
        // Latin and Cyrillic letters, full width, and capitals.
        for other in ["Anna", "аnna", "ａnna", "ANNA", "аnnа"] {
            assert_eq!(skeleton(other), skeleton("anna"), "{other}");
        }
        assert_ne!(skeleton("anna"), skeleton("anne"));
        assert_ne!(skeleton("анна"), skeleton("нина"));
    }

    #[test]
    fn what_is_no_name_is_told() {
        for good in ["anna", "Анна.Петрова", "b.smith@school", "7b"] {
            check_user(good).unwrap();
            check_class(good).unwrap();
        }
        for bad in ["", "-rf", ".hidden", "a b", "a/b", "a\n", &"x".repeat(64)] {
            assert!(check_user(bad).is_err(), "{bad}");
            assert!(check_class(bad).is_err(), "{bad}");
        }
    }
}
