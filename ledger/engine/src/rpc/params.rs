//! Reading a method's parameters, from JSON (named or in order) or from a URI, by CometBFT's rules for each. Refuses
//! what does not fit; unknown names are ignored, as CometBFT does.

use comity_ledger_rpc::encoding::base64_bytes;
use comity_ledger_rpc::jsonrpc::RpcError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The parameters of one call.
pub(crate) enum Params {
    /// Of a POST or a websocket message.
    Json(Map<String, Value>),
    /// Of a GET: texts in quotes, bytes as `0x…`, numbers bare or in quotes.
    Uri(BTreeMap<String, String>),
}

impl Params {
    /// Named parameters, or positional ones by the method's `names`.
    pub(crate) fn from_json(params: Value, names: &[&str]) -> Result<Self, RpcError> {
        match params {
            Value::Null => Ok(Self::Json(Map::new())),
            Value::Object(map) => Ok(Self::Json(map)),
            Value::Array(list) if list.len() <= names.len() => {
                Ok(Self::Json(names.iter().map(|name| (*name).to_owned()).zip(list).collect()))
            }
            Value::Array(list) => Err(RpcError::invalid_params(format!(
                "expected {} parameters ({names:?}), got {}",
                names.len(),
                list.len()
            ))),
            _ => Err(RpcError::invalid_params("parameters must be an object or a list")),
        }
    }

    /// A whole number; `None` when left out.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, RpcError> {
        let text = match self {
            Self::Json(map) => match map.get(name) {
                None | Some(Value::Null) => return Ok(None),
                Some(Value::Number(number)) => number.to_string(),
                Some(Value::String(text)) => text.clone(),
                Some(_) => return Err(bad(name, "a whole number")),
            },
            Self::Uri(map) => match map.get(name) {
                None => return Ok(None),
                Some(text) => unquoted(text).unwrap_or(text).to_owned(),
            },
        };
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| bad(name, "a whole number"))
    }

    /// Yes or no; no when left out.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, RpcError> {
        let text = match self {
            Self::Json(map) => match map.get(name) {
                None | Some(Value::Null) => return Ok(false),
                Some(Value::Bool(flag)) => return Ok(*flag),
                Some(Value::String(text)) => text.as_str(),
                Some(_) => return Err(bad(name, "true or false")),
            },
            Self::Uri(map) => map.get(name).map_or("", String::as_str),
        };
        match text {
            "true" => Ok(true),
            "false" | "" => Ok(false),
            _ => Err(bad(name, "true or false")),
        }
    }

    /// A text; empty when left out.
    pub(crate) fn text(&self, name: &str) -> Result<String, RpcError> {
        match self {
            Self::Json(map) => match map.get(name) {
                None | Some(Value::Null) => Ok(String::new()),
                Some(Value::String(text)) => Ok(text.clone()),
                Some(_) => Err(bad(name, "a text")),
            },
            Self::Uri(map) => match map.get(name).map(String::as_str) {
                None | Some("") => Ok(String::new()),
                Some(text) => match (unquoted(text), hex_of(text)) {
                    (Some(inner), _) => Ok(inner.to_owned()),
                    (None, Some(bytes)) => String::from_utf8(bytes).map_err(|_| bad(name, "a text")),
                    (None, None) => Err(bad(name, "a text in quotes")),
                },
            },
        }
    }

    /// Bytes that CometBFT declares as `[]byte`: base64 in JSON; `0x…` or a text in quotes in a URI.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, RpcError> {
        match self {
            Self::Json(map) => match map.get(name) {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::String(text)) => base64_bytes(text).ok_or_else(|| bad(name, "base64")),
                Some(_) => Err(bad(name, "base64")),
            },
            Self::Uri(_) => self.uri_bytes(name),
        }
    }

    /// Bytes that CometBFT declares as `HexBytes`: hex in JSON; `0x…` or a text in quotes in a URI.
    pub(crate) fn hex_bytes(&self, name: &str) -> Result<Vec<u8>, RpcError> {
        match self {
            Self::Json(map) => match map.get(name) {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::String(text)) => hex::decode(text).map_err(|_| bad(name, "hex")),
                Some(_) => Err(bad(name, "hex")),
            },
            Self::Uri(_) => self.uri_bytes(name),
        }
    }

    fn uri_bytes(&self, name: &str) -> Result<Vec<u8>, RpcError> {
        let Self::Uri(map) = self else {
            return Ok(Vec::new());
        };
        match map.get(name).map(String::as_str) {
            None | Some("") => Ok(Vec::new()),
            Some(text) => unquoted(text)
                .map(|inner| inner.as_bytes().to_vec())
                .or_else(|| hex_of(text))
                .ok_or_else(|| bad(name, "bytes as 0x… or a text in quotes")),
        }
    }
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

fn hex_of(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x")?).ok()
}

fn bad(name: &str, form: &str) -> RpcError {
    RpcError::invalid_params(format!("error converting json params to arguments: {name} must be {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn uri(pairs: &[(&str, &str)]) -> Params {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Params::Uri(pairs.collect())
    }

    #[test]
    fn numbers_stand_as_text_bare_or_in_quotes() {
        let named = Params::from_json(json!({"height": "5", "page": 2}), &[]).expect("named");
        assert_eq!(named.integer("height"), Ok(Some(5)));
        assert_eq!(named.integer("page"), Ok(Some(2)));
        assert_eq!(named.integer("absent"), Ok(None));
        let listed = Params::from_json(json!(["7"]), &["height", "page"]).expect("listed");
        assert_eq!(listed.integer("height"), Ok(Some(7)));
        let uri = uri(&[("height", "\"9\""), ("page", "-1"), ("per_page", "x")]);
        assert_eq!(uri.integer("height"), Ok(Some(9)));
        assert_eq!(uri.integer("page"), Ok(Some(-1)));
        assert!(uri.integer("per_page").is_err());
    }

    #[test]
    fn bytes_are_read_in_the_form_of_their_source() {
        let json = Params::from_json(json!({"tx": "AQI=", "data": "0102"}), &[]).expect("named");
        assert_eq!(json.bytes("tx"), Ok(vec![1, 2]));
        assert_eq!(json.hex_bytes("data"), Ok(vec![1, 2]));
        assert!(json.hex_bytes("tx").is_err());
        let uri = uri(&[("tx", "0x0102"), ("data", "\"ab\""), ("bad", "0102")]);
        assert_eq!(uri.bytes("tx"), Ok(vec![1, 2]));
        assert_eq!(uri.hex_bytes("data"), Ok(b"ab".to_vec()));
        assert!(uri.bytes("bad").is_err());
    }

    #[test]
    fn too_many_or_formless_parameters_are_refused() {
        assert!(Params::from_json(json!([1, 2]), &["height"]).is_err());
        assert!(Params::from_json(json!("height"), &["height"]).is_err());
        assert!(Params::from_json(json!({"prove": 1}), &[]).expect("named").flag("prove").is_err());
    }
}
