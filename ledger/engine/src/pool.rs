//! Transactions that wait for a block, oldest first, each once. Bounded in number and bytes; knows no rule of the chain:
//! what is in here has passed the application's check before.

use crate::fault::SubmitError;
use crate::outcome::TxOutcome;
use comity_model::Hash;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What a submitter waits for.
pub(crate) type Waiter = oneshot::Sender<Result<TxOutcome, SubmitError>>;

/// How many blocks may leave a transaction out before it is given up.
const LEFT_OUT_MAX: u32 = 20;
/// How many submitters may wait for one transaction.
const WAITERS_MAX: usize = 16;

/// Bounds of the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) count_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) tx_bytes_max: usize,
}

/// The waiting transactions and the bell that wakes the writer.
pub(crate) struct Pool {
    bounds: Bounds,
    inner: Mutex<Inner>,
    bell: Condvar,
}

#[derive(Default)]
struct Inner {
    /// In order of arrival; the key only grows.
    waiting: BTreeMap<u64, Waiting>,
    /// Hash → place in `waiting`.
    places: HashMap<Hash, u64>,
    next: u64,
    bytes: usize,
    /// Work that came since the writer last looked: only this makes a block at once.
    fresh: bool,
    /// A block was asked for.
    asked: bool,
    /// No more blocks.
    stopped: Option<SubmitError>,
}

struct Waiting {
    hash: Hash,
    tx: Vec<u8>,
    waiters: Vec<Waiter>,
    left_out: u32,
}

/// Why the writer woke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    Work,
    Asked,
    Time,
    Stop,
}

/// How many transactions wait, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolSize {
    /// How many wait.
    pub count: usize,
    /// Their bytes together.
    pub bytes: usize,
}

impl Pool {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, inner: Mutex::default(), bell: Condvar::new() }
    }

    // A thread that panicked while holding the lock left whole entries: every change below is complete before it can.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a checked transaction. Of one that already waits only the waiter is added; without a waiter that is an
    /// error, as on CometBFT.
    pub(crate) fn add(&self, hash: Hash, tx: Vec<u8>, waiter: Option<Waiter>) -> Result<(), SubmitError> {
        self.fits(tx.len())?;
        let mut inner = self.lock();
        if let Some(why) = &inner.stopped {
            return Err(why.clone());
        }
        if let Some(place) = inner.places.get(&hash).copied() {
            let (Some(waiter), Some(entry)) = (waiter, inner.waiting.get_mut(&place)) else {
                return Err(SubmitError::AlreadyThere);
            };
            entry.waiters.retain(|one| !one.is_closed());
            if entry.waiters.len() >= WAITERS_MAX {
                return Err(SubmitError::AlreadyThere);
            }
            entry.waiters.push(waiter);
            return Ok(());
        }
        let bytes = inner.bytes.saturating_add(tx.len());
        if inner.waiting.len() >= self.bounds.count_max || bytes > self.bounds.bytes_max {
            return Err(SubmitError::PoolFull {
                count: inner.waiting.len(),
                count_max: self.bounds.count_max,
                bytes: inner.bytes,
                bytes_max: self.bounds.bytes_max,
            });
        }
        let place = inner.next;
        inner.next = inner.next.saturating_add(1);
        inner.bytes = bytes;
        inner.places.insert(hash, place);
        inner.waiting.insert(place, Waiting { hash, tx, waiters: waiter.into_iter().collect(), left_out: 0 });
        inner.fresh = true;
        drop(inner);
        self.bell.notify_one();
        Ok(())
    }

    /// Whether a transaction of `length` bytes may wait here at all.
    pub(crate) fn fits(&self, length: usize) -> Result<(), SubmitError> {
        if length > self.bounds.tx_bytes_max {
            return Err(SubmitError::TooLarge { bytes: length, bytes_max: self.bounds.tx_bytes_max });
        }
        Ok(())
    }

    /// Whether a transaction waits.
    pub(crate) fn holds(&self, hash: &Hash) -> bool {
        self.lock().places.contains_key(hash)
    }

    /// How much waits.
    pub(crate) fn size(&self) -> PoolSize {
        let inner = self.lock();
        PoolSize { count: inner.waiting.len(), bytes: inner.bytes }
    }

    /// The oldest transactions, at most `count_max` and `bytes_max`.
    pub(crate) fn oldest(&self, count_max: usize, bytes_max: usize) -> Vec<Vec<u8>> {
        self.oldest_with_hash(count_max, bytes_max).into_iter().map(|(_, tx)| tx).collect()
    }

    /// The oldest transactions with their hashes. They stay until [`Pool::settle`].
    pub(crate) fn oldest_with_hash(&self, count_max: usize, bytes_max: usize) -> Vec<(Hash, Vec<u8>)> {
        let inner = self.lock();
        let mut bytes = 0usize;
        inner
            .waiting
            .values()
            .take(count_max)
            .take_while(|entry| {
                bytes = bytes.saturating_add(entry.tx.len());
                bytes <= bytes_max
            })
            .map(|entry| (entry.hash, entry.tx.clone()))
            .collect()
    }

    /// After a block: takes out what it holds and tells the waiters. What was offered and left out stays, and is given
    /// up after [`LEFT_OUT_MAX`] blocks. Returns whether something was left out.
    pub(crate) fn settle(&self, offered: &[Hash], outcomes: &HashMap<Hash, TxOutcome>) -> bool {
        let mut answers = Vec::new();
        let mut left = false;
        {
            let mut inner = self.lock();
            for hash in offered {
                let Some(place) = inner.places.get(hash).copied() else {
                    continue;
                };
                let answer = match (outcomes.get(hash), inner.waiting.get_mut(&place)) {
                    (Some(outcome), _) => Ok(outcome.clone()),
                    (None, Some(entry)) if entry.left_out < LEFT_OUT_MAX => {
                        entry.left_out = entry.left_out.saturating_add(1);
                        left = true;
                        continue;
                    }
                    (None, _) => Err(SubmitError::LeftOut),
                };
                inner.places.remove(hash);
                if let Some(entry) = inner.waiting.remove(&place) {
                    inner.bytes = inner.bytes.saturating_sub(entry.tx.len());
                    answers.push((entry.waiters, answer));
                }
            }
            // What was not even offered wants the next block.
            if inner.waiting.values().any(|entry| entry.left_out == 0) {
                inner.fresh = true;
            }
        }
        for (waiters, answer) in answers {
            for waiter in waiters {
                // Nobody may be waiting any more.
                let _ = waiter.send(answer.clone());
            }
        }
        left
    }

    /// Asks for a block now.
    pub(crate) fn ask(&self) {
        self.lock().asked = true;
        self.bell.notify_one();
    }

    /// Ends: tells all waiters `why`, refuses what comes after and wakes the writer.
    pub(crate) fn stop(&self, why: &SubmitError) {
        let waiting = {
            let mut inner = self.lock();
            inner.stopped.get_or_insert_with(|| why.clone());
            inner.places.clear();
            inner.bytes = 0;
            std::mem::take(&mut inner.waiting)
        };
        for waiter in waiting.into_values().flat_map(|entry| entry.waiters) {
            let _ = waiter.send(Err(why.clone()));
        }
        self.bell.notify_all();
    }

    /// Blocks the writer until there is work, a block is asked for, the pool stops, or `patience` is over.
    pub(crate) fn wait(&self, patience: Duration) -> Woken {
        let until = Instant::now().checked_add(patience);
        let mut inner = self.lock();
        loop {
            if inner.stopped.is_some() {
                return Woken::Stop;
            }
            if std::mem::take(&mut inner.fresh) && !inner.waiting.is_empty() {
                return Woken::Work;
            }
            if std::mem::take(&mut inner.asked) {
                return Woken::Asked;
            }
            let left = until.map_or(patience, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Woken::Time;
            }
            inner = self.bell.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_ledger_app::TxResult;
    use comity_model::Height;

    fn pool() -> Pool {
        Pool::new(Bounds { count_max: 2, bytes_max: 10, tx_bytes_max: 8 })
    }

    fn hash(number: u8) -> Hash {
        Hash([number; 32])
    }

    fn outcome(number: u8) -> TxOutcome {
        TxOutcome {
            hash: hash(number),
            height: Height(1),
            index: 0,
            result: TxResult { code: 0, codespace: String::new(), log: String::new(), events: vec![] },
        }
    }

    #[test]
    fn a_full_pool_refuses_and_says_so() {
        let pool = pool();
        pool.add(hash(1), vec![0; 4], None).expect("room");
        assert!(matches!(pool.add(hash(2), vec![0; 7], None), Err(SubmitError::PoolFull { bytes: 4, .. })));
        pool.add(hash(2), vec![0; 4], None).expect("room");
        assert!(matches!(pool.add(hash(3), vec![0; 1], None), Err(SubmitError::PoolFull { count: 2, .. })));
        assert!(matches!(pool.add(hash(4), vec![0; 9], None), Err(SubmitError::TooLarge { .. })));
        assert_eq!(pool.size(), PoolSize { count: 2, bytes: 8 });
    }

    #[test]
    fn the_same_transaction_waits_once_and_answers_all_who_wait() {
        let pool = pool();
        let (first, mut first_answer) = oneshot::channel();
        let (second, mut second_answer) = oneshot::channel();
        pool.add(hash(1), vec![1], Some(first)).expect("room");
        pool.add(hash(1), vec![1], Some(second)).expect("joins");
        assert!(matches!(pool.add(hash(1), vec![1], None), Err(SubmitError::AlreadyThere)));
        assert_eq!(pool.oldest(10, 10).len(), 1);
        let outcomes = HashMap::from([(hash(1), outcome(1))]);
        assert!(!pool.settle(&[hash(1)], &outcomes));
        for answer in [&mut first_answer, &mut second_answer] {
            assert_eq!(answer.try_recv().expect("told").expect("ok").hash, hash(1));
        }
        assert_eq!(pool.size(), PoolSize::default());
    }

    #[test]
    fn what_every_block_leaves_out_is_given_up() {
        let pool = pool();
        let (waiter, mut answer) = oneshot::channel();
        pool.add(hash(1), vec![1], Some(waiter)).expect("room");
        for _ in 0..LEFT_OUT_MAX {
            assert!(pool.settle(&[hash(1)], &HashMap::new()));
        }
        assert!(answer.try_recv().is_err());
        assert!(!pool.settle(&[hash(1)], &HashMap::new()));
        assert!(matches!(answer.try_recv().expect("told"), Err(SubmitError::LeftOut)));
    }

    #[test]
    fn a_stopped_pool_tells_those_who_wait_and_refuses_more() {
        let pool = pool();
        let (waiter, mut answer) = oneshot::channel();
        pool.add(hash(1), vec![1], Some(waiter)).expect("room");
        pool.stop(&SubmitError::Stopped);
        assert!(matches!(answer.try_recv().expect("told"), Err(SubmitError::Stopped)));
        assert!(matches!(pool.add(hash(2), vec![1], None), Err(SubmitError::Stopped)));
        assert_eq!(pool.wait(Duration::from_secs(9)), Woken::Stop);
    }
}
