//! A frame of the journal: one batch, in a form from which one deposit can be read without the others, and erased.
//!
//! | bytes | content (integers little-endian) |
//! |---|---|
//! | 128 | head: magic and form, count, first index, time, lengths of texts and seal, CRC-32 of the frame (as zero), how many deposits were on disk before, key of the request or zeros |
//! | 128 each | rows: salts, digests, size, where the item's and the circumstances' texts are; all zero: erased |
//! | | texts: canonical `Item`s and `Circumstances`, equal ones once |
//! | | seal: canonical `(DepositBatch, Signature)`, or nothing |
//! | | zeros up to a multiple of 128 |
//!
//! Frames begin at multiples of 128, so that a row lies in one sector: it is erased whole or not at all. The CRC is for frames
//! that were being written when the power went; later damage is found because an entry no longer fits.

use crate::batch::{Batch, Deposit};
use comity_model::deposit::{Circumstances, Content, DepositBatch, Item, Statement};
use comity_model::seal::Signature;
use comity_model::{Hash, UnixSeconds, decode, encode};
use std::collections::HashMap;

/// What frames, their heads and their rows are multiples of.
pub(crate) const UNIT: usize = 128;
const MAGIC: [u8; 8] = *b"COMITYD\x01";
/// Largest frame: a batch of the most files with the longest texts.
const BYTES_MAX: usize = 64 << 20;

/// What a frame's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Number of deposits.
    pub(crate) count: u32,
    /// The first one's index.
    pub(crate) first: u64,
    /// When the batch came.
    pub(crate) at: UnixSeconds,
    texts: u32,
    seal: u32,
    crc: u32,
    /// Deposits that were on disk when the frame was written.
    pub(crate) synced: u64,
    /// The key of the request that the batch answers.
    pub(crate) request: Option<Hash>,
}

impl Head {
    /// `None` where no frame begins.
    pub(crate) fn parse(bytes: &[u8; UNIT]) -> Option<Self> {
        let number = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap_or(&[0; 4]));
        let long = |at: usize| u64::from_le_bytes(*bytes[at..].first_chunk().unwrap_or(&[0; 8]));
        let head = Self {
            count: number(8),
            first: long(16),
            at: UnixSeconds(long(24)),
            texts: number(32),
            seal: number(36),
            crc: number(40),
            synced: long(48),
            request: Some(Hash(*bytes[56..].first_chunk().unwrap_or(&[0; 32]))).filter(|key| *key != Hash::ZERO),
        };
        // One form: what is not read is zero.
        let sound = head.bytes() == *bytes
            && (1..=Batch::COUNT_MAX).contains(&usize::try_from(head.count).ok()?)
            && head.length() <= BYTES_MAX;
        sound.then_some(head)
    }

    /// The frame's length in bytes.
    pub(crate) fn length(&self) -> usize {
        let body = self.texts_at() + self.texts as usize + self.seal as usize;
        body.next_multiple_of(UNIT)
    }

    /// Where the row of the deposit at `place` of the batch begins, from the frame's beginning.
    pub(crate) fn row_at(&self, place: u32) -> usize {
        UNIT * (1 + place as usize)
    }

    /// Where the texts begin.
    pub(crate) fn texts_at(&self) -> usize {
        self.row_at(self.count)
    }

    /// Where the seal's bytes are, from the frame's beginning.
    pub(crate) fn seal_at(&self) -> (usize, usize) {
        (self.texts_at() + self.texts as usize, self.seal as usize)
    }

    /// Whether the whole frame is as it was written.
    pub(crate) fn holds(&self, frame: &[u8]) -> bool {
        frame.len() == self.length() && self.crc_over(&frame[UNIT..]) == self.crc
    }

    fn crc_over(&self, body: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&Self { crc: 0, ..*self }.bytes());
        hasher.update(body);
        hasher.finalize()
    }

    fn bytes(&self) -> [u8; UNIT] {
        let mut bytes = [0; UNIT];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.count.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.at.0.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.texts.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.seal.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.crc.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.synced.to_le_bytes());
        bytes[56..88].copy_from_slice(&self.request.unwrap_or(Hash::ZERO).0);
        bytes
    }
}

/// Where a text is among a frame's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) at: u32,
    pub(crate) length: u32,
}

/// A row of a frame: a deposit without its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) content: Content,
    pub(crate) statement_salt: [u8; 16],
    pub(crate) item: Text,
    pub(crate) circumstances: Text,
}

impl Row {
    /// `None` for one that was erased.
    pub(crate) fn parse(bytes: &[u8; UNIT]) -> Option<Self> {
        if *bytes == [0; UNIT] {
            return None;
        }
        let number = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap_or(&[0; 4]));
        let salt = |at: usize| *bytes[at..].first_chunk::<16>().unwrap_or(&[0; 16]);
        let hash = |at: usize| Hash(*bytes[at..].first_chunk::<32>().unwrap_or(&[0; 32]));
        let size = u64::from_le_bytes(*bytes[96..].first_chunk().unwrap_or(&[0; 8]));
        Some(Self {
            content: Content { salt: salt(0), sha256: hash(32), sm3: hash(64), size },
            statement_salt: salt(16),
            item: Text { at: number(104), length: number(108) },
            circumstances: Text { at: number(112), length: number(116) },
        })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.content.salt);
        bytes.extend_from_slice(&self.statement_salt);
        bytes.extend_from_slice(&self.content.sha256.0);
        bytes.extend_from_slice(&self.content.sm3.0);
        bytes.extend_from_slice(&self.content.size.to_le_bytes());
        for text in [self.item, self.circumstances] {
            bytes.extend_from_slice(&text.at.to_le_bytes());
            bytes.extend_from_slice(&text.length.to_le_bytes());
        }
        // A row that is not erased is never all zero, whatever it holds.
        bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
    }
}

/// Writes a batch, whose first deposit has index `first`, as a frame at the end of `bytes`, whose length is a multiple of
/// [`UNIT`]; `synced` deposits are on disk already.
pub(crate) fn write(batch: &Batch, first: u64, synced: u64, bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    bytes.resize(begin + UNIT, 0);
    let mut texts = encode(batch.circumstances());
    let circumstances = Text { at: 0, length: length(&texts) };
    let mut known: HashMap<&Item, Text> = HashMap::new();
    for deposit in batch.deposits() {
        let item = *known.entry(&deposit.item).or_insert_with(|| {
            let at = length(&texts);
            texts.extend_from_slice(&encode(&deposit.item));
            Text { at, length: length(&texts) - at }
        });
        let Deposit { content, statement_salt, .. } = *deposit;
        Row { content, statement_salt, item, circumstances }.write(bytes);
    }
    let seal = batch.seal().map(encode).unwrap_or_default();
    bytes.extend_from_slice(&texts);
    bytes.extend_from_slice(&seal);
    bytes.resize(bytes.len().next_multiple_of(UNIT), 0);
    let count = u32::try_from(batch.deposits().len()).unwrap_or(u32::MAX);
    let (texts, seal) = (length(&texts), length(&seal));
    let request = batch.request().copied();
    let head = Head { count, first, at: batch.at(), texts, seal, crc: 0, synced, request };
    let head = Head { crc: head.crc_over(&bytes[begin + UNIT..]), ..head };
    bytes[begin..begin + UNIT].copy_from_slice(&head.bytes());
}

// A frame is bounded far below 4 GiB: texts are.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// The statement of a row, from its texts' bytes; `None` where they are not those of one.
pub(crate) fn statement(row: &Row, item: &[u8], circumstances: &[u8]) -> Option<Statement> {
    Some(Statement {
        salt: row.statement_salt,
        item: decode::<Item>("an item", item).ok()?,
        circumstances: decode::<Circumstances>("circumstances", circumstances).ok()?,
    })
}

/// A batch's seal, from its bytes; `Some(None)` where there is none.
#[allow(clippy::option_option, reason = "damaged, absent and there are three things")]
pub(crate) fn seal(bytes: &[u8]) -> Option<Option<(DepositBatch, Signature)>> {
    if bytes.is_empty() {
        return Some(None);
    }
    decode::<(DepositBatch, Signature)>("a batch's seal", bytes).ok().map(Some)
}

/// By what a batch's deposits are found: their digests, their case, and the first by the request.
pub(crate) fn keys_of(batch: &Batch, first: u64) -> impl Iterator<Item = (u64, Hash)> + '_ {
    let case = case_key(&batch.circumstances().case);
    let request = batch.request().map(|key| (first, *key));
    let each = (first..).zip(batch.deposits()).flat_map(move |(index, deposit)| {
        let digests = [deposit.content.sha256, deposit.content.sm3];
        digests.into_iter().chain(case).map(move |key| (index, key))
    });
    request.into_iter().chain(each)
}

/// The key of a case; none of deposits without one.
pub(crate) fn case_key(case: &str) -> Option<Hash> {
    (!case.is_empty()).then(|| comity_verify::merkle::leaf_hash(&[b"case\0", case.as_bytes()].concat()))
}

/// The same from a frame of which rows may have been erased.
pub(crate) fn keys(head: &Head, frame: &[u8]) -> Option<Vec<(u64, Hash)>> {
    let texts = frame.get(head.texts_at()..)?;
    let mut keys: Vec<(u64, Hash)> = head.request.map(|key| (head.first, key)).into_iter().collect();
    let mut case = None;
    for (index, place) in (head.first..).zip(0..head.count) {
        let Some(row) = Row::parse(frame.get(head.row_at(place)..)?.first_chunk()?) else { continue };
        if case.is_none() {
            let text = texts.get(row.circumstances.at as usize..)?.get(..row.circumstances.length as usize)?;
            case = Some(case_key(&decode::<Circumstances>("circumstances", text).ok()?.case));
        }
        let digests = [row.content.sha256, row.content.sm3];
        keys.extend(digests.into_iter().chain(case.flatten()).map(|key| (index, key)));
    }
    Some(keys)
}

/// The batch of a whole frame that holds; `None` where a row was erased or a text does not decode.
pub(crate) fn batch(head: &Head, frame: &[u8]) -> Option<Batch> {
    let texts = &frame[head.texts_at()..];
    let text = |text: Text| texts.get(text.at as usize..)?.get(..text.length as usize);
    let mut deposits = Vec::with_capacity(head.count as usize);
    let mut circumstances = None;
    let mut items: HashMap<u32, Item> = HashMap::new();
    for place in 0..head.count {
        let row = Row::parse(frame[head.row_at(place)..].first_chunk()?)?;
        let item = match items.get(&row.item.at) {
            Some(item) => item.clone(),
            None => {
                let item: Item = decode("an item", text(row.item)?).ok()?;
                items.insert(row.item.at, item.clone());
                item
            }
        };
        if circumstances.is_none() {
            circumstances = Some(decode::<Circumstances>("circumstances", text(row.circumstances)?).ok()?);
        }
        deposits.push(Deposit { content: row.content, statement_salt: row.statement_salt, item });
    }
    let batch = Batch::new(deposits, circumstances?, head.at)?;
    let batch = match head.request {
        Some(key) => batch.for_request(key),
        None => batch,
    };
    let (at, length) = head.seal_at();
    Some(match seal(frame.get(at..at + length)?)? {
        Some((sealed, signature)) => batch.under(sealed, signature),
        None => batch,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use comity_model::deposit::DepositKind;

    pub(crate) fn sample(count: u8) -> Batch {
        let deposits = (0..count).map(|number| Deposit {
            content: Content { salt: [number; 16], sha256: Hash([number; 32]), sm3: Hash([!number; 32]), size: 9 },
            statement_salt: [number ^ 1; 16],
            item: Item { name: format!("{}.pdf", number / 2), ..Item::default() },
        });
        let circumstances = Circumstances {
            kind: DepositKind::CaseFile,
            depositor: "court".parse().unwrap(),
            identified_by: String::new(),
            source: "the court's registry".into(),
            method: String::new(),
            custody: String::new(),
            environment: String::new(),
            case: "(2026) 1".into(),
        };
        Batch::new(deposits.collect(), circumstances, UnixSeconds(7)).unwrap()
    }

    #[test]
    fn a_frame_is_read_as_the_batch_that_was_written_and_a_changed_one_does_not_hold() {
        let mut bytes = vec![0; UNIT];
        write(&sample(5), 40, 30, &mut bytes);
        let frame = &bytes[UNIT..];
        let head = Head::parse(frame.first_chunk().unwrap()).unwrap();
        assert_eq!((head.first, head.count, head.length()), (40, 5, frame.len()));
        assert!(head.holds(frame));
        assert_eq!(batch(&head, frame).unwrap(), sample(5));
        for at in (0..88).chain(UNIT..frame.len()) {
            let mut changed = frame.to_vec();
            changed[at] ^= 4;
            let head = Head::parse(changed.first_chunk().unwrap());
            assert!(!head.is_some_and(|head| head.holds(&changed)), "{at}");
        }
        assert_eq!(Head::parse(&[0; UNIT]), None);
    }

    #[test]
    fn equal_texts_stand_once() {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        write(&sample(1), 0, 0, &mut one);
        write(&sample(2), 0, 0, &mut two);
        assert_eq!(two.len(), one.len() + UNIT);
    }

    #[test]
    fn a_zero_row_is_an_erased_one() {
        let mut bytes = Vec::new();
        write(&sample(1), 0, 0, &mut bytes);
        assert!(Row::parse(bytes[UNIT..].first_chunk().unwrap()).is_some());
        assert_eq!(Row::parse(&[0; UNIT]), None);
    }
}
