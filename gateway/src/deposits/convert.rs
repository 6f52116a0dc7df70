//! Deposits between the wire and the domain.

use super::bucket::Copier;
use super::stamps::Stamps;
use super::witnesses::Witnesses;
use crate::convert::{malformed, named, seconds_from_wire, seconds_to_wire};
use crate::error::ApiError;
use comity_deposits::{Deposit, Stored};
use comity_model::deposit::{Circumstances, Content, DepositKind, Entry, Item, LogState};
use comity_model::{Hash, MemberId, UnixSeconds};
use comity_proto::v1;
use comity_verify::deposit;
use std::fmt;

const FORM: &str = "members/{member}/deposits/{index}";

/// A deposit's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DepositName {
    pub(super) member: MemberId,
    pub(super) index: u64,
}

impl DepositName {
    pub(super) fn parse(name: &str) -> Result<Self, ApiError> {
        let mut parts = name.split('/');
        let (Some("members"), Some(member), Some("deposits"), Some(index), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed(FORM));
        };
        let canonical = index == "0" || (!index.starts_with('0') && index.bytes().all(|byte| byte.is_ascii_digit()));
        let index = index.parse().ok().filter(|_| canonical).ok_or_else(|| malformed(FORM))?;
        Ok(Self { member: member.parse().map_err(|_| malformed(FORM))?, index })
    }
}

impl fmt::Display for DepositName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "members/{}/deposits/{}", self.member, self.index)
    }
}

/// The member of a parent.
pub(super) fn parent(name: &str) -> Result<MemberId, ApiError> {
    let form = "members/{member}";
    named("members", form, name)?.parse().map_err(|_| malformed(form))
}

pub(super) fn circumstances(wire: Option<v1::Circumstances>, depositor: &MemberId) -> Result<Circumstances, ApiError> {
    let wire = wire.ok_or_else(|| ApiError::argument("circumstances", "Say what the files are."))?;
    let kind = DepositKind::ALL.into_iter().find(|kind| i32::from(*kind as u8) == wire.kind);
    let kind = kind.ok_or_else(|| ApiError::argument("circumstances.kind", "Say what kind of thing is deposited."))?;
    let stated = Circumstances {
        kind,
        depositor: depositor.clone(),
        identified_by: wire.identified_by,
        source: wire.source,
        method: wire.method,
        custody: wire.custody,
        environment: wire.environment,
        case: wire.case_number,
    };
    if stated.is_sound() {
        return Ok(stated);
    }
    let message = "A text of the circumstances is longer than 1,024 bytes, or has control characters.";
    Err(ApiError::argument("circumstances", message))
}

/// An item; with `salts` those are its own, and otherwise it must bring them.
pub(super) fn deposit(number: u32, wire: v1::DepositItem, salts: Option<&[u8; 32]>) -> Result<Deposit, ApiError> {
    let refuse = |what: &str| ApiError::argument("items", format!("Item {number}: {what}."));
    let digest = |bytes: &[u8], what: &str| {
        <[u8; 32]>::try_from(bytes).map(Hash).map_err(|_| refuse(&format!("{what} is 32 bytes")))
    };
    let brought = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok();
    let (content_salt, statement_salt) = match salts {
        Some(salts) => {
            if !wire.content_salt.is_empty() || !wire.statement_salt.is_empty() {
                return Err(refuse("salts come only with a seal"));
            }
            let (content, statement) = salts.split_at(16);
            (brought(content), brought(statement))
        }
        None => (brought(&wire.content_salt), brought(&wire.statement_salt)),
    };
    let (Some(content_salt), Some(statement_salt)) = (content_salt, statement_salt) else {
        return Err(refuse("a sealed item has two salts of 16 bytes"));
    };
    let created_at = match &wire.created_at {
        None => None,
        Some(time) => Some(seconds_from_wire(time).ok_or_else(|| refuse("its time is out of range"))?),
    };
    let follows = if wire.follows.is_empty() { None } else { Some(digest(&wire.follows, "`follows`")?) };
    let item = Item { name: wire.name, media_type: wire.media_type, created_at, follows };
    if !item.is_sound() {
        return Err(refuse("a text is longer than 1,024 bytes, or has control characters"));
    }
    Ok(Deposit {
        content: Content {
            salt: content_salt,
            sha256: digest(&wire.sha256, "SHA-256")?,
            sm3: digest(&wire.sm3, "SM3")?,
            size: wire.size_bytes,
        },
        statement_salt,
        item,
    })
}

pub(super) fn to_wire(
    name: &DepositName,
    entry: &Entry,
    stored: Stored,
    proven_at: Option<UnixSeconds>,
) -> v1::Deposit {
    let (content, statement) = (stored.content, stored.statement);
    let (item, stated) = (statement.item, statement.circumstances);
    v1::Deposit {
        name: name.to_string(),
        index: name.index,
        entry: deposit::leaf(entry).0.to_vec(),
        depositor: stated.depositor.to_string(),
        circumstances: Some(v1::Circumstances {
            kind: i32::from(stated.kind as u8),
            identified_by: stated.identified_by,
            source: stated.source,
            method: stated.method,
            custody: stated.custody,
            environment: stated.environment,
            case_number: stated.case,
        }),
        item: Some(v1::DepositItem {
            sha256: content.sha256.0.to_vec(),
            sm3: content.sm3.0.to_vec(),
            size_bytes: content.size,
            name: item.name,
            media_type: item.media_type,
            created_at: item.created_at.map(seconds_to_wire),
            follows: item.follows.map(|entry| entry.0.to_vec()).unwrap_or_default(),
            content_salt: Vec::new(),
            statement_salt: Vec::new(),
        }),
        received_at: Some(seconds_to_wire(stored.at)),
        proven_at: proven_at.map(seconds_to_wire),
        transaction: Vec::new(),
    }
}

/// A head that the chain has taken up, without where that was proven.
pub(super) fn checkpoint(log: &LogState) -> v1::LogCheckpoint {
    v1::LogCheckpoint { size: log.size, root: log.root.0.to_vec(), time: Some(seconds_to_wire(log.at)), proof: None }
}

/// What each witness has cosigned.
pub(super) fn standing(witnesses: &Witnesses) -> Vec<v1::WitnessStanding> {
    let each = witnesses.policy.witnesses().iter().zip(witnesses.told());
    let each = each.map(|(witness, told)| v1::WitnessStanding {
        name: witness.name.clone(),
        verifier_key: witness.key.to_string(),
        cosigned_size: told.size,
        cosigned_at: told.at.map(seconds_to_wire),
        failure: told.failing.code.unwrap_or_default().into(),
    });
    each.collect()
}

/// What of the log stands in its bucket.
pub(super) fn bucket(copier: &Copier) -> v1::BucketStanding {
    let told = copier.told();
    v1::BucketStanding {
        location: copier.bucket.location().to_owned(),
        copied_size: told.size,
        copied_at: told.at.map(seconds_to_wire),
        failure: told.failing.code.unwrap_or_default().into(),
    }
}

/// What the authority for time has stamped.
pub(super) fn stamps(stamps: &Stamps) -> v1::TimeStampStanding {
    let told = stamps.told();
    let last = told.last;
    v1::TimeStampStanding {
        url: stamps.config.url.clone(),
        authority: last.as_ref().map(|last| last.by.clone()).unwrap_or_default(),
        stamped_size: last.as_ref().map_or(0, |last| last.size),
        stamped_at: last.as_ref().map(|last| seconds_to_wire(last.at)),
        token: last.map(|last| last.token).unwrap_or_default(),
        failure: told.failing.code.unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_deposits_name_has_one_form() {
        let name = DepositName { member: "court".parse().unwrap(), index: 1_024 };
        assert_eq!(DepositName::parse(&name.to_string()).unwrap(), name);
        for wrong in
            ["members/court/deposits/01", "members/court/deposits/-1", "members/court/deposits/1/", "deposits/1"]
        {
            assert!(DepositName::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn kinds_on_the_wire_are_those_of_the_domain() {
        for kind in DepositKind::ALL {
            let wire = v1::DepositKind::try_from(i32::from(kind as u8)).unwrap();
            assert_eq!(wire.as_str_name(), kind.name());
        }
    }
}
