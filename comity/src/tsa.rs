//! Files of certificates of authorities for time: whose time stamps are kept, and whose are believed.
//! Refuses to know what a time stamp is.

use crate::failure::Failure;
use crate::files;
use comity_verify::timestamp::Authority;
use std::path::Path;

/// Largest file, in bytes.
const BYTES_MAX: u64 = 256 << 10;

/// The certificates of a file in PEM.
pub(crate) fn authorities(path: &Path) -> Result<Vec<Authority>, Failure> {
    let text = files::read_bytes(path, BYTES_MAX)?;
    Authority::read_pem(&text).map_err(|refusal| {
        Failure::usage(format!("{} has no certificates of authorities for time: {refusal}", path.display())).help(
            "PEM; each the authority's own, whose one purpose is time stamping (extended key usage, critical), or of a CA over such",
        )
    })
}
