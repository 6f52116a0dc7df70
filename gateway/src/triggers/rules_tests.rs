#![allow(clippy::unwrap_used)]

use super::*;

fn sectors() -> Sectors {
    Sectors::embedded().unwrap()
}

fn load(text: &str) -> Result<Rules, RuleError> {
    Rules::load(&[RuleSource { name: "test.toml", text }], &sectors())
}

const KIND: &str = r#"
[[agreement]]
id = "agreement"
title = { zh = "协议", en = "Agreement" }
legal_basis = "a provision"
payments = "payments"
opens = "trial"
opens_confirmed = "enforcement"
hold_s = 60
"#;

fn rule(rest: &str) -> String {
    format!(
        "{KIND}\n[[rule]]\nid = \"a-rule\"\ntitle = {{ zh = \"规则\", en = \"Rule\" }}\nlegal_basis = \"a provision\"\n{rest}"
    )
}

#[test]
fn the_rules_that_come_with_the_program_fit_its_sectors() {
    let rules = Rules::embedded(&[], &sectors()).unwrap();
    assert!(rules.agreement(&"mediation-agreement".parse().unwrap()).is_some());
    assert!(rules.iter().any(|rule| matches!(rule.on, On::HoldLapsing { .. })));
}

#[test]
fn a_rules_digest_is_of_what_it_says_and_not_of_how_it_is_laid_out() {
    let digest = |text: &str| load(text).unwrap().agreements().next().unwrap().1.digest;
    assert_eq!(digest(KIND), digest(&format!("# a comment\n{}", KIND.replace("hold_s = 60", "hold_s   =   60"))));
    assert_ne!(digest(KIND), digest(&KIND.replace("hold_s = 60", "hold_s = 61")));
}

#[test]
fn what_does_not_fit_is_refused_by_file_and_rule() {
    let freeze = r#"
on = "agreement-opened"
where = { agreement = "agreement" }
propose = [{ what = "order", sector = "accounts", kind = "freeze", to = "FINANCE", fields = { amount = "$unpaid" } }]
"#;
    load(&rule(freeze)).unwrap();
    for (from, to, problem) in [
        ("\"accounts\"", "\"nowhere\"", "there is no sector nowhere"),
        ("\"freeze\"", "\"burn\"", "knows no order of kind burn"),
        ("\"FINANCE\"", "\"NOBODY\"", "no kind of institution NOBODY"),
        ("\"FINANCE\"", "\"original\"", "only a hold has an original order"),
        ("amount =", "colour =", "have no field colour"),
        ("$unpaid", "$elsewhere", "nothing is found at $elsewhere"),
        ("agreement = \"agreement\"", "agreement = \"other\"", "there is no kind of agreement other"),
        ("agreement = \"agreement\"", "within_days = 3", "where.agreement is missing"),
        ("agreement = \"agreement\"", "agreement = \"agreement\", within_days = 3", "`where` says what"),
        ("what = \"order\"", "what = \"order\", more = 1", "unknown field `more`"),
    ] {
        let text = rule(&freeze.replacen(from, to, 1));
        let error = load(&text).unwrap_err();
        assert!(error.to_string().contains(problem), "{problem}: {error}");
    }
    for (from, to, problem) in [
        ("\"payments\"", "\"accounts\"", "as payments have"),
        ("hold_s = 60", "hold_s = 99_999_999", "hold_s is at most"),
        ("opens = \"trial\"", "opens = \"war\"", "unknown variant"),
        ("id = \"agreement\"", "id = \"An Agreement\"", "a rule id must be"),
    ] {
        let error = load(&KIND.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(problem), "{problem}: {error}");
    }
    let twice = format!("{KIND}{KIND}");
    assert!(load(&twice).unwrap_err().to_string().contains("the id stands twice"));
}

#[test]
fn a_record_is_waited_for_by_values_that_its_schema_knows() {
    let put = r#"
on = "record-put"
where = { sector = "judgments", is = { status = ["EFFECTIVE"], performance = ["NOT_PERFORMED"] } }
propose = [{ what = "order", sector = "mediation", kind = "notify-filing", to = "MEDIATION" }]
"#;
    load(&rule(put)).unwrap();
    let error = load(&rule(&put.replace("\"EFFECTIVE\"", "\"SOMEHOW\""))).unwrap_err();
    assert!(error.to_string().contains("has no value SOMEHOW"), "{error}");
}

#[test]
fn an_investigation_says_where_to_look_for_whom_and_what_a_finding_proposes() {
    let asks = r#"
on = "agreement-opened"
where = { agreement = "agreement" }
[[rule.propose]]
what = "investigation"
sectors = ["accounts", "parcels"]
hold_s = 60
[[rule.propose.found]]
sector = "accounts"
kind = "freeze"
fields = { account_number = "$found.account_number", amount = "$unpaid" }
"#;
    load(&rule(asks)).unwrap();
    for (from, to, problem) in [
        ("\"parcels\"", "\"judgments\"", "judgments cannot be searched by person"),
        ("\"accounts\", \"parcels\"", "\"parcels\"", "accounts is not among those that are searched"),
        ("kind = \"freeze\"", "kind = \"release\"", "an order of kind release holds nothing"),
        ("hold_s = 60", "hold_s = 99_999_999", "hold_s is at most"),
        ("hold_s = 60", "number = \"$case.number\"", "an agreement says itself"),
        ("$found.", "$nowhere.", "nothing is found at $nowhere.account_number"),
    ] {
        let error = load(&rule(&asks.replacen(from, to, 1))).unwrap_err();
        assert!(error.to_string().contains(problem), "{problem}: {error}");
    }
    let of_record = r#"
on = "record-put"
where = { sector = "judgments", is = { status = ["EFFECTIVE"] } }
propose = [{ what = "investigation", sectors = ["accounts"] }]
"#;
    assert!(load(&rule(of_record)).unwrap_err().to_string().contains("number is missing"));
    let order = r#"
on = "record-put"
where = { sector = "judgments", is = { status = ["EFFECTIVE"] } }
propose = [{ what = "order", sector = "filings", kind = "notify-filing", to = ["CREDIT", "members/bank"] }]
"#;
    load(&rule(order)).unwrap();
    let error = load(&rule(&order.replace("\"CREDIT\"", "\"EVERYBODY\""))).unwrap_err();
    assert!(error.to_string().contains("no kind of institution EVERYBODY"), "{error}");
}
