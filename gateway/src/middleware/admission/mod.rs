//! Who is let in now, and for how long: each institution has a token bucket, refilled steadily, all together a number of
//! requests at once, and each request a time until its answer begins.
//! It refuses to know what is asked.

mod future;
mod layer;

pub(crate) use layer::AdmissionLayer;

use crate::config::Limits;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use comity_model::MemberId;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One bucket for each institution, as many as are configured, and the slots for all.
#[derive(Clone)]
pub(crate) struct Admission {
    buckets: Arc<BTreeMap<MemberId, DefaultDirectRateLimiter>>,
    slots: Arc<Semaphore>,
    call_timeout: Duration,
}

impl Admission {
    pub(crate) fn new<'a>(institutions: impl Iterator<Item = &'a MemberId>, limits: &Limits) -> Self {
        let quota = Quota::per_second(limits.rate_per_second).allow_burst(limits.rate_burst);
        let bucket = |institution: &MemberId| (institution.clone(), RateLimiter::direct(quota));
        Self {
            buckets: Arc::new(institutions.map(bucket).collect()),
            slots: Arc::new(Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS))),
            call_timeout: limits.call_timeout,
        }
    }

    /// Takes a token and a slot, which is given back when it is dropped. Whoever has no bucket gets none.
    pub(super) fn admit(&self, caller: Option<&Caller>) -> Result<OwnedSemaphorePermit, ApiError> {
        let caller =
            caller.ok_or_else(|| ApiError::new(Reason::Unauthenticated, "The connection has no certificate."))?;
        let bucket = self.buckets.get(&caller.institution);
        if bucket.is_none_or(|bucket| bucket.check().is_err()) {
            let message = "This institution sends more requests than it may; slow down.";
            return Err(ApiError::new(Reason::RateLimited, message));
        }
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        slot.map_err(|_| ApiError::new(Reason::Overloaded, "The gateway does as much at once as it may; try again."))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::num::NonZeroU32;

    fn caller(institution: &str) -> Caller {
        Caller { institution: institution.parse().unwrap(), role: "officer".parse().unwrap(), kind: None }
    }

    fn reason<T>(result: Result<T, ApiError>) -> Reason {
        result.err().unwrap().reason()
    }

    #[test]
    fn an_institution_that_spends_its_tokens_waits_and_others_do_not() {
        let limits = Limits {
            rate_per_second: NonZeroU32::new(1).unwrap(),
            rate_burst: NonZeroU32::new(3).unwrap(),
            ..Limits::default()
        };
        let (court, bank): (MemberId, MemberId) = ("court".parse().unwrap(), "bank".parse().unwrap());
        let admission = Admission::new([&court, &bank].into_iter(), &limits);
        let admitted = (0..10).filter(|_| admission.admit(Some(&caller("court"))).is_ok()).count();
        assert_eq!(admitted, 3);
        assert_eq!(reason(admission.admit(Some(&caller("court")))), Reason::RateLimited);
        assert!(admission.admit(Some(&caller("bank"))).is_ok());
        assert_eq!(reason(admission.admit(Some(&caller("stranger")))), Reason::RateLimited);
        assert_eq!(reason(admission.admit(None)), Reason::Unauthenticated);
    }

    #[test]
    fn what_comes_on_top_of_the_requests_at_once_is_refused_until_one_ends() {
        let court: MemberId = "court".parse().unwrap();
        let limits = Limits { requests: 2, ..Limits::default() };
        let admission = Admission::new([&court].into_iter(), &limits);
        let one = admission.admit(Some(&caller("court"))).unwrap();
        let _two = admission.admit(Some(&caller("court"))).unwrap();
        assert_eq!(reason(admission.admit(Some(&caller("court")))), Reason::Overloaded);
        drop(one);
        assert!(admission.admit(Some(&caller("court"))).is_ok());
    }
}
