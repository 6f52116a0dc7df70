//! Carrying out what the engine asks for. Every proof is verified here before it is submitted; every answer of a node
//! that does not hold up is left out, counted and reported.

mod ask;
mod prove;

use crate::client::{Footing, RemoteClient};
use crate::events::Ends;
use crate::fault::Fault;
use crate::measure;
use crate::view::View;
use comity_adapters_ports::Outcome;
use comity_model::tx::Message;
use comity_model::{Height, ReasonCode};
use comity_relayer_engine::{Finish, Observation, Task};
use prove::Proven;
use std::sync::Arc;
use std::time::Instant;

/// A direction: where its packets come from and go to, and the clients that it proves to.
pub(crate) struct Route {
    /// For logs and metrics.
    pub(crate) name: String,
    pub(crate) ends: Ends,
    pub(crate) source: Arc<View>,
    pub(crate) destination: Arc<View>,
    /// On the source, of the destination: answers and timeouts are proven to it.
    pub(crate) source_client: Arc<RemoteClient>,
    /// On the destination, of the source: packets are proven to it.
    pub(crate) dest_client: Arc<RemoteClient>,
}

type Result<T> = std::result::Result<T, Fault>;

impl Route {
    /// Carries out a task: what was learnt on the way, and what came of it.
    pub(crate) async fn carry_out(&self, task: Task) -> (Vec<Observation>, Finish) {
        let (label, started) = (label(&task), Instant::now());
        let mut seen = Vec::new();
        let result = match task {
            Task::Deliver { packets, header } => self.deliver(packets, header, &mut seen).await,
            Task::Acknowledge { answers, header } => self.acknowledge(answers, header, &mut seen).await,
            Task::TimeOut { packets, header } => self.time_out(packets, header, &mut seen).await,
            Task::Inspect { sequences } => self.inspect(&sequences, &mut seen).await,
            Task::Sweep { from, limit } => self.sweep(from, limit, &mut seen).await,
        };
        let finish = result.unwrap_or_else(|fault| {
            tracing::debug!(direction = self.name, task = label, %fault, "an action failed");
            measure::fault(&self.name, &fault);
            Finish::Failed
        });
        measure::action(&self.name, label, ending(&finish), started.elapsed());
        (seen, finish)
    }

    /// Submits proofs to the chain of `client`, together with the update that they need.
    async fn submit(
        &self,
        client: &RemoteClient,
        footing: Footing,
        proven: Proven,
        seen: &mut Vec<Observation>,
        read: impl FnOnce(Height, &[comity_model::event::Event]) -> Vec<Observation>,
    ) -> Result<Finish> {
        for fault in &proven.faults {
            tracing::warn!(direction = self.name, %fault, "a proof was not believed");
            measure::fault(&self.name, fault);
        }
        if proven.messages.is_empty() {
            return Ok(proven.nothing_to_submit());
        }
        let carried = proven.sequences;
        let messages: Vec<Message> = footing.update.into_iter().chain(proven.messages).collect();
        match client.host.chain.submit.submit(messages).await? {
            Outcome::Committed { height, events, .. } => {
                client.learnt(footing.header).await;
                seen.extend(read(height, &events));
                Ok(Finish::Committed { height, carried })
            }
            Outcome::Refused { code, detail } => {
                client.forget().await;
                let packets = carried.len();
                tracing::warn!(direction = self.name, %code, detail, packets, "the chain refused");
                if concerns_packets(&code) { Ok(Finish::Refused { carried }) } else { Ok(Finish::Failed) }
            }
        }
    }
}

/// Whether trying the packets one by one could tell more: not when the client, the sender or the clock was refused.
fn concerns_packets(code: &ReasonCode) -> bool {
    let code = code.as_str();
    let elsewhere = [
        "UNKNOWN_CLIENT",
        "UNKNOWN_HEIGHT",
        "UNKNOWN_SENDER",
        "LIGHT_STEP_MALFORMED",
        "NO_OPERATOR_KEY",
        "FROM_THE_FUTURE",
        "TRUSTING_PERIOD",
        "NOT_ENOUGH_TRUST",
        "COMMIT_POWER",
    ];
    !code.starts_with("CLIENT_") && !elsewhere.contains(&code)
}

fn label(task: &Task) -> &'static str {
    match task {
        Task::Deliver { .. } => "deliver",
        Task::Acknowledge { .. } => "acknowledge",
        Task::TimeOut { .. } => "time_out",
        Task::Inspect { .. } => "inspect",
        Task::Sweep { .. } => "sweep",
    }
}

fn ending(finish: &Finish) -> &'static str {
    match finish {
        Finish::Committed { .. } => "committed",
        Finish::Refused { .. } => "refused",
        Finish::Answered => "answered",
        Finish::Failed => "failed",
    }
}
