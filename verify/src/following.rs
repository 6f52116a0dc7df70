//! A record that others hold: whether what was found of it follows what they have, and what a holder's seal says.
//! Knows no store, no deadline and no way between institutions.

use crate::refusal::{Refusal, Rule};
use crate::seal;
use comity_model::member::Member;
use comity_model::record::{RecordReceipt, RecordState};
use comity_model::seal::{Signature, Suites};
use comity_model::{Height, MemberId, RecordId, Sector};

/// Domain tag of a holder's receipt for a delivered record.
pub const TAG_RECEIPT: &str = "comity/record-receipt/v1";

/// Domain tag of a holding's id.
pub const TAG_HOLDING: &str = "comity/holding/v1";

/// The id of a holding, the same on both sides: the first 16 bytes of the hash of the canonical `(keeper, sector, record,
/// holder, role)`.
#[must_use]
pub fn holding(
    (keeper, sector, record): (&MemberId, &Sector, &RecordId),
    (holder, role): (&MemberId, &str),
) -> [u8; 16] {
    let digest = seal::digest(TAG_HOLDING, &(keeper, sector, record, holder, role)).0;
    let mut id = [0; 16];
    id.iter_mut().zip(digest).for_each(|(byte, of)| *byte = of);
    id
}

/// How what was proven of a record stands to what was proven before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Succession {
    /// A later version.
    Later,
    /// The same version.
    Same,
    /// An earlier one.
    Earlier,
}

/// Judges two states of one record, each proven under a header of its height: a later version stands at a later height, and
/// one version has one state. Refused is what no honest chain can show: versions count up with the blocks.
pub fn succession(held: (&RecordState, Height), found: (&RecordState, Height)) -> Result<Succession, Refusal> {
    let ((was, was_at), (is, is_at)) = (held, found);
    let refuse = |expected: &str| {
        let found = alloc::format!("version {} at height {is_at}, {} at {was_at}", is.version, was.version);
        Err(Refusal::new(Rule::Succession, expected, found))
    };
    match is.version.cmp(&was.version) {
        core::cmp::Ordering::Greater if is_at > was_at => Ok(Succession::Later),
        core::cmp::Ordering::Greater => refuse("a later version at a later height"),
        core::cmp::Ordering::Equal if is == was => Ok(Succession::Same),
        core::cmp::Ordering::Equal => refuse("one state of one version"),
        core::cmp::Ordering::Less if is_at < was_at => Ok(Succession::Earlier),
        core::cmp::Ordering::Less => refuse("no earlier version at a later height"),
    }
}

/// Checks a holder's receipt: that it is this holder's, of a key that is valid at the time of the receipt.
pub fn receipt(
    receipt: &RecordReceipt,
    signature: &Signature,
    holder: &Member,
    accepted: Suites,
) -> Result<(), Refusal> {
    if receipt.holder != holder.id {
        return Err(Refusal::new(Rule::OrderMismatch, &holder.id, &receipt.holder));
    }
    if !holder.validity.covers(receipt.at) {
        return Err(Refusal::new(Rule::Validity, "the holder's seal key", receipt.at));
    }
    seal::check(TAG_RECEIPT, receipt, &holder.seal_key, signature, accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::record::RecordStatus;
    use comity_model::{Hash, UnixSeconds};
    use proptest::prelude::*;

    fn state(version: u32, root: u8) -> RecordState {
        RecordState {
            schema: Hash([1; 32]),
            root: Hash([root; 32]),
            status: RecordStatus::Current,
            version,
            updated_at: UnixSeconds(7),
        }
    }

    proptest! {
        #[test]
        fn a_later_version_is_accepted_at_a_later_height_and_nowhere_else(
            was in 1u32..9, is in 1u32..9, was_at in 1u64..9, is_at in 1u64..9, same: bool,
        ) {
            let (one, other) = (state(was, 1), state(is, if same { 1 } else { 2 }));
            let found = succession((&one, Height(was_at)), (&other, Height(is_at)));
            let expected = match (is.cmp(&was), is_at.cmp(&was_at)) {
                (core::cmp::Ordering::Greater, core::cmp::Ordering::Greater) => Some(Succession::Later),
                (core::cmp::Ordering::Equal, _) if same => Some(Succession::Same),
                (core::cmp::Ordering::Less, core::cmp::Ordering::Less) => Some(Succession::Earlier),
                _ => None,
            };
            prop_assert_eq!(found.ok(), expected);
        }
    }
}
