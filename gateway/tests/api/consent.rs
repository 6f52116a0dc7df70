//! A lawyer's credit report goes to a court only with the lawyer's consent: signed with the key that the record names, for
//! this reader, this purpose and this time.

use crate::alliance::Party;
use crate::filling::{About, CASE, NAME, NUMBER};
use crate::support::reason;
use comity_gateway::sectors::{Role, SectorSchema, Sectors};
use comity_gateway::signer::SignerClient;
use comity_gateway::{Clock, DecidePolicy, PeerConfig, Running};
use comity_model::consent::{Consent, SignedConsent};
use comity_model::member::MemberKind;
use comity_model::record::FieldValue;
use comity_model::seal::Signature;
use comity_model::{Hash, UnixSeconds, encode};
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::records_client::RecordsClient;
use comity_proto::v1::{self, GetRecordRequest};
use comity_verify::consent::TAG;
use comity_verify::seal::signing_bytes;
use ed25519_dalek::{Signer, SigningKey};
use std::sync::Arc;

const LICENCE: &str = "19901201411001024";
const PURPOSE: &str = "appointment as administrator";
const REPORT: [&str; 1] = ["credit_report"];

async fn gateway(party: &Party, peers: Vec<PeerConfig>) -> Running {
    let signer = SignerClient::in_task(party.signer_core());
    party.gateway("127.0.0.1:0", peers, signer, DecidePolicy::Automatic).await
}

fn lawyer() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn consent() -> Consent {
    let now = Clock::system().now().unix_seconds();
    Consent {
        keeper: "justice".parse().unwrap(),
        sector: "lawyers".parse().unwrap(),
        record: LICENCE.parse().unwrap(),
        reader: "court".parse().unwrap(),
        purpose: PURPOSE.into(),
        from: now,
        until: now.plus(3_600),
    }
}

fn signed(consent: Consent, key: &SigningKey) -> Vec<u8> {
    let signature = Signature::ed25519(key.sign(&signing_bytes(TAG, &consent)).to_bytes());
    encode(&SignedConsent { consent, signature })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_report_is_read_with_the_lawyers_consent_and_never_without() {
    let sectors = Arc::new(Sectors::embedded().unwrap());
    let keeps = |schema: &SectorSchema| schema.name.as_str() == "lawyers";
    let court = Party::keeping("court", MemberKind::Court, 10, sectors.clone(), |_| false).await;
    let justice = Party::keeping("justice", MemberKind::Justice, 20, sectors.clone(), keeps).await;
    let justice_gateway = gateway(&justice, vec![court.as_peer_of(&justice, "127.0.0.1:1")]).await;
    let address = justice_gateway.grpc_addr().to_string();
    let court_gateway = gateway(&court, vec![justice.as_peer_of(&court, &address)]).await;

    let schema = sectors.sector(&"lawyers".parse().unwrap()).unwrap();
    let key = schema.record.role(Role::ConsentKey).unwrap().name.clone();
    let mut record = crate::filling::record(schema, &About { reference: LICENCE, name: NAME, number: NUMBER });
    for field in record.iter_mut().filter(|field| field.name == key) {
        field.value = FieldValue::Digest(Hash(lawyer().verifying_key().to_bytes()));
    }
    justice_gateway.records().publish(&schema.name, vec![(LICENCE.parse().unwrap(), record)]).await.unwrap();

    let mut records = RecordsClient::new(court.person(&court_gateway, "clerk"));
    let mut read = async |fields: &[&str], consent: Vec<u8>| -> Vec<String> {
        let request = GetRecordRequest {
            name: format!("members/justice/sectors/lawyers/records/{LICENCE}"),
            read_mask: fields.iter().map(|&field| field.to_owned()).collect(),
            purpose: Some(v1::Purpose {
                case_number: CASE.into(),
                legal_basis: "企业破产法".into(),
                purpose: PURPOSE.into(),
            }),
            consent,
            ..Default::default()
        };
        match records.get_record(request).await {
            Ok(answer) => match answer.into_inner().answer {
                Some(Answer::Record(record)) => record.fields.into_iter().map(|field| field.name).collect(),
                other => panic!("{other:?}"),
            },
            Err(status) => vec![reason(&status)],
        }
    };

    // Licence, firm, assessment and sanctions need no consent; the report is left out, or refused when it is asked for.
    let open = read(&[], Vec::new()).await;
    for wanted in ["licence_number", "firm", "assessment", "sanctions", "status"] {
        assert!(open.iter().any(|name| name == wanted), "{wanted} {open:?}");
    }
    assert!(!open.iter().any(|name| name == REPORT[0]));
    assert_eq!(read(&REPORT, Vec::new()).await, ["CONSENT_REQUIRED"]);

    // With it, by name or among all.
    assert_eq!(read(&REPORT, signed(consent(), &lawyer())).await, REPORT);
    assert!(read(&[], signed(consent(), &lawyer())).await.iter().any(|name| name == REPORT[0]));

    // For another reader, another purpose, another record, in the past, by another key: no.
    let changes: [fn(&mut Consent); 4] = [
        |consent| consent.reader = "bank".parse().unwrap(),
        |consent| consent.purpose = "advertising".into(),
        |consent| consent.record = "19901201411001025".parse().unwrap(),
        |consent| {
            consent.until = UnixSeconds(consent.from.0 - 10);
            consent.from = UnixSeconds(consent.from.0 - 7_200);
        },
    ];
    for change in changes {
        let mut other = consent();
        change(&mut other);
        assert_eq!(read(&REPORT, signed(other, &lawyer())).await, ["CONSENT_REFUSED"]);
    }
    assert_eq!(read(&REPORT, signed(consent(), &SigningKey::from_bytes(&[6; 32]))).await, ["CONSENT_REFUSED"]);
    assert_eq!(read(&REPORT, b"no consent".to_vec()).await, ["INVALID_ARGUMENT"]);

    // What was used is kept where the report is kept, and nothing that was refused is.
    let kept = justice_gateway.audit().consents().await.unwrap();
    assert!(!kept.is_empty() && kept.iter().all(|kept| kept.consent.purpose == PURPOSE), "{kept:?}");
}
