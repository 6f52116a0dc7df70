//! The RFC's examples, and that what is proven here verifies there.
#![allow(clippy::unwrap_used)]

use super::*;

fn key(seed: &str) -> LookupKey {
    LookupKey::new(&SecretBox::new(Box::new(hex::decode(seed).unwrap().try_into().unwrap())))
}

/// RFC 9381, appendix B.3, examples 16 to 18: seed, input, proof.
const EXAMPLES: [(&str, &str, &str); 3] = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f\
         26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12\
         68a1b0db10836d9826a528ca76567805",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "72",
        "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593\
         3bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926d\
         a3ef39226bbc355bdc9850112c8f4b02",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "af82",
        "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80\
         96bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a\
         2d41b00b05081ed0f58ee5e31b3a970e",
    ),
];

#[test]
fn the_proofs_are_those_of_the_rfc() {
    for (seed, alpha, expected) in EXAMPLES {
        let (_, proof) = key(seed).prove(&hex::decode(alpha).unwrap()).unwrap();
        assert_eq!(hex::encode(proof.0), expected);
    }
}

#[test]
fn an_output_is_one_keys_for_one_input() {
    let (ours, other) = (key(EXAMPLES[0].0), key(EXAMPLES[1].0));
    for number in 0..20u32 {
        let alpha = number.to_be_bytes();
        let (output, proof) = ours.prove(&alpha).unwrap();
        assert_eq!(vrf::verify(ours.public(), &alpha, &proof), Ok(output));
        assert!(vrf::verify(other.public(), &alpha, &proof).is_err());
        assert!(vrf::verify(ours.public(), b"another", &proof).is_err());
        assert_ne!(other.prove(&alpha).unwrap().0, output);
        assert_eq!(ours.prove(&alpha), Some((output, proof)));
        assert_eq!(ours.output(&alpha), Some(output));
    }
}
