//! The files of the page, as they came with the program: names, types, and tags by which a browser knows that it has them.
//! It refuses to read a disk.

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A file that is served as it is.
#[derive(Clone)]
pub(super) struct Asset {
    pub(super) kind: &'static str,
    pub(super) bytes: Bytes,
    pub(super) tag: HeaderValue,
}

impl Asset {
    pub(super) fn new(kind: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let tag = format!("\"{}\"", hex::encode(digest.get(..16).unwrap_or_default()));
        let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { kind, bytes, tag }
    }
}

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page before its words are put in.
pub(super) const TEMPLATE: &str = include_str!("../../../web/page/index.html");
/// Its words, in both languages.
pub(super) const WORDS: &str = include_str!("../../../web/page/words.json");

/// Every file, by path.
pub(super) fn all() -> BTreeMap<&'static str, Asset> {
    let file = |path, kind, bytes: &'static [u8]| (path, Asset::new(kind, bytes));
    BTreeMap::from([
        file("/page/page.css", "text/css; charset=utf-8", include_bytes!("../../../web/page/page.css")),
        file("/page/page.js", SCRIPT, include_bytes!("../../../web/page/page.js")),
        file("/page/show.js", SCRIPT, include_bytes!("../../../web/page/show.js")),
        file("/page/near.js", SCRIPT, include_bytes!("../../../web/page/near.js")),
        file("/page/hash.js", SCRIPT, include_bytes!("../../../web/page/hash.js")),
        file("/page/words.json", JSON, WORDS.as_bytes()),
        file("/page/icon.svg", "image/svg+xml", include_bytes!("../../../web/page/icon.svg")),
        file("/verify/index.js", SCRIPT, include_bytes!("../../../web/verify/index.js")),
        file(
            "/verify/comity-verify.wasm",
            "application/wasm",
            include_bytes!("../../../web/verify/comity-verify.wasm"),
        ),
        file("/robots.txt", TEXT, b"User-agent: *\nDisallow: /v/\nDisallow: /n\nDisallow: /api/\nDisallow: /log/\n"),
    ])
}
