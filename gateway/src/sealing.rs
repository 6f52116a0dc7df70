//! Seals the private part of an order to its recipient, and the answer to its court, and opens them there: HPKE (RFC 9180), base mode,
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.
//! It refuses to know who may read what: it knows a public key, an order's canonical bytes and what is sealed.

use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::order::{Grounds, Order, PrivateAnswer, PrivatePart};
use comity_model::{Malformed, MemberId, decode, encode};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

/// HPKE's `info` of a private part: what the ciphertext is for.
pub const INFO: &[u8] = b"comity/order-private-hpke/v1";
/// HPKE's `info` of an answer.
pub const INFO_ANSWER: &[u8] = b"comity/order-answer-hpke/v1";
/// HPKE's `info` of an objection's grounds.
pub const INFO_GROUNDS: &[u8] = b"comity/objection-grounds-hpke/v1";
/// HPKE's `info` of a search by person.
pub const INFO_SEARCH: &[u8] = b"comity/search-hpke/v1";
/// Largest private part or answer, in canonical bytes.
pub const PRIVATE_BYTES_MAX: usize = 256 << 10;
/// Bytes that sealing adds to the plaintext (RFC 8439 §2.8).
const TAG_BYTES: usize = 16;

/// A private part or an answer under way.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// HPKE's `enc`: the sender's ephemeral public key.
    pub encapsulated_key: [u8; 32],
    /// Ciphertext of its canonical bytes; associated data: the order's canonical bytes.
    pub ciphertext: Vec<u8>,
}

/// Why a private part or an answer could not be sealed or opened. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// The recipient's key is not a usable X25519 point.
    #[error("the recipient's encryption key is unusable")]
    Key,
    /// It is over [`PRIVATE_BYTES_MAX`].
    #[error("what is private is larger than {PRIVATE_BYTES_MAX} bytes")]
    TooLarge,
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness")]
    Randomness,
    /// The ciphertext was not made for this key and this order, or was changed.
    #[error("it cannot be opened with this institution's key for this order")]
    Open,
    /// What was opened is not of the form that it should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// The public half of an encryption key: `Member.encryption_key`.
///
/// # Errors
/// [`SealingError::Key`] where the secret is not 32 usable bytes.
pub fn public_key(secret: &SecretBox<[u8; 32]>) -> Result<[u8; 32], SealingError> {
    let secret = secret_key(secret)?;
    Ok(X25519HkdfSha256::sk_to_pk(&secret).to_bytes().into())
}

/// Seals `part` to the holder of `recipient`, bound to `order`.
///
/// # Errors
/// [`SealingError`]; nothing in it depends on the private part but its size.
pub fn seal(recipient: &[u8; 32], order: &Order, part: &PrivatePart) -> Result<Sealed, SealingError> {
    seal_for(recipient, INFO, &encode(order), &Zeroizing::new(encode(part)))
}

/// Seals `answer` to the court that holds `court`, bound to `order`.
///
/// # Errors
/// As [`seal`].
pub fn seal_answer(court: &[u8; 32], order: &Order, answer: &PrivateAnswer) -> Result<Sealed, SealingError> {
    seal_for(court, INFO_ANSWER, &encode(order), &Zeroizing::new(encode(answer)))
}

/// Seals an objection's `grounds` to the court that holds `court`, bound to `order`.
///
/// # Errors
/// As [`seal`].
pub fn seal_grounds(court: &[u8; 32], order: &Order, grounds: &Grounds) -> Result<Sealed, SealingError> {
    seal_for(court, INFO_GROUNDS, &encode(order), &Zeroizing::new(encode(grounds)))
}

/// Seals a search by person to the institution that holds `asked_key`, bound to who asks and who is asked.
///
/// # Errors
/// As [`seal`].
pub(crate) fn seal_search<T: BorshSerialize>(
    asked_key: &[u8; 32],
    parties: (&MemberId, &MemberId),
    search: &T,
) -> Result<Sealed, SealingError> {
    seal_for(asked_key, INFO_SEARCH, &encode(&parties), &Zeroizing::new(encode(search)))
}

/// Opens what [`seal_search`] made for this key and these parties.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_search<T: BorshDeserialize>(
    secret: &SecretBox<[u8; 32]>,
    parties: (&MemberId, &MemberId),
    sealed: &Sealed,
) -> Result<T, SealingError> {
    Ok(decode("search", &open_for(secret, INFO_SEARCH, &encode(&parties), sealed)?)?)
}

fn seal_for(recipient: &[u8; 32], info: &[u8], associated: &[u8], plaintext: &[u8]) -> Result<Sealed, SealingError> {
    if plaintext.len() > PRIVATE_BYTES_MAX {
        return Err(SealingError::TooLarge);
    }
    let recipient = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(recipient).map_err(|_| SealingError::Key)?;
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(seed.as_mut()).map_err(|_| SealingError::Randomness)?;
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &recipient,
        info,
        plaintext,
        associated,
        &mut StdRng::from_seed(*seed),
    )
    .map_err(|_| SealingError::Key)?;
    Ok(Sealed { encapsulated_key: encapsulated.to_bytes().into(), ciphertext })
}

/// Opens what [`seal`] made for this key and this order.
///
/// # Errors
/// [`SealingError::Open`] for any other key, order, or changed byte.
pub fn open(secret: &SecretBox<[u8; 32]>, order: &Order, sealed: &Sealed) -> Result<PrivatePart, SealingError> {
    Ok(decode("private part", &open_for(secret, INFO, &encode(order), sealed)?)?)
}

/// Opens what [`seal_answer`] made for this key and this order.
///
/// # Errors
/// As [`open`].
pub fn open_answer(
    secret: &SecretBox<[u8; 32]>,
    order: &Order,
    sealed: &Sealed,
) -> Result<PrivateAnswer, SealingError> {
    Ok(decode("private answer", &open_for(secret, INFO_ANSWER, &encode(order), sealed)?)?)
}

/// Opens what [`seal_grounds`] made for this key and this order.
///
/// # Errors
/// As [`open`].
pub fn open_grounds(secret: &SecretBox<[u8; 32]>, order: &Order, sealed: &Sealed) -> Result<Grounds, SealingError> {
    Ok(decode("grounds", &open_for(secret, INFO_GROUNDS, &encode(order), sealed)?)?)
}

fn open_for(
    secret: &SecretBox<[u8; 32]>,
    info: &[u8],
    associated: &[u8],
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, SealingError> {
    if sealed.ciphertext.len() > PRIVATE_BYTES_MAX + TAG_BYTES {
        return Err(SealingError::TooLarge);
    }
    let encapsulated =
        <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated_key).map_err(|_| SealingError::Open)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret_key(secret)?,
        &encapsulated,
        info,
        &sealed.ciphertext,
        associated,
    )
    .map(Zeroizing::new)
    .map_err(|_| SealingError::Open)
}

fn secret_key(secret: &SecretBox<[u8; 32]>) -> Result<<X25519HkdfSha256 as Kem>::PrivateKey, SealingError> {
    <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret.expose_secret()).map_err(|_| SealingError::Key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::orders::testing;

    fn secret(byte: u8) -> SecretBox<[u8; 32]> {
        SecretBox::new(Box::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_to_a_key_opens_with_it() {
        let (order, part) = testing::order_and_part();
        let sealed = seal(&public_key(&secret(7)).unwrap(), &order, &part).unwrap();
        assert!(open(&secret(7), &order, &sealed).unwrap() == part);
    }

    #[test]
    fn another_key_another_order_or_a_changed_byte_does_not_open_it() {
        let (order, part) = testing::order_and_part();
        let sealed = seal(&public_key(&secret(7)).unwrap(), &order, &part).unwrap();
        assert_eq!(open(&secret(8), &order, &sealed).err(), Some(SealingError::Open));
        let mut other = order.clone();
        other.deliver_by = other.deliver_by.plus(1);
        assert_eq!(open(&secret(7), &other, &sealed).err(), Some(SealingError::Open));
        for index in 0..sealed.ciphertext.len() {
            let mut changed = sealed.clone();
            changed.ciphertext[index] ^= 1;
            assert_eq!(open(&secret(7), &order, &changed).err(), Some(SealingError::Open));
        }
        let mut changed = sealed.clone();
        changed.encapsulated_key[0] ^= 1;
        assert_eq!(open(&secret(7), &order, &changed).err(), Some(SealingError::Open));
    }

    #[test]
    fn an_answer_opens_as_an_answer_to_its_order_and_as_nothing_else() {
        let (order, part) = testing::order_and_part();
        let answer = PrivateAnswer { salt: part.salt, order: order.id, fields: part.fields.clone() };
        let public = public_key(&secret(7)).unwrap();
        let sealed = seal_answer(&public, &order, &answer).unwrap();
        assert!(open_answer(&secret(7), &order, &sealed).unwrap() == answer);
        // A private part has the same form: the two are told apart by what they are sealed for.
        assert_eq!(open(&secret(7), &order, &sealed).err(), Some(SealingError::Open));
        let as_part = seal(&public, &order, &part).unwrap();
        assert_eq!(open_answer(&secret(7), &order, &as_part).err(), Some(SealingError::Open));
        assert_eq!(open_answer(&secret(8), &order, &sealed).err(), Some(SealingError::Open));
    }

    #[test]
    fn grounds_open_as_grounds_of_their_order_and_as_nothing_else() {
        let (order, part) = testing::order_and_part();
        let grounds = Grounds { salt: part.salt, order: order.id, text: "wages".into() };
        let sealed = seal_grounds(&public_key(&secret(7)).unwrap(), &order, &grounds).unwrap();
        assert!(open_grounds(&secret(7), &order, &sealed).unwrap() == grounds);
        assert_eq!(open_answer(&secret(7), &order, &sealed).err(), Some(SealingError::Open));
        assert_eq!(open_grounds(&secret(8), &order, &sealed).err(), Some(SealingError::Open));
    }

    #[test]
    fn a_search_opens_for_the_parties_it_was_sealed_between_and_shows_no_number() {
        let (court, bank): (MemberId, MemberId) = ("court".parse().unwrap(), "bank".parse().unwrap());
        let number = "99010619870412037X".to_owned();
        let sealed = seal_search(&public_key(&secret(7)).unwrap(), (&court, &bank), &number).unwrap();
        assert_eq!(open_search::<String>(&secret(7), (&court, &bank), &sealed), Ok(number.clone()));
        assert_eq!(open_search::<String>(&secret(7), (&bank, &court), &sealed), Err(SealingError::Open));
        assert_eq!(open_search::<String>(&secret(8), (&court, &bank), &sealed), Err(SealingError::Open));
        assert!(!sealed.ciphertext.windows(number.len()).any(|window| window == number.as_bytes()));
    }

    #[test]
    fn sealing_twice_shows_no_equal_bytes() {
        let (order, part) = testing::order_and_part();
        let key = public_key(&secret(7)).unwrap();
        let (one, two) = (seal(&key, &order, &part).unwrap(), seal(&key, &order, &part).unwrap());
        assert!(one.encapsulated_key != two.encapsulated_key && one.ciphertext != two.ciphertext);
    }

    #[test]
    fn a_ciphertext_does_not_show_the_private_part() {
        let (order, part) = testing::order_and_part();
        let sealed = seal(&public_key(&secret(7)).unwrap(), &order, &part).unwrap();
        let needle = b"6222020001";
        assert!(encode(&part).windows(needle.len()).any(|window| window == needle));
        assert!(!sealed.ciphertext.windows(needle.len()).any(|window| window == needle));
    }

    #[test]
    fn an_oversize_private_part_is_refused_on_both_sides() {
        let (order, mut part) = testing::order_and_part();
        part.fields[0].value = comity_model::record::FieldValue::Text("x".repeat(PRIVATE_BYTES_MAX));
        let key = public_key(&secret(7)).unwrap();
        assert_eq!(seal(&key, &order, &part).err(), Some(SealingError::TooLarge));
        let huge = Sealed { encapsulated_key: key, ciphertext: vec![0; PRIVATE_BYTES_MAX + TAG_BYTES + 1] };
        assert_eq!(open(&secret(7), &order, &huge).err(), Some(SealingError::TooLarge));
    }
}
