//! Amounts: integers in minor units, each with its currency; nothing is ever rounded.

use crate::codec::decode_through;
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use core::str::FromStr;

/// An ISO 4217 code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Currency([u8; 3]);

/// A text that is not a currency code or an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three upper-case letters, such as CNY")]
pub struct BadCurrency;

impl TryFrom<[u8; 3]> for Currency {
    type Error = BadCurrency;
    fn try_from(code: [u8; 3]) -> Result<Self, BadCurrency> {
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(BadCurrency) }
    }
}
decode_through!(Currency, [u8; 3]);

impl Currency {
    /// Renminbi; the minor unit is the fen.
    pub const CNY: Self = Self(*b"CNY");

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = BadCurrency;
    fn from_str(text: &str) -> Result<Self, BadCurrency> {
        <[u8; 3]>::try_from(text.as_bytes()).map_err(|_| BadCurrency)?.try_into()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A sum of money in minor units (fen, cents).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Amount {
    /// The currency.
    pub currency: Currency,
    /// How many minor units.
    pub minor: u64,
}

impl Amount {
    /// `minor` fen.
    #[must_use]
    pub const fn cny(minor: u64) -> Self {
        Self { currency: Currency::CNY, minor }
    }

    /// The sum; `None` when the currencies differ or the sum leaves `u64`.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.same_currency(other)?.minor.checked_add(other.minor).map(|minor| Self { minor, ..self })
    }

    /// The difference; `None` when the currencies differ or `other` is larger.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.same_currency(other)?.minor.checked_sub(other.minor).map(|minor| Self { minor, ..self })
    }

    /// The smaller of two amounts of one currency; `None` when the currencies differ.
    #[must_use]
    pub fn checked_min(self, other: Self) -> Option<Self> {
        self.same_currency(other).map(|_| Self { minor: self.minor.min(other.minor), ..self })
    }

    fn same_currency(self, other: Self) -> Option<Self> {
        (self.currency == other.currency).then_some(self)
    }
}

/// `CNY 1,234.56`: two decimals, which fits every currency of the sandbox; the canonical form is `minor`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = alloc::format!("{}", self.minor.div_euclid(100));
        let mut grouped = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && whole.len().saturating_sub(index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        write!(f, "{} {grouped}.{:02}", self.currency, self.minor.rem_euclid(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn amounts_of_two_currencies_do_not_mix() {
        let dollars = Amount { currency: "USD".parse().expect("valid"), minor: 5 };
        assert_eq!(Amount::cny(5).checked_add(dollars), None);
        assert_eq!(Amount::cny(5).checked_sub(Amount::cny(6)), None);
        assert_eq!(Amount::cny(u64::MAX).checked_add(Amount::cny(1)), None);
    }

    #[test]
    fn an_amount_prints_in_major_units() {
        assert_eq!(Amount::cny(123_456_789).to_string(), "CNY 1,234,567.89");
        assert_eq!(Amount::cny(7).to_string(), "CNY 0.07");
    }
}
