//! Fields on the command line, in files and on the screen, by a sector's schema.
//! Refuses to know what a field means.

use super::lines::Problem;
use crate::failure::Failure;
use crate::files;
use comity_gateway::field_to_wire;
use comity_gateway::sectors::{FieldSet, ValueType};
use comity_model::record::{Date, Field, FieldValue};
use comity_model::{Amount, Currency, FieldName, Hash, Time, UnixSeconds};
use comity_proto::v1;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads `NAME=VALUE` texts over those of a TOML file; what stands in both is the text's.
pub(crate) fn read(set: &FieldSet, texts: &[String], file: Option<&Path>) -> Result<Vec<v1::Field>, Failure> {
    let mut given: BTreeMap<String, String> = match file {
        Some(path) => toml::from_str(&files::read_text(path)?)
            .map_err(|error| Failure::usage(format!("{}: {}", path.display(), error.message())))?,
        None => BTreeMap::new(),
    };
    for text in texts {
        let (name, value) =
            text.split_once('=').ok_or_else(|| Failure::usage(format!("`{text}` is not of the form NAME=VALUE")))?;
        given.insert(name.to_owned(), value.to_owned());
    }
    given.into_iter().map(|(name, value)| field(set, &name, &value)).collect()
}

fn field(set: &FieldSet, name: &str, text: &str) -> Result<v1::Field, Failure> {
    let known = name.parse::<FieldName>().ok().and_then(|name| set.field(&name));
    let Some(spec) = known else {
        let names: Vec<_> = set.iter().map(|spec| spec.name.as_str()).collect();
        return Err(Failure::usage(format!("the sector has no field {name}"))
            .help(format!("its fields are: {}", names.join(", "))));
    };
    let bad = || Failure::usage(format!("{name} is {}, and its text is not", spec.value_type.name()));
    let value = match spec.value_type {
        ValueType::Texts => FieldValue::Texts(text.split('|').map(str::to_owned).collect()),
        ValueType::Amount => FieldValue::Amount(amount(text)?),
        value_type => parse(value_type, text).ok_or_else(bad)?,
    };
    Ok(field_to_wire(&Field { name: spec.name.clone(), value }))
}

/// A field of a JSON object, by its schema. Refuses without saying what the value was.
pub(super) fn from_json(set: &FieldSet, name: &str, value: &Value) -> Result<v1::Field, Problem> {
    // A name out of form may be anything, and is not repeated.
    let form = name.parse::<FieldName>();
    let form = form.map_err(|error| Problem::new("UNKNOWN_FIELD", format!("A field's name is malformed: {error}.")))?;
    let unknown = || Problem::of("UNKNOWN_FIELD", name, format!("The sector's records have no field {name}."));
    let spec = set.field(&form).ok_or_else(unknown)?;
    let value = match (spec.value_type, value) {
        (ValueType::Texts, Value::Array(values)) => {
            values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>().map(FieldValue::Texts)
        }
        (ValueType::Texts, _) => None,
        (ValueType::Integer, Value::Number(number)) => number.as_i64().map(FieldValue::Integer),
        (ValueType::Boolean, Value::Bool(yes)) => Some(FieldValue::Boolean(*yes)),
        (ValueType::Integer | ValueType::Boolean, _) => None,
        (ValueType::Amount, value) => amount_from_json(value).map(FieldValue::Amount),
        (value_type, Value::String(text)) => parse(value_type, text),
        _ => None,
    };
    let value = value.ok_or_else(|| {
        let message = format!("The field {name} is {}, and its value is not.", spec.value_type.name());
        Problem::of("FIELD_TYPE", name, message)
    })?;
    Ok(field_to_wire(&Field { name: spec.name.clone(), value }))
}

/// Money in JSON: "1234.56", "USD:1234.56", or the form in which answers show it.
pub(super) fn amount_from_json(value: &Value) -> Option<Amount> {
    match value {
        Value::String(text) => amount(text).ok(),
        Value::Object(members) if members.len() == 2 => Some(Amount {
            currency: members.get("currency")?.as_str()?.parse().ok()?,
            minor: members.get("minor")?.as_u64()?,
        }),
        _ => None,
    }
}

/// A value that is written as one text.
fn parse(value_type: ValueType, text: &str) -> Option<FieldValue> {
    Some(match value_type {
        ValueType::Text => FieldValue::Text(text.to_owned()),
        ValueType::Integer => FieldValue::Integer(text.parse().ok()?),
        ValueType::Boolean => FieldValue::Boolean(text.parse().ok()?),
        ValueType::Date => FieldValue::Date(date(text)?),
        ValueType::Time => FieldValue::Time(text.parse::<Time>().ok()?.unix_seconds()),
        ValueType::Amount => FieldValue::Amount(amount(text).ok()?),
        ValueType::Digest => FieldValue::Digest(Hash::from_hex(text)?),
        ValueType::Texts => return None,
    })
}

fn date(text: &str) -> Option<Date> {
    let date: jiff::civil::Date = text.parse().ok()?;
    Date::new(date.year().try_into().ok()?, date.month().try_into().ok()?, date.day().try_into().ok()?)
}

/// Reads money: `1234.56` is CNY, `USD:1234.56` says its currency. At most two decimals; nothing is rounded.
pub(crate) fn amount(text: &str) -> Result<Amount, Failure> {
    let bad = || Failure::usage(format!("`{text}` is not an amount such as 1234.56 or USD:1234.56"));
    let (currency, number) = text.split_once(':').unwrap_or(("CNY", text));
    let currency: Currency = currency.parse().map_err(|_| bad())?;
    let (whole, cents) = number.split_once('.').unwrap_or((number, "00"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(cents) || cents.len() != 2 {
        return Err(bad());
    }
    let minor = whole
        .parse::<u64>()
        .ok()
        .and_then(|whole| whole.checked_mul(100)?.checked_add(cents.parse().ok()?))
        .ok_or_else(bad)?;
    Ok(Amount { currency, minor })
}

/// A field on the screen.
pub(crate) fn shown(field: &v1::Field) -> String {
    use v1::field::Value;
    match &field.value {
        None => String::new(),
        Some(Value::Text(text) | Value::Date(text)) => text.clone(),
        Some(Value::Integer(number)) => number.to_string(),
        Some(Value::Boolean(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(Value::Time(time)) => UnixSeconds(u64::try_from(time.seconds).unwrap_or(0)).to_string(),
        Some(Value::Amount(amount)) => shown_amount(amount),
        Some(Value::Digest(digest)) => hex::encode(digest),
        Some(Value::Texts(texts)) => texts.values.join("\n"),
    }
}

/// Money on the screen.
pub(crate) fn shown_amount(amount: &v1::Amount) -> String {
    match amount.currency.parse() {
        Ok(currency) => Amount { currency, minor: amount.minor }.to_string(),
        Err(_) => format!("{} {}", amount.currency, amount.minor),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use comity_gateway::sectors::Sectors;

    #[test]
    fn money_is_read_exactly_or_not_at_all() {
        assert_eq!(amount("1234.56").unwrap(), Amount::cny(123_456));
        assert_eq!(amount("1234").unwrap(), Amount::cny(123_400));
        assert_eq!(amount("USD:0.07").unwrap().minor, 7);
        for text in ["", "1.5", "1.555", "-1.00", "1,000.00", "usd:1.00", "184467440737095517.00", "1e3", "+1.00"] {
            assert!(amount(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_is_read_by_its_schema_and_an_unknown_one_is_named() {
        let sectors = Sectors::embedded().unwrap();
        let set = sectors.sector(&"accounts".parse().unwrap()).unwrap().order.as_ref().unwrap();
        let texts = ["account_number=6222020001".to_owned(), "amount=50.00".to_owned()];
        let fields = read(set, &texts, None).unwrap();
        assert!(matches!(fields[1].value, Some(v1::field::Value::Amount(_))));
        assert!(read(set, &["weather=fine".to_owned()], None).unwrap_err().to_string().contains("weather"));
        assert!(read(set, &["amount=fifty".to_owned()], None).is_err());
        assert!(read(set, &["amount".to_owned()], None).is_err());
    }
}
