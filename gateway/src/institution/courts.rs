//! Courts' keys, proven on the courts' own chains: fetched from the court's gateway, believed by proof under the header
//! that this gateway verified from its anchor of that chain, used for a short while, then proven anew.
//! It refuses to believe a gateway, and to know a court that is not configured.

use crate::peers::Peers;
use comity_model::member::{Member, MemberKind, Officer};
use comity_model::state::StatePath;
use comity_model::{ChainId, MemberId, OfficerId};
use comity_proto::v1::FetchMemberRequest;
use comity_verify::state::{Proven, absence, membership};
use moka::sync::Cache;
use std::time::Duration;

/// How long a proven key is used before it is proven again: a revocation is seen after this time.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// Most courts, and most officers, that are remembered.
const COURTS_MAX: u64 = 4_096;
const OFFICERS_MAX: u64 = 10_000;

/// Why a court's keys are not known.
#[derive(Debug, thiserror::Error)]
pub enum CourtError {
    /// It is no court that this institution is configured for, or not of that chain.
    #[error("no such court is known here")]
    Unknown,
    /// Not now.
    #[error("the court's keys cannot be proven now: {0}")]
    Unavailable(String),
}

/// Courts' keys.
pub struct Courts {
    peers: Peers,
    courts: Cache<MemberId, Proven<Member>>,
    officers: Cache<(MemberId, OfficerId), Proven<Officer>>,
}

impl Courts {
    /// The courts among `peers`.
    #[must_use]
    pub fn new(peers: Peers) -> Self {
        Self {
            peers,
            courts: Cache::builder().max_capacity(COURTS_MAX).time_to_live(FRESH_FOR).build(),
            officers: Cache::builder().max_capacity(OFFICERS_MAX).time_to_live(FRESH_FOR).build(),
        }
    }

    /// The court, if it is one, and its home is `chain`.
    ///
    /// # Errors
    /// [`CourtError`].
    pub async fn court(&self, id: &MemberId, chain: &ChainId) -> Result<Proven<Member>, CourtError> {
        let known = match self.courts.get(id) {
            Some(known) => known,
            None => {
                let found = self.fetch::<Member>(id, None).await?.ok_or(CourtError::Unknown)?;
                self.courts.insert(id.clone(), found.clone());
                found
            }
        };
        let member = known.value();
        let is_court = member.kind == MemberKind::Court && member.home == *chain && known.at().chain_id == *chain;
        if is_court { Ok(known) } else { Err(CourtError::Unknown) }
    }

    /// An officer of a court; `None` where the court's chain is proven to know none of that number.
    ///
    /// # Errors
    /// [`CourtError`].
    pub async fn officer(&self, court: &MemberId, id: &OfficerId) -> Result<Option<Proven<Officer>>, CourtError> {
        let key = (court.clone(), id.clone());
        if let Some(known) = self.officers.get(&key) {
            return Ok(Some(known));
        }
        let found = self.fetch::<Officer>(court, Some(id)).await?;
        if let Some(officer) = &found {
            self.officers.insert(key, officer.clone());
        }
        Ok(found)
    }

    /// Has everything about a court proven anew.
    pub fn forget(&self, court: &MemberId) {
        self.courts.invalidate(court);
        // Few courts' officers are remembered at a time; to forget them all costs a fetch each.
        self.officers.invalidate_all();
    }

    async fn fetch<T: borsh::BorshDeserialize>(
        &self,
        of: &MemberId,
        officer: Option<&OfficerId>,
    ) -> Result<Option<Proven<T>>, CourtError> {
        let peer = self.peers.peer(of).map_err(|_| CourtError::Unknown)?;
        let view = &peer.view;
        let trusted = view.trusted().await.map_err(|error| unavailable(&error))?;
        let request = FetchMemberRequest {
            trusted_height: trusted.height().0,
            officer: officer.map(ToString::to_string).unwrap_or_default(),
        };
        let answer = peer.exchange().fetch_member(request).await;
        let answer = answer.map_err(|status| unavailable(&peer.failed(&status)))?.into_inner();
        let header = peer.reach(&trusted, &answer).await.map_err(|error| unavailable(&error))?;
        let path = match officer {
            None => StatePath::Member(of.clone()),
            Some(officer) => StatePath::Officer(of.clone(), officer.clone()),
        };
        if !answer.exists {
            return absence(&header, &path, &answer.proof).map(|_| None).map_err(|refusal| unavailable(&refusal));
        }
        let proven =
            membership(&header, &path, &answer.value, &answer.proof).map_err(|refusal| unavailable(&refusal))?;
        proven.decode("member or officer").map(Some).map_err(|refusal| unavailable(&refusal))
    }
}

fn unavailable(reason: &dyn std::fmt::Display) -> CourtError {
    CourtError::Unavailable(reason.to_string())
}
