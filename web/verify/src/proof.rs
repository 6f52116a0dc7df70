//! ICS-23 proofs of single values and absences under a root that the caller trusts. Knows no chain.

use crate::answer::{error, refused};
use comity_model::Hash;
use comity_verify::ics23::{ProofSpec, membership, non_membership};
use serde_json::{Value, json};

/// Trees by name.
const TREES: [(&str, ProofSpec<'static>); 4] = [
    ("jmt", ProofSpec::JMT),
    ("iavl", ProofSpec::IAVL),
    ("tendermint", ProofSpec::TENDERMINT),
    ("smt", ProofSpec::SMT),
];

/// Judges a proof that `value` stands under `key`, or, without a value, that nothing does.
#[must_use]
pub fn judge(tree: &str, root: &[u8], key: &[u8], value: Option<&[u8]>, proof: &[u8]) -> Value {
    let Some((_, spec)) = TREES.iter().find(|(name, _)| *name == tree) else {
        return error("the tree is one of jmt, iavl, tendermint, smt");
    };
    let Ok(root) = <[u8; 32]>::try_from(root).map(Hash) else {
        return error("a root has 32 bytes");
    };
    let judged = match value {
        Some(value) => membership(spec, &root, key, value, proof),
        None => non_membership(spec, &root, key, proof),
    };
    match judged {
        Ok(()) => json!({ "verdict": "VERIFIED" }),
        Err(refusal) => refused(&refusal),
    }
}
