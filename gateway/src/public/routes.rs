//! What stands at which path, and the answer to a request: a file, the page, a lookup, a piece of the log, or why not.
//! It refuses every method but GET and HEAD, every body, and every path that is not in this file.

use super::assets::{self, Asset};
use super::edge::{Edge, Turned};
use super::lookup::{Answer, Lookups, Question};
use super::page::{Language, Pages};
use super::{PublicConfig, address::Client, headers, tiles};
use crate::deposits::OpenDesk;
use crate::error::{ApiError, Blame, Reason};
use crate::measure;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Longest path and query, in bytes.
const URI_BYTES_MAX: usize = 1_024;
/// After how long what is unavailable is worth another question.
const RETRY_S: u64 = 2;
/// A browser asks whether it still has the newest: a program that was exchanged shows at once.
const ASK_AGAIN: &str = "no-cache";
/// The page's own files, which one load asks for several times.
const FOR_A_LOAD: &str = "public, max-age=30";
/// What was looked up, by whom, is kept nowhere on the way.
const NOT_KEPT: &str = "no-store";

/// An answer.
pub(super) type Answered = Response<Full<Bytes>>;

/// All that the public port answers with.
pub(super) struct Site {
    pub(super) edge: Edge,
    pub(super) connection_age: Duration,
    files: BTreeMap<&'static str, Asset>,
    anchor: Asset,
    pages: Pages,
    lookups: Lookups,
    client_header: Option<HeaderName>,
    request_timeout: Duration,
    tls: bool,
}

impl Site {
    pub(super) fn new(config: &PublicConfig, desk: Option<OpenDesk>, core: Handle) -> Result<Self, serde_json::Error> {
        let keeper = desk.as_ref().map_or_else(String::new, |desk| desk.keeper().to_string());
        Ok(Self {
            edge: Edge::new(&config.limits, config.client_header.is_none()),
            connection_age: config.limits.connection_age,
            files: assets::all(),
            anchor: Asset::new(assets::TEXT, config.anchor_file.clone().into_bytes()),
            pages: Pages::new(&keeper)?,
            lookups: Lookups { desk, core },
            client_header: config.client_header.clone(),
            request_timeout: config.limits.request_timeout,
            tls: config.tls.is_some(),
        })
    }

    /// The answer to a request from `peer`. Never an error: what went wrong is told.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Answered {
        let began = Instant::now();
        let client = Client::behind(request.headers(), self.client_header.as_ref(), peer);
        let (what, answered) = match self.edge.admit(client) {
            Ok(()) => {
                let what = kind(request.uri().path());
                let working = tokio::time::timeout(self.request_timeout, self.route(&request)).await;
                let late = || Err(ApiError::new(Reason::DeadlineExceeded, "The answer took longer than it may."));
                (what, working.unwrap_or_else(|_| late()).map_err(turned))
            }
            Err(turned) => ("turned away", Err(turned)),
        };
        let reason = answered.as_ref().map_or_else(|turned| turned.error.reason().as_str(), |_| "OK");
        metrics::counter!(measure::PUBLIC_REQUESTS, "what" => what, "reason" => reason).increment(1);
        metrics::histogram!(measure::PUBLIC_SECONDS, "what" => what).record(began.elapsed().as_secs_f64());
        let mut answer = answered.unwrap_or_else(|turned| refused(&turned));
        headers::put(answer.headers_mut(), self.tls, what == "log");
        answer
    }

    async fn route(&self, request: &Request<Incoming>) -> Result<Answered, ApiError> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return Err(ApiError::new(Reason::NoSuchMethod, "Nothing is changed here: ask with GET or HEAD."));
        }
        let uri = request.uri();
        if uri.path().len().saturating_add(uri.query().map_or(0, str::len)) > URI_BYTES_MAX {
            return Err(ApiError::new(Reason::TooLarge, "The address is longer than any of this site."));
        }
        if !request.body().is_end_stream() {
            return Err(ApiError::new(Reason::TooLarge, "A question here has no body."));
        }
        let path = uri.path();
        if let Some(file) = self.files.get(path) {
            let mut answer = given(file, request.headers());
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_A_LOAD));
            return Ok(answer);
        }
        match path {
            "/" => return Ok(self.page(request, "")),
            "/anchor.toml" => return Ok(given(&self.anchor, request.headers())),
            "/n" => return Ok(self.asked(request).await),
            "/api/checkpoint" => return self.checkpoint(),
            _ => {}
        }
        if let Some(digest) = path.strip_prefix("/v/") {
            let Ok(Question::Digest(digest)) = Question::parse(digest) else { return Err(unknown()) };
            let link = self.pages.link(language(request), &digest.to_string());
            return Ok(self.page(request, &link));
        }
        if let Some(digest) = path.strip_prefix("/api/digests/") {
            let question = Question::parse(digest)?;
            if !matches!(question, Question::Digest(_)) {
                return Err(ApiError::argument("digest", "A digest is SHA-256 or SM3: 64 hex digits."));
            }
            return Ok(told(self.lookups.ask(&self.edge, question).await?.json()));
        }
        if let Some(number) = path.strip_prefix("/api/entries/") {
            let question = Question::parse(number)?;
            if !matches!(question, Question::Number(_)) {
                return Err(ApiError::argument("number", "An entry's number is a decimal number."));
            }
            return Ok(told(self.lookups.ask(&self.edge, question).await?.json()));
        }
        if let Some(hash) = path.strip_prefix("/api/transactions/") {
            let Question::Digest(hash) = Question::parse(hash)? else {
                return Err(ApiError::argument("transaction", "A transaction's hash is 64 hex digits."));
            };
            return Ok(told(self.lookups.ask(&self.edge, Question::Transaction(hash)).await?.json()));
        }
        match path.strip_prefix("/log/") {
            Some(file) => {
                let file = tiles::read(&self.lookups.desk()?.folder(), file).await?;
                Ok(whole(file.kind, file.cache, file.bytes))
            }
            None => Err(unknown()),
        }
    }

    fn page(&self, request: &Request<Incoming>, answer: &str) -> Answered {
        let html = self.pages.html(language(request), answer);
        let mut answer = given(&Asset::new(assets::HTML, html), request.headers());
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language"));
        answer
    }

    /// The form's answer, for who has no JavaScript. Its own mistakes are told in the page.
    async fn asked(&self, request: &Request<Incoming>) -> Answered {
        let text = parameter(request, "q").unwrap_or_default();
        let question = Question::parse(&text);
        let asked = question.as_ref().ok().copied();
        let mut answer = match question {
            Ok(question) => self.lookups.ask(&self.edge, question).await,
            Err(error) => Err(error),
        };
        // 64 hex digits may also be the hash of a transaction.
        if let Ok(Answer::NotFound { digest, .. }) = answer {
            let other = self.lookups.ask(&self.edge, Question::Transaction(digest)).await;
            if let Ok(Answer::Transaction { .. }) = other {
                answer = other;
            }
        }
        let status = answer.as_ref().err().map_or(StatusCode::OK, |error| status(error.reason()));
        let language = language(request);
        let html = self.pages.html(language, &self.pages.answer(language, asked, &answer));
        let mut told = whole(assets::HTML, NOT_KEPT, html.into());
        *told.status_mut() = status;
        told
    }

    fn checkpoint(&self) -> Result<Answered, ApiError> {
        let as_of = self.lookups.desk()?.as_of();
        Ok(told(json!({
            "keeper": self.lookups.desk()?.keeper().as_str(),
            "size": as_of.as_ref().map(|as_of| as_of.size),
            "time": as_of.as_ref().map(|as_of| as_of.time.to_string()),
        })))
    }
}

/// What is asked for, as a label: never what a visitor chose.
fn kind(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "api" | "n" => "lookup",
        "log" => "log",
        "" | "v" => "page",
        "page" | "verify" | "anchor.toml" | "robots.txt" => "file",
        _ => "other",
    }
}

fn language(request: &Request<Incoming>) -> Language {
    Language::of(parameter(request, "lang").as_deref(), request.headers())
}

fn parameter(request: &Request<Incoming>, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn unknown() -> ApiError {
    ApiError::new(Reason::UnknownPage, "There is no such page; the first one is at /.")
}

fn turned(error: ApiError) -> Turned {
    Turned { error, retry_after_s: RETRY_S }
}

fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
        reason => StatusCode::from_u16(reason.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// A file, or that the browser has it.
fn given(file: &Asset, asked: &HeaderMap) -> Answered {
    let known = asked.get_all(header::IF_NONE_MATCH).iter().any(|tags| {
        let tags = tags.to_str().unwrap_or_default();
        tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag.as_bytes() == file.tag.as_bytes())
    });
    let mut answer = whole(file.kind, ASK_AGAIN, if known { Bytes::new() } else { file.bytes.clone() });
    answer.headers_mut().insert(header::ETAG, file.tag.clone());
    if known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    answer
}

fn told(value: Value) -> Answered {
    whole(assets::JSON, NOT_KEPT, value.to_string().into())
}

fn whole(kind: &'static str, cache: &'static str, bytes: Bytes) -> Answered {
    let mut answer = Response::new(Full::new(bytes));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    answer
}

/// Why not, for programs and people; the operator's part is logged.
fn refused(turned: &Turned) -> Answered {
    let error = &turned.error;
    let reason = error.reason();
    match reason.blame() {
        Blame::Fault => tracing::error!(reason = reason.as_str(), ?error, "a public request failed by our fault"),
        Blame::Unavailable => tracing::debug!(reason = reason.as_str(), ?error, "a public request was put off"),
        Blame::Refusal => {}
    }
    let mut answer = told(json!({ "error": { "reason": reason.as_str(), "message": error.message() } }));
    *answer.status_mut() = status(reason);
    if matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(turned.retry_after_s));
    }
    if reason == Reason::NoSuchMethod {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    answer
}
