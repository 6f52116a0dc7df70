//! Stores and backups that earlier versions of the program wrote are opened by this one. The files are kept as they were
//! written; `COMITY_WRITE_FIXTURES=1` writes those that are missing, for a new version beside the old ones.

mod database;

use comity_store::backup;
use comity_store::{Batch, RedbStore, Store, Table};
use database::Database;
use std::path::{Path, PathBuf};

const ORDERS: Table = Table("orders");
const AUDIT: Table = Table("audit");

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// What stands in every fixture.
async fn fill(store: &impl Store) {
    let every: Vec<u8> = (0..=255).collect();
    let batch =
        Batch::new().put(ORDERS, "one", "1").put(ORDERS, every.clone(), every).put(AUDIT, "", "at the empty key");
    store.commit(batch).await.expect("a commit");
}

async fn check(store: &impl Store) {
    let every: Vec<u8> = (0..=255).collect();
    let rows = store.scan(ORDERS, b"", b"", 10).await.expect("a scan");
    assert_eq!(rows, [(every.clone(), every), (b"one".to_vec(), b"1".to_vec())]);
    assert_eq!(store.read(AUDIT, b"").await.expect("a read").as_deref(), Some(&b"at the empty key"[..]));
    // And it is written to.
    store.commit(Batch::new().equals(ORDERS, "one", "1").put(ORDERS, "one", "2")).await.expect("a commit");
}

#[tokio::test]
async fn a_file_of_version_1_opens() {
    let path = fixture("redb-v1");
    if !path.exists() && std::env::var_os("COMITY_WRITE_FIXTURES").is_some() {
        fill(&RedbStore::open(&path).expect("a new store")).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("store");
    std::fs::copy(&path, &copy).expect("the fixture");
    check(&RedbStore::open(&copy).expect("an old store opens")).await;
}

#[tokio::test]
async fn a_schema_of_version_1_opens() {
    let Some(database) = Database::find() else { return };
    let sql = std::fs::read_to_string(fixture("postgres-v1.sql")).expect("the fixture");
    let schema = database.schema("old");
    database.run("old", &format!("CREATE SCHEMA {schema}; {sql}"));
    check(&database.open("old").await.expect("an old schema opens")).await;
}

#[tokio::test]
async fn a_backup_of_version_1_restores() {
    let path = fixture("backup-v1");
    let folder = tempfile::tempdir().expect("a folder");
    if !path.exists() && std::env::var_os("COMITY_WRITE_FIXTURES").is_some() {
        let store = RedbStore::open(&folder.path().join("filled")).expect("a store");
        fill(&store).await;
        let mut file = Vec::new();
        backup::write(&store, &mut file).await.expect("a backup");
        std::fs::write(&path, file).expect("the fixture");
    }
    let bytes = std::fs::read(path).expect("the fixture");
    let store = RedbStore::open(&folder.path().join("store")).expect("a store");
    backup::restore(&store, &bytes[..]).await.expect("an old backup restores");
    let mut again = Vec::new();
    backup::write(&store, &mut again).await.expect("a backup");
    assert_eq!(again, bytes, "the form is the same");
    check(&store).await;
}
