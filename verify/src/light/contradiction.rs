//! What a client was frozen with: both headers, in which way they contradict each other, and how it went on. Its chain keeps
//! it, a gateway shows it, and the file that an operator saves is its canonical bytes. Knows no remedy.

use super::{ConsensusState, Divergence, DivergenceKind, LightStep, TrustedHeader, same_chain, votes};
use crate::comet::{Address, CommitSig};
use crate::refusal::{Refusal, Rule};
use alloc::boxed::Box;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::{ChainId, Hash, Height, Time};

/// Two headers of a chain that contradict each other, as a client of it keeps them.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Contradiction {
    /// Which of the client's, from 0.
    pub number: u32,
    /// When the client was frozen, by its own chain's time.
    pub found_at: Time,
    /// In which way they contradict each other. `None` where of the first only what a client keeps is known, and equivocation
    /// and amnesia cannot be told apart.
    pub kind: Option<DivergenceKind>,
    /// The one header.
    pub first: Shown,
    /// The other.
    pub second: Shown,
    /// How the client was put back to use.
    pub recovered: Option<Recovery>,
}

/// A header, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Shown {
    /// With its votes and validators.
    Signed(Box<LightStep>) = 1,
    /// What a client keeps of a header that it had verified.
    Known(ConsensusState) = 2,
}

/// The governors' decision that put a client onto another header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Recovery {
    /// When, by the client's own chain's time.
    pub at: Time,
    /// The proposal's number.
    pub proposal: u64,
    /// SHA-256 of what the governors had seen.
    pub evidence: Hash,
}

/// The first bytes of a file with a contradiction; the last is the version.
pub const EVIDENCE_MAGIC: [u8; 8] = *b"COMITYE1";
/// Largest such file in bytes: two headers of the largest set that CometBFT has.
const EVIDENCE_BYTES_MAX: usize = 16 << 20;

impl Contradiction {
    /// A file of it, with the chain that it is about.
    #[must_use]
    pub fn encode(&self, chain: &ChainId) -> Vec<u8> {
        let mut bytes = EVIDENCE_MAGIC.to_vec();
        bytes.extend_from_slice(&comity_model::encode(&(chain, self)));
        bytes
    }

    /// Reads such a file whole and checks it ([`Contradiction::check`]). A file has one encoding.
    pub fn decode(bytes: &[u8]) -> Result<(ChainId, Self), Refusal> {
        let refuse = |expected: &str| Refusal::new(Rule::BundleEncoding, expected, "another file");
        let body = bytes
            .strip_prefix(&EVIDENCE_MAGIC)
            .filter(|body| body.len() <= EVIDENCE_BYTES_MAX)
            .ok_or_else(|| refuse("a file that starts with COMITYE1, of at most 16 MiB"))?;
        let (chain, found): (ChainId, Self) =
            comity_model::decode("evidence", body).map_err(|_| refuse("one canonical encoding"))?;
        found.check(&chain)?;
        Ok((chain, found))
    }

    /// What was found by [`super::misbehaviour`].
    #[must_use]
    pub fn proven(number: u32, found_at: Time, divergence: &Divergence, first: LightStep, second: LightStep) -> Self {
        let (first, second) = (Shown::Signed(Box::new(first)), Shown::Signed(Box::new(second)));
        Self { number, found_at, kind: Some(divergence.kind), first, second, recovered: None }
    }

    /// A verified step that contradicts what the client knows.
    #[must_use]
    pub fn with_known(number: u32, found_at: Time, known: ConsensusState, step: LightStep) -> Self {
        let other = TrustedHeader::of(&step.block.header, step.block.header.hash()).state;
        let kind = if known.height != other.height {
            Some(DivergenceKind::TimeOrder)
        } else if known.app_hash != other.app_hash || known.next_validators_hash != other.next_validators_hash {
            Some(DivergenceKind::Lunatic)
        } else {
            None
        };
        let (first, second) = (Shown::Known(known), Shown::Signed(Box::new(step)));
        Self { number, found_at, kind, first, second, recovered: None }
    }

    /// Validators who signed both headers, as far as both are shown with their votes. Empty for amnesia, which blames nobody.
    #[must_use]
    pub fn signed_both(&self) -> Vec<Address> {
        if self.kind.is_none_or(|kind| kind == DivergenceKind::Amnesia) {
            return Vec::new();
        }
        let second = self.second.signers();
        self.first.signers().into_iter().filter(|address| second.contains(address)).collect()
    }

    /// Whether it is what it says: two headers of `chain` that contradict each other, each that is shown with its votes signed by
    /// more than two thirds of the set that it names. That the sets are the chain's was judged by the chain that froze the
    /// client; a reader compares them with an anchor.
    pub fn check(&self, chain: &ChainId) -> Result<(), Refusal> {
        let (a, b) = (self.first.judge(chain)?, self.second.judge(chain)?);
        let (earlier, later) = if a.height <= b.height { (&a, &b) } else { (&b, &a) };
        let contradicts = if earlier.height == later.height {
            earlier.header_hash != later.header_hash
        } else {
            earlier.time >= later.time
        };
        if contradicts {
            return Ok(());
        }
        Err(Refusal::new(Rule::NoDivergence, "two headers that contradict each other", "two that do not"))
    }
}

impl Shown {
    /// Its height.
    #[must_use]
    pub fn height(&self) -> Height {
        match self {
            Self::Signed(step) => step.height(),
            Self::Known(state) => state.height,
        }
    }

    /// What a client keeps of it.
    #[must_use]
    pub fn state(&self) -> ConsensusState {
        match self {
            Self::Signed(step) => TrustedHeader::of(&step.block.header, step.block.header.hash()).state,
            Self::Known(state) => state.clone(),
        }
    }

    /// The step, where it is shown with its votes.
    #[must_use]
    pub fn step(&self) -> Option<&LightStep> {
        match self {
            Self::Signed(step) => Some(step),
            Self::Known(_) => None,
        }
    }

    /// Who signed it, as far as that is shown.
    #[must_use]
    pub fn signers(&self) -> Vec<Address> {
        let entries = self.step().map(|step| step.block.commit.signatures.as_slice()).unwrap_or_default();
        entries.iter().filter_map(CommitSig::for_block).map(|vote| vote.address).collect()
    }

    fn judge(&self, chain: &ChainId) -> Result<ConsensusState, Refusal> {
        if let Self::Signed(step) = self {
            same_chain(chain, &step.block.header)?;
            step.block.check()?;
            let needed = votes::needed(&step.block, None)?;
            let mut votes = votes::Votes::default();
            votes.add(&step.block, &needed);
            votes.verify(1)?;
        }
        Ok(self.state())
    }
}
