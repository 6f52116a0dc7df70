#![allow(clippy::unwrap_used)]

use super::*;
use comity_gateway::sectors::{Role, SectorSchema, Sectors};
use comity_model::record::FieldValue;
use std::collections::{BTreeMap, BTreeSet};

fn schema(sectors: &Sectors, data: &SectorData) -> SectorSchema {
    sectors.sector(&data.sector).unwrap().clone()
}

fn sector<'a>(data: &'a SandboxData, name: &str) -> &'a SectorData {
    data.sectors.iter().find(|data| data.sector.as_str() == name).unwrap()
}

fn value<'a>(record: &'a Record, name: &str) -> &'a FieldValue {
    &record.fields.iter().find(|field| field.name.as_str() == name).unwrap().value
}

fn text<'a>(record: &'a Record, name: &str) -> &'a str {
    match value(record, name) {
        FieldValue::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

/// FNV-1a over the canonical bytes: a pin, not a commitment.
fn fingerprint(data: &SandboxData) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for sector in &data.sectors {
        for record in &sector.records {
            let bytes = comity_model::encode(&(record.id.clone(), record.fields.clone()));
            for byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        for asset in &sector.assets {
            for byte in comity_model::encode(&(asset.reference.clone(), asset.value)) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    hash
}

#[test]
fn a_seed_means_the_same_data_everywhere_and_for_ever() {
    assert_eq!(fingerprint(&generate(1)), 2_641_276_236_669_526_394);
}

#[test]
fn another_seed_is_another_city_with_the_same_showcase() {
    let (one, two) = (generate(1), generate(2));
    assert_ne!(fingerprint(&one), fingerprint(&two));
    for name in ["judgments", "lawyers", "parcels", "accounts", "ip-rights"] {
        let (one, two) = (sector(&one, name), sector(&two, name));
        assert_eq!(one.records[0].fields, two.records[0].fields, "{name}");
        assert_ne!(one.records[9].fields, two.records[9].fields, "{name}");
    }
}

#[test]
fn there_are_as_many_records_as_promised() {
    let data = generate(7);
    for (name, records, assets_min) in [
        ("judgments", 10_000, 0),
        ("lawyers", 1_000, 0),
        ("parcels", 5_000, 4_800),
        ("accounts", 5_000, 4_800),
        ("ip-rights", 1_000, 600),
        ("credit", 400, 800),
        ("mediation", 600, 0),
        ("payments", 300, 0),
        ("securities", 500, 450),
        ("insurance", 500, 400),
        ("companies", 1_200, 0),
        ("equity", 500, 450),
        ("penalties", 200, 80),
        ("data-assets", 150, 120),
        ("trades", 200, 200),
        ("insolvency", 80, 0),
        ("dossiers", 150, 0),
        ("filings", 300, 0),
    ] {
        let sector = sector(&data, name);
        assert_eq!(sector.records.len(), records, "{name}");
        assert!(sector.assets.len() >= assets_min, "{name} {}", sector.assets.len());
        assert_eq!(sector.assets.is_empty(), assets_min == 0, "{name}");
    }
}

#[test]
fn every_record_fits_the_schema_of_its_sector() {
    let sectors = Sectors::embedded().unwrap();
    let data = generate(3);
    assert_eq!(data.sectors.len(), sectors.iter().count(), "every sector has data");
    for sector in &data.sectors {
        let schema = schema(&sectors, sector);
        for record in &sector.records {
            let checked = schema.check_record(&record.id, &record.fields);
            assert_eq!(checked, Ok(()), "{} {}", sector.sector, record.id);
        }
    }
}

#[test]
fn every_optional_field_occurs_somewhere() {
    let sectors = Sectors::embedded().unwrap();
    let data = generate(3);
    // What only other institutions or later versions of these records fill in.
    let unused = ["accounts.sub_account"];
    for sector in &data.sectors {
        let seen: BTreeSet<_> =
            sector.records.iter().flat_map(|record| &record.fields).map(|field| field.name.clone()).collect();
        for spec in schema(&sectors, sector).record.iter() {
            let name = format!("{}.{}", sector.sector, spec.name);
            assert_eq!(seen.contains(&spec.name), !unused.contains(&name.as_str()), "{name}");
        }
    }
}

#[test]
fn every_listed_status_occurs_somewhere() {
    let sectors = Sectors::embedded().unwrap();
    let data = generate(3);
    for sector in &data.sectors {
        let schema = schema(&sectors, sector);
        // A payment stands or is withdrawn: its record has no status of its own.
        let Some(status) = schema.record.role(Role::Status) else { continue };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for record in &sector.records {
            *counts.entry(text(record, status.name.as_str())).or_default() += 1;
        }
        for value in &status.values {
            assert!(counts.contains_key(value.as_str()), "{} {value} {counts:?}", sector.sector);
        }
        let most = counts.values().max().unwrap();
        assert!(most * 2 > sector.records.len(), "{} {counts:?}", sector.sector);
    }
}

#[test]
fn ids_and_references_occur_once() {
    let data = generate(5);
    for sector in &data.sectors {
        let ids: BTreeSet<_> = sector.records.iter().map(|record| &record.id).collect();
        assert_eq!(ids.len(), sector.records.len(), "{}", sector.sector);
        let assets: BTreeSet<_> = sector.assets.iter().map(|asset| &asset.reference).collect();
        assert_eq!(assets.len(), sector.assets.len(), "{}", sector.sector);
    }
}

#[test]
fn an_account_offers_what_earlier_freezes_leave() {
    let data = generate(11);
    let accounts = sector(&data, "accounts");
    let records: BTreeMap<_, _> = accounts.records.iter().map(|record| (record.id.as_str(), record)).collect();
    let (mut empty, mut partly) = (0, 0);
    for asset in &accounts.assets {
        let record = records[asset.reference.as_str()];
        let value_of = |name| match value(record, name) {
            FieldValue::Amount(amount) => *amount,
            other => panic!("{other:?}"),
        };
        assert_eq!(asset.value, Some(value_of("available")));
        assert!(value_of("available").checked_sub(value_of("balance")).is_none_or(|over| over.minor == 0));
        empty += usize::from(value_of("balance").minor == 0);
        partly += usize::from(value_of("available") != value_of("balance"));
    }
    assert!(empty > 100 && partly > 50, "{empty} {partly}");
}

#[test]
fn representatives_are_licensed_lawyers_and_debtors_can_be_listed() {
    let data = generate(13);
    let licences: BTreeSet<_> = sector(&data, "lawyers").records.iter().map(|record| record.id.to_string()).collect();
    for record in &sector(&data, "judgments").records {
        let named = record.fields.iter().find(|field| field.name.as_str() == "representatives");
        if let Some(FieldValue::Texts(numbers)) = named.map(|field| &field.value) {
            assert!(numbers.iter().all(|number| licences.contains(number)));
        }
    }
    let credit = sector(&data, "credit");
    for record in &credit.records {
        let number = text(record, "subject_number");
        assert!(credit.assets.iter().any(|asset| asset.reference == number));
    }
}

#[test]
fn the_showcase_is_there_and_what_is_unknown_is_not() {
    for seed in [0, 1, u64::MAX] {
        let data = generate(seed);
        let showcase = &data.showcase;
        let revoked = fields::own(&showcase::lawyers()[2].licence);
        let has = |name: &str, id: &str| sector(&data, name).records.iter().any(|record| record.id.as_str() == id);
        assert!(has("judgments", showcase.judgment.as_str()));
        assert!(!has("judgments", showcase.unknown_judgment.as_str()));
        for (lawyer, status) in
            [(&showcase.active_lawyer, "ACTIVE"), (&showcase.suspended_lawyer, "SUSPENDED"), (&revoked, "REVOKED")]
        {
            let lawyers = &sector(&data, "lawyers").records;
            let record = lawyers.iter().find(|record| record.id == *lawyer).unwrap();
            assert_eq!(text(record, "status"), status);
            let sanctioned = value(record, "sanctions") != &FieldValue::Texts(Vec::new());
            assert_eq!(sanctioned, status != "ACTIVE");
        }
        assert!(!has("lawyers", showcase.unknown_licence.as_str()));
        assert!(has("accounts", &showcase::account().number) && !has("accounts", &showcase::unknown_account()));
        assert!(has("parcels", &showcase::parcel().unit) && has("ip-rights", &showcase::ip_right().number));
        for (name, reference, value) in [
            ("accounts", &showcase::account().number, Some(showcase.account_balance)),
            ("parcels", &showcase::parcel().unit, None),
            ("ip-rights", &showcase::ip_right().number, None),
            ("credit", &showcase::debtor().id_number, None),
        ] {
            let assets = &sector(&data, name).assets;
            let asset = assets.iter().find(|asset| asset.reference == *reference).unwrap();
            assert_eq!(asset.value, value, "{name}");
        }
        assert!(showcase.account_balance.minor < showcase.obligation.minor);
    }
}

#[test]
fn the_showcase_has_the_numbers_that_documents_quote() {
    let showcase = Showcase::new();
    assert_eq!(showcase.judgment.as_str(), "(2025)浙9906民初1234号");
    assert_eq!(showcase.unknown_judgment.as_str(), "(2025)浙9906民初98765号");
    assert_eq!(showcase.active_lawyer.as_str(), "19901201411001024");
    assert_eq!(showcase.suspended_lawyer.as_str(), "19901200910002048");
    assert_eq!(showcase::lawyers()[2].licence, "19901200310004096");
    assert_eq!(showcase.unknown_licence.as_str(), "19901201911100404");
    assert_eq!(showcase::debtor().name.own, "沈亦舟");
    assert_eq!(showcase::debtor().id_number, "990106198704120377");
    assert_eq!(showcase::account().number, "9999000700000204809");
    assert_eq!(showcase::unknown_account(), "9999000700000404045");
    assert_eq!(showcase::parcel().unit, "990106003012GB00077F00041202");
    assert_eq!(showcase::ip_right().number, "ZL202129900731.4");
    assert_eq!(showcase.obligation, Amount::cny(69_060_000));
}

#[test]
fn the_showcase_orders_fit_their_schemas_and_name_their_assets() {
    let sectors = Sectors::embedded().unwrap();
    let showcase = Showcase::new();
    let orders = &showcase.orders;
    for (draft, reference) in [
        (&orders.freeze, &showcase::account().number),
        (&orders.second_freeze, &showcase::account().number),
        (&orders.release, &showcase::account().number),
        (&orders.late_freeze, &showcase::account().number),
        (&orders.unknown_freeze, &showcase::unknown_account()),
        (&orders.seal, &showcase::parcel().unit),
        (&orders.ip_freeze, &showcase::ip_right().number),
        (&orders.listing, &showcase::debtor().id_number),
    ] {
        let schema = sectors.sector(&draft.sector).unwrap();
        assert_eq!(schema.check_order(&draft.kind, &draft.fields), Ok(()));
        let fields = schema.order.as_ref().unwrap();
        assert_eq!(fields.value(Role::Reference, &draft.fields), Some(&FieldValue::Text(reference.clone())));
        if draft.kind.as_str() == "freeze" && draft.sector.as_str() == "accounts" {
            let amount = fields.value(Role::Amount, &draft.fields);
            assert_eq!(amount, Some(&FieldValue::Amount(draft.obligation)));
        }
    }
}

#[test]
fn names_are_in_chinese_and_in_english() {
    let data = generate(17);
    let ascii = |record: &&Record| text(record, "holder").is_ascii();
    let accounts = &sector(&data, "accounts").records;
    let english = accounts.iter().filter(ascii).count();
    assert!(english > 80 && english < accounts.len() / 5, "{english}");
}
