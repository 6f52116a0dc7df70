//! The JSON-RPC 2.0 envelope, and requests by name so that a caller writes no parameter itself. Knows no transport;
//! refuses an answer that is neither a result nor an error.

use crate::encoding::{base64_text, hex_text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The version every message names.
pub const VERSION: &str = "2.0";

/// A request: `params` is an object of named or a list of positional parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `"2.0"`.
    pub jsonrpc: String,
    /// Chosen by the caller, repeated in the answer: a text or a number. A request without one is not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// The method's name.
    pub method: String,
    /// Its parameters.
    #[serde(default)]
    pub params: Value,
}

impl Request {
    /// A request with id 0 and named parameters; absent ones are `null` and left out.
    #[must_use]
    pub fn new(method: &str, params: Value) -> Self {
        let params = match params {
            Value::Object(map) => {
                Value::Object(map.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
            }
            other => other,
        };
        Self { jsonrpc: VERSION.into(), id: Some(json!(0)), method: method.into(), params }
    }

    /// The same request under another id.
    #[must_use]
    pub fn with_id(mut self, id: u64) -> Self {
        self.id = Some(json!(id));
        self
    }

    /// `status` → [`crate::node::Status`].
    #[must_use]
    pub fn status() -> Self {
        Self::new("status", json!({}))
    }

    /// `genesis` → [`crate::node::GenesisResponse`].
    #[must_use]
    pub fn genesis() -> Self {
        Self::new("genesis", json!({}))
    }

    /// `header` → [`crate::block::HeaderResponse`]; `None` is the latest.
    #[must_use]
    pub fn header(height: Option<u64>) -> Self {
        Self::new("header", json!({ "height": number(height) }))
    }

    /// `commit` → [`crate::block::CommitResponse`]; `None` is the latest.
    #[must_use]
    pub fn commit(height: Option<u64>) -> Self {
        Self::new("commit", json!({ "height": number(height) }))
    }

    /// `block` → [`crate::block::BlockResponse`]; `None` is the latest.
    #[must_use]
    pub fn block(height: Option<u64>) -> Self {
        Self::new("block", json!({ "height": number(height) }))
    }

    /// `block_results` → [`crate::abci::BlockResults`]; `None` is the latest.
    #[must_use]
    pub fn block_results(height: Option<u64>) -> Self {
        Self::new("block_results", json!({ "height": number(height) }))
    }

    /// `validators` → [`crate::validator::ValidatorsResponse`]; pages count from 1 and hold at most 100.
    #[must_use]
    pub fn validators(height: Option<u64>, page: u64, per_page: u64) -> Self {
        Self::new(
            "validators",
            json!({
                "height": number(height),
                "page": page.to_string(),
                "per_page": per_page.to_string(),
            }),
        )
    }

    /// `abci_query` → [`crate::abci::AbciQueryResponse`]; `None` is the application's last height.
    #[must_use]
    pub fn abci_query(path: &str, data: &[u8], height: Option<u64>, prove: bool) -> Self {
        Self::new(
            "abci_query",
            json!({
                "path": path,
                "data": hex_text(data),
                "height": number(height),
                "prove": prove,
            }),
        )
    }

    /// `broadcast_tx_sync` → [`crate::tx::BroadcastTx`]: checked and waiting, not yet in a block.
    #[must_use]
    pub fn broadcast_tx_sync(tx: &[u8]) -> Self {
        Self::new("broadcast_tx_sync", json!({ "tx": base64_text(tx) }))
    }

    /// `broadcast_tx_commit` → [`crate::tx::BroadcastTxCommit`]: answered when it is in a block.
    #[must_use]
    pub fn broadcast_tx_commit(tx: &[u8]) -> Self {
        Self::new("broadcast_tx_commit", json!({ "tx": base64_text(tx) }))
    }

    /// `tx` → [`crate::tx::TxResponse`], by the SHA-256 of the transaction.
    #[must_use]
    pub fn tx(hash: &[u8; 32]) -> Self {
        Self::new("tx", json!({ "hash": base64_text(hash), "prove": false }))
    }

    /// `subscribe` on a websocket: an empty result, then [`crate::event::Notification`]s under the same id.
    #[must_use]
    pub fn subscribe(query: &str) -> Self {
        Self::new("subscribe", json!({ "query": query }))
    }
}

fn number(value: Option<u64>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response<T> {
    /// `"2.0"`.
    pub jsonrpc: String,
    /// The request's id; `-1` on requests without one (GET).
    #[serde(default)]
    pub id: Value,
    /// The result, unless it failed.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub result: Option<T>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcError>,
}

// Written out because `#[serde(default)]` alone would ask `T: Default`.
fn none<T>() -> Option<T> {
    None
}

impl<T> Response<T> {
    /// A result.
    pub fn ok(id: Value, result: T) -> Self {
        Self { jsonrpc: VERSION.into(), id, result: Some(result), error: None }
    }

    /// A failure.
    pub fn failed(id: Value, error: RpcError) -> Self {
        Self { jsonrpc: VERSION.into(), id, result: None, error: Some(error) }
    }

    /// The result, or why there is none.
    pub fn into_result(self) -> Result<T, RpcError> {
        match (self.result, self.error) {
            (_, Some(error)) => Err(error),
            (Some(result), None) => Ok(result),
            (None, None) => Err(RpcError::internal("the answer carries neither a result nor an error")),
        }
    }
}

/// A failure as JSON-RPC reports it. CometBFT puts its own words into `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}: {data} (code {code})")]
pub struct RpcError {
    /// `-32700` not JSON, `-32600` not a request, `-32601` unknown method, `-32602` bad parameters, `-32603` the method
    /// itself failed, `-32000` the server cannot serve it now.
    pub code: i64,
    /// What the code means.
    pub message: String,
    /// What was wrong.
    #[serde(default)]
    pub data: String,
}

impl RpcError {
    /// The bytes are not JSON.
    pub fn parse(data: impl Into<String>) -> Self {
        Self::with(-32_700, "Parse error. Invalid JSON", data)
    }

    /// The JSON is not a request.
    pub fn invalid_request(data: impl Into<String>) -> Self {
        Self::with(-32_600, "Invalid Request", data)
    }

    /// No such method.
    pub fn method_not_found() -> Self {
        Self::with(-32_601, "Method not found", "")
    }

    /// The parameters do not fit the method.
    pub fn invalid_params(data: impl Into<String>) -> Self {
        Self::with(-32_602, "Invalid params", data)
    }

    /// The method failed: the text is CometBFT's where CometBFT has one.
    pub fn internal(data: impl Into<String>) -> Self {
        Self::with(-32_603, "Internal error", data)
    }

    /// The server cannot serve the request now.
    pub fn server(data: impl Into<String>) -> Self {
        Self::with(-32_000, "Server error", data)
    }

    fn with(code: i64, message: &str, data: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: data.into() }
    }

    /// Of the error "height h must be less than or equal to the current blockchain height n": n.
    #[must_use]
    pub fn latest_height_if_too_high(&self) -> Option<u64> {
        let (_, rest) = self.data.split_once("must be less than or equal to the current blockchain height ")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_parameters_are_left_out() {
        let request = Request::commit(None).with_id(7);
        let text = serde_json::to_string(&request).expect("json");
        assert_eq!(text, r#"{"jsonrpc":"2.0","id":7,"method":"commit","params":{}}"#);
        let request = Request::validators(Some(5), 1, 100);
        assert_eq!(request.params, json!({"height": "5", "page": "1", "per_page": "100"}));
    }

    #[test]
    fn an_answer_without_result_and_error_is_an_error() {
        let answer: Response<u64> = serde_json::from_str(r#"{"jsonrpc":"2.0","id":1}"#).expect("json");
        assert!(answer.into_result().is_err());
    }

    #[test]
    fn the_height_error_tells_the_latest_height() {
        let error = RpcError::internal("height 5 must be less than or equal to the current blockchain height 4");
        assert_eq!(error.latest_height_if_too_high(), Some(4));
        assert_eq!(RpcError::internal("other").latest_height_if_too_high(), None);
    }
}
