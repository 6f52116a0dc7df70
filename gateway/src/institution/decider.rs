//! Decides the orders that arrived on the institution's own chain: looks at the proven entry, at the court's proven keys
//! and at the private part, and submits one sealed decision. Doing so by itself is a policy.
//! It refuses to believe events, other gateways and courts: each is a reason to look, never a fact.

use super::answers::Answers;
use super::assets::{AssetError, AssetRegister, KnownAsset};
use super::claimed::Claimed;
use super::courts::{CourtError, Courts};
use super::inbox::Inbox;
use super::judge::{self, Known, Original, Ruling, code};
use crate::config::Clock;
use crate::keeper::RecordKeeper;
use crate::orders::{Concerned, Home};
use crate::sectors::Sectors;
use crate::signer::{SignerClient, SignerError};
use async_trait::async_trait;
use comity_adapters_ports::{Chain, Outcome, PortError};
use comity_model::member::{Member, Officer};
use comity_model::order::{
    Decision, DecisionVerdict, Order, OrderState, PrivatePart, ReceivedId, ReceivedOrder, SealedOrder,
};
use comity_model::seal::{Signature, Suites};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Amount, AssetHandle, ChainId, Hash, Height, MemberId, ReasonCode};
use comity_verify::Refusal;
use comity_verify::order::{ApprovedOrder, Party, TAG_DELIVERY, approve, private_digest};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many orders are prepared at once; their decisions leave in order of arrival.
const AT_ONCE_MAX: usize = 16;
/// How many orders may wait to be decided; what finds no room comes with the next reconciliation.
const WAITING_MAX: usize = 4_096;
/// How many pending orders one question to the chain returns.
const PENDING_PAGE: u32 = 500;
/// How long one order may hold up those behind it.
const PREPARE_MAX: Duration = Duration::from_secs(5);
/// When an order that cannot be decided now is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Most approvals of an order that are looked at; the chain accepts no more.
const APPROVALS_MAX: usize = 8;

/// Answers of the chain after which there is nothing left to decide.
const DONE: [&str; 3] = ["ALREADY_DECIDED", "DECISION_LATE", "UNKNOWN_ORDER"];

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DecidePolicy {
    /// The gateway, by its rules.
    #[default]
    Automatic,
    /// A person, through [`Decider::decide`].
    Manual,
}

/// What the decider is made of.
pub struct DeciderParts {
    /// The institution.
    pub institution: MemberId,
    /// Its chain.
    pub chain_id: ChainId,
    /// That chain's ports.
    pub chain: Chain,
    /// The verified view of that chain.
    pub home: Home,
    /// The courts' keys.
    pub courts: Arc<Courts>,
    /// What was answered.
    pub answers: Arc<Answers>,
    /// Its records: what an answer says beyond the asset.
    pub keeper: RecordKeeper,
    /// The sectors.
    pub sectors: Arc<Sectors>,
    /// The signer.
    pub signer: SignerClient,
    /// Private parts.
    pub inbox: Arc<Inbox>,
    /// Assets.
    pub assets: AssetRegister,
    /// Who decides.
    pub policy: DecidePolicy,
    /// What time it is.
    pub clock: Clock,
    /// Ends all work.
    pub stop: CancellationToken,
    /// Work under way, to be waited for at the end.
    pub tasks: TaskTracker,
}

/// The decider.
pub struct Decider {
    pub(super) parts: DeciderParts,
    queue: mpsc::Sender<(ReceivedId, Height)>,
    claimed: Claimed,
}

/// What a person decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// To carry it out.
    Accept {
        /// The asset, as the institution's register names it; `None` for the one that the private part names.
        reference: Option<String>,
        /// How much to hold; `None` for as much as the rules allow. Not more than that.
        amount: Option<Amount>,
    },
    /// To refuse it.
    Refuse(ReasonCode),
}

/// Why an order was not decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// No such order arrived at this institution.
    #[error("no such order arrived here")]
    NotHere,
    /// It is not pending on this chain.
    #[error("the order is not waiting for a decision")]
    NotPending,
    /// Something needed for the decision does not answer now.
    #[error("the order cannot be decided now: {0}")]
    Unavailable(String),
    /// The signer does not seal the decision.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The chain refused the decision or objection.
    #[error("the chain refused: {0}")]
    Refused(ReasonCode),
    /// The rules do not let it be carried out.
    #[error("the order cannot be carried out: {0}")]
    Ruled(&'static str),
    /// The amount is nothing, more than the order and the asset allow, or not wanted.
    #[error("the amount is not one that this order and asset allow")]
    Amount,
    /// A code of this program is not of the right form.
    #[error("{0} is not a reason code")]
    Code(&'static str),
}

impl From<PortError> for DecideError {
    fn from(error: PortError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<AssetError> for DecideError {
    fn from(error: AssetError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Decider {
    /// A decider; with [`DecidePolicy::Automatic`] it begins to decide what it is told of.
    #[must_use]
    pub fn start(parts: DeciderParts) -> Arc<Self> {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let decider = Arc::new(Self { parts, queue, claimed: Claimed::default() });
        if decider.parts.policy == DecidePolicy::Automatic {
            let (running, stop) = (Arc::clone(&decider), decider.parts.stop.clone());
            decider.parts.tasks.spawn(async move {
                tokio::select! {
                    () = running.decide_all(waiting) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
        decider
    }

    /// Where private parts arrive, for whoever decides by hand.
    #[must_use]
    pub const fn inbox(&self) -> &Arc<Inbox> {
        &self.parts.inbox
    }

    /// Orders that wait for a decision, by client and id after `after`, as the chain's node says: at most 500.
    ///
    /// # Errors
    /// [`DecideError::Unavailable`].
    pub async fn pending(&self, after: Option<ReceivedId>) -> Result<Vec<ReceivedOrder>, DecideError> {
        Ok(self.parts.chain.events.pending(after, PENDING_PAGE).await?)
    }

    /// Decides one order as a person says, and waits for the block. To carry it out needs an authentic order that the
    /// rules allow; to refuse it, a reason.
    ///
    /// # Errors
    /// [`DecideError`]; then it is still pending, or was decided before.
    pub async fn decide(&self, id: &ReceivedId, what: ByHand) -> Result<Height, DecideError> {
        let received = self.received(id, Height(0)).await?;
        let (decision, seal) = match what {
            ByHand::Refuse(reason) => self.seal(id, DecisionVerdict::Refuse(reason), None).await?,
            ByHand::Accept { reference, amount } => {
                let part = self.genuine(&received, Height(0)).await?.map_err(DecideError::Ruled)?;
                let ruling = self.rule_on(&received, &part, reference.as_deref(), Height(0)).await?;
                let verdict = reduced(ruling.map_err(DecideError::Ruled)?, amount)?;
                self.carry_out(&received, &part, verdict, Height(0)).await?
            }
        };
        self.submit(Message::Decide { decision, seal }).await
    }

    /// The order as it stands on the chain, by proof, if it waits for this institution's decision.
    ///
    /// # Errors
    /// [`DecideError::NotPending`], [`DecideError::Unavailable`].
    pub async fn received(&self, id: &ReceivedId, header: Height) -> Result<ReceivedOrder, DecideError> {
        match self.arrived(id, header).await {
            Ok(arrived) if arrived.received.state == OrderState::Pending => Ok(arrived.received),
            Ok(_) | Err(DecideError::NotHere) => Err(DecideError::NotPending),
            Err(error) => Err(error),
        }
    }

    async fn decide_all(self: &Arc<Self>, waiting: mpsc::Receiver<(ReceivedId, Height)>) {
        ReceiverStream::new(waiting)
            .map(move |(order, header)| async move {
                let prepared = tokio::time::timeout(PREPARE_MAX, self.prepare(&order, header)).await;
                let prepared = prepared.unwrap_or_else(|_| Err(DecideError::Unavailable("it took too long".into())));
                (order, header, prepared)
            })
            // In order of arrival, so that a release follows the freeze that it ends.
            .buffered(AT_ONCE_MAX)
            .for_each(move |(order, header, prepared)| async move {
                match prepared {
                    Ok((decision, seal)) => self.send(decision, seal),
                    Err(DecideError::NotPending) => {
                        if let Some(later) = self.claimed.looked_at(&order, header) {
                            self.queue_up(order, later);
                        }
                    }
                    Err(error) => self.again(order, &error),
                }
            })
            .await;
    }

    /// Submits without holding up those behind.
    fn send(self: &Arc<Self>, decision: Decision, seal: Signature) {
        let decider = Arc::clone(self);
        self.parts.tasks.spawn(async move {
            let order = ReceivedId { client: decision.client.clone(), order: decision.order };
            match decider.submit(Message::Decide { decision, seal }).await {
                Ok(height) => {
                    tracing::info!(%order, %height, "an order was decided");
                    decider.claimed.release(&order);
                }
                Err(DecideError::Refused(code)) if DONE.contains(&code.as_str()) => decider.claimed.release(&order),
                Err(error) => decider.again(order, &error),
            }
        });
    }

    /// Tries an order again later; it stays claimed until then.
    fn again(self: &Arc<Self>, order: ReceivedId, error: &DecideError) {
        tracing::warn!(%order, %error, "an order waits to be decided");
        let decider = Arc::clone(self);
        self.parts.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(AGAIN_AFTER) => {}
                () = decider.parts.stop.cancelled() => return,
            }
            decider.queue_up(order, Height(0));
        });
    }

    async fn prepare(&self, id: &ReceivedId, header: Height) -> Result<(Decision, Signature), DecideError> {
        let received = self.received(id, header).await?;
        let reason = match self.genuine(&received, header).await? {
            Ok(part) => match self.rule_on(&received, &part, None, header).await? {
                Ok(verdict) => return self.carry_out(&received, &part, verdict, header).await,
                Err(reason) => reason,
            },
            Err(reason) => reason,
        };
        let reason = reason.parse().map_err(|_| DecideError::Code(reason))?;
        self.seal(id, DecisionVerdict::Refuse(reason), None).await
    }

    /// The order's private part, if the order is authentic and the part is the one that it binds and fits the schema; or
    /// the code of a refusal.
    async fn genuine(
        &self,
        received: &ReceivedOrder,
        header: Height,
    ) -> Result<Result<PrivatePart, &'static str>, DecideError> {
        let order = &received.sealed.order;
        match self.is_authentic(&received.sealed, header).await {
            Ok(true) => {}
            Ok(false) => return Ok(Err(code::NOT_AUTHENTIC)),
            Err(CourtError::Unknown) => return Ok(Err(code::UNKNOWN_COURT)),
            Err(CourtError::Unavailable(reason)) => return Err(DecideError::Unavailable(reason)),
        }
        let row = self.parts.inbox.row(&order.court, &order.id).await;
        let Some(row) = row.map_err(|error| unavailable(&error))? else {
            return Ok(Err(code::PRIVATE_PART_MISSING));
        };
        if private_digest(&row.part) != order.private_digest {
            return Ok(Err(code::PRIVATE_PART_MISMATCH));
        }
        let schema = self.parts.sectors.sector(&order.sector);
        if schema.and_then(|schema| schema.profile.as_ref()?.kind(&order.kind)).is_none() {
            return Ok(Err(comity_model::asset::reason::NO_SUCH_KIND));
        }
        match schema.map(|schema| schema.check_order(&order.kind, &row.part.fields)) {
            Some(Ok(())) => Ok(Ok(row.part)),
            _ => Ok(Err(code::PRIVATE_PART_INVALID)),
        }
    }

    /// What the rules say of a genuine order; `reference` names the asset where it is not the private part that does.
    async fn rule_on(
        &self,
        received: &ReceivedOrder,
        part: &PrivatePart,
        reference: Option<&str>,
        header: Height,
    ) -> Result<Ruling, DecideError> {
        let order = &received.sealed.order;
        let schema = self.parts.sectors.sector(&order.sector);
        let known =
            schema.and_then(|schema| Some((schema.order.as_ref()?, schema.profile.as_ref()?.kind(&order.kind)?)));
        let Some((fields, rule)) = known else {
            return Ok(Err(comity_model::asset::reason::NO_SUCH_KIND));
        };
        let wanted = judge::wanted(fields, part);
        let asset = match reference.or(wanted.reference) {
            Some(reference) => self.parts.assets.find(&order.sector, reference).await?,
            None => None,
        };
        let asset = match asset {
            Some(known) => Some(self.as_it_stands(known, header).await?),
            None => None,
        };
        let known = Known { asset, original: self.original(received, header).await? };
        let mut fresh = [0; 32];
        let randomness = || DecideError::Unavailable("the operating system gives no randomness".into());
        getrandom::fill(&mut fresh).map_err(|_| randomness())?;
        Ok(judge::judge(order, rule, &wanted, &known, AssetHandle(fresh)))
    }

    /// Seals that the order is carried out as ruled.
    async fn carry_out(
        &self,
        received: &ReceivedOrder,
        part: &PrivatePart,
        verdict: DecisionVerdict,
        header: Height,
    ) -> Result<(Decision, Signature), DecideError> {
        match verdict {
            DecisionVerdict::Execute { asset, amount } => self.execute(received, part, asset, amount, header).await,
            DecisionVerdict::Acknowledge => {
                // What was handed over has arrived: the receipt that was sealed for it says so.
                let receipt = comity_verify::seal::digest(TAG_DELIVERY, &received.sealed.delivery);
                self.seal(&received.id(), verdict, Some(receipt)).await
            }
            DecisionVerdict::Transfer { .. } | DecisionVerdict::Refuse(_) => {
                self.seal(&received.id(), verdict, None).await
            }
        }
    }

    /// Seals that the order is carried out; what is answered beyond that is durable before.
    async fn execute(
        &self,
        received: &ReceivedOrder,
        part: &PrivatePart,
        asset: AssetHandle,
        amount: Option<Amount>,
        header: Height,
    ) -> Result<(Decision, Signature), DecideError> {
        let (id, order) = (received.id(), &received.sealed.order);
        let verdict = DecisionVerdict::Execute { asset, amount };
        let schema = self.parts.sectors.sector(&order.sector);
        let digest = match schema.and_then(|schema| schema.answer.as_ref()) {
            Some(schema) => {
                let facts = self.facts(received, part, asset, amount, header).await?;
                let kept = self.parts.answers.keep(&id, order, &verdict, facts.fields(schema)).await;
                Some(kept.map_err(|error| unavailable(&error))?)
            }
            None => None,
        };
        self.seal(&id, verdict, digest).await
    }

    /// Whether approvals, seal and receipt hold by keys proven on their home chains.
    async fn is_authentic(&self, sealed: &SealedOrder, header: Height) -> Result<bool, CourtError> {
        let order = &sealed.order;
        let own = StatePath::Member(self.parts.institution.clone());
        let unavailable = |error: &dyn std::fmt::Display| CourtError::Unavailable(error.to_string());
        let own = self.parts.home.state(&own, header).await.map_err(|error| unavailable(&error))?.value;
        let own = own.ok_or(CourtError::Unknown)?.decode::<Member>("member").map_err(|error| unavailable(&error))?;
        let court = self.parts.courts.court(&order.court, &order.source_chain).await?;
        let mut officers = Vec::with_capacity(sealed.approvals.len());
        for approval in sealed.approvals.iter().take(APPROVALS_MAX) {
            match self.parts.courts.officer(&order.court, &approval.officer).await? {
                Some(officer) => officers.push(officer.into_value()),
                None => return Ok(false),
            }
        }
        let (court, own) = (court.value(), own.value());
        let approved = self.approve(sealed, court, &officers, own);
        match approved {
            Ok(_) => Ok(true),
            Err(refusal) => {
                tracing::warn!(order = %order.id, %refusal, "an order is not authentic");
                // A key may just have been changed on the court's chain: look again before anything is refused.
                self.is_authentic_now(sealed, own).await
            }
        }
    }

    async fn is_authentic_now(&self, sealed: &SealedOrder, own: &Member) -> Result<bool, CourtError> {
        let order = &sealed.order;
        self.parts.courts.forget(&order.court);
        let court = self.parts.courts.court(&order.court, &order.source_chain).await?;
        let mut officers = Vec::new();
        for approval in sealed.approvals.iter().take(APPROVALS_MAX) {
            officers.extend(self.parts.courts.officer(&order.court, &approval.officer).await?);
        }
        let officers: Vec<_> = officers.into_iter().map(comity_verify::state::Proven::into_value).collect();
        Ok(self.approve(sealed, court.value(), &officers, own).is_ok())
    }

    fn approve(
        &self,
        sealed: &SealedOrder,
        court: &Member,
        officers: &[Officer],
        own: &Member,
    ) -> Result<ApprovedOrder, Refusal> {
        // Which suites are accepted from the court's chain was judged when the order arrived, by this chain's client.
        let court = Party { member: court, suites: Suites::ALL };
        let own = Party { member: own, suites: self.parts.home.suites() };
        approve(sealed, &court, officers, &own, self.parts.clock.now().unix_seconds())
    }

    /// The asset as the chain has it: under the handle that it goes on as, and less what was deducted. One that the chain
    /// does not have yet is as the register knows it.
    async fn as_it_stands(&self, known: KnownAsset, header: Height) -> Result<KnownAsset, DecideError> {
        match self.parts.assets.standing(known.handle, header).await {
            Ok((Some(asset), _)) => Ok(KnownAsset { handle: asset.handle, value: asset.value }),
            // The chain says what becomes of an order on an asset that ended.
            Ok((None, _)) | Err(AssetError::Gone) => Ok(known),
            Err(error) => Err(error.into()),
        }
    }

    /// The order that this one changes, as it stands on this chain.
    async fn original(&self, received: &ReceivedOrder, header: Height) -> Result<Option<Original>, DecideError> {
        let order: &Order = &received.sealed.order;
        let Some(id) = order.original else { return Ok(None) };
        let path = StatePath::Received(received.client.clone(), id);
        let answer = self.parts.home.state(&path, header).await;
        let Some(value) = answer.map_err(|error| DecideError::Unavailable(error.to_string()))?.value else {
            return Ok(None);
        };
        let original = value
            .decode::<ReceivedOrder>("received order")
            .map_err(|error| DecideError::Unavailable(error.to_string()))?
            .into_value();
        if original.state == OrderState::Pending {
            return Err(DecideError::Unavailable("the order that it changes is not decided".into()));
        }
        let (court, id) = (&original.sealed.order.court, &original.sealed.order.id);
        let row = self.parts.inbox.row(court, id).await.map_err(|error| unavailable(&error))?;
        let part = row.map(|row| row.part);
        Ok(Some(Original {
            same_court: original.sealed.order.court == order.court,
            hold: original.hold.map(|(asset, _)| asset),
            part,
        }))
    }

    async fn seal(
        &self,
        id: &ReceivedId,
        verdict: DecisionVerdict,
        answer_digest: Option<Hash>,
    ) -> Result<(Decision, Signature), DecideError> {
        let chain = self.parts.chain_id.clone();
        let decision = Decision { chain, client: id.client.clone(), order: id.order, verdict, answer_digest };
        let seal = self.parts.signer.seal_decision(decision.clone()).await?;
        Ok((decision, seal))
    }

    pub(super) async fn submit(&self, message: Message) -> Result<Height, DecideError> {
        match self.parts.chain.submit.submit(vec![message]).await? {
            Outcome::Committed { height, .. } => Ok(height),
            Outcome::Refused { code, .. } => Err(DecideError::Refused(code)),
        }
    }

    /// Puts an order into the queue, unless it is taken up.
    fn enqueue(&self, order: ReceivedId, header: Height) {
        if self.claimed.claim(&order, header) {
            self.queue_up(order, header);
        }
    }

    /// Puts an order that is taken up into the queue.
    fn queue_up(&self, order: ReceivedId, header: Height) {
        if self.queue.try_send((order.clone(), header)).is_err() {
            self.claimed.release(&order);
        }
    }

    async fn enqueue_pending(&self) -> Result<(), DecideError> {
        let mut after = None;
        loop {
            let page = self.pending(after).await?;
            for received in &page {
                self.enqueue(received.id(), Height(0));
            }
            match page.last() {
                Some(last) if page.len() >= PENDING_PAGE as usize => after = Some(last.id()),
                _ => return Ok(()),
            }
        }
    }
}

/// The verdict with the amount that a person decided for: not more than the rules allow.
fn reduced(verdict: DecisionVerdict, amount: Option<Amount>) -> Result<DecisionVerdict, DecideError> {
    match (verdict, amount) {
        (verdict, None) => Ok(verdict),
        (DecisionVerdict::Execute { asset, amount: Some(most) }, Some(amount))
            if amount.minor > 0 && amount.checked_min(most) == Some(amount) =>
        {
            Ok(DecisionVerdict::Execute { asset, amount: Some(amount) })
        }
        _ => Err(DecideError::Amount),
    }
}

/// Not now.
pub(super) fn unavailable(error: &dyn std::fmt::Display) -> DecideError {
    DecideError::Unavailable(error.to_string())
}

#[async_trait]
impl Concerned<ReceivedId> for Decider {
    fn changed(&self, order: ReceivedId, header: Height) {
        if self.parts.policy == DecidePolicy::Automatic {
            self.enqueue(order, header);
        }
    }

    async fn reconcile(&self) {
        if self.parts.policy == DecidePolicy::Automatic
            && let Err(error) = self.enqueue_pending().await
        {
            tracing::warn!(%error, "pending orders cannot be read");
        }
    }

    fn is_idle(&self) -> bool {
        true
    }
}
