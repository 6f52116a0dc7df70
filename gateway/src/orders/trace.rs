//! Where an order is that stands on the court's chain and is not answered: asked of the institution's gateway, believed by
//! proof under the header of the institution's chain that this gateway verified itself.
//! It refuses to hurry: an order that is answered fast is never asked about, and no answer is ever overwritten.

use super::desk::Desk;
use super::stored::{ProvenUnder, StoredOrder};
use crate::error::ApiError;
use crate::peers::malformed;
use comity_model::order::{Order, OrderState, ReceivedOrder};
use comity_model::state::StatePath;
use comity_model::{MemberId, OrderId, decode};
use comity_proto::v1::FetchArrivalRequest;
use comity_verify::{packet, state};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How long an order may take before it is asked about, by then most are answered; and how many more that are on their way to
/// the same institution double that: to ask about those that only stand in line would make the line longer.
const FIRST_AFTER: Duration = Duration::from_millis(300);
const CROWD: u32 = 64;
/// The longest wait between two asks about one order.
const WAIT_MAX: Duration = Duration::from_secs(30);

impl Desk {
    /// Begins to trace an order, if nobody does. Returns at once.
    pub(super) fn trace(self: &Arc<Self>, order: &Order) {
        let id = order.id;
        if !self.traces.claim(id) {
            return;
        }
        let crowd = self.book.room().taken(&order.recipient);
        let (desk, recipient) = (Arc::clone(self), order.recipient.clone());
        self.tasks.spawn(async move {
            let stopped = desk.stop.clone();
            tokio::select! {
                () = desk.follow_arrival(&id, &recipient, first_after(crowd)) => {}
                () = stopped.cancelled() => {}
            }
            desk.traces.unclaim(&id);
        });
    }

    async fn follow_arrival(&self, id: &OrderId, recipient: &MemberId, mut wait: Duration) {
        loop {
            tokio::time::sleep(wait).await;
            match self.look_for(id, recipient).await {
                Ok(false) => return,
                Ok(true) => {}
                Err(error) => tracing::debug!(order = %id, %error, "an order's arrival could not be proven"),
            }
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    /// Whether there is still something to learn.
    async fn look_for(&self, id: &OrderId, recipient: &MemberId) -> Result<bool, ApiError> {
        let _slot = self.traces.slot(recipient).await;
        let order = self.read(id).await?;
        if !order.is_under_way() {
            return Ok(false);
        }
        let Some((pending, under)) = self.prove_arrival(&order).await? else { return Ok(true) };
        let now = self.now();
        // One change a state, so that a watcher sees each.
        let note = |pending| {
            let under = under.clone();
            self.book.change(id, move |stored| Ok::<_, Infallible>(stored.arrived(pending, &under, now)))
        };
        let mut changed = note(false).await.map_err(super::DeskError::from)?;
        if pending {
            changed = note(true).await.map_err(super::DeskError::from)?;
        }
        Ok(changed.is_under_way())
    }

    /// Whether the order waits to be decided on the institution's chain, and the header that proves its arrival; `None`
    /// where it has not arrived.
    async fn prove_arrival(&self, order: &StoredOrder) -> Result<Option<(bool, ProvenUnder)>, ApiError> {
        let Some(sent) = order.packet() else { return Ok(None) };
        let id = order.order.id;
        let peer = self.peers.peer(&order.order.recipient)?;
        let trusted = peer.view.trusted().await?;
        let request = FetchArrivalRequest {
            client: sent.dest_client.to_string(),
            order: id.to_string(),
            sequence: sent.sequence,
            trusted_height: trusted.height().0,
        };
        let answer = peer.exchange().fetch_arrival(request).await.map_err(|status| peer.failed(&status))?.into_inner();
        let Some(receipt) = answer.receipt.filter(|receipt| receipt.exists) else { return Ok(None) };
        let header = peer.reach(&trusted, &receipt).await?;
        let refused = |refusal| ApiError::proof("peer", &peer.config.member, &refusal);
        let received = packet::received(&header, &sent, &receipt.proof).map_err(refused)?;
        let under = ProvenUnder::from(received.at());
        // A packet that could not be read as an order has a receipt alone.
        let Some(value) = answer.order.filter(|order| order.exists) else { return Ok(Some((false, under))) };
        let path = StatePath::Received(sent.dest_client.clone(), id);
        let proven = state::membership(&header, &path, &value.value, &value.proof).map_err(refused)?;
        let entry: ReceivedOrder =
            decode("received order", proven.value()).map_err(|error| malformed(&peer.config.member, error))?;
        let waits = entry.state == OrderState::Pending && Some(&entry.sealed) == order.sealed().as_ref();
        Ok(Some((waits, under)))
    }
}

/// When an order is first asked about, where `crowd` are on their way to the same institution.
fn first_after(crowd: usize) -> Duration {
    let crowd = u32::try_from(crowd).unwrap_or(u32::MAX);
    (FIRST_AFTER + FIRST_AFTER.saturating_mul(crowd) / CROWD).min(WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_among_many_is_asked_about_later() {
        assert_eq!(first_after(0), FIRST_AFTER);
        assert_eq!(first_after(64), Duration::from_millis(600));
        assert_eq!(first_after(640), Duration::from_millis(3_300));
        assert_eq!(first_after(usize::MAX), WAIT_MAX);
    }
}
