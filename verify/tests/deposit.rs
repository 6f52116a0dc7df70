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
use comity_verify::bundle::{Bundle, Claim, Finding, Reader};
use comity_verify::deposit::{self, BatchSeal, Deposited, TAG_BATCH};
use comity_verify::merkle::{self, Frontier};
use comity_verify::seal::signing_bytes;
use comity_verify::tlog::{Checkpoint, Cosigned, NoteKey, Policy};
use comity_verify::witnessed::{Grown, SignedCheckpoint, WitnessedDeposit};
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

const WITNESSES: [u8; 3] = [81, 82, 83];

fn witness_key(seed: u8) -> NoteKey {
    NoteKey::witness(&format!("witness{seed}.example"), public(seed)).unwrap()
}

/// The bundle of the deposit with a checkpoint of 9 entries, signed by the log and cosigned by `by` a minute before `at(50)`.
fn witnessed(by: &[u8]) -> (World, Bundle) {
    let (world, mut bundle) = deposited(&notary());
    let Claim::Deposit(deposit) = bundle.claim else { panic!() };
    let entries: Vec<Entry> = (0..9).map(|number| deposit::entry(&content(number), &statement(number))).collect();
    let mut frontier = Frontier::new();
    let mut nodes = BTreeMap::new();
    for leaf in deposit::leaves(&entries) {
        nodes.extend(frontier.append(leaf).into_iter().map(|node| ((node.level, node.index), node.hash)));
    }
    let growth = merkle::consistency(7, 9, &|level, index| nodes.get(&(level, index)).copied()).unwrap();
    let head = frontier.head();
    let origin = deposit::origin(&chain(), &deposit.keeper);
    let text = Checkpoint::text(&origin, &head).unwrap();
    let log = NoteKey::log(&origin, public(80)).unwrap();
    let mut signatures =
        vec![Cosigned { key: log.to_string().into(), signature: signer(80).sign(text.as_bytes()).to_bytes().into() }];
    let time = UnixSeconds(at(50).unix_seconds().0 - 60);
    for seed in by {
        let message = Checkpoint::cosigned_message(&text, time);
        let signature = Checkpoint::cosignature(time, &signer(*seed).sign(message.as_bytes()).to_bytes());
        signatures.push(Cosigned { key: witness_key(*seed).to_string().into(), signature });
    }
    signatures.sort_by(|a, b| a.key.cmp(&b.key));
    let tree = Grown { size: head.size, root: head.root, growth };
    bundle.claim = Claim::Witnessed(WitnessedDeposit { deposit, witnessed: SignedCheckpoint { tree, signatures } });
    (world, bundle)
}

/// Two of the three witnesses, and the log if `log` names its key's seed.
fn policy(log: Option<u8>) -> Policy {
    let log = log.map(|seed| {
        let origin = deposit::origin(&chain(), &"court".parse().unwrap());
        format!("log {}\n", NoteKey::log(&origin, public(seed)).unwrap())
    });
    let witnesses = WITNESSES.map(|seed| format!("witness w{seed} {}\n", witness_key(seed))).concat();
    let text = format!("{}{witnesses}group two 2 w81 w82 w83\nquorum two\n", log.unwrap_or_default());
    Policy::parse(text.as_bytes()).unwrap()
}

/// A reader who believes the witnesses of a policy.
fn by(policy: &Policy) -> Reader<'_> {
    Reader { policy: Some(policy), ..Reader::default() }
}

#[test]
fn a_deposit_whose_log_enough_witnesses_saw_says_who_and_one_that_they_did_not_see_is_refused() {
    let (world, bundle) = witnessed(&[81, 83, 90]);
    let verdict = bundle.verify_for(&by(&policy(None)), &world.anchor, at(50)).unwrap();
    let seen: Vec<_> = verdict.seen.iter().map(|seen| (seen.by.name(), seen.size, seen.known)).collect();
    assert_eq!(seen, [("witness81.example", 9, true), ("witness83.example", 9, true), ("witness90.example", 9, false)]);
    let text = verdict.to_string();
    assert!(text.contains("Witness witness81.example saw the log with this entry, then of 9 entries"), "{text}");
    assert!(text.contains("the log of 9 entries grew from that of 7 [LOG_PROOF]"), "{text}");
    assert!(text.contains("nothing follows from them unless"), "{text}");

    // Nobody said whom to believe: the deposit holds, and nothing follows from the cosignatures.
    let verdict = bundle.verify(&world.anchor, at(50)).unwrap();
    assert!(verdict.seen.iter().all(|seen| !seen.known));
    assert!(!verdict.to_string().contains("Witness witness81.example saw"));

    let refused = |by: &[u8], policy: &Policy, seconds| {
        let (world, bundle) = witnessed(by);
        bundle.verify_for(&self::by(policy), &world.anchor, at(seconds)).err().map(|refusal| refusal.rule)
    };
    assert_eq!(refused(&[81, 90], &policy(None), 50), Some(Rule::LogWitnesses));
    assert_eq!(refused(&[81, 82], &policy(Some(80)), 50), None);
    assert_eq!(refused(&[81, 82], &policy(Some(79)), 50), Some(Rule::LogSignature));
    let (world, bundle) = deposited(&notary());
    let alone = bundle.verify_for(&by(&policy(None)), &world.anchor, at(50)).unwrap_err();
    assert_eq!(alone.rule, Rule::LogWitnesses);
    let nobody = Policy::parse(b"quorum none\n").unwrap();
    assert!(bundle.verify_for(&by(&nobody), &world.anchor, at(50)).is_ok());
}

#[test]
fn what_is_exchanged_in_a_witnessed_checkpoint_is_refused_by_its_rule() {
    type Change = fn(&mut WitnessedDeposit);
    let changes: [(Rule, Change); 7] = [
        (Rule::LogProof, |claim| claim.witnessed.tree.size = 8),
        (Rule::LogProof, |claim| claim.witnessed.tree.growth.clear()),
        (Rule::LogProof, |claim| claim.deposit.index = 3),
        (Rule::LogSignature, |claim| claim.witnessed.signatures.clear()),
        (Rule::LogSignature, |claim| claim.witnessed.signatures.reverse()),
        (Rule::LogSignature, |claim| claim.witnessed.signatures[1] = claim.witnessed.signatures[2].clone()),
        (Rule::LogFormat, |claim| claim.witnessed.signatures[1].key = b"witness81.example".to_vec()),
    ];
    for (number, (rule, change)) in changes.into_iter().enumerate() {
        let (world, mut bundle) = witnessed(&[81, 82]);
        let Claim::Witnessed(claim) = &mut bundle.claim else { panic!() };
        change(claim);
        assert_eq!(bundle.verify(&world.anchor, at(50)).unwrap_err().rule, rule, "change {number}");
    }
}

#[test]
fn any_changed_bit_of_a_witnessed_deposits_bundle_is_refused() {
    let (world, bundle) = witnessed(&[81, 82]);
    let bytes = bundle.encode();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1 << (position % 8);
        let judged = Bundle::decode(&changed).and_then(|bundle| bundle.verify(&world.anchor, at(50)));
        assert!(judged.is_err(), "byte {position}");
    }
}
