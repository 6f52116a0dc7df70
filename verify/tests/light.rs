//! The light client's rules, one by one, and the traps that others fell into.
#![allow(clippy::unwrap_used)]

mod world;

use comity_model::seal::{Suite, Suites};
use comity_model::{Hash, Height};
use comity_verify::Rule;
use comity_verify::comet::{CommitSig, LightBlock, Validator, ValidatorSet};
use comity_verify::light::{
    Bisection, DivergenceKind, LightStep, Progress, TrustedHeader, misbehaviour, trim, verify, verify_all, verify_exact,
};
use world::{anchor, at, block, chain, header, params, pin, public, set, sign, signer};

const FOUR: [u8; 4] = [1, 2, 3, 4];

fn four() -> ValidatorSet {
    set(&[(1, 10), (2, 10), (3, 10), (4, 10)])
}

/// The block of height h of a chain whose validators never change, signed by all four.
fn plain(height: u64) -> LightBlock {
    block(header(height, &four(), &four(), Hash([9; 32])), &four(), &FOUR)
}

fn step(block: LightBlock) -> LightStep {
    LightStep { trusted_next: None, block }
}

fn judged(trusted: &TrustedHeader, step: &LightStep) -> Result<Height, Rule> {
    verify(&params(), trusted, step, at(50)).map(|header| header.height()).map_err(|r| r.rule)
}

#[test]
fn adjacent_and_skipping_headers_that_enough_validators_signed_are_believed() {
    let trusted = pin(&plain(1));
    assert_eq!(judged(&trusted, &step(plain(2))), Ok(Height(2)));
    assert_eq!(judged(&trusted, &step(plain(9))), Ok(Height(9)));
    let three = block(plain(2).header, &four(), &[1, 2, 3]);
    assert_eq!(judged(&trusted, &step(three)), Ok(Height(2)));
}

#[test]
fn a_commit_with_swapped_signatures_is_refused() {
    let mut swapped = plain(2);
    swapped.commit.signatures.swap(0, 1);
    assert_eq!(judged(&pin(&plain(1)), &step(swapped)), Err(Rule::CommitIndex));
}

#[test]
fn a_commit_with_swapped_addresses_alone_is_refused() {
    let mut swapped = plain(2);
    let addresses: Vec<[u8; 20]> = four().addresses().to_vec();
    for (entry, address) in swapped.commit.signatures.iter_mut().zip(addresses.iter().rev()) {
        if let CommitSig::Commit(vote) = entry {
            vote.address = *address;
        }
    }
    assert_eq!(judged(&pin(&plain(1)), &step(swapped)), Err(Rule::CommitIndex));
}

#[test]
fn a_commit_with_a_vote_twice_is_refused() {
    let mut doubled = plain(2);
    doubled.commit.signatures[1] = doubled.commit.signatures[0].clone();
    assert_eq!(judged(&pin(&plain(1)), &step(doubled)), Err(Rule::DuplicateVote));
}

#[test]
fn votes_for_no_block_do_not_count() {
    let mut nil = block(plain(2).header, &four(), &[1, 2]);
    for (index, address) in four().addresses().iter().enumerate() {
        if nil.commit.signatures[index] == CommitSig::Absent {
            let seed = FOUR.into_iter().find(|seed| comity_verify::comet::address(&public(*seed)) == *address);
            sign(&mut nil.commit, index, &signer(seed.unwrap()), &chain(), *address, at(2), false);
        }
    }
    assert_eq!(judged(&pin(&plain(1)), &step(nil)), Err(Rule::CommitPower));
}

#[test]
fn exactly_two_thirds_are_not_enough() {
    let three = set(&[(1, 10), (2, 10), (3, 10)]);
    let first = block(header(1, &three, &three, Hash([9; 32])), &three, &[1, 2, 3]);
    let two = block(header(2, &three, &three, Hash([9; 32])), &three, &[1, 2]);
    assert_eq!(judged(&pin(&first), &step(two)), Err(Rule::CommitPower));
}

#[test]
fn a_commit_with_a_signature_too_many_or_too_few_is_refused() {
    let mut short = plain(2);
    short.commit.signatures.pop();
    assert_eq!(judged(&pin(&plain(1)), &step(short)), Err(Rule::CommitMismatch));
    let mut long = plain(2);
    long.commit.signatures.push(CommitSig::Absent);
    assert_eq!(judged(&pin(&plain(1)), &step(long)), Err(Rule::CommitMismatch));
}

#[test]
fn powers_beyond_what_the_protocol_allows_are_refused() {
    let validators =
        |power| vec![Validator { public_key: public(1), power }, Validator { public_key: public(2), power: 1 }];
    assert!(ValidatorSet::new(validators(ValidatorSet::POWER_MAX - 1)).is_ok());
    for power in [ValidatorSet::POWER_MAX, i64::MAX.unsigned_abs() + 1, u64::MAX] {
        let refusal = ValidatorSet::new(validators(power)).unwrap_err();
        assert_eq!(refusal.rule, Rule::PowerOverflow, "{power}");
    }
}

#[test]
fn a_set_that_is_empty_doubled_or_out_of_order_is_refused() {
    assert!(ValidatorSet::new(Vec::new()).is_err());
    let twice = vec![Validator { public_key: public(1), power: 1 }; 2];
    assert_eq!(ValidatorSet::new(twice).unwrap_err().rule, Rule::ValidatorsMalformed);
    let ordered = set(&[(1, 3), (2, 5), (3, 5)]);
    let powers: Vec<u64> = ordered.validators().iter().map(|v| v.power).collect();
    assert_eq!(powers, [5, 5, 3]);
    assert!(ordered.addresses()[0] < ordered.addresses()[1]);
    let mut raw = ordered.validators().to_vec();
    assert_eq!(comity_model::decode::<ValidatorSet>("set", &comity_model::encode(&raw)), Ok(ordered));
    raw.swap(0, 1);
    assert!(comity_model::decode::<ValidatorSet>("set", &comity_model::encode(&raw)).is_err());
}

#[test]
fn a_key_that_is_no_point_signs_nothing() {
    // 2 is the y of no point.
    let mut bad = [0u8; 32];
    bad[0] = 2;
    let with_bad = ValidatorSet::new(vec![
        Validator { public_key: bad, power: 30 },
        Validator { public_key: public(1), power: 10 },
    ])
    .unwrap();
    let mut forged = block(header(2, &with_bad, &with_bad, Hash([9; 32])), &with_bad, &[1]);
    let key = signer(1);
    sign(&mut forged.commit, 0, &key, &chain(), with_bad.addresses()[0], at(2), true);
    let before = header(1, &four(), &with_bad, Hash([9; 32]));
    let trusted = pin(&block(before, &four(), &FOUR));
    assert_eq!(judged(&trusted, &step(forged)), Err(Rule::Signature));
}

#[test]
fn each_malformed_or_foreign_part_has_its_rule() {
    let trusted = pin(&plain(1));
    let resigned = |change: &dyn Fn(&mut comity_verify::comet::Header)| {
        let mut header = plain(2).header;
        change(&mut header);
        step(block(header, &four(), &FOUR))
    };
    let changed = |change: &dyn Fn(&mut LightBlock)| {
        let mut block = plain(2);
        change(&mut block);
        step(block)
    };
    let other = set(&[(5, 10), (6, 10)]);
    for (step, rule) in [
        (resigned(&|header| header.chain_id = "bank-1".parse().unwrap()), Rule::ChainId),
        (resigned(&|header| header.height = Height(1)), Rule::HeightNotIncreasing),
        (resigned(&|header| header.height = Height(0)), Rule::HeaderMalformed),
        (resigned(&|header| header.height = Height(u64::MAX)), Rule::HeaderMalformed),
        (resigned(&|header| header.version.block = 10), Rule::HeaderMalformed),
        (resigned(&|header| header.time = at(1)), Rule::TimeNotIncreasing),
        (resigned(&|header| header.time = at(55)), Rule::FromTheFuture),
        (resigned(&|header| header.validators_hash = other.hash()), Rule::ValidatorsHash),
        (changed(&|block| block.header.data_hash = None), Rule::HeaderHash),
        (changed(&|block| block.commit.height = Height(3)), Rule::CommitMismatch),
        (changed(&|block| block.commit.round = 1), Rule::Signature),
        (changed(&|block| block.commit.round = u32::MAX), Rule::HeaderMalformed),
        (changed(&|block| block.commit.block_id.parts.total = 2), Rule::Signature),
        (changed(&|block| block.validators = other.clone()), Rule::ValidatorsHash),
        (
            changed(&|block| {
                if let CommitSig::Commit(vote) = &mut block.commit.signatures[0] {
                    vote.time = at(3);
                }
            }),
            Rule::Signature,
        ),
    ] {
        assert_eq!(judged(&trusted, &step), Err(rule), "{step:?}");
    }
    let unannounced = block(header(2, &other, &other, Hash([9; 32])), &other, &[5, 6]);
    assert_eq!(judged(&trusted, &step(unannounced)), Err(Rule::NextValidatorsHash));
}

#[test]
fn a_header_past_its_trusting_period_vouches_for_nobody() {
    let trusted = pin(&plain(1));
    let judge = |seconds| verify(&params(), &trusted, &step(plain(2)), at(seconds)).map_err(|r| r.rule);
    assert!(judge(1_000).is_ok());
    assert_eq!(judge(1_001), Err(Rule::TrustingPeriod));
}

#[test]
fn a_skip_needs_a_third_of_the_announced_set_and_exactly_that_set() {
    let later = set(&[(1, 10), (5, 10), (6, 10), (7, 10)]);
    let far = |seeds: &[u8]| block(header(9, &later, &later, Hash([9; 32])), &later, seeds);
    let trusted = pin(&plain(1));
    let with_set = |next: ValidatorSet, block| LightStep { trusted_next: Some(next), block };
    assert_eq!(judged(&trusted, &with_set(four(), far(&[1, 5, 6, 7]))), Err(Rule::NotEnoughTrust));

    let half = set(&[(1, 10), (2, 10), (5, 10), (6, 10)]);
    let near = |seeds: &[u8]| block(header(9, &half, &half, Hash([9; 32])), &half, seeds);
    assert_eq!(judged(&trusted, &with_set(four(), near(&[1, 2, 5]))), Ok(Height(9)));
    assert_eq!(judged(&trusted, &with_set(four(), near(&[1, 5, 6]))), Err(Rule::NotEnoughTrust));
    assert_eq!(judged(&trusted, &with_set(four(), near(&[1, 2]))), Err(Rule::CommitPower));
    assert_eq!(judged(&trusted, &with_set(later, near(&[1, 2, 5]))), Err(Rule::NextValidatorsHash));
    assert_eq!(judged(&trusted, &step(near(&[1, 2, 5]))), Err(Rule::NextValidatorsHash));
    assert_eq!(judged(&trusted, &with_set(four(), plain(9))), Err(Rule::NotMinimal));
}

#[test]
fn an_anchor_pins_one_header_and_its_signers() {
    let first = plain(1);
    let pinned = |change: &dyn Fn(&mut comity_verify::light::Anchor), block: &LightBlock| {
        let mut anchor = anchor(&first);
        change(&mut anchor);
        TrustedHeader::pin(&anchor, block).map(|_| ()).map_err(|r| r.rule)
    };
    assert_eq!(pinned(&|_| {}, &first), Ok(()));
    assert_eq!(pinned(&|_| {}, &plain(2)), Err(Rule::Anchor));
    assert_eq!(pinned(&|anchor| anchor.height = Height(2), &first), Err(Rule::Anchor));
    assert_eq!(pinned(&|anchor| anchor.validators_hash = Hash([0; 32]), &first), Err(Rule::Anchor));
    let other = Suites::new([Suite::Sm2Sm3]).unwrap();
    assert_eq!(pinned(&|anchor| anchor.suites = other, &first), Err(Rule::Suite));
    let unsigned = block(first.header.clone(), &four(), &[1, 2]);
    assert_eq!(pinned(&|_| {}, &unsigned), Err(Rule::CommitPower));
}

#[test]
fn an_exact_step_carries_the_needed_votes_and_no_other() {
    let trusted = pin(&plain(1));
    let full = step(plain(2));
    let exact = |step: &LightStep| verify_exact(&params(), &trusted, step, at(50)).map(|_| ()).map_err(|r| r.rule);
    assert_eq!(exact(&full), Err(Rule::NotMinimal));
    let trimmed = trim(&trusted, &full);
    let left = trimmed.block.commit.signatures.iter().filter(|entry| **entry != CommitSig::Absent).count();
    assert_eq!(left, 3);
    assert_eq!(exact(&trimmed), Ok(()));
    assert_eq!(trim(&trusted, &trimmed), trimmed);
}

#[test]
fn steps_in_a_row_are_judged_as_one_and_a_wrong_one_is_named() {
    let trusted = pin(&plain(1));
    let mut steps: Vec<LightStep> = (2..12).map(|height| step(plain(height))).collect();
    let reached = verify_all(&params(), &trusted, &steps, at(50)).unwrap();
    assert_eq!(reached.height(), Height(11));
    if let CommitSig::Commit(vote) = &mut steps[4].block.commit.signatures[1] {
        vote.signature[7] ^= 1;
    }
    let refusal = verify_all(&params(), &trusted, &steps, at(50)).unwrap_err();
    assert_eq!(refusal.rule, Rule::Signature);
    assert!(refusal.found.contains("vote 1 of height 6"), "{refusal}");
}

/// A chain in which every height replaces one of four validators.
fn moving(height: u64) -> LightBlock {
    let seeds = |height: u64| -> Vec<u8> { (0..4).map(|i| u8::try_from(height + i).unwrap()).collect() };
    let set_at = |height: u64| set(&seeds(height).iter().map(|seed| (*seed, 10)).collect::<Vec<_>>());
    let now = set_at(height);
    block(header(height, &now, &set_at(height + 1), Hash([9; 32])), &now, &seeds(height))
}

#[test]
fn bisection_finds_its_way_where_validators_change_and_its_steps_verify() {
    let trusted = pin(&moving(1));
    let mut walk = Bisection::new(params(), trusted.clone(), Height(20)).unwrap();
    let mut wanted = walk.wanted();
    let mut fetched = 0;
    let steps = loop {
        fetched += 1;
        assert!(fetched < 100, "a bounded number of blocks");
        match walk.feed(moving(wanted.0), at(50)).unwrap() {
            Progress::Need(height) => wanted = height,
            Progress::Done { steps, header } => {
                assert_eq!(header.header_hash(), moving(20).header.hash());
                break steps;
            }
        }
    };
    assert!(steps.len() < 19, "skips: {}", steps.len());
    let mut reached = trusted;
    for step in &steps {
        reached = verify_exact(&params(), &reached, step, at(50)).unwrap();
    }
    assert_eq!(reached.height(), Height(20));
}

/// Walks from height 1 to `target` over what a source says.
fn walk(target: u64, source: impl Fn(u64) -> LightBlock) -> Result<Vec<LightStep>, comity_verify::Refusal> {
    let mut walk = Bisection::new(params(), pin(&moving(1)), Height(target)).unwrap();
    for _ in 0..1_000 {
        if let Progress::Done { steps, .. } = walk.feed(source(walk.wanted().0), at(300))? {
            return Ok(steps);
        }
    }
    panic!("a walk without an end");
}

#[test]
fn a_walk_whose_votes_are_verified_together_refuses_the_step_that_one_by_one_refuses() {
    // More steps than one batch has.
    let target = 200;
    let honest = walk(target, moving).unwrap();
    assert!(honest.len() > Bisection::BATCH, "{} steps", honest.len());
    for (place, wrong) in honest.iter().enumerate().step_by(7).chain(honest.iter().enumerate().skip(honest.len() - 2)) {
        let height = wrong.height().0;
        // A vote that is not genuine, of a step in the middle; or of that step and all later ones.
        for all_later in [false, true] {
            let lying = |asked: u64| {
                let mut block = moving(asked);
                if asked == height || (all_later && asked > height) {
                    for entry in &mut block.commit.signatures {
                        if let CommitSig::Commit(vote) = entry {
                            vote.signature[7] ^= 1;
                        }
                    }
                }
                block
            };
            let mut trusted = pin(&moving(1));
            let one_by_one = honest.iter().find_map(|step| {
                let step = LightStep { block: lying(step.height().0), ..step.clone() };
                let step = trim(&trusted, &step);
                match verify(&params(), &trusted, &step, at(300)) {
                    Ok(header) => {
                        trusted = header;
                        None
                    }
                    Err(refusal) => Some(refusal),
                }
            });
            assert_eq!(walk(target, lying).err(), one_by_one, "step {place} to {height}");
        }
        // Another header instead, signed by nobody: what follows would be refused for another reason.
        let made_up = |asked: u64| {
            let mut block = moving(asked);
            if asked == height {
                block.header.next_validators_hash = Hash([0xee; 32]);
                block.commit.block_id.hash = block.header.hash();
            }
            block
        };
        let refusal = walk(target, made_up).unwrap_err();
        assert_eq!(refusal.rule, Rule::Signature);
        assert!(refusal.found.contains(&format!("of height {height} ")), "{refusal}");
    }
}

#[test]
fn bisection_skips_at_once_where_validators_stay_and_refuses_other_blocks() {
    let trusted = pin(&plain(1));
    let mut walk = Bisection::new(params(), trusted.clone(), Height(40)).unwrap();
    assert_eq!(walk.wanted(), Height(40));
    assert_eq!(walk.clone().feed(plain(39), at(50)).unwrap_err().rule, Rule::WrongBlock);
    assert!(matches!(walk.feed(plain(40), at(50)), Ok(Progress::Done { steps, .. }) if steps.len() == 1));
    assert!(Bisection::new(params(), trusted, Height(1)).is_err());
}

#[test]
fn two_headers_of_one_height_are_a_divergence_and_its_kind_is_told() {
    let trusted = pin(&plain(1));
    let honest = step(plain(5));
    let judge = |other: &LightStep| {
        misbehaviour(&params(), &trusted, &honest, other, at(50)).map(|d| d.kind).map_err(|r| r.rule)
    };

    let mut twin = plain(5).header;
    twin.data_hash = Some(Hash([0xaa; 32]));
    let equivocation = step(block(twin.clone(), &four(), &FOUR));
    assert_eq!(judge(&equivocation), Ok(DivergenceKind::Equivocation));

    let mut later_round = block(twin, &four(), &[]);
    later_round.commit.round = 1;
    for (index, address) in four().addresses().iter().enumerate() {
        let seed = FOUR.into_iter().find(|seed| comity_verify::comet::address(&public(*seed)) == *address).unwrap();
        sign(&mut later_round.commit, index, &signer(seed), &chain(), *address, at(5), true);
    }
    assert_eq!(judge(&step(later_round)), Ok(DivergenceKind::Amnesia));

    let lie = block(header(5, &four(), &four(), Hash([0xbb; 32])), &four(), &FOUR);
    assert_eq!(judge(&step(lie)), Ok(DivergenceKind::Lunatic));

    let mut early = plain(6).header;
    early.time = at(5);
    assert_eq!(judge(&step(block(early, &four(), &FOUR))), Ok(DivergenceKind::TimeOrder));

    assert_eq!(judge(&step(plain(6))), Err(Rule::NoDivergence));
    assert_eq!(judge(&honest), Err(Rule::NoDivergence));
    let unsigned = block(header(5, &four(), &four(), Hash([0xbb; 32])), &four(), &[1, 2]);
    assert_eq!(judge(&step(unsigned)), Err(Rule::CommitPower));
}
