//! Frames of the ABCI socket: a varint of the length, then so many bytes of protobuf (ABCI 2.0, "Socket").
//!
//! A length above the cap is refused before a byte of the body is read, and memory is taken as bytes arrive, never on
//! the word of the length. Knows no message.

use prost::Message;
use std::io::{self, BufRead, Read, Write};

/// Most bytes of one frame: a block of CometBFT's largest default size (21 MiB) or a genesis of 16 MiB in base64, and
/// what surrounds them.
pub const FRAME_BYTES_MAX: u64 = 32 << 20;
/// What is taken at first for a body.
const FIRST_BYTES: usize = 64 << 10;

/// Why there is no message in a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The socket failed, or ended within a frame.
    #[error("the socket failed")]
    Io(#[from] io::Error),
    /// A length that is none, or above the cap.
    #[error("a frame's length is malformed or above {FRAME_BYTES_MAX} bytes")]
    Length,
    /// Bytes that are not the message.
    #[error("a frame holds no message of the protocol")]
    Message(#[from] prost::DecodeError),
}

/// Reads the next message; `None` when the other side has closed between two frames.
pub fn read_frame<M: Message + Default>(source: &mut impl BufRead) -> Result<Option<M>, FrameError> {
    let Some(length) = read_length(source)? else {
        return Ok(None);
    };
    let expected = usize::try_from(length).map_err(|_| FrameError::Length)?;
    let mut body = Vec::with_capacity(expected.min(FIRST_BYTES));
    source.take(length).read_to_end(&mut body)?;
    if body.len() < expected {
        return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    // From `Bytes`, so that transactions are views of the frame and not copies.
    Ok(Some(M::decode(bytes::Bytes::from(body))?))
}

/// Writes a message. Nothing is sure to be sent before `target` is flushed.
pub fn write_frame(target: &mut impl Write, message: &impl Message) -> io::Result<()> {
    target.write_all(&message.encode_length_delimited_to_vec())
}

/// An unsigned LEB128 of at most five bytes, which is more than the cap needs.
fn read_length(source: &mut impl BufRead) -> Result<Option<u64>, FrameError> {
    let mut length = 0u64;
    for place in 0..5u32 {
        let mut byte = [0u8; 1];
        match source.read_exact(&mut byte) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && place == 0 => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let [byte] = byte;
        length |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return if length <= FRAME_BYTES_MAX { Ok(Some(length)) } else { Err(FrameError::Length) };
        }
    }
    Err(FrameError::Length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tendermint_proto::v0_38::abci::{Request, RequestEcho, request::Value};

    fn echo(text: &str) -> Request {
        Request { value: Some(Value::Echo(RequestEcho { message: text.into() })) }
    }

    #[test]
    fn frames_follow_each_other_and_end_between_two() {
        let mut bytes = Vec::new();
        for text in ["", "one", &"x".repeat(70_000)] {
            write_frame(&mut bytes, &echo(text)).expect("written");
        }
        let mut source = bytes.as_slice();
        for text in ["", "one", &"x".repeat(70_000)] {
            assert_eq!(read_frame::<Request>(&mut source).expect("a frame"), Some(echo(text)));
        }
        assert_eq!(read_frame::<Request>(&mut source).expect("the end"), None);
    }

    #[test]
    fn a_length_above_the_cap_is_refused_before_the_body_comes() {
        // 32 MiB and one byte; a length that never ends; the largest number.
        for bytes in [&[0x81, 0x80, 0x80, 0x10][..], &[0x80; 12][..], &[0xff, 0xff, 0xff, 0xff, 0x0f][..]] {
            let mut source = bytes;
            let refused = read_frame::<Request>(&mut source);
            assert!(matches!(refused, Err(FrameError::Length)), "{bytes:?}");
        }
    }

    #[test]
    fn a_frame_that_is_cut_short_or_holds_something_else_is_an_error() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &echo("hello")).expect("written");
        for cut in 1..bytes.len() {
            let mut source = &bytes[..cut];
            assert!(matches!(read_frame::<Request>(&mut source), Err(FrameError::Io(_))), "{cut}");
        }
        let mut source = &[2u8, 0x0a, 0xff][..];
        assert!(matches!(read_frame::<Request>(&mut source), Err(FrameError::Message(_))));
    }
}
