//! A chain's first state, from its genesis.

use crate::abci::AppError;
use crate::refusal::{Reason, Stop, require};
use crate::side::Side;
use crate::working::{Config, Execution};
use crate::{governance, headers, members};
use comity_model::genesis::Genesis;
use comity_model::state::StatePath;
use comity_model::{Hash, encode};
use sha2::{Digest, Sha256};

/// Most keys that may govern a chain: an approval names one by a byte.
const GOVERNORS_MAX: usize = 64;

/// What of a genesis is fixed for ever.
pub(crate) fn config(genesis: &Genesis) -> Config {
    Config {
        chain: genesis.chain.clone(),
        client_kinds: genesis.client_kinds.clone(),
        suites: genesis.suites,
        genesis: Hash(Sha256::digest(encode(genesis)).into()),
    }
}

/// Writes the first state. The same rules hold as for later changes by governors.
pub(crate) fn write(ex: &mut Execution<'_>, genesis: &Genesis) -> Result<(), AppError> {
    fill(ex, genesis).map_err(|stop| match stop {
        Stop::Fault(fault) => fault,
        Stop::Refused(refusal) => AppError::BadGenesis { reason: refusal.sentence().into() },
    })
}

fn fill(ex: &mut Execution<'_>, genesis: &Genesis) -> Result<(), Stop> {
    let keys = genesis.governors.keys.len();
    let threshold = usize::from(genesis.governors.threshold);
    require((1..=GOVERNORS_MAX).contains(&keys) && (1..=keys).contains(&threshold), Reason::NotEnoughGovernors)?;
    ex.state.write(&StatePath::Governors, &genesis.governors);
    for member in &genesis.members {
        members::put(ex, member)?;
    }
    for officer in &genesis.officers {
        members::put_officer(ex, officer)?;
    }
    for profile in &genesis.profiles {
        governance::put_profile(ex, profile)?;
    }
    governance::set_validators(ex, &genesis.validators)?;
    headers::begin(&mut ex.state);
    ex.state.set_side(&Side::Config, ex.config);
    Ok(())
}
