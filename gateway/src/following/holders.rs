//! The keeper's book: who holds which of the institution's records, what each was told, what is under way to it, and which
//! deadlines passed. Several gateways over one store may write it: every change is a compare-and-set.
//! It refuses to know how a record is disclosed and how a delivery travels.

use super::rows::{Count, of_time};
use super::{Holding, HoldingId, TRIES_MAX, back_off_s, timed};
use crate::audit::{Audit, Entry, Purpose};
use crate::error::{ApiError, Reason};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::record::{HeldVersion, RecordReceipt};
use comity_model::seal::Signature;
use comity_model::{FieldName, Height, RecordId, Sector, UnixSeconds, decode, encode};
use comity_store::{Batch, SCAN_ROWS_MAX, Store, StoreError, Table};
use std::sync::Arc;
use tokio::sync::Notify;

/// Sector, zero byte, record, zero byte, holding id → [`Holder`].
const HOLDERS: Table = Table("holders");
/// Holding id → its key in [`HOLDERS`].
const HOLDER_KEYS: Table = Table("holder_keys");
/// Institution, zero byte, shard → how many.
const HOLDER_COUNTS: Table = Table("holder_counts");
/// Time of the next attempt, holding id → nothing.
const OUTSTANDING: Table = Table("deliveries_outstanding");
/// Holding id → the deadline that is past, while nothing was acknowledged.
const OVERDUE_OPEN: Table = Table("deliveries_overdue_open");
/// Deadline, holding id → [`Overdue`].
const OVERDUE: Table = Table("deliveries_overdue");
/// Sector, zero byte, record, zero byte, version → [`Change`].
const CHANGES: Table = Table("record_changes");

/// For how long a delivery belongs to the gateway that began it.
const CLAIM_S: u64 = 60;
/// How often a holder may say that it holds nothing before it is believed: its own book may be a moment behind its reading.
const NOT_HELD_MAX: u32 = 4;

/// One holder of one record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Holder {
    pub(crate) holding: Holding,
    /// Fields that it asked for; empty for all that its role may see.
    pub(crate) fields: Vec<FieldName>,
    /// Why, as it said last.
    pub(crate) purpose: Option<Purpose>,
    pub(crate) since: UnixSeconds,
    /// The version that it is known to have.
    pub(crate) told: u32,
    pub(crate) due: Option<Due>,
    pub(crate) receipt: Option<Received>,
}

/// A later version under way.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Due {
    pub(crate) version: u32,
    /// Block time of the first change that was not acknowledged.
    pub(crate) changed_at: UnixSeconds,
    pub(crate) due_at: UnixSeconds,
    pub(crate) attempts: u32,
    pub(crate) next_at: UnixSeconds,
    pub(crate) failure: String,
    pub(crate) overdue: bool,
    pub(crate) not_held: u32,
}

/// The last receipt.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Received {
    pub(crate) receipt: RecordReceipt,
    pub(crate) seal: Signature,
    pub(crate) late: bool,
}

/// A deadline that passed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Overdue {
    pub(crate) holding: Holding,
    pub(crate) version: u32,
    pub(crate) changed_at: UnixSeconds,
    pub(crate) due_at: UnixSeconds,
    pub(crate) failure: String,
    pub(crate) settled_at: Option<UnixSeconds>,
}

/// A new version of a record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Change {
    /// The block in which it was committed; `None` where that is not known (yet).
    height: Option<Height>,
    /// The institution's own time of the version, which is before the block's.
    at: UnixSeconds,
}

/// A change to be told to holders.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) sector: Sector,
    pub(crate) record: RecordId,
    pub(crate) version: u32,
    pub(crate) height: Option<Height>,
    pub(crate) at: UnixSeconds,
}

/// What becomes of a delivery.
pub(super) enum Attempt {
    /// The holder's receipt, whose seal was checked.
    Receipt(Box<RecordReceipt>, Signature),
    /// Not now, for this reason.
    Failed(&'static str),
    /// Nothing of the record may be told to the holder any more.
    Ended,
}

/// Who holds the institution's records.
#[derive(Clone)]
pub(crate) struct HolderBook {
    store: Arc<dyn Store>,
    news: Arc<Notify>,
}

impl HolderBook {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, news: Arc::default() }
    }

    /// Adds a new version to a batch: what holders have to be told is durable with it.
    pub(crate) fn write_change(batch: Batch, changed: &Changed) -> Batch {
        let change = Change { height: changed.height, at: changed.at };
        batch.put(CHANGES, change_key(&changed.sector, &changed.record, changed.version), encode(&change))
    }

    /// There is something to do.
    pub(crate) fn wake(&self) {
        self.news.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.news.notified().await;
    }

    /// Enters the holder of an answer with this version, durably, and files why it asked; `false` where it stood already.
    pub(crate) async fn register(&self, new: Holder, filed: &Entry) -> Result<bool, ApiError> {
        let id = new.holding.id();
        let key = holder_key(&new.holding, &id);
        for _ in 0..TRIES_MAX {
            let found = self.store.read(HOLDERS, &key).await?;
            let (batch, is_new) = match &found {
                None => {
                    let owner = new.holding.holder.as_str().as_bytes();
                    let count = Count::read(self.store.as_ref(), HOLDER_COUNTS, owner, &id).await?;
                    let batch = Batch::new().absent(HOLDERS, key.clone()).put(HOLDERS, key.clone(), encode(&new));
                    (count.add(batch.put(HOLDER_KEYS, id, key.clone()))?, true)
                }
                Some(was) => {
                    let mut row: Holder = decode("a holder", was).map_err(ApiError::fault)?;
                    let before = row.clone();
                    row.fields = union(row.fields, &new.fields);
                    row.purpose = new.purpose.clone().or(row.purpose);
                    if row == before {
                        return Ok(false);
                    }
                    (
                        Batch::new().equals(HOLDERS, key.clone(), was.clone()).put(HOLDERS, key.clone(), encode(&row)),
                        false,
                    )
                }
            };
            match self.store.commit(Audit::write(batch, filed)?).await {
                Ok(()) => return Ok(is_new),
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(contended())
    }

    /// Enters a change that a holder may have missed: it read the version before while the next one was committed.
    pub(crate) async fn note(&self, changed: &Changed) -> Result<(), ApiError> {
        self.store.commit(Self::write_change(Batch::new(), changed)).await?;
        self.wake();
        Ok(())
    }

    /// Changes that holders are to be told, after `from`: at most a page, by record and version.
    pub(super) async fn changes(&self, from: &[u8]) -> Result<Vec<(Vec<u8>, Changed)>, ApiError> {
        let rows = self.store.scan(CHANGES, &[], from, SCAN_ROWS_MAX).await?;
        rows.into_iter()
            .map(|(key, value)| {
                let change: Change = decode("a change", &value).map_err(ApiError::fault)?;
                let (sector, record, version) = of_change(&key).ok_or_else(|| ApiError::fault("a change's key"))?;
                Ok((key, Changed { sector, record, version, height: change.height, at: change.at }))
            })
            .collect()
    }

    /// Every holder of the record that has less than this version is owed it, by the deadline; then the change is done with.
    pub(super) async fn owe(
        &self,
        changed: &Changed,
        (changed_at, due_at): (UnixSeconds, UnixSeconds),
        now: UnixSeconds,
    ) -> Result<(), ApiError> {
        let prefix = record_prefix(&changed.sector, &changed.record);
        let mut from = Vec::new();
        loop {
            let rows = self.store.scan(HOLDERS, &prefix, &from, 200).await?;
            let Some((last, _)) = rows.last() else { break };
            from = super::rows::after(last);
            for (key, _) in &rows {
                self.change(key, |row| {
                    let before = row.due.clone();
                    if row.told >= changed.version || before.as_ref().is_some_and(|due| due.version >= changed.version)
                    {
                        return None;
                    }
                    row.due = Some(match before {
                        // The first change that it does not know sets the deadline; the latest version is what it gets.
                        Some(due) => {
                            Due { version: changed.version, due_at: due.due_at.min(due_at), next_at: now, ..due }
                        }
                        None => Due {
                            version: changed.version,
                            changed_at,
                            due_at,
                            attempts: 0,
                            next_at: now,
                            failure: String::new(),
                            overdue: false,
                            not_held: 0,
                        },
                    });
                    Some(Vec::new())
                })
                .await?;
            }
        }
        let key = change_key(&changed.sector, &changed.record, changed.version);
        let expected = encode(&Change { height: changed.height, at: changed.at });
        match self.store.commit(Batch::new().equals(CHANGES, key.clone(), expected).delete(CHANGES, key)).await {
            // It changed meanwhile, so it is looked at again.
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deliveries whose time has come: at most `limit`, the longest waiting first.
    pub(super) async fn ready(&self, now: UnixSeconds, limit: usize) -> Result<Vec<Holder>, ApiError> {
        let mut ready = Vec::new();
        for (key, _) in self.store.scan(OUTSTANDING, &[], &[], limit).await? {
            let Some((at, id)) = of_time(&key) else { continue };
            if at > now {
                break;
            }
            match self.holder(&id).await? {
                Some(holder) if holder.due.as_ref().is_some_and(|due| due.next_at == at) => ready.push(holder),
                // Left by a change that was made in the same moment.
                _ => self.store.commit(Batch::new().delete(OUTSTANDING, key)).await?,
            }
        }
        Ok(ready)
    }

    /// Takes a delivery on: for a while it is this gateway's. `None` where another was faster. Says whether its deadline has
    /// just passed.
    pub(super) async fn claim(&self, holder: &Holder, now: UnixSeconds) -> Result<Option<(Holder, bool)>, ApiError> {
        let key = holder_key(&holder.holding, &holder.holding.id());
        let mut passed = false;
        let claimed = self
            .change(&key, |row| {
                if row.due.as_ref().map(|due| due.next_at) != holder.due.as_ref().map(|due| due.next_at) {
                    return None;
                }
                let due = row.due.as_mut()?;
                due.attempts = due.attempts.saturating_add(1);
                due.next_at = now.plus(CLAIM_S);
                passed = !due.overdue && now >= due.due_at;
                due.overdue |= passed;
                Some(if passed { vec![entry_of(row)] } else { Vec::new() })
            })
            .await?;
        Ok(claimed.map(|row| (row, passed)))
    }

    /// What an attempt came to. The row as it is then; `None` where the holding has ended.
    pub(super) async fn tried(
        &self,
        holding: &Holding,
        attempt: Attempt,
        now: UnixSeconds,
    ) -> Result<Option<Holder>, ApiError> {
        let key = holder_key(holding, &holding.id());
        let mut ended = matches!(attempt, Attempt::Ended);
        let row = self
            .change(&key, |row| {
                let mut entries = Vec::new();
                match &attempt {
                    Attempt::Receipt(receipt, seal) => {
                        let late = row.due.as_ref().is_some_and(|due| due.overdue);
                        row.receipt = Some(Received { receipt: receipt.as_ref().clone(), seal: *seal, late });
                        match receipt.held {
                            Some(HeldVersion { version, .. }) => {
                                row.told = row.told.max(version);
                                if row.due.as_ref().is_some_and(|due| due.version <= row.told) {
                                    entries = settled(row, now);
                                    row.due = None;
                                } else if let Some(due) = &mut row.due {
                                    due.next_at = now;
                                }
                            }
                            None => {
                                let due = row.due.as_mut()?;
                                due.not_held = due.not_held.saturating_add(1);
                                ended = due.not_held >= NOT_HELD_MAX;
                                again(due, "NOT_HELD", now);
                            }
                        }
                    }
                    Attempt::Failed(reason) => again(row.due.as_mut()?, reason, now),
                    Attempt::Ended => {}
                }
                Some(entries)
            })
            .await?;
        if ended {
            self.end(holding, now).await?;
            return Ok(None);
        }
        Ok(row)
    }

    /// Ends a holding. Nothing where it has ended.
    pub(crate) async fn end(&self, holding: &Holding, now: UnixSeconds) -> Result<(), ApiError> {
        let id = holding.id();
        let key = holder_key(holding, &id);
        for _ in 0..TRIES_MAX {
            let Some(was) = self.store.read(HOLDERS, &key).await? else { return Ok(()) };
            let row: Holder = decode("a holder", &was).map_err(ApiError::fault)?;
            let owner = holding.holder.as_str().as_bytes();
            let count = Count::read(self.store.as_ref(), HOLDER_COUNTS, owner, &id).await?;
            let batch = Batch::new().equals(HOLDERS, key.clone(), was).delete(HOLDERS, key.clone());
            let mut batch = count.take(batch.delete(HOLDER_KEYS, id).delete(OVERDUE_OPEN, id));
            for (key, entry) in settled(&row, now) {
                batch = batch.put(OVERDUE, key, encode(&entry));
            }
            if let Some(due) = &row.due {
                batch = batch.delete(OUTSTANDING, timed(due.next_at, &id));
            }
            match self.store.commit(batch).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(contended())
    }

    /// The holder of this id.
    pub(crate) async fn holder(&self, id: &HoldingId) -> Result<Option<Holder>, ApiError> {
        let Some(key) = self.store.read(HOLDER_KEYS, id).await? else { return Ok(None) };
        let row = self.store.read(HOLDERS, &key).await?;
        row.map(|bytes| decode("a holder", &bytes)).transpose().map_err(ApiError::fault)
    }

    /// Holders of a record, or of all, from `from` on.
    pub(super) async fn page(
        &self,
        record: Option<(&Sector, &RecordId)>,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Holder)>, ApiError> {
        let prefix = record.map(|(sector, record)| record_prefix(sector, record)).unwrap_or_default();
        rows(&self.store.scan(HOLDERS, &prefix, from, limit).await?)
    }

    /// Deadlines that passed, from `from` on.
    pub(super) async fn overdue(&self, from: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Overdue)>, ApiError> {
        rows(&self.store.scan(OVERDUE, &[], from, limit).await?)
    }

    /// How many deliveries are under way, and how many of them are overdue: at most 1,000 each are counted.
    pub(crate) async fn counts(&self) -> Result<[usize; 2], ApiError> {
        let outstanding = self.store.scan(OUTSTANDING, &[], &[], SCAN_ROWS_MAX).await?;
        Ok([outstanding.len(), self.store.scan(OVERDUE_OPEN, &[], &[], SCAN_ROWS_MAX).await?.len()])
    }

    /// Changes a row, its place in the order of time and its entries of passed deadlines at once. `None` where `decide` leaves
    /// it as it is, or it is gone.
    async fn change(
        &self,
        key: &[u8],
        mut decide: impl FnMut(&mut Holder) -> Option<Vec<(Vec<u8>, Overdue)>>,
    ) -> Result<Option<Holder>, ApiError> {
        for _ in 0..TRIES_MAX {
            let Some(was) = self.store.read(HOLDERS, key).await? else { return Ok(None) };
            let before: Holder = decode("a holder", &was).map_err(ApiError::fault)?;
            let mut row = before.clone();
            let Some(entries) = decide(&mut row) else { return Ok(None) };
            let id = row.holding.id();
            let mut batch = Batch::new().equals(HOLDERS, key, was).put(HOLDERS, key, encode(&row));
            let at = |row: &Holder| row.due.as_ref().map(|due| timed(due.next_at, &id));
            if at(&before) != at(&row) {
                batch = match at(&before) {
                    Some(old) => batch.delete(OUTSTANDING, old),
                    None => batch,
                };
                batch = match at(&row) {
                    Some(new) => batch.put(OUTSTANDING, new, Vec::new()),
                    None => batch,
                };
            }
            for (key, entry) in entries {
                batch = match entry.settled_at {
                    Some(_) => batch.delete(OVERDUE_OPEN, id),
                    None => batch.put(OVERDUE_OPEN, id, key.clone()),
                };
                batch = batch.put(OVERDUE, key, encode(&entry));
            }
            match self.store.commit(batch).await {
                Ok(()) => return Ok(Some(row)),
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(contended())
    }
}

/// The next attempt, and at the latest when the deadline passes, so that it is seen then.
fn again(due: &mut Due, reason: &str, now: UnixSeconds) {
    let next = now.plus(back_off_s(due.attempts));
    due.next_at = if due.overdue || due.due_at <= now { next } else { next.min(due.due_at) };
    due.failure = reason.to_owned();
}

/// The entry of a deadline that has passed; the deadline itself, so that a later version under way adds none.
fn entry_of(row: &Holder) -> (Vec<u8>, Overdue) {
    let id = row.holding.id();
    let (version, changed_at, due_at, failure) = match &row.due {
        Some(due) => (due.version, due.changed_at, due.due_at, due.failure.clone()),
        None => (row.told, row.since, row.since, String::new()),
    };
    let entry = Overdue { holding: row.holding.clone(), version, changed_at, due_at, failure, settled_at: None };
    (timed(due_at, &id), entry)
}

/// The same once the receipt has come, if the deadline had passed.
fn settled(row: &Holder, now: UnixSeconds) -> Vec<(Vec<u8>, Overdue)> {
    let overdue = row.due.as_ref().is_some_and(|due| due.overdue);
    let (key, entry) = entry_of(row);
    if overdue { vec![(key, Overdue { settled_at: Some(now), ..entry })] } else { Vec::new() }
}

/// Fields asked for before and now; none is all.
fn union(mut before: Vec<FieldName>, now: &[FieldName]) -> Vec<FieldName> {
    if before.is_empty() || now.is_empty() {
        return Vec::new();
    }
    before.extend_from_slice(now);
    before.sort();
    before.dedup();
    before
}

fn rows<T: BorshDeserialize>(rows: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<(Vec<u8>, T)>, ApiError> {
    rows.iter()
        .map(|(key, value)| Ok((key.clone(), decode("a row of holders", value).map_err(ApiError::fault)?)))
        .collect()
}

pub(super) fn contended() -> ApiError {
    ApiError::new(Reason::Contended, "Others changed the same holding all the time; try again.")
}

/// Neither a sector nor a record's id has a zero byte.
fn record_prefix(sector: &Sector, record: &RecordId) -> Vec<u8> {
    [sector.as_str().as_bytes(), &[0], record.as_str().as_bytes(), &[0]].concat()
}

fn holder_key(holding: &Holding, id: &HoldingId) -> Vec<u8> {
    [record_prefix(&holding.sector, &holding.record), id.to_vec()].concat()
}

fn change_key(sector: &Sector, record: &RecordId, version: u32) -> Vec<u8> {
    [record_prefix(sector, record), version.to_be_bytes().to_vec()].concat()
}

fn of_change(key: &[u8]) -> Option<(Sector, RecordId, u32)> {
    let (rest, version) = key.split_at_checked(key.len().checked_sub(4)?)?;
    let rest = std::str::from_utf8(rest.strip_suffix(&[0])?).ok()?;
    let (sector, record) = rest.split_once('\0')?;
    Some((sector.parse().ok()?, record.parse().ok()?, u32::from_be_bytes(version.try_into().ok()?)))
}
