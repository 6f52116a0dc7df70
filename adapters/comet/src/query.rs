//! Questions to the application through `abci_query`.

use crate::CometChain;
use crate::http::CallError;
use borsh::BorshDeserialize;
use comity_adapters_ports::PortError;
use comity_ledger_rpc::abci::{AbciQuery, AbciQueryResponse};
use comity_ledger_rpc::jsonrpc::Request;

impl CometChain {
    pub(crate) async fn query(
        &self,
        path: &str,
        data: &[u8],
        height: Option<u64>,
        prove: bool,
    ) -> Result<AbciQuery, CallError> {
        let request = Request::abci_query(path, data, height, prove);
        let answer: AbciQueryResponse = self.rpc.call(&request).await?;
        Ok(answer.response)
    }

    /// The canonical bytes of `what` that the application answers with.
    pub(crate) async fn ask<T: BorshDeserialize>(
        &self,
        what: &'static str,
        path: &str,
        data: &[u8],
    ) -> Result<T, PortError> {
        let answer = self.query(path, data, None, false).await?;
        if answer.code != 0 {
            return Err(refused(path, &answer));
        }
        comity_model::decode(what, &answer.value).map_err(|error| PortError::Malformed(error.to_string()))
    }
}

/// The application knows the question and does not answer it: as far as is known here, not now.
pub(crate) fn refused(path: &str, answer: &AbciQuery) -> PortError {
    let (code, log) = (&answer.codespace, &answer.log);
    PortError::Unavailable(format!("{path} is refused: {code:.48} {log:.200}"))
}
