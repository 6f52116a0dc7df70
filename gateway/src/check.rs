//! Compares what a gateway's store says with what its chain proves: after a restore, before it serves again. What the
//! chain has and the store has not is named, with who has it.
//! It refuses to change anything, to believe the chain's node, and to name persons, cases, records and assets.

use crate::config::Clock;
use crate::error::ApiError;
use crate::institution::stored as arrived;
use crate::keeper::stored::{self as records, StoredRecord};
use crate::lookup::LookupKey;
use crate::orders::{OrderBook, StoredOrder};
use crate::sectors::{SectorSchema, Sectors};
use crate::view::{self, ChainView, HomeState};
use comity_adapters_ports::Chain;
use comity_model::asset::Asset;
use comity_model::order::{OrderEntry, SealedOrder};
use comity_model::packet::PORT_ORDERS;
use comity_model::record::RecordState;
use comity_model::state::StatePath;
use comity_model::{ClientId, Height, MemberId, Sector, decode};
use comity_store::Store;
use comity_verify::light::{Anchor, TrustedHeader};
use comity_verify::state::Proven;
use futures::{StreamExt, TryStreamExt, stream};
use secrecy::SecretBox;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Orders, packets and other rows that one question returns.
const PAGE: usize = 100;
/// How many proofs are asked for at once.
const AT_ONCE_MAX: usize = 16;
/// Most findings that are named; the first are enough to know what to do.
const FINDINGS_MAX: usize = 1_000;

/// Whose store is compared with which chain.
pub struct Subject {
    /// The institution.
    pub institution: MemberId,
    /// The header of its chain that it trusts.
    pub anchor: Anchor,
    /// The clients on its chain over which it sends orders.
    pub clients: Vec<ClientId>,
    /// The sectors that it knows.
    pub sectors: Arc<Sectors>,
    /// The key of its private lookups, without which records of some sectors are not found on the chain.
    pub lookup_key: Option<SecretBox<[u8; 32]>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// The verified height of the comparison.
    pub height: Height,
    /// How many of what were compared.
    pub compared: Vec<(&'static str, u64)>,
    /// Orders that went further on the chain than in the store: the gateway learns that by itself.
    pub behind: u64,
    /// What does not agree. Empty: the store is fit to be used.
    pub findings: Vec<Finding>,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable code.
    pub code: &'static str,
    /// What it is, and what to do.
    pub what: String,
}

/// Compares the store with the chain.
///
/// # Errors
/// The chain's and the store's; `PROOF_REFUSED` where the chain's node does not tell the truth.
pub async fn compare(subject: &Subject, chain: &Chain, store: Arc<dyn Store>) -> Result<Report, ApiError> {
    let source = view::node(chain.headers.clone());
    let view = ChainView::open(subject.anchor.clone(), source, store.clone(), Clock::system()).await?;
    let header = view.fresh().await?;
    let home = HomeState::new(view, chain.prover.clone());
    let lookup = subject.lookup_key.as_ref().map(LookupKey::new);
    let mut check = Check { subject, lookup, chain, store, home, header, report: Report::default() };
    check.report.height = check.header.height();
    check.orders().await?;
    check.orders_of_the_chain().await?;
    check.private_parts().await?;
    check.records().await?;
    check.assets().await?;
    Ok(check.report)
}

struct Check<'a> {
    subject: &'a Subject,
    lookup: Option<LookupKey>,
    chain: &'a Chain,
    store: Arc<dyn Store>,
    home: HomeState,
    header: TrustedHeader,
    report: Report,
}

impl Check<'_> {
    async fn proven(&self, path: &StatePath) -> Result<Option<Proven<Vec<u8>>>, ApiError> {
        let stood = self.home.under(path, self.header.clone()).await?;
        Ok(match stood.what {
            view::Standing::Value(value) => Some(value),
            view::Standing::Nothing(_) => None,
        })
    }

    /// What stands at each path, in their order.
    async fn all<T>(
        &self,
        rows: Vec<T>,
        path: impl Fn(&T) -> StatePath,
    ) -> Result<Vec<(T, Option<Proven<Vec<u8>>>)>, ApiError> {
        let asked = rows.into_iter().map(|row| {
            let path = path(&row);
            async move { Ok::<_, ApiError>((row, self.proven(&path).await?)) }
        });
        stream::iter(asked).buffered(AT_ONCE_MAX).try_collect().await
    }

    fn found(&mut self, code: &'static str, what: String) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(Finding { code, what });
        }
    }

    async fn orders(&mut self) -> Result<(), ApiError> {
        let book = OrderBook::new(self.store.clone(), 0);
        let (mut after, mut compared) = (None, 0);
        loop {
            let (page, next) = book.list(after.as_ref(), PAGE).await.map_err(crate::orders::DeskError::from)?;
            for (order, value) in self.all(page, |order| StatePath::Order(order.order.id)).await? {
                compared += 1;
                self.order(&order, value)?;
            }
            match next {
                Some(place) => after = Some(place),
                None => break,
            }
        }
        self.report.compared.push(("orders of the store", compared));
        Ok(())
    }

    fn order(&mut self, stored: &StoredOrder, value: Option<Proven<Vec<u8>>>) -> Result<(), ApiError> {
        let id = stored.order.id;
        let Some(value) = value else {
            if stored.proven.is_some() {
                let what = format!(
                    "orders/{id} was proven to stand on the chain, and does not: another chain, or an older one"
                );
                self.found("ORDER_NOT_ON_CHAIN", what);
            }
            return Ok(());
        };
        let under = value.at().into();
        let entry: OrderEntry = decode("an order entry", value.value()).map_err(ApiError::fault)?;
        if entry.sealed.order != stored.order {
            self.found("ORDER_DIFFERS", format!("orders/{id} is another order on the chain than in the store"));
        } else if stored.clone().learn(&entry, under, self.header.time()) {
            self.report.behind += 1;
        }
        Ok(())
    }

    /// Orders of this institution that stand on the chain and wait for their answer.
    async fn orders_of_the_chain(&mut self) -> Result<(), ApiError> {
        let book = OrderBook::new(self.store.clone(), 0);
        let mut compared = 0;
        for client in &self.subject.clients {
            let mut from = 0;
            loop {
                let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
                let packets = self.chain.events.outbox(client, from, limit).await?;
                for packet in &packets {
                    let payloads = packet.payloads.iter().filter(|payload| payload.source_port == PORT_ORDERS);
                    for sealed in payloads.filter_map(|payload| decode::<SealedOrder>("an order", &payload.value).ok())
                    {
                        if sealed.order.court != self.subject.institution {
                            continue;
                        }
                        compared += 1;
                        let (id, recipient) = (sealed.order.id, &sealed.order.recipient);
                        match book.read(&id).await {
                            Ok(_) => {}
                            Err(crate::orders::BookError::NotFound) => {
                                let what = format!(
                                    "orders/{id} stands on the chain and not in the store: it was committed after the \
                                     backup; {recipient} has its private part, and answers it"
                                );
                                self.found("ORDER_LOST", what);
                            }
                            Err(error) => return Err(crate::orders::DeskError::from(error).into()),
                        }
                    }
                }
                match packets.last() {
                    Some(last) if packets.len() >= PAGE => from = last.sequence.saturating_add(1),
                    _ => break,
                }
            }
        }
        self.report.compared.push(("unanswered orders of the chain", compared));
        Ok(())
    }

    async fn private_parts(&mut self) -> Result<(), ApiError> {
        let (mut after, mut compared) = (None, 0);
        loop {
            let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
            let page = self.chain.events.pending(after, limit).await?;
            for order in page.iter().map(|received| &received.sealed.order) {
                if order.recipient != self.subject.institution {
                    continue;
                }
                compared += 1;
                if !arrived::has_private_part(&*self.store, &order.court, &order.id).await? {
                    let what = format!(
                        "orders/{} waits for a decision and its private part is not in the store: have {} deliver it again \
                         before the gateway runs, which would refuse the order without it",
                        order.id, order.court
                    );
                    self.found("PRIVATE_PART_LOST", what);
                }
            }
            match page.last() {
                Some(last) if page.len() >= PAGE => after = Some(last.id()),
                _ => break,
            }
        }
        self.report.compared.push(("orders that wait for a decision", compared));
        Ok(())
    }

    async fn records(&mut self) -> Result<(), ApiError> {
        let (mut after, mut compared) = (Vec::new(), 0);
        let mut lost: BTreeMap<Sector, u64> = BTreeMap::new();
        loop {
            let page = records::page(&*self.store, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.after.clone();
            let placed = page.into_iter().map(|row| Ok((self.place(&row)?, row)));
            let placed: Vec<_> = placed.collect::<Result<_, ApiError>>()?;
            for ((_, row), value) in self.all(placed, |(path, _)| path.clone()).await? {
                compared += 1;
                let state: Option<RecordState> = value
                    .map(|value| decode("a record's state", value.value()))
                    .transpose()
                    .map_err(ApiError::fault)?;
                if !row.opens(state.as_ref()) {
                    *lost.entry(row.sector).or_default() += 1;
                }
            }
        }
        for (sector, number) in lost {
            let what = format!(
                "{number} records of {sector} stand on the chain in a version that the store cannot open: publish them again"
            );
            self.found("RECORDS_LOST", what);
        }
        self.report.compared.push(("records", compared));
        Ok(())
    }

    /// Where a record of the store stands on the chain.
    fn place(&self, row: &StoredRecord) -> Result<StatePath, ApiError> {
        let private = self.subject.sectors.sector(&row.sector).is_some_and(SectorSchema::private_ids);
        let id = if private && !row.is_of_index() {
            let key = self.lookup.as_ref().ok_or_else(|| records::key_missing(&row.sector))?;
            records::private_id(key, &row.sector, &row.id)?
        } else {
            row.id.clone()
        };
        Ok(StatePath::Record(row.sector.clone(), id))
    }

    async fn assets(&mut self) -> Result<(), ApiError> {
        let (mut after, mut compared) = (Vec::new(), 0);
        let mut differ: BTreeMap<Sector, u64> = BTreeMap::new();
        loop {
            let page = arrived::assets(&*self.store, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.after.clone();
            for (row, value) in self.all(page, |row| StatePath::Asset(row.handle)).await? {
                compared += 1;
                let asset: Option<Asset> =
                    value.map(|value| decode("an asset", value.value())).transpose().map_err(ApiError::fault)?;
                // One that never came to the chain is registered there with the next call; its value is the chain's to say.
                let agrees = asset.is_none_or(|asset| row.is(&asset, &self.subject.institution));
                if !agrees {
                    *differ.entry(row.sector).or_default() += 1;
                }
            }
        }
        for (sector, number) in differ {
            let what = format!(
                "{number} assets of {sector} stand on the chain as other assets: another chain, or another store"
            );
            self.found("ASSETS_DIFFER", what);
        }
        self.report.compared.push(("assets", compared));
        Ok(())
    }
}
