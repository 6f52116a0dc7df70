//! `comity verify`: checks a bundle offline and says in words what it proves and what it does not.
//! Refuses to use a network, a gateway or a configuration; everything is decided by the `verify` crate.

use crate::anchor::AnchorFile;
use crate::cli::VerifyArgs;
use crate::client::fields::line;
use crate::failure::Failure;
use crate::{clock, files};
use comity_model::Time;
use comity_verify::Refusal;
use comity_verify::bundle::{BYTES_MAX, Bundle, Finding, Verdict};
use comity_verify::light::Anchor;
use serde_json::{Map, Value, json};

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let anchor = AnchorFile::read(&args.anchor)?;
    // One byte more than the largest, so that an oversize bundle is refused by the rule that says so.
    let bytes_max = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let bytes = files::read_bytes(&args.bundle, bytes_max)?;
    match check(&bytes, &anchor.anchor, clock::now()) {
        Ok(verdict) if args.json => println!("{}", verdict_json(&verdict)),
        Ok(verdict) => print(&verdict, &anchor),
        Err(refusal) if args.json => {
            println!("{}", refusal_json(&refusal));
            return Err(failure(&refusal));
        }
        Err(refusal) => return Err(failure(&refusal)),
    }
    Ok(())
}

/// Judges a bundle against an anchor at `now`.
pub(crate) fn check(bytes: &[u8], anchor: &Anchor, now: Time) -> Result<Verdict, Refusal> {
    Bundle::decode(bytes)?.verify(anchor, now)
}

fn failure(refusal: &Refusal) -> Failure {
    Failure::refused(refusal.rule.code(), format!("The bundle is refused: {refusal}")).help(
        "do not rely on it; ask whoever gave it to you for a fresh one, and make sure that the anchor file came from \
         the institution itself",
    )
}

fn print(verdict: &Verdict, anchor: &AnchorFile) {
    println!("The bundle holds, judged by the anchor of {}.\n", anchor.member);
    print!("{verdict}");
    if let Finding::Record(record) = &verdict.finding {
        println!("\nFields shown:");
        for field in &record.fields {
            println!("  {:<24} {}", field.name.as_str(), line(&field.value));
        }
    }
}

fn verdict_json(verdict: &Verdict) -> Value {
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
    if let (Finding::Record(record), Some(object)) = (&verdict.finding, answer.as_object_mut()) {
        let fields: Map<String, Value> =
            record.fields.iter().map(|field| (field.name.to_string(), json!(line(&field.value)))).collect();
        object.insert("fields".into(), Value::Object(fields));
    }
    answer
}

fn refusal_json(refusal: &Refusal) -> Value {
    json!({
        "verdict": "REFUSED",
        "rule": refusal.rule.code(),
        "expected": refusal.expected,
        "found": refusal.found,
    })
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
