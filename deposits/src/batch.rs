//! What is appended to a log in one piece: a depositor's files with what it states of them, and the entries that commit to
//! them. Knows no disk.

use comity_model::deposit::{Circumstances, Content, DepositBatch, Entry, Item, Statement};
use comity_model::seal::Signature;
use comity_model::{Hash, UnixSeconds, encode};
use comity_verify::{deposit, merkle};
use std::sync::Arc;

/// A file that is deposited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Digests, size and their salt.
    pub content: Content,
    /// The salt of what is stated.
    pub statement_salt: [u8; 16],
    /// What is stated of this file.
    pub item: Item,
}

/// Files that one depositor deposits together: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    deposits: Vec<Deposit>,
    circumstances: Arc<Circumstances>,
    entries: Vec<Entry>,
    leaves: Vec<Hash>,
    at: UnixSeconds,
    seal: Option<(DepositBatch, Signature)>,
    request: Option<Hash>,
}

impl Batch {
    /// Most files of a batch.
    pub const COUNT_MAX: usize = deposit::BATCH_MAX;

    /// A batch as it came at `at`; `None` where it has no file or more than [`Batch::COUNT_MAX`], or a text breaks its bound.
    /// This computes every entry: half a microsecond of work for each file.
    #[must_use]
    pub fn new(deposits: Vec<Deposit>, circumstances: Circumstances, at: UnixSeconds) -> Option<Self> {
        let sound = (1..=Self::COUNT_MAX).contains(&deposits.len())
            && circumstances.is_sound()
            && deposits.iter().all(|deposit| deposit.item.is_sound());
        if !sound {
            return None;
        }
        let mut statement = Statement { salt: [0; 16], item: Item::default(), circumstances };
        let entries: Vec<Entry> = deposits
            .iter()
            .map(|deposit| {
                statement.salt = deposit.statement_salt;
                statement.item.clone_from(&deposit.item);
                deposit::entry(&deposit.content, &statement)
            })
            .collect();
        let leaves = deposit::leaves(&entries);
        let circumstances = Arc::new(statement.circumstances);
        Some(Self { deposits, circumstances, entries, leaves, at, seal: None, request: None })
    }

    /// The same batch under its depositor's seal, which the caller has checked ([`deposit::sealed`]).
    #[must_use]
    pub fn under(self, batch: DepositBatch, signature: Signature) -> Self {
        Self { seal: Some((batch, signature)), ..self }
    }

    /// The same batch as the answer to a request: another batch with this key is not appended again. The key is a digest of
    /// who asks and of its request id.
    #[must_use]
    pub fn for_request(self, key: Hash) -> Self {
        Self { request: Some(key), ..self }
    }

    /// The key of the request that it answers.
    #[must_use]
    pub const fn request(&self) -> Option<&Hash> {
        self.request.as_ref()
    }

    /// A digest of what it says, whatever its salts: two requests with one digest ask for the same.
    #[must_use]
    pub fn said(&self) -> Hash {
        let mut said = encode(self.circumstances());
        for deposit in &self.deposits {
            let Content { sha256, sm3, size, .. } = deposit.content;
            said.extend_from_slice(&encode(&(sha256, sm3, size, &deposit.item)));
        }
        merkle::leaf_hash(&said)
    }

    /// The files.
    #[must_use]
    pub fn deposits(&self) -> &[Deposit] {
        &self.deposits
    }

    /// What is stated of all of them.
    #[must_use]
    pub fn circumstances(&self) -> &Circumstances {
        &self.circumstances
    }

    /// Their entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries' leaf hashes, in order.
    #[must_use]
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// When it came, by the keeper's clock.
    #[must_use]
    pub const fn at(&self) -> UnixSeconds {
        self.at
    }

    /// The depositor's seal over it.
    #[must_use]
    pub const fn seal(&self) -> Option<&(DepositBatch, Signature)> {
        self.seal.as_ref()
    }
}
