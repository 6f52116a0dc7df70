//! The console's files, as they came with the program. Refuses to read a disk.

/// A file that is served as it is: its type, its bytes.
pub(super) type File = (&'static str, &'static [u8]);

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page itself.
pub(super) const PAGE: File = ("text/html; charset=utf-8", include_bytes!("../../../web/console/index.html"));

/// The file of a name.
pub(super) fn named(name: &str) -> Option<File> {
    Some(match name {
        "console.css" => ("text/css; charset=utf-8", include_bytes!("../../../web/console/console.css")),
        "icon.svg" => ("image/svg+xml", include_bytes!("../../../web/page/icon.svg")),
        "words.json" => ("application/json", include_bytes!("../../../web/console/words.json")),
        "console.js" => (SCRIPT, include_bytes!("../../../web/console/console.js")),
        "tools.js" => (SCRIPT, include_bytes!("../../../web/console/tools.js")),
        "orders.js" => (SCRIPT, include_bytes!("../../../web/console/orders.js")),
        "order.js" => (SCRIPT, include_bytes!("../../../web/console/order.js")),
        "deposits.js" => (SCRIPT, include_bytes!("../../../web/console/deposits.js")),
        "accesses.js" => (SCRIPT, include_bytes!("../../../web/console/accesses.js")),
        "divergence.js" => (SCRIPT, include_bytes!("../../../web/console/divergence.js")),
        "map.js" => (SCRIPT, include_bytes!("../../../web/console/map.js")),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/console");

    #[test]
    fn every_file_of_the_folder_is_served() {
        for entry in Path::new(FOLDER).read_dir().unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_file() && name != "index.html" {
                assert_eq!(named(&name).map(|(_, bytes)| bytes.to_vec()), std::fs::read(entry.path()).ok(), "{name}");
            }
        }
        assert!(named("../console.css").is_none() && named("test/console.test.mjs").is_none());
    }

    #[test]
    fn every_word_is_there_in_both_languages_with_the_same_places() {
        let words: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_slice(named("words.json").unwrap().1).unwrap();
        let places = |text: &str| {
            let mut places: Vec<_> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
            places.sort_unstable();
            places.join(",")
        };
        for (key, word) in words {
            assert_eq!(word.keys().collect::<Vec<_>>(), ["en", "zh"], "{key}");
            assert!(!word["zh"].is_ascii(), "{key} is not in Chinese");
            assert_eq!(places(&word["en"]), places(&word["zh"]), "{key} has other places in Chinese");
        }
    }
}
