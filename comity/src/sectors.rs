//! The sectors that came with the program, compiled once.
//! Refuses to know any of them by name.

use crate::failure::{Failure, OrFail};
use comity_gateway::sectors::Sectors;
use std::sync::{Arc, OnceLock};

/// The sectors.
pub(crate) fn embedded() -> Result<Arc<Sectors>, Failure> {
    static COMPILED: OnceLock<Arc<Sectors>> = OnceLock::new();
    if let Some(sectors) = COMPILED.get() {
        return Ok(Arc::clone(sectors));
    }
    let sectors = Sectors::embedded().or_fault(|| "the sectors that came with the program cannot be used".into())?;
    Ok(Arc::clone(COMPILED.get_or_init(|| Arc::new(sectors))))
}
