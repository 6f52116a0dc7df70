//! Finding the way from a trusted header to a later one, without I/O: says which block it needs, takes it, goes on.
//!
//! Skips where a third of the trusted set signed, halves the distance where not (CometBFT light client, skipping
//! verification). Which blocks are on the way follows from headers, sets and who voted; the signatures of the steps found
//! are verified together, as one batch for up to [`Bisection::BATCH`] steps. Knows no peers.

use super::{ClientParams, LightStep, TrustedHeader, needs_trusted_set, trim, unsigned, verify_all};
use crate::comet::{LightBlock, ValidatorSet};
use crate::refusal::{Refusal, Rule};
use alloc::vec::Vec;
use comity_model::{Height, Time};

/// A walk in progress. Its driver fetches light blocks by height and feeds them; nothing else.
#[derive(Clone, Debug)]
pub struct Bisection {
    params: ClientParams,
    /// The last header whose votes were verified, and how many steps lead to it.
    verified: TrustedHeader,
    verified_steps: usize,
    /// Where the steps lead if the votes of those that came since hold.
    trusted: TrustedHeader,
    /// The set that `trusted` announced, once it is known.
    next: Option<ValidatorSet>,
    /// The block after `trusted`, where it was fetched for its set alone.
    successor: Option<LightBlock>,
    /// Blocks fetched and not yet verified, the highest first.
    pending: Vec<LightBlock>,
    target: Height,
    steps: Vec<LightStep>,
    wanted: Height,
    /// Whether the wanted block is not on the way itself, but only brings the announced set.
    for_set: bool,
}

/// Where a walk stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The light block of this height is needed next.
    Need(Height),
    /// The target is reached.
    Done {
        /// The steps, in order, each with only the votes it needs.
        steps: Vec<LightStep>,
        /// The target's header.
        header: TrustedHeader,
    },
}

impl Bisection {
    /// Most steps of one walk.
    pub const STEPS_MAX: usize = 10_000;
    /// Most steps whose signatures are verified together: no source makes a walk go further on what it has not proven.
    pub const BATCH: usize = 64;
    /// Most blocks that wait: more than halving 2^63 heights ever leaves.
    const PENDING_MAX: usize = 66;

    /// A walk from `trusted` to the height `target` above it.
    pub fn new(params: ClientParams, trusted: TrustedHeader, target: Height) -> Result<Self, Refusal> {
        if target <= trusted.height() {
            return Err(Refusal::new(
                Rule::HeightNotIncreasing,
                alloc::format!("a height above {}", trusted.height()),
                target,
            ));
        }
        Ok(Self {
            params,
            verified: trusted.clone(),
            verified_steps: 0,
            trusted,
            next: None,
            successor: None,
            pending: Vec::new(),
            target,
            steps: Vec::new(),
            wanted: target,
            for_set: false,
        })
    }

    /// Gives the set that the trusted header announced, where the driver has it: saves one block. Another set is
    /// ignored.
    #[must_use]
    pub fn knowing(mut self, next: ValidatorSet) -> Self {
        if next.hash() == self.trusted.next_validators_hash() {
            self.next = Some(next);
        }
        self
    }

    /// The height of the block that is needed now.
    #[must_use]
    pub const fn wanted(&self) -> Height {
        self.wanted
    }

    /// Takes the block of height [`Self::wanted`]. Each refusal is final: the block's source is wrong. What is refused is the
    /// first step that does not hold, as if each had been judged when it came.
    pub fn feed(&mut self, block: LightBlock, now: Time) -> Result<Progress, Refusal> {
        if block.header.height != self.wanted {
            return Err(Refusal::new(
                Rule::WrongBlock,
                alloc::format!("height {}", self.wanted),
                alloc::format!("height {}", block.header.height),
            ));
        }
        let fed = self.take(block, now);
        if fed.is_err() {
            // A step before may be what is wrong: nobody has looked at its signatures yet.
            self.verify_votes(now)?;
        }
        fed
    }

    fn take(&mut self, block: LightBlock, now: Time) -> Result<Progress, Refusal> {
        if self.wanted == self.trusted.height().next() {
            self.announce(&block)?;
        }
        if self.for_set {
            self.successor = Some(block);
        } else {
            self.pending.push(block);
        }
        self.advance(now)
    }

    /// The votes of the steps that came since this was asked last.
    fn verify_votes(&mut self, now: Time) -> Result<(), Refusal> {
        if let Some(steps) = self.steps.get(self.verified_steps..).filter(|steps| !steps.is_empty()) {
            self.verified = verify_all(&self.params, &self.verified, steps, now)?;
            self.verified_steps = self.steps.len();
        }
        Ok(())
    }

    /// The block after the trusted one brings the announced set, whether or not it is walked over.
    fn announce(&mut self, block: &LightBlock) -> Result<(), Refusal> {
        let announced = self.trusted.next_validators_hash();
        if block.validators.hash() != announced {
            return Err(Refusal::new(Rule::NextValidatorsHash, announced, block.validators.hash()));
        }
        self.next = Some(block.validators.clone());
        Ok(())
    }

    fn advance(&mut self, now: Time) -> Result<Progress, Refusal> {
        while let Some(block) = self.pending.last() {
            let needs_set = needs_trusted_set(&self.trusted, block);
            if needs_set && self.next.is_none() {
                return self.need(self.trusted.height().next(), true);
            }
            let step = LightStep { trusted_next: self.next.clone().filter(|_| needs_set), block: block.clone() };
            match unsigned(&self.params, &self.trusted, &step, now) {
                Ok((header, _)) => {
                    self.pending.pop();
                    self.steps.push(trim(&self.trusted, &step));
                    self.trusted = header;
                    self.next = None;
                    self.successor = None;
                    if self.steps.len().saturating_sub(self.verified_steps) >= Self::BATCH {
                        self.verify_votes(now)?;
                    }
                }
                Err(refusal) if refusal.rule == Rule::NotEnoughTrust => {
                    let middle = midpoint(self.trusted.height(), block.header.height);
                    match self.successor.take_if(|block| block.header.height == middle) {
                        Some(successor) => self.pending.push(successor),
                        None => return self.need(middle, false),
                    }
                }
                Err(refusal) => return Err(refusal),
            }
        }
        if self.trusted.height() == self.target {
            self.verify_votes(now)?;
            self.verified_steps = 0;
            return Ok(Progress::Done { steps: core::mem::take(&mut self.steps), header: self.verified.clone() });
        }
        self.need(self.target, false)
    }

    fn need(&mut self, height: Height, for_set: bool) -> Result<Progress, Refusal> {
        if self.pending.len() >= Self::PENDING_MAX || self.steps.len() >= Self::STEPS_MAX {
            return Err(Refusal::new(Rule::TooManySteps, alloc::format!("at most {} steps", Self::STEPS_MAX), "more"));
        }
        self.wanted = height;
        self.for_set = for_set;
        Ok(Progress::Need(height))
    }
}

/// A height strictly between two that are at least two apart; the lower one's successor otherwise.
fn midpoint(low: Height, high: Height) -> Height {
    let half = high.0.saturating_sub(low.0) / 2;
    Height(low.0.saturating_add(half.max(1)))
}
