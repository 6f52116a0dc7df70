//! The peer's types as ours.

use comity_model::{Hash, Height, Time};
use comity_verify::comet::{
    AppHash, BlockId, Commit, CommitSig, Header, PartSetHeader, Validator, ValidatorSet, Version, Vote,
};
use tendermint::{block, validator};

pub(crate) fn hash(hash: tendermint::Hash) -> Option<Hash> {
    hash.as_bytes().try_into().ok().map(Hash)
}

pub(crate) fn time(time: tendermint::Time) -> Time {
    let nanos = time.unix_timestamp_nanos().rem_euclid(1_000_000_000);
    Time::new(time.unix_timestamp(), u32::try_from(nanos).unwrap()).unwrap()
}

fn address(id: tendermint::account::Id) -> [u8; 20] {
    id.as_bytes().try_into().unwrap()
}

fn block_id(id: block::Id) -> Option<BlockId> {
    let parts = match hash(id.part_set_header.hash) {
        Some(hash) => PartSetHeader { total: id.part_set_header.total, hash },
        None => PartSetHeader::NONE,
    };
    hash(id.hash).map(|hash| BlockId { hash, parts })
}

pub(crate) fn header(from: &block::Header) -> Header {
    Header {
        version: Version { block: from.version.block, app: from.version.app },
        chain_id: from.chain_id.as_str().parse().unwrap(),
        height: Height(from.height.value()),
        time: time(from.time),
        last_block_id: from.last_block_id.and_then(block_id),
        last_commit_hash: from.last_commit_hash.and_then(hash),
        data_hash: from.data_hash.and_then(hash),
        validators_hash: hash(from.validators_hash).unwrap(),
        next_validators_hash: hash(from.next_validators_hash).unwrap(),
        consensus_hash: hash(from.consensus_hash),
        app_hash: AppHash::new(from.app_hash.as_bytes().to_vec()).unwrap(),
        last_results_hash: from.last_results_hash.and_then(hash),
        evidence_hash: from.evidence_hash.and_then(hash),
        proposer_address: address(from.proposer_address),
    }
}

pub(crate) fn commit(from: &block::Commit) -> Commit {
    let vote =
        |address_: &tendermint::account::Id, at: &tendermint::Time, signature: &Option<tendermint::Signature>| Vote {
            address: address(*address_),
            time: time(*at),
            signature: signature.as_ref().unwrap().as_bytes().try_into().unwrap(),
        };
    let signatures = from.signatures.iter().map(|entry| match entry {
        block::CommitSig::BlockIdFlagAbsent => CommitSig::Absent,
        block::CommitSig::BlockIdFlagCommit { validator_address, timestamp, signature } => {
            CommitSig::Commit(vote(validator_address, timestamp, signature))
        }
        block::CommitSig::BlockIdFlagNil { validator_address, timestamp, signature } => {
            CommitSig::Nil(vote(validator_address, timestamp, signature))
        }
    });
    Commit {
        height: Height(from.height.value()),
        round: from.round.value(),
        block_id: block_id(from.block_id).unwrap(),
        signatures: signatures.collect(),
    }
}

pub(crate) fn set(from: &validator::Set) -> ValidatorSet {
    let validators = from
        .validators()
        .iter()
        .map(|info| Validator { public_key: info.pub_key.to_bytes().try_into().unwrap(), power: info.power.value() });
    ValidatorSet::new(validators.collect()).unwrap()
}
