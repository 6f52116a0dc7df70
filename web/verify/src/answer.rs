//! A verdict and a refusal as JSON: the one form in which they leave `comity verify --json` and the browser's build.
//! It refuses to know how the judgment came about.

use crate::anchor::AnchorFile;
use comity_model::Time;
use comity_model::deposit::{Content, Statement};
use comity_model::record::FieldValue;
use comity_verify::Refusal;
use comity_verify::bundle::{Bundle, Finding, Verdict};
use comity_verify::deposit;
use comity_verify::witnessed::Stamped;
use serde_json::{Map, Value, json};

/// Judges a bundle by an anchor file's text at `now`: a verdict, a refusal, or an error where the text is no anchor file.
#[must_use]
pub fn judge(bundle: &[u8], anchor: &str, now: Time) -> Value {
    match AnchorFile::parse(anchor) {
        Ok(file) => match Bundle::decode(bundle).and_then(|bundle| bundle.verify(&file.anchor, now)) {
            Ok(verdict) => verified(&verdict),
            Err(refusal) => refused(&refusal),
        },
        Err(bad) => error(&format!("this is not an anchor file: {bad}")),
    }
}

/// A bundle that holds: its judgment, where and when, what it proves and what not, what was checked, and the fields of a
/// record as [`line`] writes them.
#[must_use]
pub fn verified(verdict: &Verdict) -> Value {
    let at = &verdict.at;
    let mut answer = json!({
        "verdict": "VERIFIED",
        "judgment": verdict.judgment.name(),
        "strength": verdict.strength.name(),
        "chain": at.chain_id.as_str(),
        "header_height": at.height.0,
        "header_hash": at.header_hash.to_string(),
        "header_time": at.time.to_string(),
        "operators": verdict.operators,
        "suites": verdict.suites.iter().map(|suite| suite.name()).collect::<Vec<_>>(),
        "proves": verdict.proves,
        "does_not_prove": verdict.does_not_prove,
        "steps": verdict.steps.iter().map(|step| json!({
            "what": step.what,
            "rule": step.rule.code(),
        })).collect::<Vec<_>>(),
    });
    if let (false, Some(object)) = (verdict.renewals.is_empty(), answer.as_object_mut()) {
        let renewals = verdict.renewals.iter().map(|renewal| {
            json!({
                "stood": renewal.stood.to_string(),
                "by": renewal.by.name(),
                "bytes": renewal.bytes,
                "sha256": renewal.sha256.to_string(),
                "chain": renewal.at.chain_id.as_str(),
                "header_height": renewal.at.height.0,
                "keeper": renewal.keeper.as_str(),
                "index": renewal.index,
                "judgment": renewal.judgment.name(),
                "renewed_judgment": renewal.renewed_judgment.name(),
                "suites": renewal.suites.iter().map(|suite| suite.name()).collect::<Vec<_>>(),
                "renewed_suites": renewal.renewed_suites.iter().map(|suite| suite.name()).collect::<Vec<_>>(),
                "stamp_alone": renewal.is_stamp_alone,
            })
        });
        object.insert("renewals".into(), renewals.collect());
    }
    if let (Finding::Record(record), Some(object)) = (&verdict.finding, answer.as_object_mut()) {
        let fields: Map<String, Value> =
            record.fields.iter().map(|field| (field.name.to_string(), json!(line(&field.value)))).collect();
        object.insert("fields".into(), Value::Object(fields));
    }
    if let (Finding::Deposit(deposit), Some(object)) = (&verdict.finding, answer.as_object_mut()) {
        let shown = json!({
            "keeper": deposit.keeper.as_str(),
            "index": deposit.index,
            "since": deposit.log.at.to_string(),
            "entry": deposit::leaf(&deposit.entry).to_string(),
            "content": deposit.content.as_ref().map(content),
            "statement": deposit.statement.as_ref().map(statement),
            "depositor": deposit.seal.as_ref().map(|seal| seal.batch.depositor.as_str()),
        });
        object.insert("deposit".into(), shown);
        // Of a deposit that nobody else has seen nothing is said.
        if !verdict.seen.is_empty() {
            let seen = verdict.seen.iter().map(|seen| {
                json!({
                    "witness": seen.by.name(),
                    "key": seen.by.to_string(),
                    "at": seen.at.to_string(),
                    "log_size": seen.size,
                    "known": seen.known,
                })
            });
            object.insert("seen_by".into(), seen.collect());
        }
        if let Some(Stamped { stamp, size }) = &verdict.stamped {
            let shown = json!({
                "authority": stamp.by,
                "certificate": stamp.certificate.to_string(),
                "at": stamp.at.to_string(),
                "log_size": size,
                "known": stamp.known,
            });
            object.insert("stamped_by".into(), shown);
        }
    }
    answer
}

/// The digests and the size that a deposit's entry commits to.
#[must_use]
pub fn content(content: &Content) -> Value {
    json!({ "sha256": content.sha256.to_string(), "sm3": content.sm3.to_string(), "size": content.size })
}

/// What a depositor states. Nobody vouches for it.
#[must_use]
pub fn statement(statement: &Statement) -> Value {
    let (item, circumstances) = (&statement.item, &statement.circumstances);
    json!({
        "kind": circumstances.kind.name(),
        "depositor": circumstances.depositor.as_str(),
        "identified_by": circumstances.identified_by,
        "source": circumstances.source,
        "method": circumstances.method,
        "custody": circumstances.custody,
        "environment": circumstances.environment,
        "case": circumstances.case,
        "name": item.name,
        "media_type": item.media_type,
        "created_at": item.created_at.map(|at| at.to_string()),
        "follows": item.follows.map(|entry| entry.to_string()),
    })
}

/// A bundle, header or proof that does not hold: the rule, what it expected, what it found.
#[must_use]
pub fn refused(refusal: &Refusal) -> Value {
    json!({
        "verdict": "REFUSED",
        "rule": refusal.rule.code(),
        "expected": refusal.expected,
        "found": refusal.found,
    })
}

/// What was asked cannot be judged at all: the caller's mistake, in a sentence.
#[must_use]
pub fn error(what: &str) -> Value {
    json!({ "error": what })
}

/// A field's value as one line of text.
#[must_use]
pub fn line(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => text.clone(),
        FieldValue::Integer(number) => number.to_string(),
        FieldValue::Boolean(yes) => yes.to_string(),
        FieldValue::Date(date) => date.to_string(),
        FieldValue::Time(seconds) => seconds.to_string(),
        FieldValue::Amount(amount) => {
            format!("{}:{}.{:02}", amount.currency, amount.minor.div_euclid(100), amount.minor.rem_euclid(100))
        }
        FieldValue::Digest(hash) => hash.to_string(),
        FieldValue::Texts(texts) => texts.join("|"),
    }
}
