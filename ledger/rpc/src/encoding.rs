//! How CometBFT writes bytes and numbers in JSON: 64-bit numbers as text, hashes in upper-case hex, keys and payloads in
//! base64, absent lists and bytes as `null`. Knows no message; refuses other alphabets and values out of range.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serializer};
use std::borrow::Cow;

/// Base64 with padding.
#[must_use]
pub fn base64_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes of padded base64, `None` for any other text.
#[must_use]
pub fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Upper-case hex, as CometBFT prints hashes and addresses.
#[must_use]
pub fn hex_text(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}

/// Integers as decimal text; a bare number is read as well, as CometBFT does.
pub(crate) mod text {
    use super::*;
    use std::fmt::Display;
    use std::str::FromStr;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form<'a> {
        #[serde(borrow)]
        Text(Cow<'a, str>),
        Unsigned(u64),
        Signed(i64),
    }

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = match Form::deserialize(deserializer)? {
            Form::Text(text) => text,
            Form::Unsigned(number) => Cow::Owned(number.to_string()),
            Form::Signed(number) => Cow::Owned(number.to_string()),
        };
        text.parse().map_err(|_| D::Error::custom("expected a number as text, within its range"))
    }
}

/// Bytes as upper-case hex; `null` reads as none.
pub(crate) mod upper_hex {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex_text(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?.unwrap_or_default();
        hex::decode(text.as_bytes()).map_err(|_| D::Error::custom("expected hex digits"))
    }
}

/// Bytes as base64; no bytes are written as `null`, and `null` reads as none.
pub(crate) mod base64 {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if bytes.is_empty() { serializer.serialize_none() } else { serializer.serialize_str(&base64_text(bytes)) }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?.unwrap_or_default();
        base64_bytes(&text).ok_or_else(|| D::Error::custom("expected padded base64"))
    }
}

/// Lists of byte strings as base64; `null` reads as none.
pub(crate) mod base64_list {
    use super::*;
    use serde::Serialize;

    pub(crate) fn serialize<S: Serializer>(items: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = items.iter().map(|item| base64_text(item)).collect();
        texts.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Option::<Vec<Cow<'de, str>>>::deserialize(deserializer)?.unwrap_or_default();
        texts
            .iter()
            .map(|text| base64_bytes(text))
            .collect::<Option<_>>()
            .ok_or_else(|| D::Error::custom("expected padded base64"))
    }
}

/// Times as RFC 3339 in UTC.
pub(crate) mod time {
    use super::*;
    use comity_model::Time;

    pub(crate) fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What may be `null` reads as its default: Go writes an empty list so.
pub(crate) fn or_default<'de, T: DeserializeOwned + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        #[serde(with = "text")]
        height: u64,
        #[serde(with = "upper_hex")]
        hash: Vec<u8>,
        #[serde(with = "base64")]
        data: Vec<u8>,
    }

    #[test]
    fn values_are_written_as_cometbft_writes_them() {
        let sample = Sample { height: u64::MAX, hash: vec![0xab], data: vec![1] };
        let text = serde_json::to_string(&sample).expect("json");
        assert_eq!(text, r#"{"height":"18446744073709551615","hash":"AB","data":"AQ=="}"#);
        assert_eq!(serde_json::from_str::<Sample>(&text).expect("read"), sample);
    }

    #[test]
    fn numbers_may_stand_bare_and_bytes_may_be_null() {
        let read = serde_json::from_str::<Sample>(r#"{"height":7,"hash":null,"data":null}"#);
        let sample = Sample { height: 7, hash: vec![], data: vec![] };
        assert_eq!(read.expect("read"), sample);
    }

    #[test]
    fn other_alphabets_and_ranges_are_refused() {
        for text in [
            r#"{"height":"-1","hash":"","data":""}"#,
            r#"{"height":"18446744073709551616","hash":"","data":""}"#,
            r#"{"height":"1","hash":"GG","data":""}"#,
            r#"{"height":"1","hash":"A","data":""}"#,
            r#"{"height":"1","hash":"","data":"AQ"}"#,
        ] {
            assert!(serde_json::from_str::<Sample>(text).is_err(), "{text}");
        }
    }
}
