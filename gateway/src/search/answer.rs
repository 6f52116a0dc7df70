//! Answers searches in the institution's own indices: for each person and sector the entry or its absence, and every
//! record that the entry lists, with the fields that the asker's role may see.
//! It refuses to answer in a sector in which the asker may not search, and before the access is filed.

use super::Query;
use crate::audit::{self, Audit};
use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::lookup::LookupKey;
use crate::policy::{Policy, SearchRecords};
use crate::records::{Answerer, Question};
use crate::sealing::{self, Sealed};
use crate::sectors::{Role, Sectors};
use crate::view::HomeState;
use comity_model::profile::Profile;
use comity_model::record::FieldValue;
use comity_model::state::StatePath;
use comity_model::{Height, MemberId, RecordId, Sector, decode, encode};
use comity_proto::v1;
use comity_proto::v1::search_response::Part;
use comity_verify::light::TrustedHeader;
use comity_verify::lookup;
use futures::stream::{self, BoxStream, StreamExt};
use secrecy::SecretBox;
use std::sync::Arc;

/// Records that are read at once for one entry.
const RECORDS_AT_ONCE: usize = 8;

/// The rules that what an index says has passed.
pub(super) const RULES: &[&str] = &["COMMIT_POWER", "VRF", "STATE_PROOF", "FIELD_PROOF"];

/// Parts of an answer, in their order.
pub(crate) type Parts = BoxStream<'static, Result<v1::SearchResponse, ApiError>>;

/// Answers searches.
pub(crate) struct Searcher {
    pub(crate) institution: MemberId,
    pub(crate) home: HomeState,
    pub(crate) answerer: Arc<Answerer>,
    pub(crate) sectors: Arc<Sectors>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) audit: Audit,
    pub(crate) lookup: Option<Arc<LookupKey>>,
    pub(crate) encryption_key: Arc<SecretBox<[u8; 32]>>,
    pub(crate) clock: Clock,
}

/// A person in a sector, looked up.
struct Pair {
    subject: u32,
    at: u32,
    sector: Sector,
    entry: RecordId,
    vrf_proof: [u8; 80],
}

impl Searcher {
    /// Opens what the gateway of `caller` sealed to this institution.
    pub(crate) fn open(&self, caller: &Caller, request: v1::SearchRequest) -> Result<Query, ApiError> {
        let key = request.encapsulated_key.try_into();
        let encapsulated_key =
            key.map_err(|_| ApiError::argument("encapsulated_key", "The encapsulated key is 32 bytes."))?;
        let sealed = Sealed { encapsulated_key, ciphertext: request.ciphertext };
        let parties = (&caller.institution, &self.institution);
        let query: Query = sealing::open_search(&self.encryption_key, parties, &sealed)
            .map_err(|error| ApiError::argument("ciphertext", format!("{error}.")))?;
        query.check()?;
        Ok(query)
    }

    /// The answer to `asker`, a person within the asking institution, which trusts the header of `trusted`. Accesses are
    /// durably filed before anything is handed out.
    pub(crate) async fn search(
        self: Arc<Self>,
        asker: Caller,
        query: Query,
        trusted: Option<Height>,
    ) -> Result<Parts, ApiError> {
        for sector in &query.sectors {
            let _permit = self.policy.permit_in::<SearchRecords>(&asker, sector)?;
        }
        let header = self.home.view().fresh().await?;
        let mut sectors = Vec::with_capacity(query.sectors.len());
        let mut kept = Vec::new();
        for (at, sector) in (0u32..).zip(&query.sectors) {
            let (searched, searchable) = self.sector(sector, &header).await?;
            sectors.push(searched);
            if searchable {
                kept.push((at, sector.clone()));
            }
        }
        let steps = match trusted {
            None => Vec::new(),
            Some(trusted) if trusted > header.height() => {
                let message = "This chain has no header yet that is as new as the one that you trust.";
                return Err(ApiError::new(Reason::ChainUnavailable, message));
            }
            Some(trusted) => self.home.view().steps(trusted, header.height()).await?.iter().map(encode).collect(),
        };
        let start = v1::SearchStart { steps, header_height: header.height().0, sectors };
        let pairs = self.clone().pairs(&query, kept).await?;
        self.file(&asker, &query, &pairs).await?;
        let first = stream::once(async { Ok(v1::SearchResponse { part: Some(Part::Start(start)) }) });
        let rest = stream::iter(pairs).flat_map(move |pair| {
            let asking = Asking { asker: asker.clone(), query: query.clone(), header: header.clone() };
            self.clone().pair(asking, pair)
        });
        Ok(first.chain(rest).boxed())
    }

    /// Whether the institution answers for a sector, and the sector's lookup key; and whether it can be searched.
    async fn sector(&self, sector: &Sector, header: &TrustedHeader) -> Result<(v1::SearchedSector, bool), ApiError> {
        let stood = self.home.under(&StatePath::Profile(sector.clone()), header.clone()).await?;
        let is_kept = match stood.what.value() {
            Some(value) => {
                let profile: Profile = decode("profile", value.value()).map_err(ApiError::fault)?;
                profile.institution == self.institution
            }
            None => false,
        };
        let profile = Some(self.answerer.state(&stood, None).await?);
        if !is_kept {
            return Ok((v1::SearchedSector { profile, key: None }, false));
        }
        let (key, version) = self.answerer.of_index(sector, &lookup::key_id(), header).await?;
        let searchable = version.is_some() && self.lookup.is_some();
        Ok((v1::SearchedSector { profile, key: Some(key) }, searchable))
    }

    /// Looks every person up in every sector.
    async fn pairs(self: Arc<Self>, query: &Query, kept: Vec<(u32, Sector)>) -> Result<Vec<Pair>, ApiError> {
        let Some(key) = self.lookup.clone() else { return Ok(Vec::new()) };
        let numbers = query.numbers.clone();
        let look_up = move || {
            let mut pairs = Vec::with_capacity(numbers.len().saturating_mul(kept.len()));
            for (subject, number) in (0u32..).zip(&numbers) {
                for (at, sector) in &kept {
                    let looked_up = key.prove(&lookup::input(sector, number));
                    let (output, proof) =
                        looked_up.ok_or_else(|| ApiError::fault("a number has no point on the curve"))?;
                    let entry = lookup::private_id(&output);
                    pairs.push(Pair { subject, at: *at, sector: sector.clone(), entry, vrf_proof: proof.0 });
                }
            }
            Ok(pairs)
        };
        // Tenths of a millisecond each.
        tokio::task::spawn_blocking(look_up).await.map_err(ApiError::fault)?
    }

    /// Who looked up which entries, by their opaque ids.
    async fn file(&self, asker: &Caller, query: &Query, pairs: &[Pair]) -> Result<(), ApiError> {
        let now = self.clock.now();
        let entries = pairs.iter().map(|pair| {
            let resource = format!("members/{}/sectors/{}/records/{}", self.institution, pair.sector, pair.entry);
            let number = self.sectors.sector(&pair.sector).and_then(|schema| schema.record.role(Role::PersonNumber));
            let fields = number.map(|spec| spec.name.clone()).into_iter().collect();
            audit::entry(now, asker, "SearchRecords", resource, fields, query.purpose.clone())
        });
        self.audit.append_all(&entries.collect::<Vec<_>>()).await
    }

    /// The entry of a pair, and each record that it lists.
    fn pair(self: Arc<Self>, asking: Asking, pair: Pair) -> Parts {
        let looking = async move {
            match self.entry(&asking, &pair).await {
                Err(error) => stream::once(async { Err(error) }).boxed(),
                Ok((entry, ids)) => {
                    let asking = Arc::new(asking);
                    let records = stream::iter(ids).map(move |id| {
                        let (searcher, asking, sector) = (self.clone(), asking.clone(), pair.sector.clone());
                        async move { searcher.record(&asking, sector, id).await }
                    });
                    let entry = v1::SearchResponse { part: Some(Part::Entry(entry)) };
                    stream::once(async { Ok(entry) }).chain(records.buffered(RECORDS_AT_ONCE)).boxed()
                }
            }
        };
        stream::once(looking).flatten().boxed()
    }

    async fn entry(&self, asking: &Asking, pair: &Pair) -> Result<(v1::SearchEntry, Vec<RecordId>), ApiError> {
        let (entry, version) = self.answerer.of_index(&pair.sector, &pair.entry, &asking.header).await?;
        let mut ids = Vec::new();
        for opening in version.iter().flat_map(|version| &version.openings) {
            if let FieldValue::Texts(texts) = &opening.field.value {
                for text in texts {
                    ids.push(text.parse().map_err(ApiError::fault)?);
                }
            }
        }
        let vrf_proof = pair.vrf_proof.to_vec();
        Ok((v1::SearchEntry { subject: pair.subject, sector: pair.at, vrf_proof, entry: Some(entry) }, ids))
    }

    async fn record(&self, asking: &Asking, sector: Sector, id: RecordId) -> Result<v1::SearchResponse, ApiError> {
        let record_id = id.to_string();
        let purpose = Some(asking.query.purpose.clone());
        let question = Question { sector, id, fields: Vec::new(), purpose, consent: None, trusted: None };
        let record = self.answerer.answer_under(&asking.asker, &question, asking.header.clone()).await?;
        Ok(v1::SearchResponse { part: Some(Part::Record(v1::SearchRecord { record_id, record: Some(record) })) })
    }
}

/// Who asks, what, and the header of all proofs.
struct Asking {
    asker: Caller,
    query: Query,
    header: TrustedHeader,
}
