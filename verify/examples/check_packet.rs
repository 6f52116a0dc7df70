//! What a chain, a relayer and a court ask of a packet: was it sent, and did it fail to arrive in time?
#![allow(clippy::unwrap_used)]

#[path = "../tests/world/mod.rs"]
mod world;

use comity_model::packet::{PORT_ORDERS, Packet, Payload};
use comity_model::state::StatePath;
use comity_model::{Hash, UnixSeconds};
use comity_verify::Refusal;
use comity_verify::light::TrustedHeader;
use comity_verify::packet::{commitment, sent, timed_out};

fn main() -> Result<(), Refusal> {
    let packet = Packet {
        sequence: 1,
        source_client: "client-bank-1".parse().unwrap(),
        dest_client: "client-court-1".parse().unwrap(),
        // Five seconds after the chain's height 0; a header's time is one second a height here.
        timeout: UnixSeconds(1_700_000_005),
        payloads: vec![Payload::canonical(PORT_ORDERS, b"an order".to_vec())],
    };

    // The court's chain committed it.
    let path = StatePath::Commitment(packet.source_client.clone(), packet.sequence);
    let court =
        world::State::of_paths(&[(path.clone(), commitment(&packet).0.to_vec()), (StatePath::Governors, vec![1])]);
    let proven = sent(&header(3, court.root), &packet, &court.prove(&path))?;
    println!("sent: packet {} of {}, at height {}", proven.value().sequence, proven.at().chain_id, proven.at().height);

    let other = Packet { sequence: 2, ..packet.clone() };
    let refused = sent(&header(3, court.root), &other, &court.prove(&path)).expect_err("never sent");
    println!("packet 2 is refused: {refused}");

    // The bank's chain never received it: an absence, under a header past the deadline.
    let receipt = StatePath::Receipt(packet.dest_client.clone(), packet.sequence);
    let bank = world::State::of_paths(&[(StatePath::Governors, vec![1]), (StatePath::Headers, vec![2])]);
    let early = timed_out(&header(4, bank.root), &packet, &bank.prove(&receipt)).expect_err("it may still arrive");
    println!("before the deadline: {early}");
    let absent = timed_out(&header(5, bank.root), &packet, &bank.prove(&receipt))?;
    println!("timed out: no receipt at height {}, {}", absent.at().height, absent.at().time);
    Ok(())
}

fn header(height: u64, root: Hash) -> TrustedHeader {
    let validators = world::set(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    world::pin(&world::block(world::header(height, &validators, &validators, root), &validators, &[1, 2, 3, 4]))
}
