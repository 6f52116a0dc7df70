//! Deposits: what a bundle of one proves, and that nothing of it can be exchanged.
#![allow(clippy::unwrap_used)]

#[path = "world/bundles.rs"]
mod bundles;
#[path = "../../deposits/tests/support/samples.rs"]
mod samples;
mod world;

use bundles::World;
use comity_model::deposit::{Content, DepositBatch, Entry, LogState};
use comity_model::member::{Member, MemberKind, Validity};
use comity_model::seal::{PublicKey, Signature};
use comity_model::state::StatePath;
use comity_model::{Hash, UnixSeconds, encode};
use comity_verify::Rule;
use comity_verify::bundle::{Bundle, Claim, Finding};
use comity_verify::deposit::{self, BatchSeal, Deposited, TAG_BATCH};
use comity_verify::merkle::{self, Frontier};
use comity_verify::seal::signing_bytes;
use ed25519_dalek::Signer;
use samples::{content, statement};
use std::collections::BTreeMap;
use world::{State, at, chain, public, signer};

const SEAL_SEED: u8 = 77;

fn notary() -> Member {
    Member {
        id: "notary".parse().unwrap(),
        home: chain(),
        kind: MemberKind::Court,
        names: vec!["A notary".into()],
        seal_key: PublicKey::ed25519(public(SEAL_SEED)),
        encryption_key: [1; 32],
        operators: Vec::new(),
        gateway: "127.0.0.1:1".into(),
        ca_fingerprint: Hash([1; 32]),
        validity: Validity { from: UnixSeconds(0), until: UnixSeconds(u64::MAX), compromised_since: None },
    }
}

/// A log of 7 entries, of which 2 to 5 came as one sealed batch; the bundle is of entry 4.
fn deposited(member: &Member) -> (World, Bundle) {
    let entries: Vec<Entry> = (0..7).map(|number| deposit::entry(&content(number), &statement(number))).collect();
    let leaves = deposit::leaves(&entries);
    assert_eq!(leaves, entries.iter().map(deposit::leaf).collect::<Vec<_>>());
    let (head, path) = tree(&leaves, 4);
    let (batch_head, batch_path) = tree(&leaves[2..6], 2);
    let batch = DepositBatch {
        chain: chain(),
        keeper: "court".parse().unwrap(),
        depositor: member.id.clone(),
        count: 4,
        root: batch_head.root,
    };
    let signature = Signature::ed25519(signer(SEAL_SEED).sign(&signing_bytes(TAG_BATCH, &batch)).to_bytes());
    assert_eq!(deposit::sealed(&batch, &leaves[2..6], member, &signature, comity_model::seal::Suites::NATIVE), Ok(()));
    assert!(deposit::sealed(&batch, &leaves[2..5], member, &signature, comity_model::seal::Suites::NATIVE).is_err());

    let log = LogState { size: 7, root: head.root, at: UnixSeconds(1_700_000_003) };
    let place = StatePath::Deposits("court".parse().unwrap());
    let depositor = StatePath::Member(member.id.clone());
    let values = [(place.clone(), encode(&log)), (depositor.clone(), encode(member)), (StatePath::Governors, vec![1])];
    let world = World { state: State::of_paths(&values), ..bundles::world() };
    let claim = Claim::Deposit(Deposited {
        keeper: "court".parse().unwrap(),
        log,
        index: 4,
        path,
        entry: entries[4],
        content: Some(content(4)),
        statement: Some(statement(4)),
        seal: Some(BatchSeal {
            batch,
            place: 2,
            path: batch_path,
            signature,
            member: member.clone(),
            client: None,
            proof: world.state.prove(&depositor),
        }),
    });
    let bundle = Bundle { claim, proof: world.state.prove(&place), ..bundles::live(&world) };
    (world, bundle)
}

fn tree(leaves: &[Hash], index: u64) -> (merkle::TreeHead, Vec<Hash>) {
    let mut frontier = Frontier::new();
    let mut nodes = BTreeMap::new();
    for leaf in leaves {
        nodes.extend(frontier.append(*leaf).into_iter().map(|node| ((node.level, node.index), node.hash)));
    }
    let path = merkle::inclusion(index, frontier.size(), &|level, index| nodes.get(&(level, index)).copied());
    (frontier.head(), path.unwrap())
}

#[test]
fn a_deposit_is_proven_with_its_digests_its_statement_and_its_seal() {
    let (world, bundle) = deposited(&notary());
    let verdict = bundle.verify(&world.anchor, at(50)).unwrap();
    assert!(matches!(&verdict.finding, Finding::Deposit(deposit) if deposit.index == 4));
    let text = verdict.to_string();
    for part in [
        "Entry 4 stood in the log of court since",
        &format!("of 4 bytes with SHA-256 {}", content(4).sha256),
        "is unchanged since",
        "notary deposited it, under its seal",
        "Nothing is asserted about the file before that",
        "[LOG_PROOF]",
        "[DEPOSIT_OPENING]",
        "[SEAL]",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("exhibit-4"), "nothing of the statement in the verdict");
}

#[test]
fn a_deposit_may_be_shown_without_what_is_stated_and_without_its_digests() {
    let (world, mut bundle) = deposited(&notary());
    let Claim::Deposit(deposit) = &mut bundle.claim else { panic!() };
    (deposit.content, deposit.statement, deposit.seal) = (None, None, None);
    let verdict = bundle.verify(&world.anchor, at(50)).unwrap();
    assert_eq!(verdict.proves.len(), 1);
}

#[test]
fn what_is_exchanged_in_a_deposit_is_refused_by_its_rule() {
    type Change = fn(&mut Deposited);
    let changes: [(Rule, Change); 11] = [
        (Rule::StateProof, |deposit| deposit.log.at = UnixSeconds(1_600_000_000)),
        (Rule::StateProof, |deposit| deposit.keeper = "bank".parse().unwrap()),
        (Rule::LogProof, |deposit| deposit.index = 3),
        (Rule::LogProof, |deposit| deposit.entry = deposit::entry(&content(3), &statement(3))),
        (Rule::DepositOpening, |deposit| deposit.entry.version = 2),
        (Rule::DepositOpening, |deposit| deposit.content = Some(Content { size: 1_001, ..content(4) })),
        (Rule::DepositOpening, |deposit| deposit.statement = Some(statement(3))),
        (Rule::DepositBatch, |deposit| deposit.seal.as_mut().unwrap().batch.keeper = "bank".parse().unwrap()),
        (Rule::DepositBatch, |deposit| deposit.seal.as_mut().unwrap().place = 1),
        (Rule::StateProof, |deposit| {
            deposit.seal.as_mut().unwrap().member.seal_key = PublicKey::ed25519(public(SEAL_SEED - 1));
        }),
        (Rule::Seal, |deposit| deposit.seal.as_mut().unwrap().signature = Signature::ed25519([1; 64])),
    ];
    for (number, (rule, change)) in changes.into_iter().enumerate() {
        let (world, mut bundle) = deposited(&notary());
        let Claim::Deposit(deposit) = &mut bundle.claim else { panic!() };
        change(deposit);
        assert_eq!(bundle.verify(&world.anchor, at(50)).unwrap_err().rule, rule, "change {number}");
    }
}

#[test]
fn a_seal_of_a_key_that_is_doubted_since_before_the_deposit_is_refused() {
    let doubted = Validity { compromised_since: Some(UnixSeconds(1_700_000_000)), ..notary().validity };
    let (world, bundle) = deposited(&Member { validity: doubted, ..notary() });
    assert_eq!(bundle.verify(&world.anchor, at(50)).unwrap_err().rule, Rule::Validity);
}

#[test]
fn any_changed_bit_of_a_deposits_bundle_is_refused() {
    let (world, bundle) = deposited(&notary());
    let bytes = bundle.encode();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1 << (position % 8);
        let judged = Bundle::decode(&changed).and_then(|bundle| bundle.verify(&world.anchor, at(50)));
        assert!(judged.is_err(), "byte {position}");
    }
}
