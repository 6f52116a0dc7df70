//! Packets between two chains: once, in time, by proof, over a client that may be used.

use crate::support::chain::step;
use crate::support::world::{At, TRUSTING_S, World, member};
use comity_model::client::{ClientState, ClientStatus};
use comity_model::event::Event;
use comity_model::governance::Action;
use comity_model::member::MemberKind;
use comity_model::packet::{Packet, UNIVERSAL_ERROR_ACK};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, encode};
use comity_verify::light::{ConsensusState, Contradiction, DivergenceKind, Shown};

fn client_of(world: &World, at: At) -> ClientState {
    world.chain(at).value(&StatePath::Client(at.client())).unwrap()
}

/// A block that the court's validators signed beside the one that stands, with another app hash.
fn fork(world: &World, height: u64) -> comity_verify::comet::LightBlock {
    let mut header = world.court.light_block(height).header.clone();
    header.app_hash = comity_model::Hash([0xF0; 32]).into();
    world.court.sign(header, &[])
}

/// What the bank's chain keeps of what froze its client: the last time, or so many times before.
fn contradiction(world: &World, back: u32) -> Option<Contradiction> {
    let answer = world.bank.query("/contradiction", &encode(&(At::Bank.client(), back)), None, false);
    comity_model::decode("a contradiction", &answer.value).unwrap()
}

fn known_at(world: &World, height: Height) -> ConsensusState {
    world.bank.value(&StatePath::Consensus(At::Bank.client(), height)).unwrap()
}

fn misbehaviour(world: &mut World) -> Message {
    let height = world.court.height();
    Message::Misbehaviour {
        client: At::Bank.client(),
        first: world.court.step(height),
        second: step(fork(world, height)),
    }
}

#[test]
fn the_same_packet_twice_changes_nothing() {
    let mut world = World::new();
    let packet = world.send(world.order(1, "freeze"));
    let before = world.received(comity_model::OrderId([1; 16]));
    let again = world.receive(At::Bank, &packet);
    assert!(again.is_ok());
    let touched = again.events.iter().any(|event| matches!(event, Event::PacketReceived(_)));
    assert!(!touched);
    assert_eq!(world.received(comity_model::OrderId([1; 16])), before);
}

#[test]
fn another_packet_under_the_same_sequence_is_refused_and_kept_as_evidence() {
    let mut world = World::new();
    let packet = world.send(world.order(1, "freeze"));
    // The court's validators sign a state in which another packet stands under the same sequence: a second court chain
    // with the same keys plays their part.
    let mut twin = World::new();
    let other = twin.commit(twin.order(2, "freeze"));
    assert_eq!(other.sequence, packet.sequence);
    while twin.court.height() <= world.court.height() {
        twin.block(At::Court, &[]);
    }
    let height = twin.court.height();
    let mut header = twin.court.light_block(height).header.clone();
    header.time = world.now;
    let update = Message::UpdateClient { client: At::Bank.client(), steps: vec![step(twin.court.sign(header, &[]))] };
    let path = StatePath::Commitment(other.source_client.clone(), other.sequence);
    let (_, proof) = twin.court.proven(&path, height);
    let receive = Message::Receive { packet: other.clone(), proof, height: Height(height) };
    let result = world.refused(At::Bank, vec![update, receive], "PACKET_CONFLICT");
    assert_eq!(result.events, [Event::PacketConflict(other)]);
}

#[test]
fn a_packet_that_was_never_sent_or_was_changed_is_refused() {
    let mut world = World::new();
    let packet = world.commit(world.order(1, "freeze"));
    let change = |change: fn(&mut Packet)| {
        let mut packet = packet.clone();
        change(&mut packet);
        packet
    };
    for forged in [
        change(|packet| packet.timeout = packet.timeout.plus(1)),
        change(|packet| packet.payloads[0].value[40] ^= 1),
        change(|packet| packet.payloads[0].encoding = "json".into()),
    ] {
        let mut messages = world.receive_messages(At::Bank, &packet);
        let Some(Message::Receive { packet, .. }) = messages.get_mut(1) else { unreachable!() };
        *packet = forged;
        world.refused(At::Bank, messages, "STATE_PROOF");
    }
    let mut crossed = world.receive_messages(At::Bank, &packet);
    let Some(Message::Receive { packet: crossed_packet, .. }) = crossed.get_mut(1) else { unreachable!() };
    crossed_packet.source_client = "another-client".parse().unwrap();
    world.refused(At::Bank, crossed, "WRONG_COUNTERPARTY");
    assert!(world.receive(At::Bank, &packet).is_ok(), "the true one still arrives");
}

#[test]
fn a_receive_from_the_timeout_on_is_refused() {
    let mut world = World::new();
    let packet = world.commit(world.order(1, "freeze"));
    // `receive` makes a block on the other chain first: the block that carries it is a second later.
    let left = packet.timeout.0 - world.now_s().0;
    world.pass(left - 1);
    let result = world.receive(At::Bank, &packet);
    assert_eq!(result.codespace, "PACKET_TIMED_OUT");
}

#[test]
fn a_receive_in_the_last_second_is_taken() {
    let mut world = World::new();
    let packet = world.commit(world.order(1, "freeze"));
    let left = packet.timeout.0 - world.now_s().0;
    world.pass(left - 2);
    assert!(world.receive(At::Bank, &packet).is_ok());
}

#[test]
fn an_acknowledgement_must_be_the_one_that_was_written() {
    let mut world = World::new();
    let mut order = world.order(1, "freeze");
    order.kind = "confiscate".parse().unwrap();
    let packet = world.send(order);
    let (height, update) = world.update(At::Court);
    let path = StatePath::Acknowledgement(packet.dest_client.clone(), packet.sequence);
    let (_, proof) = world.bank.proven(&path, height.0);
    let forged =
        Message::Acknowledge { packet: packet.clone(), acknowledgement: UNIVERSAL_ERROR_ACK.to_vec(), proof, height };
    world.refused(At::Court, vec![update, forged], "STATE_PROOF");
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    let again = world.acknowledge(At::Court, &packet);
    assert!(again.is_ok(), "a repeated acknowledgement changes nothing");
}

#[test]
fn an_expired_client_proves_nothing() {
    let mut world = World::new();
    let mut order = world.order(1, "freeze");
    order.issued_at = order.issued_at.plus(1);
    let packet = world.commit(order);
    let messages = world.receive_messages(At::Bank, &packet);
    world.pass(TRUSTING_S);
    world.refused(At::Bank, messages, "CLIENT_EXPIRED");
    let (height, update) = world.update(At::Court);
    world.refused(At::Court, vec![update], "CLIENT_EXPIRED");
    let path = StatePath::Receipt(packet.dest_client.clone(), packet.sequence);
    let (_, proof) = world.bank.proven(&path, height.0);
    let time_out = Message::TimeOut { packet, proof, height };
    world.refused(At::Court, vec![time_out], "CLIENT_EXPIRED");
}

#[test]
fn two_headers_of_one_height_freeze_the_client_and_nothing_is_believed_any_more() {
    let mut world = World::new();
    let packet = world.commit(world.order(1, "freeze"));
    let messages = world.receive_messages(At::Bank, &packet);
    let evidence = misbehaviour(&mut world);
    let result = world.done(At::Bank, vec![evidence.clone()]);
    assert!(matches!(result.events.as_slice(), [Event::ClientChanged { status: ClientStatus::Frozen, .. }]));
    assert_eq!(client_of(&world, At::Bank).status, ClientStatus::Frozen);
    world.refused(At::Bank, messages, "CLIENT_FROZEN");
    world.done(At::Bank, vec![evidence]);
    let found = contradiction(&world, 0).unwrap();
    assert_eq!(found.check(&world.court.id), Ok(()));
    assert_eq!((found.number, found.kind, found.recovered), (0, Some(DivergenceKind::Lunatic), None));
    assert_eq!(found.signed_both().len(), 4);
    assert_eq!(contradiction(&world, 1), None);
}

#[test]
fn an_update_with_another_header_of_a_known_height_freezes_the_client() {
    let mut world = World::new();
    let (height, update) = world.update(At::Bank);
    world.done(At::Bank, vec![update.clone()]);
    let again = world.done(At::Bank, vec![update]);
    assert!(again.events.is_empty(), "the same header changes nothing");
    let steps = vec![step(fork(&world, height.0))];
    let client_id = At::Bank.client();
    world.done(At::Bank, vec![Message::UpdateClient { client: client_id, steps }]);
    assert_eq!(client_of(&world, At::Bank).status, ClientStatus::Frozen);
    let found = contradiction(&world, 0).unwrap();
    assert_eq!(found.check(&world.court.id), Ok(()));
    assert_eq!(found.first, Shown::Known(known_at(&world, height)));
    assert_eq!((found.kind, found.second.height()), (Some(DivergenceKind::Lunatic), height));
}

#[test]
fn equal_headers_are_no_misbehaviour() {
    let mut world = World::new();
    let height = world.court.height();
    let message = Message::Misbehaviour {
        client: At::Bank.client(),
        first: world.court.step(height),
        second: world.court.step(height),
    };
    let result = world.run(At::Bank, vec![message]);
    assert_eq!(result.code, 1);
    assert_eq!(client_of(&world, At::Bank).status, ClientStatus::Active);
}

#[test]
fn governors_put_a_frozen_client_onto_a_new_header() {
    let mut world = World::new();
    let evidence = misbehaviour(&mut world);
    world.done(At::Bank, vec![evidence]);
    world.block(At::Court, &[]);
    let block = world.court.light_block(world.court.height()).clone();
    let recover =
        Action::RecoverClient { client: At::Bank.client(), header_hash: block.header.hash(), block: encode(&block) };
    let result = world.govern(At::Bank, recover.clone());
    assert!(result.is_ok(), "{} {}", result.codespace, result.log);
    let recovered = client_of(&world, At::Bank);
    assert_eq!(recovered.status, ClientStatus::Active);
    assert_eq!(recovered.latest, block.header.height);
    let found = contradiction(&world, 0).unwrap();
    assert_eq!(found.recovered.map(|recovery| recovery.at), Some(world.bank.blocks.last().unwrap().header.time));
    let old = StatePath::Consensus(At::Bank.client(), Height(1));
    assert_eq!(world.bank.value::<Vec<u8>>(&old), None, "what was believed before is gone");
    assert_eq!(world.govern(At::Bank, recover).codespace, "CLIENT_ACTIVE");
    let packet = world.commit(world.order(1, "freeze"));
    assert!(world.receive(At::Bank, &packet).is_ok());
}

#[test]
fn a_header_signed_by_too_few_validators_teaches_nothing() {
    let mut world = World::new();
    world.block(At::Court, &[]);
    let mut block = world.court.light_block(world.court.height()).clone();
    for index in 0..2 {
        block.commit.signatures[index] = comity_verify::comet::CommitSig::Absent;
    }
    let update = Message::UpdateClient { client: At::Bank.client(), steps: vec![step(block)] };
    let result = world.run(At::Bank, vec![update]);
    assert_eq!((result.code, result.codespace.as_str()), (1, "COMMIT_POWER"));
}

/// A change of the steps of an update.
type Change = fn(&World, &mut Vec<Vec<u8>>);

/// A vote of a step that is not genuine.
fn forge(steps: &mut [Vec<u8>], place: usize) {
    let mut forged: comity_verify::light::LightStep = comity_model::decode("a step", &steps[place]).unwrap();
    if let comity_verify::comet::CommitSig::Commit(vote) = &mut forged.block.commit.signatures[1] {
        vote.signature[5] ^= 1;
    }
    steps[place] = encode(&forged);
}

#[test]
fn an_update_of_many_steps_is_judged_as_one_batch_and_as_one_by_one_they_would_be() {
    let changes: [(&str, Change); 11] = [
        ("none", |_, _| {}),
        ("a forged vote first", |_, steps| forge(steps, 0)),
        ("a forged vote in the middle", |_, steps| forge(steps, 5)),
        ("a forged vote last", |_, steps| forge(steps, 11)),
        ("two forged votes", |_, steps| {
            forge(steps, 8);
            forge(steps, 3);
        }),
        ("a step that is none", |_, steps| steps[6] = vec![1, 2, 3]),
        ("a forged vote, and a step that is none", |_, steps| {
            steps[9] = vec![];
            forge(steps, 4);
        }),
        ("a step twice", |_, steps| steps[4] = steps[3].clone()),
        ("the other way round", |_, steps| steps.reverse()),
        ("a block of another story last", |world, steps| {
            let last = steps.len() - 1;
            steps[last] = step(fork(world, world.court.height() - 1));
        }),
        ("a block in the middle, of another story", |world, steps| steps[6] = step(fork(world, 7))),
    ];
    for (name, change) in changes {
        let outcome = |at_once: bool| {
            let mut world = World::new();
            let from = client_of(&world, At::Bank).latest.0;
            while world.court.height() < from + 12 {
                world.block(At::Court, &[]);
            }
            let mut steps: Vec<_> = (1..=12).map(|height| world.court.step(from + height)).collect();
            change(&world, &mut steps);
            let update = |steps| Message::UpdateClient { client: At::Bank.client(), steps };
            let messages = match at_once {
                true => vec![update(steps)],
                // Nobody goes on to send what a frozen client would refuse.
                false => {
                    let sent = if name == "a block in the middle, of another story" { 7 } else { steps.len() };
                    steps.into_iter().take(sent).map(|step| update(vec![step])).collect()
                }
            };
            let result = world.run(At::Bank, messages);
            let known: Vec<_> = (1..=from + 12)
                .map(|height| StatePath::Consensus(At::Bank.client(), Height(height)))
                .map(|path| world.bank.value::<comity_verify::light::ConsensusState>(&path))
                .collect();
            let refusal = (result.code, result.codespace, result.log);
            (refusal, client_of(&world, At::Bank), known)
        };
        let (at_once, one_by_one) = (outcome(true), outcome(false));
        assert_eq!(at_once.1, one_by_one.1, "{name}: the client");
        assert_eq!(at_once.2, one_by_one.2, "{name}: the headers it knows");
        assert_eq!(at_once.0, one_by_one.0, "{name}: the refusal, and which vote it names");
    }
}

#[test]
fn a_new_client_may_not_be_used_before_its_delay_has_passed() {
    let mut world = World::bare_with_delay(1_000);
    world.connect();
    let messages = world.import_messages();
    world.refused(At::Court, messages, "CLIENT_WAITS");
    world.pass(1_000);
    world.import_bank();
}

#[test]
fn a_client_begins_only_at_the_header_that_its_governors_saw_and_its_id_is_never_used_twice() {
    let mut world = World::bare();
    let Action::CreateClient { mut client, block } = world.create_client(At::Bank, 1) else { unreachable!() };
    client.anchor.header_hash = comity_model::Hash([1; 32]);
    assert_eq!(world.govern(At::Bank, Action::CreateClient { client, block }).codespace, "ANCHOR");

    let mut world = World::new();
    let action = world.create_client(At::Bank, 1);
    assert_eq!(world.govern(At::Bank, action).codespace, "CLIENT_EXISTS");
    let answer = world.bank.query("/clients", &[], None, false);
    let clients: Vec<ClientState> = comity_model::decode("clients", &answer.value).unwrap();
    assert_eq!(clients, [client_of(&world, At::Bank)]);
}

#[test]
fn an_older_state_of_a_member_never_replaces_a_newer_one() {
    let mut world = World::new();
    let old = world.import_messages();
    let mut bank = member("bank", MemberKind::Finance, "bank-1");
    bank.validity.compromised_since = Some(world.now_s());
    assert!(world.govern(At::Bank, Action::SetMember(bank)).is_ok());
    world.import_bank();
    world.refused(At::Court, old, "MEMBER_STALE");
    let sealed = world.seal(world.order(1, "freeze"));
    world.refused(At::Court, vec![Message::CommitOrder { sealed, claim: None }], "VALIDITY");
}
