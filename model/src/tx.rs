//! What is submitted to a chain.
//!
//! A transaction's sender is an operator key of a member; it grants entry, never authority: authority comes from the
//! seals, approvals and proofs inside the messages. There is no nonce: every message is idempotent by its own content
//! (a receipt, a version, a request id, a proposal number), so a repeated transaction changes nothing.

use crate::agreement::{DefaultProof, PaymentProof, SealedDeed};
use crate::asset::Asset;
use crate::deposit::LogHead;
use crate::governance::{GovernorApproval, Proposal};
use crate::member::Member;
use crate::obligation::Claim;
use crate::order::{Decision, Objection, SealedOrder};
use crate::packet::Packet;
use crate::record::RecordState;
use crate::seal::Signature;
use crate::{AgreementId, ChainId, ClientId, Hash, Height, MemberId, RecordId, Sector};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Largest transaction in bytes.
pub const TX_BYTES_MAX: usize = 1 << 20;

/// A signed transaction.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// What is signed.
    pub body: TxBody,
    /// Strict Ed25519 over the body by `body.sender`, tag `comity/tx/v1`.
    pub signature: [u8; 64],
}

/// What a transaction's sender signs.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TxBody {
    /// The chain it is for.
    pub chain: ChainId,
    /// The operator key.
    pub sender: [u8; 32],
    /// Distinguishes two equal submissions; carries no meaning.
    pub salt: [u8; 8],
    /// Carried out all or none, in order.
    pub messages: Vec<Message>,
}

/// What a chain can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[allow(clippy::large_enum_variant, reason = "few are in memory at a time, and a box would be in every caller's way")]
#[repr(u8)]
pub enum Message {
    /// Writes commitments of records.
    PutRecords {
        /// The records.
        batch: RecordBatch,
        /// The institution's seal over the batch, tag `comity/records/v1`.
        seal: Signature,
    } = 1,
    /// Registers assets under opaque handles.
    RegisterAssets {
        /// The assets.
        batch: AssetBatch,
        /// The institution's seal over the batch, tag `comity/assets/v2`.
        seal: Signature,
    } = 2,
    /// Commits an order on the court's chain and sends its packet.
    CommitOrder {
        /// The order.
        sealed: SealedOrder,
        /// Opens the order's commitment to its obligation, if it has one.
        claim: Option<Claim>,
    } = 3,
    /// Decides an order on the institution's chain.
    Decide {
        /// The decision.
        decision: Decision,
        /// The institution's seal over it, tag `comity/decision/v2`.
        seal: Signature,
    } = 4,
    /// Brings a light client forward.
    UpdateClient {
        /// The client.
        client: ClientId,
        /// Steps in order, each the canonical bytes of `verify::light::LightStep`.
        steps: Vec<Vec<u8>>,
    } = 5,
    /// Shows two headers of one height and freezes the client.
    Misbehaviour {
        /// The client.
        client: ClientId,
        /// Canonical bytes of `verify::light::LightStep`.
        first: Vec<u8>,
        /// The same height, another header.
        second: Vec<u8>,
    } = 6,
    /// Delivers a packet with proof that it was sent.
    Receive {
        /// The packet.
        packet: Packet,
        /// ICS-23 proof of its commitment.
        proof: Vec<u8>,
        /// Height of the header that the proof is under.
        height: Height,
    } = 7,
    /// Returns an acknowledgement with proof.
    Acknowledge {
        /// The packet as sent.
        packet: Packet,
        /// The acknowledgement's bytes.
        acknowledgement: Vec<u8>,
        /// ICS-23 proof of its commitment.
        proof: Vec<u8>,
        /// Height of the header that the proof is under.
        height: Height,
    } = 8,
    /// Proves that a packet did not arrive in time.
    TimeOut {
        /// The packet as sent.
        packet: Packet,
        /// ICS-23 proof of absence of its receipt.
        proof: Vec<u8>,
        /// Height of a header whose time is at or past the timeout.
        height: Height,
    } = 9,
    /// Copies a member of another chain into this one, by proof; needed before its delivery receipts are believed.
    ImportMember {
        /// The client of the member's home chain.
        client: ClientId,
        /// The member as it stands there.
        member: Member,
        /// ICS-23 proof.
        proof: Vec<u8>,
        /// Height of the header that the proof is under.
        height: Height,
    } = 10,
    /// Carries out a proposal of the governors.
    Govern {
        /// The proposal.
        proposal: Proposal,
        /// Approvals, sorted by governor, each once.
        approvals: Vec<GovernorApproval>,
    } = 11,
    /// Objects to an order that was carried out on the institution's chain.
    Object {
        /// The objection.
        objection: Objection,
        /// The institution's seal over it, tag `comity/objection/v1`.
        seal: Signature,
    } = 12,
    /// Concludes, confirms or stops an agreement on the court's chain.
    Agree(SealedDeed) = 13,
    /// Proves that an instalment of an agreement was paid.
    ProvePayment {
        /// The court.
        court: MemberId,
        /// The agreement.
        agreement: AgreementId,
        /// The instalment's number, from 0.
        instalment: u16,
        /// The record of payment, with proof.
        payment: PaymentProof,
    } = 14,
    /// Proves that an instalment of an agreement was not paid by its due date.
    ProveDefault {
        /// The court.
        court: MemberId,
        /// The agreement.
        agreement: AgreementId,
        /// The instalment's number, from 0.
        instalment: u16,
        /// The absence of a sufficient record of payment, with proof.
        evidence: DefaultProof,
    } = 15,
    /// Takes up a new head of a member's log of deposits.
    GrowLog {
        /// The head.
        head: LogHead,
        /// That it grew from the head that stands (RFC 9162 section 2.1.4.1); empty where none does.
        consistency: Vec<Hash>,
        /// The keeper's seal over the head, tag `comity/log-head/v1`.
        seal: Signature,
    } = 16,
}

/// Records to write (domain tag `comity/records/v1`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordBatch {
    /// The chain.
    pub chain: ChainId,
    /// The institution that answers for them: the one of the sector's profile.
    pub member: MemberId,
    /// The sector.
    pub sector: Sector,
    /// Ids and states; each version is one more than what stands (1 for a new record). A record that already stands
    /// exactly so is skipped.
    pub records: Vec<(RecordId, RecordState)>,
}

/// Assets to register (domain tag `comity/assets/v2`). An asset that already stands exactly so is skipped; a new value
/// of a known handle must follow the revision that stands, and must not fall below what is held.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AssetBatch {
    /// The chain.
    pub chain: ChainId,
    /// The institution.
    pub member: MemberId,
    /// The assets; `holds` is ignored, `revision` is one more than what stands (1 for a new asset), and each is standing.
    pub assets: Vec<Asset>,
}
