//! The default policies, asked in sentences.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::sectors::ValueType;
use comity_model::member::MemberKind;

fn policy() -> Policy {
    Policy::new("court".parse().unwrap(), DEFAULT_POLICIES).unwrap()
}

fn caller(institution: &str, role: &str, kind: MemberKind) -> Caller {
    Caller { institution: institution.parse().unwrap(), role: role.parse().unwrap(), kind: Some(kind) }
}

fn field(personal: bool, readers: &[&str]) -> FieldSpec {
    FieldSpec {
        name: "debtor".parse().unwrap(),
        value_type: ValueType::Text,
        required: false,
        required_for: Vec::new(),
        personal,
        readers: readers.iter().map(|&reader| reader.to_owned()).collect(),
        role: None,
        label_zh: String::new(),
        label_en: String::new(),
        values: Vec::new(),
        in_force: Vec::new(),
        consent: false,
        from_record: None,
    }
}

fn sector() -> Sector {
    "judgments".parse().unwrap()
}

fn reason<T>(result: Result<T, ApiError>) -> Option<Reason> {
    result.err().map(|error| error.reason())
}

#[test]
fn the_schema_knows_every_action() {
    for action in permit::ACTIONS.iter().chain(&["ReadField"]) {
        assert!(SCHEMA.contains(&format!("\"{action}\"")), "{action}");
    }
}

#[test]
fn an_officer_of_the_court_may_approve_and_a_clerk_may_not() {
    let policy = policy();
    let officer = caller("court", "officer", MemberKind::Court);
    let permit = policy.permit::<ApproveOrder>(&officer).unwrap();
    assert_eq!(permit.caller(), &officer);
    let clerk = caller("court", "clerk", MemberKind::Court);
    assert!(policy.permit_in::<DrawUpOrder>(&clerk, &sector()).is_ok());
    assert_eq!(reason(policy.permit::<ApproveOrder>(&clerk)), Some(Reason::PermissionDenied));
}

#[test]
fn an_institution_that_is_no_court_orders_nothing() {
    let policy = Policy::new("bank".parse().unwrap(), DEFAULT_POLICIES).unwrap();
    let officer = caller("bank", "officer", MemberKind::Finance);
    assert!(policy.permit_in::<ReadRecord>(&officer, &sector()).is_ok());
    assert_eq!(reason(policy.permit_in::<DrawUpOrder>(&officer, &sector())), Some(Reason::PermissionDenied));
    assert_eq!(reason(policy.permit::<ApproveOrder>(&officer)), Some(Reason::PermissionDenied));
}

#[test]
fn a_registrar_keeps_the_register_of_any_institution_and_orders_nothing() {
    for (institution, kind) in [("bank", MemberKind::Finance), ("court", MemberKind::Court)] {
        let policy = Policy::new(institution.parse().unwrap(), DEFAULT_POLICIES).unwrap();
        let registrar = caller(institution, "registrar", kind);
        assert!(policy.permit_in::<PutRecords>(&registrar, &sector()).is_ok());
        assert!(policy.permit_in::<RegisterAssets>(&registrar, &sector()).is_ok());
        assert_eq!(reason(policy.permit_in::<DrawUpOrder>(&registrar, &sector())), Some(Reason::PermissionDenied));
        assert!(policy.permit::<ApproveOrder>(&registrar).is_err() && policy.permit::<Exchange>(&registrar).is_err());
        for role in ["reader", "clerk", "officer", "operator", "gateway"] {
            assert!(policy.permit_in::<PutRecords>(&caller(institution, role, kind), &sector()).is_err(), "{role}");
        }
        assert!(policy.permit_in::<PutRecords>(&caller("other", "registrar", kind), &sector()).is_err());
    }
}

#[test]
fn only_clerks_and_officers_of_courts_investigate_and_search() {
    let policy = policy();
    for (institution, role, kind, investigates, searches) in [
        ("court", "officer", MemberKind::Court, true, true),
        ("court", "clerk", MemberKind::Court, true, true),
        ("court", "rule", MemberKind::Court, false, true),
        ("court", "reader", MemberKind::Court, false, false),
        ("bank", "rule", MemberKind::Finance, false, false),
        ("court-2", "officer", MemberKind::Court, false, true),
        ("bank", "officer", MemberKind::Finance, false, false),
        ("court-2", "gateway", MemberKind::Court, false, false),
    ] {
        let caller = caller(institution, role, kind);
        assert_eq!(policy.permit::<Investigate>(&caller).is_ok(), investigates, "{caller}");
        assert_eq!(policy.permit_in::<SearchRecords>(&caller, &sector()).is_ok(), searches, "{caller}");
    }
}

#[test]
fn only_an_officer_of_a_court_stops_what_a_rule_proposes() {
    let policy = policy();
    assert!(policy.permit::<StopProposal>(&caller("court", "officer", MemberKind::Court)).is_ok());
    for (institution, role, kind) in [
        ("court", "clerk", MemberKind::Court),
        ("court", "rule", MemberKind::Court),
        ("court-2", "officer", MemberKind::Court),
        ("bank", "officer", MemberKind::Finance),
    ] {
        assert!(policy.permit::<StopProposal>(&caller(institution, role, kind)).is_err(), "{institution} {role}");
    }
}

#[test]
fn people_of_other_institutions_may_do_nothing_here() {
    let policy = policy();
    let stranger = caller("court-2", "officer", MemberKind::Court);
    assert_eq!(reason(policy.permit_in::<ReadRecord>(&stranger, &sector())), Some(Reason::PermissionDenied));
    assert_eq!(reason(policy.permit::<ReadOrder>(&stranger)), Some(Reason::PermissionDenied));
    assert_eq!(reason(policy.permit::<Exchange>(&stranger)), Some(Reason::PermissionDenied));
}

#[test]
fn gateways_exchange_and_do_nothing_else() {
    let policy = policy();
    for institution in ["court", "bank"] {
        let gateway = caller(institution, "gateway", MemberKind::Finance);
        assert!(policy.permit::<Exchange>(&gateway).is_ok());
        assert!(policy.permit_in::<ReadRecord>(&gateway, &sector()).is_err());
        assert!(!policy.may_read(&gateway, &"court".parse().unwrap(), &sector(), &field(false, &["public"])).unwrap());
    }
}

#[test]
fn an_unknown_role_is_told_so_and_gets_nothing() {
    let error =
        policy().permit_in::<ReadRecord>(&caller("court", "janitor", MemberKind::Court), &sector()).unwrap_err();
    assert_eq!(error.reason(), Reason::UnknownRole);
    assert_eq!(error.metadata("role"), Some("janitor"));
}

#[test]
fn fields_go_to_the_kinds_of_institution_that_the_schema_names() {
    let (policy, court) = (policy(), "court".parse().unwrap());
    let may = |caller: &Caller, field: &FieldSpec| policy.may_read(caller, &court, &sector(), field).unwrap();
    let bank = caller("bank", "officer", MemberKind::Finance);
    assert!(may(&bank, &field(false, &["public"])));
    assert!(may(&bank, &field(false, &["finance"])));
    assert!(may(&bank, &field(false, &["agency"])));
    assert!(!may(&bank, &field(false, &["property"])));
    assert!(!may(&bank, &field(false, &[])));
    assert!(may(&caller("court", "reader", MemberKind::Court), &field(false, &[])), "the keeper reads its own");
}

#[test]
fn personal_fields_go_to_clerks_and_officers_and_not_to_readers() {
    let (policy, court) = (policy(), "court".parse().unwrap());
    let may = |role| {
        let caller = caller("bank", role, MemberKind::Finance);
        policy.may_read(&caller, &court, &sector(), &field(true, &["finance"])).unwrap()
    };
    assert!(may("officer") && may("clerk"));
    assert!(!may("reader") && !may("operator") && !may("janitor"));
}

#[test]
fn a_decision_depends_on_the_attributes_and_not_only_on_the_field_s_name() {
    let (policy, court) = (policy(), "court".parse().unwrap());
    let bank = caller("bank", "reader", MemberKind::Finance);
    assert!(policy.may_read(&bank, &court, &sector(), &field(false, &["finance"])).unwrap());
    assert!(!policy.may_read(&bank, &court, &sector(), &field(true, &["finance"])).unwrap());
    assert!(!policy.may_read(&bank, &court, &sector(), &field(false, &["court"])).unwrap());
}

#[test]
fn policies_that_speak_of_what_does_not_exist_are_refused_at_start() {
    let home = || "court".parse().unwrap();
    assert!(matches!(Policy::new(home(), "permit (principal"), Err(PolicyError::Unreadable(_))));
    let unknown = r#"permit (principal, action == Comity::Action::"Rule", resource);"#;
    assert!(matches!(Policy::new(home(), unknown), Err(PolicyError::DoesNotFit(_))));
    let attribute = r#"permit (principal, action == Comity::Action::"ReadField", resource) when { resource.secret };"#;
    assert!(matches!(Policy::new(home(), attribute), Err(PolicyError::DoesNotFit(_))));
}

#[test]
fn an_operator_s_own_policies_replace_the_default() {
    let text = r#"permit (principal in Comity::Role::"auditor", action == Comity::Action::"ReadChains", resource);"#;
    let policy = Policy::new("court".parse().unwrap(), text).unwrap();
    assert!(policy.permit::<ReadChains>(&caller("court", "auditor", MemberKind::Court)).is_ok());
    assert_eq!(
        reason(policy.permit::<ReadChains>(&caller("court", "officer", MemberKind::Court))),
        Some(Reason::UnknownRole)
    );
}

#[test]
fn the_trail_is_read_by_the_institutions_own_officers_and_auditors_and_an_auditor_reads_nothing_else() {
    let policy = policy();
    for (institution, role, reads) in [
        ("court", "officer", true),
        ("court", "auditor", true),
        ("court", "operator", false),
        ("court", "clerk", false),
        ("court", "reader", false),
        ("court-2", "officer", false),
        ("court-2", "auditor", false),
        ("court-2", "gateway", false),
    ] {
        let caller = caller(institution, role, MemberKind::Court);
        assert_eq!(policy.permit::<ReadTrail>(&caller).is_ok(), reads, "{caller}");
    }
    let auditor = caller("court", "auditor", MemberKind::Court);
    assert!(policy.permit::<ReadChains>(&auditor).is_ok() && policy.permit::<ReadMembers>(&auditor).is_ok());
    assert!(policy.permit_in::<ReadRecord>(&auditor, &sector()).is_err());
    assert!(policy.permit::<ReadOrder>(&auditor).is_err() && policy.permit::<ReadDeposit>(&auditor).is_err());
}
