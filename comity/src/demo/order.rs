//! One order through the public API, as a court's case system would send it: drawn up, signed by two officers, watched
//! until it is answered.

use super::report::Seen;
use crate::client::status;
use crate::failure::Failure;
use crate::sandbox::World;
use comity_proto::v1;
use comity_proto::v1::OrderState;
use comity_proto::v1::orders_client::OrdersClient;
use std::time::{Duration, Instant};
use tonic::transport::Channel;

/// How long an order may take here before the demonstration gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A court's case system with its officers.
pub(super) struct CaseSystem<'a> {
    world: &'a World,
    court: &'static str,
    clerk: Channel,
    officer: Channel,
}

/// An order and how long it took from the last approval's call.
pub(super) struct Answered {
    /// The order as it was answered.
    pub(super) order: v1::Order,
    /// From the last approval's call to the answer.
    pub(super) took: Duration,
}

impl Answered {
    /// Where the answer was proven.
    pub(super) fn seen(&self) -> Seen {
        seen(&self.order)
    }
}

/// Where an order's state was proven, on its court's own chain.
pub(super) fn seen(order: &v1::Order) -> Seen {
    order.proof.as_ref().map(Seen::from).unwrap_or_default()
}

impl<'a> CaseSystem<'a> {
    /// The case system of `court`.
    pub(super) async fn new(world: &'a World, court: &'static str) -> Result<Self, Failure> {
        let clerk = world.channel(court, "clerk").await?;
        let officer = world.channel(court, "officer").await?;
        Ok(Self { world, court, clerk, officer })
    }

    /// Draws up an order.
    pub(super) async fn draw_up(&self, request: v1::CreateOrderRequest) -> Result<v1::Order, Failure> {
        let answer = OrdersClient::new(self.clerk.clone()).create_order(request).await;
        Ok(answer.map_err(|error| status(error, "the order was not drawn up"))?.into_inner())
    }

    /// Adds the approval of the court's officer `index`.
    pub(super) async fn approve(&self, order: &v1::Order, index: usize) -> Result<(), Failure> {
        let officer = self.world.officer(self.court, index)?;
        let request = v1::ApproveOrderRequest {
            name: order.name.clone(),
            officer: officer.id.to_string(),
            signature: officer.sign(&order.signing_bytes).to_vec(),
        };
        let answer = OrdersClient::new(self.officer.clone()).approve_order(request).await;
        answer.map(drop).map_err(|error| status(error, "the approval was not taken"))
    }

    /// Waits until `done` says so of the order; every change that the gateway reports is looked at.
    pub(super) async fn watch(
        &self,
        name: &str,
        follow_hold: bool,
        done: impl Fn(&v1::Order) -> bool,
    ) -> Result<v1::Order, Failure> {
        let request = v1::WatchOrderRequest { name: name.to_owned(), follow_hold, resume_token: String::new() };
        let watching = async {
            let answer = OrdersClient::new(self.clerk.clone()).watch_order(request).await;
            let mut changes = answer.map_err(|error| status(error, "the order cannot be watched"))?.into_inner();
            while let Some(order) = changes.message().await.map_err(|error| status(error, "the watch broke off"))? {
                if done(&order) {
                    return Ok(order);
                }
            }
            Err(Failure::unavailable("the watch ended before the order was answered"))
        };
        match tokio::time::timeout(PATIENCE, watching).await {
            Ok(result) => result,
            Err(_) => Err(Failure::unavailable(format!("{name} was not answered within {} s", PATIENCE.as_secs()))),
        }
    }

    /// The whole way: drawn up, approved by two officers, watched until it is answered.
    pub(super) async fn send(&self, request: v1::CreateOrderRequest) -> Result<Answered, Failure> {
        let order = self.draw_up(request).await?;
        let last = (order.approvals_needed as usize).saturating_sub(1);
        for officer in 0..last {
            self.approve(&order, officer).await?;
        }
        let started = Instant::now();
        self.approve(&order, last).await?;
        let order = self.watch(&order.name, false, is_answered).await?;
        Ok(Answered { order, took: started.elapsed() })
    }
}

/// Whether an order has its answer.
pub(super) fn is_answered(order: &v1::Order) -> bool {
    matches!(
        order.state(),
        OrderState::Executed
            | OrderState::Waitlisted
            | OrderState::Refused
            | OrderState::Failed
            | OrderState::TimedOut
            | OrderState::WithdrawnBeforeCommit
    )
}

/// Refuses an order that was not answered as the story says.
pub(super) fn expect(order: &v1::Order, state: OrderState) -> Result<(), Failure> {
    if order.state() == state {
        return Ok(());
    }
    let reason = order.result.as_ref().map(|result| result.reason.as_str()).unwrap_or_default();
    Err(Failure::refused(
        "UNEXPECTED",
        format!("{} is {} {reason}, expected {}", order.name, order.state().as_str_name(), state.as_str_name()),
    ))
}
