//! Why a connection was refused, in words for a user. Words only: nothing is decided by them.

use rustls::{AlertDescription as Alert, CertificateError, Error as TlsError};
use std::error::Error;

/// What the other side says of our certificate, by its alert.
const ALERTS: &[(Alert, &str)] = &[
    (Alert::CertificateExpired, "refuses our certificate, which has expired"),
    (Alert::UnknownCA, DOES_NOT_CHAIN),
    (Alert::BadCertificate, DOES_NOT_CHAIN),
    (Alert::CertificateUnknown, DOES_NOT_CHAIN),
    (Alert::DecryptError, DOES_NOT_CHAIN),
    (Alert::AccessDenied, "refuses our certificate: it does not name an institution and a role"),
    (Alert::UnsupportedCertificate, "refuses our certificate: it is not made for this use"),
    (Alert::CertificateRequired, "demands a certificate"),
];
const DOES_NOT_CHAIN: &str = "refuses our certificate: it does not chain to the institution that it names";

/// Why a connection was refused, where an error's chain says so: the second half of a sentence that begins with the
/// other side's name.
#[must_use]
pub fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = error.downcast_ref().or_else(|| inner.and_then(|inner| inner.downcast_ref()));
        if let Some(words) = tls.and_then(of_tls) {
            return Some(words.to_owned());
        }
        // HTTP/2 hands on no more than the text of an error that ends a connection.
        let text = error.to_string();
        let said = ALERTS.iter().find(|(alert, _)| text.ends_with(&TlsError::AlertReceived(*alert).to_string()));
        if let Some((_, words)) = said {
            return Some((*words).to_owned());
        }
        cause = error.source();
    }
    None
}

fn of_tls(error: &TlsError) -> Option<&'static str> {
    match error {
        TlsError::AlertReceived(alert) => ALERTS.iter().find(|(known, _)| known == alert).map(|(_, words)| *words),
        TlsError::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            Some("shows a certificate that has expired")
        }
        TlsError::InvalidCertificate(_) => Some("shows a certificate that does not belong to it"),
        _ => None,
    }
}
