#![allow(clippy::unwrap_used)]

use super::*;
use comity_model::profile::{Effect, ObjectionRule, Unanswered};
use comity_model::record::Date;
use comity_model::{Amount, FieldName, MemberId};

/// A sector nobody has heard of, as a folder would hold it.
const SHIPS: &str = r#"
    syntax = "proto3";
    package comity.sector.v1.ships;
    import "comity/sector/v1/options.proto";
    import "google/protobuf/timestamp.proto";
    message Ship {
      option (message) = { sector: "ships" kind: RECORD };
      string imo_number = 1 [(rule) = { zh: "识别号" en: "IMO number" role: IDENTITY required: true readers: PUBLIC }];
      repeated string owners = 2 [(rule) = {
        zh: "所有人" en: "Owners" required: true personal: true readers: [COURT, FINANCE]
      }];
      string flag_state = 3 [(rule) = {
        zh: "状态" en: "Status" role: STATUS required: true readers: AGENCY
        values: ["AFLOAT", "ARRESTED"] in_force: "AFLOAT"
      }];
      string built = 4 [(rule) = { zh: "建造日期" en: "Built on" date: true readers: PUBLIC }];
      int64 tonnage = 5 [(rule) = { zh: "吨位" en: "Tonnage" readers: PUBLIC }];
      bool insured = 6 [(rule) = { zh: "已投保" en: "Insured" readers: HOLDER }];
      bytes plan_digest = 7 [(rule) = { zh: "图纸摘要" en: "Digest of the plans" readers: HOLDER }];
      google.protobuf.Timestamp last_seen = 8 [(rule) = { zh: "最后位置时间" en: "Last seen" readers: AGENCY }];
      Amount worth = 9 [(rule) = { zh: "价值" en: "Worth" role: AMOUNT readers: COURT }];
    }
    message ShipOrder {
      option (message) = { sector: "ships" kind: ORDER_PRIVATE };
      string imo_number = 1 [(rule) = { zh: "识别号" en: "IMO number" role: REFERENCE required: true }];
      string berth = 2 [(rule) = { zh: "泊位" en: "Berth" required_for: "arrest" }];
    }
"#;

const SHIPS_PROFILE: &str = r#"
    [[kind]]
    name = "arrest"
    effect = "hold-exclusive"
    period_days_max = 730
    decide_within_s = 3600
    [[kind]]
    name = "release"
    effect = "release"
    decide_within_s = 3600
    two_approvals_from = { currency = "USD", minor = 100 }
"#;

fn ships() -> SectorSchema {
    load(SHIPS, Some(SHIPS_PROFILE)).unwrap()
}

fn load(schema: &str, profile: Option<&str>) -> Result<SectorSchema, SectorError> {
    let sectors = Sectors::load(&[SectorSource { name: "ships", schema, profile }])?;
    Ok(sectors.sector(&"ships".parse().unwrap()).unwrap().clone())
}

fn field(name: &str, value: FieldValue) -> Field {
    Field { name: name.parse().unwrap(), value }
}

fn text(name: &str, value: &str) -> Field {
    field(name, FieldValue::Text(value.to_owned()))
}

fn ship() -> Vec<Field> {
    vec![
        field("built", FieldValue::Date(Date::new(2019, 5, 1).unwrap())),
        text("flag_state", "AFLOAT"),
        text("imo_number", "IMO 9900001"),
        field("owners", FieldValue::Texts(vec!["Meridian Lines".to_owned()])),
        field("plan_digest", FieldValue::Digest(Hash([7; 32]))),
        field("tonnage", FieldValue::Integer(40_000)),
        field("worth", FieldValue::Amount(Amount::cny(9))),
    ]
}

#[test]
fn a_sector_is_added_from_text_alone() {
    let ships = ships();
    let id: RecordId = "IMO 9900001".parse().unwrap();
    assert_eq!(ships.check_record(&id, &ship()), Ok(()));
    assert_eq!(ships.record.in_force(&ship()), Some(true));

    let arrest: OrderKind = "arrest".parse().unwrap();
    let order = [text("berth", "North 4"), text("imo_number", "IMO 9900001")];
    assert_eq!(ships.check_order(&arrest, &order), Ok(()));
    let fields = ships.order.as_ref().unwrap();
    assert_eq!(fields.value(Role::Reference, &order), Some(&FieldValue::Text("IMO 9900001".to_owned())));

    let registry: MemberId = "harbour".parse().unwrap();
    let profile = ships.profile.unwrap().profile(registry.clone());
    assert_eq!(profile.institution, registry);
    let rule = profile.kind(&arrest).unwrap();
    assert_eq!((rule.effect, rule.period_days_max, rule.two_approvals_from), (Effect::HoldExclusive, 730, None));
}

#[test]
fn a_message_has_the_fields_of_the_parts_that_it_names_each_name_once() {
    let with_basis = SHIPS
        .replace("options.proto\";", "options.proto\";\nimport \"comity/sector/v1/order.proto\";")
        .replace("kind: ORDER_PRIVATE };", "kind: ORDER_PRIVATE };\nOrderBasis basis = 9;");
    let ships = load(&with_basis, Some(SHIPS_PROFILE)).unwrap();
    let order = ships.order.unwrap();
    let required = |name: &str| order.field(&name.parse().unwrap()).is_some_and(|spec| spec.required);
    assert!(required("case_number") && required("legal_basis") && required("imo_number"));
    assert!(order.role(Role::PersonNumber).is_some() && order.field(&"basis".parse().unwrap()).is_none());
    let twice = with_basis.replace("string berth = 2", "string remarks = 2");
    assert!(matches!(load(&twice, Some(SHIPS_PROFILE)), Err(SectorError::Rule { .. })));
}

#[test]
fn what_is_searchable_needs_a_number_and_what_needs_consent_a_key() {
    let searchable = SHIPS.replace("kind: RECORD }", "kind: RECORD searchable: true }");
    assert!(load(&searchable, Some(SHIPS_PROFILE)).is_err());
    let numbered = searchable.replace("en: \"Owners\"", "en: \"Owners\" role: PERSON_NUMBER");
    assert!(load(&numbered, Some(SHIPS_PROFILE)).unwrap().searchable);
    let consent = SHIPS.replace("en: \"Tonnage\"", "en: \"Tonnage\" consent: true");
    assert!(load(&consent, Some(SHIPS_PROFILE)).is_err());
    let keyed = consent.replace("en: \"Digest of the plans\"", "en: \"Key\" role: CONSENT_KEY");
    assert!(load(&keyed, Some(SHIPS_PROFILE)).is_ok());
    let order = SHIPS.replace("kind: ORDER_PRIVATE }", "kind: ORDER_PRIVATE searchable: true }");
    assert!(load(&order, Some(SHIPS_PROFILE)).is_err());
}

#[test]
fn records_with_personal_names_stand_under_private_ids_and_are_not_followed() {
    assert!(!ships().private_ids());
    let personal = SHIPS.replace("role: IDENTITY required: true", "role: IDENTITY required: true personal: true");
    assert!(load(&personal, Some(SHIPS_PROFILE)).unwrap().private_ids());
    let followed = |schema: &str| schema.replace("kind: RECORD }", "kind: RECORD followed: true }");
    assert!(load(&followed(SHIPS), Some(SHIPS_PROFILE)).is_ok());
    assert!(load(&followed(&personal), Some(SHIPS_PROFILE)).is_err());
}

#[test]
fn every_type_of_value_has_its_type_in_the_schema() {
    let types: Vec<_> = ships().record.iter().map(|spec| (spec.name.to_string(), spec.value_type)).collect();
    for (name, value_type) in [
        ("imo_number", ValueType::Text),
        ("owners", ValueType::Texts),
        ("built", ValueType::Date),
        ("tonnage", ValueType::Integer),
        ("insured", ValueType::Boolean),
        ("plan_digest", ValueType::Digest),
        ("last_seen", ValueType::Time),
        ("worth", ValueType::Amount),
    ] {
        assert!(types.contains(&(name.to_owned(), value_type)), "{name}");
    }
}

#[test]
fn the_embedded_sectors_are_those_of_the_folder_and_all_compile() {
    let sectors = Sectors::embedded().unwrap();
    let names: Vec<_> = sectors.iter().map(|schema| schema.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "accounts",
            "companies",
            "credit",
            "data-assets",
            "dossiers",
            "equity",
            "filings",
            "insolvency",
            "insurance",
            "ip-rights",
            "judgments",
            "lawyers",
            "mediation",
            "parcels",
            "payments",
            "penalties",
            "securities",
            "trades",
        ]
    );
    // A payment stands or is withdrawn, and says nothing of who paid.
    for schema in sectors.iter().filter(|schema| schema.name.as_str() != "payments") {
        assert!(schema.record.role(Role::Status).is_some(), "{}", schema.name);
        assert!(schema.record.role(Role::PersonName).is_some());
        assert!(schema.record.iter().any(|spec| spec.readable_by(&["court"])));
    }
}

#[test]
fn the_embedded_profiles_say_what_the_law_allows() {
    let sectors = Sectors::embedded().unwrap();
    let half_a_million = Some(Amount::cny(50_000_000));
    for (sector, kind, effect, days, two_from) in [
        ("accounts", "freeze", Effect::HoldDivisible, 365, half_a_million),
        ("accounts", "renew", Effect::Renew, 365, half_a_million),
        ("accounts", "release", Effect::Release, 0, half_a_million),
        ("accounts", "deduct", Effect::Deduct, 0, half_a_million),
        ("accounts", "roll-back", Effect::Rollback, 0, half_a_million),
        ("accounts", "confirm", Effect::Confirm, 0, None),
        ("parcels", "seal", Effect::HoldExclusive, 1095, None),
        ("parcels", "renew", Effect::Renew, 1095, None),
        ("parcels", "release", Effect::Release, 0, None),
        ("parcels", "transfer", Effect::Transfer, 0, None),
        ("ip-rights", "freeze", Effect::HoldExclusive, 1095, None),
        ("ip-rights", "transfer", Effect::Transfer, 0, None),
        ("credit", "list", Effect::HoldConcurrent, 730, None),
        ("credit", "correct", Effect::Amend, 0, None),
        ("credit", "remove", Effect::Release, 0, None),
        ("credit", "uphold-objection", Effect::UpholdObjection, 0, None),
        ("dossiers", "hand-over", Effect::HandOver, 0, None),
        ("dossiers", "return", Effect::HandOver, 0, None),
        ("dossiers", "supplement", Effect::HandOver, 0, None),
    ] {
        let schema = sectors.sector(&sector.parse().unwrap()).unwrap();
        let profile = schema.profile.as_ref().unwrap();
        let rule = profile.kind(&kind.parse().unwrap()).unwrap();
        assert_eq!(
            (rule.effect, rule.period_days_max, rule.two_approvals_from),
            (effect, days, two_from),
            "{sector} {kind}"
        );
        let fifteen_days = ObjectionRule {
            answer_within_s: 15 * 86_400,
            unanswered: if sector == "credit" { Unanswered::Released } else { Unanswered::Stands },
        };
        assert_eq!(rule.objection, Some(fifteen_days).filter(|_| effect.holds()), "{sector} {kind}");
    }
    for sector in ["judgments", "lawyers"] {
        let schema = sectors.sector(&sector.parse().unwrap()).unwrap();
        assert!(schema.order.is_none() && schema.profile.is_none());
    }
}

#[test]
fn a_registry_does_not_read_identity_numbers_in_a_judgment() {
    let sectors = Sectors::embedded().unwrap();
    let judgments = sectors.sector(&"judgments".parse().unwrap()).unwrap();
    let registry = reader_groups(MemberKind::Property);
    let readable: Vec<_> = judgments.record.readable(&registry).map(|spec| spec.name.as_str()).collect();
    assert!(readable.contains(&"result") && readable.contains(&"defendants"));
    assert!(!readable.contains(&"party_numbers") && !readable.contains(&"clerk"));
    let justice = reader_groups(MemberKind::Justice);
    let party = judgments.record.field(&"defendants".parse().unwrap()).unwrap();
    assert!(party.personal && !party.readable_by(&justice));
}

#[test]
fn what_is_public_everybody_reads_and_what_is_the_holders_nobody_else() {
    let ships = ships();
    let built = ships.record.field(&"built".parse().unwrap()).unwrap();
    assert!(built.readable_by(&[]));
    let insured = ships.record.field(&"insured".parse().unwrap()).unwrap();
    assert!(!insured.readable_by(&reader_groups(MemberKind::Court)));
}

#[test]
fn every_reader_group_of_a_kind_of_member_is_in_the_options() {
    let options = include_str!("../../../sectors/comity/sector/v1/options.proto");
    for kind in [
        MemberKind::Court,
        MemberKind::Justice,
        MemberKind::Property,
        MemberKind::Finance,
        MemberKind::IntellectualProperty,
        MemberKind::Credit,
        MemberKind::Market,
        MemberKind::Enforcement,
        MemberKind::Mediation,
        MemberKind::Platform,
    ] {
        for group in reader_groups(kind) {
            let line = format!("  {} = ", group.to_ascii_uppercase());
            assert!(options.contains(&line), "{group}");
        }
    }
}

#[test]
fn the_schema_hash_is_the_same_each_time_and_ignores_comments_but_no_option() {
    let hash = ships().schema_hash;
    assert_eq!(hash, ships().schema_hash);
    let commented = SHIPS.replace("message Ship {", "// A ship.\nmessage Ship {");
    assert_eq!(hash, load(&commented, Some(SHIPS_PROFILE)).unwrap().schema_hash);
    let opened = SHIPS.replace("[COURT, FINANCE]", "PUBLIC");
    assert_ne!(hash, load(&opened, Some(SHIPS_PROFILE)).unwrap().schema_hash);
}

/// Records name this hash for ever: another way of encoding the same schema would orphan them.
#[test]
fn the_schema_hash_is_pinned() {
    assert_eq!(ships().schema_hash.to_string(), "b080ad62dc79b43fee5390ed58a32b12e07cf598b6f5e4ea98db8ce62e0b1d04");
}

#[test]
fn fields_that_do_not_fit_are_refused_with_the_field_and_a_code() {
    let ships = ships();
    let with = |index: usize, changed: Field| {
        let mut fields = ship();
        fields[index] = changed;
        fields
    };
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let many = vec!["x".to_owned(); TEXTS_MAX + 1];
    let mut missing = ship();
    missing.remove(3);
    let mut unsorted = ship();
    unsorted.swap(0, 1);
    let mut repeated = ship();
    repeated.insert(0, repeated[0].clone());
    for (fields, code, at) in [
        (with(0, text("blt", "x")), "UNKNOWN_FIELD", "blt"),
        (with(0, text("built", "2019-05-01")), "FIELD_TYPE", "built"),
        (with(1, text("flag_state", "SUNK")), "FIELD_VALUE", "flag_state"),
        (with(2, text("imo_number", "")), "FIELD_TEXT", "imo_number"),
        (with(2, text("imo_number", "a\u{7}")), "FIELD_TEXT", "imo_number"),
        (with(2, text("imo_number", &long)), "FIELD_TOO_LONG", "imo_number"),
        (with(3, field("owners", FieldValue::Texts(many))), "FIELD_TOO_LONG", "owners"),
        (missing, "FIELD_MISSING", "owners"),
        (unsorted, "FIELDS_NOT_SORTED", "built"),
        (repeated, "FIELDS_NOT_SORTED", "built"),
    ] {
        let error = ships.record.check(&fields).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(error.field().map(FieldName::as_str), Some(at), "{error}");
    }
}

#[test]
fn a_refusal_does_not_repeat_the_value() {
    let ships = ships();
    let mut fields = ship();
    fields[1] = text("flag_state", "330106198801011234");
    let error = ships.record.check(&fields).unwrap_err();
    assert!(!format!("{error}{error:?}").contains("330106198801011234"));
}

#[test]
fn a_record_under_another_name_is_refused() {
    let other: RecordId = "IMO 9900002".parse().unwrap();
    assert_eq!(ships().check_record(&other, &ship()), Err(FieldError::RecordIdDiffers));
}

#[test]
fn an_order_needs_the_fields_of_its_kind_and_a_kind_that_exists() {
    let ships = ships();
    let fields = [text("imo_number", "IMO 9900001")];
    let arrest = ships.check_order(&"arrest".parse().unwrap(), &fields);
    assert_eq!(arrest.unwrap_err().code(), "FIELD_MISSING");
    let release = ships.check_order(&"release".parse().unwrap(), &fields);
    assert_eq!(release, Ok(()));
    let sink = ships.check_order(&"sink".parse().unwrap(), &fields);
    assert_eq!(sink, Err(FieldError::UnknownKind));
    let sectors = Sectors::embedded().unwrap();
    let lawyers = sectors.sector(&"lawyers".parse().unwrap()).unwrap();
    let arrest = lawyers.check_order(&"arrest".parse().unwrap(), &[]);
    assert_eq!(arrest, Err(FieldError::UnknownKind));
}

#[test]
fn schemas_that_describe_no_sector_are_refused_by_place() {
    for (from, to, at) in [
        ("syntax = \"proto3\";", "syntax = ;", "does not compile"),
        ("int64 tonnage", "int32 tonnage", "Ship.tonnage"),
        (
            "int64 tonnage = 5 [(rule) = { zh: \"吨位\" en: \"Tonnage\" readers: PUBLIC }]",
            "int64 tonnage = 5",
            "Ship.tonnage",
        ),
        ("readers: HOLDER }];\n      bytes", "}];\n      bytes", "needs a reader"),
        ("en: \"Built on\" ", "", "Ship.built"),
        ("role: IDENTITY required: true", "role: IDENTITY", "Ship.imo_number"),
        ("role: IDENTITY ", "", "IDENTITY"),
        ("role: REFERENCE ", "", "REFERENCE"),
        ("role: REFERENCE", "role: REFERENCE readers: COURT", "ShipOrder.imo_number"),
        ("in_force: \"AFLOAT\"", "in_force: \"SAILING\"", "Ship.flag_state"),
        (" in_force: \"AFLOAT\"", "", "Ship.flag_state"),
        ("role: AMOUNT", "role: STATUS", "Ship.worth"),
        ("\"ships\" kind: RECORD", "\"boats\" kind: RECORD", "another sector"),
        ("kind: RECORD }", "}", "kind is not known"),
        ("kind: ORDER_PRIVATE", "kind: RECORD", "came before"),
        ("required_for: \"arrest\"", "required_for: \"salvage\"", "salvage"),
        ("readers: [COURT, FINANCE]", "readers: [COURT, PIRATE]", "does not compile"),
        ("string built", "optional string built", "Ship"),
    ] {
        assert!(SHIPS.contains(from), "{from}");
        let error = load(&SHIPS.replacen(from, to, 1), Some(SHIPS_PROFILE)).unwrap_err();
        assert_eq!(error.code(), "SECTOR_SCHEMA");
        assert!(error.to_string().contains(at), "{from}: {error}");
    }
}

const ANSWER: &str = r#"
    message ShipAnswer {
      option (message) = { sector: "ships" kind: ORDER_ANSWER };
      repeated string prior_arrests = 1 [(rule) = { zh: "在先扣押" en: "Earlier arrests" role: PRIOR_HOLDS }];
      repeated string owners = 2 [(rule) = { zh: "所有人" en: "Owners" from_record: "owners" personal: true }];
      int64 tonnage = 3 [(rule) = { zh: "吨位" en: "Tonnage" from_record: "tonnage" }];
    }
"#;

#[test]
fn an_answer_takes_each_field_from_a_fact_or_from_the_record_and_is_no_less_careful_than_that() {
    let schema = [SHIPS, ANSWER].concat();
    let answer = load(&schema, Some(SHIPS_PROFILE)).unwrap().answer.unwrap();
    assert_eq!(answer.role(Role::PriorHolds).unwrap().name.as_str(), "prior_arrests");
    assert_eq!(answer.iter().count(), 3);
    for (from, to, at) in [
        ("role: PRIOR_HOLDS }", "}", "ShipAnswer.prior_arrests"),
        ("role: PRIOR_HOLDS }", "role: BALANCE }", "ShipAnswer.prior_arrests"),
        ("role: PRIOR_HOLDS }", "role: REFERENCE }", "ShipAnswer.prior_arrests"),
        ("role: PRIOR_HOLDS }", "role: PRIOR_HOLDS required: true }", "not required"),
        ("role: PRIOR_HOLDS }", "role: PRIOR_HOLDS readers: COURT }", "no readers"),
        ("role: PRIOR_HOLDS }", "role: PRIOR_HOLDS from_record: \"owners\" }", "not both"),
        ("from_record: \"owners\" personal: true", "from_record: \"owners\"", "owners"),
        ("from_record: \"tonnage\"", "from_record: \"draught\"", "draught"),
        ("from_record: \"tonnage\"", "from_record: \"owners\" personal: true", "owners"),
    ] {
        assert!(ANSWER.contains(from), "{from}");
        let error = load(&[SHIPS, &ANSWER.replacen(from, to, 1)].concat(), Some(SHIPS_PROFILE)).unwrap_err();
        assert!(error.to_string().contains(at), "{from} to {to}: {error}");
    }
    let in_record = SHIPS.replacen("en: \"Tonnage\"", "en: \"Tonnage\" from_record: \"built\"", 1);
    assert!(load(&in_record, Some(SHIPS_PROFILE)).unwrap_err().to_string().contains("from_record is for answers"));
}

#[test]
fn a_schema_error_says_where() {
    let error = load("syntax = \"proto3\";\nmessage {", None).unwrap_err();
    assert!(error.to_string().contains("ships/schema.proto:2:9"), "{error}");
}

#[test]
fn an_order_message_and_a_profile_go_together() {
    let error = load(SHIPS, None).unwrap_err();
    assert!(error.to_string().contains("go together"), "{error}");
}

#[test]
fn profiles_that_cannot_work_are_refused() {
    for (from, to, why) in [
        ("hold-exclusive", "hold-tight", "hold-tight"),
        ("hold-exclusive", "hold-divisible", "AMOUNT"),
        ("period_days_max = 730", "", "period_days_max"),
        (
            "decide_within_s = 3600\n    two",
            "period_days_max = 1\n    decide_within_s = 3600\n    two",
            "have a period",
        ),
        ("decide_within_s = 3600", "decide_within_s = 0", "decide_within_s"),
        ("\"release\"\n    effect", "\"arrest\"\n    effect", "twice"),
        ("\"USD\"", "\"usd\"", "currency"),
        ("\"arrest\"", "\"Arrest\"", "order kind"),
        ("decide_within_s", "decide_in", "decide_in"),
    ] {
        assert!(SHIPS_PROFILE.contains(from), "{from}");
        let profile = SHIPS_PROFILE.replacen(from, to, 1);
        let error = load(SHIPS, Some(&profile)).unwrap_err();
        assert!(error.to_string().contains(why), "{from}: {error}");
    }
}

#[test]
fn a_sector_comes_once_and_with_a_proper_name() {
    let ships = SectorSource { name: "ships", schema: SHIPS, profile: Some(SHIPS_PROFILE) };
    let twice = Sectors::load(&[ships, ships]).unwrap_err();
    assert_eq!(twice.code(), "SECTOR_REPEATED");
    let slash = SectorSource { name: "../ships", ..ships };
    assert_eq!(Sectors::load(&[slash]).unwrap_err().code(), "SECTOR_NAME");
}

#[test]
fn the_example_in_the_readme_is_a_sector() {
    let readme = include_str!("../../../sectors/README.md");
    let blocks = |language: &str| -> String {
        readme.split(&format!("```{language}\n")).skip(1).filter_map(|rest| rest.split("```").next()).collect()
    };
    let source = SectorSource { name: "vessels", schema: &blocks("proto"), profile: Some(&blocks("toml")) };
    let sectors = Sectors::load(&[source]).unwrap();
    let vessels = sectors.sector(&"vessels".parse().unwrap()).unwrap();
    assert!(vessels.profile.as_ref().unwrap().kind(&"arrest".parse().unwrap()).is_some());
}
