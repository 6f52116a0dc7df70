//! Our values as those of the `tendermint` crates.

use comity_model::{Hash, Time};
use comity_verify::comet::{BlockId, Commit, CommitSig, Header, LightBlock, Validator, ValidatorSet};
use tendermint::{block, validator};
use tendermint_light_client_verifier::types::LightBlock as PeerBlock;

/// A block as the peer has it; all signatures are there.
pub(crate) fn block_of(from: &LightBlock) -> PeerBlock {
    let set = set(&from.validators);
    let signed = block::signed_header::SignedHeader::new(header(&from.header), commit(&from.commit)).unwrap();
    let provider = "0000000000000000000000000000000000000000".parse().unwrap();
    PeerBlock::new(signed, set.clone(), set, provider)
}

pub(crate) fn time(at: Time) -> tendermint::Time {
    tendermint::Time::from_unix_timestamp(at.seconds(), at.nanos()).unwrap()
}

fn hash(from: Hash) -> tendermint::Hash {
    tendermint::Hash::Sha256(from.0)
}

fn id(from: &BlockId) -> block::Id {
    let part_set_header = block::parts::Header::new(from.parts.total, hash(from.parts.hash)).unwrap();
    block::Id { hash: hash(from.hash), part_set_header }
}

fn header(from: &Header) -> block::Header {
    block::Header {
        version: block::header::Version { block: from.version.block, app: from.version.app },
        chain_id: from.chain_id.as_str().parse().unwrap(),
        height: from.height.0.try_into().unwrap(),
        time: time(from.time),
        last_block_id: from.last_block_id.as_ref().map(id),
        last_commit_hash: from.last_commit_hash.map(hash),
        data_hash: from.data_hash.map(hash),
        validators_hash: hash(from.validators_hash),
        next_validators_hash: hash(from.next_validators_hash),
        consensus_hash: from.consensus_hash.map_or(tendermint::Hash::None, hash),
        app_hash: from.app_hash.root().unwrap().0.to_vec().try_into().unwrap(),
        last_results_hash: from.last_results_hash.map(hash),
        evidence_hash: from.evidence_hash.map(hash),
        proposer_address: tendermint::account::Id::new(from.proposer_address),
    }
}

fn commit(from: &Commit) -> block::Commit {
    let signatures = from.signatures.iter().map(|entry| match entry {
        CommitSig::Commit(vote) => block::CommitSig::BlockIdFlagCommit {
            validator_address: tendermint::account::Id::new(vote.address),
            timestamp: time(vote.time),
            signature: Some(vote.signature.as_slice().try_into().unwrap()),
        },
        _ => block::CommitSig::BlockIdFlagAbsent,
    });
    block::Commit {
        height: from.height.0.try_into().unwrap(),
        round: u16::try_from(from.round).unwrap().into(),
        block_id: id(&from.block_id),
        signatures: signatures.collect(),
    }
}

fn set(from: &ValidatorSet) -> validator::Set {
    let info = |validator: &Validator| {
        let key = tendermint::PublicKey::from_raw_ed25519(&validator.public_key).unwrap();
        validator::Info::new(key, validator.power.try_into().unwrap())
    };
    validator::Set::without_proposer(from.validators().iter().map(info).collect())
}
