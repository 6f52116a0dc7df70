#![allow(clippy::unwrap_used)]
use super::*;
use comity_adapters_ports::{Events, Headers, Outcome, Prover, StateProof, Submit};
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ChainId, ClientId, Hash};
use comity_store::RedbStore;
use comity_verify::comet::LightBlock;
use comity_verify::light::Contradiction;
use std::sync::Mutex;

/// A chain whose events a test sends.
struct Node {
    id: ChainId,
    blocks: Mutex<Option<mpsc::UnboundedReceiver<Result<BlockEvents, PortError>>>>,
}

#[async_trait]
impl Headers for Node {
    fn chain(&self) -> &ChainId {
        &self.id
    }
    async fn latest(&self) -> Result<Height, PortError> {
        Ok(Height(10))
    }
    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        Err(PortError::NotYet(height))
    }
}

#[async_trait]
impl Prover for Node {
    async fn prove(&self, _path: &StatePath, header: Height) -> Result<StateProof, PortError> {
        Err(PortError::NotYet(header))
    }
    async fn header_proof(&self, height: Height, _size: u64) -> Result<Vec<Hash>, PortError> {
        Err(PortError::NotYet(height))
    }
}

#[async_trait]
impl Events for Node {
    fn follow(&self, _from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        match self.blocks.lock().unwrap().take() {
            Some(blocks) => tokio_stream::wrappers::UnboundedReceiverStream::new(blocks).boxed(),
            None => futures::stream::pending().boxed(),
        }
    }
    async fn outbox(&self, _client: &ClientId, _from: u64, _limit: u32) -> Result<Vec<Packet>, PortError> {
        Ok(Vec::new())
    }
    async fn acknowledgement(&self, _client: &ClientId, _sequence: u64) -> Result<Option<Vec<u8>>, PortError> {
        Ok(None)
    }
    async fn pending(&self, _after: Option<ReceivedId>, _limit: u32) -> Result<Vec<ReceivedOrder>, PortError> {
        Ok(Vec::new())
    }
    async fn contradiction(&self, _: &ClientId, _: u32) -> Result<Option<Contradiction>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl Submit for Node {
    async fn submit(&self, _messages: Vec<Message>) -> Result<Outcome, PortError> {
        Err(PortError::Unavailable("not here".into()))
    }
}

/// Tells what it was asked to look at.
struct Looks<T>(mpsc::UnboundedSender<(T, Height)>, Open);

/// How much there is to reconcile.
#[derive(Clone, Copy)]
enum Open {
    Little,
    /// So much that it never ends.
    Much,
}

#[async_trait]
impl<T: std::fmt::Debug + Send + Sync + 'static> Concerned<T> for Looks<T> {
    fn changed(&self, order: T, header: Height) {
        self.0.send((order, header)).unwrap();
    }
    async fn reconcile(&self) {
        match self.1 {
            Open::Little => {}
            Open::Much => std::future::pending().await,
        }
    }
    fn is_idle(&self) -> bool {
        true
    }
}

struct World {
    blocks: mpsc::UnboundedSender<Result<BlockEvents, PortError>>,
    court: mpsc::UnboundedReceiver<(OrderId, Height)>,
    institution: mpsc::UnboundedReceiver<(ReceivedId, Height)>,
    follow: Follow,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    world_with(Open::Little)
}

fn world_with(open: Open) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(&folder.path().join("store")).unwrap());
    let (blocks, receiver) = mpsc::unbounded_channel();
    let node = Arc::new(Node { id: "court-1".parse().unwrap(), blocks: Mutex::new(Some(receiver)) });
    let chain = Chain { headers: node.clone(), prover: node.clone(), events: node.clone(), submit: node };
    let (court_looks, court) = mpsc::unbounded_channel();
    let (institution_looks, institution) = mpsc::unbounded_channel();
    let parties =
        Parties { court: Arc::new(Looks(court_looks, open)), institution: Arc::new(Looks(institution_looks, open)) };
    let (follow, waiting) = asks();
    let stop = CancellationToken::new();
    tokio::spawn(run(chain, store, waiting, parties, stop.clone()));
    World { blocks, court, institution, follow, stop, _folder: folder }
}

impl World {
    fn block(&self, height: u64, events: Vec<Event>) {
        self.blocks.send(Ok(BlockEvents { height: Height(height), events })).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn changed(order: u8, state: OrderState) -> Event {
    Event::OrderChanged { order: OrderId([order; 16]), state }
}

#[tokio::test]
async fn an_order_is_looked_at_under_the_header_that_proves_its_change_and_not_before() {
    let mut world = world();
    world.block(11, vec![changed(1, OrderState::Executed)]);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(world.court.try_recv().is_err(), "the header is not there yet");
    world.block(12, Vec::new());
    assert_eq!(world.court.recv().await, Some((OrderId([1; 16]), Height(12))));
}

#[tokio::test]
async fn orders_that_arrived_are_the_institutions_and_mirrored_holds_the_courts() {
    let mut world = world();
    let arrived = ReceivedId { client: "court-0".parse().unwrap(), order: OrderId([2; 16]) };
    let event = |state| Event::ReceivedOrderChanged { client: arrived.client.clone(), order: arrived.order, state };
    world.block(11, vec![event(OrderState::Pending), Event::HoldChanged { order: OrderId([2; 16]) }]);
    world.block(12, vec![event(OrderState::Executed)]);
    world.block(13, Vec::new());
    assert_eq!(world.institution.recv().await, Some((arrived, Height(12))));
    assert_eq!(world.court.recv().await, Some((OrderId([2; 16]), Height(12))), "one id, and two orders");
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(
        world.institution.try_recv().is_err() && world.court.try_recv().is_err(),
        "what is decided waits for nobody"
    );
}

#[tokio::test]
async fn an_interruption_of_the_events_ends_nothing() {
    let mut world = world();
    world.blocks.send(Err(PortError::Silent(9))).unwrap();
    world.block(11, vec![changed(1, OrderState::Refused)]);
    world.block(12, Vec::new());
    assert_eq!(world.court.recv().await, Some((OrderId([1; 16]), Height(12))));
}

#[tokio::test]
async fn a_look_that_is_asked_for_waits_for_its_header() {
    let mut world = world();
    world.follow.look_at(OrderId([3; 16]), Height(10));
    assert_eq!(world.court.recv().await, Some((OrderId([3; 16]), Height(10))));
    world.follow.look_at(OrderId([4; 16]), Height(11));
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(world.court.try_recv().is_err());
    world.block(11, Vec::new());
    assert_eq!(world.court.recv().await, Some((OrderId([4; 16]), Height(11))));
}

#[tokio::test]
async fn what_happens_while_everything_open_is_looked_at_does_not_wait_for_that() {
    let mut world = world_with(Open::Much);
    world.block(11, vec![changed(1, OrderState::Executed)]);
    world.block(12, Vec::new());
    let looked = tokio::time::timeout(Duration::from_secs(5), world.court.recv()).await;
    assert_eq!(looked.unwrap(), Some((OrderId([1; 16]), Height(12))));
}
