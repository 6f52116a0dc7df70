//! Collects what institutions answered: asked of their gateways once a result that binds an answer is proven, opened,
//! held against the proven digest, and kept. It is asked for until it is here, across restarts.
//! It refuses to believe an answer that is not the one bound, whoever hands it over.

use super::desk::Desk;
use super::stored::StoredOrder;
use crate::error::{ApiError, Reason};
use crate::sealing::{self, Sealed};
use comity_model::order::PrivateAnswer;
use comity_model::{Hash, OrderId, ReasonCode};
use comity_proto::v1::FetchAnswerRequest;
use comity_verify::order::answer_digest;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// The first wait after a try that failed, and the longest.
const WAIT_MIN: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(60);

impl Desk {
    /// Begins to ask for an order's answer, if nobody does. Returns at once.
    pub(super) fn collect(self: &Arc<Self>, id: OrderId) {
        if !self.collections.claim(id) {
            return;
        }
        let desk = Arc::clone(self);
        self.tasks.spawn(async move {
            let stopped = desk.stop.clone();
            tokio::select! {
                () = desk.ask_until_here(&id) => {}
                () = stopped.cancelled() => {}
            }
            desk.collections.unclaim(&id);
        });
    }

    async fn ask_until_here(&self, id: &OrderId) {
        let mut wait = WAIT_MIN;
        while let Err(error) = self.ask(id).await {
            tracing::warn!(order = %id, %error, "an answer is not here yet");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    async fn ask(&self, id: &OrderId) -> Result<(), ApiError> {
        let order = self.read(id).await?;
        let Some(digest) = order.wanted_answer() else { return Ok(()) };
        let _slot = self.collections.slot(&order.order.recipient).await;
        match self.fetch(&order, digest).await {
            Ok(answer) => {
                let taken = |stored: &mut StoredOrder| Ok::<_, Infallible>(stored.take_answer(answer.clone()));
                self.book.change(id, taken).await.map_err(super::DeskError::from)?;
                Ok(())
            }
            Err(error) => {
                if matches!(error.reason(), Reason::AnswerDiffers | Reason::AnswerUnreadable)
                    && let Ok(code) = error.reason().as_str().parse::<ReasonCode>()
                {
                    tracing::error!(order = %id, %code, "an institution hands over another answer than it gave");
                    let refused = |stored: &mut StoredOrder| Ok::<_, Infallible>(stored.refuse_answer(code.clone()));
                    self.book.change(id, refused).await.map_err(super::DeskError::from)?;
                }
                Err(error)
            }
        }
    }

    async fn fetch(&self, order: &StoredOrder, digest: Hash) -> Result<PrivateAnswer, ApiError> {
        let peer = self.peers.peer(&order.order.recipient)?;
        let request = FetchAnswerRequest {
            client: order.order.dest_client.to_string(),
            order: order.order.id.to_string(),
            digest: digest.0.to_vec(),
        };
        let response = peer.exchange().fetch_answer(request).await.map_err(|status| peer.failed(&status))?.into_inner();
        let unreadable = |why: String| {
            ApiError::new(Reason::AnswerUnreadable, "The institution's answer cannot be opened.").because(why)
        };
        let encapsulated_key = response.encapsulated_key.try_into().map_err(|_| unreadable("key".into()))?;
        let sealed = Sealed { encapsulated_key, ciphertext: response.ciphertext };
        let answer = sealing::open_answer(&self.encryption_key, &order.order, &sealed)
            .map_err(|error| unreadable(error.to_string()))?;
        if answer.order != order.order.id || answer_digest(&answer) != digest {
            let message = "The institution hands over another answer than its chain proves.";
            return Err(ApiError::new(Reason::AnswerDiffers, message).with("peer", peer.config.member.as_str()));
        }
        Ok(answer)
    }
}
