//! How a node joins a cluster: by a token that also says which head is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::account::Hidden;
use crate::{Fingerprint, hex};

/// What tokens begin with, so that people know one when they see it.
const PREFIX: &str = "brj_";

/// A token: a secret, and the beginning of the fingerprint of the head's key. Its text is `brj_`
/// and 64 hexadecimal digits. It cannot be printed by accident, and is cleared when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    secret: Zeroizing<[u8; Self::SECRET_BYTES]>,
    head: [u8; Fingerprint::PREFIX_BYTES],
}

/// Why a text is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a join token is `brj_` and 64 hexadecimal digits, as `bramble nodes token` prints it")]
pub struct JoinTokenError;

impl JoinToken {
    /// Length of the secret, in bytes.
    pub const SECRET_BYTES: usize = 16;

    /// A token of this secret for the head whose fingerprint begins so.
    pub fn new(secret: [u8; Self::SECRET_BYTES], head: [u8; Fingerprint::PREFIX_BYTES]) -> Self {
        Self { secret: Zeroizing::new(secret), head }
    }

    /// What the agent shows the head, and nobody else.
    pub fn secret(&self) -> Hidden {
        let mut text = String::with_capacity(2 * Self::SECRET_BYTES);
        hex::encode_into(self.secret.as_slice(), &mut text);
        Hidden::new(text)
    }

    /// The beginning of the fingerprint that the head must have.
    pub const fn head(&self) -> [u8; Fingerprint::PREFIX_BYTES] {
        self.head
    }

    /// The whole text, to be handed to an agent.
    pub fn text(&self) -> Hidden {
        let mut text = format!("{PREFIX}{}", self.secret().expose());
        hex::encode_into(&self.head, &mut text);
        Hidden::new(text)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken")
    }
}

impl FromStr for JoinToken {
    type Err = JoinTokenError;

    fn from_str(text: &str) -> Result<Self, JoinTokenError> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(JoinTokenError)?;
        let length = Self::SECRET_BYTES + Fingerprint::PREFIX_BYTES;
        if digits.len() != 2 * length {
            return Err(JoinTokenError);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        hex::decode_into(digits, &mut bytes).ok_or(JoinTokenError)?;
        let (secret, head) = bytes.split_first_chunk().ok_or(JoinTokenError)?;
        let head = head.try_into().map_err(|_| JoinTokenError)?;
        Ok(Self::new(*secret, head))
    }
}

/// `POST /api/v1/nodes/tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NewJoinToken {
    /// How many nodes may join by it; 1 when absent.
    pub uses: Option<u32>,
    /// How long it lasts, in milliseconds; an hour when absent.
    pub lasts_ms: Option<u64>,
    /// What the model of a board must begin with, such as `Raspberry Pi Zero 2`.
    pub model: Option<String>,
    /// Whether each node that joins by it waits until somebody approves it.
    pub needs_approval: bool,
}

/// A token as it is listed: without the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JoinTokenView {
    /// Its number.
    pub id: u64,
    /// Who made it.
    pub made_by: String,
    /// Until when it can be used.
    pub expires_at_ms: u64,
    /// How many nodes may still join by it.
    pub uses_left: u32,
    /// What the model of a board must begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether each node that joins by it waits until somebody approves it.
    pub needs_approval: bool,
}

/// Answers `POST /api/v1/nodes/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IssuedJoinToken {
    /// The token, shown this once.
    pub token: Hidden,
    /// What it can do.
    #[serde(flatten)]
    pub view: JoinTokenView,
}

/// `GET /api/v1/nodes/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JoinTokenList {
    /// Those that can still be used.
    pub tokens: Vec<JoinTokenView>,
}

/// Whether a node may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NodeAdmission {
    /// It waits for somebody to approve it.
    Pending,
    /// It may.
    Approved,
    /// Somebody refused it.
    Rejected,
    /// It was removed.
    Removed,
}

impl NodeAdmission {
    /// Its name, as shown and stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Removed => "removed",
        }
    }
}

impl FromStr for NodeAdmission {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Pending, Self::Approved, Self::Rejected, Self::Removed];
        all.into_iter().find(|it| it.name() == text).ok_or(())
    }
}

/// A node and whether it may work, also when it was never connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdmissionView {
    /// Its name.
    pub node: String,
    /// Whether it may work.
    pub admission: NodeAdmission,
}

/// `GET /api/v1/nodes/admissions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdmissionList {
    /// By name.
    pub nodes: Vec<AdmissionView>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_says_which_head_is_meant() {
        let token = JoinToken::new([7; 16], [9; 16]);
        let text = token.text();
        assert_eq!(text.expose(), format!("brj_{}{}", "07".repeat(16), "09".repeat(16)));
        let read: JoinToken = text.expose().parse().unwrap();
        assert_eq!((read.secret(), read.head()), (token.secret(), [9; 16]));
        assert_eq!(format!("{token:?}"), "JoinToken");
        let long = format!("{}0", text.expose());
        for bad in ["", "brj_", "brt_", &text.expose()[..60], &long, &"é".repeat(34)] {
            assert!(bad.parse::<JoinToken>().is_err(), "{bad}");
        }
    }
}
