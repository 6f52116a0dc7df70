//! The institution's own chain as orders see it: values with proof under a header that is at least so new.
//! It refuses to hand out anything that was not proven.

use super::stored::ProvenUnder;
use crate::error::ApiError;
use crate::view::{HomeState, Standing};
use comity_model::Height;
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_verify::light::TrustedHeader;
use comity_verify::state::{Proven, ProvenAt};

/// A value or its proven absence.
pub struct Answer {
    /// The value; `None` where its absence was proven.
    pub value: Option<Proven<Vec<u8>>>,
    /// The header of the proof.
    pub under: ProvenUnder,
}

/// The institution's own chain, verified. Cheap to clone.
#[derive(Clone)]
pub struct Home(HomeState);

impl Home {
    /// The chain of `state`.
    #[must_use]
    pub const fn new(state: HomeState) -> Self {
        Self(state)
    }

    /// Suites that are accepted from the institution's own chain.
    #[must_use]
    pub fn suites(&self) -> Suites {
        self.0.view().anchor().suites
    }

    /// What stands at `path`, under a verified header of height `at_least` or more; for height 0 the newest there is.
    ///
    /// # Errors
    /// As [`HomeState::now`]; nothing is known then.
    pub async fn state(&self, path: &StatePath, at_least: Height) -> Result<Answer, ApiError> {
        let stood = self.0.under(path, self.header(at_least).await?).await?;
        let under = stood.what.at().into();
        let value = match stood.what {
            Standing::Value(value) => Some(value),
            Standing::Nothing(_) => None,
        };
        Ok(Answer { value, under })
    }

    async fn header(&self, at_least: Height) -> Result<TrustedHeader, ApiError> {
        let view = self.0.view();
        if at_least == Height(0) {
            return view.fresh().await;
        }
        match view.verified() {
            Some(known) if known.height() >= at_least && !view.is_frozen() => Ok(known),
            _ => view.header_soon(at_least).await,
        }
    }
}

impl From<&ProvenAt> for ProvenUnder {
    fn from(at: &ProvenAt) -> Self {
        Self { chain: at.chain_id.clone(), height: at.height, header_hash: at.header_hash, time: at.time }
    }
}
