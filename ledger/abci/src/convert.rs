//! Between ABCI's messages and the application's types: the one place where one becomes the other.
//!
//! What the application reports travels as on the embedded engine (`comity_ledger_rpc::abci`), so that an adapter reads
//! both alike. Refuses values out of range; judges nothing.

use crate::fault::Stop;
use bytes::Bytes;
use comity_ledger_app::{Finalized, QueryResponse, TxResult};
use comity_ledger_rpc::abci::{self as wire, PROOF_JMT};
use comity_model::event::Event as Hint;
use comity_model::governance::ValidatorUpdate;
use comity_model::{Hash, Height, Time};
use tendermint_proto::google::protobuf::Timestamp;
use tendermint_proto::v0_38::abci;
use tendermint_proto::v0_38::crypto::public_key::Sum;
use tendermint_proto::v0_38::crypto::{ProofOp, ProofOps, PublicKey};

pub(crate) fn height(height: i64) -> Result<Height, Stop> {
    u64::try_from(height).map(Height).map_err(|_| Stop::refused("a height below 0"))
}

/// CometBFT counts heights in `i64`: what it gave fits.
pub(crate) fn height_out(height: Height) -> i64 {
    i64::try_from(height.0).unwrap_or(i64::MAX)
}

pub(crate) fn time(time: Option<Timestamp>) -> Result<Time, Stop> {
    let time = time.ok_or_else(|| Stop::refused("a block without a time"))?;
    let nanos = u32::try_from(time.nanos).ok();
    nanos.and_then(|nanos| Time::new(time.seconds, nanos)).ok_or_else(|| Stop::refused("a time out of range"))
}

pub(crate) fn hash(bytes: &[u8]) -> Result<Hash, Stop> {
    <[u8; 32]>::try_from(bytes).map(Hash).map_err(|_| Stop::refused("a block hash that has not 32 bytes"))
}

pub(crate) fn hash_out(hash: Hash) -> Bytes {
    Bytes::copy_from_slice(hash.as_bytes())
}

pub(crate) fn txs(txs: Vec<Bytes>) -> Vec<Vec<u8>> {
    txs.into_iter().map(Vec::from).collect()
}

pub(crate) fn validator(update: &abci::ValidatorUpdate) -> Result<ValidatorUpdate, Stop> {
    let bad = || Stop::refused("a validator without an Ed25519 key or with a power below 0");
    let Some(PublicKey { sum: Some(Sum::Ed25519(key)) }) = &update.pub_key else {
        return Err(bad());
    };
    let public_key = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| bad())?;
    Ok(ValidatorUpdate { public_key, power: u64::try_from(update.power).map_err(|_| bad())? })
}

pub(crate) fn validators_out(updates: &[ValidatorUpdate]) -> Vec<abci::ValidatorUpdate> {
    let out = updates.iter().map(|update| abci::ValidatorUpdate {
        pub_key: Some(PublicKey { sum: Some(Sum::Ed25519(update.public_key.to_vec())) }),
        // The application keeps the total below `i64::MAX / 8`.
        power: i64::try_from(update.power).unwrap_or(i64::MAX),
    });
    out.collect()
}

fn events(hints: &[Hint]) -> Vec<abci::Event> {
    let out = hints.iter().map(|hint| {
        let wire::Event { kind, attributes } = wire::Event::of(hint);
        let attributes = attributes
            .into_iter()
            .map(|wire::EventAttribute { key, value, index }| abci::EventAttribute { key, value, index });
        abci::Event { r#type: kind, attributes: attributes.collect() }
    });
    out.collect()
}

pub(crate) fn checked(result: TxResult) -> abci::ResponseCheckTx {
    abci::ResponseCheckTx {
        code: result.code,
        log: result.log,
        codespace: result.codespace,
        ..abci::ResponseCheckTx::default()
    }
}

pub(crate) fn finalized(finalized: Finalized) -> abci::ResponseFinalizeBlock {
    let results = finalized.tx_results.into_iter().map(|result| abci::ExecTxResult {
        code: result.code,
        events: events(&result.events),
        log: result.log,
        codespace: result.codespace,
        ..abci::ExecTxResult::default()
    });
    abci::ResponseFinalizeBlock {
        events: events(&finalized.events),
        tx_results: results.collect(),
        validator_updates: validators_out(&finalized.validator_updates),
        consensus_param_updates: None,
        app_hash: hash_out(finalized.app_hash),
    }
}

pub(crate) fn answered(answer: QueryResponse) -> abci::ResponseQuery {
    let key = Bytes::from(answer.key);
    let proof = (!answer.proof.is_empty())
        .then(|| ProofOps { ops: vec![ProofOp { r#type: PROOF_JMT.into(), key: key.to_vec(), data: answer.proof }] });
    abci::ResponseQuery {
        code: answer.code,
        log: answer.log,
        codespace: answer.codespace,
        key,
        value: answer.value.into(),
        proof_ops: proof,
        height: height_out(answer.height),
        ..abci::ResponseQuery::default()
    }
}
