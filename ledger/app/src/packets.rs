//! IBC v2 packets: sent, received, acknowledged, timed out; each at most once.
//!
//! It moves bytes between two chains by proof and hands them to the applications by port. It knows no order: that is
//! `orders`, `decisions` and `notices`.

use crate::clients;
use crate::refusal::{Reason, Refusal, Stop, require};
use crate::side::Side;
use crate::working::Execution;
use crate::{decisions, notices, orders};
use comity_model::client::ClientState;
use comity_model::event::Event;
use comity_model::packet::{PORT_NOTICES, PORT_ORDERS, Packet, Payload, UNIVERSAL_ERROR_ACK};
use comity_model::state::StatePath;
use comity_model::{ClientId, Hash, Height, UnixSeconds};
use comity_verify::packet;
use comity_verify::state::Proven;

/// Sends one payload over `client`.
pub(crate) fn send(
    ex: &mut Execution<'_>,
    client: &ClientId,
    counterparty: &ClientId,
    payload: Payload,
    timeout: UnixSeconds,
) -> Result<u64, Stop> {
    let path = StatePath::Sequence(client.clone());
    let last: u64 = ex.state.read(&path, "a sequence")?.unwrap_or(0);
    let sequence = last.saturating_add(1);
    ex.state.write(&path, &sequence);
    let packet = Packet {
        sequence,
        source_client: client.clone(),
        dest_client: counterparty.clone(),
        timeout,
        payloads: vec![payload],
    };
    let commitment = packet::commitment(&packet);
    ex.state.write_bytes(&StatePath::Commitment(client.clone(), sequence), commitment.0.to_vec());
    ex.state.set_side(&Side::Outbox(client.clone(), sequence), &packet);
    ex.emit(Event::PacketSent(packet));
    Ok(sequence)
}

/// Receives a packet that is proven to have been sent.
pub(crate) fn receive(ex: &mut Execution<'_>, packet: &Packet, proof: &[u8], height: Height) -> Result<(), Stop> {
    let path = StatePath::Receipt(packet.dest_client.clone(), packet.sequence);
    let receipt = packet::receipt(packet);
    let standing = ex.state.bytes(&path)?;
    if standing.as_deref() == Some(receipt.as_bytes()) {
        return Ok(());
    }
    let (client, header) = clients::trusted(ex, &packet.dest_client, height)?;
    check_counterparty(&client, &packet.source_client)?;
    require(packet.payloads.len() == 1, Reason::PacketMalformed)?;
    let sent = packet::sent(&header, packet, proof)?;
    if standing.is_some() {
        // The other chain is proven to have sent two packets under one sequence: the event is the evidence.
        let conflict = Event::PacketConflict(packet.clone());
        return Err(Refusal::from(Reason::PacketConflict).with_evidence(conflict).into());
    }
    require(ex.now() < packet.timeout, Reason::PacketTimedOut)?;
    ex.state.write_bytes(&path, receipt.0.to_vec());
    ex.emit(Event::PacketReceived(packet.clone()));
    let acknowledgement = deliver(ex, &client, &sent)?;
    if let Some(acknowledgement) = acknowledgement {
        write_acknowledgement(ex, packet, acknowledgement);
    }
    Ok(())
}

/// Hands a packet to its application; `None` when the acknowledgement comes later.
fn deliver(ex: &mut Execution<'_>, client: &ClientState, sent: &Proven<Packet>) -> Result<Option<Vec<u8>>, Stop> {
    if let Some(value) = canonical_value(sent.value(), PORT_ORDERS) {
        return decisions::receive(ex, client, sent, value);
    }
    match canonical_value(sent.value(), PORT_NOTICES) {
        Some(value) => notices::receive(ex, client, value).map(Some),
        None => Ok(Some(UNIVERSAL_ERROR_ACK.to_vec())),
    }
}

/// The payload's bytes if it is exactly what the application of `port` sends.
fn canonical_value<'a>(packet: &'a Packet, port: &str) -> Option<&'a [u8]> {
    let [payload] = packet.payloads.as_slice() else {
        return None;
    };
    let expected = Payload::canonical(port, Vec::new());
    let same = payload.source_port == expected.source_port
        && payload.dest_port == expected.dest_port
        && payload.version == expected.version
        && payload.encoding == expected.encoding;
    same.then_some(payload.value.as_slice())
}

/// Writes the acknowledgement of a received packet.
pub(crate) fn write_acknowledgement(ex: &mut Execution<'_>, packet: &Packet, acknowledgement: Vec<u8>) {
    let client = packet.dest_client.clone();
    let commitment = packet::acknowledgement(std::slice::from_ref(&acknowledgement));
    ex.state.write_bytes(&StatePath::Acknowledgement(client.clone(), packet.sequence), commitment.0.to_vec());
    ex.state.set_side(&Side::Ack(client, packet.sequence), &acknowledgement);
    ex.emit(Event::AcknowledgementWritten { packet: packet.clone(), acknowledgement });
}

/// Takes the proven acknowledgement of a packet sent from here.
pub(crate) fn acknowledge(
    ex: &mut Execution<'_>,
    packet: &Packet,
    acknowledgement: &[u8],
    proof: &[u8],
    height: Height,
) -> Result<(), Stop> {
    if !stands(ex, packet)? {
        return Ok(());
    }
    let (client, header) = clients::trusted(ex, &packet.source_client, height)?;
    check_counterparty(&client, &packet.dest_client)?;
    let proven = packet::acknowledged(&header, packet, &[acknowledgement.to_vec()], proof)?;
    finish(ex, packet);
    ex.emit(Event::PacketAcknowledged { client: packet.source_client.clone(), sequence: packet.sequence });
    match canonical_value(packet, PORT_ORDERS) {
        Some(value) => orders::acknowledged(ex, value, &proven),
        None => Ok(()),
    }
}

/// Takes the proof that a packet sent from here did not arrive in time.
pub(crate) fn time_out(ex: &mut Execution<'_>, packet: &Packet, proof: &[u8], height: Height) -> Result<(), Stop> {
    if !stands(ex, packet)? {
        return Ok(());
    }
    let (client, header) = clients::trusted(ex, &packet.source_client, height)?;
    check_counterparty(&client, &packet.dest_client)?;
    let absent = packet::timed_out(&header, packet, proof)?;
    finish(ex, packet);
    ex.emit(Event::PacketTimedOut { client: packet.source_client.clone(), sequence: packet.sequence });
    if let Some(value) = canonical_value(packet, PORT_ORDERS) {
        return orders::timed_out(ex, value, &absent);
    }
    match packet.payloads.first() {
        // A court must learn of every change of its hold: what was late goes again.
        Some(payload) => notices::resend(ex, &client, payload.clone()),
        None => Ok(()),
    }
}

/// Whether the packet's commitment stands: `false` when it was acknowledged or timed out before, or never sent.
fn stands(ex: &Execution<'_>, packet: &Packet) -> Result<bool, Stop> {
    let path = StatePath::Commitment(packet.source_client.clone(), packet.sequence);
    match ex.state.bytes(&path)? {
        None => Ok(false),
        Some(standing) => {
            let commitment: Hash = packet::commitment(packet);
            require(standing == commitment.as_bytes(), Reason::PacketConflict)?;
            Ok(true)
        }
    }
}

fn finish(ex: &mut Execution<'_>, packet: &Packet) {
    let (client, sequence) = (packet.source_client.clone(), packet.sequence);
    ex.state.remove(&StatePath::Commitment(client.clone(), sequence));
    ex.state.remove_side(&Side::Outbox(client, sequence));
}

fn check_counterparty(client: &ClientState, other: &ClientId) -> Result<(), Stop> {
    require(client.counterparty == *other, Reason::WrongCounterparty)
}
