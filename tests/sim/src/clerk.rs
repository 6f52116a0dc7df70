//! The court's case system: it asks for orders, has officers approve them, and asks again as long as it is not answered.
//! What it was told it holds the gateway to. It refuses to know how an order gets anywhere.

use crate::errands::Errands;
use crate::gateway::Gateway;
use crate::oracle::{Oracle, Promise};
use crate::parties::{self, OFFICERS};
use crate::plan::{Party, Plan, What};
use crate::world::{World, until};
use comity_gateway::institution::NewAsset;
use comity_gateway::orders::{DeskError, DraftRequest, StoredOrder};
use comity_model::asset::Enforcement;
use comity_model::order::OrderState;
use comity_model::record::{Field, FieldValue};
use comity_model::{Amount, OrderId, RequestId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What an account is worth.
const WORTH: u64 = 200_000;
/// How many accounts an institution has.
pub(crate) const ACCOUNTS: u8 = 2;
/// Release orders may take so long to arrive.
const RELEASE_WITHIN_S: u64 = 60;
/// An order of quiet times must have arrived within this: more than the clocks of a court's gateway and of its node are apart
/// at most (16 s), or the deadline that the one sets is past for the other before anything was sent.
const PROBE_WITHIN_S: u64 = 20;

/// The clerk. One per world.
pub struct Clerk {
    world: Arc<World>,
    /// Orders by the number of their item, once the gateway has told their id.
    known: Mutex<BTreeMap<usize, OrderId>>,
    errands: Errands,
}

impl Clerk {
    /// The clerk of a world.
    #[must_use]
    pub fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self { world, known: Mutex::default(), errands: Errands::default() })
    }

    /// Has the institutions register their accounts.
    pub async fn open_accounts(&self) {
        for gateway in self.world.gateways.iter().skip(1) {
            let accounts = || {
                let account = |number| NewAsset {
                    sector: parties::sector(),
                    reference: reference(number),
                    value: Some(Amount::cny(WORTH)),
                    enforcement: Enforcement::Attested,
                    follows: None,
                };
                (0..ACCOUNTS).map(account).collect::<Vec<_>>()
            };
            loop {
                let register = gateway
                    .call(Party::Clerk, |services| async move { services.work().assets.register(accounts()).await });
                if matches!(register.await, Ok(Ok(_))) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Begins to ask for what the plan says, at its times.
    pub fn begin(self: &Arc<Self>) {
        for (number, item) in self.world.plan.items.clone().into_iter().enumerate() {
            let Some(item) = item else { continue };
            if item.what.is_of_orders() {
                self.spawn(async move |clerk: Arc<Self>| {
                    until(item.at_ms).await;
                    clerk.world.oracle.note(&item);
                    clerk.ask(number, &item.what).await;
                });
            }
        }
    }

    /// Asks each institution for one more freeze, in quiet times.
    pub fn probe(self: &Arc<Self>) {
        let plan: &Plan = &self.world.plan;
        for recipient in 1..plan.institutions {
            let number = plan.items.len() + usize::from(recipient);
            let freeze = request(number, recipient, "freeze", 0, Some(1_000), PROBE_WITHIN_S, None);
            self.spawn(async move |clerk: Arc<Self>| {
                let Some(order) = clerk.order(number, freeze).await else { return };
                let end = clerk.ended(order).await;
                if !matches!(end, OrderState::Executed | OrderState::Waitlisted) {
                    let how = format!("{order}, asked for in quiet times, is {}", end.name());
                    clerk.world.oracle.broken(Promise::Arrives, how);
                }
            });
        }
    }

    /// Whether everything is done.
    pub fn is_done(&self) -> bool {
        self.errands.are_done()
    }

    fn spawn<F, Fut>(self: &Arc<Self>, what: F)
    where
        F: FnOnce(Arc<Self>) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.errands.begin(what(Arc::clone(self)));
    }

    async fn ask(&self, number: usize, what: &What) {
        match what {
            What::Freeze { recipient, account, minor, deliver_within_s } => {
                let freeze = request(number, *recipient, "freeze", *account, Some(*minor), *deliver_within_s, None);
                self.order(number, freeze).await;
            }
            What::Release { of } => self.release(number, *of).await,
            What::Reuse { of } => self.reuse(*of).await,
            What::Withdraw { of } => self.withdraw(*of).await,
            _ => {}
        }
    }

    /// Asks for an order until it is answered, and has it approved. Its id, if it is on its way.
    async fn order(&self, number: usize, request: DraftRequest) -> Option<OrderId> {
        let drawn = loop {
            let draw = self.court().call(Party::Clerk, |services| {
                let request = request.clone();
                async move { services.work().desk.draw_up(&request).await }
            });
            match draw.await {
                Ok(Ok(order)) => break order,
                Ok(Err(DeskError::RequestConflict)) => {
                    self.oracle().broken(Promise::OneOrder, "a repeated request was taken for another");
                }
                // What was in force may have ended.
                Ok(Err(DeskError::OriginalNotInForce)) => return None,
                Ok(Err(_)) | Err(_) => self.pause().await,
            }
        };
        let id = drawn.order.id;
        self.oracle().told(&drawn);
        self.lock_known().insert(number, id);
        for officer in 1..=OFFICERS {
            if usize::from(officer) <= drawn.order.approval.approvals() && !self.approve(&drawn, officer).await {
                return None;
            }
        }
        Some(id)
    }

    /// Whether the approval counts: not when the order has ended before.
    async fn approve(&self, drawn: &StoredOrder, officer: u8) -> bool {
        let id = drawn.order.id;
        loop {
            let approve = self.court().call(Party::Clerk, |services| {
                let approval = parties::approval(&drawn.order, officer);
                async move { services.work().desk.approve(&id, approval).await }
            });
            match approve.await {
                Ok(Ok(order)) => {
                    self.oracle().told(&order);
                    return true;
                }
                Ok(Err(DeskError::Expired)) => {
                    self.take_back(id).await;
                    return false;
                }
                // It was withdrawn, or has failed.
                Ok(Err(DeskError::State(_))) => return false,
                Ok(Err(DeskError::NotFound)) => {
                    self.oracle().broken(Promise::Kept, format_args!("{id} was told and is gone"));
                }
                Ok(Err(_)) | Err(_) => self.pause().await,
            }
        }
    }

    async fn take_back(&self, id: OrderId) {
        loop {
            let withdraw =
                self.court().call(Party::Clerk, |services| async move { services.work().desk.withdraw(&id).await });
            match withdraw.await {
                Ok(Ok(order)) => return self.oracle().told(&order),
                Ok(Err(DeskError::State(_))) => return,
                Ok(Err(_)) | Err(_) => self.pause().await,
            }
        }
    }

    async fn release(&self, number: usize, of: usize) {
        let Some(What::Freeze { recipient, account, .. }) = self.item(of) else { return };
        let Some(original) = self.id_of(of).await else { return };
        if matches!(self.ended(original).await, OrderState::Executed | OrderState::Waitlisted) {
            let within_s = RELEASE_WITHIN_S;
            let release = request(number, recipient, "release", account, None, within_s, Some(original));
            self.order(number, release).await;
        }
    }

    /// The same id for something else is refused, whatever happens.
    async fn reuse(&self, of: usize) {
        let Some(What::Freeze { recipient, account, minor, deliver_within_s }) = self.item(of) else { return };
        if self.id_of(of).await.is_none() {
            return;
        }
        let other = request(of, recipient, "freeze", account, Some(minor + 1), deliver_within_s, None);
        loop {
            let draw = self.court().call(Party::Clerk, |services| {
                let other = other.clone();
                async move { services.work().desk.draw_up(&other).await }
            });
            match draw.await {
                Ok(Ok(order)) => self.oracle().broken(
                    Promise::OneOrder,
                    format_args!("another request under a used id was taken for {}", order.order.id),
                ),
                Ok(Err(DeskError::RequestConflict)) => return,
                Ok(Err(_)) | Err(_) => self.pause().await,
            }
        }
    }

    async fn withdraw(&self, of: usize) {
        if let Some(id) = self.id_of(of).await {
            self.take_back(id).await;
        }
    }

    fn item(&self, number: usize) -> Option<What> {
        self.world.plan.items.get(number)?.as_ref().map(|item| item.what.clone())
    }

    /// The id of an item's order, as soon as it is known; `None` for an item that was left out.
    async fn id_of(&self, number: usize) -> Option<OrderId> {
        self.item(number)?;
        loop {
            if let Some(id) = self.lock_known().get(&number) {
                return Some(*id);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The answer to an order, as soon as the gateway has it.
    async fn ended(&self, id: OrderId) -> OrderState {
        loop {
            if let Ok(Ok(order)) =
                self.court().call(Party::Clerk, |services| async move { services.work().desk.read(&id).await }).await
                && order.state.is_answered()
            {
                return order.state;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn pause(&self) {
        let ms = self.world.net.between(100, 1_500);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    fn court(&self) -> &Gateway {
        &self.world.gateways[0]
    }

    fn oracle(&self) -> &Oracle {
        &self.world.oracle
    }

    fn lock_known(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, OrderId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn reference(account: u8) -> String {
    format!("622202000{account}")
}

fn request(
    number: usize,
    recipient: u8,
    kind: &str,
    account: u8,
    minor: Option<u64>,
    deliver_within_s: u64,
    original: Option<OrderId>,
) -> DraftRequest {
    let text = |name: &str, value: &str| Field {
        name: name.parse().expect("a field name"),
        value: FieldValue::Text(value.into()),
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    DraftRequest {
        request: RequestId(id),
        recipient: parties::member(recipient),
        sector: parties::sector(),
        kind: kind.parse().expect("an order kind"),
        original,
        fields: vec![
            text("account_number", &reference(account)),
            text("case_number", "(2026)浙0106执1024号"),
            text("person_name", "王五"),
        ],
        obligation: minor.map(Amount::cny),
        deliver_within_s,
        hold_days: 0,
        emergency: false,
        claim: None,
    }
}
