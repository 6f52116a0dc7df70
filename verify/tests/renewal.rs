//! Renewal: a proof whose chain is gone and whose suite is no longer believed holds by a newer proof that it was there before.
#![allow(clippy::unwrap_used)]

#[path = "world/bundles.rs"]
mod bundles;
mod tsa;
mod world;

use bundles::chain_block;
use comity_model::deposit::{Circumstances, Content, DepositKind, Item, LogState, Statement};
use comity_model::seal::{Signature, Suite, Suites};
use comity_model::state::StatePath;
use comity_model::{Hash, MemberId, Time, UnixSeconds, encode};
use comity_verify::bundle::{Bundle, Claim, Finding, Link, Reader, Verdict};
use comity_verify::deposit::{self, Deposited};
use comity_verify::light::Anchor;
use comity_verify::merkle::{self, TreeHead};
use comity_verify::renewal::{RENEWALS_MAX, RenewedBundle, Retired, TimeBy};
use comity_verify::timestamp::{Authority, Request};
use comity_verify::tlog::{Checkpoint, Cosigned, NoteKey, Policy};
use comity_verify::witnessed::{Grown, SignedCheckpoint, StampedCheckpoint};
use comity_verify::{Refusal, Rule};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};
use tsa::Tsa;
use world::{State, anchor, at, chain, public, signer};

/// A bundle of what stands in a state, whose header the anchor pins: it holds also when the trusting period is over.
fn pinned(height: u64, state: &State, place: &StatePath, claim: Claim) -> (Anchor, Bundle) {
    let block = chain_block(height, state.root);
    let link = Link::Forward { steps: Vec::new() };
    let bundle = Bundle { anchor: block.header.clone(), link, claim, proof: state.prove(place) };
    (Anchor { suites: Suites::ALL, ..anchor(&block) }, bundle)
}

/// An order that was sealed under P-256.
fn evidence() -> (Anchor, Bundle) {
    let mut entry = bundles::order_entry();
    entry.sealed.seal = Signature { suite: Suite::P256Sha256, bytes: [0x5a; 64] };
    let place = StatePath::Order(entry.sealed.order.id);
    let state = State::of_paths(&[(place.clone(), encode(&entry)), (StatePath::Governors, vec![1])]);
    pinned(9, &state, &place, Claim::Order(entry))
}

fn content(old: &[u8]) -> Content {
    let sm3: [u8; 32] = sm3::Sm3::digest(old).into();
    Content {
        salt: [4; 16],
        sha256: Hash(Sha256::digest(old).into()),
        sm3: Hash(sm3),
        size: old.len().try_into().unwrap(),
    }
}

/// A proof deposited anew: the log's only entry, taken up 40 s after the evidence's chain began, under another anchor.
fn renewed(old: &Bundle) -> (Anchor, Bundle) {
    let old = old.encode();
    let statement = Statement {
        salt: [5; 16],
        item: Item::default(),
        circumstances: Circumstances {
            kind: DepositKind::Archive,
            depositor: "court".parse().unwrap(),
            identified_by: String::new(),
            source: String::new(),
            method: String::new(),
            custody: String::new(),
            environment: String::new(),
            case: String::new(),
        },
    };
    let keeper: MemberId = "court".parse().unwrap();
    let entry = deposit::entry(&content(&old), &statement);
    let log = LogState { size: 1, root: merkle::root_of_hashes(&[deposit::leaf(&entry)]), at: at(40).unix_seconds() };
    let place = StatePath::Deposits(keeper.clone());
    let state = State::of_paths(&[(place.clone(), encode(&log)), (StatePath::Governors, vec![1])]);
    let content = Some(content(&old));
    let deposit = Deposited { keeper, log, index: 0, path: vec![], entry, content, statement: None, seal: None };
    let claim = Claim::Renewed(RenewedBundle { deposit, stamped: None, witnessed: None, old });
    pinned(41, &state, &place, claim)
}

fn claim(bundle: &mut Bundle) -> &mut RenewedBundle {
    let Claim::Renewed(claim) = &mut bundle.claim else { panic!("a renewal") };
    claim
}

/// The checkpoint of a renewal's log.
fn checkpoint(claim: &RenewedBundle) -> (Grown, String) {
    let log = &claim.deposit.log;
    let head = TreeHead { size: log.size, root: log.root };
    let text = Checkpoint::text(&deposit::origin(&chain(), &claim.deposit.keeper), &head).unwrap();
    (Grown { size: head.size, root: head.root, growth: Vec::new() }, text)
}

/// The renewal with a time stamp of now.
fn stamped(mut bundle: Bundle, tsa: &Tsa) -> Bundle {
    let claim = claim(&mut bundle);
    let (tree, text) = checkpoint(claim);
    let request = Request::new(text.as_bytes(), [7; 8]);
    let token = request.answered(&tsa.reply(&request.encode())).unwrap().to_vec();
    claim.stamped = Some(StampedCheckpoint { tree, token });
    bundle
}

fn since(suite: Suite, since: UnixSeconds) -> [Retired; 1] {
    [Retired { suite, since }]
}

fn later(time: UnixSeconds, seconds: u64) -> Time {
    Time::new(time.0.try_into().unwrap(), 0).unwrap().plus_seconds(seconds)
}

fn rule(judged: &Result<Verdict, Refusal>) -> Option<Rule> {
    judged.as_ref().err().map(|refusal| refusal.rule)
}

#[test]
fn a_renewed_proof_says_what_the_old_one_said_and_since_when_it_was_there() {
    let (old_anchor, old) = evidence();
    let (new_anchor, bundle) = renewed(&old);
    assert_eq!(Bundle::decode(&bundle.encode()).unwrap(), bundle);
    let anchors = [old_anchor];
    let reader = Reader { anchors: &anchors, ..Reader::default() };
    let verdict = bundle.verify_for(&reader, &new_anchor, at(900)).unwrap();
    assert!(matches!(&verdict.finding, Finding::Order(entry) if entry.sealed.seal.suite == Suite::P256Sha256));
    let [renewal] = &verdict.renewals[..] else { panic!("one renewal") };
    assert_eq!((renewal.stood, renewal.by), (at(40).unix_seconds(), TimeBy::Chain));
    assert_eq!((renewal.suites, renewal.renewed_suites), (Suites::NATIVE, Suites::NATIVE.with(Suite::P256Sha256)));
    let text = verdict.to_string();
    for part in [
        "VERIFIED  ARCHIVE",
        "This proof under ed25519-sha256, p256-sha256, of",
        "stood at 2023-11-14T22:14:00Z at the latest, by its chain: it was deposited anew as entry 0 in the log of court",
        "is the file that was deposited [RENEWAL]",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // Without the old anchor, nobody knows what the old proof starts at.
    assert_eq!(rule(&bundle.verify(&new_anchor, at(900))), Some(Rule::Anchor));
    // Long after, the newer chain is alone with its time as well, and it is said.
    let verdict = bundle.verify_for(&reader, &new_anchor, at(9_000)).unwrap();
    assert_eq!(verdict.renewals[0].by, TimeBy::ChainAlone);
    assert!(verdict.to_string().contains("The time of the renewal is not independently witnessed."));
}

#[test]
fn a_suite_that_is_no_longer_believed_needs_a_renewal_from_before() {
    let (old_anchor, old) = evidence();
    let (new_anchor, bundle) = renewed(&old);
    let anchors = [old_anchor.clone()];
    let judged = |from, now| {
        let retired = since(Suite::P256Sha256, at(from).unix_seconds());
        let reader = Reader { anchors: &anchors, retired: &retired, ..Reader::default() };
        let alone = rule(&old.verify_for(&reader, &old_anchor, at(now)));
        (alone, rule(&bundle.verify_for(&reader, &new_anchor, at(now))))
    };
    let refused = Some(Rule::SuiteRetired);
    assert_eq!(judged(600, 500), (None, None), "it is believed still");
    assert_eq!(judged(100, 500), (refused, None), "renewed before");
    assert_eq!(judged(40, 500), (refused, refused), "renewed in that moment");
    assert_eq!(judged(30, 500), (refused, refused), "renewed after");
    // The newer chain's own word for its time, long after, is not enough.
    assert_eq!(judged(100, 9_000), (refused, refused));
    assert_eq!(judged(9_500, 9_000), (None, None));
}

#[test]
fn an_authoritys_time_stamp_carries_a_proof_beyond_every_suite_of_both_chains() {
    let Some(tsa) = Tsa::p256(true) else { return };
    let (old_anchor, old) = evidence();
    let (new_anchor, bundle) = renewed(&old);
    let bundle = stamped(bundle, &tsa);
    let (anchors, authorities) = ([old_anchor], Authority::read_pem(&tsa.root()).unwrap());
    let believed = Reader { anchors: &anchors, authorities: &authorities, ..Reader::default() };
    let far = later(UnixSeconds(2_500_000_000), 0);
    let verdict = bundle.verify_for(&believed, &new_anchor, far).unwrap();
    let (stood, by) = (verdict.renewals[0].stood, verdict.renewals[0].by);
    assert_eq!(by, TimeBy::Authority);
    assert!(verdict.to_string().contains("at the latest, by the time stamp of A clock: it was deposited anew"));
    for suite in [Suite::P256Sha256, Suite::Ed25519Sha256] {
        let judged = |from, authorities, now| {
            let retired = since(suite, from);
            let reader = Reader { anchors: &anchors, authorities, retired: &retired, ..Reader::default() };
            bundle.verify_for(&reader, &new_anchor, now)
        };
        let after = UnixSeconds(stood.0 + 100);
        let verdict = judged(after, &authorities, far).unwrap();
        let alone = suite == Suite::Ed25519Sha256;
        assert_eq!(verdict.renewals[0].is_stamp_alone, alone);
        assert_eq!(verdict.to_string().contains("the time stamp alone says"), alone);
        // In that second, or of an authority that the reader does not name: too late.
        assert_eq!(rule(&judged(stood, &authorities, far)), Some(Rule::SuiteRetired));
        assert_eq!(rule(&judged(after, &[], far)), Some(Rule::SuiteRetired));
    }
}

#[test]
fn witnesses_of_the_readers_policy_vouch_for_a_renewals_time() {
    let (old_anchor, old) = evidence();
    let (new_anchor, mut bundle) = renewed(&old);
    let (tree, text) = checkpoint(claim(&mut bundle));
    let seen_at = at(60).unix_seconds();
    let key = NoteKey::witness("witness.example", public(81)).unwrap();
    let message = Checkpoint::cosigned_message(&text, seen_at);
    let signature = Checkpoint::cosignature(seen_at, &signer(81).sign(message.as_bytes()).to_bytes());
    let signatures = vec![Cosigned { key: key.to_string().into(), signature }];
    claim(&mut bundle).witnessed = Some(SignedCheckpoint { tree, signatures });
    let policy = Policy::parse(format!("witness w {key}\nquorum w\n").as_bytes()).unwrap();
    let anchors = [old_anchor];
    let judged = |from, policy| {
        let retired = since(Suite::P256Sha256, at(from).unix_seconds());
        let reader = Reader { anchors: &anchors, policy, retired: &retired, ..Reader::default() };
        bundle.verify_for(&reader, &new_anchor, at(9_000))
    };
    let verdict = judged(100, Some(&policy)).unwrap();
    assert_eq!((verdict.renewals[0].stood, verdict.renewals[0].by), (seen_at, TimeBy::Witnesses));
    assert!(verdict.to_string().contains("at the latest, as seen by witness.example: it was deposited anew"));
    assert_eq!(rule(&judged(50, Some(&policy))), Some(Rule::SuiteRetired));
    assert_eq!(rule(&judged(100, None)), Some(Rule::SuiteRetired));
}

#[test]
fn a_proof_is_renewed_again_and_again_up_to_a_bound() {
    let (old_anchor, mut bundle) = evidence();
    let mut anchors = vec![old_anchor];
    for times in 1..=RENEWALS_MAX + 1 {
        let (anchor, outer) = renewed(&bundle);
        bundle = outer;
        anchors.push(anchor.clone());
        let reader = Reader { anchors: &anchors, ..Reader::default() };
        let judged = bundle.verify_for(&reader, &anchor, at(45));
        if times <= RENEWALS_MAX {
            let verdict = judged.unwrap();
            assert_eq!((verdict.renewals.len(), verdict.at.height.0), (times, 9));
        } else {
            assert_eq!(rule(&judged), Some(Rule::Renewal));
        }
    }
}

#[test]
fn what_is_exchanged_in_a_renewal_is_refused_by_its_rule() {
    type Change = fn(&mut RenewedBundle);
    let changes: [(Rule, Change); 5] = [
        (Rule::Renewal, |claim| claim.deposit.content = None),
        (Rule::Renewal, |claim| claim.old.push(0)),
        (Rule::Renewal, |claim| claim.old = b"COMITYB1".to_vec()),
        (Rule::DepositOpening, |claim| {
            claim.old[20] ^= 1;
            claim.deposit.content = Some(content(&claim.old));
        }),
        (Rule::LogProof, |claim| claim.deposit.index = 1),
    ];
    for (number, (rule, change)) in changes.into_iter().enumerate() {
        let (old_anchor, old) = evidence();
        let (new_anchor, mut bundle) = renewed(&old);
        change(claim(&mut bundle));
        let anchors = [old_anchor];
        let reader = Reader { anchors: &anchors, ..Reader::default() };
        let judged = bundle.verify_for(&reader, &new_anchor, at(50));
        assert_eq!(judged.unwrap_err().rule, rule, "change {number}");
    }
    // Nor is any byte of it idle.
    let (old_anchor, old) = evidence();
    let (new_anchor, bundle) = renewed(&old);
    let bytes = bundle.encode();
    let anchors = [old_anchor];
    let reader = Reader { anchors: &anchors, ..Reader::default() };
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1 << (position % 8);
        let judged = Bundle::decode(&changed).and_then(|bundle| bundle.verify_for(&reader, &new_anchor, at(50)));
        assert!(judged.is_err(), "byte {position}");
    }
}
