//! IBC v2 packets (ICS-04 v2), as ibc-go and its Solidity counterpart implement them.

use crate::{ClientId, UnixSeconds};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// A message from one chain to another.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Packet {
    /// Counts up from 1 for each source client.
    pub sequence: u64,
    /// The client of the destination, on the source chain.
    pub source_client: ClientId,
    /// The client of the source, on the destination chain.
    pub dest_client: ClientId,
    /// The destination refuses the packet from this block time on.
    pub timeout: UnixSeconds,
    /// What is carried; Comity sends exactly one.
    pub payloads: Vec<Payload>,
}

/// One payload of a packet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Payload {
    /// The application that sent it.
    pub source_port: String,
    /// The application that receives it.
    pub dest_port: String,
    /// The application protocol and its version.
    pub version: String,
    /// How `value` is encoded.
    pub encoding: String,
    /// The bytes.
    pub value: Vec<u8>,
}

/// The port of orders (court → institution).
pub const PORT_ORDERS: &str = "orders";
/// The port of notices (institution → court).
pub const PORT_NOTICES: &str = "notices";
/// The version of both applications.
pub const VERSION: &str = "comity-1";
/// The encoding of both applications' values: the canonical bytes of this crate.
pub const ENCODING: &str = "application/x-borsh";

impl Payload {
    /// A payload of this program's applications between equal ports.
    #[must_use]
    pub fn canonical(port: &str, value: Vec<u8>) -> Self {
        Self {
            source_port: port.into(),
            dest_port: port.into(),
            version: VERSION.into(),
            encoding: ENCODING.into(),
            value,
        }
    }
}

/// The acknowledgement of bytes that could not be decoded (ICS-04 v2, `ErrorAcknowledgement`):
/// SHA-256("UNIVERSAL_ERROR_ACKNOWLEDGEMENT").
pub const UNIVERSAL_ERROR_ACK: [u8; 32] = [
    0x47, 0x74, 0xd4, 0xa5, 0x75, 0x99, 0x3f, 0x96, 0x3b, 0x1c, 0x06, 0x57, 0x37, 0x36, 0x61, 0x7a, 0x45, 0x7a, 0xbe,
    0xf8, 0x58, 0x91, 0x78, 0xdb, 0x8d, 0x10, 0xc9, 0x4b, 0x4a, 0xb5, 0x11, 0xab,
];
