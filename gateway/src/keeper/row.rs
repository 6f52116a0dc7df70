//! A record in the store: its versions with fields and salts. The newest may not stand on the chain yet, so the one
//! before it is kept as well: whichever the chain proves can be opened.

use crate::error::ApiError;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::record::{Field, Opening, RecordState, RecordStatus};
use comity_model::seal::HashAlgorithm;
use comity_model::{Hash, RecordId, Sector, UnixSeconds, decode, encode};
use comity_store::{Batch, Store, Table};
use comity_verify::fields;

/// Sector ‖ 0 ‖ record id → [`Row`].
pub(super) const RECORDS: Table = Table("records");
/// Versions kept: the newest and the one before.
const VERSIONS_MAX: usize = 2;

/// One version of a record.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Version {
    /// What the chain says of it.
    pub state: RecordState,
    /// The hash algorithm of the tree over its fields.
    pub algorithm: HashAlgorithm,
    /// Its fields with their salts, by name.
    pub openings: Vec<Opening>,
}

/// The versions of one record.
#[derive(Clone, Default, BorshSerialize, BorshDeserialize)]
pub(super) struct Row {
    /// As it stands in the store; `None` where it does not.
    #[borsh(skip)]
    stored: Option<Vec<u8>>,
    /// Oldest first.
    versions: Vec<Version>,
    /// Whether the newest is known to stand on the chain.
    settled: bool,
}

impl Row {
    pub(super) async fn read(store: &dyn Store, sector: &Sector, id: &RecordId) -> Result<Option<Self>, ApiError> {
        let Some(bytes) = store.read(RECORDS, &key(sector, id)).await? else { return Ok(None) };
        let row: Self = decode("a record row", &bytes).map_err(ApiError::fault)?;
        Ok(Some(Self { stored: Some(bytes), ..row }))
    }

    /// Writes the row, if nobody changed it since it was read.
    pub(super) fn write(&self, batch: Batch, sector: &Sector, id: &RecordId) -> Batch {
        let key = key(sector, id);
        let batch = match &self.stored {
            Some(stored) => batch.equals(RECORDS, key.clone(), stored.clone()),
            None => batch.absent(RECORDS, key.clone()),
        };
        batch.put(RECORDS, key, encode(self))
    }

    /// It was written as it is.
    pub(super) fn written(&mut self) {
        self.stored = Some(encode(self));
    }

    /// Whether both were read as the same, or written so.
    pub(super) fn is_as_stored(&self, other: &Self) -> bool {
        self.stored == other.stored
    }

    /// Whether one of the versions is of exactly this state.
    pub(super) fn has(&self, state: &RecordState) -> bool {
        self.versions.iter().any(|version| version.state == *state)
    }

    /// Whether the newest version is known to stand on the chain.
    pub(super) const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Its versions, oldest first.
    pub(super) fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The newest version.
    pub(super) fn last(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// The version of exactly this state.
    pub(super) fn of(self, state: &RecordState) -> Option<Version> {
        self.versions.into_iter().find(|version| version.state == *state)
    }

    /// Whether the newest version says this and is known to stand on the chain.
    pub(super) fn stands_so(&self, schema: Hash, fields: &[Field], status: RecordStatus) -> bool {
        self.settled && self.says(schema, fields, status)
    }

    /// Whether the newest version says this.
    pub(super) fn says(&self, schema: Hash, fields: &[Field], status: RecordStatus) -> bool {
        self.last().is_some_and(|last| {
            last.state.schema == schema
                && last.state.status == status
                && last.openings.iter().map(|opening| &opening.field).eq(fields)
        })
    }

    /// The newest version's state, if it is not known to stand on the chain.
    pub(super) fn unsettled(&self) -> Option<&RecordState> {
        self.last().filter(|_| !self.settled).map(|last| &last.state)
    }

    /// Adds a version with fresh salts.
    pub(super) fn add(
        &mut self,
        schema: Hash,
        fields: &[Field],
        status: RecordStatus,
        now: UnixSeconds,
    ) -> Result<(), ApiError> {
        let openings = fields.iter().map(salted).collect::<Result<Vec<_>, _>>()?;
        let algorithm = HashAlgorithm::Sha256;
        let root = fields::root(algorithm, &openings)
            .map_err(|refusal| ApiError::argument("fields", format!("{refusal}.")))?;
        let version = self.last().map_or(1, |last| last.state.version.saturating_add(1));
        let state = RecordState { schema, root, status, version, updated_at: now };
        self.versions.push(Version { state, algorithm, openings });
        if self.versions.len() > VERSIONS_MAX {
            self.versions.remove(0);
        }
        self.settled = false;
        Ok(())
    }

    /// The newest version stands on the chain.
    pub(super) const fn settle(&mut self) {
        self.settled = true;
    }
}

/// 128 random bits for each field and version: without them a low-entropy value could be guessed from its hash.
fn salted(field: &Field) -> Result<Opening, ApiError> {
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|error| ApiError::fault(error.to_string()))?;
    Ok(Opening { salt, field: field.clone() })
}

/// A sector's name has no zero byte, so two records never share a key.
fn key(sector: &Sector, id: &RecordId) -> Vec<u8> {
    [sector.as_str().as_bytes(), b"\0", id.as_str().as_bytes()].concat()
}
