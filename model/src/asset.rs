//! Assets and the holds on them, on the institution's chain.

use crate::{Amount, AssetHandle, ChainId, ClientId, Height, MemberId, OrderId, ReasonCode, Sector, UnixSeconds};
use borsh::{BorshDeserialize, BorshSerialize};

/// An asset under its opaque handle. Nothing here says whose it is.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Asset {
    /// The handle: random, known to the institution only.
    pub handle: AssetHandle,
    /// Its sector.
    pub sector: Sector,
    /// Who keeps it.
    pub institution: MemberId,
    /// Who enforces a hold on it.
    pub enforcement: Enforcement,
    /// Its value where it is divisible; `None` for a parcel, a right, a person's listing.
    pub value: Option<Amount>,
    /// How many holds were ever placed on it: the next hold's number.
    pub holds: u32,
}

/// Who makes a hold effective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Enforcement {
    /// The chain itself: the asset lives on it.
    Native = 1,
    /// The institution says so, under its seal.
    Attested = 2,
}

/// A hold: what one order took of one asset. Holds of an asset stand in order of arrival.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hold {
    /// The asset.
    pub asset: AssetHandle,
    /// Its number on the asset, from 0.
    pub number: u32,
    /// The order that placed it.
    pub order: OrderId,
    /// The court that ordered it.
    pub court: MemberId,
    /// The chain and client the order came over: where notices go.
    pub origin: Origin,
    /// Where the order's receipt stands in the chain's history: this decides the queue.
    pub arrival: Arrival,
    /// What was asked for; `None` for an indivisible asset.
    pub asked: Option<Amount>,
    /// What is held now; `None` for an indivisible asset.
    pub held: Option<Amount>,
    /// Its state.
    pub state: HoldState,
    /// When it lapses if nobody renews it.
    pub until: UnixSeconds,
}

/// Where an order came from.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Origin {
    /// The court's chain.
    pub chain: ChainId,
    /// The light client of that chain, on this chain.
    pub client: ClientId,
    /// The client of this chain, on the court's.
    pub counterparty: ClientId,
}

/// A place in the chain's history: height, then the transaction's index, then the message's index within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Arrival {
    /// The block.
    pub height: Height,
    /// Index of the transaction in it.
    pub tx: u32,
    /// Index of the message in the transaction.
    pub message: u32,
}

/// The life of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum HoldState {
    /// In force.
    Active = 1,
    /// Waits for earlier holds.
    Queued = 2,
    /// Ended by a release order.
    Released = 3,
    /// Ended by time.
    Lapsed = 4,
    /// Used up by deduction.
    Deducted = 5,
}

/// Reason codes that the chain itself writes into a result.
pub mod reason {
    /// The institution did not decide before `decide_by`.
    pub const NO_DECISION: &str = "NO_DECISION";
    /// The institution knows no such asset.
    pub const UNKNOWN_ASSET: &str = "UNKNOWN_ASSET";
    /// The order's original is not known here or came from another court.
    pub const UNKNOWN_ORIGINAL: &str = "UNKNOWN_ORIGINAL";
    /// The hold named by the order has already ended.
    pub const HOLD_ENDED: &str = "HOLD_ENDED";
    /// Nothing is left on the asset to hold.
    pub const NO_SUCH_KIND: &str = "NO_SUCH_KIND";
    /// The packet's bytes could be read but the order in it is not for this chain.
    pub const NOT_FOR_THIS_CHAIN: &str = "NOT_FOR_THIS_CHAIN";
}

/// A coded reason and nothing else: free text could carry personal data onto a chain.
pub type Reason = ReasonCode;
