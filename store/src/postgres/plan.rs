//! A batch as statements: lock and compare, insert, upsert, delete, in one transaction at READ COMMITTED.
//!
//! Every key that is expected or deleted is locked before anything is decided, in order of the keys: a row that exists
//! by a row lock under which its value is compared; a row that must not exist by inserting it, which the primary key lets
//! one transaction do. So what was checked holds until the commit, and batches that expect the same key wait for each
//! other instead of failing. Refuses to know the pool and retries.

use super::trouble::Trouble;
use crate::{Batch, Expectation, StoreError};
use sqlx::postgres::{PgConnection, PgQueryResult};
use sqlx::{Connection, Postgres, Transaction};
use std::collections::BTreeMap;
use std::time::Duration;

type Key = (&'static str, Vec<u8>);

/// What a batch comes to.
pub(super) struct Plan {
    /// Rows to lock; those with a value must have exactly it.
    locks: BTreeMap<Key, Option<Vec<u8>>>,
    /// Rows that must not exist.
    inserts: BTreeMap<Key, Vec<u8>>,
    upserts: BTreeMap<Key, Vec<u8>>,
    deletes: BTreeMap<Key, ()>,
}

impl Plan {
    /// `None` for a batch that expects two things of one key: no state of the store can satisfy it.
    pub(super) fn new(batch: Batch) -> Option<Self> {
        let mut expected: BTreeMap<Key, Option<Vec<u8>>> = BTreeMap::new();
        for expectation in batch.expect {
            let (key, value) = match expectation {
                Expectation::Absent(table, key) => ((table.0, key), None),
                Expectation::Equals(table, key, value) => ((table.0, key), Some(value)),
            };
            if *expected.entry(key).or_insert_with(|| value.clone()) != value {
                return None;
            }
        }
        let writes: BTreeMap<Key, Option<Vec<u8>>> =
            batch.writes.into_iter().map(|(table, key, value)| ((table.0, key), value)).collect();
        let alone = writes.len() == 1 && expected.is_empty();
        let mut plan = Self {
            locks: BTreeMap::new(),
            inserts: BTreeMap::new(),
            upserts: BTreeMap::new(),
            deletes: BTreeMap::new(),
        };
        for (key, value) in &expected {
            if value.is_some() {
                plan.locks.insert(key.clone(), value.clone());
            } else if !matches!(writes.get(key), Some(Some(_))) {
                // It stands only as long as the transaction, to keep others from making it exist meanwhile.
                plan.inserts.insert(key.clone(), Vec::new());
                plan.deletes.insert(key.clone(), ());
            }
        }
        for (key, value) in writes {
            match value {
                Some(value) if expected.get(&key) == Some(&None) => drop(plan.inserts.insert(key, value)),
                Some(value) => drop(plan.upserts.insert(key, value)),
                None => {
                    if !alone && !expected.contains_key(&key) {
                        plan.locks.insert(key.clone(), None);
                    }
                    plan.deletes.insert(key, ());
                }
            }
        }
        Some(plan)
    }

    /// Carries it out, each part within `patience`.
    pub(super) async fn run(&self, connection: &mut PgConnection, patience: Duration) -> Result<(), Trouble> {
        let late = || Trouble::Unavailable("the database did not answer in time".into());
        if self.is_one_statement() {
            let unknown = || Trouble::Answer(StoreError::Unknown("the database did not answer in time".into()));
            return tokio::time::timeout(patience, self.one_statement(connection))
                .await
                .unwrap_or_else(|_| Err(unknown()));
        }
        let mut transaction =
            tokio::time::timeout(patience, connection.begin()).await.map_err(|_| late())?.map_err(Trouble::from)?;
        let applied = tokio::time::timeout(patience, self.apply(&mut transaction)).await;
        applied.unwrap_or_else(|_| Err(late()))?;
        // From here on a broken connection leaves open what happened.
        match tokio::time::timeout(patience, transaction.commit()).await {
            Ok(committed) => committed.map_err(Trouble::of_commit),
            Err(_) => Err(Trouble::Answer(StoreError::Unknown("the commit was not answered in time".into()))),
        }
    }

    /// A batch that one statement carries out whole needs no transaction around it.
    fn is_one_statement(&self) -> bool {
        match (self.inserts.len(), self.upserts.len(), self.deletes.len()) {
            _ if !self.locks.is_empty() => false,
            (1, 0, 0) | (0, _, 0) | (0, 0, 1) => true,
            _ => false,
        }
    }

    async fn one_statement(&self, connection: &mut PgConnection) -> Result<(), Trouble> {
        if !self.inserts.is_empty() {
            let inserted = insert(&mut *connection, &self.inserts).await.map_err(Trouble::of_commit)?;
            return self.check_inserted(&inserted);
        }
        let done = if self.upserts.is_empty() {
            delete(connection, &self.deletes).await
        } else {
            upsert(connection, &self.upserts).await
        };
        done.map(|_| ()).map_err(Trouble::of_commit)
    }

    async fn apply(&self, transaction: &mut Transaction<'_, Postgres>) -> Result<(), Trouble> {
        if !self.locks.is_empty() {
            let wanted = self.locks.values().filter(|value| value.is_some()).count();
            if lock(&mut *transaction, &self.locks).await? != i64::try_from(wanted).unwrap_or(i64::MAX) {
                return Err(Trouble::Answer(StoreError::Conflict));
            }
        }
        if !self.inserts.is_empty() {
            self.check_inserted(&insert(&mut *transaction, &self.inserts).await?)?;
        }
        if !self.upserts.is_empty() {
            upsert(&mut *transaction, &self.upserts).await?;
        }
        if !self.deletes.is_empty() {
            delete(&mut *transaction, &self.deletes).await?;
        }
        Ok(())
    }

    fn check_inserted(&self, inserted: &PgQueryResult) -> Result<(), Trouble> {
        let all = usize::try_from(inserted.rows_affected()).is_ok_and(|rows| rows == self.inserts.len());
        if all { Ok(()) } else { Err(Trouble::Answer(StoreError::Conflict)) }
    }
}

/// Locks rows and returns how many of those that are to have a value have it. A row that another transaction is about to
/// change is waited for and looked at anew.
async fn lock(connection: &mut PgConnection, rows: &BTreeMap<Key, Option<Vec<u8>>>) -> Result<i64, sqlx::Error> {
    let values: Vec<Option<&[u8]>> = rows.values().map(Option::as_deref).collect();
    let (tabs, keys) = columns(rows);
    sqlx::query_scalar(
        "SELECT count(*) FILTER (WHERE compared) FROM (
             SELECT wanted.value IS NOT NULL AS compared
             FROM rows JOIN unnest($1::text[], $2::bytea[], $3::bytea[]) AS wanted (tab, key, value)
                 ON rows.tab = wanted.tab AND rows.key = wanted.key
             WHERE wanted.value IS NULL OR rows.value = wanted.value
             ORDER BY rows.tab, rows.key
             FOR UPDATE OF rows
         ) AS held",
    )
    .bind(tabs)
    .bind(keys)
    .bind(values)
    .fetch_one(connection)
    .await
}

async fn insert(connection: &mut PgConnection, rows: &BTreeMap<Key, Vec<u8>>) -> Result<PgQueryResult, sqlx::Error> {
    let values: Vec<&[u8]> = rows.values().map(Vec::as_slice).collect();
    let (tabs, keys) = columns(rows);
    sqlx::query(
        "INSERT INTO rows (tab, key, value)
         SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS new (tab, key, value) ORDER BY tab COLLATE \"C\", key
         ON CONFLICT DO NOTHING",
    )
    .bind(tabs)
    .bind(keys)
    .bind(values)
    .execute(connection)
    .await
}

async fn upsert(connection: &mut PgConnection, rows: &BTreeMap<Key, Vec<u8>>) -> Result<PgQueryResult, sqlx::Error> {
    let values: Vec<&[u8]> = rows.values().map(Vec::as_slice).collect();
    let (tabs, keys) = columns(rows);
    sqlx::query(
        "INSERT INTO rows (tab, key, value)
         SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS new (tab, key, value) ORDER BY tab COLLATE \"C\", key
         ON CONFLICT (tab, key) DO UPDATE SET value = excluded.value",
    )
    .bind(tabs)
    .bind(keys)
    .bind(values)
    .execute(connection)
    .await
}

async fn delete(connection: &mut PgConnection, rows: &BTreeMap<Key, ()>) -> Result<PgQueryResult, sqlx::Error> {
    let (tabs, keys) = columns(rows);
    sqlx::query(
        "DELETE FROM rows USING unnest($1::text[], $2::bytea[]) AS gone (tab, key)
         WHERE rows.tab = gone.tab AND rows.key = gone.key",
    )
    .bind(tabs)
    .bind(keys)
    .execute(connection)
    .await
}

fn columns<V>(rows: &BTreeMap<Key, V>) -> (Vec<&'static str>, Vec<&[u8]>) {
    rows.keys().map(|(tab, key)| (*tab, key.as_slice())).unzip()
}
