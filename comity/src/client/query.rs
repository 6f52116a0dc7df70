//! `comity query`: a record, a credential or a proven absence, with its proof and a bundle to keep.
//! Refuses to judge the proof: the gateway has, and `comity verify` does so again offline.

use super::show::{fields_json, proof_json, proof_line, record_table};
use super::{ClientFile, status};
use crate::cli::{PurposeArgs, QueryArgs};
use crate::failure::Failure;
use crate::files;
use comity_proto::v1;
use comity_proto::v1::credentials_client::CredentialsClient;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::records_client::RecordsClient;
use serde_json::json;
use std::path::Path;

/// Largest answer that is taken.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Largest file of a consent.
const CONSENT_BYTES_MAX: u64 = 16 << 10;

/// Runs the command.
pub(crate) async fn run(args: QueryArgs) -> Result<(), Failure> {
    let channel = ClientFile::read(&args.client.client)?.connect()?;
    if args.credential { credential(args, channel).await } else { record(args, channel).await }
}

async fn record(args: QueryArgs, channel: tonic::transport::Channel) -> Result<(), Failure> {
    let mut records = RecordsClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let request = v1::GetRecordRequest {
        name: args.name.clone(),
        read_mask: args.fields.clone(),
        purpose: purpose(&args.purpose),
        max_age: seconds(args.max_age),
        include_bundle: args.bundle.is_some(),
        consent: match &args.consent {
            Some(path) => files::read_bytes(path, CONSENT_BYTES_MAX)?,
            None => Vec::new(),
        },
    };
    let answer = records.get_record(request).await.map_err(|error| status(error, "the record was not got"))?;
    let answer = answer.into_inner();
    save(args.bundle.as_deref(), &answer.bundle)?;
    if args.json {
        let record = match &answer.answer {
            Some(Answer::Record(record)) => record_json(record),
            _ => serde_json::Value::Null,
        };
        println!("{}", json!({ "name": args.name, "record": record, "proof": proof_json(answer.proof.as_ref()) }));
        return Ok(());
    }
    match &answer.answer {
        Some(Answer::Record(record)) => print_record(record),
        Some(Answer::Absence(_)) => println!("There is no such record; its absence is proven."),
        None => {
            return Err(Failure::refused("NO_ANSWER", "the gateway's answer holds neither a record nor an absence"));
        }
    }
    print_proof(answer.proof.as_ref(), args.bundle.as_deref());
    Ok(())
}

async fn credential(args: QueryArgs, channel: tonic::transport::Channel) -> Result<(), Failure> {
    let mut credentials = CredentialsClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let request = v1::VerifyCredentialRequest {
        name: args.name.clone(),
        purpose: purpose(&args.purpose),
        max_age: seconds(args.max_age),
        include_bundle: args.bundle.is_some(),
    };
    let answer = credentials
        .verify_credential(request)
        .await
        .map_err(|error| status(error, "the credential was not verified"))?
        .into_inner();
    save(args.bundle.as_deref(), &answer.bundle)?;
    if args.json {
        println!(
            "{}",
            json!({
                "name": args.name,
                "entitlement": answer.entitlement().as_str_name(),
                "record": answer.credential.as_ref().map(record_json),
                "proof": proof_json(answer.proof.as_ref()),
            })
        );
        return Ok(());
    }
    println!(
        "{}",
        match answer.entitlement() {
            v1::Entitlement::Entitled => "Entitled to act: proven.",
            v1::Entitlement::NotEntitled => "Not entitled to act: proven.",
            v1::Entitlement::UnknownNumber => "There is no such credential; its absence is proven.",
            v1::Entitlement::Unspecified => "The gateway did not say.",
        }
    );
    if let Some(record) = &answer.credential {
        print_record(record);
    }
    print_proof(answer.proof.as_ref(), args.bundle.as_deref());
    Ok(())
}

pub(super) fn purpose(args: &PurposeArgs) -> Option<v1::Purpose> {
    Some(v1::Purpose {
        case_number: args.case.clone()?,
        legal_basis: args.basis.clone()?,
        purpose: args.purpose.clone()?,
    })
}

fn seconds(age: Option<u32>) -> Option<prost_types::Duration> {
    age.map(|seconds| prost_types::Duration { seconds: i64::from(seconds), nanos: 0 })
}

fn save(path: Option<&Path>, bundle: &[u8]) -> Result<(), Failure> {
    match path {
        Some(_) if bundle.is_empty() => Err(Failure::refused("NO_BUNDLE", "the gateway sent no bundle")),
        Some(path) => files::save(path, bundle),
        None => Ok(()),
    }
}

fn record_json(record: &v1::Record) -> serde_json::Value {
    json!({
        "name": record.name,
        "status": record.status().as_str_name(),
        "version": record.version,
        "schema": hex::encode(&record.schema),
        "fields": fields_json(&record.fields),
        "fields_total": record.fields_total,
    })
}

pub(super) fn print_record(record: &v1::Record) {
    println!("{}: {}, version {}", record.name, record.status().as_str_name(), record.version);
    println!("{}", record_table(record));
    println!("{} of {} fields disclosed.", record.fields.len(), record.fields_total);
}

fn print_proof(proof: Option<&v1::Proof>, bundle: Option<&Path>) {
    if let Some(proof) = proof {
        println!("{}", proof_line(proof));
    }
    if let Some(path) = bundle {
        println!(
            "Saved {}: check it anywhere with `comity verify {} --anchor <file>`.",
            path.display(),
            path.display()
        );
    }
}
