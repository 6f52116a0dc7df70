//! Assets and the holds on them, on the institution's chain.

use crate::profile::Unanswered;
use crate::{Amount, AssetHandle, ChainId, ClientId, Hash, Height, MemberId, OrderId, ReasonCode, Sector, UnixSeconds};
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
    /// Counts its registrations and what orders took out of it, from 1: whoever registers a new value says which state of
    /// the asset it follows, so that no registration undoes a deduction, or another one by being repeated.
    pub revision: u64,
    /// Whether it still is.
    pub status: AssetStatus,
}

/// Whether an asset still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AssetStatus {
    /// It is, and can be held.
    Standing = 1,
    /// An order handed it over to another owner.
    Transferred {
        /// The handle under which it goes on, if it does on this chain.
        successor: Option<AssetHandle>,
    } = 2,
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
    /// What was asked for, less what was released and deducted since; `None` for an indivisible asset.
    pub asked: Option<Amount>,
    /// What is held now; `None` for an indivisible asset.
    pub held: Option<Amount>,
    /// What was deducted under it; `None` for an indivisible asset.
    pub deducted: Option<Amount>,
    /// Its state.
    pub state: HoldState,
    /// When it lapses if nobody renews it.
    pub until: UnixSeconds,
    /// For an emergency order that nobody has confirmed: until when it lasts once it is.
    pub unconfirmed: Option<UnixSeconds>,
    /// The institution's objection, while it is not answered.
    pub objection: Option<OpenObjection>,
    /// How often the institution objected: once at most.
    pub objections: u32,
    /// The commitment to what the hold says: the private part's digest of the order that placed it, or last corrected it.
    pub content: Hash,
}

/// An objection that the court has not answered.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenObjection {
    /// Why, as a code.
    pub reason: ReasonCode,
    /// Digest of the sealed grounds.
    pub grounds: Option<Hash>,
    /// When the court's answer is due.
    pub answer_by: UnixSeconds,
    /// What the law says if there is none by then, as it stood when the institution objected.
    pub unanswered: Unanswered,
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
    /// Its asset went over to another owner.
    Transferred = 6,
}

impl HoldState {
    /// Whether the hold is in force or waits.
    #[must_use]
    pub const fn stands(self) -> bool {
        matches!(self, Self::Active | Self::Queued)
    }
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
    /// The original order has not been decided.
    pub const ORIGINAL_PENDING: &str = "ORIGINAL_PENDING";
    /// The kind does something else than the order says, or its public part lacks what the kind needs or has more.
    pub const ORDER_FORM: &str = "ORDER_FORM";
    /// The kind knows no emergency order.
    pub const NO_EMERGENCY: &str = "NO_EMERGENCY";
    /// The original is no emergency order that waits for a confirmation.
    pub const NOTHING_TO_CONFIRM: &str = "NOTHING_TO_CONFIRM";
    /// An emergency order must be confirmed by another officer than the one who ordered it.
    pub const SAME_OFFICER: &str = "SAME_OFFICER";
    /// An emergency order must be confirmed before anything else is done with its hold.
    pub const NOT_CONFIRMED: &str = "NOT_CONFIRMED";
    /// A renewal must let the hold last longer than it does.
    pub const NOT_LONGER: &str = "NOT_LONGER";
    /// The hold waits, and what only a hold in force allows was ordered.
    pub const NOT_ACTIVE: &str = "NOT_ACTIVE";
    /// More was to be deducted than is held.
    pub const MORE_THAN_HELD: &str = "MORE_THAN_HELD";
    /// The deduction names another account than its original, or the original names none.
    pub const ACCOUNT_DIFFERS: &str = "ACCOUNT_DIFFERS";
    /// Something was deducted under the hold: it cannot be taken back.
    pub const ALREADY_DEDUCTED: &str = "ALREADY_DEDUCTED";
    /// The objection has not been answered.
    pub const OBJECTION_OPEN: &str = "OBJECTION_OPEN";
    /// There is no objection to answer.
    pub const NO_OBJECTION: &str = "NO_OBJECTION";
    /// The hold is of another form than the kind works on.
    pub const WRONG_FORM_OF_HOLD: &str = "WRONG_FORM_OF_HOLD";
    /// The packet's bytes could be read but the order in it is not for this chain.
    pub const NOT_FOR_THIS_CHAIN: &str = "NOT_FOR_THIS_CHAIN";
}

/// A coded reason and nothing else: free text could carry personal data onto a chain.
pub type Reason = ReasonCode;
