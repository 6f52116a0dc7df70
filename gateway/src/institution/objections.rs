//! How an order that arrived stands by now, and the institution's objection to one that it has carried out.
//! It refuses to judge whether an objection is allowed: the chain does, by the law of its profile.

use super::decider::{DecideError, Decider, unavailable};
use crate::orders::ProvenUnder;
use comity_model::asset::Hold;
use comity_model::order::{Objection, ReceivedId, ReceivedOrder};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, ReasonCode, UnixSeconds};

/// An order that arrived, as the institution's own chain has it.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The order.
    pub received: ReceivedOrder,
    /// The hold that it made, if it made one.
    pub hold: Option<Hold>,
    /// The header under which the order was proven to stand so.
    pub under: ProvenUnder,
}

impl Decider {
    /// The order as it stands, and its hold.
    ///
    /// # Errors
    /// [`DecideError::NotHere`], [`DecideError::Unavailable`].
    pub async fn arrived(&self, id: &ReceivedId, header: Height) -> Result<Arrived, DecideError> {
        let path = StatePath::Received(id.client.clone(), id.order);
        let answer = self.parts.home.state(&path, header).await.map_err(|error| unavailable(&error))?;
        let value = answer.value.ok_or(DecideError::NotHere)?;
        let received = value.decode::<ReceivedOrder>("received order").map_err(|error| unavailable(&error))?;
        let received = received.into_value();
        if received.sealed.order.recipient != self.parts.institution {
            return Err(DecideError::NotHere);
        }
        let hold = match received.hold {
            Some((asset, number)) => {
                let path = StatePath::Hold(asset, number);
                let answer = self.parts.home.state(&path, answer.under.height).await;
                let value = answer.map_err(|error| unavailable(&error))?.value;
                let value = value.ok_or_else(|| unavailable(&"the chain has no such hold"))?;
                Some(value.decode::<Hold>("hold").map_err(|error| unavailable(&error))?.into_value())
            }
            None => None,
        };
        Ok(Arrived { received, hold, under: answer.under })
    }

    /// Objects to an order for `reason` and on these grounds, which only the court reads, waits for the block, and says by
    /// when the court's answer is due. The same objection again changes nothing while it is open.
    ///
    /// # Errors
    /// [`DecideError::Refused`] with the chain's code where the hold does not stand, an objection was raised before, or
    /// the profile knows none; nothing has changed then.
    pub async fn object(
        &self,
        id: &ReceivedId,
        reason: ReasonCode,
        grounds: Option<String>,
    ) -> Result<(Height, UnixSeconds), DecideError> {
        // An order that is not here is said to be so before anything is sealed.
        let order = self.arrived(id, Height(0)).await?.received.sealed.order;
        // The words are durable before anything binds them.
        let grounds = match grounds {
            Some(text) => {
                let kept = self.parts.answers.keep_grounds(id, &order, text).await;
                Some(kept.map_err(|error| unavailable(&error))?)
            }
            None => None,
        };
        let objection = Objection {
            chain: self.parts.chain_id.clone(),
            client: id.client.clone(),
            order: id.order,
            reason,
            grounds,
        };
        let seal = self.parts.signer.seal_objection(objection.clone()).await?;
        let height = self.submit(Message::Object { objection, seal }).await?;
        let hold = self.arrived(id, height.next()).await?.hold;
        let open = hold.and_then(|hold| hold.objection);
        let open = open.ok_or_else(|| unavailable(&"the objection was answered at once"))?;
        Ok((height, open.answer_by))
    }
}
