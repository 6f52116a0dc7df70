//! A record of an index as a peer's answer has it, and what leads from a record's own name to its private id.
//! It refuses to believe either: `verify::lookup` decides.

use super::read::answered;
use crate::convert::RecordName;
use crate::error::ApiError;
use crate::peers::malformed;
use comity_model::{MemberId, RecordId, decode};
use comity_proto::v1;
use comity_verify::fields::Disclosure;
use comity_verify::light::TrustedHeader;
use comity_verify::lookup::{PublishedKey, Shown};
use comity_verify::vrf::Proof;

/// A record of an index as it came.
pub(crate) struct Came<'a> {
    pub(crate) state: Option<&'a [u8]>,
    pub(crate) proof: &'a [u8],
    pub(crate) disclosure: Option<Disclosure>,
}

impl<'a> Came<'a> {
    /// From what `member` sent.
    pub(crate) fn of(
        member: &MemberId,
        state: &'a v1::FetchStateResponse,
        disclosure: &[u8],
    ) -> Result<Self, ApiError> {
        let disclosure = match state.exists {
            true => Some(decode("a disclosure", disclosure).map_err(|error| malformed(member, error))?),
            false => None,
        };
        Ok(Self { state: state.exists.then_some(state.value.as_slice()), proof: &state.proof, disclosure })
    }

    pub(crate) const fn shown(&self) -> Shown<'_> {
        Shown { state: self.state, proof: self.proof, disclosure: self.disclosure.as_ref() }
    }
}

/// Where the record `name` stands under `header`, whose sector keeps its records under private ids: by the proof in the
/// answer and `key`, or, if it is not known yet, the published key in the answer.
pub(super) fn private_place(
    name: &RecordName,
    private: Option<&v1::PrivateId>,
    header: &TrustedHeader,
    key: Option<&PublishedKey>,
    accepted: comity_model::seal::Suites,
) -> Result<(RecordId, v1::Lookup), ApiError> {
    let incomplete = || answered(name, "INCOMPLETE_ANSWER");
    let refused = |refusal| ApiError::proof("peer", &name.member, &refusal);
    let private = private.ok_or_else(incomplete)?;
    let vrf_proof = Proof(private.vrf_proof.as_slice().try_into().map_err(|_| incomplete())?);
    let proven;
    let key = match (key, &private.key) {
        (Some(key), _) => key,
        (None, Some(state)) => {
            let came = Came::of(&name.member, state, &private.key_disclosure)?;
            proven = PublishedKey::prove(header, &name.sector, came.shown(), accepted).map_err(refused)?;
            &proven
        }
        (None, None) => return Err(incomplete()),
    };
    let id = key.record(&name.id, &vrf_proof).map_err(refused)?;
    let (proof, entry) = (vrf_proof.0.to_vec(), id.to_string());
    Ok((id, v1::Lookup { key: key.key().to_vec(), key_version: key.version(), proof, entry }))
}
