//! Whether the subject of a record consents to this reading of it: signed with the key that the record names, for this
//! reader, this purpose and this time. Knows no schema and no policy.

use crate::refusal::{Refusal, Rule};
use crate::seal;
use alloc::format;
use comity_model::consent::SignedConsent;
use comity_model::seal::{PublicKey, Suites};
use comity_model::{MemberId, RecordId, Sector, UnixSeconds};

/// Domain tag of a consent.
pub const TAG: &str = "comity/consent/v1";
/// The longest time that one consent holds: a year.
pub const CONSENT_MAX_S: u64 = 366 * 86_400;

/// A reading that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Who keeps the record.
    pub keeper: &'a MemberId,
    /// Its sector.
    pub sector: &'a Sector,
    /// The record.
    pub record: &'a RecordId,
    /// The institution that asks.
    pub reader: &'a MemberId,
    /// What it says it wants it for.
    pub purpose: &'a str,
    /// When.
    pub now: UnixSeconds,
}

/// Checks that `signed` is the consent to `reading` of whoever holds `key`, an Ed25519 key.
pub fn check(signed: &SignedConsent, key: &[u8; 32], reading: &Reading<'_>) -> Result<(), Refusal> {
    let refuse = |expected: &str, found: &str| Err(Refusal::new(Rule::Consent, expected, found));
    let consent = &signed.consent;
    let about = (&consent.keeper, &consent.sector, &consent.record);
    if about != (reading.keeper, reading.sector, reading.record) {
        return refuse("a consent about this record", "one about another");
    }
    if consent.reader != *reading.reader {
        return refuse("a consent for this reader", "one for another");
    }
    if consent.purpose != reading.purpose {
        return refuse("a consent for the purpose that is stated", "one for another");
    }
    if consent.until <= consent.from || consent.until > consent.from.plus(CONSENT_MAX_S) {
        return refuse("a consent for at most a year", "another period");
    }
    if reading.now < consent.from || reading.now >= consent.until {
        let found = format!("one from {} to {}", consent.from.0, consent.until.0);
        return refuse(&format!("a consent that holds at {}", reading.now.0), &found);
    }
    let key = PublicKey::ed25519(*key);
    seal::check(TAG, consent, &key, &signed.signature, Suites::NATIVE)
        .map_err(|refusal| Refusal { rule: Rule::Consent, ..refusal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::consent::Consent;
    use comity_model::seal::Signature;
    use ed25519_dalek::{Signer, SigningKey};

    fn consent() -> Consent {
        Consent {
            keeper: "justice".parse().expect("an id"),
            sector: "lawyers".parse().expect("a sector"),
            record: "19901201411001024".parse().expect("an id"),
            reader: "court".parse().expect("an id"),
            purpose: "appointment".into(),
            from: UnixSeconds(1_000),
            until: UnixSeconds(2_000),
        }
    }

    fn signed(consent: Consent) -> SignedConsent {
        let signature = key().sign(&seal::signing_bytes(TAG, &consent)).to_bytes();
        SignedConsent { consent, signature: Signature::ed25519(signature) }
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    /// Judges `signed` for the reading that `consent()` allows, at `now`.
    fn judge(signed: &SignedConsent, now: u64) -> Result<(), Refusal> {
        let allowed = consent();
        let reading = Reading {
            keeper: &allowed.keeper,
            sector: &allowed.sector,
            record: &allowed.record,
            reader: &allowed.reader,
            purpose: &allowed.purpose,
            now: UnixSeconds(now),
        };
        check(signed, &key().verifying_key().to_bytes(), &reading)
    }

    #[test]
    fn a_consent_holds_for_its_reader_its_purpose_and_its_time_and_nothing_else() {
        assert_eq!(judge(&signed(consent()), 1_000), Ok(()));
        assert_eq!(judge(&signed(consent()), 1_999), Ok(()));
        assert!(judge(&signed(consent()), 999).is_err() && judge(&signed(consent()), 2_000).is_err());
        let changes: [fn(&mut Consent); 7] = [
            |consent| consent.reader = "bank".parse().expect("an id"),
            |consent| consent.keeper = "bank".parse().expect("an id"),
            |consent| consent.sector = "credit".parse().expect("a sector"),
            |consent| consent.record = "1".parse().expect("an id"),
            |consent| consent.purpose = "advertising".into(),
            |consent| consent.until = consent.from,
            |consent| consent.until = UnixSeconds(1_000 + CONSENT_MAX_S + 1),
        ];
        for change in changes {
            let mut changed = consent();
            change(&mut changed);
            assert_eq!(judge(&signed(changed.clone()), 1_500).map_err(|refusal| refusal.rule), Err(Rule::Consent));
            // Nor does the subject's signature under another text stand for this one.
            let forged = SignedConsent { consent: changed, signature: signed(consent()).signature };
            assert!(judge(&forged, 1_500).is_err());
        }
    }

    #[test]
    fn only_the_key_of_the_record_consents() {
        let other = SigningKey::from_bytes(&[8; 32]);
        let signature = other.sign(&seal::signing_bytes(TAG, &consent())).to_bytes();
        let forged = SignedConsent { consent: consent(), signature: Signature::ed25519(signature) };
        assert_eq!(judge(&forged, 1_500).map_err(|refusal| refusal.rule), Err(Rule::Consent));
    }
}
