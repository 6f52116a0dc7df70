//! Every sector as the data that it is: its records are queried and each of its kinds of order is carried out, over two
//! real ledgers and a relayer, with fields that are made from its schema. A sector that is added while everything runs
//! goes the same way.

use crate::alliance::World;
use crate::filling::{About, CASE, NAME, NUMBER};
use crate::support::{approval, profile};
use comity_gateway::DecidePolicy;
use comity_gateway::institution::NewAsset;
use comity_gateway::sectors::{Role, SectorSchema, SectorSource, Sectors};
use comity_model::Amount;
use comity_model::OrderKind;
use comity_model::asset::Enforcement;
use comity_model::governance::Action;
use comity_model::profile::{Effect, KindRule};
use comity_proto::google::longrunning::WaitOperationRequest;
use comity_proto::google::longrunning::operations_client::OperationsClient;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::records_client::RecordsClient;
use comity_proto::v1::{self, OrderState};
use futures::StreamExt;
use std::sync::Arc;

/// The sectors that a court of the alliance deals with, and who keeps them.
const SECTORS: [(&str, &str); 18] = [
    ("judgments", "courts"),
    ("insolvency", "insolvency and restructuring"),
    ("lawyers", "justice bureau"),
    ("parcels", "immovable property"),
    ("accounts", "bank deposits"),
    ("securities", "securities"),
    ("insurance", "insurance"),
    ("ip-rights", "patents, trade marks, copyright"),
    ("credit", "credit"),
    ("companies", "market regulation: companies"),
    ("equity", "market regulation: equity"),
    ("penalties", "administrative enforcement"),
    ("data-assets", "data platforms"),
    ("trades", "online trading platforms"),
    ("mediation", "mediation bodies"),
    ("payments", "banks: payments to courts"),
    ("dossiers", "procuratorate and police: hand-over of cases"),
    ("filings", "filings of cases"),
];

/// Sectors that are under way at once.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sector_answers_queries_and_carries_out_each_kind_of_its_orders() {
    let sectors = Arc::new(Sectors::embedded().unwrap());
    let world = World::keeping(sectors.clone(), DecidePolicy::Automatic).await;
    for (name, _) in SECTORS {
        assert!(sectors.sector(&name.parse().unwrap()).is_some(), "there is no sector {name}");
    }
    assert_eq!(sectors.iter().count(), SECTORS.len(), "a sector that is not in the table");
    let exercised = SECTORS.iter().zip(0u128..).map(|((name, _), number)| {
        let schema = sectors.sector(&name.parse().unwrap()).unwrap();
        exercise(&world, schema, number * 1_000)
    });
    let kinds: Vec<usize> = futures::stream::iter(exercised).buffered(AT_ONCE).collect().await;
    // Five sectors only keep records; two are told of filings; the others carry out three to seven kinds each.
    assert_eq!(kinds.iter().filter(|kinds| **kinds == 0).count(), 5, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kinds| **kinds == 1).count(), 2, "{kinds:?}");
    assert!(kinds.iter().filter(|kinds| **kinds > 1).all(|kinds| (3..=7).contains(kinds)), "{kinds:?}");

    // Records, indices by person and orders about the same person in every sector, and no trace of the person.
    for bytes in world.public_bytes() {
        let personal = sectors.iter().filter(|schema| schema.private_ids()).map(|schema| format!("{}-0", schema.name));
        for secret in [NAME, NUMBER, CASE].map(str::to_owned).into_iter().chain(personal) {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{secret} lies in the open"
            );
        }
    }
    world.stop().await;
}

/// A sector nobody has heard of: a folder's two files.
const VESSELS: SectorSource<'static> = SectorSource {
    name: "vessels",
    schema: r#"
        syntax = "proto3";
        package comity.sector.v1.vessels;
        import "comity/sector/v1/options.proto";
        import "comity/sector/v1/order.proto";
        message Vessel {
          option (message) = { sector: "vessels" kind: RECORD searchable: true };
          string imo_number = 1 [(rule) = { zh: "识别号" en: "IMO number" role: IDENTITY required: true readers: PUBLIC }];
          repeated string owners = 2 [(rule) = {
            zh: "所有人" en: "Owners" required: true personal: true role: PERSON_NAME readers: COURT
          }];
          string owner_number = 3 [(rule) = {
            zh: "所有人证件号码" en: "Owner's number" required: true personal: true role: PERSON_NUMBER readers: COURT
          }];
          string status = 4 [(rule) = {
            zh: "状态" en: "Status" role: STATUS required: true readers: AGENCY
            values: ["AFLOAT", "SCRAPPED"] in_force: "AFLOAT"
          }];
        }
        message VesselOrder {
          option (message) = { sector: "vessels" kind: ORDER_PRIVATE };
          OrderBasis basis = 1;
          string imo_number = 30 [(rule) = { zh: "识别号" en: "IMO number" role: REFERENCE required: true }];
          string berth = 31 [(rule) = { zh: "泊位" en: "Berth" required_for: "arrest" }];
        }
    "#,
    profile: Some(
        r#"
        [[kind]]
        name = "arrest"
        effect = "hold-exclusive"
        period_days_max = 730
        decide_within_s = 86_400
        [[kind]]
        name = "release"
        effect = "release"
        decide_within_s = 86_400
        [[kind]]
        name = "sell"
        effect = "transfer"
        decide_within_s = 86_400
    "#,
    ),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sector_is_added_while_everything_runs_and_is_data_alone() {
    let world = World::keeping(Arc::new(Sectors::embedded().unwrap()), DecidePolicy::Automatic).await;
    let sectors = Arc::new(Sectors::embedded_and(&[VESSELS]).unwrap());
    let schema = sectors.sector(&"vessels".parse().unwrap()).unwrap().clone();

    // The governors of the institution's chain add the profile; the gateways read the two files.
    let world = world.knowing(sectors.clone()).await;
    let profile = profile(&schema, &world.bank.id);
    world.bank.ledger.govern(Action::SetProfile(profile)).await;
    assert_eq!(exercise(&world, &schema, 1).await, 3);
    world.stop().await;
}

/// Puts a record and assets, queries them, and gives each kind of order that the profile has. How many kinds that were.
async fn exercise(world: &World, schema: &SectorSchema, first_request: u128) -> usize {
    let sector = &schema.name;
    let reference = |number: usize| format!("{sector}-{number}");
    let about = |reference| About { reference, name: NAME, number: NUMBER };
    let named = reference(0);
    let record = crate::filling::record(schema, &about(&named));
    world.bank_gateway.records().publish(sector, vec![(named.parse().unwrap(), record)]).await.unwrap();
    queried(world, schema, &named).await;
    let Some(profile) = &schema.profile else { return 0 };

    let kind_of = |effect: Effect| profile.kinds.iter().find(|rule| rule.effect == effect).map(|rule| &rule.kind);
    let Some(hold): Option<&KindRule> = profile.kinds.iter().find(|rule| rule.effect.holds()) else {
        // Nothing is held: each kind is carried out by a sealed receipt.
        let mut orders = Orders { world, schema, request: first_request, kinds: 0 };
        for rule in &profile.kinds {
            assert_eq!(rule.effect, Effect::HandOver, "{sector} {}", rule.kind);
            orders.give(&rule.kind, &named, None, 0).await;
            orders.kinds += 1;
        }
        return orders.kinds;
    };
    let value = (hold.effect == Effect::HoldDivisible).then_some(Amount::cny(1_000_000));
    let assets: Vec<String> = (0..4).map(reference).collect();
    let new = assets.iter().map(|reference| NewAsset {
        sector: sector.clone(),
        reference: reference.clone(),
        value,
        enforcement: Enforcement::Attested,
        follows: None,
    });
    world.bank_gateway.assets().register(new.collect()).await.unwrap();

    let mut orders = Orders { world, schema, request: first_request, kinds: 1 };
    let held = orders.give(&hold.kind, &assets[0], None, 30).await;
    for effect in [Effect::Renew, Effect::Amend, Effect::Deduct, Effect::Release] {
        if let Some(kind) = kind_of(effect) {
            orders.give(kind, &assets[0], Some(&held), 0).await;
            orders.kinds += 1;
        }
    }
    for (effect, asset) in [(Effect::Transfer, &assets[1]), (Effect::Rollback, &assets[2])] {
        if let Some(kind) = kind_of(effect) {
            let held = orders.give(&hold.kind, asset, None, 0).await;
            orders.give(kind, asset, Some(&held), 0).await;
            orders.kinds += 1;
        }
    }
    if let Some(kind) = kind_of(Effect::Confirm) {
        let emergency = orders.create(&hold.kind, &assets[3], None, 0, true).await;
        orders.approve(&emergency, 1).await;
        orders.executed(&emergency).await;
        let confirmed = orders.create(kind, &assets[3], Some(&emergency.name), 0, false).await;
        orders.approve(&confirmed, 2).await;
        orders.executed(&confirmed).await;
        orders.kinds += 1;
    }
    orders.kinds
}

/// A court's officer gets the record with everything a court may see, for a purpose; of another number the absence.
async fn queried(world: &World, schema: &SectorSchema, named: &str) {
    let mut records = RecordsClient::new(world.court.person(&world.court_gateway, "officer"));
    let purpose =
        v1::Purpose { case_number: CASE.into(), legal_basis: "民事诉讼法".into(), purpose: "test".into() };
    let mut get = async |named: &str| {
        let request = v1::GetRecordRequest {
            name: format!("members/bank/sectors/{}/records/{named}", schema.name),
            purpose: Some(purpose.clone()),
            include_bundle: true,
            ..Default::default()
        };
        records.get_record(request).await.unwrap().into_inner()
    };
    let answer = get(named).await;
    let Some(Answer::Record(record)) = &answer.answer else { panic!("{} has no record", schema.name) };
    let disclosed: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
    let expected: Vec<&str> = schema
        .record
        .readable(&["agency", "court"])
        .filter(|spec| !spec.consent)
        .map(|spec| spec.name.as_str())
        .collect();
    assert_eq!(disclosed, expected, "{}", schema.name);
    // A payment stands or is withdrawn: it has no status of its own.
    let has_status = schema.record.role(Role::Status).is_some() || schema.name.as_str() == "payments";
    assert!(has_status && !answer.bundle.is_empty(), "{}", schema.name);
    assert!(matches!(get("nobody").await.answer, Some(Answer::Absence(_))), "{}", schema.name);
}

struct Orders<'a> {
    world: &'a World,
    schema: &'a SectorSchema,
    request: u128,
    kinds: usize,
}

impl Orders<'_> {
    /// Draws up an order, has it approved by as many as it needs, and sees it executed. Its name.
    async fn give(&mut self, kind: &OrderKind, asset: &str, original: Option<&str>, hold_days: u32) -> String {
        let order = self.create(kind, asset, original, hold_days, false).await;
        for number in 1..=u8::try_from(order.approvals_needed).unwrap() {
            self.approve(&order, number).await;
        }
        self.executed(&order).await;
        order.name
    }

    async fn create(
        &mut self,
        kind: &OrderKind,
        asset: &str,
        original: Option<&str>,
        hold_days: u32,
        emergency: bool,
    ) -> v1::Order {
        self.request += 1;
        let about = About { reference: asset, name: NAME, number: NUMBER };
        let request = v1::CreateOrderRequest {
            request_id: uuid::Uuid::from_u128(self.request).to_string(),
            recipient: "members/bank".into(),
            sector: self.schema.name.to_string(),
            kind: kind.to_string(),
            original: original.unwrap_or_default().to_owned(),
            private_fields: crate::filling::order(self.schema, kind, &about),
            hold_days,
            emergency,
            ..Default::default()
        };
        let created = self.world.orders("clerk").create_order(request).await;
        created.unwrap_or_else(|status| panic!("{} {kind}: {status:?}", self.schema.name)).into_inner()
    }

    async fn approve(&self, order: &v1::Order, officer: u8) {
        let approved = self.world.orders("officer").approve_order(approval(order, officer)).await;
        approved.unwrap_or_else(|status| panic!("{} {}: {status:?}", self.schema.name, order.kind));
    }

    async fn executed(&self, order: &v1::Order) {
        let mut operations = OperationsClient::new(self.world.court.person(&self.world.court_gateway, "clerk"));
        let request = WaitOperationRequest {
            name: order.name.replace("orders/", "operations/"),
            timeout: Some(prost_types::Duration { seconds: 50, nanos: 0 }),
        };
        let operation = operations.wait_operation(request).await.unwrap().into_inner();
        let request = v1::GetOrderRequest { name: order.name.clone() };
        let order = self.world.orders("clerk").get_order(request).await.unwrap().into_inner();
        let what = format!("{} {} {:?}", self.schema.name, order.kind, order.result);
        assert!(operation.done && order.state() == OrderState::Executed, "{what} {:?}", order.state());
        assert!(order.proof.is_some(), "{what}");
    }
}
