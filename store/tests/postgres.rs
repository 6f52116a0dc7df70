//! PostgreSQL keeps the contract.

mod database;

use comity_store::{Batch, PostgresConfig, PostgresStore, Store, StoreError, Table, suite};
use database::Database;
use std::sync::Arc;
use std::time::{Duration, Instant};

const T: Table = Table("t");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_keeps_the_contract() {
    let Some(database) = Database::find() else { return };
    suite::run(|name| database.open(name)).await;
}

#[tokio::test]
async fn postgresql_keeps_the_contract_on_one_thread_and_one_connection_as_well() {
    let Some(database) = Database::find() else { return };
    suite::run(async |name: &'static str| PostgresStore::open(&database.config(name).with_connections(1)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_over_one_schema_lose_no_increment_and_agree_on_one_winner() {
    let Some(database) = Database::find() else { return };
    let stores = [database.open("two").await.expect("a store"), database.open("two").await.expect("the same store")];
    stores[0].commit(Batch::new().put(T, "counter", 0u64.to_be_bytes())).await.expect("a commit");
    let stores = stores.map(Arc::new);
    let mut tasks = tokio::task::JoinSet::new();
    for store in &stores {
        for _ in 0..4 {
            let store = Arc::clone(store);
            tasks.spawn(async move {
                for _ in 0..25 {
                    increment(&store).await;
                }
            });
        }
    }
    tasks.join_all().await;
    let counter = stores[1].read(T, b"counter").await.expect("a read").expect("the counter");
    assert_eq!(counter, 200u64.to_be_bytes());

    for round in 0u8..20 {
        let claim = |store: &Arc<PostgresStore>, who: u8| {
            let store = Arc::clone(store);
            async move { store.commit(Batch::new().absent(T, [round]).put(T, [round, 1], [who])).await.is_ok() }
        };
        // Absence is expected of a key that neither writes: both may find it so, one after the other.
        assert_eq!(tokio::join!(claim(&stores[0], 0), claim(&stores[1], 1)), (true, true));
        let take = |store: &Arc<PostgresStore>| {
            let store = Arc::clone(store);
            async move { store.commit(Batch::new().absent(T, [round]).put(T, [round], "")).await.is_ok() }
        };
        let (one, other) = tokio::join!(take(&stores[0]), take(&stores[1]));
        assert!(one != other, "exactly one takes it");
    }
}

async fn increment(store: &PostgresStore) {
    loop {
        let old = store.read(T, b"counter").await.expect("a read").expect("the counter");
        let number = u64::from_be_bytes(old.clone().try_into().expect("eight bytes"));
        let batch = Batch::new().equals(T, "counter", old).put(T, "counter", (number + 1).to_be_bytes());
        match store.commit(batch).await {
            Ok(()) => return,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("an increment ends in success or conflict, not in {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_touch_the_same_keys_in_any_order_all_succeed_whole() {
    let Some(database) = Database::find() else { return };
    let store = Arc::new(database.open("crossed").await.expect("a store"));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0u8..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for round in 0u8..30 {
                let keys: Vec<u8> = if task % 2 == 0 { (0..8).collect() } else { (0..8).rev().collect() };
                let batch = keys.iter().fold(Batch::new(), |batch, key| match (task + round) % 4 {
                    3 => batch.delete(T, [*key]),
                    _ => batch.put(T, [*key], [task, round]),
                });
                store.commit(batch).await.expect("a batch without expectations");
                let rows = store.scan(T, b"", b"", 100).await.expect("a scan");
                let same = rows.iter().all(|(_, value)| *value == rows[0].1);
                assert!(same && (rows.is_empty() || rows.len() == 8), "half a batch is visible: {rows:?}");
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_that_start_at_once_find_one_schema() {
    let Some(database) = Database::find() else { return };
    let opened = futures_all((0..12).map(|_| database.open("start"))).await;
    for store in opened {
        let store = store.expect("every start succeeds");
        store.commit(Batch::new().put(T, "k", "v")).await.expect("a commit");
    }
    assert_eq!(database.run("start", "SELECT count(*), max(number) FROM store_version"), "1|1");
}

async fn futures_all<F: Future + Send>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        let mut ready = true;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if !ready {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(futures.iter_mut().filter_map(|(_, output)| output.take()).collect())
    })
    .await
}

#[tokio::test]
async fn a_schema_of_a_newer_version_or_of_another_program_is_refused_with_words() {
    let Some(database) = Database::find() else { return };
    drop(database.open("newer").await.expect("a store"));
    database.run("newer", "INSERT INTO store_version (number) VALUES (2)");
    let refused = database.open("newer").await.err().expect("a refusal");
    assert!(matches!(refused, StoreError::Unreadable(_)));
    assert!(refused.to_string().contains("has version 2; this program reads version 1"), "{refused}");

    let theirs = database.schema("theirs");
    database.run("theirs", &format!("CREATE SCHEMA {theirs}; CREATE TABLE {theirs}.invoices (n int)"));
    let refused = database.open("theirs").await.err().expect("a refusal");
    assert!(refused.to_string().contains("another program"), "{refused}");

    // An empty schema that an administrator made for us is taken.
    database.run("given", &format!("CREATE SCHEMA {}", database.schema("given")));
    database.open("given").await.expect("an empty schema");
}

#[tokio::test]
async fn what_an_operator_has_to_change_is_said() {
    let Some(database) = Database::find() else { return };
    let refused = async |url: &str| {
        let config = PostgresConfig::new(url).expect("a URL");
        let refused = PostgresStore::open(&config).await.err().expect("a refusal");
        assert!(matches!(refused, StoreError::Unreadable(_)), "{refused:?}");
        refused.to_string()
    };
    let (before, after) = database.url.rsplit_once('@').expect("a user and a host");
    let (user, password) = before.rsplit_once(':').expect("a password");
    let wrong = refused(&format!("{user}:wrong@{after}")).await;
    assert!(wrong.contains("store.password") && !wrong.contains(password), "{wrong}");
    let elsewhere = format!("{}/nowhere", database.url.rsplit_once('/').expect("a database").0);
    assert!(refused(&elsewhere).await.contains("no such database"));

    let nobody = PostgresConfig::new("postgres://nobody@127.0.0.1:1/none").expect("a URL");
    let error = PostgresStore::open(&nobody).await.err().expect("nobody listens");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn the_servers_certificate_is_checked_against_the_named_authority_alone() {
    let Some(database) = Database::find() else { return };
    let Some(ca) = std::env::var_os("COMITY_POSTGRES_CA") else { return };
    let ca = std::fs::read(ca).expect("the authority");
    for host in ["127.0.0.1", "localhost"] {
        let url = database.url.replace("127.0.0.1", host);
        let config = PostgresConfig::new(&url).expect("a URL").with_ca(&ca).with_schema("over_tls").expect("a name");
        PostgresStore::open(&config).await.expect("a connection over TLS");
    }
    assert_eq!(database.run("none", "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = 'over_tls'"), "t");

    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let other = params.self_signed(&key).expect("another authority").pem();
    let config = PostgresConfig::new(&database.url).expect("a URL").with_ca(other.as_bytes());
    let refused = PostgresStore::open(&config).await.err().expect("a refusal");
    assert!(refused.to_string().contains("store.ca"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_waits_too_long_is_given_up_and_nothing_of_it_is_written() {
    let Some(database) = Database::find() else { return };
    let config = database.config("slow").with_statement_timeout(Duration::from_millis(300));
    let store = PostgresStore::open(&config).await.expect("a store");
    store.commit(Batch::new().put(T, "k", "old")).await.expect("a commit");
    let holder = std::thread::spawn({
        let (url, schema) = (database.url.clone(), database.schema("slow"));
        move || {
            let sql = format!("BEGIN; UPDATE {schema}.rows SET value = value; SELECT pg_sleep(2); COMMIT");
            std::process::Command::new("psql")
                .args(["--quiet", "--command", &sql])
                .arg(url)
                .output()
                .expect("psql runs")
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    let batch = Batch::new().equals(T, "k", "old").put(T, "k", "new").put(T, "l", "new");
    let late = store.commit(batch).await.expect_err("the row is held");
    assert!(matches!(late, StoreError::Unavailable(_)), "{late:?}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(holder.join().expect("the holder").status.success());
    assert_eq!(store.read(T, b"l").await.expect("a read"), None);
    store.commit(Batch::new().equals(T, "k", "old").put(T, "k", "new")).await.expect("the row is free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ended_are_replaced_without_a_word() {
    let Some(database) = Database::find() else { return };
    let url = format!("{}?application_name=ended", database.url);
    let config = PostgresConfig::new(&url).expect("a URL").with_schema(&database.schema("ended")).expect("a name");
    let store = Arc::new(PostgresStore::open(&config).await.expect("a store"));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0u8..16 {
        let store = Arc::clone(&store);
        tasks
            .spawn(async move { store.commit(Batch::new().absent(T, [n]).put(T, [n], "v").put(T, [n, n], "v")).await });
    }
    for result in tasks.join_all().await {
        result.expect("a commit");
    }
    database.run("none", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ended'");
    assert_eq!(store.read(T, &[1]).await.expect("a read"), Some(b"v".to_vec()));
    store.commit(Batch::new().equals(T, [1], "v").put(T, [1], "w")).await.expect("a commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_one_after_the_other_and_together_are_timed() {
    let Some(database) = Database::find() else { return };
    let store = Arc::new(database.open("timed").await.expect("a store"));
    let started = Instant::now();
    for n in 0u32..200 {
        let batch =
            Batch::new().absent(T, n.to_be_bytes()).put(T, n.to_be_bytes(), "v").put(T, "last", n.to_be_bytes());
        store.commit(batch).await.expect("a commit");
    }
    let alone = started.elapsed() / 200;
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 200u32..1_000 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let batch = Batch::new().absent(T, n.to_be_bytes()).put(T, n.to_be_bytes(), "v").put(T, [1, 2, 3], "v");
            let distinct = Batch { writes: batch.writes.into_iter().take(1).collect(), ..batch };
            store.commit(distinct).await
        });
    }
    for result in tasks.join_all().await {
        result.expect("a commit");
    }
    println!("a commit alone {alone:?}; of 800 together {:?}", started.elapsed() / 800);
}
