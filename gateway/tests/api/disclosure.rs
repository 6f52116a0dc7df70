//! Which fields of which sector's records are answered to whom: for every kind of institution and role, as the sectors and the
//! policies that ship say. The page in the documentation is this table; and what the law asks of it holds whatever it says.

use comity_gateway::Caller;
use comity_gateway::policy::{DEFAULT_POLICIES, Policy};
use comity_gateway::sectors::{FieldSpec, Role, SectorSchema, Sectors};
use comity_model::MemberId;
use comity_model::member::MemberKind;
use std::fmt::Write as _;

/// Columns: the kinds of institution that ask another one.
const KINDS: [(&str, MemberKind); 10] = [
    ("court", MemberKind::Court),
    ("justice", MemberKind::Justice),
    ("property", MemberKind::Property),
    ("finance", MemberKind::Finance),
    ("IP", MemberKind::IntellectualProperty),
    ("credit", MemberKind::Credit),
    ("market", MemberKind::Market),
    ("enforcement", MemberKind::Enforcement),
    ("mediation", MemberKind::Mediation),
    ("platform", MemberKind::Platform),
];
/// Who asks within it. Gateways ask for these, never for themselves.
const ROLES: [&str; 5] = ["reader", "registrar", "operator", "clerk", "officer"];

/// Records say for themselves who holds, freezes or seals what: a person's whole wealth, read without a case.
const OF_MEASURES: [(&str, &[&str]); 2] =
    [("accounts", &["prior_freezes", "prior_frozen", "protected_purpose"]), ("parcels", &["encumbrances"])];

struct Asking {
    policy: Policy,
    keeper: MemberId,
}

impl Asking {
    fn new() -> Self {
        let keeper: MemberId = "keeper".parse().unwrap();
        Self { policy: Policy::new(keeper.clone(), DEFAULT_POLICIES).unwrap(), keeper }
    }

    fn sees(&self, kind: MemberKind, role: &str, schema: &SectorSchema, field: &FieldSpec) -> bool {
        let institution = "asker".parse().unwrap();
        let caller = Caller { institution, role: role.parse().unwrap(), kind: Some(kind) };
        self.policy.may_read(&caller, &self.keeper, &schema.name, field).unwrap()
    }

    /// What one kind of institution sees of a field: everybody there, only clerks and officers, or nobody.
    fn cell(&self, kind: MemberKind, schema: &SectorSchema, field: &FieldSpec) -> &'static str {
        match ROLES.map(|role| self.sees(kind, role, schema, field)) {
            [true, true, true, true, true] if field.consent => "all, consent",
            [true, true, true, true, true] => "all",
            [false, false, false, true, true] if field.consent => "officers, consent",
            [false, false, false, true, true] => "officers",
            [false, false, false, false, false] => "",
            other => panic!("{}/{} is seen by {other:?} of {ROLES:?}", schema.name, field.name),
        }
    }
}

/// The page, from the schemas and the policies.
fn page() -> String {
    let (asking, sectors) = (Asking::new(), Sectors::embedded().unwrap());
    let mut page = String::from(
        "# Who is answered which fields\n\nOf the records of each sector, to people of another institution: `all` to its readers, clerks, \
         officers, registrars and operators; `officers` to clerks and officers, for a stated case, legal basis and purpose, which is \
         filed; `consent` with the subject's signed consent besides; nothing to the others, and nothing to machines. The institution that \
         keeps a record reads it whole. Written by the test that checks it (`COMITY_WRITE_DOCS=1`).\n",
    );
    for schema in sectors.iter() {
        write!(page, "\n## {}\n| field |", schema.name).unwrap();
        for (kind, _) in KINDS {
            write!(page, " {kind} |").unwrap();
        }
        page.push_str("\n|---|");
        page.push_str(&"---|".repeat(KINDS.len()));
        page.push('\n');
        for field in schema.record.iter() {
            write!(page, "| `{}` |", field.name).unwrap();
            for (_, kind) in KINDS {
                write!(page, " {} |", asking.cell(kind, schema, field)).unwrap();
            }
            page.push('\n');
        }
    }
    page
}

#[test]
fn each_role_of_each_kind_of_institution_is_answered_the_fields_that_the_page_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/disclosure.md");
    let page = page();
    if std::env::var_os("COMITY_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let differing = page.lines().zip(written.lines()).find(|(now, then)| now != then);
    assert!(written == page, "docs/disclosure.md differs from what schemas and policies say: {differing:?}");
}

/// Every field of every sector.
fn each(mut judge: impl FnMut(&SectorSchema, &FieldSpec)) {
    for schema in Sectors::embedded().unwrap().iter() {
        for field in schema.record.iter() {
            judge(schema, field);
        }
    }
}

#[test]
fn the_number_of_a_person_is_personal_and_neither_public_nor_every_agency_s() {
    each(|schema, field| {
        // A company in insolvency is named by its public code.
        if field.role != Some(Role::PersonNumber) || schema.name.as_str() == "insolvency" {
            return;
        }
        assert!(field.personal, "{}/{}", schema.name, field.name);
        let open = field.readers.iter().any(|reader| matches!(reader.as_str(), "public" | "agency"));
        assert!(!open, "{}/{} is read by {:?}", schema.name, field.name, field.readers);
    });
}

#[test]
fn a_dishonest_debtor_s_number_is_masked_in_public_and_whole_for_courts_and_banks_alone() {
    let (asking, sectors) = (Asking::new(), Sectors::embedded().unwrap());
    let credit = sectors.sector(&"credit".parse().unwrap()).unwrap();
    let field = |name: &str| credit.record.field(&name.parse().unwrap()).unwrap();
    for (name, kind) in KINDS {
        assert_eq!(asking.cell(kind, credit, field("masked_number")), "all", "{name}");
        let whole = matches!(kind, MemberKind::Court | MemberKind::Finance);
        assert_eq!(asking.cell(kind, credit, field("subject_number")), if whole { "officers" } else { "" }, "{name}");
    }
}

#[test]
fn nobody_learns_of_a_measure_without_a_case_and_no_debtor_s_public_register_shows_it() {
    let sectors = Sectors::embedded().unwrap();
    for (sector, fields) in OF_MEASURES {
        let schema = sectors.sector(&sector.parse().unwrap()).unwrap();
        for name in fields {
            let field = schema.record.field(&name.parse().unwrap()).unwrap();
            assert!(field.personal, "{sector}/{name} is read without a stated purpose");
            let open = field.readers.iter().any(|reader| matches!(reader.as_str(), "public" | "agency"));
            assert!(!open, "{sector}/{name} is read by {:?}", field.readers);
        }
    }
    // What an institution answers to an order says no less about a person than the record that it is copied from.
    for schema in sectors.iter() {
        for field in schema.answer.iter().flat_map(|answer| answer.iter()) {
            let of_record = field.from_record.as_ref().and_then(|from| schema.record.field(from));
            assert!(of_record.is_none_or(|from| field.personal || !from.personal), "{}/{}", schema.name, field.name);
        }
    }
}

#[test]
fn no_record_is_named_by_what_is_personal_where_its_name_is_not_treated_as_personal() {
    // Accounts, holdings and policies are a person's own: their numbers are personal, as is the name of the record.
    let sectors = Sectors::embedded().unwrap();
    for sector in ["accounts", "securities", "insurance"] {
        let schema = sectors.sector(&sector.parse().unwrap()).unwrap();
        assert!(schema.record.role(Role::Identity).unwrap().personal, "{sector}");
        let order = schema.order.as_ref().unwrap();
        assert!(order.role(Role::Reference).unwrap().personal, "the orders of {sector}");
    }
}

#[test]
fn gateways_are_answered_nothing_for_themselves() {
    let asking = Asking::new();
    each(|schema, field| {
        for (_, kind) in KINDS {
            assert!(!asking.sees(kind, "gateway", schema, field), "{}/{}", schema.name, field.name);
        }
    });
}
