//! A store under the oracle's eye: what becomes durable is told to it. Here the planted faults of stores sit, too. It
//! refuses to know why something is written.

use crate::gateway::{AGREEMENTS, FIRINGS, ORDERS};
use crate::life::Life;
use crate::oracle::Oracle;
use crate::planted::Planted;
use async_trait::async_trait;
use comity_gateway::agreements::StoredAgreement;
use comity_gateway::orders::StoredOrder;
use comity_model::decode;
use comity_store::{Batch, Row, Store, StoreError, Table};
use std::sync::Arc;
use std::time::Duration;

/// How much later than it says a store writes what a rule fired, where that is planted.
const FIRED_AFTER: Duration = Duration::from_secs(3);

/// A gateway's store.
pub(crate) struct Watched {
    inner: Arc<dyn Store>,
    number: u8,
    life: Life,
    oracle: Arc<Oracle>,
    planted: Option<Planted>,
}

impl Watched {
    pub(crate) fn new(
        inner: Arc<dyn Store>,
        number: u8,
        life: Life,
        oracle: Arc<Oracle>,
        planted: Option<Planted>,
    ) -> Self {
        Self { inner, number, life, oracle, planted }
    }

    async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let told = Told::of(&batch, self.number);
        self.inner.commit(batch).await?;
        if self.life.goes_on() {
            told.to(&self.oracle);
        }
        Ok(())
    }
}

/// What of a batch the oracle is told.
struct Told {
    orders: Vec<StoredOrder>,
    agreements: Vec<StoredAgreement>,
    firings: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Told {
    fn of(batch: &Batch, number: u8) -> Self {
        let rows = |wanted: Table| batch.writes.iter().filter(move |(table, ..)| number == 0 && *table == wanted);
        let orders = rows(ORDERS).filter_map(|(_, _, value)| decode("an order", value.as_deref()?).ok());
        let agreements = rows(AGREEMENTS).filter_map(|(_, _, value)| decode("an agreement", value.as_deref()?).ok());
        let firings = rows(FIRINGS).map(|(_, key, value)| (key.clone(), value.clone()));
        Self { orders: orders.collect(), agreements: agreements.collect(), firings: firings.collect() }
    }

    fn to(self, oracle: &Oracle) {
        self.orders.iter().for_each(|order| oracle.stored(order));
        self.agreements.into_iter().for_each(|agreement| oracle.agreement_stored(agreement));
        self.firings.iter().for_each(|(id, row)| oracle.fired(id, row.as_deref()));
    }
}

#[async_trait]
impl Store for Watched {
    async fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(table, key).await
    }

    async fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(table, prefix, from, limit).await
    }

    async fn scan_back(&self, table: Table, until: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.scan_back(table, until, limit).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if self.planted == Some(Planted::ToldBeforeFired) && batch.writes.iter().any(|(table, ..)| *table == FIRINGS) {
            // Planted: what a rule fired is written when there is time for it.
            let (inner, life, oracle) = (Arc::clone(&self.inner), self.life.clone(), Arc::clone(&self.oracle));
            let told = Told::of(&batch, self.number);
            tokio::spawn(async move {
                tokio::time::sleep(FIRED_AFTER).await;
                if life.run(inner.commit(batch)).await.is_ok() {
                    told.to(&oracle);
                }
            });
            return Ok(());
        }
        if self.planted != Some(Planted::ReceiptAfterEffect) {
            return self.write(batch).await;
        }
        // Planted: that a request was received is written after what it caused.
        let is_receipt = |table: Table| table == Table("requests");
        let (receipts, effects): (Vec<_>, Vec<_>) =
            batch.writes.into_iter().partition(|(table, ..)| is_receipt(*table));
        self.write(Batch { expect: batch.expect, writes: effects }).await?;
        if receipts.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.write(Batch { expect: Vec::new(), writes: receipts }).await
    }
}
