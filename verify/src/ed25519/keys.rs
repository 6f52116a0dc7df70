//! Keys that are used together, again and again: decompressed once, and from their second use on with tables of their
//! multiples. What is remembered here makes verification faster and changes no result. Knows no votes.

use super::Key;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{EdwardsPoint, VartimeEdwardsPrecomputation};
use curve25519_dalek::traits::{Identity, VartimePrecomputedMultiscalarMul};
use once_cell::race::OnceBox;

/// The keys of a validator set, in its order.
pub(crate) struct Keys {
    keys: Vec<Option<Key>>,
    used: AtomicBool,
    tables: OnceBox<VartimeEdwardsPrecomputation>,
}

impl Keys {
    /// Most keys that get tables: about 10 KiB each. Larger sets are verified as well without.
    const TABLES_MAX: usize = 256;

    /// Decompresses keys; those that are no points have no valid signature.
    pub(crate) fn new(keys: impl Iterator<Item = [u8; 32]>) -> Self {
        Self { keys: keys.map(Key::new).collect(), used: AtomicBool::new(false), tables: OnceBox::new() }
    }

    /// The key at an index, where its bytes are a point.
    pub(crate) fn get(&self, index: usize) -> Option<&Key> {
        self.keys.get(index)?.as_ref()
    }

    /// Tables of the base point and then of each key, from the second use on: making them costs about as much as a
    /// block's votes, which a set that is met once does not earn back.
    pub(super) fn tables(&self) -> Option<&VartimeEdwardsPrecomputation> {
        if self.keys.len() > Self::TABLES_MAX || !self.used.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(self.tables.get_or_init(|| {
            let keys = self.keys.iter().map(|key| key.as_ref().map_or_else(EdwardsPoint::identity, |key| key.point));
            let points = core::iter::once(ED25519_BASEPOINT_POINT).chain(keys);
            Box::new(VartimeEdwardsPrecomputation::new(points))
        }))
    }
}
