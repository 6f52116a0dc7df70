//! Nodes that lie, hide or fall silent; a chain that contradicts itself.

mod support;

use async_trait::async_trait;
use comity_adapters_ports::{BlockEvents, Chain, Events, Headers, PortError, Prover, StateProof};
use comity_model::client::{ClientState, ClientStatus};
use comity_model::order::{OrderState, ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::{ChainId, ClientId, Hash, Height};
use comity_verify::comet::LightBlock;
use futures::StreamExt;
use futures::stream::BoxStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// A node that shows another block, signed by the same validators, from some height on.
struct Forked {
    chain: Chain,
    id: ChainId,
}

#[async_trait]
impl Headers for Forked {
    fn chain(&self) -> &ChainId {
        self.chain.headers.chain()
    }

    async fn latest(&self) -> Result<Height, PortError> {
        self.chain.headers.latest().await
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        let block = self.chain.headers.light_block(height).await?;
        let mut header = block.header.clone();
        header.app_hash = Hash([6; 32]).into();
        Ok(support::ledger::sign(&self.id, header, &block))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_signs_two_headers_is_frozen_where_it_is_believed() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let witness: Arc<dyn Headers> = Arc::new(Forked { chain: world.bank.chain(), id: world.bank.id().clone() });
    let relayer =
        world.relayer_over(world.court.chain(), world.bank.chain(), vec![witness], &directory.path().join("store"));
    until("the client is frozen", || async {
        let path = StatePath::Client(client_on_court());
        value::<ClientState>(&world.court.chain(), &path)
            .await
            .is_some_and(|client| client.status == ClientStatus::Frozen)
    })
    .await;
    relayer.stop().await;
}
