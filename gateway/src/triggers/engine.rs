//! Rules at work: what was proven is held against every rule; each firing, with what it rests on and what it proposes, is
//! kept once. A draft that nobody approves in time is drawn up anew while its reason stands.
//! It refuses to send anything: drafts wait for officers like all others.

use super::book::FiringBook;
use super::investigate::{Asker, question};
use super::rules::{Body, On, Proposes, Rule, Rules, Template, To};
use super::source::{FIRING, Source};
use super::stored::{Id, StoredFact, StoredFiring, StoredProposal, What};
use crate::agreements::StoredAgreement;
use crate::config::Clock;
use crate::error::{ApiError, Blame, Reason};
use crate::orders::{Desk, DraftRequest, ProvenUnder, StoredOrder};
use crate::recurring::every;
use crate::sectors::Sectors;
use comity_model::agreement::{AgreementEntry, AgreementState, Fact};
use comity_model::member::MemberKind;
use comity_model::order::{HoldSummary, OrderState, Outcome};
use comity_model::record::{Field, FieldValue, RecordState};
use comity_model::{FieldName, MemberId, OrderId, OrderKind, RecordId, RequestId, Sector, Time};
use comity_verify::agreement::reference;
use comity_verify::{Rule as Verified, seal};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Domain tags of ids that are derived from what fired. They never leave the gateway.
pub(super) const TAG_FIRING: &str = "comity/firing/v1";
pub(super) const TAG_PROPOSAL: &str = "comity/firing-proposal/v1";
/// How often holds and open proposals are looked at, and how many of each at once; the next look goes on.
const EVERY: Duration = Duration::from_secs(5);
const AT_ONCE_MAX: usize = 500;
/// How often a draft is drawn up at most: each waits a day.
const ATTEMPTS_MAX: u32 = 90;
/// Most recipients of one proposed order.
const RECIPIENTS_MAX: usize = 64;
/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// What the engine is made of.
pub(crate) struct EngineParts {
    /// The institution.
    pub(crate) institution: MemberId,
    /// The rules.
    pub(crate) rules: Arc<Rules>,
    /// Firings and proposals.
    pub(crate) book: FiringBook,
    /// Where drafts are drawn up.
    pub(crate) orders: Arc<Desk>,
    /// The sectors.
    pub(crate) sectors: Arc<Sectors>,
    /// To whom orders can be sent, and what kind of institution each is.
    pub(crate) recipients: BTreeMap<MemberId, MemberKind>,
    /// Asks other institutions for what they keep of a person.
    pub(crate) asker: Asker,
    /// What time it is.
    pub(crate) clock: Clock,
}

/// The rules at work.
pub(crate) struct Engine {
    pub(super) parts: EngineParts,
    /// Where the next look at holds, and at open proposals, goes on.
    seen: Mutex<(Option<OrderId>, Option<Id>)>,
}

/// Something that may make rules fire.
struct Occasion<'a> {
    /// Its name in the API.
    subject: String,
    /// Tells two occasions on one subject apart.
    number: u64,
    /// In words that follow "because".
    because: String,
    facts: Vec<StoredFact>,
    source: Source<'a>,
}

/// Looks at holds and open proposals until `stop`.
pub(crate) async fn run(engine: Arc<Engine>, stop: CancellationToken) {
    let look = || async {
        for looked in [engine.look_at_holds().await, engine.look_at_proposals().await] {
            if let Err(error) = looked {
                tracing::warn!(%error, "rules could not be applied now");
            }
        }
    };
    every(EVERY, stop, look).await;
}

impl Engine {
    /// An engine; nothing runs yet.
    pub(crate) fn new(parts: EngineParts) -> Self {
        Self { parts, seen: Mutex::default() }
    }

    /// The rules.
    pub(crate) fn rules(&self) -> &Rules {
        &self.parts.rules
    }

    /// Has the rules for agreements look at what was proven of one.
    pub(crate) async fn agreement_changed(&self, stored: &StoredAgreement) -> Result<(), ApiError> {
        let Some((entry, under)) = stored.entry.as_ref().zip(stored.proven.as_ref()) else { return Ok(()) };
        for rule in self.rules().iter() {
            let wanted = match &rule.on {
                On::Defaulted { agreement } => {
                    entry.terms.rule == *agreement
                        && matches!(entry.state, AgreementState::Defaulted | AgreementState::Opened)
                }
                On::Opened { agreement, opens } => {
                    let opened = entry.filing.as_ref().map(|filing| filing.opens);
                    entry.terms.rule == *agreement
                        && opened.is_some_and(|opened| opens.is_none_or(|wanted| wanted == opened))
                }
                On::HoldLapsing { .. } | On::RecordPut { .. } => false,
            };
            if !wanted {
                continue;
            }
            let unpaid = match &entry.filing {
                Some(filing) => Some(filing.unpaid),
                None => entry.unpaid(),
            };
            let Some(unpaid) = unpaid else { continue };
            let occasion = Occasion {
                subject: format!("agreements/{}", stored.id),
                number: 0,
                because: because(entry, &rule.on),
                facts: facts(entry, under),
                source: Source::Agreement(stored, unpaid),
            };
            self.fire(rule, occasion).await?;
        }
        Ok(())
    }

    /// Has the rules for records look at records that the institution put, each proven to stand under `under`.
    pub(crate) async fn records_put(
        &self,
        sector: &Sector,
        records: &[(&RecordId, &[Field], &RecordState)],
        under: &ProvenUnder,
    ) -> Result<(), ApiError> {
        for rule in self.rules().iter() {
            let On::RecordPut { sector: wanted, is } = &rule.on else { continue };
            if wanted != sector {
                continue;
            }
            for (id, fields, state) in records {
                let stands = is.iter().all(|(name, values)| {
                    let field = fields.iter().find(|field| field.name == *name);
                    field.is_some_and(|field| matches!(&field.value, FieldValue::Text(text) if values.contains(text)))
                });
                if !stands {
                    continue;
                }
                let says: Vec<_> =
                    is.iter().map(|(name, values)| format!("{name} is {}", values.join(" or "))).collect();
                let statement =
                    format!("version {} of the record stands, in which {}", state.version, says.join(" and "));
                let occasion = Occasion {
                    subject: format!("members/{}/sectors/{sector}/records/{id}", self.parts.institution),
                    number: state.version.into(),
                    because: statement.clone(),
                    facts: vec![fact(statement, under.clone(), Verified::StateProof)],
                    source: Source::Record(&self.parts.institution, fields),
                };
                self.fire(rule, occasion).await?;
            }
        }
        Ok(())
    }

    /// Looks at the next of the living holds: which of them lapse soon.
    async fn look_at_holds(&self) -> Result<(), ApiError> {
        let waits = self.rules().iter().any(|rule| matches!(rule.on, On::HoldLapsing { .. }));
        if !waits {
            return Ok(());
        }
        let after = self.seen.lock().unwrap_or_else(PoisonError::into_inner).0;
        let book = self.parts.orders.book();
        let holding = book.holding(after, AT_ONCE_MAX).await.map_err(crate::orders::DeskError::from)?;
        for id in &holding {
            let order = self.parts.orders.read(id).await?;
            self.hold_looked_at(&order).await?;
        }
        let last = holding.last().copied().filter(|_| holding.len() == AT_ONCE_MAX);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).0 = last;
        Ok(())
    }

    async fn hold_looked_at(&self, order: &StoredOrder) -> Result<(), ApiError> {
        let Some((hold, under)) = hold_of(order).zip(order.proven.as_ref()) else { return Ok(()) };
        let now = self.parts.clock.now().unix_seconds();
        for rule in self.rules().iter() {
            let On::HoldLapsing { within_days, sectors } = &rule.on else { continue };
            let soon = hold.until <= now.plus(u64::from(*within_days).saturating_mul(DAY_S));
            let concerned = sectors.is_empty() || sectors.contains(&order.order.sector);
            if !soon || hold.until <= now || !concerned || !self.knows_kinds(rule, &order.order.sector) {
                continue;
            }
            let until = time_of(hold.until);
            let occasion = Occasion {
                subject: format!("orders/{}", order.order.id),
                // Renewed, it may lapse another time.
                number: hold.until.0,
                because: format!("its hold lapses at {until}, within {within_days} days, unless it is renewed"),
                facts: vec![fact(
                    format!("the hold of the order is in force or waits, and lasts until {until}"),
                    under.clone(),
                    Verified::StateProof,
                )],
                source: Source::Order(order),
            };
            self.fire(rule, occasion).await?;
        }
        Ok(())
    }

    /// Whether a sector has the kinds of order that a rule for its holds proposes.
    fn knows_kinds(&self, rule: &Rule, sector: &Sector) -> bool {
        let profile = self.parts.sectors.sector(sector).and_then(|schema| schema.profile.as_ref());
        rule.proposes.iter().all(|proposes| match proposes {
            Proposes::Order { kind, to: To::Original, .. } => {
                profile.is_some_and(|profile| profile.kind(kind).is_some())
            }
            _ => true,
        })
    }

    /// Fires a rule, unless it has fired on this occasion before.
    async fn fire(&self, rule: &Rule, occasion: Occasion<'_>) -> Result<(), ApiError> {
        let id = derived(TAG_FIRING, &(&rule.id, &occasion.subject, occasion.number));
        if self.parts.book.knows(&id).await? {
            return Ok(());
        }
        let at = self.parts.clock.now();
        let mut proposals = Vec::new();
        for proposes in &rule.proposes {
            for what in self.plan((rule, proposes), &occasion, (&id, proposals.len())).await? {
                let number = u32::try_from(proposals.len()).unwrap_or(u32::MAX);
                proposals.push(StoredProposal { id: derived(TAG_PROPOSAL, &(id, number)), firing: id, at, what });
            }
        }
        let consequences = consequences(&proposals, "nothing, for want of a recipient");
        let firing = StoredFiring {
            id,
            rule: rule.id.clone(),
            digest: rule.digest,
            explanation: format!(
                "Rule {} ({}) fired on {} because {}. It proposes {consequences}.",
                rule.id, rule.title.en, occasion.subject, occasion.because
            ),
            subject: occasion.subject,
            at,
            facts: occasion.facts,
            proposals: proposals.iter().map(|proposal| proposal.id).collect(),
        };
        if self.parts.book.keep(&firing, &proposals).await? {
            tracing::info!(rule = %rule.id, subject = %firing.subject, proposals = proposals.len(), "a rule fired");
        }
        Ok(())
    }

    /// What `proposes` comes to: an order for each recipient, drawn up as far as can be; `of` is the firing, and how many
    /// proposals it has before these.
    async fn plan(
        &self,
        (rule, proposes): (&Rule, &Proposes),
        occasion: &Occasion<'_>,
        of: (&Id, usize),
    ) -> Result<Vec<What>, ApiError> {
        let (sector, kind, to, without, fields, hold_days) = match proposes {
            Proposes::Investigation { sectors, number, hold_s, found } => {
                let opens_at = self.parts.clock.now().unix_seconds().plus(*hold_s);
                let asked = question(rule, (sectors, number, found), &occasion.source, &occasion.subject, opens_at);
                return Ok(vec![What::Investigation(asked)]);
            }
            Proposes::Order { sector, kind, to, without, fields, hold_days } => {
                (sector, kind, to, without, fields, *hold_days)
            }
        };
        let original = match &occasion.source {
            Source::Order(order) if *to == To::Original => Some(order.order.clone()),
            _ => None,
        };
        let sector = match (sector, &original) {
            (Some(sector), _) => sector.clone(),
            (None, Some(original)) => original.sector.clone(),
            (None, None) => return Ok(Vec::new()),
        };
        let fields = self.fields(&sector, (without, fields), &occasion.source, of.0);
        let mut planned = Vec::new();
        for recipient in self.recipients(to, &occasion.source) {
            let number = u32::try_from(of.1 + planned.len()).unwrap_or(u32::MAX);
            let request = DraftRequest {
                request: request_id(of.0, number, 0),
                recipient,
                sector: sector.clone(),
                kind: kind.clone(),
                original: original.as_ref().map(|order| order.id),
                fields: fields.clone(),
                obligation: None,
                deliver_within_s: 0,
                hold_days,
                emergency: false,
                claim: None,
            };
            planned.push(self.draw_up(request, 0).await?);
        }
        Ok(planned)
    }

    fn recipients(&self, to: &To, source: &Source<'_>) -> Vec<MemberId> {
        match (to, source) {
            (To::Original, Source::Order(order)) => vec![order.order.recipient.clone()],
            (To::Payments, Source::Agreement(stored, _)) => vec![stored.payments_at.clone()],
            (To::Bodies(bodies), _) => {
                let named = |member: &MemberId, kind: &MemberKind| {
                    bodies.iter().any(|body| match body {
                        Body::Kind(wanted) => wanted == kind,
                        Body::Member(wanted) => wanted == member,
                    })
                };
                let all = self.parts.recipients.iter().filter(|(member, kind)| named(member, kind));
                all.map(|(member, _)| member.clone()).take(RECIPIENTS_MAX).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The fields of the case that the sector's orders know, and those of the rule in their place.
    pub(super) fn fields(
        &self,
        sector: &Sector,
        (without, templates): (&[FieldName], &[(FieldName, Template)]),
        source: &Source<'_>,
        firing: &Id,
    ) -> Vec<Field> {
        let Some(schema) = self.parts.sectors.sector(sector).and_then(|schema| schema.order.as_ref()) else {
            return Vec::new();
        };
        let mut fields: BTreeMap<_, _> = source
            .case()
            .iter()
            .filter(|field| schema.field(&field.name).is_some() && !without.contains(&field.name))
            .map(|field| (field.name.clone(), field.value.clone()))
            .collect();
        for (name, template) in templates {
            let value = match template {
                Template::Value(value) => Some(value.clone()),
                Template::Source(place) if place == FIRING => Some(FieldValue::Text(hex::encode(firing))),
                Template::Source(place) => source.value(place),
            };
            if let Some(value) = value.filter(|_| schema.field(name).is_some()) {
                fields.insert(name.clone(), value);
            }
        }
        fields.into_iter().map(|(name, value)| Field { name, value }).collect()
    }

    /// Draws a draft up; what the caller cannot mend by trying again is kept as the proposal's problem.
    pub(super) async fn draw_up(&self, request: DraftRequest, attempt: u32) -> Result<What, ApiError> {
        let drawn = self.parts.orders.draw_up(&request).await.map_err(ApiError::from);
        let (draft, problem) = match drawn {
            Ok(order) => (Some(order.order.id), None),
            Err(error) if error.reason() == Reason::RequestConflict => {
                return self.drawn_before(request, attempt).await;
            }
            Err(error) if error.reason().blame() == Blame::Refusal => {
                let field = error.metadata("field").unwrap_or_default().to_owned();
                (None, Some((error.reason().as_str().to_owned(), field)))
            }
            Err(error) => return Err(error),
        };
        Ok(What::Order { request, attempt, draft, problem, lapsed: false })
    }

    /// The draft that was drawn up for the same proposal when its occasion stood otherwise, by another gateway over this
    /// store or before a crash: there is one draft, and it is what is proposed.
    async fn drawn_before(&self, request: DraftRequest, attempt: u32) -> Result<What, ApiError> {
        let known = self.parts.orders.book().request(&request.request).await.map_err(crate::orders::DeskError::from)?;
        let (id, _) = known.ok_or_else(|| ApiError::fault("a request in conflict with none"))?;
        let fields = self.parts.orders.read(&id).await?.part.fields.clone();
        let request = DraftRequest { fields, ..request };
        Ok(What::Order { request, attempt, draft: Some(id), problem: None, lapsed: false })
    }

    /// Looks at the next of the open proposals: a draft past its time is drawn up anew.
    async fn look_at_proposals(&self) -> Result<(), ApiError> {
        let after = self.seen.lock().unwrap_or_else(PoisonError::into_inner).1;
        let open = self.parts.book.open(after, AT_ONCE_MAX).await?;
        for id in &open {
            self.proposal_looked_at(id).await?;
        }
        let last = open.last().copied().filter(|_| open.len() == AT_ONCE_MAX);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).1 = last;
        Ok(())
    }

    async fn proposal_looked_at(&self, id: &Id) -> Result<(), ApiError> {
        let before = self.parts.book.proposal(id).await?;
        let Some(draft) = before.draft() else { return self.parts.book.close(&before).await };
        let order = self.parts.orders.read(&draft).await?;
        if order.state != OrderState::AwaitingApproval {
            return self.parts.book.close(&before).await;
        }
        if self.parts.clock.now().unix_seconds() < order.deliver_by() {
            return Ok(());
        }
        let What::Order { request, attempt, .. } = &before.what else { return Ok(()) };
        let next = attempt.saturating_add(1);
        let what = if next >= ATTEMPTS_MAX {
            What::Order { request: request.clone(), attempt: *attempt, draft: None, problem: None, lapsed: true }
        } else {
            // Its number within the firing is bound by the first request; the attempt tells the next ones apart.
            let request = DraftRequest { request: again(&before.id, next), ..request.clone() };
            self.draw_up(request, next).await?
        };
        if !self.parts.book.change(&before, &StoredProposal { what, ..before.clone() }, None).await? {
            // Another gateway over this store came first, with the same draft.
            return Ok(());
        }
        // The old draft can no longer be approved; taken back, it no longer shows as waiting.
        match self.parts.orders.withdraw(&draft).await {
            Ok(_) | Err(crate::orders::DeskError::State(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What proposals come to, in words; `nothing` where there are none.
pub(super) fn consequences(proposals: &[StoredProposal], nothing: &str) -> String {
    match proposals {
        [] => nothing.to_owned(),
        proposals => proposals.iter().map(consequence).collect::<Vec<_>>().join("; "),
    }
}

fn consequence(proposal: &StoredProposal) -> String {
    match &proposal.what {
        What::Order { request, draft, problem, .. } => {
            let order = order_words(&request.kind, &request.sector, &request.recipient);
            match (draft, problem) {
                (Some(draft), _) => format!("{order}, drafted as orders/{draft}"),
                (None, Some((code, _))) => format!("{order}, which somebody has to complete: {code}"),
                (None, None) => order,
            }
        }
        What::Investigation(asked) => {
            let names: Vec<_> = asked.sectors.iter().map(Sector::as_str).collect();
            let from = time_of(asked.opens_at);
            format!(
                "an investigation of the debtor's assets in {}, from {from} unless a judge stops it",
                names.join(", ")
            )
        }
    }
}

fn order_words(kind: &OrderKind, sector: &Sector, recipient: &MemberId) -> String {
    format!("an order to {kind} in {sector} for members/{recipient}")
}

fn because(entry: &AgreementEntry, on: &On) -> String {
    let number = entry.default.as_ref().map_or(0, |default| default.instalment);
    match (&entry.filing, on) {
        (Some(filing), On::Opened { .. }) => format!(
            "instalment {} is proven not to be paid, and no judge stopped it: the {} filing is open since {}",
            u32::from(number) + 1,
            crate::agreements::opens_name(filing.opens).to_lowercase(),
            time_of(filing.opened_at)
        ),
        _ => format!("instalment {} is proven not to be paid", u32::from(number) + 1),
    }
}

/// What the firing of a rule on an agreement rests on: of the finance chain as the court's chain took it, and of the
/// court's chain.
fn facts(entry: &AgreementEntry, under: &ProvenUnder) -> Vec<StoredFact> {
    let mut facts = Vec::new();
    let at = &entry.terms.payments;
    for (number, standing) in (0u16..).zip(&entry.instalments) {
        if let Some(paid) = &standing.paid {
            let statement = format!("instalment {} of {} was paid", u32::from(number) + 1, paid.amount);
            facts.push(fact(statement, under_of(&paid.fact), Verified::FieldProof));
        }
    }
    if let Some(default) = &entry.default
        && let Some((instalment, _)) = entry.instalment(default.instalment)
    {
        let id = reference(&at.account, &entry.court, &entry.id, default.instalment);
        let statement = format!(
            "no sufficient payment of instalment {} of {}, due at {}, stood in sector {} under {id}",
            u32::from(default.instalment) + 1,
            instalment.amount,
            time_of(instalment.due_at),
            at.sector,
        );
        facts.push(fact(statement, under_of(&default.fact), Verified::AbsenceProof));
    }
    let statement = match &entry.filing {
        Some(filing) => format!("block {} opened the filing, {} being unpaid", filing.height, filing.unpaid),
        None => "the default stands, and a judge may stop what it opens".into(),
    };
    facts.push(fact(statement, under.clone(), Verified::StateProof));
    facts
}

fn fact(statement: String, under: ProvenUnder, rule: Verified) -> StoredFact {
    StoredFact { statement, under, rules: vec![Verified::CommitPower.code().to_owned(), rule.code().to_owned()] }
}

fn under_of(fact: &Fact) -> ProvenUnder {
    ProvenUnder { chain: fact.chain.clone(), height: fact.height, header_hash: fact.header_hash, time: fact.time }
}

/// The hold of an order as it was last proven.
fn hold_of(order: &StoredOrder) -> Option<&HoldSummary> {
    if let Some(notice) = &order.notice {
        return Some(&notice.hold);
    }
    match &order.result.as_ref()?.outcome {
        Outcome::Executed(hold) | Outcome::Waitlisted(hold) => Some(hold),
        Outcome::Refused(_) | Outcome::Failed(_) | Outcome::Done => None,
    }
}

pub(super) fn time_of(at: comity_model::UnixSeconds) -> Time {
    Time::new(i64::try_from(at.0).unwrap_or(i64::MAX), 0).unwrap_or(Time::UNIX_EPOCH)
}

pub(super) fn derived<T: borsh::BorshSerialize>(tag: &'static str, value: &T) -> Id {
    let digest = seal::digest(tag, value);
    let mut id = Id::default();
    id.iter_mut().zip(digest.0).for_each(|(slot, byte)| *slot = byte);
    id
}

pub(super) fn request_id(firing: &Id, number: u32, attempt: u32) -> RequestId {
    RequestId(derived(TAG_PROPOSAL, &(derived(TAG_PROPOSAL, &(firing, number)), attempt)))
}

fn again(proposal: &Id, attempt: u32) -> RequestId {
    RequestId(derived(TAG_PROPOSAL, &(proposal, attempt)))
}
