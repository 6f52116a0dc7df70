//! What rules propose, over two real ledgers and mutual TLS, with the rules and sectors as they ship: an effective judgment
//! is handed over, a filing is told to those whom the rule names, and an investigation is carried out by itself.

use crate::alliance::World;
use crate::filling::{About, NAME, NUMBER};
use crate::support::{approval, reason, signature};
use comity_gateway::DecidePolicy;
use comity_gateway::sectors::Sectors;
use comity_gateway::triggers::{ProposalStop, RuleSource, Rules, TAG_STOP};
use comity_model::member::MemberKind;
use comity_model::record::{Field, FieldValue};
use comity_proto::v1;
use comity_proto::v1::proposal::State;
use comity_proto::v1::records_client::RecordsClient;
use comity_proto::v1::triggers_client::TriggersClient;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::transport::Channel;

const WAIT_MAX: Duration = Duration::from_secs(30);

async fn world(more: &str, kind: MemberKind) -> World {
    let sectors = Arc::new(Sectors::embedded().unwrap());
    let rules = match more {
        "" => Rules::embedded(&[], &sectors),
        text => Rules::load(&[RuleSource { name: "test.toml", text }], &sectors),
    };
    World::ruled(sectors, DecidePolicy::Automatic, rules.unwrap(), kind).await
}

fn triggers(world: &World, role: &str) -> TriggersClient<Channel> {
    TriggersClient::new(world.court.person(&world.court_gateway, role))
}

/// Has the court's registrar put a record, filled in from its schema but for these fields.
async fn put(world: &World, sector: &str, id: &str, changed: &[(&str, FieldValue)]) {
    let schema = world.court.sectors.sector(&sector.parse().unwrap()).unwrap();
    let fields = crate::filling::record(schema, &About { reference: id, name: NAME, number: NUMBER });
    let fields = fields.into_iter().map(|field| {
        let other = changed.iter().find(|(name, _)| *name == field.name.as_str());
        comity_gateway::field_to_wire(&Field {
            value: other.map_or(field.value, |(_, value)| value.clone()),
            name: field.name,
        })
    });
    let request = v1::BatchPutRecordsRequest {
        parent: format!("members/court/sectors/{sector}"),
        rows: vec![v1::RecordRow { fields: fields.collect() }],
        ..v1::BatchPutRecordsRequest::default()
    };
    let mut records = RecordsClient::new(world.court.person(&world.court_gateway, "registrar"));
    let answer = records.batch_put_records(request).await.unwrap().into_inner();
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
}

async fn firings(world: &World) -> Vec<v1::Firing> {
    let request = v1::ListFiringsRequest::default();
    triggers(world, "clerk").list_firings(request).await.unwrap().into_inner().firings
}

async fn proposal(world: &World, name: &str) -> v1::Proposal {
    let get = v1::GetProposalRequest { name: name.to_owned(), purpose: None };
    triggers(world, "clerk").get_proposal(get).await.unwrap().into_inner()
}

/// The proposal once it is in this state.
async fn reached(world: &World, name: &str, state: State) -> v1::Proposal {
    let end = Instant::now() + WAIT_MAX;
    loop {
        let now = proposal(world, name).await;
        if now.state() == state {
            return now;
        }
        assert!(Instant::now() < end, "{state:?} was not reached: {now:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judgment_that_is_effective_and_not_performed_proposes_its_hand_over() {
    let world = world("", MemberKind::Enforcement).await;
    let judgment = |status: &str, performance: &str| {
        vec![
            ("status", text(status)),
            ("performance", text(performance)),
            ("defendants", FieldValue::Texts(vec!["甲".into(), NAME.into()])),
            ("party_numbers", FieldValue::Texts(vec!["1".into(), "2".into(), NUMBER.into()])),
        ]
    };
    put(&world, "judgments", "J-1", &judgment("APPEALABLE", "NOT_PERFORMED")).await;
    put(&world, "judgments", "J-2", &judgment("EFFECTIVE", "PERFORMED")).await;
    assert!(firings(&world).await.is_empty(), "neither is both");

    put(&world, "judgments", "J-1", &judgment("EFFECTIVE", "NOT_PERFORMED")).await;
    put(&world, "judgments", "J-1", &judgment("EFFECTIVE", "NOT_PERFORMED")).await;
    let fired = firings(&world).await;
    assert_eq!(fired.len(), 1, "once, however often the same is put: {fired:?}");
    assert_eq!(fired[0].rule, "rules/unperformed-judgment-is-handed-over");
    assert_eq!(fired[0].subject, "members/court/sectors/judgments/records/J-1");
    let proof = fired[0].facts[0].proof.clone().unwrap();
    assert!(proof.chain_id == "court-1" && proof.header_height > 0);

    let hand_over = proposal(&world, &fired[0].proposals[0]).await;
    assert_eq!((hand_over.state(), hand_over.order_kind.as_str()), (State::Proposed, "hand-over"), "{hand_over:?}");
    let purpose = v1::Purpose { case_number: "J-1".into(), legal_basis: "a".into(), purpose: "b".into() };
    let get = v1::GetProposalRequest { name: hand_over.name.clone(), purpose: Some(purpose) };
    let fields = triggers(&world, "clerk").get_proposal(get).await.unwrap().into_inner().fields;
    let said = |name: &str| fields.iter().find(|field| field.name == name).unwrap().value.clone().unwrap();
    assert_eq!(said("person_id_number"), v1::field::Value::Text(NUMBER.into()), "the defendant's, not the plaintiff's");
    assert_eq!(said("dossier_number"), v1::field::Value::Text("J-1".into()));

    // Approved, it is carried out against a sealed receipt.
    let get = v1::GetOrderRequest { name: hand_over.order.clone() };
    let order = world.orders("clerk").get_order(get).await.unwrap().into_inner();
    for officer in 1..=u8::try_from(order.approvals_needed).unwrap() {
        world.orders("officer").approve_order(approval(&order, officer)).await.unwrap();
    }
    let end = Instant::now() + WAIT_MAX;
    loop {
        let get = v1::GetOrderRequest { name: order.name.clone() };
        let now = world.orders("clerk").get_order(get).await.unwrap().into_inner();
        if now.state() == v1::OrderState::Executed {
            assert!(now.receipt.unwrap().bound);
            break;
        }
        assert!(Instant::now() < end, "{now:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(proposal(&world, &hand_over.name).await.state(), State::TakenUp);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filing_is_told_to_the_bodies_that_its_rule_names_and_to_nobody_else() {
    let world = world("", MemberKind::Credit).await;
    for (id, procedure, status, told) in [
        ("F-1", "TRIAL", "FILED", None),
        ("F-2", "INSOLVENCY", "CLOSED", None),
        ("F-3", "INSOLVENCY", "FILED", Some("rules/insolvency-filing-is-told")),
        ("F-4", "ENFORCEMENT", "FILED", Some("rules/enforcement-filing-is-told")),
    ] {
        put(&world, "filings", id, &[("procedure", text(procedure)), ("status", text(status))]).await;
        let subject = format!("members/court/sectors/filings/records/{id}");
        let fired: Vec<_> = firings(&world).await.into_iter().filter(|firing| firing.subject == subject).collect();
        let mut drafts = Vec::new();
        for name in fired.iter().flat_map(|firing| &firing.proposals) {
            let proposed = proposal(&world, name).await;
            if proposed.kind == "ORDER" {
                drafts.push(proposed);
            }
        }
        // The only other institution here is a credit body.
        assert_eq!(drafts.len(), usize::from(told.is_some()), "{id}: {fired:?}");
        if let (Some(rule), [draft]) = (told, drafts.as_slice()) {
            assert!(fired.iter().any(|firing| firing.rule == rule), "{fired:?}");
            assert_eq!((draft.sector.as_str(), draft.order_kind.as_str()), ("filings", "notify-filing"));
            assert_eq!((draft.recipient.as_str(), draft.state()), ("members/bank", State::Proposed), "{draft:?}");
        }
    }
    world.stop().await;
}

const INVESTIGATES: &str = r#"
[[rule]]
id = "judgment-investigates"
title = { zh = "查询", en = "A judgment asks for assets" }
legal_basis = "a provision"
on = "record-put"
where = { sector = "judgments", is = { status = ["EFFECTIVE"] } }
[[rule.propose]]
what = "investigation"
sectors = ["accounts", "parcels", "securities"]
number = "$case.party_numbers.last"
hold_s = 6
[[rule.propose.found]]
sector = "accounts"
kind = "freeze"
[rule.propose.found.fields]
account_number = "$found.account_number"
amount = "$case.awarded"
case_number = "$case.number"
request_number = "$firing"
control_kind = "FUNDS"
person_name = "$case.defendants.last"
person_id_type = "RESIDENT_ID"
person_id_number = "$case.party_numbers.last"
work_number = "1"
official_number = "2"
legal_basis = "a provision"
ruling_number = "$case.number"
notice_name = "a notice"
notice_number = "3"
"#;

/// Before the first release it may be renewed with the change that moves it; afterwards a change takes a new tag.
const PINNED: &str = "226fe5e535a4ae63255ce6614c67d4304f07606b406f3485d7477358e4fbc95b";

#[test]
fn the_bytes_that_an_officer_signs_to_stop_an_investigation_are_pinned() {
    let stop = ProposalStop {
        chain: "court-1".parse().unwrap(),
        court: "court".parse().unwrap(),
        proposal: [7; 16],
        reason: "PARTIES_SETTLED".parse().unwrap(),
    };
    let digest = comity_verify::seal::digest(TAG_STOP, &stop);
    assert_eq!((TAG_STOP, digest.to_string().as_str()), ("comity/proposal-stop/v1", PINNED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposed_investigation_is_carried_out_by_itself_once_and_its_findings_say_where_they_are_proven() {
    let world = world(INVESTIGATES, MemberKind::Finance).await;
    for (sector, id) in [("accounts", "A-1"), ("securities", "S-1")] {
        let schema = world.court.sectors.sector(&sector.parse().unwrap()).unwrap();
        // The one of the securities is somebody else's: an index that lists nothing of this person.
        let number = if sector == "accounts" { NUMBER } else { "990101199001010018" };
        let record = crate::filling::record(schema, &About { reference: id, name: NAME, number });
        let sector = sector.parse().unwrap();
        world.bank_gateway.records().publish(&sector, vec![(id.parse().unwrap(), record)]).await.unwrap();
    }
    put(&world, "judgments", "F-1", &[("status", text("EFFECTIVE"))]).await;
    put(&world, "judgments", "F-2", &[("status", text("EFFECTIVE"))]).await;
    let fired = firings(&world).await;
    assert_eq!(fired.len(), 2);
    let of = |id: &str| fired.iter().find(|firing| firing.subject.ends_with(id)).unwrap().proposals[0].clone();
    let (first, second) = (of("F-1"), of("F-2"));

    // A judge stops the second one, and signs it; a clerk cannot, and nobody stops anything without a reason or in another's name.
    let stop = |name: &str, code: &str, signature: Vec<u8>, validate_only| v1::StopProposalRequest {
        name: name.into(),
        reason: code.into(),
        officer: "J1".into(),
        signature,
        validate_only,
    };
    let refused = async |role, request| reason(&triggers(&world, role).stop_proposal(request).await.unwrap_err());
    assert_eq!(refused("clerk", stop(&second, "SETTLED", Vec::new(), true)).await, "PERMISSION_DENIED");
    assert_eq!(refused("officer", stop(&second, "", Vec::new(), true)).await, "INVALID_ARGUMENT");
    let shown = triggers(&world, "officer").stop_proposal(stop(&second, "SETTLED", Vec::new(), true)).await;
    let bytes = shown.unwrap().into_inner().signing_bytes;
    for signature in [signature(&bytes, 2), signature(b"another text", 1)] {
        assert_eq!(refused("officer", stop(&second, "SETTLED", signature, false)).await, "APPROVAL_REFUSED");
    }
    // What was signed for one reason stops for no other.
    assert_eq!(refused("officer", stop(&second, "OTHER", signature(&bytes, 1), false)).await, "APPROVAL_REFUSED");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let waits = proposal(&world, &second).await;
    assert_eq!((waits.state(), waits.opens_time.is_some()), (State::Proposed, true));
    let request = stop(&second, "SETTLED", signature(&bytes, 1), false);
    let stopped = triggers(&world, "officer").stop_proposal(request.clone()).await.unwrap().into_inner();
    assert_eq!((stopped.state(), stopped.reason.as_str()), (State::Dismissed, "SETTLED"));
    let kept = stopped.stop.clone().unwrap();
    assert_eq!((kept.officer.as_str(), kept.signed_bytes, kept.signature), ("J1", bytes.clone(), signature(&bytes, 1)));
    // The same again is the same stop, and is filed once; another reason is another act.
    assert_eq!(triggers(&world, "officer").stop_proposal(request).await.unwrap().into_inner(), stopped);
    assert_eq!(refused("officer", stop(&second, "OTHER", Vec::new(), true)).await, "PROPOSAL_STATE");
    let filed = world.court_gateway.audit().entries().await.unwrap();
    let stops: Vec<_> = filed.iter().filter(|entry| entry.action == "StopProposal").collect();
    assert_eq!(stops.len(), 1);
    assert_eq!((stops[0].role.as_str(), stops[0].resource.as_str()), ("officer", second.as_str()));
    assert_eq!(stops[0].purpose.purpose, "stopped by officer J1: SETTLED");
    assert!(stops[0].purpose.case_number.ends_with("F-2"), "{:?}", stops[0].purpose);

    // The other one begins by itself, also where the gateway was started anew meanwhile.
    let world = world.restart_court().await;
    let done = reached(&world, &first, State::TakenUp).await;
    assert_eq!(done.firings.len(), 1, "{done:?}");
    let get = v1::GetFiringRequest { name: done.firings[0].clone() };
    let found = triggers(&world, "clerk").get_firing(get).await.unwrap().into_inner();
    assert_eq!(found.subject, first);
    assert!(found.explanation.contains("no judge had stopped it"), "{}", found.explanation);
    let fact = |sector: &str| found.facts.iter().find(|fact| fact.statement.contains(sector)).unwrap();
    let (there, nothing) = (fact("accounts"), fact("securities"));
    assert!(there.statement.contains("lists 1 of the person"), "{}", there.statement);
    assert!(nothing.statement.contains("lists nothing"), "{}", nothing.statement);
    let proof = there.proof.clone().unwrap();
    assert_eq!(proof.chain_id, "bank-1");
    assert!(proof.header_height > 0 && proof.rules.contains(&"VRF".to_owned()), "{proof:?}");
    assert!(!format!("{found:?}").contains("A-1") && !format!("{found:?}").contains(NUMBER), "it names nobody");

    // What was found opens a draft, which waits for officers.
    assert_eq!(found.proposals.len(), 1);
    let draft = proposal(&world, &found.proposals[0]).await;
    assert_eq!((draft.order_kind.as_str(), draft.recipient.as_str()), ("freeze", "members/bank"));
    assert_eq!(draft.state(), State::Proposed, "{draft:?}");
    let get = v1::GetOrderRequest { name: draft.order.clone() };
    let order = world.orders("clerk").get_order(get).await.unwrap().into_inner();
    assert_eq!((order.state(), order.kind.as_str()), (v1::OrderState::AwaitingApproval, "freeze"));

    // Once, and the one that was stopped not at all; and who has begun is not stopped any more.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(firings(&world).await.len(), 3);
    assert_eq!(proposal(&world, &second).await.state(), State::Dismissed);
    let late = v1::StopProposalRequest {
        name: first,
        reason: "SETTLED".into(),
        officer: "J1".into(),
        signature: vec![0; 64],
        validate_only: true,
    };
    assert_eq!(reason(&triggers(&world, "officer").stop_proposal(late).await.unwrap_err()), "STOP_LATE");
    let kept = proposal(&world, &second).await.stop.unwrap();
    assert_eq!((kept.officer.as_str(), kept.reason.as_str()), ("J1", "SETTLED"), "also after a restart");

    // The bank has filed who asked: a rule of the court, for the case.
    let filed = world.bank_gateway.audit().entries().await.unwrap();
    let searches: Vec<_> = filed.iter().filter(|entry| entry.action == "SearchRecords").collect();
    assert!(
        !searches.is_empty()
            && searches.iter().all(|entry| entry.role == "rule" && entry.purpose.case_number.ends_with("F-1"))
    );
    world.stop().await;
}
