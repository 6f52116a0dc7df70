//! Ed25519 as consensus needs it: ZIP-215, where single and batch verification always agree.
//!
//! Seals use another, stricter rule and other types ([`crate::seal`]). Knows keys, messages and signatures, not who
//! votes on what. This file is the seam for faster back-ends: everything above it sees [`verify`], [`verify_batch`] and,
//! for the keys of one set, `verify_batch_of` only.

// Points and scalars have operators without overflow.
#![allow(clippy::arithmetic_side_effects)]

mod keys;

pub(crate) use keys::Keys;

use crate::sha::{sha256, sha512};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul, VartimePrecomputedMultiscalarMul};

/// A public key with its point decompressed.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; 32],
    point: EdwardsPoint,
}

impl Key {
    /// Decompresses a key; `None` where the bytes are no point. Non-canonical encodings of points are points (ZIP-215).
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Option<Self> {
        let point = CompressedEdwardsY(bytes).decompress()?;
        Some(Self { bytes, point })
    }

    /// The key as encoded.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A signature to be verified.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The key.
    pub key: &'a Key,
    /// `R ‖ s`.
    pub signature: &'a [u8; 64],
    /// What was signed.
    pub message: &'a [u8],
}

/// Whether one signature is valid: `[8](sB − kA − R) = 0`, `s` below the group's order, any encoding of `R` and `A`
/// (ZIP-215).
#[must_use]
pub fn verify(item: &Item<'_>) -> bool {
    let Some(parts) = Parts::of(item) else {
        return false;
    };
    let r = EdwardsPoint::vartime_double_scalar_mul_basepoint(&parts.k, &(-item.key.point), &parts.s);
    (r - parts.r).mul_by_cofactor().is_identity()
}

/// Whether all signatures are valid. Agrees with [`verify`] on each of them, but for a chance of 2⁻¹²⁸ that nobody can
/// influence but by finding collisions: the coefficients come from a hash of the whole batch.
#[must_use]
pub fn verify_batch(items: &[Item<'_>]) -> bool {
    batch(items, |sum| {
        // One term for each distinct key, also across commits.
        let mut keys: BTreeMap<&[u8; 32], (Scalar, EdwardsPoint)> = BTreeMap::new();
        for (item, scalar) in items.iter().zip(&sum.keys) {
            let entry = keys.entry(&item.key.bytes).or_insert((Scalar::ZERO, item.key.point));
            entry.0 += scalar;
        }
        let (scalars, points): (Vec<_>, Vec<_>) = keys.into_values().unzip();
        sum.with(&scalars, &points)
    })
}

/// The same for items whose keys stand in one set, each at its index: `items` and `indices` are equally long.
#[must_use]
pub(crate) fn verify_batch_of(keys: &Keys, indices: &[usize], items: &[Item<'_>]) -> bool {
    /// Above, a multiplication that shares its additions among points is faster than tables of their multiples.
    const TABLES_ITEMS_MAX: usize = 400;
    batch(items, |sum| {
        let mut scalars = alloc::vec![Scalar::ZERO; indices.iter().max().map_or(0, |last| last.saturating_add(1))];
        for (index, scalar) in indices.iter().zip(&sum.keys) {
            if let Some(entry) = scalars.get_mut(*index) {
                *entry += scalar;
            }
        }
        let tables = if items.len() > TABLES_ITEMS_MAX { None } else { keys.tables() };
        if let Some(tables) = tables {
            let fixed = core::iter::once(&sum.base).chain(&scalars);
            return tables.vartime_mixed_multiscalar_mul(fixed, &sum.scalars, &sum.points);
        }
        let used = scalars.iter().enumerate().filter(|(_, scalar)| **scalar != Scalar::ZERO);
        let (scalars, points): (Vec<_>, Vec<_>) =
            used.filter_map(|(index, scalar)| Some((*scalar, keys.get(index)?.point))).unzip();
        sum.with(&scalars, &points)
    })
}

/// What a batch comes to: −(Σ z·s)·B + Σ z·R + Σ (z·k)·A, which is a point of small order if all signatures hold.
struct Sum {
    /// −Σ z·s.
    base: Scalar,
    /// Each z, and each R.
    scalars: Vec<Scalar>,
    points: Vec<EdwardsPoint>,
    /// Each z·k, to be added up by key.
    keys: Vec<Scalar>,
}

impl Sum {
    /// The sum, with the terms of the keys.
    fn with(&self, scalars: &[Scalar], points: &[EdwardsPoint]) -> EdwardsPoint {
        let scalars: Vec<_> = self.scalars.iter().chain(scalars).chain([&self.base]).collect();
        let points: Vec<_> = self.points.iter().chain(points).chain([&ED25519_BASEPOINT_POINT]).collect();
        EdwardsPoint::vartime_multiscalar_mul(scalars, points)
    }
}

fn batch(items: &[Item<'_>], add_up: impl FnOnce(&Sum) -> EdwardsPoint) -> bool {
    match items {
        [] => return true,
        [one] => return verify(one),
        _ => {}
    }
    let mut parts = Vec::with_capacity(items.len());
    for item in items {
        let Some(part) = Parts::of(item) else {
            return false;
        };
        parts.push(part);
    }
    let mut coefficients = Coefficients::new(items, &parts);
    let mut sum = Sum {
        base: Scalar::ZERO,
        scalars: Vec::with_capacity(items.len()),
        points: Vec::with_capacity(items.len()),
        keys: Vec::with_capacity(items.len()),
    };
    for part in &parts {
        let z = coefficients.next();
        sum.base -= z * part.s;
        sum.scalars.push(z);
        sum.points.push(part.r);
        sum.keys.push(z * part.k);
    }
    add_up(&sum).mul_by_cofactor().is_identity()
}

/// A signature taken apart: the point `R`, the scalar `s`, the challenge `k = SHA-512(R ‖ A ‖ M)`.
struct Parts {
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

impl Parts {
    fn of(item: &Item<'_>) -> Option<Self> {
        let (r_bytes, s_bytes) = item.signature.split_at_checked(32)?;
        let s = Option::from(Scalar::from_canonical_bytes(s_bytes.try_into().ok()?))?;
        let r = CompressedEdwardsY(r_bytes.try_into().ok()?).decompress()?;
        let k = Scalar::from_bytes_mod_order_wide(&sha512(&[r_bytes, &item.key.bytes, item.message]));
        Some(Self { r, s, k })
    }
}

/// 128-bit batch coefficients: SHA-512 in counter mode under a seed that binds every key, signature and challenge (and
/// with the challenge, the message).
struct Coefficients {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 64],
    used: usize,
}

impl Coefficients {
    fn new(items: &[Item<'_>], parts: &[Parts]) -> Self {
        let mut bytes = Vec::with_capacity(items.len().saturating_mul(128));
        for (item, part) in items.iter().zip(parts) {
            bytes.extend_from_slice(&item.key.bytes);
            bytes.extend_from_slice(item.signature);
            bytes.extend_from_slice(part.k.as_bytes());
        }
        Self { seed: sha256(&[b"comity/ed25519-batch/v1\0", &bytes]).0, counter: 0, block: [0; 64], used: 64 }
    }

    fn next(&mut self) -> Scalar {
        if self.used >= self.block.len() {
            self.block = sha512(&[&self.seed, &self.counter.to_le_bytes()]);
            self.counter = self.counter.saturating_add(1);
            self.used = 0;
        }
        let end = self.used.saturating_add(16);
        let mut wide = [0u8; 16];
        if let Some(bytes) = self.block.get(self.used..end) {
            wide.copy_from_slice(bytes);
        }
        self.used = end;
        Scalar::from(u128::from_le_bytes(wide))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;

    fn signer(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn key(signer: &SigningKey) -> Key {
        Key::new(signer.verifying_key().to_bytes()).expect("a point")
    }

    #[test]
    fn coefficients_of_a_batch_differ_and_depend_on_every_part_of_it() {
        let signer = signer(1);
        let key = key(&signer);
        let signature = signer.sign(b"vote").to_bytes();
        let draw = |message: &[u8]| {
            let items = [Item { key: &key, signature: &signature, message }; 5];
            let parts: Vec<Parts> = items.iter().map(|item| Parts::of(item).expect("parts")).collect();
            let mut source = Coefficients::new(&items, &parts);
            (0..5).map(|_| source.next()).collect::<Vec<_>>()
        };
        let first = draw(b"vote");
        assert!(first.iter().enumerate().all(|(i, z)| !first[..i].contains(z)));
        assert!(draw(b"Vote").iter().all(|z| !first.contains(z)));
        assert_eq!(draw(b"vote"), first);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn single_and_batch_verification_agree_with_zebra(
            count in 1usize..12,
            seeds in proptest::collection::vec(0u8..4, 12),
            flip in proptest::option::of((0usize..12, 0usize..64, 0u8..8)),
        ) {
            let mut signed = Vec::new();
            for (index, seed) in seeds.iter().take(count).enumerate() {
                let signer = signer(*seed);
                let message = std::format!("vote {index}").into_bytes();
                let mut signature = signer.sign(&message).to_bytes();
                if let Some((at, byte, bit)) = flip && at == index {
                    signature[byte] ^= 1 << bit;
                }
                signed.push((key(&signer), signature, message));
            }
            let items: Vec<Item<'_>> = signed
                .iter()
                .map(|(key, signature, message)| Item { key, signature, message })
                .collect();
            let mut all = true;
            for item in &items {
                let zebra = ed25519_zebra::VerificationKey::try_from(*item.key.bytes())
                    .and_then(|key| key.verify(&(*item.signature).into(), item.message))
                    .is_ok();
                prop_assert_eq!(verify(item), zebra);
                all &= zebra;
            }
            prop_assert_eq!(verify_batch(&items), all);

            // The same as keys of a set: whether or not it has tables yet, and however often it was used.
            let keys = Keys::new((0..4).map(|seed| signer(seed).verifying_key().to_bytes()));
            let indices: Vec<usize> = seeds.iter().take(count).map(|seed| usize::from(*seed)).collect();
            for use_number in 0..3 {
                prop_assert_eq!(verify_batch_of(&keys, &indices, &items), all, "use {}", use_number);
            }
        }
    }
}
