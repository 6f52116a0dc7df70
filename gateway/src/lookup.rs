//! The key of an institution's private lookups: turns what is looked up into an output that nobody else can compute and
//! everybody can check (ECVRF-EDWARDS25519-SHA512-TAI, RFC 9381; [`comity_verify::vrf`] checks). A guess at a person's
//! number thereby needs this key's help, each time.
//! It refuses to know what is looked up and in which index.

use comity_verify::vrf::{self, Output, Proof};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// A lookup key. Its secrets are wiped when it is dropped.
pub struct LookupKey {
    secret: Zeroizing<Scalar>,
    /// What nonces are derived from (RFC 8032 section 5.1.6).
    prefix: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl LookupKey {
    /// The key of a seed.
    #[must_use]
    pub fn new(seed: &SecretBox<[u8; 32]>) -> Self {
        let digest = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed.expose_secret())));
        let (mut scalar, mut prefix) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        scalar.copy_from_slice(&digest[..32]);
        prefix.copy_from_slice(&digest[32..]);
        // Reduced: it only ever multiplies points of the group's prime order.
        let secret = Zeroizing::new(Scalar::from_bytes_mod_order(clamp_integer(*scalar)));
        let public = EdwardsPoint::mul_base(&secret).compress().to_bytes();
        Self { secret, prefix, public }
    }

    /// The public key, which the sector publishes.
    #[must_use]
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The output for `alpha` without a proof: what the holder needs to keep its own index. `None` as in
    /// [`LookupKey::prove`].
    #[must_use]
    pub fn output(&self, alpha: &[u8]) -> Option<Output> {
        Some(vrf::output(&(vrf::hash_to_curve(&self.public, alpha)? * *self.secret)))
    }

    /// The output for `alpha` and its proof (RFC 9381 section 5.1). The same input gives the same output and proof. `None`
    /// for an input without a point, which happens to one in 2²⁵⁶.
    #[must_use]
    pub fn prove(&self, alpha: &[u8]) -> Option<(Output, Proof)> {
        let base = vrf::hash_to_curve(&self.public, alpha)?;
        let gamma = base * *self.secret;
        let mut nonce = Sha512::new();
        nonce.update(*self.prefix);
        nonce.update(base.compress().as_bytes());
        let nonce = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&nonce.finalize().into()));
        let public = EdwardsPoint::mul_base(&self.secret);
        let c = vrf::challenge([&public, &base, &gamma, &EdwardsPoint::mul_base(&nonce), &(base * *nonce)]);
        let s = *nonce + vrf::short_scalar(c) * *self.secret;
        let mut proof = [0; 80];
        proof[..32].copy_from_slice(gamma.compress().as_bytes());
        proof[32..48].copy_from_slice(&c);
        proof[48..].copy_from_slice(s.as_bytes());
        Some((vrf::output(&gamma), Proof(proof)))
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
