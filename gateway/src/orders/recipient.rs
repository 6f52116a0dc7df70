//! To whom an order goes: the recipient's keys as the court's own chain knows them, copied there by proof from the
//! recipient's chain. Where they are not there yet, this brings them.
//! It refuses to believe the recipient's gateway: what it says is proven on the court's chain, or is nothing.

use super::desk::Desk;
use crate::error::ApiError;
use comity_adapters_ports::Outcome;
use comity_model::client::ClientState;
use comity_model::member::Member;
use comity_model::order::Order;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, MemberId, decode};
use comity_proto::v1::FetchMemberRequest;
use comity_verify::state::Proven;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a proven entry is used before it is proven again: a changed or revoked key is seen after this time.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// Proven recipients, for a while. As many as the court has recipients configured.
#[derive(Default)]
pub(super) struct Recipients(Mutex<HashMap<MemberId, (Instant, Proven<Member>)>>);

/// Why a recipient's keys are not known.
pub(super) enum RecipientError {
    /// Its own chain does not know it, or the court's chain does not believe it.
    Unknown(String),
    /// Not now.
    Unavailable(String),
}

impl From<ApiError> for RecipientError {
    fn from(error: ApiError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Desk {
    /// The recipient of an order, as the court's chain knows it by proof.
    pub(super) async fn recipient(&self, order: &Order) -> Result<Proven<Member>, RecipientError> {
        if let Some(known) = self.remembered(&order.recipient) {
            return Ok(known);
        }
        let path = StatePath::Foreign(order.source_client.clone(), order.recipient.clone());
        let mut answer = self.home.state(&path, Height(0)).await?;
        if answer.value.is_none() {
            let written = self.import(order).await?;
            answer = self.home.state(&path, written.next()).await?;
        }
        let value = answer.value.ok_or_else(|| RecipientError::Unknown("it was not imported".into()))?;
        let member = value.decode::<Member>("member").map_err(|error| RecipientError::Unknown(error.to_string()))?;
        let mut known = self.recipients.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(order.recipient.clone(), (Instant::now(), member.clone()));
        Ok(member)
    }

    /// Has the recipient proven anew at the next order.
    pub(super) fn forget_recipient(&self, recipient: &MemberId) {
        self.recipients.0.lock().unwrap_or_else(PoisonError::into_inner).remove(recipient);
    }

    fn remembered(&self, recipient: &MemberId) -> Option<Proven<Member>> {
        let known = self.recipients.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, member) = known.get(recipient)?;
        (since.elapsed() < FRESH_FOR).then(|| member.clone())
    }

    /// Copies the recipient's entry onto the court's chain: light steps and proof in one transaction.
    async fn import(&self, order: &Order) -> Result<Height, RecipientError> {
        let unavailable = |error: &dyn std::fmt::Display| RecipientError::Unavailable(error.to_string());
        let path = StatePath::Client(order.source_client.clone());
        let client = self.home.state(&path, Height(0)).await?.value;
        let client = client.ok_or_else(|| RecipientError::Unknown("its client does not exist".into()))?;
        let client = client.decode::<ClientState>("client").map_err(|error| unavailable(&error))?;
        let request = FetchMemberRequest { trusted_height: client.value().latest.0, officer: String::new() };
        let peer = self.peers.peer(&order.recipient).map_err(|error| unavailable(&error))?;
        let answer = peer.exchange().fetch_member(request).await;
        let answer = answer.map_err(|status| unavailable(&peer.failed(&status)))?.into_inner();
        if !answer.exists {
            return Err(RecipientError::Unknown("its own chain does not know it".into()));
        }
        let member: Member = decode("member", &answer.value).map_err(|error| unavailable(&error))?;
        let import = Message::ImportMember {
            client: order.source_client.clone(),
            member,
            proof: answer.proof,
            height: Height(answer.header_height),
        };
        let messages = if answer.steps.is_empty() {
            vec![import]
        } else {
            vec![Message::UpdateClient { client: order.source_client.clone(), steps: answer.steps }, import]
        };
        match self.chain.submit.submit(messages).await {
            Ok(Outcome::Committed { height, .. }) => Ok(height),
            Ok(Outcome::Refused { code, detail }) => {
                Err(RecipientError::Unavailable(format!("its import was refused: {code}: {detail}")))
            }
            Err(error) => Err(unavailable(&error)),
        }
    }
}
