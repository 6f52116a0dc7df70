//! Where the CometBFT program is.
//! Refuses to fetch or build it: `scripts/install-cometbft` does.

use crate::failure::Failure;
use std::path::PathBuf;

/// The variable that names it.
const VARIABLE: &str = "COMITY_COMETBFT";

/// The program that `COMITY_COMETBFT` names, or the first one on the path.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    let missing = |what: String| {
        Failure::usage(what).code_of("COMETBFT_MISSING").help(format!(
            "scripts/install-cometbft builds it into target/tools; {VARIABLE} names it, or it stands on the PATH"
        ))
    };
    if let Some(named) = std::env::var_os(VARIABLE).map(PathBuf::from) {
        let what = format!("{VARIABLE} names {}, and there is no such program", named.display());
        return if named.is_file() { Ok(named) } else { Err(missing(what)) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("cometbft")).find(|program| program.is_file());
    found.ok_or_else(|| missing("there is no program cometbft".into()))
}
