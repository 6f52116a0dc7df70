//! The service `Accesses`: the trail, page by page from the newest. Who reads it stands in it: an access to it is filed before a
//! page is shown. It refuses to look anything up: whoever needs one case reads until it is there.

use super::{Audit, Entry, KEY_BYTES, Purpose, entry};
use crate::config::Clock;
use crate::convert::time_to_wire;
use crate::error::ApiError;
use crate::members::{PAGE_MAX, page_size};
use crate::policy::{Permit, Policy, ReadTrail};
use crate::server::caller;
use comity_proto::v1;
use comity_proto::v1::accesses_server::Accesses;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// What reading the trail is filed as having been done to.
const RESOURCE: &str = "accesses";
/// And why, as no case calls for it.
const WHY: &str = "the institution's own audit trail";

/// The service.
pub(crate) struct TrailService {
    pub(crate) policy: Arc<Policy>,
    pub(crate) audit: Audit,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl Accesses for TrailService {
    async fn list_accesses(
        &self,
        request: Request<v1::ListAccessesRequest>,
    ) -> Result<Response<v1::ListAccessesResponse>, Status> {
        let permit = self.policy.permit::<ReadTrail>(&caller(&request)?)?;
        Ok(Response::new(self.list(&permit, request.get_ref()).await?))
    }
}

impl TrailService {
    async fn list(
        &self,
        permit: &Permit<ReadTrail>,
        request: &v1::ListAccessesRequest,
    ) -> Result<v1::ListAccessesResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let below = place(&request.page_token)?;
        let purpose = Purpose::none(WHY);
        let reading = entry(self.clock.now(), permit.caller(), "ReadTrail", RESOURCE.into(), Vec::new(), purpose);
        self.audit.append(&reading).await?;
        let (entries, next) = self.audit.newest(&below, limit).await?;
        Ok(v1::ListAccessesResponse {
            accesses: entries.into_iter().map(to_wire).collect(),
            next_page_token: next.map(hex::encode).unwrap_or_default(),
        })
    }
}

/// A page token: the key of the last access shown; empty for none.
fn place(token: &str) -> Result<Vec<u8>, ApiError> {
    let known = hex::decode(token).ok().filter(|key| key.is_empty() || key.len() == KEY_BYTES);
    known.ok_or_else(|| ApiError::argument("page_token", "The page token is not one that this service gave."))
}

fn to_wire(entry: Entry) -> v1::Access {
    v1::Access {
        time: Some(time_to_wire(entry.at)),
        institution: format!("members/{}", entry.institution),
        role: entry.role,
        action: entry.action,
        resource: entry.resource,
        fields: entry.fields.iter().map(ToString::to_string).collect(),
        purpose: Some(entry.purpose.to_wire()),
    }
}
