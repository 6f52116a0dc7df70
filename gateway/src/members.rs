//! The directory of institutions: what each one's own chain is proven to say of it.
//! It refuses to show what was not proven; where a peer cannot be asked now, only what this gateway was configured with.

use crate::config::{Clock, PeerConfig};
use crate::convert::{malformed, named};
use crate::error::{ApiError, Reason};
use crate::peers::{Peer, Peers};
use crate::policy::{Policy, ReadMembers, kind_name};
use crate::records::{accept, astray};
use crate::sectors::Sectors;
use crate::server::caller;
use crate::tls::fingerprint;
use crate::view::HomeState;
use comity_model::member::Member;
use comity_model::profile::Profile;
use comity_model::state::StatePath;
use comity_model::{Hash, Height, MemberId, Sector, decode};
use comity_proto::v1;
use comity_proto::v1::members_server::Members;
use comity_verify::state;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};

/// How long a proven entry is shown before it is proven again.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// Most entries that are remembered.
const ENTRIES_MAX: u64 = 10_000;
/// Most entries on a page, which is the default.
pub(crate) const PAGE_MAX: usize = 100;

/// The service.
pub(crate) struct MembersService {
    pub(crate) policy: Arc<Policy>,
    pub(crate) directory: Arc<Directory>,
}

/// Institutions, by proof.
pub(crate) struct Directory {
    institution: MemberId,
    home: HomeState,
    peers: Peers,
    sectors: Arc<Sectors>,
    clock: Clock,
    known: Cache<MemberId, Arc<Member>>,
}

impl Directory {
    pub(crate) fn new(
        institution: MemberId,
        home: HomeState,
        peers: Peers,
        sectors: Arc<Sectors>,
        clock: Clock,
    ) -> Self {
        let known = Cache::builder().max_capacity(ENTRIES_MAX).time_to_live(FRESH_FOR).build();
        Self { institution, home, peers, sectors, clock, known }
    }

    async fn entry(&self, id: &MemberId) -> Result<v1::Member, ApiError> {
        if *id == self.institution {
            return self.own().await;
        }
        let peer = self.peers.peer(id)?;
        let known = match self.known.get(id) {
            Some(known) => Ok(known),
            None => self.proven(peer).await,
        };
        match known {
            Ok(member) => {
                self.known.insert(id.clone(), member.clone());
                Ok(to_wire(&member, Vec::new()))
            }
            Err(error) if error.reason() == Reason::PeerUnavailable => configured(&peer.config),
            Err(error) => Err(error),
        }
    }

    /// The key that private parts and searches are sealed to, as the peer's own chain is proven to have it.
    ///
    /// # Errors
    /// `PEER_REFUSED` for a member whose keys are not valid now; those of asking and proving.
    pub(crate) async fn encryption_key(&self, peer: &Peer) -> Result<[u8; 32], ApiError> {
        Ok(self.member(peer).await?.encryption_key)
    }

    /// The peer's entry, as its own chain is proven to have it, with keys that are valid now.
    ///
    /// # Errors
    /// As [`Directory::encryption_key`].
    pub(crate) async fn member(&self, peer: &Peer) -> Result<Arc<Member>, ApiError> {
        let id = &peer.config.member;
        let member = match self.known.get(id) {
            Some(known) => known,
            None => {
                let proven = self.proven(peer).await?;
                self.known.insert(id.clone(), proven.clone());
                proven
            }
        };
        if member.validity.covers(self.clock.now().unix_seconds()) {
            return Ok(member);
        }
        let message =
            format!("The keys of {id} are not valid now; nothing is sealed to them, and no seal of theirs holds.");
        Err(ApiError::new(Reason::PeerRefused, message).with("peer", id.as_str()).with("peer_reason", "VALIDITY"))
    }

    /// The own entry, as the own chain is proven to have it.
    ///
    /// # Errors
    /// Those of proving.
    pub(crate) async fn own_member(&self) -> Result<Arc<Member>, ApiError> {
        let stood = self.home.now(&StatePath::Member(self.institution.clone())).await?;
        let value = stood.what.value();
        let value = value.ok_or_else(|| ApiError::fault("the own chain does not know this institution"))?;
        decode("member", value.value()).map(Arc::new).map_err(ApiError::fault)
    }

    async fn own(&self) -> Result<v1::Member, ApiError> {
        let member = self.own_member().await?;
        Ok(to_wire(&member, self.own_sectors().await?))
    }

    async fn own_sectors(&self) -> Result<Vec<Sector>, ApiError> {
        let header = self.home.view().fresh().await?;
        let mut kept = Vec::new();
        for schema in self.sectors.iter() {
            let stood = self.home.under(&StatePath::Profile(schema.name.clone()), header.clone()).await?;
            let Some(value) = stood.what.value() else { continue };
            let profile: Profile = decode("profile", value.value()).map_err(ApiError::fault)?;
            if profile.institution == self.institution {
                kept.push(schema.name.clone());
            }
        }
        Ok(kept)
    }

    /// A peer's own entry, proven on its chain, and in agreement with what this gateway was told of it.
    async fn proven(&self, peer: &Peer) -> Result<Arc<Member>, ApiError> {
        let id = &peer.config.member;
        let trusted = peer.view.trusted().await?;
        let request = v1::FetchMemberRequest { trusted_height: trusted.height().0, officer: String::new() };
        let answer = peer.exchange().fetch_member(request).await.map_err(|status| peer.failed(&status))?.into_inner();
        let header = accept(&peer.view, id, &trusted, &answer.steps).await?;
        if header.height() != Height(answer.header_height) {
            return Err(astray(id));
        }
        let member = state::membership(&header, &StatePath::Member(id.clone()), &answer.value, &answer.proof)
            .and_then(|value| value.decode::<Member>("member"))
            .map_err(|refusal| ApiError::proof("peer", id, &refusal))?
            .into_value();
        if !member.validity.covers(self.clock.now().unix_seconds()) {
            tracing::warn!(member = %id, "the keys of a member are not valid now");
        }
        Ok(Arc::new(member))
    }
}

fn to_wire(member: &Member, sectors: Vec<Sector>) -> v1::Member {
    v1::Member {
        name: format!("members/{}", member.id),
        kind: kind_name(member.kind).to_owned(),
        display_names: member.names.clone(),
        chain_id: member.home.to_string(),
        gateway: member.gateway.clone(),
        ca_fingerprint: member.ca_fingerprint.0.to_vec(),
        sectors: sectors.iter().map(ToString::to_string).collect(),
    }
}

fn configured(peer: &PeerConfig) -> Result<v1::Member, ApiError> {
    let Hash(ca_fingerprint) = fingerprint(&peer.ca_pem).map_err(ApiError::fault)?;
    Ok(v1::Member {
        name: format!("members/{}", peer.member),
        kind: kind_name(peer.kind).to_owned(),
        display_names: Vec::new(),
        chain_id: peer.anchor.chain_id.to_string(),
        gateway: peer.address.clone(),
        ca_fingerprint: ca_fingerprint.to_vec(),
        sectors: Vec::new(),
    })
}

#[tonic::async_trait]
impl Members for MembersService {
    async fn get_member(&self, request: Request<v1::GetMemberRequest>) -> Result<Response<v1::Member>, Status> {
        let _permit = self.policy.permit::<ReadMembers>(&caller(&request)?)?;
        const FORM: &str = "members/{member}";
        let id = named("members", FORM, &request.get_ref().name)?.parse().map_err(|_| malformed(FORM))?;
        Ok(Response::new(self.directory.entry(&id).await?))
    }

    async fn list_members(
        &self,
        request: Request<v1::ListMembersRequest>,
    ) -> Result<Response<v1::ListMembersResponse>, Status> {
        let _permit = self.policy.permit::<ReadMembers>(&caller(&request)?)?;
        let request = request.into_inner();
        let peers = self.directory.peers.iter().map(|peer| peer.config.member.clone());
        let mut ids: Vec<MemberId> = peers.chain([self.directory.institution.clone()]).collect();
        ids.sort();
        let (page, next_page_token) = page(ids, MemberId::as_str, request.page_size, &request.page_token)?;
        // Together, so that one peer that does not answer holds up the page only once.
        let members = futures::future::try_join_all(page.iter().map(|id| self.directory.entry(id))).await?;
        Ok(Response::new(v1::ListMembersResponse { members, next_page_token }))
    }
}

/// A page of `items`, which are sorted by `key`; a page token is the last key of the page before.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> &str,
    size: i32,
    token: &str,
) -> Result<(Vec<T>, String), ApiError> {
    let size = page_size(size, PAGE_MAX)?;
    items.retain(|item| key(item) > token);
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| more).map(|last| key(last).to_owned()).unwrap_or_default();
    Ok((items, next))
}

/// How many items a page has: as asked for, at most `max`, which 0 asks for.
pub(crate) fn page_size(asked: i32, max: usize) -> Result<usize, ApiError> {
    match usize::try_from(asked) {
        Ok(0) => Ok(max),
        Ok(size) => Ok(size.min(max)),
        Err(_) => Err(ApiError::argument("page_size", "A page size must not be negative.")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_and_end() {
        let all = || ["a", "b", "c"].map(String::from).to_vec();
        let (first, token) = page(all(), String::as_str, 2, "").unwrap();
        assert_eq!((first.join(","), token.as_str()), ("a,b".into(), "b"));
        let (second, token) = page(all(), String::as_str, 2, &token).unwrap();
        assert_eq!((second.join(","), token.as_str()), ("c".into(), ""));
        assert_eq!(page(all(), String::as_str, -1, "").unwrap_err().reason(), Reason::InvalidArgument);
        assert_eq!(page(all(), String::as_str, 0, "").unwrap().0.len(), 3);
    }
}
