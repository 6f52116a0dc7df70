//! Who is let in: whoever had the printed address, once, and from then on the browser that it was opened in. Against pages of
//! other sites that make this browser ask: the name by which it asks, and from where, must be the console's own.
//! Refuses to know what is asked.

use crate::failure::{Failure, OrFail as _};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the printed address is good.
const KEY_LIVES: Duration = Duration::from_secs(600);
/// From where a browser says that it asks.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// The address was opened under another name than the console's: a page elsewhere had its own name point here.
    Host,
    /// A page of another site made the browser ask.
    CrossSite,
    /// This browser was not let in.
    NoSession,
    /// The printed address was opened before, or is too old, or is not the one.
    KeySpent,
}

/// The door of one console.
pub(super) struct Door {
    address: SocketAddr,
    key: String,
    unused: Mutex<Option<Instant>>,
    session: String,
}

impl Door {
    /// A door at `address`, with a key and a session of its own: 256 random bits each.
    pub(super) fn new(address: SocketAddr) -> Result<Self, Failure> {
        let unused = Mutex::new(Instant::now().checked_add(KEY_LIVES));
        Ok(Self { address, key: secret()?, unused, session: secret()? })
    }

    /// The address to open.
    pub(super) fn url(&self) -> String {
        format!("http://{}/enter?key={}", self.address, self.key)
    }

    /// Whether a request comes under the console's own name, and not from a page of another site.
    pub(super) fn is_own(&self, headers: &HeaderMap) -> Result<(), Shut> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| host.to_str().ok());
        let port = self.address.port();
        let own = [self.address.to_string(), format!("localhost:{port}")];
        if !host.is_some_and(|host| own.iter().any(|own| host.eq_ignore_ascii_case(own))) {
            return Err(Shut::Host);
        }
        // A browser that does not say it is an old one; its cookie is kept to this site all the same.
        let from = headers.get(FETCH_SITE).and_then(|from| from.to_str().ok()).unwrap_or("none");
        if ["none", "same-origin"].contains(&from) { Ok(()) } else { Err(Shut::CrossSite) }
    }

    /// Whether the browser was let in.
    pub(super) fn knows(&self, headers: &HeaderMap) -> Result<(), Shut> {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let known = pairs.any(|(key, value)| key == name && is_same(value, &self.session));
        if known { Ok(()) } else { Err(Shut::NoSession) }
    }

    /// Lets a browser in with the key of the printed address, once: the cookie by which it is known.
    pub(super) fn enter(&self, key: &str, now: Instant) -> Result<HeaderValue, Shut> {
        if !is_same(key, &self.key) {
            return Err(Shut::KeySpent);
        }
        let until = self.unused.lock().unwrap_or_else(PoisonError::into_inner).take();
        if until.is_none_or(|until| until < now) {
            return Err(Shut::KeySpent);
        }
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name(), self.session);
        HeaderValue::from_str(&cookie).map_err(|_| Shut::KeySpent)
    }

    /// Cookies are by host, whatever the port: two consoles must not overwrite each other's.
    fn cookie_name(&self) -> String {
        format!("comity-console-{}", self.address.port())
    }
}

fn secret() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).or_fault(|| "the system gives no randomness".into())?;
    Ok(hex::encode(bytes))
}

/// Compares digests, so that how long it takes tells nothing of the secret.
fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn door() -> Door {
        Door::new("127.0.0.1:7180".parse().unwrap()).unwrap()
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_printed_address_lets_one_browser_in_and_no_second_one() {
        let door = door();
        let url = door.url();
        let key = url.strip_prefix("http://127.0.0.1:7180/enter?key=").unwrap();
        assert_eq!(door.enter("", Instant::now()), Err(Shut::KeySpent));
        let cookie = door.enter(key, Instant::now()).unwrap();
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains(key), "the key of the address is not what the browser keeps");
        assert_eq!(door.enter(key, Instant::now()), Err(Shut::KeySpent));
        let pair = cookie.split(';').next().unwrap();
        assert_eq!(door.knows(&headers(&[(header::COOKIE, &format!("a=b; {pair}"))])), Ok(()));
        let forged = format!("{pair}0");
        for other in ["a=b", "comity-console-7180=", &forged] {
            assert_eq!(door.knows(&headers(&[(header::COOKIE, other)])), Err(Shut::NoSession), "{other}");
        }
        assert_eq!(door.knows(&HeaderMap::new()), Err(Shut::NoSession));
    }

    #[test]
    fn a_printed_address_that_was_left_lying_about_opens_nothing() {
        let door = door();
        let key = door.key.clone();
        assert_eq!(door.enter(&key, Instant::now() + KEY_LIVES + Duration::from_secs(1)), Err(Shut::KeySpent));
        assert_eq!(door.enter(&key, Instant::now()), Err(Shut::KeySpent));
    }

    #[test]
    fn a_name_of_somebody_else_that_points_here_and_a_page_of_another_site_are_turned_away() {
        let door = door();
        let asked = |host, from| door.is_own(&headers(&[(header::HOST, host), (FETCH_SITE, from)]));
        assert_eq!(asked("127.0.0.1:7180", "none"), Ok(()));
        assert_eq!(asked("LOCALHOST:7180", "same-origin"), Ok(()));
        for host in ["evil.example:7180", "evil.example", "127.0.0.1", "127.0.0.1:80", ""] {
            assert_eq!(asked(host, "none"), Err(Shut::Host), "{host}");
        }
        assert_eq!(door.is_own(&HeaderMap::new()), Err(Shut::Host));
        let mut two = headers(&[(header::HOST, "127.0.0.1:7180")]);
        two.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(door.is_own(&two), Err(Shut::Host));
        for from in ["cross-site", "same-site", "?"] {
            assert_eq!(asked("127.0.0.1:7180", from), Err(Shut::CrossSite), "{from}");
        }
    }
}
