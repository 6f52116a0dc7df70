//! Deposits: the service, over the log that this gateway keeps. Permit, decode, call, encode.
//! It refuses to show what a depositor states to who may not read it, and to say "not there" without saying as of when.

mod bucket;
mod case;
mod convert;
mod desk;
mod failing;
pub(crate) mod files;
mod heads;
mod open;
mod prove;
mod publish;
mod stamps;
mod witnesses;

pub use bucket::{Bucket, BucketAccess, BucketConfig, BucketError};
pub(crate) use open::{AsOf, OpenDesk, Seen, TakenUp};
pub(crate) use publish::Publisher;
pub(crate) use stamps::Stamps;
pub(crate) use witnesses::Witnesses;

use crate::audit::{self, Audit, Purpose};
use crate::config::{Clock, Timestamps};
use crate::convert::{proof, seconds_to_wire};
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::members::{Directory, PAGE_MAX, page_size};
use crate::peers::Peers;
use crate::policy::{EraseDeposit, LookUpDeposit, MakeDeposit, Permit, Policy, ReadDeposit};
use crate::server::caller;
use crate::signer::SignerClient;
use crate::view::HomeState;
use bucket::Copier;
use comity_adapters_ports::Chain;
use comity_deposits::{Found, Log, LogFault, Stored};
use comity_model::deposit::Entry;
use comity_model::{ClientId, Hash, MemberId};
use comity_proto::v1;
use comity_proto::v1::deposits_server::Deposits;
use comity_store::Store;
use comity_verify::deposit;
use comity_verify::merkle::TreeHead;
use comity_verify::tlog;
use convert::DepositName;
use desk::DepositDesk;
use heads::{Head, HeadBook, Taken};
use prove::DepositProver;
use publish::Standings;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// Largest request: a batch of the most files with names.
pub(crate) const REQUEST_BYTES_MAX: usize = 8 << 20;
/// Deposits of one digest that are shown.
const FOUND_MAX: usize = 16;
/// Digests that are looked up at once.
const LOOKUP_MAX: usize = 1_000;
/// Deposits of one case that are shown.
const CASE_MAX: usize = 1_000;
/// Deposits of a transaction that are shown on a page, and entries that are read for one.
const TRANSACTION_PAGE_MAX: usize = 1_000;
const TRANSACTION_READ_MAX: u64 = 10_000;
/// Rules by which a head was proven.
const RULES: &[&str] = &["COMMIT_POWER", "STATE_PROOF"];
/// Rules by which a deposit is proven.
const RULES_DEPOSIT: &[&str] = &["COMMIT_POWER", "STATE_PROOF", "LOG_PROOF", "DEPOSIT_OPENING"];

/// The service.
#[derive(Clone)]
pub(crate) struct DepositsService {
    /// Nothing where this gateway keeps no log.
    pub(crate) kept: Option<Arc<Kept>>,
    pub(crate) policy: Arc<Policy>,
}

/// A log and what works on it.
pub(crate) struct Kept {
    institution: MemberId,
    log: Arc<Log>,
    desk: DepositDesk,
    prover: DepositProver,
    publisher: Arc<Publisher>,
    witnesses: Option<Arc<Witnesses>>,
    copier: Option<Arc<Copier>>,
    stamps: Option<Arc<Stamps>>,
    standings: Arc<Standings>,
    book: HeadBook,
    home: HomeState,
    audit: Audit,
    clock: Clock,
}

/// What a kept log is put together from.
pub(crate) struct KeptParts {
    pub(crate) institution: MemberId,
    pub(crate) log: Arc<Log>,
    pub(crate) policy: Option<tlog::Policy>,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) timestamps: Option<Timestamps>,
    pub(crate) chain: Chain,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) signer: SignerClient,
    pub(crate) home: HomeState,
    pub(crate) directory: Arc<Directory>,
    pub(crate) peers: Peers,
    /// The clients over which the own chain knows other institutions.
    pub(crate) clients: BTreeMap<MemberId, ClientId>,
    pub(crate) audit: Audit,
    pub(crate) clock: Clock,
}

impl Kept {
    pub(crate) fn new(parts: KeptParts) -> Arc<Self> {
        let standings = Arc::new(Standings::default());
        let book = HeadBook::new(parts.store);
        let witnesses = parts.policy.map(|policy| {
            let (log, clock) = (parts.log.clone(), parts.clock.clone());
            Arc::new(Witnesses::new(policy, log, book.clone(), standings.clone(), clock))
        });
        let copier = parts.bucket.map(|bucket| {
            let (log, clock) = (parts.log.clone(), parts.clock.clone());
            Arc::new(Copier::new(bucket, log, book.clone(), standings.clone(), clock))
        });
        let stamps = parts
            .timestamps
            .map(|config| Arc::new(Stamps::new(config, book.clone(), standings.clone(), parts.clock.clone())));
        Arc::new(Self {
            desk: DepositDesk {
                institution: parts.institution.clone(),
                log: parts.log.clone(),
                standings: standings.clone(),
                home: parts.home.clone(),
                directory: parts.directory,
                peers: parts.peers,
                signer: parts.signer.clone(),
                clock: parts.clock.clone(),
            },
            prover: DepositProver {
                institution: parts.institution.clone(),
                log: parts.log.clone(),
                book: book.clone(),
                home: parts.home.clone(),
                prover: parts.chain.prover,
                clients: parts.clients,
                witnesses: witnesses.clone(),
            },
            publisher: Arc::new(Publisher {
                institution: parts.institution.clone(),
                log: parts.log.clone(),
                home: parts.home.clone(),
                submit: parts.chain.submit,
                signer: parts.signer,
                book: book.clone(),
                standings: standings.clone(),
            }),
            book,
            witnesses,
            copier,
            stamps,
            institution: parts.institution,
            log: parts.log,
            standings,
            home: parts.home,
            audit: parts.audit,
            clock: parts.clock,
        })
    }

    /// What has its checkpoints cosigned, if witnesses are named.
    pub(crate) fn witnesses(&self) -> Option<Arc<Witnesses>> {
        self.witnesses.clone()
    }

    /// What copies the log into its bucket, if there is one.
    pub(crate) fn copier(&self) -> Option<Arc<Copier>> {
        self.copier.clone()
    }

    /// What has its checkpoints stamped, if an authority for time is named.
    pub(crate) fn stamps(&self) -> Option<Arc<Stamps>> {
        self.stamps.clone()
    }

    /// What brings the log's head to the chain.
    pub(crate) fn publisher(&self) -> Arc<Publisher> {
        self.publisher.clone()
    }
}

/// A log that cannot be read, for its caller.
pub(crate) fn log_failed(fault: LogFault) -> ApiError {
    ApiError::new(Reason::LogFailed, "The log of deposits cannot be read; its operator can see why.").because(fault)
}

fn unknown() -> ApiError {
    ApiError::new(Reason::UnknownDeposit, "There is no such deposit here, or it was erased.")
}

#[tonic::async_trait]
impl Deposits for DepositsService {
    async fn batch_create_deposits(
        &self,
        request: Request<v1::BatchCreateDepositsRequest>,
    ) -> Result<Response<v1::BatchCreateDepositsResponse>, Status> {
        let permit = self.policy.permit::<MakeDeposit>(&caller(&request)?)?;
        Ok(Response::new(self.kept()?.create(&permit, request.into_inner()).await?))
    }

    async fn stream_deposits(
        &self,
        request: Request<Streaming<v1::BatchCreateDepositsRequest>>,
    ) -> Result<Response<v1::StreamDepositsResponse>, Status> {
        let permit = self.policy.permit::<MakeDeposit>(&caller(&request)?)?;
        let (kept, mut batches) = (self.kept()?, request.into_inner());
        let mut answer = v1::StreamDepositsResponse::default();
        while let Some(batch) = batches.message().await? {
            let made = kept.create(&permit, batch).await?;
            answer.batches = answer.batches.saturating_add(1);
            answer.deposits = answer.deposits.saturating_add(made.count.into());
        }
        Ok(Response::new(answer))
    }

    async fn get_deposit(&self, request: Request<v1::GetDepositRequest>) -> Result<Response<v1::Deposit>, Status> {
        let permit = self.policy.permit::<ReadDeposit>(&caller(&request)?)?;
        Ok(Response::new(self.kept()?.get(&permit, request.into_inner()).await?))
    }

    async fn lookup_deposits(
        &self,
        request: Request<v1::LookupDepositsRequest>,
    ) -> Result<Response<v1::LookupDepositsResponse>, Status> {
        let permit = self.policy.permit::<LookUpDeposit>(&caller(&request)?)?;
        Ok(Response::new(self.kept()?.lookup(&permit, request.into_inner()).await?))
    }

    async fn lookup_transaction(
        &self,
        request: Request<v1::LookupTransactionRequest>,
    ) -> Result<Response<v1::LookupTransactionResponse>, Status> {
        let permit = self.policy.permit::<LookUpDeposit>(&caller(&request)?)?;
        Ok(Response::new(self.kept()?.transaction(&permit, request.into_inner()).await?))
    }

    async fn prove_deposit(
        &self,
        request: Request<v1::ProveDepositRequest>,
    ) -> Result<Response<v1::ProveDepositResponse>, Status> {
        let caller = caller(&request)?;
        let permit = self.policy.permit::<LookUpDeposit>(&caller)?;
        let reading = match request.get_ref().with_statement {
            true => Some(self.policy.permit::<ReadDeposit>(&caller)?),
            false => None,
        };
        Ok(Response::new(self.kept()?.prove(&permit, reading.as_ref(), request.into_inner()).await?))
    }

    async fn list_case_deposits(
        &self,
        request: Request<v1::ListCaseDepositsRequest>,
    ) -> Result<Response<v1::ListCaseDepositsResponse>, Status> {
        let permit = self.policy.permit::<ReadDeposit>(&caller(&request)?)?;
        Ok(Response::new(self.kept()?.case(&permit, request.into_inner()).await?))
    }

    async fn erase_deposit(
        &self,
        request: Request<v1::EraseDepositRequest>,
    ) -> Result<Response<v1::EraseDepositResponse>, Status> {
        let permit = self.policy.permit::<EraseDeposit>(&caller(&request)?)?;
        self.kept()?.erase(&permit, request.into_inner()).await?;
        Ok(Response::new(v1::EraseDepositResponse {}))
    }

    async fn get_deposit_log(
        &self,
        request: Request<v1::GetDepositLogRequest>,
    ) -> Result<Response<v1::DepositLog>, Status> {
        let permit = self.policy.permit::<LookUpDeposit>(&caller(&request)?)?;
        Ok(Response::new(self.kept()?.about(&permit, request.into_inner()).await?))
    }

    async fn list_deposit_heads(
        &self,
        request: Request<v1::ListDepositHeadsRequest>,
    ) -> Result<Response<v1::ListDepositHeadsResponse>, Status> {
        let permit = self.policy.permit::<LookUpDeposit>(&caller(&request)?)?;
        Ok(Response::new(self.kept()?.heads(&permit, request.get_ref()).await?))
    }
}

impl DepositsService {
    fn kept(&self) -> Result<&Arc<Kept>, ApiError> {
        self.kept.as_ref().ok_or_else(|| {
            ApiError::new(Reason::NotConfigured, "This gateway keeps no log of deposits; ask the one that does.")
        })
    }
}

impl Kept {
    async fn create(
        &self,
        permit: &Permit<MakeDeposit>,
        request: v1::BatchCreateDepositsRequest,
    ) -> Result<v1::BatchCreateDepositsResponse, ApiError> {
        self.ours(&convert::parent(&request.parent)?)?;
        let taken = self.desk.take(permit, request).await?;
        let made = taken.appended;
        Ok(v1::BatchCreateDepositsResponse {
            first_index: made.map_or(0, |made| made.first),
            count: made.map_or(0, |made| made.count),
            repeated_request: made.is_some_and(|made| made.repeated),
            existing: taken.existing,
        })
    }

    async fn get(&self, permit: &Permit<ReadDeposit>, request: v1::GetDepositRequest) -> Result<v1::Deposit, ApiError> {
        let name = self.name(&request.name)?;
        let (entry, stored) = self.stored(name.index).await?.ok_or_else(unknown)?;
        self.may_read(permit.caller(), &stored)?;
        self.file(permit.caller(), "GetDeposit", name.to_string(), request.purpose).await?;
        let head = self.book.with(name.index).await?;
        let transaction = match &head {
            Some(head) => self.book.taken_by(head.log.size).await?,
            None => None,
        };
        let mut deposit = convert::to_wire(&name, &entry, stored, head.map(|head| head.log.at));
        deposit.transaction = transaction.map(|hash| hash.0.to_vec()).unwrap_or_default();
        Ok(deposit)
    }

    async fn lookup(
        &self,
        _permit: &Permit<LookUpDeposit>,
        request: v1::LookupDepositsRequest,
    ) -> Result<v1::LookupDepositsResponse, ApiError> {
        self.ours(&convert::parent(&request.parent)?)?;
        if !(1..=LOOKUP_MAX).contains(&request.digests.len()) {
            return Err(ApiError::argument("digests", "1 to 1,000 digests are looked up at once."));
        }
        let digests = request.digests.iter().map(|bytes| digest("digests", bytes)).collect::<Result<Vec<_>, _>>()?;
        // Taken first: what is not found was not there at this checkpoint.
        let as_of = self.checkpoint();
        let log = self.log.clone();
        let found = tokio::task::spawn_blocking(move || {
            digests.iter().map(|digest| log.find(digest, FOUND_MAX)).collect::<Result<Vec<_>, LogFault>>()
        });
        let found = found.await.map_err(ApiError::fault)?.map_err(log_failed)?;
        let since = self.book.since(found.iter().flatten().map(|found| found.index).collect()).await?;
        let results = found.into_iter().map(|found| {
            let deposits = found.into_iter().map(|found| v1::FoundDeposit {
                name: DepositName { member: self.institution.clone(), index: found.index }.to_string(),
                index: found.index,
                proven_at: since.get(&found.index).copied().map(seconds_to_wire),
            });
            v1::LookupResult { deposits: deposits.collect() }
        });
        let results = results.collect();
        Ok(v1::LookupDepositsResponse { results, as_of })
    }

    async fn transaction(
        &self,
        permit: &Permit<LookUpDeposit>,
        request: v1::LookupTransactionRequest,
    ) -> Result<v1::LookupTransactionResponse, ApiError> {
        self.ours(&convert::parent(&request.parent)?)?;
        let transaction = digest("transaction", &request.transaction)?;
        let limit = page_size(request.page_size, TRANSACTION_PAGE_MAX)?;
        // Taken first: what is not found was not there at this checkpoint.
        let as_of = self.checkpoint();
        let Some((taken, head, note)) = self.taken(&transaction).await? else {
            return Ok(v1::LookupTransactionResponse { as_of, ..Default::default() });
        };
        let from = match request.page_token.as_str() {
            "" => taken.before,
            token => {
                token.parse().ok().filter(|index| (taken.before..taken.size).contains(index)).ok_or_else(|| {
                    ApiError::argument("page_token", "The page token is not one that this service gave.")
                })?
            }
        };
        let (log, caller) = (self.log.clone(), permit.caller().institution.clone());
        let all = self.is_ours(permit.caller());
        let page = tokio::task::spawn_blocking(move || {
            let (mut found, end) = (Vec::new(), taken.size.min(from.saturating_add(TRANSACTION_READ_MAX)));
            for index in from..end {
                if found.len() == limit {
                    return Ok((found, index));
                }
                let stored = log.deposit(index)?.map(|(_, stored)| stored.statement.circumstances.depositor);
                if stored.is_some_and(|depositor| all || depositor == caller) {
                    found.push(index);
                }
            }
            Ok::<_, LogFault>((found, end))
        });
        let (found, next) = page.await.map_err(ApiError::fault)?.map_err(log_failed)?;
        let deposits = found.into_iter().map(|index| v1::FoundDeposit {
            name: DepositName { member: self.institution.clone(), index }.to_string(),
            index,
            proven_at: Some(seconds_to_wire(head.log.at)),
        });
        Ok(v1::LookupTransactionResponse {
            taken_up: Some(v1::TakenUp {
                height: taken.height.0,
                first_index: taken.before,
                count: taken.size.saturating_sub(taken.before),
                checkpoint: Some(convert::checkpoint(&head.log)),
                note,
            }),
            deposits: deposits.collect(),
            next_page_token: if next < taken.size { next.to_string() } else { String::new() },
            as_of,
        })
    }

    /// What a transaction took up, with the head that it made and that head's checkpoint with all signatures.
    async fn taken(&self, transaction: &Hash) -> Result<Option<(Taken, Head, String)>, ApiError> {
        let Some((taken, head, signed)) = self.book.taken(transaction).await? else { return Ok(None) };
        let tree = TreeHead { size: head.log.size, root: head.log.root };
        let text = tlog::Checkpoint::text(&deposit::origin(self.home.view().chain(), &self.institution), &tree);
        Ok(Some((taken, head, signed.note(&text.unwrap_or_default()))))
    }

    async fn prove(
        &self,
        permit: &Permit<LookUpDeposit>,
        reading: Option<&Permit<ReadDeposit>>,
        request: v1::ProveDepositRequest,
    ) -> Result<v1::ProveDepositResponse, ApiError> {
        let name = self.name(&request.name)?;
        let digest = digest("digest", &request.digest)?;
        let found = self.stored(name.index).await?;
        // Whoever does not know the file learns nothing of it, not even that it is another one.
        let found = found.filter(|(_, stored)| [stored.content.sha256, stored.content.sm3].contains(&digest));
        let (entry, stored) = found.ok_or_else(unknown)?;
        if reading.is_some() {
            self.may_read(permit.caller(), &stored)?;
            self.file(permit.caller(), "ProveDeposit", name.to_string(), request.purpose).await?;
        }
        let now = self.clock.now();
        let (bundle, verdict) = self.prover.bundle(name.index, (entry, stored), reading.is_some(), now).await?;
        let proof = proof(&verdict.at, self.home.view().anchor(), RULES_DEPOSIT);
        Ok(v1::ProveDepositResponse { bundle, proof: Some(proof) })
    }

    async fn case(
        &self,
        permit: &Permit<ReadDeposit>,
        request: v1::ListCaseDepositsRequest,
    ) -> Result<v1::ListCaseDepositsResponse, ApiError> {
        let member = convert::parent(&request.parent)?;
        self.ours(&member)?;
        if request.case_number.is_empty() {
            return Err(ApiError::argument("case_number", "Name the case whose deposits are to be listed."));
        }
        let resource = format!("members/{member}/deposits of a case");
        self.file(permit.caller(), "ListCaseDeposits", resource, request.purpose).await?;
        let (log, case) = (self.log.clone(), request.case_number);
        let found = tokio::task::spawn_blocking(move || log.of_case(&case, CASE_MAX + 1));
        let mut found = found.await.map_err(ApiError::fault)?.map_err(log_failed)?;
        let truncated = found.len() > CASE_MAX;
        found.truncate(CASE_MAX);
        let mine = self.is_ours(permit.caller());
        found.retain(|found| mine || found.stored.statement.circumstances.depositor == permit.caller().institution);
        let links = found.iter().map(|found| case::Link {
            index: found.index,
            entry: deposit::leaf(&found.entry),
            follows: found.stored.statement.item.follows,
        });
        let ordered = case::ordered(links.collect());
        let since = self.book.since(found.iter().map(|found| found.index).collect()).await?;
        let mut by_index: HashMap<u64, Found> = found.into_iter().map(|found| (found.index, found)).collect();
        let mut deposits = Vec::with_capacity(ordered.len());
        for (index, succession) in ordered {
            let Some(Found { entry, stored, .. }) = by_index.remove(&index) else { continue };
            let name = DepositName { member: self.institution.clone(), index };
            let deposit = convert::to_wire(&name, &entry, stored, since.get(&index).copied());
            deposits.push(v1::CaseDeposit { deposit: Some(deposit), succession: succession.into() });
        }
        Ok(v1::ListCaseDepositsResponse { deposits, truncated })
    }

    async fn erase(&self, permit: &Permit<EraseDeposit>, request: v1::EraseDepositRequest) -> Result<(), ApiError> {
        let name = self.name(&request.name)?;
        let (_, stored) = self.stored(name.index).await?.ok_or_else(unknown)?;
        self.may_read(permit.caller(), &stored)?;
        self.file(permit.caller(), "EraseDeposit", name.to_string(), request.purpose).await?;
        let log = self.log.clone();
        let erased = tokio::task::spawn_blocking(move || log.erase(name.index)).await;
        erased.map_err(ApiError::fault)?.map_err(log_failed)
    }

    async fn about(
        &self,
        _permit: &Permit<LookUpDeposit>,
        request: v1::GetDepositLogRequest,
    ) -> Result<v1::DepositLog, ApiError> {
        let form = "members/{member}/depositLog";
        let member = request.name.strip_suffix("/depositLog").ok_or_else(|| crate::convert::malformed(form))?;
        self.ours(&convert::parent(member)?)?;
        let log = self.log.clone();
        let size = tokio::task::spawn_blocking(move || log.head().size).await.map_err(ApiError::fault)?;
        let published = self.standings.published.load();
        Ok(v1::DepositLog {
            name: request.name,
            size,
            checkpoint: self.checkpoint(),
            note: published.as_ref().map(|published| published.note()).unwrap_or_default(),
            verifier_key: published.as_ref().map(|published| published.key.to_string()).unwrap_or_default(),
            witnesses: self.witnesses.as_deref().map(convert::standing).unwrap_or_default(),
            bucket: self.copier.as_deref().map(convert::bucket),
            time_stamps: self.stamps.as_deref().map(convert::stamps),
        })
    }

    async fn heads(
        &self,
        _permit: &Permit<LookUpDeposit>,
        request: &v1::ListDepositHeadsRequest,
    ) -> Result<v1::ListDepositHeadsResponse, ApiError> {
        self.ours(&convert::parent(&request.parent)?)?;
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let below =
            match request.page_token.as_str() {
                "" => None,
                token => Some(token.parse().map_err(|_| {
                    ApiError::argument("page_token", "The page token is not one that this service gave.")
                })?),
            };
        let (heads, next) = self.book.newest(below, limit).await?;
        let mut shown = Vec::with_capacity(heads.len());
        for head in heads {
            let witnesses = self.book.cosigned(head.log.size).await?.len();
            shown.push(v1::DepositHead {
                size: head.log.size,
                time: Some(seconds_to_wire(head.log.at)),
                height: head.header.0,
                witnesses: u32::try_from(witnesses).unwrap_or(u32::MAX),
            });
        }
        Ok(v1::ListDepositHeadsResponse {
            heads: shown,
            next_page_token: next.map(|size| size.to_string()).unwrap_or_default(),
        })
    }

    /// The newest head that the chain has taken up, with where that was proven.
    fn checkpoint(&self) -> Option<v1::LogCheckpoint> {
        let published = self.standings.published.load_full()?;
        let proof = proof(&published.at, self.home.view().anchor(), RULES);
        Some(v1::LogCheckpoint { proof: Some(proof), ..convert::checkpoint(&published.head.log) })
    }

    async fn stored(&self, index: u64) -> Result<Option<(Entry, Stored)>, ApiError> {
        let log = self.log.clone();
        tokio::task::spawn_blocking(move || log.deposit(index)).await.map_err(ApiError::fault)?.map_err(log_failed)
    }

    fn is_ours(&self, caller: &Caller) -> bool {
        caller.institution == self.institution
    }

    /// The keeper reads all that it keeps; another institution its own deposits, and learns of no others.
    fn may_read(&self, caller: &Caller, stored: &Stored) -> Result<(), ApiError> {
        let own = stored.statement.circumstances.depositor == caller.institution;
        if own || self.is_ours(caller) { Ok(()) } else { Err(unknown()) }
    }

    fn name(&self, text: &str) -> Result<DepositName, ApiError> {
        let name = DepositName::parse(text)?;
        self.ours(&name.member)?;
        Ok(name)
    }

    fn ours(&self, member: &MemberId) -> Result<(), ApiError> {
        if *member == self.institution {
            return Ok(());
        }
        let message = format!("This is the gateway of {}: deposits of {member} are kept by its own.", self.institution);
        Err(ApiError::new(Reason::UnknownMember, message))
    }

    /// Files an access before it happens.
    async fn file(
        &self,
        caller: &Caller,
        action: &'static str,
        resource: String,
        purpose: Option<v1::Purpose>,
    ) -> Result<(), ApiError> {
        let purpose = Purpose::stated(purpose)?.ok_or_else(|| {
            let message = "What depositors state is personal data: say case number, legal basis and purpose.";
            ApiError::new(Reason::PurposeRequired, message)
        })?;
        self.audit.append(&audit::entry(self.clock.now(), caller, action, resource, Vec::new(), purpose)).await
    }
}

fn digest(field: &'static str, bytes: &[u8]) -> Result<Hash, ApiError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(Hash).map_err(|_| ApiError::argument(field, "A digest or hash is 32 bytes."))
}
