//! What a bundle claims and by which way, before anything is judged: for a reader who has no anchor yet, or who wants to
//! see what was refused. Nothing said here is proven, and the answer says so.

use crate::answer::{self, error, line, refused};
use comity_verify::bundle::{Bundle, Claim, Link};
use comity_verify::comet::{CommitSig, Header};
use comity_verify::deposit::Deposited;
use comity_verify::light::LightStep;
use comity_verify::renewal::RENEWALS_MAX;
use comity_verify::witnessed::Attested;
use serde_json::{Map, Value, json};

/// A bundle's content as JSON, or the refusal of bytes that are none.
#[must_use]
pub fn describe(bytes: &[u8]) -> Value {
    match Bundle::decode(bytes) {
        Ok(bundle) => content(&bundle, RENEWALS_MAX),
        Err(refusal) => refused(&refusal),
    }
}

/// With as many renewed bundles inside as can be verified.
fn content(bundle: &Bundle, renewals: usize) -> Value {
    let Ok(proof_bytes) = u32::try_from(bundle.proof.len()) else {
        return error("a proof of more than 4 GiB");
    };
    let mut said = json!({
        "verdict": "NOT_JUDGED",
        "chain": bundle.anchor.chain_id.as_str(),
        "anchor": header(&bundle.anchor),
        "link": link(&bundle.link),
        "claim": claim(&bundle.claim),
        "proof_bytes": proof_bytes,
    });
    if let (Claim::Renewed(claim), Some(object), Some(left)) =
        (&bundle.claim, said.as_object_mut(), renewals.checked_sub(1))
    {
        let old = Bundle::decode(&claim.old).map_or_else(|refusal| refused(&refusal), |old| content(&old, left));
        object.insert("renewed".into(), old);
    }
    said
}

fn header(header: &Header) -> Value {
    json!({
        "height": header.height.0,
        "time": header.time.to_string(),
        "hash": header.hash().to_string(),
        "validators_hash": header.validators_hash.to_string(),
    })
}

fn link(link: &Link) -> Value {
    match link {
        Link::Forward { steps } => json!({ "kind": "FORWARD", "steps": steps.iter().map(step).collect::<Vec<_>>() }),
        Link::Archive { steps, tree, header: earlier, .. } => json!({
            "kind": "ARCHIVE",
            "steps": steps.iter().map(step).collect::<Vec<_>>(),
            "tree_size": tree.size,
            "header": header(earlier),
        }),
    }
}

fn step(step: &LightStep) -> Value {
    let block = &step.block;
    let voters = block.commit.signatures.iter().zip(block.validators.validators());
    let votes = voters.filter(|(entry, _)| matches!(entry, CommitSig::Commit(_)));
    let (votes, power) = votes.fold((0u32, 0u64), |(votes, power), (_, validator)| {
        (votes.saturating_add(1), power.saturating_add(validator.power))
    });
    let mut said = header(&block.header);
    if let Some(object) = said.as_object_mut() {
        object.insert("validators".into(), json!(block.validators.validators().len()));
        object.insert("votes".into(), json!(votes));
        object.insert("power".into(), json!(power.to_string()));
        object.insert("power_total".into(), json!(block.validators.total_power().to_string()));
        object.insert("brings_trusted_set".into(), json!(step.trusted_next.is_some()));
    }
    said
}

fn claim(claim: &Claim) -> Value {
    match claim {
        Claim::Record { sector, id, disclosure, .. } => {
            let fields: Map<String, Value> = disclosure
                .opened
                .iter()
                .map(|opened| &opened.opening.field)
                .map(|field| (field.name.to_string(), json!(line(&field.value))))
                .collect();
            json!({
                "kind": "RECORD",
                "sector": sector.as_str(),
                "id": id.as_str(),
                "fields": fields,
                "fields_total": disclosure.count,
            })
        }
        Claim::Absence { sector, id } => json!({ "kind": "ABSENCE", "sector": sector.as_str(), "id": id.as_str() }),
        Claim::Order(entry) => {
            json!({ "kind": "ORDER", "order": entry.sealed.order.id.to_string(), "state": entry.state.name() })
        }
        Claim::Received(entry) => {
            json!({ "kind": "RECEIVED_ORDER", "order": entry.sealed.order.id.to_string(), "state": entry.state.name() })
        }
        Claim::Value { path, value } => {
            json!({ "kind": "VALUE", "path": hex::encode(path), "value_bytes": value.len() })
        }
        Claim::Deposit(_) | Claim::Witnessed(_) | Claim::Stamped(_) | Claim::Renewed(_) => {
            claim.attested().map_or(Value::Null, attested)
        }
    }
}

fn attested(attested: Attested<'_>) -> Value {
    let mut said = deposited(attested.deposit);
    let Some(object) = said.as_object_mut() else { return said };
    if let Some(checkpoint) = attested.witnessed {
        let keys = checkpoint.signatures.iter().map(|one| String::from_utf8_lossy(&one.key).into_owned());
        let shown = json!({ "size": checkpoint.tree.size, "signed_by": keys.collect::<Vec<_>>() });
        object.insert("checkpoint".into(), shown);
    }
    if let Some(checkpoint) = attested.stamped {
        let shown = json!({ "size": checkpoint.tree.size, "token_bytes": checkpoint.token.len() });
        object.insert("stamped_checkpoint".into(), shown);
    }
    said
}

fn deposited(deposit: &Deposited) -> Value {
    let mut said = json!({
        "kind": "DEPOSIT",
        "keeper": deposit.keeper.as_str(),
        "index": deposit.index,
        "log_size": deposit.log.size,
        "depositor_sealed": deposit.seal.is_some(),
    });
    if let (Some(object), Some(content)) = (said.as_object_mut(), &deposit.content) {
        object.insert("content".into(), answer::content(content));
    }
    if let (Some(object), Some(statement)) = (said.as_object_mut(), &deposit.statement) {
        object.insert("statement".into(), answer::statement(statement));
    }
    said
}
