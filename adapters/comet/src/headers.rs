//! Headers: the commit of a height and its validator set, page by page.

use crate::CometChain;
use crate::http::CallError;
use async_trait::async_trait;
use comity_adapters_ports::{Headers, PortError};
use comity_ledger_rpc::block::CommitResponse;
use comity_ledger_rpc::convert::{self, BadWire};
use comity_ledger_rpc::jsonrpc::Request;
use comity_ledger_rpc::node::Status;
use comity_ledger_rpc::validator::{Validator, ValidatorsResponse};
use comity_model::{ChainId, Height};
use comity_verify::comet::{LightBlock, SignedHeader};
use std::sync::PoisonError;

/// CometBFT's largest page.
const PAGE: u64 = 100;
/// Most validators of one set that are read: CometBFT's own limit.
const VALIDATORS_MAX: u64 = 10_000;

#[async_trait]
impl Headers for CometChain {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    async fn latest(&self) -> Result<Height, PortError> {
        let height = self.status().await?.sync_info.latest_block_height;
        self.saw(height);
        Ok(Height(height))
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        let (commit, validators) = tokio::join!(self.commit(height), self.validators(height));
        let malformed = |error: BadWire| PortError::Malformed(error.to_string());
        let signed = SignedHeader::try_from(&commit?.signed_header).map_err(malformed)?;
        let set = convert::validator_set(&validators?).map_err(malformed)?;
        let validators = self.sets.lock().unwrap_or_else(PoisonError::into_inner).share(set);
        let block = LightBlock { header: signed.header, commit: signed.commit, validators };
        if block.header.chain_id != self.chain || block.header.height != height {
            return Err(PortError::Malformed(format!(
                "asked for header {height} of {}, got {} of {}",
                self.chain, block.header.height, block.header.chain_id
            )));
        }
        self.saw(height.0);
        Ok(block)
    }
}

impl CometChain {
    pub(crate) async fn status(&self) -> Result<Status, PortError> {
        Ok(self.rpc.call(&Request::status()).await?)
    }

    async fn commit(&self, height: Height) -> Result<CommitResponse, PortError> {
        match self.rpc.call(&Request::commit(Some(height.0))).await {
            Ok(commit) => Ok(commit),
            Err(error) => Err(self.explain(error, height).await),
        }
    }

    async fn validators(&self, height: Height) -> Result<Vec<Validator>, PortError> {
        let mut validators = Vec::new();
        for page in 1..=VALIDATORS_MAX / PAGE {
            let request = Request::validators(Some(height.0), page, PAGE);
            let answer: ValidatorsResponse = match self.rpc.call(&request).await {
                Ok(answer) => answer,
                Err(error) => return Err(self.explain(error, height).await),
            };
            let ended = answer.validators.is_empty();
            validators.extend(answer.validators);
            let read = validators.len() as u64;
            if read >= answer.total {
                return Ok(validators);
            }
            if ended || answer.total > VALIDATORS_MAX {
                let text = format!("{read} of {} validators listed", answer.total);
                return Err(PortError::Malformed(text));
            }
        }
        Err(PortError::Malformed("the list of validators does not end".into()))
    }

    /// What an error of the node about a height means. Its words differ between versions, so it is asked what it has.
    pub(crate) async fn explain(&self, error: CallError, height: Height) -> PortError {
        let CallError::Node(_) = &error else {
            return error.into();
        };
        match self.status().await {
            Ok(status) if height.0 > status.sync_info.latest_block_height => PortError::NotYet(height),
            Ok(status) if height.0 < status.sync_info.earliest_block_height => PortError::Gone(height),
            _ => error.into(),
        }
    }
}
