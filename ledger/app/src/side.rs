//! Names of rows in the side table: indexes that no proof is made of. Their digest stands in the state.
//!
//! Each kind of row has a tag byte; parts of variable length carry their length; numbers are big-endian, so that rows
//! sort as they count. What is needed from a row is in its value: keys are never parsed.

use crate::due::Subject;
use comity_model::asset::Arrival;
use comity_model::{AssetHandle, ClientId, Height, MemberId, OrderId, UnixSeconds};

/// The name of a row in the side table.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    /// [`crate::working::Config`]: what genesis fixed.
    Config,
    /// [`crate::working::Clock`]: the last block's height, time and app hash.
    Clock,
    /// `verify::merkle::Frontier` of the tree over header hashes.
    Frontier,
    /// Operator key → [`MemberId`].
    Operator([u8; 32]),
    /// A packet whose commitment stands.
    Outbox(ClientId, u64),
    /// An acknowledgement's bytes.
    Ack(ClientId, u64),
    /// An order that arrived over a client and is not decided → [`comity_model::order::ReceivedId`].
    Pending(ClientId, OrderId),
    /// What falls due → [`crate::due::Due`].
    Due(UnixSeconds, u8, Subject),
    /// A hold that is active or queued, in order of arrival → its number.
    Standing(AssetHandle, Arrival, u32),
    /// A client → [`ClientId`].
    Client(ClientId),
    /// A height with a consensus state → [`Height`].
    Consensus(ClientId, Height),
    /// Height of the header by which a foreign member was last proven.
    ForeignHeight(ClientId, MemberId),
    /// A complete subtree of the header tree: level and index → hash.
    HeaderNode(u32, u64),
    /// Validator key → power.
    Validator([u8; 32]),
    /// What froze a client, by number → `verify::light::Contradiction`.
    Evidence(ClientId, u32),
    /// Header hashes that are not in the tree yet, in order.
    HeadersWaiting,
    /// The sum behind the digest of all rows that are not [`is_local`].
    Indexes,
    /// The first height whose state stands here, where the blocks before it were not carried out → [`Height`].
    Begins,
    /// A restoration from a snapshot has begun and not ended.
    Restoring,
}

impl Side {
    /// The row's key.
    pub(crate) fn key(&self) -> Vec<u8> {
        match self {
            Self::Config => vec![1],
            Self::Clock => vec![2],
            Self::Frontier => vec![3],
            Self::Operator(key) => tagged(4, &[key]),
            Self::Outbox(client, sequence) => with_client(5, client, &sequence.to_be_bytes()),
            Self::Ack(client, sequence) => with_client(6, client, &sequence.to_be_bytes()),
            Self::Pending(client, order) => with_client(7, client, &order.0),
            Self::Due(at, kind, subject) => {
                let (name, id) = match subject {
                    Subject::Order(client, order) => (client_part(client), &order.0),
                    Subject::Agreement(court, agreement) => (member_part(court), &agreement.0),
                };
                tagged(8, &[&at.0.to_be_bytes(), &[*kind], &name, id])
            }
            Self::Standing(asset, arrival, number) => tagged(
                9,
                &[
                    &asset.0,
                    &arrival.height.0.to_be_bytes(),
                    &arrival.tx.to_be_bytes(),
                    &arrival.message.to_be_bytes(),
                    &number.to_be_bytes(),
                ],
            ),
            Self::Client(client) => tagged(10, &[client.as_str().as_bytes()]),
            Self::Consensus(client, height) => with_client(11, client, &height.0.to_be_bytes()),
            Self::ForeignHeight(client, member) => with_client(12, client, member.as_str().as_bytes()),
            Self::HeaderNode(level, index) => tagged(13, &[&level.to_be_bytes(), &index.to_be_bytes()]),
            Self::Validator(key) => tagged(14, &[key]),
            Self::Evidence(client, number) => with_client(15, client, &number.to_be_bytes()),
            Self::HeadersWaiting => vec![16],
            Self::Indexes => vec![200],
            Self::Begins => vec![201],
            Self::Restoring => vec![202],
        }
    }
}

/// Whether a row is no index of the state: it changes without the state, or differs between machines. All others count in
/// the digest under [`comity_model::state::StatePath::Indexes`] and belong to a snapshot.
pub(crate) fn is_local(key: &[u8]) -> bool {
    // The clock, headers that wait, and from 200 on what a machine keeps for itself.
    matches!(key.first(), None | Some(2 | 16 | 200..))
}

/// All due dates, soonest first.
pub(crate) const DUE: &[u8] = &[8];
/// All undecided orders, by client and id.
pub(crate) const PENDING: &[u8] = &[7];
/// All clients, by id.
pub(crate) const CLIENTS: &[u8] = &[10];
/// All validators, by key.
pub(crate) const VALIDATORS: &[u8] = &[14];

/// All standing holds of an asset, in order of arrival.
pub(crate) fn standing_prefix(asset: &AssetHandle) -> Vec<u8> {
    tagged(9, &[&asset.0])
}

/// All packets that stand in a client's outbox, by sequence.
pub(crate) fn outbox_prefix(client: &ClientId) -> Vec<u8> {
    with_client(5, client, &[])
}

/// All that ever froze a client, the first one first.
pub(crate) fn evidence_prefix(client: &ClientId) -> Vec<u8> {
    with_client(15, client, &[])
}

/// All heights with a consensus state, ascending.
pub(crate) fn consensus_prefix(client: &ClientId) -> Vec<u8> {
    with_client(11, client, &[])
}

fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![tag];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

fn with_client(tag: u8, client: &ClientId, rest: &[u8]) -> Vec<u8> {
    tagged(tag, &[&client_part(client), rest])
}

/// A member id behind its length.
fn member_part(member: &MemberId) -> Vec<u8> {
    // A member id has at most 32 bytes.
    let length = u8::try_from(member.as_str().len()).unwrap_or(u8::MAX);
    tagged(length, &[member.as_str().as_bytes()])
}

/// A client id behind its length.
fn client_part(client: &ClientId) -> Vec<u8> {
    // A client id has at most 64 bytes.
    let length = u8::try_from(client.as_str().len()).unwrap_or(u8::MAX);
    tagged(length, &[client.as_str().as_bytes()])
}
