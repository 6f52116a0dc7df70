//! Comparing what a chain's node says with its witnesses: CometBFT's detection, fed from both. Refuses to know what is done
//! about a divergence.

use super::View;
use crate::clock;
use crate::fault::Fault;
use comity_adapters_ports::{Headers, PortError};
use comity_model::Height;
use comity_verify::comet::LightBlock;
use comity_verify::light::{Comparison, Detection, Evidence, LightStep, Peer, TrustedHeader};
use futures::future::join_all;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a witness may take for the newest block. A slow one is not waited for: it is asked again at the next header.
const ANSWER_WAIT: Duration = Duration::from_millis(500);
/// How long a witness may take for a block that shows where its story parts from the node's, and for all of them.
const BLOCK_WAIT: Duration = Duration::from_secs(5);
const STORY_WAIT: Duration = Duration::from_secs(60);
/// How long a witness is left alone that could not prove what it showed: it would hold up every header otherwise.
const DOUBTED_FOR: Duration = Duration::from_secs(60);

/// Another node of the chain.
pub(super) struct Witness {
    headers: Arc<dyn Headers>,
    doubted_until: Mutex<Option<Instant>>,
}

impl Witness {
    pub(super) fn new(headers: Arc<dyn Headers>) -> Self {
        Self { headers, doubted_until: Mutex::new(None) }
    }

    fn doubted(&self) -> bool {
        let until = *self.doubted_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn doubt(&self) {
        *self.doubted_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + DOUBTED_FOR);
    }

    async fn block(&self, height: Height, wait: Duration) -> Result<LightBlock, PortError> {
        let answer = tokio::time::timeout(wait, self.headers.light_block(height)).await;
        answer.unwrap_or_else(|_| Err(PortError::Unavailable("a witness does not answer in time".into())))
    }
}

impl View {
    /// Evidence against the chain, if a witness can prove another story than the verified way `steps` from `trusted`.
    pub(super) async fn ask_witnesses(&self, trusted: &TrustedHeader, steps: &[LightStep]) -> Option<Evidence> {
        let asked = self.witnesses.iter().filter(|witness| !witness.doubted());
        let found = join_all(asked.map(|witness| self.ask(witness, trusted, steps))).await;
        found.into_iter().flatten().next()
    }

    async fn ask(&self, witness: &Witness, trusted: &TrustedHeader, steps: &[LightStep]) -> Option<Evidence> {
        let height = steps.last()?.height();
        let first = witness.block(height, ANSWER_WAIT).await.ok()?;
        let compared = tokio::time::timeout(STORY_WAIT, self.compare(witness, trusted, steps, first)).await;
        match compared {
            Ok(Ok(evidence)) => evidence,
            Ok(Err(fault)) => {
                tracing::warn!(chain = %self.id, %height, %fault, "a witness shows a header that it cannot prove");
                witness.doubt();
                None
            }
            Err(_) => {
                tracing::warn!(chain = %self.id, %height, "a witness does not come to an end with its story");
                witness.doubt();
                None
            }
        }
    }

    async fn compare(
        &self,
        witness: &Witness,
        trusted: &TrustedHeader,
        steps: &[LightStep],
        first: LightBlock,
    ) -> Result<Option<Evidence>, Fault> {
        let mut detection = Detection::new(self.params.clone(), trusted.clone(), steps.to_vec())?;
        let mut block = first;
        loop {
            block = match detection.feed(block, clock::now())? {
                Comparison::Agrees => return Ok(None),
                Comparison::Diverges(evidence) => return Ok(Some(*evidence)),
                Comparison::Need(Peer::Witness, height) => witness.block(height, BLOCK_WAIT).await?,
                Comparison::Need(Peer::Primary, height) => (*self.block(height).await?).clone(),
            };
        }
    }
}
