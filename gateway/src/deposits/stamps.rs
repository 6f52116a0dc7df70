//! Has the log's checkpoints stamped by an authority for time (RFC 3161): it is asked about the newest checkpoint, as often as the
//! configuration says at the most, and what it answers is judged before it is kept with its size.
//! It refuses to wait for it: an authority that is down is shown and holds nothing up.

use super::failing::Failing;
use super::heads::{HeadBook, StampedHead};
use super::publish::{Published, Standings};
use crate::config::{Clock, Timestamps};
use crate::error::ApiError;
use crate::measure::{STAMP_FAILURES, STAMPED_AT, STAMPED_SIZE};
use crate::outside::{self, OutsideError};
use crate::recurring::every;
use comity_model::UnixSeconds;
use comity_verify::Refusal;
use comity_verify::timestamp::{self, Request, Stamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked for a new checkpoint.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the rest of an authority that failed is doubled, at the most.
const REST_DOUBLED_MAX: u32 = 6;
/// How far its clock may be from ours, and behind the chain's, in seconds.
const DRIFT_S: u64 = 60;

/// What is known of the authority.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The last checkpoint that it has stamped.
    pub(crate) last: Option<StampedHead>,
    /// Why its last answer was none.
    pub(crate) failing: Failing,
}

/// The authority for time, and what it has told.
pub(crate) struct Stamps {
    pub(crate) config: Timestamps,
    book: HeadBook,
    standings: Arc<Standings>,
    clock: Clock,
    told: Mutex<Told>,
}

/// Why there is no time stamp.
#[derive(Debug, thiserror::Error)]
enum StampError {
    #[error("it cannot be reached")]
    Outside(#[from] OutsideError),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("what it answered is no time stamp of this checkpoint")]
    Answer(#[from] Refusal),
    #[error("none of the configured certificates vouches for {0}, who signed the time stamp")]
    Unknown(Stamp),
    #[error("its time, {0}, is not ours: one of the clocks is wrong")]
    Clock(UnixSeconds),
    #[error("the store, or randomness")]
    Own(#[from] ApiError),
}

impl StampError {
    const fn code(&self) -> &'static str {
        match self {
            Self::Outside(_) => "UNREACHABLE",
            Self::Status(_) => "REFUSED",
            Self::Answer(_) => "WRONG_TOKEN",
            Self::Unknown(_) => "UNKNOWN_AUTHORITY",
            Self::Clock(_) => "CLOCK",
            Self::Own(_) => "OWN_FAULT",
        }
    }
}

impl Stamps {
    pub(crate) fn new(config: Timestamps, book: HeadBook, standings: Arc<Standings>, clock: Clock) -> Self {
        Self { config, book, standings, clock, told: Mutex::new(Told::default()) }
    }

    /// What is known of it.
    pub(crate) fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        every(LOOK_EVERY, stop, async || self.round().await).await;
    }

    async fn round(&self) {
        match self.stamp().await {
            Ok(None) => {}
            Ok(Some(last)) => {
                metrics::gauge!(STAMPED_SIZE).set(last.size as f64);
                metrics::gauge!(STAMPED_AT).set(last.at.0 as f64);
                self.tell(|told| *told = Told { last: Some(last), ..Told::default() });
            }
            Err(error) => {
                let code = error.code();
                metrics::counter!(STAMP_FAILURES, "reason" => code).increment(1);
                tracing::warn!(
                    code,
                    error = &error as &dyn std::error::Error,
                    "the log's checkpoint was not stamped by the authority for time"
                );
                let mut rest = Duration::ZERO;
                self.tell(|told| rest = told.failing.again(code, REST_DOUBLED_MAX));
                tokio::time::sleep(rest).await;
            }
        }
    }

    /// A stamp over the newest checkpoint, where one is due; what was stamped last, where that was not known yet.
    async fn stamp(&self) -> Result<Option<StampedHead>, StampError> {
        let known = self.told().last;
        let last = match &known {
            Some(last) => Some(last.clone()),
            None => self.book.last_stamped().await?,
        };
        let Some(published) = self.standings.published.load_full() else { return Ok(None) };
        let now = self.clock.now().unix_seconds();
        let rested = |last: &StampedHead| last.made.plus(self.config.every.as_secs()) <= now;
        let is_due = last.as_ref().is_none_or(|last| last.size < published.head.log.size && rested(last));
        if is_due {
            return self.ask(&published, now).await.map(Some);
        }
        Ok(last.filter(|_| known.is_none()))
    }

    async fn ask(&self, published: &Published, now: UnixSeconds) -> Result<StampedHead, StampError> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(ApiError::fault)?;
        let text = published.text();
        let request = Request::new(text.as_bytes(), nonce);
        let answer = outside::post(&self.config.url, "application/timestamp-query", request.encode()).await?;
        if answer.status != 200 {
            return Err(StampError::Status(answer.status));
        }
        let token = request.answered(&answer.body)?;
        let stamp = timestamp::check(token, text.as_bytes(), &self.config.authorities)?;
        if !stamp.known {
            return Err(StampError::Unknown(stamp));
        }
        // A time before the block that it stamps would be wrong evidence; one to come, none yet.
        let earliest = published.head.log.at;
        if stamp.made > now.plus(DRIFT_S) || stamp.at.plus(DRIFT_S) < earliest {
            return Err(StampError::Clock(stamp.made));
        }
        let size = published.head.log.size;
        let stamped = StampedHead { size, made: stamp.made, at: stamp.at, by: stamp.by, token: token.to_vec() };
        self.book.stamp(&stamped).await?;
        Ok(stamped)
    }
}
