//! The committed state: equal on every machine, whole after a restart, and provable.

use crate::support::chain::TestChain;
use crate::support::keys::seal;
use crate::support::world::{ACCOUNT, At, World, genesis};
use comity_ledger_app::{App, AppError, Block};
use comity_model::member::{Member, MemberKind};
use comity_model::order::DecisionVerdict;
use comity_model::record::{RecordState, RecordStatus};
use comity_model::state::StatePath;
use comity_model::tx::{Message, RecordBatch};
use comity_model::{Amount, Hash, Height, OrderId, UnixSeconds, encode};
use comity_verify::light::{Anchor, TrustedHeader};
use comity_verify::merkle::{self, TreeHead};

/// The header of a height, trusted because the test pins it.
fn header(chain: &TestChain, height: u64) -> TrustedHeader {
    let block = chain.light_block(height);
    let anchor = Anchor {
        chain_id: chain.id.clone(),
        height: Height(height),
        header_hash: block.header.hash(),
        validators_hash: block.header.validators_hash,
        trusting_period_secs: 1_000,
        clock_drift_secs: 10,
        operators: 1,
        suites: comity_model::seal::Suites::NATIVE,
    };
    TrustedHeader::pin(&anchor, block).unwrap()
}

/// A life with orders, holds and notices.
fn busy() -> World {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(80_000));
    world.freeze(world.order(2, "freeze"), ACCOUNT, Some(80_000));
    let mut release = world.order(3, "release");
    release.original = Some(OrderId([1; 16]));
    world.freeze(release, ACCOUNT, None);
    world.notices(false);
    world
}

#[test]
fn equal_blocks_give_equal_app_hashes() {
    let (a, b) = (busy(), busy());
    for at in [At::Court, At::Bank] {
        assert_eq!(a.chain(at).blocks, b.chain(at).blocks);
        assert_eq!(a.chain(at).app.info().unwrap().app_hash, b.chain(at).app.info().unwrap().app_hash);
    }
}

#[test]
fn a_chain_reopened_from_disk_goes_on_as_if_it_had_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.redb");
    let mut world = World::bare();
    world.bank = TestChain::over(App::open(&path).unwrap(), &genesis(At::Bank));
    world.block(At::Bank, &[]);
    let mut twin = World::bare();
    for world in [&mut world, &mut twin] {
        // Equal clocks from here on.
        world.now = comity_model::Time::new(1_767_300_000, 0).unwrap();
        world.connect();
        world.import_bank();
        assert!(world.register(ACCOUNT, Some(100_000)).is_ok());
        world.send(world.order(1, "freeze"));
    }
    let before = world.bank.app.info().unwrap();
    // Closed, and opened again.
    world.bank.app = App::in_memory().unwrap();
    world.bank.app = App::open(&path).unwrap();
    assert_eq!(world.bank.app.info().unwrap(), before);
    assert_eq!(before.next_due, Some(world.received(OrderId([1; 16])).sealed.order.decide_by));
    for world in [&mut world, &mut twin] {
        let execute = DecisionVerdict::Execute { asset: ACCOUNT, amount: Some(Amount::cny(5)) };
        assert!(world.decide(OrderId([1; 16]), execute).is_ok());
    }
    assert_eq!(world.received(OrderId([1; 16])), twin.received(OrderId([1; 16])));
}

#[test]
fn a_block_that_was_not_committed_did_not_happen() {
    let mut world = World::bare();
    let before = world.bank.app.info().unwrap();
    let block = |height| Block { height: Height(height), time: world.now, hash: Hash([4; 32]), txs: &[] };
    let first = world.bank.app.finalize_block(&block(2)).unwrap();
    assert_eq!(world.bank.app.info().unwrap(), before);
    let again = world.bank.app.finalize_block(&block(2)).unwrap();
    assert_eq!(first, again);
    assert!(matches!(world.bank.app.finalize_block(&block(4)), Err(AppError::WrongHeight { .. })));
    assert!(matches!(world.bank.app.commit(), Err(AppError::NothingToCommit)));
}

#[test]
fn what_is_taken_in_for_now_shows_at_once_and_is_durable_with_the_next_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.redb");
    let mut app = App::open(&path).unwrap();
    let time = genesis(At::Bank).time;
    app.init_chain(&genesis(At::Bank)).unwrap();
    let finalize = |app: &mut App, height| {
        app.finalize_block(&Block { height: Height(height), time, hash: Hash([4; 32]), txs: &[] }).unwrap();
    };
    // What another process finds after the power failed now.
    let found_after_a_crash = |name: &str| {
        let copy = folder.path().join(name);
        std::fs::copy(&path, &copy).unwrap();
        App::open(&copy).unwrap().info().unwrap().height
    };
    finalize(&mut app, 1);
    app.commit().unwrap();
    for height in 2..=3 {
        finalize(&mut app, height);
        app.commit_for_now().unwrap();
        assert_eq!(app.reader().height().unwrap(), Height(height));
    }
    assert_eq!(found_after_a_crash("before"), Height(1));
    finalize(&mut app, 4);
    app.commit().unwrap();
    assert_eq!(found_after_a_crash("after"), Height(4));
}

#[test]
fn a_chain_begins_once_with_one_genesis() {
    let mut app = App::in_memory().unwrap();
    let time = genesis(At::Bank).time;
    let block = Block { height: Height(1), time, hash: Hash([4; 32]), txs: &[] };
    assert!(matches!(app.finalize_block(&block), Err(AppError::NoGenesis)));
    let first = app.init_chain(&genesis(At::Bank)).unwrap();
    assert_eq!(app.init_chain(&genesis(At::Bank)).unwrap(), first);
    assert_eq!(app.info().unwrap().app_hash, first.app_hash);
    assert!(matches!(app.init_chain(&genesis(At::Court)), Err(AppError::OtherGenesis)));
    app.finalize_block(&block).unwrap();
    app.commit().unwrap();
    assert!(matches!(app.init_chain(&genesis(At::Bank)), Err(AppError::OtherGenesis)));

    let mut bad = genesis(At::Bank);
    bad.governors.threshold = 4;
    let mut app = App::in_memory().unwrap();
    assert!(matches!(app.init_chain(&bad), Err(AppError::BadGenesis { .. })));
}

#[test]
fn every_answer_is_proven_under_the_next_header() {
    let mut world = busy();
    world.block(At::Bank, &[]);
    let height = world.bank.height();
    let trusted = header(&world.bank, height);
    let bank = StatePath::Member("bank".parse().unwrap());
    let (value, proof) = world.bank.proven(&bank, height);
    let proven = comity_verify::state::membership(&trusted, &bank, &value, &proof).unwrap();
    let member: Member = comity_model::decode("a member", proven.value()).unwrap();
    assert_eq!(member, crate::support::world::member("bank", MemberKind::Finance, "bank-1"));

    let nobody = StatePath::Member("nobody".parse().unwrap());
    let (none, absence) = world.bank.proven(&nobody, height);
    assert!(none.is_empty());
    let absent = comity_verify::state::absence(&trusted, &nobody, &absence).unwrap();
    assert_eq!(absent.key(), &comity_verify::state::key(&nobody));
    // What stands is not absent, what is absent does not stand, and another header proves neither.
    assert!(comity_verify::state::absence(&trusted, &bank, &proof).is_err());
    assert!(comity_verify::state::membership(&trusted, &nobody, &value, &absence).is_err());
    let earlier = header(&world.bank, height - 1);
    assert!(comity_verify::state::membership(&earlier, &bank, &value, &proof).is_err());
}

#[test]
fn earlier_states_are_answered_until_they_are_no_longer_kept() {
    let mut world = World::bare();
    let key = comity_verify::state::key(&StatePath::Headers);
    let early = world.bank.query("/state", &key, Some(1), true);
    assert_eq!(early.code, 0);
    for _ in 0..1_001 {
        world.block(At::Bank, &[]);
    }
    let codespace = |height| world.bank.query("/state", &key, Some(height), true).codespace;
    assert_eq!(codespace(1), "HEIGHT_NOT_KEPT");
    assert_eq!(codespace(2), "");
    assert_eq!(codespace(world.bank.height() + 1), "HEIGHT_NOT_KEPT");
    let oldest = world.bank.query("/state", &key, Some(2), true);
    let head: TreeHead = comity_model::decode("a head", &oldest.value).unwrap();
    assert_eq!(head.size, 0, "no block has changed anything until then");
}

#[test]
fn a_silent_chains_state_comes_to_rest_and_its_headers_reach_the_tree_in_time() {
    let mut world = World::bare();
    let size = |world: &World| world.bank.value::<TreeHead>(&StatePath::Headers).unwrap().size;
    assert!(world.register(ACCOUNT, Some(1)).is_ok());
    assert_eq!(size(&world), world.bank.height(), "a block that changes something takes all headers into the tree");
    let resting = world.bank.app.info().unwrap().app_hash;
    for _ in 0..12 {
        let silent = world.block(At::Bank, &[]);
        assert_eq!((silent.app_hash, silent.work), (resting, false));
    }
    let flush = world.block(At::Bank, &[]);
    assert!(flush.work && flush.app_hash != resting, "headers wait for a bounded time");
    assert_eq!(size(&world), world.bank.height());
    let proof = world.block(At::Bank, &[]);
    assert_eq!((proof.app_hash, proof.work), (flush.app_hash, false), "the block that proves it changes nothing");
}

#[test]
fn an_old_header_is_proven_from_a_new_one() {
    let mut world = World::bare();
    for value in 1..10 {
        world.block(At::Bank, &[]);
        assert!(world.register(ACCOUNT, Some(value)).is_ok());
    }
    world.block(At::Bank, &[]);
    let size = world.bank.height() - 1;
    let (value, proof) = world.bank.proven(&StatePath::Headers, size + 1);
    let trusted = header(&world.bank, size + 1);
    let head = comity_verify::state::membership(&trusted, &StatePath::Headers, &value, &proof).unwrap();
    let head = head.decode::<TreeHead>("a head").unwrap().into_value();
    assert_eq!(head.size, size);
    for height in [1, 2, 13, size] {
        let answer = world.bank.query("/header-proof", &encode(&(Height(height), size)), None, false);
        let path: Vec<Hash> = comity_model::decode("a path", &answer.value).unwrap();
        let leaf = merkle::leaf_hash(&world.bank.light_block(height).header.hash().0);
        merkle::included(&leaf, height - 1, &head, &path).unwrap();
    }
    for (height, size) in [(0, size), (5, 4), (5, 1_000)] {
        let answer = world.bank.query("/header-proof", &encode(&(Height(height), size)), None, false);
        assert_eq!(answer.code, 1);
    }
}

#[test]
fn questions_that_cannot_be_read_are_refused_with_a_code() {
    let world = World::bare();
    let codespace = |path, data: &[u8]| world.bank.query(path, data, None, false).codespace;
    assert_eq!(codespace("/nothing", &[]), "UNKNOWN_QUERY");
    for path in ["/state", "/outbox", "/ack", "/pending", "/header-proof"] {
        assert_eq!(codespace(path, &[1, 2, 3]), "QUERY_MALFORMED", "{path}");
    }
    let app = App::in_memory().unwrap();
    let query = comity_ledger_app::Query { path: "/clients", data: &[], height: None, prove: false };
    assert_eq!(app.query(&query).unwrap().codespace, "NO_GENESIS");
}

#[test]
fn twenty_thousand_records_are_loaded_in_batches_and_a_small_block_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::bare();
    let app = App::open(&folder.path().join("bank.redb")).unwrap();
    world.bank = TestChain::over(app, &genesis(At::Bank));
    let started = std::time::Instant::now();
    for batch in 0..40u32 {
        let records = (0..500).map(|index| {
            let id = format!("record {}", batch * 500 + index).parse().unwrap();
            let state = RecordState {
                schema: Hash([1; 32]),
                root: Hash([2; 32]),
                status: RecordStatus::Current,
                version: 1,
                updated_at: UnixSeconds(1),
            };
            (id, state)
        });
        let batch = RecordBatch {
            chain: world.bank.id.clone(),
            member: "bank".parse().unwrap(),
            sector: "deposits".parse().unwrap(),
            records: records.collect(),
        };
        let seal = seal("bank seal", "comity/records/v1", &batch);
        world.done(At::Bank, vec![Message::PutRecords { batch, seal }]);
    }
    let loaded = started.elapsed();
    let started = std::time::Instant::now();
    for value in 0..50 {
        assert!(world.register(ACCOUNT, Some(1_000 + value)).is_ok());
    }
    let each = started.elapsed() / 50;
    eprintln!("20,000 records in {loaded:?}; a block with one transaction in {each:?}");
    // Far above what is measured, so that a busy machine does not fail it; a quadratic mistake would.
    assert!(loaded.as_secs() < 60 && each.as_millis() < 500);
}
