//! IBC v2 packets: the bytes that chains commit to, as ibc-go and its Solidity counterpart implement them, and proofs
//! that a packet was sent, received, answered or missed. Knows no application.

use crate::light::TrustedHeader;
use crate::refusal::{Refusal, Rule};
use crate::seal;
use crate::sha::sha256;
use crate::state::{self, Proven, ProvenAbsence, ProvenAt};
use alloc::vec::Vec;
use comity_model::packet::Packet;
use comity_model::state::{StatePath, packet_key};
use comity_model::{ClientId, Hash};

/// Domain tag of the packet hash that a receipt stores.
pub const TAG_RECEIPT: &str = "comity/receipt/v1";

/// First byte of what is hashed into commitments: the protocol version.
const PROTOCOL_VERSION: u8 = 2;

/// What the source chain stores for a packet sent: SHA-256(0x02 ‖ H(dest client) ‖ H(timeout, big-endian) ‖ H(H(payload)
/// …)), where a payload's hash is that of the hashes of its five parts (ibc-go `CommitPacket`).
#[must_use]
pub fn commitment(packet: &Packet) -> Hash {
    let mut payloads = Vec::with_capacity(packet.payloads.len().saturating_mul(32));
    for payload in &packet.payloads {
        let parts: [&[u8]; 5] = [
            payload.source_port.as_bytes(),
            payload.dest_port.as_bytes(),
            payload.version.as_bytes(),
            payload.encoding.as_bytes(),
            &payload.value,
        ];
        let mut hashes = Vec::with_capacity(160);
        for part in parts {
            hashes.extend_from_slice(&sha256(&[part]).0);
        }
        payloads.extend_from_slice(&sha256(&[&hashes]).0);
    }
    sha256(&[
        &[PROTOCOL_VERSION],
        &sha256(&[packet.dest_client.as_str().as_bytes()]).0,
        &sha256(&[&packet.timeout.0.to_be_bytes()]).0,
        &sha256(&[&payloads]).0,
    ])
}

/// What the destination stores for the acknowledgements of a packet's payloads (ibc-go `CommitAcknowledgement`).
#[must_use]
pub fn acknowledgement(acks: &[Vec<u8>]) -> Hash {
    let mut hashes = Vec::with_capacity(acks.len().saturating_mul(32));
    for ack in acks {
        hashes.extend_from_slice(&sha256(&[ack]).0);
    }
    sha256(&[&[PROTOCOL_VERSION], &hashes])
}

/// What the destination stores for a packet received: a hash over the whole packet, source client and sequence
/// included, so that the same packet twice is known from a different one.
#[must_use]
pub fn receipt(packet: &Packet) -> Hash {
    seal::digest(TAG_RECEIPT, packet)
}

/// ICS-24 v2 key of a commitment: client ‖ 1 ‖ big-endian sequence.
#[must_use]
pub fn commitment_key(client: &ClientId, sequence: u64) -> Vec<u8> {
    packet_key(client, 1, sequence)
}

/// ICS-24 v2 key of a receipt: client ‖ 2 ‖ big-endian sequence.
#[must_use]
pub fn receipt_key(client: &ClientId, sequence: u64) -> Vec<u8> {
    packet_key(client, 2, sequence)
}

/// ICS-24 v2 key of an acknowledgement: client ‖ 3 ‖ big-endian sequence.
#[must_use]
pub fn acknowledgement_key(client: &ClientId, sequence: u64) -> Vec<u8> {
    packet_key(client, 3, sequence)
}

/// Proves under the source chain's header that the packet was sent.
pub fn sent(header: &TrustedHeader, packet: &Packet, proof: &[u8]) -> Result<Proven<Packet>, Refusal> {
    let path = StatePath::Commitment(packet.source_client.clone(), packet.sequence);
    let _: Proven<_> = state::membership(header, &path, &commitment(packet).0, proof)?;
    Ok(Proven::new(packet.clone(), ProvenAt::of(header)))
}

/// Proves under the destination's header that the packet was received.
pub fn received(header: &TrustedHeader, packet: &Packet, proof: &[u8]) -> Result<Proven<Packet>, Refusal> {
    let _: Proven<_> = state::membership(header, &receipt_path(packet), &receipt(packet).0, proof)?;
    Ok(Proven::new(packet.clone(), ProvenAt::of(header)))
}

/// Proves under the destination's header that the packet was answered with these acknowledgements, one a payload.
pub fn acknowledged(
    header: &TrustedHeader,
    packet: &Packet,
    acks: &[Vec<u8>],
    proof: &[u8],
) -> Result<Proven<Vec<Vec<u8>>>, Refusal> {
    let path = StatePath::Acknowledgement(packet.dest_client.clone(), packet.sequence);
    let _: Proven<_> = state::membership(header, &path, &acknowledgement(acks).0, proof)?;
    Ok(Proven::new(acks.to_vec(), ProvenAt::of(header)))
}

/// Proves under the destination's header that the packet can no longer arrive: the header's time is at or past the
/// timeout, and there is no receipt (ICS-04 v2, `timeoutPacket`).
pub fn timed_out(header: &TrustedHeader, packet: &Packet, proof: &[u8]) -> Result<ProvenAbsence, Refusal> {
    if header.time().unix_seconds() < packet.timeout {
        return Err(Refusal::new(
            Rule::NotTimedOut,
            alloc::format!("a header at or after {}", packet.timeout),
            header.time(),
        ));
    }
    state::absence(header, &receipt_path(packet), proof)
}

fn receipt_path(packet: &Packet) -> StatePath {
    StatePath::Receipt(packet.dest_client.clone(), packet.sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::UnixSeconds;
    use comity_model::packet::{Payload, UNIVERSAL_ERROR_ACK};

    fn packet() -> Packet {
        Packet {
            sequence: 1,
            source_client: "court-1".parse().expect("an id"),
            dest_client: "bank-1".parse().expect("an id"),
            timeout: UnixSeconds(100),
            payloads: alloc::vec![Payload::canonical("orders", alloc::vec![1, 2])],
        }
    }

    #[test]
    fn the_universal_error_is_the_hash_of_its_name() {
        assert_eq!(sha256(&[b"UNIVERSAL_ERROR_ACKNOWLEDGEMENT"]).0, UNIVERSAL_ERROR_ACK);
    }

    #[test]
    fn a_timeout_is_hashed_big_endian() {
        let mut swapped = packet();
        swapped.timeout = UnixSeconds(100u64.swap_bytes());
        assert_ne!(commitment(&swapped), commitment(&packet()));
        let expected = sha256(&[
            &[2],
            &sha256(&[b"bank-1"]).0,
            &sha256(&[&[0, 0, 0, 0, 0, 0, 0, 100]]).0,
            &sha256(&[&sha256(&[
                &sha256(&[b"orders"]).0,
                &sha256(&[b"orders"]).0,
                &sha256(&[b"comity-1"]).0,
                &sha256(&[b"application/x-borsh"]).0,
                &sha256(&[&[1, 2]]).0,
            ])
            .0])
            .0,
        ]);
        assert_eq!(commitment(&packet()), expected);
    }

    #[test]
    fn a_receipt_tells_two_packets_of_one_sequence_apart() {
        let mut other = packet();
        other.source_client = "court-2".parse().expect("an id");
        assert_eq!(commitment(&other), commitment(&packet()));
        assert_ne!(receipt(&other), receipt(&packet()));
    }
}
