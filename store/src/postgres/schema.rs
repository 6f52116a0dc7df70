//! The schema of a store: made when it is missing, migrated when it is older, refused when it is newer or another
//! program's. Several processes may start at once: one migrates, the others wait and find it done.
//! Refuses to know rows.

use super::trouble::{Trouble, refusal};
use crate::StoreError;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::time::Duration;

/// Each takes the schema from the version of its index to the next. What was released is never changed.
pub(super) const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_rows.sql")];

/// How long a migration, or the wait for another process that migrates, may take.
const MIGRATE_MAX: Duration = Duration::from_secs(600);
/// Key of the advisory lock under which one process at a time migrates; the low half is of the schema's name.
const LOCK: i32 = 0x636f_6d69;

/// Brings `schema` to this program's version.
pub(super) async fn prepare(pool: &PgPool, schema: &str, migrations: &[&'static str]) -> Result<(), StoreError> {
    let work = async {
        let mut connection = pool.acquire().await?;
        refuse_forgetful(&mut connection).await?;
        let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        // Most starts find everything done, and need no right to change the schema.
        if version(&mut connection, schema).await? == Some(known) {
            return Ok(());
        }
        migrate(&mut connection, schema, migrations).await
    };
    match tokio::time::timeout(MIGRATE_MAX, work).await {
        Ok(done) => done.map_err(|error: Problem| error.into_store_error(schema)),
        Err(_) => Err(StoreError::Unavailable(format!(
            "the schema {schema} was not ready within {} s: another process migrates it, or holds its lock",
            MIGRATE_MAX.as_secs()
        ))),
    }
}

enum Problem {
    Database(sqlx::Error),
    Refused(String),
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl Problem {
    fn into_store_error(self, schema: &str) -> StoreError {
        match self {
            Self::Refused(words) => StoreError::Unreadable(words),
            Self::Database(error) => match refusal(&error) {
                Some(words) => StoreError::Unreadable(format!("schema {schema}: {words}")),
                None => Trouble::from(error).into(),
            },
        }
    }
}

/// A database that acknowledges before anything is on disk cannot keep the contract.
async fn refuse_forgetful(connection: &mut PgConnection) -> Result<(), Problem> {
    let fsync: String = sqlx::query_scalar("SELECT current_setting('fsync')").fetch_one(connection).await?;
    if fsync == "off" {
        return Err(Problem::Refused(
            "the database runs with fsync = off and would forget what it acknowledged; set fsync = on".into(),
        ));
    }
    Ok(())
}

/// The schema's version; `None` for a schema that does not exist or is empty.
async fn version(connection: &mut PgConnection, schema: &str) -> Result<Option<i64>, Problem> {
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1")
        .bind(schema)
        .fetch_all(&mut *connection)
        .await?;
    if tables.is_empty() {
        return Ok(None);
    }
    if !tables.iter().any(|table| table == "store_version") {
        return Err(Problem::Refused(format!(
            "the schema {schema} holds tables of another program; name another one in store.schema"
        )));
    }
    // The search path leads to the schema.
    let version: Option<i64> =
        sqlx::query_scalar("SELECT max(number) FROM store_version").fetch_one(connection).await?;
    Ok(version)
}

async fn migrate(connection: &mut PgConnection, schema: &str, migrations: &[&'static str]) -> Result<(), Problem> {
    let mut transaction = connection.begin().await?;
    // Waiting for another process that migrates is no fault; the whole of it is bounded by the caller.
    transaction.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext($2))")
        .bind(LOCK)
        .bind(schema)
        .execute(&mut *transaction)
        .await?;
    let found = version(&mut transaction, schema).await?.unwrap_or(0);
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(Problem::Refused(format!(
            "the schema {schema} has version {found}; this program reads version {known}: run the newer program, or \
             restore a backup into an empty schema"
        )));
    }
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
        .bind(schema)
        .fetch_one(&mut *transaction)
        .await?;
    if !exists {
        // The name was checked to be a plain identifier.
        transaction.execute(AssertSqlSafe(format!("CREATE SCHEMA \"{schema}\""))).await?;
    }
    if found == 0 {
        let table = "CREATE TABLE store_version (number bigint PRIMARY KEY, since timestamptz NOT NULL DEFAULT now())";
        transaction.execute(table).await?;
    }
    for (migration, number) in migrations.iter().zip(1i64..) {
        if number > found {
            transaction.execute(*migration).await?;
            sqlx::query("INSERT INTO store_version (number) VALUES ($1)")
                .bind(number)
                .execute(&mut *transaction)
                .await?;
            tracing::info!(schema, number, "the store's schema was migrated");
        }
    }
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{PostgresConfig, PostgresStore, pool};
    use super::*;
    use crate::{Batch, Store, Table};

    #[tokio::test]
    async fn an_older_schema_is_migrated_once_and_keeps_its_rows_and_a_migration_that_fails_changes_nothing() {
        let Ok(url) = std::env::var("COMITY_POSTGRES") else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "COMITY_POSTGRES is not set, and CI runs every test");
            println!("skipped: COMITY_POSTGRES is not set; run it under scripts/with-postgres");
            return;
        };
        let schema = format!("migrated_{}_{:x}", std::process::id(), getrandom::u64().expect("a number"));
        let config = PostgresConfig::new(&url).and_then(|config| config.with_schema(&schema)).expect("a configuration");
        let store = PostgresStore::open(&config).await.expect("a new store");
        store.commit(Batch::new().put(Table("t"), "k", "v")).await.expect("a commit");

        let [first] = MIGRATIONS else { panic!("this test migrates version 1") };
        let pool = pool(&config);
        let broken = [first, "ALTER TABLE rows ADD COLUMN half text; ALTER TABLE nowhere ADD COLUMN half text"];
        prepare(&pool, &schema, &broken).await.expect_err("the second half fails");
        prepare(&pool, &schema, MIGRATIONS).await.expect("the version is the old one");

        // It succeeds only once, and only on a schema without the column.
        let newer: [&'static str; 2] = [first, "ALTER TABLE rows ADD COLUMN half text"];
        let starts = tokio::join!(
            prepare(&pool, &schema, &newer),
            prepare(&pool, &schema, &newer),
            prepare(&pool, &schema, &newer),
            prepare(&pool, &schema, &newer)
        );
        assert!(matches!(starts, (Ok(()), Ok(()), Ok(()), Ok(()))), "{starts:?}");
        assert_eq!(store.read(Table("t"), b"k").await.expect("a read").as_deref(), Some(&b"v"[..]));
        let refused = PostgresStore::open(&config).await.err().expect("a newer version is refused");
        assert!(refused.to_string().contains("has version 2; this program reads version 1"), "{refused}");
    }
}
