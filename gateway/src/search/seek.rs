//! Asks one institution's indices for persons, and believes only what is proven under one header of its chain: the
//! profile, the published lookup key, the lookup, the entry or its absence, and every record that the entry lists.
//! It refuses an answer in which a listed record is missing, and tells what was not answered as just that.

use super::answer::{Parts, Searcher};
use super::{Query, answer};
use crate::convert::RecordName;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::members::Directory;
use crate::orders::ProvenUnder;
use crate::peers::{Peer, malformed};
use crate::records::{Came, Reader, Reading, Under};
use crate::sealing;
use comity_model::profile::Profile;
use comity_model::state::StatePath;
use comity_model::{Height, MemberId, RecordId, Sector, decode};
use comity_proto::v1;
use comity_proto::v1::search_response::Part;
use comity_verify::bundle::Claim;
use comity_verify::light::TrustedHeader;
use comity_verify::lookup::{Indexed, PublishedKey};
use comity_verify::refusal::Refusal;
use comity_verify::state;
use comity_verify::vrf::Proof;
use futures::StreamExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// Asks institutions' indices.
pub(crate) struct Seeker {
    pub(crate) institution: MemberId,
    pub(crate) reader: Arc<Reader>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) searcher: Arc<Searcher>,
}

/// Whom to ask.
#[derive(Clone)]
pub(crate) enum Target {
    /// The own institution.
    Own,
    /// Another one.
    Peer(Arc<Peer>),
}

/// What one sector was seen to say of one person.
pub(crate) struct Seen {
    /// Index of the person in the query.
    pub(crate) subject: usize,
    /// The sector.
    pub(crate) sector: Sector,
    /// What it says.
    pub(crate) outcome: Outcome,
    /// The header of all proofs of the answer.
    pub(crate) under: ProvenUnder,
    /// The sectors of this institution that still have to say something of the same person.
    pub(crate) rest: Vec<Sector>,
}

/// What an index is proven to say.
pub(crate) enum Outcome {
    /// Records.
    Found { records: Vec<(RecordName, Reading)>, lookup: v1::Lookup, proof: v1::Proof },
    /// Nothing.
    Nothing { reading: Box<Reading>, lookup: v1::Lookup },
    /// The sector keeps no index.
    NotSearchable,
}

/// What is known of a sector once `start` was verified.
struct Known {
    sector: Sector,
    key: Option<PublishedKey>,
    kept: bool,
}

impl Target {
    /// Its id.
    pub(crate) fn member<'a>(&'a self, own: &'a MemberId) -> &'a MemberId {
        match self {
            Self::Own => own,
            Self::Peer(peer) => &peer.config.member,
        }
    }
}

impl Seeker {
    /// Asks `target` for `caller`, and hands every verified answer to `seen` as it comes, in the order of the query; a
    /// sector that the institution is proven not to keep is passed over.
    pub(crate) async fn ask(
        &self,
        caller: &Caller,
        target: &Target,
        query: &Query,
        seen: &(dyn Fn(Seen) -> BoxFuture<'static, ()> + Send + Sync),
    ) -> Result<(), ApiError> {
        let (mut parts, view, trusted) = match target {
            Target::Own => {
                let parts = self.searcher.clone().search(caller.clone(), query.clone(), None).await?;
                (parts, self.reader.home.clone(), None)
            }
            Target::Peer(peer) => {
                let trusted = peer.view.trusted().await?;
                let parts = self.open(caller, peer, query, &trusted).await?;
                (parts, peer.view.clone(), Some(trusted))
            }
        };
        let member = target.member(&self.institution).clone();
        let Some(Part::Start(start)) = next(&mut parts).await? else { return Err(out_of_order(&member)) };
        let header = match (target, trusted) {
            (Target::Peer(peer), Some(trusted)) => peer.reach(&trusted, &header_of(&start)).await?,
            _ => view.header(Height(start.header_height)).await?,
        };
        let under = ProvenUnder {
            chain: header.chain_id().clone(),
            height: header.height(),
            header_hash: header.header_hash(),
            time: header.time(),
        };
        let answer = Answer { seeker: self, caller, query, member: &member, header: &header };
        let sectors = answer.sectors(&start)?;
        for subject in 0..query.numbers.len() {
            for (at, known) in sectors.iter().enumerate().filter(|(_, known)| known.kept) {
                let outcome = match &known.key {
                    None => Outcome::NotSearchable,
                    Some(key) => answer.entry(&mut parts, subject, at, key).await?,
                };
                let rest = sectors.iter().skip(at.saturating_add(1)).filter(|known| known.kept);
                let rest = rest.map(|known| known.sector.clone()).collect();
                let under = under.clone();
                seen(Seen { subject, sector: known.sector.clone(), outcome, under, rest }).await;
            }
        }
        match next(&mut parts).await? {
            None => Ok(()),
            Some(_) => Err(out_of_order(&member)),
        }
    }

    async fn open(
        &self,
        caller: &Caller,
        peer: &Arc<Peer>,
        query: &Query,
        trusted: &TrustedHeader,
    ) -> Result<Parts, ApiError> {
        let member = &peer.config.member;
        let key = self.directory.encryption_key(peer).await?;
        let sealed = sealing::seal_search(&key, (&self.institution, member), query).map_err(ApiError::fault)?;
        let request = v1::SearchRequest {
            encapsulated_key: sealed.encapsulated_key.to_vec(),
            ciphertext: sealed.ciphertext,
            role: caller.role.to_string(),
            trusted_height: trusted.height().0,
        };
        let answer = peer.exchange().search(request).await.map_err(|status| peer.failed(&status))?;
        let peer = peer.clone();
        Ok(answer.into_inner().map(move |part| part.map_err(|status| peer.failed(&status))).boxed())
    }
}

/// One institution's answer under one header.
struct Answer<'a> {
    seeker: &'a Seeker,
    caller: &'a Caller,
    query: &'a Query,
    member: &'a MemberId,
    header: &'a TrustedHeader,
}

impl Answer<'_> {
    fn refused(&self, refusal: &Refusal) -> ApiError {
        ApiError::proof("peer", self.member, refusal)
    }

    /// Which sectors the institution is proven to keep, and their lookup keys.
    fn sectors(&self, start: &v1::SearchStart) -> Result<Vec<Known>, ApiError> {
        if start.sectors.len() != self.query.sectors.len() {
            return Err(out_of_order(self.member));
        }
        self.query.sectors.iter().zip(&start.sectors).map(|(sector, shown)| self.sector(sector, shown)).collect()
    }

    fn came<'r>(&self, record: &'r v1::FetchRecordResponse) -> Result<Came<'r>, ApiError> {
        let state = record.state.as_ref().ok_or_else(|| out_of_order(self.member))?;
        Came::of(self.member, state, &record.disclosure)
    }

    fn sector(&self, sector: &Sector, shown: &v1::SearchedSector) -> Result<Known, ApiError> {
        let (path, state) = (StatePath::Profile(sector.clone()), shown.profile.clone().unwrap_or_default());
        let kept = if state.exists {
            let profile = state::membership(self.header, &path, &state.value, &state.proof)
                .and_then(|value| value.decode::<Profile>("profile"))
                .map_err(|refusal| self.refused(&refusal))?;
            profile.value().institution == *self.member
        } else {
            let _ = state::absence(self.header, &path, &state.proof).map_err(|refusal| self.refused(&refusal))?;
            false
        };
        let key = match &shown.key {
            Some(record) if kept => self.key(sector, record)?,
            None if !kept => None,
            _ => return Err(out_of_order(self.member)),
        };
        Ok(Known { sector: sector.clone(), key, kept })
    }

    fn key(&self, sector: &Sector, record: &v1::FetchRecordResponse) -> Result<Option<PublishedKey>, ApiError> {
        let came = self.came(record)?;
        if came.state.is_none() {
            let path = StatePath::Record(sector.clone(), comity_verify::lookup::key_id());
            let _ = state::absence(self.header, &path, came.proof).map_err(|refusal| self.refused(&refusal))?;
            return Ok(None);
        }
        let accepted = self.seeker.suites(self.member)?;
        let key = PublishedKey::prove(self.header, sector, came.shown(), accepted);
        key.map(Some).map_err(|refusal| self.refused(&refusal))
    }

    /// The next entry, for this person in this sector, and the records that it lists.
    async fn entry(
        &self,
        parts: &mut Parts,
        subject: usize,
        at: usize,
        key: &PublishedKey,
    ) -> Result<Outcome, ApiError> {
        let (number, sector) = match (self.query.numbers.get(subject), self.query.sectors.get(at)) {
            (Some(number), Some(sector)) => (number, sector),
            _ => return Err(out_of_order(self.member)),
        };
        let Some(Part::Entry(entry)) = next(parts).await? else { return Err(out_of_order(self.member)) };
        if usize::try_from(entry.subject) != Ok(subject) || usize::try_from(entry.sector) != Ok(at) {
            return Err(out_of_order(self.member));
        }
        let vrf_proof = Proof(entry.vrf_proof.try_into().map_err(|_| out_of_order(self.member))?);
        let record = entry.entry.unwrap_or_default();
        let came = self.came(&record)?;
        let id = key.entry(number, &vrf_proof).map_err(|refusal| self.refused(&refusal))?;
        let indexed = key.lookup(number, &vrf_proof, came.shown()).map_err(|refusal| self.refused(&refusal))?;
        let lookup = v1::Lookup {
            key: key.key().to_vec(),
            key_version: key.version(),
            proof: vrf_proof.0.to_vec(),
            entry: id.to_string(),
        };
        let reader = &self.seeker.reader;
        match indexed {
            Indexed::Nothing(absence) => {
                let claim = Claim::Absence { sector: sector.clone(), id };
                let proof = came.proof.to_vec();
                let reading = Reading::new(claim, proof, None, absence.at().clone(), self.view()?, reader.clock.now());
                Ok(Outcome::Nothing { reading: Box::new(reading), lookup })
            }
            Indexed::Records(ids) if ids.value().is_empty() => {
                let state = decode("record state", came.state.unwrap_or_default())
                    .map_err(|error| malformed(self.member, error))?;
                let disclosure = came.disclosure.clone().ok_or_else(|| out_of_order(self.member))?;
                let claim = Claim::Record { sector: sector.clone(), id, state, disclosure };
                let proof = came.proof.to_vec();
                let reading = Reading::new(claim, proof, None, ids.at().clone(), self.view()?, reader.clock.now());
                Ok(Outcome::Nothing { reading: Box::new(reading), lookup })
            }
            Indexed::Records(ids) => {
                let proof = crate::convert::proof(ids.at(), self.view()?.anchor(), answer::RULES);
                let mut records = Vec::new();
                for id in ids.into_value() {
                    records.push(self.record(parts, sector, id, key).await?);
                }
                Ok(Outcome::Found { records, lookup, proof })
            }
        }
    }

    /// The next record, which must be this one.
    async fn record(
        &self,
        parts: &mut Parts,
        sector: &Sector,
        id: RecordId,
        key: &PublishedKey,
    ) -> Result<(RecordName, Reading), ApiError> {
        let reader = &self.seeker.reader;
        let Some(Part::Record(record)) = next(parts).await? else { return Err(out_of_order(self.member)) };
        if record.record_id != id.as_str() {
            return Err(out_of_order(self.member));
        }
        let name = RecordName { member: self.member.clone(), sector: sector.clone(), id };
        let answer = record.record.unwrap_or_default();
        let under = Under { header: self.header, key: Some(key) };
        let reading = reader.take(self.caller, &name, answer, self.view()?, under, &self.query.purpose).await?;
        if reading.record().is_none() {
            // The index lists it, so under the same header it stands.
            return Err(out_of_order(self.member));
        }
        Ok((name, reading))
    }

    fn view(&self) -> Result<Arc<crate::view::ChainView>, ApiError> {
        self.seeker.view(self.member)
    }
}

impl Seeker {
    fn view(&self, member: &MemberId) -> Result<Arc<crate::view::ChainView>, ApiError> {
        if *member == self.institution {
            return Ok(self.reader.home.clone());
        }
        Ok(self.reader.peers.peer(member)?.view.clone())
    }

    fn suites(&self, member: &MemberId) -> Result<comity_model::seal::Suites, ApiError> {
        Ok(self.view(member)?.anchor().suites)
    }
}

async fn next(parts: &mut Parts) -> Result<Option<Part>, ApiError> {
    match parts.next().await {
        None => Ok(None),
        Some(part) => Ok(part?.part),
    }
}

/// The steps of an answer as those of a state.
fn header_of(start: &v1::SearchStart) -> v1::FetchStateResponse {
    v1::FetchStateResponse { steps: start.steps.clone(), header_height: start.header_height, ..Default::default() }
}

/// An answer whose parts are not those of the question, or not in its order.
fn out_of_order(member: &MemberId) -> ApiError {
    let message = format!("The answer of {member} is not to what was asked, or something is missing in it.");
    ApiError::new(Reason::PeerRefused, message).with("peer", member.as_str()).with("peer_reason", "INCOMPLETE_ANSWER")
}
