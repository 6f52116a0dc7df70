//! The network between the parties, and the weather: what is cut, lost, repeated and late, who lies to whom, and whose
//! clock is wrong. It refuses to know what is sent.

use crate::chance::Chance;
use crate::life::Life;
use crate::machine;
use crate::plan::{Lie, Party};
use comity_model::Time;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How late a message is in good weather, at most.
const LATE_MS: u64 = 8;
/// How long one waits for an answer that does not come.
const PATIENCE: Duration = Duration::from_secs(2);

/// The network. One per world.
pub struct Net(Mutex<Inner>);

struct Inner {
    chance: Chance,
    next: u64,
    weather: BTreeMap<u64, Weather>,
    skews: BTreeMap<Party, i64>,
}

/// Something that is wrong with the network for a while.
#[derive(Clone, Copy, Debug)]
pub enum Weather {
    /// Nothing passes between two.
    Cut(Party, Party),
    /// Nothing passes from and to one.
    Isolated(Party),
    /// What passes from and to one is lost and repeated at these percentages, and so many milliseconds late.
    Noise(Party, u64, u64, u64),
    /// A node lies to one.
    Lies(Party, Party, Lie),
}

/// No answer came; whether the question arrived is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

/// What becomes of a message.
struct Fate {
    lost: bool,
    twice: bool,
    late: Duration,
}

impl Net {
    /// A network in good weather.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Inner {
            chance: Chance::of(seed, "net"),
            next: 0,
            weather: BTreeMap::new(),
            skews: BTreeMap::new(),
        }))
    }

    /// Begins something; what it returns ends it.
    pub fn begin(&self, weather: Weather) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        let number = inner.next;
        inner.weather.insert(number, weather);
        number
    }

    /// Ends something that was begun.
    pub fn end(&self, number: u64) {
        self.lock().weather.remove(&number);
    }

    /// Sets a party's clock so many milliseconds ahead.
    pub fn skew(&self, who: Party, ms: i64) {
        self.lock().skews.insert(who, ms);
    }

    /// What a party's clock shows.
    pub fn clock(&self, who: Party) -> Time {
        let ms = self.lock().skews.get(&who).copied().unwrap_or(0);
        let now = machine::now();
        if ms >= 0 {
            return now.plus_nanos(ms.unsigned_abs() * 1_000_000);
        }
        let nanos = i128::from(now.seconds()) * 1_000_000_000 + i128::from(now.nanos()) + i128::from(ms) * 1_000_000;
        let seconds = i64::try_from(nanos / 1_000_000_000).unwrap_or(0);
        Time::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0)).unwrap_or(now)
    }

    /// How `node` lies to `to` now, if it does.
    pub fn lie(&self, node: Party, to: Party) -> Option<Lie> {
        self.lock().weather.values().find_map(|weather| match weather {
            Weather::Lies(liar, listener, how) if *liar == node && *listener == to => Some(*how),
            _ => None,
        })
    }

    /// Whether nothing passes between two.
    pub fn is_cut(&self, a: Party, b: Party) -> bool {
        self.lock().weather.values().any(|weather| match weather {
            Weather::Cut(x, y) => (*x, *y) == (a, b) || (*x, *y) == (b, a),
            Weather::Isolated(x) => *x == a || *x == b,
            _ => false,
        })
    }

    /// A number of the network's chance.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        self.lock().chance.between(low, high)
    }

    /// How late the next message is; `None` for one that is lost.
    pub fn message(&self, from: Party, to: Party) -> Option<Duration> {
        let fate = self.fate(from, to);
        (!fate.lost).then_some(fate.late)
    }

    /// How late the next piece of a connection is; `None` when the connection breaks.
    pub fn piece(&self, from: Party, to: Party) -> Option<Duration> {
        let fate = self.fate(from, to);
        // What is lost comes again on a connection; it breaks when much is lost.
        let breaks = fate.lost && (self.is_cut(from, to) || self.between(0, 3) == 0);
        (!breaks).then_some(fate.late)
    }

    /// Asks `to` something: what `serve` answers, if question and answer arrive. `serve` is called twice where the
    /// question is repeated on its way, and not at all where it is lost; it answers `None` for a dead process.
    pub async fn ask<T>(
        &self,
        life: &Life,
        (from, to): (Party, Party),
        serve: impl Fn() -> Option<T>,
    ) -> Result<T, NoAnswer> {
        let asked = async {
            let there = self.fate(from, to);
            if there.lost {
                return self.none().await;
            }
            tokio::time::sleep(there.late).await;
            let mut answer = serve();
            if there.twice {
                answer = serve();
            }
            let Some(answer) = answer else {
                return self.none().await;
            };
            let back = self.fate(to, from);
            if back.lost {
                return self.none().await;
            }
            tokio::time::sleep(back.late).await;
            Ok(answer)
        };
        life.run(asked).await
    }

    /// Waits as long as one waits for nothing.
    pub async fn none<T>(&self) -> Result<T, NoAnswer> {
        tokio::time::sleep(PATIENCE).await;
        Err(NoAnswer)
    }

    fn fate(&self, from: Party, to: Party) -> Fate {
        let cut = self.is_cut(from, to);
        let mut inner = self.lock();
        let (mut lost, mut twice, mut late_ms) = (0, 0, LATE_MS);
        for weather in inner.weather.values() {
            if let Weather::Noise(who, more_lost, more_twice, later_ms) = weather
                && (*who == from || *who == to)
            {
                lost = lost.max(*more_lost);
                twice = twice.max(*more_twice);
                late_ms = late_ms.max(*later_ms);
            }
        }
        let (lost, twice) = (inner.chance.percent(lost), inner.chance.percent(twice));
        let late = Duration::from_micros(inner.chance.between(200, late_ms * 1_000));
        Fate { lost: lost || cut, twice, late }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
