//! `comity verify`: checks a bundle offline and says in words what it proves and what it does not.
//! Refuses to use a network, a gateway or a configuration; everything is decided by the `verify` crate.

use crate::anchor::AnchorFile;
use crate::cli::VerifyArgs;
use crate::failure::Failure;
use crate::{clock, files, witness};
use comity_model::Time;
use comity_verify::Refusal;
use comity_verify::bundle::{BYTES_MAX, Bundle, Finding, Verdict};
use comity_verify::light::Anchor;
use comity_verify::tlog::Policy;
use comity_web_verify::answer::{self, line};

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let anchor = crate::anchor::read(&args.anchor)?;
    // One byte more than the largest, so that an oversize bundle is refused by the rule that says so.
    let bytes_max = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let bytes = files::read_bytes(&args.bundle, bytes_max)?;
    let policy = args.policy.as_deref().map(witness::policy).transpose()?;
    match check(&bytes, &anchor.anchor, policy.as_ref(), clock::now()) {
        Ok(verdict) if args.json => println!("{}", answer::verified(&verdict)),
        Ok(verdict) => print(&verdict, &anchor),
        Err(refusal) if args.json => {
            println!("{}", answer::refused(&refusal));
            return Err(failure(&refusal));
        }
        Err(refusal) => return Err(failure(&refusal)),
    }
    Ok(())
}

/// Judges a bundle against an anchor at `now`, and by a policy of witnesses where there is one.
pub(crate) fn check(bytes: &[u8], anchor: &Anchor, policy: Option<&Policy>, now: Time) -> Result<Verdict, Refusal> {
    Bundle::decode(bytes)?.verify_under(anchor, policy, now)
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

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
