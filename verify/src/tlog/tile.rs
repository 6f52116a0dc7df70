//! Tiles: a log's hashes and entries as files (C2SP `tlog-tiles`): where each lies, and what its bytes are. Knows no way to
//! fetch them; what a tile says is believed once it is hashed up to a checkpoint.

use super::{decimal, malformed};
use crate::merkle;
use crate::refusal::Refusal;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use comity_model::Hash;

/// Hashes or entries of a full tile.
pub const WIDTH: u16 = 256;
/// Highest level.
const LEVEL_MAX: u8 = 63;
/// Longest name of a file: seven elements of an index below 2⁶⁴.
const PATH_MAX: usize = 64;
/// Largest bundle of entries, in bytes: 256 entries of 65,535.
pub const ENTRIES_MAX: usize = 256 * (2 + 65_535);

/// What a tile has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileOf {
    /// Hashes of a level; 0: the leaves'.
    Level(u8),
    /// Entries.
    Entries,
}

/// A tile's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    of: TileOf,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile at `index` of a tree of `size` leaves; `None` where it is empty there, or the level above 63.
    #[must_use]
    pub fn of_tree(of: TileOf, index: u64, size: u64) -> Option<Self> {
        let level = match of {
            TileOf::Level(level) if level <= LEVEL_MAX => level,
            TileOf::Level(_) => return None,
            TileOf::Entries => 0,
        };
        // Hashes of the level that are complete: size / 256^level.
        let complete = size.checked_shr(u32::from(level).checked_mul(8)?).unwrap_or(0);
        let before = index.checked_mul(u64::from(WIDTH))?;
        let width = complete.checked_sub(before)?.min(u64::from(WIDTH));
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { of, index, width })
    }

    /// What it has.
    #[must_use]
    pub const fn of(&self) -> TileOf {
        self.of
    }

    /// How many hashes or entries it has: 256, or fewer in a partial one.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Where it lies, from the log's prefix: `tile/0/x001/x234/067`, `tile/entries/000.p/7`.
    #[must_use]
    pub fn path(&self) -> String {
        let level = match self.of {
            TileOf::Level(level) => level.to_string(),
            TileOf::Entries => "entries".to_string(),
        };
        let digits = self.index.to_string();
        let digits = format!("{digits:0>width$}", width = digits.len().div_ceil(3).saturating_mul(3));
        let elements = digits.as_bytes().chunks(3);
        let last = elements.len();
        let mut path = format!("tile/{level}");
        for (at, element) in (1usize..).zip(elements) {
            path.push_str(if at == last { "/" } else { "/x" });
            path.extend(element.iter().copied().map(char::from));
        }
        if self.width < WIDTH {
            path.push_str(&format!(".p/{}", self.width));
        }
        path
    }

    /// The tile that lies there: each has one name.
    ///
    /// # Errors
    /// `LOG_FORMAT`.
    pub fn parse(path: &str) -> Result<Self, Refusal> {
        let refuse = || malformed("a tile's name", "another text");
        if path.len() > PATH_MAX {
            return Err(refuse());
        }
        let (level, rest) = path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or_else(refuse)?;
        let of = match level {
            "entries" => TileOf::Entries,
            level => {
                let level = decimal(level).and_then(|level| u8::try_from(level).ok());
                TileOf::Level(level.filter(|level| *level <= LEVEL_MAX).ok_or_else(refuse)?)
            }
        };
        let (elements, width) = match rest.split_once(".p/") {
            None => (rest, WIDTH),
            Some((elements, width)) => {
                let width = decimal(width).and_then(|width| u16::try_from(width).ok());
                (elements, width.filter(|width| (1..WIDTH).contains(width)).ok_or_else(refuse)?)
            }
        };
        let digits: String = elements.chars().filter(char::is_ascii_digit).collect();
        let found = Self { of, index: digits.parse().map_err(|_| refuse())?, width };
        // One form: what is read writes the same.
        if found.path() == path { Ok(found) } else { Err(refuse()) }
    }

    /// The hashes of a tile's bytes.
    ///
    /// # Errors
    /// `LOG_FORMAT` where there are more or fewer than its width.
    pub fn hashes(&self, bytes: &[u8]) -> Result<Vec<Hash>, Refusal> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() != usize::from(self.width) || self.of == TileOf::Entries {
            return Err(malformed(&format!("{} hashes of 32 bytes", self.width), &format!("{} bytes", bytes.len())));
        }
        Ok(hashes.iter().copied().map(Hash).collect())
    }

    /// The entries of a bundle's bytes, each behind its length as a big-endian `u16`.
    ///
    /// # Errors
    /// `LOG_FORMAT` where there are more or fewer than its width.
    pub fn entries<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, Refusal> {
        let refuse = || malformed(&format!("{} entries, each behind its length", self.width), "other bytes");
        let mut entries = Vec::with_capacity(usize::from(self.width));
        let mut rest = bytes;
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (entry, after) = after.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(refuse)?;
            if entries.len() == usize::from(self.width) {
                return Err(refuse());
            }
            entries.push(entry);
            rest = after;
        }
        let whole = rest.is_empty() && entries.len() == usize::from(self.width) && self.of == TileOf::Entries;
        if whole { Ok(entries) } else { Err(refuse()) }
    }

    /// The root of a full tile's subtree: the hash that stands for it in the level above.
    #[must_use]
    pub fn root(hashes: &[Hash]) -> Option<Hash> {
        (hashes.len() == usize::from(WIDTH)).then(|| merkle::root_of_hashes(hashes))
    }
}
