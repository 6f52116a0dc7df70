//! Random and mutated light blocks, judged by us and by `tendermint-light-client-verifier`: every difference is one of
//! those listed in [`explained`] and in `docs/differences.md`. `COMITY_CASES` sets how many (a few thousand otherwise);
//! memory stays the same, and the same number gives the same cases on any machine.
#![allow(clippy::unwrap_used)]

#[path = "oracle/peer.rs"]
mod peer;
#[path = "oracle/scene.rs"]
mod scene;

use comity_model::{Hash, Height};
use comity_verify::Rule;
use comity_verify::comet::{
    AppHash, BlockId, Header, LightBlock, PartSetHeader, Version, consensus_hash, data_hash, evidence_hash,
    results_hash,
};
use comity_verify::light::{ClientParams, ConsensusState, LightStep, TrustedHeader, verify};
use scene::{Dice, NOW, Scene, mutate};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tendermint_light_client_verifier::errors::VerificationErrorDetail;
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{LightBlock as PeerBlock, TrustedBlockState, UntrustedBlockState};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};

/// Cases that are drawn from one pair of blocks.
const CASES_PER_SCENE: u64 = 50;

/// Why the two verdicts may differ; `None` where they may not.
fn explained(ours: Result<(), Rule>, peer: &Verdict, two_sets: bool) -> Option<&'static str> {
    use VerificationErrorDetail as Detail;
    match (ours, peer) {
        (Ok(()), Verdict::Success) | (Err(Rule::NotEnoughTrust), Verdict::NotEnoughTrust(_)) => Some("same"),
        (Err(rule), Verdict::Invalid(_)) if rule != Rule::NotEnoughTrust => Some("same"),
        // Go looks votes up by index; the peer sorts them by address, so that order and doubles are lost on it.
        (Err(Rule::CommitIndex | Rule::DuplicateVote), _) => Some("stricter: a vote at another validator's index"),
        // Go's batch path counts power before it verifies signatures, as we do; the peer verifies as it counts.
        (Err(Rule::NotEnoughTrust), Verdict::Invalid(Detail::InvalidSignature(_))) => {
            Some("order: power before signatures")
        }
        // Go compares the commit's height with the header's before anything else; the peer leaves it to the signatures.
        (Err(Rule::CommitMismatch), Verdict::NotEnoughTrust(_)) => Some("order: structure before power"),
        // Both stop at a third of the trusted set: Go and we count in the commit's order, the peer in that set's order,
        // so that the votes looked at differ where one is bad.
        (Ok(()), Verdict::Invalid(Detail::InvalidSignature(_))) | (Err(Rule::Signature), Verdict::Success)
            if two_sets =>
        {
            Some("order: whose third is counted first")
        }
        // For Go a commit without any vote is one without enough of them; the peer calls it malformed.
        (Err(Rule::NotEnoughTrust), Verdict::Invalid(Detail::NoSignatureForCommit(_))) => {
            Some("name: no votes are not enough votes")
        }
        _ => None,
    }
}

/// How often something came out.
#[derive(Default)]
struct Tables {
    /// By our verdict and how the peer's compares.
    classes: BTreeMap<(&'static str, &'static str), u64>,
    /// By the change, and whether both said the same.
    changes: BTreeMap<&'static str, [u64; 2]>,
    /// What nothing explains.
    unexplained: Vec<String>,
}

impl Tables {
    fn add(&mut self, other: Self) {
        for (key, count) in other.classes {
            *self.classes.entry(key).or_default() += count;
        }
        for (key, [same, differs]) in other.changes {
            let entry = self.changes.entry(key).or_default();
            entry[0] += same;
            entry[1] += differs;
        }
        self.unexplained.extend(other.unexplained);
    }

    fn print(&self, cases: u64) {
        println!("{cases} light blocks against tendermint-light-client-verifier, by verdict:");
        for ((verdict, why), count) in &self.classes {
            println!("{count:>9}  {verdict:<22} {why}");
        }
        println!("by change (same, explained difference):");
        for (name, [same, differs]) in &self.changes {
            println!("{same:>9} {differs:>9}  {name}");
        }
    }
}

/// Judges up to `cases` variations of one scene.
fn judge_scene(number: u64, cases: u64, tables: &mut Tables) {
    let mut dice = Dice::of(number);
    let scene = Scene::draw(&mut dice);
    let known = trusted(&scene.trusted);
    let announced = peer::set(&scene.trusted.next_validators);
    for case in 0..cases {
        let mut block = scene.block.clone();
        let name = match dice.below(8) {
            0 => "nothing",
            1 | 2 => {
                mutate(&mut block, &scene.trusted, &mut dice);
                mutate(&mut block, &scene.trusted, &mut dice);
                "two changes"
            }
            _ => mutate(&mut block, &scene.trusted, &mut dice),
        };
        let trusting_period_s = if dice.below(20) == 0 { [400, 490, 491][(case % 3) as usize] } else { 1_000 };
        let options = Options {
            trust_threshold: Default::default(),
            trusting_period: Duration::from_secs(trusting_period_s),
            clock_drift: Duration::from_secs(1),
        };
        let now = tendermint::Time::from_unix_timestamp(NOW, 0).unwrap();
        let theirs = ProdVerifier::default().verify_update_header(
            UntrustedBlockState { next_validators: None, ..block.as_untrusted_state() },
            TrustedBlockState { ..scene.trusted.as_trusted_state() },
            &options,
            now,
        );
        let (ours, two_sets) = judge(&known, &announced, &block, trusting_period_s);
        let verdict = ours.map_or_else(Rule::code, |()| "SUCCESS");
        let Some(why) = explained(ours, &theirs, two_sets) else {
            tables.unexplained.push(format!("scene {number}, case {case}, {name}: {verdict}, peer {theirs:?}"));
            continue;
        };
        *tables.classes.entry((verdict, why)).or_default() += 1;
        tables.changes.entry(name).or_default()[usize::from(why != "same")] += 1;
    }
}

fn trusted(block: &PeerBlock) -> TrustedHeader {
    let header = peer::header(&block.signed_header.header);
    assert_eq!(Some(header.hash()), peer::hash(block.signed_header.header.hash()));
    TrustedHeader::restore(
        "test-chain".parse().unwrap(),
        ConsensusState {
            height: header.height,
            time: header.time,
            app_hash: Hash::ZERO,
            next_validators_hash: header.next_validators_hash,
            header_hash: header.hash(),
        },
    )
}

/// Our verdict, and whether two sets were at work in it.
fn judge(
    known: &TrustedHeader,
    announced: &comity_verify::comet::ValidatorSet,
    block: &PeerBlock,
    trusting_period_secs: u64,
) -> (Result<(), Rule>, bool) {
    let light_block = LightBlock {
        header: peer::header(&block.signed_header.header),
        commit: peer::commit(&block.signed_header.commit),
        validators: peer::set(&block.validators),
    };
    assert_eq!(Some(light_block.header.hash()), peer::hash(block.signed_header.header.hash()));
    assert_eq!(Some(light_block.validators.hash()), peer::hash(block.validators.hash()));
    let step = LightStep::new(known, announced.clone(), light_block);
    let params = ClientParams { chain_id: "test-chain".parse().unwrap(), trusting_period_secs, clock_drift_secs: 1 };
    let now = comity_model::Time::new(NOW, 0).unwrap();
    let two_sets = step.trusted_next.is_some();
    (verify(&params, known, &step, now).map(|_| ()).map_err(|refusal| refusal.rule), two_sets)
}

#[test]
fn random_and_mutated_blocks_get_the_verdict_of_tendermint_light_client_verifier_or_an_explained_one() {
    let cases: u64 = std::env::var("COMITY_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000);
    let scenes = cases.div_ceil(CASES_PER_SCENE);
    let next = AtomicU64::new(0);
    let work = || {
        let mut tables = Tables::default();
        loop {
            let scene = next.fetch_add(1, Ordering::Relaxed);
            if scene >= scenes || tables.unexplained.len() > 20 {
                return tables;
            }
            let left = cases - scene * CASES_PER_SCENE;
            judge_scene(scene, left.min(CASES_PER_SCENE), &mut tables);
            if scene % 1_000 == 999 {
                println!("{} cases", (scene + 1) * CASES_PER_SCENE);
            }
        }
    };
    let mut tables = Tables::default();
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            tables.add(worker.join().unwrap());
        }
    });
    tables.print(cases);
    assert!(tables.unexplained.is_empty(), "not explained:\n{}", tables.unexplained.join("\n"));
    assert_eq!(tables.classes.values().sum::<u64>(), cases);
    assert!(tables.classes.contains_key(&("SUCCESS", "same")));
    assert!(tables.classes.contains_key(&("NOT_ENOUGH_TRUST", "same")));
}

#[test]
fn what_a_producer_hashes_is_what_a_real_chain_hashed() {
    // A block of a CometBFT 0.34 chain with default parameters and no transactions.
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(data_hash::<&[u8]>(&[]).to_string(), empty);
    assert_eq!(evidence_hash().to_string(), empty);
    assert_eq!(results_hash(&[]).to_string(), empty);
    assert_eq!(
        consensus_hash(22_020_096, -1).to_string(),
        "048091bc7ddc283f77bfbf91d73c44da58c3df8a9cbc867405d8b7f3daada22f"
    );
    let hex = |text: &str| Hash::from_hex(text).unwrap();
    let known = Header {
        version: Version { block: 11, app: 1 },
        chain_id: "dockerchain".parse().unwrap(),
        height: Height(1608),
        time: "2020-09-14T16:33:54.21191421Z".parse().unwrap(),
        last_block_id: Some(BlockId {
            hash: hex("D3B2CC7EDAFF87433A5DBCDCDF4077A56AACDE3606034262B0CDB120F62EB40B"),
            parts: PartSetHeader {
                total: 1,
                hash: hex("3AB411EAFE9A3B7AC013B0214990E5653112A39909289E3EA9211F07B8CD6EED"),
            },
        }),
        last_commit_hash: Some(hex("47071B86EFC28BEC17543967975F35191BA9BEC9C2AD77E86F63B149528D71A1")),
        data_hash: Some(hex(empty)),
        validators_hash: hex("5E20520EC80B84044B64BA0C55B1C06D543BBD57955C27B8A9999EC526BF703C"),
        next_validators_hash: hex("5E20520EC80B84044B64BA0C55B1C06D543BBD57955C27B8A9999EC526BF703C"),
        consensus_hash: Some(consensus_hash(22_020_096, -1)),
        app_hash: AppHash::new(vec![0; 8]).unwrap(),
        last_results_hash: Some(hex(empty)),
        evidence_hash: Some(hex(empty)),
        proposer_address: [
            0xC8, 0x65, 0x7A, 0x30, 0xD2, 0x0C, 0x3B, 0xAD, 0x41, 0x46, 0x24, 0xA1, 0xA9, 0x63, 0x37, 0x3D, 0xD5, 0x00,
            0xCC, 0xD3,
        ],
    };
    assert_eq!(known.hash(), hex("F30A71F2409FB15AACAEDB6CC122DFA2525BEE9CAE521721B06BFDCA291B8D56"));
}
