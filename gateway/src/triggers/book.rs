//! Firings and proposals in the store: a firing and what it proposes are written together, once.
//! It refuses to know rules.

use super::stored::{Id, StoredFiring, StoredProposal};
use crate::audit::{Audit, Entry};
use crate::error::{ApiError, Reason};
use comity_model::{Time, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};
use std::sync::Arc;

/// Firing id → [`StoredFiring`].
const FIRINGS: Table = Table("firings");
/// Newest first: (2⁶⁴ − 1 − time) big-endian ‖ firing id → nothing.
const FIRINGS_BY_TIME: Table = Table("firings_by_time");
/// Proposal id → [`StoredProposal`].
const PROPOSALS: Table = Table("proposals");
/// As for firings.
const PROPOSALS_BY_TIME: Table = Table("proposals_by_time");
/// Proposals whose draft may wait for approval: id → nothing.
const OPEN: Table = Table("proposals_open");
/// Investigations that have not ended: id → nothing.
const INVESTIGATIONS: Table = Table("investigations_open");

/// A place in a list.
pub(super) type Place = [u8; 24];

/// Firings and proposals of one gateway.
pub(crate) struct FiringBook {
    store: Arc<dyn Store>,
}

impl FiringBook {
    /// Those in `store`.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Whether a firing is kept.
    pub(super) async fn knows(&self, id: &Id) -> Result<bool, ApiError> {
        Ok(self.store.read(FIRINGS, id).await?.is_some())
    }

    /// Keeps a firing and its proposals, unless it is kept already; says whether it was not.
    pub(super) async fn keep(&self, firing: &StoredFiring, proposals: &[StoredProposal]) -> Result<bool, ApiError> {
        let mut batch = Batch::new().absent(FIRINGS, firing.id).put(FIRINGS, firing.id, encode(firing)).put(
            FIRINGS_BY_TIME,
            place(firing.at, &firing.id),
            [],
        );
        for proposal in proposals {
            batch = batch.put(PROPOSALS, proposal.id, encode(proposal)).put(
                PROPOSALS_BY_TIME,
                place(proposal.at, &proposal.id),
                [],
            );
            if proposal.draft().is_some() {
                batch = batch.put(OPEN, proposal.id, []);
            }
            if proposal.investigation().is_some_and(|investigation| investigation.ended.is_none()) {
                batch = batch.put(INVESTIGATIONS, proposal.id, []);
            }
        }
        self.commit(batch).await
    }

    /// Writes a proposal anew, unless somebody else has, and with it an act that is filed; it stays open while its draft
    /// may wait.
    pub(super) async fn change(
        &self,
        before: &StoredProposal,
        after: &StoredProposal,
        filed: Option<&Entry>,
    ) -> Result<bool, ApiError> {
        let batch = Batch::new().equals(PROPOSALS, before.id, encode(before)).put(PROPOSALS, after.id, encode(after));
        let batch = match (after.draft(), after.investigation()) {
            (Some(_), _) => batch.put(OPEN, after.id, []),
            (None, None) => batch.delete(OPEN, after.id),
            (None, Some(investigation)) if investigation.ended.is_none() => batch.put(INVESTIGATIONS, after.id, []),
            (None, Some(_)) => batch.delete(INVESTIGATIONS, after.id),
        };
        let batch = match filed {
            Some(entry) => Audit::write(batch, entry)?,
            None => batch,
        };
        self.commit(batch).await
    }

    /// Investigations that have not ended, by id after `after`, at most `limit`.
    pub(super) async fn investigations(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ApiError> {
        let from = after.map(|id| [id.as_slice(), &[0]].concat()).unwrap_or_default();
        let rows = self.store.scan(INVESTIGATIONS, &[], &from, limit).await?;
        Ok(rows.iter().filter_map(|(key, _)| key.as_slice().try_into().ok()).collect())
    }

    /// The draft of a proposal waits no longer; one that has got another draft since stays open.
    pub(super) async fn close(&self, seen: &StoredProposal) -> Result<(), ApiError> {
        let batch = Batch::new().equals(PROPOSALS, seen.id, encode(seen)).delete(OPEN, seen.id);
        self.commit(batch).await.map(|_| ())
    }

    /// Whether it was done, and not by another gateway, or in another way, before.
    async fn commit(&self, batch: Batch) -> Result<bool, ApiError> {
        match self.store.commit(batch).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Proposals whose draft may wait, by id after `after`, at most `limit`.
    pub(super) async fn open(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ApiError> {
        let from = after.map(|id| [id.as_slice(), &[0]].concat()).unwrap_or_default();
        let rows = self.store.scan(OPEN, &[], &from, limit).await?;
        Ok(rows.iter().filter_map(|(key, _)| key.as_slice().try_into().ok()).collect())
    }

    /// One firing.
    pub(super) async fn firing(&self, id: &Id) -> Result<StoredFiring, ApiError> {
        let bytes = self.store.read(FIRINGS, id).await?.ok_or_else(unknown)?;
        decode("a firing", &bytes).map_err(ApiError::fault)
    }

    /// One proposal.
    pub(super) async fn proposal(&self, id: &Id) -> Result<StoredProposal, ApiError> {
        let bytes = self.store.read(PROPOSALS, id).await?.ok_or_else(unknown)?;
        decode("a proposal", &bytes).map_err(ApiError::fault)
    }

    /// Ids of firings from the newest, after a place, and the place to go on from.
    pub(super) async fn firings(
        &self,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<Id>, Option<Place>), ApiError> {
        self.page(FIRINGS_BY_TIME, after, limit).await
    }

    /// The same of proposals.
    pub(super) async fn proposals(
        &self,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<Id>, Option<Place>), ApiError> {
        self.page(PROPOSALS_BY_TIME, after, limit).await
    }

    async fn page(
        &self,
        table: Table,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<Id>, Option<Place>), ApiError> {
        let from = after.map(|place| [place.as_slice(), &[0]].concat()).unwrap_or_default();
        let rows = self.store.scan(table, &[], &from, limit.saturating_add(1)).await?;
        let more = rows.len() > limit;
        let places: Vec<Place> =
            rows.iter().take(limit).filter_map(|(key, _)| key.as_slice().try_into().ok()).collect();
        let ids = places.iter().filter_map(|place| place.get(8..)?.try_into().ok()).collect();
        Ok((ids, places.last().copied().filter(|_| more)))
    }
}

fn place(at: Time, id: &Id) -> Place {
    let mut key = [0; 24];
    let (time, rest) = key.split_at_mut(8);
    time.copy_from_slice(&(u64::MAX - at.unix_seconds().0).to_be_bytes());
    rest.copy_from_slice(id);
    key
}

fn unknown() -> ApiError {
    ApiError::new(Reason::UnknownFiring, "There is no such firing or proposal at this gateway.")
}
