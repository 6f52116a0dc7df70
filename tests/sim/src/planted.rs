//! Faults that are planted to show that the simulation finds them. They sit in the simulation's own surroundings of the
//! code under test, never in the code: what is shipped has no switch for them.

use crate::gateway::{Gateway, ORDERS};
use crate::life::Life;
use crate::machine;
use crate::ports::Ports;
use async_trait::async_trait;
use comity_adapters_ports::{BlockEvents, Chain, Events, Outcome, PortError, Submit};
use comity_gateway::orders::StoredOrder;
use comity_model::event::Event;
use comity_model::order::{OrderState, ReceivedId, ReceivedOrder};
use comity_model::packet::{PORT_NOTICES, Packet};
use comity_model::tx::Message;
use comity_model::{ClientId, Height, UnixSeconds, decode, encode};
use comity_store::{Batch, Store};
use comity_verify::light::Contradiction;
use futures::stream::{BoxStream, StreamExt};
use std::sync::Arc;
use std::time::Duration;

/// A planted fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Planted {
    /// The court's gateway writes COMMITTED when the chain's answer is in, whatever was learnt meanwhile.
    StatusOverwritten,
    /// The court's gateway writes that it has a request after it has written the order.
    ReceiptAfterEffect,
    /// A ledger's block file is not synced.
    MissingFsync,
    /// Relayers judge by their own clock whether a packet has expired.
    ExpiryByLocalClock,
    /// Relayers leave notices behind.
    NoticeDropped,
    /// The court's gateway writes that its rules were told of an agreement before it has written what they fired.
    ToldBeforeFired,
}

/// All of them.
pub const ALL: [Planted; 6] = [
    Planted::StatusOverwritten,
    Planted::ReceiptAfterEffect,
    Planted::MissingFsync,
    Planted::ExpiryByLocalClock,
    Planted::NoticeDropped,
    Planted::ToldBeforeFired,
];

/// How far ahead the clock of a relayer is that judges expiry by it.
const AHEAD_S: u64 = 30;

impl Planted {
    /// A relayer's ports with what is planted there.
    pub(crate) fn at_relayer(planted: Option<Self>, ports: Ports) -> Chain {
        let chain = ports.ports();
        match planted {
            Some(Self::ExpiryByLocalClock) => Chain { submit: Arc::new(LocalClock(chain.submit)), ..chain },
            Some(Self::NoticeDropped) => Chain { events: Arc::new(NoNotices(chain.events)), ..chain },
            _ => chain,
        }
    }

    /// The court's gateway's ports with what is planted there.
    pub(crate) fn at_gateway(planted: Option<Self>, chain: Chain, store: &Arc<dyn Store>, life: &Life) -> Chain {
        if planted != Some(Self::StatusOverwritten) {
            return chain;
        }
        let submit = Arc::new(WriteCommitted { inner: chain.submit, store: Arc::clone(store), life: life.clone() });
        Chain { submit, ..chain }
    }
}

/// What it should have read, and the state that it writes over it.
struct WriteCommitted {
    inner: Arc<dyn Submit>,
    store: Arc<dyn Store>,
    life: Life,
}

#[async_trait]
impl Submit for WriteCommitted {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        let order = messages.iter().find_map(|message| match message {
            Message::CommitOrder { sealed, .. } => Some(sealed.order.id),
            _ => None,
        });
        let before = match order {
            Some(id) => self.store.read(ORDERS, &id.0).await.ok().flatten(),
            None => None,
        };
        let outcome = self.inner.submit(messages).await?;
        let stored = before.and_then(|bytes| decode::<StoredOrder>("an order", &bytes).ok());
        if let (Some(mut stored), Outcome::Committed { .. }) = (stored, &outcome) {
            stored.state = OrderState::Committed;
            stored.revision += 1;
            let row = Batch::new().put(ORDERS, stored.order.id.0, encode(&stored));
            let (store, life) = (Arc::clone(&self.store), self.life.clone());
            // As a status does that is written when there is time for it.
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(400)).await;
                let _ = life.run(store.commit(row)).await;
            });
        }
        Ok(outcome)
    }
}

struct LocalClock(Arc<dyn Submit>);

#[async_trait]
impl Submit for LocalClock {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        let now = UnixSeconds(machine::now().unix_seconds().0 + AHEAD_S);
        let expired = |message: &Message| matches!(message, Message::Receive { packet, .. } if packet.timeout <= now);
        if messages.iter().any(expired) {
            let code = "PACKET_TIMED_OUT".parse().expect("a reason code");
            return Ok(Outcome::Refused { code, detail: "expired by the local clock".into() });
        }
        self.0.submit(messages).await
    }
}

struct NoNotices(Arc<dyn Events>);

fn is_notice(packet: &Packet) -> bool {
    packet.payloads.first().is_some_and(|payload| payload.source_port == PORT_NOTICES)
}

#[async_trait]
impl Events for NoNotices {
    fn follow(&self, from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        let without = |block: Result<BlockEvents, PortError>| {
            let mut block = block?;
            block.events.retain(|event| !matches!(event, Event::PacketSent(packet) if is_notice(packet)));
            Ok(block)
        };
        self.0.follow(from).map(without).boxed()
    }

    async fn outbox(&self, client: &ClientId, from: u64, limit: u32) -> Result<Vec<Packet>, PortError> {
        let mut packets = self.0.outbox(client, from, limit).await?;
        packets.retain(|packet| !is_notice(packet));
        Ok(packets)
    }

    async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Option<Vec<u8>>, PortError> {
        self.0.acknowledgement(client, sequence).await
    }

    async fn pending(&self, after: Option<ReceivedId>, limit: u32) -> Result<Vec<ReceivedOrder>, PortError> {
        self.0.pending(after, limit).await
    }

    async fn contradiction(&self, client: &ClientId, back: u32) -> Result<Option<Contradiction>, PortError> {
        self.0.contradiction(client, back).await
    }
}

/// The faults that sit on disks.
pub(crate) fn on_disks(planted: Option<Planted>, gateways: &[Arc<Gateway>]) {
    if planted == Some(Planted::MissingFsync) {
        for gateway in gateways {
            let [blocks, _] = gateway.node.media();
            blocks.ignore_syncs();
        }
    }
}
