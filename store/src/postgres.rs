//! The store in a PostgreSQL database: for gateways or relayers that share one. One schema a store, one table of rows.
//! A restart of the database is waited for a little; then the answer is "try later", and nothing is half written.
//! Refuses to know what the rows mean.

mod config;
mod plan;
mod schema;
mod trouble;

pub use config::PostgresConfig;

use crate::backup::{NamedRow, Snapshot};
use crate::{Batch, KEY_BYTES_MAX, Row, SCAN_ROWS_MAX, Store, StoreError, Table, fits};
use async_trait::async_trait;
use futures::TryStreamExt;
use plan::Plan;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{Executor, Postgres};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use trouble::Trouble;

/// How long a caller waits for a connection, and how long it keeps trying after one broke.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest first and longest later pause between two tries; each is drawn at random below it.
const PAUSE_FIRST: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// How much longer than the server's limit an answer may take before the connection is given up.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);
/// An unused connection is closed after this time, any one after the other.
const IDLE_MAX: Duration = Duration::from_secs(600);
const LIFETIME_MAX: Duration = Duration::from_secs(3_600);

/// Durable state in a schema of a PostgreSQL database.
///
/// A commit whose future is dropped is carried out whole or not at all. Any number of processes may open one schema.
pub struct PostgresStore {
    pool: PgPool,
    /// How long an answer may take.
    answer_max: Duration,
}

impl PostgresStore {
    /// Connects, and makes or migrates the schema.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] where somebody has to change something first: a schema of a newer version or of
    /// another program, a user that is refused, a certificate that does not hold, a database that forgets.
    /// [`StoreError::Unavailable`] where the database does not answer.
    pub async fn open(config: &PostgresConfig) -> Result<Self, StoreError> {
        config.check()?;
        let store = Self { pool: pool(config), answer_max: config.statement_timeout + ANSWER_MARGIN };
        // A connection of its own first: a pool says only that it waited too long.
        let reached = tokio::time::timeout(PATIENCE, sqlx::ConnectOptions::connect(&config.options)).await;
        match reached {
            Ok(Ok(connection)) => drop(connection),
            Ok(Err(error)) => {
                return Err(match trouble::refusal(&error) {
                    Some(words) => StoreError::Unreadable(words),
                    None => Trouble::from(error).into(),
                });
            }
            Err(_) => return Err(StoreError::Unavailable(format!("{config} does not answer"))),
        }
        schema::prepare(&store.pool, &config.schema, schema::MIGRATIONS).await?;
        Ok(store)
    }

    /// Does `work` on a connection; again on another where the connection broke or another transaction was in the way,
    /// as long as nothing can have been written.
    async fn patiently<W: Work>(&self, work: W) -> Result<W::Answer, StoreError> {
        let until = Instant::now() + PATIENCE;
        let mut ceiling = PAUSE_FIRST;
        loop {
            let trouble = match self.once(&work).await {
                Ok(done) => return Ok(done),
                Err(trouble @ (Trouble::InTheWay(_) | Trouble::Broken(_))) => trouble,
                Err(trouble) => return Err(trouble.into()),
            };
            let pause = drawn_below(ceiling);
            if Instant::now() + pause >= until {
                return Err(trouble.into());
            }
            tracing::debug!(?trouble, "the store tries again");
            tokio::time::sleep(pause).await;
            ceiling = (ceiling * 2).min(PAUSE_MAX);
        }
    }

    async fn once<W: Work>(&self, work: &W) -> Result<W::Answer, Trouble> {
        let mut connection: PoolConnection<Postgres> = self.pool.acquire().await?;
        let result = work.on(&mut connection, self.answer_max).await;
        if result.as_ref().is_err_and(Trouble::spoils_connection) {
            // Not back into the pool, and without a word of farewell to a server that may not be there.
            drop(connection.detach());
        }
        result
    }
}

/// What is done on one connection, from the beginning each time.
trait Work: Sync {
    type Answer;

    /// Each part takes at most `patience`.
    fn on(
        &self,
        connection: &mut PgConnection,
        patience: Duration,
    ) -> impl Future<Output = Result<Self::Answer, Trouble>> + Send;
}

struct Read<'a> {
    table: Table,
    key: &'a [u8],
}

impl Work for Read<'_> {
    type Answer = Option<Vec<u8>>;

    async fn on(&self, connection: &mut PgConnection, patience: Duration) -> Result<Self::Answer, Trouble> {
        let query = sqlx::query_scalar("SELECT value FROM rows WHERE tab = $1 AND key = $2");
        in_time(patience, query.bind(self.table.0).bind(self.key).fetch_optional(connection)).await
    }
}

struct Scan<'a> {
    table: Table,
    start: &'a [u8],
    end: Option<Vec<u8>>,
    limit: i64,
}

impl Work for Scan<'_> {
    type Answer = Vec<Row>;

    async fn on(&self, connection: &mut PgConnection, patience: Duration) -> Result<Self::Answer, Trouble> {
        let query = sqlx::query_as(
            "SELECT key, value FROM rows
             WHERE tab = $1 AND key >= $2 AND ($3::bytea IS NULL OR key < $3) ORDER BY key LIMIT $4",
        );
        let query = query.bind(self.table.0).bind(self.start).bind(self.end.as_deref()).bind(self.limit);
        in_time(patience, query.fetch_all(connection)).await
    }
}

struct ScanBack<'a> {
    table: Table,
    until: Option<&'a [u8]>,
    limit: i64,
}

impl Work for ScanBack<'_> {
    type Answer = Vec<Row>;

    async fn on(&self, connection: &mut PgConnection, patience: Duration) -> Result<Self::Answer, Trouble> {
        let query = sqlx::query_as(
            "SELECT key, value FROM rows
             WHERE tab = $1 AND ($2::bytea IS NULL OR key < $2) ORDER BY key DESC LIMIT $3",
        );
        let query = query.bind(self.table.0).bind(self.until).bind(self.limit);
        in_time(patience, query.fetch_all(connection)).await
    }
}

impl Work for Plan {
    type Answer = ();

    async fn on(&self, connection: &mut PgConnection, patience: Duration) -> Result<(), Trouble> {
        self.run(connection, patience).await
    }
}

async fn in_time<T>(patience: Duration, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Trouble::Unavailable("the database did not answer in time".into())),
    }
}

fn pool(config: &PostgresConfig) -> PgPool {
    let (schema, timeout) = (format!("\"{}\"", config.schema), config.statement_timeout.as_millis().to_string());
    PgPoolOptions::new()
        .max_connections(config.connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(IDLE_MAX)
        .max_lifetime(LIFETIME_MAX)
        // A connection that died is noticed by its first statement, which is tried again on another.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let (schema, timeout) = (schema.clone(), timeout.clone());
            Box::pin(async move { set_up(connection, &schema, &timeout).await })
        })
        .connect_lazy_with(config.options.clone())
}

/// What every connection is told, whatever the database's or the user's defaults are.
async fn set_up(connection: &mut PgConnection, schema: &str, timeout_ms: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT set_config('search_path', $1, false),
                set_config('statement_timeout', $2, false),
                set_config('lock_timeout', $2, false),
                set_config('idle_in_transaction_session_timeout', $2, false),
                set_config('default_transaction_isolation', 'read committed', false),
                set_config('synchronous_commit',
                    replace(current_setting('synchronous_commit'), 'off', 'on'), false)",
    )
    .bind(schema)
    .bind(timeout_ms)
    .execute(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl Store for PostgresStore {
    async fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        self.patiently(Read { table, key }).await
    }

    async fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        if prefix.len() > KEY_BYTES_MAX || from.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        let limit = i64::try_from(limit.min(SCAN_ROWS_MAX)).unwrap_or(i64::MAX);
        // Keys with the prefix are contiguous and none of them is smaller than the prefix itself.
        self.patiently(Scan { table, start: from.max(prefix), end: after_all(prefix), limit }).await
    }

    async fn scan_back(&self, table: Table, until: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        if until.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        let limit = i64::try_from(limit.min(SCAN_ROWS_MAX)).unwrap_or(i64::MAX);
        self.patiently(ScanBack { table, until: Some(until).filter(|until| !until.is_empty()), limit }).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if !fits(&batch) {
            return Err(StoreError::TooLarge);
        }
        if batch.expect.is_empty() && batch.writes.is_empty() {
            return Ok(());
        }
        let plan = Plan::new(batch).ok_or(StoreError::Conflict)?;
        self.patiently(plan).await
    }
}

#[async_trait]
impl Snapshot for PostgresStore {
    /// One statement over everything: the server sends as fast as rows are taken.
    async fn snapshot(&self, rows: mpsc::Sender<NamedRow>) -> Result<(), StoreError> {
        let copy = async {
            let mut transaction = self.pool.begin().await?;
            transaction.execute("SET LOCAL statement_timeout = 0").await?;
            let mut found =
                sqlx::query_as("SELECT tab, key, value FROM rows ORDER BY tab, key").fetch(&mut *transaction);
            while let Some((table, key, value)) = found.try_next().await? {
                if rows.send(NamedRow { table, key, value }).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        copy.await.map_err(|error: sqlx::Error| Trouble::from(error).into())
    }
}

/// The first key after all that start with `prefix`; `None` where there is none.
fn after_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}

/// A random time below `ceiling`, so that those who met once do not meet again; half of it where there is no randomness.
fn drawn_below(ceiling: Duration) -> Duration {
    let drawn = getrandom::u32().unwrap_or(u32::MAX / 2);
    ceiling.mul_f64(f64::from(drawn) / f64::from(u32::MAX))
}
