//! The relayer's own light client: each newest header is verified before anything is proven under it, compared with
//! the witnesses, and remembered across restarts.

use super::{Contradiction, Known, View};
use crate::clock::Backoff;
use crate::fault::Fault;
use crate::{clock, light, measure};
use comity_model::{Height, decode, encode};
use comity_store::{Batch, Table};
use comity_verify::comet::LightBlock;
use comity_verify::light::{ConsensusState, TrustedHeader};
use futures::future::join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Chain id and anchor hash → the last verified header that was saved.
const CURSORS: Table = Table("relayer_headers");
/// How often it is saved. What is verified in between is verified again after a restart.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// How long the block that proves another is waited for before the other's header is fetched.
const PROOF_BLOCK_WAIT: Duration = Duration::from_millis(20);
/// How long a witness may take. A slow one is not waited for: it is asked again at the next header.
const WITNESS_WAIT: Duration = Duration::from_millis(500);

impl View {
    /// Runs until it is cancelled, or until the chain has contradicted itself.
    pub(super) async fn verify_heads(&self) {
        let mut reached = self.reached.subscribe();
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let mut trusted = self.begin(&mut backoff).await;
        let mut saved = Instant::now();
        loop {
            let target = *reached.borrow_and_update();
            if target.height <= trusted.height() {
                if reached.changed().await.is_err() {
                    return;
                }
                continue;
            }
            if target.more_follows {
                let _ = tokio::time::timeout(PROOF_BLOCK_WAIT, reached.changed()).await;
            }
            let target = reached.borrow_and_update().height;
            match self.advance(&trusted, target).await {
                Ok(header) => {
                    backoff.reset();
                    trusted = header.clone();
                    measure::head(&self.id, header.height());
                    self.head.send_replace(Some(header));
                    if saved.elapsed() >= SAVE_EVERY {
                        saved = Instant::now();
                        self.save(&trusted).await;
                    }
                }
                Err(Fault::Diverged(height)) => {
                    tracing::error!(chain = %self.id, %height, "the chain has signed two headers; it is no longer believed");
                    return;
                }
                Err(fault) => self.pause(&fault, &mut backoff).await,
            }
        }
    }

    /// Where trust begins: the saved header, or the anchor.
    async fn begin(&self, backoff: &mut Backoff) -> TrustedHeader {
        if let Some(header) = self.saved().await {
            self.head.send_replace(Some(header.clone()));
            return header;
        }
        loop {
            match self.pin().await {
                Ok(header) => {
                    backoff.reset();
                    self.head.send_replace(Some(header.clone()));
                    return header;
                }
                Err(fault) => self.pause(&fault, backoff).await,
            }
        }
    }

    async fn pin(&self) -> Result<TrustedHeader, Fault> {
        let block = self.chain.headers.light_block(self.anchor.height).await?;
        let header = TrustedHeader::pin(&self.anchor, &block)?;
        self.remember(Known { header: header.clone(), block: Arc::new(block) });
        Ok(header)
    }

    async fn pause(&self, fault: &Fault, backoff: &mut Backoff) {
        match fault {
            Fault::Refused(_) => {
                tracing::warn!(chain = %self.id, %fault, "a header was not believed");
            }
            fault => tracing::debug!(chain = %self.id, %fault, "no header"),
        }
        measure::fault(self.id.as_str(), fault);
        tokio::time::sleep(backoff.pause()).await;
    }

    async fn advance(&self, trusted: &TrustedHeader, target: Height) -> Result<TrustedHeader, Fault> {
        let block = self.block(target).await?;
        let header = self.link(trusted, target).await?.header;
        self.ask_witnesses(trusted, &block).await?;
        self.remember(Known { header: header.clone(), block });
        Ok(header)
    }

    /// A witness that shows another header with valid signatures proves that the chain contradicts itself.
    async fn ask_witnesses(&self, trusted: &TrustedHeader, block: &Arc<LightBlock>) -> Result<(), Fault> {
        let height = block.header.height;
        let ask = self.witnesses.iter().map(|witness| async move {
            let answer = tokio::time::timeout(WITNESS_WAIT, witness.light_block(height)).await;
            answer.ok().and_then(Result::ok).map(|other| (witness, other))
        });
        for (witness, other) in join_all(ask).await.into_iter().flatten() {
            if other.header.hash() == block.header.hash() {
                continue;
            }
            // Without valid signatures it is merely wrong.
            let from_witness = |height| async move { Ok(Arc::new(witness.light_block(height).await?)) };
            if light::link(&self.params, trusted, height, from_witness).await.is_ok() {
                self.divergence
                    .send_replace(Some(Arc::new(Contradiction { first: Arc::clone(block), second: Arc::new(other) })));
                return Err(Fault::Diverged(height));
            }
            tracing::warn!(chain = %self.id, %height, "a witness shows a header that does not verify");
        }
        Ok(())
    }

    fn cursor_key(&self) -> Vec<u8> {
        // Another anchor is another root of trust: nothing verified from the old one is taken over.
        encode(&(self.id.clone(), self.anchor.header_hash))
    }

    /// The header saved last, unless it can no longer be a root of trust.
    async fn saved(&self) -> Option<TrustedHeader> {
        let bytes = match self.store.read(CURSORS, &self.cursor_key()).await {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::warn!(chain = %self.id, %error, "the verified header cannot be read; starting from the anchor");
                return None;
            }
        };
        let state: ConsensusState = decode("a consensus state", &bytes).ok()?;
        let header = TrustedHeader::restore(self.id.clone(), state);
        let expired = header.expired(self.params.trusting_period_secs, clock::now());
        (header.height() >= self.anchor.height && !expired).then_some(header)
    }

    async fn save(&self, header: &TrustedHeader) {
        let batch = Batch::new().put(CURSORS, self.cursor_key(), encode(header.consensus_state()));
        if let Err(error) = self.store.commit(batch).await {
            tracing::warn!(chain = %self.id, %error, "the verified header was not saved");
        }
    }
}
