//! `[public]` of `comity.toml`: the port that anyone may visit, with the page and the log's files. Off unless it is there.
//! Refuses to know what is served, and to be without a bound.

use crate::failure::{Failure, OrFail};
use comity_gateway::public::{HeaderName, PublicConfig, PublicLimits, TlsServerMaterial};
use serde::Deserialize;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// Most requests per second, and most connections at once, that may be configured.
const RATE_MAX: u32 = 1_000_000;
const CONNECTIONS_MAX: usize = 100_000;

/// The public port.
#[derive(Clone, Debug)]
pub(crate) struct PublicSection {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Its own certificate and key; without them it speaks plain HTTP.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// The header in which a proxy names the client's address.
    pub(crate) client_header: Option<HeaderName>,
    /// How much it takes on.
    pub(crate) limits: PublicLimits,
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    listen: SocketAddr,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_header: Option<String>,
    rate_per_second: Option<NonZeroU32>,
    client_rate_per_second: Option<NonZeroU32>,
    client_burst: Option<NonZeroU32>,
    connections: Option<usize>,
}

impl Raw {
    pub(super) fn check(self, folder: &Path) -> Result<PublicSection, Failure> {
        let tls = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((folder.join(certificate), folder.join(key))),
            (None, None) => None,
            _ => return Err(Failure::usage("public.certificate and public.key are given together or not at all")),
        };
        let client_header = self.client_header.map(|name| name.parse::<HeaderName>());
        let client_header =
            client_header.transpose().map_err(|_| Failure::usage("public.client_header is no name of a header"))?;
        let mut limits = PublicLimits::default();
        let rate = |name: &str, rate: NonZeroU32| match rate.get() <= RATE_MAX {
            true => Ok(rate),
            false => Err(Failure::usage(format!("public.{name} is 1 to {RATE_MAX}"))),
        };
        if let Some(all) = self.rate_per_second {
            limits.rate_per_second = rate("rate_per_second", all)?;
            limits.burst = all.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        }
        if let Some(client) = self.client_rate_per_second {
            limits.client_rate_per_second = rate("client_rate_per_second", client)?;
        }
        if let Some(burst) = self.client_burst {
            limits.client_burst = rate("client_burst", burst)?;
        }
        if let Some(connections) = self.connections {
            if !(1..=CONNECTIONS_MAX).contains(&connections) {
                return Err(Failure::usage(format!("public.connections is 1 to {CONNECTIONS_MAX}")));
            }
            limits.connections = connections;
        }
        Ok(PublicSection { listen: self.listen, tls, client_header, limits })
    }
}

impl PublicSection {
    /// At an address of this machine, whose users are all one: the budget of all is each one's.
    pub(crate) fn local(listen: SocketAddr) -> Self {
        let usual = PublicLimits::default();
        let limits = PublicLimits {
            client_rate_per_second: usual.rate_per_second,
            client_burst: usual.burst,
            client_connections: usual.connections,
            ..usual
        };
        Self { listen, tls: None, client_header: None, limits }
    }

    /// Its certificate and key as they are now, where it has some of its own.
    pub(crate) fn material(&self) -> Result<Option<TlsServerMaterial>, Failure> {
        let read =
            |path: &Path| std::fs::read_to_string(path).or_usage(|| format!("{} cannot be read", path.display()));
        let Some((certificate, key)) = &self.tls else { return Ok(None) };
        Ok(Some(TlsServerMaterial { cert_chain_pem: read(certificate)?, key_pem: read(key)?.into() }))
    }

    /// What the gateway is told; certificate and key are read.
    pub(crate) fn told(&self, anchor_file: String) -> Result<PublicConfig, Failure> {
        Ok(PublicConfig {
            listen: self.listen,
            tls: self.material()?,
            client_header: self.client_header.clone(),
            anchor_file,
            limits: self.limits,
        })
    }
}

/// Writes the section, or how it would look.
pub(super) fn write(out: &mut String, public: Option<&PublicSection>) -> std::fmt::Result {
    writeln!(
        out,
        "\n# The port for everybody, without an account: the page on which a browser verifies a deposit itself, and the"
    )?;
    writeln!(
        out,
        "# log's files. Plain HTTP, for a proxy that terminates TLS, or with a certificate of its own (docs/public.md)."
    )?;
    match public {
        Some(public) => {
            writeln!(out, "[public]")?;
            writeln!(out, "listen = \"{}\"", public.listen)?;
        }
        None => {
            writeln!(out, "# [public]")?;
            writeln!(out, "# listen = \"127.0.0.1:7180\"")?;
        }
    }
    writeln!(out, "# certificate = \"tls/public.crt\"")?;
    writeln!(out, "# key = \"tls/public.key\"")?;
    writeln!(out, "# Behind a proxy that overwrites it; otherwise anyone could spend another's budget.")?;
    writeln!(out, "# client_header = \"x-forwarded-for\"")?;
    writeln!(out, "# rate_per_second = {}", PublicLimits::default().rate_per_second)?;
    writeln!(out, "# client_rate_per_second = {}", PublicLimits::default().client_rate_per_second)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<PublicSection, ()> {
        toml::from_str::<Raw>(text).map_err(drop)?.check(Path::new("/court")).map_err(drop)
    }

    #[test]
    fn the_port_is_bounded_as_usual_unless_said_and_half_a_certificate_is_refused() {
        let usual = read("listen = \"127.0.0.1:0\"").unwrap();
        assert!(usual.tls.is_none() && usual.client_header.is_none());
        assert_eq!(usual.limits.rate_per_second, PublicLimits::default().rate_per_second);
        let said = read(
            "listen = \"[::]:443\"\ncertificate = \"a.crt\"\nkey = \"a.key\"\nclient_header = \"X-Real-IP\"\nrate_per_second = 50",
        );
        let said = said.unwrap();
        assert_eq!(said.tls.unwrap().0, Path::new("/court/a.crt"));
        assert_eq!((said.limits.rate_per_second.get(), said.limits.burst.get()), (50, 100));
        for bad in [
            "certificate = \"a\"",
            "rate_per_second = 0",
            "connections = 0",
            "client_header = \"a b\"",
            "verify = false",
        ] {
            assert!(read(&format!("listen = \"127.0.0.1:0\"\n{bad}")).is_err(), "{bad}");
        }
        let mut text = String::new();
        write(&mut text, Some(&PublicSection::local("127.0.0.1:9".parse().unwrap()))).unwrap();
        let section = text.split_once("[public]").unwrap().1;
        assert_eq!(read(section).unwrap().listen.port(), 9, "what is written is read");
    }
}
