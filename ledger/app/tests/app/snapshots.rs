//! Snapshots: what one machine makes another takes back, or refuses.

use crate::support::keys::seal;
use crate::support::world::{ACCOUNT, At, World, genesis};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_ledger_app::snapshots::{Manifest, RestoreError, hash};
use comity_ledger_app::{App, Block, Query};
use comity_model::order::DecisionVerdict;
use comity_model::record::{RecordState, RecordStatus};
use comity_model::state::StatePath;
use comity_model::tx::{Message, RecordBatch};
use comity_model::{Amount, Hash, Height, OrderId, UnixSeconds, encode};

/// Format 1, as `docs/formats.md` has it.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
enum Chunk {
    State(Vec<([u8; 32], Vec<u8>)>),
    Indexes(Vec<(Vec<u8>, Vec<u8>)>),
}

struct Made {
    manifest: Manifest,
    chunks: Vec<Vec<u8>>,
    app_hash: Hash,
}

impl Made {
    fn of(app: &App) -> Self {
        let mut making = app.reader().snapshot(3_000).unwrap().expect("no header waits");
        let mut chunks = Vec::new();
        while let Some(chunk) = making.chunk().unwrap() {
            chunks.push(chunk);
        }
        let manifest = making.manifest().expect("within bounds");
        assert_eq!(Manifest::read(&manifest.bytes()).unwrap(), manifest);
        Self { manifest, chunks, app_hash: app.info().unwrap().app_hash }
    }

    /// The same with other chunks under a manifest that fits them.
    fn lie(&self, change: impl FnOnce(&mut Vec<Chunk>)) -> Self {
        let read = |bytes: &Vec<u8>| comity_model::decode("a chunk", bytes).unwrap();
        let mut chunks: Vec<Chunk> = self.chunks.iter().map(read).collect();
        change(&mut chunks);
        let state = chunks.iter().filter(|chunk| matches!(chunk, Chunk::State(_))).count();
        let chunks: Vec<_> = chunks.iter().map(encode).collect();
        let manifest = Manifest {
            state_chunks: u32::try_from(state).unwrap(),
            chunks: chunks.iter().map(|chunk| hash(chunk)).collect(),
            ..self.manifest.clone()
        };
        Self { manifest, chunks, app_hash: self.app_hash }
    }

    fn take(&self, app: &mut App) -> Result<(), RestoreError> {
        let mut restoring = app.restore(self.manifest.clone(), self.app_hash)?;
        for chunk in &self.chunks {
            restoring.chunk(chunk)?;
        }
        app.restored(&restoring, &"bank-1".parse().unwrap())
    }

    fn refused(&self) -> String {
        let mut app = App::in_memory().unwrap();
        let refused = self.take(&mut app).expect_err("refused");
        assert_eq!(app.info().unwrap().time, None, "nothing stands");
        refused.to_string()
    }
}

/// A bank's chain with orders, holds, due dates and records, whose last block has changed the state.
fn busy() -> World {
    let mut world = World::new();
    for number in 1..6 {
        world.freeze(world.order(number, "freeze"), ACCOUNT, Some(80_000));
    }
    world.send(world.order(6, "freeze"));
    put_records(&mut world, 1);
    world
}

fn put_records(world: &mut World, version: u32) {
    let state = RecordState {
        schema: Hash([1; 32]),
        root: Hash([2; 32]),
        status: RecordStatus::Current,
        version,
        updated_at: UnixSeconds(1),
    };
    let batch = RecordBatch {
        chain: world.bank.id.clone(),
        member: "bank".parse().unwrap(),
        sector: "deposits".parse().unwrap(),
        records: (0..100).map(|one| (format!("r-{one}").parse().unwrap(), state.clone())).collect(),
    };
    let seal = seal("bank seal", "comity/records/v1", &batch);
    let tx = world.tx(At::Bank, vec![Message::PutRecords { batch, seal }]);
    assert!(world.block(At::Bank, &[tx]).tx_results[0].is_ok());
}

#[test]
fn a_machine_that_takes_a_snapshot_goes_on_as_those_that_carried_out_every_block() {
    let mut world = busy();
    let made = Made::of(&world.bank.app);
    assert!(made.chunks.len() > 8 && made.manifest.state_chunks > 4, "{}", made.chunks.len());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let mut app = App::open(&path).unwrap();
    made.take(&mut app).unwrap();
    assert_eq!(app.info().unwrap(), world.bank.app.info().unwrap());

    // Its proofs are the others', and what it never had it does not claim to have.
    let key = comity_verify::state::key(&StatePath::Governors);
    let ask = |height| Query { path: "/state", data: &key, height: Some(Height(height)), prove: true };
    let height = made.manifest.height.0;
    assert_eq!(app.query(&ask(height)).unwrap(), world.bank.app.query(&ask(height)).unwrap());
    assert_eq!(app.query(&ask(height - 1)).unwrap().codespace, "HEIGHT_NOT_KEPT");
    let path_of = encode(&(Height(2), height - 1));
    let ask = Query { path: "/header-proof", data: &path_of, height: None, prove: false };
    assert_eq!(app.query(&ask).unwrap(), world.bank.app.query(&ask).unwrap());

    // A decision, updates, a due date that nobody met, and a restart on the way.
    let from = world.bank.history.len();
    world.decide(OrderId([6; 16]), DecisionVerdict::Execute { asset: ACCOUNT, amount: Some(Amount::cny(5)) });
    put_records(&mut world, 2);
    world.send(world.order(7, "freeze"));
    for _ in 0..20 {
        world.pass(90_000);
        world.block(At::Bank, &[]);
    }
    let due = world.bank.history[from..].iter().filter(|(_, finalized)| !finalized.events.is_empty());
    assert!(due.count() > 0, "something fell due");
    for (index, (signed, (txs, first))) in world.bank.blocks.iter().zip(&world.bank.history).enumerate().skip(from) {
        let header = &signed.header;
        if index % 7 == 0 {
            drop(app);
            app = App::open(&path).unwrap();
        }
        let block = Block { height: header.height, time: header.time, hash: header.hash(), txs };
        assert_eq!(&app.finalize_block(&block).unwrap(), first, "block {}", header.height);
        app.commit().unwrap();
    }
    assert_eq!(app.info().unwrap(), world.bank.app.info().unwrap());
    // And what it makes itself is what the others make.
    while world.bank.app.reader().snapshot(3_000).unwrap().is_none() {
        world.pass(1);
        world.block(At::Bank, &[]);
        let (signed, (txs, _)) = (world.bank.blocks.last().unwrap(), world.bank.history.last().unwrap());
        let header = &signed.header;
        app.finalize_block(&Block { height: header.height, time: header.time, hash: header.hash(), txs }).unwrap();
        app.commit().unwrap();
    }
    let (mine, theirs) = (Made::of(&app), Made::of(&world.bank.app));
    assert_eq!(mine.manifest, theirs.manifest);
    assert_eq!(mine.chunks, theirs.chunks);
}

#[test]
fn a_snapshot_is_of_one_block_whatever_is_committed_while_it_is_made() {
    let mut world = busy();
    let made = Made::of(&world.bank.app);
    let mut making = world.bank.app.reader().snapshot(3_000).unwrap().unwrap();
    for expected in &made.chunks {
        world.pass(5);
        world.block(At::Bank, &[]);
        assert_eq!(making.chunk().unwrap().as_ref(), Some(expected));
    }
    assert_eq!(making.chunk().unwrap(), None);
    assert_eq!(making.manifest(), Some(made.manifest));
}

#[test]
fn no_snapshot_is_made_before_genesis_nor_while_headers_wait() {
    assert!(App::in_memory().unwrap().reader().snapshot(3_000).unwrap().is_none());
    let mut world = busy();
    let mut made = 0;
    for _ in 0..26 {
        world.pass(5);
        world.block(At::Bank, &[]);
        made += usize::from(world.bank.app.reader().snapshot(3_000).unwrap().is_some());
    }
    assert_eq!(made, 2, "each time that those who wait are taken in");
}

#[test]
fn a_changed_chunk_is_refused_and_the_right_one_is_taken_after_it() {
    let world = busy();
    let made = Made::of(&world.bank.app);
    let mut app = App::in_memory().unwrap();
    let mut restoring = app.restore(made.manifest.clone(), made.app_hash).unwrap();
    for (number, chunk) in (0u32..).zip(&made.chunks) {
        for place in [0, chunk.len() / 2, chunk.len() - 1] {
            let mut changed = chunk.clone();
            changed[place] ^= 1;
            let refused = restoring.chunk(&changed);
            assert!(matches!(refused, Err(RestoreError::WrongChunk(at)) if at == number), "{refused:?}");
        }
        assert!(matches!(restoring.chunk(&chunk[1..]), Err(RestoreError::WrongChunk(_))));
        restoring.chunk(chunk).unwrap();
    }
    assert!(restoring.is_whole());
    assert!(matches!(restoring.chunk(&made.chunks[0]), Err(RestoreError::WrongChunk(_))), "there is no more");
    app.restored(&restoring, &"bank-1".parse().unwrap()).unwrap();
    assert_eq!(app.info().unwrap(), world.bank.app.info().unwrap());

    // The node may have crashed before it knew: until the next block it can begin again, and then no more.
    made.take(&mut app).unwrap();
    let block = Block { height: made.manifest.height.next(), time: world.now, hash: Hash([1; 32]), txs: &[] };
    app.finalize_block(&block).unwrap();
    app.commit().unwrap();
    assert!(matches!(app.restore(made.manifest, made.app_hash), Err(RestoreError::Refused(_))), "it has a state");
}

#[test]
fn a_snapshot_whose_maker_lies_is_refused_whole() {
    let made = Made::of(&busy().bank.app);
    fn first_state(chunks: &mut [Chunk]) -> &mut Vec<([u8; 32], Vec<u8>)> {
        let Chunk::State(rows) = &mut chunks[0] else { panic!("state comes first") };
        rows
    }
    fn last_indexes(chunks: &mut [Chunk]) -> &mut Vec<(Vec<u8>, Vec<u8>)> {
        let Some(Chunk::Indexes(rows)) = chunks.last_mut() else { panic!("indexes come last") };
        rows
    }
    let state = "its state is not the one behind the app hash";
    let indexes = "its indexes are not those that the state names";
    type Lie = fn(&mut Vec<Chunk>);
    let lies: [(Lie, &str); 14] = [
        (|chunks| first_state(chunks)[1].1[0] ^= 1, state),
        (|chunks| first_state(chunks)[1].0[0] ^= 1, state),
        (|chunks| drop(first_state(chunks).pop()), state),
        (|chunks| first_state(chunks).push(([7; 32], vec![7])), state),
        (|chunks| drop(chunks.remove(1)), state),
        (|chunks| first_state(chunks).clear(), "a chunk is empty"),
        (|chunks| last_indexes(chunks)[0].1[0] ^= 1, indexes),
        (|chunks| drop(last_indexes(chunks).pop()), indexes),
        (|chunks| last_indexes(chunks).push((vec![20, 1], vec![7])), indexes),
        (
            |chunks| {
                // As often as makes a lane of 16 bits forget it.
                let row = (vec![20, 1], vec![7]);
                last_indexes(chunks).extend(std::iter::repeat_n(row, 1 << 16));
            },
            "its indexes are out of order",
        ),
        (|chunks| last_indexes(chunks).push((vec![200], vec![7])), "its indexes are out of order"),
        (|chunks| chunks.reverse(), "its chunks are out of order"),
        (|chunks| chunks.retain(|chunk| matches!(chunk, Chunk::State(_))), indexes),
        (
            |chunks| {
                let rows = chunks.iter_mut().find_map(|chunk| match chunk {
                    Chunk::Indexes(rows) => Some(rows),
                    Chunk::State(_) => None,
                });
                rows.unwrap().remove(0);
            },
            indexes,
        ),
    ];
    for (number, (lie, expected)) in lies.into_iter().enumerate() {
        let said = made.lie(lie).refused();
        assert!(said.contains(expected), "lie {number}: {said}");
    }
    let mut other = Made { app_hash: Hash([1; 32]), ..made.lie(|_| ()) };
    assert!(other.refused().contains(state));
    other.app_hash = made.app_hash;
    let mut app = App::in_memory().unwrap();
    let mut restoring = app.restore(other.manifest.clone(), other.app_hash).unwrap();
    other.chunks.iter().for_each(|chunk| restoring.chunk(chunk).unwrap());
    let refused = app.restored(&restoring, &"court-1".parse().unwrap()).unwrap_err();
    assert!(refused.to_string().contains("another chain"), "{refused}");

    // What is left of a refused one does not stand in the way of the next, nor of a genesis.
    app.drop_restored().unwrap();
    made.take(&mut app).unwrap();
    let mut app = App::in_memory().unwrap();
    let _ = app.restore(made.manifest.clone(), made.app_hash).unwrap().chunk(&made.chunks[0]);
    app.drop_restored().unwrap();
    let begun = app.init_chain(&genesis(At::Bank)).unwrap().app_hash;
    assert_eq!(begun, App::in_memory().unwrap().init_chain(&genesis(At::Bank)).unwrap().app_hash);
}

#[test]
fn a_manifest_that_breaks_a_bound_is_refused() {
    let made = Made::of(&busy().bank.app);
    let changes: [fn(&mut Manifest); 5] = [
        |manifest| manifest.chunks.clear(),
        |manifest| manifest.state_chunks = 0,
        |manifest| manifest.state_chunks = 1_000,
        |manifest| manifest.height = Height(1),
        |manifest| manifest.chunks = vec![Hash([1; 32]); 65_537],
    ];
    for change in changes {
        let mut manifest = made.manifest.clone();
        change(&mut manifest);
        assert!(matches!(Manifest::read(&manifest.bytes()), Err(RestoreError::Refused(_))));
    }
    let mut longer = made.manifest.bytes();
    longer.push(0);
    assert!(Manifest::read(&longer).is_err());
    assert!(Manifest::read(&[]).is_err());
}

#[test]
fn a_restart_in_the_midst_of_it_begins_anew() {
    let world = busy();
    let made = Made::of(&world.bank.app);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    for chunks in [0, 1, made.chunks.len() / 2, made.chunks.len()] {
        let mut app = App::open(&path).unwrap();
        assert_eq!(app.info().unwrap().time, None, "nothing of the last attempt stands");
        let mut restoring = app.restore(made.manifest.clone(), made.app_hash).unwrap();
        made.chunks[..chunks].iter().for_each(|chunk| restoring.chunk(chunk).unwrap());
    }
    // Whoever gives it up and carries out all blocks finds nothing of it either.
    let twin = folder.path().join("twin.redb");
    std::fs::copy(&path, &twin).unwrap();
    let begun = |mut app: App| app.init_chain(&genesis(At::Bank)).unwrap().app_hash;
    assert_eq!(begun(App::open(&twin).unwrap()), begun(App::in_memory().unwrap()));
    let mut app = App::open(&path).unwrap();
    made.take(&mut app).unwrap();
    drop(app);
    assert_eq!(App::open(&path).unwrap().info().unwrap(), world.bank.app.info().unwrap());
}
