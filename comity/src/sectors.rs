//! The sectors that came with the program, compiled once, and the rules that came with it and that an operator adds.
//! Refuses to know any of them by name.

use crate::failure::{Failure, OrFail};
use crate::files;
use comity_gateway::sectors::Sectors;
use comity_gateway::triggers::{RuleSource, Rules};
use std::path::PathBuf;
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

/// The rules by which a proven fact proposes the next procedure: those that came with the program, and those in the files at `paths`.
pub(crate) fn rules(paths: &[PathBuf]) -> Result<Arc<Rules>, Failure> {
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        texts.push((path.display().to_string(), files::read_text(path)?));
    }
    let more: Vec<_> = texts.iter().map(|(name, text)| RuleSource { name, text }).collect();
    let rules = Rules::embedded(&more, &*embedded()?).or_usage(|| "the rules cannot be used".into())?;
    Ok(Arc::new(rules))
}
