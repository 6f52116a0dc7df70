//! The one place where wire types and `verify`'s types become each other. Reading refuses what has no place in the
//! domain type; it judges nothing else.

use crate::block as wire;
use crate::validator as wire_validator;
use comity_model::{Hash, Height, Time};
use comity_verify::comet;

/// A wire value that is none of the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {form}")]
pub struct BadWire {
    /// The field.
    pub what: &'static str,
    /// Its form.
    pub form: &'static str,
}

const fn bad(what: &'static str, form: &'static str) -> BadWire {
    BadWire { what, form }
}

/// Go's zero time: it stands in a commit where there is no vote.
fn zero_time() -> Time {
    const SECONDS: i64 = -62_135_596_800;
    Time::new(SECONDS, 0).unwrap_or(Time::UNIX_EPOCH)
}

fn hash(what: &'static str, bytes: &[u8]) -> Result<Hash, BadWire> {
    <[u8; 32]>::try_from(bytes).map(Hash).map_err(|_| bad(what, "32 bytes"))
}

fn optional_hash(what: &'static str, bytes: &[u8]) -> Result<Option<Hash>, BadWire> {
    if bytes.is_empty() { Ok(None) } else { hash(what, bytes).map(Some) }
}

fn address(what: &'static str, bytes: &[u8]) -> Result<comet::Address, BadWire> {
    bytes.try_into().map_err(|_| bad(what, "20 bytes"))
}

fn bytes_of(hash: Option<&Hash>) -> Vec<u8> {
    hash.map(|hash| hash.0.to_vec()).unwrap_or_default()
}

impl From<&comet::BlockId> for wire::BlockId {
    fn from(id: &comet::BlockId) -> Self {
        Self {
            hash: id.hash.0.to_vec(),
            parts: wire::PartSetHeader { total: id.parts.total, hash: id.parts.hash.0.to_vec() },
        }
    }
}

impl TryFrom<&wire::BlockId> for comet::BlockId {
    type Error = BadWire;
    fn try_from(id: &wire::BlockId) -> Result<Self, BadWire> {
        Ok(Self {
            hash: hash("block_id.hash", &id.hash)?,
            parts: comet::PartSetHeader { total: id.parts.total, hash: hash("block_id.parts.hash", &id.parts.hash)? },
        })
    }
}

impl From<&comet::Header> for wire::Header {
    fn from(header: &comet::Header) -> Self {
        Self {
            version: wire::Version { block: header.version.block, app: header.version.app },
            chain_id: header.chain_id.to_string(),
            height: header.height.0,
            time: header.time,
            last_block_id: header.last_block_id.as_ref().map(wire::BlockId::from).unwrap_or_default(),
            last_commit_hash: bytes_of(header.last_commit_hash.as_ref()),
            data_hash: bytes_of(header.data_hash.as_ref()),
            validators_hash: header.validators_hash.0.to_vec(),
            next_validators_hash: header.next_validators_hash.0.to_vec(),
            consensus_hash: bytes_of(header.consensus_hash.as_ref()),
            app_hash: header.app_hash.bytes().to_vec(),
            last_results_hash: bytes_of(header.last_results_hash.as_ref()),
            evidence_hash: bytes_of(header.evidence_hash.as_ref()),
            proposer_address: header.proposer_address.to_vec(),
        }
    }
}

impl TryFrom<&wire::Header> for comet::Header {
    type Error = BadWire;
    fn try_from(header: &wire::Header) -> Result<Self, BadWire> {
        let last = &header.last_block_id;
        Ok(Self {
            version: comet::Version { block: header.version.block, app: header.version.app },
            chain_id: header.chain_id.parse().map_err(|_| bad("chain_id", "a chain id"))?,
            height: Height(header.height),
            time: header.time,
            last_block_id: if *last == wire::BlockId::default() { None } else { Some(last.try_into()?) },
            last_commit_hash: optional_hash("last_commit_hash", &header.last_commit_hash)?,
            data_hash: optional_hash("data_hash", &header.data_hash)?,
            validators_hash: hash("validators_hash", &header.validators_hash)?,
            next_validators_hash: hash("next_validators_hash", &header.next_validators_hash)?,
            consensus_hash: optional_hash("consensus_hash", &header.consensus_hash)?,
            app_hash: comet::AppHash::new(header.app_hash.clone())
                .ok_or_else(|| bad("app_hash", "at most 64 bytes"))?,
            last_results_hash: optional_hash("last_results_hash", &header.last_results_hash)?,
            evidence_hash: optional_hash("evidence_hash", &header.evidence_hash)?,
            proposer_address: address("proposer_address", &header.proposer_address)?,
        })
    }
}

impl From<&comet::Commit> for wire::Commit {
    fn from(commit: &comet::Commit) -> Self {
        Self {
            height: commit.height.0,
            round: commit.round,
            block_id: (&commit.block_id).into(),
            signatures: commit.signatures.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<&wire::Commit> for comet::Commit {
    type Error = BadWire;
    fn try_from(commit: &wire::Commit) -> Result<Self, BadWire> {
        if commit.signatures.len() > comet::ValidatorSet::MAX {
            return Err(bad("signatures", "at most 10000"));
        }
        Ok(Self {
            height: Height(commit.height),
            round: commit.round,
            block_id: (&commit.block_id).try_into()?,
            signatures: commit.signatures.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

/// The commit that a block carries for the one before; the first block's is empty.
#[must_use]
pub fn last_commit(commit: Option<&comet::Commit>) -> wire::Commit {
    commit.map_or_else(
        || wire::Commit { height: 0, round: 0, block_id: wire::BlockId::default(), signatures: Vec::new() },
        wire::Commit::from,
    )
}

const ABSENT: u8 = 1;
const COMMIT: u8 = 2;
const NIL: u8 = 3;

impl From<&comet::CommitSig> for wire::CommitSig {
    fn from(entry: &comet::CommitSig) -> Self {
        let (flag, vote) = match entry {
            comet::CommitSig::Absent => (ABSENT, None),
            comet::CommitSig::Commit(vote) => (COMMIT, Some(vote)),
            comet::CommitSig::Nil(vote) => (NIL, Some(vote)),
        };
        Self {
            block_id_flag: flag,
            validator_address: vote.map(|vote| vote.address.to_vec()).unwrap_or_default(),
            timestamp: vote.map_or_else(zero_time, |vote| vote.time),
            signature: vote.map(|vote| vote.signature.to_vec()).unwrap_or_default(),
        }
    }
}

impl TryFrom<&wire::CommitSig> for comet::CommitSig {
    type Error = BadWire;
    fn try_from(entry: &wire::CommitSig) -> Result<Self, BadWire> {
        let vote = || {
            Ok(comet::Vote {
                address: address("validator_address", &entry.validator_address)?,
                time: entry.timestamp,
                signature: entry.signature.as_slice().try_into().map_err(|_| bad("signature", "64 bytes"))?,
            })
        };
        match entry.block_id_flag {
            ABSENT if entry.validator_address.is_empty() && entry.signature.is_empty() => Ok(Self::Absent),
            ABSENT => Err(bad("an absent vote", "without address and signature")),
            COMMIT => vote().map(Self::Commit),
            NIL => vote().map(Self::Nil),
            _ => Err(bad("block_id_flag", "1, 2 or 3")),
        }
    }
}

impl TryFrom<&wire::SignedHeader> for comet::SignedHeader {
    type Error = BadWire;
    fn try_from(signed: &wire::SignedHeader) -> Result<Self, BadWire> {
        Ok(Self { header: (&signed.header).try_into()?, commit: (&signed.commit).try_into()? })
    }
}

/// A set's validators on the wire, in its order.
#[must_use]
pub fn validators(set: &comet::ValidatorSet) -> Vec<wire_validator::Validator> {
    set.validators()
        .iter()
        .zip(set.addresses())
        .map(|(validator, address)| wire_validator::Validator {
            address: address.to_vec(),
            pub_key: wire_validator::PublicKey::Ed25519(validator.public_key.to_vec()),
            voting_power: validator.power,
            proposer_priority: 0,
        })
        .collect()
}

/// All pages of a set. The addresses that the wire names are not read: they follow from the keys.
pub fn validator_set(pages: &[wire_validator::Validator]) -> Result<comet::ValidatorSet, BadWire> {
    let validators = pages
        .iter()
        .map(|one| {
            let wire_validator::PublicKey::Ed25519(key) = &one.pub_key;
            Ok(comet::Validator {
                public_key: key.as_slice().try_into().map_err(|_| bad("pub_key", "32 bytes"))?,
                power: one.voting_power,
            })
        })
        .collect::<Result<_, BadWire>>()?;
    comet::ValidatorSet::new(validators).map_err(|_| bad("validators", "1 to 10000, each once, of at most 2^60 power"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::Hash;

    fn id() -> comet::BlockId {
        comet::BlockId { hash: Hash([1; 32]), parts: comet::PartSetHeader { total: 1, hash: Hash([2; 32]) } }
    }

    fn header() -> comet::Header {
        comet::Header {
            version: comet::Version { block: 11, app: 1 },
            chain_id: "chain-a".parse().expect("a chain id"),
            height: Height(2),
            time: Time::UNIX_EPOCH,
            last_block_id: Some(id()),
            last_commit_hash: Some(Hash([3; 32])),
            data_hash: None,
            validators_hash: Hash([4; 32]),
            next_validators_hash: Hash([5; 32]),
            consensus_hash: Some(Hash([6; 32])),
            app_hash: Hash([7; 32]).into(),
            last_results_hash: None,
            evidence_hash: None,
            proposer_address: [8; 20],
        }
    }

    fn vote() -> comet::Vote {
        comet::Vote { address: [1; 20], time: Time::UNIX_EPOCH, signature: [2; 64] }
    }

    #[test]
    fn headers_and_commits_survive_the_wire() {
        let commit = comet::Commit {
            height: Height(2),
            round: 1,
            block_id: id(),
            signatures: vec![comet::CommitSig::Absent, comet::CommitSig::Commit(vote()), comet::CommitSig::Nil(vote())],
        };
        let signed = wire::SignedHeader { header: (&header()).into(), commit: (&commit).into() };
        let text = serde_json::to_string(&signed).expect("json");
        let read: wire::SignedHeader = serde_json::from_str(&text).expect("read");
        let read = comet::SignedHeader::try_from(&read).expect("converts");
        assert_eq!(read.header, header());
        assert_eq!(read.commit, commit);
        let absent = serde_json::to_string(&signed.commit.signatures[0]).expect("json");
        assert_eq!(
            absent,
            r#"{"block_id_flag":1,"validator_address":"","timestamp":"0001-01-01T00:00:00Z","signature":null}"#
        );
    }

    #[test]
    fn values_of_other_lengths_are_refused() {
        let good = wire::Header::from(&header());
        let mut long = good.clone();
        long.app_hash = vec![0; 65];
        let mut short = good.clone();
        short.validators_hash.pop();
        let mut chain = good.clone();
        chain.chain_id = "a chain".into();
        let mut proposer = good;
        proposer.proposer_address.push(0);
        for header in [long, short, chain, proposer] {
            assert!(comet::Header::try_from(&header).is_err());
        }
        let mut entry = wire::CommitSig::from(&comet::CommitSig::Commit(vote()));
        entry.block_id_flag = 4;
        assert!(comet::CommitSig::try_from(&entry).is_err());
        entry.block_id_flag = 1;
        assert!(comet::CommitSig::try_from(&entry).is_err());
    }

    #[test]
    fn a_set_survives_the_wire_and_is_put_into_order() {
        let of = |key: u8, power| comet::Validator { public_key: [key; 32], power };
        let set = comet::ValidatorSet::new(vec![of(1, 1), of(2, 9)]).expect("a set");
        let mut listed = validators(&set);
        assert_eq!(listed[0].voting_power, 9);
        listed.reverse();
        assert_eq!(validator_set(&listed), Ok(set));
        listed.push(listed[0].clone());
        assert!(validator_set(&listed).is_err());
    }
}
