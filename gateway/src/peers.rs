//! Other institutions' gateways: one channel and one verified view of the chain for each.
//! It refuses to believe them: what they send is judged by whoever asked.

use crate::config::{Clock, GatewayConfig, Limits, PeerConfig};
use crate::error::{ApiError, Reason};
use crate::tls::{self, ChannelLimits, TlsError};
use crate::view::{ChainView, HeaderSource};
use async_trait::async_trait;
use comity_model::{Height, MemberId, decode};
use comity_proto::v1;
use comity_proto::v1::exchange_client::ExchangeClient;
use comity_store::Store;
use comity_verify::comet::LightBlock;
use comity_verify::light::{LightStep, TrustedHeader};
use std::collections::BTreeMap;
use std::sync::Arc;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Most light steps in one answer.
const STEPS_MAX: usize = 64;

/// Another institution.
pub struct Peer {
    /// What this gateway was told of it.
    pub config: PeerConfig,
    /// Its chain, as verified so far.
    pub view: Arc<ChainView>,
    client: ExchangeClient<Channel>,
}

impl Peer {
    /// A client of its gateway: connects when first used.
    #[must_use]
    pub fn exchange(&self) -> ExchangeClient<Channel> {
        self.client.clone()
    }

    /// The header that a proof of its answer is under, by the steps that came with it from the one that was trusted.
    ///
    /// # Errors
    /// `PROOF_REFUSED` with the rule; `TRUST_EXPIRED`, `CHAIN_FROZEN`.
    pub async fn reach(
        &self,
        trusted: &TrustedHeader,
        answer: &v1::FetchStateResponse,
    ) -> Result<TrustedHeader, ApiError> {
        let member = &self.config.member;
        let wrong = |what: &str, rule: &'static str| {
            ApiError::new(Reason::ProofRefused, format!("{what} of {member} do not hold."))
                .with("peer", member.as_str())
                .with("rule", rule)
        };
        if answer.steps.len() > STEPS_MAX {
            return Err(wrong("So many steps", "BOUNDS"));
        }
        let steps: Vec<LightStep> = answer
            .steps
            .iter()
            .map(|bytes| decode("light step", bytes))
            .collect::<Result<_, _>>()
            .map_err(|error| malformed(member, error))?;
        let header = self.view.accept(trusted, &steps).await?;
        if header.height() == Height(answer.header_height) {
            Ok(header)
        } else {
            Err(wrong("The steps", "HEADER_HEIGHT"))
        }
    }

    /// What a failed call to it means to our caller.
    #[must_use]
    pub fn failed(&self, status: &Status) -> ApiError {
        failed(&self.config.member, status)
    }
}

/// The institutions that a gateway deals with.
#[derive(Clone, Default)]
pub struct Peers {
    by_member: Arc<BTreeMap<MemberId, Arc<Peer>>>,
}

/// Peers that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// A certificate cannot be used.
    #[error("the channel to {0} cannot be set up")]
    Tls(MemberId, #[source] TlsError),
    /// What the store has of a peer's chain cannot be used.
    #[error("the view of {0}'s chain cannot be opened")]
    View(MemberId, #[source] ApiError),
}

impl Peers {
    /// Channels and views for every configured peer. Nothing is connected yet.
    ///
    /// # Errors
    /// [`PeersError`].
    pub async fn open(config: &GatewayConfig, store: &Arc<dyn Store>) -> Result<Self, PeersError> {
        let limits = ChannelLimits { call_timeout: config.limits.peer_timeout, ..ChannelLimits::default() };
        let dial = |peer: &PeerConfig| tls::channel(&peer.member, &peer.address, &peer.ca_pem, &config.tls, limits);
        Self::over(&config.peers, &config.limits, &config.clock, store, dial).await
    }

    /// The same over channels of the caller's choice: who stands at their other end is the caller's business, and
    /// nothing that comes from there is believed without proof.
    ///
    /// # Errors
    /// [`PeersError`].
    pub async fn over(
        peers: &[PeerConfig],
        limits: &Limits,
        clock: &Clock,
        store: &Arc<dyn Store>,
        dial: impl Fn(&PeerConfig) -> Result<Channel, TlsError>,
    ) -> Result<Self, PeersError> {
        let mut by_member = BTreeMap::new();
        for peer in peers {
            let member = &peer.member;
            let channel = dial(peer).map_err(|error| PeersError::Tls(member.clone(), error))?;
            let client = ExchangeClient::new(channel)
                .max_decoding_message_size(limits.answer_bytes)
                .max_encoding_message_size(limits.request_bytes);
            let source = Arc::new(PeerHeaders { member: member.clone(), client: client.clone() });
            let view = ChainView::open(peer.anchor.clone(), source, store.clone(), clock.clone())
                .await
                .map_err(|error| PeersError::View(member.clone(), error))?;
            by_member.insert(member.clone(), Arc::new(Peer { config: peer.clone(), view, client }));
        }
        Ok(Self { by_member: Arc::new(by_member) })
    }

    /// The peer of this id.
    ///
    /// # Errors
    /// `UNKNOWN_MEMBER`.
    pub fn peer(&self, member: &MemberId) -> Result<&Arc<Peer>, ApiError> {
        self.by_member.get(member).ok_or_else(|| unknown(member))
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.by_member.values()
    }
}

/// No such institution.
pub(crate) fn unknown(member: &MemberId) -> ApiError {
    ApiError::new(Reason::UnknownMember, format!("This gateway knows no institution {member}."))
        .with("member", member.as_str())
}

/// Reasons that are our caller's own affair and pass through as they are; everything else is told as the peer's.
const PASSED_ON: &[Reason] = &[
    Reason::PermissionDenied,
    Reason::UnknownRole,
    Reason::PurposeRequired,
    Reason::ConsentRequired,
    Reason::ConsentRefused,
    Reason::UnknownField,
    Reason::UnknownSector,
    Reason::InvalidArgument,
];

fn failed(member: &MemberId, status: &Status) -> ApiError {
    let info = status.get_details_error_info().filter(|info| info.domain == crate::error::DOMAIN);
    let reason = info.and_then(|info| Reason::parse(&info.reason));
    let error = match (reason, status.code()) {
        (Some(reason), _) if PASSED_ON.contains(&reason) => {
            ApiError::new(reason, format!("The gateway of {member} refused: {}.", reason.as_str()))
        }
        (Some(reason), _) if reason.blame() == crate::error::Blame::Refusal => {
            ApiError::new(Reason::PeerRefused, format!("The gateway of {member} refused: {}.", reason.as_str()))
                .with("peer_reason", reason.as_str())
        }
        (None, Code::OutOfRange | Code::ResourceExhausted) => {
            ApiError::new(Reason::PeerRefused, format!("The answer of {member} is larger than accepted."))
        }
        _ => {
            let why = tls::refusal(status).unwrap_or_else(|| "does not answer now".to_owned());
            ApiError::new(Reason::PeerUnavailable, format!("The gateway of {member} {why}."))
        }
    };
    error.with("peer", member.as_str()).because(status.clone())
}

/// A peer's gateway as the source of its chain's headers.
struct PeerHeaders {
    member: MemberId,
    client: ExchangeClient<Channel>,
}

impl PeerHeaders {
    async fn fetch(&self, height: u64) -> Result<LightBlock, ApiError> {
        let mut client = self.client.clone();
        let answer = client
            .fetch_light_block(v1::FetchLightBlockRequest { height })
            .await
            .map_err(|status| failed(&self.member, &status))?;
        decode("a light block", &answer.into_inner().block).map_err(|error| malformed(&self.member, error))
    }
}

/// A peer's answer that is not of the protocol's form.
pub(crate) fn malformed(member: &MemberId, error: comity_model::Malformed) -> ApiError {
    ApiError::new(Reason::ProofRefused, format!("What {member} sends is malformed: {error}."))
        .with("peer", member.as_str())
        .with("rule", "ENCODING")
}

#[async_trait]
impl HeaderSource for PeerHeaders {
    async fn latest(&self) -> Result<Height, ApiError> {
        Ok(self.fetch(0).await?.header.height)
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, ApiError> {
        self.fetch(height.0).await
    }
}
