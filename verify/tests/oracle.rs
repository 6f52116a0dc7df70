//! Random and mutated light blocks, judged by us and by `tendermint-light-client-verifier`: every difference is one of
//! those listed in [`explained`]. `COMITY_CASES` sets how many (a few hundred otherwise).
#![allow(clippy::unwrap_used)]

use comity_model::{Hash, Height, Time};
use comity_verify::Rule;
use comity_verify::comet::{
    AppHash, BlockId, Commit, CommitSig, Header, LightBlock, PartSetHeader, Validator, ValidatorSet, Version, Vote,
    consensus_hash, data_hash, evidence_hash, results_hash,
};
use comity_verify::light::{ClientParams, ConsensusState, LightStep, TrustedHeader, verify};
use proptest::test_runner::{RngAlgorithm, TestRng};
use std::collections::BTreeMap;
use std::time::Duration;
use tendermint::{block, validator};
use tendermint_light_client_verifier::errors::VerificationErrorDetail;
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{LightBlock as PeerBlock, TrustedBlockState, UntrustedBlockState};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};
use tendermint_testgen::light_block::TmLightBlock;
use tendermint_testgen::{Commit as GenCommit, Generator, Header as GenHeader, LightBlock as GenBlock};
use tendermint_testgen::{Validator as GenValidator, Vote as GenVote};

use proptest::prelude::Rng;

fn hash(hash: tendermint::Hash) -> Option<Hash> {
    hash.as_bytes().try_into().ok().map(Hash)
}

fn time(time: tendermint::Time) -> Time {
    let nanos = time.unix_timestamp_nanos().rem_euclid(1_000_000_000);
    Time::new(time.unix_timestamp(), u32::try_from(nanos).unwrap()).unwrap()
}

fn address(id: tendermint::account::Id) -> [u8; 20] {
    id.as_bytes().try_into().unwrap()
}

fn block_id(id: block::Id) -> Option<BlockId> {
    let parts = match hash(id.part_set_header.hash) {
        Some(hash) => PartSetHeader { total: id.part_set_header.total, hash },
        None => PartSetHeader::NONE,
    };
    hash(id.hash).map(|hash| BlockId { hash, parts })
}

fn header(from: &block::Header) -> Header {
    Header {
        version: Version { block: from.version.block, app: from.version.app },
        chain_id: from.chain_id.as_str().parse().unwrap(),
        height: Height(from.height.value()),
        time: time(from.time),
        last_block_id: from.last_block_id.and_then(block_id),
        last_commit_hash: from.last_commit_hash.and_then(hash),
        data_hash: from.data_hash.and_then(hash),
        validators_hash: hash(from.validators_hash).unwrap(),
        next_validators_hash: hash(from.next_validators_hash).unwrap(),
        consensus_hash: hash(from.consensus_hash),
        app_hash: AppHash::new(from.app_hash.as_bytes().to_vec()).unwrap(),
        last_results_hash: from.last_results_hash.and_then(hash),
        evidence_hash: from.evidence_hash.and_then(hash),
        proposer_address: address(from.proposer_address),
    }
}

fn commit(from: &block::Commit) -> Commit {
    let vote =
        |address_: &tendermint::account::Id, at: &tendermint::Time, signature: &Option<tendermint::Signature>| Vote {
            address: address(*address_),
            time: time(*at),
            signature: signature.as_ref().unwrap().as_bytes().try_into().unwrap(),
        };
    let signatures = from.signatures.iter().map(|entry| match entry {
        block::CommitSig::BlockIdFlagAbsent => CommitSig::Absent,
        block::CommitSig::BlockIdFlagCommit { validator_address, timestamp, signature } => {
            CommitSig::Commit(vote(validator_address, timestamp, signature))
        }
        block::CommitSig::BlockIdFlagNil { validator_address, timestamp, signature } => {
            CommitSig::Nil(vote(validator_address, timestamp, signature))
        }
    });
    Commit {
        height: Height(from.height.value()),
        round: from.round.value(),
        block_id: block_id(from.block_id).unwrap(),
        signatures: signatures.collect(),
    }
}

fn set(from: &validator::Set) -> ValidatorSet {
    let validators = from
        .validators()
        .iter()
        .map(|info| Validator { public_key: info.pub_key.to_bytes().try_into().unwrap(), power: info.power.value() });
    ValidatorSet::new(validators.collect()).unwrap()
}

/// A seeded source of choices.
struct Dice(TestRng);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }
}

fn validators(dice: &mut Dice, from: u64) -> Vec<GenValidator> {
    let count = 1 + dice.below(6);
    (0..count).map(|i| GenValidator::new(&format!("v{}", from + i)).voting_power(1 + dice.below(40))).collect()
}

fn generate(height: u64, now: &[GenValidator], next: &[GenValidator], dice: &mut Dice) -> PeerBlock {
    let at = tendermint::Time::from_unix_timestamp(1_000 + i64::try_from(height).unwrap(), 5).unwrap();
    let header = GenHeader::new(now).next_validators(next).chain_id("test-chain").height(height).time(at);
    let votes = now
        .iter()
        .enumerate()
        .filter_map(|(index, validator)| {
            let vote = GenVote::new(validator.clone(), header.clone()).index(u16::try_from(index).unwrap()).round(1);
            match dice.below(10) {
                0 => None,
                1 => Some(vote.nil(true)),
                _ => Some(vote),
            }
        })
        .collect();
    let commit = GenCommit::new_with_votes(header.clone(), 1, votes);
    let block = GenBlock::new(header, commit).validators(now).next_validators(next);
    let TmLightBlock { signed_header, validators, next_validators, provider } = block.generate().unwrap();
    PeerBlock::new(signed_header, validators, next_validators, provider)
}

/// Changes one thing; returns its name.
fn mutate(block: &mut PeerBlock, other: &PeerBlock, dice: &mut Dice) -> &'static str {
    let header = &mut block.signed_header.header;
    let commit = &mut block.signed_header.commit;
    let count = commit.signatures.len();
    let at = usize::try_from(dice.below(count as u64)).unwrap();
    match dice.below(16) {
        0 if count > 1 => {
            commit.signatures.swap(at, (at + 1) % count);
            "votes swapped"
        }
        1 if count > 1 => {
            commit.signatures[(at + 1) % count] = commit.signatures[at].clone();
            "a vote doubled"
        }
        2 => {
            if let block::CommitSig::BlockIdFlagCommit { signature: Some(signature), .. } = &mut commit.signatures[at] {
                let mut bytes = signature.as_bytes().to_vec();
                bytes[usize::try_from(dice.below(64)).unwrap()] ^= 1;
                *signature = tendermint::Signature::try_from(bytes.as_slice()).unwrap();
            }
            "a signature changed"
        }
        3 => {
            commit.signatures[at] = block::CommitSig::BlockIdFlagAbsent;
            "a vote taken out"
        }
        4 => {
            header.time = other.signed_header.header.time;
            "another time"
        }
        5 => {
            header.chain_id = "other-chain".parse().unwrap();
            "another chain"
        }
        6 => {
            commit.round = 2u16.into();
            "another round"
        }
        7 => {
            commit.height = 77u32.into();
            "a commit of another height"
        }
        8 => {
            block.validators = other.validators.clone();
            "another set"
        }
        9 => {
            commit.block_id = other.signed_header.commit.block_id;
            "a commit for another block"
        }
        10 => {
            commit.signatures.pop();
            "a vote too few"
        }
        11 => {
            commit.signatures.push(block::CommitSig::BlockIdFlagAbsent);
            "an entry too many"
        }
        12 => {
            header.next_validators_hash = other.signed_header.header.validators_hash;
            "another next set"
        }
        13 => {
            header.app_hash = vec![1; 32].try_into().unwrap();
            "another app hash"
        }
        _ => "nothing",
    }
}

/// Why the two verdicts may differ; `None` where they may not.
fn explained(ours: Result<(), Rule>, peer: &Verdict, two_sets: bool) -> Option<&'static str> {
    match (ours, peer) {
        (Ok(()), Verdict::Success) | (Err(Rule::NotEnoughTrust), Verdict::NotEnoughTrust(_)) => Some("same"),
        (Err(rule), Verdict::Invalid(_)) if rule != Rule::NotEnoughTrust => Some("same"),
        // Go looks votes up by index; the peer sorts them by address, so that order and doubles are lost on it.
        (Err(Rule::CommitIndex | Rule::DuplicateVote), _) => Some("stricter: a vote at another validator's index"),
        // Go's batch path counts power before it verifies signatures, as we do; the peer verifies as it counts.
        (Err(Rule::NotEnoughTrust), Verdict::Invalid(VerificationErrorDetail::InvalidSignature(_))) => {
            Some("order: power before signatures")
        }
        // Go compares the commit's height with the header's before anything else; the peer leaves it to the signatures.
        (Err(Rule::CommitMismatch), Verdict::NotEnoughTrust(_)) => Some("order: structure before power"),
        // Both stop at a third of the trusted set: Go and we count in the commit's order, the peer in that set's order,
        // so that the votes looked at differ where one is bad.
        (Ok(()), Verdict::Invalid(VerificationErrorDetail::InvalidSignature(_)))
        | (Err(Rule::Signature), Verdict::Success)
            if two_sets =>
        {
            Some("order: whose third is counted first")
        }
        // For Go a commit without any vote is one without enough of them; the peer calls it malformed.
        (Err(Rule::NotEnoughTrust), Verdict::Invalid(VerificationErrorDetail::NoSignatureForCommit(_))) => {
            Some("name: no votes are not enough votes")
        }
        _ => None,
    }
}

#[test]
fn random_and_mutated_blocks_get_the_verdict_of_tendermint_light_client_verifier_or_an_explained_one() {
    let cases: u64 = std::env::var("COMITY_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let mut dice = Dice(TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let mut table: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let now = tendermint::Time::from_unix_timestamp(1_500, 0).unwrap();
    for case in 0..cases {
        let start = dice.below(3);
        let (first, announced) = (validators(&mut dice, 0), validators(&mut dice, start));
        let later_start = dice.below(5);
        let later = if dice.below(3) == 0 { announced.clone() } else { validators(&mut dice, later_start) };
        let trusted = generate(10, &first, &announced, &mut dice);
        let height = [11, 11, 12, 30, 10, 9][usize::try_from(dice.below(6)).unwrap()];
        let signers = if height == 11 && dice.below(4) > 0 { announced.clone() } else { later };
        let after = validators(&mut dice, 2);
        let mut block = generate(height, &signers, &after, &mut dice);
        let name = mutate(&mut block, &trusted, &mut dice);

        let options = Options {
            trust_threshold: Default::default(),
            trusting_period: Duration::from_secs(if dice.below(20) == 0 { 400 } else { 1_000 }),
            clock_drift: Duration::from_secs(1),
        };
        let peer = ProdVerifier::default().verify_update_header(
            UntrustedBlockState { next_validators: None, ..block.as_untrusted_state() },
            TrustedBlockState { ..trusted.as_trusted_state() },
            &options,
            now,
        );
        let trusted_header = header(&trusted.signed_header.header);
        assert_eq!(Some(trusted_header.hash()), hash(trusted.signed_header.header.hash()));
        let known = TrustedHeader::restore(
            "test-chain".parse().unwrap(),
            ConsensusState {
                height: trusted_header.height,
                time: trusted_header.time,
                app_hash: Hash::ZERO,
                next_validators_hash: trusted_header.next_validators_hash,
                header_hash: trusted_header.hash(),
            },
        );
        let light_block = LightBlock {
            header: header(&block.signed_header.header),
            commit: commit(&block.signed_header.commit),
            validators: set(&block.validators),
        };
        assert_eq!(Some(light_block.header.hash()), hash(block.signed_header.header.hash()));
        assert_eq!(Some(light_block.validators.hash()), hash(block.validators.hash()));
        let step = LightStep::new(&known, set(&trusted.next_validators), light_block);
        let params = ClientParams {
            chain_id: "test-chain".parse().unwrap(),
            trusting_period_secs: options.trusting_period.as_secs(),
            clock_drift_secs: 1,
        };
        let two_sets = step.trusted_next.is_some();
        let ours = verify(&params, &known, &step, time(now)).map(|_| ()).map_err(|refusal| refusal.rule);
        let why =
            explained(ours, &peer, two_sets).unwrap_or_else(|| panic!("case {case}, {name}: {ours:?}, peer {peer:?}"));
        let verdict = ours.map_or_else(Rule::code, |()| "SUCCESS");
        *table.entry((verdict, why)).or_default() += 1;
    }
    println!("{cases} light blocks against tendermint-light-client-verifier:");
    for ((verdict, why), count) in &table {
        println!("{count:>8}  {verdict:<22} {why}");
    }
    assert!(table.contains_key(&("SUCCESS", "same")));
    assert!(table.contains_key(&("NOT_ENOUGH_TRUST", "same")));
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
