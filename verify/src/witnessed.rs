//! A deposit with what others say of its log: a checkpoint that grew from the head the deposit is proven under, signed by the
//! log and cosigned by witnesses. Knows no witness of its own: whom a reader believes is in its policy.
//!
//! A cosignature says that its witness saw this tree, grown from all that it saw before, at that time. It says nothing of truth.

use crate::deposit::{self, Deposited};
use crate::merkle::{self, TreeHead};
use crate::refusal::{Refusal, Rule};
use crate::tlog::{Checkpoint, Cosigned, NoteKey, Policy, Witnessed};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::{ChainId, Hash, UnixSeconds};

/// Most hashes of a proof of growth.
const GROWTH_MAX: usize = 128;
/// Most signatures.
pub const SIGNATURES_MAX: usize = 64;

/// A deposit and a checkpoint of its log that others have signed. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct WitnessedDeposit {
    /// The deposit.
    pub deposit: Deposited,
    /// Entries of the checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The proof that it grew from the head that the deposit is proven under (RFC 9162 section 2.1.4); empty where it is that head.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, GROWTH_MAX>")]
    pub growth: Vec<Hash>,
    /// Signatures under it, by keys in ascending order: of the log, of witnesses.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, SIGNATURES_MAX>")]
    pub signatures: Vec<Cosigned>,
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

impl WitnessedDeposit {
    /// Checks growth and every signature, and by the policy, where there is one, whether enough witnesses cosigned by `now`.
    ///
    /// # Errors
    /// `LOG_PROOF` where the checkpoint did not grow from the deposit's head; `LOG_FORMAT` and `LOG_SIGNATURE` for any
    /// signature that does not hold, that is there twice, or where a policy names logs and none of them signed;
    /// `LOG_WITNESSES` where they are not enough.
    pub(crate) fn seen(
        &self,
        chain: &ChainId,
        policy: Option<&Policy>,
        now: UnixSeconds,
    ) -> Result<Vec<Seen>, Refusal> {
        let log = &self.deposit.log;
        let (old, new) = (TreeHead { size: log.size, root: log.root }, TreeHead { size: self.size, root: self.root });
        merkle::consistent(&old, &new, &self.growth)?;
        let origin = deposit::origin(chain, &self.deposit.keeper);
        let refuse = |found: &str| Refusal::new(Rule::LogSignature, "signatures by keys in ascending order", found);
        let text = Checkpoint::text(&origin, &new).ok_or_else(|| refuse("a log without a name"))?;
        let ascending = self.signatures.windows(2).all(|pair| matches!(pair, [a, b] if a.key < b.key));
        if self.signatures.is_empty() || !ascending {
            return Err(refuse("others"));
        }
        let (mut logs, mut cosigned): (Vec<NoteKey>, Vec<(NoteKey, UnixSeconds)>) = (Vec::new(), Vec::new());
        for signature in &self.signatures {
            match signature.check(&text)? {
                (key, Some(at)) => cosigned.push((key, at)),
                (key, None) if key.name() == origin => logs.push(key),
                (key, None) => return Err(Refusal::new(Rule::LogSignature, &origin, key.name())),
            }
        }
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
        // A time that has not come counts for nothing, whoever says so.
        let seen = cosigned.into_iter().filter(|(_, at)| *at <= now);
        let seen = seen.map(|(by, at)| Seen { known: is_known(&by), by, at, size: self.size });
        Ok(seen.collect())
    }
}

/// Whether a claim without any cosignature is enough for a reader.
pub(crate) fn without(policy: Option<&Policy>) -> Result<(), Refusal> {
    match policy.map(Policy::quorum).filter(|quorum| !quorum.is_none()) {
        None => Ok(()),
        Some(quorum) => Err(Refusal::new(Rule::LogWitnesses, quorum, "no checkpoint that a witness has cosigned")),
    }
}

/// What a reader is told of those who saw the log: first what is proven to it, then what is not.
pub(crate) fn sentences(seen: &[Seen]) -> (Vec<String>, Vec<String>) {
    let mut proves: Vec<String> = Vec::new();
    for witness in seen.iter().filter(|witness| witness.known) {
        proves.push(alloc::format!(
            "Witness {} saw the log with this entry, then of {} entries, at {}; it had only grown since the witness saw it before.",
            witness.by.name(),
            witness.size,
            witness.at,
        ));
    }
    let strangers: Vec<String> =
        seen.iter().filter(|witness| !witness.known).map(|witness| witness.by.to_string()).collect();
    let doubts = if strangers.is_empty() {
        Vec::new()
    } else {
        alloc::vec![alloc::format!(
            "It carries cosignatures by {}: nothing follows from them unless a policy names these witnesses.",
            strangers.join(", ")
        )]
    };
    (proves, doubts)
}
