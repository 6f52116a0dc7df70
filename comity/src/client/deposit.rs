//! `comity deposit …`: files are hashed here; digests and statements are sent, places and bundles come back.
//! Refuses to send a file, and to judge a proof unless it is given an anchor: the gateway has, and `comity verify` does so again
//! offline.

use super::query::purpose;
use super::show::{hash, moment, proof_line};
use super::{ClientFile, reason, status};
use crate::cli::deposit::{
    DepositCaseArgs, DepositCommand, DepositFindArgs, DepositGetArgs, DepositKindArg, DepositLogArgs, DepositProveArgs,
    DepositPutArgs, DepositTransactionArgs,
};
use crate::failure::{Failure, OrFail};
use crate::{clock, files, verify, witness};
use comity_proto::v1;
use comity_proto::v1::deposits_client::DepositsClient;
use comity_verify::light::Anchor;
use comity_verify::tlog::{Checkpoint, NoteKey, Policy};
use comity_verify::{Refusal, Rule};
use sha2::{Digest as _, Sha256};
use sm3::Sm3;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};
use tonic::transport::Channel;

/// Largest answer that is taken.
const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// What helps where witnesses have not seen something.
const ASK_AGAIN: &str = "a checkpoint is cosigned some seconds after it is made: ask again; `comity deposit log` says which witness is silent";
/// How soon a proof that is not there yet is asked for again.
const AGAIN: Duration = Duration::from_millis(250);
/// A file is read in such pieces.
const PIECE: usize = 1 << 20;

/// Runs the command.
pub(crate) async fn run(command: DepositCommand) -> Result<(), Failure> {
    match command {
        DepositCommand::Put(args) => put(args).await,
        DepositCommand::Find(args) => find(args).await,
        DepositCommand::Transaction(args) => transaction(args).await,
        DepositCommand::Prove(args) => prove(args).await,
        DepositCommand::Get(args) => get(args).await,
        DepositCommand::Case(args) => case(args).await,
        DepositCommand::Erase(args) => erase(args).await,
        DepositCommand::Log(args) => log(args).await,
        DepositCommand::Renew(args) => super::renew::run(args).await,
    }
}

/// The gateway, and the institution that keeps the log.
pub(super) fn connect(path: &Path) -> Result<(DepositsClient<Channel>, String), Failure> {
    let file = ClientFile::read(path)?;
    let client = DepositsClient::new(file.connect()?)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    Ok((client, format!("members/{}", file.institution())))
}

/// What is sent of a file.
pub(crate) struct Hashed {
    pub(crate) sha256: [u8; 32],
    pub(crate) sm3: [u8; 32],
    pub(crate) size: u64,
}

/// Hashes a file piece by piece, whatever its size.
pub(crate) fn hashed(path: &Path) -> Result<Hashed, Failure> {
    let failed = || format!("{} cannot be read", path.display());
    let mut file = File::open(path).or_usage(failed)?;
    let (mut sha256, mut sm3, mut size, mut piece) = (Sha256::new(), Sm3::new(), 0u64, vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece).or_usage(failed)?;
        let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else { break };
        sha256.update(piece);
        sm3.update(piece);
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok(Hashed { sha256: sha256.finalize().into(), sm3: sm3.finalize().into(), size })
}

/// A digest as it stands, or that of a file.
fn digest(what: &str) -> Result<Vec<u8>, Failure> {
    let mut digest = [0; 32];
    if hex::decode_to_slice(what, &mut digest).is_ok() {
        return Ok(digest.to_vec());
    }
    Ok(hashed(Path::new(what))?.sha256.to_vec())
}

async fn put(args: DepositPutArgs) -> Result<(), Failure> {
    let (mut client, parent) = connect(&args.client.client)?;
    if args.follows.is_some() && args.files.len() > 1 {
        return Err(Failure::usage("--follows says what one file follows, and several were given"));
    }
    let follows = args.follows.as_deref().map(|entry| hex_of::<32>("--follows", entry)).transpose()?;
    let request_id = match &args.request_id {
        Some(text) => hex_of::<16>("--request-id", text)?,
        None => uuid::Uuid::new_v4().into_bytes().to_vec(),
    };
    let mut items = Vec::with_capacity(args.files.len());
    for path in &args.files {
        let file = hashed(path)?;
        items.push(v1::DepositItem {
            sha256: file.sha256.to_vec(),
            sm3: file.sm3.to_vec(),
            size_bytes: file.size,
            name: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            follows: follows.clone().unwrap_or_default(),
            ..Default::default()
        });
    }
    let shown = hex::encode(&request_id);
    let if_deposited = if args.again { v1::IfDeposited::DepositAgain } else { v1::IfDeposited::LeaveOut };
    let request = v1::BatchCreateDepositsRequest {
        parent: parent.clone(),
        request_id,
        circumstances: Some(v1::Circumstances {
            kind: kind(args.kind).into(),
            identified_by: args.identified_by,
            source: args.source,
            method: args.method,
            custody: args.custody,
            environment: args.environment,
            case_number: args.case,
        }),
        items,
        if_deposited: if_deposited.into(),
        seal: Vec::new(),
    };
    let made = client.batch_create_deposits(request).await.map_err(|error| {
        status(error, "the files were not deposited").help(format!("ask again with --request-id {shown}"))
    })?;
    let made = made.into_inner();
    let mut next = made.first_index;
    for (number, path) in (0u32..).zip(&args.files) {
        match made.existing.iter().find(|existing| existing.item == number) {
            Some(existing) => {
                println!("{}: was deposited before: {parent}/deposits/{}", path.display(), existing.index)
            }
            None => {
                println!("{}: {parent}/deposits/{next}", path.display());
                next = next.saturating_add(1);
            }
        }
    }
    if made.count == 0 {
        println!("Nothing was deposited: what was given had all been deposited before. --again deposits it once more.");
        return Ok(());
    }
    let before = if made.repeated_request { " before, by the same request" } else { "" };
    println!("{} deposited{before}, durable; the chain proves it with the next block.", made.count);
    Ok(())
}

async fn find(args: DepositFindArgs) -> Result<(), Failure> {
    let (mut client, parent) = connect(&args.client.client)?;
    let policy = args.policy.as_deref().map(witness::policy).transpose()?;
    let digests = args.what.iter().map(|what| digest(what)).collect::<Result<_, _>>()?;
    // First: what the witnesses have seen is no more than what is answered from.
    let witnessed = match &policy {
        Some(policy) => Some(judged(&about(&mut client, &parent).await?, policy)?.head().size),
        None => None,
    };
    let mut unseen = 0u64;
    let request = v1::LookupDepositsRequest { parent, digests };
    let found = client.lookup_deposits(request).await.map_err(|error| status(error, "nothing was looked up"))?;
    let found = found.into_inner();
    for (what, result) in args.what.iter().zip(&found.results) {
        if result.deposits.is_empty() {
            println!("{what}: not found as of {}", as_of(found.as_of.as_ref()));
        }
        for deposit in &result.deposits {
            let seen = witnessed.is_none_or(|size| deposit.index < size);
            unseen = unseen.saturating_add((!seen).into());
            let seen = if seen { "" } else { "; the policy's witnesses have not seen it" };
            match &deposit.proven_at {
                Some(time) => println!("{what}: {}, unchanged since {}{seen}", deposit.name, moment(Some(time))),
                None => println!("{what}: {}, durable; not proven yet{seen}", deposit.name),
            }
        }
    }
    if let Some(proof) = found.as_of.as_ref().and_then(|checkpoint| checkpoint.proof.as_ref()) {
        println!("{}", proof_line(proof));
    }
    if unseen > 0 {
        return Err(Failure::refused(
            "LOG_WITNESSES",
            format!("The policy's witnesses have not seen {unseen} of them"),
        )
        .help(ASK_AGAIN));
    }
    Ok(())
}

async fn transaction(args: DepositTransactionArgs) -> Result<(), Failure> {
    let (mut client, parent) = connect(&args.client.client)?;
    let transaction = hex_of::<32>("the transaction", &args.transaction)?;
    let mut request = v1::LookupTransactionRequest { parent, transaction, ..Default::default() };
    let (mut told, mut deposits) = (false, 0u64);
    loop {
        let page = client.lookup_transaction(request.clone()).await;
        let page = page.map_err(|error| status(error, "nothing was looked up"))?.into_inner();
        let Some(taken) = &page.taken_up else {
            println!("{}: took up no deposits, as of {}", args.transaction, as_of(page.as_of.as_ref()));
            return Ok(());
        };
        if !told {
            let last = taken.first_index.saturating_add(taken.count).saturating_sub(1);
            let time = taken.checkpoint.as_ref().and_then(|checkpoint| checkpoint.time.as_ref());
            println!("in block {} of {}: entries {} to {last}", taken.height, moment(time), taken.first_index);
            println!("checkpoint:\n\n{}", taken.note);
            told = true;
        }
        for deposit in &page.deposits {
            println!("{}", deposit.name);
            deposits = deposits.saturating_add(1);
        }
        if page.next_page_token.is_empty() {
            println!("{deposits} deposit(s) that you may read are among them");
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

async fn prove(args: DepositProveArgs) -> Result<(), Failure> {
    let (mut client, parent) = connect(&args.client.client)?;
    let digest = digest(&args.what)?;
    let index = match args.index {
        Some(index) => index,
        None => {
            let request = v1::LookupDepositsRequest { parent: parent.clone(), digests: vec![digest.clone()] };
            let found =
                client.lookup_deposits(request).await.map_err(|error| status(error, "nothing was looked up"))?;
            let found = found.into_inner();
            // The earliest says most.
            let earliest = found.results.first().and_then(|result| result.deposits.last());
            let earliest = earliest.ok_or_else(|| {
                Failure::refused("NOT_FOUND", format!("{} was not deposited here", args.what))
                    .help("`comity deposit find` says as of when")
            })?;
            earliest.index
        }
    };
    let request = v1::ProveDepositRequest {
        name: format!("{parent}/deposits/{index}"),
        digest,
        with_statement: args.with_statement,
        purpose: purpose(&args.purpose),
    };
    let judge = match &args.anchor {
        Some(path) => {
            Some((crate::anchor::read(path)?.anchor, args.policy.as_deref().map(witness::policy).transpose()?))
        }
        None => None,
    };
    let proven = proven(&mut client, request, Duration::from_secs(args.wait.into()), judge.as_ref()).await?;
    files::save(&args.out, &proven.bundle)?;
    println!("{parent}/deposits/{index}: {} bytes in {}", proven.bundle.len(), args.out.display());
    if let Some(proof) = &proven.proof {
        println!("{}", proof_line(proof));
    }
    Ok(())
}

/// The proof, which holds by the anchor and the policy that are given; a deposit of just now is waited for, until its block is
/// there and the policy's witnesses have seen it.
pub(super) async fn proven(
    client: &mut DepositsClient<Channel>,
    request: v1::ProveDepositRequest,
    wait: Duration,
    judge: Option<&(Anchor, Option<Policy>)>,
) -> Result<v1::ProveDepositResponse, Failure> {
    let until = Instant::now() + wait;
    loop {
        match client.prove_deposit(request.clone()).await {
            Ok(proven) => {
                let proven = proven.into_inner();
                let Some((anchor, policy)) = judge else { return Ok(proven) };
                match verify::check(&proven.bundle, anchor, policy.as_ref(), clock::now()) {
                    Ok(_) => return Ok(proven),
                    Err(refusal) if refusal.rule == Rule::LogWitnesses && Instant::now() < until => {
                        tokio::time::sleep(AGAIN).await;
                    }
                    Err(refusal) => {
                        let failure = verify::failure(&refusal);
                        let unseen = refusal.rule == Rule::LogWitnesses;
                        return Err(if unseen { failure.help(ASK_AGAIN) } else { failure });
                    }
                }
            }
            Err(error) if reason(&error).as_deref() == Some("DEPOSIT_PENDING") && Instant::now() < until => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(status(error, "there is no proof")),
        }
    }
}

async fn get(args: DepositGetArgs) -> Result<(), Failure> {
    let (mut client, parent) = connect(&args.client.client)?;
    let name = format!("{parent}/deposits/{}", args.index);
    let request = v1::GetDepositRequest { name, purpose: purpose(&args.purpose) };
    let deposit = client.get_deposit(request).await.map_err(|error| status(error, "the deposit was not read"))?;
    print(&deposit.into_inner());
    Ok(())
}

async fn case(args: DepositCaseArgs) -> Result<(), Failure> {
    let (mut client, parent) = connect(&args.client.client)?;
    let request = v1::ListCaseDepositsRequest { parent, case_number: args.number, purpose: purpose(&args.purpose) };
    let listed = client.list_case_deposits(request).await.map_err(|error| status(error, "nothing was listed"))?;
    let listed = listed.into_inner();
    for one in &listed.deposits {
        let mark = match one.succession() {
            v1::Succession::Begins => "begins",
            v1::Succession::Follows => "follows the one before",
            v1::Succession::Gap => "GAP: what it follows is not here",
            v1::Succession::Forks => "FORK: another follows the same one",
            v1::Succession::Unspecified => "",
        };
        println!("── {mark}");
        one.deposit.iter().for_each(print);
    }
    let more = if listed.truncated { ", the newest of more" } else { "" };
    println!("{} deposit(s){more}", listed.deposits.len());
    Ok(())
}

async fn erase(args: DepositGetArgs) -> Result<(), Failure> {
    let (mut client, parent) = connect(&args.client.client)?;
    let name = format!("{parent}/deposits/{}", args.index);
    let request = v1::EraseDepositRequest { name: name.clone(), purpose: purpose(&args.purpose) };
    client.erase_deposit(request).await.map_err(|error| status(error, "nothing was erased"))?;
    println!("{name} is erased: its entry stays in the log, and nobody can open it any more");
    Ok(())
}

async fn log(args: DepositLogArgs) -> Result<(), Failure> {
    let (mut client, parent) = connect(&args.client.client)?;
    let log = about(&mut client, &parent).await?;
    println!("{}: {} deposits", log.name, log.size);
    if let Some(checkpoint) = &log.checkpoint {
        println!(
            "on the chain: {} of {}, root {}",
            checkpoint.size,
            moment(checkpoint.time.as_ref()),
            hash(&checkpoint.root)
        );
        if let Some(proof) = &checkpoint.proof {
            println!("{}", proof_line(proof));
        }
    }
    for witness in &log.witnesses {
        let seen = match witness.cosigned_size {
            0 => "has cosigned nothing yet".to_owned(),
            size => format!("has cosigned {size} entries, at {}", moment(witness.cosigned_at.as_ref())),
        };
        let failure =
            if witness.failure.is_empty() { String::new() } else { format!("; last asked: {}", witness.failure) };
        println!("witness {} {seen}{failure}", witness.name);
    }
    if let Some(bucket) = &log.bucket {
        let has = match bucket.copied_size {
            0 => "nothing is known of it yet".to_owned(),
            size => format!("has {size} entries, since {}", moment(bucket.copied_at.as_ref())),
        };
        let failure =
            if bucket.failure.is_empty() { String::new() } else { format!("; last asked: {}", bucket.failure) };
        println!("bucket {} {has}{failure}", bucket.location);
    }
    if let Some(stamps) = &log.time_stamps {
        let stamped = match stamps.stamped_size {
            0 => "has stamped nothing yet".to_owned(),
            size => {
                format!("{} has stamped {size} entries, at {}", stamps.authority, moment(stamps.stamped_at.as_ref()))
            }
        };
        let failure =
            if stamps.failure.is_empty() { String::new() } else { format!("; last asked: {}", stamps.failure) };
        println!("authority for time at {}: {stamped}{failure}", stamps.url);
    }
    println!("key:  {}\n\n{}", log.verifier_key, log.note);
    match &args.policy {
        Some(path) => judged(&log, &witness::policy(path)?).map(drop),
        None => Ok(()),
    }
}

async fn about(client: &mut DepositsClient<Channel>, parent: &str) -> Result<v1::DepositLog, Failure> {
    let request = v1::GetDepositLogRequest { name: format!("{parent}/depositLog") };
    let log = client.get_deposit_log(request).await.map_err(|error| status(error, "the log was not shown"))?;
    Ok(log.into_inner())
}

/// Judges the log's checkpoint by a policy.
fn judged(log: &v1::DepositLog, policy: &Policy) -> Result<Checkpoint, Failure> {
    let refused = |refusal: Refusal| {
        Failure::refused(refusal.rule.code(), format!("The checkpoint is refused by the policy: {refusal}"))
            .help(ASK_AGAIN)
    };
    let key = NoteKey::parse(&log.verifier_key).map_err(refused)?;
    let trust = policy.trust(key.name(), vec![key.clone()]);
    let checkpoint = Checkpoint::verify(log.note.as_bytes(), &trust, clock::now().unix_seconds()).map_err(refused)?;
    println!("by the policy: {} entries, seen by", checkpoint.head().size);
    for witness in checkpoint.witnessed() {
        println!("  {} at {}", witness.name, witness.at);
    }
    Ok(checkpoint)
}

/// A checkpoint by which nothing was found.
fn as_of(checkpoint: Option<&v1::LogCheckpoint>) -> String {
    checkpoint.map_or_else(
        || "the log's beginning".to_owned(),
        |checkpoint| format!("checkpoint {} of {}", checkpoint.size, moment(checkpoint.time.as_ref())),
    )
}

fn print(deposit: &v1::Deposit) {
    println!("{}  entry {}", deposit.name, hash(&deposit.entry));
    let since = match &deposit.proven_at {
        Some(time) => format!("unchanged since {}", moment(Some(time))),
        None => "not proven yet".to_owned(),
    };
    println!("  {since}; received {} from {}", moment(deposit.received_at.as_ref()), deposit.depositor);
    if !deposit.transaction.is_empty() {
        println!("  taken up by transaction {}", hash(&deposit.transaction));
    }
    if let Some(item) = &deposit.item {
        println!("  {} ({} bytes)", item.name, item.size_bytes);
        println!("  SHA-256 {}\n  SM3     {}", hash(&item.sha256), hash(&item.sm3));
        if !item.follows.is_empty() {
            println!("  follows {}", hash(&item.follows));
        }
    }
    let Some(stated) = &deposit.circumstances else { return };
    println!("  as stated by its depositor, {}:", stated.kind().as_str_name());
    let parts = [
        ("identified by", &stated.identified_by),
        ("source", &stated.source),
        ("method", &stated.method),
        ("custody", &stated.custody),
        ("environment", &stated.environment),
        ("case", &stated.case_number),
    ];
    for (name, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
        println!("    {name}: {text}");
    }
}

fn hex_of<const N: usize>(what: &str, text: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| Failure::usage(format!("{what} is {} hex digits", N.saturating_mul(2))))?;
    Ok(bytes.to_vec())
}

const fn kind(kind: DepositKindArg) -> v1::DepositKind {
    match kind {
        DepositKindArg::ElectronicEvidence => v1::DepositKind::ElectronicEvidence,
        DepositKindArg::CaseFile => v1::DepositKind::CaseFile,
        DepositKindArg::Archive => v1::DepositKind::Archive,
        DepositKindArg::StatisticalReport => v1::DepositKind::StatisticalReport,
        DepositKindArg::EnforcementOperation => v1::DepositKind::EnforcementOperation,
        DepositKindArg::ServedDocument => v1::DepositKind::ServedDocument,
        DepositKindArg::ReceiptOfService => v1::DepositKind::ReceiptOfService,
        DepositKindArg::MediationData => v1::DepositKind::MediationData,
        DepositKindArg::TradingRecord => v1::DepositKind::TradingRecord,
    }
}
