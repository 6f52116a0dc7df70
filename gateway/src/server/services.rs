//! The services of one gateway and the work behind them, without listeners: the server brings connections over mutual TLS;
//! whoever else serves them brings requests whose extensions tell who calls ([`crate::Caller`]), as a connection proved it.
//! It refuses to know addresses, certificates and admission: what the configuration says of those is for who listens.

use super::parts::Parts;
use crate::agreements;
use crate::config::{Deps, GatewayConfig};
use crate::convert_order::Operators;
use crate::keeper::RecordKeeper;
use crate::orders::Work;
use crate::peers::Peers;
use crate::policy::Policy;
use crate::triggers;
use crate::view::ChainView;
use comity_proto::v1::agreements_server::Agreements;
use comity_proto::v1::exchange_server::Exchange;
use comity_proto::v1::triggers_server::Triggers;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The services of one gateway. Their work goes on until it is stopped.
pub struct Services {
    pub(super) parts: Parts,
    pub(super) operators: Operators,
    pub(super) stop: CancellationToken,
}

impl Services {
    /// Sets everything going, and takes up what a stop or a crash left behind. Must be called within a runtime.
    #[must_use]
    pub fn start(config: GatewayConfig, deps: Deps, policy: Arc<Policy>, peers: Peers, view: Arc<ChainView>) -> Self {
        let anchors = config.peers.iter().map(|peer| &peer.anchor).chain([&config.anchor]);
        let operators = Operators::of(anchors);
        let parts = Parts::new(config, deps, policy, peers, view);
        let stop = CancellationToken::new();
        parts.work.spawn(parts.deliverer.clone().run(stop.clone()));
        parts.work.spawn(parts.checker.clone().run(stop.clone()));
        parts.work.spawn(triggers::run(parts.engine.clone(), stop.clone()));
        if let Some(kept) = &parts.deposits {
            parts.work.spawn(kept.publisher().run(stop.clone()));
            if let Some(witnesses) = kept.witnesses() {
                parts.work.spawn(witnesses.run(stop.clone()));
            }
            if let Some(copier) = kept.copier() {
                parts.work.spawn(copier.run(stop.clone()));
            }
            if let Some(stamps) = kept.stamps() {
                parts.work.spawn(stamps.run(stop.clone()));
            }
        }
        if parts.is_court {
            parts.work.spawn(triggers::investigate(parts.engine.clone(), stop.clone()));
            parts.work.spawn(agreements::run(parts.agreement_desk.clone(), stop.clone()));
        }
        Self { parts, operators, stop }
    }

    /// Orders, what arrives, and who decides.
    #[must_use]
    pub const fn work(&self) -> &Work {
        &self.parts.work
    }

    /// The records that the institution keeps.
    #[must_use]
    pub const fn records(&self) -> &RecordKeeper {
        &self.parts.keeper
    }

    /// What other gateways ask.
    pub fn exchange(&self) -> impl Exchange + use<> {
        self.parts.exchange()
    }

    /// The court's agreements.
    pub fn agreements(&self) -> impl Agreements + use<> {
        self.parts.agreements(self.operators.clone())
    }

    /// What rules fired and proposed.
    pub fn triggers(&self) -> impl Triggers + use<> {
        self.parts.triggers(self.operators.clone())
    }

    /// Stops and waits until no work is under way. What was begun is taken up again at the next start.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.parts.work.stop().await;
    }
}
