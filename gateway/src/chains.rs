//! How chains stand: what this gateway verified of each, and the light clients on its own.
//! It refuses to ask peers: it shows what it knows.

use crate::config::Clock;
use crate::convert::{malformed, named, time_to_wire};
use crate::error::{ApiError, Reason};
use crate::members::page;
use crate::peers::{Peer, Peers};
use crate::policy::{Policy, ReadChains};
use crate::server::caller;
use crate::view::{ChainView, HomeState};
use comity_model::client::{ClientState, ClientStatus};
use comity_model::state::StatePath;
use comity_model::{ChainId, decode};
use comity_proto::v1;
use comity_proto::v1::chains_server::Chains;
use comity_verify::light::{ConsensusState, TrustedHeader};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct ChainsService {
    pub(crate) policy: Arc<Policy>,
    pub(crate) home: HomeState,
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
            return Ok(Response::new(self.own().await?));
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
        let mut chains = vec![self.own().await?];
        let peers = self.peers.iter();
        chains.extend(peers.map(|peer| shown(&peer.view, peer.view.verified(), Vec::new())));
        chains.sort_by(|one, other| one.name.cmp(&other.name));
        chains.dedup_by(|one, other| one.name == other.name);
        let (chains, next_page_token) = page(chains, |chain| &chain.name, request.page_size, &request.page_token)?;
        Ok(Response::new(v1::ListChainsResponse { chains, next_page_token }))
    }
}

impl ChainsService {
    async fn own(&self) -> Result<v1::Chain, ApiError> {
        let header = self.home.view().fresh().await?;
        let mut clients = Vec::new();
        for peer in self.peers.iter() {
            clients.extend(self.client(peer, &header).await?);
        }
        let mut chain = shown(self.home.view(), Some(header), clients);
        chain.home = true;
        Ok(chain)
    }

    /// The light client of a peer's chain on the own chain, by proof.
    async fn client(&self, peer: &Peer, header: &TrustedHeader) -> Result<Option<v1::Client>, ApiError> {
        let Some(pair) = &peer.config.clients else { return Ok(None) };
        let id = &pair.source_client;
        let stood = self.home.under(&StatePath::Client(id.clone()), header.clone()).await?;
        let Some(value) = stood.what.value() else { return Ok(None) };
        let state: ClientState = decode("client", value.value()).map_err(ApiError::fault)?;
        let status = match state.status {
            ClientStatus::Frozen => "FROZEN",
            ClientStatus::Active if self.expired(&state, header).await? => "EXPIRED",
            ClientStatus::Active => "ACTIVE",
        };
        Ok(Some(v1::Client {
            id: state.id.to_string(),
            chain_id: state.chain.to_string(),
            counterparty: state.counterparty.to_string(),
            latest_height: state.latest.0,
            status: status.to_owned(),
        }))
    }

    async fn expired(&self, client: &ClientState, header: &TrustedHeader) -> Result<bool, ApiError> {
        let path = StatePath::Consensus(client.id.clone(), client.latest);
        let stood = self.home.under(&path, header.clone()).await?;
        let Some(value) = stood.what.value() else { return Ok(false) };
        let state: ConsensusState = decode("consensus state", value.value()).map_err(ApiError::fault)?;
        Ok(state.time.plus_seconds(client.trusting_period_s) <= self.clock.now())
    }
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
    }
}
