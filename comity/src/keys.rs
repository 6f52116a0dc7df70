//! 32-byte secrets in files: Ed25519 seeds of seals, officers, operators, governors and validators, and the X25519 key that
//! private parts are sealed to. A file holds 64 hex digits and is readable by its owner only; that of a seal under another
//! suite than Ed25519 names the suite first: `sm2-sm3:` and the digits.
//! Refuses to know what is signed.

use crate::failure::{Failure, OrFail};
use crate::files;
use comity_gateway::signer::SealKey;
use comity_model::seal::{PublicKey, Signature, Suite};
use ed25519_dalek::{Signer as _, SigningKey};
use secrecy::{ExposeSecret, SecretBox};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// A 32-byte secret. Wiped when dropped; shows nothing of itself.
pub(crate) struct Seed(SecretBox<[u8; 32]>);

impl Seed {
    /// A new one from the operating system's randomness.
    pub(crate) fn generate() -> Result<Self, Failure> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        getrandom::fill(bytes.as_mut()).or_fault(|| "the operating system gives no randomness".into())?;
        Ok(Self::new(&bytes))
    }

    /// Reads a key file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = files::read_secret(path)?;
        let mut bytes = Zeroizing::new([0u8; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut())
            .map_err(|_| Failure::usage(format!("{} is not a key file: 64 hex digits", path.display())))?;
        Ok(Self::new(&bytes))
    }

    /// Writes a new key file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut text = Zeroizing::new(hex::encode(self.0.expose_secret()));
        text.push('\n');
        files::write_secret(path, text.as_bytes())
    }

    /// Makes a key and writes its file.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let seed = Self::generate()?;
        seed.write(path)?;
        Ok(seed)
    }

    fn new(bytes: &[u8; 32]) -> Self {
        Self(SecretBox::init_with_mut(|slot: &mut [u8; 32]| slot.copy_from_slice(bytes)))
    }

    /// The secret, for the part of the program that keeps it.
    pub(crate) const fn secret(&self) -> &SecretBox<[u8; 32]> {
        &self.0
    }

    /// The secret for a part that takes it over.
    pub(crate) fn into_secret(self) -> SecretBox<[u8; 32]> {
        self.0
    }

    /// A copy of the secret's bytes, wiped when dropped.
    pub(crate) fn bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*self.0.expose_secret())
    }

    /// The Ed25519 public key.
    pub(crate) fn ed25519(&self) -> [u8; 32] {
        self.signing_key().verifying_key().to_bytes()
    }

    /// The Ed25519 public key as a seal's or an officer's.
    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey::ed25519(self.ed25519())
    }

    /// Signs with Ed25519.
    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        Signature::ed25519(self.signing_key().sign(message).to_bytes())
    }

    /// The Ed25519 key; wiped when dropped.
    pub(crate) fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(self.0.expose_secret())
    }
}

/// Makes a seal key of a suite and writes its file.
pub(crate) fn create_seal(path: &Path, suite: Suite) -> Result<SealKey, Failure> {
    let seed = Seed::generate()?;
    let key = SealKey::new(suite, seed.secret()).or_fault(|| "the randomness drawn is no key; draw again".into())?;
    if suite == Suite::Ed25519Sha256 {
        seed.write(path)?;
    } else {
        let text =
            Zeroizing::new(format!("{}:{}\n", suite.name(), *Zeroizing::new(hex::encode(seed.bytes().as_ref()))));
        files::write_secret(path, text.as_bytes())?;
    }
    Ok(key)
}

/// Reads the file of a seal key.
pub(crate) fn read_seal(path: &Path) -> Result<SealKey, Failure> {
    let text = files::read_secret(path)?;
    let bad = || {
        let known = Suite::ALL.map(Suite::name).join(", ");
        Failure::usage(format!("{} is not a seal key file: 64 hex digits", path.display()))
            .help(format!("behind a suite's name and a colon where it is not Ed25519; suites: {known}"))
    };
    let (suite, digits) = match text.trim().split_once(':') {
        Some((name, digits)) => (Suite::from_name(name).ok_or_else(bad)?, digits),
        None => (Suite::Ed25519Sha256, text.trim()),
    };
    let mut bytes = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(digits, bytes.as_mut()).map_err(|_| bad())?;
    SealKey::new(suite, Seed::new(&bytes).secret()).map_err(|error| bad().because(error))
}

impl Clone for Seed {
    fn clone(&self) -> Self {
        let mut bytes = self.bytes();
        let copy = Self::new(&bytes);
        bytes.zeroize();
        copy
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_file_reads_back_as_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        let made = Seed::create(&path).unwrap();
        assert_eq!(Seed::read(&path).unwrap().ed25519(), made.ed25519());
        assert!(Seed::create(&path).is_err(), "a key is never overwritten");
    }

    #[test]
    fn a_key_shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", Seed::generate().unwrap()), "Seed(…)");
    }

    #[test]
    fn a_seal_key_of_every_suite_reads_back_and_an_ed25519_one_is_a_plain_key_file() {
        let folder = tempfile::tempdir().unwrap();
        for suite in Suite::ALL {
            let path = folder.path().join(suite.name());
            let made = create_seal(&path, suite).unwrap();
            assert_eq!(read_seal(&path).unwrap().public_key(), made.public_key(), "{suite:?}");
            assert!(create_seal(&path, suite).is_err(), "a key is never overwritten");
            assert_eq!(Seed::read(&path).is_ok(), suite == Suite::Ed25519Sha256, "{suite:?}");
        }
        for (name, text) in
            [("suite", "rot13:00"), ("zero", &format!("sm2-sm3:{}", "00".repeat(32))), ("short", "p256-sha256:00")]
        {
            let path = folder.path().join(name);
            files::write_secret(&path, text.as_bytes()).unwrap();
            assert!(read_seal(&path).unwrap_err().to_string().contains("not a seal key file"), "{name}");
        }
    }

    #[test]
    fn what_is_not_a_key_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        files::write_secret(&path, "abc").unwrap();
        assert!(Seed::read(&path).unwrap_err().to_string().contains("64 hex digits"));
    }
}
