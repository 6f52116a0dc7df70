//! An institution's registrar puts records and assets through the API, over a real ledger and mutual TLS: row by row
//! judged, proven on the chain when answered, the same when repeated.

use crate::enforcement::{RICH, World, freeze};
use crate::support::{Institution, approval, licence, name, reason};
use comity_gateway::{Running, field_to_wire};
use comity_model::member::MemberKind;
use comity_proto::google::longrunning::WaitOperationRequest;
use comity_proto::google::longrunning::operations_client::OperationsClient;
use comity_proto::v1;
use comity_proto::v1::assets_client::AssetsClient;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::records_client::RecordsClient;
use tonic::{Code, Status};

struct Bureau {
    institution: Institution,
    gateway: Running,
}

impl Bureau {
    async fn start() -> Self {
        let institution = Institution::start("justice", MemberKind::Justice, true).await;
        let gateway = institution.gateway("gateway.redb", Vec::new()).await;
        Self { institution, gateway }
    }

    async fn put_as(&self, role: &str, rows: Vec<v1::RecordRow>) -> Result<v1::BatchPutRecordsResponse, Status> {
        self.ask(role, batch(rows)).await
    }

    async fn ask(
        &self,
        role: &str,
        request: v1::BatchPutRecordsRequest,
    ) -> Result<v1::BatchPutRecordsResponse, Status> {
        let channel = self.institution.person(&self.gateway, role);
        Ok(RecordsClient::new(channel).batch_put_records(request).await?.into_inner())
    }

    async fn get(&self, number: &str) -> v1::GetRecordResponse {
        let mut records = RecordsClient::new(self.institution.person(&self.gateway, "registrar"));
        let request = v1::GetRecordRequest { name: name(&self.institution, number), ..Default::default() };
        records.get_record(request).await.unwrap().into_inner()
    }
}

fn batch(rows: Vec<v1::RecordRow>) -> v1::BatchPutRecordsRequest {
    v1::BatchPutRecordsRequest { parent: "members/justice/sectors/licences".into(), rows, validate_only: false }
}

fn row(number: &str, status: &str) -> v1::RecordRow {
    // Any order will do.
    let fields = licence(number, status).1;
    v1::RecordRow { fields: fields.iter().rev().map(field_to_wire).collect() }
}

fn without(number: &str, field: &str) -> v1::RecordRow {
    let mut row = row(number, "ACTIVE");
    row.fields.retain(|known| known.name != field);
    row
}

fn refusals(errors: &[v1::RowError]) -> Vec<(u32, &str, &str)> {
    errors.iter().map(|error| (error.index, error.reason.as_str(), error.field.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_a_registrar_puts_are_proven_when_answered_and_the_same_when_repeated() {
    let bureau = Bureau::start().await;
    let rows = || vec![row("1001", "ACTIVE"), row("1002", "SUSPENDED")];
    let answer = bureau.put_as("registrar", rows()).await.unwrap();
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
    let seen: Vec<_> = answer.results.iter().map(|row| (row.index, row.version, row.changed)).collect();
    assert_eq!(seen, [(0, 1, true), (1, 1, true)]);
    assert_eq!(answer.results[1].name, name(&bureau.institution, "1002"));
    let proof = answer.proof.unwrap();
    assert_eq!((proof.chain_id.as_str(), proof.rules.len()), ("justice-1", 2));

    // What it answers for is read through the same door as everybody's.
    let got = bureau.get("1002").await;
    let Some(Answer::Record(record)) = got.answer else { panic!("{got:?}") };
    assert_eq!(record.version, 1);
    assert!(got.proof.unwrap().header_height >= proof.header_height);

    let again = bureau.put_as("registrar", rows()).await.unwrap();
    assert!(again.results.iter().all(|row| row.version == 1 && !row.changed), "{:?}", again.results);
    assert!(again.proof.is_some(), "that it stands is proven anew");

    let next = bureau.put_as("registrar", vec![row("1001", "ACTIVE"), row("1002", "REVOKED")]).await.unwrap();
    let seen: Vec<_> = next.results.iter().map(|row| (row.version, row.changed)).collect();
    assert_eq!(seen, [(1, false), (2, true)]);

    // Who put what is on file, with the names of personal fields and without their values.
    let entries = bureau.gateway.audit().entries().await.unwrap();
    let put: Vec<_> = entries.iter().filter(|entry| entry.action == "PutRecords").collect();
    assert_eq!(put.len(), 6);
    assert!(put.iter().all(|entry| entry.role == "registrar" && entry.fields[0].as_str() == "holder"));
    assert!(put.iter().any(|entry| entry.resource == name(&bureau.institution, "1002")));
    assert!(!format!("{put:?}").contains("王五"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_row_is_named_with_its_reason_and_the_good_ones_stand() {
    let bureau = Bureau::start().await;
    let mut foreign = row("2003", "ACTIVE");
    foreign.fields.push(v1::Field { name: "shoe-size".into(), value: Some(v1::field::Value::Integer(43)) });
    let mut mistyped = row("2004", "ACTIVE");
    mistyped.fields[0].value = Some(v1::field::Value::Integer(1));
    let mut twice = row("2005", "ACTIVE");
    twice.fields.push(twice.fields[0].clone());
    let mut long = row("2009", "ACTIVE");
    let number = long.fields.iter_mut().find(|field| field.name == "number").unwrap();
    number.value = Some(v1::field::Value::Text("9".repeat(200)));
    let empty = v1::RecordRow { fields: vec![v1::Field { name: "number".into(), value: None }] };
    let rows = vec![
        row("2001", "ASLEEP"),
        row("2002", "ACTIVE"),
        foreign,
        mistyped,
        twice,
        without("2006", "number"),
        without("2007", "holder"),
        long,
        row("2002", "REVOKED"),
        empty,
        row("2008", "ACTIVE"),
    ];
    let expected = [
        (0, "FIELD_VALUE", "status"),
        (2, "UNKNOWN_FIELD", "shoe-size"),
        (3, "FIELD_TYPE", "status"),
        (4, "FIELDS_NOT_SORTED", "status"),
        (5, "FIELD_MISSING", "number"),
        (6, "FIELD_MISSING", "holder"),
        (7, "MALFORMED_NAME", "number"),
        (8, "ROW_REPEATED", ""),
        (9, "FIELD_TYPE", "number"),
    ];

    let checked = v1::BatchPutRecordsRequest { validate_only: true, ..batch(rows.clone()) };
    let checked = bureau.ask("registrar", checked).await.unwrap();
    assert_eq!(refusals(&checked.errors), expected);
    assert!(checked.results.is_empty() && checked.proof.is_none());
    assert!(matches!(bureau.get("2008").await.answer, Some(Answer::Absence(_))), "nothing was put");

    let answer = bureau.put_as("registrar", rows).await.unwrap();
    assert_eq!(refusals(&answer.errors), expected);
    let stand: Vec<_> = answer.results.iter().map(|row| row.index).collect();
    assert_eq!(stand, [1, 10]);
    assert!(matches!(bureau.get("2008").await.answer, Some(Answer::Record(_))));
    let told = format!("{:?}", answer.errors);
    for personal in ["王五", "ASLEEP", "9999", "for the own use"] {
        assert!(!told.contains(personal), "{told}");
    }

    // A batch of nothing but bad rows is an answer as well.
    let none = bureau.put_as("registrar", vec![row("1", "ASLEEP")]).await.unwrap();
    assert_eq!((none.results.len(), none.errors.len(), none.proof), (0, 1, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_registrar_puts_and_only_where_its_institution_answers() {
    let bureau = Bureau::start().await;
    for role in ["reader", "clerk", "officer", "operator", "gateway"] {
        let refused = bureau.put_as(role, vec![row("1", "ACTIVE")]).await.unwrap_err();
        assert_eq!(reason(&refused), "PERMISSION_DENIED", "{role}");
    }
    let refused = async |request| {
        let status = bureau.ask("registrar", request).await.unwrap_err();
        (status.code(), reason(&status))
    };
    let at = |parent: &str| v1::BatchPutRecordsRequest { parent: parent.into(), ..batch(vec![row("1", "ACTIVE")]) };
    assert_eq!(refused(at("members/court/sectors/licences")).await.1, "INVALID_ARGUMENT");
    assert_eq!(refused(at("members/justice/sectors/judgments")).await.1, "UNKNOWN_SECTOR");
    assert_eq!(refused(at("sectors/licences")).await.1, "MALFORMED_NAME");
    assert_eq!(refused(batch(Vec::new())).await, (Code::InvalidArgument, "INVALID_ARGUMENT".into()));
    assert_eq!(refused(batch(vec![row("1", "ACTIVE"); 501])).await.1, "INVALID_ARGUMENT");
    let huge = v1::Field { name: "remark".into(), value: Some(v1::field::Value::Text("x".repeat(2 << 20))) };
    assert_eq!(refused(batch(vec![v1::RecordRow { fields: vec![huge] }])).await.1, "TOO_LARGE");

    // The court answers for no register: its registrar puts none.
    let court = Institution::start("court", MemberKind::Court, false).await;
    let gateway = court.gateway("gateway.redb", Vec::new()).await;
    let mut records = RecordsClient::new(court.person(&gateway, "registrar"));
    let request = v1::BatchPutRecordsRequest {
        parent: "members/court/sectors/licences".into(),
        ..batch(vec![row("1", "ACTIVE")])
    };
    assert_eq!(reason(&records.batch_put_records(request).await.unwrap_err()), "UNKNOWN_SECTOR");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_registrars_at_once_put_each_version_once() {
    let bureau = Bureau::start().await;
    let put = |status: &'static str| {
        let rows = (0..40).map(|number| row(&format!("3{number:03}"), status)).collect();
        bureau.put_as("registrar", rows)
    };
    let (one, other) = futures::future::join(put("ACTIVE"), put("SUSPENDED")).await;
    let versions = |answer: Result<v1::BatchPutRecordsResponse, Status>| answer.unwrap().results[0].version;
    let mut versions = [versions(one), versions(other)];
    versions.sort_unstable();
    assert_eq!(versions, [1, 2]);
    let last = bureau.put_as("registrar", vec![row("3000", "REVOKED")]).await.unwrap();
    assert_eq!(last.results[0].version, 3);
}

fn assets(rows: Vec<v1::AssetRow>) -> v1::BatchRegisterAssetsRequest {
    v1::BatchRegisterAssetsRequest { parent: "members/bank/sectors/accounts".into(), rows, validate_only: false }
}

fn account(reference: &str, minor: u64) -> v1::AssetRow {
    v1::AssetRow {
        reference: reference.into(),
        value: Some(v1::Amount { currency: "CNY".into(), minor }),
        enforcement: v1::Enforcement::Attested.into(),
        etag: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assets_are_registered_and_one_below_what_is_held_is_the_only_row_refused() {
    let world = World::start().await;
    let ask = async |request| {
        let mut client = AssetsClient::new(world.bank.person(&world.bank_gateway, "registrar"));
        client.batch_register_assets(request).await.map(tonic::Response::into_inner)
    };

    let order = world.orders("clerk").create_order(freeze(1, RICH, 500_000)).await.unwrap().into_inner();
    for number in 1..=u8::try_from(order.approvals_needed).unwrap() {
        world.orders("officer").approve_order(approval(&order, number)).await.unwrap();
    }
    let mut operations = OperationsClient::new(world.court.person(&world.court_gateway, "clerk"));
    let wait = WaitOperationRequest {
        name: order.name.replace("orders/", "operations/"),
        timeout: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
    };
    assert!(operations.wait_operation(wait).await.unwrap().into_inner().done);

    let rows = || {
        let mut rows: Vec<_> = (0..9).map(|number| account(&format!("62229{number}"), 100 + number)).collect();
        rows[3] = account(RICH, 400_000);
        rows[5] = v1::AssetRow { value: None, ..account(RICH, 0) };
        rows[6] = account("a\nb", 1);
        rows[7] = v1::AssetRow { value: Some(v1::Amount { currency: "yuan".into(), minor: 1 }), ..account("62", 1) };
        rows
    };
    let expected = [
        (3, "ASSET_HELD", "value"),
        (5, "ROW_REPEATED", ""),
        (6, "ASSET_REFERENCE", "reference"),
        (7, "INVALID_ARGUMENT", "value"),
    ];
    let checked = ask(v1::BatchRegisterAssetsRequest { validate_only: true, ..assets(rows()) }).await.unwrap();
    assert_eq!(refusals(&checked.errors), &expected[1..], "what is held is the chain's to say");
    assert!(checked.results.is_empty());

    let answer = ask(assets(rows())).await.unwrap();
    assert_eq!(refusals(&answer.errors), expected);
    let stand: Vec<_> = answer.results.iter().map(|row| (row.index, row.changed)).collect();
    assert_eq!(stand, [(0, true), (1, true), (2, true), (4, true), (8, true)]);
    assert_eq!(answer.proof.as_ref().unwrap().chain_id, "bank-1");
    assert!(!format!("{:?}", answer.errors).contains(RICH));

    // Repeated, the same handles stand; a new value keeps its handle; a new form is refused.
    let again = ask(assets(rows())).await.unwrap();
    let handles = |answer: &v1::BatchRegisterAssetsResponse| {
        answer.results.iter().map(|row| row.handle.clone()).collect::<Vec<_>>()
    };
    assert_eq!(handles(&again), handles(&answer));
    assert!(again.results.iter().all(|row| !row.changed) && again.proof.is_some());
    let whole = v1::AssetRow { value: None, ..account("622291", 0) };
    let changed = ask(assets(vec![account("622290", 7), whole])).await.unwrap();
    assert_eq!(refusals(&changed.errors), [(1, "ASSET_CHANGED", "")]);
    assert_eq!((changed.results[0].changed, &changed.results[0].handle), (true, &handles(&answer)[0]));

    let mut clerk = AssetsClient::new(world.bank.person(&world.bank_gateway, "clerk"));
    let refused = clerk.batch_register_assets(assets(vec![account("1", 1)])).await.unwrap_err();
    assert_eq!(reason(&refused), "PERMISSION_DENIED");
    world.stop().await;
}
