//! Where headers come from, unverified.

use crate::error::ApiError;
use async_trait::async_trait;
use comity_adapters_ports::Headers;
use comity_model::Height;
use comity_verify::comet::LightBlock;
use std::sync::Arc;

/// A source of headers of one chain: its node, or the gateway of the institution whose chain it is. Nothing that it says
/// is believed before it was verified.
#[async_trait]
pub trait HeaderSource: Send + Sync {
    /// The latest height with a commit.
    async fn latest(&self) -> Result<Height, ApiError>;

    /// The header of `height` with its commit and validators.
    async fn light_block(&self, height: Height) -> Result<LightBlock, ApiError>;
}

/// The own chain's node.
pub(super) struct Node(pub(super) Arc<dyn Headers>);

#[async_trait]
impl HeaderSource for Node {
    async fn latest(&self) -> Result<Height, ApiError> {
        Ok(self.0.latest().await?)
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, ApiError> {
        Ok(self.0.light_block(height).await?)
    }
}
