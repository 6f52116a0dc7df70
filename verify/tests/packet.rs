//! Packets proven under headers: sent, received, answered, timed out; and that proofs carry no names.
#![allow(clippy::unwrap_used)]

mod world;

use comity_model::packet::{Packet, Payload};
use comity_model::state::StatePath;
use comity_model::{Hash, RecordId, UnixSeconds};
use comity_verify::Rule;
use comity_verify::light::TrustedHeader;
use comity_verify::packet::{acknowledged, acknowledgement, commitment, receipt, received, sent, timed_out};
use comity_verify::state::{absence, membership};
use world::{State, at, block, header, pin, set};

/// Five seconds after height 0.
const TIMEOUT: UnixSeconds = UnixSeconds(1_700_000_005);

fn packet(sequence: u64) -> Packet {
    Packet {
        sequence,
        source_client: "bank-client".parse().unwrap(),
        dest_client: "court-client".parse().unwrap(),
        timeout: TIMEOUT,
        payloads: vec![Payload::canonical("orders", vec![1, 2, 3])],
    }
}

fn under(height: u64, root: Hash) -> TrustedHeader {
    let four = set(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    pin(&block(header(height, &four, &four, root), &four, &[1, 2, 3, 4]))
}

/// Packets 1 and 2 were sent; 1 was received and answered with `ok`.
fn state() -> State {
    let source = |sequence| StatePath::Commitment("bank-client".parse().unwrap(), sequence);
    State::of_paths(&[
        (source(1), commitment(&packet(1)).0.to_vec()),
        (source(2), commitment(&packet(2)).0.to_vec()),
        (StatePath::Receipt("court-client".parse().unwrap(), 1), receipt(&packet(1)).0.to_vec()),
        (StatePath::Acknowledgement("court-client".parse().unwrap(), 1), acknowledgement(&[b"ok".to_vec()]).0.to_vec()),
        (StatePath::Record("judgments".parse().unwrap(), "Zhang-San-1".parse().unwrap()), vec![7; 32]),
    ])
}

fn rule<T>(result: Result<T, comity_verify::Refusal>) -> Result<(), Rule> {
    result.map(|_| ()).map_err(|refusal| refusal.rule)
}

#[test]
fn what_was_sent_received_and_answered_is_proven_and_nothing_else() {
    let state = state();
    let header = under(3, state.root);
    let source = StatePath::Commitment("bank-client".parse().unwrap(), 1);
    let dest = StatePath::Receipt("court-client".parse().unwrap(), 1);
    let answer = StatePath::Acknowledgement("court-client".parse().unwrap(), 1);
    let proven = sent(&header, &packet(1), &state.prove(&source)).unwrap();
    assert_eq!((proven.value(), proven.at().height.0), (&packet(1), 3));
    assert_eq!(rule(received(&header, &packet(1), &state.prove(&dest))), Ok(()));
    assert_eq!(rule(acknowledged(&header, &packet(1), &[b"ok".to_vec()], &state.prove(&answer))), Ok(()));

    let mut other = packet(1);
    other.payloads[0].value.push(4);
    assert_eq!(rule(sent(&header, &other, &state.prove(&source))), Err(Rule::StateProof));
    assert_eq!(rule(received(&header, &other, &state.prove(&dest))), Err(Rule::StateProof));
    assert_eq!(rule(sent(&header, &packet(2), &state.prove(&source))), Err(Rule::StateProof));
    let no = [b"no".to_vec()];
    assert_eq!(rule(acknowledged(&header, &packet(1), &no, &state.prove(&answer))), Err(Rule::StateProof));
    assert_eq!(rule(sent(&under(3, Hash([1; 32])), &packet(1), &state.prove(&source))), Err(Rule::StateProof));
}

#[test]
fn a_timeout_needs_a_late_enough_header_and_no_receipt() {
    let state = state();
    let missing = |sequence| state.prove(&StatePath::Receipt("court-client".parse().unwrap(), sequence));
    let judge = |height, sequence| rule(timed_out(&under(height, state.root), &packet(sequence), &missing(sequence)));
    assert_eq!(at(5).unix_seconds(), TIMEOUT);
    assert_eq!(judge(4, 2), Err(Rule::NotTimedOut));
    assert_eq!(judge(5, 2), Ok(()));
    assert_eq!(judge(9, 1), Err(Rule::AbsenceProof));
    let named = timed_out(&under(5, state.root), &packet(2), &missing(3));
    assert_eq!(rule(named), Err(Rule::AbsenceProof), "a proof of another key's absence");
}

#[test]
fn a_proof_carries_no_name_of_its_neighbours() {
    let state = state();
    for path in [
        StatePath::Commitment("bank-client".parse().unwrap(), 1),
        StatePath::Receipt("court-client".parse().unwrap(), 9),
        StatePath::Governors,
    ] {
        let proof = state.prove(&path);
        for name in ["Zhang", "judgments", "court-client", "bank-client", "records/", "receipts/"] {
            let found = proof.windows(name.len()).any(|window| window == name.as_bytes());
            assert!(!found, "{name}");
        }
    }
}

#[test]
fn a_header_without_a_32_byte_app_hash_proves_nothing() {
    let four = set(&[(1, 10)]);
    let mut bare = header(3, &four, &four, Hash([1; 32]));
    bare.app_hash = comity_verify::comet::AppHash::default();
    let header = pin(&block(bare, &four, &[1]));
    let id: RecordId = "A-1".parse().unwrap();
    let path = StatePath::Record("judgments".parse().unwrap(), id);
    let state = state();
    assert_eq!(rule(membership(&header, &path, b"x", &state.prove(&path))), Err(Rule::StateProof));
    assert_eq!(rule(absence(&header, &path, &state.prove(&path))), Err(Rule::AbsenceProof));
}

#[test]
fn receipts_and_acknowledgements_are_2_and_3_and_numbers_are_big_endian() {
    // The specification's text says otherwise in places; this is what the implementations hash.
    use comity_verify::packet::{acknowledgement_key, commitment_key, receipt_key};
    let client = "client-7".parse().unwrap();
    let key = |kind: u8| [b"client-7".as_slice(), &[kind], &[0, 0, 0, 0, 0, 0, 1, 2]].concat();
    assert_eq!(commitment_key(&client, 0x0102), key(1));
    assert_eq!(receipt_key(&client, 0x0102), key(2));
    assert_eq!(acknowledgement_key(&client, 0x0102), key(3));
}
