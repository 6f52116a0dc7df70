//! Comparing what a chain's node says with its witnesses: CometBFT's detection, fed from both. Each witness is compared from
//! the header on which it last agreed, at the newest height that it has: one that is behind, or away for a while, is still
//! heard about everything since. Refuses to know what is done about a divergence.

use super::View;
use crate::clock;
use crate::fault::Fault;
use crate::light::Link;
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
    /// The newest header on which it agreed with the node.
    agreed: Mutex<Option<TrustedHeader>>,
}

impl Witness {
    pub(super) fn new(headers: Arc<dyn Headers>) -> Self {
        Self { headers, doubted_until: Mutex::new(None), agreed: Mutex::new(None) }
    }

    fn doubted(&self) -> bool {
        let until = *self.doubted_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn doubt(&self) {
        *self.doubted_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + DOUBTED_FOR);
    }

    fn agreed(&self) -> Option<TrustedHeader> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn agree(&self, header: TrustedHeader) {
        *self.agreed.lock().unwrap_or_else(PoisonError::into_inner) = Some(header);
    }

    async fn block(&self, height: Height, wait: Duration) -> Result<LightBlock, PortError> {
        in_time(wait, self.headers.light_block(height)).await
    }

    /// Its block of `height`, or its newest one if it is not there yet but above `from`.
    async fn newest(&self, from: Height, height: Height) -> Option<LightBlock> {
        match self.block(height, ANSWER_WAIT).await {
            Err(PortError::NotYet(_)) => {
                let latest = in_time(ANSWER_WAIT, self.headers.latest()).await.ok()?;
                let height = latest.min(height);
                if height <= from { None } else { self.block(height, ANSWER_WAIT).await.ok() }
            }
            answer => answer.ok(),
        }
    }
}

async fn in_time<T>(wait: Duration, answer: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
    let late = |_| Err(PortError::Unavailable("a witness does not answer in time".into()));
    tokio::time::timeout(wait, answer).await.unwrap_or_else(late)
}

impl View {
    /// Evidence against the chain, if a witness can prove another story than the verified way `link` from `trusted`, or
    /// another one than the node's since they last agreed.
    pub(super) async fn ask_witnesses(&self, trusted: &TrustedHeader, link: &Link) -> Option<Evidence> {
        let asked = self.witnesses.iter().filter(|witness| !witness.doubted());
        let found = join_all(asked.map(|witness| self.ask(witness, trusted, link))).await;
        found.into_iter().flatten().next()
    }

    /// The oldest header up to which every witness has agreed: what is compared after a restart begins there.
    pub(super) fn agreed(&self) -> Option<TrustedHeader> {
        self.witnesses.iter().filter_map(Witness::agreed).min_by_key(TrustedHeader::height)
    }

    /// All witnesses are compared from `header` on.
    pub(super) fn compare_from(&self, header: &TrustedHeader) {
        self.witnesses.iter().for_each(|witness| witness.agree(header.clone()));
    }

    async fn ask(&self, witness: &Witness, trusted: &TrustedHeader, link: &Link) -> Option<Evidence> {
        let mut from = witness.agreed().unwrap_or_else(|| trusted.clone());
        if from.expired(self.params.trusting_period_secs, clock::now()) {
            tracing::warn!(chain = %self.id, height = %from.height(), "a witness was not compared for longer than the trusting period: what parted before then can no longer be proven");
            from = trusted.clone();
            witness.agree(from.clone());
        }
        let first = witness.newest(from.height(), link.header.height()).await?;
        let height = first.header.height;
        if let Some(header) = self.verified(height, link).filter(|header| header.header_hash() == first.header.hash()) {
            witness.agree(header);
            return None;
        }
        let own;
        let link = if from.header_hash() == trusted.header_hash() && height == link.header.height() {
            link
        } else {
            own = self.link(&from, height).await.ok()?;
            &own
        };
        let compared = tokio::time::timeout(STORY_WAIT, self.compare(witness, &from, &link.steps, first)).await;
        match compared {
            Ok(Ok(None)) => {
                witness.agree(link.header.clone());
                None
            }
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

    /// The header of a height that was verified, the newest or one before it.
    fn verified(&self, height: Height, link: &Link) -> Option<TrustedHeader> {
        if height == link.header.height() {
            return Some(link.header.clone());
        }
        self.recent(height).map(|(header, _)| header)
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
