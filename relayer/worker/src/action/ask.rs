//! Reconciliation: what stands in the source's outbox, and what became of it on the destination.

use super::prove::before;
use super::{Result, Route};
use crate::fault::Fault;
use comity_model::Height;
use comity_model::state::StatePath;
use comity_relayer_engine::{Finish, Observation};
use comity_verify::light::TrustedHeader;
use futures::StreamExt;

/// Packets that are asked about at the same time.
const QUESTIONS: usize = 8;

impl Route {
    /// Asks the destination about packets. Receipts are proven; an answer's bytes are claimed only, and proven when they
    /// are returned.
    pub(super) async fn inspect(&self, sequences: &[u64], seen: &mut Vec<Observation>) -> Result<Finish> {
        let header = self.destination.head().ok_or(Fault::NoHeader(Height(1)))?;
        let questions = sequences.iter().copied().map(|sequence| self.inspect_one(&header, sequence));
        let mut answers = futures::stream::iter(questions).buffered(QUESTIONS);
        while let Some(observations) = answers.next().await {
            seen.extend(observations?);
        }
        Ok(Finish::Answered)
    }

    async fn inspect_one(&self, header: &TrustedHeader, sequence: u64) -> Result<Vec<Observation>> {
        let client = &self.ends.dest_client;
        let height = before(header.height());
        let receipt = StatePath::Receipt(client.clone(), sequence);
        if self.destination.proven(header, &receipt).await?.is_none() {
            return Ok(vec![Observation::NotArrived { sequence, height }]);
        }
        let mut seen = vec![Observation::Arrived { sequence, height }];
        let answer = StatePath::Acknowledgement(client.clone(), sequence);
        // An answer that is newer than the header is announced by its block, or found the next time.
        if self.destination.proven(header, &answer).await?.is_some()
            && let Some(acknowledgement) = self.destination.chain.events.acknowledgement(client, sequence).await?
        {
            seen.push(Observation::Answered { sequence, acknowledgement, height });
        }
        Ok(seen)
    }

    pub(super) async fn sweep(&self, from: u64, limit: u32, seen: &mut Vec<Observation>) -> Result<Finish> {
        let as_of = self.source.head().ok_or(Fault::NoHeader(Height(1)))?.height();
        let client = &self.ends.source_client;
        let mut packets = self.source.chain.events.outbox(client, from, limit).await?;
        let complete = packets.len() < limit as usize;
        packets.retain(|packet| self.ends.carries(packet));
        seen.push(Observation::Outbox { from, packets, complete, as_of });
        Ok(Finish::Answered)
    }
}
