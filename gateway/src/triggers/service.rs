//! The service `Triggers`: the rules, what they fired and why, and what that proposes. Permit, decode, read, encode.
//! It refuses to decide on a proposed order: that is approved or withdrawn as an order.

use super::engine::Engine;
use super::rules::{On, Title};
use super::stop::{self, ProposalStop, StoredStop, TAG_STOP};
use super::stored::{Ended, Id, StoredFact, StoredFiring, StoredInvestigation, StoredProposal, What};
use crate::agreements::approval;
use crate::audit::{self, Audit, Purpose};
use crate::convert::{field_to_wire, seconds_to_wire, time_to_wire};
use crate::convert_order::{self, Operators};
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::members::page_size;
use crate::orders::Home;
use crate::policy::{Permit, Policy, ReadParties, ReadTriggers, StopProposal};
use crate::server::caller;
use comity_model::order::OrderState;
use comity_model::record::Field;
use comity_model::{ChainId, Hash, ReasonCode};
use comity_proto::v1;
use comity_proto::v1::triggers_server::Triggers;
use comity_verify::seal::signing_bytes;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Most items on one page, and how many there are on one unless the caller says less.
const PAGE_MAX: usize = 100;

/// The service.
pub(crate) struct TriggersService {
    pub(crate) engine: Arc<Engine>,
    pub(crate) chain: ChainId,
    pub(crate) home: Home,
    pub(crate) policy: Arc<Policy>,
    pub(crate) operators: Operators,
    pub(crate) audit: Audit,
}

#[tonic::async_trait]
impl Triggers for TriggersService {
    async fn list_rules(
        &self,
        request: Request<v1::ListRulesRequest>,
    ) -> Result<Response<v1::ListRulesResponse>, Status> {
        let permit = self.policy.permit::<ReadTriggers>(&caller(&request)?)?;
        Ok(Response::new(self.rules(&permit)))
    }

    async fn list_firings(
        &self,
        request: Request<v1::ListFiringsRequest>,
    ) -> Result<Response<v1::ListFiringsResponse>, Status> {
        let permit = self.policy.permit::<ReadTriggers>(&caller(&request)?)?;
        Ok(Response::new(self.firings(&permit, request.get_ref()).await?))
    }

    async fn get_firing(&self, request: Request<v1::GetFiringRequest>) -> Result<Response<v1::Firing>, Status> {
        let permit = self.policy.permit::<ReadTriggers>(&caller(&request)?)?;
        Ok(Response::new(self.firing(&permit, &request.get_ref().name).await?))
    }

    async fn list_proposals(
        &self,
        request: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        let permit = self.policy.permit::<ReadTriggers>(&caller(&request)?)?;
        Ok(Response::new(self.proposals(&permit, request.get_ref()).await?))
    }

    async fn get_proposal(&self, request: Request<v1::GetProposalRequest>) -> Result<Response<v1::Proposal>, Status> {
        let permit = self.policy.permit::<ReadTriggers>(&caller(&request)?)?;
        Ok(Response::new(self.proposal(&permit, request.into_inner()).await?))
    }

    async fn stop_proposal(&self, request: Request<v1::StopProposalRequest>) -> Result<Response<v1::Proposal>, Status> {
        let permit = self.policy.permit::<StopProposal>(&caller(&request)?)?;
        Ok(Response::new(self.stop(&permit, request.get_ref()).await?))
    }
}

impl TriggersService {
    fn rules(&self, _permit: &Permit<ReadTriggers>) -> v1::ListRulesResponse {
        let rules = self.engine.rules();
        let kinds = rules.agreements().map(|(id, kind)| rule(id.as_str(), "agreement", &kind.title, &kind.digest));
        let others = rules.iter().map(|known| rule(known.id.as_str(), on(&known.on), &known.title, &known.digest));
        v1::ListRulesResponse { rules: kinds.chain(others).collect() }
    }

    async fn firings(
        &self,
        _permit: &Permit<ReadTriggers>,
        request: &v1::ListFiringsRequest,
    ) -> Result<v1::ListFiringsResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let after = place(&request.page_token)?;
        let book = &self.engine.parts.book;
        let (ids, next) = book.firings(after.as_ref(), limit).await?;
        let mut firings = Vec::with_capacity(ids.len());
        for id in &ids {
            firings.push(firing(&book.firing(id).await?, &self.operators));
        }
        Ok(v1::ListFiringsResponse { firings, next_page_token: next.map(hex::encode).unwrap_or_default() })
    }

    async fn firing(&self, _permit: &Permit<ReadTriggers>, name: &str) -> Result<v1::Firing, ApiError> {
        let id = named("firings", name)?;
        Ok(firing(&self.engine.parts.book.firing(&id).await?, &self.operators))
    }

    async fn proposals(
        &self,
        _permit: &Permit<ReadTriggers>,
        request: &v1::ListProposalsRequest,
    ) -> Result<v1::ListProposalsResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let after = place(&request.page_token)?;
        let book = &self.engine.parts.book;
        let (ids, next) = book.proposals(after.as_ref(), limit).await?;
        let mut proposals = Vec::with_capacity(ids.len());
        for id in &ids {
            proposals.push(self.encode(&book.proposal(id).await?).await?);
        }
        Ok(v1::ListProposalsResponse { proposals, next_page_token: next.map(hex::encode).unwrap_or_default() })
    }

    async fn proposal(
        &self,
        permit: &Permit<ReadTriggers>,
        request: v1::GetProposalRequest,
    ) -> Result<v1::Proposal, ApiError> {
        let stored = self.engine.parts.book.proposal(&named("proposals", &request.name)?).await?;
        let mut shown = self.encode(&stored).await?;
        if let Some(purpose) = Purpose::stated(request.purpose)? {
            let permit = self.policy.permit::<ReadParties>(permit.caller())?;
            let fields = fields(&stored);
            self.file(permit.caller(), &stored, fields, purpose).await?;
            shown.fields = fields.iter().map(field_to_wire).collect();
        }
        Ok(shown)
    }

    async fn stop(
        &self,
        permit: &Permit<StopProposal>,
        request: &v1::StopProposalRequest,
    ) -> Result<v1::Proposal, ApiError> {
        let reason: ReasonCode =
            request.reason.parse().map_err(|error| ApiError::argument("reason", format!("{error}.")))?;
        let stop = ProposalStop {
            chain: self.chain.clone(),
            court: self.engine.parts.institution.clone(),
            proposal: named("proposals", &request.name)?,
            reason,
        };
        if request.validate_only {
            let kept = self.engine.parts.book.proposal(&stop.proposal).await?;
            let _: Option<_> = self.engine.stoppable(&kept, &stop)?;
            let shown = self.encode(&kept).await?;
            return Ok(v1::Proposal { signing_bytes: signing_bytes(TAG_STOP, &stop), ..shown });
        }
        let (approval, at) =
            (approval(&request.officer, &request.signature)?, self.engine.parts.clock.now().unix_seconds());
        stop::approved(&self.home, &stop, &approval, at).await?;
        let officer = approval.officer.clone();
        let stopped = self.engine.stop_investigation(permit.caller(), StoredStop { stop, approval, at }).await?;
        tracing::info!(caller = %permit.caller(), %officer, proposal = %request.name, "an investigation was stopped");
        self.encode(&stopped).await
    }

    /// Files that somebody sees what a proposal says, before it is shown.
    async fn file(
        &self,
        caller: &Caller,
        stored: &StoredProposal,
        fields: &[Field],
        purpose: Purpose,
    ) -> Result<(), ApiError> {
        let names = fields.iter().map(|field| field.name.clone()).collect();
        let resource = format!("proposals/{}", hex::encode(stored.id));
        let entry = audit::entry(self.engine.parts.clock.now(), caller, "ReadProposal", resource, names, purpose);
        self.audit.append(&entry).await
    }

    async fn encode(&self, stored: &StoredProposal) -> Result<v1::Proposal, ApiError> {
        use v1::proposal::State;
        let shown = v1::Proposal {
            name: format!("proposals/{}", hex::encode(stored.id)),
            firing: format!("firings/{}", hex::encode(stored.firing)),
            time: Some(time_to_wire(stored.at)),
            ..v1::Proposal::default()
        };
        let (request, draft, problem, lapsed) = match &stored.what {
            What::Investigation(asked) => return Ok(investigation(asked, shown)),
            What::Order { request, draft, problem, lapsed, .. } => (request, draft, problem, *lapsed),
        };
        let state = match draft {
            _ if lapsed => State::Lapsed,
            None => State::Incomplete,
            Some(draft) => match self.engine.parts.orders.read(draft).await?.state {
                OrderState::AwaitingApproval => State::Proposed,
                OrderState::Withdrawn => State::Dismissed,
                _ => State::TakenUp,
            },
        };
        let (reason, field) = problem.clone().unwrap_or_default();
        Ok(v1::Proposal {
            state: state.into(),
            kind: "ORDER".into(),
            order: draft.map(|id| format!("orders/{id}")).unwrap_or_default(),
            recipient: format!("members/{}", request.recipient),
            sector: request.sector.to_string(),
            order_kind: request.kind.to_string(),
            original: request.original.map(|id| format!("orders/{id}")).unwrap_or_default(),
            reason,
            field,
            ..shown
        })
    }
}

fn investigation(asked: &StoredInvestigation, shown: v1::Proposal) -> v1::Proposal {
    use v1::proposal::State;
    let began = asked.attempt > 0 || asked.gathered.is_some() || asked.next_at != asked.opens_at;
    let (state, reason) = match &asked.ended {
        Some(Ended::Stopped(known)) => (State::Dismissed, known.stop.reason.to_string()),
        Some(Ended::Done) if asked.number.is_empty() => (State::Incomplete, Reason::FieldMissing.as_str().to_owned()),
        Some(Ended::Done) => (State::TakenUp, String::new()),
        None if began => (State::UnderWay, String::new()),
        None => (State::Proposed, String::new()),
    };
    let stop = match &asked.ended {
        Some(Ended::Stopped(known)) => Some(v1::ProposalStop {
            reason: known.stop.reason.to_string(),
            officer: known.approval.officer.to_string(),
            time: Some(seconds_to_wire(known.at)),
            signed_bytes: signing_bytes(TAG_STOP, &known.stop),
            signature: known.approval.signature.bytes.to_vec(),
        }),
        Some(Ended::Done) | None => None,
    };
    v1::Proposal {
        state: state.into(),
        kind: "INVESTIGATION".into(),
        sectors: asked.sectors.iter().map(ToString::to_string).collect(),
        reason,
        opens_time: Some(seconds_to_wire(asked.opens_at)),
        stop,
        firings: asked.firings.iter().map(|id| format!("firings/{}", hex::encode(id))).collect(),
        unanswered: asked.unanswered.iter().map(|(member, why)| format!("members/{member}: {why}")).collect(),
        ..shown
    }
}

fn fields(stored: &StoredProposal) -> &[Field] {
    match &stored.what {
        What::Order { request, .. } => &request.fields,
        What::Investigation(asked) => &asked.person,
    }
}

fn rule(id: &str, on: &str, title: &Title, digest: &Hash) -> v1::TriggerRule {
    v1::TriggerRule {
        name: format!("rules/{id}"),
        title_zh: title.zh.clone(),
        title_en: title.en.clone(),
        legal_basis: title.legal_basis.clone(),
        on: on.into(),
        text: title.text.clone(),
        digest: digest.0.to_vec(),
    }
}

const fn on(on: &On) -> &'static str {
    match on {
        On::Defaulted { .. } => "agreement-defaulted",
        On::Opened { .. } => "agreement-opened",
        On::HoldLapsing { .. } => "hold-lapsing",
        On::RecordPut { .. } => "record-put",
    }
}

fn firing(stored: &StoredFiring, operators: &Operators) -> v1::Firing {
    v1::Firing {
        name: format!("firings/{}", hex::encode(stored.id)),
        rule: format!("rules/{}", stored.rule),
        rule_digest: stored.digest.0.to_vec(),
        subject: stored.subject.clone(),
        time: Some(time_to_wire(stored.at)),
        explanation: stored.explanation.clone(),
        facts: stored.facts.iter().map(|known| fact(known, operators)).collect(),
        proposals: stored.proposals.iter().map(|id| format!("proposals/{}", hex::encode(id))).collect(),
    }
}

fn fact(stored: &StoredFact, operators: &Operators) -> v1::TriggerFact {
    let proof = v1::Proof { rules: stored.rules.clone(), ..convert_order::proof(&stored.under, operators) };
    v1::TriggerFact { statement: stored.statement.clone(), proof: Some(proof) }
}

fn named(collection: &'static str, name: &str) -> Result<Id, ApiError> {
    let mut id = Id::default();
    let text = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/'));
    let read = text.is_some_and(|text| hex::decode_to_slice(text, &mut id).is_ok());
    if read {
        return Ok(id);
    }
    Err(ApiError::new(Reason::MalformedName, format!("The name must be {collection}/ and 32 hex digits.")))
}

/// A page token: the place of the last item shown; `None` for the first page.
pub(crate) fn place(token: &str) -> Result<Option<[u8; 24]>, ApiError> {
    if token.is_empty() {
        return Ok(None);
    }
    let mut place = [0; 24];
    let read = hex::decode_to_slice(token, &mut place);
    read.map(|()| Some(place))
        .map_err(|_| ApiError::argument("page_token", "The page token is not one that this service gave."))
}
