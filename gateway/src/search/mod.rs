//! Lookups by person in institutions' private indices, gateway to gateway: the question travels sealed, every answer is
//! proven under one header that the asking gateway verified.
//! It refuses to know why a person is looked up, beyond the purpose that is filed.

mod answer;
mod seek;

pub(crate) use answer::Searcher;
pub(crate) use seek::{Outcome, Seeker, Seen, Target};

use crate::audit::Purpose;
use crate::error::ApiError;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::Sector;
use comity_verify::lookup;

/// Most persons in one search; more take several.
pub(crate) const NUMBERS_MAX: usize = 32;
/// Most sectors in one search.
pub(crate) const SECTORS_MAX: usize = 64;
/// The longest number of a person, in bytes.
const NUMBER_BYTES_MAX: usize = 64;

/// What is asked of one institution.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Query {
    /// Where to look; those that the institution does not keep are told as such, by proof.
    pub(crate) sectors: Vec<Sector>,
    /// Of whom, each in its one form.
    pub(crate) numbers: Vec<String>,
    /// Why.
    pub(crate) purpose: Purpose,
}

impl Query {
    /// Refuses a query beyond its bounds.
    fn check(&self) -> Result<(), ApiError> {
        let fits = (1..=NUMBERS_MAX).contains(&self.numbers.len())
            && (1..=SECTORS_MAX).contains(&self.sectors.len())
            && self.numbers.iter().all(|number| number_of(number).is_ok_and(|one| one == *number));
        if fits { Ok(()) } else { Err(ApiError::argument("ciphertext", "The search is out of its bounds.")) }
    }
}

/// A person's number in its one form.
pub(crate) fn number_of(text: &str) -> Result<String, ApiError> {
    let number = lookup::normal(text);
    if number.is_empty() || number.len() > NUMBER_BYTES_MAX || number.chars().any(char::is_control) {
        let message = format!("A person's number is 1 to {NUMBER_BYTES_MAX} bytes without control characters.");
        return Err(ApiError::argument("subjects", message));
    }
    Ok(number)
}
