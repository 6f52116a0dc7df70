//! A chain's node: the ledger's own engine over two simulated files, making blocks as its writer would. It refuses to
//! know who asks it.

use crate::disk::Medium;
use crate::life::Life;
use crate::machine;
use crate::net::Net;
use crate::oracle::{Oracle, Promise};
use crate::plan::Party;
use comity_ledger_engine::{Clock, EngineConfig, Handle, Stepper, ValidatorKey};
use comity_model::Time;
use comity_model::genesis::Genesis;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How long a chain is silent before an empty block shows that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// A node. What it has on disk outlives its lives.
pub struct Node {
    /// Whose chain it is.
    pub number: u8,
    /// The chain's first state.
    pub genesis: Genesis,
    keys: Vec<ValidatorKey>,
    blocks: Medium,
    state: Medium,
    net: Arc<Net>,
    oracle: Arc<Oracle>,
    running: Mutex<Option<(Life, Handle)>>,
    told: watch::Sender<u64>,
    work: Notify,
}

struct NodeClock(Arc<Net>, Party);

impl Clock for NodeClock {
    fn now(&self) -> Time {
        self.0.clock(self.1)
    }
}

impl Node {
    /// A node that was never started.
    #[must_use]
    pub fn new(number: u8, genesis: Genesis, keys: Vec<ValidatorKey>, net: Arc<Net>, oracle: Arc<Oracle>) -> Self {
        Self {
            number,
            genesis,
            keys,
            blocks: Medium::new(),
            state: Medium::new(),
            net,
            oracle,
            running: Mutex::new(None),
            told: watch::Sender::new(0),
            work: Notify::new(),
        }
    }

    /// The files, to be crashed.
    pub fn media(&self) -> [&Medium; 2] {
        [&self.blocks, &self.state]
    }

    /// Lives until `life` ends.
    pub async fn live(&self, life: Life) {
        let mut stepper = match self.open(&life) {
            Ok(stepper) => stepper,
            Err(_) if !life.goes_on() => return,
            Err(error) => self.oracle.broken(Promise::Restart, error),
        };
        let handle = stepper.handle();
        *self.lock() = Some((life.clone(), handle.clone()));
        self.tell(&life, &handle);
        while life.goes_on() {
            tokio::select! {
                biased;
                () = life.ended() => break,
                () = self.work.notified() => {}
                () = tokio::time::sleep(stepper.patience()) => {}
            }
            // A block takes a while, and what comes meanwhile is in it.
            tokio::time::sleep(Duration::from_millis(self.net.between(1, 12))).await;
            if !life.goes_on() {
                break;
            }
            match stepper.step() {
                Ok(()) => self.tell(&life, &handle),
                Err(_) if !life.goes_on() => break,
                Err(error) => self.oracle.broken(Promise::Restart, error),
            }
        }
        *self.lock() = None;
    }

    fn open(&self, life: &Life) -> Result<Stepper, Box<dyn std::error::Error + Send + Sync>> {
        let mut config = EngineConfig::new(self.genesis.clone(), self.keys.clone());
        config.heartbeat = HEARTBEAT;
        config.clock = Arc::new(NodeClock(Arc::clone(&self.net), Party::Node(self.number)));
        let stepper = Stepper::open(config, self.blocks.open(life.clone()), self.state.open(life.clone()));
        stepper.map_err(|error| describe(&error).into())
    }

    fn tell(&self, life: &Life, handle: &Handle) {
        self.oracle.blocks(self.number, handle);
        if life.goes_on() {
            self.told.send_replace(handle.latest().map_or(0, |block| block.height().0));
        }
    }

    /// Has a living node do something; `None` from a dead one.
    pub fn serve<T>(&self, what: impl FnOnce(&Handle) -> Option<T>) -> Option<T> {
        let running = self.lock().clone();
        let (life, handle) = running.filter(|(life, _)| life.goes_on())?;
        let answer = what(&handle);
        // A disk that died under the question answers nothing.
        answer.filter(|_| life.goes_on())
    }

    /// Says that work waits.
    pub fn wake(&self) {
        self.work.notify_one();
    }

    /// Waits until the node has told of another block than `seen`, or `patience` is over.
    pub async fn another(&self, seen: u64, patience: Duration) {
        let mut told = self.told.subscribe();
        let news = async {
            while *told.borrow_and_update() <= seen {
                if told.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(patience, news).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Life, Handle)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error with what caused it.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    format!("{text} (at {} ms)", machine::now_ms())
}
