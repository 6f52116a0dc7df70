//! Proofs of packets, answers and absences: fetched together, each verified by itself.

use super::{Result, Route};
use crate::client::{Footing, RemoteClient};
use crate::fault::Fault;
use crate::view::View;
use comity_adapters_ports::{PortError, StateProof};
use comity_model::Height;
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_relayer_engine::{Finish, Observation};
use comity_verify::light::TrustedHeader;
use comity_verify::{packet, state};
use futures::StreamExt;

/// Proofs that are asked for at the same time.
const QUESTIONS: usize = 16;

/// What could be proven of a batch.
#[derive(Default)]
pub(super) struct Proven {
    pub(super) messages: Vec<Message>,
    pub(super) sequences: Vec<u64>,
    /// What a node claimed and could not prove.
    pub(super) faults: Vec<Fault>,
    refused: Vec<u64>,
}

/// What one packet's proof came to.
enum Item {
    Message(u64, Box<Message>),
    Seen(Observation),
    Refused(u64, Fault),
}

impl Proven {
    /// The finish of a batch that left no message: what a node lied about is to be asked about anew.
    pub(super) fn nothing_to_submit(self) -> Finish {
        if self.refused.is_empty() { Finish::Answered } else { Finish::Refused { carried: self.refused } }
    }

    fn gather(items: Vec<Item>, seen: &mut Vec<Observation>) -> Self {
        let mut proven = Self::default();
        for item in items {
            match item {
                Item::Message(sequence, message) => {
                    proven.messages.push(*message);
                    proven.sequences.push(sequence);
                }
                Item::Seen(observation) => seen.push(observation),
                Item::Refused(sequence, fault) => {
                    proven.refused.push(sequence);
                    proven.faults.push(fault);
                }
            }
        }
        proven
    }
}

impl Route {
    pub(super) async fn deliver(
        &self,
        packets: Vec<Packet>,
        least: Height,
        seen: &mut Vec<Observation>,
    ) -> Result<Finish> {
        let path = |packet: &Packet| StatePath::Commitment(packet.source_client.clone(), packet.sequence);
        let judge = |header: &TrustedHeader, packet: &Packet, path: StatePath, answer: StateProof| {
            let sequence = packet.sequence;
            if answer.value.is_none() {
                let _absent = state::absence(header, &path, &answer.proof)?;
                let header = header.height();
                return Ok(Item::Seen(Observation::Missing { sequence, header }));
            }
            let packet = packet::sent(header, packet, &answer.proof)?.into_value();
            let message = Message::Receive { packet, proof: answer.proof, height: header.height() };
            Ok(Item::Message(sequence, Box::new(message)))
        };
        let (footing, items) = each(&self.dest_client, least, &packets, |p| p.sequence, path, judge).await?;
        let proven = Proven::gather(items, seen);
        let read = |height, events: &[_]| self.ends.at_destination(height, events);
        self.submit(&self.dest_client, footing, proven, seen, read).await
    }

    pub(super) async fn acknowledge(
        &self,
        answers: Vec<(Packet, Vec<u8>)>,
        least: Height,
        seen: &mut Vec<Observation>,
    ) -> Result<Finish> {
        let path =
            |(packet, _): &(Packet, Vec<u8>)| StatePath::Acknowledgement(packet.dest_client.clone(), packet.sequence);
        let judge = |header: &TrustedHeader, (packet, acknowledgement): &(Packet, Vec<u8>), _, answer: StateProof| {
            let acknowledgements = [acknowledgement.clone()];
            let _answer = packet::acknowledged(header, packet, &acknowledgements, &answer.proof)?;
            let [acknowledgement] = acknowledgements;
            let (packet, sequence) = (packet.clone(), packet.sequence);
            let message =
                Message::Acknowledge { packet, acknowledgement, proof: answer.proof, height: header.height() };
            Ok(Item::Message(sequence, Box::new(message)))
        };
        let (footing, items) = each(&self.source_client, least, &answers, |(p, _)| p.sequence, path, judge).await?;
        let proven = Proven::gather(items, seen);
        let read = |height, events: &[_]| self.ends.at_source(height, events);
        self.submit(&self.source_client, footing, proven, seen, read).await
    }

    pub(super) async fn time_out(
        &self,
        packets: Vec<Packet>,
        least: Height,
        seen: &mut Vec<Observation>,
    ) -> Result<Finish> {
        let path = |packet: &Packet| StatePath::Receipt(packet.dest_client.clone(), packet.sequence);
        let judge = |header: &TrustedHeader, packet: &Packet, path: StatePath, answer: StateProof| {
            let sequence = packet.sequence;
            if let Some(value) = answer.value {
                let _receipt = state::membership(header, &path, &value, &answer.proof)?;
                let height = before(header.height());
                return Ok(Item::Seen(Observation::Arrived { sequence, height }));
            }
            let _absent = packet::timed_out(header, packet, &answer.proof)?;
            let message = Message::TimeOut { packet: packet.clone(), proof: answer.proof, height: header.height() };
            Ok(Item::Message(sequence, Box::new(message)))
        };
        let (footing, items) = each(&self.source_client, least, &packets, |p| p.sequence, path, judge).await?;
        let proven = Proven::gather(items, seen);
        let read = |height, events: &[_]| self.ends.at_source(height, events);
        self.submit(&self.source_client, footing, proven, seen, read).await
    }
}

/// A header proves the state after the block before it.
pub(super) const fn before(header: Height) -> Height {
    Height(header.0.saturating_sub(1))
}

/// Fetches a proof for each item, several at a time, under a header at or above `least` that `client` trusts or will
/// trust, and judges it. A node that does not answer fails the batch; a proof that does not hold fails its item.
///
/// A node keeps its states for a while only. Where it has none any more under the header that the client trusts already, the
/// newest is taken: the same packets would be asked about under the same header for ever.
async fn each<T>(
    client: &RemoteClient,
    least: Height,
    items: &[T],
    sequence: impl Fn(&T) -> u64,
    path: impl Fn(&T) -> StatePath,
    judge: impl Fn(&TrustedHeader, &T, StatePath, StateProof) -> Result<Item>,
) -> Result<(Footing, Vec<Item>)> {
    let footing = client.footing(least).await?;
    let judged = each_under(&client.target, &footing.header, items, &sequence, &path, &judge).await;
    match judged {
        Err(Fault::Port(PortError::Gone(gone))) => {
            let newest =
                client.target.head().map(|head| head.height()).filter(|newest| *newest > footing.header.height());
            let newest = newest.ok_or(PortError::Gone(gone))?;
            let footing = client.footing(newest).await?;
            let judged = each_under(&client.target, &footing.header, items, &sequence, &path, &judge).await?;
            Ok((footing, judged))
        }
        judged => Ok((footing, judged?)),
    }
}

async fn each_under<T>(
    view: &View,
    header: &TrustedHeader,
    items: &[T],
    sequence: impl Fn(&T) -> u64,
    path: impl Fn(&T) -> StatePath,
    judge: impl Fn(&TrustedHeader, &T, StatePath, StateProof) -> Result<Item>,
) -> Result<Vec<Item>> {
    let questions = items.iter().map(path).collect::<Vec<_>>().into_iter().map(|path| async move {
        let answer = view.chain.prover.prove(&path, header.height()).await;
        (path, answer)
    });
    let mut answers = futures::stream::iter(questions).buffered(QUESTIONS);
    let mut judged = Vec::new();
    for item in items {
        // There are as many answers, in the same order.
        let Some((path, answer)) = answers.next().await else { break };
        judged.push(match judge(header, item, path, answer?) {
            Ok(item) => item,
            Err(fault) => Item::Refused(sequence(item), fault),
        });
    }
    Ok(judged)
}
