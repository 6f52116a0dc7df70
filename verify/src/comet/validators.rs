//! The validator set: its order, its bounds, its hash; keys are decompressed once, on first use. Knows no votes.

use super::Address;
use crate::ed25519::Keys;
use crate::merkle;
use crate::refusal::{Refusal, Rule};
use crate::sha::{sha256, sha256_each};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::Hash;
use core::fmt;
use once_cell::race::OnceBox;

/// A validator.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Validator {
    /// Ed25519 key.
    pub public_key: [u8; 32],
    /// Voting power.
    pub power: u64,
}

impl Validator {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> Address {
        address(&self.public_key)
    }

    /// `SimpleValidator` in protobuf: a leaf of the set's hash.
    fn leaf(&self) -> Leaf {
        // Field 1, a message of 34 bytes: its field 1, the key's 32.
        const KEY: [u8; 4] = [0x0a, 34, 0x0a, 32];
        let mut leaf = Leaf { bytes: [0; 48], length: 0 };
        leaf.put(&KEY);
        leaf.put(&self.public_key);
        if self.power != 0 {
            leaf.put(&[0x10]);
            let mut rest = self.power;
            while rest > 0x7f {
                leaf.put(&[u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80]);
                rest >>= 7;
            }
            leaf.put(&[u8::try_from(rest).unwrap_or(0)]);
        }
        leaf
    }
}

/// A validator's bytes: 36 for the key, at most 11 for the power.
struct Leaf {
    bytes: [u8; 48],
    length: usize,
}

impl Leaf {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        }
    }
}

impl AsRef<[u8]> for Leaf {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.public_key.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "…×{}", self.power)
    }
}

/// The address of a key.
#[must_use]
pub fn address(public_key: &[u8; 32]) -> Address {
    cut(&sha256(&[public_key]))
}

fn cut(digest: &Hash) -> Address {
    let mut address = [0u8; 20];
    for (to, from) in address.iter_mut().zip(digest.0) {
        *to = from;
    }
    address
}

/// Each validator with its address.
fn keyed(validators: Vec<Validator>) -> Vec<(Address, Validator)> {
    let digests = sha256_each(&validators, |validator| [validator.public_key.as_slice()]);
    digests.iter().map(cut).zip(validators).collect()
}

/// A validator set in CometBFT's order: power descending, then address ascending. Cheap to clone: clones share the
/// hash, the addresses and the decompressed keys.
#[derive(Clone)]
pub struct ValidatorSet(Arc<Inner>);

struct Inner {
    validators: Vec<Validator>,
    addresses: Vec<Address>,
    /// Indices into `addresses`, sorted by address.
    by_address: Vec<u32>,
    total: u64,
    hash: Hash,
    keys: OnceBox<Keys>,
}

impl ValidatorSet {
    /// Most validators in a set (CometBFT `MaxVotesCount`).
    pub const MAX: usize = 10_000;
    /// Largest sum of powers (CometBFT `MaxTotalVotingPower`, `MaxInt64 / 8`).
    pub const POWER_MAX: u64 = i64::MAX.unsigned_abs() / 8;

    /// Puts validators into order. Refuses none, too many, one twice, or powers that sum to more than
    /// [`Self::POWER_MAX`].
    pub fn new(validators: Vec<Validator>) -> Result<Self, Refusal> {
        let mut keyed = keyed(validators);
        keyed.sort_by(|(a, x), (b, y)| y.power.cmp(&x.power).then(a.cmp(b)));
        Self::in_order(keyed)
    }

    fn in_order(keyed: Vec<(Address, Validator)>) -> Result<Self, Refusal> {
        let malformed =
            |expected: &str, found: &dyn fmt::Display| Refusal::new(Rule::ValidatorsMalformed, expected, found);
        if keyed.is_empty() || keyed.len() > Self::MAX {
            return Err(malformed("1 to 10000 validators", &keyed.len()));
        }
        let mut total = 0u64;
        for (_, validator) in &keyed {
            total = total.saturating_add(validator.power);
            if total > Self::POWER_MAX {
                return Err(Refusal::new(
                    Rule::PowerOverflow,
                    alloc::format!("powers up to {}", Self::POWER_MAX),
                    "more",
                ));
            }
        }
        let (addresses, validators): (Vec<Address>, Vec<Validator>) = keyed.into_iter().unzip();
        let mut by_address: Vec<(Address, u32)> = addresses.iter().copied().zip(0u32..).collect();
        by_address.sort_unstable();
        let twice = by_address.iter().zip(by_address.iter().skip(1)).any(|((a, _), (b, _))| a == b);
        if twice {
            return Err(malformed("each validator once", &"one twice"));
        }
        let leaves: Vec<Leaf> = validators.iter().map(Validator::leaf).collect();
        Ok(Self(Arc::new(Inner {
            hash: merkle::root(&leaves),
            validators,
            addresses,
            by_address: by_address.into_iter().map(|(_, index)| index).collect(),
            total,
            keys: OnceBox::new(),
        })))
    }

    /// The validators in order.
    #[must_use]
    pub fn validators(&self) -> &[Validator] {
        &self.0.validators
    }

    /// Their addresses, in the same order.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.0.addresses
    }

    /// The sum of powers.
    #[must_use]
    pub fn total_power(&self) -> u64 {
        self.0.total
    }

    /// The hash that headers name.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.0.hash
    }

    /// The index of a validator.
    #[must_use]
    pub fn position(&self, address: &Address) -> Option<usize> {
        let found = self.0.by_address.binary_search_by(|index| {
            usize::try_from(*index).ok().and_then(|index| self.0.addresses.get(index)).cmp(&Some(address))
        });
        let index = self.0.by_address.get(found.ok()?)?;
        usize::try_from(*index).ok()
    }

    /// Whether it is the same set in memory, not only an equal one.
    #[cfg(test)]
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The decompressed keys, in order.
    pub(crate) fn keys(&self) -> &Keys {
        self.0.keys.get_or_init(|| Box::new(Keys::new(self.0.validators.iter().map(|validator| validator.public_key))))
    }
}

impl PartialEq for ValidatorSet {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.validators == other.0.validators
    }
}

impl Eq for ValidatorSet {}

impl fmt::Debug for ValidatorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValidatorSet").field(&self.0.validators).finish()
    }
}

impl BorshSerialize for ValidatorSet {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.0.validators.serialize(writer)
    }
}

impl BorshDeserialize for ValidatorSet {
    /// Refuses a set that is not in order: a set has one encoding.
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let bad = || borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, "a validator set");
        let validators = crate::bounded::list::<_, Validator, { Self::MAX }>(reader)?;
        let keyed = keyed(validators);
        let sorted = keyed
            .iter()
            .zip(keyed.iter().skip(1))
            .all(|((a, x), (b, y))| x.power > y.power || (x.power == y.power && a < b));
        if !sorted {
            return Err(bad());
        }
        Self::in_order(keyed).map_err(|_| bad())
    }
}
