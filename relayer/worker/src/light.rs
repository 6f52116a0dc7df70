//! From a trusted header to a newer one: fetching what `verify` asks for. It decides nothing.

use crate::clock;
use crate::fault::Fault;
use comity_model::Height;
use comity_verify::comet::LightBlock;
use comity_verify::light::{Bisection, ClientParams, LightStep, Progress, TrustedHeader};
use std::sync::Arc;

/// A verified way from one header to another.
pub(crate) struct Link {
    /// The steps, each with the signatures that it needs and no more.
    pub(crate) steps: Vec<LightStep>,
    /// Where they lead.
    pub(crate) header: TrustedHeader,
}

/// The way from `trusted` to `target`: one step nearly always, more where the validators have changed too much.
pub(crate) async fn link<F, Fut>(
    params: &ClientParams,
    trusted: &TrustedHeader,
    target: Height,
    block: F,
) -> Result<Link, Fault>
where
    F: Fn(Height) -> Fut,
    Fut: Future<Output = Result<Arc<LightBlock>, Fault>>,
{
    let mut walk = Bisection::new(params.clone(), trusted.clone(), target)?;
    loop {
        let block = block(walk.wanted()).await?;
        match walk.feed((*block).clone(), clock::now())? {
            Progress::Need(_) => {}
            Progress::Done { steps, header } => return Ok(Link { steps, header }),
        }
    }
}
