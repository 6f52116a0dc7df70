//! The fuzz targets as ordinary tests: each runs over its kept corpus and over seeded changes of it. `COMITY_WRITE_CORPUS=1`
//! writes the corpus anew, which is needed when a format changes.
#![allow(clippy::unwrap_used)]

// Public there, where the fuzzer sees it.
#[allow(unreachable_pub)]
#[path = "../fuzz/src/lib.rs"]
mod targets;
mod world;

use comity_model::agreement::{
    AgreementEntry, AgreementState, Instalment, Opens, Party, PartyRole, PaymentProof, PaymentsAt, Standing, Terms,
};
use comity_model::consent::{Consent, SignedConsent};
use comity_model::packet::Packet;
use comity_model::record::{Field, FieldValue, Opening, RecordState, RecordStatus};
use comity_model::seal::{HashAlgorithm, Signature};
use comity_model::state::StatePath;
use comity_model::{Amount, Hash, Height, UnixSeconds, encode};
use comity_verify::bundle::{Bundle, Claim, Link};
use comity_verify::fields::{Disclosure, disclose};
use comity_verify::light::{Contradiction, LightStep, trim};
use comity_verify::merkle::{Frontier, TreeHead, consistency, leaf_hash};
use ed25519_dalek::Signer;
use std::collections::BTreeMap;
use std::path::PathBuf;
use world::{State, block, header, pin, set, signer};

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The corpus: target, file, bytes.
fn corpus() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let four = set(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    let paths = [StatePath::Governors, StatePath::Headers, StatePath::Member("court".parse().unwrap())];
    let values: Vec<_> = paths.iter().map(|path| (path.clone(), vec![7; 5])).collect();
    let state = State::of_paths(&values);
    let at = |height, app| block(header(height, &four, &four, app), &four, &[1, 2, 3, 4]);
    let pinned = at(3, Hash([1; 32]));
    let step = |height, app| trim(&pin(&pinned), &LightStep { trusted_next: None, block: at(height, app) });
    let of_value = Bundle {
        anchor: pinned.header.clone(),
        link: Link::Forward { steps: vec![step(9, state.root)] },
        claim: Claim::Value { path: StatePath::Governors.bytes(), value: vec![7; 5] },
        proof: state.prove(&StatePath::Governors),
    };
    let sector: comity_model::Sector = "judgments".parse().unwrap();
    let missing = StatePath::Record(sector.clone(), "B-1".parse().unwrap());
    let absence = Bundle {
        claim: Claim::Absence { sector, id: "B-1".parse().unwrap() },
        proof: state.prove(&missing),
        ..of_value.clone()
    };
    let jmt = |path: &StatePath| [&[0], &state.prove(path)[..]].concat();
    let opening = |name: &str| Opening {
        salt: [3; 16],
        field: Field { name: name.parse().unwrap(), value: FieldValue::Texts(vec!["a".into(), "b".into()]) },
    };
    let openings = [opening("case"), opening("court"), opening("debtor")];
    let opened = |algorithm| encode(&disclose(algorithm, &openings, &["court".parse().unwrap()]).unwrap());
    let vote = signer(1).sign(b"vote").to_bytes();
    let key = world::public(1);
    let (frontier, log) = log();
    vec![
        ("bundle", "value", of_value.encode()),
        ("bundle", "absence", absence.encode()),
        ("light", "skip", encode(&vec![step(9, Hash([2; 32]))])),
        ("light", "fork", encode(&vec![step(9, Hash([2; 32])), step(9, Hash([3; 32]))])),
        ("proof", "existence", jmt(&StatePath::Governors)),
        ("proof", "absence", jmt(&missing)),
        ("disclosure", "sha256", opened(HashAlgorithm::Sha256)),
        ("disclosure", "sm3", opened(HashAlgorithm::Sm3)),
        ("order", "transaction", transaction()),
        ("suite", "ed25519", [&[0], &key[..], &vote, b"vote"].concat()),
        ("suite", "p256", [&[1, 2][..], &[0x6b; 32], &[1; 64], b"vote"].concat()),
        ("suite", "sm2", [&[3, 3][..], &[0x09; 32], &[1; 64], b"vote"].concat()),
        ("consensus", "vote", [&key[..], &vote, b"vote"].concat()),
        ("vrf", "key", [&key[..], &[1; 80], b"input"].concat()),
        ("merkle", "frontier", encode(&frontier)),
        ("merkle", "consistency", log),
        ("evidence", "fork", evidence(step(9, Hash([2; 32])), step(9, Hash([3; 32])))),
        ("agreement", "payment", encode(&(agreement(), 0u16, payment(state.prove(&missing))))),
        ("consent", "signed", consent()),
        ("lookup", "absence", encode(&(None::<Vec<u8>>, state.prove(&missing), None::<Disclosure>))),
        (
            "lookup",
            "key",
            encode(&(
                Some(vec![1u8; 80]),
                state.prove(&StatePath::Governors),
                Some(disclose(HashAlgorithm::Sha256, &openings, &["court".parse().unwrap()]).unwrap()),
            )),
        ),
        ("tlog", "proof", tlog_proof()),
        ("tlog", "tile", b"tile/0/x001/x234/067.p/7".to_vec()),
        ("timestamp", "p256", include_bytes!("tsa/p256.tst").to_vec()),
        ("timestamp", "rsa", include_bytes!("tsa/rsa.tst").to_vec()),
        ("timestamp", "authority", include_bytes!("tsa/p256.pem").to_vec()),
        ("packet", "answered", encode(&(packet(), vec![b"ok".to_vec()], state.prove(&StatePath::Governors)))),
    ]
}

/// A proof of a transparency log; nobody signed its checkpoint.
fn tlog_proof() -> Vec<u8> {
    let head = comity_verify::merkle::TreeHead { size: 2, root: Hash([7; 32]) };
    let text = comity_verify::tlog::Checkpoint::text("log.example", &head).unwrap();
    let checkpoint = format!("{text}\n\u{2014} log.example AAAAAAAAAAAA\n").into_bytes();
    let path = vec![Hash([1; 32])];
    comity_verify::tlog::TlogProof { extra: Some(b"more".to_vec()), index: 1, path, checkpoint }.encode()
}

fn evidence(first: LightStep, second: LightStep) -> Vec<u8> {
    let at = second.block.header.time;
    let state = |step: &LightStep| pin(&step.block).consensus_state().clone();
    let divergence = comity_verify::light::Divergence {
        chain_id: world::chain(),
        kind: comity_verify::light::DivergenceKind::Lunatic,
        first: state(&first),
        second: state(&second),
    };
    Contradiction::proven(0, at, &divergence, first, second).encode(&world::chain())
}

fn agreement() -> AgreementEntry {
    let (account, text) = (comity_model::AssetHandle([3; 32]), Hash([4; 32]));
    AgreementEntry {
        id: comity_model::AgreementId([1; 16]),
        court: "court".parse().unwrap(),
        terms: Terms {
            text,
            parties: vec![Party { role: PartyRole::Debtor, commitment: text }],
            instalments: vec![Instalment { amount: Amount::cny(5), due_at: UnixSeconds(1_700_000_000) }],
            payments: PaymentsAt {
                client: "client-finance-1".parse().unwrap(),
                sector: "deposits".parse().unwrap(),
                account,
            },
            rule: "default".parse().unwrap(),
            rule_digest: text,
            opens: Opens::Trial,
            opens_confirmed: Opens::Enforcement,
            hold_s: 60,
        },
        concluded_at: UnixSeconds(1_600_000_000),
        confirmation: None,
        instalments: vec![Standing { due: false, paid: None }],
        state: AgreementState::Stopped,
        default: None,
        stop: None,
        filing: None,
    }
}

fn payment(proof: Vec<u8>) -> PaymentProof {
    let record = RecordState {
        schema: Hash([1; 32]),
        root: Hash([2; 32]),
        status: RecordStatus::Current,
        version: 1,
        updated_at: UnixSeconds(1_700_000_000),
    };
    PaymentProof { record, disclosure: vec![1, 2], proof, height: Height(9) }
}

fn consent() -> Vec<u8> {
    let consent = Consent {
        keeper: "justice".parse().unwrap(),
        sector: "lawyers".parse().unwrap(),
        record: "1".parse().unwrap(),
        reader: "court".parse().unwrap(),
        purpose: "appointment".into(),
        from: UnixSeconds(1_000),
        until: UnixSeconds(2_000),
    };
    let bytes = comity_verify::seal::signing_bytes(comity_verify::consent::TAG, &consent);
    let signature = Signature::ed25519(signer(1).sign(&bytes).to_bytes());
    encode(&(SignedConsent { consent, signature }, world::public(1)))
}

fn packet() -> Packet {
    Packet {
        sequence: 1,
        source_client: "bank-client".parse().unwrap(),
        dest_client: "court-client".parse().unwrap(),
        timeout: UnixSeconds(1_700_000_005),
        payloads: vec![comity_model::packet::Payload::canonical("orders", vec![1, 2, 3])],
    }
}

fn transaction() -> Vec<u8> {
    use comity_model::tx::{Message, Transaction, TxBody};
    let message = Message::UpdateClient { client: "client-bank-1".parse().unwrap(), steps: vec![vec![1, 2, 3]] };
    let body = TxBody { chain: world::chain(), sender: world::public(1), salt: [4; 8], messages: vec![message] };
    encode(&Transaction { body, signature: [5; 64] })
}

fn log() -> (Frontier, Vec<u8>) {
    let (mut frontier, mut nodes, mut old) = (Frontier::new(), BTreeMap::new(), None);
    for leaf in 0..11u8 {
        for node in frontier.append(leaf_hash(&[leaf])) {
            nodes.insert((node.level, node.index), node.hash);
        }
        if leaf == 5 {
            old = Some(frontier.head());
        }
    }
    let proof = consistency(6, 11, &|level, index| nodes.get(&(level, index)).copied()).unwrap();
    let old: TreeHead = old.unwrap();
    let bytes = encode(&(old, frontier.head(), 0u64, proof));
    (frontier, bytes)
}

#[test]
fn the_kept_corpus_is_of_the_formats_as_they_are() {
    let write = std::env::var_os("COMITY_WRITE_CORPUS").is_some();
    for (target, name, bytes) in corpus() {
        assert!(bytes.len() < 8 << 10, "{target}/{name} is kept small");
        let path = folder(target).join(name);
        if write {
            std::fs::create_dir_all(folder(target)).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{} (COMITY_WRITE_CORPUS=1 writes it anew)", path.display());
    }
}

/// One of many changes to some bytes.
fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut impl FnMut(usize) -> usize) {
    let at = random(bytes.len() + 1);
    let end = (at + 1 + random(8)).min(bytes.len());
    match random(7) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at.min(end)..end)),
        2 => bytes.splice(at..at, [0; 4]).for_each(drop),
        3 => bytes.extend_from_slice(&other[..random(other.len() + 1)]),
        4 => bytes.splice(at.min(end)..end, [0xff; 8]).for_each(drop),
        5 => {
            let from = random(other.len() + 1);
            let tail = other[from..].to_vec();
            bytes.truncate(at);
            bytes.extend_from_slice(&tail);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random(8);
            }
        }
    }
}

#[test]
fn no_target_panics_on_its_corpus_or_on_changes_of_it() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(bound.max(1)).unwrap()).unwrap()
    };
    let mut runs = 0;
    for (name, target) in targets::TARGETS {
        let files: Vec<Vec<u8>> = std::fs::read_dir(folder(name))
            .unwrap_or_else(|error| panic!("{name} has no corpus: {error}"))
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert!(!files.is_empty(), "{name}");
        target(&[]);
        for file in &files {
            target(file);
            for _ in 0..400 {
                let mut bytes = file.clone();
                for _ in 0..=random(3) {
                    let other = &files[random(files.len())];
                    change(&mut bytes, other, &mut random);
                }
                target(&bytes);
                runs += 1;
            }
        }
    }
    println!("fuzz targets: {} targets, {runs} changed inputs", targets::TARGETS.len());
}

#[test]
fn every_target_has_a_file_of_its_own_for_the_fuzzer() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    for (name, _) in targets::TARGETS {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(path.exists() && manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}

#[test]
fn a_hostile_length_costs_neither_memory_nor_time() {
    // Each list's length says four billion, and nothing follows.
    for (name, target) in targets::TARGETS {
        for (_, _, file) in corpus().into_iter().filter(|(target, ..)| *target == name) {
            for at in 0..file.len().saturating_sub(4) {
                let mut bytes = file.clone();
                bytes[at..at + 4].copy_from_slice(&[0xff; 4]);
                target(&bytes);
            }
        }
    }
}
