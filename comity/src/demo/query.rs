//! Story 1: an agency queries a court record. Story 2: a court verifies a lawyer's credential.

use super::report::{Report, Seen};
use crate::client::status;
use crate::failure::Failure;
use crate::sandbox::World;
use comity_model::Time;
use comity_proto::v1;
use comity_proto::v1::credentials_client::CredentialsClient;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::records_client::RecordsClient;
use comity_verify::bundle::Verdict;
use comity_verify::light::Anchor;
use std::collections::BTreeMap;
use std::time::Instant;
use tonic::transport::Channel;

/// Story 1.
pub(super) async fn record(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.story("1. An agency queries a court record");
    let showcase = &world.data().showcase;
    let clerk = world.channel("property", "clerk").await?;
    let name = format!("members/court/sectors/judgments/records/{}", showcase.judgment);

    report.begin();
    let (answer, proof) = get(&clerk, &name, &[]).await?;
    let Some(Answer::Record(record)) = answer.answer else { return Err(unexpected("the judgment was not found")) };
    let seen = Seen::from(&proof);
    report.proven(
        format!("the property registry sees {} of the judgment's {} fields", record.fields.len(), record.fields_total),
        &seen,
    );

    let hidden = "third_parties".to_owned();
    let refused = get(&clerk, &name, std::slice::from_ref(&hidden)).await;
    match refused {
        Err(failure) => report.proven(format!("`{hidden}` is not for its role"), &Seen::rule(failure.code())),
        Ok(_) => return Err(unexpected("a field was shown that the role may not see")),
    }

    offline(&answer.bundle, &world.anchor("court")?.anchor, &seen, report)?;

    let unknown = format!("members/court/sectors/judgments/records/{}", showcase.unknown_judgment);
    report.begin();
    let (answer, proof) = get(&clerk, &unknown, &[]).await?;
    match answer.answer {
        Some(Answer::Absence(_)) => {
            report.proven("a judgment that does not exist: its absence is proven", &(&proof).into())
        }
        _ => return Err(unexpected("an unknown judgment was found")),
    }
    Ok(())
}

/// The bundle of the judgment of story 1.
pub(super) async fn judgment_bundle(world: &World) -> Result<Vec<u8>, Failure> {
    let clerk = world.channel("property", "clerk").await?;
    let name = format!("members/court/sectors/judgments/records/{}", world.data().showcase.judgment);
    Ok(get(&clerk, &name, &[]).await?.0.bundle)
}

async fn get(clerk: &Channel, name: &str, fields: &[String]) -> Result<(v1::GetRecordResponse, v1::Proof), Failure> {
    let request = v1::GetRecordRequest {
        name: name.to_owned(),
        read_mask: fields.to_vec(),
        purpose: Some(purpose()),
        max_age: None,
        include_bundle: true,
        consent: Vec::new(),
    };
    let answer = RecordsClient::new(clerk.clone()).get_record(request).await;
    let answer = answer.map_err(|error| status(error, "the record was not got"))?.into_inner();
    let proof = answer.proof.clone().ok_or_else(|| unexpected("an answer without proof"))?;
    Ok((answer, proof))
}

/// Checks the bundle as anybody could, then every one-byte change of it.
fn offline(bytes: &[u8], anchor: &Anchor, seen: &Seen, report: &mut Report) -> Result<(), Failure> {
    let now = crate::clock::now();
    report.begin();
    let verdict = check(bytes, anchor, now).map_err(|rule| unexpected(&format!("the bundle is refused: {rule}")))?;
    report.proven(format!("the bundle ({} bytes) holds offline against the court's anchor", bytes.len()), seen);
    for line in &verdict.proves {
        report.say(&format!("      + {line}"));
    }
    for line in &verdict.does_not_prove {
        report.say(&format!("      - not: {line}"));
    }

    let started = Instant::now();
    let mut rules: BTreeMap<&'static str, usize> = BTreeMap::new();
    for index in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[index] ^= 1;
        match check(&changed, anchor, now) {
            Err(rule) => *rules.entry(rule).or_default() += 1,
            Ok(_) => return Err(unexpected(&format!("the bundle still holds with byte {index} changed"))),
        }
    }
    let most = rules.iter().max_by_key(|(_, count)| **count).map(|(rule, _)| *rule).unwrap_or_default();
    let what =
        format!("each of its {} bytes changed, one at a time: all refused by {} rules", bytes.len(), rules.len());
    report.took(what, &Seen::rule(format!("most: {most}")), started.elapsed());
    Ok(())
}

fn check(bytes: &[u8], anchor: &Anchor, now: Time) -> Result<Verdict, &'static str> {
    crate::verify::check(bytes, anchor, None, now).map_err(|refusal| refusal.code())
}

/// Story 2.
pub(super) async fn credential(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.story("2. A court verifies a lawyer's credential");
    let showcase = &world.data().showcase;
    let clerk = world.channel("court", "clerk").await?;
    let cases = [
        (&showcase.active_lawyer, v1::Entitlement::Entitled),
        (&showcase.suspended_lawyer, v1::Entitlement::NotEntitled),
        (&showcase.unknown_licence, v1::Entitlement::UnknownNumber),
    ];
    for (number, expected) in cases {
        let request = v1::VerifyCredentialRequest {
            name: format!("members/justice/sectors/lawyers/records/{number}"),
            purpose: Some(purpose()),
            max_age: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
            include_bundle: false,
        };
        report.begin();
        let answer = CredentialsClient::new(clerk.clone()).verify_credential(request).await;
        let answer = answer.map_err(|error| status(error, "the credential was not verified"))?.into_inner();
        if answer.entitlement() != expected {
            return Err(unexpected(&format!("licence {number} is {}", answer.entitlement().as_str_name())));
        }
        let proof = answer.proof.as_ref().ok_or_else(|| unexpected("an answer without proof"))?;
        let told = answer.credential.as_ref().map(told).unwrap_or_default();
        report.proven(format!("licence {number}: {}{told}", expected.as_str_name()), &proof.into());
    }
    Ok(())
}

/// Status, firm and sanctions of a credential, in a few words.
fn told(credential: &v1::Record) -> String {
    let field = |name: &str| {
        credential.fields.iter().find(|field| field.name == name).map(crate::client::fields::shown).unwrap_or_default()
    };
    let sanctions = field("sanctions");
    let sanctions = if sanctions.is_empty() { "none".to_owned() } else { sanctions.replace('\n', "; ") };
    format!(" ({}, {}, sanctions: {sanctions})", field("status"), field("firm"))
}

fn purpose() -> v1::Purpose {
    v1::Purpose {
        case_number: "(2026)浙0199执1024号".into(),
        legal_basis: "Civil Procedure Law, art. 253".into(),
        purpose: "enforcement of a judgment".into(),
    }
}

fn unexpected(what: &str) -> Failure {
    Failure::refused("UNEXPECTED", what)
}
