//! Numbers with check digits, in the forms of their standards. What makes them nobody's is the `99` in them: no such
//! province, bank or court exists.

use jiff::civil::Date;

/// A resident identity number (GB 11643: ISO 7064 MOD 11-2): region (6), birth (8), sequence (3, odd for men), check.
pub(super) fn resident_id(region: &str, birth: Date, sequence: u64) -> String {
    let body = format!("{region}{:04}{:02}{:02}{sequence:03}", birth.year(), birth.month(), birth.day());
    let check = resident_check(&body);
    format!("{body}{check}")
}

fn resident_check(body: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    CHECKS[(weighted_sum(body, &WEIGHTS) % 11) as usize]
}

/// A unified social credit code (GB 32100): registrar and kind (2), region (6), organisation code (9), check.
pub(super) fn credit_code(kind: &str, region: &str, serial: u64) -> String {
    const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    let body = format!("{kind}{region}{}", organisation_code(serial));
    let sum: u32 = body.chars().zip(WEIGHTS).map(|(c, weight)| position(c) * weight).sum();
    let check = CREDIT_ALPHABET[((31 - sum % 31) % 31) as usize];
    format!("{body}{}", char::from(check))
}

/// Digits and letters without I, O, S, V and Z, which look like digits.
const CREDIT_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

fn position(c: char) -> u32 {
    CREDIT_ALPHABET.iter().position(|letter| char::from(*letter) == c).map_or(0, |at| at as u32)
}

/// An organisation code (GB 11714): MA, six characters, check.
fn organisation_code(serial: u64) -> String {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let mut body = String::from("MA");
    for power in (0..6).rev() {
        let digit = serial / 31u64.pow(power) % 31;
        body.push(char::from(CREDIT_ALPHABET[digit as usize]));
    }
    let check = match 11 - weighted_sum(&body, &WEIGHTS) % 11 {
        11 => '0',
        10 => 'X',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    };
    format!("{body}{check}")
}

/// A bank account of 19 digits: 9999 where a bank's prefix stands, branch (4), serial (10), Luhn check (ISO 7812).
pub(super) fn account(branch: u64, serial: u64) -> String {
    let body = format!("9999{branch:04}{serial:010}");
    format!("{body}{}", luhn(&body))
}

fn luhn(body: &str) -> u32 {
    let sum: u32 = body
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, double) if double > 9 => double - 9,
            (0, double) => double,
            _ => digit,
        })
        .sum();
    (10 - sum % 10) % 10
}

/// A lawyer's licence, 17 digits: 1, place (4), year (4), category (1), sex (1, odd for women), serial (6).
pub(super) fn licence(year: i16, category: u64, sex: Sex, serial: u64) -> String {
    let sex = match sex {
        Sex::Male => 0,
        Sex::Female => 1,
    };
    format!("19901{year:04}{category}{sex}{serial:06}")
}

/// As identity papers say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sex {
    Female,
    Male,
}

/// An application number of a Chinese patent: year (4), kind (1), serial (7), dot, check. Serials from 9,900,000 on
/// are never reached.
pub(super) fn patent_application(year: i16, kind: u64, serial: u64) -> String {
    const WEIGHTS: [u32; 12] = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
    let body = format!("{year:04}{kind}{:07}", 9_900_000 + serial % 100_000);
    let check = match weighted_sum(&body, &WEIGHTS) % 11 {
        10 => 'X',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    };
    format!("{body}.{check}")
}

/// An immovable unit, 28 characters: region (6), cadastral area (6), GB for state land, parcel (5), F, building (4),
/// flat (4).
pub(super) fn unit(region: &str, area: u64, parcel: u64, building: u64, flat: u64) -> String {
    format!("{region}{area:06}GB{parcel:05}F{building:04}{flat:04}")
}

/// Digits count as themselves, letters as 10 to 35.
fn weighted_sum(body: &str, weights: &[u32]) -> u32 {
    body.chars().zip(weights).map(|(c, weight)| c.to_digit(36).unwrap_or(0) * weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn identity_numbers_end_in_the_check_digit_of_gb_11643() {
        // The examples of the standard's annex.
        assert_eq!(resident_check("11010519491231002"), 'X');
        assert_eq!(resident_check("44052418800101001"), '4');
        let number = resident_id("990106", date(1987, 4, 12), 37);
        assert_eq!(number.len(), 18);
        assert!(number.starts_with("99010619870412037"));
    }

    #[test]
    fn credit_codes_end_in_the_check_character_of_gb_32100() {
        for serial in [0, 7, 123_456, 887_503_680] {
            let code = credit_code("91", "990106", serial);
            assert_eq!(code.len(), 18, "{code}");
            // The weights are the powers of 3 modulo 31: with the check's own weight of 1, a valid code sums to 0.
            let sum: u32 = code
                .chars()
                .enumerate()
                .map(|(at, c)| match at {
                    17 => position(c),
                    _ => position(c) * (3u64.pow(at as u32) % 31) as u32,
                })
                .sum();
            assert_eq!(sum % 31, 0, "{code}");
        }
    }

    #[test]
    fn account_numbers_pass_luhn() {
        assert_eq!(luhn("7992739871"), 3);
        let number = account(12, 345);
        assert_eq!(number.len(), 19);
        assert!(number.starts_with("9999"));
    }

    #[test]
    fn patent_numbers_carry_their_check_digit() {
        // 2·2 + 0·3 + 2·4 + 1·5 + 1·6 + 9·7 + 9·8 + 0·9 + 0·2 + 0·3 + 0·4 + 1·5 = 163, and 163 mod 11 is 9.
        assert_eq!(patent_application(2021, 1, 1), "202119900001.9");
    }

    #[test]
    fn licences_have_17_digits_and_units_28_characters() {
        assert_eq!(licence(2008, 1, Sex::Female, 123_456), "19901200811123456");
        assert_eq!(unit("990106", 1_002, 12, 1, 302).len(), 28);
    }
}
