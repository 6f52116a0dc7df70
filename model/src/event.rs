//! What a chain reports of its blocks. Events are hints: whoever needs to be sure asks for the state with proof.

use crate::agreement::AgreementState;
use crate::client::ClientStatus;
use crate::order::OrderState;
use crate::packet::Packet;
use crate::{AgreementId, Amount, ClientId, Height, MemberId, ObligationId, OrderId};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Something that happened in a block. On the CometBFT RPC it is an ABCI event of type `comity` whose attribute `event`
/// holds the canonical bytes in hex; attribute `kind` holds its name.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Event {
    /// A packet was committed here.
    PacketSent(Packet) = 1,
    /// A packet was received here.
    PacketReceived(Packet) = 2,
    /// An acknowledgement of a received packet was written here.
    AcknowledgementWritten {
        /// The packet.
        packet: Packet,
        /// The acknowledgement's bytes.
        acknowledgement: Vec<u8>,
    } = 3,
    /// A packet sent from here was acknowledged.
    PacketAcknowledged {
        /// The client it was sent over.
        client: ClientId,
        /// Its sequence.
        sequence: u64,
    } = 4,
    /// A packet sent from here timed out.
    PacketTimedOut {
        /// The client it was sent over.
        client: ClientId,
        /// Its sequence.
        sequence: u64,
    } = 5,
    /// An order of a court of this chain changed its state.
    OrderChanged {
        /// The order.
        order: OrderId,
        /// Its new state.
        state: OrderState,
    } = 6,
    /// A client learnt a height or changed its status.
    ClientChanged {
        /// The client.
        client: ClientId,
        /// Its latest height.
        latest: Height,
        /// Its status.
        status: ClientStatus,
    } = 7,
    /// The court's mirror of a hold changed by a notice.
    HoldChanged {
        /// The order whose hold it is.
        order: OrderId,
    } = 8,
    /// A packet was proven to have been sent under a sequence of which another packet was received: evidence against
    /// the chain it came from. Reported though the transaction is refused.
    PacketConflict(Packet) = 9,
    /// An order that arrived here over a client changed its state.
    ReceivedOrderChanged {
        /// The client of the court's chain.
        client: ClientId,
        /// The order.
        order: OrderId,
        /// Its new state.
        state: OrderState,
    } = 10,
    /// The excess of the holds that serve an obligation changed: it began, became another, or ended.
    OverControl {
        /// The court.
        court: MemberId,
        /// The obligation.
        obligation: ObligationId,
        /// By how much the holds exceed the claim; 0 when they no longer do.
        excess: Amount,
    } = 11,
    /// Something of an agreement became known: a due date, a payment, a confirmation, a default, a stop, an opening.
    AgreementChanged {
        /// The court.
        court: MemberId,
        /// The agreement.
        agreement: AgreementId,
        /// Where it stands.
        state: AgreementState,
    } = 12,
}

impl Event {
    /// The event's name on the RPC.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PacketSent(_) => "packet_sent",
            Self::PacketReceived(_) => "packet_received",
            Self::AcknowledgementWritten { .. } => "acknowledgement_written",
            Self::PacketAcknowledged { .. } => "packet_acknowledged",
            Self::PacketTimedOut { .. } => "packet_timed_out",
            Self::OrderChanged { .. } => "order_changed",
            Self::ClientChanged { .. } => "client_changed",
            Self::HoldChanged { .. } => "hold_changed",
            Self::PacketConflict(_) => "packet_conflict",
            Self::ReceivedOrderChanged { .. } => "received_order_changed",
            Self::OverControl { .. } => "over_control",
            Self::AgreementChanged { .. } => "agreement_changed",
        }
    }
}
