//! `comity verify`: checks a bundle offline and says in words what it proves and what it does not.
//! Refuses to use a network, a gateway or a configuration; everything is decided by the `verify` crate.

use crate::anchor::AnchorFile;
use crate::cli::{LanguageArg, VerifyArgs};
use crate::client::deposit::hashed;
use crate::failure::Failure;
use crate::{clock, files, tsa, witness};
use comity_model::Hash;
use comity_model::Time;
use comity_verify::bundle::{BYTES_MAX, Bundle, Finding, Reader, Verdict};
use comity_verify::light::Anchor;
use comity_verify::tlog::Policy;
use comity_verify::{Refusal, Rule};
use comity_web_verify::answer::{self, line};
use comity_web_verify::words::{self, FileFound, Language, Outcome, Told};

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let named = args.anchor.iter().map(|path| crate::anchor::read(path)).collect::<Result<Vec<_>, _>>()?;
    // One byte more than the largest, so that an oversize bundle is refused by the rule that says so.
    let bytes_max = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let bytes = files::read_bytes(&args.bundle, bytes_max)?;
    let policy = args.policy.as_deref().map(witness::policy).transpose()?;
    let authorities = args.tsa.as_deref().map(tsa::authorities).transpose()?.unwrap_or_default();
    let anchors: Vec<Anchor> = named.iter().map(|file| file.anchor.clone()).collect();
    let reader =
        Reader { policy: policy.as_ref(), authorities: &authorities, anchors: &anchors, retired: &args.retired };
    let file = args.file.as_deref().map(hashed).transpose()?.map(|file| FileFound {
        sha256: Hash(file.sha256),
        sm3: Hash(file.sm3),
        size: file.size,
    });
    let judged = Bundle::decode(&bytes).and_then(|bundle| {
        let pinned = bundle.anchor.hash();
        // One that pins nothing of it is told so by the rule for that.
        let anchor = named.iter().find(|file| file.anchor.header_hash == pinned).or(named.first());
        let anchor = anchor.ok_or_else(|| Refusal::new(Rule::Anchor, "an anchor", "none"))?;
        let verdict = bundle.verify_for(&reader, &anchor.anchor, clock::now())?;
        Ok((bundle, anchor, verdict))
    });
    match judged {
        Ok((bundle, anchor, verdict)) => tell(args, anchor, &verdict, words::told(&bundle, &verdict, file.as_ref())),
        Err(refusal) if args.json => {
            println!("{}", answer::refused(&refusal));
            Err(failure(&refusal))
        }
        Err(refusal) => Err(failure(&refusal)),
    }
}

/// Judges a bundle against an anchor at `now`, and by a policy of witnesses where there is one.
pub(crate) fn check(bytes: &[u8], anchor: &Anchor, policy: Option<&Policy>, now: Time) -> Result<Verdict, Refusal> {
    Bundle::decode(bytes)?.verify_for(&Reader { policy, ..Reader::default() }, anchor, now)
}

/// Prints the verdict; of a deposit in two lines first, word for word as the page has them.
fn tell(args: &VerifyArgs, anchor: &AnchorFile, verdict: &Verdict, told: Option<Told>) -> Result<(), Failure> {
    let Some(told) = told else {
        if args.file.is_some() {
            return Err(Failure::usage(
                "--file goes with the bundle of a deposit, and this bundle is of something else",
            ));
        }
        if args.json {
            println!("{}", answer::verified(verdict));
        } else {
            print(verdict, anchor);
        }
        return Ok(());
    };
    let language = match args.lang {
        LanguageArg::En => Language::English,
        LanguageArg::Zh => Language::Chinese,
    };
    if args.json {
        let mut said = answer::verified(verdict);
        if let Some(object) = said.as_object_mut() {
            object.insert("told".into(), told.json());
        }
        println!("{said}");
    } else {
        told.headline.iter().for_each(|line| println!("{}", line.of(language)));
        println!();
        match language {
            Language::English => print(verdict, anchor),
            Language::Chinese => print_chinese(verdict, anchor, &told),
        }
    }
    if told.outcome == Outcome::Mismatch {
        return Err(Failure::refused("FILE_DIFFERS", "The file is not the one that the bundle is of.").help(
            "a program that opens and saves a file, or sends it, may change its bytes: look for the copy as it was deposited",
        ));
    }
    Ok(())
}

fn print_chinese(verdict: &Verdict, anchor: &AnchorFile, told: &Told) {
    let said = |title: &str, mark: &str, sentences: &[words::Both]| {
        println!("\n{title}");
        sentences.iter().for_each(|both| println!("  {mark} {}", both.zh));
    };
    println!("证明包成立，依据 {} 的信任锚核验。\n", anchor.member);
    println!(
        "{} 链，高度 {}，{}，区块头 {}",
        verdict.at.chain_id, verdict.at.height, verdict.at.time, verdict.at.header_hash
    );
    said("已证明：", "+", &told.proves);
    said("未证明：", "-", &told.does_not_prove);
    println!("\n逐步核验：");
    for (number, step) in (1u32..).zip(&told.steps) {
        println!("  {number}. {} [{}]", step.what.zh, step.rule);
    }
}

/// A refused bundle, for its reader.
pub(crate) fn failure(refusal: &Refusal) -> Failure {
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
