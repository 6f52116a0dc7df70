//! Has the log's checkpoints cosigned by the witnesses of the policy (C2SP `tlog-witness`): each is asked about the newest
//! checkpoint, with the proof that it grew from the one that the witness knows. What they sign is kept with its size and published.
//! It refuses to wait for any of them: a witness that is down is shown and costs the others nothing.

use super::failing::Failing;
use super::heads::HeadBook;
use super::log_failed;
use super::publish::{Published, Standings};
use crate::config::Clock;
use crate::error::ApiError;
use crate::measure::{WITNESS_FAILURES, WITNESSED_SIZE};
use crate::outside::{self, OutsideError};
use crate::recurring::every;
use comity_deposits::Log;
use comity_model::UnixSeconds;
use comity_verify::Refusal;
use comity_verify::tlog::{Cosigned, NoteKey, Policy, SIZE_TYPE, Submission, told_size};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked for a new checkpoint. A witness is asked as often at the most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the rest of a witness that failed is doubled, at the most.
const REST_DOUBLED_MAX: u32 = 5;

/// What is known of a witness.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Entries of the checkpoint that it cosigned last.
    pub(crate) size: u64,
    /// When, as it says; nothing before the first.
    pub(crate) at: Option<UnixSeconds>,
    /// Why its last answer was none.
    pub(crate) failing: Failing,
}

/// The witnesses of a policy, and what each has told.
pub(crate) struct Witnesses {
    pub(crate) policy: Policy,
    pub(crate) log: Arc<Log>,
    pub(crate) book: HeadBook,
    pub(crate) standings: Arc<Standings>,
    pub(crate) clock: Clock,
    told: Mutex<Vec<Told>>,
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
enum WitnessError {
    #[error("it cannot be reached")]
    Outside(#[from] OutsideError),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("it does not watch this log: give it the log's key")]
    UnknownLog,
    #[error(
        "it has seen {0} entries of this log, which is not so large or has others: another log signs with this key"
    )]
    Ahead(u64),
    #[error("what it signed is no cosignature of this checkpoint by its key")]
    Answer(#[from] Refusal),
    #[error("it signed with another key than the policy's")]
    Key,
    #[error("its clock is ahead of ours")]
    Clock,
    #[error("the log or the store")]
    Own(#[from] ApiError),
}

impl WitnessError {
    const fn code(&self) -> &'static str {
        match self {
            Self::Outside(_) => "UNREACHABLE",
            Self::Status(_) => "REFUSED",
            Self::UnknownLog => "UNKNOWN_LOG",
            Self::Ahead(_) => "AHEAD",
            Self::Answer(_) | Self::Key => "WRONG_SIGNATURE",
            Self::Clock => "CLOCK",
            Self::Own(_) => "OWN_FAULT",
        }
    }
}

impl Witnesses {
    pub(crate) fn new(policy: Policy, log: Arc<Log>, book: HeadBook, standings: Arc<Standings>, clock: Clock) -> Self {
        let told = Mutex::new(vec![Told::default(); policy.witnesses().len()]);
        Self { policy, log, book, standings, clock, told }
    }

    /// What is known of each, in the policy's order.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, number: usize, change: impl FnOnce(&mut Told)) {
        if let Some(told) = self.told.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number) {
            change(told);
        }
    }

    /// Asks each, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let asked = self.policy.witnesses().iter().enumerate().filter(|(_, witness)| witness.url.is_some());
        let each = asked.map(|(number, _)| {
            let (this, stop) = (self.clone(), stop.clone());
            async move { every(LOOK_EVERY, stop, async || this.round(number).await).await }
        });
        futures::future::join_all(each).await;
    }

    async fn round(&self, number: usize) {
        let (Some(published), Some(witness)) =
            (self.standings.published.load_full(), self.policy.witnesses().get(number))
        else {
            return;
        };
        let size = published.head.log.size;
        if let Some(at) = published.cosigned_by(&witness.key) {
            self.tell(number, |told| *told = Told { size, at: Some(at), ..Told::default() });
            return;
        }
        let asked = self.ask(number, &published).await;
        let kept = match asked {
            Ok((cosigned, at)) => {
                self.standings.cosign(&self.log, &self.book, size, cosigned).await.map(|()| at).map_err(Into::into)
            }
            Err(error) => Err(error),
        };
        match kept {
            Ok(at) => {
                metrics::gauge!(WITNESSED_SIZE, "witness" => witness.name.clone()).set(size as f64);
                self.tell(number, |told| *told = Told { size, at: Some(at), ..Told::default() });
            }
            Err(error) => {
                let code = error.code();
                metrics::counter!(WITNESS_FAILURES, "witness" => witness.name.clone(), "reason" => code).increment(1);
                tracing::warn!(
                    witness = witness.name,
                    code,
                    error = &error as &dyn std::error::Error,
                    "a witness did not cosign the log's checkpoint"
                );
                let mut rest = Duration::ZERO;
                self.tell(number, |told| rest = told.failing.again(code, REST_DOUBLED_MAX));
                tokio::time::sleep(rest).await;
            }
        }
    }

    async fn ask(&self, number: usize, published: &Published) -> Result<(Cosigned, UnixSeconds), WitnessError> {
        let Some(witness) = self.policy.witnesses().get(number) else { return Err(WitnessError::Key) };
        let url = format!("{}/add-checkpoint", witness.url.as_deref().unwrap_or_default().trim_end_matches('/'));
        let size = published.head.log.size;
        let mut old = self.told().get(number).map_or(0, |told| told.size).min(size);
        // What it knows it says when it is asked from another size.
        for _ in 0..2 {
            let log = self.log.clone();
            let proof =
                tokio::task::spawn_blocking(move || log.consistency(old, size)).await.map_err(ApiError::fault)?;
            let proof = proof.map_err(log_failed)?;
            let submission = Submission { old, proof, checkpoint: published.signed.clone().into_bytes() };
            let answer = outside::post(&url, "text/plain; charset=utf-8", submission.encode()).await?;
            match answer.status {
                200 => return self.cosigned(&witness.key, published, &answer.body),
                404 => return Err(WitnessError::UnknownLog),
                409 if answer.content_type == SIZE_TYPE => match told_size(&answer.body) {
                    Some(told) if told <= size && told != old => old = told,
                    Some(told) => return Err(WitnessError::Ahead(told)),
                    None => return Err(WitnessError::Status(409)),
                },
                status => return Err(WitnessError::Status(status)),
            }
        }
        Err(WitnessError::Status(409))
    }

    /// The cosignature in an answer. Lines of keys that the policy does not name are ignored.
    fn cosigned(
        &self,
        key: &NoteKey,
        published: &Published,
        body: &[u8],
    ) -> Result<(Cosigned, UnixSeconds), WitnessError> {
        let note = [published.signed.as_bytes(), body].concat();
        let cosigned = Cosigned::of(&note, key)?.ok_or(WitnessError::Key)?;
        let (_, at) = cosigned.check(&published.text())?;
        let at = at.ok_or(WitnessError::Key)?;
        // A reader would not count it yet.
        let latest = self.clock.now().unix_seconds().0.saturating_add(60);
        if at.0 > latest { Err(WitnessError::Clock) } else { Ok((cosigned, at)) }
    }
}
