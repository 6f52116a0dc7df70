//! The court's desk: what all work on orders shares, and the ways in: draw up, approve, take back, look.
//! It refuses to know the wire and who may call: a caller was permitted before.

use super::book::{BookError, Filed, OrderBook};
use super::claims::Claims;
use super::draft::{self, CourtSide, DraftError, DraftRequest, Drawn};
use super::follow::Follow;
use super::home::Home;
use super::obligations::ObligationError;
use super::recipient::Recipients;
use super::room::Full;
use super::stored::{NotForward, StoredOrder};
use crate::config::Clock;
use crate::error::ApiError;
use crate::peers::Peers;
use crate::sectors::Sectors;
use crate::signer::SignerClient;
use comity_adapters_ports::Chain;
use comity_model::member::Officer;
use comity_model::order::{Approval, OrderState};
use comity_model::profile::Effect;
use comity_model::state::StatePath;
use comity_model::{ChainId, ClientId, Hash, Height, Malformed, MemberId, OrderId, Time, UnixSeconds, encode};
use comity_store::Store;
use comity_store::StoreError;
use comity_verify::order::TAG_ORDER;
use comity_verify::seal;
use secrecy::SecretBox;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many orders to one institution are sealed, delivered and committed at once.
const AT_ONCE_MAX: usize = 128;
/// How many living holds one reconciliation has looked at.
const HOLDS_AT_ONCE_MAX: usize = 500;
/// Domain tag of the digest by which two requests are the same. Never leaves the gateway.
pub(super) const TAG_REQUEST: &str = "comity/order-request/v1";

/// The pair of clients between the court's chain and a recipient's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderClients {
    /// The client of the recipient's chain, on the court's chain.
    pub source_client: ClientId,
    /// The client of the court's chain, on the recipient's chain.
    pub dest_client: ClientId,
}

/// What the desk is made of.
pub struct DeskParts {
    /// The court.
    pub court: MemberId,
    /// Its chain.
    pub chain_id: ChainId,
    /// That chain's ports.
    pub chain: Chain,
    /// The verified view of that chain.
    pub home: Home,
    /// To whom orders can be sent, and over which clients.
    pub clients: BTreeMap<MemberId, OrderClients>,
    /// The sectors.
    pub sectors: Arc<Sectors>,
    /// The signer.
    pub signer: SignerClient,
    /// Other gateways.
    pub peers: Peers,
    /// The orders.
    pub book: Arc<OrderBook>,
    /// Where it keeps what is not an order's own: the grounds of objections.
    pub store: Arc<dyn Store>,
    /// The court's encryption key: answers are sealed to it.
    pub encryption_key: Arc<SecretBox<[u8; 32]>>,
    /// How to have an order looked at.
    pub follow: Follow,
    /// What time it is.
    pub clock: Clock,
    /// Ends all work.
    pub stop: CancellationToken,
    /// Work under way, to be waited for at the end.
    pub tasks: TaskTracker,
}

/// The court's desk.
pub struct Desk {
    pub(super) court: MemberId,
    pub(super) chain_id: ChainId,
    pub(super) chain: Chain,
    pub(super) home: Home,
    pub(super) clients: BTreeMap<MemberId, OrderClients>,
    pub(super) sectors: Arc<Sectors>,
    pub(super) signer: SignerClient,
    pub(super) peers: Peers,
    pub(super) book: Arc<OrderBook>,
    pub(super) follow: Follow,
    clock: Clock,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) works: Claims,
    pub(super) recipients: Recipients,
    pub(super) traces: Claims,
    pub(super) collections: Claims,
    pub(super) grounds: Claims,
    pub(super) store: Arc<dyn Store>,
    pub(super) encryption_key: Arc<SecretBox<[u8; 32]>>,
    /// The last living hold that was looked at; `None` to begin anew.
    holds_seen: Mutex<Option<OrderId>>,
}

/// Why the desk did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// This institution sends no orders to that one.
    #[error("no orders can be sent to {0}")]
    UnknownRecipient(MemberId),
    /// The sector is not known here.
    #[error("there is no such sector")]
    UnknownSector,
    /// It cannot be drawn up as asked.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The request id was used for another request; both are kept.
    #[error("the request id was used for another request")]
    RequestConflict,
    /// The order to change is not known, goes elsewhere, or is not in force.
    #[error("the original order is not in force with this recipient and sector")]
    OriginalNotInForce,
    /// The obligation stands with another amount claimed, or has no room for the order.
    #[error(transparent)]
    Obligation(#[from] ObligationError),
    /// No such officer of this court, valid now, or the signature does not hold.
    #[error("the approval is not by an officer of this court, or does not hold")]
    ApprovalInvalid,
    /// Delivery is no longer possible.
    #[error("the order's delivery deadline has passed")]
    Expired,
    /// The change does not fit the order's state.
    #[error(transparent)]
    State(#[from] NotForward),
    /// No such order.
    #[error("there is no such order")]
    NotFound,
    /// As many orders are on their way to the recipient as may be; nothing was changed.
    #[error(transparent)]
    Full(#[from] Full),
    /// Others changed the order all the time.
    #[error("the order changed too often; try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of the store is not what was written there.
    #[error(transparent)]
    Corrupt(#[from] Malformed),
    /// The chain's state could not be proven now.
    #[error(transparent)]
    Home(#[from] ApiError),
}

impl From<BookError<Infallible>> for DeskError {
    fn from(error: BookError<Infallible>) -> Self {
        let error: BookError<NotForward> = error.map_rule(|never| match never {});
        error.into()
    }
}

impl From<BookError<NotForward>> for DeskError {
    fn from(error: BookError<NotForward>) -> Self {
        match error {
            BookError::NotFound => Self::NotFound,
            BookError::Rule(rule) => Self::State(rule),
            BookError::Store(error) => Self::Store(error),
            BookError::Corrupt(error) => Self::Corrupt(error),
            BookError::Contended => Self::Contended,
        }
    }
}

impl Desk {
    /// A desk; nothing runs yet.
    #[must_use]
    pub fn new(parts: DeskParts) -> Arc<Self> {
        Arc::new(Self {
            court: parts.court,
            chain_id: parts.chain_id,
            chain: parts.chain,
            home: parts.home,
            clients: parts.clients,
            sectors: parts.sectors,
            signer: parts.signer,
            peers: parts.peers,
            book: parts.book,
            follow: parts.follow,
            clock: parts.clock,
            stop: parts.stop,
            tasks: parts.tasks,
            works: Claims::new(usize::MAX, AT_ONCE_MAX),
            recipients: Recipients::default(),
            traces: Claims::default(),
            collections: Claims::default(),
            grounds: Claims::default(),
            store: parts.store,
            encryption_key: parts.encryption_key,
            holds_seen: Mutex::default(),
        })
    }

    /// The court's orders.
    #[must_use]
    pub const fn book(&self) -> &Arc<OrderBook> {
        &self.book
    }

    /// Draws up an order and stores it. The same request again is the same order.
    ///
    /// # Errors
    /// [`DeskError`]; nothing was stored but evidence of a conflicting reuse of the request id.
    pub async fn draw_up(&self, request: &DraftRequest) -> Result<Arc<StoredOrder>, DeskError> {
        let body = encode(request);
        let digest = seal::digest(TAG_REQUEST, request);
        match self.book.find(&request.request, &digest, &body).await? {
            Some(Filed::Same(order) | Filed::New(order)) => return Ok(order),
            Some(Filed::Conflict) => return Err(DeskError::RequestConflict),
            None => {}
        }
        self.book.room().for_draft(request)?;
        let draft = self.draft(request, digest).await?;
        match self.book.file(draft, &body).await? {
            Filed::New(order) | Filed::Same(order) => Ok(order),
            Filed::Conflict => Err(DeskError::RequestConflict),
        }
    }

    /// The order as it would be drawn up, after every check. Stores nothing.
    pub(super) async fn draft(&self, request: &DraftRequest, digest: Hash) -> Result<StoredOrder, DeskError> {
        let clients = self.clients.get(&request.recipient);
        let clients = clients.ok_or_else(|| DeskError::UnknownRecipient(request.recipient.clone()))?;
        let side = CourtSide {
            court: self.court.clone(),
            chain: self.chain_id.clone(),
            source_client: clients.source_client.clone(),
            dest_client: clients.dest_client.clone(),
        };
        let schema = self.sectors.sector(&request.sector).ok_or(DeskError::UnknownSector)?;
        draft::rule(request, schema)?;
        let original = self.original(request).await?;
        let Drawn { order, part, claim } = draft::draw_up(request, &side, schema, original.as_deref(), self.now_s())?;
        if let Some(claim) = &claim {
            self.fits_obligation(&order, claim).await?;
        }
        Ok(StoredOrder { claim, ..StoredOrder::draft(order, part, digest, self.now()) })
    }

    /// The order that a request changes: one that holds, with the same recipient and sector.
    async fn original(&self, request: &DraftRequest) -> Result<Option<Arc<StoredOrder>>, DeskError> {
        let Some(id) = request.original else { return Ok(None) };
        let original = match self.book.read(&id).await {
            Err(BookError::NotFound) => return Err(DeskError::OriginalNotInForce),
            read => read?,
        };
        let in_force = matches!(original.state, OrderState::Executed | OrderState::Waitlisted | OrderState::Objected);
        let same = original.order.recipient == request.recipient
            && original.order.sector == request.sector
            && original.order.effect.holds();
        if in_force && same { Ok(Some(original)) } else { Err(DeskError::OriginalNotInForce) }
    }

    /// Adds an officer's approval after checking it against the court's own chain. The last one needed sends the order
    /// on its way, if there is room for it. The same approval again changes nothing.
    ///
    /// # Errors
    /// [`DeskError`]; the order is unchanged.
    pub async fn approve(self: &Arc<Self>, id: &OrderId, approval: Approval) -> Result<Arc<StoredOrder>, DeskError> {
        let order = self.book.read(id).await?;
        let now = self.now_s();
        if now >= order.deliver_by() && order.state == OrderState::AwaitingApproval {
            return Err(DeskError::Expired);
        }
        // Before anything is verified: to refuse must cost little.
        let _place = order.is_sent_by(&approval.officer).then(|| self.book.room().take(&order.order)).transpose()?;
        let path = StatePath::Officer(self.court.clone(), approval.officer.clone());
        let answer = self.home.state(&path, Height(0)).await?;
        let value = answer.value.ok_or(DeskError::ApprovalInvalid)?;
        let officer = value.decode::<Officer>("officer").map_err(|_| DeskError::ApprovalInvalid)?;
        let officer = officer.value();
        let suites = self.home.suites();
        let holds = officer.validity.covers(now)
            && officer.validity.covers(order.order.issued_at)
            && seal::check(TAG_ORDER, &order.order, &officer.key, &approval.signature, suites).is_ok();
        if !holds {
            return Err(DeskError::ApprovalInvalid);
        }
        // Two work numbers with one key are one officer.
        let key_is_known = order
            .approvals
            .iter()
            .filter(|other| other.officer != officer.id)
            .any(|other| seal::check(TAG_ORDER, &order.order, &officer.key, &other.signature, suites).is_ok());
        if key_is_known || self.confirms_own_order(&order, officer).await? {
            return Err(DeskError::ApprovalInvalid);
        }
        let at = self.now();
        let order = self.book.change(id, |stored| stored.approve(approval.clone(), at)).await?;
        if order.state == OrderState::AwaitingDelivery {
            self.work_on(&order.order);
        }
        Ok(order)
    }

    /// Whether `officer` approved the emergency order that this one is to confirm.
    async fn confirms_own_order(&self, order: &StoredOrder, officer: &Officer) -> Result<bool, DeskError> {
        let original = order.order.original.filter(|_| order.order.effect == Effect::Confirm);
        let Some(original) = original else { return Ok(false) };
        let original = self.book.read(&original).await?;
        Ok(original.approvals.iter().any(|approval| {
            approval.officer == officer.id
                || seal::check(TAG_ORDER, &original.order, &officer.key, &approval.signature, self.home.suites())
                    .is_ok()
        }))
    }

    /// One order.
    ///
    /// # Errors
    /// [`DeskError::NotFound`], or the store's.
    pub async fn read(&self, id: &OrderId) -> Result<Arc<StoredOrder>, DeskError> {
        Ok(self.book.read(id).await?)
    }

    /// Orders from the newest, after a place, and the place to go on from.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        after: Option<&[u8; 24]>,
        limit: usize,
    ) -> Result<(Vec<Arc<StoredOrder>>, Option<[u8; 24]>), DeskError> {
        Ok(self.book.list(after, limit).await?)
    }

    /// The order once it is answered, or as it stands at `until` or when the desk stops.
    ///
    /// # Errors
    /// [`DeskError::NotFound`], or the store's.
    pub async fn answered(&self, id: &OrderId, until: Instant) -> Result<Arc<StoredOrder>, DeskError> {
        tokio::select! {
            order = self.book.answered(id, until) => Ok(order?),
            () = self.stop.cancelled() => self.read(id).await,
        }
    }

    /// Ends when the desk stops.
    pub(super) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Takes an order back that has not been delivered.
    ///
    /// # Errors
    /// [`DeskError::State`] once the recipient has its private part.
    pub async fn withdraw(&self, id: &OrderId) -> Result<Arc<StoredOrder>, DeskError> {
        let now = self.now();
        Ok(self.book.change(id, |order| order.withdraw(now)).await?)
    }

    /// Takes up everything that a stop or a crash left behind.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn take_up(self: &Arc<Self>) -> Result<(), DeskError> {
        let mut unseen = self.book.room().on_their_way();
        let mut after = None;
        loop {
            let open = self.book.open(after, comity_store::SCAN_ROWS_MAX).await?;
            for id in &open {
                let order = self.book.look(id).await?;
                unseen.remove(id);
                match order.state {
                    OrderState::AwaitingApproval => {}
                    OrderState::AwaitingDelivery => {
                        self.work_on(&order.order);
                        self.follow.look_at(*id, Height(0));
                    }
                    _ => self.follow.look_at(*id, Height(0)),
                }
            }
            match open.last() {
                Some(last) if open.len() == comity_store::SCAN_ROWS_MAX => after = Some(*last),
                _ => break,
            }
        }
        // Another gateway over this store may have learnt their answers, and this one not.
        for id in &unseen {
            self.book.look(id).await?;
        }
        let mut after = None;
        loop {
            let wanting = self.book.wanting(after, comity_store::SCAN_ROWS_MAX).await?;
            wanting.iter().for_each(|id| self.collect(*id));
            match wanting.last() {
                Some(last) if wanting.len() == comity_store::SCAN_ROWS_MAX => after = Some(*last),
                _ => break,
            }
        }
        self.look_at_holds().await
    }

    /// Has the next of the living holds looked at, all of them in turn: there may be many, and they change seldom.
    async fn look_at_holds(&self) -> Result<(), DeskError> {
        let after = *self.holds_seen.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = self.book.holding(after, HOLDS_AT_ONCE_MAX).await?;
        holding.iter().for_each(|id| self.follow.look_at(*id, Height(0)));
        let last = holding.last().copied().filter(|_| holding.len() == HOLDS_AT_ONCE_MAX);
        *self.holds_seen.lock().unwrap_or_else(PoisonError::into_inner) = last;
        Ok(())
    }

    /// This gateway's clock. What the chain says of time is the chain's.
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(super) fn now_s(&self) -> UnixSeconds {
        self.now().unix_seconds()
    }
}
