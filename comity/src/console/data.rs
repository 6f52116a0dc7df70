//! What the console asks the gateway, and the answers as JSON: the same that commands print with `--json`.
//! Refuses to keep anything of an answer, and to ask for personal data.

use crate::client::{ClientFile, chain, show, status};
use crate::failure::{Exit, Failure};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use comity_gateway::Identity;
use comity_proto::v1;
use comity_proto::v1::accesses_client::AccessesClient;
use comity_proto::v1::chains_client::ChainsClient;
use comity_proto::v1::deposits_client::DepositsClient;
use comity_proto::v1::institution_client::InstitutionClient;
use comity_proto::v1::members_client::MembersClient;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::transport::Channel;

/// Items on a page.
const PAGE: i32 = 50;
/// Most pages of a list that has to be whole.
const PAGES_MAX: usize = 20;

/// The gateway, and as whom it is asked.
pub(super) struct Gateway {
    pub(super) channel: Channel,
    identity: Identity,
    address: String,
}

impl Gateway {
    pub(super) fn of(file: &ClientFile) -> Result<Self, Failure> {
        Ok(Self { channel: file.connect()?, identity: file.identity()?, address: file.gateway().to_owned() })
    }

    pub(super) const fn institution(&self) -> &comity_model::MemberId {
        &self.identity.institution
    }

    pub(super) const fn role(&self) -> &comity_gateway::Role {
        &self.identity.role
    }

    /// Who is asking whom.
    pub(super) fn about(&self) -> Value {
        json!({
            "institution": self.institution().as_str(),
            "role": self.role().as_str(),
            "gateway": self.address,
        })
    }
}

/// The institutions, with the chains that they live on.
pub(super) async fn members(gateway: &Gateway) -> Result<Value, Refused> {
    let mut client = MembersClient::new(gateway.channel.clone());
    let (mut members, mut page_token) = (Vec::new(), String::new());
    for _ in 0..PAGES_MAX {
        let page = client.list_members(v1::ListMembersRequest { page_size: 0, page_token }).await;
        let page = page.map_err(|error| status(error, "the institutions were not listed"))?.into_inner();
        members.extend(page.members.iter().map(|member| {
            json!({
                "name": member.name,
                "kind": member.kind,
                "display_names": member.display_names,
                "chain": member.chain_id,
            })
        }));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    Ok(json!({ "members": members }))
}

/// The chains, with the light clients on the own one.
pub(super) async fn chains(gateway: &Gateway) -> Result<Value, Refused> {
    let chains = chain::list(&mut ChainsClient::new(gateway.channel.clone())).await?;
    Ok(json!({ "now": crate::clock::now().to_string(), "chains": chains.iter().map(chain::json).collect::<Vec<_>>() }))
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Page {
    /// Where it begins: what the page before named.
    #[serde(default)]
    after: String,
}

/// Orders that arrived at the institution, without their private parts.
pub(super) async fn received(gateway: &Gateway, page: Page) -> Result<Value, Refused> {
    let request = v1::ListReceivedOrdersRequest {
        page_size: PAGE,
        page_token: page.after,
        with_private_parts: false,
        decided_too: true,
    };
    let listed = InstitutionClient::new(gateway.channel.clone()).list_received_orders(request).await;
    let listed = listed.map_err(|error| status(error, "the orders were not listed"))?.into_inner();
    let orders: Vec<_> = listed.orders.iter().map(show::received_json).collect();
    Ok(json!({ "orders": orders, "next": listed.next_page_token }))
}

/// The institution's log of deposits: its size, its checkpoint, who witnessed it, and how it grew.
pub(super) async fn deposits(gateway: &Gateway, page: Page) -> Result<Value, Refused> {
    let member = format!("members/{}", gateway.institution());
    let mut client = DepositsClient::new(gateway.channel.clone());
    let log = client.get_deposit_log(v1::GetDepositLogRequest { name: format!("{member}/depositLog") }).await;
    let log = log.map_err(|error| status(error, "the log was not shown"))?.into_inner();
    let request = v1::ListDepositHeadsRequest { parent: member, page_size: PAGE, page_token: page.after };
    let heads = client.list_deposit_heads(request).await;
    let heads = heads.map_err(|error| status(error, "the log's heads were not listed"))?.into_inner();
    let at = |time: &Option<prost_types::Timestamp>| time.as_ref().map(|time| show::time(Some(time)));
    Ok(json!({
        "now": crate::clock::now().to_string(),
        "size": log.size,
        "checkpoint": log.checkpoint.as_ref().map(|checkpoint| json!({
            "size": checkpoint.size,
            "time": at(&checkpoint.time),
        })),
        "witnesses": log.witnesses.iter().map(|witness| json!({
            "name": witness.name,
            "size": witness.cosigned_size,
            "time": at(&witness.cosigned_at),
            "failure": witness.failure,
        })).collect::<Vec<_>>(),
        "heads": heads.heads.iter().map(|head| json!({
            "size": head.size,
            "time": at(&head.time),
            "height": head.height,
            "witnesses": head.witnesses,
        })).collect::<Vec<_>>(),
        "next": heads.next_page_token,
    }))
}

/// Who had access to personal data, from the newest. The gateway files that this was read.
pub(super) async fn accesses(gateway: &Gateway, page: Page) -> Result<Value, Refused> {
    let request = v1::ListAccessesRequest { page_size: PAGE, page_token: page.after };
    let listed = AccessesClient::new(gateway.channel.clone()).list_accesses(request).await;
    let listed = listed.map_err(|error| status(error, "the audit trail was not read"))?.into_inner();
    let accesses = listed.accesses.iter().map(|access| {
        let purpose = access.purpose.clone().unwrap_or_default();
        json!({
            "time": show::time(access.time.as_ref()),
            "institution": access.institution,
            "role": access.role,
            "action": access.action,
            "resource": access.resource,
            "fields": access.fields,
            "case_number": purpose.case_number,
            "legal_basis": purpose.legal_basis,
            "purpose": purpose.purpose,
        })
    });
    Ok(json!({ "accesses": accesses.collect::<Vec<_>>(), "next": listed.next_page_token }))
}

/// Why the gateway did not answer as asked: for the page to show.
pub(super) struct Refused(Failure);

impl Refused {
    /// The gateway took too long.
    pub(super) fn late() -> Self {
        Self(Failure::unavailable("the gateway does not answer in time"))
    }

    pub(super) fn json(&self) -> Value {
        json!({ "reason": self.0.code(), "message": self.0.to_string() })
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.exit() {
            Exit::Refused => StatusCode::FORBIDDEN,
            Exit::Unavailable => StatusCode::BAD_GATEWAY,
            Exit::Done | Exit::Usage | Exit::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.json() }))).into_response()
    }
}
