//! Two peers' stories of one chain: where they part, and that what is found convinces a client.
#![allow(clippy::unwrap_used)]

mod world;

use comity_model::{Hash, Height};
use comity_verify::Rule;
use comity_verify::comet::{LightBlock, address};
use comity_verify::light::{
    Bisection, Comparison, Contradiction, Detection, DivergenceKind, Evidence, LightStep, Peer, Progress,
    TrustedHeader, misbehaviour,
};
use comity_verify::refusal::Refusal;
use world::{at, block, chain, header, params, pin, public, set, sign, signer};

/// A chain in which every height replaces one of four validators; from `fork` on it says something else.
fn story(height: u64, fork: u64, word: u8) -> LightBlock {
    let seeds = |height: u64| -> Vec<u8> { (0..4).map(|i| u8::try_from(height + i).unwrap()).collect() };
    let set_at = |height: u64| set(&seeds(height).iter().map(|seed| (*seed, 10)).collect::<Vec<_>>());
    let now = set_at(height);
    let app = if height >= fork { Hash([word; 32]) } else { Hash([9; 32]) };
    block(header(height, &now, &set_at(height + 1), app), &now, &seeds(height))
}

fn honest(height: u64) -> LightBlock {
    story(height, u64::MAX, 0)
}

fn walk(trusted: &TrustedHeader, target: u64, source: impl Fn(u64) -> LightBlock) -> Vec<LightStep> {
    let mut walk = Bisection::new(params(), trusted.clone(), Height(target)).unwrap();
    loop {
        if let Progress::Done { steps, .. } = walk.feed(source(walk.wanted().0), at(50)).unwrap() {
            return steps;
        }
    }
}

/// Compares two stories from height 1 to `target`; also how many blocks were asked for.
fn compare(
    target: u64,
    primary: impl Fn(u64) -> LightBlock,
    witness: impl Fn(u64) -> LightBlock,
) -> (Result<Comparison, Refusal>, usize) {
    let trusted = pin(&honest(1));
    let mut detection = Detection::new(params(), trusted.clone(), walk(&trusted, target, &primary)).unwrap();
    for asked in 1..500 {
        let (peer, height) = detection.wanted().unwrap();
        let block = if peer == Peer::Primary { primary(height.0) } else { witness(height.0) };
        match detection.feed(block, at(50)) {
            Ok(Comparison::Need(..)) => {}
            outcome => {
                assert_eq!(detection.wanted(), None);
                return (outcome, asked);
            }
        }
    }
    panic!("a comparison without an end");
}

fn evidence(outcome: Result<Comparison, Refusal>) -> Evidence {
    match outcome {
        Ok(Comparison::Diverges(evidence)) => *evidence,
        other => panic!("no divergence: {other:?}"),
    }
}

/// What a client on another chain does with it.
fn convinces(evidence: &Evidence) {
    let judged = misbehaviour(&params(), &evidence.common, &evidence.primary, &evidence.witness, at(50));
    assert_eq!(judged.as_ref(), Ok(&evidence.divergence));
    assert_eq!(evidence.primary.height(), evidence.witness.height());
    assert!(evidence.common.height() < evidence.primary.height());
}

#[test]
fn a_witness_with_the_same_header_agrees_and_is_asked_once() {
    let (outcome, asked) = compare(20, honest, honest);
    assert_eq!((outcome, asked), (Ok(Comparison::Agrees), 1));
}

#[test]
fn a_fork_is_narrowed_to_two_headers_one_step_from_where_both_agree() {
    for fork in 2..=20 {
        let (outcome, _) = compare(20, honest, |height| story(height, fork, 7));
        let evidence = evidence(outcome);
        convinces(&evidence);
        assert_eq!(evidence.divergence.kind, DivergenceKind::Lunatic);
        assert!(evidence.common.height().0 < fork && fork <= evidence.primary.height().0, "fork at {fork}");
        assert!(!evidence.signed_both.is_empty());
        // The same with the parts exchanged.
        let (outcome, _) = compare(20, |height| story(height, fork, 7), honest);
        convinces(&self::evidence(outcome));
    }
}

#[test]
fn two_forks_of_one_chain_are_told_apart_from_each_other() {
    let (outcome, _) = compare(20, |height| story(height, 6, 5), |height| story(height, 9, 7));
    let evidence = evidence(outcome);
    convinces(&evidence);
    assert!(evidence.common.height().0 < 6);
}

/// Height 2 of the honest chain with other transactions, decided in this round.
fn twin(round: u32) -> LightBlock {
    let honest = honest(2);
    let mut changed = honest.header.clone();
    changed.data_hash = Some(Hash([0xaa; 32]));
    let mut twin = block(changed, &honest.validators, &[]);
    twin.commit.round = round;
    for (index, whose) in honest.validators.addresses().iter().enumerate() {
        let seed = (2..6).find(|seed| address(&public(*seed)) == *whose).unwrap();
        sign(&mut twin.commit, index, &signer(seed), &chain(), *whose, at(2), true);
    }
    twin
}

#[test]
fn equivocation_names_who_voted_twice_and_amnesia_is_recorded_and_names_nobody() {
    let (outcome, _) = compare(2, honest, |_| twin(0));
    let equivocation = evidence(outcome);
    convinces(&equivocation);
    assert_eq!(equivocation.divergence.kind, DivergenceKind::Equivocation);
    // Both commits were cut down to the votes that they need: three of four each.
    assert!(equivocation.signed_both.len() >= 2);

    let (outcome, _) = compare(2, honest, |_| twin(1));
    let amnesia = evidence(outcome);
    convinces(&amnesia);
    assert_eq!((amnesia.divergence.kind, amnesia.signed_both.len()), (DivergenceKind::Amnesia, 0));
}

#[test]
fn a_witness_that_cannot_prove_its_header_is_refused() {
    let unsigned = |height: u64| {
        let mut block = story(height, 2, 7);
        block.commit.signatures.iter_mut().for_each(|entry| *entry = comity_verify::comet::CommitSig::Absent);
        block
    };
    let (outcome, _) = compare(2, honest, unsigned);
    assert_eq!(outcome.unwrap_err().rule, Rule::CommitPower);
}

#[test]
fn a_primary_that_was_never_verified_is_refused_before_it_accuses_anybody() {
    let mut steps = walk(&pin(&honest(1)), 3, honest);
    steps[0].block.header.app_hash = Hash([1; 32]).into();
    let mut detection = Detection::new(params(), pin(&honest(1)), steps).unwrap();
    assert!(detection.feed(story(3, 2, 7), at(50)).is_err());
    assert!(Detection::new(params(), pin(&honest(1)), Vec::new()).is_err());
}

#[test]
fn a_peer_that_tells_another_story_when_asked_again_is_refused() {
    let asked = std::cell::Cell::new(0);
    let fickle = |height: u64| {
        if height == 20 {
            asked.set(asked.get() + 1);
        }
        // At first it shows a fork, later the primary's own header.
        if asked.get() <= 1 { story(height, 15, 7) } else { honest(height) }
    };
    let (outcome, _) = compare(20, honest, fickle);
    match outcome {
        Err(refusal) => assert_eq!(refusal.rule, Rule::WrongBlock),
        Ok(Comparison::Diverges(evidence)) => convinces(&evidence),
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_block_than_the_wanted_one_is_refused() {
    let mut detection = Detection::new(params(), pin(&honest(1)), walk(&pin(&honest(1)), 5, honest)).unwrap();
    assert_eq!(detection.wanted(), Some((Peer::Witness, Height(5))));
    assert_eq!(detection.feed(honest(4), at(50)).unwrap_err().rule, Rule::WrongBlock);
}

#[test]
fn an_evidence_file_reads_back_names_who_signed_both_and_no_changed_bit_of_its_headers_passes() {
    for (round, kind, named) in [(0, DivergenceKind::Equivocation, true), (1, DivergenceKind::Amnesia, false)] {
        let (outcome, _) = compare(2, honest, |_| twin(round));
        let evidence = evidence(outcome);
        let (first, second) = (evidence.primary.clone(), evidence.witness.clone());
        let found = Contradiction::proven(0, at(9), &evidence.divergence, first, second);
        assert_eq!((found.kind, found.signed_both()), (Some(kind), evidence.signed_both.clone()));
        assert_eq!(!found.signed_both().is_empty(), named);
        let file = found.encode(&chain());
        assert_eq!(Contradiction::decode(&file), Ok((chain(), found.clone())));
        // After magic, chain, number, time and kind come the headers; the last byte says that nothing was recovered.
        let headers = 8 + 4 + chain().as_str().len() + 4 + 12 + 2;
        for bit in (headers * 8..(file.len() - 1) * 8).step_by(3) {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Contradiction::decode(&changed).is_err(), "bit {bit}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert!(Contradiction::decode(&longer).is_err());
    }
    let known = pin(&honest(4)).consensus_state().clone();
    let step = LightStep { trusted_next: None, block: story(4, 4, 7) };
    let with_known = Contradiction::with_known(1, at(9), known.clone(), step);
    assert_eq!((with_known.kind, with_known.check(&chain())), (Some(DivergenceKind::Lunatic), Ok(())));
    let same = Contradiction::with_known(1, at(9), known, LightStep { trusted_next: None, block: honest(4) });
    assert_eq!(same.check(&chain()).unwrap_err().rule, Rule::NoDivergence);
}
