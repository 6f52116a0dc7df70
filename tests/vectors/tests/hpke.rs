//! RFC 9180's test vector for the one suite that private parts are sealed with: base mode, DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256, ChaCha20Poly1305 (appendix A.2.1).

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, Serializable};

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const IKM_R: &str = "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df";
const SK_R: &str = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb";
const PK_R: &str = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a";
const ENC: &str = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
const PLAINTEXT: &str = "4265617574792069732074727574682c20747275746820626561757479";
/// Associated data and ciphertext of the first two messages.
const MESSAGES: [(&str, &str); 2] = [
    ("436f756e742d30", "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"),
    ("436f756e742d31", "6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c"),
];

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

#[test]
fn the_rfcs_vector_opens_and_a_changed_one_does_not() {
    let (secret, public) = X25519HkdfSha256::derive_keypair(&bytes(IKM_R));
    // The library keeps the scalar clamped (RFC 7748 section 5); the RFC shows it before.
    let mut expected = bytes(SK_R);
    expected[0] &= 248;
    expected[31] = expected[31] & 127 | 64;
    assert_eq!(secret.to_bytes().as_slice(), expected);
    assert_eq!(public.to_bytes().as_slice(), bytes(PK_R));
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&bytes(ENC)).expect("a key");
    let receiver = || {
        hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &secret,
            &encapsulated,
            &bytes(INFO),
        )
        .expect("a context")
    };
    let mut context = receiver();
    for (associated, ciphertext) in MESSAGES {
        assert_eq!(context.open(&bytes(ciphertext), &bytes(associated)).expect("opens"), bytes(PLAINTEXT));
    }
    let (associated, ciphertext) = (bytes(MESSAGES[0].0), bytes(MESSAGES[0].1));
    for bit in 0..ciphertext.len() * 8 {
        let mut changed = ciphertext.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(receiver().open(&changed, &associated).is_err(), "bit {bit}");
    }
    assert!(receiver().open(&ciphertext, b"other").is_err());
    println!("rfc9180: 1 key pair, {} messages", MESSAGES.len());
}
