//! The service `Holdings`: permit, decode, read, encode.
//! It refuses to show a field that the caller's role may not see, though the institution holds it.

use super::check::Checker;
use super::held::{Answer, Change, ChangeKind, Held, HeldBook, Kept, Source};
use super::{HoldingId, named, rows};
use crate::audit::{self, Purpose};
use crate::convert::{self, RecordName, seconds_to_wire, time_to_wire};
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::members::page_size;
use crate::policy::{EndHolding, Permit, ReadHoldings};
use crate::records::{Reader, record_to_wire};
use crate::server::caller;
use comity_model::record::RecordStatus;
use comity_proto::v1;
use comity_proto::v1::holdings_server::Holdings;
use comity_verify::fields::{self, DisclosedRecord};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// Most holdings on a page, which is the default.
const PAGE_MAX: usize = 100;
/// How often a watch looks whether another gateway has changed something.
const WATCH_TICK: Duration = Duration::from_secs(1);
/// Rules that a held answer has passed.
const RULES: &[&str] = &["COMMIT_POWER", "STATE_PROOF", "FIELD_PROOF", "SCHEMA_HASH", "SUCCESSION"];
const FORM: &str = "holdings/ and 32 hex digits";

type Changes = BoxStream<'static, Result<v1::HoldingChange, Status>>;

/// The service.
pub(crate) struct HoldingsService {
    pub(crate) book: HeldBook,
    pub(crate) reader: Arc<Reader>,
    pub(crate) checker: Arc<Checker>,
    pub(crate) stop: CancellationToken,
}

#[tonic::async_trait]
impl Holdings for HoldingsService {
    async fn list_holdings(
        &self,
        request: Request<v1::ListHoldingsRequest>,
    ) -> Result<Response<v1::ListHoldingsResponse>, Status> {
        let permit = self.reader.policy.permit::<ReadHoldings>(&caller(&request)?)?;
        Ok(Response::new(self.list(&permit, request.get_ref()).await?))
    }

    async fn get_holding(&self, request: Request<v1::GetHoldingRequest>) -> Result<Response<v1::Holding>, Status> {
        let permit = self.reader.policy.permit::<ReadHoldings>(&caller(&request)?)?;
        Ok(Response::new(self.get(&permit, request.into_inner()).await?))
    }

    type WatchHoldingsStream = Changes;

    async fn watch_holdings(
        &self,
        request: Request<v1::WatchHoldingsRequest>,
    ) -> Result<Response<Self::WatchHoldingsStream>, Status> {
        let permit = self.reader.policy.permit::<ReadHoldings>(&caller(&request)?)?;
        Ok(Response::new(self.watch(&permit, request.get_ref()).await?))
    }

    async fn check_holding(&self, request: Request<v1::CheckHoldingRequest>) -> Result<Response<v1::Holding>, Status> {
        let permit = self.reader.policy.permit::<ReadHoldings>(&caller(&request)?)?;
        Ok(Response::new(self.check(&permit, &request.get_ref().name).await?))
    }

    async fn end_holding(&self, request: Request<v1::EndHeldRequest>) -> Result<Response<v1::EndHeldResponse>, Status> {
        let permit = self.reader.policy.permit::<EndHolding>(&caller(&request)?)?;
        Ok(Response::new(self.end(&permit, &request.get_ref().name).await?))
    }
}

impl HoldingsService {
    async fn list(
        &self,
        _permit: &Permit<ReadHoldings>,
        request: &v1::ListHoldingsRequest,
    ) -> Result<v1::ListHoldingsResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let from = rows::from_token(&request.page_token)?;
        let mut page = self.book.page(request.outdated_only, &from, limit.saturating_add(1)).await?;
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|held| hex::encode(held.holding.id()));
        let holdings = page.iter().map(|held| self.shown(held)).collect::<Result<_, _>>()?;
        Ok(v1::ListHoldingsResponse { holdings, next_page_token: next.unwrap_or_default() })
    }

    async fn get(
        &self,
        permit: &Permit<ReadHoldings>,
        request: v1::GetHoldingRequest,
    ) -> Result<v1::Holding, ApiError> {
        let held = self.held(&id_of(&request.name)?).await?;
        let purpose = Purpose::stated(request.purpose)?;
        let kept = self.book.kept(&held.holding.id(), held.answer.state.version).await?;
        let kept = kept.ok_or_else(|| ApiError::fault("a holding has no answer"))?;
        let record = self.record(permit.caller(), &held, kept, purpose).await?;
        Ok(v1::Holding { record: Some(record), ..self.shown(&held)? })
    }

    async fn check(&self, _permit: &Permit<ReadHoldings>, name: &str) -> Result<v1::Holding, ApiError> {
        let id = id_of(name)?;
        self.checker.check_one(&self.held(&id).await?).await?;
        self.shown(&self.held(&id).await?)
    }

    async fn end(&self, _permit: &Permit<EndHolding>, name: &str) -> Result<v1::EndHeldResponse, ApiError> {
        match self.book.end(&id_of(name)?, self.reader.clock.now().unix_seconds()).await? {
            true => Ok(v1::EndHeldResponse {}),
            false => Err(unknown()),
        }
    }

    async fn watch(
        &self,
        _permit: &Permit<ReadHoldings>,
        request: &v1::WatchHoldingsRequest,
    ) -> Result<Changes, ApiError> {
        let after = match request.resume_token.as_str() {
            "" => self.book.last_change().await?,
            token => token.parse().map_err(|_| ApiError::argument("resume_token", "This is no token of a change."))?,
        };
        let state = (self.book.clone(), self.stop.clone(), after);
        let pages = futures::stream::unfold(state, |(book, stop, after)| async move {
            loop {
                match book.changes(after, PAGE_MAX).await {
                    Ok(page) if page.is_empty() => {}
                    Ok(page) => {
                        let last = page.last().map_or(after, |(number, _)| *number);
                        let page: Vec<_> = page.iter().map(|(number, one)| Ok(change(*number, one))).collect();
                        return Some((page, (book, stop, last)));
                    }
                    Err(error) => return Some((vec![Err(Status::from(error))], (book, stop, after))),
                }
                tokio::select! {
                    () = book.news() => {}
                    () = tokio::time::sleep(WATCH_TICK) => {}
                    () = stop.cancelled() => return None,
                }
            }
        });
        // What failed once is not asked again and again: the watcher comes back with its token.
        let changes = pages.flat_map(futures::stream::iter).scan(false, |over, item| {
            let item = (!*over).then_some(item);
            *over |= item.as_ref().is_some_and(Result::is_err);
            futures::future::ready(item)
        });
        Ok(changes.boxed())
    }

    async fn held(&self, id: &HoldingId) -> Result<Held, ApiError> {
        self.book.held(id).await?.ok_or_else(unknown)
    }

    /// The record with the fields that this caller may see. Personal data for a purpose, which is filed.
    async fn record(
        &self,
        caller: &Caller,
        held: &Held,
        kept: Kept,
        purpose: Option<Purpose>,
    ) -> Result<v1::Record, ApiError> {
        let name = RecordName {
            member: held.holding.keeper.clone(),
            sector: held.holding.sector.clone(),
            id: held.holding.record.clone(),
        };
        let schema = self.reader.sectors.sector(&name.sector);
        let schema = schema.ok_or_else(|| crate::keeper::unknown_sector(&name.sector))?;
        let mut fields = fields::disclosed(&kept.disclosure, &kept.state.root).map_err(ApiError::fault)?;
        let mut personal = Vec::new();
        let mut shown = Vec::new();
        for field in fields.drain(..) {
            let Some(spec) = schema.record.field(&field.name) else { continue };
            if !self.reader.policy.may_read(caller, &name.member, &name.sector, spec)? {
                continue;
            }
            if spec.personal && purpose.is_none() {
                continue;
            }
            if spec.personal {
                personal.push(field.name.clone());
            }
            shown.push(field);
        }
        if let (false, Some(purpose)) = (personal.is_empty(), purpose) {
            let now = self.reader.clock.now();
            let entry = audit::entry(now, caller, "GetHolding", name.to_string(), personal, purpose);
            self.reader.audit.append(&entry).await?;
        }
        let record = DisclosedRecord {
            sector: name.sector.clone(),
            id: name.id.clone(),
            state: kept.state,
            fields: shown,
            fields_total: kept.disclosure.count,
            algorithm: kept.disclosure.algorithm,
        };
        Ok(record_to_wire(&name, &record))
    }

    fn shown(&self, held: &Held) -> Result<v1::Holding, ApiError> {
        use v1::holding::State;
        let state = if held.newest.is_some() { State::Outdated } else { State::Current };
        Ok(v1::Holding {
            name: format!("holdings/{}", hex::encode(held.holding.id())),
            record_name: held.holding.record_name(),
            role: held.holding.role.clone(),
            state: state.into(),
            since: Some(seconds_to_wire(held.since)),
            answer: Some(self.answer(held, &held.answer)?),
            superseded: held.superseded.iter().map(|answer| self.answer(held, answer)).collect::<Result<_, _>>()?,
            newest_version: held.newest.as_ref().map_or(0, |(state, _)| state.version),
            check_time: held.checked.as_ref().map(|at| time_to_wire(at.time)),
            check_height: held.checked.as_ref().map_or(0, |at| at.height.0),
            check_failure: held.failure.clone(),
            record: None,
        })
    }

    fn answer(&self, held: &Held, answer: &Answer) -> Result<v1::HeldAnswer, ApiError> {
        use v1::held_answer::Source as Wire;
        let source = match answer.source {
            Source::Read => Wire::Read,
            Source::Delivered => Wire::Delivered,
            Source::Found => Wire::Found,
        };
        let anchor = self.reader.peers.peer(&held.holding.keeper)?.view.anchor().clone();
        Ok(v1::HeldAnswer {
            version: answer.state.version,
            status: status(answer.state.status).into(),
            source: source.into(),
            proof: Some(convert::proof(&answer.at, &anchor, RULES)),
            learn_time: Some(seconds_to_wire(answer.learnt_at)),
            supersede_time: answer.superseded_at.map(seconds_to_wire),
        })
    }
}

fn change(number: u64, change: &Change) -> v1::HoldingChange {
    use v1::holding_change::Kind;
    let kind = match change.kind {
        ChangeKind::Delivered => Kind::Delivered,
        ChangeKind::Found => Kind::Found,
        ChangeKind::Outdated => Kind::Outdated,
        ChangeKind::Ended => Kind::Ended,
    };
    v1::HoldingChange {
        holding: format!("holdings/{}", hex::encode(change.holding.id())),
        record_name: change.holding.record_name(),
        role: change.holding.role.clone(),
        kind: kind.into(),
        version: change.version,
        status: status(change.status).into(),
        height: change.height.0,
        time: Some(seconds_to_wire(change.at)),
        withheld: change.withheld,
        resume_token: number.to_string(),
    }
}

const fn status(status: RecordStatus) -> v1::RecordStatus {
    match status {
        RecordStatus::Current => v1::RecordStatus::Current,
        RecordStatus::Withdrawn => v1::RecordStatus::Withdrawn,
    }
}

fn id_of(name: &str) -> Result<HoldingId, ApiError> {
    named("holdings", name).ok_or_else(|| convert::malformed(FORM))
}

fn unknown() -> ApiError {
    ApiError::new(Reason::UnknownHolding, "This institution holds no such record.")
}
