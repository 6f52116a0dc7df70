//! Light blocks from `tendermint-testgen`, drawn from a seed, and the ways in which they are changed.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use tendermint::block::CommitSig::{BlockIdFlagAbsent, BlockIdFlagCommit, BlockIdFlagNil};
use tendermint_light_client_verifier::types::LightBlock;
use tendermint_testgen::light_block::TmLightBlock;
use tendermint_testgen::{Commit, Generator, Header, LightBlock as GenBlock, Validator, Vote};

/// Seconds since 1970 by the verifiers' clock; the clock drift is one second.
pub(crate) const NOW: i64 = 1_500;

/// A seeded source of choices.
pub(crate) struct Dice(TestRng);

impl Dice {
    /// The choices of one scene: whoever draws it, in whatever order, gets the same.
    pub(crate) fn of(scene: u64) -> Self {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&scene.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}

/// A trusted block, and one to be judged from it.
pub(crate) struct Scene {
    pub(crate) trusted: LightBlock,
    pub(crate) block: LightBlock,
}

impl Scene {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let start = dice.below(3);
        let (first, announced) = (validators(dice, 0), validators(dice, start));
        let later_start = dice.below(5);
        let later = if dice.below(3) == 0 { announced.clone() } else { validators(dice, later_start) };
        let trusted = generate(10, 1_010, "test-chain", &first, &announced, dice);
        let height = dice.one_of(&[11, 11, 12, 30, 10, 9]);
        let signers = if height == 11 && dice.below(4) > 0 { announced } else { later };
        let after = validators(dice, 2);
        // Mostly a second a block; now and then not after the trusted time, or at the edge of the drift and beyond.
        let usual = 1_000 + i64::try_from(height).unwrap();
        let at = if dice.below(6) > 0 { usual } else { dice.one_of(&[1_009, 1_010, 1_011, 1_500, 1_501, 1_502]) };
        let chain = if dice.below(40) > 0 { "test-chain" } else { "other-chain" };
        Self { trusted, block: generate(height, at, chain, &signers, &after, dice) }
    }
}

fn validators(dice: &mut Dice, from: u64) -> Vec<Validator> {
    let count = 1 + dice.below(5);
    (0..count).map(|i| Validator::new(&format!("v{}", from + i)).voting_power(1 + dice.below(40))).collect()
}

fn generate(height: u64, at: i64, chain: &str, now: &[Validator], next: &[Validator], dice: &mut Dice) -> LightBlock {
    let at = tendermint::Time::from_unix_timestamp(at, 5).unwrap();
    let header = Header::new(now).next_validators(next).chain_id(chain).height(height).time(at);
    let votes = now
        .iter()
        .enumerate()
        .filter_map(|(index, validator)| {
            let vote = Vote::new(validator.clone(), header.clone()).index(u16::try_from(index).unwrap()).round(1);
            match dice.below(10) {
                0 => None,
                1 => Some(vote.nil(true)),
                _ => Some(vote),
            }
        })
        .collect();
    let commit = Commit::new_with_votes(header.clone(), 1, votes);
    let block = GenBlock::new(header, commit).validators(now).next_validators(next);
    let TmLightBlock { signed_header, validators, next_validators, provider } = block.generate().unwrap();
    LightBlock::new(signed_header, validators, next_validators, provider)
}

/// Changes one thing; returns its name.
pub(crate) fn mutate(block: &mut LightBlock, other: &LightBlock, dice: &mut Dice) -> &'static str {
    let header = &mut block.signed_header.header;
    let commit = &mut block.signed_header.commit;
    let count = commit.signatures.len();
    if count == 0 {
        return "nothing";
    }
    let at = dice.index(count);
    match dice.below(22) {
        0 if count > 1 => {
            commit.signatures.swap(at, (at + 1) % count);
            "votes swapped"
        }
        1 if count > 1 => {
            commit.signatures[(at + 1) % count] = commit.signatures[at].clone();
            "a vote doubled"
        }
        2 => {
            if let BlockIdFlagCommit { signature: Some(signature), .. } = &mut commit.signatures[at] {
                let mut bytes = signature.as_bytes().to_vec();
                bytes[dice.index(64)] ^= 1 << dice.below(8);
                *signature = tendermint::Signature::try_from(bytes.as_slice()).unwrap();
            }
            "a signature changed"
        }
        3 => {
            commit.signatures[at] = BlockIdFlagAbsent;
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
            commit.signatures.push(BlockIdFlagAbsent);
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
        14 => {
            if let BlockIdFlagCommit { validator_address, timestamp, signature } = commit.signatures[at].clone() {
                commit.signatures[at] = BlockIdFlagNil { validator_address, timestamp, signature };
            }
            "a vote made nil"
        }
        15 => {
            if let BlockIdFlagNil { validator_address, timestamp, signature } = commit.signatures[at].clone() {
                commit.signatures[at] = BlockIdFlagCommit { validator_address, timestamp, signature };
            }
            "a nil vote made one for the block"
        }
        16 => {
            if let BlockIdFlagCommit { timestamp, .. } | BlockIdFlagNil { timestamp, .. } = &mut commit.signatures[at] {
                *timestamp = tendermint::Time::from_unix_timestamp(1_234, 0).unwrap();
            }
            "a vote's time changed"
        }
        17 => {
            let own = block.validators.validators().iter().chain(other.validators.validators());
            let addresses: Vec<_> = own.map(|validator| validator.address).collect();
            let stranger = addresses[dice.index(addresses.len())];
            if let BlockIdFlagCommit { validator_address, .. } | BlockIdFlagNil { validator_address, .. } =
                &mut commit.signatures[at]
            {
                *validator_address = stranger;
            }
            "a vote's address changed"
        }
        18 => {
            header.height = 12u32.into();
            "another height"
        }
        19 => {
            commit.block_id.part_set_header = tendermint::block::parts::Header::new(9, header.hash()).unwrap();
            "other parts"
        }
        _ => "nothing",
    }
}
