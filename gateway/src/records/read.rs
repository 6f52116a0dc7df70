//! Reads a record wherever it is kept, and believes it only under a header that this gateway verified.
//! It refuses to trust the own node, the own store and peers alike.

use super::answer::{Answerer, Question, consent_required, needs_consent, purpose_required, unknown_field};
use super::came;
use super::recent::{Begun, For, Recent};
use crate::audit::{self, Audit, Purpose};
use crate::config::Clock;
use crate::convert::{self, RecordName};
use crate::error::{ApiError, Reason};
use crate::following::{Asked, HeldBook, Holding, Kept};
use crate::identity::Caller;
use crate::keeper::unknown_sector;
use crate::peers::{Peer, Peers, malformed};
use crate::policy::Policy;
use crate::sectors::{Role, SectorSchema, Sectors};
use crate::view::ChainView;
use comity_model::consent::SignedConsent;
use comity_model::state::StatePath;
use comity_model::{FieldName, Height, MemberId, Time, decode, encode};
use comity_proto::v1;
use comity_verify::bundle::{Bundle, Claim, Link, STEPS_MAX};
use comity_verify::fields::{self, DisclosedRecord, Disclosure};
use comity_verify::light::{LightStep, TrustedHeader};
use comity_verify::lookup::PublishedKey;
use comity_verify::state::{self, ProvenAt};
use std::sync::Arc;
use std::time::Duration;

/// Rules that a proven record passed, and a proven absence.
const RULES_RECORD: &[&str] = &["COMMIT_POWER", "STATE_PROOF", "FIELD_PROOF", "SCHEMA_HASH"];
const RULES_ABSENCE: &[&str] = &["COMMIT_POWER", "ABSENCE_PROOF"];
/// The same where the record stands, or would, under a private id.
const RULES_PRIVATE_RECORD: &[&str] = &["COMMIT_POWER", "VRF", "STATE_PROOF", "FIELD_PROOF", "SCHEMA_HASH"];
const RULES_PRIVATE_ABSENCE: &[&str] = &["COMMIT_POWER", "VRF", "ABSENCE_PROOF"];

/// Reads records for the institution's people.
pub(crate) struct Reader {
    pub(crate) institution: MemberId,
    pub(crate) home: Arc<ChainView>,
    pub(crate) answerer: Arc<Answerer>,
    pub(crate) peers: Peers,
    pub(crate) sectors: Arc<Sectors>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) audit: Audit,
    pub(crate) clock: Clock,
    pub(crate) held: HeldBook,
    /// What was told of the own institution's records a short while ago.
    pub(crate) recent: Recent,
}

/// A record, or its absence, as verified here.
pub(crate) struct Reading {
    claim: Claim,
    icsproof: Vec<u8>,
    record: Option<DisclosedRecord>,
    /// How the name led to a private id.
    lookup: Option<v1::Lookup>,
    at: ProvenAt,
    view: Arc<ChainView>,
    now: Time,
}

/// What an answer is verified under.
#[derive(Clone, Copy)]
pub(crate) struct Under<'a> {
    /// The header of its proofs.
    pub(crate) header: &'a TrustedHeader,
    /// The sector's lookup key under that header, if it is known.
    pub(crate) key: Option<&'a PublishedKey>,
}

impl Reader {
    /// Reads a record for `caller`, who was permitted `action`; `wanted` empty means all that it may see.
    pub(crate) async fn read(
        &self,
        caller: &Caller,
        action: &'static str,
        name: &RecordName,
        wanted: &[FieldName],
        purpose: Option<Purpose>,
        consent: Option<SignedConsent>,
    ) -> Result<Reading, ApiError> {
        let schema = self.sectors.sector(&name.sector).ok_or_else(|| unknown_sector(&name.sector))?;
        self.check_wanted(caller, schema, name, wanted, purpose.as_ref())?;
        if name.member != self.institution && consent.is_none() && needs_consent(schema, wanted) {
            return Err(consent_required());
        }
        let question = |trusted| Question {
            sector: name.sector.clone(),
            id: name.id.clone(),
            fields: wanted.to_vec(),
            purpose: purpose.clone(),
            consent: consent.clone(),
            trusted,
        };
        let (answer, view, header) = if name.member == self.institution {
            let answer = self.answerer.answer(caller, &question(None)).await?;
            let header = self.home.header(Height(header_height(&answer))).await?;
            (answer, self.home.clone(), header)
        } else {
            let peer = self.peers.peer(&name.member)?;
            let trusted = peer.view.trusted().await?;
            let answer = self.ask(peer, caller, &question(Some(trusted.height())), &trusted).await?;
            let header = self.reach(peer, &trusted, &answer).await?;
            (answer, peer.view.clone(), header)
        };
        let reading = self.verify(name, schema, answer, view, Under { header: &header, key: None })?;
        self.check_disclosed(caller, schema, name, wanted, &reading)?;
        // The own institution's answer was filed where it was given.
        if name.member != self.institution {
            self.hold(caller, name, schema, wanted, purpose.as_ref(), &reading).await?;
            self.file(caller, action, name, schema, &reading, purpose).await?;
        }
        Ok(reading)
    }

    /// What this reader was told of an own record, if the proof is young enough: filed like any reading.
    pub(super) async fn recent(
        &self,
        whose: For<'_>,
        max_age: Duration,
        purpose: Option<&Purpose>,
    ) -> Result<Option<v1::GetRecordResponse>, ApiError> {
        let now = self.clock.now();
        if whose.name.member != self.institution || self.home.is_frozen() {
            return Ok(None);
        }
        let Some(given) = self.recent.find(whose, max_age, now) else { return Ok(None) };
        if !given.personal.is_empty() {
            let purpose = purpose.cloned().ok_or_else(purpose_required)?;
            let (resource, personal) = (whose.name.to_string(), given.personal.clone());
            let entry = audit::entry(now, whose.caller, "DiscloseRecord", resource, personal, purpose);
            self.audit.append(&entry).await?;
        }
        Ok(Some(given.answer.clone()))
    }

    /// Keeps an answer about an own record for those who accept its proof's age.
    pub(super) fn keep(&self, begun: Begun, whose: For<'_>, reading: &Reading, answer: &v1::GetRecordResponse) {
        let Some(schema) = self.sectors.sector(&whose.name.sector) else { return };
        if whose.name.member != self.institution {
            return;
        }
        let personal = reading.record().map_or_else(Vec::new, |record| personal_of(schema, record));
        self.recent.keep(begun, whose, reading.at.time, personal, answer.clone());
    }

    /// The record as it stands now, of which a later version is known to be there: as a reading of it would give it.
    pub(crate) async fn fetch_later(
        &self,
        caller: &Caller,
        action: &'static str,
        name: &RecordName,
        wanted: &[FieldName],
        purpose: Option<Purpose>,
    ) -> Result<Kept, ApiError> {
        let schema = self.sectors.sector(&name.sector).ok_or_else(|| unknown_sector(&name.sector))?;
        // A consent is for a reading, and nobody reads here.
        let consent = |field: &&FieldName| schema.record.field(field).is_none_or(|spec| spec.consent);
        let mut fields: Vec<FieldName> = wanted.iter().filter(|field| !consent(field)).cloned().collect();
        if fields.is_empty() && !wanted.is_empty() {
            fields.extend(schema.record.role(Role::Identity).map(|spec| spec.name.clone()));
        }
        let (id, sector) = (name.id.clone(), name.sector.clone());
        let peer = self.peers.peer(&name.member)?;
        let trusted = peer.view.trusted().await?;
        let trusted_height = Some(trusted.height());
        let question =
            Question { sector, id, fields, purpose: purpose.clone(), consent: None, trusted: trusted_height };
        let answer = self.ask(peer, caller, &question, &trusted).await?;
        let header = self.reach(peer, &trusted, &answer).await?;
        self.take_later(caller, action, name, answer, peer.view.clone(), &header, purpose).await
    }

    /// Takes up what came of a record that is held here: verified, no more than `caller` may see, and filed.
    #[allow(clippy::too_many_arguments)] // who, what, from where, why
    pub(crate) async fn take_later(
        &self,
        caller: &Caller,
        action: &'static str,
        name: &RecordName,
        answer: v1::FetchRecordResponse,
        view: Arc<ChainView>,
        header: &TrustedHeader,
        purpose: Option<Purpose>,
    ) -> Result<Kept, ApiError> {
        let schema = self.sectors.sector(&name.sector).ok_or_else(|| unknown_sector(&name.sector))?;
        let reading = self.verify(name, schema, answer, view, Under { header, key: None })?;
        self.check_disclosed(caller, schema, name, &[], &reading)?;
        let kept = reading.kept().ok_or_else(|| answered(name, "NO_RECORD"))?;
        self.file(caller, action, name, schema, &reading, purpose).await?;
        Ok(kept)
    }

    /// A record of a followed sector is held from now on, before it is handed out.
    async fn hold(
        &self,
        caller: &Caller,
        name: &RecordName,
        schema: &SectorSchema,
        wanted: &[FieldName],
        purpose: Option<&Purpose>,
        reading: &Reading,
    ) -> Result<(), ApiError> {
        let Some(kept) = reading.kept().filter(|_| schema.followed) else { return Ok(()) };
        let holding = Holding {
            keeper: name.member.clone(),
            sector: name.sector.clone(),
            record: name.id.clone(),
            holder: self.institution.clone(),
            role: caller.role.to_string(),
        };
        let asked = Asked { holding, fields: wanted.to_vec(), purpose: purpose.cloned() };
        self.held.read(asked, kept, self.clock.now().unix_seconds()).await
    }

    /// Takes up a record that came as one of several answers under one header: verified, no more than `caller` may see,
    /// and filed.
    pub(crate) async fn take(
        &self,
        caller: &Caller,
        name: &RecordName,
        answer: v1::FetchRecordResponse,
        view: Arc<ChainView>,
        under: Under<'_>,
        purpose: &Purpose,
    ) -> Result<Reading, ApiError> {
        let schema = self.sectors.sector(&name.sector).ok_or_else(|| unknown_sector(&name.sector))?;
        let reading = self.verify(name, schema, answer, view, under)?;
        self.check_disclosed(caller, schema, name, &[], &reading)?;
        if name.member != self.institution {
            self.hold(caller, name, schema, &[], Some(purpose), &reading).await?;
            self.file(caller, "Investigate", name, schema, &reading, Some(purpose.clone())).await?;
        }
        Ok(reading)
    }

    async fn ask(
        &self,
        peer: &Peer,
        caller: &Caller,
        question: &Question,
        trusted: &TrustedHeader,
    ) -> Result<v1::FetchRecordResponse, ApiError> {
        let request = v1::FetchRecordRequest {
            sector: question.sector.to_string(),
            record_id: question.id.to_string(),
            fields: question.fields.iter().map(ToString::to_string).collect(),
            role: caller.role.to_string(),
            purpose: question.purpose.as_ref().map(Purpose::to_wire),
            consent: question.consent.as_ref().map(encode).unwrap_or_default(),
            trusted_height: trusted.height().0,
        };
        let answer = peer.exchange().fetch_record(request).await.map_err(|status| peer.failed(&status))?;
        Ok(answer.into_inner())
    }

    /// The header that a peer's answer is under, by the steps that it sent.
    async fn reach(
        &self,
        peer: &Peer,
        trusted: &TrustedHeader,
        answer: &v1::FetchRecordResponse,
    ) -> Result<TrustedHeader, ApiError> {
        let steps = answer.state.as_ref().map(|state| state.steps.as_slice()).unwrap_or_default();
        let header = accept(&peer.view, &peer.config.member, trusted, steps).await?;
        if header.height() == Height(header_height(answer)) { Ok(header) } else { Err(astray(&peer.config.member)) }
    }

    fn verify(
        &self,
        name: &RecordName,
        schema: &SectorSchema,
        answer: v1::FetchRecordResponse,
        view: Arc<ChainView>,
        under: Under<'_>,
    ) -> Result<Reading, ApiError> {
        let refused = |refusal| ApiError::proof("peer", &name.member, &refusal);
        let (header, accepted) = (under.header, view.anchor().suites);
        let (id, lookup) = if schema.private_ids() {
            let private = answer.private_id.as_ref();
            let (id, lookup) = came::private_place(name, private, header, under.key, accepted)?;
            (id, Some(lookup))
        } else {
            (name.id.clone(), None)
        };
        let state = answer.state.unwrap_or_default();
        let now = self.clock.now();
        if !state.exists {
            let path = StatePath::Record(name.sector.clone(), id.clone());
            let absence = state::absence(header, &path, &state.proof).map_err(refused)?;
            let claim = Claim::Absence { sector: name.sector.clone(), id };
            let at = absence.at().clone();
            return Ok(Reading { claim, icsproof: state.proof, record: None, lookup, at, view, now });
        }
        let disclosure: Disclosure =
            decode("a disclosure", &answer.disclosure).map_err(|error| malformed(&name.member, error))?;
        let record = fields::record(header, &name.sector, &id, &state.value, &state.proof, &disclosure, accepted)
            .map_err(refused)?;
        let at = record.at().clone();
        let record = record.into_value();
        record.under(&schema.schema_hash).map_err(refused)?;
        let claim = Claim::Record { sector: name.sector.clone(), id, state: record.state.clone(), disclosure };
        Ok(Reading { claim, icsproof: state.proof, record: Some(record), lookup, at, view, now })
    }

    /// Our own policy and schema come first: nothing that this caller may not see is asked for.
    fn check_wanted(
        &self,
        caller: &Caller,
        schema: &SectorSchema,
        name: &RecordName,
        wanted: &[FieldName],
        purpose: Option<&Purpose>,
    ) -> Result<(), ApiError> {
        for field in wanted {
            let field = schema.record.field(field).ok_or_else(|| unknown_field(field))?;
            if !self.policy.may_read(caller, &name.member, &name.sector, field)? {
                return Err(ApiError::denied());
            }
            if field.personal && purpose.is_none() {
                return Err(purpose_required());
            }
        }
        Ok(())
    }

    /// What came is what the caller may see, and nothing that it wanted and every record has is held back.
    fn check_disclosed(
        &self,
        caller: &Caller,
        schema: &SectorSchema,
        name: &RecordName,
        wanted: &[FieldName],
        reading: &Reading,
    ) -> Result<(), ApiError> {
        let Some(record) = reading.record() else { return Ok(()) };
        for field in &record.fields {
            let spec = schema.record.field(&field.name).ok_or_else(|| answered(name, "UNKNOWN_FIELD"))?;
            if !self.policy.may_read(caller, &name.member, &name.sector, spec)? {
                return Err(answered(name, "DISCLOSES_TOO_MUCH"));
            }
        }
        let came = |wanted: &FieldName| record.fields.iter().any(|field| field.name == *wanted);
        let must = |wanted: &FieldName| schema.record.field(wanted).is_some_and(|field| field.required);
        if wanted.iter().any(|wanted| must(wanted) && !came(wanted)) {
            return Err(answered(name, "FIELD_WITHHELD"));
        }
        Ok(())
    }

    async fn file(
        &self,
        caller: &Caller,
        action: &str,
        name: &RecordName,
        schema: &SectorSchema,
        reading: &Reading,
        purpose: Option<Purpose>,
    ) -> Result<(), ApiError> {
        let Some(record) = reading.record() else { return Ok(()) };
        let personal = personal_of(schema, record);
        match purpose {
            _ if personal.is_empty() => Ok(()),
            Some(purpose) => {
                let entry = audit::entry(self.clock.now(), caller, action, name.to_string(), personal, purpose);
                self.audit.append(&entry).await
            }
            None => Err(answered(name, "DISCLOSES_TOO_MUCH")),
        }
    }
}

impl Reading {
    /// Of what was proven at `at`: a claim with its ICS-23 proof.
    pub(crate) const fn new(
        claim: Claim,
        icsproof: Vec<u8>,
        record: Option<DisclosedRecord>,
        at: ProvenAt,
        view: Arc<ChainView>,
        now: Time,
    ) -> Self {
        Self { claim, icsproof, record, lookup: None, at, view, now }
    }

    /// The record; `None` where its absence was proven.
    pub(crate) const fn record(&self) -> Option<&DisclosedRecord> {
        self.record.as_ref()
    }

    /// What is kept of it where it is held; `None` for an absence.
    fn kept(&self) -> Option<Kept> {
        let Claim::Record { state, disclosure, .. } = &self.claim else { return None };
        let _ = self.record.as_ref()?;
        Some(Kept {
            state: state.clone(),
            at: self.at.clone(),
            icsproof: self.icsproof.clone(),
            disclosure: disclosure.clone(),
        })
    }

    /// Refuses a proof whose header is older than `max_age`.
    pub(crate) fn no_older_than(&self, max_age: Duration) -> Result<(), ApiError> {
        let age = Duration::from_nanos(u64::try_from(self.now.nanos_since(self.at.time)).unwrap_or(u64::MAX));
        if age <= max_age {
            return Ok(());
        }
        let message =
            format!("The latest proof is {} s old, and at most {} s are accepted.", age.as_secs(), max_age.as_secs());
        Err(ApiError::new(Reason::ProofTooOld, message)
            .with("header_time", self.at.time.to_string())
            .with("age_s", age.as_secs().to_string()))
    }

    /// How its name led to its id on the chain, where that is private.
    pub(crate) fn lookup(&self) -> Option<v1::Lookup> {
        self.lookup.clone()
    }

    /// Where and how strongly it was proven.
    pub(crate) fn proof(&self) -> v1::Proof {
        let rules = match (&self.record, &self.lookup) {
            (Some(_), None) => RULES_RECORD,
            (None, None) => RULES_ABSENCE,
            (Some(_), Some(_)) => RULES_PRIVATE_RECORD,
            (None, Some(_)) => RULES_PRIVATE_ABSENCE,
        };
        convert::proof(&self.at, self.view.anchor(), rules)
    }

    /// Everything that anyone else needs to verify it, as a file. It is verified before it leaves.
    pub(crate) async fn bundle(&self) -> Result<Vec<u8>, ApiError> {
        let (anchor, steps) = self.view.link(self.at.height).await?;
        let bundle = Bundle {
            anchor: anchor.header,
            link: Link::Forward { steps },
            claim: self.claim.clone(),
            proof: self.icsproof.clone(),
        };
        let _ = bundle.verify(self.view.anchor(), self.now).map_err(|refusal| self.view.refused(&refusal))?;
        Ok(bundle.encode())
    }
}

/// The personal fields that a record discloses.
fn personal_of(schema: &SectorSchema, record: &DisclosedRecord) -> Vec<FieldName> {
    let is_personal = |name: &&FieldName| schema.record.field(name).is_some_and(|field| field.personal);
    record.fields.iter().map(|field| &field.name).filter(is_personal).cloned().collect()
}

/// Judges the steps of a peer's answer.
pub(crate) async fn accept(
    view: &ChainView,
    member: &MemberId,
    trusted: &TrustedHeader,
    steps: &[Vec<u8>],
) -> Result<TrustedHeader, ApiError> {
    if steps.len() > STEPS_MAX {
        return Err(astray(member));
    }
    let steps: Vec<LightStep> = steps
        .iter()
        .map(|bytes| decode("a light step", bytes))
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(member, error))?;
    view.accept(trusted, &steps).await
}

/// A peer whose steps do not lead to the header that it names.
pub(crate) fn astray(member: &MemberId) -> ApiError {
    ApiError::new(Reason::ProofRefused, format!("The steps of {member} do not lead to the header that it names."))
        .with("peer", member.as_str())
        .with("rule", "WRONG_BLOCK")
}

pub(super) fn answered(name: &RecordName, reason: &'static str) -> ApiError {
    ApiError::new(Reason::PeerRefused, format!("The answer of {} is refused: {reason}.", name.member))
        .with("peer", name.member.as_str())
        .with("peer_reason", reason)
}

fn header_height(answer: &v1::FetchRecordResponse) -> u64 {
    answer.state.as_ref().map_or(0, |state| state.header_height)
}
