//! Proven queries: judgments as records, lawyers' licences as credentials. Each answer must hold the record and its proof.
//! Refuses to check the proof again: the gateway has, and `comity query --bundle` keeps one for whoever wants to.

use super::{Outcome, Sizes, Workload};
use crate::bench::target::{Connections, Target};
use crate::cli::bench::QueriesArgs;
use crate::client::status;
use crate::failure::Failure;
use comity_proto::v1;
use comity_proto::v1::credentials_client::CredentialsClient;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::records_client::RecordsClient;
use prost::Message as _;
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::Status;

/// Requests that bring connections up where nothing is kept between them.
const CONNECTING: u64 = 200;

/// A prime: stepping by it visits every record once before any twice, and not in their order.
const STRIDE: u64 = 7_919;

/// Who keeps the judgments.
const KEEPER: &str = "court";

/// Names to ask for, in turn.
struct Names {
    names: Vec<String>,
    next: AtomicU64,
}

impl Names {
    fn of(target: &Target, member: &str, sector: &str) -> Result<Self, Failure> {
        let data = target.data().sectors.iter().find(|data| data.sector.as_str() == sector);
        let records = data.map(|data| data.records.as_slice()).unwrap_or_default();
        if records.is_empty() {
            return Err(Failure::fault(format!("the sandbox's data have no {sector}")));
        }
        let name = |id| format!("members/{member}/sectors/{sector}/records/{id}");
        Ok(Self { names: records.iter().map(|record| name(&record.id)).collect(), next: AtomicU64::new(0) })
    }

    fn count(&self) -> u64 {
        self.names.len() as u64
    }

    fn next(&self) -> String {
        let at = self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(STRIDE) % self.count();
        usize::try_from(at).ok().and_then(|at| self.names.get(at)).cloned().unwrap_or_default()
    }
}

/// Judgments.
pub(in crate::bench) struct Queries {
    names: Names,
    clients: Connections<RecordsClient<tonic::transport::Channel>>,
    max_age: Option<prost_types::Duration>,
    /// Whether the gateway that is asked keeps the records, and answers for a while.
    kept: bool,
}

impl Queries {
    pub(in crate::bench) fn open(target: &Target, args: &QueriesArgs) -> Result<Self, Failure> {
        Ok(Self {
            names: Names::of(target, KEEPER, "judgments")?,
            clients: target.connections(&args.reader, "clerk", args.load.connections, RecordsClient::new)?,
            max_age: max_age(args.max_age),
            kept: args.reader.as_str() == KEEPER && args.max_age > 0,
        })
    }

    fn request(&self) -> v1::GetRecordRequest {
        v1::GetRecordRequest {
            name: self.names.next(),
            read_mask: Vec::new(),
            purpose: Some(purpose()),
            max_age: self.max_age,
            include_bundle: false,
            consent: Vec::new(),
        }
    }

    async fn ask(&self, request: v1::GetRecordRequest) -> Result<v1::GetRecordResponse, Status> {
        Ok(self.clients.next().get_record(request).await?.into_inner())
    }
}

#[tonic::async_trait]
impl Workload for Queries {
    const NAME: &'static str = "queries";

    async fn once(&self) -> Outcome {
        let request = self.request();
        match self.ask(request).await {
            Ok(v1::GetRecordResponse { answer: Some(Answer::Record(record)), proof: Some(_), .. })
                if !record.fields.is_empty() =>
            {
                Outcome::Answered
            }
            Ok(_) => Outcome::Failed("NO_PROVEN_RECORD".into()),
            Err(status) => Outcome::of(&status),
        }
    }

    fn warm_up(&self) -> u64 {
        if self.kept { self.names.count() } else { CONNECTING }
    }

    async fn sizes(&self) -> Result<Option<Sizes>, Failure> {
        const SAMPLE: usize = 64;
        let mut sizes = Sizes { request: 0, answer: 0 };
        for _ in 0..SAMPLE {
            let request = self.request();
            sizes.request += request.encoded_len();
            let answer = self.ask(request).await.map_err(|error| status(error, "a judgment was not got"))?;
            sizes.answer += answer.encoded_len();
        }
        Ok(Some(Sizes { request: sizes.request / SAMPLE, answer: sizes.answer / SAMPLE }))
    }
}

/// Lawyers' licences.
pub(in crate::bench) struct Credentials {
    names: Names,
    clients: Connections<CredentialsClient<tonic::transport::Channel>>,
    max_age: Option<prost_types::Duration>,
}

impl Credentials {
    pub(in crate::bench) fn open(target: &Target, args: &QueriesArgs) -> Result<Self, Failure> {
        Ok(Self {
            names: Names::of(target, "justice", "lawyers")?,
            clients: target.connections(&args.reader, "clerk", args.load.connections, CredentialsClient::new)?,
            max_age: max_age(args.max_age),
        })
    }

    fn request(&self) -> v1::VerifyCredentialRequest {
        v1::VerifyCredentialRequest {
            name: self.names.next(),
            purpose: Some(purpose()),
            max_age: self.max_age,
            include_bundle: false,
        }
    }

    async fn ask(&self, request: v1::VerifyCredentialRequest) -> Result<v1::VerifyCredentialResponse, Status> {
        Ok(self.clients.next().verify_credential(request).await?.into_inner())
    }
}

#[tonic::async_trait]
impl Workload for Credentials {
    const NAME: &'static str = "credentials";

    async fn once(&self) -> Outcome {
        let request = self.request();
        match self.ask(request).await {
            Ok(answer) if answer.proof.is_some() && answer.credential.is_some() => Outcome::Answered,
            Ok(_) => Outcome::Failed("NO_PROVEN_CREDENTIAL".into()),
            Err(status) => Outcome::of(&status),
        }
    }

    fn warm_up(&self) -> u64 {
        CONNECTING
    }

    async fn sizes(&self) -> Result<Option<Sizes>, Failure> {
        let request = self.request();
        let length = request.encoded_len();
        let answer = self.ask(request).await.map_err(|error| status(error, "a credential was not verified"))?;
        Ok(Some(Sizes { request: length, answer: answer.encoded_len() }))
    }
}

fn max_age(seconds: u32) -> Option<prost_types::Duration> {
    (seconds > 0).then(|| prost_types::Duration { seconds: i64::from(seconds), nanos: 0 })
}

fn purpose() -> v1::Purpose {
    v1::Purpose {
        case_number: "(2026)浙9906执1024号".into(),
        legal_basis: "民事诉讼法第二百五十三条".into(),
        purpose: "Enforcement of a judgment".into(),
    }
}
