//! The court's agreements in the store: one row each, changed only by compare-and-set.
//! It refuses to know what a change means and who may make it.

use super::stored::StoredAgreement;
use crate::error::{ApiError, Reason};
use crate::requests::{Known, Requests};
use comity_model::{AgreementId, Hash, RequestId, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};
use std::sync::Arc;

/// Agreement id → [`StoredAgreement`].
const AGREEMENTS: Table = Table("agreements");
/// The requests that drew agreements up.
const REQUESTS: Requests = Requests { made: Table("agreement_requests"), conflicts: Table("agreement_conflicts") };
/// Agreements that something may still become of: id → nothing.
const OPEN: Table = Table("agreements_open");
/// Newest first: (2⁶⁴ − 1 − time) big-endian ‖ id → nothing.
const BY_TIME: Table = Table("agreements_by_time");
/// How often a change is tried again because another came first.
const ATTEMPTS_MAX: usize = 32;

/// A place in the list of agreements.
pub(crate) type Place = [u8; 24];

/// The court's agreements.
pub(crate) struct AgreementBook {
    store: Arc<dyn Store>,
}

impl AgreementBook {
    /// The agreements in `store`.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// One agreement.
    pub(crate) async fn read(&self, id: &AgreementId) -> Result<StoredAgreement, ApiError> {
        let bytes = self.store.read(AGREEMENTS, &id.0).await?.ok_or_else(unknown)?;
        decode("stored agreement", &bytes).map_err(ApiError::fault)
    }

    /// One agreement, if there is one.
    pub(crate) async fn find(&self, id: &AgreementId) -> Result<Option<StoredAgreement>, ApiError> {
        let bytes = self.store.read(AGREEMENTS, &id.0).await?;
        bytes.map(|bytes| decode("stored agreement", &bytes)).transpose().map_err(ApiError::fault)
    }

    /// The agreement that a request drew up; `REQUEST_CONFLICT` where another request came under its id, and both are
    /// kept.
    pub(crate) async fn of_request(
        &self,
        request: &RequestId,
        digest: &Hash,
        body: &[u8],
    ) -> Result<Option<StoredAgreement>, ApiError> {
        match REQUESTS.known(self.store.as_ref(), (request, digest), body).await? {
            Known::Nothing => Ok(None),
            Known::Same(id) => Ok(Some(self.read(&AgreementId(id)).await?)),
            Known::Conflict => {
                Err(ApiError::new(Reason::RequestConflict, "The request id was used for another request."))
            }
        }
    }

    /// Stores a fresh agreement under its request id; the same request again is the agreement that stands.
    pub(crate) async fn file(&self, fresh: StoredAgreement, body: &[u8]) -> Result<StoredAgreement, ApiError> {
        let batch = REQUESTS
            .file(Batch::new(), (&fresh.request, &fresh.request_digest), fresh.id.0)
            .absent(AGREEMENTS, fresh.id.0)
            .put(AGREEMENTS, fresh.id.0, encode(&fresh))
            .put(BY_TIME, place(&fresh), []);
        match self.store.commit(batch).await {
            Ok(()) => Ok(fresh),
            // The same request twice at once, or an outcome that is not known: what stands now decides.
            Err(error @ (StoreError::Conflict | StoreError::Unknown(_))) => {
                let known = self.of_request(&fresh.request, &fresh.request_digest, body).await?;
                known.ok_or_else(|| error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes one agreement. `change` says whether it changed anything; it may be called again on a fresher one.
    pub(crate) async fn change(
        &self,
        id: &AgreementId,
        mut change: impl FnMut(&mut StoredAgreement) -> bool,
    ) -> Result<StoredAgreement, ApiError> {
        for _ in 0..ATTEMPTS_MAX {
            let before = self.store.read(AGREEMENTS, &id.0).await?.ok_or_else(unknown)?;
            let mut agreement: StoredAgreement = decode("stored agreement", &before).map_err(ApiError::fault)?;
            if !change(&mut agreement) {
                return Ok(agreement);
            }
            let batch = Batch::new().equals(AGREEMENTS, id.0, before).put(AGREEMENTS, id.0, encode(&agreement));
            let batch = match agreement.is_open() {
                true => batch.put(OPEN, id.0, []),
                false => batch.delete(OPEN, id.0),
            };
            match self.store.commit(batch).await {
                Ok(()) => return Ok(agreement),
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ApiError::new(Reason::Contended, "The agreement changed too often; try again."))
    }

    /// Agreements that something may still become of, by id after `after`, at most `limit`.
    pub(crate) async fn open(&self, after: Option<AgreementId>, limit: usize) -> Result<Vec<AgreementId>, ApiError> {
        let from = after.map(|id| [id.0.as_slice(), &[0]].concat()).unwrap_or_default();
        let rows = self.store.scan(OPEN, &[], &from, limit).await?;
        Ok(rows.iter().filter_map(|(key, _)| Some(AgreementId(key.as_slice().try_into().ok()?))).collect())
    }

    /// Agreements from the newest, after the place `after`, at most `limit`, and the place to go on from.
    pub(crate) async fn list(
        &self,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<StoredAgreement>, Option<Place>), ApiError> {
        let from = after.map(|place| [place.as_slice(), &[0]].concat()).unwrap_or_default();
        let rows = self.store.scan(BY_TIME, &[], &from, limit.saturating_add(1)).await?;
        let more = rows.len() > limit;
        let (mut agreements, mut last) = (Vec::new(), None);
        for (key, _) in rows.iter().take(limit) {
            let place: Option<Place> = key.as_slice().try_into().ok();
            let id = key.get(8..).and_then(|id| id.try_into().ok()).map(AgreementId);
            let id = id.ok_or_else(|| ApiError::fault("a row of agreements_by_time is malformed"))?;
            agreements.push(self.read(&id).await?);
            last = place;
        }
        Ok((agreements, last.filter(|_| more)))
    }
}

fn place(agreement: &StoredAgreement) -> Place {
    let mut key = [0; 24];
    let (time, id) = key.split_at_mut(8);
    time.copy_from_slice(&(u64::MAX - agreement.created_at.unix_seconds().0).to_be_bytes());
    id.copy_from_slice(&agreement.id.0);
    key
}

fn unknown() -> ApiError {
    ApiError::new(Reason::UnknownAgreement, "There is no such agreement at this gateway.")
}
