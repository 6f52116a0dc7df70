//! Deposits in batches, as a depositor's system sends them: synthetic digests, each batch under the court's own seal, answered
//! when it is durable.
//! Refuses to wait for proofs: they follow with the chain's blocks, and cost the same however many deposits a head covers.

use super::{Outcome, Sizes, Workload};
use crate::bench::target::{Connections, Target};
use crate::cli::bench::DepositsArgs;
use crate::failure::{Failure, OrFail};
use comity_proto::v1;
use comity_proto::v1::deposits_client::DepositsClient;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::transport::Channel;

/// Who keeps the log.
const KEEPER: &str = "court";
/// Batches that bring connections up and the log's files into being.
const WARM_UP: u64 = 8;
/// Batches under way at once: each is a megabyte on either side.
const UNDER_WAY_MAX: u64 = 64;
/// Bytes of a file's invented size, at most.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Batches of deposits.
pub(in crate::bench) struct Deposits {
    clients: Connections<DepositsClient<Channel>>,
    batch: u16,
    seed: u64,
    next: AtomicU64,
}

impl Deposits {
    pub(in crate::bench) fn open(target: &Target, args: &DepositsArgs) -> Result<Self, Failure> {
        let keeper = KEEPER.parse().or_fault(|| "the court's name is malformed".into())?;
        Ok(Self {
            clients: target.connections(&keeper, "clerk", args.load.connections, DepositsClient::new)?,
            batch: args.batch,
            seed: args.load.seed,
            next: AtomicU64::new(0),
        })
    }

    /// The next batch: no digest comes twice.
    fn request(&self) -> v1::BatchCreateDepositsRequest {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut random = StdRng::seed_from_u64(self.seed.rotate_left(32) ^ number);
        let digest = |random: &mut StdRng| {
            let mut digest = vec![0; 32];
            random.fill_bytes(&mut digest);
            digest
        };
        let items = (0..self.batch).map(|_| v1::DepositItem {
            sha256: digest(&mut random),
            sm3: digest(&mut random),
            size_bytes: random.next_u64() % FILE_BYTES_MAX,
            ..Default::default()
        });
        v1::BatchCreateDepositsRequest {
            parent: format!("members/{KEEPER}"),
            items: items.collect(),
            request_id: uuid::Uuid::new_v4().into_bytes().to_vec(),
            circumstances: Some(v1::Circumstances {
                kind: v1::DepositKind::TradingRecord.into(),
                source: "trading platform".into(),
                method: "export".into(),
                ..Default::default()
            }),
            if_deposited: v1::IfDeposited::DepositAgain.into(),
            seal: Vec::new(),
        }
    }
}

#[tonic::async_trait]
impl Workload for Deposits {
    const NAME: &'static str = "deposits";

    async fn once(&self) -> Outcome {
        match self.clients.next().batch_create_deposits(self.request()).await {
            Ok(made) if made.get_ref().count == u32::from(self.batch) => Outcome::Answered,
            Ok(_) => Outcome::Failed("NOT_ALL_MADE".into()),
            Err(status) => Outcome::of(&status),
        }
    }

    fn warm_up(&self) -> u64 {
        WARM_UP
    }

    fn each(&self) -> u64 {
        self.batch.into()
    }

    fn under_way_max(&self) -> u64 {
        UNDER_WAY_MAX
    }

    async fn sizes(&self) -> Result<Option<Sizes>, Failure> {
        // An echo of a megabyte says what the bytes cost, not what the work costs: nothing is compared with it.
        Ok(None)
    }
}
