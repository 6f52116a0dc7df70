//! Answers for the records that the institution keeps: the fields that the asker's role may see, with everything that
//! it takes to verify them.
//! It refuses to know whether the asker is a peer's gateway or one of the own people.

use crate::audit::{self, Audit, Purpose};
use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::following::{Changed, Holder, HolderBook, Holding};
use crate::identity::Caller;
use crate::keeper::{RecordKeeper, Version, unknown_sector};
use crate::policy::Policy;
use crate::sectors::{FieldSpec, Role, SectorSchema, Sectors};
use crate::view::{HomeState, Standing, Stood};
use comity_model::consent::SignedConsent;
use comity_model::profile::Profile;
use comity_model::record::{FieldValue, RecordState};
use comity_model::state::StatePath;
use comity_model::{FieldName, Hash, Height, MemberId, RecordId, Sector, decode, encode};
use comity_proto::v1;
use comity_verify::light::TrustedHeader;
use comity_verify::{consent, fields, lookup};
use moka::sync::Cache;
use std::sync::Arc;

/// Sectors whose profile was seen to name this institution.
const KEPT_MAX: u64 = 256;

/// What is asked.
pub(crate) struct Question {
    /// The sector.
    pub(crate) sector: Sector,
    /// The record.
    pub(crate) id: RecordId,
    /// Fields wanted; empty for all that the asker may see.
    pub(crate) fields: Vec<FieldName>,
    /// Why, if personal data is wanted.
    pub(crate) purpose: Option<Purpose>,
    /// The consent of the record's subject, where fields need it.
    pub(crate) consent: Option<SignedConsent>,
    /// The header from which the asker verifies; `None` if it verifies by the same view.
    pub(crate) trusted: Option<Height>,
}

/// Answers questions about the institution's records.
pub(crate) struct Answerer {
    institution: MemberId,
    home: HomeState,
    keeper: RecordKeeper,
    sectors: Arc<Sectors>,
    policy: Arc<Policy>,
    audit: Audit,
    clock: Clock,
    kept: Cache<Sector, ()>,
    holders: HolderBook,
}

impl Answerer {
    pub(crate) fn new(
        institution: MemberId,
        home: HomeState,
        keeper: RecordKeeper,
        sectors: Arc<Sectors>,
        policy: Arc<Policy>,
        audit: Audit,
        clock: Clock,
    ) -> Self {
        let holders = keeper.holders().clone();
        Self { institution, home, keeper, sectors, policy, audit, clock, kept: Cache::new(KEPT_MAX), holders }
    }

    /// The answer to `asker`, which is a person within the asking institution.
    pub(crate) async fn answer(
        &self,
        asker: &Caller,
        question: &Question,
    ) -> Result<v1::FetchRecordResponse, ApiError> {
        let mut answer = self.answer_under(asker, question, self.home.view().fresh().await?).await?;
        if let (Some(private), Some(state)) = (&mut answer.private_id, &answer.state) {
            let header = self.home.view().header(Height(state.header_height)).await?;
            let (key, _) = self.of_index(&question.sector, &lookup::key_id(), &header).await?;
            (private.key, private.key_disclosure) = (key.state, key.disclosure);
        }
        Ok(answer)
    }

    /// The same under a header of the own chain, for who has the sector's lookup key under it. Whoever gets a record of a
    /// followed sector is its holder before it has it.
    pub(crate) async fn answer_under(
        &self,
        asker: &Caller,
        question: &Question,
        header: TrustedHeader,
    ) -> Result<v1::FetchRecordResponse, ApiError> {
        let (answer, state) = self.disclosed_under(asker, question, header).await?;
        let followed = self.sectors.sector(&question.sector).is_some_and(|schema| schema.followed);
        if let (true, Some(state)) = (followed && asker.institution != self.institution, state) {
            self.enter_holder(asker, question, &state).await?;
        }
        Ok(answer)
    }

    /// The answer alone, and the record's state if there is a record.
    pub(crate) async fn disclosed_under(
        &self,
        asker: &Caller,
        question: &Question,
        header: TrustedHeader,
    ) -> Result<(v1::FetchRecordResponse, Option<RecordState>), ApiError> {
        let schema = self.sectors.sector(&question.sector).ok_or_else(|| unknown_sector(&question.sector))?;
        let names = self.disclosable(asker, schema, question)?;
        self.check_kept(&question.sector).await?;
        let place = self.keeper.place(schema, &question.id).await?;
        let path = StatePath::Record(question.sector.clone(), place.id);
        let stood = self.home.under(&path, header).await?;
        let record = match stood.what.value() {
            Some(value) => Some(decode::<RecordState>("record state", value.value()).map_err(ApiError::fault)?),
            None => None,
        };
        let disclosure = match &record {
            Some(state) => self.disclose(asker, schema, question, &names, state).await?,
            None => Vec::new(),
        };
        let state = self.state(&stood, question.trusted).await?;
        let private_id =
            place.vrf_proof.map(|proof| v1::PrivateId { vrf_proof: proof.0.to_vec(), ..Default::default() });
        Ok((v1::FetchRecordResponse { state: Some(state), disclosure, private_id }, record))
    }

    /// Who asks is a holder from now on, for the case and on the basis that it states.
    async fn enter_holder(&self, asker: &Caller, question: &Question, state: &RecordState) -> Result<(), ApiError> {
        let now = self.clock.now();
        let holding = Holding {
            keeper: self.institution.clone(),
            sector: question.sector.clone(),
            record: question.id.clone(),
            holder: asker.institution.clone(),
            role: asker.role.to_string(),
        };
        let stated = question.purpose.clone().unwrap_or_else(|| Purpose::none("reads no personal data"));
        let filed = audit::entry(now, asker, "EnterHolder", holding.record_name(), Vec::new(), stated);
        let holder = Holder {
            holding,
            fields: question.fields.clone(),
            purpose: question.purpose.clone(),
            since: now.unix_seconds(),
            told: state.version,
            due: None,
            receipt: None,
        };
        self.holders.register(holder, &filed).await?;
        // A version that came between the proof and the entry was owed to those who were entered then.
        match self.keeper.newest(&question.sector, &question.id).await? {
            Some(newest) if newest.version > state.version => {
                let changed = Changed {
                    sector: question.sector.clone(),
                    record: question.id.clone(),
                    version: newest.version,
                    height: None,
                    at: newest.updated_at,
                };
                self.holders.note(&changed).await
            }
            _ => Ok(()),
        }
    }

    /// How records of followed sectors stand, under one header; for a peer that trusts the header of `trusted`.
    pub(crate) async fn standing(
        &self,
        records: &[(Sector, RecordId)],
        trusted: Height,
    ) -> Result<v1::CheckRecordsResponse, ApiError> {
        let header = self.home.view().fresh().await?;
        let mut answer = v1::CheckRecordsResponse { header_height: header.height().0, ..Default::default() };
        for (sector, id) in records {
            let followed = self.sectors.sector(sector).filter(|schema| schema.followed);
            followed.ok_or_else(|| unknown_sector(sector))?;
            self.check_kept(sector).await?;
            let stood = self.home.under(&StatePath::Record(sector.clone(), id.clone()), header.clone()).await?;
            // The steps are those of the first: all are under one header.
            let trusted = answer.states.is_empty().then_some(trusted);
            let mut state = self.state(&stood, trusted).await?;
            if answer.states.is_empty() {
                answer.steps = std::mem::take(&mut state.steps);
            }
            answer.states.push(state);
        }
        Ok(answer)
    }

    /// A record of an index as it stands under `header`, disclosed whole.
    pub(crate) async fn of_index(
        &self,
        sector: &Sector,
        id: &RecordId,
        header: &TrustedHeader,
    ) -> Result<(v1::FetchRecordResponse, Option<Version>), ApiError> {
        let path = StatePath::Record(sector.clone(), id.clone());
        let stood: Stood = self.home.under(&path, header.clone()).await?;
        let mut disclosure = Vec::new();
        let mut version = None;
        if let Some(value) = stood.what.value() {
            let state: RecordState = decode("record state", value.value()).map_err(ApiError::fault)?;
            let kept = self.keeper.version(sector, id, &state).await?;
            let kept = kept.ok_or_else(|| ApiError::fault("the store has no fields for an entry on the chain"))?;
            let names: Vec<_> = kept.openings.iter().map(|opening| opening.field.name.clone()).collect();
            let opened = fields::disclose(kept.algorithm, &kept.openings, &names).map_err(ApiError::fault)?;
            (disclosure, version) = (encode(&opened), Some(kept));
        }
        let state = Some(self.state(&stood, None).await?);
        Ok((v1::FetchRecordResponse { state, disclosure, private_id: None }, version))
    }

    /// A state of the own chain for a peer that trusts the header of `trusted`.
    pub(crate) async fn state(
        &self,
        stood: &Stood,
        trusted: Option<Height>,
    ) -> Result<v1::FetchStateResponse, ApiError> {
        let header = stood.header.height();
        let steps = match trusted {
            None => Arc::default(),
            Some(trusted) if trusted > header => {
                let message = "This chain has no header yet that is as new as the one that you trust.";
                return Err(ApiError::new(Reason::ChainUnavailable, message));
            }
            Some(trusted) => self.home.view().steps(trusted, header).await?,
        };
        let (exists, value) = match &stood.what {
            Standing::Value(value) => (true, value.value().clone()),
            Standing::Nothing(_) => (false, Vec::new()),
        };
        Ok(v1::FetchStateResponse {
            exists,
            value,
            proof: stood.proof.clone(),
            steps: steps.iter().map(encode).collect(),
            header_height: header.0,
        })
    }

    /// The names that are to be disclosed, whether or not the record has them.
    fn disclosable(
        &self,
        asker: &Caller,
        schema: &SectorSchema,
        question: &Question,
    ) -> Result<Vec<FieldName>, ApiError> {
        let mut names = Vec::new();
        // The institution's own people read what they keep; of everybody else the subject decides.
        let consented = question.consent.is_some() || asker.institution == self.institution;
        if question.fields.is_empty() {
            let stated = question.purpose.is_some();
            let open = |field: &&FieldSpec| (stated || !field.personal) && (consented || !field.consent);
            let fields = schema.record.iter().filter(open);
            return self.policy.readable(asker, &self.institution, &question.sector, fields);
        }
        for name in &question.fields {
            let field = schema.record.field(name).ok_or_else(|| unknown_field(name))?;
            if !self.policy.may_read(asker, &self.institution, &question.sector, field)? {
                return Err(ApiError::denied());
            }
            if field.personal && question.purpose.is_none() {
                return Err(purpose_required());
            }
            if field.consent && !consented {
                return Err(consent_required());
            }
            names.push(name.clone());
        }
        Ok(names)
    }

    async fn disclose(
        &self,
        asker: &Caller,
        schema: &SectorSchema,
        question: &Question,
        names: &[FieldName],
        state: &RecordState,
    ) -> Result<Vec<u8>, ApiError> {
        let version = self.keeper.version(&question.sector, &question.id, state).await?;
        let version = version.ok_or_else(|| ApiError::fault("the store has no fields for a record on the chain"))?;
        let has = |name: &&FieldName| version.openings.iter().any(|opening| opening.field.name == **name);
        let names: Vec<FieldName> = names.iter().filter(has).cloned().collect();
        if asker.institution != self.institution && needs_consent(schema, &names) {
            self.check_consent(asker, schema, question, &version).await?;
        }
        let disclosure = fields::disclose(version.algorithm, &version.openings, &names).map_err(ApiError::fault)?;
        let personal = |name: &&FieldName| schema.record.field(name).is_some_and(|field| field.personal);
        let personal: Vec<FieldName> = names.iter().filter(personal).cloned().collect();
        if !personal.is_empty() {
            let purpose = question.purpose.clone().ok_or_else(purpose_required)?;
            let resource = format!("members/{}/sectors/{}/records/{}", self.institution, question.sector, question.id);
            let entry = audit::entry(self.clock.now(), asker, "DiscloseRecord", resource, personal, purpose);
            self.audit.append(&entry).await?;
        }
        Ok(encode(&disclosure))
    }

    /// Whether the record's subject consents to this reading, by the key that the record itself has. The consent is kept
    /// before anything is handed out: whoever read with it can be asked by what right.
    async fn check_consent(
        &self,
        asker: &Caller,
        schema: &SectorSchema,
        question: &Question,
        version: &Version,
    ) -> Result<(), ApiError> {
        let signed = question.consent.as_ref().ok_or_else(consent_required)?;
        let purpose = question.purpose.as_ref().ok_or_else(purpose_required)?;
        let key = schema.record.role(Role::ConsentKey).and_then(|spec| {
            version.openings.iter().find(|opening| opening.field.name == spec.name).map(|opening| &opening.field.value)
        });
        let Some(FieldValue::Digest(Hash(key))) = key else {
            let message = "The record names no key with which its subject could consent.";
            return Err(ApiError::new(Reason::ConsentRefused, message));
        };
        let reading = consent::Reading {
            keeper: &self.institution,
            sector: &question.sector,
            record: &question.id,
            reader: &asker.institution,
            purpose: &purpose.purpose,
            now: self.clock.now().unix_seconds(),
        };
        consent::check(signed, key, &reading).map_err(|refusal| {
            let message = format!("The consent does not cover this reading: expected {}.", refusal.expected);
            ApiError::new(Reason::ConsentRefused, message).with("rule", refusal.rule.code())
        })?;
        self.audit.keep_consent(signed).await
    }

    /// Whether the institution answers for the sector, by its chain's profile: the absence of a record that it would
    /// never keep says nothing.
    pub(crate) async fn check_kept(&self, sector: &Sector) -> Result<(), ApiError> {
        if self.kept.contains_key(sector) {
            return Ok(());
        }
        let stood = self.home.now(&StatePath::Profile(sector.clone())).await?;
        if let Some(value) = stood.what.value() {
            let profile: Profile = decode("profile", value.value()).map_err(ApiError::fault)?;
            if profile.institution == self.institution {
                self.kept.insert(sector.clone(), ());
                return Ok(());
            }
        }
        let message = format!("{} does not answer for sector {sector}.", self.institution);
        Err(ApiError::new(Reason::UnknownSector, message).with("sector", sector.as_str()))
    }
}

pub(super) fn unknown_field(name: &FieldName) -> ApiError {
    ApiError::new(Reason::UnknownField, format!("There is no field {name}.")).with("field", name.as_str())
}

/// Whether any of these fields is read only with the subject's consent.
pub(super) fn needs_consent(schema: &SectorSchema, names: &[FieldName]) -> bool {
    names.iter().any(|name| schema.record.field(name).is_some_and(|field| field.consent))
}

pub(super) fn consent_required() -> ApiError {
    let message = "This field is read only with the signed consent of the record's subject.";
    ApiError::new(Reason::ConsentRequired, message).with("field", "consent")
}

pub(super) fn purpose_required() -> ApiError {
    let message = "Personal data is handed out only for a stated case number, legal basis and purpose.";
    ApiError::new(Reason::PurposeRequired, message).with("field", "purpose")
}
