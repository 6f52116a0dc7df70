//! Ten thousand random blocks, carried out twice: once in memory as they are made, once more from disk with restarts and
//! with blocks that are carried out and dropped. Every result, event and app hash must be the same.

use crate::support::keys::{public, public_key, seal};
use crate::support::world::{ACCOUNT, At, World, always, genesis};
use comity_ledger_app::{App, Block};
use comity_model::governance::{Action, ValidatorUpdate};
use comity_model::member::Officer;
use comity_model::order::{DecisionVerdict, OrderState};
use comity_model::record::{RecordState, RecordStatus};
use comity_model::tx::{Message, RecordBatch};
use comity_model::{Amount, Hash, OrderId, UnixSeconds};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

const BLOCKS: usize = 10_000;
/// The state after them. It moves with every change of what blocks do, and with nothing else: a build of another
/// optimisation, another processor or another seed of the library's hash maps must come to the same.
const APP_HASH: &str = "762b309a915df5e4efa6847d230262c45e1ba85de4b6388a9efdf4c9061b3eb7";
/// An order now and then; their numbers are one byte.
const BLOCKS_PER_ORDER: u64 = 60;

/// A source of choices.
struct Dice(TestRng);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }
}

/// A message that the bank's chain may carry out or refuse: versions are guessed, approvals may be missing.
fn message(dice: &mut Dice, world: &mut World) -> Message {
    match dice.below(12) {
        0 => {
            let update = |dice: &mut Dice| ValidatorUpdate {
                public_key: public(&format!("validator {}", dice.below(6))),
                power: dice.below(4),
            };
            let updates = (0..=dice.below(2)).map(|_| update(dice)).collect();
            govern(dice, world, Action::SetValidators(updates))
        }
        1 => {
            let officer = Officer {
                member: "bank".parse().unwrap(),
                id: format!("B-{}", dice.below(5)).parse().unwrap(),
                key: public_key(&format!("officer {}", dice.below(9))),
                validity: always(),
            };
            govern(dice, world, Action::SetOfficer(officer))
        }
        _ => {
            let record = |dice: &mut Dice| RecordState {
                schema: Hash([1; 32]),
                root: Hash([u8::try_from(dice.below(4)).unwrap(); 32]),
                status: RecordStatus::Current,
                version: u32::try_from(dice.below(4)).unwrap(),
                updated_at: UnixSeconds(1),
            };
            let batch = RecordBatch {
                chain: world.bank.id.clone(),
                member: "bank".parse().unwrap(),
                sector: "deposits".parse().unwrap(),
                records: (0..dice.below(5))
                    .map(|_| (format!("r-{}", dice.below(400)).parse().unwrap(), record(dice)))
                    .collect(),
            };
            let by = if dice.one_in(20) { "court seal" } else { "bank seal" };
            let seal = seal(by, "comity/records/v1", &batch);
            Message::PutRecords { batch, seal }
        }
    }
}

/// A proposal of enough governors; where it is not carried out its number is used again.
fn govern(dice: &mut Dice, world: &mut World, action: Action) -> Message {
    let governors: &[u8] = if dice.one_in(4) { &[1] } else { &[0, 2] };
    world.proposal_numbered(At::Bank, action, governors)
}

/// An order that arrives, and is decided at once, in time, or never.
fn order(dice: &mut Dice, world: &mut World, number: u8) {
    let mut order = world.order(number, "freeze");
    order.hold_until = order.decide_by.plus(1 + dice.below(20_000));
    let id = order.id;
    world.send(order);
    if dice.one_in(3) {
        return;
    }
    let amount = Some(Amount::cny(1 + dice.below(60_000)));
    // A refusal is a result like any other.
    world.decide(id, DecisionVerdict::Execute { asset: ACCOUNT, amount });
}

#[test]
fn ten_thousand_random_blocks_give_the_same_results_twice() {
    let mut dice = Dice(TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]));
    let mut world = World::new();
    let mut orders = 0u8;
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    while world.bank.history.len() < BLOCKS {
        if dice.one_in(BLOCKS_PER_ORDER) && orders < 250 {
            orders += 1;
            order(&mut dice, &mut world, orders);
        }
        let mut txs = Vec::new();
        for _ in 0..dice.below(4) {
            let tx = match dice.below(10) {
                0 => (0..dice.below(40)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect(),
                1 if !earlier.is_empty() => {
                    let place = usize::try_from(dice.below(u64::try_from(earlier.len()).unwrap())).unwrap();
                    earlier[place].clone()
                }
                _ => {
                    let messages = (0..=dice.below(2)).map(|_| message(&mut dice, &mut world)).collect();
                    world.tx(At::Bank, messages)
                }
            };
            if earlier.len() < 500 {
                earlier.push(tx.clone());
            }
            txs.push(tx);
        }
        world.pass(dice.below(90));
        world.block(At::Bank, &txs);
    }
    the_blocks_were_of_all_kinds(&world, orders);
    // Whatever built this, and wherever it runs: one app hash.
    assert_eq!(world.bank.app.info().unwrap().app_hash.to_string(), APP_HASH);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.redb");
    let mut app = App::open(&path).unwrap();
    app.init_chain(&genesis(At::Bank)).unwrap();
    for (signed, (txs, first)) in world.bank.blocks.iter().zip(&world.bank.history) {
        let header = &signed.header;
        if dice.one_in(400) {
            drop(app);
            app = App::open(&path).unwrap();
        }
        if dice.one_in(50) {
            // A block that another round proposed, and that was not decided.
            let other = Block { height: header.height, time: header.time, hash: Hash([9; 32]), txs: &[] };
            app.finalize_block(&other).unwrap();
        }
        let block = Block { height: header.height, time: header.time, hash: header.hash(), txs };
        assert_eq!(&app.finalize_block(&block).unwrap(), first, "block {}", header.height);
        app.commit().unwrap();
    }
    assert_eq!(app.info().unwrap(), world.bank.app.info().unwrap());
}

/// The dice must not leave a module out.
fn the_blocks_were_of_all_kinds(world: &World, orders: u8) {
    let history = &world.bank.history;
    let results = || history.iter().flat_map(|(_, finalized)| &finalized.tx_results);
    let carried_out = results().filter(|result| result.is_ok()).count();
    let refused = results().count() - carried_out;
    assert!(carried_out > 1_000 && refused > 1_000, "{carried_out} carried out, {refused} refused");
    for code in ["TX_MALFORMED", "RECORD_VERSION", "WRONG_SEAL", "NOT_ENOUGH_GOVERNORS", "BATCH_SIZE"] {
        assert!(results().any(|result| result.codespace == code), "nothing was refused with {code}");
    }
    let due = history.iter().filter(|(_, finalized)| !finalized.events.is_empty()).count();
    let changes = history.iter().filter(|(_, finalized)| !finalized.validator_updates.is_empty()).count();
    assert!(due > 50 && changes > 50, "{due} blocks with due dates, {changes} with other validators");
    let failed = (1..=orders).filter(|number| world.received(OrderId([*number; 16])).state == OrderState::Failed);
    assert!(failed.count() > 10, "orders were left undecided");
}
