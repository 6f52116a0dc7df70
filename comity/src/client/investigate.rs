//! `comity investigate`: what the alliance's institutions are proven to keep of persons, as the answers come in.
//! Refuses to judge the proofs: the gateway has, and `comity verify` does so again offline, bundle by bundle.

use super::query::purpose;
use super::show::{fields_json, proof_json, proof_line, record_table};
use super::{ClientFile, status};
use crate::cli::InvestigateArgs;
use crate::failure::Failure;
use crate::files;
use comity_proto::v1;
use comity_proto::v1::finding::Outcome;
use comity_proto::v1::investigate_response::Event;
use comity_proto::v1::investigations_client::InvestigationsClient;
use serde_json::json;
use std::path::Path;

/// Largest event that is taken.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Runs the command.
pub(crate) async fn run(args: InvestigateArgs) -> Result<(), Failure> {
    let numbers = numbers(&args)?;
    let channel = ClientFile::read(&args.client.client)?.connect()?;
    let mut client = InvestigationsClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let request = v1::InvestigateRequest {
        subjects: numbers.into_iter().map(|number| v1::Subject { number }).collect(),
        sectors: args.sectors.clone(),
        purpose: purpose(&args.purpose),
        deadline: args.deadline.map(|seconds| prost_types::Duration { seconds: i64::from(seconds), nanos: 0 }),
        include_bundles: args.bundles.is_some(),
    };
    let doing = "the investigation was not made";
    let mut events = client.investigate(request).await.map_err(|error| status(error, doing))?.into_inner();
    let mut last = None;
    while let Some(response) = events.message().await.map_err(|error| status(error, doing))? {
        match response.event {
            Some(Event::Finding(finding)) => {
                if let Some(folder) = &args.bundles {
                    save(folder, &finding)?;
                }
                if args.json { println!("{}", finding_json(&finding)) } else { print(&finding) }
            }
            Some(Event::Progress(progress)) => {
                if args.json {
                    println!("{}", progress_json(&progress));
                } else if !progress.complete && progress.total > 100 {
                    eprintln!("{} of {} answered", progress.done, progress.total);
                }
                last = Some(progress);
            }
            None => {}
        }
    }
    match last {
        Some(progress) if progress.complete => {
            if !args.json {
                println!(
                    "{} found, {} proven to have nothing, {} not answered: of those nothing is known.",
                    progress.found, progress.nothing, progress.unanswered
                );
            }
            Ok(())
        }
        _ => Err(Failure::unavailable("the gateway broke off before all had answered")),
    }
}

/// The numbers on the command line, or one a line in a file, so that they need not be in a shell's history.
fn numbers(args: &InvestigateArgs) -> Result<Vec<String>, Failure> {
    let mut numbers = args.numbers.clone();
    if let Some(path) = &args.file {
        let text = files::read_text(path)?;
        numbers.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    if numbers.is_empty() {
        return Err(Failure::usage("name at least one person: a number, or --file with one a line"));
    }
    Ok(numbers)
}

fn print(finding: &v1::Finding) {
    let place = format!("{} {}", finding.member.trim_start_matches("members/"), finding.sector);
    let head = format!("[{}] {}", finding.subject, place.trim_end());
    match &finding.outcome {
        Some(Outcome::Found(found)) => {
            println!("{head}: {} found", found.records.len());
            for record in &found.records {
                println!("{}\n{}", record.name, record_table(record));
            }
        }
        Some(Outcome::Nothing(_)) => println!("{head}: nothing in the index, proven"),
        Some(Outcome::Unanswered(why)) => println!("{head}: not answered ({}) {}", why.reason, why.message),
        None => println!("{head}: the gateway did not say"),
    }
    if let Some(proof) = &finding.proof {
        println!("  {}", proof_line(proof));
    }
}

/// One file a bundle; the persons' numbers are in no name.
fn save(folder: &Path, finding: &v1::Finding) -> Result<(), Failure> {
    files::make_folder(folder)?;
    let member = finding.member.trim_start_matches("members/");
    let bundles: Vec<&Vec<u8>> = match &finding.outcome {
        Some(Outcome::Found(found)) => found.bundles.iter().collect(),
        Some(Outcome::Nothing(nothing)) => vec![&nothing.bundle],
        _ => Vec::new(),
    };
    for (at, bundle) in bundles.into_iter().enumerate() {
        let name = format!("{}-{member}-{}-{at}.comity", finding.subject, finding.sector);
        files::save(&folder.join(name), bundle)?;
    }
    Ok(())
}

fn finding_json(finding: &v1::Finding) -> serde_json::Value {
    let outcome = match &finding.outcome {
        Some(Outcome::Found(found)) => json!({ "found": found.records.iter().map(record_json).collect::<Vec<_>>() }),
        Some(Outcome::Nothing(_)) => json!({ "nothing": true }),
        Some(Outcome::Unanswered(why)) => json!({ "unanswered": { "reason": why.reason, "message": why.message } }),
        None => serde_json::Value::Null,
    };
    json!({
        "subject": finding.subject,
        "member": finding.member,
        "sector": finding.sector,
        "outcome": outcome,
        "proof": proof_json(finding.proof.as_ref()),
        "lookup": finding.lookup.as_ref().map(|lookup| json!({
            "key": hex::encode(&lookup.key),
            "key_version": lookup.key_version,
            "proof": hex::encode(&lookup.proof),
            "entry": lookup.entry,
        })),
    })
}

fn record_json(record: &v1::Record) -> serde_json::Value {
    json!({ "name": record.name, "version": record.version, "fields": fields_json(&record.fields) })
}

fn progress_json(progress: &v1::Progress) -> serde_json::Value {
    json!({ "progress": {
        "done": progress.done,
        "total": progress.total,
        "found": progress.found,
        "nothing": progress.nothing,
        "unanswered": progress.unanswered,
        "complete": progress.complete,
    } })
}
