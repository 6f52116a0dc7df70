//! JSON-RPC over HTTP: one request, one answer, both bounded in size and time. Knows no method.

use comity_adapters_ports::PortError;
use comity_ledger_rpc::jsonrpc::{Request, Response, RpcError};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Largest answer: a commit or a page of validators is far below, a block's results may hold a thousand packets.
pub(crate) const ANSWER_BYTES_MAX: usize = 32 << 20;

pub(crate) struct Rpc {
    client: reqwest::Client,
    url: String,
    timeout: Duration,
}

/// Why a call has no result.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The node answered with an error of its own.
    Node(RpcError),
    /// No answer, or none of the protocol's form.
    Port(PortError),
}

impl From<CallError> for PortError {
    fn from(error: CallError) -> Self {
        match error {
            // Most of the node's own errors are "not now": still starting, overloaded, height not there yet.
            CallError::Node(error) => Self::Unavailable(words(&error.to_string())),
            CallError::Port(error) => error,
        }
    }
}

impl Rpc {
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, PortError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .connect_timeout(timeout)
            .build()
            .map_err(|error| PortError::Malformed(error.to_string()))?;
        Ok(Self { client, url: url.to_owned(), timeout })
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, CallError> {
        self.call_within(request, self.timeout).await
    }

    pub(crate) async fn call_within<T: DeserializeOwned>(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let body = tokio::time::timeout(timeout, self.exchange(request)).await.map_err(|_| {
            let waited = timeout.as_millis();
            unavailable(format!("no answer to {} within {waited} ms", request.method))
        })??;
        let answer: Response<T> = serde_json::from_slice(&body)
            .map_err(|error| CallError::Port(PortError::Malformed(words(&format!("{}: {error}", request.method)))))?;
        answer.into_result().map_err(CallError::Node)
    }

    async fn exchange(&self, request: &Request) -> Result<Vec<u8>, CallError> {
        let body = serde_json::to_vec(request).map_err(|error| unavailable(error.to_string()))?;
        let mut answer = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .map_err(|error| unavailable(reason(&error)))?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unavailable(reason(&error)))? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                let text = format!("the answer to {} is over {ANSWER_BYTES_MAX} bytes", request.method);
                return Err(CallError::Port(PortError::Malformed(text)));
            }
            bytes.extend_from_slice(&chunk);
        }
        // Errors of JSON-RPC come with a body under several statuses; without one the status is all there is.
        if !status.is_success() && bytes.first() != Some(&b'{') {
            return Err(unavailable(format!("the node answers with HTTP status {status}")));
        }
        Ok(bytes)
    }
}

fn unavailable(text: String) -> CallError {
    CallError::Port(PortError::Unavailable(words(&text)))
}

/// The innermost cause: reqwest's own text only repeats the address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A node's words are for a log line, not for a page.
fn words(text: &str) -> String {
    text.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
