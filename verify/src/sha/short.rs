//! SHA-256 of messages that fit two blocks, by the block: nodes of trees are short and of fixed form, and so are spared the
//! buffer of a general hasher. Knows nothing of what is hashed.

use comity_model::Hash;
use sha2::block_api::compress256;

/// The longest message: two blocks less one byte of padding and eight of length.
pub(crate) const SHORT_MAX: usize = 119;

/// The state before the first block (FIPS 180-4 §5.3.3).
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// What follows a message of 80 bytes in its second block.
const END_OF_80: [u8; 48] = {
    let mut end = [0; 48];
    end[0] = 0x80;
    end[46] = 2;
    end[47] = 0x80;
    end
};

/// A padded message of one or two blocks.
pub(crate) struct Short {
    blocks: [[u8; 64]; 2],
    used: usize,
}

impl Short {
    /// The empty message, to be replaced.
    pub(crate) const EMPTY: Self = {
        let mut blocks = [[0; 64]; 2];
        blocks[0][0] = 0x80;
        Self { blocks, used: 1 }
    };

    /// The concatenation of `pieces`; `None` where it is longer than [`SHORT_MAX`].
    #[inline]
    pub(crate) fn new(pieces: &[&[u8]]) -> Option<Self> {
        let mut short = Self::EMPTY;
        short.set(pieces)?;
        Some(short)
    }

    /// The concatenation of an inner node's prefix, its child and its suffix; `None` where it is longer than [`SHORT_MAX`].
    #[inline]
    pub(crate) fn node(prefix: &[u8], child: &Hash, suffix: &[u8]) -> Option<Self> {
        let mut short = Self::EMPTY;
        short.set_node(prefix, child, suffix)?;
        Some(short)
    }

    /// Replaces it by [`Self::new`]; what it is after `None` is nothing to rely on.
    #[inline]
    pub(crate) fn set(&mut self, pieces: &[&[u8]]) -> Option<()> {
        let bytes = self.blocks.as_flattened_mut();
        let mut length = 0usize;
        for piece in pieces {
            let end = length.checked_add(piece.len())?;
            if end > SHORT_MAX {
                return None;
            }
            bytes.get_mut(length..end)?.copy_from_slice(piece);
            length = end;
        }
        bytes.get_mut(length..)?.fill(0);
        *bytes.get_mut(length)? = 0x80;
        self.used = if length < 56 { 1 } else { 2 };
        let bits = u64::try_from(length).ok()?.checked_mul(8)?;
        let last = if self.used == 1 { 56 } else { 120 };
        bytes.get_mut(last..)?.first_chunk_mut::<8>()?.copy_from_slice(&bits.to_be_bytes());
        Some(())
    }

    /// Replaces it by [`Self::node`]; what it is after `None` is nothing to rely on. Nodes of binary trees with 32-byte
    /// children and 16 bytes before the first, left child or right, are put together by moves of fixed length.
    #[inline]
    pub(crate) fn set_node(&mut self, prefix: &[u8], child: &Hash, suffix: &[u8]) -> Option<()> {
        let bytes = self.blocks.as_flattened_mut();
        if let (Some((name, [])), Some((right, []))) = (prefix.split_first_chunk(), suffix.split_first_chunk()) {
            let (to, bytes) = bytes.split_first_chunk_mut::<16>()?;
            *to = *name;
            let (to, bytes) = bytes.split_first_chunk_mut::<32>()?;
            *to = child.0;
            *bytes.first_chunk_mut::<32>()? = *right;
        } else if let (Some((left, [])), []) = (prefix.split_first_chunk(), suffix) {
            let (to, bytes) = bytes.split_first_chunk_mut::<48>()?;
            *to = *left;
            *bytes.first_chunk_mut::<32>()? = child.0;
        } else {
            return self.set(&[prefix, &child.0, suffix]);
        }
        // 80 bytes: the end of the message, and its 640 bits.
        *self.blocks.as_flattened_mut().last_chunk_mut::<48>()? = END_OF_80;
        self.used = 2;
        Some(())
    }

    /// Its digest.
    #[inline]
    pub(crate) fn digest(&self) -> Hash {
        let mut state = START;
        compress256(&mut state, self.blocks.get(..self.used).unwrap_or(&[]));
        finish(&state)
    }

    /// The digests of several messages. Block by block over all of them: their compressions do not wait for each other,
    /// which the processor uses.
    pub(crate) fn digests<const N: usize>(messages: &[Self; N]) -> [Hash; N] {
        let mut states = [START; N];
        for (state, message) in states.iter_mut().zip(messages) {
            compress256(state, core::slice::from_ref(&message.blocks[0]));
        }
        for (state, message) in states.iter_mut().zip(messages) {
            if message.used > 1 {
                compress256(state, core::slice::from_ref(&message.blocks[1]));
            }
        }
        states.map(|state| finish(&state))
    }
}

#[inline]
fn finish(state: &[u32; 8]) -> Hash {
    let mut digest = [0; 32];
    let (words, _) = digest.as_chunks_mut::<4>();
    for (bytes, word) in words.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    Hash(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn every_length_up_to_the_longest_gives_the_general_hashers_digest_and_one_more_is_none() {
        for length in 0..=SHORT_MAX {
            let message: std::vec::Vec<u8> = (0..length).map(|at| at as u8).collect();
            let (front, back) = message.split_at(length / 3);
            let short = Short::new(&[front, back]).expect("short enough");
            let expected = Hash(Sha256::digest(&message).into());
            assert_eq!(short.digest(), expected, "{length} bytes");
            let other = Short::new(&[&message[..length / 2]]).expect("short enough");
            let both = Short::digests(&[short, other]);
            assert_eq!(both, [expected, Hash(Sha256::digest(&message[..length / 2]).into())], "{length} bytes");
        }
        assert!(Short::new(&[&[0; SHORT_MAX + 1]]).is_none());
    }

    #[test]
    fn a_node_of_any_form_has_the_general_hashers_digest() {
        let bytes: std::vec::Vec<u8> = (0..=255).collect();
        let child = Hash([0xc5; 32]);
        for (before, after) in [(16, 32), (48, 0), (16, 0), (48, 32), (0, 0), (1, 32), (17, 32), (16, 31), (87, 0)] {
            let (prefix, suffix) = (&bytes[..before], &bytes[100..100 + after]);
            let expected = Hash(Sha256::digest([prefix, &child.0, suffix].concat()).into());
            assert_eq!(Short::node(prefix, &child, suffix).expect("short").digest(), expected, "{before} {after}");
        }
        assert!(Short::node(&bytes[..88], &child, &[]).is_none());
        // What stood there before leaves nothing behind.
        let mut node = Short::node(&bytes[..48], &child, &[]).expect("short");
        node.set_node(&[], &child, &[]).expect("short");
        assert_eq!(node.digest(), Hash(Sha256::digest(child.0).into()));
    }
}
