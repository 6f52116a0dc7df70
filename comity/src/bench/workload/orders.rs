//! Orders to a bank, as a court's case system sends them: drawn up, approved by an officer, watched to the proven answer.
//! What is counted begins with the last approval, which wakes the signer, unless orders are drawn up within the round.
//! Refuses to count an order that was not carried out.

use super::{Outcome, Workload};
use crate::bench::target::{Connections, Target};
use crate::cli::bench::OrdersArgs;
use crate::client::status;
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use comity_model::record::FieldValue;
use comity_model::{Amount, Currency, OfficerId};
use comity_proto::v1::orders_client::OrdersClient;
use comity_proto::v1::{self, OrderState};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tonic::Status;
use tonic::transport::Channel;

/// Orders that are drawn up at once before a round.
const PREPARED_AT_ONCE: usize = 32;
/// What each order freezes, in fen: little, so that an account bears many.
const FROZEN: u64 = 100;

/// Orders that freeze a little on one account after the other.
pub(in crate::bench) struct Orders {
    accounts: Vec<String>,
    draft: Vec<comity_model::record::Field>,
    clerk: Connections<OrdersClient<Channel>>,
    officer: Connections<OrdersClient<Channel>>,
    /// The officer who approves, with the key.
    approver: (OfficerId, Seed),
    next: AtomicU64,
    /// Draw up within the round.
    whole: bool,
    drawn_up: Mutex<VecDeque<v1::Order>>,
}

impl Orders {
    pub(in crate::bench) fn open(target: &Target, args: &OrdersArgs) -> Result<Self, Failure> {
        let data = target.data();
        let accounts = data.sectors.iter().find(|data| data.sector.as_str() == "accounts");
        let rich = |value: &Amount| value.minor > FROZEN && value.currency == Currency::CNY;
        let accounts: Vec<String> = accounts
            .map(|data| data.assets.as_slice())
            .unwrap_or_default()
            .iter()
            .filter(|asset| asset.value.as_ref().is_some_and(rich))
            .map(|asset| asset.reference.clone())
            .collect();
        if accounts.is_empty() {
            return Err(Failure::fault("the sandbox's data have no accounts with money"));
        }
        let court = "court".parse().or_fault(|| "the court's name is malformed".into())?;
        let connections = args.load.connections;
        Ok(Self {
            accounts,
            draft: data.showcase.orders.freeze.fields.clone(),
            clerk: target.connections(&court, "clerk", connections, OrdersClient::new)?,
            officer: target.connections(&court, "officer", connections, OrdersClient::new)?,
            approver: approver(&target.dir().join("court/keys"))?,
            next: AtomicU64::new(0),
            whole: args.whole || args.load.memory.is_some(),
            drawn_up: Mutex::default(),
        })
    }

    fn request(&self) -> v1::CreateOrderRequest {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.accounts.len() as u64;
        let account = usize::try_from(at).ok().and_then(|at| self.accounts.get(at)).cloned().unwrap_or_default();
        let mut fields = self.draft.clone();
        for field in &mut fields {
            match field.name.as_str() {
                "account_number" => field.value = FieldValue::Text(account.clone()),
                "amount" => field.value = FieldValue::Amount(Amount::cny(FROZEN)),
                _ => {}
            }
        }
        v1::CreateOrderRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            recipient: "members/finance".into(),
            sector: "accounts".into(),
            kind: "freeze".into(),
            private_fields: fields.iter().map(comity_gateway::field_to_wire).collect(),
            obligation: Some(comity_gateway::amount_to_wire(&Amount::cny(FROZEN))),
            ..Default::default()
        }
    }

    async fn draw_up(&self) -> Result<v1::Order, Status> {
        Ok(self.clerk.next().create_order(self.request()).await?.into_inner())
    }

    /// Approves, and waits for the answer.
    async fn send(&self, order: v1::Order) -> Result<v1::Order, Status> {
        let (id, key) = &self.approver;
        let request = v1::ApproveOrderRequest {
            name: order.name.clone(),
            officer: id.to_string(),
            signature: key.sign(&order.signing_bytes).bytes.to_vec(),
        };
        self.officer.next().approve_order(request).await?;
        let request = v1::WatchOrderRequest { name: order.name, follow_hold: false, resume_token: String::new() };
        let mut changes = self.clerk.next().watch_order(request).await?.into_inner();
        while let Some(order) = changes.message().await? {
            if !matches!(
                order.state(),
                OrderState::AwaitingApproval
                    | OrderState::AwaitingDelivery
                    | OrderState::Committed
                    | OrderState::Relayed
                    | OrderState::Pending
            ) {
                return Ok(order);
            }
        }
        Err(Status::unavailable("the watch ended"))
    }
}

#[tonic::async_trait]
impl Workload for Orders {
    const NAME: &'static str = "orders";

    async fn once(&self) -> Outcome {
        let ready = self.drawn_up.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let order = match ready {
            Some(order) => Ok(order),
            None => self.draw_up().await,
        };
        let answered = match order {
            Ok(order) => self.send(order).await,
            Err(status) => Err(status),
        };
        match answered {
            // An account that bears no more lets an order wait in line: that is an answer, proven like any other.
            Ok(order) if matches!(order.state(), OrderState::Executed | OrderState::Waitlisted) => Outcome::Answered,
            Ok(order) => Outcome::Failed(order.state().as_str_name().to_owned()),
            Err(status) => Outcome::of(&status),
        }
    }

    fn warm_up(&self) -> u64 {
        0
    }

    async fn prepare(&self, count: u64) -> Result<(), Failure> {
        if self.whole {
            return Ok(());
        }
        let ready = self.drawn_up.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        let drawn: Vec<v1::Order> = stream::iter(ready..count)
            .map(|_| self.draw_up())
            .buffer_unordered(PREPARED_AT_ONCE)
            .try_collect()
            .await
            .map_err(|error| status(error, "an order was not drawn up"))?;
        self.drawn_up.lock().unwrap_or_else(PoisonError::into_inner).extend(drawn);
        Ok(())
    }
}

/// The first officer of a court by the files of its keys.
fn approver(keys: &Path) -> Result<(OfficerId, Seed), Failure> {
    let entries = std::fs::read_dir(keys).or_usage(|| format!("{} cannot be read", keys.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(id) = name.strip_prefix("officer-").and_then(|rest| rest.strip_suffix(".key")) else { continue };
        let id = id.parse().or_usage(|| format!("{} names no officer", path.display()))?;
        return Ok((id, Seed::read(&path)?));
    }
    Err(Failure::usage(format!("{} has no key of an officer", keys.display())))
}
