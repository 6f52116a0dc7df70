//! Finding where two peers' stories of a chain part, without I/O: says which block of which peer it needs, takes it, goes
//! on until both sides are one step from a header on which they agree (CometBFT light client, detection.md,
//! [LCD-FUNC-BACKWARDS.2] and `examineConflictingHeaderAgainstTrace`). Knows no peers and no remedy.

use super::{Bisection, ClientParams, Divergence, DivergenceKind, LightStep, Progress, TrustedHeader, misbehaviour};
use crate::comet::{Address, CommitSig, LightBlock};
use crate::refusal::{Refusal, Rule};
use alloc::boxed::Box;
use alloc::vec::Vec;
use comity_model::{Height, Time};

/// Whose block is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The one whose header was verified first.
    Primary,
    /// The one that it is compared with.
    Witness,
}

impl Peer {
    const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Witness,
            Self::Witness => Self::Primary,
        }
    }
}

/// Where a comparison stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The light block of this height is needed from this peer.
    Need(Peer, Height),
    /// The witness shows the same header.
    Agrees,
    /// Both can prove their own: the chain contradicts itself.
    Diverges(Box<Evidence>),
}

/// Two headers of one height that contradict each other, each one step from a header on which both peers agree: what a
/// client of the chain is frozen with ([`super::misbehaviour`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The header on which they agree.
    pub common: TrustedHeader,
    /// The primary's step from it.
    pub primary: LightStep,
    /// The witness' step from it.
    pub witness: LightStep,
    /// In which way they contradict each other.
    pub divergence: Divergence,
    /// Validators who signed both blocks. Empty for amnesia, which is recorded and blames nobody: who forgot its lock
    /// shows only in the validators' own records (CometBFT `types/evidence.go`, `GetByzantineValidators`).
    pub signed_both: Vec<Address>,
}

/// A comparison in progress.
#[derive(Clone, Debug)]
pub struct Detection {
    params: ClientParams,
    /// The last header on which both sides are known to agree.
    common: TrustedHeader,
    primary: Vec<LightStep>,
    witness: Vec<LightStep>,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// The witness' block of the target's height is awaited.
    Ask,
    /// A peer's way from the common header to a height is being found.
    Walk(Peer, Box<Bisection>, Purpose),
    /// The outcome is known.
    Over,
}

/// What a walk is for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// The witness' way to the target.
    Target,
    /// A peer's way to the height of the other's first step: do they agree there?
    Middle,
    /// A peer's way from a new common header to where the two differ.
    Rest,
}

impl Detection {
    /// Compares the way `primary` from `trusted`, as [`Bisection`] returned it, with what a witness has to show. There is
    /// at least one step.
    pub fn new(params: ClientParams, trusted: TrustedHeader, primary: Vec<LightStep>) -> Result<Self, Refusal> {
        if primary.is_empty() {
            return Err(Refusal::new(Rule::WrongBlock, "at least one step to compare", "none"));
        }
        Ok(Self { params, common: trusted, primary, witness: Vec::new(), stage: Stage::Ask })
    }

    /// What is needed now; `None` once the outcome is known.
    #[must_use]
    pub fn wanted(&self) -> Option<(Peer, Height)> {
        match &self.stage {
            Stage::Ask => Some((Peer::Witness, end(&self.primary)?.0)),
            Stage::Walk(peer, walk, _) => Some((*peer, walk.wanted())),
            Stage::Over => None,
        }
    }

    /// Takes the wanted block. A refusal means that the peer asked cannot prove what it shows: a witness is then dropped,
    /// and a primary is no longer one.
    pub fn feed(&mut self, block: LightBlock, now: Time) -> Result<Comparison, Refusal> {
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Ask => {
                let target = end(&self.primary).filter(|(height, _)| *height == block.header.height);
                let (height, hash) = target.ok_or_else(|| wrong_block(block.header.height))?;
                if block.header.hash() == hash {
                    return Ok(Comparison::Agrees);
                }
                // Both sides must be proven before either is believed to contradict the other.
                super::verify_all(&self.params, &self.common, &self.primary, now)?;
                let walk = Bisection::new(self.params.clone(), self.common.clone(), height)?;
                self.step(Peer::Witness, walk, Purpose::Target, block, now)
            }
            Stage::Walk(peer, walk, purpose) => self.step(peer, *walk, purpose, block, now),
            Stage::Over => Err(wrong_block(block.header.height)),
        }
    }

    fn step(
        &mut self,
        peer: Peer,
        mut walk: Bisection,
        purpose: Purpose,
        block: LightBlock,
        now: Time,
    ) -> Result<Comparison, Refusal> {
        match walk.feed(block, now)? {
            Progress::Need(height) => {
                self.stage = Stage::Walk(peer, Box::new(walk), purpose);
                Ok(Comparison::Need(peer, height))
            }
            Progress::Done { steps, header } => self.walked(peer, purpose, steps, &header, now),
        }
    }

    fn walked(
        &mut self,
        peer: Peer,
        purpose: Purpose,
        steps: Vec<LightStep>,
        header: &TrustedHeader,
        now: Time,
    ) -> Result<Comparison, Refusal> {
        match purpose {
            Purpose::Target | Purpose::Rest => {
                // Asked again, a peer must not tell another story.
                if end(self.side(peer.other())).is_some_and(|(_, hash)| hash == header.header_hash()) {
                    return Err(wrong_block(header.height()));
                }
                *self.side_mut(peer) = steps;
            }
            Purpose::Middle => {
                let other = self.side_mut(peer.other());
                let agreed = other.first().is_some_and(|step| step.block.header.hash() == header.header_hash());
                if agreed {
                    other.remove(0);
                    self.common = header.clone();
                    let target = end(self.side(peer.other())).ok_or_else(|| wrong_block(header.height()))?.0;
                    return self.walk(peer, target, Purpose::Rest);
                }
                other.truncate(1);
                *self.side_mut(peer) = steps;
            }
        }
        self.narrow(now)
    }

    /// Goes on where a side is more than one step from the common header; otherwise the evidence is there.
    fn narrow(&mut self, now: Time) -> Result<Comparison, Refusal> {
        let longer = if self.primary.len() > 1 { Peer::Primary } else { Peer::Witness };
        match self.side(longer) {
            [first, _, ..] => {
                let middle = first.height();
                self.walk(longer.other(), middle, Purpose::Middle)
            }
            _ => self.evidence(now),
        }
    }

    fn walk(&mut self, peer: Peer, target: Height, purpose: Purpose) -> Result<Comparison, Refusal> {
        let walk = Bisection::new(self.params.clone(), self.common.clone(), target)?;
        let height = walk.wanted();
        self.stage = Stage::Walk(peer, Box::new(walk), purpose);
        Ok(Comparison::Need(peer, height))
    }

    fn evidence(&mut self, now: Time) -> Result<Comparison, Refusal> {
        let (Some(primary), Some(witness)) = (self.primary.pop(), self.witness.pop()) else {
            return Err(wrong_block(self.common.height()));
        };
        let divergence = misbehaviour(&self.params, &self.common, &primary, &witness, now)?;
        let signed_both = match divergence.kind {
            DivergenceKind::Amnesia => Vec::new(),
            _ => signers(&primary).filter(|address| signers(&witness).any(|other| other == *address)).collect(),
        };
        let common = self.common.clone();
        Ok(Comparison::Diverges(Box::new(Evidence { common, primary, witness, divergence, signed_both })))
    }

    fn side(&self, peer: Peer) -> &[LightStep] {
        match peer {
            Peer::Primary => &self.primary,
            Peer::Witness => &self.witness,
        }
    }

    const fn side_mut(&mut self, peer: Peer) -> &mut Vec<LightStep> {
        match peer {
            Peer::Primary => &mut self.primary,
            Peer::Witness => &mut self.witness,
        }
    }
}

/// Height and hash of the header that a way leads to.
fn end(steps: &[LightStep]) -> Option<(Height, comity_model::Hash)> {
    steps.last().map(|step| (step.height(), step.block.header.hash()))
}

fn signers(step: &LightStep) -> impl Iterator<Item = Address> {
    step.block.commit.signatures.iter().filter_map(CommitSig::for_block).map(|vote| vote.address)
}

fn wrong_block(height: Height) -> Refusal {
    Refusal::new(
        Rule::WrongBlock,
        "the block that was asked for, the same each time",
        alloc::format!("height {height}"),
    )
}
