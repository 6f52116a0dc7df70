//! Why the institution objects, in words: kept before the objection that binds their digest leaves, and handed over, sealed, to the
//! court that ordered. They lie on no chain and pass no relayer.
//! It refuses to judge them, and whether an objection is allowed.

use super::answers::{Answers, asked, key, prefix, unknown};
use super::courts::CourtError;
use super::inbox::purpose_of;
use crate::audit::{self, Audit};
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::sealing;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::order::{Grounds, Order, ReceivedId};
use comity_model::{Hash, decode, encode};
use comity_proto::v1::{FetchAnswerRequest, FetchAnswerResponse};
use comity_store::{Batch, StoreError, Table};
use comity_verify::order::grounds_digest;

/// Client, zero byte, order id, digest → [`Row`].
const GROUNDS: Table = Table("objection_grounds_given");
/// Most grounds for one order: there are others only where an objection did not come to stand.
const ONE_ORDER_MAX: usize = 16;
/// Longest grounds, in bytes.
const TEXT_BYTES_MAX: usize = 8 << 10;

#[derive(Clone, BorshSerialize, BorshDeserialize)]
struct Row {
    order: Order,
    grounds: Grounds,
}

/// The grounds in a request; `None` where there are none.
///
/// # Errors
/// `INVALID_ARGUMENT` for what is too long or has control characters.
pub(super) fn stated(text: &str) -> Result<Option<String>, ApiError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    if text.len() > TEXT_BYTES_MAX || text.chars().any(|c| c.is_control() && c != '\n') {
        let message = format!("Grounds are at most {TEXT_BYTES_MAX} bytes of text, without control characters.");
        return Err(ApiError::argument("grounds", message));
    }
    Ok(Some(text.to_owned()))
}

impl Answers {
    /// Keeps grounds and returns their digest; durable then. The same words for the same order have one digest, so that an
    /// objection can be raised again.
    pub(super) async fn keep_grounds(&self, id: &ReceivedId, order: &Order, text: String) -> Result<Hash, ApiError> {
        let known = self.store.scan(GROUNDS, &prefix(id), &[], ONE_ORDER_MAX).await?;
        for (_, bytes) in &known {
            let row: Row = decode("grounds", bytes).map_err(ApiError::fault)?;
            if row.grounds.text == text && row.order == *order {
                return Ok(grounds_digest(&row.grounds));
            }
        }
        if known.len() >= ONE_ORDER_MAX {
            return Err(ApiError::new(Reason::Overloaded, "Other grounds were stated for the order too often."));
        }
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| ApiError::fault(error.to_string()))?;
        let grounds = Grounds { salt, order: id.order, text };
        let digest = grounds_digest(&grounds);
        let row = Row { order: order.clone(), grounds };
        match self.store.commit(Batch::new().put(GROUNDS, key(id, &digest), encode(&row))).await {
            // Whether they stand is not known: the next try finds them, or writes others.
            Err(error @ StoreError::Unknown(_)) => Err(error.into()),
            other => Ok(other.map(|()| digest)?),
        }
    }

    /// Hands grounds over to the gateway of the court that ordered, sealed to that court; the access is filed first.
    ///
    /// # Errors
    /// `UNKNOWN_ANSWER` where there are none, and where the order is another court's.
    pub(crate) async fn hand_over_grounds(
        &self,
        caller: &Caller,
        request: FetchAnswerRequest,
    ) -> Result<FetchAnswerResponse, ApiError> {
        let (id, digest) = asked(&request)?;
        let bytes = self.store.read(GROUNDS, &key(&id, &digest)).await?.ok_or_else(unknown)?;
        let row: Row = decode("grounds", &bytes).map_err(ApiError::fault)?;
        if !self.inbox.is_from(caller, &row.order) {
            return Err(unknown());
        }
        let court = self.courts.court(&row.order.court, &row.order.source_chain).await;
        let court = court.map_err(|error| match error {
            CourtError::Unknown => unknown(),
            CourtError::Unavailable(why) => {
                ApiError::new(Reason::PeerUnavailable, "The court's key cannot be proven now.").because(why)
            }
        })?;
        let sealed = sealing::seal_grounds(&court.value().encryption_key, &row.order, &row.grounds);
        let sealed = sealed.map_err(ApiError::fault)?;
        let arrived = self.inbox.row(&row.order.court, &row.order.id).await?.ok_or_else(unknown)?;
        let purpose = purpose_of(&arrived.order, &arrived.part);
        let resource = format!("orders/{}", row.order.id);
        let entry = audit::entry(self.clock.now(), caller, "HandOverGrounds", resource, Vec::new(), purpose);
        self.store.commit(Audit::write(Batch::new(), &entry)?).await?;
        Ok(FetchAnswerResponse { encapsulated_key: sealed.encapsulated_key.to_vec(), ciphertext: sealed.ciphertext })
    }
}
