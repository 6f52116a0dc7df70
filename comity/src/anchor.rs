//! Anchor files on disk. What stands in one is read and written where the browser reads it too (`comity-web-verify`).
//! Refuses to know whether what it says is true: whoever takes it has to make sure where it came from.

use crate::failure::Failure;
use crate::files;
use std::path::Path;

pub(crate) use comity_web_verify::anchor::{AnchorFile, kind_from_name, kind_name};

/// Default trusting period: two weeks.
pub(crate) const TRUSTING_PERIOD_S: u64 = 14 * 24 * 3600;
/// Default tolerance for clocks that go ahead.
pub(crate) const CLOCK_DRIFT_S: u64 = 10;

/// Reads an anchor file.
pub(crate) fn read(path: &Path) -> Result<AnchorFile, Failure> {
    AnchorFile::parse(&files::read_text(path)?).map_err(|bad| {
        Failure::usage(format!("{} is not an anchor file: {bad}", path.display()))
            .because(bad)
            .help("get the file again from the institution that it speaks of")
    })
}
