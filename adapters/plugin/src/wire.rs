//! The one place where messages of `adapter.proto` and the ports' types become each other. Reading refuses what is not of
//! the form; it judges nothing else.

use crate::EVENTS_MAX;
use comity_adapters_ports::{BlockEvents, Outcome};
use comity_model::event::Event;
use comity_model::order::ReceivedId;
use comity_model::{Hash, Height, OrderId, Time, decode, encode};
use comity_proto::comity::adapter::v1 as wire;
use comity_verify::comet;
use prost_types::Timestamp;

/// A message that is none of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {form}")]
pub(crate) struct BadWire {
    what: &'static str,
    form: &'static str,
}

pub(crate) const fn bad(what: &'static str, form: &'static str) -> BadWire {
    BadWire { what, form }
}

fn hash(what: &'static str, bytes: &[u8]) -> Result<Hash, BadWire> {
    <[u8; 32]>::try_from(bytes).map(Hash).map_err(|_| bad(what, "32 bytes"))
}

fn optional_hash(what: &'static str, bytes: &[u8]) -> Result<Option<Hash>, BadWire> {
    if bytes.is_empty() { Ok(None) } else { hash(what, bytes).map(Some) }
}

fn bytes_of(hash: Option<Hash>) -> Vec<u8> {
    hash.map(|hash| hash.0.to_vec()).unwrap_or_default()
}

fn address(what: &'static str, bytes: &[u8]) -> Result<comet::Address, BadWire> {
    bytes.try_into().map_err(|_| bad(what, "20 bytes"))
}

fn time(what: &'static str, time: Option<Timestamp>) -> Result<Time, BadWire> {
    let read = time.and_then(|time| Time::new(time.seconds, u32::try_from(time.nanos).ok()?));
    read.ok_or_else(|| bad(what, "a time in the years 1 to 9999"))
}

fn timestamp(time: Time) -> Option<Timestamp> {
    let nanos = i32::try_from(time.nanos()).unwrap_or_default();
    Some(Timestamp { seconds: time.seconds(), nanos })
}

/// The block of an answer about `LightBlock`.
pub(crate) fn light_block(answer: wire::LightBlockResponse) -> Result<comet::LightBlock, BadWire> {
    let Some(wire::light_block_response::Block::Comet(block)) = answer.block else {
        return Err(bad("block", "one of a kind that is known here"));
    };
    let validators = block.validators.iter().map(validator).collect::<Result<_, _>>()?;
    Ok(comet::LightBlock {
        header: header(block.header.ok_or_else(|| bad("header", "set"))?)?,
        commit: commit(block.commit.ok_or_else(|| bad("commit", "set"))?)?,
        validators: comet::ValidatorSet::new(validators)
            .map_err(|_| bad("validators", "1 to 10000, each once, of at most 2^60 power"))?,
    })
}

fn validator(one: &wire::CometValidator) -> Result<comet::Validator, BadWire> {
    let public_key = one.public_key.as_slice().try_into().map_err(|_| bad("public_key", "32 bytes"))?;
    Ok(comet::Validator { public_key, power: one.power })
}

fn header(header: wire::CometHeader) -> Result<comet::Header, BadWire> {
    Ok(comet::Header {
        version: comet::Version { block: header.version_block, app: header.version_app },
        chain_id: header.chain_id.parse().map_err(|_| bad("chain_id", "a chain id"))?,
        height: Height(header.height),
        time: time("header.time", header.time)?,
        last_block_id: header.last_block_id.as_ref().map(block_id).transpose()?,
        last_commit_hash: optional_hash("last_commit_hash", &header.last_commit_hash)?,
        data_hash: optional_hash("data_hash", &header.data_hash)?,
        validators_hash: hash("validators_hash", &header.validators_hash)?,
        next_validators_hash: hash("next_validators_hash", &header.next_validators_hash)?,
        consensus_hash: optional_hash("consensus_hash", &header.consensus_hash)?,
        app_hash: comet::AppHash::new(header.app_hash).ok_or_else(|| bad("app_hash", "at most 64 bytes"))?,
        last_results_hash: optional_hash("last_results_hash", &header.last_results_hash)?,
        evidence_hash: optional_hash("evidence_hash", &header.evidence_hash)?,
        proposer_address: address("proposer_address", &header.proposer_address)?,
    })
}

fn block_id(id: &wire::CometBlockId) -> Result<comet::BlockId, BadWire> {
    let parts = comet::PartSetHeader { total: id.parts_total, hash: hash("parts_hash", &id.parts_hash)? };
    Ok(comet::BlockId { hash: hash("block_id.hash", &id.hash)?, parts })
}

fn commit(commit: wire::CometCommit) -> Result<comet::Commit, BadWire> {
    if commit.signatures.len() > comet::ValidatorSet::MAX {
        return Err(bad("signatures", "at most 10000"));
    }
    Ok(comet::Commit {
        height: Height(commit.height),
        round: commit.round,
        block_id: block_id(&commit.block_id.ok_or_else(|| bad("commit.block_id", "set"))?)?,
        signatures: commit.signatures.iter().map(commit_sig).collect::<Result<_, _>>()?,
    })
}

const ABSENT: u32 = 1;
const COMMIT: u32 = 2;
const NIL: u32 = 3;

fn commit_sig(entry: &wire::CometCommitSig) -> Result<comet::CommitSig, BadWire> {
    let vote = || {
        Ok(comet::Vote {
            address: address("validator_address", &entry.validator_address)?,
            time: time("a vote's time", entry.time)?,
            signature: entry.signature.as_slice().try_into().map_err(|_| bad("signature", "64 bytes"))?,
        })
    };
    match entry.flag {
        ABSENT if entry.validator_address.is_empty() && entry.signature.is_empty() => Ok(comet::CommitSig::Absent),
        ABSENT => Err(bad("an absent vote", "without address and signature")),
        COMMIT => vote().map(comet::CommitSig::Commit),
        NIL => vote().map(comet::CommitSig::Nil),
        _ => Err(bad("flag", "1, 2 or 3")),
    }
}

/// A block as it is told.
pub(crate) fn of_light_block(block: &comet::LightBlock) -> wire::LightBlockResponse {
    let validators = block
        .validators
        .validators()
        .iter()
        .map(|validator| wire::CometValidator { public_key: validator.public_key.to_vec(), power: validator.power });
    wire::LightBlockResponse {
        block: Some(wire::light_block_response::Block::Comet(wire::CometBlock {
            header: Some(of_header(&block.header)),
            commit: Some(wire::CometCommit {
                height: block.commit.height.0,
                round: block.commit.round,
                block_id: Some(of_block_id(&block.commit.block_id)),
                signatures: block.commit.signatures.iter().map(of_commit_sig).collect(),
            }),
            validators: validators.collect(),
        })),
    }
}

fn of_header(header: &comet::Header) -> wire::CometHeader {
    wire::CometHeader {
        version_block: header.version.block,
        version_app: header.version.app,
        chain_id: header.chain_id.to_string(),
        height: header.height.0,
        time: timestamp(header.time),
        last_block_id: header.last_block_id.as_ref().map(of_block_id),
        last_commit_hash: bytes_of(header.last_commit_hash),
        data_hash: bytes_of(header.data_hash),
        validators_hash: header.validators_hash.0.to_vec(),
        next_validators_hash: header.next_validators_hash.0.to_vec(),
        consensus_hash: bytes_of(header.consensus_hash),
        app_hash: header.app_hash.bytes().to_vec(),
        last_results_hash: bytes_of(header.last_results_hash),
        evidence_hash: bytes_of(header.evidence_hash),
        proposer_address: header.proposer_address.to_vec(),
    }
}

fn of_block_id(id: &comet::BlockId) -> wire::CometBlockId {
    wire::CometBlockId { hash: id.hash.0.to_vec(), parts_total: id.parts.total, parts_hash: id.parts.hash.0.to_vec() }
}

fn of_commit_sig(entry: &comet::CommitSig) -> wire::CometCommitSig {
    let (flag, vote) = match entry {
        comet::CommitSig::Absent => return wire::CometCommitSig { flag: ABSENT, ..Default::default() },
        comet::CommitSig::Commit(vote) => (COMMIT, vote),
        comet::CommitSig::Nil(vote) => (NIL, vote),
    };
    wire::CometCommitSig {
        flag,
        validator_address: vote.address.to_vec(),
        time: timestamp(vote.time),
        signature: vote.signature.to_vec(),
    }
}

/// Events as they come. One that cannot be read is left out, as a newer chain may report what is not known here: events
/// are hints.
pub(crate) fn events(list: &[Vec<u8>]) -> Result<Vec<Event>, BadWire> {
    if list.len() > EVENTS_MAX {
        return Err(bad("events", "at most 10000"));
    }
    Ok(list.iter().filter_map(|bytes| decode("event", bytes).ok()).collect())
}

/// Events as they are told.
pub(crate) fn of_events(events: &[Event]) -> Vec<Vec<u8>> {
    events.iter().map(encode).collect()
}

/// A block as it is told to whoever follows.
pub(crate) fn of_block(block: &BlockEvents) -> wire::Block {
    wire::Block { height: block.height.0, events: of_events(&block.events) }
}

/// What became of the transaction of this hash.
pub(crate) fn outcome(answer: &wire::DeliverResponse, tx: Hash) -> Result<Outcome, BadWire> {
    match &answer.outcome {
        Some(wire::deliver_response::Outcome::Committed(committed)) => {
            Ok(Outcome::Committed { tx, height: Height(committed.height), events: events(&committed.events)? })
        }
        Some(wire::deliver_response::Outcome::Refused(refused)) => Ok(Outcome::refused(&refused.code, &refused.detail)),
        None => Err(bad("outcome", "set")),
    }
}

/// The same as it is told.
pub(crate) fn of_outcome(outcome: Outcome) -> wire::DeliverResponse {
    use wire::deliver_response::Outcome as Told;
    let told = match outcome {
        Outcome::Committed { height, events, .. } => {
            Told::Committed(wire::Committed { height: height.0, events: of_events(&events) })
        }
        Outcome::Refused { code, detail } => Told::Refused(wire::Refused { code: code.to_string(), detail }),
    };
    wire::DeliverResponse { outcome: Some(told) }
}

/// An order's id on the institution's chain.
pub(crate) fn received_id(id: wire::ReceivedId) -> Result<ReceivedId, BadWire> {
    let order: [u8; 16] = id.order_id.as_slice().try_into().map_err(|_| bad("order_id", "16 bytes"))?;
    let client = id.client_id.parse().map_err(|_| bad("client_id", "a client id"))?;
    Ok(ReceivedId { client, order: OrderId(order) })
}

/// The same as it is told.
pub(crate) fn of_received_id(id: &ReceivedId) -> wire::ReceivedId {
    wire::ReceivedId { client_id: id.client.to_string(), order_id: id.order.0.to_vec() }
}

/// A path in the tree over header hashes.
pub(crate) fn hashes(path: &[Vec<u8>]) -> Result<Vec<Hash>, BadWire> {
    if path.len() > 64 {
        return Err(bad("path", "at most 64 hashes"));
    }
    path.iter().map(|bytes| hash("path", bytes)).collect()
}
