//! Paths in a chain's state. In the tree a path stands under its hash (`verify::state::key`), so that a proof, which
//! shows neighbours, tells nothing.

use crate::{
    AgreementId, AssetHandle, ClientId, Height, MemberId, ObligationId, OfficerId, OrderId, RecordId, RequestId, Sector,
};
use alloc::vec::Vec;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatePath {
    /// [`crate::member::Member`].
    Member(MemberId),
    /// [`crate::member::Officer`].
    Officer(MemberId, OfficerId),
    /// [`crate::profile::Profile`].
    Profile(Sector),
    /// [`crate::governance::Governors`].
    Governors,
    /// [`crate::record::RecordState`].
    Record(Sector, RecordId),
    /// [`crate::member::Member`] of another chain, copied here by proof over that client.
    Foreign(ClientId, MemberId),
    /// [`crate::client::ClientState`].
    Client(ClientId),
    /// What a light client knows of a height: `verify::light::ConsensusState`.
    Consensus(ClientId, Height),
    /// IBC v2 commitment of a packet sent: 32 bytes.
    Commitment(ClientId, u64),
    /// IBC v2 receipt of a packet received: the packet's hash, 32 bytes.
    Receipt(ClientId, u64),
    /// IBC v2 commitment of an acknowledgement: 32 bytes.
    Acknowledgement(ClientId, u64),
    /// The last sequence sent over a client: `u64`.
    Sequence(ClientId),
    /// [`crate::order::OrderEntry`] on the court's chain.
    Order(OrderId),
    /// [`crate::order::ReceivedOrder`] on the institution's chain, by the client of the court's chain that it came over: an
    /// id that one court uses says nothing of another court's.
    Received(ClientId, OrderId),
    /// A court's request id → the digest of its order and the order id: 48 bytes.
    Request(MemberId, RequestId),
    /// [`crate::obligation::Obligation`] of a court, on its chain.
    Obligation(MemberId, ObligationId),
    /// [`crate::agreement::AgreementEntry`] of a court, on its chain.
    Agreement(MemberId, AgreementId),
    /// [`crate::asset::Asset`].
    Asset(AssetHandle),
    /// [`crate::asset::Hold`].
    Hold(AssetHandle, u32),
    /// Size and root of the tree over header hashes: `u64` and 32 bytes.
    Headers,
    /// [`crate::deposit::LogState`]: the log of deposits that a member keeps.
    Deposits(MemberId),
    /// The digest of all indexes that the chain keeps beside the state: 32 bytes.
    Indexes,
}

impl StatePath {
    /// The path's bytes: a table name, `/`, and the parts; parts of variable length carry a `u16` length, so that two
    /// paths never share bytes. Packet paths carry the ICS-24 v2 key of their implementations (client id, one byte of
    /// kind, big-endian sequence).
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Member(id) => path("members", &[id.as_str().as_bytes()]),
            Self::Officer(member, id) => path("officers", &[member.as_str().as_bytes(), id.as_str().as_bytes()]),
            Self::Profile(sector) => path("profiles", &[sector.as_str().as_bytes()]),
            Self::Governors => path("governors", &[]),
            Self::Record(sector, id) => path("records", &[sector.as_str().as_bytes(), id.as_str().as_bytes()]),
            Self::Foreign(client, id) => path("foreign", &[client.as_str().as_bytes(), id.as_str().as_bytes()]),
            Self::Client(id) => path("clients", &[id.as_str().as_bytes()]),
            Self::Consensus(id, height) => path("consensus", &[id.as_str().as_bytes(), &height.0.to_be_bytes()]),
            Self::Commitment(client, sequence) => packet_path("packets", client, 1, *sequence),
            Self::Receipt(client, sequence) => packet_path("receipts", client, 2, *sequence),
            Self::Acknowledgement(client, sequence) => packet_path("acks", client, 3, *sequence),
            Self::Sequence(client) => path("sequences", &[client.as_str().as_bytes()]),
            Self::Order(id) => path("orders", &[&id.0]),
            Self::Received(client, id) => path("received", &[client.as_str().as_bytes(), &id.0]),
            Self::Request(member, id) => path("requests", &[member.as_str().as_bytes(), &id.0]),
            Self::Obligation(member, id) => path("obligations", &[member.as_str().as_bytes(), &id.0]),
            Self::Agreement(member, id) => path("agreements", &[member.as_str().as_bytes(), &id.0]),
            Self::Asset(handle) => path("assets", &[&handle.0]),
            Self::Hold(handle, number) => path("holds", &[&handle.0, &number.to_be_bytes()]),
            Self::Headers => path("headers", &[]),
            Self::Deposits(keeper) => path("deposits", &[keeper.as_str().as_bytes()]),
            Self::Indexes => path("indexes", &[]),
        }
    }
}

/// The ICS-24 v2 key of a packet's trace: client id ‖ kind ‖ big-endian sequence.
#[must_use]
pub fn packet_key(client: &ClientId, kind: u8, sequence: u64) -> Vec<u8> {
    let mut bytes = client.as_str().as_bytes().to_vec();
    bytes.push(kind);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes
}

fn packet_path(table: &str, client: &ClientId, kind: u8, sequence: u64) -> Vec<u8> {
    let mut bytes = path(table, &[]);
    bytes.extend_from_slice(&packet_key(client, kind, sequence));
    bytes
}

fn path(table: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = table.as_bytes().to_vec();
    bytes.push(b'/');
    for part in parts {
        // Identifiers are at most 128 bytes, so the length always fits.
        bytes.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}
