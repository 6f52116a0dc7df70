//! The relayer's own light client: each newest header is verified before anything is proven under it, compared with
//! the witnesses, and remembered across restarts.

use super::{Known, View};
use crate::clock::Backoff;
use crate::fault::Fault;
use crate::{clock, measure};
use comity_model::{Height, decode, encode};
use comity_store::{Batch, Table};
use comity_verify::light::{ConsensusState, TrustedHeader};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Chain id and anchor hash → the last verified header that was saved.
const CURSORS: Table = Table("relayer_headers");
/// How often it is saved. What is verified in between is verified again after a restart.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// How long the block that proves another is waited for before the other's header is fetched.
const PROOF_BLOCK_WAIT: Duration = Duration::from_millis(20);

impl View {
    /// Runs until it is cancelled, or until the chain has contradicted itself.
    pub(super) async fn verify_heads(&self) {
        if let Some(evidence) = self.kept_evidence().await {
            let height = evidence.primary.height();
            tracing::error!(chain = %self.id, %height, "the chain has contradicted itself before; give its new anchor file once its clients are recovered");
            self.divergence.send_replace(Some(Arc::new(evidence)));
            return;
        }
        let mut reached = self.reached.subscribe();
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let mut trusted = self.begin(&mut backoff).await;
        let compared = self.restored(&self.agreed_key()).await.filter(|header| header.height() <= trusted.height());
        self.compare_from(compared.as_ref().unwrap_or(&trusted));
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
        if let Some(header) = self.restored(&self.cursor_key()).await {
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
        let link = self.link(trusted, target).await?;
        if let Some(evidence) = self.ask_witnesses(trusted, &link).await {
            let height = evidence.primary.height();
            self.accuse(evidence).await;
            return Err(Fault::Diverged(height));
        }
        self.remember(Known { header: link.header.clone(), block });
        Ok(link.header)
    }

    pub(super) fn cursor_key(&self) -> Vec<u8> {
        // Another anchor is another root of trust: nothing verified from the old one is taken over.
        encode(&(self.id.clone(), self.anchor.header_hash))
    }

    /// Where the header is saved up to which the witnesses have agreed.
    fn agreed_key(&self) -> Vec<u8> {
        encode(&(self.id.clone(), self.anchor.header_hash, "agreed"))
    }

    /// The header saved last at `key`, unless it can no longer be a root of trust.
    async fn restored(&self, key: &[u8]) -> Option<TrustedHeader> {
        let bytes = match self.store.read(CURSORS, key).await {
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
        let mut batch = Batch::new().put(CURSORS, self.cursor_key(), encode(header.consensus_state()));
        if let Some(agreed) = self.agreed() {
            batch = batch.put(CURSORS, self.agreed_key(), encode(agreed.consensus_state()));
        }
        if let Err(error) = self.store.commit(batch).await {
            tracing::warn!(chain = %self.id, %error, "the verified header was not saved");
        }
    }
}
