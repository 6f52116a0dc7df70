//! Deposits over the API of a real gateway with a real ledger: durable, found, proven, read, erased.

#[path = "../../../deposits/tests/support/readers.rs"]
pub(crate) mod readers;
#[path = "../../../deposits/tests/support/samples.rs"]
pub(crate) mod samples;

use crate::alliance::World;
use comity_gateway::DecidePolicy;
use comity_gateway::sectors::Sectors;
use comity_model::deposit::{Circumstances, Content, DepositBatch, Statement};
use comity_model::seal::Signature;
use comity_model::{Hash, Time, encode};
use comity_proto::v1;
use comity_proto::v1::deposits_client::DepositsClient;
use comity_store::RedbStore;
use comity_verify::bundle::{Bundle, Finding, Reader};
use comity_verify::deposit::{TAG_BATCH, leaves};
use comity_verify::merkle;
use comity_verify::seal::signing_bytes;
use comity_verify::tlog::{Checkpoint, NoteKey, Policy, Quorum, Tile, TileOf, Trust};
use comity_witness::{Witness, serve};
use ed25519_dalek::{Signer as _, SigningKey};
use readers::{by_crates, by_go, go_program};
use samples::digest;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

const COURT: &str = "members/court";

pub(crate) async fn world() -> World {
    World::keeping(Arc::new(Sectors::load(&[]).unwrap()), DecidePolicy::Automatic).await
}

pub(crate) fn court(world: &World, role: &str) -> DepositsClient<Channel> {
    DepositsClient::new(world.court.person(&world.court_gateway, role))
}

/// Somebody of the bank, at the court's gateway.
fn guest(world: &World, role: &str) -> DepositsClient<Channel> {
    DepositsClient::new(world.bank.guest(&world.court, &world.court_gateway, role))
}

fn item(number: u64) -> v1::DepositItem {
    let content = samples::content(number);
    v1::DepositItem {
        sha256: content.sha256.0.to_vec(),
        sm3: content.sm3.0.to_vec(),
        size_bytes: content.size,
        name: samples::item(number).name,
        ..Default::default()
    }
}

fn batch(request: u8, items: Vec<v1::DepositItem>) -> v1::BatchCreateDepositsRequest {
    v1::BatchCreateDepositsRequest {
        parent: COURT.into(),
        request_id: vec![request; 16],
        circumstances: Some(v1::Circumstances {
            kind: v1::DepositKind::ElectronicEvidence.into(),
            source: "a web page".into(),
            case_number: "(2026) 7".into(),
            ..Default::default()
        }),
        items,
        if_deposited: v1::IfDeposited::DepositAgain.into(),
        seal: Vec::new(),
    }
}

fn purpose() -> Option<v1::Purpose> {
    Some(v1::Purpose { case_number: "(2026) 7".into(), legal_basis: "art. 1".into(), purpose: "trial".into() })
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

pub(crate) async fn deposited(
    world: &World,
    request: u8,
    numbers: std::ops::Range<u64>,
) -> v1::BatchCreateDepositsResponse {
    let request = batch(request, numbers.map(item).collect());
    eventually(async || court(world, "clerk").batch_create_deposits(request.clone()).await).await.into_inner()
}

/// What a moment makes good: the comparison with the chain at the start, the next block.
pub(crate) async fn eventually<T>(mut call: impl AsyncFnMut() -> Result<T, Status>) -> T {
    for _ in 0..1_200 {
        match call().await {
            Ok(answer) => return answer,
            Err(status) if status.code() == Code::Unavailable => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(status) => panic!("{status:?}"),
        }
    }
    panic!("it did not come");
}

pub(crate) fn prove(index: u64, digest: Hash, with_statement: bool) -> v1::ProveDepositRequest {
    let purpose = if with_statement { purpose() } else { None };
    v1::ProveDepositRequest { name: name(index), digest: digest.0.to_vec(), with_statement, purpose }
}

fn name(index: u64) -> String {
    format!("{COURT}/deposits/{index}")
}

pub(crate) fn now() -> Time {
    comity_gateway::Clock::system().now()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_durable_found_by_either_digest_and_proven_to_anyone_with_the_anchor() {
    let world = world().await;
    let made = deposited(&world, 1, 0..300).await;
    assert_eq!((made.first_index, made.count, made.repeated_request), (0, 300, false));
    let mut reader = court(&world, "reader");
    let digests = [digest(2, 7), digest(3, 7), digest(2, 4_000)];
    let request = v1::LookupDepositsRequest {
        parent: COURT.into(),
        digests: digests.iter().map(|digest| digest.0.to_vec()).collect(),
    };
    let found = reader.lookup_deposits(request.clone()).await.unwrap().into_inner();
    let indexes: Vec<Vec<u64>> =
        found.results.iter().map(|result| result.deposits.iter().map(|found| found.index).collect()).collect();
    assert_eq!(indexes, [vec![7], vec![7], vec![]]);

    // By SM3, without the statement: for whoever has the file.
    let proven = eventually(async || court(&world, "reader").prove_deposit(prove(7, digest(3, 7), false)).await).await;
    let bundle = Bundle::decode(&proven.into_inner().bundle).unwrap();
    let verdict = bundle.verify(&world.court.anchor, now()).unwrap();
    let Finding::Deposit(deposit) = &verdict.finding else { panic!("a deposit") };
    assert_eq!((deposit.index, deposit.content.unwrap().sha256), (7, digest(2, 7)));
    assert!(deposit.statement.is_none());
    assert_eq!(deposit.seal.as_ref().unwrap().batch.depositor.as_str(), "court");

    let found = reader.lookup_deposits(request).await.unwrap().into_inner();
    assert!(found.results[0].deposits[0].proven_at.is_some());
    let as_of = found.as_of.unwrap();
    assert_eq!((as_of.size, as_of.root.as_slice()), (300, deposit.log.root.0.as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_file_or_may_not_read_learns_nothing_and_what_is_read_is_filed() {
    let world = world().await;
    deposited(&world, 1, 0..3).await;
    let status = court(&world, "reader").prove_deposit(prove(1, digest(2, 2), false)).await.unwrap_err();
    assert_eq!(reason(&status), "UNKNOWN_DEPOSIT");
    let status = court(&world, "reader").prove_deposit(prove(1, digest(2, 1), true)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    let read = v1::GetDepositRequest { name: name(1), purpose: None };
    let status = court(&world, "clerk").get_deposit(read.clone()).await.unwrap_err();
    assert_eq!(reason(&status), "PURPOSE_REQUIRED");
    // Another institution has its own deposits, and learns of no others.
    let read = v1::GetDepositRequest { purpose: purpose(), ..read };
    let status = guest(&world, "clerk").get_deposit(read.clone()).await.unwrap_err();
    assert_eq!(reason(&status), "UNKNOWN_DEPOSIT");

    let deposit = court(&world, "clerk").get_deposit(read).await.unwrap().into_inner();
    assert_eq!(deposit.item.unwrap().name, "exhibit-1.pdf");
    assert_eq!(deposit.circumstances.unwrap().source, "a web page");
    let filed = world.court_gateway.audit().entries().await.unwrap();
    let filed: Vec<_> = filed.into_iter().map(|entry| (entry.action, entry.resource)).collect();
    assert!(filed.contains(&("GetDeposit".into(), name(1))), "{filed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_once_and_a_file_is_left_out_only_where_that_is_asked() {
    let world = world().await;
    let first = deposited(&world, 1, 0..5).await;
    let again = deposited(&world, 1, 0..5).await;
    assert_eq!((again.first_index, again.count, again.repeated_request), (first.first_index, 5, true));
    let other = batch(1, vec![item(9)]);
    let status = court(&world, "clerk").batch_create_deposits(other).await.unwrap_err();
    assert_eq!(reason(&status), "REQUEST_CONFLICT");

    let twice = deposited(&world, 2, 0..2).await;
    assert_eq!((twice.first_index, twice.count), (5, 2));
    let leave_out = v1::BatchCreateDepositsRequest {
        if_deposited: v1::IfDeposited::LeaveOut.into(),
        ..batch(3, vec![item(4), item(20), item(1)])
    };
    let made = court(&world, "clerk").batch_create_deposits(leave_out).await.unwrap().into_inner();
    assert_eq!((made.first_index, made.count), (7, 1));
    let existing: Vec<_> = made.existing.iter().map(|existing| (existing.item, existing.index)).collect();
    assert_eq!(existing, [(0, 4), (2, 6)]);
    let unsaid = v1::BatchCreateDepositsRequest { if_deposited: 0, ..batch(4, vec![item(1)]) };
    let status = court(&world, "clerk").batch_create_deposits(unsaid).await.unwrap_err();
    assert_eq!(reason(&status), "INVALID_ARGUMENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_batches_is_taken_and_asking_again_goes_on_where_it_ended() {
    let world = world().await;
    deposited(&world, 0, 0..1).await;
    let batches = |requests: std::ops::Range<u8>| {
        requests.map(|request| batch(request, (0..50).map(|number| item(u64::from(request) * 50 + number)).collect()))
    };
    let stream = futures::stream::iter(batches(1..4).collect::<Vec<_>>());
    let told = court(&world, "registrar").stream_deposits(stream).await.unwrap().into_inner();
    assert_eq!((told.batches, told.deposits), (3, 150));
    let stream = futures::stream::iter(batches(1..6).collect::<Vec<_>>());
    let told = court(&world, "registrar").stream_deposits(stream).await.unwrap().into_inner();
    assert_eq!((told.batches, told.deposits), (5, 250));
    let about = v1::GetDepositLogRequest { name: format!("{COURT}/depositLog") };
    assert_eq!(court(&world, "reader").get_deposit_log(about).await.unwrap().into_inner().size, 251);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heads_of_the_log_are_listed_from_the_newest_page_by_page() {
    let world = world().await;
    let heads = async |size, token: &str| {
        let request =
            v1::ListDepositHeadsRequest { parent: COURT.into(), page_size: size, page_token: token.to_owned() };
        Ok::<_, Status>(court(&world, "operator").list_deposit_heads(request).await?.into_inner())
    };
    assert!(heads(0, "").await.unwrap().heads.is_empty());
    let mut sizes = Vec::new();
    for request in 1..=3u8 {
        deposited(&world, request, u64::from(request) * 10..u64::from(request) * 10 + 7).await;
        let size = 7 * u64::from(request);
        log(&world, |log| log.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.size == size)).await;
        sizes.insert(0, size);
    }
    let first = heads(2, "").await.unwrap();
    let shown = |page: &v1::ListDepositHeadsResponse| page.heads.iter().map(|head| head.size).collect::<Vec<_>>();
    assert_eq!(shown(&first), sizes[..2]);
    assert!(first.heads.iter().all(|head| head.time.is_some() && head.height > 0 && head.witnesses == 0), "{first:?}");
    let second = heads(2, &first.next_page_token).await.unwrap();
    assert_eq!((shown(&second), second.next_page_token.as_str()), (sizes[2..].to_vec(), ""));
    assert_eq!(reason(&heads(2, "seven").await.unwrap_err()), "INVALID_ARGUMENT");
    let other = v1::ListDepositHeadsRequest { parent: "members/bank".into(), ..Default::default() };
    assert_eq!(reason(&court(&world, "operator").list_deposit_heads(other).await.unwrap_err()), "UNKNOWN_MEMBER");
}

/// A batch of the bank's, under its seal.
fn sealed(world: &World, key: &SigningKey, request: u8) -> v1::BatchCreateDepositsRequest {
    let stated = Circumstances {
        depositor: "bank".parse().unwrap(),
        identified_by: String::new(),
        method: String::new(),
        custody: String::new(),
        case: "(2026) 7".into(),
        ..samples::circumstances()
    };
    let items: Vec<v1::DepositItem> = (40..43)
        .map(|number| v1::DepositItem { content_salt: vec![1; 16], statement_salt: vec![2; 16], ..item(number) })
        .collect();
    let entries = (40..43).map(|number| {
        let content = Content { salt: [1; 16], ..samples::content(number) };
        let statement = Statement { salt: [2; 16], circumstances: stated.clone(), ..samples::statement(number) };
        comity_verify::deposit::entry(&content, &statement)
    });
    let what = DepositBatch {
        chain: world.court.anchor.chain_id.clone(),
        keeper: "court".parse().unwrap(),
        depositor: "bank".parse().unwrap(),
        count: 3,
        root: merkle::root_of_hashes(&leaves(&entries.collect::<Vec<_>>())),
    };
    let signature = Signature::ed25519(key.sign(&signing_bytes(TAG_BATCH, &what)).to_bytes());
    v1::BatchCreateDepositsRequest { seal: encode(&signature), ..batch(request, items) }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_institution_deposits_under_its_own_seal_and_under_no_other() {
    let world = world().await;
    deposited(&world, 0, 0..1).await;
    let bare = guest(&world, "depositor").batch_create_deposits(batch(1, vec![item(1)])).await.unwrap_err();
    assert_eq!(reason(&bare), "INVALID_ARGUMENT");
    let forged = sealed(&world, &SigningKey::from_bytes(&[99; 32]), 1);
    let status = guest(&world, "depositor").batch_create_deposits(forged).await.unwrap_err();
    assert_eq!(reason(&status), "SEAL_REFUSED");
    // The seed of the bank's seal key.
    let request = sealed(&world, &SigningKey::from_bytes(&[20; 32]), 1);
    let mut changed = request.clone();
    changed.items[1].name = "another.pdf".into();
    let status = guest(&world, "depositor").batch_create_deposits(changed).await.unwrap_err();
    assert_eq!(reason(&status), "SEAL_REFUSED");
    let made = guest(&world, "depositor").batch_create_deposits(request).await.unwrap().into_inner();
    assert_eq!((made.first_index, made.count), (1, 3));

    let read = v1::GetDepositRequest { name: name(2), purpose: purpose() };
    assert_eq!(guest(&world, "clerk").get_deposit(read).await.unwrap().into_inner().depositor, "bank");
    let proven = eventually(async || guest(&world, "reader").prove_deposit(prove(2, digest(2, 41), false)).await).await;
    let bundle = Bundle::decode(&proven.into_inner().bundle).unwrap();
    let verdict = bundle.verify(&world.court.anchor, now()).unwrap();
    assert!(matches!(&verdict.finding, Finding::Deposit(deposit) if deposit.index == 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deposits_of_a_case_are_listed_as_a_chain_with_its_gaps() {
    let world = world().await;
    deposited(&world, 1, 0..1).await;
    let entry_of = async |index: u64| {
        let read = v1::GetDepositRequest { name: name(index), purpose: purpose() };
        court(&world, "clerk").get_deposit(read).await.unwrap().into_inner().entry
    };
    let first = entry_of(0).await;
    let following = |number, follows| v1::DepositItem { follows, ..item(number) };
    let items = vec![following(1, first), following(2, vec![8; 32])];
    court(&world, "officer").batch_create_deposits(batch(2, items)).await.unwrap();
    let request =
        v1::ListCaseDepositsRequest { parent: COURT.into(), case_number: "(2026) 7".into(), purpose: purpose() };
    let listed = court(&world, "officer").list_case_deposits(request).await.unwrap().into_inner();
    let found: Vec<_> =
        listed.deposits.iter().map(|one| (one.deposit.as_ref().unwrap().index, one.succession())).collect();
    assert_eq!(found, [(0, v1::Succession::Begins), (1, v1::Succession::Follows), (2, v1::Succession::Gap)]);
    assert!(!listed.truncated);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_deposit_is_found_by_nobody_and_the_log_goes_on() {
    let world = world().await;
    deposited(&world, 1, 0..3).await;
    let erase = v1::EraseDepositRequest { name: name(1), purpose: purpose() };
    let status = court(&world, "clerk").erase_deposit(erase.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    court(&world, "officer").erase_deposit(erase.clone()).await.unwrap();
    let status = court(&world, "officer").erase_deposit(erase).await.unwrap_err();
    assert_eq!(reason(&status), "UNKNOWN_DEPOSIT");
    let request = v1::LookupDepositsRequest { parent: COURT.into(), digests: vec![digest(2, 1).0.to_vec()] };
    let found = court(&world, "reader").lookup_deposits(request).await.unwrap().into_inner();
    assert!(found.results[0].deposits.is_empty());
    eventually(async || court(&world, "reader").prove_deposit(prove(2, digest(2, 2), false)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_reader_of_such_logs_can_follow_the_log_and_a_restart_goes_on_with_it() {
    let world = world().await;
    deposited(&world, 1, 0..700).await;
    eventually(async || court(&world, "reader").prove_deposit(prove(699, digest(2, 699), false)).await).await;
    let world = world.restart_court().await;
    let about = v1::GetDepositLogRequest { name: format!("{COURT}/depositLog") };
    let about = eventually(async || {
        let about = court(&world, "reader").get_deposit_log(about.clone()).await?.into_inner();
        if about.note.is_empty() { Err(Status::unavailable("not yet")) } else { Ok(about) }
    })
    .await;
    let log = vec![NoteKey::parse(&about.verifier_key).unwrap()];
    let trust = Trust { origin: "court-1/court".into(), log, witnesses: Vec::new(), quorum: Quorum::none() };
    let checkpoint = Checkpoint::verify(about.note.as_bytes(), &trust, now().unix_seconds()).unwrap();
    assert_eq!(checkpoint.head().size, 700);

    // From the files alone: the leaves' tiles are the tree.
    let folder = world.court.log.as_ref().unwrap().folder().to_path_buf();
    assert_eq!(std::fs::read(folder.join("checkpoint")).unwrap(), about.note.as_bytes());
    let mut hashes = Vec::new();
    for index in 0..3 {
        let tile = Tile::of_tree(TileOf::Level(0), index, 700).unwrap();
        hashes.extend(tile.hashes(&std::fs::read(folder.join(tile.path())).unwrap()).unwrap());
    }
    assert_eq!(merkle::root_of_hashes(&hashes), checkpoint.head().root);
    let older = folder.join("older");
    std::fs::copy(folder.join("checkpoint"), &older).unwrap();
    let made = deposited(&world, 2, 700..710).await;
    assert_eq!(made.first_index, 700);
    eventually(async || court(&world, "reader").prove_deposit(prove(709, digest(2, 709), false)).await).await;

    // Readers that others wrote know no chain: they have the key, and see that the log has grown.
    let read = by_crates(&about.verifier_key, &folder, &older, &[0, 699, 709]).unwrap();
    assert_eq!((read.size, read.entries.len()), (710, 3));
    let built = tempfile::tempdir().unwrap();
    if let Some(go) = go_program(built.path()) {
        assert_eq!(by_go(&go, &about.verifier_key, &folder, &older, &[0, 699, 709]), Ok(read));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_the_chains_takes_no_deposits_and_says_why() {
    let mut world = world().await;
    deposited(&world, 1, 0..3).await;
    eventually(async || court(&world, "reader").prove_deposit(prove(2, digest(2, 2), false)).await).await;
    world.court.exchange_log();
    let world = world.restart_court().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let status = court(&world, "clerk").batch_create_deposits(batch(2, vec![item(9)])).await.unwrap_err();
    assert_eq!(reason(&status), "LOG_NOT_READY");
}

/// A witness of the court's log, whose state is in the world's folder.
#[tokio::test(flavor = "multi_thread")]
async fn who_names_the_transaction_gets_its_checkpoint_its_entries_and_his_own_deposits_among_them() {
    let world = world().await;
    deposited(&world, 1, 0..5).await;
    eventually(async || court(&world, "reader").prove_deposit(prove(4, digest(2, 4), false)).await).await;
    deposited(&world, 2, 5..9).await;
    eventually(async || court(&world, "reader").prove_deposit(prove(8, digest(2, 8), false)).await).await;
    let get = v1::GetDepositRequest { name: name(6), purpose: purpose() };
    let taken_by = |deposit: v1::Deposit| deposit.transaction;
    let transaction = taken_by(court(&world, "clerk").get_deposit(get.clone()).await.unwrap().into_inner());
    assert_eq!(transaction.len(), 32);
    let get = v1::GetDepositRequest { name: name(4), purpose: purpose() };
    let earlier = taken_by(court(&world, "clerk").get_deposit(get).await.unwrap().into_inner());
    assert_ne!(earlier, transaction);

    // Erased: not among them, though its entry is.
    let erase = v1::EraseDepositRequest { name: name(7), purpose: purpose() };
    court(&world, "officer").erase_deposit(erase).await.unwrap();
    let request =
        v1::LookupTransactionRequest { parent: COURT.into(), transaction, page_size: 2, ..Default::default() };
    let world = world.restart_court().await;
    let look = async |request: &v1::LookupTransactionRequest| {
        let asked = async || court(&world, "reader").lookup_transaction(request.clone()).await;
        eventually(asked).await.into_inner()
    };
    let mut pages = vec![look(&request).await];
    let token = pages[0].next_page_token.clone();
    pages.push(look(&v1::LookupTransactionRequest { page_token: token, ..request.clone() }).await);
    let indexes =
        |page: &v1::LookupTransactionResponse| page.deposits.iter().map(|found| found.index).collect::<Vec<_>>();
    assert_eq!((indexes(&pages[0]), indexes(&pages[1])), (vec![5, 6], vec![8]));
    assert_eq!(pages[1].next_page_token, "");
    let taken = pages[0].taken_up.clone().unwrap();
    assert_eq!((taken.first_index, taken.count), (5, 4));
    let checkpoint = taken.checkpoint.unwrap();
    assert_eq!((checkpoint.size, checkpoint.time), (9, pages[0].deposits[0].proven_at));
    let key = NoteKey::parse(&log(&world, |log| !log.note.is_empty()).await.verifier_key).unwrap();
    let trust = Trust { origin: "court-1/court".into(), log: vec![key], witnesses: Vec::new(), quorum: Quorum::none() };
    let judged = Checkpoint::verify(taken.note.as_bytes(), &trust, now().unix_seconds()).unwrap();
    assert_eq!((judged.head().size, judged.head().root.0.to_vec()), (9, checkpoint.root));

    // Somebody of the bank learns the range, which the checkpoints show to everybody, and no deposit that is not the bank's.
    let seen = guest(&world, "reader").lookup_transaction(request.clone()).await.unwrap().into_inner();
    assert_eq!((indexes(&seen), seen.taken_up.unwrap().count), (vec![], 4));
    let unknown = v1::LookupTransactionRequest { transaction: vec![9; 32], ..request.clone() };
    let nothing = look(&unknown).await;
    assert!(nothing.taken_up.is_none() && nothing.as_of.unwrap().size == 9);
    for bad in [
        v1::LookupTransactionRequest { transaction: vec![9; 31], ..request.clone() },
        v1::LookupTransactionRequest { page_token: "9".into(), ..request.clone() },
        v1::LookupTransactionRequest { page_token: "x".into(), ..request },
    ] {
        let refused = court(&world, "reader").lookup_transaction(bad).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_ARGUMENT");
    }
}

async fn witness(world: &World, name: &str, log: &NoteKey, listen: &str) -> (comity_witness::Running, NoteKey) {
    let store = RedbStore::open(&world.court.folder.path().join(name)).unwrap();
    let seed = [u8::try_from(name.len()).unwrap(); 32];
    let now = || now().unix_seconds();
    let witness = Arc::new(Witness::new(name, &seed, vec![log.clone()], Arc::new(store), now).unwrap());
    let key = witness.key().clone();
    (serve(listen.parse().unwrap(), witness).await.unwrap(), key)
}

pub(crate) async fn log(world: &World, is: impl Fn(&v1::DepositLog) -> bool) -> v1::DepositLog {
    let about = v1::GetDepositLogRequest { name: format!("{COURT}/depositLog") };
    eventually(async || {
        let log = court(world, "reader").get_deposit_log(about.clone()).await?.into_inner();
        if is(&log) { Ok(log) } else { Err(Status::unavailable("not yet")) }
    })
    .await
}

/// A reader who believes the witnesses of a policy.
fn by(policy: &Policy) -> Reader<'_> {
    Reader { policy: Some(policy), ..Reader::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn witnesses_cosign_the_log_and_one_that_is_down_is_shown_and_costs_nothing_but_its_cosignature() {
    let mut world = world().await;
    deposited(&world, 1, 0..3).await;
    let key = NoteKey::parse(&log(&world, |log| !log.note.is_empty()).await.verifier_key).unwrap();
    let (one, one_key) = witness(&world, "w.one", &key, "127.0.0.1:0").await;
    let (two, two_key) = witness(&world, "witness.two", &key, "127.0.0.1:0").await;
    let address = crate::support::free_address();
    let (three, three_key) = witness(&world, "another.three", &key, &address).await;
    three.stop().await;
    let text = format!(
        "witness one {one_key} http://{}\nwitness two {two_key} http://{}/\nwitness three {three_key} http://{address}\n\
         group two-of-three 2 one two three\nquorum two-of-three\n",
        one.address(),
        two.address()
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    world.court.policy = Some(policy.clone());
    let world = world.restart_court().await;
    deposited(&world, 2, 3..6).await;

    let failed = |log: &v1::DepositLog| log.witnesses.len() == 3 && log.witnesses[2].failure == "UNREACHABLE";
    let seen = log(&world, |log| failed(log) && log.witnesses[..2].iter().all(|one| one.cosigned_size == 6)).await;
    assert_eq!((seen.witnesses[2].cosigned_size, seen.witnesses[0].failure.as_str()), (0, ""));
    let trust = policy.trust("court-1/court", vec![key.clone()]);
    let checkpoint = Checkpoint::verify(seen.note.as_bytes(), &trust, now().unix_seconds()).unwrap();
    assert_eq!((checkpoint.head().size, checkpoint.witnessed().len()), (6, 2));
    let folder = world.court.log.as_ref().unwrap().folder().to_path_buf();
    assert_eq!(std::fs::read(folder.join("checkpoint")).unwrap(), seen.note.as_bytes());

    // Also what was deposited before there were witnesses has been seen by them since.
    for (index, sha256) in [(1, digest(2, 1)), (5, digest(2, 5))] {
        let proven = court(&world, "reader").prove_deposit(prove(index, sha256, false)).await.unwrap().into_inner();
        let bundle = Bundle::decode(&proven.bundle).unwrap();
        let verdict = bundle.verify_for(&by(&policy), &world.court.anchor, now()).unwrap();
        assert_eq!(verdict.seen.iter().filter(|seen| seen.known && seen.size == 6).count(), 2);
        let stricter = text.replace("group two-of-three 2", "group two-of-three 3");
        let stricter = Policy::parse(stricter.as_bytes()).unwrap();
        let refusal = bundle.verify_for(&by(&stricter), &world.court.anchor, now()).unwrap_err();
        assert_eq!(refusal.code(), "LOG_WITNESSES");
    }

    // It comes back, and knows nothing of the log: what it is told from nothing on it cosigns.
    let (three, _) = witness(&world, "another.three", &key, &address).await;
    let seen = log(&world, |log| log.witnesses[2].cosigned_size == 6).await;
    assert_eq!(seen.witnesses[2].failure, "");
    // After a restart nobody is asked again about what it has signed.
    let world = world.restart_court().await;
    let seen = log(&world, |log| log.witnesses.iter().all(|witness| witness.cosigned_size == 6)).await;
    assert_eq!(Checkpoint::verify(seen.note.as_bytes(), &trust, now().unix_seconds()).unwrap().witnessed().len(), 3);
    deposited(&world, 3, 6..7).await;
    log(&world, |log| log.witnesses.iter().all(|witness| witness.cosigned_size == 7)).await;
    for witness in [one, two, three] {
        witness.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_has_seen_another_log_under_the_same_key_does_not_cosign_and_it_is_said_which() {
    let mut world = world().await;
    deposited(&world, 1, 0..3).await;
    let key = NoteKey::parse(&log(&world, |log| !log.note.is_empty()).await.verifier_key).unwrap();
    let (one, one_key) = witness(&world, "w.one", &key, "127.0.0.1:0").await;
    // Told by somebody who has the log's key of a longer log.
    let state = comity_verify::merkle::TreeHead { size: 9_000, root: Hash([1; 32]) };
    one.stop().await;
    let store = RedbStore::open(&world.court.folder.path().join("w.one")).unwrap();
    let table = comity_store::Table("witnessed");
    let batch = comity_store::Batch::new().put(table, "court-1/court", encode(&state));
    comity_store::Store::commit(&store, batch).await.unwrap();
    drop(store);
    let (one, _) = witness(&world, "w.one", &key, "127.0.0.1:0").await;
    let text = format!("witness one {one_key} http://{}\nquorum one\n", one.address());
    world.court.policy = Some(Policy::parse(text.as_bytes()).unwrap());
    let world = world.restart_court().await;
    let seen = log(&world, |log| log.witnesses.first().is_some_and(|one| !one.failure.is_empty())).await;
    assert_eq!((seen.witnesses[0].failure.as_str(), seen.witnesses[0].cosigned_size), ("AHEAD", 0));
    // The log goes on.
    deposited(&world, 2, 3..4).await;
    eventually(async || court(&world, "reader").prove_deposit(prove(3, digest(2, 3), false)).await).await;
    one.stop().await;
}
