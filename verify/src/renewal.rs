//! Renewal: a bundle's whole bytes were deposited anew, under another chain, suite and anchor, and the proof of that deposit stands
//! around the old bundle. So it is known that the old proof was there at a time, and it is judged as of then: also where its chain is gone,
//! its signers cannot sign any more, and what it was signed with is no longer believed. Knows no chain but those that are pinned.

use crate::bundle::{Bundle, Reader};
use crate::deposit::Deposited;
use crate::light::Anchor;
use crate::refusal::{Refusal, Rule};
use crate::sha::{sha256, sm3};
use crate::state::ProvenAt;
use crate::verdict::{Judgment, Verdict};
use crate::witnessed::{Attestations, Seen, SignedCheckpoint, Stamped, StampedCheckpoint};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::seal::{Suite, Suites};
use comity_model::{Hash, MemberId, Time, UnixSeconds};

/// How often a proof can have been renewed.
pub const RENEWALS_MAX: usize = 8;

/// A bundle that was deposited anew. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RenewedBundle {
    /// The deposit of the old bundle's bytes; it shows their digests.
    pub deposit: Deposited,
    /// A checkpoint of its log that an authority for time has stamped.
    pub stamped: Option<StampedCheckpoint>,
    /// A checkpoint of its log that witnesses have cosigned.
    pub witnessed: Option<SignedCheckpoint>,
    /// The old bundle's file, byte for byte.
    pub old: Vec<u8>,
}

/// A suite that a reader no longer believes, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The suite.
    pub suite: Suite,
    /// From this time on, what was signed under it may have been signed by anybody.
    pub since: UnixSeconds,
}

/// By whose word a renewed proof was there at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeBy {
    /// An authority for time that the reader names.
    Authority,
    /// As many witnesses as the reader's policy wants.
    Witnesses,
    /// The chain's validators, inside the trusting period.
    Chain,
    /// The chain's validators, as they have it: nobody else saw it.
    ChainAlone,
}

impl TimeBy {
    /// `AUTHORITY`, `WITNESSES`, `CHAIN`, `CHAIN_ALONE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "AUTHORITY",
            Self::Witnesses => "WITNESSES",
            Self::Chain => "CHAIN",
            Self::ChainAlone => "CHAIN_ALONE",
        }
    }
}

/// That a proof was there at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The renewed bundle was there at this time at the latest, and was judged as of then.
    pub stood: UnixSeconds,
    /// By whose word.
    pub by: TimeBy,
    /// Size of its file in bytes, and its SHA-256.
    pub bytes: u64,
    /// See `bytes`.
    pub sha256: Hash,
    /// Who keeps the log that it was deposited in, and the entry's place there.
    pub keeper: MemberId,
    /// See `keeper`.
    pub index: u64,
    /// Where that was proven.
    pub at: ProvenAt,
    /// Whether that proof is fresh.
    pub judgment: Judgment,
    /// Whether the renewed one was, as of then.
    pub renewed_judgment: Judgment,
    /// How many independent operators vouch for the newer chain, by its anchor.
    pub operators: u32,
    /// The suites that the newer proof used.
    pub suites: Suites,
    /// The suites that the renewed proof used.
    pub renewed_suites: Suites,
    /// Witnesses that cosigned the log.
    pub seen: Vec<Seen>,
    /// The time stamp over the log.
    pub stamped: Option<Stamped>,
    /// Set where a suite of the newer proof is no longer believed either: its chain counts for nothing, and the time stamp alone says
    /// that the bytes were there.
    pub is_stamp_alone: bool,
}

/// What the outer proof of a renewal has shown.
pub(crate) struct Outer<'a> {
    pub(crate) at: &'a ProvenAt,
    pub(crate) judgment: Judgment,
    pub(crate) operators: u32,
    pub(crate) suites: Suites,
    pub(crate) others: &'a Attestations,
    /// A suite of it that is retired.
    pub(crate) retired: Option<Retired>,
}

impl RenewedBundle {
    /// That the digests shown are those of the old bundle's bytes; that bundle.
    ///
    /// # Errors
    /// `RENEWAL`, `BUNDLE_ENCODING`.
    pub(crate) fn opened(&self) -> Result<Bundle, Refusal> {
        let refuse = |found: &str| Refusal::new(Rule::Renewal, "a deposit of the renewed bundle's bytes", found);
        let content = self.deposit.content.as_ref().ok_or_else(|| refuse("one that shows no digests"))?;
        let is_it = content.sha256 == sha256(&[&self.old])
            && content.sm3 == sm3(&[&self.old])
            && u64::try_from(self.old.len()) == Ok(content.size);
        if is_it { Bundle::decode(&self.old) } else { Err(refuse("one of other bytes")) }
    }

    /// As of when the old bundle is judged, and by whose word. Others' word goes before the chain's own.
    ///
    /// # Errors
    /// `SUITE_RETIRED` where the newer proof rests on a retired suite, and no authority that the reader names vouches for it.
    pub(crate) fn stood(&self, outer: &Outer<'_>) -> Result<(UnixSeconds, TimeBy), Refusal> {
        let stamped = outer.others.stamped.as_ref().filter(|stamped| stamped.stamp.known);
        if let Some(stamped) = stamped {
            return Ok((stamped.stamp.at, TimeBy::Authority));
        }
        if let Some(retired) = outer.retired {
            return Err(retired.refused("no time stamp of an authority that the reader names"));
        }
        // As many as the policy wants have seen it by the last one's time.
        if let Some(at) = outer.others.seen.iter().filter(|seen| seen.known).map(|seen| seen.at).max() {
            return Ok((at, TimeBy::Witnesses));
        }
        let by = if outer.judgment == Judgment::Live { TimeBy::Chain } else { TimeBy::ChainAlone };
        Ok((self.deposit.log.at, by))
    }

    /// The old bundle's verdict with this renewal.
    pub(crate) fn tell(&self, outer: Outer<'_>, stood: (UnixSeconds, TimeBy), inner: Verdict, steps: Steps) -> Verdict {
        let (stood, by) = stood;
        let renewal = Renewal {
            stood,
            by,
            bytes: u64::try_from(self.old.len()).unwrap_or(u64::MAX),
            sha256: sha256(&[&self.old]),
            keeper: self.deposit.keeper.clone(),
            index: self.deposit.index,
            at: outer.at.clone(),
            judgment: outer.judgment,
            renewed_judgment: inner.judgment,
            operators: outer.operators,
            suites: outer.suites,
            renewed_suites: inner.suites,
            seen: outer.others.seen.clone(),
            stamped: outer.others.stamped.clone(),
            is_stamp_alone: outer.retired.is_some(),
        };
        let mut verdict = inner;
        let (proves, doubts) = renewal.sentences();
        verdict.proves.push(proves);
        verdict.does_not_prove.extend(doubts);
        verdict.suites = outer.suites.iter().fold(verdict.suites, Suites::with);
        // Whatever it was as of then, it says nothing of today.
        verdict.judgment = Judgment::Archive;
        verdict.steps = steps.into_iter().chain(verdict.steps).collect();
        verdict.renewals.push(renewal);
        verdict
    }
}

/// Steps of a verdict.
pub(crate) type Steps = Vec<crate::verdict::Step>;

impl Renewal {
    fn by_whom(&self) -> String {
        match self.by {
            TimeBy::Authority => {
                let stamp = self.stamped.as_ref().map(|stamped| stamped.stamp.to_string()).unwrap_or_default();
                alloc::format!("by the time stamp of {stamp}")
            }
            TimeBy::Witnesses => {
                let known = self.seen.iter().filter(|seen| seen.known).map(|seen| seen.by.name());
                alloc::format!("as seen by {}", known.collect::<Vec<_>>().join(", "))
            }
            TimeBy::Chain => "by its chain".into(),
            TimeBy::ChainAlone => "by its chain's own time alone".into(),
        }
    }

    /// What is proven, and what is not.
    fn sentences(&self) -> (String, Vec<String>) {
        let proves = alloc::format!(
            "This proof under {}, of {} bytes, stood at {} at the latest, {}: it was deposited anew as entry {} in the log of {} on \
             chain {}, under {}; it was judged as of then.",
            self.renewed_suites,
            self.bytes,
            self.stood,
            self.by_whom(),
            self.index,
            self.keeper,
            self.at.chain_id,
            self.suites,
        );
        let mut doubts: Vec<String> = Vec::new();
        if self.is_stamp_alone {
            doubts.push(
                "A suite of the newer proof is no longer believed either: the time stamp alone says that the bytes were there."
                    .into(),
            );
        } else if self.by == TimeBy::ChainAlone {
            doubts.push("The time of the renewal is not independently witnessed.".into());
        }
        if self.operators <= 1 {
            doubts.push("One operator runs all validators of the chain that it was renewed on.".into());
        }
        (proves, doubts)
    }
}

impl Retired {
    fn refused(&self, found: &str) -> Refusal {
        let expected = alloc::format!("a proof under {} that was there before {}", self.suite.name(), self.since);
        Refusal::new(Rule::SuiteRetired, expected, found)
    }
}

/// As of when a bundle is judged.
#[derive(Clone, Copy)]
pub(crate) struct AsOf {
    pub(crate) time: Time,
    /// It was there at this time at the latest, by somebody's word that does not rest on its chain's own clock.
    pub(crate) latest: Time,
    /// By whose word it was there at `time`; today's reader needs nobody's.
    pub(crate) by: Option<TimeBy>,
}

impl AsOf {
    /// Of a bundle that was given now.
    pub(crate) const fn now(now: Time) -> Self {
        Self { time: now, latest: now, by: None }
    }

    /// Of one that was renewed in this one. A chain that nobody else has seen may have got its times later than they say: they
    /// then prove nothing that this one's own time does not.
    pub(crate) fn before(self, time: Time, by: TimeBy) -> Self {
        let latest = if by == TimeBy::ChainAlone { self.latest } else { time };
        Self { time, latest, by: Some(by) }
    }
}

/// The first suite of a proof that is retired as of a time.
pub(crate) fn retired(reader: &Reader<'_>, suites: Suites, as_of: AsOf) -> Option<Retired> {
    let latest = as_of.latest.unix_seconds();
    reader.retired.iter().find(|one| suites.contains(one.suite) && one.since <= latest).copied()
}

/// That a proof is no longer believed.
pub(crate) fn refused(retired: &Retired, as_of: AsOf) -> Refusal {
    retired.refused(&match as_of.by {
        None => "one that was not renewed".to_string(),
        Some(TimeBy::ChainAlone) => "one that was renewed at a time that nobody but its chain vouches for".to_string(),
        Some(_) => alloc::format!("one that was renewed at {}", as_of.time),
    })
}

/// The anchor that pins a renewed bundle's first header.
pub(crate) fn anchor_of<'a>(reader: &Reader<'a>, outer: &'a Anchor, bundle: &Bundle) -> Result<&'a Anchor, Refusal> {
    let hash = bundle.anchor.hash();
    let known = reader.anchors.iter().chain([outer]).find(|anchor| anchor.header_hash == hash);
    known.ok_or_else(|| {
        let expected =
            alloc::format!("an anchor of chain {}, which the renewed proof starts at", bundle.anchor.chain_id);
        Refusal::new(Rule::Anchor, expected, alloc::format!("none that pins header {hash}"))
    })
}
