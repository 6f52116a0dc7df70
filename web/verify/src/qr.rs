//! A QR code (ISO/IEC 18004) of an address, as the path of an SVG drawing: what a printed certificate is checked again by.

use qrcodegen::{QrCode, QrCodeEcc};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The code with error correction M as `{"size": modules, "path": SVG path}`, without a border; an error for what is too long.
#[must_use]
pub fn code(text: &str) -> Value {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else {
        return crate::answer::error("this is too long for a QR code");
    };
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let from = x;
            while x < size && code.get_module(x, y) {
                x += 1;
            }
            if x > from {
                // Writing to a string does not fail.
                let _ = write!(path, "M{from},{y}h{}v1h-{}z", x - from, x - from);
            } else {
                x += 1;
            }
        }
    }
    json!({ "size": size, "path": path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_finders_where_they_belong_and_what_is_too_long_is_refused() {
        let said = code("https://verify.court.example/v/00");
        assert!(said["size"].as_u64().is_some_and(|size| size >= 21), "{said}");
        // The upper edges of the two finders above: seven modules each.
        let size = said["size"].as_u64().unwrap_or_default();
        let path = said["path"].as_str().unwrap_or_default();
        assert!(path.starts_with("M0,0h7v1h-7z") && path.contains(&format!("M{},0h7v1h-7z", size - 7)), "{path}");
        assert!(code(&"x".repeat(5_000))["error"].is_string());
    }
}
