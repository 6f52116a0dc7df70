//! The table of reasons, and what goes over the wire.

use super::*;
use std::collections::HashSet;

#[test]
fn every_reason_is_upper_snake_and_stands_once() {
    let mut seen = HashSet::new();
    for reason in Reason::ALL {
        let text = reason.as_str();
        assert!(text.chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{text}");
        assert!(seen.insert(text), "{text} stands twice");
        assert_eq!(Reason::parse(text), Some(*reason));
        assert!(reason.meaning().ends_with('.'), "{text}");
    }
}

#[test]
fn blame_and_codes_agree() {
    for reason in Reason::ALL {
        let (text, http) = (reason.as_str(), reason.http());
        match reason.blame() {
            Blame::Fault => assert_eq!((reason.code(), http), (Code::Internal, 500), "{text}"),
            Blame::Unavailable => assert!(http >= 500 || http == 409, "{text}"),
            Blame::Refusal => assert!(http < 500 || matches!(http, 501 | 502), "{text}"),
        }
    }
}

#[test]
fn the_documented_table_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reason-codes.md");
    let page = format!(
        "# Reason codes\n\nEvery error of the API carries `google.rpc.ErrorInfo` with domain `{DOMAIN}` and one of \
         these reasons.\nThis page is written by the test that checks it: set `COMITY_WRITE_DOCS=1` to write it anew.\n\n{}",
        reason_table()
    );
    if std::env::var_os("COMITY_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).expect("docs/ can be written");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/reason-codes.md differs from the table in error.rs");
}

#[test]
fn the_wire_carries_reason_and_facts_and_never_the_source() {
    let error = ApiError::new(Reason::ProofTooOld, "Too old.").with("age_s", "90").because("row 17 of /var/lib/secret");
    assert!(!error.to_string().contains("secret"));
    let status = Status::from(error);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(!format!("{status:?}").contains("secret"));
    let info = status.get_details_error_info().expect("has ErrorInfo");
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("PROOF_TOO_OLD", "comity"));
    assert_eq!(info.metadata.get("age_s").map(String::as_str), Some("90"));
    assert!(status.get_details_retry_info().is_none());
}

#[test]
fn what_is_unavailable_says_when_to_try_again() {
    let status = Status::from(ApiError::from(PortError::Silent(9)));
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().is_some());
}

#[test]
fn every_field_error_has_its_own_reason() {
    let field = || "x".parse().expect("a name");
    for error in [
        FieldError::Unknown { field: field() },
        FieldError::Missing { field: field() },
        FieldError::NotSorted { field: field() },
        FieldError::Text { field: field() },
        FieldError::TooLong { field: field() },
        FieldError::RecordIdDiffers,
        FieldError::RecordIdReserved,
        FieldError::UnknownKind,
    ] {
        let code = error.code();
        assert_eq!(ApiError::from(error).reason().as_str(), code);
    }
}
