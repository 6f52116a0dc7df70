//! Deposits: how a file and what is stated of it are hidden in a log's entry, and how a deposit is proven: entry, log,
//! state. Knows no file and no store.
//!
//! Proven is that an entry, which commits to these digests, was in a log that a chain took up at a time. What the
//! depositor states is shown as stated, and nobody vouches for it.

use crate::light::TrustedHeader;
use crate::merkle::{self, TreeHead};
use crate::refusal::{Refusal, Rule};
use crate::seal;
use crate::sha::{sha256, sha256_each};
use crate::state::{self, Proven};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::deposit::{Content, DepositBatch, Entry, LogState, Statement};
use comity_model::member::Member;
use comity_model::seal::{Signature, Suites};
use comity_model::state::StatePath;
use comity_model::{ChainId, ClientId, Hash, MemberId};

/// Domain tag of an entry's commitment to digests and size.
pub const TAG_CONTENT: &str = "comity/deposit-content/v1";
/// Domain tag of an entry's commitment to what the depositor states.
pub const TAG_STATEMENT: &str = "comity/deposit-statement/v1";
/// Domain tag of a depositor's seal over a batch.
pub const TAG_BATCH: &str = "comity/deposits/v1";
/// Domain tag of a keeper's seal over its log's head.
pub const TAG_HEAD: &str = "comity/log-head/v1";

/// Most hashes of a path in a log.
const PATH_MAX: usize = 64;
/// Most entries of one batch.
pub const BATCH_MAX: usize = 10_000;

/// The origin of a member's log, in its checkpoints: the first line, and the name of the log's key.
#[must_use]
pub fn origin(chain: &ChainId, keeper: &MemberId) -> String {
    alloc::format!("{chain}/{keeper}")
}

/// The entry that commits to a file's digests and to what is stated of it.
#[must_use]
pub fn entry(content: &Content, statement: &Statement) -> Entry {
    Entry {
        version: Entry::VERSION,
        content: seal::digest(TAG_CONTENT, content),
        statement: seal::digest(TAG_STATEMENT, statement),
    }
}

/// An entry's hash as a leaf (RFC 6962), by which a later deposit names it.
#[must_use]
pub fn leaf(entry: &Entry) -> Hash {
    sha256(&[&[0], &entry.bytes()])
}

/// The leaf hashes of entries, several at a time.
#[must_use]
pub fn leaves(entries: &[Entry]) -> Vec<Hash> {
    let bytes: Vec<[u8; Entry::LENGTH]> = entries.iter().map(Entry::bytes).collect();
    sha256_each(&bytes, |entry| [&[0], entry])
}

/// Checks a depositor's seal over the entries of a batch whose leaf hashes these are.
///
/// # Errors
/// `DEPOSIT_BATCH` where count or root are others; as [`seal::check`].
pub fn sealed(
    batch: &DepositBatch,
    leaves: &[Hash],
    depositor: &Member,
    signature: &Signature,
    accepted: Suites,
) -> Result<(), Refusal> {
    let root = merkle::root_of_hashes(leaves);
    if usize::try_from(batch.count) != Ok(leaves.len()) || root != batch.root || batch.depositor != depositor.id {
        return Err(Refusal::new(
            Rule::DepositBatch,
            alloc::format!("{} entries of {} under {}", batch.count, batch.depositor, batch.root),
            alloc::format!("{} of {} under {root}", leaves.len(), depositor.id),
        ));
    }
    seal::check(TAG_BATCH, batch, &depositor.seal_key, signature, accepted)
}

/// A deposit with its place in a log. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Deposited {
    /// The institution that keeps the log.
    pub keeper: MemberId,
    /// The log's head, as it stands in the chain's state.
    pub log: LogState,
    /// The entry's place, from 0.
    pub index: u64,
    /// From the leaf's sibling up.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, PATH_MAX>")]
    pub path: Vec<Hash>,
    /// The entry.
    pub entry: Entry,
    /// The file's digests and size, if they are shown.
    pub content: Option<Content>,
    /// What the depositor states, if it is shown.
    pub statement: Option<Statement>,
    /// The depositor's seal over the batch that the deposit came in.
    pub seal: Option<BatchSeal>,
}

/// A depositor's seal, and what leads from one entry to it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BatchSeal {
    /// What was sealed.
    pub batch: DepositBatch,
    /// The entry's place in the batch, from 0.
    pub place: u32,
    /// From the leaf's sibling up to the batch's root.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, PATH_MAX>")]
    pub path: Vec<Hash>,
    /// The seal.
    pub signature: Signature,
    /// The depositor, as the chain's state has it.
    pub member: Member,
    /// The client over which the chain imported it; `None` for a member of this chain.
    pub client: Option<ClientId>,
    /// ICS-23 proof of the member.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, 16384>")]
    pub proof: Vec<u8>,
}

impl Deposited {
    /// Proves the deposit under `header`, with the ICS-23 proof of its log's head.
    ///
    /// # Errors
    /// As [`state::membership`] for the head; `LOG_PROOF` where the entry is not in the log; `DEPOSIT_OPENING` where content or
    /// statement are not those that the entry commits to; `DEPOSIT_BATCH` and as [`seal::check`] for the seal.
    pub fn prove(&self, header: &TrustedHeader, proof: &[u8], accepted: Suites) -> Result<Proven<LogState>, Refusal> {
        if self.entry.version != Entry::VERSION {
            return Err(Refusal::new(Rule::DepositOpening, "an entry of version 1", self.entry.version));
        }
        let path = StatePath::Deposits(self.keeper.clone());
        let bytes = comity_model::encode(&self.log);
        let log = state::membership(header, &path, &bytes, proof)?.decode::<LogState>("a log of deposits")?;
        let head = TreeHead { size: self.log.size, root: self.log.root };
        merkle::included(&leaf(&self.entry), self.index, &head, &self.path)?;
        if let Some(content) = &self.content {
            opens(self.entry.content, seal::digest(TAG_CONTENT, content))?;
        }
        if let Some(statement) = &self.statement {
            opens(self.entry.statement, seal::digest(TAG_STATEMENT, statement))?;
        }
        if let Some(seal) = &self.seal {
            self.check_seal(seal, header, accepted)?;
        }
        Ok(log)
    }

    fn check_seal(&self, seal: &BatchSeal, header: &TrustedHeader, accepted: Suites) -> Result<(), Refusal> {
        let batch = &seal.batch;
        let ours = batch.chain == *header.chain_id() && batch.keeper == self.keeper;
        let whose = self.statement.as_ref().is_none_or(|stated| stated.circumstances.depositor == batch.depositor);
        if !ours || !whose || seal.member.id != batch.depositor {
            return Err(Refusal::new(
                Rule::DepositBatch,
                alloc::format!("a batch of the depositor for the log of {}", self.keeper),
                alloc::format!("a batch of {} for the log of {}", batch.depositor, batch.keeper),
            ));
        }
        let tree = TreeHead { size: u64::from(batch.count), root: batch.root };
        merkle::included(&leaf(&self.entry), u64::from(seal.place), &tree, &seal.path)
            .map_err(|refusal| Refusal { rule: Rule::DepositBatch, ..refusal })?;
        let path = match &seal.client {
            None => StatePath::Member(batch.depositor.clone()),
            Some(client) => StatePath::Foreign(client.clone(), batch.depositor.clone()),
        };
        let member = comity_model::encode(&seal.member);
        let _: Proven<_> = state::membership(header, &path, &member, &seal.proof)?;
        // The log took the entry up before its chain took the log's head up.
        if !seal.member.validity.covers(self.log.at) {
            return Err(Refusal::new(Rule::Validity, "a seal key that is valid", "one that is not, or is doubted"));
        }
        seal::check(TAG_BATCH, batch, &seal.member.seal_key, &seal.signature, accepted)
    }
}

fn opens(committed: Hash, found: Hash) -> Result<(), Refusal> {
    if committed == found { Ok(()) } else { Err(Refusal::new(Rule::DepositOpening, committed, found)) }
}
