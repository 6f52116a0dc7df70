//! What an application reports over the RPC: events, results, answers to queries. Comity's own events travel as ABCI
//! events of type `comity`; here is where they are written and read back. Refuses nothing: an event is a hint.

use crate::encoding::{base64, or_default, text};
use comity_model::event::Event as Hint;
use serde::{Deserialize, Serialize};

/// Type of Comity's ABCI events.
pub const EVENT_TYPE: &str = "comity";

/// An ABCI event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its attributes.
    #[serde(default, deserialize_with = "or_default")]
    pub attributes: Vec<EventAttribute>,
}

/// An attribute of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventAttribute {
    /// Its name.
    pub key: String,
    /// Its value.
    #[serde(default, deserialize_with = "or_default")]
    pub value: String,
    /// Whether an indexer should keep it.
    #[serde(default)]
    pub index: bool,
}

impl Event {
    /// One of Comity's events: attribute `kind` is its name, `event` its canonical bytes in hex.
    #[must_use]
    pub fn of(hint: &Hint) -> Self {
        let attribute = |key: &str, value: String, index| EventAttribute { key: key.into(), value, index };
        Self {
            kind: EVENT_TYPE.into(),
            attributes: vec![
                attribute("kind", hint.kind().into(), true),
                attribute("event", hex::encode(comity_model::encode(hint)), false),
            ],
        }
    }

    /// The event of Comity that this is; `None` for other applications' events and for bytes that cannot be read.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        if self.kind != EVENT_TYPE {
            return None;
        }
        let attribute = self.attributes.iter().find(|one| one.key == "event")?;
        let bytes = hex::decode(&attribute.value).ok()?;
        comity_model::decode("event", &bytes).ok()
    }
}

/// The result of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecTxResult {
    /// 0 carried out; anything else refused.
    #[serde(default)]
    pub code: u32,
    /// Output of the application: Comity's has none.
    #[serde(default, with = "base64")]
    pub data: Vec<u8>,
    /// A sentence for people when refused.
    #[serde(default, deserialize_with = "or_default")]
    pub log: String,
    /// Unused.
    #[serde(default, deserialize_with = "or_default")]
    pub info: String,
    /// Unused: 0.
    #[serde(default, with = "text")]
    pub gas_wanted: i64,
    /// Unused: 0.
    #[serde(default, with = "text")]
    pub gas_used: i64,
    /// What happened.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<Event>,
    /// The reason code (`UPPER_SNAKE`) when refused.
    #[serde(default, deserialize_with = "or_default")]
    pub codespace: String,
}

/// A changed validator as the application reports it (protobuf's JSON form).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorUpdate {
    /// The key.
    pub pub_key: UpdateKey,
    /// Its new power; 0, which is left out, removes it.
    #[serde(default, with = "text", skip_serializing_if = "is_zero")]
    pub power: u64,
}

// The signature that serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(power: &u64) -> bool {
    *power == 0
}

/// A key in a [`ValidatorUpdate`]: a protobuf `oneof` in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateKey {
    /// The `oneof`.
    #[serde(rename = "Sum")]
    pub sum: UpdateKeySum,
}

/// Kinds of key in a [`ValidatorUpdate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value")]
pub enum UpdateKeySum {
    /// Ed25519.
    #[serde(rename = "tendermint.crypto.PublicKey_Ed25519")]
    Ed25519 {
        /// 32 bytes.
        #[serde(with = "base64")]
        ed25519: Vec<u8>,
    },
}

impl ValidatorUpdate {
    /// A validator's new power.
    #[must_use]
    pub fn ed25519(key: &[u8; 32], power: u64) -> Self {
        Self { pub_key: UpdateKey { sum: UpdateKeySum::Ed25519 { ed25519: key.to_vec() } }, power }
    }
}

/// Result of `block_results`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockResults {
    /// The block.
    #[serde(with = "text")]
    pub height: u64,
    /// One a transaction, in order; `null` for none.
    pub txs_results: Option<Vec<ExecTxResult>>,
    /// Events outside transactions.
    #[serde(default, deserialize_with = "or_default")]
    pub finalize_block_events: Vec<Event>,
    /// Changed validators, in force two blocks later.
    #[serde(default, deserialize_with = "or_default")]
    pub validator_updates: Vec<ValidatorUpdate>,
    /// Changed parameters: never on an embedded ledger.
    #[serde(default)]
    pub consensus_param_updates: Option<serde_json::Value>,
    /// Hash of the state after the block.
    #[serde(default, with = "base64")]
    pub app_hash: Vec<u8>,
}

/// Result of `abci_info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbciInfoResponse {
    /// The application's answer.
    pub response: AbciInfo,
}

/// Where an application stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbciInfo {
    /// A name.
    #[serde(default)]
    pub data: String,
    /// Version of the software.
    #[serde(default)]
    pub version: String,
    /// Version of the application protocol.
    #[serde(default, with = "text")]
    pub app_version: u64,
    /// The last block it committed.
    #[serde(default, with = "text")]
    pub last_block_height: u64,
    /// Hash of the state after it.
    #[serde(default, with = "base64")]
    pub last_block_app_hash: Vec<u8>,
}

/// Result of `abci_query`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbciQueryResponse {
    /// The application's answer.
    pub response: AbciQuery,
}

/// An application's answer to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbciQuery {
    /// 0 answered; anything else refused.
    #[serde(default)]
    pub code: u32,
    /// A sentence for people when refused.
    #[serde(default, deserialize_with = "or_default")]
    pub log: String,
    /// Unused.
    #[serde(default, deserialize_with = "or_default")]
    pub info: String,
    /// Unused: 0.
    #[serde(default, with = "text")]
    pub index: i64,
    /// The key asked for.
    #[serde(default, with = "base64")]
    pub key: Vec<u8>,
    /// The value; none when there is none.
    #[serde(default, with = "base64")]
    pub value: Vec<u8>,
    /// Proof of the value or of its absence.
    #[serde(rename = "proofOps", default)]
    pub proof_ops: Option<ProofOps>,
    /// The state after this block was asked: the proof is against the app hash in the header of the next.
    #[serde(default, with = "text")]
    pub height: u64,
    /// The reason code when refused.
    #[serde(default, deserialize_with = "or_default")]
    pub codespace: String,
}

/// A chain of proofs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofOps {
    /// From the value to the root.
    #[serde(default, deserialize_with = "or_default")]
    pub ops: Vec<ProofOp>,
}

/// One proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofOp {
    /// Its kind: `ics23:jmt` on Comity's chains.
    #[serde(rename = "type")]
    pub kind: String,
    /// The key it is about.
    #[serde(default, with = "base64")]
    pub key: Vec<u8>,
    /// An ICS-23 `CommitmentProof` in protobuf.
    #[serde(default, with = "base64")]
    pub data: Vec<u8>,
}

/// Kind of the proofs of Comity's state tree.
pub const PROOF_JMT: &str = "ics23:jmt";

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::event::Event as Hint;

    #[test]
    fn an_event_reads_back_as_it_was_written() {
        let hint = Hint::PacketAcknowledged { client: "client-a".parse().expect("id"), sequence: 7 };
        let event = Event::of(&hint);
        assert_eq!(event.hint(), Some(hint));
        let text = serde_json::to_string(&event).expect("json");
        assert!(text.starts_with(
            r#"{"type":"comity","attributes":[{"key":"kind","value":"packet_acknowledged","index":true}"#
        ));
    }

    #[test]
    fn other_events_and_bad_bytes_are_no_hints() {
        let mut event = Event::of(&Hint::HoldChanged { order: comity_model::OrderId([1; 16]) });
        event.attributes[1].value.push_str("00");
        assert_eq!(event.hint(), None);
        event.kind = "transfer".into();
        assert_eq!(event.hint(), None);
    }

    #[test]
    fn an_update_is_written_in_the_form_of_a_protobuf_oneof() {
        let text = serde_json::to_string(&ValidatorUpdate::ed25519(&[0; 32], 0)).expect("json");
        assert_eq!(
            text,
            r#"{"pub_key":{"Sum":{"type":"tendermint.crypto.PublicKey_Ed25519","value":{"ed25519":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}}"#
        );
    }
}
