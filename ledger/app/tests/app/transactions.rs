//! What may enter the chain, and that a refused transaction leaves nothing behind.

use crate::support::keys::{public, public_key, seal};
use crate::support::world::{At, World, always, member};
use comity_ledger_app::{Prepare, Process};
use comity_model::governance::{Action, ValidatorUpdate};
use comity_model::member::{MemberKind, Officer};
use comity_model::record::{RecordState, RecordStatus};
use comity_model::state::StatePath;
use comity_model::tx::{Message, RecordBatch, TX_BYTES_MAX, Transaction};
use comity_model::{Hash, Height, RecordId, UnixSeconds, encode};

fn batch(world: &World, records: &[(&str, u32)]) -> RecordBatch {
    RecordBatch {
        chain: world.bank.id.clone(),
        member: "bank".parse().unwrap(),
        sector: "deposits".parse().unwrap(),
        records: records.iter().map(|(id, version)| (id.parse().unwrap(), record(*version))).collect(),
    }
}

fn record(version: u32) -> RecordState {
    RecordState {
        schema: Hash([1; 32]),
        root: Hash([2; 32]),
        status: RecordStatus::Current,
        version,
        updated_at: UnixSeconds(1),
    }
}

fn put(batch: RecordBatch) -> Message {
    let seal = seal("bank seal", "comity/records/v1", &batch);
    Message::PutRecords { batch, seal }
}

fn standing(world: &World, id: &str) -> Option<RecordState> {
    let id: RecordId = id.parse().unwrap();
    world.bank.value(&StatePath::Record("deposits".parse().unwrap(), id))
}

#[test]
fn records_follow_their_versions_and_a_repetition_is_skipped() {
    let mut world = World::bare();
    world.done(At::Bank, vec![put(batch(&world, &[("a", 1), ("b", 1)]))]);
    world.done(At::Bank, vec![put(batch(&world, &[("a", 1), ("b", 2)]))]);
    assert_eq!(standing(&world, "b"), Some(record(2)));
    world.refused(At::Bank, vec![put(batch(&world, &[("b", 4)]))], "RECORD_VERSION");
    world.refused(At::Bank, vec![put(batch(&world, &[("c", 2)]))], "RECORD_VERSION");
    world.refused(At::Bank, vec![put(batch(&world, &[]))], "BATCH_SIZE");
}

#[test]
fn a_refused_message_undoes_the_whole_transaction() {
    let mut world = World::bare();
    let root = world.bank.query("/state", &[0; 32], None, false).height;
    let good = put(batch(&world, &[("a", 1)]));
    let bad = put(batch(&world, &[("b", 7)]));
    let result = world.refused(At::Bank, vec![good, bad], "RECORD_VERSION");
    assert!(result.events.is_empty());
    assert_eq!(standing(&world, "a"), None);
    assert!(root < world.bank.query("/state", &[0; 32], None, false).height);
}

#[test]
fn a_refused_block_is_no_work_and_changes_nothing() {
    let mut world = World::bare();
    let bad = world.tx(At::Bank, vec![put(batch(&world, &[("b", 7)]))]);
    let before = world.bank.app.info().unwrap().app_hash;
    let finalized = world.block(At::Bank, &[bad]);
    assert_eq!((finalized.app_hash, finalized.work), (before, false));
    let good = world.tx(At::Bank, vec![put(batch(&world, &[("b", 1)]))]);
    assert!(world.block(At::Bank, std::slice::from_ref(&good)).work);
    let again = world.block(At::Bank, &[good]);
    assert!(again.tx_results[0].is_ok(), "a repeated transaction is carried out again");
    assert!(!again.work, "and changes nothing");
}

#[test]
fn only_the_sectors_institution_may_write_and_only_under_its_seal() {
    let mut world = World::bare();
    let mut unknown = batch(&world, &[("a", 1)]);
    unknown.sector = "ships".parse().unwrap();
    world.refused(At::Bank, vec![put(unknown)], "UNKNOWN_SECTOR");
    let mut other = batch(&world, &[("a", 1)]);
    other.member = "court".parse().unwrap();
    world.refused(At::Bank, vec![put(other)], "NOT_THE_INSTITUTION");
    let batch = batch(&world, &[("a", 1)]);
    let seal = seal("court seal", "comity/records/v1", &batch);
    world.refused(At::Bank, vec![Message::PutRecords { batch, seal }], "WRONG_SEAL");
}

#[test]
fn transactions_that_are_not_in_order_are_refused_with_a_code() {
    let mut world = World::bare();
    let good = world.tx(At::Bank, vec![put(batch(&world, &[("a", 1)]))]);
    let decoded: Transaction = comity_model::decode("tx", &good).unwrap();
    let signed = |name: &str, change: fn(&mut Transaction)| {
        let mut tx = decoded.clone();
        change(&mut tx);
        tx.body.sender = public(name);
        tx.signature = seal(name, "comity/tx/v1", &tx.body).bytes;
        encode(&tx)
    };
    let mut broken = decoded.clone();
    broken.signature[5] ^= 1;
    let mut trailing = good.clone();
    trailing.push(0);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "TX_MALFORMED"),
        (trailing, "TX_MALFORMED"),
        (vec![0; TX_BYTES_MAX + 1], "TX_TOO_LARGE"),
        (encode(&broken), "BAD_SIGNATURE"),
        (signed("nobody", |_| {}), "UNKNOWN_SENDER"),
        (signed("court operator", |_| {}), "UNKNOWN_SENDER"),
        (signed("bank operator", |tx| tx.body.messages.clear()), "TX_EMPTY"),
        (
            signed("bank operator", |tx| tx.body.messages = vec![tx.body.messages[0].clone(); 257]),
            "TX_TOO_MANY_MESSAGES",
        ),
        (signed("bank operator", |tx| tx.body.chain = "court-1".parse().unwrap()), "WRONG_CHAIN"),
    ];
    for (tx, code) in cases {
        assert_eq!(world.bank.app.check_tx(&tx).unwrap().codespace, code);
        let results = world.block(At::Bank, &[tx]).tx_results;
        assert_eq!((results[0].code, results[0].codespace.as_str()), (1, code));
    }
    assert!(world.bank.app.check_tx(&good).unwrap().is_ok());
    assert_eq!(standing(&world, "a"), None);
}

#[test]
fn governors_act_in_order_each_once_and_enough_of_them() {
    let mut world = World::bare();
    let officer = Action::SetOfficer(Officer {
        member: "court".parse().unwrap(),
        id: "J-7".parse().unwrap(),
        key: public_key("officer J-7"),
        validity: always(),
    });
    let one = world.proposal(At::Court, officer.clone(), &[1]);
    world.refused(At::Court, vec![one], "NOT_ENOUGH_GOVERNORS");
    let skipped = world.proposal(At::Court, officer.clone(), &[0, 1]);
    world.refused(At::Court, vec![skipped], "PROPOSAL_NUMBER");

    let mut world = World::bare();
    let twice = world.proposal(At::Court, officer.clone(), &[1, 1]);
    world.refused(At::Court, vec![twice], "GOVERNOR_APPROVAL");
    let mut world = World::bare();
    let message = world.proposal(At::Court, officer.clone(), &[0, 1]);
    world.done(At::Court, vec![message.clone()]);
    world.refused(At::Court, vec![message], "PROPOSAL_NUMBER");
    let path = StatePath::Officer("court".parse().unwrap(), "J-7".parse().unwrap());
    assert!(world.court.value::<Officer>(&path).is_some());
}

#[test]
fn a_members_new_operators_replace_the_old_ones_and_belong_to_it_alone() {
    let mut world = World::bare();
    let mut bank = member("bank", MemberKind::Finance, "bank-1");
    bank.operators = vec![public("bank second operator")];
    assert!(world.govern(At::Bank, Action::SetMember(bank.clone())).is_ok());
    let old = world.run(At::Bank, vec![put(batch(&world, &[("a", 1)]))]);
    assert_eq!(old.codespace, "UNKNOWN_SENDER");

    let mut world = World::bare();
    let mut thief = member("thief", MemberKind::Platform, "bank-1");
    thief.operators = vec![public("bank operator")];
    assert_eq!(world.govern(At::Bank, Action::SetMember(thief)).codespace, "OPERATOR_TAKEN");
}

#[test]
fn a_revoked_member_neither_submits_nor_seals() {
    let mut world = World::bare();
    let mut bank = member("bank", MemberKind::Finance, "bank-1");
    bank.validity.compromised_since = Some(world.now_s());
    assert!(world.govern(At::Bank, Action::SetMember(bank)).is_ok());
    let result = world.run(At::Bank, vec![put(batch(&world, &[("a", 1)]))]);
    assert_eq!(result.codespace, "MEMBER_NOT_VALID");
}

#[test]
fn validator_changes_are_reported_and_never_empty_the_set() {
    let mut world = World::bare();
    let update = |name: &str, power| ValidatorUpdate { public_key: public(name), power };
    let change = vec![update("bank-1 validator 0", 0), update("new", 7)];
    let message = world.proposal(At::Bank, Action::SetValidators(change.clone()), &[0, 1]);
    let tx = world.tx(At::Bank, vec![message]);
    let finalized = world.block(At::Bank, &[tx]);
    assert_eq!(finalized.validator_updates.len(), 2);
    assert!(change.iter().all(|update| finalized.validator_updates.contains(update)));
    for bad in [vec![], vec![update("unknown", 0)], vec![update("a", 1), update("a", 2)], vec![update("a", u64::MAX)]] {
        let mut world = World::bare();
        let result = world.govern(At::Bank, Action::SetValidators(bad));
        assert_eq!(result.codespace, "VALIDATORS_MALFORMED");
    }
}

#[test]
fn what_a_block_does_to_a_validator_and_undoes_is_not_reported() {
    let mut world = World::bare();
    let change = |world: &mut World, name: &str, power| {
        let update = ValidatorUpdate { public_key: public(name), power };
        let message = world.proposal(At::Bank, Action::SetValidators(vec![update]), &[0, 1]);
        world.tx(At::Bank, vec![message])
    };
    let txs = [
        change(&mut world, "passing", 7),
        change(&mut world, "passing", 0),
        change(&mut world, "bank-1 validator 1", 90),
        change(&mut world, "bank-1 validator 1", 10),
        change(&mut world, "staying", 5),
    ];
    let finalized = world.block(At::Bank, &txs);
    assert!(finalized.tx_results.iter().all(comity_ledger_app::TxResult::is_ok));
    // CometBFT halts when it is told to remove a validator that it has not got.
    assert_eq!(finalized.validator_updates, [ValidatorUpdate { public_key: public("staying"), power: 5 }]);
}

#[test]
fn a_proposer_leaves_out_what_depends_on_time_while_block_time_lags() {
    let mut world = World::new();
    let packet = world.commit(world.order(1, "freeze"));
    let messages = world.receive_messages(At::Bank, &packet);
    let timed = world.tx(At::Bank, messages);
    let timeless = world.tx(At::Bank, vec![put(batch(&world, &[("a", 1)]))]);
    let prepare = |lag: u64, bytes_max: usize| {
        world.bank.app.prepare_proposal(&Prepare {
            height: Height(9),
            time: world.now,
            now: world.now.plus_seconds(lag),
            txs: vec![timed.clone(), timeless.clone()],
            bytes_max,
        })
    };
    assert_eq!(prepare(5, usize::MAX), [timed.clone(), timeless.clone()]);
    assert_eq!(prepare(3_600, usize::MAX), std::slice::from_ref(&timeless));
    assert_eq!(prepare(5, timed.len()), std::slice::from_ref(&timed));
    let process =
        |txs: &[Vec<u8>]| world.bank.app.process_proposal(&Process { height: Height(9), time: world.now, txs });
    assert!(process(std::slice::from_ref(&timed)));
    assert!(!process(&[vec![0; TX_BYTES_MAX + 1]]));
    assert!(!process(&vec![Vec::new(); 2_001]));
}
