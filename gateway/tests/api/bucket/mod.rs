//! The log's copy in a bucket of a real S3 server: what others read there, and what becomes of it when gateway or server go.

mod server;

use crate::alliance::World;
use crate::deposits::readers::{Read, by_crates};
use crate::deposits::samples::digest;
use crate::deposits::{court, deposited, eventually, log, prove, world};
use comity_gateway::{BucketAccess, BucketConfig};
use comity_proto::v1;
use comity_verify::tlog::{Tile, TileOf};
use server::S3;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Every file that a checkpoint of `size` stands for.
fn files(size: u64) -> impl Iterator<Item = String> {
    let levels = std::iter::once(TileOf::Entries).chain((0..8).map(TileOf::Level));
    let tiles = levels.flat_map(move |of| (0..).map_while(move |index| Tile::of_tree(of, index, size)));
    tiles.map(|tile| tile.path()).chain(["checkpoint".to_owned()])
}

async fn copied(world: &World, size: u64) -> v1::DepositLog {
    log(world, |log| log.bucket.as_ref().is_some_and(|bucket| bucket.copied_size == size && bucket.failure.is_empty()))
        .await
}

async fn failed(world: &World, code: &str) -> v1::BucketStanding {
    let seen = log(world, |log| log.bucket.as_ref().is_some_and(|bucket| bucket.failure == code)).await;
    seen.bucket.unwrap()
}

/// Adds deposits, and waits until the chain has taken them up.
async fn grown(world: &World, request: u8, numbers: std::ops::Range<u64>) {
    let last = numbers.end - 1;
    let made = deposited(world, request, numbers).await;
    let index = made.first_index + u64::from(made.count) - 1;
    eventually(async || court(world, "reader").prove_deposit(prove(index, digest(2, last), false)).await).await;
}

/// What another project's reader makes of the bucket's files.
fn read(key: &str, folder: &Path, older: &Path, world: &World, picks: &[u64]) {
    let kept = world.court.log.as_ref().unwrap();
    let entries = picks.iter().map(|index| kept.entry(*index).unwrap().bytes().to_vec()).collect();
    assert_eq!(by_crates(key, folder, older, picks), Ok(Read { size: kept.head().size, entries }));
}

fn written(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_has_the_log_for_other_readers_and_neither_its_end_nor_the_gateway_s_costs_more_than_time() {
    let Some(mut s3) = S3::start().await else { return };
    let mut world = world().await;
    grown(&world, 1, 0..300).await;
    world.court.bucket = Some(s3.config());
    let world = world.restart_court().await;
    let seen = copied(&world, 300).await;
    let (key, bucket) = (seen.verifier_key.clone(), seen.bucket.unwrap());
    assert_eq!(bucket.location, format!("{}/evidence/court/log", s3.config().endpoint));
    assert!(bucket.copied_at.is_some());

    let folder = tempfile::tempdir().unwrap();
    s3.fetch(files(300), folder.path()).await;
    let older = folder.path().join("older");
    fs::copy(folder.path().join("checkpoint"), &older).unwrap();
    read(&key, folder.path(), &older, &world, &[0, 255, 256, 299]);
    for (name, kind, cache) in [
        ("tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/entries/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/0/001.p/44", "application/octet-stream", "public, max-age=3600"),
        ("tile/entries/001.p/44", "application/octet-stream", "public, max-age=3600"),
        ("tile/1/000.p/1", "application/octet-stream", "public, max-age=3600"),
        ("checkpoint", "text/plain; charset=utf-8", "public, max-age=2"),
    ] {
        let answer = s3.get(name).await;
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (kind, cache), "{name}");
    }

    // The store is down: deposits are taken, proven and published as before, and it is seen that it is down.
    let first = written(&s3.kept("tile/0/000"));
    s3.down();
    grown(&world, 2, 300..600).await;
    assert_eq!(failed(&world, "UNREACHABLE").await.copied_size, 300);
    let local = fs::read_to_string(world.court.log.as_ref().unwrap().folder().join("checkpoint")).unwrap();
    assert!(local.starts_with("court-1/court\n600\n"), "{local}");
    let world = world.restart_court().await;
    assert_eq!(failed(&world, "UNREACHABLE").await.copied_size, 0);
    grown(&world, 3, 600..700).await;

    // It comes back, and what it has is not sent again.
    s3.up().await;
    copied(&world, 700).await;
    let folder = tempfile::tempdir().unwrap();
    s3.fetch(files(700), folder.path()).await;
    read(&key, folder.path(), &older, &world, &[0, 299, 300, 512, 699]);
    assert_eq!(written(&s3.kept("tile/0/000")), first, "a full tile was put twice");
    assert!(written(&s3.kept("tile/0/001")) > first);
    assert!(!s3.kept("tile/0/002.p/88").exists(), "600 was never published there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_copied_by_steps_and_goes_on_from_the_last_one_after_it_was_broken_off() {
    let Some(s3) = S3::start().await else { return };
    let mut world = world().await;
    for request in 0..8u8 {
        let first = u64::from(request) * 10_000;
        grown(&world, request, first..first + 10_000).await;
    }
    let kept = world.court.log.as_ref().unwrap().folder().to_path_buf();
    let late = Tile::of_tree(TileOf::Level(0), 292, 80_000).unwrap().path();
    let whole = fs::read(kept.join(&late)).unwrap();
    fs::write(kept.join(&late), &whole[1..]).unwrap();
    world.court.bucket = Some(s3.config());
    let world = world.restart_court().await;
    // The tile that is damaged here is put nowhere; what comes before it stands there, under a checkpoint of its own.
    let broken = failed(&world, "OWN_FAULT").await;
    assert_eq!(broken.copied_size, 70_000);
    assert!(!s3.kept(&late).exists());
    assert!(s3.get("checkpoint").await.text().starts_with("court-1/court\n70000\n"));
    let folder = tempfile::tempdir().unwrap();
    s3.fetch(["checkpoint".to_owned()].into_iter(), folder.path()).await;

    let first = written(&s3.kept("tile/0/200"));
    fs::write(kept.join(&late), &whole).unwrap();
    let world = world.restart_court().await;
    let key = copied(&world, 80_000).await.verifier_key;
    assert_eq!(written(&s3.kept("tile/0/200")), first, "a full tile was put twice");
    let older = folder.path().join("older");
    fs::rename(folder.path().join("checkpoint"), &older).unwrap();
    s3.fetch(files(80_000), folder.path()).await;
    read(&key, folder.path(), &older, &world, &[0, 69_999, 70_000, 75_000, 79_999]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_another_s_or_not_to_be_opened_is_refused_and_stays_as_it_is() {
    let Some(s3) = S3::start().await else { return };
    let mut world = world().await;
    grown(&world, 1, 0..3).await;
    fs::create_dir_all(s3.kept("")).unwrap();
    let checkpoint = s3.kept("checkpoint");
    let root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (text, code) in [
        (format!("court-2/other\n2\n{root}\n\n— court-2/other x\n"), "ANOTHER_LOG"),
        (format!("court-1/court\n2\n{root}\n\n— court-1/court x\n"), "ANOTHER_LOG"),
        (format!("court-1/court\n4\n{root}\n\n— court-1/court x\n"), "AHEAD"),
        ("<html>".to_owned(), "ANOTHER_LOG"),
    ] {
        fs::write(&checkpoint, &text).unwrap();
        world.court.bucket = Some(s3.config());
        world = world.restart_court().await;
        failed(&world, code).await;
        assert_eq!(fs::read_to_string(&checkpoint).unwrap(), text);
        assert!(!s3.kept("tile").exists(), "{code}");
    }
    fs::remove_file(&checkpoint).unwrap();
    let access = BucketAccess { secret: "another secret".into(), ..s3.config().access };
    for (config, code) in [
        (BucketConfig { access, ..s3.config() }, "REFUSED"),
        (BucketConfig { name: "no-such-bucket".into(), ..s3.config() }, "NO_BUCKET"),
    ] {
        world.court.bucket = Some(config);
        world = world.restart_court().await;
        failed(&world, code).await;
    }
    world.court.bucket = Some(s3.config());
    let world = world.restart_court().await;
    copied(&world, 3).await;
}
