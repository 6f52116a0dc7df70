//! The PostgreSQL database that `scripts/with-postgres` brings, or none.
#![allow(dead_code, unreachable_pub)]

use comity_store::{PostgresConfig, PostgresStore, StoreError};
use std::process::Command;

/// A database, and a name that no other run of the tests uses in it.
pub struct Database {
    pub url: String,
    run: String,
}

impl Database {
    /// `None`, said aloud, where there is none; under `CI=true` that is a failure.
    pub fn find() -> Option<Self> {
        let Ok(url) = std::env::var("COMITY_POSTGRES") else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "COMITY_POSTGRES is not set, and CI runs every test");
            println!("skipped: COMITY_POSTGRES is not set; run it under scripts/with-postgres");
            return None;
        };
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
        Some(Self { url, run: format!("t{:x}_{:x}", std::process::id(), since.as_nanos()) })
    }

    /// The store `name` of this run.
    pub fn config(&self, name: &str) -> PostgresConfig {
        let config = PostgresConfig::new(&self.url).expect("the URL of the test's database");
        config.with_schema(&format!("{}_{name}", self.run)).expect("a name")
    }

    pub async fn open(&self, name: &str) -> Result<PostgresStore, StoreError> {
        PostgresStore::open(&self.config(name)).await
    }

    /// Runs SQL in the schema of the store `name`.
    pub fn run(&self, name: &str, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--command", sql])
            .arg(&self.url)
            .env("PGOPTIONS", format!("-c search_path={}_{name}", self.run))
            .output()
            .expect("psql runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn schema(&self, name: &str) -> String {
        format!("{}_{name}", self.run)
    }
}
