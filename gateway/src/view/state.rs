//! The own chain's state, proven before it is used or handed on.
//! It refuses to know what values mean.

use super::ChainView;
use crate::error::ApiError;
use comity_adapters_ports::Prover;
use comity_model::state::StatePath;
use comity_verify::light::TrustedHeader;
use comity_verify::state::{self, Proven, ProvenAbsence, ProvenAt};
use std::sync::Arc;
use std::time::Instant;

/// The own chain: its verified view and whoever proves its state.
#[derive(Clone)]
pub struct HomeState {
    view: Arc<ChainView>,
    prover: Arc<dyn Prover>,
}

/// A value or its absence, proven, and the proof to hand on.
pub struct Stood {
    /// The header of the proof.
    pub header: TrustedHeader,
    /// Encoded ICS-23 proof.
    pub proof: Vec<u8>,
    /// What stands there.
    pub what: Standing,
}

/// What stands at a path.
pub enum Standing {
    /// A value.
    Value(Proven<Vec<u8>>),
    /// Nothing.
    Nothing(ProvenAbsence),
}

impl Standing {
    /// The value.
    #[must_use]
    pub const fn value(&self) -> Option<&Proven<Vec<u8>>> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing(_) => None,
        }
    }

    /// Where and when it was proven.
    #[must_use]
    pub const fn at(&self) -> &ProvenAt {
        match self {
            Self::Value(value) => value.at(),
            Self::Nothing(absence) => absence.at(),
        }
    }
}

impl HomeState {
    /// The chain of `view`, whose state `prover` proves.
    #[must_use]
    pub const fn new(view: Arc<ChainView>, prover: Arc<dyn Prover>) -> Self {
        Self { view, prover }
    }

    /// The verified view.
    #[must_use]
    pub const fn view(&self) -> &Arc<ChainView> {
        &self.view
    }

    /// What stands at `path` under the chain's latest header.
    ///
    /// # Errors
    /// `PROOF_REFUSED` with the rule where the node lies; the view's; the node's.
    pub async fn now(&self, path: &StatePath) -> Result<Stood, ApiError> {
        let header = self.view.fresh().await?;
        self.under(path, header).await
    }

    /// What stands at `path` under `header`.
    ///
    /// # Errors
    /// As [`HomeState::now`].
    pub async fn under(&self, path: &StatePath, header: TrustedHeader) -> Result<Stood, ApiError> {
        let began = Instant::now();
        let found = self.prover.prove(path, header.height()).await?;
        let what = match &found.value {
            Some(value) => state::membership(&header, path, value, &found.proof).map(Standing::Value),
            None => state::absence(&header, path, &found.proof).map(Standing::Nothing),
        }
        .map_err(|refusal| self.view.refused(&refusal))?;
        metrics::histogram!(crate::measure::PROOF_SECONDS).record(began.elapsed().as_secs_f64());
        Ok(Stood { header, proof: found.proof, what })
    }
}
