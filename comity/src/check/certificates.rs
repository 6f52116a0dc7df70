//! How long the certificates of an institution's servers and people are still good.
//! Refuses to know who accepts them.

use super::Findings;
use crate::config::Config;
use crate::{clock, files};
use std::path::{Path, PathBuf};
use x509_parser::pem::parse_x509_pem;

/// From how many days on an end is announced.
const SOON_DAYS: i64 = 30;
/// Most client certificates that are looked at.
const CLIENTS_MAX: usize = 100;
const DAY_S: i64 = 86_400;

/// Looks at every certificate that the configuration names, and at those beside the client files.
pub(super) fn look(config: &Config, findings: &mut Findings) {
    let own = [&config.tls.certificate, &config.tls.authority, &config.signer.certificate];
    for path in own.into_iter().cloned().chain(clients(&config.tls.certificate)) {
        one(&path, findings);
    }
}

/// The certificates in `clients/`, beside the folder of the gateway's own.
fn clients(gateway: &Path) -> Vec<PathBuf> {
    let folder = gateway.parent().and_then(Path::parent).map(|home| home.join("clients"));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|kind| kind == "crt")).take(CLIENTS_MAX).collect();
    paths.sort();
    paths
}

fn one(path: &Path, findings: &mut Findings) {
    let shown = path.display();
    let until = match files::read_text(path) {
        Ok(pem) => end_of(&pem),
        Err(failure) => return findings.wrong(failure.to_string(), "the file is missing, or its path is wrong"),
    };
    let Some(until) = until else {
        return findings.wrong(format!("{shown} is no certificate in PEM"), "issue it anew");
    };
    let days = until.saturating_sub(clock::now().seconds()).div_euclid(DAY_S);
    let help = "issue another under the same authority, put it in place, and start what uses it anew";
    if days < 0 {
        findings.wrong(format!("{shown} has expired"), help);
    } else if days < SOON_DAYS {
        findings.soon(format!("{shown} expires in {days} days"), help);
    } else {
        findings.good(format!("{shown}: {days} days left"));
    }
}

/// The last second in which a certificate is valid, in seconds since 1970.
fn end_of(pem: &str) -> Option<i64> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).ok()?;
    let certificate = pem.parse_x509().ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::check::Standing;
    use crate::config::tests::home;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(year: i32) -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn an_expired_certificate_and_what_is_none_are_named_and_good_ones_say_how_long() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::read(&home(folder.path())).unwrap();
        let mut findings = Findings::default();
        look(&config, &mut findings);
        assert_eq!(findings.0.len(), 3 + crate::home::CLIENT_ROLES.len());
        assert!(findings.0.iter().all(|finding| finding.standing == Standing::Good));
        std::fs::write(folder.path().join("court/clients/clerk.crt"), certificate(2021)).unwrap();
        std::fs::write(&config.signer.certificate, "no certificate").unwrap();
        std::fs::remove_file(&config.tls.authority).unwrap();
        let mut findings = Findings::default();
        look(&config, &mut findings);
        let wrong: Vec<_> = findings.0.iter().filter(|finding| finding.standing == Standing::Wrong).collect();
        assert_eq!(wrong.len(), 3);
        assert!(wrong.iter().any(|finding| finding.what.contains("clerk.crt has expired")));
        assert!(wrong.iter().all(|finding| !finding.help.is_empty()));
    }
}
