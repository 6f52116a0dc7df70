//! Answers about the institution's own records that were proven a short while ago, for readers who say how old a proof
//! may be. Who reads, what and whether for a purpose is part of the key, so an answer goes only to those whom the policies
//! allowed it; each reading is filed anew; and what the gateway itself publishes drops the answers that it makes old.
//! It refuses to judge: what is kept here was verified and permitted, and is handed out while its header is young enough.

use crate::convert::RecordName;
use crate::identity::Caller;
use comity_model::{FieldName, RecordId, Sector, Time};
use comity_proto::v1;
use moka::sync::Cache;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What all answers together may take, in bytes.
const BYTES_MAX: u64 = 128 << 20;
/// How long an answer is kept, however old a proof may be for its readers.
const KEPT: Duration = Duration::from_secs(600);
/// Readers of one record whose answers are kept.
const READERS_MAX: usize = 8;
/// What an answer takes beside its message.
const OVERHEAD_BYTES: usize = 512;

/// An answer as it was given.
pub(crate) struct Given {
    /// Who asked.
    caller: Caller,
    /// For what fields, sorted; empty for all that it may see.
    wanted: Vec<FieldName>,
    /// Whether a purpose was stated.
    stated: bool,
    /// Time of the header that it is proven under.
    pub(crate) proven: Time,
    /// The personal fields that it discloses.
    pub(crate) personal: Vec<FieldName>,
    /// The answer, without a bundle.
    pub(crate) answer: v1::GetRecordResponse,
}

/// Answers by record.
#[derive(Clone)]
pub(crate) struct Recent(Arc<Kept>);

struct Kept {
    answers: Cache<(Sector, RecordId), Arc<Readers>>,
    /// Counts publications: what was read before one is not kept after it.
    published: AtomicU64,
}

#[derive(Default)]
struct Readers(Mutex<Vec<Arc<Given>>>);

impl Readers {
    fn bytes(&self) -> u32 {
        let given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize =
            given.iter().map(|given| OVERHEAD_BYTES + 3 * prost::Message::encoded_len(&given.answer)).sum();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// A reading that begins: what is published from here on makes its answer too old to be kept.
#[derive(Clone, Copy)]
pub(crate) struct Begun(u64);

/// Whose answer it is.
#[derive(Clone, Copy)]
pub(crate) struct For<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) name: &'a RecordName,
    pub(crate) wanted: &'a [FieldName],
    pub(crate) stated: bool,
}

impl Recent {
    pub(crate) fn new() -> Self {
        let answers = Cache::builder()
            .max_capacity(BYTES_MAX)
            .weigher(|_: &(Sector, RecordId), readers: &Arc<Readers>| readers.bytes())
            .time_to_live(KEPT)
            .build();
        Self(Arc::new(Kept { answers, published: AtomicU64::new(0) }))
    }

    /// Marks where a reading begins.
    pub(crate) fn begin(&self) -> Begun {
        Begun(self.0.published.load(Ordering::Acquire))
    }

    /// What this reader was told, if its proof is not older than `max_age` at `now`.
    pub(crate) fn find(&self, whose: For<'_>, max_age: Duration, now: Time) -> Option<Arc<Given>> {
        let readers = self.0.answers.get(&key(whose.name))?;
        let given = readers.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = given.iter().find(|given| given.is_for(whose))?;
        let age = Duration::from_nanos(u64::try_from(now.nanos_since(found.proven)).ok()?);
        (age <= max_age).then(|| found.clone())
    }

    /// Keeps what a reader was told, unless something was published since `begun`.
    pub(crate) fn keep(
        &self,
        begun: Begun,
        whose: For<'_>,
        proven: Time,
        personal: Vec<FieldName>,
        answer: v1::GetRecordResponse,
    ) {
        let given = Arc::new(Given {
            caller: whose.caller.clone(),
            wanted: whose.wanted.to_vec(),
            stated: whose.stated,
            proven,
            personal,
            answer,
        });
        let key = key(whose.name);
        let mut all = vec![given];
        if let Some(readers) = self.0.answers.get(&key) {
            let others = readers.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(others.iter().filter(|given| !given.is_for(whose)).take(READERS_MAX - 1).cloned());
        }
        if self.begin().0 != begun.0 {
            return;
        }
        self.0.answers.insert(key.clone(), Arc::new(Readers(Mutex::new(all))));
        // A publication between the look and the entry has dropped nothing yet that was entered after it.
        if self.begin().0 != begun.0 {
            self.0.answers.invalidate(&key);
        }
    }

    /// Drops what was told of these records: a later version is about to stand.
    pub(crate) fn published<'a>(&self, sector: &Sector, records: impl Iterator<Item = &'a RecordId>) {
        self.0.published.fetch_add(1, Ordering::AcqRel);
        for id in records {
            self.0.answers.invalidate(&(sector.clone(), id.clone()));
        }
    }
}

impl Given {
    fn is_for(&self, whose: For<'_>) -> bool {
        self.caller == *whose.caller && self.stated == whose.stated && self.wanted == whose.wanted
    }
}

fn key(name: &RecordName) -> (Sector, RecordId) {
    (name.sector.clone(), name.id.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn name(id: &str) -> RecordName {
        RecordName::parse(&format!("members/court/sectors/judgments/records/{id}")).unwrap()
    }

    fn caller(role: &str) -> Caller {
        Caller { institution: "court".parse().unwrap(), role: role.parse().unwrap(), kind: None }
    }

    fn at(seconds: i64) -> Time {
        Time::new(seconds, 0).unwrap()
    }

    struct Asked {
        caller: Caller,
        name: RecordName,
        wanted: Vec<FieldName>,
        stated: bool,
    }

    impl Asked {
        fn of(role: &str, id: &str, wanted: &[&str], stated: bool) -> Self {
            let wanted = wanted.iter().map(|name| name.parse().unwrap()).collect();
            Self { caller: caller(role), name: name(id), wanted, stated }
        }

        fn whose(&self) -> For<'_> {
            For { caller: &self.caller, name: &self.name, wanted: &self.wanted, stated: self.stated }
        }
    }

    fn kept(recent: &Recent, asked: &Asked, proven: i64) {
        recent.keep(recent.begin(), asked.whose(), at(proven), Vec::new(), v1::GetRecordResponse::default());
    }

    fn found(recent: &Recent, asked: &Asked, now: i64) -> bool {
        recent.find(asked.whose(), Duration::from_secs(60), at(now)).is_some()
    }

    #[test]
    fn an_answer_goes_to_whom_it_was_given_for_the_same_question_and_to_nobody_else() {
        let recent = Recent::new();
        let asked = Asked::of("officer", "1", &["cause"], true);
        kept(&recent, &asked, 100);
        assert!(found(&recent, &asked, 100));
        for other in [
            Asked::of("reader", "1", &["cause"], true),
            Asked::of("officer", "2", &["cause"], true),
            Asked::of("officer", "1", &[], true),
            Asked::of("officer", "1", &["cause", "court"], true),
            Asked::of("officer", "1", &["cause"], false),
        ] {
            assert!(!found(&recent, &other, 100));
        }
        let mut stranger = Asked::of("officer", "1", &["cause"], true);
        stranger.caller.institution = "bank".parse().unwrap();
        assert!(!found(&recent, &stranger, 100));
    }

    #[test]
    fn a_proof_that_is_older_than_the_reader_accepts_is_not_handed_out() {
        let recent = Recent::new();
        let asked = Asked::of("officer", "1", &[], true);
        kept(&recent, &asked, 100);
        assert!(found(&recent, &asked, 160));
        assert!(!found(&recent, &asked, 161));
        assert!(recent.find(asked.whose(), Duration::ZERO, at(101)).is_none());
    }

    #[test]
    fn what_is_published_is_read_anew_also_by_a_reading_that_began_before() {
        let recent = Recent::new();
        let (one, two) = (Asked::of("officer", "1", &[], true), Asked::of("officer", "2", &[], true));
        kept(&recent, &one, 100);
        kept(&recent, &two, 100);
        recent.published(&one.name.sector, std::iter::once(&one.name.id));
        assert!(!found(&recent, &one, 100) && found(&recent, &two, 100));
        let begun = recent.begin();
        recent.published(&one.name.sector, std::iter::once(&one.name.id));
        recent.keep(begun, one.whose(), at(100), Vec::new(), v1::GetRecordResponse::default());
        assert!(!found(&recent, &one, 100));
    }

    #[test]
    fn of_one_record_the_last_readers_answers_are_kept() {
        let recent = Recent::new();
        let fields = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        let asked: Vec<Asked> = fields.iter().map(|field| Asked::of("officer", "1", &[field], true)).collect();
        asked.iter().for_each(|asked| kept(&recent, asked, 100));
        assert!(!found(&recent, &asked[0], 100), "eight are kept");
        assert!(asked[1..].iter().all(|asked| found(&recent, asked, 100)));
    }
}
