//! Whose budget a request is on: an IPv4 address, or the /64 of an IPv6 one, since a household or a server has that many.
//! It refuses to believe a header of the client's own unless a proxy is configured that sets it.

use http::{HeaderMap, HeaderName};
use std::net::{IpAddr, Ipv6Addr};

/// Who is asking, as far as a public port can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client(u128);

impl Client {
    /// The client behind an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => (u128::from(address) & !u128::from(u64::MAX)) | (1 << 63),
        })
    }

    /// The client of a request that came from `peer`. Of the header's addresses the last counts: the proxy appended it, and
    /// those before it are what the client wrote. Where the header is missing or no address, the peer counts.
    pub(crate) fn behind(headers: &HeaderMap, trusted: Option<&HeaderName>, peer: IpAddr) -> Self {
        let named = trusted.and_then(|name| headers.get_all(name).iter().next_back());
        let last = named.and_then(|value| value.to_str().ok()).and_then(|text| text.rsplit(',').next());
        Self::of(last.and_then(|text| parse(text.trim())).unwrap_or(peer))
    }

    pub(crate) const fn bits(self) -> u128 {
        self.0
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn parse(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split(']').next()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    text.rsplit_once(':')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(text: &str) -> Client {
        Client::of(text.parse().unwrap())
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_client_and_a_mapped_address_is_the_ipv4_one() {
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("::1"), client("0.0.0.0"));
    }

    #[test]
    fn a_header_counts_only_where_a_proxy_is_configured_and_then_its_last_address() {
        let name = HeaderName::from_static("x-forwarded-for");
        let peer = "10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(&name, "203.0.113.9, 198.51.100.7".parse().unwrap());
        assert_eq!(Client::behind(&headers, None, peer), Client::of(peer));
        assert_eq!(Client::behind(&headers, Some(&name), peer), client("198.51.100.7"));
        headers.append(&name, "[2001:db8::5]:443".parse().unwrap());
        assert_eq!(Client::behind(&headers, Some(&name), peer), client("2001:db8::1"));
        headers.append(&name, "192.0.2.44:5000".parse().unwrap());
        assert_eq!(Client::behind(&headers, Some(&name), peer), client("192.0.2.44"));
        headers.append(&name, "nobody".parse().unwrap());
        assert_eq!(Client::behind(&headers, Some(&name), peer), Client::of(peer));
    }
}
