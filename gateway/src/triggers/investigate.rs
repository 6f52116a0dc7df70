//! Carries out what rules propose to investigate: when the hold period is over and no judge has stopped it, every institution
//! is asked, and what is proven of its answers opens drafts that wait for officers, in a firing of its own.
//! It refuses to conclude anything from silence: who has not answered is asked again, and named as long as it is silent.

use super::engine::{Engine, TAG_FIRING, TAG_PROPOSAL, consequences, derived, request_id};
use super::rules::{FoundRule, Rule};
use super::source::{NAMED, Source};
use super::stop::{ProposalStop, StoredStop};
use super::stored::{Ended, Id, StoredFact, StoredFinding, StoredFiring, StoredInvestigation, StoredProposal, What};
use crate::audit::{self, Entry, Purpose};
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::orders::DraftRequest;
use crate::peers::Peers;
use crate::search::{Outcome, Query, Seeker, Seen, Target, number_of};
use comity_model::member::MemberKind;
use comity_model::profile::Named;
use comity_model::record::{Field, FieldValue};
use comity_model::{MemberId, ObligationId, Sector, UnixSeconds};
use futures::{FutureExt, StreamExt, stream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The role in which institutions are asked: nobody's, and filed as such by each of them.
const ROLE: &str = "rule";
/// Domain tag of the obligation that the drafts of one investigation serve together.
const TAG_OBLIGATION: &str = "comity/firing-obligation/v1";
/// How often open investigations are looked at, how many of them, and how many are under way at once.
const EVERY: Duration = Duration::from_secs(1);
const LOOKED_AT_MAX: usize = 500;
const AT_ONCE_MAX: usize = 4;
/// Institutions that are asked at once, and how long one may take.
const ASKED_AT_ONCE: usize = 8;
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Another gateway of the court asks only when this one has not finished within so many seconds.
const LEASE_S: u64 = 120;
/// How often those who are silent are asked, and how long it takes to the second time; then twice as long each time.
const ATTEMPTS_MAX: u32 = 6;
const AGAIN_S: u64 = 60;
/// Most records of one finding, and drafts of one attempt, that are kept.
const RECORDS_MAX: usize = 64;
const DRAFTS_MAX: usize = 64;
/// Longest part of a purpose, in bytes.
const PURPOSE_BYTES_MAX: usize = 512;

/// Asks institutions.
pub(crate) struct Asker {
    /// Believes only what is proven.
    pub(crate) seeker: Arc<Seeker>,
    /// Whom to ask beside the own institution.
    pub(crate) peers: Peers,
}

/// What one round of questions came to.
#[derive(Default)]
struct Round {
    findings: Vec<StoredFinding>,
    answered: Vec<(MemberId, Option<Sector>)>,
    unanswered: Vec<(MemberId, String)>,
}

/// The investigation that a rule proposes on an occasion.
pub(super) fn question(
    rule: &Rule,
    (sectors, number, found): (&[Sector], &str, &[FoundRule]),
    source: &Source<'_>,
    subject: &str,
    opens_at: UnixSeconds,
) -> StoredInvestigation {
    let number = source.text(number).unwrap_or_default();
    let person = [("person_id_number", Some(number.clone()))]
        .into_iter()
        .chain([("person_id_type", source.text("debtor.id_type")), ("person_name", source.text("debtor.name"))]);
    let person = person.filter_map(|(name, text)| {
        let text = text.filter(|text| !text.is_empty())?;
        Some(Field { name: name.parse().ok()?, value: FieldValue::Text(text) })
    });
    let purpose = Purpose {
        case_number: bounded(source.text("case.case_number").unwrap_or_else(|| subject.to_owned())),
        legal_basis: bounded(rule.title.legal_basis.clone()),
        purpose: bounded(format!("{} ({})", rule.title.zh, rule.id)),
    };
    let places = NAMED.iter().filter_map(|place| Some(((*place).to_owned(), source.value(place)?)));
    StoredInvestigation {
        rule: rule.id.clone(),
        digest: rule.digest,
        title: rule.title.en.clone(),
        sectors: sectors.to_vec(),
        person: person.collect(),
        number: number_of(&number).unwrap_or_default(),
        purpose,
        opens_at,
        found: found.to_vec(),
        case: source.case().to_vec(),
        places: places.collect(),
        claimed: match source.value("unpaid") {
            Some(FieldValue::Amount(amount)) => Some(amount),
            _ => None,
        },
        attempt: 0,
        next_at: opens_at,
        answered: Vec::new(),
        unanswered: Vec::new(),
        gathered: None,
        firings: Vec::new(),
        ended: None,
    }
}

/// At most so long as a purpose's parts may be, cut at a character.
fn bounded(mut text: String) -> String {
    let mut end = text.len().min(PURPOSE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Carries investigations out until `stop`.
pub(crate) async fn run(engine: Arc<Engine>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut after = None;
    loop {
        let looking = async {
            tick.tick().await;
            engine.look_at_investigations(after).await
        };
        let looked = tokio::select! {
            looked = looking => looked,
            () = stop.cancelled() => return,
        };
        after = looked.unwrap_or_else(|error| {
            tracing::warn!(%error, "investigations cannot be looked at now");
            None
        });
    }
}

impl Engine {
    /// Looks at the next of the open investigations, and says where to go on.
    async fn look_at_investigations(&self, after: Option<Id>) -> Result<Option<Id>, ApiError> {
        let open = self.parts.book.investigations(after, LOOKED_AT_MAX).await?;
        stream::iter(&open)
            .for_each_concurrent(AT_ONCE_MAX, |id| async move {
                match self.investigation_looked_at(id).await {
                    // Another gateway, or a judge, came first.
                    Err(error) if error.reason() == Reason::Contended => {}
                    Err(error) => tracing::warn!(%error, "an investigation waits"),
                    Ok(()) => {}
                }
            })
            .await;
        Ok(open.last().copied().filter(|_| open.len() == LOOKED_AT_MAX))
    }

    /// Does what there is to do: asks, or tells what was found. Each step is kept before the next one begins.
    async fn investigation_looked_at(&self, id: &Id) -> Result<(), ApiError> {
        let mut kept = self.parts.book.proposal(id).await?;
        let Some(asked) = kept.investigation().cloned().filter(|asked| asked.ended.is_none()) else { return Ok(()) };
        if asked.gathered.is_none() {
            let now = self.parts.clock.now().unix_seconds();
            if now < asked.next_at {
                return Ok(());
            }
            if asked.number.is_empty() {
                // Nobody to look for: somebody has to ask by hand.
                return self.changed(&kept, StoredInvestigation { ended: Some(Ended::Done), ..asked }).await.map(drop);
            }
            kept = self.changed(&kept, StoredInvestigation { next_at: now.plus(LEASE_S), ..asked.clone() }).await?;
            let round = self.ask(&asked).await;
            let mut asked = kept.investigation().cloned().unwrap_or(asked);
            asked.answered.extend(round.answered);
            asked.unanswered = round.unanswered;
            asked.gathered = Some(round.findings);
            kept = self.changed(&kept, asked).await?;
        }
        self.tell(kept).await
    }

    /// Asks everybody who has not answered.
    async fn ask(&self, asked: &StoredInvestigation) -> Round {
        let asker = &self.parts.asker;
        let targets = std::iter::once(Target::Own).chain(asker.peers.iter().cloned().map(Target::Peer));
        let whole =
            |member: &MemberId| asked.answered.iter().any(|(known, sector)| known == member && sector.is_none());
        let targets: Vec<_> = targets.filter(|target| !whole(target.member(&self.parts.institution))).collect();
        let rounds = stream::iter(targets).map(|target| self.ask_one(asked, target)).buffer_unordered(ASKED_AT_ONCE);
        let mut all = rounds
            .fold(Round::default(), |mut all, one: Round| async move {
                all.findings.extend(one.findings);
                all.answered.extend(one.answered);
                all.unanswered.extend(one.unanswered);
                all
            })
            .await;
        // In one order, whoever was faster.
        all.findings.sort_by(|one, other| (&one.member, &one.sector).cmp(&(&other.member, &other.sector)));
        all.unanswered.sort();
        all
    }

    async fn ask_one(&self, asked: &StoredInvestigation, target: Target) -> Round {
        let member = target.member(&self.parts.institution).clone();
        let is_known =
            |sector: &Sector| asked.answered.iter().any(|(known, of)| *known == member && of.as_ref() == Some(sector));
        let sectors: Vec<_> = asked.sectors.iter().filter(|sector| !is_known(sector)).cloned().collect();
        let query = Query { sectors, numbers: vec![asked.number.clone()], purpose: asked.purpose.clone() };
        let Ok(role) = ROLE.parse() else { return Round::default() };
        let caller = Caller { institution: self.parts.institution.clone(), role, kind: Some(MemberKind::Court) };
        let findings = Arc::new(Mutex::new(Vec::new()));
        let (told, keeper) = (findings.clone(), member.clone());
        let tell = move |seen: Seen| {
            if let Some(finding) = finding(&keeper, seen) {
                told.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
            }
            async {}.boxed()
        };
        let asking = self.parts.asker.seeker.ask(&caller, &target, &query, &tell);
        let outcome = tokio::time::timeout(ANSWER_WITHIN, asking).await;
        let findings = std::mem::take(&mut *findings.lock().unwrap_or_else(PoisonError::into_inner));
        let reason = match outcome {
            Ok(Ok(())) => {
                return Round { findings, answered: vec![(member, None)], unanswered: Vec::new() };
            }
            Ok(Err(error)) => {
                tracing::debug!(%member, %error, "an investigation was not answered");
                error.reason()
            }
            Err(_) => Reason::DeadlinePassed,
        };
        let spoke = findings.iter().map(|finding| (member.clone(), Some(finding.sector.clone())));
        Round { answered: spoke.collect(), findings, unanswered: vec![(member.clone(), reason.as_str().to_owned())] }
    }

    /// Fires what was gathered, once, and goes on to those who are silent, or ends.
    async fn tell(&self, kept: StoredProposal) -> Result<(), ApiError> {
        let Some(asked) = kept.investigation() else { return Ok(()) };
        let findings = asked.gathered.clone().unwrap_or_default();
        // Nothing new is no news, but for the first time.
        let firing = if findings.is_empty() && asked.attempt > 0 {
            None
        } else {
            Some(self.fire_findings(&kept, asked, &findings).await?)
        };
        let attempt = asked.attempt.saturating_add(1);
        let is_over = asked.unanswered.is_empty() || attempt >= ATTEMPTS_MAX;
        let wait = AGAIN_S << asked.attempt.min(16);
        let mut next = StoredInvestigation {
            attempt,
            next_at: self.parts.clock.now().unix_seconds().plus(wait),
            gathered: None,
            ended: is_over.then_some(Ended::Done),
            ..asked.clone()
        };
        next.firings.extend(firing);
        self.changed(&kept, next).await.map(drop)
    }

    /// A firing of its own: its facts are the findings, its proposals the drafts that they open.
    async fn fire_findings(
        &self,
        kept: &StoredProposal,
        asked: &StoredInvestigation,
        findings: &[StoredFinding],
    ) -> Result<Id, ApiError> {
        let subject = format!("proposals/{}", hex::encode(kept.id));
        let id = derived(TAG_FIRING, &(&asked.rule, &subject, asked.attempt));
        if self.parts.book.knows(&id).await? {
            return Ok(id);
        }
        let at = self.parts.clock.now();
        let mut proposals = Vec::new();
        for finding in findings {
            for fields in &finding.records {
                for rule in asked.found.iter().filter(|rule| rule.sector == finding.sector) {
                    if !self.stands(&finding.sector, fields) || proposals.len() >= DRAFTS_MAX {
                        continue;
                    }
                    let number = u32::try_from(proposals.len()).unwrap_or(u32::MAX);
                    let request = self.request(rule, (kept, asked), (finding, fields), (&id, number));
                    let what = self.draw_up(request, 0).await?;
                    proposals.push(StoredProposal { id: derived(TAG_PROPOSAL, &(id, number)), firing: id, at, what });
                }
            }
        }
        let found = findings.iter().filter(|finding| !finding.records.is_empty()).count();
        let silent: Vec<_> = asked.unanswered.iter().map(|(member, why)| format!("members/{member} ({why})")).collect();
        let silent =
            if silent.is_empty() { String::new() } else { format!("; {} did not answer yet", silent.join(", ")) };
        let firing = StoredFiring {
            id,
            rule: asked.rule.clone(),
            digest: asked.digest,
            explanation: format!(
                "The investigation that rule {} ({}) proposed began by itself, as no judge had stopped it: {} indices \
                 answered, {found} of them list something of the person{silent}. It proposes {}.",
                asked.rule,
                asked.title,
                findings.len(),
                consequences(&proposals, "no order"),
            ),
            subject,
            at,
            facts: findings.iter().map(fact).collect(),
            proposals: proposals.iter().map(|proposal| proposal.id).collect(),
        };
        self.parts.book.keep(&firing, &proposals).await?;
        tracing::info!(rule = %asked.rule, findings = findings.len(), drafts = proposals.len(), "an investigation was carried out");
        Ok(id)
    }

    /// Whether what a record is about can still be held.
    fn stands(&self, sector: &Sector, fields: &[Field]) -> bool {
        let schema = self.parts.sectors.sector(sector);
        schema.is_some_and(|schema| schema.record.in_force(fields) != Some(false))
    }

    fn request(
        &self,
        rule: &FoundRule,
        (kept, asked): (&StoredProposal, &StoredInvestigation),
        (finding, fields): (&StoredFinding, &[Field]),
        (firing, number): (&Id, u32),
    ) -> DraftRequest {
        let source = Source::Found(asked, fields);
        let profile = self.parts.sectors.sector(&rule.sector).and_then(|schema| schema.profile.as_ref());
        let effect = profile.and_then(|profile| profile.kind(&rule.kind)).map(|kind| kind.effect);
        let may_serve = effect.is_some_and(|effect| effect.obligation() != Named::Never);
        let obligation = ObligationId(derived(TAG_OBLIGATION, &kept.id));
        DraftRequest {
            request: request_id(firing, number, 0),
            recipient: finding.member.clone(),
            sector: rule.sector.clone(),
            kind: rule.kind.clone(),
            original: None,
            fields: self.fields(&rule.sector, (&rule.without, &rule.fields), &source, firing),
            obligation: None,
            deliver_within_s: 0,
            hold_days: rule.hold_days,
            emergency: false,
            claim: asked.claimed.filter(|_| may_serve).map(|claimed| (obligation, claimed)),
        }
    }

    /// The investigation of a proposal that this stop would stop; `None` where it has.
    pub(super) fn stoppable<'a>(
        &self,
        kept: &'a StoredProposal,
        stop: &ProposalStop,
    ) -> Result<Option<&'a StoredInvestigation>, ApiError> {
        let Some(asked) = kept.investigation() else {
            let message = "A proposed order is stopped by withdrawing its draft.";
            return Err(ApiError::new(Reason::ProposalState, message));
        };
        match &asked.ended {
            Some(Ended::Stopped(known)) if known.stop == *stop => return Ok(None),
            Some(Ended::Stopped(known)) => {
                let message = "Another judge, or the same for another reason, has stopped the investigation.";
                return Err(ApiError::new(Reason::ProposalState, message).with("reason", known.stop.reason.as_str()));
            }
            Some(Ended::Done) | None => {}
        }
        // The lease is what tells that somebody is asking; the date decides, not whether somebody has begun.
        let began = asked.ended.is_some() || asked.attempt > 0 || asked.gathered.is_some();
        let is_over = self.parts.clock.now().unix_seconds() >= asked.opens_at;
        if began || is_over || asked.next_at != asked.opens_at {
            let message = "The hold period is over: the investigation has begun or ended, and is stopped no more.";
            return Err(ApiError::new(Reason::StopLate, message));
        }
        Ok(Some(asked))
    }

    /// Stops an investigation within its hold period, and files who did, in one write. The same stop again changes nothing.
    pub(super) async fn stop_investigation(
        &self,
        caller: &Caller,
        stop: StoredStop,
    ) -> Result<StoredProposal, ApiError> {
        let kept = self.parts.book.proposal(&stop.stop.proposal).await?;
        let Some(asked) = self.stoppable(&kept, &stop.stop)? else { return Ok(kept) };
        let purpose = Purpose {
            purpose: format!("stopped by officer {}: {}", stop.approval.officer, stop.stop.reason),
            ..asked.purpose.clone()
        };
        let resource = format!("proposals/{}", hex::encode(kept.id));
        let filed = audit::entry(self.parts.clock.now(), caller, "StopProposal", resource, Vec::new(), purpose);
        let stopped = StoredInvestigation { ended: Some(Ended::Stopped(stop)), ..asked.clone() };
        self.changed_and_filed(&kept, stopped, Some(&filed)).await
    }

    async fn changed(&self, kept: &StoredProposal, asked: StoredInvestigation) -> Result<StoredProposal, ApiError> {
        self.changed_and_filed(kept, asked, None).await
    }

    async fn changed_and_filed(
        &self,
        kept: &StoredProposal,
        asked: StoredInvestigation,
        filed: Option<&Entry>,
    ) -> Result<StoredProposal, ApiError> {
        let next = StoredProposal { what: What::Investigation(asked), ..kept.clone() };
        if !self.parts.book.change(kept, &next, filed).await? {
            // Another gateway over this store, or a judge, came first.
            return Err(ApiError::new(Reason::Contended, "The investigation changed meanwhile."));
        }
        Ok(next)
    }
}

/// What was seen, as it is kept; `None` for a sector without an index, which says nothing.
fn finding(member: &MemberId, seen: Seen) -> Option<StoredFinding> {
    let (records, more) = match seen.outcome {
        Outcome::NotSearchable => return None,
        Outcome::Nothing { .. } => (Vec::new(), 0),
        Outcome::Found { records, .. } => {
            let fields = records.iter().filter_map(|(_, reading)| Some(reading.record()?.fields.clone()));
            let more = records.len().saturating_sub(RECORDS_MAX);
            (fields.take(RECORDS_MAX).collect(), u32::try_from(more).unwrap_or(u32::MAX))
        }
    };
    Some(StoredFinding { member: member.clone(), sector: seen.sector, records, more, under: seen.under })
}

fn fact(finding: &StoredFinding) -> StoredFact {
    let StoredFinding { member, sector, records, more, under } = finding;
    let count = records.len().saturating_add(usize::try_from(*more).unwrap_or(usize::MAX));
    let (statement, last) = match count {
        0 => (format!("the index of {sector} at members/{member} lists nothing of the person"), "ABSENCE_PROOF"),
        count => (format!("the index of {sector} at members/{member} lists {count} of the person"), "FIELD_PROOF"),
    };
    let rules = ["COMMIT_POWER", "VRF", "STATE_PROOF", last].map(ToOwned::to_owned).to_vec();
    StoredFact { statement, under: under.clone(), rules }
}
