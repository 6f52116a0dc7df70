//! A relayer process: the worker as it is, over simulated ports and disk. It refuses to know what it carries.

use crate::disk::Medium;
use crate::life::Life;
use crate::net::Net;
use crate::node::Node;
use crate::oracle::{Oracle, Promise};
use crate::parties;
use crate::plan::Party;
use crate::planted::Planted;
use crate::ports::Ports;
use comity_relayer_worker::{ChainConfig, Limits, PathConfig, Relayer as Worker, RelayerConfig};
use comity_store::{InlineStore, Store};
use comity_verify::light::Anchor;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A relayer. What it has on disk outlives its lives.
pub struct Relayer {
    /// Its number.
    pub number: u8,
    /// The nodes of all chains.
    pub nodes: Vec<Arc<Node>>,
    /// The network.
    pub net: Arc<Net>,
    /// The oracle.
    pub oracle: Arc<Oracle>,
    /// What is planted.
    pub planted: Option<Planted>,
    /// Its disk.
    pub medium: Medium,
    /// The anchors that it is told.
    pub anchors: Mutex<BTreeMap<u8, Anchor>>,
}

impl Relayer {
    /// Lives until `life` ends.
    pub async fn live(&self, life: Life) {
        match self.start(&life) {
            Ok(worker) => {
                life.ended().await;
                drop(worker);
            }
            Err(_) if !life.goes_on() => {}
            Err(error) => self.oracle.broken(Promise::Restart, error),
        }
    }

    fn start(&self, life: &Life) -> Result<Worker, Box<dyn std::error::Error + Send + Sync>> {
        let store: Arc<dyn Store> = Arc::new(InlineStore::open(self.medium.open(life.clone()))?);
        let anchors = self.anchors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let config = |node: &Arc<Node>| {
            let ports = Ports {
                who: Party::Relayer(self.number),
                life: life.clone(),
                chain: parties::chain(node.number),
                node: Arc::clone(node),
                net: Arc::clone(&self.net),
                operator: parties::operator(node.number, self.number + 1),
            };
            let anchor = anchors.get(&node.number).cloned()?;
            Some(ChainConfig { chain: Planted::at_relayer(self.planted, ports), anchor, witnesses: Vec::new() })
        };
        let chains = self.nodes.iter().map(config).collect::<Option<Vec<_>>>().ok_or("no anchor")?;
        let paths = self.nodes.iter().skip(1).map(|node| PathConfig {
            a: parties::chain(0),
            a_client: parties::client_of(node.number),
            b: parties::chain(node.number),
            b_client: parties::client_of(0),
        });
        let limits = Limits {
            sweep_every_ms: 4_000,
            inspect_every_ms: (1_000, 6_000),
            retry_ms: (100, 5_000),
            patience_ms: 20_000,
            seed: u64::from(self.number),
            ..Limits::default()
        };
        Ok(Worker::start(RelayerConfig { chains, paths: paths.collect(), store, limits })?)
    }
}
