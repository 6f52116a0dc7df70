//! A store under the oracle's eye: what becomes durable is told to it. Here the planted faults of stores sit, too. It
//! refuses to know why something is written.

use crate::gateway::ORDERS;
use crate::life::Life;
use crate::oracle::Oracle;
use crate::planted::Planted;
use async_trait::async_trait;
use comity_gateway::orders::StoredOrder;
use comity_model::decode;
use comity_store::{Batch, Row, Store, StoreError, Table};
use std::sync::Arc;
use std::time::Duration;

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
        let orders: Vec<StoredOrder> = batch
            .writes
            .iter()
            .filter(|(table, ..)| self.number == 0 && *table == ORDERS)
            .filter_map(|(_, _, value)| decode("an order", value.as_deref()?).ok())
            .collect();
        self.inner.commit(batch).await?;
        if self.life.goes_on() {
            orders.iter().for_each(|order| self.oracle.stored(order));
        }
        Ok(())
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

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
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
