//! How chains stand: what this gateway verified of each, and the light clients on its own.
//! It refuses to ask peers: it shows what it knows.

use crate::config::Clock;
use crate::convert::{malformed, named, time_to_wire};
use crate::error::{ApiError, Reason};
use crate::members::page;
use crate::peers::Peers;
use crate::policy::{Policy, ReadChains};
use crate::server::caller;
use crate::view::{ChainView, HomeState};
use comity_adapters_ports::Events;
use comity_model::client::{ClientState, ClientStatus};
use comity_model::state::StatePath;
use comity_model::{ChainId, ClientId, Time, decode};
use comity_proto::v1;
use comity_proto::v1::chains_server::Chains;
use comity_verify::comet::Address;
use comity_verify::light::{ConsensusState, Contradiction, DivergenceKind, Shown, TrustedHeader};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The status of a client that can be used.
const ACTIVE: &str = "ACTIVE";

/// The service.
pub(crate) struct ChainsService {
    pub(crate) policy: Arc<Policy>,
    pub(crate) home: HomeState,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) peers: Peers,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl Chains for ChainsService {
    async fn get_chain(&self, request: Request<v1::GetChainRequest>) -> Result<Response<v1::Chain>, Status> {
        let _permit = self.policy.permit::<ReadChains>(&caller(&request)?)?;
        const FORM: &str = "chains/{chain}";
        let id: ChainId = named("chains", FORM, &request.get_ref().name)?.parse().map_err(|_| malformed(FORM))?;
        if id == *self.home.view().chain() {
            return Ok(Response::new(self.own(true).await?));
        }
        let peer = self.peers.iter().find(|peer| *peer.view.chain() == id);
        let peer = peer.ok_or_else(|| {
            ApiError::new(Reason::UnknownChain, format!("This gateway follows no chain {id}."))
                .with("chain", id.as_str())
        })?;
        Ok(Response::new(shown(&peer.view, peer.view.verified(), Vec::new())))
    }

    async fn list_chains(
        &self,
        request: Request<v1::ListChainsRequest>,
    ) -> Result<Response<v1::ListChainsResponse>, Status> {
        let _permit = self.policy.permit::<ReadChains>(&caller(&request)?)?;
        let request = request.into_inner();
        let mut chains = vec![self.own(false).await?];
        let peers = self.peers.iter();
        chains.extend(peers.map(|peer| shown(&peer.view, peer.view.verified(), Vec::new())));
        chains.sort_by(|one, other| one.name.cmp(&other.name));
        chains.dedup_by(|one, other| one.name == other.name);
        let (chains, next_page_token) = page(chains, |chain| &chain.name, request.page_size, &request.page_token)?;
        Ok(Response::new(v1::ListChainsResponse { chains, next_page_token }))
    }
}

impl ChainsService {
    /// The own chain; `whole` with evidence as files.
    async fn own(&self, whole: bool) -> Result<v1::Chain, ApiError> {
        let header = self.home.view().fresh().await?;
        let mut clients = Vec::new();
        for peer in self.peers.iter() {
            let Some(pair) = &peer.config.clients else { continue };
            let standing = client(&self.home, &self.clock, &pair.source_client, &header).await?;
            if let Some(standing) = standing {
                let contradiction = self.contradiction(&standing.state, whole).await?;
                clients.push(v1::Client { contradiction, ..standing.to_wire() });
            }
        }
        let mut chain = shown(self.home.view(), Some(header), clients);
        chain.home = true;
        Ok(chain)
    }
}

impl ChainsService {
    /// What a client was frozen with, as the own chain's node keeps it. It is checked here: a node may lie.
    async fn contradiction(&self, client: &ClientState, whole: bool) -> Result<Option<v1::Contradiction>, ApiError> {
        let Some(found) = self.events.contradiction(&client.id, 0).await? else { return Ok(None) };
        found.check(&client.chain).map_err(|refusal| self.home.view().refused(&refusal))?;
        Ok(Some(contradiction(&client.chain, &found, whole)))
    }
}

/// What a client was frozen with, as the API shows it; `whole` with both headers as a file.
#[must_use]
pub fn contradiction(chain: &ChainId, found: &Contradiction, whole: bool) -> v1::Contradiction {
    let addresses = |of: Vec<Address>| of.iter().map(|address| address.to_vec()).collect();
    v1::Contradiction {
        kind: found.kind.map_or("UNDECIDED", DivergenceKind::name).to_owned(),
        frozen_time: Some(time_to_wire(found.found_at)),
        first: Some(contradicting(&found.first)),
        second: Some(contradicting(&found.second)),
        signed_both: addresses(found.signed_both()),
        recovered_time: found.recovered.map(|recovery| time_to_wire(recovery.at)),
        recovery_proposal: found.recovered.map_or(0, |recovery| recovery.proposal),
        recovery_evidence: found.recovered.map(|recovery| recovery.evidence.0.to_vec()).unwrap_or_default(),
        evidence: if whole { found.encode(chain) } else { Vec::new() },
    }
}

fn contradicting(shown: &Shown) -> v1::ContradictingHeader {
    let (state, step) = (shown.state(), shown.step());
    v1::ContradictingHeader {
        height: state.height.0,
        time: Some(time_to_wire(state.time)),
        hash: state.header_hash.0.to_vec(),
        app_hash: state.app_hash.0.to_vec(),
        next_validators_hash: state.next_validators_hash.0.to_vec(),
        signed: step.is_some(),
        validators_hash: step.map(|step| step.block.header.validators_hash.0.to_vec()).unwrap_or_default(),
        round: step.map_or(0, |step| step.block.commit.round),
        signers: shown.signers().iter().map(|address| address.to_vec()).collect(),
    }
}

/// A light client on the own chain.
pub(crate) struct Standing {
    /// What the chain says of it.
    pub(crate) state: ClientState,
    /// The time of the latest header that it knows.
    pub(crate) time: Option<Time>,
    /// From when on nothing can be proven to it.
    expires: Option<Time>,
    expired: bool,
}

impl Standing {
    /// Whether something can be proven to it.
    pub(crate) fn is_usable(&self) -> bool {
        self.status() == ACTIVE
    }

    fn status(&self) -> &'static str {
        match self.state.status {
            ClientStatus::Frozen => "FROZEN",
            ClientStatus::Active if self.expired => "EXPIRED",
            ClientStatus::Active => ACTIVE,
        }
    }

    fn to_wire(&self) -> v1::Client {
        v1::Client {
            id: self.state.id.to_string(),
            chain_id: self.state.chain.to_string(),
            counterparty: self.state.counterparty.to_string(),
            latest_height: self.state.latest.0,
            status: self.status().to_owned(),
            contradiction: None,
            latest_time: self.time.map(time_to_wire),
            expire_time: self.expires.map(time_to_wire),
        }
    }
}

/// The light client `id` on the own chain, by proof under `header`; `None` where there is none.
pub(crate) async fn client(
    home: &HomeState,
    clock: &Clock,
    id: &ClientId,
    header: &TrustedHeader,
) -> Result<Option<Standing>, ApiError> {
    let stood = home.under(&StatePath::Client(id.clone()), header.clone()).await?;
    let Some(value) = stood.what.value() else { return Ok(None) };
    let state: ClientState = decode("client", value.value()).map_err(ApiError::fault)?;
    let path = StatePath::Consensus(id.clone(), state.latest);
    let stood = home.under(&path, header.clone()).await?;
    let time = match stood.what.value() {
        Some(value) => Some(decode::<ConsensusState>("consensus state", value.value()).map_err(ApiError::fault)?.time),
        None => None,
    };
    let expires = time.map(|time| time.plus_seconds(state.trusting_period_s));
    let expired = expires.is_some_and(|at| at <= clock.now());
    Ok(Some(Standing { state, time, expires, expired }))
}

fn shown(view: &ChainView, header: Option<TrustedHeader>, clients: Vec<v1::Client>) -> v1::Chain {
    v1::Chain {
        name: format!("chains/{}", view.chain()),
        home: false,
        verified_height: header.as_ref().map_or(0, |header| header.height().0),
        verified_time: header.as_ref().map(|header| time_to_wire(header.time())),
        verified_hash: header.map(|header| header.header_hash().0.to_vec()).unwrap_or_default(),
        operators: view.anchor().operators,
        clients,
        frozen: view.is_frozen(),
    }
}
