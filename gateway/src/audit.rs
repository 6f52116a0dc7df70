//! Who had access to personal data, when, to which, and why: one row an access, appended before the data is handed out.
//! Accesses at about the same time become durable together. It refuses to hold the data itself: rows name fields, never
//! values.

mod group;
mod trail;

pub(crate) use trail::TrailService;

use crate::error::ApiError;
use crate::identity::Caller;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::consent::SignedConsent;
use comity_model::{FieldName, Time, encode};
use comity_proto::v1;
use comity_store::{Batch, SCAN_ROWS_MAX, Store, Table};
use group::Group;
use std::sync::Arc;

/// Time (big-endian seconds and nanoseconds) ‖ 8 random bytes → [`Entry`].
const AUDIT: Table = Table("audit");
/// Hash of a signed consent → the consent.
const CONSENTS: Table = Table("consents");
/// Bytes of such a key.
const KEY_BYTES: usize = 20;
/// Longest text of a purpose's parts, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// Why personal data is asked for: all three parts said, none too long.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Purpose {
    /// The case.
    pub case_number: String,
    /// The provision that permits it.
    pub legal_basis: String,
    /// In a few words, why.
    pub purpose: String,
}

impl Purpose {
    /// The purpose that a request states; `None` if it states none.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for one that is stated in part, or too long.
    pub fn stated(request: Option<v1::Purpose>) -> Result<Option<Self>, ApiError> {
        let Some(v1::Purpose { case_number, legal_basis, purpose }) = request else { return Ok(None) };
        let parts = [&case_number, &legal_basis, &purpose];
        if parts.iter().all(|part| part.is_empty()) {
            return Ok(None);
        }
        let fits = |part: &&String| {
            !part.trim().is_empty() && part.len() <= TEXT_BYTES_MAX && !part.chars().any(char::is_control)
        };
        if !parts.iter().all(fits) {
            let message = "A purpose names case number, legal basis and purpose, each in at most 512 bytes.";
            return Err(ApiError::argument("purpose", message));
        }
        Ok(Some(Self { case_number, legal_basis, purpose }))
    }

    /// Of what needs no purpose: no case, no provision, and why not.
    pub(crate) fn none(why: &str) -> Self {
        Self { case_number: String::new(), legal_basis: String::new(), purpose: why.to_owned() }
    }

    /// As it goes to another gateway.
    #[must_use]
    pub fn to_wire(&self) -> v1::Purpose {
        v1::Purpose {
            case_number: self.case_number.clone(),
            legal_basis: self.legal_basis.clone(),
            purpose: self.purpose.clone(),
        }
    }
}

/// One access.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// The institution that asked.
    pub institution: String,
    /// The role of the person there.
    pub role: String,
    /// What was done, such as `ReadRecord`.
    pub action: String,
    /// The resource's name.
    pub resource: String,
    /// The personal fields.
    pub fields: Vec<FieldName>,
    /// Why; of work on the institution's own register, which no case calls for, only the last part is there.
    pub purpose: Purpose,
}

/// The audit trail of one gateway.
#[derive(Clone)]
pub struct Audit {
    store: Arc<dyn Store>,
    group: Group,
}

impl Audit {
    /// The trail in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { group: Group::new(store.clone()), store }
    }

    /// Appends an access, with those that come at about the same time; durable when this returns. No data is handed out
    /// before.
    ///
    /// # Errors
    /// The store's.
    pub async fn append(&self, entry: &Entry) -> Result<(), ApiError> {
        self.group.append(row_key(entry)?, encode(entry)).await
    }

    /// Appends several at once; durable when this returns.
    ///
    /// # Errors
    /// The store's.
    pub async fn append_all(&self, entries: &[Entry]) -> Result<(), ApiError> {
        let batch = entries.iter().try_fold(Batch::new(), Self::write)?;
        Ok(self.store.commit(batch).await?)
    }

    /// Adds an access to a batch, where the work has one of its own.
    ///
    /// # Errors
    /// `INTERNAL` where the system gives no randomness.
    pub fn write(batch: Batch, entry: &Entry) -> Result<Batch, ApiError> {
        Ok(batch.put(AUDIT, row_key(entry)?, encode(entry)))
    }

    /// Keeps the consent under which personal data is about to be handed out; durable when this returns.
    ///
    /// # Errors
    /// The store's.
    pub async fn keep_consent(&self, signed: &SignedConsent) -> Result<(), ApiError> {
        let key = comity_verify::seal::digest(comity_verify::consent::TAG, signed);
        Ok(self.store.commit(Batch::new().put(CONSENTS, key.0, encode(signed))).await?)
    }

    /// Consents that were used, in no order: at most 1,000.
    ///
    /// # Errors
    /// The store's.
    pub async fn consents(&self) -> Result<Vec<SignedConsent>, ApiError> {
        let rows = self.store.scan(CONSENTS, &[], &[], SCAN_ROWS_MAX).await?;
        rows.iter().map(|(_, bytes)| comity_model::decode("a consent", bytes).map_err(ApiError::fault)).collect()
    }

    /// Accesses in order of time, from the first: at most 1,000.
    ///
    /// # Errors
    /// The store's.
    pub async fn entries(&self) -> Result<Vec<Entry>, ApiError> {
        let rows = self.store.scan(AUDIT, &[], &[], SCAN_ROWS_MAX).await?;
        rows.iter().map(|(_, bytes)| filed(bytes)).collect()
    }

    /// Accesses from the newest, below the place `below`, at most `limit`, and the place to go on from.
    ///
    /// # Errors
    /// The store's.
    async fn newest(&self, below: &[u8], limit: usize) -> Result<(Vec<Entry>, Option<Vec<u8>>), ApiError> {
        let mut rows = self.store.scan_back(AUDIT, below, limit.saturating_add(1)).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| key.clone());
        Ok((rows.iter().map(|(_, bytes)| filed(bytes)).collect::<Result<_, _>>()?, next))
    }
}

/// A row of the trail.
fn filed(bytes: &[u8]) -> Result<Entry, ApiError> {
    comity_model::decode("an audit entry", bytes).map_err(ApiError::fault)
}

/// Where an access is filed: by time, and apart from all others of the same moment.
fn row_key(entry: &Entry) -> Result<Vec<u8>, ApiError> {
    let mut key = entry.at.seconds().to_be_bytes().to_vec();
    key.extend_from_slice(&entry.at.nanos().to_be_bytes());
    let mut salt = [0u8; 8];
    getrandom::fill(&mut salt).map_err(|error| ApiError::fault(error.to_string()))?;
    key.extend_from_slice(&salt);
    Ok(key)
}

/// What an access by `caller` is filed as.
#[must_use]
pub fn entry(
    at: Time,
    caller: &Caller,
    action: &str,
    resource: String,
    fields: Vec<FieldName>,
    purpose: Purpose,
) -> Entry {
    Entry {
        at,
        institution: caller.institution.to_string(),
        role: caller.role.to_string(),
        action: action.to_owned(),
        resource,
        fields,
        purpose,
    }
}

/// What a registrar's work on the institution's own register is filed as: who wrote what, and which personal fields it
/// has.
#[must_use]
pub(crate) fn own_register(at: Time, caller: &Caller, action: &str, resource: String, fields: Vec<FieldName>) -> Entry {
    let why = "the institution's own register".to_owned();
    let purpose = Purpose { case_number: String::new(), legal_basis: String::new(), purpose: why };
    entry(at, caller, action, resource, fields, purpose)
}
