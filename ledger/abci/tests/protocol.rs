//! The server as a node meets it: the messages of ABCI 2.0 over a socket, what a crash leaves behind, and what is refused.
//! The blocks are those of an embedded ledger, so both engines are held against each other block by block.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../engine/tests/support/mod.rs"]
mod support;

use comity_ledger_abci::{Address, Server, ServerConfig, SnapshotConfig, read_frame, write_frame};
use comity_ledger_engine::{CommittedBlock, Engine, Storage};
use comity_ledger_rpc::node::Genesis as Document;
use comity_model::state::StatePath;
use comity_model::{Height, Time};
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{World, key, power, reach};
use tendermint_proto::google::protobuf::Timestamp;
use tendermint_proto::v0_38::abci::request::Value as Ask;
use tendermint_proto::v0_38::abci::response::Value as Answer;
use tendermint_proto::v0_38::abci::response_apply_snapshot_chunk::Result as ChunkResult;
use tendermint_proto::v0_38::abci::response_offer_snapshot::Result as OfferResult;
use tendermint_proto::v0_38::abci::response_process_proposal::ProposalStatus;
use tendermint_proto::v0_38::abci::{self, Request, Response};
use tendermint_proto::v0_38::crypto::PublicKey;
use tendermint_proto::v0_38::crypto::public_key::Sum;
use tendermint_proto::v0_38::types::{BlockParams, ConsensusParams};

/// One connection of a node.
struct Node {
    source: BufReader<TcpStream>,
    target: TcpStream,
}

impl Node {
    fn connect(server: &Server) -> Self {
        let Address::Tcp(addr) = server.address() else { panic!("a TCP address") };
        let target = TcpStream::connect(addr).expect("connects");
        target.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        Self { source: BufReader::new(target.try_clone().expect("a handle")), target }
    }

    fn send(&mut self, ask: Ask) {
        write_frame(&mut self.target, &Request { value: Some(ask) }).expect("sent");
    }

    /// The next answer; `None` when the connection has ended.
    fn next(&mut self) -> Option<Answer> {
        read_frame::<Response>(&mut self.source).ok().flatten().and_then(|response| response.value)
    }

    fn ask(&mut self, ask: Ask) -> Answer {
        self.send(ask);
        self.send(Ask::Flush(abci::RequestFlush {}));
        let answer = self.next().expect("an answer");
        if !matches!(answer, Answer::Exception(_)) {
            assert!(matches!(self.next(), Some(Answer::Flush(_))));
        }
        answer
    }

    fn info(&mut self) -> (i64, Vec<u8>) {
        match self.ask(Ask::Info(abci::RequestInfo::default())) {
            Answer::Info(info) => (info.last_block_height, info.last_block_app_hash.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    fn begin(&mut self, world: &World) -> abci::ResponseInitChain {
        match self.ask(Ask::InitChain(init(world))) {
            Answer::InitChain(begun) => begun,
            other => panic!("{other:?}"),
        }
    }

    fn finalize(&mut self, block: &CommittedBlock) -> abci::ResponseFinalizeBlock {
        let request = abci::RequestFinalizeBlock {
            txs: block.txs.iter().map(|tx| tx.clone().into()).collect(),
            hash: block.id.hash.0.to_vec().into(),
            height: i64::try_from(block.height().0).unwrap(),
            time: Some(timestamp(block.header.time)),
            ..abci::RequestFinalizeBlock::default()
        };
        match self.ask(Ask::FinalizeBlock(request)) {
            Answer::FinalizeBlock(done) => done,
            other => panic!("{other:?}"),
        }
    }

    fn commit(&mut self) {
        assert!(
            matches!(self.ask(Ask::Commit(abci::RequestCommit {})), Answer::Commit(kept) if kept.retain_height == 0)
        );
    }
}

fn timestamp(time: Time) -> Timestamp {
    Timestamp { seconds: time.seconds(), nanos: i32::try_from(time.nanos()).unwrap() }
}

/// What a node makes of the genesis document.
fn init(world: &World) -> abci::RequestInitChain {
    let document = Document::of(&world.genesis, 1);
    let validators = world.genesis.validators.iter().map(|one| abci::ValidatorUpdate {
        pub_key: Some(PublicKey { sum: Some(Sum::Ed25519(one.public_key.to_vec())) }),
        power: i64::try_from(one.power).unwrap(),
    });
    abci::RequestInitChain {
        time: Some(timestamp(world.genesis.time)),
        chain_id: document.chain_id,
        consensus_params: Some(ConsensusParams {
            block: Some(BlockParams { max_bytes: document.consensus_params.block.max_bytes, max_gas: -1 }),
            ..ConsensusParams::default()
        }),
        validators: validators.collect(),
        app_state_bytes: serde_json::to_vec(&document.app_state).unwrap().into(),
        initial_height: 1,
    }
}

async fn server(world: &World, folder: &Path) -> Server {
    let config = ServerConfig {
        chain: world.genesis.chain.clone(),
        listen: "tcp://127.0.0.1:0".parse().unwrap(),
        state: folder.join("state.redb"),
        snapshots: SnapshotConfig { folder: folder.join("snapshots"), every: 2, keep: 2 },
    };
    Server::start(config).await.expect("starts")
}

/// What an embedded ledger makes of records and of a change of validators: its blocks from the first on.
async fn blocks(world: &World) -> Vec<Arc<CommittedBlock>> {
    let engine = Engine::start(world.config(5, Storage::Memory, 60_000)).await.expect("starts");
    let mut told = engine.subscribe();
    for txs in 0..3 {
        let txs: Vec<_> = (0..=txs).map(|one| world.put_record(&format!("{txs} {one}"))).collect();
        for tx in txs {
            assert!(engine.submit(tx).await.expect("in a block").result.is_ok());
        }
    }
    let change = world.set_validators(0, vec![power(&key(1), 0), power(&key(5), 10)]);
    let height = engine.submit(change).await.expect("in a block").height;
    assert!(engine.submit(vec![7; 9]).await.is_err(), "what is no transaction does not get in");
    reach(&engine.handle(), height.0 + 20).await;
    let mut blocks = Vec::new();
    while let Ok(block) = told.try_recv() {
        blocks.push(block);
    }
    engine.stop().await.expect("stops");
    // The first block was made before anybody could listen: it is empty.
    let first = Arc::clone(&blocks[0]);
    assert_eq!(first.height(), Height(2));
    let mut genesis_block = (*first).clone();
    genesis_block.header.height = Height(1);
    genesis_block.header.time = world.genesis.time;
    genesis_block.id = first.header.last_block_id.expect("it has a block before it");
    genesis_block.txs = Vec::new();
    genesis_block.app_hash = comity_model::Hash(first.header.app_hash.bytes().try_into().expect("32 bytes"));
    blocks.insert(0, Arc::new(genesis_block));
    blocks
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_blocks_give_the_same_state_as_under_the_embedded_engine() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let blocks = blocks(&world).await;
    let mut server = server(&world, folder.path()).await;
    let (mut consensus, mut questions) = (Node::connect(&server), Node::connect(&server));
    assert_eq!(questions.info(), (0, vec![]), "before genesis there is no state");
    let begun = consensus.begin(&world);
    assert_eq!(begun.validators.len(), 4);
    for block in &blocks {
        let done = consensus.finalize(block);
        assert_eq!(done.app_hash, block.app_hash.0.to_vec(), "block {}", block.height());
        assert_eq!(done.tx_results.len(), block.txs.len());
        assert!(done.tx_results.iter().all(|result| result.code == 0));
        if block.height() > Height(1) {
            assert_eq!(done.validator_updates.len(), block.validator_updates.len());
        }
        consensus.commit();
        let expected = (i64::try_from(block.height().0).unwrap(), block.app_hash.0.to_vec());
        assert_eq!(questions.info(), expected);
    }
    assert!(blocks.iter().any(|block| block.validator_updates.len() == 2), "validators changed on the way");

    // The state is proven with the same proofs under the same paths.
    let key = comity_verify::state::key(&StatePath::Governors);
    let last = i64::try_from(blocks.len()).unwrap();
    let ask = |height, prove| {
        Ask::Query(abci::RequestQuery { data: key.to_vec().into(), path: "/state".into(), height, prove })
    };
    let Answer::Query(proven) = questions.ask(ask(last, true)) else { panic!("an answer") };
    assert_eq!((proven.code, proven.height, proven.key.as_ref()), (0, last, key.as_slice()));
    let ops = proven.proof_ops.expect("a proof").ops;
    assert_eq!((ops.len(), ops[0].r#type.as_str()), (1, "ics23:jmt"));
    let Answer::Query(latest) = questions.ask(ask(0, false)) else { panic!("an answer") };
    assert_eq!((latest.value, latest.proof_ops), (proven.value, None));
    let Answer::Query(none) = questions.ask(ask(last + 1, true)) else { panic!("an answer") };
    assert_eq!((none.code, none.codespace.as_str()), (1, "HEIGHT_NOT_KEPT"));

    let check = |tx: Vec<u8>| Ask::CheckTx(abci::RequestCheckTx { tx: tx.into(), r#type: 0 });
    let Answer::CheckTx(good) = questions.ask(check(world.put_record("new"))) else { panic!("an answer") };
    assert_eq!(good.code, 0);
    let Answer::CheckTx(bad) = questions.ask(check(vec![1, 2, 3])) else { panic!("an answer") };
    assert_eq!((bad.code, bad.codespace.as_str()), (1, "TX_MALFORMED"));
    assert!(!bad.log.is_empty());
    let ended = tokio::time::timeout(Duration::from_millis(10), server.ended()).await;
    assert!(ended.is_err(), "no request has ended the server");
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_of_a_block_is_healed_by_replay() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let blocks = blocks(&world).await;
    // The node stops after: genesis; a block that was carried out and not committed; a commit.
    let running = server(&world, folder.path()).await;
    let first = Node::connect(&running).begin(&world).app_hash;
    running.stop().await.expect("stops");
    let running = server(&world, folder.path()).await;
    let mut node = Node::connect(&running);
    assert_eq!(node.info(), (0, first.to_vec()));
    assert_eq!(node.begin(&world).app_hash, first, "genesis again is the same genesis");
    let mut done = 0usize;
    drop(node);
    running.stop().await.expect("stops");
    for block in &blocks[..6] {
        let running = server(&world, folder.path()).await;
        let mut node = Node::connect(&running);
        let before = node.info();
        assert_eq!(before.0, i64::try_from(done).unwrap());
        node.finalize(block);
        drop(node);
        running.stop().await.expect("stops");

        let running = server(&world, folder.path()).await;
        let mut node = Node::connect(&running);
        assert_eq!(node.info(), before, "a block without its commit did not happen");
        assert_eq!(node.finalize(block).app_hash, block.app_hash.0.to_vec());
        node.commit();
        drop(node);
        running.stop().await.expect("stops");
        done += 1;
    }
}

/// The snapshots of a server, once there are so many.
async fn snapshots(node: &mut Node, number: usize) -> Vec<abci::Snapshot> {
    for _ in 0..1_000 {
        match node.ask(Ask::ListSnapshots(abci::RequestListSnapshots {})) {
            Answer::ListSnapshots(list) if list.snapshots.len() >= number => return list.snapshots,
            Answer::ListSnapshots(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            other => panic!("{other:?}"),
        }
    }
    panic!("no {number} snapshots");
}

fn load(node: &mut Node, snapshot: &abci::Snapshot, chunk: u32) -> Vec<u8> {
    let (height, format) = (snapshot.height, snapshot.format);
    match node.ask(Ask::LoadSnapshotChunk(abci::RequestLoadSnapshotChunk { height, format, chunk })) {
        Answer::LoadSnapshotChunk(loaded) => loaded.chunk.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn offer(node: &mut Node, snapshot: &abci::Snapshot, app_hash: Vec<u8>) -> OfferResult {
    let snapshot = Some(snapshot.clone());
    match node.ask(Ask::OfferSnapshot(abci::RequestOfferSnapshot { snapshot, app_hash: app_hash.into() })) {
        Answer::OfferSnapshot(answer) => answer.result(),
        other => panic!("{other:?}"),
    }
}

fn apply(node: &mut Node, index: u32, chunk: Vec<u8>) -> abci::ResponseApplySnapshotChunk {
    let sender = "a peer".into();
    match node.ask(Ask::ApplySnapshotChunk(abci::RequestApplySnapshotChunk { index, chunk: chunk.into(), sender })) {
        Answer::ApplySnapshotChunk(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_machine_takes_a_snapshot_and_follows_and_a_wrong_chunk_falls_on_its_sender() {
    let (theirs, mine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = World::new(10);
    let blocks = blocks(&world).await;
    let old = server(&world, theirs.path()).await;
    let mut node = Node::connect(&old);
    node.begin(&world);
    for block in &blocks {
        node.finalize(block);
        node.commit();
        // So slowly that each that is due is made.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    drop(node);
    old.stop().await.expect("stops");
    // They outlive a restart, and a folder that is half a snapshot does not.
    std::fs::create_dir(theirs.path().join("snapshots/99.partial")).unwrap();
    let old = server(&world, theirs.path()).await;
    assert!(!theirs.path().join("snapshots/99.partial").exists());
    let mut peer = Node::connect(&old);
    let list = snapshots(&mut peer, 2).await;
    assert_eq!(list.len(), 2, "no more are kept");
    assert!(list[0].height > list[1].height, "the newest first");
    let offered = &list[1];
    let after = usize::try_from(offered.height).unwrap();
    let app_hash = blocks[after - 1].app_hash.0.to_vec();
    let chunks: Vec<_> = (0..offered.chunks).map(|chunk| load(&mut peer, offered, chunk)).collect();
    assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
    assert!(load(&mut peer, offered, offered.chunks).is_empty(), "there is no such chunk");
    assert!(load(&mut peer, &abci::Snapshot { format: 2, ..offered.clone() }, 0).is_empty(), "nor such a format");

    let new = server(&world, mine.path()).await;
    let mut node = Node::connect(&new);
    assert_eq!(
        offer(&mut node, &abci::Snapshot { format: 2, ..offered.clone() }, app_hash.clone()),
        OfferResult::RejectFormat
    );
    let lies: [fn(&mut abci::Snapshot); 4] = [
        |snapshot| snapshot.height += 1,
        |snapshot| snapshot.chunks += 1,
        |snapshot| snapshot.hash = vec![1; 32].into(),
        |snapshot| snapshot.metadata = vec![1].into(),
    ];
    for lie in lies {
        let mut snapshot = offered.clone();
        lie(&mut snapshot);
        assert_eq!(offer(&mut node, &snapshot, app_hash.clone()), OfferResult::Reject);
    }
    // Another state than the light client vouches for is found out with the last chunk.
    assert_eq!(offer(&mut node, offered, vec![7; 32]), OfferResult::Accept);
    let mut last = None;
    for (index, chunk) in (0u32..).zip(&chunks) {
        last = Some(apply(&mut node, index, chunk.clone()));
    }
    assert_eq!(last.unwrap().result(), ChunkResult::RejectSnapshot);
    assert_eq!(node.info().0, 0);
    // A chunk that is wrong, then the right one.
    assert_eq!(offer(&mut node, offered, app_hash.clone()), OfferResult::Accept);
    for (index, chunk) in (0u32..).zip(&chunks) {
        let mut wrong = chunk.clone();
        wrong[0] ^= 1;
        let answer = apply(&mut node, index, wrong);
        assert_eq!(answer.result(), ChunkResult::Retry);
        assert_eq!((answer.refetch_chunks, answer.reject_senders), (vec![index], vec!["a peer".to_owned()]));
        assert_eq!(apply(&mut node, index, chunk.clone()).result(), ChunkResult::Accept);
    }
    assert_eq!(node.info(), (i64::try_from(offered.height).unwrap(), app_hash));
    // From there it follows, over another connection of the node.
    let mut consensus = Node::connect(&new);
    for block in &blocks[after..] {
        assert_eq!(consensus.finalize(block).app_hash, block.app_hash.0.to_vec(), "block {}", block.height());
        consensus.commit();
    }
    assert_eq!(consensus.info(), peer.info());
    assert_eq!(offer(&mut node, offered, vec![7; 32]), OfferResult::Abort, "it has a state");

    // A chunk that rots on disk is not given out.
    let path = theirs.path().join("snapshots").join(offered.height.to_string()).join("0");
    let mut rotten = std::fs::read(&path).unwrap();
    rotten[10] ^= 1;
    std::fs::write(&path, rotten).unwrap();
    assert!(load(&mut peer, offered, 0).is_empty());
    new.stop().await.expect("stops");
    old.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genesis_document_that_contradicts_itself_is_refused_and_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let server = server(&world, folder.path()).await;
    let mut refused = Vec::new();
    let changes: [fn(&mut abci::RequestInitChain); 7] = [
        |init| init.chain_id = "other-1".into(),
        |init| init.initial_height = 5,
        |init| init.time.as_mut().unwrap().seconds += 1,
        |init| init.validators[0].power += 1,
        |init| init.validators.truncate(3),
        |init| init.app_state_bytes = b"{}".to_vec().into(),
        |init| init.consensus_params.as_mut().unwrap().block.as_mut().unwrap().max_bytes = -1,
    ];
    for change in changes {
        let mut init = init(&world);
        change(&mut init);
        let mut node = Node::connect(&server);
        let Answer::Exception(told) = node.ask(Ask::InitChain(init)) else { panic!("refused") };
        assert_eq!(node.next(), None, "the connection ends");
        refused.push(told.error);
    }
    refused.dedup();
    assert_eq!(refused.len(), 6, "each says what is wrong: {refused:?}");
    let mut node = Node::connect(&server);
    node.begin(&world);
    assert_eq!(node.info().0, 0);
    drop(node);
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn proposals_keep_their_bounds_over_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let server = server(&world, folder.path()).await;
    let mut node = Node::connect(&server);
    node.begin(&world);
    let (small, large) = (bytes::Bytes::from(world.put_record("one")), bytes::Bytes::from(vec![1; 2 << 20]));
    let time = Some(timestamp(world.genesis.time));
    let mut prepare = |txs: Vec<bytes::Bytes>, max_tx_bytes: i64| {
        let ask = abci::RequestPrepareProposal { max_tx_bytes, txs, height: 1, time, ..Default::default() };
        match node.ask(Ask::PrepareProposal(ask)) {
            Answer::PrepareProposal(proposal) => proposal.txs,
            other => panic!("{other:?}"),
        }
    };
    let room = i64::try_from(small.len()).unwrap();
    assert_eq!(prepare(vec![large.clone(), small.clone(), small.clone()], 1 << 22), [small.clone(), small.clone()]);
    assert_eq!(
        prepare(vec![small.clone(), small.clone()], room),
        std::slice::from_ref(&small),
        "there is room for one"
    );
    assert!(prepare(vec![small.clone()], -1).is_empty());
    let mut judge = |txs: Vec<bytes::Bytes>| {
        let ask = abci::RequestProcessProposal { txs, height: 1, time, ..Default::default() };
        match node.ask(Ask::ProcessProposal(ask)) {
            Answer::ProcessProposal(judged) => judged.status(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(judge(vec![small.clone(), vec![1, 2].into()]), ProposalStatus::Accept, "what is refused is a result");
    assert_eq!(judge(vec![large]), ProposalStatus::Reject);
    assert_eq!(judge(vec![small; 2_001]), ProposalStatus::Reject);
    drop(node);
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_at_a_time_makes_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let server = server(&world, folder.path()).await;
    let (mut first, mut second) = (Node::connect(&server), Node::connect(&server));
    first.begin(&world);
    assert_eq!(second.info().0, 0, "anybody may ask");
    let Answer::Exception(told) = second.ask(Ask::InitChain(init(&world))) else { panic!("refused") };
    assert!(told.error.contains("another node"), "{}", told.error);
    drop(first);
    let mut tries = 0;
    loop {
        // The closed connection is noticed in a moment.
        match Node::connect(&server).ask(Ask::InitChain(init(&world))) {
            Answer::InitChain(_) => break,
            Answer::Exception(_) if tries < 100 => tries += 1,
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_arrive_together_are_answered_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let server = server(&world, folder.path()).await;
    let mut node = Node::connect(&server);
    for number in 0..100 {
        node.send(Ask::Echo(abci::RequestEcho { message: number.to_string() }));
    }
    for number in 0..100 {
        let Some(Answer::Echo(echo)) = node.next() else { panic!("an answer") };
        assert_eq!(echo.message, number.to_string());
    }
    drop(node);
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_speaks_something_else_is_closed_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let server = server(&world, folder.path()).await;
    let mut good = Node::connect(&server);
    assert_eq!(good.info().0, 0);
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0]] {
        let mut bad = Node::connect(&server);
        bad.target.write_all(bytes).expect("sent");
        bad.target.shutdown(std::net::Shutdown::Write).expect("no more");
        let answer = bad.next();
        assert!(matches!(answer, None | Some(Answer::Exception(_))), "{answer:?}");
    }
    assert_eq!(good.info().0, 0);
    drop(good);
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_connections_are_open_than_a_node_needs() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let server = server(&world, folder.path()).await;
    let mut nodes: Vec<_> = (0..16).map(|_| Node::connect(&server)).collect();
    for node in &mut nodes {
        assert_eq!(node.info().0, 0);
    }
    let mut one_more = Node::connect(&server);
    assert_eq!(one_more.next(), None, "closed at once");
    drop(nodes);
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_file_that_nobody_answers_at_is_replaced_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(10);
    let socket = folder.path().join("node.sock");
    let config = |state: &str| ServerConfig {
        chain: world.genesis.chain.clone(),
        listen: Address::Unix(socket.clone()),
        state: folder.path().join(state),
        snapshots: SnapshotConfig { folder: folder.path().join("snapshots"), every: 0, keep: 1 },
    };
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists(), "a crash leaves the file behind");
    let server = Server::start(config("a.redb")).await.expect("starts");
    let second = Server::start(config("b.redb")).await.err().expect("refused");
    assert_eq!(second.code(), "ABCI_LISTEN");
    server.stop().await.expect("stops");
    std::fs::remove_file(&socket).unwrap();
    std::fs::write(&socket, "a letter").unwrap();
    let refused = Server::start(config("b.redb")).await.err().expect("refused");
    assert_eq!(refused.code(), "ABCI_LISTEN");
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "a letter");
}
