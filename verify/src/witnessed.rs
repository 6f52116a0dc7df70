//! What others say of a deposit's log: checkpoints that grew from the head the deposit is proven under, signed by the log and
//! cosigned by witnesses, or stamped by an authority for time. Knows no witness and no authority of its own: whom a reader believes
//! it says itself.
//!
//! A cosignature says that its witness saw this tree, grown from all that it saw before, at that time; a time stamp, that the tree
//! was there then. Neither says anything of truth.

use crate::bundle::Reader;
use crate::deposit::{self, Deposited};
use crate::merkle::{self, TreeHead};
use crate::refusal::{Refusal, Rule};
use crate::timestamp::{self, Stamp, TOKEN_BYTES_MAX};
use crate::tlog::{Checkpoint, Cosigned, NoteKey, Policy, Witnessed};
use crate::verdict::Step;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::{ChainId, Hash, UnixSeconds};

/// Most hashes of a proof of growth.
const GROWTH_MAX: usize = 128;
/// Most signatures.
pub const SIGNATURES_MAX: usize = 64;

/// A tree of a log that grew from another.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Grown {
    /// Its entries.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The proof that it grew from the head that the deposit is proven under (RFC 9162 section 2.1.4); empty where it is that head.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, GROWTH_MAX>")]
    pub growth: Vec<Hash>,
}

/// A checkpoint that others have signed. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedCheckpoint {
    /// Its tree.
    pub tree: Grown,
    /// Signatures under it, by keys in ascending order: of the log, of witnesses.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, SIGNATURES_MAX>")]
    pub signatures: Vec<Cosigned>,
}

/// A checkpoint that an authority for time has stamped. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StampedCheckpoint {
    /// Its tree.
    pub tree: Grown,
    /// The token (RFC 3161, DER) over its text.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, TOKEN_BYTES_MAX>")]
    pub token: Vec<u8>,
}

/// A deposit and a checkpoint of its log that others have signed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct WitnessedDeposit {
    /// The deposit.
    pub deposit: Deposited,
    /// The checkpoint.
    pub witnessed: SignedCheckpoint,
}

/// A deposit and a checkpoint of its log that an authority for time has stamped.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StampedDeposit {
    /// The deposit.
    pub deposit: Deposited,
    /// The checkpoint.
    pub stamped: StampedCheckpoint,
    /// One that witnesses have cosigned: that one or another.
    pub witnessed: Option<SignedCheckpoint>,
}

/// A deposit and what others say of its log.
#[derive(Clone, Copy, Debug)]
pub struct Attested<'a> {
    /// The deposit.
    pub deposit: &'a Deposited,
    /// A checkpoint that others have signed.
    pub witnessed: Option<&'a SignedCheckpoint>,
    /// A checkpoint that an authority for time has stamped.
    pub stamped: Option<&'a StampedCheckpoint>,
}

/// A witness that saw a deposit's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The witness's key, which has its name.
    pub by: NoteKey,
    /// When it saw it, as it says.
    pub at: UnixSeconds,
    /// How many entries the log had.
    pub size: u64,
    /// Whether the reader's policy names the witness. Without that it is anybody's word.
    pub known: bool,
}

/// A time stamp over a checkpoint of a deposit's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// What the token says.
    pub stamp: Stamp,
    /// How many entries the log had.
    pub size: u64,
}

/// What others say of a log, by their own word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attestations {
    pub(crate) seen: Vec<Seen>,
    pub(crate) stamped: Option<Stamped>,
}

impl Attestations {
    /// Whether somebody whom the reader believes vouches for a time.
    pub(crate) fn are_believed(&self) -> bool {
        self.seen.iter().any(|seen| seen.known) || self.stamped.iter().any(|stamped| stamped.stamp.known)
    }
}

impl Attested<'_> {
    /// Checks every growth, every signature and the token; and by the reader's policy, where there is one, whether enough
    /// witnesses cosigned by `now`. What is from later counts for nothing.
    ///
    /// # Errors
    /// `LOG_PROOF` where a checkpoint did not grow from the deposit's head; `LOG_FORMAT` and `LOG_SIGNATURE` for any
    /// signature that does not hold, that is there twice, or where a policy names logs and none of them signed;
    /// `LOG_WITNESSES` where they are not enough; as [`timestamp::check`].
    pub(crate) fn judge(
        &self,
        chain: &ChainId,
        reader: &Reader<'_>,
        now: UnixSeconds,
        steps: &mut Vec<Step>,
    ) -> Result<Attestations, Refusal> {
        let seen = match self.witnessed {
            Some(checkpoint) => self.seen(checkpoint, chain, reader.policy, now, steps)?,
            None => {
                without(reader.policy)?;
                Vec::new()
            }
        };
        let stamped = self.stamped.map(|checkpoint| self.stamped(checkpoint, chain, reader, steps)).transpose()?;
        // A time that has not come counts for nothing, whoever says so.
        Ok(Attestations { seen, stamped: stamped.filter(|stamped| stamped.stamp.made <= now) })
    }

    /// The text of a checkpoint that grew from the deposit's head.
    fn text(&self, tree: &Grown, chain: &ChainId, steps: &mut Vec<Step>) -> Result<(String, String), Refusal> {
        let log = &self.deposit.log;
        let (old, new) = (TreeHead { size: log.size, root: log.root }, TreeHead { size: tree.size, root: tree.root });
        merkle::consistent(&old, &new, &tree.growth)?;
        if tree.size != log.size {
            let grown = alloc::format!("the log of {} entries grew from that of {}", tree.size, log.size);
            steps.push(Step::new(grown, Rule::LogProof));
        }
        let origin = deposit::origin(chain, &self.deposit.keeper);
        let text = Checkpoint::text(&origin, &new);
        let text = text.ok_or_else(|| Refusal::new(Rule::LogFormat, "a log with a name", "one without"))?;
        Ok((origin, text))
    }

    fn stamped(
        &self,
        checkpoint: &StampedCheckpoint,
        chain: &ChainId,
        reader: &Reader<'_>,
        steps: &mut Vec<Step>,
    ) -> Result<Stamped, Refusal> {
        let (_, text) = self.text(&checkpoint.tree, chain, steps)?;
        let stamp = timestamp::check(&checkpoint.token, text.as_bytes(), reader.authorities)?;
        let size = checkpoint.tree.size;
        let what = alloc::format!("a time stamp of {stamp} stands over the checkpoint of {size} entries");
        steps.push(Step::new(what, Rule::Timestamp));
        Ok(Stamped { stamp, size })
    }

    fn seen(
        &self,
        checkpoint: &SignedCheckpoint,
        chain: &ChainId,
        policy: Option<&Policy>,
        now: UnixSeconds,
        steps: &mut Vec<Step>,
    ) -> Result<Vec<Seen>, Refusal> {
        let (origin, text) = self.text(&checkpoint.tree, chain, steps)?;
        let refuse = |found: &str| Refusal::new(Rule::LogSignature, "signatures by keys in ascending order", found);
        let signatures = &checkpoint.signatures;
        let ascending = signatures.windows(2).all(|pair| matches!(pair, [a, b] if a.key < b.key));
        if signatures.is_empty() || !ascending {
            return Err(refuse("others"));
        }
        let (mut logs, mut cosigned): (Vec<NoteKey>, Vec<(NoteKey, UnixSeconds)>) = (Vec::new(), Vec::new());
        for signature in signatures {
            match signature.check(&text)? {
                (key, Some(at)) => cosigned.push((key, at)),
                (key, None) if key.name() == origin => logs.push(key),
                (key, None) => return Err(Refusal::new(Rule::LogSignature, &origin, key.name())),
            }
        }
        let what = alloc::format!("{} signatures stand under the checkpoint", signatures.len());
        steps.push(Step::new(what, Rule::LogSignature));
        if let Some(policy) = policy {
            let trust = policy.trust(&origin, Vec::new());
            if !policy.logs().is_empty() && !trust.log.iter().any(|key| logs.contains(key)) {
                return Err(Refusal::new(Rule::LogSignature, alloc::format!("a signature of {origin}"), "none"));
            }
            let at = |key: &NoteKey| Ok(cosigned.iter().find(|(other, _)| other == key).map(|(_, at)| *at));
            let _: Vec<Witnessed> = trust.witnessed(now, at)?;
        }
        let is_known =
            |key: &NoteKey| policy.is_some_and(|policy| policy.witnesses().iter().any(|witness| witness.key == *key));
        let seen = cosigned.into_iter().filter(|(_, at)| *at <= now);
        let size = checkpoint.tree.size;
        let seen: Vec<Seen> = seen.map(|(by, at)| Seen { known: is_known(&by), by, at, size }).collect();
        if seen.iter().any(|witness| witness.known) {
            steps.push(Step::new("as many witnesses saw it as the policy wants".into(), Rule::LogWitnesses));
        }
        Ok(seen)
    }
}

/// Whether a claim without any cosignature is enough for a reader.
pub(crate) fn without(policy: Option<&Policy>) -> Result<(), Refusal> {
    match policy.map(Policy::quorum).filter(|quorum| !quorum.is_none()) {
        None => Ok(()),
        Some(quorum) => Err(Refusal::new(Rule::LogWitnesses, quorum, "no checkpoint that a witness has cosigned")),
    }
}

/// What a reader is told of those who vouch for a time of the log: first what is proven to it, then what is not.
pub(crate) fn sentences(others: &Attestations) -> (Vec<String>, Vec<String>) {
    let (mut proves, mut doubts): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for witness in others.seen.iter().filter(|witness| witness.known) {
        proves.push(alloc::format!(
            "Witness {} saw the log with this entry, then of {} entries, at {}; it had only grown since the witness saw it before.",
            witness.by.name(),
            witness.size,
            witness.at,
        ));
    }
    let strangers: Vec<String> =
        others.seen.iter().filter(|witness| !witness.known).map(|witness| witness.by.to_string()).collect();
    if !strangers.is_empty() {
        doubts.push(alloc::format!(
            "It carries cosignatures by {}: nothing follows from them unless a policy names these witnesses.",
            strangers.join(", ")
        ));
    }
    if let Some(Stamped { stamp, size }) = &others.stamped {
        if stamp.known {
            proves.push(alloc::format!(
                "The log with this entry, then of {size} entries, existed no later than {}, by the time stamp of {stamp}.",
                stamp.at
            ));
        } else {
            doubts.push(alloc::format!(
                "It carries a time stamp of {stamp}: nothing follows from it unless the reader names this authority."
            ));
        }
    }
    (proves, doubts)
}
