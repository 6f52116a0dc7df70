//! What an authority for time is asked, and what it answers (RFC 3161 sections 2.4.1 and 2.4.2). Knows no transport.

use super::der::{self, BOOLEAN, Der, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE};
use super::{malformed, read};
use crate::refusal::{Refusal, Rule};
use crate::sha::sha256;
use alloc::vec::Vec;

const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// PKIStatus (RFC 3161 section 2.4.2): with a token.
const GRANTED: u32 = 0;
const GRANTED_WITH_MODS: u32 = 1;

/// A request for a token over the SHA-256 of a message, with the certificates in it.
#[derive(Clone, Debug)]
pub struct Request {
    imprint: comity_model::Hash,
    nonce: [u8; 8],
}

impl Request {
    /// Over `message`; the nonce is random, so that an answer to another request is found out.
    #[must_use]
    pub fn new(message: &[u8], mut nonce: [u8; 8]) -> Self {
        // Positive, and in its shortest form.
        nonce[0] = (nonce[0] & 0x7f) | 0x40;
        Self { imprint: sha256(&[message]), nonce }
    }

    /// A `TimeStampReq` in DER: what is posted as `application/timestamp-query`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let algorithm = der::put(SEQUENCE, &[&der::put(OID, &[SHA256]), &[NULL, 0]]);
        let imprint = der::put(SEQUENCE, &[&algorithm, &der::put(OCTET_STRING, &[&self.imprint.0])]);
        let nonce = der::put(INTEGER, &[&self.nonce]);
        der::put(SEQUENCE, &[&[INTEGER, 1, 1], &imprint, &nonce, &[BOOLEAN, 1, 0xff]])
    }

    /// The token in a `TimeStampResp`. That it holds is another question ([`super::check`]).
    ///
    /// # Errors
    /// `TIMESTAMP_FORMAT` for other bytes; `TIMESTAMP` where the request was not granted, or another one was.
    pub fn answered<'a>(&self, answer: &'a [u8]) -> Result<&'a [u8], Refusal> {
        let other = |_| malformed("an answer of an authority for time (RFC 3161) in DER", "other bytes");
        let mut outer = Der::new(answer);
        let mut inside = outer.enter(SEQUENCE).map_err(other)?;
        outer.end().map_err(other)?;
        let status = inside.enter(SEQUENCE).and_then(|mut status| status.small()).map_err(other)?;
        if !matches!(status, GRANTED | GRANTED_WITH_MODS) {
            let found = alloc::format!("status {status}");
            return Err(Refusal::new(Rule::Timestamp, "an answer with a token (status 0 or 1)", found));
        }
        let token = inside.element(SEQUENCE).map_err(other)?.whole;
        inside.end().map_err(other)?;
        if read(token)?.info.nonce != Some(&self.nonce) {
            return Err(Refusal::new(Rule::Timestamp, "the nonce of this request", "another one, or none"));
        }
        Ok(token)
    }
}
