//! Who is calling: what a certificate says of its holder, as a name that the rest of the gateway can rely on.
//! It refuses to know what the holder may do (see `policy`) and how the certificate was checked (see `tls`).

use comity_model::member::MemberKind;
use comity_model::{BadId, MemberId};
use std::fmt;
use std::str::FromStr;

/// Scheme of the URI in a certificate's subject alternative name: `comity://<institution>/<role>`.
pub const SCHEME: &str = "comity";

/// The role of an institution's gateway: the only one that other institutions accept as a peer.
pub const ROLE_GATEWAY: &str = "gateway";

/// The role of an institution's signer: the process that holds its seal key.
pub const ROLE_SIGNER: &str = "signer";

/// What somebody is within an institution. 1 to 32 lower-case letters, digits or `-`; what it may do is policy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(String);

impl Role {
    /// The role's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The role of gateways.
    #[must_use]
    pub fn gateway() -> Self {
        Self(ROLE_GATEWAY.to_owned())
    }

    /// The role of signers.
    #[must_use]
    pub fn signer() -> Self {
        Self(ROLE_SIGNER.to_owned())
    }

    /// Whether it is the role of gateways.
    #[must_use]
    pub fn is_gateway(&self) -> bool {
        self.0 == ROLE_GATEWAY
    }
}

impl FromStr for Role {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=32).contains(&text.len()) && text.chars().all(slug) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId { what: "a role", form: "1 to 32 lower-case letters, digits or '-'" })
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a certificate names: an institution and a role in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The institution.
    pub institution: MemberId,
    /// The role.
    pub role: Role,
}

/// A URI that does not name a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate's URI must be comity://<institution>/<role>")]
pub struct BadIdentity;

impl Identity {
    /// The gateway of `institution`.
    #[must_use]
    pub fn gateway(institution: MemberId) -> Self {
        Self { institution, role: Role::gateway() }
    }
}

impl FromStr for Identity {
    type Err = BadIdentity;
    /// Reads exactly `comity://<institution>/<role>`: no port, no query, no escapes, no further path.
    fn from_str(uri: &str) -> Result<Self, BadIdentity> {
        let (scheme, rest) = uri.split_once("://").ok_or(BadIdentity)?;
        let (institution, role) = rest.split_once('/').ok_or(BadIdentity)?;
        if scheme != SCHEME {
            return Err(BadIdentity);
        }
        Ok(Self {
            institution: institution.parse().map_err(|_| BadIdentity)?,
            role: role.parse().map_err(|_| BadIdentity)?,
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}/{}", self.institution, self.role)
    }
}

/// Who is calling, as the connection's certificate proved it. Every request of a connection carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The institution; its own certificate authority vouches for it.
    pub institution: MemberId,
    /// The role within it.
    pub role: Role,
    /// What kind of institution it is, where this gateway knows it.
    pub kind: Option<MemberKind>,
}

impl Caller {
    /// The same institution in another role: the person on whose behalf its gateway asks.
    #[must_use]
    pub fn acting_as(&self, role: Role) -> Self {
        Self { role, ..self.clone() }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}/{}", self.institution, self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_what_it_prints() {
        let identity: Identity = "comity://court-hz/officer".parse().expect("valid");
        assert_eq!(identity.institution.as_str(), "court-hz");
        assert_eq!(identity.role.as_str(), "officer");
        assert_eq!(identity.to_string(), "comity://court-hz/officer");
    }

    #[test]
    fn a_uri_with_anything_more_or_less_is_refused() {
        for uri in [
            "",
            "comity://court",
            "comity://court/",
            "comity:///officer",
            "spiffe://court/officer",
            "comity://court/officer/x",
            "comity://court:443/officer",
            "comity://court/officer?x",
            "comity://Court/officer",
            "COMITY://court/officer",
        ] {
            assert_eq!(uri.parse::<Identity>(), Err(BadIdentity), "{uri}");
        }
    }
}
