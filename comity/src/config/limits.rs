//! `[limits]` of `comity.toml`: how much a gateway does at once, and how much of it for one institution.
//! Refuses to know what is asked of it, and to be without a bound.

use crate::failure::Failure;
use comity_gateway::Limits;
use serde::Deserialize;
use std::fmt::Write as _;
use std::num::NonZeroU32;

/// Most requests per second that one institution may be allowed, most at once that a gateway may be given, and most orders on
/// their way to one institution.
const RATE_MAX: u32 = 1_000_000;
const REQUESTS_MAX: usize = 100_000;
const ORDERS_MAX: usize = 100_000;

/// The section as it is written; what is left out is as in [`Limits::default`].
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    rate_per_second: Option<NonZeroU32>,
    requests: Option<usize>,
    orders: Option<usize>,
}

impl Raw {
    pub(super) fn check(self) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        if let Some(rate) = self.rate_per_second {
            limits = with_rate(limits, rate)?;
        }
        if let Some(requests) = self.requests {
            if !(1..=REQUESTS_MAX).contains(&requests) {
                return Err(Failure::usage(format!("limits.requests is 1 to {REQUESTS_MAX}")));
            }
            limits.requests = requests;
        }
        if let Some(orders) = self.orders {
            if !(1..=ORDERS_MAX).contains(&orders) {
                return Err(Failure::usage(format!("limits.orders is 1 to {ORDERS_MAX}")));
            }
            limits.orders = orders;
        }
        Ok(limits)
    }
}

/// The same with another rate; twice as many requests may be saved up.
pub(crate) fn with_rate(limits: Limits, rate: NonZeroU32) -> Result<Limits, Failure> {
    if rate.get() > RATE_MAX {
        return Err(Failure::usage(format!("limits.rate_per_second is 1 to {RATE_MAX}")));
    }
    Ok(Limits { rate_per_second: rate, rate_burst: rate.saturating_mul(NonZeroU32::MIN.saturating_add(1)), ..limits })
}

/// Writes the section.
pub(super) fn write(out: &mut String, limits: &Limits) -> std::fmt::Result {
    writeln!(out, "\n# What comes on top is refused with RESOURCE_EXHAUSTED (docs/performance.md).")?;
    writeln!(out, "[limits]")?;
    writeln!(out, "# Requests per second of one institution.")?;
    writeln!(out, "rate_per_second = {}", limits.rate_per_second)?;
    writeln!(out, "# Requests at once, of all together.")?;
    writeln!(out, "requests = {}", limits.requests)?;
    writeln!(
        out,
        "# Orders on their way to one institution; a quarter of them is kept for emergencies and changes of orders."
    )?;
    writeln!(out, "orders = {}", limits.orders)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn limits_are_as_usual_unless_said_and_never_without_a_bound() {
        let read = |text: &str| toml::from_str::<Raw>(text).map_err(|_| ()).and_then(|raw| raw.check().map_err(drop));
        let usual = read("").unwrap();
        assert_eq!((usual.rate_per_second, usual.requests), (Limits::default().rate_per_second, 1_024));
        assert_eq!(usual.orders, 512);
        let said = read("rate_per_second = 50000\nrequests = 64\norders = 16").unwrap();
        assert_eq!((said.rate_per_second.get(), said.rate_burst.get()), (50_000, 100_000));
        assert_eq!((said.requests, said.orders), (64, 16));
        for bad in ["rate_per_second = 0", "rate_per_second = 1000001", "requests = 0", "requests = 100001", "x = 1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        for bad in ["orders = 0", "orders = 100001", "orders = -1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let mut text = String::new();
        write(&mut text, &said).unwrap();
        let section = text.split_once("[limits]").unwrap().1;
        let read = read(section).unwrap();
        assert_eq!((read.requests, read.orders), (64, 16), "what is written is read");
    }
}
