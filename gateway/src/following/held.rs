//! The holder's book: what the institution holds of others' records, by proof, what it held before, and what changed. Several
//! gateways over one store may write it: every change is a compare-and-set.
//! It refuses to know who brings an answer: it takes those that were verified, and which follows which `verify` says.

use super::holders::contended;
use super::rows::{Count, of_time};
use super::{Holding, HoldingId, TRIES_MAX, timed};
use crate::audit::Purpose;
use crate::error::ApiError;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::record::{RecordState, RecordStatus};
use comity_model::{FieldName, Height, UnixSeconds, decode, encode};
use comity_store::{Batch, SCAN_ROWS_MAX, Store, StoreError, Table};
use comity_verify::fields::Disclosure;
use comity_verify::following::{Succession, succession};
use comity_verify::state::ProvenAt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Holding id → [`Held`].
const HELD: Table = Table("held");
/// Holding id, version → [`Kept`].
const ANSWERS: Table = Table("held_answers");
/// Shard → how many.
const COUNTS: Table = Table("held_counts");
/// Time of the next check, holding id → nothing.
const CHECKS: Table = Table("held_checks");
/// Holding id → nothing, while a later version is proven that was not handed over.
const OUTDATED: Table = Table("held_outdated");
/// Holding id → [`Ending`]: its keeper is to be told.
const ENDINGS: Table = Table("held_endings");
/// Number, big-endian → [`Change`].
const CHANGES: Table = Table("held_changes");
/// `last` → the number of the last change.
const LAST: &[u8] = b"last";
const CHANGES_LAST: Table = Table("held_changes_last");

/// Answers that are kept beside the one that holds.
const SUPERSEDED_MAX: usize = 8;
/// Changes that are kept: who watches and was away for longer starts anew.
const CHANGES_MAX: u64 = 100_000;

/// A record of another institution, as it is held here.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Held {
    pub(crate) holding: Holding,
    /// Fields that were asked for; empty for all that the role may see.
    pub(crate) fields: Vec<FieldName>,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) since: UnixSeconds,
    pub(crate) answer: Answer,
    /// The latest first.
    pub(crate) superseded: Vec<Answer>,
    /// A later version than the answer's, proven to stand.
    pub(crate) newest: Option<(RecordState, ProvenAt)>,
    /// The last header under which nothing later stood than is known here.
    pub(crate) checked: Option<ProvenAt>,
    pub(crate) failure: String,
    pub(crate) next_check: UnixSeconds,
}

/// An answer, without its fields.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Answer {
    pub(crate) state: RecordState,
    pub(crate) at: ProvenAt,
    pub(crate) source: Source,
    pub(crate) learnt_at: UnixSeconds,
    pub(crate) superseded_at: Option<UnixSeconds>,
}

/// Its fields and its proof.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Kept {
    pub(crate) state: RecordState,
    pub(crate) at: ProvenAt,
    pub(crate) icsproof: Vec<u8>,
    pub(crate) disclosure: Disclosure,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Source {
    Read,
    Delivered,
    Found,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Change {
    pub(crate) holding: Holding,
    pub(crate) kind: ChangeKind,
    pub(crate) version: u32,
    pub(crate) status: RecordStatus,
    pub(crate) height: Height,
    pub(crate) at: UnixSeconds,
    /// Whether its keeper should have delivered it by then.
    pub(crate) withheld: bool,
}

/// In what way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum ChangeKind {
    Delivered,
    Found,
    Outdated,
    Ended,
}

/// A holding that ended, of which the keeper does not know yet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Ending {
    pub(super) holding: Holding,
    pub(super) attempts: u32,
    pub(super) next_at: UnixSeconds,
}

/// What was asked, and by whom: what a holding begins with.
pub(crate) struct Asked {
    pub(crate) holding: Holding,
    pub(crate) fields: Vec<FieldName>,
    pub(crate) purpose: Option<Purpose>,
}

/// What a check of the keeper's chain has shown.
pub(super) enum Checked {
    /// This state stands, under this header.
    Stands(RecordState, ProvenAt),
    /// It could not be shown.
    Failed(&'static str),
}

/// What the institution holds.
#[derive(Clone)]
pub(crate) struct HeldBook {
    store: Arc<dyn Store>,
    check_every: Duration,
    news: Arc<Notify>,
}

impl HeldBook {
    pub(crate) fn new(store: Arc<dyn Store>, check_every: Duration) -> Self {
        Self { store, check_every, news: Arc::default() }
    }

    /// Takes up what somebody here has read, durably, before it is handed out.
    ///
    /// # Errors
    /// `HOLDINGS_FULL`; `PROOF_REFUSED` where it contradicts what was proven before.
    pub(crate) async fn read(&self, asked: Asked, kept: Kept, now: UnixSeconds) -> Result<(), ApiError> {
        let id = asked.holding.id();
        for _ in 0..TRIES_MAX {
            let Some(was) = self.store.read(HELD, &id).await? else {
                let row = self.first(&asked, &kept, now);
                let count = Count::read(self.store.as_ref(), COUNTS, b"", &id).await?;
                let batch = Batch::new().absent(HELD, id).put(HELD, id, encode(&row));
                let batch = batch.put(CHECKS, timed(row.next_check, &id), Vec::new());
                let batch = count.add(batch.put(ANSWERS, answer_key(&id, kept.state.version), encode(&kept)))?;
                match self.store.commit(batch).await {
                    Ok(()) => return Ok(()),
                    Err(StoreError::Conflict | StoreError::Unknown(_)) => continue,
                    Err(error) => return Err(error.into()),
                }
            };
            let mut row: Held = decode("a holding", &was).map_err(ApiError::fault)?;
            row.fields = match row.fields.is_empty() || asked.fields.is_empty() {
                true => Vec::new(),
                false => {
                    row.fields.extend(asked.fields.iter().cloned());
                    row.fields.sort();
                    row.fields.dedup();
                    row.fields
                }
            };
            row.purpose = asked.purpose.clone().or(row.purpose);
            let batch = self.taken(Batch::new(), &mut row, &kept, Source::Read, now, false).await?.0;
            if self.write(batch, was, &row).await? {
                return Ok(());
            }
        }
        Err(contended())
    }

    /// Takes up an answer that was delivered or found. The row as it is then, and how the answer stood to what was held;
    /// `None` where nothing is held.
    pub(super) async fn take(
        &self,
        id: &HoldingId,
        kept: &Kept,
        source: Source,
        withheld: bool,
        now: UnixSeconds,
    ) -> Result<Option<(Held, Succession)>, ApiError> {
        for _ in 0..TRIES_MAX {
            let Some(was) = self.store.read(HELD, id).await? else { return Ok(None) };
            let mut row: Held = decode("a holding", &was).map_err(ApiError::fault)?;
            let (batch, how) = self.taken(Batch::new(), &mut row, kept, source, now, withheld).await?;
            if self.write(batch, was, &row).await? {
                return Ok(Some((row, how)));
            }
        }
        Err(contended())
    }

    /// What a check has shown. The row as it is then, and whether a later version is now known that is not here.
    pub(super) async fn checked(
        &self,
        id: &HoldingId,
        shown: &Checked,
        withheld: impl Fn(&RecordState) -> bool,
        now: UnixSeconds,
    ) -> Result<Option<(Held, bool)>, ApiError> {
        for _ in 0..TRIES_MAX {
            let Some(was) = self.store.read(HELD, id).await? else { return Ok(None) };
            let mut row: Held = decode("a holding", &was).map_err(ApiError::fault)?;
            let mut batch = Batch::new();
            match shown {
                Checked::Failed(reason) => (*reason).clone_into(&mut row.failure),
                Checked::Stands(state, at) => {
                    let judged = succession((&row.answer.state, row.answer.at.height), (state, at.height));
                    let how = judged.map_err(|refusal| ApiError::proof("peer", &row.holding.keeper, &refusal))?;
                    row.failure.clear();
                    let known = row.newest.as_ref().is_some_and(|(newest, _)| newest.version >= state.version);
                    match how {
                        Succession::Later if !known => {
                            row.newest = Some((state.clone(), at.clone()));
                            let late = withheld(state);
                            batch = self.outdated(batch, id, &row, (state, at), late, now).await?;
                        }
                        Succession::Later | Succession::Earlier => {}
                        Succession::Same => row.checked = later(row.checked.take(), at),
                    }
                }
            }
            let outdated = row.newest.is_some();
            if self.write(batch, was, &row).await? {
                return Ok(Some((row, outdated)));
            }
        }
        Err(contended())
    }

    /// Holdings whose time to be checked has come; each is this caller's until it comes again, which is at `retry` unless the
    /// check succeeds.
    pub(super) async fn claim_checks(&self, now: UnixSeconds, limit: usize) -> Result<Vec<Held>, ApiError> {
        let mut claimed = Vec::new();
        for (key, _) in self.store.scan(CHECKS, &[], &[], limit).await? {
            let Some((at, id)) = of_time(&key) else { continue };
            if at > now {
                break;
            }
            let Some(was) = self.store.read(HELD, &id).await? else {
                self.store.commit(Batch::new().delete(CHECKS, key)).await?;
                continue;
            };
            let mut row: Held = decode("a holding", &was).map_err(ApiError::fault)?;
            if row.next_check != at {
                self.store.commit(Batch::new().delete(CHECKS, key)).await?;
                continue;
            }
            row.next_check = now.plus(self.every_s());
            if self.write(Batch::new(), was, &row).await? {
                claimed.push(row);
            }
        }
        Ok(claimed)
    }

    /// Has a holding checked again at that time.
    pub(super) async fn check_at(&self, id: &HoldingId, at: UnixSeconds) -> Result<(), ApiError> {
        let Some(was) = self.store.read(HELD, id).await? else { return Ok(()) };
        let mut row: Held = decode("a holding", &was).map_err(ApiError::fault)?;
        row.next_check = row.next_check.min(at);
        // Where another changed it meanwhile, it is checked in its turn.
        self.write(Batch::new(), was, &row).await.map(|_| ())
    }

    /// Holds it no longer; its keeper is to be told. `false` where nothing was held.
    pub(super) async fn end(&self, id: &HoldingId, now: UnixSeconds) -> Result<bool, ApiError> {
        for _ in 0..TRIES_MAX {
            let Some(was) = self.store.read(HELD, id).await? else { return Ok(false) };
            let row: Held = decode("a holding", &was).map_err(ApiError::fault)?;
            let count = Count::read(self.store.as_ref(), COUNTS, b"", id).await?;
            let mut batch = Batch::new().equals(HELD, *id, was).delete(HELD, *id).delete(OUTDATED, *id);
            batch = batch.delete(CHECKS, timed(row.next_check, id));
            for answer in row.superseded.iter().chain([&row.answer]) {
                batch = batch.delete(ANSWERS, answer_key(id, answer.state.version));
            }
            let ending = Ending { holding: row.holding.clone(), attempts: 0, next_at: now };
            batch = count.take(batch.put(ENDINGS, *id, encode(&ending)));
            let change = Change {
                holding: row.holding.clone(),
                kind: ChangeKind::Ended,
                version: row.answer.state.version,
                status: row.answer.state.status,
                height: row.answer.at.height,
                at: now,
                withheld: false,
            };
            batch = self.tell(batch, &change).await?;
            match self.store.commit(batch).await {
                Ok(()) => {
                    self.news.notify_waiters();
                    return Ok(true);
                }
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(contended())
    }

    /// Endings that keepers are to be told of now.
    pub(super) async fn endings(&self, now: UnixSeconds, limit: usize) -> Result<Vec<Ending>, ApiError> {
        let rows = self.store.scan(ENDINGS, &[], &[], limit).await?;
        let endings = rows.iter().map(|(_, bytes)| decode("an ending", bytes).map_err(ApiError::fault));
        let endings = endings.collect::<Result<Vec<Ending>, _>>()?;
        Ok(endings.into_iter().filter(|ending| ending.next_at <= now).collect())
    }

    /// The keeper was told, or is to be told again then. A holding that began anew meanwhile is not ended by it.
    pub(super) async fn ending(&self, ending: &Ending, again: Option<UnixSeconds>) -> Result<(), ApiError> {
        let id = ending.holding.id();
        let batch = Batch::new().equals(ENDINGS, id, encode(ending));
        let batch = match again {
            None => batch.delete(ENDINGS, id),
            Some(next_at) => {
                let attempts = ending.attempts.saturating_add(1);
                batch.put(ENDINGS, id, encode(&Ending { attempts, next_at, ..ending.clone() }))
            }
        };
        match self.store.commit(batch).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What is held under this id.
    pub(super) async fn held(&self, id: &HoldingId) -> Result<Option<Held>, ApiError> {
        let row = self.store.read(HELD, id).await?;
        row.map(|bytes| decode("a holding", &bytes)).transpose().map_err(ApiError::fault)
    }

    /// The fields and the proof of an answer.
    pub(super) async fn kept(&self, id: &HoldingId, version: u32) -> Result<Option<Kept>, ApiError> {
        let row = self.store.read(ANSWERS, &answer_key(id, version)).await?;
        row.map(|bytes| decode("an answer", &bytes)).transpose().map_err(ApiError::fault)
    }

    /// Holdings from `from` on, by id; only the outdated ones if so wanted.
    pub(super) async fn page(&self, outdated: bool, from: &[u8], limit: usize) -> Result<Vec<Held>, ApiError> {
        if !outdated {
            let rows = self.store.scan(HELD, &[], from, limit).await?;
            return rows.iter().map(|(_, bytes)| decode("a holding", bytes).map_err(ApiError::fault)).collect();
        }
        let mut page = Vec::new();
        for (id, _) in self.store.scan(OUTDATED, &[], from, limit).await? {
            if let Some(held) = self.held(&id.as_slice().try_into().map_err(ApiError::fault)?).await? {
                page.push(held);
            }
        }
        Ok(page)
    }

    /// How many are outdated: at most 1,000 are counted.
    pub(crate) async fn outdated_count(&self) -> Result<usize, ApiError> {
        Ok(self.store.scan(OUTDATED, &[], &[], SCAN_ROWS_MAX).await?.len())
    }

    /// The number of the last change.
    pub(super) async fn last_change(&self) -> Result<u64, ApiError> {
        Ok(number(self.store.read(CHANGES_LAST, LAST).await?.as_deref()))
    }

    /// Changes after the one of this number, in order.
    pub(super) async fn changes(&self, after: u64, limit: usize) -> Result<Vec<(u64, Change)>, ApiError> {
        let from = after.saturating_add(1).to_be_bytes();
        let rows = self.store.scan(CHANGES, &[], &from, limit).await?;
        rows.iter()
            .map(|(key, value)| Ok((number(Some(key)), decode("a change", value).map_err(ApiError::fault)?)))
            .collect()
    }

    /// Returns when something may have changed through this gateway.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    fn every_s(&self) -> u64 {
        self.check_every.as_secs().max(1)
    }

    fn first(&self, asked: &Asked, kept: &Kept, now: UnixSeconds) -> Held {
        let Asked { holding, fields, purpose } = asked;
        let answer = answer(kept, Source::Read, now);
        // The first checks spread over the period, so that what was read in one hour is not checked in one second.
        let spread = u64::from(u16::from_be_bytes([holding.id()[1], holding.id()[2]]));
        let wait = self.every_s().saturating_add(self.every_s().saturating_mul(spread) / 65_536);
        Held {
            holding: holding.clone(),
            fields: fields.clone(),
            purpose: purpose.clone(),
            since: now,
            answer,
            superseded: Vec::new(),
            newest: None,
            checked: Some(kept.at.clone()),
            failure: String::new(),
            next_check: now.plus(wait),
        }
    }

    /// Puts an answer in the place that it has: as the one that holds, or nowhere.
    async fn taken(
        &self,
        mut batch: Batch,
        row: &mut Held,
        kept: &Kept,
        source: Source,
        now: UnixSeconds,
        withheld: bool,
    ) -> Result<(Batch, Succession), ApiError> {
        let id = row.holding.id();
        let found = (&kept.state, kept.at.height);
        let how = succession((&row.answer.state, row.answer.at.height), found);
        let how = how.map_err(|refusal| ApiError::proof("peer", &row.holding.keeper, &refusal))?;
        match how {
            Succession::Earlier => {}
            Succession::Same => {
                row.checked = later(row.checked.take(), &kept.at);
                // The fuller one stays: a reading of one field does not take the others away.
                let before = self.kept(&id, kept.state.version).await?;
                if before.is_none_or(|before| before.disclosure.opened.len() < kept.disclosure.opened.len()) {
                    batch = batch.put(ANSWERS, answer_key(&id, kept.state.version), encode(kept));
                }
            }
            Succession::Later => {
                let mut old = std::mem::replace(&mut row.answer, answer(kept, source, now));
                old.superseded_at = Some(now);
                row.superseded.insert(0, old);
                for gone in row.superseded.drain(SUPERSEDED_MAX.min(row.superseded.len())..) {
                    batch = batch.delete(ANSWERS, answer_key(&id, gone.state.version));
                }
                row.checked = later(row.checked.take(), &kept.at);
                row.failure.clear();
                if row.newest.as_ref().is_some_and(|(newest, _)| newest.version <= kept.state.version) {
                    row.newest = None;
                    batch = batch.delete(OUTDATED, id);
                }
                batch = batch.put(ANSWERS, answer_key(&id, kept.state.version), encode(kept));
                let kind = if source == Source::Delivered { ChangeKind::Delivered } else { ChangeKind::Found };
                let change = Change {
                    holding: row.holding.clone(),
                    kind,
                    version: kept.state.version,
                    status: kept.state.status,
                    height: kept.at.height,
                    at: now,
                    withheld,
                };
                batch = self.tell(batch, &change).await?;
            }
        }
        Ok((batch, how))
    }

    async fn outdated(
        &self,
        batch: Batch,
        id: &HoldingId,
        row: &Held,
        (state, at): (&RecordState, &ProvenAt),
        withheld: bool,
        now: UnixSeconds,
    ) -> Result<Batch, ApiError> {
        let change = Change {
            holding: row.holding.clone(),
            kind: ChangeKind::Outdated,
            version: state.version,
            status: state.status,
            height: at.height,
            at: now,
            withheld,
        };
        self.tell(batch.put(OUTDATED, *id, Vec::new()), &change).await
    }

    /// Adds a change to the row of changes; whoever else adds one at once makes this batch conflict.
    async fn tell(&self, batch: Batch, change: &Change) -> Result<Batch, ApiError> {
        let was = self.store.read(CHANGES_LAST, LAST).await?;
        let next = number(was.as_deref()).saturating_add(1);
        let batch = match was {
            Some(was) => batch.equals(CHANGES_LAST, LAST, was),
            None => batch.absent(CHANGES_LAST, LAST),
        };
        let batch = batch.put(CHANGES_LAST, LAST, next.to_be_bytes()).put(CHANGES, next.to_be_bytes(), encode(change));
        Ok(match next.checked_sub(CHANGES_MAX) {
            Some(old) => batch.delete(CHANGES, old.to_be_bytes()),
            None => batch,
        })
    }

    /// Writes a changed row; `false` where another change came first.
    async fn write(&self, batch: Batch, was: Vec<u8>, row: &Held) -> Result<bool, ApiError> {
        let id = row.holding.id();
        let before: Held = decode("a holding", &was).map_err(ApiError::fault)?;
        let mut batch = batch.equals(HELD, id, was).put(HELD, id, encode(row));
        if before.next_check != row.next_check {
            batch = batch.delete(CHECKS, timed(before.next_check, &id));
            batch = batch.put(CHECKS, timed(row.next_check, &id), Vec::new());
        }
        match self.store.commit(batch).await {
            Ok(()) => {
                self.news.notify_waiters();
                Ok(true)
            }
            Err(StoreError::Conflict | StoreError::Unknown(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn answer(kept: &Kept, source: Source, now: UnixSeconds) -> Answer {
    Answer { state: kept.state.clone(), at: kept.at.clone(), source, learnt_at: now, superseded_at: None }
}

fn later(before: Option<ProvenAt>, now: &ProvenAt) -> Option<ProvenAt> {
    Some(before.filter(|before| before.height > now.height).unwrap_or_else(|| now.clone()))
}

fn number(bytes: Option<&[u8]>) -> u64 {
    bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?))).unwrap_or(0)
}

fn answer_key(id: &HoldingId, version: u32) -> Vec<u8> {
    [id.as_slice(), &version.to_be_bytes()].concat()
}
