//! The answer to `validate_only` on the wire. Encode only.
//! It refuses to know how a check is made.

use super::checks::{Check, Needed, Shown, Validation};
use super::draft::DraftRequest;
use crate::convert_order::{self as convert, Operators};
use crate::error::ApiError;
use comity_proto::v1;
use comity_proto::v1::{order_check, order_proof};

/// The draft with what was checked and what it will need; the request alone where a check failed.
pub(super) fn validated(request: &DraftRequest, validation: &Validation, operators: &Operators) -> v1::Order {
    match validation {
        Validation::Valid(draft, needed) => v1::Order {
            validation: Some(v1::OrderValidation {
                valid: true,
                checks: checks(None),
                proofs: needed.iter().map(|needed| proof(needed, operators)).collect(),
            }),
            ..convert::order(draft, operators)
        },
        Validation::Failed(check, error) => v1::Order {
            recipient: format!("members/{}", request.recipient),
            sector: request.sector.to_string(),
            kind: request.kind.to_string(),
            original: request.original.map(|id| format!("orders/{id}")).unwrap_or_default(),
            request_id: uuid::Uuid::from_bytes(request.request.0).to_string(),
            validation: Some(v1::OrderValidation {
                valid: false,
                checks: checks(Some((*check, error))),
                proofs: Vec::new(),
            }),
            ..v1::Order::default()
        },
    }
}

fn checks(failed: Option<(Check, &ApiError)>) -> Vec<v1::OrderCheck> {
    use order_check::Outcome;
    let shown = Check::ALL.iter().map(|check| {
        let (outcome, error) = match failed {
            Some((failed, error)) if failed == *check => (Outcome::Failed, Some(error)),
            Some((failed, _)) if failed < *check => (Outcome::NotMade, None),
            _ => (Outcome::Passed, None),
        };
        v1::OrderCheck {
            check: check.name().to_owned(),
            meaning: check.meaning().to_owned(),
            outcome: outcome.into(),
            reason: error.map(|error| error.reason().as_str().to_owned()).unwrap_or_default(),
            message: error.map(|error| error.message().to_owned()).unwrap_or_default(),
        }
    });
    shown.collect()
}

fn proof(needed: &Needed, operators: &Operators) -> v1::OrderProof {
    use order_proof::Outcome;
    let (outcome, reason, under) = match &needed.shown {
        Shown::Proven(under) => (Outcome::Proven, "", Some(under)),
        Shown::Awaited => (Outcome::Awaited, "", None),
        Shown::Missing(reason, under) => (Outcome::Missing, *reason, Some(under)),
    };
    v1::OrderProof {
        what: needed.what.to_owned(),
        meaning: needed.meaning.to_owned(),
        chain_id: needed.chain.as_ref().map(ToString::to_string).unwrap_or_default(),
        outcome: outcome.into(),
        reason: reason.to_owned(),
        proof: under.map(|under| convert::proof(under, operators)),
    }
}
