//! JSON Lines: one object a line, read one after the other within a bound, each with its number.
//! Refuses to know what the objects mean, and to repeat what a line says: it may be personal data.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::io::{BufRead, Read as _};

/// Longest line in bytes. A row must fit a request with room to spare.
pub(super) const LINE_BYTES_MAX: u64 = 900 << 10;

/// What is wrong with a line: the same reasons as the gateway's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The reason code.
    pub(super) reason: String,
    /// A sentence without the line's values.
    pub(super) message: String,
    /// The field concerned, if it is one.
    pub(super) field: String,
}

impl Problem {
    pub(super) fn new(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into(), field: String::new() }
    }

    /// Of a field.
    pub(super) fn of(reason: &str, field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), ..Self::new(reason, message) }
    }
}

/// An object's members in their order; a name that stands twice stands twice here.
pub(super) struct Object(pub(super) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A line that is not empty.
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Bytes of the file up to and with it.
    pub(super) read: u64,
    /// Its object, or what is wrong with it.
    pub(super) object: Result<Object, Problem>,
}

/// The lines of a source.
pub(super) struct Lines<R> {
    source: R,
    number: u64,
    read: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(source: R) -> Self {
        Self { source, number: 0, read: 0 }
    }

    /// Reads to the end of a line that is too long.
    fn skip(&mut self) -> std::io::Result<()> {
        loop {
            let buffer = self.source.fill_buf()?;
            let (used, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end.saturating_add(1), true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.source.consume(used);
            self.read = self.read.saturating_add(used as u64);
            if ended {
                return Ok(());
            }
        }
    }

    /// The next line that is not empty; `None` at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            let got = self.source.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
            if got == 0 {
                return Ok(None);
            }
            self.number = self.number.saturating_add(1);
            self.read = self.read.saturating_add(got);
            let whole = line.ends_with(b"\n") || got < LINE_BYTES_MAX;
            let object = if whole {
                // A byte order mark is no part of the first line.
                let text = line.strip_prefix(b"\xef\xbb\xbf".as_slice()).unwrap_or(&line).trim_ascii();
                if text.is_empty() {
                    continue;
                }
                // The parser's own words can repeat the line: only the place is told.
                serde_json::from_slice(text).map_err(|error| {
                    let message =
                        format!("The line is not one JSON object; column {} is the first wrong.", error.column());
                    Problem::new("MALFORMED", message)
                })
            } else {
                self.skip()?;
                Err(Problem::new("TOO_LARGE", format!("The line is longer than {LINE_BYTES_MAX} bytes.")))
            };
            return Ok(Some(Line { number: self.number, read: self.read, object }));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(text);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn lines_are_numbered_as_an_editor_numbers_them_and_empty_ones_count() {
        let lines = read(b"\xef\xbb\xbf{\"a\":1}\n\n  \r\n{\"a\":2,\"a\":3}\r\n{}");
        let numbers: Vec<_> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 4, 5]);
        let twice = lines[1].object.as_ref().unwrap();
        assert_eq!(twice.0, [("a".to_owned(), 2.into()), ("a".to_owned(), 3.into())]);
        assert_eq!(lines.last().unwrap().read, 33);
    }

    #[test]
    fn what_is_no_object_is_told_by_its_place_and_never_repeated() {
        for text in ["{\"name\":\"王五\"", "[\"王五\"]", "\"王五\"", "王五", "{\"a\":1} 王五", "{\"a\":王五}"]
        {
            let lines = read(text.as_bytes());
            let problem = lines[0].object.as_ref().err().unwrap();
            assert_eq!(problem.reason, "MALFORMED", "{text}");
            assert!(!problem.message.contains("王五"), "{}", problem.message);
        }
    }

    #[test]
    fn a_line_without_end_is_skipped_within_bounds_and_the_next_one_is_read() {
        let mut text = vec![b'x'; usize::try_from(LINE_BYTES_MAX).unwrap() * 2];
        text.extend_from_slice(b"\n{}\n");
        let lines = read(&text);
        assert_eq!(lines[0].object.as_ref().err().unwrap().reason, "TOO_LARGE");
        assert!(lines[1].object.is_ok() && lines[1].number == 2);
        let just_fits = [vec![b' '; usize::try_from(LINE_BYTES_MAX).unwrap() - 3], b"{}\n".to_vec(), b"{}".to_vec()];
        assert_eq!(read(&just_fits.concat()).len(), 2);
    }
}
