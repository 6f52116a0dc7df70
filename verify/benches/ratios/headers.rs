//! Headers: one new one, and sixty-four while catching up, against tendermint-light-client-verifier.
//!
//! Ours is what a follower does with a block off the wire: the set's hash is computed, and where the set is a known one its
//! decompressed keys are shared.

use crate::{Figures, compare, only, peer, world};
use comity_model::{Hash, Time};
use comity_verify::comet::{
    BlockId, Commit, CommitSig, Header, LightBlock, PartSetHeader, SetCache, Validator, ValidatorSet,
};
use comity_verify::light::{ClientParams, LightStep, TrustedHeader, verify, verify_all, verify_all_on};
use ed25519_dalek::SigningKey;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{LightBlock as PeerBlock, TrustedBlockState, UntrustedBlockState};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};

const BATCH: usize = 64;

pub(crate) fn measure(rounds: usize, figures: &mut Figures) {
    for count in [4, 21, 100, 150] {
        let chain = Chain::of(count);
        chain.check();
        compare(&format!("header_{count}_one"), rounds, figures, || chain.one(), || chain.peer(1));
        // As many blocks in one batch; what is kept is the time of all of them on both sides.
        let name = format!("header_{count}_batch{BATCH}");
        compare(&name, rounds.min(7), figures, || chain.batch(), || chain.peer(BATCH));
    }
}

/// A long catch-up on one thread and on two, in the time that passes: what a machine with two free cores gains.
pub(crate) fn threads(rounds: usize) {
    if only().is_some_and(|part| !"threads_2".contains(&part)) {
        return;
    }
    let chain = Chain::of(150);
    let mut cache = chain.cache();
    let steps: Vec<_> = (1..=BATCH).map(|index| chain.step(index, &mut cache)).collect();
    let on = |threads: usize| {
        let threads = NonZeroUsize::new(threads).expect("some");
        let start = Instant::now();
        black_box(verify_all_on(threads, &chain.params, &chain.trusted, &steps, now()).expect("the blocks hold"));
        start.elapsed().as_secs_f64()
    };
    // The shortest of many: what others do on the machine only ever adds.
    let (mut one, mut two) = (f64::MAX, f64::MAX);
    for _ in 0..rounds * 4 {
        (one, two) = (one.min(on(1)), two.min(on(2)));
    }
    println!("{:<22} {:>10.2}µs {:>10.2}µs {:>7.2}×", "threads_2 (two, one)", two * 1e6, one * 1e6, one / two);
}

/// Blocks 1 to 65 of a chain with one set.
struct Chain {
    theirs: Vec<PeerBlock>,
    ours: Vec<LightBlock>,
    trusted: TrustedHeader,
    params: ClientParams,
    known: ValidatorSet,
}

impl Chain {
    fn of(count: u8) -> Self {
        let keys: Vec<_> = (0..count).map(world::signer).collect();
        let validators: Vec<_> =
            keys.iter().map(|key| Validator { public_key: key.verifying_key().to_bytes(), power: 50 }).collect();
        let set = ValidatorSet::new(validators).expect("a set");
        let ours: Vec<_> = (1..=BATCH as u64 + 1).map(|height| generate(height, &keys, &set)).collect();
        let theirs: Vec<_> = ours.iter().map(peer::block_of).collect();
        let trusted = world::pin(&ours[0]);
        let params =
            ClientParams { chain_id: trusted.chain_id().clone(), trusting_period_secs: 1_000, clock_drift_secs: 1 };
        Self { known: ours[0].validators.clone(), trusted, theirs, ours, params }
    }

    /// A block as it comes off the wire: its set is not yet known to be the known one.
    fn step(&self, index: usize, cache: &mut SetCache) -> LightStep {
        let block = &self.ours[index];
        let set = ValidatorSet::new(block.validators.validators().to_vec()).expect("a set");
        let block =
            LightBlock { header: block.header.clone(), commit: block.commit.clone(), validators: cache.share(set) };
        LightStep { trusted_next: None, block }
    }

    fn cache(&self) -> SetCache {
        let mut cache = SetCache::default();
        cache.share(self.known.clone());
        cache
    }

    fn one(&self) {
        let step = self.step(1, &mut self.cache());
        black_box(verify(&self.params, &self.trusted, &step, now()).expect("the block holds"));
    }

    fn batch(&self) {
        let mut cache = self.cache();
        let steps: Vec<_> = (1..=BATCH).map(|index| self.step(index, &mut cache)).collect();
        black_box(verify_all(&self.params, &self.trusted, &steps, now()).expect("the blocks hold"));
    }

    fn peer(&self, blocks: usize) {
        let options = Options {
            trust_threshold: Default::default(),
            trusting_period: Duration::from_secs(1_000),
            clock_drift: Duration::from_secs(1),
        };
        let verifier = ProdVerifier::default();
        for index in 1..=blocks {
            let untrusted = UntrustedBlockState { next_validators: None, ..self.theirs[index].as_untrusted_state() };
            let trusted = TrustedBlockState { ..self.theirs[index - 1].as_trusted_state() };
            let verdict = verifier.verify_update_header(untrusted, trusted, &options, peer::time(now()));
            assert!(matches!(black_box(verdict), Verdict::Success));
        }
    }

    /// Both refuse a block with one changed signature: what is measured does verify.
    fn check(&self) {
        let mut step = self.step(1, &mut self.cache());
        if let CommitSig::Commit(vote) = &mut step.block.commit.signatures[0] {
            vote.signature[3] ^= 1;
        }
        assert!(verify(&self.params, &self.trusted, &step, now()).is_err());
    }
}

fn now() -> Time {
    Time::new(1_200, 0).expect("a time")
}

/// A block signed by all, made by our own code: `tendermint-testgen` takes minutes for sets of this size.
fn generate(height: u64, keys: &[SigningKey], set: &ValidatorSet) -> LightBlock {
    let header = Header {
        time: Time::new(1_000 + height as i64, 5).expect("a time"),
        ..world::header(height, set, set, Hash([9; 32]))
    };
    let block_id = BlockId { hash: header.hash(), parts: PartSetHeader { total: 1, hash: Hash([8; 32]) } };
    let signatures = vec![CommitSig::Absent; keys.len()];
    let mut commit = Commit { height: header.height, round: 0, block_id, signatures };
    for (index, validator) in set.validators().iter().enumerate() {
        let key = keys.iter().find(|key| key.verifying_key().to_bytes() == validator.public_key).expect("a key");
        world::sign(&mut commit, index, key, &header.chain_id, validator.address(), header.time, true);
    }
    LightBlock { header, commit, validators: set.clone() }
}
