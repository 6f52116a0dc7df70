//! What the institution answers to orders beyond their results: kept before the decision that binds its digest leaves,
//! and handed over, sealed, to the court that ordered. An answer lies on no chain and passes no relayer.
//! It refuses to know what is in an answer.

use super::courts::{CourtError, Courts};
use super::inbox::{Inbox, purpose_of};
use crate::audit::{self, Audit};
use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::sealing;
use crate::sectors::Sectors;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::order::{DecisionVerdict, Order, PrivateAnswer, ReceivedId};
use comity_model::record::Field;
use comity_model::{Hash, decode, encode};
use comity_proto::v1::{FetchAnswerRequest, FetchAnswerResponse};
use comity_store::{Batch, Store, StoreError, Table};
use comity_verify::order::answer_digest;
use std::sync::Arc;

/// Client, zero byte, order id, digest → [`Row`].
const ANSWERS: Table = Table("answers");
/// Most answers to one order: there is another one only where the decision has changed before it was carried out.
const ONE_ORDER_MAX: usize = 64;

#[derive(Clone, BorshSerialize, BorshDeserialize)]
struct Row {
    order: Order,
    verdict: DecisionVerdict,
    answer: PrivateAnswer,
}

/// The institution's answers.
pub struct Answers {
    /// Where they are kept.
    pub(crate) store: Arc<dyn Store>,
    /// The courts' keys.
    pub(crate) courts: Arc<Courts>,
    /// Where private parts arrive: whose an order is, and why it is carried out.
    pub(crate) inbox: Arc<Inbox>,
    /// The sectors.
    pub(crate) sectors: Arc<Sectors>,
    /// What time it is.
    pub(crate) clock: Clock,
}

impl Answers {
    /// Keeps an answer with `fields` to a decision, and returns its digest; durable then. An answer to the same decision
    /// that was kept before stands: the decision that binds it may be under way.
    pub(super) async fn keep(
        &self,
        id: &ReceivedId,
        order: &Order,
        verdict: &DecisionVerdict,
        fields: Vec<Field>,
    ) -> Result<Hash, ApiError> {
        let known = self.store.scan(ANSWERS, &prefix(id), &[], ONE_ORDER_MAX).await?;
        for (_, bytes) in &known {
            let row: Row = decode("answer row", bytes).map_err(ApiError::fault)?;
            if row.verdict == *verdict && row.order == *order {
                return Ok(answer_digest(&row.answer));
            }
        }
        if known.len() >= ONE_ORDER_MAX {
            return Err(ApiError::new(Reason::Overloaded, "The order was decided anew too often."));
        }
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| ApiError::fault(error.to_string()))?;
        let answer = PrivateAnswer { salt, order: id.order, fields };
        let digest = answer_digest(&answer);
        let row = Row { order: order.clone(), verdict: verdict.clone(), answer };
        match self.store.commit(Batch::new().put(ANSWERS, key(id, &digest), encode(&row))).await {
            // Whether it stands is not known: the next try finds it, or writes another.
            Err(error @ StoreError::Unknown(_)) => Err(error.into()),
            other => Ok(other.map(|()| digest)?),
        }
    }

    /// Hands an answer over to the gateway of the court that ordered, sealed to that court; the access is filed first.
    ///
    /// # Errors
    /// `UNKNOWN_ANSWER` where there is none, and where the order is another court's.
    pub async fn hand_over(
        &self,
        caller: &Caller,
        request: FetchAnswerRequest,
    ) -> Result<FetchAnswerResponse, ApiError> {
        let (id, digest) = asked(&request)?;
        let bytes = self.store.read(ANSWERS, &key(&id, &digest)).await?.ok_or_else(unknown)?;
        let row: Row = decode("answer row", &bytes).map_err(ApiError::fault)?;
        if !self.inbox.is_from(caller, &row.order) {
            return Err(unknown());
        }
        let court =
            self.courts.court(&row.order.court, &row.order.source_chain).await.map_err(|error| match error {
                CourtError::Unknown => unknown(),
                CourtError::Unavailable(why) => {
                    ApiError::new(Reason::PeerUnavailable, "The court's key cannot be proven now.").because(why)
                }
            })?;
        let sealed = sealing::seal_answer(&court.value().encryption_key, &row.order, &row.answer);
        let sealed = sealed.map_err(ApiError::fault)?;
        self.file(caller, &row).await?;
        Ok(FetchAnswerResponse { encapsulated_key: sealed.encapsulated_key.to_vec(), ciphertext: sealed.ciphertext })
    }

    async fn file(&self, caller: &Caller, row: &Row) -> Result<(), ApiError> {
        let schema = self.sectors.sector(&row.order.sector).and_then(|sector| sector.answer.as_ref());
        let personal = |field: &&Field| schema.and_then(|set| set.field(&field.name)).is_none_or(|spec| spec.personal);
        let personal: Vec<_> = row.answer.fields.iter().filter(personal).map(|field| field.name.clone()).collect();
        if personal.is_empty() {
            return Ok(());
        }
        let purpose = match self.inbox.row(&row.order.court, &row.order.id).await? {
            Some(arrived) => purpose_of(&arrived.order, &arrived.part),
            None => return Err(unknown()),
        };
        let resource = format!("orders/{}", row.order.id);
        let entry = audit::entry(self.clock.now(), caller, "HandOverAnswer", resource, personal, purpose);
        Ok(self.store.commit(Audit::write(Batch::new(), &entry)?).await?)
    }
}

pub(super) fn asked(request: &FetchAnswerRequest) -> Result<(ReceivedId, Hash), ApiError> {
    let client = request.client.parse().map_err(|error| ApiError::argument("client", format!("{error}.")))?;
    let order = request.order.parse().map_err(|error| ApiError::argument("order", format!("{error}.")))?;
    let digest = request.digest.as_slice().try_into();
    let digest = digest.map_err(|_| ApiError::argument("digest", "A digest is 32 bytes."))?;
    Ok((ReceivedId { client, order }, Hash(digest)))
}

pub(super) fn unknown() -> ApiError {
    ApiError::new(Reason::UnknownAnswer, "There is no such answer for you here.")
}

/// A client's id has no zero byte.
pub(super) fn prefix(id: &ReceivedId) -> Vec<u8> {
    [id.client.as_str().as_bytes(), &[0], &id.order.0].concat()
}

pub(super) fn key(id: &ReceivedId, digest: &Hash) -> Vec<u8> {
    [prefix(id), digest.0.to_vec()].concat()
}
