//! What stands in a CometBFT block besides what a light client judges. The bytes and hashes are `verify`'s, the
//! parameters are those of every Comity chain. Pure; knows neither store nor clock.

use comity_ledger_app::TxResult;
use comity_ledger_rpc::node::{BLOCK_BYTES_MAX, GAS_MAX};
use comity_model::{Hash, Time};
use comity_verify::comet::{self, Commit, Header, PartSetHeader, TxOutcome};
use sha2::{Digest as _, Sha256};

/// The empty commit that the first block carries, as field 4 of the block: `Commit{block_id: {part_set_header: {}}}`.
const FIRST_COMMIT: [u8; 6] = [0x22, 0x04, 0x1a, 0x02, 0x12, 0x00];

/// The hash of a transaction.
pub(crate) fn tx_hash(tx: &[u8]) -> Hash {
    Hash(Sha256::digest(tx).into())
}

/// The hash of the consensus parameters.
pub(crate) fn consensus_hash() -> Hash {
    comet::consensus_hash(BLOCK_BYTES_MAX, GAS_MAX)
}

/// The root over a block's results. Code only: Comity's results carry no data and no gas.
pub(crate) fn results_hash(results: &[TxResult]) -> Hash {
    let outcomes: Vec<TxOutcome<'_>> =
        results.iter().map(|result| TxOutcome { code: result.code, ..TxOutcome::default() }).collect();
    comet::results_hash(&outcomes)
}

/// The block's parts and the number of its bytes in protobuf.
pub(crate) fn parts(header: &Header, txs: &[Vec<u8>], last_commit: Option<&Commit>) -> (PartSetHeader, u64) {
    let mut bytes = comet::block_bytes(header, txs, last_commit);
    if last_commit.is_none() {
        bytes.extend_from_slice(&FIRST_COMMIT);
    }
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    (comet::parts(&bytes), size)
}

/// The time of a commit's votes: the engine gives all of them one, so it is their weighted median (BFT time).
pub(crate) fn vote_time(commit: &Commit) -> Option<Time> {
    commit.signatures.iter().find_map(|entry| entry.for_block()).map(|vote| vote.time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::Height;
    use comity_verify::comet::{AppHash, BlockId, CommitSig, Version, Vote};

    fn hash(text: &str) -> Hash {
        Hash::from_hex(text).expect("a hash")
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()).expect("hex of that length")
    }

    const EMPTY: &str = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
    const VALIDATORS: &str = "33415EFFCEDA5BD0A3A443A727457D9F7B9E38389BF27A936FEDF749A7B7566E";

    fn header(height: u64, time: &str, last: Option<BlockId>, last_commit_hash: &str) -> Header {
        Header {
            version: Version { block: 11, app: 1 },
            chain_id: "dockerchain".parse().expect("a chain id"),
            height: Height(height),
            time: time.parse().expect("a time"),
            last_block_id: last,
            last_commit_hash: Some(hash(last_commit_hash)),
            data_hash: Some(hash(EMPTY)),
            validators_hash: hash(VALIDATORS),
            next_validators_hash: hash(VALIDATORS),
            consensus_hash: Some(consensus_hash()),
            app_hash: AppHash::new(vec![0; 8]).expect("short"),
            last_results_hash: Some(results_hash(&[])),
            evidence_hash: Some(comet::evidence_hash()),
            proposer_address: bytes("2DD9F44FD9067555C322243C3C913BA7B51D2BE0"),
        }
    }

    // Blocks 1 and 10 that CometBFT 0.38 made: facts from tendermint-rs, `rpc/tests/kvstore_fixtures/v0_38/incoming`.

    #[test]
    fn the_first_block_has_the_parts_that_cometbft_gives_it() {
        let header = header(1, "2023-05-17T14:12:48.347696215Z", None, EMPTY);
        assert_eq!(header.hash(), hash("6CD5CF4E23A49D9BC073D6F305D29D1B8B5193B534C237696D42FEA5AFBCD520"));
        let (parts, _) = parts(&header, &[], None);
        assert_eq!(parts.total, 1);
        assert_eq!(parts.hash, hash("F021777213F7EF77494C9B5C11D246A6F532DA146D205422D1FB85600F6B479C"));
    }

    #[test]
    fn a_later_block_has_the_parts_and_the_size_that_cometbft_gives_it() {
        let id = BlockId {
            hash: hash("678A83FB0422D053A3792154703122861DD68ABB8247A4FF2945DF832DB18FC8"),
            parts: PartSetHeader {
                total: 1,
                hash: hash("29FE32F6B57D8439C9E9F6240B436DD560646FDA8C8C105E2C261B6F4746E89C"),
            },
        };
        let time = "2023-05-17T14:12:53.088875124Z";
        let last_commit = Commit {
            height: Height(9),
            round: 0,
            block_id: id,
            signatures: vec![CommitSig::Commit(Vote {
                address: bytes("2DD9F44FD9067555C322243C3C913BA7B51D2BE0"),
                time: time.parse().expect("a time"),
                signature: bytes(
                    "04ccb9a41ddaf717849ee0648dafdae8652f3f582e67694c42d65\
                     8bddae5f2cd2b8b5fcb685d09b88f6b3accb56e2553bfe4c32b39415d367981d822ab4b8202",
                ),
            })],
        };
        let header = header(10, time, Some(id), "A3AD467820428D99FD53BFCF38CDC1EB141DD27E3B5F0F3931BBE91FBA8B097D");
        assert_eq!(header.last_commit_hash, Some(comet::commit_hash(&last_commit)));
        assert_eq!(header.hash(), hash("00ECDAC463C201ECD4BDBBAAE4A53A4C80291D4051FD69ED97F6420CE1388BFE"));
        let (parts, size) = parts(&header, &[], Some(&last_commit));
        assert_eq!(parts.hash, hash("FF0A320E696FD233DD4D3CC7CD82FF90F54B8FDBC9C700D9375C95A02782B062"));
        assert_eq!(size, 569);
        assert_eq!(vote_time(&last_commit), time.parse().ok());
    }

    #[test]
    fn the_parameters_hash_as_cometbft_hashes_its_defaults() {
        assert_eq!(consensus_hash(), hash("048091BC7DDC283F77BFBF91D73C44DA58C3DF8A9CBC867405D8B7F3DAADA22F"));
    }
}
