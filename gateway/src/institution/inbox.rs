//! Takes private parts in: opens what a court's gateway delivers, checks that the order binds it, stores it, and has the
//! signer seal a receipt. Officers' approvals and the court's seal are judged later, when the order itself has arrived.
//! It refuses to log or to answer anything that is in the private part.

use crate::audit::{self, Audit, Entry, Purpose};
use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::sealing::{self, Sealed};
use crate::sectors::{FieldSet, Sectors};
use crate::signer::{SignerClient, SignerError};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::order::{DELIVERY_MAX_S, Delivery, Order, PrivatePart};
use comity_model::record::FieldValue;
use comity_model::seal::Signature;
use comity_model::{ChainId, FieldName, MemberId, OrderId, decode, encode};
use comity_proto::v1::{DeliverRequest, DeliverResponse};
use comity_store::{Batch, Store, StoreError, Table};
use comity_verify::order::private_digest;
use secrecy::SecretBox;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Court, zero byte, order id → [`Row`]: one court's ids say nothing of another's.
pub(super) const PRIVATE: Table = Table("private");
/// Largest public part, in canonical bytes.
const ORDER_BYTES_MAX: usize = 4 << 10;
/// Fields of orders' private parts, in every sector that has them, that say why personal data travels.
const CASE_FIELD: &str = "case_number";
const BASIS_FIELD: &str = "legal_basis";
/// How far a court's clock may be ahead of ours, in seconds.
const CLOCK_DRIFT_MAX_S: u64 = 60;

/// A private part as it arrived, and the receipt that was given for it.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Row {
    /// The public part that it came with.
    pub(super) order: Order,
    /// The private part.
    pub(super) part: PrivatePart,
    delivery: Delivery,
    seal: Signature,
}

/// What the inbox is made of.
pub struct InboxParts {
    /// The institution.
    pub institution: MemberId,
    /// Chains of the courts from which it takes orders.
    pub courts: BTreeMap<MemberId, ChainId>,
    /// Its encryption key.
    pub encryption_key: Arc<SecretBox<[u8; 32]>>,
    /// The sectors.
    pub sectors: Arc<Sectors>,
    /// The signer.
    pub signer: SignerClient,
    /// The store.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Clock,
}

/// Where private parts arrive.
pub struct Inbox(InboxParts);

impl Inbox {
    /// An inbox.
    #[must_use]
    pub const fn new(parts: InboxParts) -> Self {
        Self(parts)
    }

    /// Takes a private part in and answers with the sealed receipt. The same delivery again gets the same receipt;
    /// another one for the same order is refused.
    ///
    /// # Errors
    /// [`Reason::NotForThisInstitution`] where sender or recipient are not those of the connection;
    /// [`Reason::DeliveryRefused`] for what cannot be opened, is not bound by the order or comes too late. Nothing was
    /// stored then.
    pub async fn deliver(&self, caller: &Caller, request: DeliverRequest) -> Result<DeliverResponse, ApiError> {
        let order = self.readable_order(caller, &request.order)?;
        let sealed = Sealed {
            encapsulated_key: request
                .encapsulated_key
                .try_into()
                .map_err(|_| ApiError::argument("encapsulated_key", "The encapsulated key is 32 bytes."))?,
            ciphertext: request.ciphertext,
        };
        let part =
            sealing::open(&self.0.encryption_key, &order, &sealed).map_err(|error| refused(&format!("{error}.")))?;
        if part.order != order.id || private_digest(&part) != order.private_digest {
            return Err(refused("The private part is not the one that the order binds."));
        }
        if let Some(row) = self.row(&order.court, &order.id).await? {
            return answer_again(&row, &order);
        }
        let now = self.0.clock.now().unix_seconds();
        let on_time = order.issued_at <= now.plus(CLOCK_DRIFT_MAX_S)
            && now < order.deliver_by
            && order.deliver_by <= order.issued_at.plus(DELIVERY_MAX_S);
        if !on_time {
            return Err(refused("The order's delivery deadline has passed or is too far away."));
        }
        let schema = self.0.sectors.sector(&order.sector);
        let schema = schema.ok_or_else(|| ApiError::new(Reason::UnknownSector, "There is no such sector here."))?;
        schema.check_order(&order.kind, &part.fields)?;

        let delivery = Delivery {
            order: order.id,
            recipient: self.0.institution.clone(),
            private_digest: order.private_digest,
            received_at: now,
        };
        let seal = self.0.signer.seal_delivery(delivery.clone()).await.map_err(signer_error)?;
        let row = Row { order, part, delivery, seal };
        let personal = schema.order.iter().flat_map(FieldSet::iter).filter(|spec| spec.personal);
        let personal = personal.map(|spec| spec.name.clone()).collect();
        let access = self.access(caller, "ReceivePrivatePart", &row, personal);
        let key = key(&row.order.court, &row.order.id);
        let batch = Batch::new().absent(PRIVATE, key.clone()).put(PRIVATE, key, encode(&row));
        // Arrival is an access to personal data: filed with the work itself.
        let batch = Audit::write(batch, &access)?;
        match self.0.store.commit(batch).await {
            Ok(()) => Ok(response(&row)),
            // The same delivery twice at once, or an outcome that is not known: what stands now decides.
            Err(error @ (StoreError::Conflict | StoreError::Unknown(_))) => {
                match self.row(&row.order.court, &row.order.id).await? {
                    Some(known) => answer_again(&known, &row.order),
                    None => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the private part of an order of `court` to `caller`, a person of this institution; the access is filed
    /// first, under the order's own case.
    ///
    /// # Errors
    /// The store's.
    pub async fn open(
        &self,
        court: &MemberId,
        order: &OrderId,
        caller: &Caller,
    ) -> Result<Option<PrivatePart>, ApiError> {
        let Some(row) = self.row(court, order).await? else { return Ok(None) };
        let fields = row.part.fields.iter().map(|field| field.name.clone()).collect();
        let access = self.access(caller, "OpenPrivatePart", &row, fields);
        self.0.store.commit(Audit::write(Batch::new(), &access)?).await?;
        Ok(Some(row.part))
    }

    fn access(&self, caller: &Caller, action: &str, row: &Row, fields: Vec<FieldName>) -> Entry {
        let purpose = purpose_of(&row.order, &row.part);
        let resource = format!("orders/{}", row.order.id);
        audit::entry(self.0.clock.now(), caller, action, resource, fields, purpose)
    }

    /// The private part of an order of `court`, if it arrived.
    pub(super) async fn row(&self, court: &MemberId, order: &OrderId) -> Result<Option<Row>, ApiError> {
        let bytes = self.0.store.read(PRIVATE, &key(court, order)).await?;
        bytes.map(|bytes| decode("private row", &bytes)).transpose().map_err(ApiError::fault)
    }

    /// The private parts that arrived, by court and id after the key `after`, at most `limit`, each with its key.
    pub(super) async fn list(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<(Vec<u8>, Row)>, ApiError> {
        let from = after.map(|key| [key, &[0]].concat()).unwrap_or_default();
        let rows = self.0.store.scan(PRIVATE, &[], &from, limit).await?;
        let rows = rows.into_iter().map(|(key, bytes)| Ok((key, decode("private row", &bytes)?)));
        rows.collect::<Result<_, comity_model::Malformed>>().map_err(ApiError::fault)
    }

    /// Whether `order` is by the court that is calling, over that court's own chain.
    pub(crate) fn is_from(&self, caller: &Caller, order: &Order) -> bool {
        order.court == caller.institution && self.0.courts.get(&order.court) == Some(&order.source_chain)
    }

    fn readable_order(&self, caller: &Caller, bytes: &[u8]) -> Result<Order, ApiError> {
        if bytes.len() > ORDER_BYTES_MAX {
            return Err(ApiError::argument("order", "The order's public part is too large."));
        }
        let order: Order = decode("order", bytes).map_err(|error| ApiError::argument("order", format!("{error}.")))?;
        if !self.is_from(caller, &order) || order.recipient != self.0.institution {
            return Err(ApiError::new(
                Reason::NotForThisInstitution,
                "The order is not by the calling institution, or not for this one.",
            ));
        }
        Ok(order)
    }
}

/// Why personal data travels with an order: its own case and legal basis.
pub(crate) fn purpose_of(order: &Order, part: &PrivatePart) -> Purpose {
    Purpose {
        case_number: text_of(part, CASE_FIELD).to_owned(),
        legal_basis: text_of(part, BASIS_FIELD).to_owned(),
        purpose: format!("order of kind {}", order.kind),
    }
}

/// The case that an order belongs to; empty where it names none.
pub(super) fn case_of(part: &PrivatePart) -> &str {
    text_of(part, CASE_FIELD)
}

fn text_of<'a>(part: &'a PrivatePart, name: &str) -> &'a str {
    let field = part.fields.iter().find(|field| field.name.as_str() == name);
    match field.map(|field| &field.value) {
        Some(FieldValue::Text(text)) => text,
        _ => "",
    }
}

/// A member's id has no zero byte.
pub(super) fn key(court: &MemberId, order: &OrderId) -> Vec<u8> {
    [court.as_str().as_bytes(), &[0], &order.0].concat()
}

fn answer_again(row: &Row, order: &Order) -> Result<DeliverResponse, ApiError> {
    if row.order == *order { Ok(response(row)) } else { Err(refused("Another order of this id was delivered before.")) }
}

fn response(row: &Row) -> DeliverResponse {
    DeliverResponse { delivery: encode(&row.delivery), seal: encode(&row.seal) }
}

fn refused(message: &str) -> ApiError {
    ApiError::new(Reason::DeliveryRefused, message)
}

pub(super) fn signer_error(error: SignerError) -> ApiError {
    match error {
        SignerError::Refused { code, message } => {
            ApiError::new(Reason::SignerRefused, format!("The signer refuses: {message}.")).with("signer_reason", code)
        }
        SignerError::Unavailable(_) => {
            ApiError::new(Reason::SignerUnavailable, "The institution's signer does not answer now.").because(error)
        }
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
