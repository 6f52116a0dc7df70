//! Why institutions object to this court's orders, in words: asked of their gateways once a proven notice binds them, opened, held
//! against the digest, and kept beside the order. Asked for until they are here, across restarts, while the objection is open.
//! It refuses to believe grounds that are not those bound, whoever hands them over.

use super::desk::Desk;
use super::stored::StoredOrder;
use crate::error::{ApiError, Reason};
use crate::sealing::{self, Sealed};
use comity_model::order::Grounds;
use comity_model::{Hash, OrderId, decode, encode};
use comity_proto::v1::FetchAnswerRequest;
use comity_store::{Batch, Table};
use comity_verify::order::grounds_digest;
use std::sync::Arc;
use std::time::Duration;

/// Order id → [`Grounds`]: an institution objects to an order once.
const GROUNDS: Table = Table("objection_grounds");
/// The first wait after a try that failed, and the longest.
const WAIT_MIN: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The digest of the grounds of an objection that is open.
fn bound(order: &StoredOrder) -> Option<Hash> {
    order.notice.as_ref()?.hold.objection.as_ref()?.grounds
}

impl Desk {
    /// The grounds of an objection to an order, once they are here; also after the objection was answered.
    pub(super) async fn objection_grounds(&self, id: &OrderId) -> Result<Option<Grounds>, ApiError> {
        let bytes = self.store.read(GROUNDS, &id.0).await?;
        bytes.map(|bytes| decode("grounds", &bytes)).transpose().map_err(ApiError::fault)
    }

    /// Begins to ask for the grounds that an open objection to the order binds, if nobody does. Returns at once.
    pub(super) fn collect_grounds(self: &Arc<Self>, order: &StoredOrder) {
        let id = order.order.id;
        if bound(order).is_none() || !self.grounds.claim(id) {
            return;
        }
        let desk = Arc::clone(self);
        self.tasks.spawn(async move {
            let stopped = desk.stop.clone();
            tokio::select! {
                () = desk.ask_grounds_until_here(&id) => {}
                () = stopped.cancelled() => {}
            }
            desk.grounds.unclaim(&id);
        });
    }

    async fn ask_grounds_until_here(&self, id: &OrderId) {
        let mut wait = WAIT_MIN;
        while let Err(error) = self.ask_grounds(id).await {
            if matches!(error.reason(), Reason::AnswerDiffers | Reason::AnswerUnreadable) {
                tracing::error!(order = %id, %error, "an institution hands over other grounds than it bound");
            } else {
                tracing::warn!(order = %id, %error, "the grounds of an objection are not here yet");
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(WAIT_MAX);
        }
    }

    async fn ask_grounds(&self, id: &OrderId) -> Result<(), ApiError> {
        let order = self.read(id).await?;
        let Some(digest) = bound(&order) else { return Ok(()) };
        let _slot = self.grounds.slot(&order.order.recipient).await;
        if self.objection_grounds(id).await?.is_some_and(|known| grounds_digest(&known) == digest) {
            return Ok(());
        }
        let peer = self.peers.peer(&order.order.recipient)?;
        let request = FetchAnswerRequest {
            client: order.order.dest_client.to_string(),
            order: order.order.id.to_string(),
            digest: digest.0.to_vec(),
        };
        let answer = peer.exchange().fetch_grounds(request).await.map_err(|status| peer.failed(&status))?.into_inner();
        let unreadable = |why: String| {
            ApiError::new(Reason::AnswerUnreadable, "The objection's grounds cannot be opened.").because(why)
        };
        let encapsulated_key = answer.encapsulated_key.try_into().map_err(|_| unreadable("key".into()))?;
        let sealed = Sealed { encapsulated_key, ciphertext: answer.ciphertext };
        let grounds = sealing::open_grounds(&self.encryption_key, &order.order, &sealed);
        let grounds = grounds.map_err(|error| unreadable(error.to_string()))?;
        if grounds.order != order.order.id || grounds_digest(&grounds) != digest {
            let message = "The institution hands over other grounds than its chain proves.";
            return Err(ApiError::new(Reason::AnswerDiffers, message).with("peer", peer.config.member.as_str()));
        }
        Ok(self.store.commit(Batch::new().put(GROUNDS, id.0, encode(&grounds))).await?)
    }
}
