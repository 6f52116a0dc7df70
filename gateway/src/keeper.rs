//! The records that the institution keeps: their fields and salts in the store, their commitments on the chain.
//! It refuses to know who may read them.

mod index;
mod place;
mod row;
pub(crate) mod stored;

pub use row::Version;

use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::following::{Changed, HolderBook};
use crate::lookup::LookupKey;
use crate::records::Recent;
use crate::sectors::{SectorSchema, Sectors};
use crate::signer::{SignerClient, SignerError};
use crate::view::HomeState;
use comity_adapters_ports::{Outcome, Submit};
use comity_model::record::{Field, RecordState, RecordStatus};
use comity_model::state::StatePath;
use comity_model::tx::{Message, RecordBatch};
use comity_model::{Hash, Height, MemberId, RecordId, Sector, UnixSeconds, decode};
use comity_store::{Batch, Store};
use comity_verify::lookup;
use index::Changes;
use row::Row;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Records that are published together, and in one call of the API.
pub(crate) const BATCH_MAX: usize = 500;
/// Records and index entries in one transaction.
const SUBMIT_MAX: usize = 1_000;

/// What the chain says of a version that does not follow the one that stands.
const RECORD_VERSION: &str = "RECORD_VERSION";

/// Keeps the institution's records.
#[derive(Clone)]
pub struct RecordKeeper(Arc<Parts>);

struct Parts {
    told: KeeperParts,
    /// Who has to be told of new versions.
    holders: HolderBook,
    /// What readers were told of the records a short while ago.
    recent: Recent,
    /// One publication at a time: versions count up. Those of another gateway over the same store are met at the rows,
    /// which are written only as they were read.
    publishing: Mutex<()>,
}

impl std::ops::Deref for Parts {
    type Target = KeeperParts;
    fn deref(&self) -> &KeeperParts {
        &self.told
    }
}

/// What a keeper is made of.
pub struct KeeperParts {
    /// The institution.
    pub institution: MemberId,
    /// Its own chain, verified.
    pub home: HomeState,
    /// Takes transactions to it.
    pub submit: Arc<dyn Submit>,
    /// Its durable state.
    pub store: Arc<dyn Store>,
    /// Its signer.
    pub signer: SignerClient,
    /// The sectors.
    pub sectors: Arc<Sectors>,
    /// The key of its private lookups; without one, none of its sectors can be searched by person.
    pub lookup: Option<Arc<LookupKey>>,
    /// What time it is.
    pub clock: Clock,
}

/// What became of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Records that are new or have a new version.
    pub changed: usize,
    /// Records that stood so already.
    pub unchanged: usize,
    /// What the chain says of each record now, in the order of the call.
    pub records: Vec<Stands>,
    /// The first header whose state has them all.
    pub header: Height,
}

/// How a record stands after a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    /// Its id on the chain: its name, or the private id of that.
    pub id: RecordId,
    /// What the chain says of it.
    pub state: RecordState,
    /// Whether this publication made it so.
    pub changed: bool,
}

impl RecordKeeper {
    /// A keeper.
    #[must_use]
    pub fn new(parts: KeeperParts) -> Self {
        let holders = HolderBook::new(parts.store.clone());
        Self(Arc::new(Parts { told: parts, holders, recent: Recent::new(), publishing: Mutex::new(()) }))
    }

    /// What readers were told of the records a short while ago.
    pub(crate) fn recent(&self) -> &Recent {
        &self.0.recent
    }

    /// Who holds the institution's records.
    pub(crate) fn holders(&self) -> &HolderBook {
        &self.0.holders
    }

    /// Publishes records: checks them against the sector's schema, salts each field anew, keeps fields and salts in the
    /// store, then commits to them on the chain, at most 500 in a transaction, and has that proven. Returns when the state
    /// with all of them is under a verified header. A record that stands so already is left as it is; repeating a publication that broke
    /// off finishes it. In a sector that is searchable, its index by person follows in the same transactions.
    ///
    /// # Errors
    /// The schema's reasons, with nothing written; `INVALID_ARGUMENT` for a record given twice; `SIGNER_REFUSED`,
    /// `CHAIN_REFUSED` and unavailability, where earlier batches stand; `CONTENDED` where another gateway publishes one
    /// of them now.
    pub async fn publish(&self, sector: &Sector, records: Vec<(RecordId, Vec<Field>)>) -> Result<Published, ApiError> {
        self.change(sector, records, RecordStatus::Current).await
    }

    /// Withdraws records: their last fields stay, and stay provable, under the status `WITHDRAWN`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a record that this institution does not keep; otherwise as [`RecordKeeper::publish`].
    pub async fn withdraw(&self, sector: &Sector, ids: Vec<RecordId>) -> Result<Published, ApiError> {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            let row = self.row(sector, &id).await?;
            let last = row.as_ref().and_then(Row::last);
            let last = last.ok_or_else(|| ApiError::argument("id", "This institution keeps no such record."))?;
            let fields = last.openings.iter().map(|opening| opening.field.clone()).collect();
            records.push((id, fields));
        }
        self.change(sector, records, RecordStatus::Withdrawn).await
    }

    /// The version of a record that has exactly this state on the chain.
    ///
    /// # Errors
    /// The store's.
    pub async fn version(
        &self,
        sector: &Sector,
        id: &RecordId,
        state: &RecordState,
    ) -> Result<Option<Version>, ApiError> {
        Ok(self.row(sector, id).await?.and_then(|row| row.of(state)))
    }

    /// The newest state of a record, whether or not it stands on the chain yet.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn newest(&self, sector: &Sector, id: &RecordId) -> Result<Option<RecordState>, ApiError> {
        Ok(self.row(sector, id).await?.and_then(|row| row.last().map(|last| last.state.clone())))
    }

    async fn change(
        &self,
        sector: &Sector,
        records: Vec<(RecordId, Vec<Field>)>,
        status: RecordStatus,
    ) -> Result<Published, ApiError> {
        let schema = self.schema(sector)?;
        let mut seen = HashSet::new();
        for (id, fields) in &records {
            schema.check_record(id, fields)?;
            if !seen.insert(id) {
                return Err(ApiError::argument("records", "A record is given twice."));
            }
        }
        let _publishing = self.0.publishing.lock().await;
        let stands = Vec::with_capacity(records.len());
        let mut published = Published { changed: 0, unchanged: 0, records: stands, header: Height(0) };
        for batch in records.chunks(BATCH_MAX) {
            self.publish_batch(schema, batch, status, &mut published).await?;
        }
        if published.header == Height(0) {
            published.header = self.0.home.view().fresh().await?.height();
        } else {
            let _ = self.0.home.view().header_soon(published.header).await?;
        }
        Ok(published)
    }

    async fn publish_batch(
        &self,
        schema: &SectorSchema,
        records: &[(RecordId, Vec<Field>)],
        status: RecordStatus,
        published: &mut Published,
    ) -> Result<(), ApiError> {
        let now = self.0.clock.now().unix_seconds();
        let lookup = self.0.lookup.clone().filter(|_| schema.searchable || schema.private_ids());
        let (mut staged, mut changes) = (Staged::default(), Changes::default());
        let ids = self.ids(schema, records.iter().map(|(name, _)| name.clone()).collect()).await?;
        for ((id, fields), on_chain) in records.iter().zip(&ids) {
            let row = self.row(&schema.name, id).await?.unwrap_or_default();
            if schema.searchable && lookup.is_some() {
                changes.note(schema, id, &row, fields, status);
            }
            let says = Says { schema: schema.schema_hash, fields, status };
            let (state, changed) = staged.add(id, row, &says, now)?;
            *(if changed { &mut published.changed } else { &mut published.unchanged }) += 1;
            published.records.push(Stands { id: on_chain.clone(), state, changed });
        }
        let ids: HashMap<&RecordId, &RecordId> = records.iter().map(|(name, _)| name).zip(&ids).collect();
        // Records of the index are called what they are on the chain.
        let on_chain = |name: &RecordId| ids.get(name).map_or_else(|| name.clone(), |id| (*id).clone());
        if let Some(key) = lookup {
            self.stage_index(schema, key, changes, &mut staged, now).await?;
        }
        let unfinished = staged.unfinished.into_iter().map(|(name, state)| (on_chain(&name), state));
        self.submit(schema, unfinished.collect(), published).await?;
        for rows in staged.rows.chunks_mut(SUBMIT_MAX) {
            // Fields and salts are durable before the chain commits to them.
            self.keep(schema, rows, None).await?;
            rows.iter_mut().for_each(|(_, row)| row.written());
            let states = rows.iter().filter_map(|(id, row)| Some((on_chain(id), row.last()?.state.clone())));
            match self.submit(schema, states.collect(), published).await {
                // Another gateway over this store brought ours to the chain, and its own after it.
                Err(error)
                    if error.metadata("chain_reason") == Some(RECORD_VERSION)
                        && self.overtaken(&schema.name, rows).await? =>
                {
                    return Err(ApiError::new(Reason::Contended, "One of the records changed meanwhile; try again."));
                }
                submitted => submitted?,
            }
            for (_, row) in rows.iter_mut() {
                row.settle();
            }
            // The header is the one after the block that they stand in.
            self.settle(schema, rows, published.header.0.checked_sub(1).map(Height)).await?;
        }
        if schema.followed {
            self.0.holders.wake();
        }
        Ok(())
    }

    /// Whether one of these rows is no longer as it was kept here.
    async fn overtaken(&self, sector: &Sector, rows: &[(RecordId, Row)]) -> Result<bool, ApiError> {
        for (id, kept) in rows {
            if self.row(sector, id).await?.is_none_or(|row| !row.is_as_stored(kept)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keeps rows whose newest version stands. Where another gateway has added one meanwhile, the row is that one's to
    /// settle.
    async fn settle(
        &self,
        schema: &SectorSchema,
        rows: &[(RecordId, Row)],
        stands: Option<Height>,
    ) -> Result<(), ApiError> {
        match self.keep(schema, rows, stands).await {
            Err(error) if error.reason() == Reason::Contended => {}
            kept => return kept,
        }
        for row in rows {
            match self.keep(schema, std::slice::from_ref(row), stands).await {
                Err(error) if error.reason() == Reason::Contended => {}
                kept => kept?,
            }
        }
        Ok(())
    }

    /// Stages the sector's published lookup key and the entries that change.
    async fn stage_index(
        &self,
        schema: &SectorSchema,
        key: Arc<LookupKey>,
        changes: Changes,
        staged: &mut Staged,
        now: UnixSeconds,
    ) -> Result<(), ApiError> {
        let (id, fields) = (lookup::key_id(), index::published(&key)?);
        let row = self.row(&schema.name, &id).await?.unwrap_or_default();
        let _ = staged.add(&id, row, &Says::of_index(&fields), now)?;
        for (id, change) in changes.under(key, schema.name.clone()).await? {
            let row = self.row(&schema.name, &id).await?.unwrap_or_default();
            if let Some(fields) = index::entry(&row, &change)? {
                let _ = staged.add(&id, row, &Says::of_index(&fields), now)?;
            }
        }
        Ok(())
    }

    async fn submit(
        &self,
        schema: &SectorSchema,
        records: Vec<(RecordId, RecordState)>,
        published: &mut Published,
    ) -> Result<(), ApiError> {
        for records in records.chunks(SUBMIT_MAX) {
            let batch = RecordBatch {
                chain: self.0.home.view().chain().clone(),
                member: self.0.institution.clone(),
                sector: schema.name.clone(),
                records: records.to_vec(),
            };
            let seal = self.0.signer.seal_records(batch.clone()).await.map_err(signer_failed)?;
            match self.0.submit.submit(vec![Message::PutRecords { batch, seal }]).await? {
                Outcome::Committed { height, .. } => {
                    self.check_stands(schema, records, height.next()).await?;
                    published.header = published.header.max(height.next());
                }
                Outcome::Refused { code, detail } => return Err(chain_refused(code.as_str(), detail)),
            }
        }
        Ok(())
    }

    /// Whether records that the node says were carried out are. One speaks for its transaction, which is carried out whole,
    /// and whose salts nobody else has.
    async fn check_stands(
        &self,
        schema: &SectorSchema,
        records: &[(RecordId, RecordState)],
        header: Height,
    ) -> Result<(), ApiError> {
        let Some((id, state)) = records.last() else { return Ok(()) };
        let header = self.0.home.view().header_soon(header).await?;
        let stood = self.0.home.under(&StatePath::Record(schema.name.clone(), id.clone()), header).await?;
        let found = stood.what.value().map(|value| decode::<RecordState>("record state", value.value())).transpose();
        // Versions are without gaps: a later one, of another gateway over this store, stands on this one.
        let stands =
            found.map_err(ApiError::fault)?.is_some_and(|found| found == *state || found.version > state.version);
        if stands {
            return Ok(());
        }
        let message = "The node says that the records stand, and its chain's state proves that they do not; try again.";
        Err(ApiError::new(Reason::ChainUnavailable, message))
    }

    /// Keeps rows, and with them what their holders have to be told; `height` is that of the block, once it is known.
    async fn keep(
        &self,
        schema: &SectorSchema,
        rows: &[(RecordId, Row)],
        height: Option<Height>,
    ) -> Result<(), ApiError> {
        let mut batch = Batch::new();
        for (id, row) in rows {
            batch = row.write(batch, &schema.name, id);
            let Some(last) = row.last().filter(|_| schema.followed && !lookup::is_reserved(id)) else { continue };
            // Nobody can hold a first version before it stands.
            if last.state.version > 1 {
                let changed = Changed {
                    sector: schema.name.clone(),
                    record: id.clone(),
                    version: last.state.version,
                    height,
                    at: last.state.updated_at,
                };
                batch = HolderBook::write_change(batch, &changed);
            }
        }
        let kept = self.0.store.commit(batch).await;
        // Before it stands on the chain, and once more when it does.
        self.0.recent.published(&schema.name, rows.iter().map(|(id, _)| id));
        Ok(kept?)
    }

    async fn row(&self, sector: &Sector, id: &RecordId) -> Result<Option<Row>, ApiError> {
        Row::read(self.0.store.as_ref(), sector, id).await
    }

    fn schema(&self, sector: &Sector) -> Result<&SectorSchema, ApiError> {
        self.0.sectors.sector(sector).ok_or_else(|| unknown_sector(sector))
    }
}

/// What a record is to say.
struct Says<'a> {
    schema: Hash,
    fields: &'a [Field],
    status: RecordStatus,
}

impl<'a> Says<'a> {
    /// A record of an index.
    fn of_index(fields: &'a [Field]) -> Self {
        Self { schema: lookup::schema(), fields, status: RecordStatus::Current }
    }
}

/// What a publication is about to write.
#[derive(Default)]
struct Staged {
    /// Versions that were kept and perhaps never committed: they go first, or the next ones find a gap.
    unfinished: Vec<(RecordId, RecordState)>,
    rows: Vec<(RecordId, Row)>,
}

impl Staged {
    /// The state in which the record will stand, and whether this publication makes it so.
    fn add(
        &mut self,
        id: &RecordId,
        mut row: Row,
        says: &Says<'_>,
        now: UnixSeconds,
    ) -> Result<(RecordState, bool), ApiError> {
        let stands = row.stands_so(says.schema, says.fields, says.status);
        if !stands {
            self.unfinished.extend(row.unsettled().map(|state| (id.clone(), state.clone())));
            if !row.says(says.schema, says.fields, says.status) {
                row.add(says.schema, says.fields, says.status, now)?;
            }
        }
        let state = row.last().map(|last| last.state.clone());
        let state = state.ok_or_else(|| ApiError::fault("a record that stands has no version"))?;
        if !stands {
            self.rows.push((id.clone(), row));
        }
        Ok((state, !stands))
    }
}

/// No such sector.
pub(crate) fn unknown_sector(sector: &Sector) -> ApiError {
    ApiError::new(Reason::UnknownSector, format!("There is no sector {sector}.")).with("sector", sector.as_str())
}

/// What the signer said, for a caller.
pub(crate) fn signer_failed(error: SignerError) -> ApiError {
    match error {
        SignerError::Refused { code, message } => {
            ApiError::new(Reason::SignerRefused, format!("The signer refuses: {message}.")).with("signer_reason", code)
        }
        SignerError::Unavailable(_) => {
            ApiError::new(Reason::SignerUnavailable, "The institution's signer does not answer now.").because(error)
        }
    }
}

/// The chain's own reason passes on; its words go to the operator.
pub(crate) fn chain_refused(code: &str, detail: String) -> ApiError {
    ApiError::new(Reason::ChainRefused, format!("The chain refused: {code}."))
        .with("chain_reason", code)
        .because(detail)
}
