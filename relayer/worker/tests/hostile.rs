//! Nodes that lie, hide or fall silent; a chain that contradicts itself.

mod support;

use async_trait::async_trait;
use comity_adapters_ports::{BlockEvents, Chain, Events, Headers, PortError, Prover, StateProof};
use comity_model::client::{ClientState, ClientStatus};
use comity_model::order::{OrderState, ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::{ChainId, ClientId, Hash, Height, encode};
use comity_store::{RedbStore, Store, Table};
use comity_verify::comet::LightBlock;
use comity_verify::light::{Contradiction, DivergenceKind};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use support::{Counted, World, client_on_court, until, value};

/// A node that tells nothing of what happens in its blocks.
struct Silent(Chain);

#[async_trait]
impl Events for Silent {
    fn follow(&self, from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        let blocks = self.0.events.follow(from);
        let empty = |block: Result<BlockEvents, PortError>| {
            block.map(|block| BlockEvents { height: block.height, events: vec![] })
        };
        blocks.map(empty).boxed()
    }

    async fn outbox(&self, client: &ClientId, from: u64, limit: u32) -> Result<Vec<Packet>, PortError> {
        self.0.events.outbox(client, from, limit).await
    }

    async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Option<Vec<u8>>, PortError> {
        self.0.events.acknowledgement(client, sequence).await
    }

    async fn pending(&self, after: Option<ReceivedId>, limit: u32) -> Result<Vec<ReceivedOrder>, PortError> {
        self.0.events.pending(after, limit).await
    }

    async fn contradiction(&self, client: &ClientId, back: u32) -> Result<Option<Contradiction>, PortError> {
        self.0.events.contradiction(client, back).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_event_everything_is_found_by_asking() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let silent = |chain: Chain| Chain { events: Arc::new(Silent(chain.clone())), ..chain };
    let (court, bank) = (silent(world.court.chain()), silent(world.bank.chain()));
    let relayer = world.relayer_over(court, bank, vec![], &directory.path().join("store"));
    let order = world.commit(1, 600).await;
    world.arrived(order).await;
    world.decide(order).await;
    assert_eq!(world.ended(order).await, OrderState::Executed);
    relayer.stop().await;
}

/// A node whose first proofs and headers are wrong.
struct Liar {
    chain: Chain,
    lies: AtomicUsize,
}

impl Liar {
    fn lies(&self) -> bool {
        let left = |lies: usize| lies.checked_sub(1);
        self.lies.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }
}

#[async_trait]
impl Prover for Liar {
    async fn prove(&self, path: &StatePath, header: Height) -> Result<StateProof, PortError> {
        let mut answer = self.chain.prover.prove(path, header).await?;
        if self.lies() {
            match &mut answer.value {
                Some(value) => value[0] ^= 1,
                None => answer.value = Some(vec![1; 32]),
            }
            if let Some(byte) = answer.proof.last_mut() {
                *byte ^= 1;
            }
        }
        Ok(answer)
    }

    async fn header_proof(&self, height: Height, size: u64) -> Result<Vec<Hash>, PortError> {
        self.chain.prover.header_proof(height, size).await
    }
}

#[async_trait]
impl Headers for Liar {
    fn chain(&self) -> &ChainId {
        self.chain.headers.chain()
    }

    async fn latest(&self) -> Result<Height, PortError> {
        self.chain.headers.latest().await
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        let mut block = self.chain.headers.light_block(height).await?;
        if self.lies() {
            block.header.app_hash = Hash([1; 32]).into();
        }
        Ok(block)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lies_delays_and_nothing_wrong_is_submitted() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let lying = |chain: Chain| {
        let liar = Arc::new(Liar { chain: chain.clone(), lies: AtomicUsize::new(7) });
        Chain { headers: liar.clone(), prover: liar, ..chain }
    };
    let (on_court, on_bank) = (Counted::new(world.court.chain()), Counted::new(world.bank.chain()));
    let court = Chain { submit: on_court.clone(), ..lying(world.court.chain()) };
    let bank = Chain { submit: on_bank.clone(), ..lying(world.bank.chain()) };
    let relayer = world.relayer_over(court, bank, vec![], &directory.path().join("store"));
    let order = world.commit(1, 600).await;
    world.arrived(order).await;
    world.decide(order).await;
    assert_eq!(world.ended(order).await, OrderState::Executed);
    assert_eq!(on_court.refused.load(Ordering::Relaxed), 0);
    assert_eq!(on_bank.refused.load(Ordering::Relaxed), 0);
    relayer.stop().await;
}

/// A node that proves nothing under the header that a client of it was made with, and is slow to say that there are others:
/// it does so once it was asked for a packet.
struct Pruned {
    chain: Chain,
    forgotten: Height,
    asked: AtomicBool,
}

#[async_trait]
impl Prover for Pruned {
    async fn prove(&self, path: &StatePath, header: Height) -> Result<StateProof, PortError> {
        if matches!(path, StatePath::Commitment(..)) {
            self.asked.store(true, Ordering::Relaxed);
        }
        if header <= self.forgotten {
            return Err(PortError::Gone(header));
        }
        self.chain.prover.prove(path, header).await
    }

    async fn header_proof(&self, height: Height, size: u64) -> Result<Vec<Hash>, PortError> {
        self.chain.prover.header_proof(height, size).await
    }
}

#[async_trait]
impl Headers for Pruned {
    fn chain(&self) -> &ChainId {
        self.chain.headers.chain()
    }

    async fn latest(&self) -> Result<Height, PortError> {
        until("it was asked for a packet", || async { self.asked.load(Ordering::Relaxed) }).await;
        self.chain.headers.latest().await
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        self.chain.headers.light_block(height).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_whose_state_is_pruned_under_the_header_that_its_client_trusts_is_proven_under_the_newest() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let order = world.commit(1, 600).await;
    let chain = world.court.chain();
    let forgotten = world.court_anchor.height;
    let pruned = Arc::new(Pruned { chain: chain.clone(), forgotten, asked: AtomicBool::new(false) });
    let court = Chain { headers: pruned.clone(), prover: pruned, ..chain };
    let relayer = world.relayer_over(court, world.bank.chain(), vec![], &directory.path().join("store"));
    world.arrived(order).await;
    relayer.stop().await;
}

/// A node that shows another block, signed by the same validators or not, from some height on.
struct Forked {
    chain: Chain,
    id: ChainId,
    /// It has so many blocks fewer than the chain.
    behind: u64,
    change: fn(&mut comity_verify::comet::Header),
    signed: bool,
    asked: AtomicUsize,
}

impl Forked {
    fn of(world: &World, signed: bool, change: fn(&mut comity_verify::comet::Header)) -> Arc<Self> {
        let (chain, id) = (world.bank.chain(), world.bank.id().clone());
        Arc::new(Self { chain, id, behind: 0, change, signed, asked: AtomicUsize::new(0) })
    }

    async fn newest(&self) -> Result<Height, PortError> {
        Ok(Height(self.chain.headers.latest().await?.0.saturating_sub(self.behind)))
    }
}

#[async_trait]
impl Headers for Forked {
    fn chain(&self) -> &ChainId {
        self.chain.headers.chain()
    }

    async fn latest(&self) -> Result<Height, PortError> {
        self.newest().await
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if height > self.newest().await? {
            return Err(PortError::NotYet(height));
        }
        let mut block = self.chain.headers.light_block(height).await?;
        let mut header = block.header.clone();
        (self.change)(&mut header);
        if self.signed {
            return Ok(support::ledger::sign(&self.id, header, &block));
        }
        block.commit.block_id.hash = header.hash();
        Ok(LightBlock { header, ..block })
    }
}

async fn status(world: &World) -> Option<ClientStatus> {
    let path = StatePath::Client(client_on_court());
    value::<ClientState>(&world.court.chain(), &path).await.map(|client| client.status)
}

/// A relayer whose witness shows this; what the court's chain then keeps.
async fn frozen_by(change: fn(&mut comity_verify::comet::Header), behind: u64) -> Contradiction {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let store = directory.path().join("store");
    let asked = world.court.chain().events.contradiction(&client_on_court(), 0).await;
    assert_eq!(asked.expect("an answer"), None);
    let mut witness = Forked::of(&world, true, change);
    Arc::get_mut(&mut witness).expect("nobody else has it").behind = behind;
    // The newest that the witness shows is one that the client on the court's chain has not met yet, without votes.
    support::blocks(&world.bank.chain(), behind).await;
    let relayer = world.relayer_over(world.court.chain(), world.bank.chain(), vec![witness], &store);
    until("the client is frozen", || async { status(&world).await == Some(ClientStatus::Frozen) }).await;
    relayer.stop().await;
    // The relayer keeps it as well, under the anchor that it speaks against.
    let kept = RedbStore::open(&store).expect("the store");
    let key = encode(&(world.bank.id().clone(), world.bank_anchor.header_hash));
    assert!(kept.read(Table("relayer_evidence"), &key).await.expect("an answer").is_some());
    let found = world.court.chain().events.contradiction(&client_on_court(), 0).await.expect("an answer");
    let earlier = world.court.chain().events.contradiction(&client_on_court(), 1).await.expect("an answer");
    assert_eq!(earlier, None);
    let found = found.expect("both headers are kept");
    assert_eq!(found.check(world.bank.id()), Ok(()));
    assert!(found.check(world.court.id()).is_err());
    assert_eq!(found.first.height(), found.second.height());
    assert_ne!(found.first.state().header_hash, found.second.state().header_hash);
    assert!(found.first.step().is_some() && found.second.step().is_some(), "with their votes");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_signs_two_states_is_frozen_where_it_is_believed_and_both_headers_are_kept() {
    let found = frozen_by(|header| header.app_hash = Hash([6; 32]).into(), 0).await;
    assert_eq!(found.kind, Some(DivergenceKind::Lunatic));
    assert!(!found.signed_both().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_votes_twice_is_frozen_as_well_and_it_is_told_apart() {
    let found = frozen_by(|header| header.data_hash = Some(Hash([6; 32])), 0).await;
    assert_eq!(found.kind, Some(DivergenceKind::Equivocation));
    assert!(!found.signed_both().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_that_is_always_behind_is_heard_all_the_same() {
    let found = frozen_by(|header| header.data_hash = Some(Hash([6; 32])), 2).await;
    assert_eq!(found.kind, Some(DivergenceKind::Equivocation));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_that_cannot_prove_what_it_shows_accuses_nobody_and_is_left_alone_for_a_while() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let liar = Forked::of(&world, false, |header| header.app_hash = Hash([6; 32]).into());
    let witness: Arc<dyn Headers> = liar.clone();
    let relayer =
        world.relayer_over(world.court.chain(), world.bank.chain(), vec![witness], &directory.path().join("store"));
    let order = world.commit(1, 600).await;
    world.arrived(order).await;
    world.decide(order).await;
    assert_eq!(world.ended(order).await, OrderState::Executed);
    assert_eq!(status(&world).await, Some(ClientStatus::Active));
    assert_eq!(liar.asked.load(Ordering::Relaxed), 1);
    relayer.stop().await;
}
