//! What the WebAssembly module offers: `input` gives room, the caller writes there, a function judges what was written
//! and returns how long its answer is, `output` says where the answer stands. No pointer is ever followed here, so no
//! line is unsafe but for the attribute that gives a function its name.

// Exported names are the one thing here that the compiler calls unsafe, and what they name is reached from outside only.
#![allow(unsafe_code, unreachable_pub)]

use crate::digest::Digests;
use crate::words::{self, FileFound};
use crate::{answer, describe, header, proof, qr};
use comity_model::{Hash, Time, UnixSeconds};
use serde::Deserialize;
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most bytes that are taken at once: a bundle and an anchor file, or a piece of a file to be hashed, with room.
const INPUT_MAX: usize = 16 << 20;

struct State {
    input: Vec<u8>,
    output: Vec<u8>,
    digests: Digests,
}

static STATE: Mutex<State> = Mutex::new(State { input: Vec::new(), output: Vec::new(), digests: Digests::new() });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for `length` bytes of input; null for more than 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *mut u8 {
    if length > INPUT_MAX {
        return std::ptr::null_mut();
    }
    let mut state = state();
    state.input.clear();
    state.input.resize(length, 0);
    state.input.as_mut_ptr()
}

/// Where the last answer stands.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    state().output.as_ptr()
}

/// Judges a bundle. The input is an anchor file's text of `anchor_length` bytes, then the bundle. Answers in JSON.
#[unsafe(no_mangle)]
pub extern "C" fn verify_bundle(anchor_length: usize, seconds: i64, nanos: u32) -> usize {
    respond(|input| {
        let (Some((anchor, bundle)), Some(now)) = (input.split_at_checked(anchor_length), Time::new(seconds, nanos))
        else {
            return answer::error("lengths or the time are out of range");
        };
        match std::str::from_utf8(anchor) {
            Ok(text) => answer::judge(bundle, text, now),
            Err(_) => answer::error("this is not an anchor file: it is not text"),
        }
    })
}

/// What a page computed of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    sha256: String,
    sm3: String,
    size: u64,
}

/// Judges a bundle with a file beside it. The input is an anchor file's text of `anchor_length` bytes, a bundle of
/// `bundle_length` bytes, and `{"sha256", "sm3", "size"}` of the file, or nothing. Answers in JSON.
#[unsafe(no_mangle)]
pub extern "C" fn judge_file(anchor_length: usize, bundle_length: usize, seconds: i64, nanos: u32) -> usize {
    respond(|input| {
        let parts = input.split_at_checked(anchor_length).and_then(|(anchor, rest)| {
            let (bundle, file) = rest.split_at_checked(bundle_length)?;
            Some((anchor, bundle, file))
        });
        let (Some((anchor, bundle, file)), Some(now)) = (parts, Time::new(seconds, nanos)) else {
            return answer::error("lengths or the time are out of range");
        };
        let file = match file {
            [] => None,
            text => match file_of(text) {
                Some(file) => Some(file),
                None => return answer::error("this is no file's digests and size"),
            },
        };
        match std::str::from_utf8(anchor) {
            Ok(text) => words::judge(bundle, text, file.as_ref(), now),
            Err(_) => answer::error("this is not an anchor file: it is not text"),
        }
    })
}

fn file_of(text: &[u8]) -> Option<FileFound> {
    let raw: RawFile = serde_json::from_slice(text).ok()?;
    Some(FileFound { sha256: Hash::from_hex(&raw.sha256)?, sm3: Hash::from_hex(&raw.sm3)?, size: raw.size })
}

/// What is told of a digest that a log of `size` entries does not have; `seconds` is the checkpoint's time, or below 0 where
/// there is none yet. Answers in JSON.
#[unsafe(no_mangle)]
pub extern "C" fn tell_not_found(size: u64, seconds: i64) -> usize {
    respond(|_| {
        let time = u64::try_from(seconds).ok().map(UnixSeconds);
        let told = words::not_found(size, time).map(|both| serde_json::json!({ "en": both.en, "zh": both.zh }));
        Value::Array(told.to_vec())
    })
}

/// What an anchor file pins. The input is its text. Answers in JSON.
#[unsafe(no_mangle)]
pub extern "C" fn read_anchor() -> usize {
    respond(|input| {
        let text = std::str::from_utf8(input).unwrap_or_default();
        match crate::anchor::AnchorFile::parse(text) {
            Ok(file) => words::anchor_of(&file),
            Err(bad) => answer::error(&format!("this is not an anchor file: {bad}")),
        }
    })
}

/// A QR code. The input is its text. Answers in JSON.
#[unsafe(no_mangle)]
pub extern "C" fn qr_code() -> usize {
    respond(|input| qr::code(std::str::from_utf8(input).unwrap_or_default()))
}

/// Describes a bundle without judging it. The input is the bundle. Answers in JSON.
#[unsafe(no_mangle)]
pub extern "C" fn describe_bundle() -> usize {
    respond(describe::describe)
}

/// Judges a header. The input is JSON ([`header`]). Answers in JSON.
#[unsafe(no_mangle)]
pub extern "C" fn judge_header(seconds: i64, nanos: u32) -> usize {
    respond(|input| match Time::new(seconds, nanos) {
        Some(now) => header::judge(input, now),
        None => answer::error("the time is out of range"),
    })
}

/// Judges an ICS-23 proof. The input is the tree's name, root, key, value and proof, of these lengths; the last is what
/// remains. Without a value (`absent` is not 0) absence is judged. Answers in JSON.
#[unsafe(no_mangle)]
pub extern "C" fn judge_proof(tree: usize, root: usize, key: usize, value: usize, absent: u32) -> usize {
    respond(|input| {
        let mut rest = input;
        let mut take = |length| {
            let (taken, left) = rest.split_at_checked(length)?;
            rest = left;
            Some(taken)
        };
        let (Some(tree), Some(root), Some(key), Some(value)) = (take(tree), take(root), take(key), take(value)) else {
            return answer::error("lengths are out of range");
        };
        let tree = std::str::from_utf8(tree).unwrap_or_default();
        proof::judge(tree, root, key, (absent == 0).then_some(value), rest)
    })
}

/// Begins a digest, 1 SHA-256 or 2 SM3: its number, or −1 where there is no such algorithm or too many are under way.
#[unsafe(no_mangle)]
pub extern "C" fn digest_begin(algorithm: u32) -> i32 {
    state().digests.begin(algorithm).and_then(|number| i32::try_from(number).ok()).unwrap_or(-1)
}

/// Adds the input to a digest; 0 where there is none of that number.
#[unsafe(no_mangle)]
pub extern "C" fn digest_update(number: usize) -> u32 {
    let state = &mut *state();
    let Some(digest) = state.digests.of(number) else { return 0 };
    digest.update(&state.input);
    1
}

/// Ends a digest. Answers with its 32 bytes, or with none where there is none of that number.
#[unsafe(no_mangle)]
pub extern "C" fn digest_end(number: usize) -> usize {
    let state = &mut *state();
    state.output = state.digests.end(number).map(|digest| digest.finish().to_vec()).unwrap_or_default();
    state.output.len()
}

/// Answers about the input, and forgets it.
fn respond(judge: impl FnOnce(&[u8]) -> Value) -> usize {
    let input = std::mem::take(&mut state().input);
    let answer = judge(&input).to_string().into_bytes();
    let mut state = state();
    state.output = answer;
    state.output.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn put(bytes: &[u8]) {
        state().input = bytes.to_vec();
    }

    fn said(length: usize) -> String {
        let state = state();
        assert_eq!(length, state.output.len());
        String::from_utf8(state.output.clone()).unwrap()
    }

    #[test]
    fn calls_out_of_range_are_answered_with_an_error_and_no_more_than_the_most_is_taken() {
        assert!(input(INPUT_MAX + 1).is_null());
        assert!(!input(5).is_null());
        assert!(said(verify_bundle(6, 0, 0)).contains("out of range"));
        put(b"x");
        assert!(said(verify_bundle(1, 0, 2_000_000_000)).contains("out of range"));
        put(&[0xff, 1]);
        assert!(said(verify_bundle(1, 0, 0)).contains("not text"));
        put(b"iavl");
        assert!(said(judge_proof(4, 32, 0, 0, 0)).contains("out of range"));
        put(b"oak");
        assert!(said(judge_proof(3, 0, 0, 0, 0)).contains("jmt"));
        put(b"{");
        assert!(said(judge_header(0, 0)).contains("malformed at column 1"));
        put(b"COMITY");
        assert!(said(describe_bundle()).contains("BUNDLE_ENCODING"));
        assert_eq!((digest_update(9), digest_end(9), digest_begin(3)), (0, 0, -1));
    }
}
