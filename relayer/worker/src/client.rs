//! A light client on a chain, as the relayer uses it: what it knows, and what must be submitted before something can
//! be proven to it. Refuses to know packets.

mod accuse;

use crate::fault::Fault;
use crate::view::View;
use comity_adapters_ports::Outcome;
use comity_model::client::{ClientState, ClientStatus};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ClientId, Height, encode};
use comity_verify::light::{ConsensusState, LightStep, TrustedHeader};
use comity_verify::state::{self, Proven};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Most steps of one update: with two sets of 150 validators each they stay well below a transaction's limit.
const STEPS_PER_UPDATE: usize = 8;

/// The client `id` on `host`, of `target`.
pub(crate) struct RemoteClient {
    pub(crate) id: ClientId,
    /// The client of `host`, on `target`.
    pub(crate) counterparty: ClientId,
    pub(crate) host: Arc<View>,
    pub(crate) target: Arc<View>,
    /// The newest header that it is known to trust. The lock is held while it is read, so that it is read once.
    known: Mutex<Option<TrustedHeader>>,
}

/// A header that the client trusts once `update` is carried out.
pub(crate) struct Footing {
    pub(crate) header: TrustedHeader,
    pub(crate) update: Option<Message>,
}

impl RemoteClient {
    pub(crate) fn new(id: ClientId, counterparty: ClientId, host: Arc<View>, target: Arc<View>) -> Self {
        Self { id, counterparty, host, target, known: Mutex::new(None) }
    }

    /// A header at or above `least` to prove under: one that the client trusts already, or the newest.
    pub(crate) async fn footing(&self, least: Height) -> Result<Footing, Fault> {
        let known = self.known().await?;
        if known.height() >= least {
            return Ok(Footing { header: known, update: None });
        }
        let head = self.target.head().filter(|head| head.height() >= least).ok_or(Fault::NoHeader(least))?;
        let link = self.target.link(&known, head.height()).await?;
        if link.header.header_hash() != head.header_hash() {
            return Err(Fault::Diverged(head.height()));
        }
        let steps = self.submit_early_steps(link.steps).await?;
        Ok(Footing { header: link.header, update: Some(self.update(&steps)) })
    }

    /// After many changes of validators the way is long: all but its last part goes ahead by itself.
    async fn submit_early_steps(&self, mut steps: Vec<LightStep>) -> Result<Vec<LightStep>, Fault> {
        while steps.len() > STEPS_PER_UPDATE {
            let rest = steps.split_off(STEPS_PER_UPDATE);
            match self.host.chain.submit.submit(vec![self.update(&steps)]).await? {
                Outcome::Committed { .. } => steps = rest,
                Outcome::Refused { code, .. } => {
                    self.forget().await;
                    return Err(Fault::UpdateRefused(self.id.clone(), code));
                }
            }
        }
        Ok(steps)
    }

    fn update(&self, steps: &[LightStep]) -> Message {
        Message::UpdateClient { client: self.id.clone(), steps: steps.iter().map(encode).collect() }
    }

    /// The newest header that the client trusts, as far as is known here.
    pub(crate) async fn known(&self) -> Result<TrustedHeader, Fault> {
        let mut known = self.known.lock().await;
        if let Some(header) = &*known {
            return Ok(header.clone());
        }
        let header = self.read().await?;
        *known = Some(header.clone());
        Ok(header)
    }

    /// An update to `header` was carried out.
    pub(crate) async fn learnt(&self, header: TrustedHeader) {
        let mut known = self.known.lock().await;
        if known.as_ref().is_none_or(|known| known.height() < header.height()) {
            *known = Some(header);
        }
    }

    /// What was known may be wrong: it is read from the chain before it is used again.
    pub(crate) async fn forget(&self) {
        *self.known.lock().await = None;
    }

    /// Reads the client from its chain, with proof.
    async fn read(&self) -> Result<TrustedHeader, Fault> {
        let header = self.host.head().ok_or(Fault::NoHeader(Height(1)))?;
        let state: ClientState = self
            .proven(&header, "a client", StatePath::Client(self.id.clone()))
            .await?
            .ok_or_else(|| Fault::NoClient(self.id.clone()))?;
        if state.chain != *self.target.id() || state.counterparty != self.counterparty {
            return Err(Fault::OtherClient(self.id.clone()));
        }
        if state.status == ClientStatus::Frozen {
            return Err(Fault::Frozen(self.id.clone()));
        }
        let path = StatePath::Consensus(self.id.clone(), state.latest);
        let consensus: ConsensusState =
            self.proven(&header, "a consensus state", path).await?.ok_or_else(|| Fault::NoClient(self.id.clone()))?;
        let known = TrustedHeader::restore(self.target.id().clone(), consensus);
        if let Some((ours, block)) = self.target.recent(known.height())
            && ours.header_hash() != known.header_hash()
        {
            self.contradict(&block).await;
            return Err(Fault::Diverged(known.height()));
        }
        Ok(known)
    }

    async fn proven<T: borsh::BorshDeserialize>(
        &self,
        header: &TrustedHeader,
        what: &'static str,
        path: StatePath,
    ) -> Result<Option<T>, Fault> {
        match self.host.proven(header, &path).await? {
            Some(proven) => Ok(Some(proven.decode(what)?.into_value())),
            None => Ok(None),
        }
    }
}

impl View {
    /// The value at `path` or its proven absence, under a verified header of this chain.
    pub(crate) async fn proven(
        &self,
        header: &TrustedHeader,
        path: &StatePath,
    ) -> Result<Option<Proven<Vec<u8>>>, Fault> {
        let answer = self.chain.prover.prove(path, header.height()).await?;
        match answer.value {
            Some(value) => {
                let proven = state::membership(header, path, &value, &answer.proof)?;
                Ok(Some(proven))
            }
            None => {
                let _absent = state::absence(header, path, &answer.proof)?;
                Ok(None)
            }
        }
    }
}
