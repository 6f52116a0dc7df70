//! Names of things. Each is its own type, so that one cannot be passed for another.

use crate::codec::decode_through;
use alloc::string::{String, ToString};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use core::str::FromStr;

/// A text that does not fit the form of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {form}")]
pub struct BadId {
    /// What the text was to name.
    pub what: &'static str,
    /// The accepted form, in words.
    pub form: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:literal..=$max:literal, $form:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                let accepts: fn(char) -> bool = $accepts;
                let fits = ($min..=$max).contains(&text.len()) && text.chars().all(accepts);
                if fits { Ok(Self(text)) } else { Err(BadId { what: $what, form: $form }) }
            }
        }
        decode_through!($name, String);

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::try_from(text.to_string())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn slug(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
}

text_id!(
    /// A chain, as its headers name it (CometBFT: at most 50 bytes).
    ChainId, "a chain id", 1..=50, "1 to 50 letters, digits, '-', '_' or '.'",
    |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
);
text_id!(
    /// A light client on a chain (ICS-24: 4 to 64 characters). Never reused.
    ClientId, "a client id", 4..=64, "4 to 64 letters, digits or one of . _ + - # [ ] < >",
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | '#' | '[' | ']' | '<' | '>')
);
text_id!(
    /// An institution of the alliance.
    MemberId, "a member id", 1..=32, "1 to 32 lower-case letters, digits, '-' or '_'", slug
);
text_id!(
    /// An officer within a member: a work number.
    OfficerId, "an officer id", 1..=32, "1 to 32 letters, digits or '-'",
    |c| c.is_ascii_alphanumeric() || c == '-'
);
text_id!(
    /// A sector: the name of a schema and of an order profile.
    Sector, "a sector", 1..=32, "1 to 32 lower-case letters, digits, '-' or '_'", slug
);
text_id!(
    /// A record within a sector: a judgment number, a licence number. Any text without control characters.
    RecordId, "a record id", 1..=128, "1 to 128 bytes of text without control characters",
    |c| !c.is_control()
);
impl RecordId {
    /// The id of a record that is named by a digest: its 64 hex digits.
    #[must_use]
    pub fn of_digest(digest: &crate::Hash) -> Self {
        Self(digest.to_string())
    }
}

text_id!(
    /// A kind of order in a sector's profile, such as `freeze` or `list`.
    OrderKind, "an order kind", 1..=32, "1 to 32 lower-case letters, digits, '-' or '_'", slug
);
text_id!(
    /// A rule by which a proven fact opens the next step.
    RuleId, "a rule id", 1..=48, "1 to 48 lower-case letters, digits, '-' or '_'", slug
);
text_id!(
    /// A field of a record or of an order's private part.
    FieldName, "a field name", 1..=64, "1 to 64 lower-case letters, digits, '-' or '_'", slug
);
text_id!(
    /// A stable reason code: `UPPER_SNAKE`.
    ReasonCode, "a reason code", 1..=48, "1 to 48 upper-case letters, digits or '_'",
    |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
);

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                const BAD: BadId =
                    BadId { what: stringify!($name), form: concat!("2 × ", $len, " hex digits") };
                let bytes = text.as_bytes();
                let mut out = [0u8; $len];
                if bytes.len() != out.len().saturating_mul(2) {
                    return Err(BAD);
                }
                for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
                    let text = core::str::from_utf8(pair).map_err(|_| BAD)?;
                    if !pair.iter().all(u8::is_ascii_hexdigit) {
                        return Err(BAD);
                    }
                    *slot = u8::from_str_radix(text, 16).map_err(|_| BAD)?;
                }
                Ok(Self(out))
            }
        }
    };
}

bytes_id!(
    /// An order: 16 random bytes, so that its public part names nobody.
    OrderId, 16
);
bytes_id!(
    /// What a caller chose to make its request idempotent: the 16 bytes of a UUID.
    RequestId, 16
);
bytes_id!(
    /// An obligation of a court's: 16 random bytes.
    ObligationId, 16
);
bytes_id!(
    /// An agreement of a court's: 16 random bytes.
    AgreementId, 16
);
bytes_id!(
    /// An asset on its institution's chain: 32 random bytes that only the institution maps to the asset.
    AssetHandle, 32
);

/// The height of a block; the first block of a chain has height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Height(pub u64);

impl Height {
    /// The height after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_refuse_what_is_not_of_their_form() {
        assert!("court-hangzhou".parse::<MemberId>().is_ok());
        for text in ["", "Court", "a/b", &"x".repeat(33)] {
            assert!(text.parse::<MemberId>().is_err(), "{text}");
        }
        assert!("abc".parse::<ClientId>().is_err());
        assert!("(2025)浙01民终1234号".parse::<RecordId>().is_ok());
        assert!("a\nb".parse::<RecordId>().is_err());
    }

    #[test]
    fn decoding_checks_the_form_as_well() {
        let bytes = crate::encode(&String::from("NOT a member"));
        assert!(crate::decode::<MemberId>("member id", &bytes).is_err());
    }

    #[test]
    fn hex_identifiers_read_what_they_print() {
        let id = OrderId(*b"0123456789abcdef");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("+1".repeat(16).parse::<OrderId>().is_err());
    }
}
