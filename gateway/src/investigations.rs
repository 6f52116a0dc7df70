//! Asset investigation for a court's people: one question goes to every institution at once, and what each is proven to
//! keep, or not to keep, is streamed as it comes in, until all have answered or the deadline passes.
//! It refuses to conclude anything from silence, and to keep what was found.

use crate::audit::{self, Audit, Purpose};
use crate::config::Clock;
use crate::convert::duration;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::peers::Peers;
use crate::policy::{Investigate, Permit, Policy};
use crate::records::record_to_wire;
use crate::search::{NUMBERS_MAX, Outcome, Query, SECTORS_MAX, Seeker, Seen, Target, number_of};
use crate::sectors::Sectors;
use crate::server::caller;
use comity_model::{MemberId, Sector};
use comity_proto::v1;
use comity_proto::v1::finding::Outcome as WireOutcome;
use comity_proto::v1::investigate_response::Event;
use comity_proto::v1::investigations_server::Investigations;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status};

/// Most persons in one investigation.
const SUBJECTS_MAX: usize = 1_000;
/// How long answers are waited for, if the caller does not say, and at most.
const DEADLINE: Duration = Duration::from_secs(30);
const DEADLINE_MAX: Duration = Duration::from_secs(600);
/// Searches under way at once, over all institutions: so no institution waits for a slow one.
const SEARCHES_AT_ONCE: usize = 16;
/// Events that wait for the caller to read them; then the searches wait.
const EVENTS_MAX: usize = 64;

/// The service.
#[derive(Clone)]
pub(crate) struct InvestigationsService {
    pub(crate) institution: MemberId,
    pub(crate) policy: Arc<Policy>,
    pub(crate) seeker: Arc<Seeker>,
    pub(crate) peers: Peers,
    pub(crate) sectors: Arc<Sectors>,
    pub(crate) audit: Audit,
    pub(crate) clock: Clock,
}

type Events = BoxStream<'static, Result<v1::InvestigateResponse, Status>>;

#[tonic::async_trait]
impl Investigations for InvestigationsService {
    type InvestigateStream = Events;

    async fn investigate(
        &self,
        request: Request<v1::InvestigateRequest>,
    ) -> Result<Response<Self::InvestigateStream>, Status> {
        let permit = self.policy.permit::<Investigate>(&caller(&request)?)?;
        Ok(Response::new(self.begin(&permit, request.into_inner()).await?))
    }
}

/// What is to be done for one caller.
struct Investigation {
    caller: Caller,
    numbers: Vec<String>,
    sectors: Vec<Sector>,
    purpose: Purpose,
    until: Instant,
    bundles: bool,
}

impl InvestigationsService {
    async fn begin(&self, permit: &Permit<Investigate>, request: v1::InvestigateRequest) -> Result<Events, ApiError> {
        let investigation = self.parse(permit.caller(), request)?;
        self.file(&investigation).await?;
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let service = self.clone();
        // Ends with its caller: the handle goes down with the stream.
        let task = AbortOnDropHandle::new(tokio::spawn(async move { service.run(investigation, events).await }));
        let events = ReceiverStream::new(received);
        Ok(stream::unfold((events, task), |(mut events, task)| async move {
            let event: v1::InvestigateResponse = events.next().await?;
            Some((Ok(event), (events, task)))
        })
        .boxed())
    }

    fn parse(&self, caller: &Caller, request: v1::InvestigateRequest) -> Result<Investigation, ApiError> {
        if request.subjects.is_empty() || request.subjects.len() > SUBJECTS_MAX {
            let message = format!("An investigation is about 1 to {SUBJECTS_MAX} persons.");
            return Err(ApiError::argument("subjects", message));
        }
        let numbers: Vec<String> =
            request.subjects.iter().map(|subject| number_of(&subject.number)).collect::<Result<_, _>>()?;
        if numbers.iter().collect::<HashSet<_>>().len() != numbers.len() {
            return Err(ApiError::argument("subjects", "A person is named twice."));
        }
        let purpose = Purpose::stated(request.purpose)?.ok_or_else(|| {
            let message = "Persons are looked up only for a stated case number, legal basis and purpose.";
            ApiError::new(Reason::PurposeRequired, message).with("field", "purpose")
        })?;
        let within = duration("deadline", request.deadline)?.unwrap_or(DEADLINE);
        if within > DEADLINE_MAX {
            let message = format!("A deadline is at most {} s away.", DEADLINE_MAX.as_secs());
            return Err(ApiError::argument("deadline", message));
        }
        Ok(Investigation {
            caller: caller.clone(),
            numbers,
            sectors: self.searched(&request.sectors)?,
            purpose,
            until: Instant::now() + within,
            bundles: request.include_bundles,
        })
    }

    fn searched(&self, wanted: &[String]) -> Result<Vec<Sector>, ApiError> {
        let searchable = || self.sectors.iter().filter(|schema| schema.searchable).map(|schema| schema.name.clone());
        if wanted.is_empty() {
            return Ok(searchable().take(SECTORS_MAX).collect());
        }
        let mut sectors: Vec<Sector> = Vec::with_capacity(wanted.len().min(SECTORS_MAX));
        for name in wanted {
            let sector = searchable().find(|sector| sector.as_str() == name).ok_or_else(|| {
                let message = "Only sectors whose schema says that they are searchable can be searched by person.";
                ApiError::new(Reason::NotSearchable, message)
            })?;
            if !sectors.contains(&sector) {
                sectors.push(sector);
            }
        }
        Ok(sectors)
    }

    /// That persons are looked up, how many, and why; what is found is filed record by record.
    async fn file(&self, investigation: &Investigation) -> Result<(), ApiError> {
        let id = uuid::Uuid::from_bytes(random()?);
        let resource = format!("investigations/{id} of {} persons", investigation.numbers.len());
        let purpose = investigation.purpose.clone();
        let entry = audit::entry(self.clock.now(), &investigation.caller, "Investigate", resource, Vec::new(), purpose);
        self.audit.append(&entry).await
    }

    async fn run(self, investigation: Investigation, events: mpsc::Sender<v1::InvestigateResponse>) {
        let own = std::iter::once(Target::Own);
        let targets: Vec<Target> = own.chain(self.peers.iter().cloned().map(Target::Peer)).collect();
        let total = targets.len().saturating_mul(investigation.numbers.len());
        let tally = tokio::sync::Mutex::new(Tally { total, ..Tally::default() });
        let board = Arc::new(Board { events, progress: tally });
        let investigation = Arc::new(investigation);
        // Every institution's first persons before anyone's second ones.
        let mut searches = Vec::new();
        for (chunk, numbers) in investigation.numbers.chunks(NUMBERS_MAX).enumerate() {
            for target in &targets {
                let first = chunk.saturating_mul(NUMBERS_MAX);
                searches.push(Search { first, numbers: numbers.to_vec(), target: target.clone() });
            }
        }
        let service = Arc::new(self);
        stream::iter(searches)
            .for_each_concurrent(SEARCHES_AT_ONCE, |search| {
                let (service, investigation, board) = (service.clone(), investigation.clone(), board.clone());
                async move { service.search(&investigation, search, board).await }
            })
            .await;
        board.finish().await;
    }

    /// One search, to its end or the deadline's.
    async fn search(&self, investigation: &Investigation, search: Search, board: Arc<Board>) {
        let Search { first, numbers, target } = search;
        let persons = numbers.len();
        let query = Query { sectors: investigation.sectors.clone(), numbers, purpose: investigation.purpose.clone() };
        let member = target.member(&self.institution).clone();
        // How far the answer has come: the person that is next, and of the one before, the sectors that still have to say
        // something.
        let reached = Arc::new(Mutex::new(Reached::default()));
        let (told, bundles) = ((member.clone(), board.clone(), reached.clone()), investigation.bundles);
        let tell = move |seen: Seen| {
            let (member, board, reached) = told.clone();
            async move {
                let here = Reached { next: seen.subject.saturating_add(1), rest: seen.rest.clone() };
                *reached.lock().unwrap_or_else(PoisonError::into_inner) = here;
                board.tell(finding(&member, first, seen, bundles).await).await;
            }
            .boxed()
        };
        let asking = self.seeker.ask(&investigation.caller, &target, &query, &tell);
        let outcome = tokio::time::timeout_at(investigation.until, asking).await.unwrap_or_else(|_| {
            let message = format!("{member} has not answered by the deadline.");
            Err(ApiError::new(Reason::DeadlinePassed, message).with("peer", member.as_str()))
        });
        if let Err(error) = outcome {
            tracing::debug!(%member, error = %error, "a search was not answered");
            let reached = std::mem::take(&mut *reached.lock().unwrap_or_else(PoisonError::into_inner));
            // Of the person who was being answered, only the sectors that had not spoken.
            for sector in &reached.rest {
                let subject = first.saturating_add(reached.next.saturating_sub(1));
                board.tell(unanswered(&member, subject, sector.as_str(), &error)).await;
            }
            for subject in reached.next..persons {
                board.tell(unanswered(&member, first.saturating_add(subject), "", &error)).await;
            }
        }
        board.done(persons).await;
    }
}

/// Some of the persons, asked of one institution.
struct Search {
    /// The index of the first of them in the request.
    first: usize,
    numbers: Vec<String>,
    target: Target,
}

/// How far an institution's answer has come.
#[derive(Default)]
struct Reached {
    next: usize,
    rest: Vec<Sector>,
}

/// Where the caller is told.
struct Board {
    events: mpsc::Sender<v1::InvestigateResponse>,
    progress: tokio::sync::Mutex<Tally>,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    done: usize,
    total: usize,
    found: usize,
    nothing: usize,
    unanswered: usize,
}

impl Board {
    async fn tell(&self, finding: v1::Finding) {
        {
            let mut tally = self.progress.lock().await;
            match &finding.outcome {
                Some(WireOutcome::Found(_)) => tally.found += 1,
                Some(WireOutcome::Nothing(_)) => tally.nothing += 1,
                _ => tally.unanswered += 1,
            }
        }
        self.send(Event::Finding(finding)).await;
    }

    async fn done(&self, persons: usize) {
        // Told under the lock: progress is told in its order.
        let mut tally = self.progress.lock().await;
        tally.done += persons;
        self.send(Event::Progress(tally.to_wire(false))).await;
    }

    async fn finish(&self) {
        let progress = self.progress.lock().await.to_wire(true);
        self.send(Event::Progress(progress)).await;
    }

    /// A caller that has gone is told nothing; the task ends with its stream.
    async fn send(&self, event: Event) {
        let _ = self.events.send(v1::InvestigateResponse { event: Some(event) }).await;
    }
}

impl Tally {
    fn to_wire(self, complete: bool) -> v1::Progress {
        v1::Progress {
            done: wire(self.done),
            total: wire(self.total),
            found: wire(self.found),
            nothing: wire(self.nothing),
            unanswered: wire(self.unanswered),
            complete,
        }
    }
}

async fn finding(member: &MemberId, first: usize, seen: Seen, bundles: bool) -> v1::Finding {
    let subject = first.saturating_add(seen.subject);
    let told = match seen.outcome {
        Outcome::NotSearchable => {
            let message = format!("{member} keeps no index of {} by person.", seen.sector);
            Err(ApiError::new(Reason::NotSearchable, message))
        }
        Outcome::Nothing { reading, lookup } => nothing(&reading, bundles).await.map(|outcome| {
            let proof = Some(reading.proof());
            (outcome, proof, lookup)
        }),
        Outcome::Found { records, lookup, proof } => {
            found(&records, bundles).await.map(|outcome| (outcome, Some(proof), lookup))
        }
    };
    match told {
        Ok((outcome, proof, lookup)) => v1::Finding {
            subject: wire(subject),
            member: format!("members/{member}"),
            sector: seen.sector.to_string(),
            outcome: Some(outcome),
            proof,
            lookup: Some(lookup),
        },
        Err(error) => unanswered(member, subject, seen.sector.as_str(), &error),
    }
}

async fn nothing(reading: &crate::records::Reading, bundles: bool) -> Result<WireOutcome, ApiError> {
    let bundle = if bundles { reading.bundle().await? } else { Vec::new() };
    Ok(WireOutcome::Nothing(v1::NothingIndexed { bundle }))
}

async fn found(
    readings: &[(crate::convert::RecordName, crate::records::Reading)],
    bundles: bool,
) -> Result<WireOutcome, ApiError> {
    let mut found = v1::Found::default();
    for (name, reading) in readings {
        found.records.extend(reading.record().map(|record| record_to_wire(name, record)));
        if bundles {
            found.bundles.push(reading.bundle().await?);
        }
    }
    Ok(WireOutcome::Found(found))
}

fn unanswered(member: &MemberId, subject: usize, sector: &str, error: &ApiError) -> v1::Finding {
    v1::Finding {
        subject: wire(subject),
        member: format!("members/{member}"),
        sector: sector.to_owned(),
        outcome: Some(WireOutcome::Unanswered(v1::Unanswered {
            reason: error.reason().as_str().to_owned(),
            message: error.message().to_owned(),
        })),
        proof: None,
        lookup: None,
    }
}

fn wire(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn random() -> Result<[u8; 16], ApiError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::fault(error.to_string()))?;
    Ok(bytes)
}
