//! The sectors and the rules that came with the program, compiled once.
//! Refuses to know any of them by name.

use crate::failure::{Failure, OrFail};
use comity_gateway::sectors::Sectors;
use comity_gateway::triggers::Rules;
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

/// The rules by which a proven fact proposes the next procedure.
pub(crate) fn rules() -> Result<Arc<Rules>, Failure> {
    static READ: OnceLock<Arc<Rules>> = OnceLock::new();
    if let Some(rules) = READ.get() {
        return Ok(Arc::clone(rules));
    }
    let rules =
        Rules::embedded(&*embedded()?).or_fault(|| "the rules that came with the program cannot be used".into())?;
    Ok(Arc::clone(READ.get_or_init(|| Arc::new(rules))))
}
