//! The service `Deliveries`: permit, decode, read, encode.
//! It refuses to show why a holder asked: that is in the audit trail.

use super::holders::{Holder, HolderBook};
use super::{named, rows};
use crate::convert::{self, RecordName, seconds_to_wire};
use crate::error::{ApiError, Reason};
use crate::members::page_size;
use crate::policy::{Permit, Policy, ReadDeliveries};
use crate::server::caller;
use comity_model::{MemberId, encode};
use comity_proto::v1;
use comity_proto::v1::deliveries_server::Deliveries;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Most deliveries on a page, which is the default.
const PAGE_MAX: usize = 100;

/// The service.
pub(crate) struct DeliveriesService {
    pub(crate) institution: MemberId,
    pub(crate) book: HolderBook,
    pub(crate) policy: Arc<Policy>,
}

#[tonic::async_trait]
impl Deliveries for DeliveriesService {
    async fn list_deliveries(
        &self,
        request: Request<v1::ListDeliveriesRequest>,
    ) -> Result<Response<v1::ListDeliveriesResponse>, Status> {
        let permit = self.policy.permit::<ReadDeliveries>(&caller(&request)?)?;
        Ok(Response::new(self.list(&permit, request.get_ref()).await?))
    }

    async fn get_delivery(&self, request: Request<v1::GetDeliveryRequest>) -> Result<Response<v1::Delivery>, Status> {
        let permit = self.policy.permit::<ReadDeliveries>(&caller(&request)?)?;
        Ok(Response::new(self.get(&permit, &request.get_ref().name).await?))
    }

    async fn list_overdue_deliveries(
        &self,
        request: Request<v1::ListOverdueDeliveriesRequest>,
    ) -> Result<Response<v1::ListOverdueDeliveriesResponse>, Status> {
        let permit = self.policy.permit::<ReadDeliveries>(&caller(&request)?)?;
        Ok(Response::new(self.overdue(&permit, request.get_ref()).await?))
    }
}

impl DeliveriesService {
    async fn list(
        &self,
        _permit: &Permit<ReadDeliveries>,
        request: &v1::ListDeliveriesRequest,
    ) -> Result<v1::ListDeliveriesResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let from = rows::from_token(&request.page_token)?;
        let name = match request.record_name.as_str() {
            "" => None,
            name => Some(RecordName::parse(name)?),
        };
        if name.as_ref().is_some_and(|name| name.member != self.institution) {
            return Err(ApiError::argument("record_name", "Only holders of the own institution's records are known."));
        }
        let record = name.as_ref().map(|name| (&name.sector, &name.id));
        let mut page = self.book.page(record, &from, limit.saturating_add(1)).await?;
        let next = next_token(&mut page, limit);
        let deliveries = page.iter().map(|(_, holder)| shown(holder)).collect();
        Ok(v1::ListDeliveriesResponse { deliveries, next_page_token: next })
    }

    async fn get(&self, _permit: &Permit<ReadDeliveries>, name: &str) -> Result<v1::Delivery, ApiError> {
        let id = named("deliveries", name).ok_or_else(|| convert::malformed("deliveries/ and 32 hex digits"))?;
        let holder = self.book.holder(&id).await?;
        let unknown =
            || ApiError::new(Reason::UnknownHolding, "Nobody holds a record of this institution under this id.");
        holder.map(|holder| shown(&holder)).ok_or_else(unknown)
    }

    async fn overdue(
        &self,
        _permit: &Permit<ReadDeliveries>,
        request: &v1::ListOverdueDeliveriesRequest,
    ) -> Result<v1::ListOverdueDeliveriesResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let from = rows::from_token(&request.page_token)?;
        let mut page = self.book.overdue(&from, limit.saturating_add(1)).await?;
        let next_page_token = next_token(&mut page, limit);
        let overdue = page.iter().map(|(_, entry)| v1::OverdueDelivery {
            delivery: format!("deliveries/{}", hex::encode(entry.holding.id())),
            record_name: entry.holding.record_name(),
            holder: format!("members/{}", entry.holding.holder),
            version: entry.version,
            change_time: Some(seconds_to_wire(entry.changed_at)),
            due_time: Some(seconds_to_wire(entry.due_at)),
            failure: entry.failure.clone(),
            settle_time: entry.settled_at.map(seconds_to_wire),
        });
        Ok(v1::ListOverdueDeliveriesResponse { overdue: overdue.collect(), next_page_token })
    }
}

fn next_token<T>(page: &mut Vec<(Vec<u8>, T)>, limit: usize) -> String {
    let more = page.len() > limit;
    page.truncate(limit);
    page.last().filter(|_| more).map(|(key, _)| hex::encode(key)).unwrap_or_default()
}

fn shown(holder: &Holder) -> v1::Delivery {
    use v1::delivery::State;
    let (due, receipt) = (holder.due.as_ref(), holder.receipt.as_ref());
    let state = match (due, receipt) {
        (Some(due), _) if due.overdue => State::Overdue,
        (Some(_), _) => State::Due,
        (None, Some(_)) => State::Acknowledged,
        (None, None) => State::None,
    };
    v1::Delivery {
        name: format!("deliveries/{}", hex::encode(holder.holding.id())),
        record_name: holder.holding.record_name(),
        holder: format!("members/{}", holder.holding.holder),
        role: holder.holding.role.clone(),
        since: Some(seconds_to_wire(holder.since)),
        state: state.into(),
        held_version: holder.told,
        version: due.map_or(0, |due| due.version),
        change_time: due.map(|due| seconds_to_wire(due.changed_at)),
        due_time: due.map(|due| seconds_to_wire(due.due_at)),
        attempts: due.map_or(0, |due| due.attempts),
        next_attempt_time: due.map(|due| seconds_to_wire(due.next_at)),
        failure: due.map(|due| due.failure.clone()).unwrap_or_default(),
        acknowledge_time: receipt.map(|received| seconds_to_wire(received.receipt.at)),
        receipt: receipt.map(|received| encode(&received.receipt)).unwrap_or_default(),
        seal: receipt.map(|received| encode(&received.seal)).unwrap_or_default(),
        late: receipt.is_some_and(|received| received.late),
    }
}
