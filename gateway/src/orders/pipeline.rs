//! Takes an approved order to its chain: seal, deliver, commit. Each step is stored before the next begins, so that a
//! crash anywhere is resumed where it stopped; each effect is idempotent at the other end.
//! It refuses to know who approved it and what it asks for.

use super::book::BookError;
use super::desk::Desk;
use super::recipient::RecipientError;
use super::stored::{Delivered, NotForward, StoredOrder};
use crate::sealing::{self, SealingError};
use crate::signer::SignerError;
use comity_adapters_ports::Outcome;
use comity_model::order::{Delivery, Order, OrderState};
use comity_model::seal::{Signature, Suites};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, Malformed, MemberId, OrderId, ReasonCode, decode, encode};
use comity_proto::v1::{DeliverRequest, DeliverResponse};
use comity_verify::order::TAG_DELIVERY;
use comity_verify::seal;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tonic_types::StatusExt;

/// The first wait after a step failed for now, and the longest.
const WAIT_MIN: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(15);

/// Codes of the court's chain that another try later can mend: the client of the recipient's chain is not usable now.
const CHAIN_MAY_MEND: [&str; 4] = ["CLIENT_FROZEN", "CLIENT_EXPIRED", "CLIENT_WAITS", "RECIPIENT_UNKNOWN"];

/// Reason codes of orders that ended before they were committed.
pub mod code {
    /// The deadline passed before the recipient had the private part and the packet stood on the chain.
    pub const DELIVERY_EXPIRED: &str = "DELIVERY_EXPIRED";
    /// The recipient refused the private part without a code of its own.
    pub const DELIVERY_REFUSED: &str = "DELIVERY_REFUSED";
    /// The recipient's encryption key cannot be used.
    pub const ENCRYPTION_KEY_UNUSABLE: &str = "ENCRYPTION_KEY_UNUSABLE";
}

/// Why a step did not lead on.
enum Halt {
    /// Not now: try again.
    Wait(String),
    /// Never: the order ends with this code.
    Fail(String),
    /// Someone else took it further, or back.
    Over,
}

impl Desk {
    /// Begins to work on an order, if nobody does. Returns at once.
    pub(super) fn work_on(self: &Arc<Self>, order: &Order) {
        let id = order.id;
        if !self.works.claim(id) {
            return;
        }
        let (desk, recipient) = (Arc::clone(self), order.recipient.clone());
        self.tasks.spawn(async move {
            let stopped = desk.stop.clone();
            // Whatever was begun is taken up again at the next start.
            tokio::select! {
                () = desk.advance(&id, &recipient) => {}
                () = stopped.cancelled() => {}
            }
            desk.works.unclaim(&id);
        });
    }

    async fn advance(&self, id: &OrderId, recipient: &MemberId) {
        let mut slot = self.works.slot(recipient).await;
        let mut wait = WAIT_MIN;
        loop {
            let reason = match self.step(id).await {
                Ok(true) => {
                    wait = WAIT_MIN;
                    continue;
                }
                Ok(false) => return,
                Err(reason) => reason,
            };
            tracing::warn!(order = %id, reason, wait_ms = wait.as_millis(), "an order waits");
            // Others go on meanwhile.
            drop(slot);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
            slot = self.works.slot(recipient).await;
        }
    }

    /// One step; `false` when the way goes on by what the chain reports, or is over; an error says why it has to wait.
    async fn step(&self, id: &OrderId) -> Result<bool, String> {
        let order = self.book.read(id).await.map_err(|error: BookError<Infallible>| error.to_string())?;
        match self.take_further(&order).await {
            Ok(goes_on) => Ok(goes_on),
            Err(Halt::Over) => Ok(false),
            Err(Halt::Wait(reason)) => Err(reason),
            Err(Halt::Fail(code)) => self.end(&order, &code).await,
        }
    }

    async fn take_further(&self, order: &StoredOrder) -> Result<bool, Halt> {
        if order.state != OrderState::AwaitingDelivery {
            return Ok(false);
        }
        if self.now_s() >= order.deliver_by() {
            return self.expired(order).await;
        }
        match &order.delivered {
            None => self.deliver(order).await.map(|()| true),
            Some(_) => self.commit(order).await.map(|()| false),
        }
    }

    async fn deliver(&self, order: &StoredOrder) -> Result<(), Halt> {
        let recipient = self.recipient(&order.order).await.map_err(|error| match error {
            RecipientError::Unknown(reason) | RecipientError::Unavailable(reason) => Halt::Wait(reason),
        })?;
        let sealing = self.signer.seal_order(order.order.clone(), order.approvals.clone(), order.part.clone());
        let court_seal = sealing.await.map_err(|error| match error {
            SignerError::Refused { code, .. } => Halt::Fail(code),
            SignerError::Unavailable(reason) => Halt::Wait(reason),
        })?;
        let sealed =
            sealing::seal(&recipient.value().encryption_key, &order.order, &order.part).map_err(
                |error| match error {
                    SealingError::Randomness => Halt::Wait(error.to_string()),
                    _ => Halt::Fail(code::ENCRYPTION_KEY_UNUSABLE.into()),
                },
            )?;
        let request = DeliverRequest {
            order: encode(&order.order),
            encapsulated_key: sealed.encapsulated_key.to_vec(),
            ciphertext: sealed.ciphertext,
        };
        let peer = self.peers.peer(&order.order.recipient).map_err(|error| Halt::Wait(error.to_string()))?;
        let answer = peer.exchange().deliver(request).await.map_err(|status| blame(&status))?.into_inner();
        let (delivery, delivery_seal) = read_receipt(&order.order, &answer)?;
        // Which suites are accepted from the recipient's chain is judged by the court's chain, by its client.
        let key = &recipient.value().seal_key;
        if seal::check(TAG_DELIVERY, &delivery, key, &delivery_seal, Suites::ALL).is_err() {
            // The key may just have been changed: look again before the next try.
            self.forget_recipient(&order.order.recipient);
            return Err(Halt::Wait("the recipient's receipt is not sealed with its key".into()));
        }
        let delivered = Delivered { seal: court_seal, delivery, delivery_seal };
        let stored = self.book.change(&order.order.id, |stored| stored.deliver(delivered.clone())).await;
        stored.map(|_| ()).map_err(changed)
    }

    async fn commit(&self, order: &StoredOrder) -> Result<(), Halt> {
        let sealed = order.sealed().ok_or(Halt::Over)?;
        let commit = Message::CommitOrder { sealed, claim: order.claim.clone() };
        match self.chain.submit.submit(vec![commit]).await {
            Ok(Outcome::Committed { height, .. }) => {
                // The state is believed when it is proven, under the next header.
                self.follow.look_at(order.order.id, height.next());
                Ok(())
            }
            Ok(Outcome::Refused { code, detail }) if CHAIN_MAY_MEND.contains(&code.as_str()) => {
                Err(Halt::Wait(format!("{code}: {detail}")))
            }
            Ok(Outcome::Refused { code, .. }) => Err(Halt::Fail(code.as_str().into())),
            Err(error) => Err(Halt::Wait(error.to_string())),
        }
    }

    /// Past the deadline. An order that may have been submitted ends only once its absence is proven under a header that
    /// is past it too: from there on the chain refuses it.
    async fn expired(&self, order: &StoredOrder) -> Result<bool, Halt> {
        if order.delivered.is_none() {
            return Err(Halt::Fail(code::DELIVERY_EXPIRED.into()));
        }
        let answer = self.home.state(&StatePath::Order(order.order.id), Height(0)).await;
        let answer = answer.map_err(|error| Halt::Wait(error.to_string()))?;
        if answer.value.is_some() {
            self.follow.look_at(order.order.id, answer.under.height);
            return Ok(false);
        }
        if answer.under.time.unix_seconds() < order.deliver_by() {
            return Err(Halt::Wait("the chain has not passed the delivery deadline".into()));
        }
        Err(Halt::Fail(code::DELIVERY_EXPIRED.into()))
    }

    /// Ends the order with `code`, as it was when that became clear; `true` for one that another gateway has taken
    /// further since: it is to be looked at anew.
    async fn end(&self, seen: &StoredOrder, code: &str) -> Result<bool, String> {
        let id = &seen.order.id;
        let reason: Result<ReasonCode, _> = code.parse().or_else(|_| code::DELIVERY_REFUSED.parse());
        let reason = reason.map_err(|_| code.to_owned())?;
        let now = self.now();
        let end = |order: &mut StoredOrder| {
            if order.revision == seen.revision { order.fail(reason.clone(), now) } else { Ok(false) }
        };
        match self.book.change(id, end).await {
            Ok(order) => Ok(order.state == OrderState::AwaitingDelivery),
            Err(BookError::Rule(_) | BookError::NotFound) => Ok(false),
            Err(error) => {
                tracing::error!(order = %id, %error, "the end of an order could not be stored");
                Err(code.to_owned())
            }
        }
    }
}

/// The receipt, if it is one for this order by its recipient.
fn read_receipt(order: &Order, answer: &DeliverResponse) -> Result<(Delivery, Signature), Halt> {
    let malformed = |error: Malformed| Halt::Wait(error.to_string());
    let delivery: Delivery = decode("delivery receipt", &answer.delivery).map_err(malformed)?;
    let seal: Signature = decode("seal", &answer.seal).map_err(malformed)?;
    let fits = delivery.order == order.id
        && delivery.recipient == order.recipient
        && delivery.private_digest == order.private_digest;
    if fits { Ok((delivery, seal)) } else { Err(Halt::Wait("the receipt is not of this order".into())) }
}

/// Whether the recipient may take the delivery another time.
fn blame(status: &tonic::Status) -> Halt {
    use tonic::Code;
    match status.code() {
        Code::InvalidArgument | Code::FailedPrecondition | Code::AlreadyExists | Code::OutOfRange => {
            let reason = status.get_details_error_info().map(|info| info.reason);
            Halt::Fail(reason.unwrap_or_else(|| code::DELIVERY_REFUSED.into()))
        }
        _ => Halt::Wait(format!("delivery: {:?}", status.code())),
    }
}

fn changed(error: BookError<NotForward>) -> Halt {
    match error {
        BookError::Rule(_) | BookError::NotFound => Halt::Over,
        error => Halt::Wait(error.to_string()),
    }
}
