//! Which votes of a commit are needed, and whether they are genuine. Knows no trust in headers.

use crate::comet::{CommitSig, LightBlock, ValidatorSet};
use crate::ed25519::{self, Item, Key, Keys};
use crate::refusal::{Refusal, Rule};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use comity_model::{Hash, Height};

/// Indices of the votes that decide, ascending: the first that pass a third of `trusted`, if there is such a set, and
/// the first that pass two thirds of the block's own. The block has passed [`LightBlock::check`], so that votes stand
/// at their validators' indices and nobody votes twice.
pub(super) fn needed(block: &LightBlock, trusted: Option<&ValidatorSet>) -> Result<Vec<usize>, Refusal> {
    let mut needed = Vec::with_capacity(block.commit.signatures.len());
    if let Some(set) = trusted {
        let power = |index: usize| trusted_power(block, set, index);
        collect(block, power, set.total_power(), 1, &mut needed).map_err(|signed| {
            Refusal::new(Rule::NotEnoughTrust, alloc::format!("more than a third of {}", set.total_power()), signed)
        })?;
    }
    let own = &block.validators;
    let power = |index: usize| own.validators().get(index).map(|validator| validator.power);
    collect(block, power, own.total_power(), 2, &mut needed).map_err(|signed| {
        Refusal::new(Rule::CommitPower, alloc::format!("more than two thirds of {}", own.total_power()), signed)
    })?;
    needed.sort_unstable();
    needed.dedup();
    Ok(needed)
}

/// The power, in the trusted set, of whoever votes at `index`; same address and same key.
fn trusted_power(block: &LightBlock, set: &ValidatorSet, index: usize) -> Option<u64> {
    let position = set.position(block.validators.addresses().get(index)?)?;
    let known = set.validators().get(position)?;
    let voter = block.validators.validators().get(index)?;
    (known.public_key == voter.public_key).then_some(known.power)
}

/// Adds the indices of the first votes for the block whose powers pass `thirds`/3 of `total`; `Err` with the sum where
/// they do not. Votes for no block do not count.
fn collect(
    block: &LightBlock,
    power: impl Fn(usize) -> Option<u64>,
    total: u64,
    thirds: u64,
    needed: &mut Vec<usize>,
) -> Result<(), u64> {
    // Sums stay below 2^60 (`ValidatorSet::POWER_MAX`), so that three times one fits.
    let threshold = total.saturating_mul(thirds);
    let mut signed = 0u64;
    for (index, entry) in block.commit.signatures.iter().enumerate() {
        if entry.for_block().is_none() {
            continue;
        }
        let Some(power) = power(index) else { continue };
        needed.push(index);
        signed = signed.saturating_add(power);
        if signed.saturating_mul(3) > threshold {
            return Ok(());
        }
    }
    Err(signed)
}

/// Votes to be verified together.
#[derive(Default)]
pub(super) struct Votes<'a> {
    votes: Vec<Vote<'a>>,
    /// Sets met so far, by hash: keys are decompressed once for each, however many blocks it signed.
    sets: BTreeMap<Hash, &'a Keys>,
}

struct Vote<'a> {
    height: Height,
    index: usize,
    /// `None` where the validator's key is no point.
    key: Option<&'a Key>,
    signature: &'a [u8; 64],
    message: Vec<u8>,
}

impl<'a> Votes<'a> {
    /// Adds the votes at `indices`.
    pub(super) fn add(&mut self, block: &'a LightBlock, indices: &[usize]) {
        let commit = &block.commit;
        let bytes = block.sign_bytes();
        let keys = *self.sets.entry(block.validators.hash()).or_insert_with(|| block.validators.keys());
        self.votes.reserve(indices.len());
        for index in indices {
            let Some(CommitSig::Commit(vote)) = commit.signatures.get(*index) else {
                continue;
            };
            self.votes.push(Vote {
                height: commit.height,
                index: *index,
                key: keys.get(*index),
                signature: &vote.signature,
                message: bytes.at(vote.time),
            });
        }
    }

    /// All at once, on as many threads; where that fails, one by one, to name the first that is wrong.
    pub(super) fn verify(&self, threads: usize) -> Result<(), Refusal> {
        let items: Option<Vec<Item<'_>>> = self.votes.iter().map(Vote::item).collect();
        if items.is_some_and(|items| self.hold(&items, threads)) {
            return Ok(());
        }
        let wrong = self.votes.iter().find(|vote| !vote.item().is_some_and(|item| ed25519::verify(&item)));
        let found = wrong.map_or_else(
            || alloc::string::String::from("a batch that does not"),
            |vote| alloc::format!("vote {} of height {} does not", vote.index, vote.height),
        );
        Err(Refusal::new(Rule::Signature, "votes whose signatures verify", found))
    }

    /// The votes of one set are verified with what is remembered of its keys.
    fn hold(&self, items: &[Item<'_>], threads: usize) -> bool {
        let mut sets = self.sets.values();
        let keys = match (sets.next(), sets.next()) {
            (Some(keys), None) => Some(*keys),
            _ => None,
        };
        let indices: Vec<usize> = self.votes.iter().map(|vote| vote.index).collect();
        share_out(threads, keys, &indices, items)
    }
}

fn part_holds(keys: Option<&Keys>, indices: &[usize], items: &[Item<'_>]) -> bool {
    match keys {
        Some(keys) => ed25519::verify_batch_of(keys, indices, items),
        None => ed25519::verify_batch(items),
    }
}

#[cfg(not(feature = "std"))]
fn share_out(_: usize, keys: Option<&Keys>, indices: &[usize], items: &[Item<'_>]) -> bool {
    part_holds(keys, indices, items)
}

/// A batch holds if its parts do: each thread verifies one. Where the system gives no thread, its part is verified here.
#[cfg(feature = "std")]
fn share_out(threads: usize, keys: Option<&Keys>, indices: &[usize], items: &[Item<'_>]) -> bool {
    /// Fewer are verified faster than a thread starts, or share less with each other than they gain.
    const PART_MIN: usize = 256;
    let parts = threads.min(items.len().checked_div(PART_MIN).unwrap_or(1)).max(1);
    let size = items.len().div_ceil(parts).max(1);
    let mut parts = indices.chunks(size).zip(items.chunks(size));
    let Some((own_indices, own_items)) = parts.next() else {
        return true;
    };
    std::thread::scope(|scope| {
        let mut holds = true;
        let mut running = Vec::new();
        for (indices, items) in parts {
            let part = move || part_holds(keys, indices, items);
            match std::thread::Builder::new().spawn_scoped(scope, part) {
                Ok(thread) => running.push(thread),
                Err(_) => holds &= part_holds(keys, indices, items),
            }
        }
        holds &= part_holds(keys, own_indices, own_items);
        running.into_iter().fold(holds, |holds, thread| thread.join().unwrap_or(false) && holds)
    })
}

impl Vote<'_> {
    fn item(&self) -> Option<Item<'_>> {
        self.key.map(|key| Item { key, signature: self.signature, message: &self.message })
    }
}
