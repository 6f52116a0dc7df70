//! What stands at which path, who may ask for it, and what every answer tells the browser. Refuses everything but reading.

use super::data::{Gateway, Page, Refused};
use super::door::{Door, Shut};
use super::{data, files, live};
use crate::client::chain;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use comity_proto::v1;
use comity_proto::v1::orders_client::OrdersClient;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Longest path and query, in bytes.
const URI_BYTES_MAX: usize = 1_024;
/// How long an answer may take to begin.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Nothing is loaded from elsewhere, no text becomes a script or a style, no other page frames this one.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // What was shown is kept nowhere.
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
         microphone=(), midi=(), payment=(), usb=(), interest-cohort=()",
    ),
];

/// One console.
pub(super) struct Site {
    door: Door,
    pub(super) gateway: Gateway,
    pub(super) live: live::Streams,
}

impl Site {
    pub(super) fn new(door: Door, gateway: Gateway, stop: CancellationToken) -> Self {
        Self { door, gateway, live: live::Streams::new(stop) }
    }
}

type Answered = Result<Json<Value>, Refused>;

/// Every path.
pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(async || file(files::PAGE)))
        .route("/enter", get(enter))
        .route("/{file}", get(async |Path(name): Path<String>| files::named(&name).map(file).ok_or(Turned::Unknown)))
        .route("/api/self", get(async |State(site): State<Arc<Site>>| Json(site.gateway.about())))
        .route("/api/members", get(members))
        .route("/api/chains", get(chains))
        .route("/api/evidence", get(evidence))
        .route("/api/orders/watch", get(watch_orders))
        .route("/api/order/watch", get(watch_order))
        .route("/api/received", get(received))
        .route("/api/deposits", get(deposits))
        .route("/api/accesses", get(accesses))
        .fallback(async || Turned::Unknown)
        .layer(from_fn_with_state(site.clone(), guarded))
        .with_state(site)
}

async fn members(State(site): State<Arc<Site>>) -> Answered {
    Ok(Json(data::members(&site.gateway).await?))
}

async fn chains(State(site): State<Arc<Site>>) -> Answered {
    Ok(Json(data::chains(&site.gateway).await?))
}

async fn received(State(site): State<Arc<Site>>, Query(page): Query<Page>) -> Answered {
    Ok(Json(data::received(&site.gateway, page).await?))
}

async fn deposits(State(site): State<Arc<Site>>, Query(page): Query<Page>) -> Answered {
    Ok(Json(data::deposits(&site.gateway, page).await?))
}

async fn accesses(State(site): State<Arc<Site>>, Query(page): Query<Page>) -> Answered {
    Ok(Json(data::accesses(&site.gateway, page).await?))
}

async fn watch_orders(State(site): State<Arc<Site>>) -> live::Events {
    let request = v1::WatchOrdersRequest { newest: live::NEWEST };
    site.live.orders(OrdersClient::new(site.gateway.channel.clone()).watch_orders(request).await)
}

/// One order, and its hold for as long as it lives. `WatchOrder` shows nothing that is personal, so nothing is filed.
async fn watch_order(State(site): State<Arc<Site>>, Query(Name { name }): Query<Name>) -> live::Events {
    let request = v1::WatchOrderRequest { name, follow_hold: true, resume_token: String::new() };
    site.live.orders(OrdersClient::new(site.gateway.channel.clone()).watch_order(request).await)
}

/// What a light client was frozen with, as the file that `comity chain evidence --file` reads.
async fn evidence(State(site): State<Arc<Site>>, Query(Name { name }): Query<Name>) -> Result<Response, Refused> {
    let found = chain::evidence::of(site.gateway.channel.clone(), &name).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"client.evidence\""),
    ];
    Ok((headers, found.evidence).into_response())
}

/// What stands before everything: a request reads, comes under the console's name, and from the browser that was let in.
async fn guarded(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut answer = match may(&site.door, &request) {
        Ok(()) => match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => Refused::late().into_response(),
        },
        Err(turned) => turned.into_response(),
    };
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn may(door: &Door, request: &Request) -> Result<(), Turned> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return Err(Turned::Method);
    }
    let (uri, headers) = (request.uri(), request.headers());
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    if has_body || uri.path().len().saturating_add(uri.query().map_or(0, str::len)) > URI_BYTES_MAX {
        return Err(Turned::TooLarge);
    }
    door.is_own(headers)?;
    if uri.path() != "/enter" {
        door.knows(headers)?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Key {
    #[serde(default)]
    key: String,
}

/// Opens the console in a browser, and takes the key out of its address.
async fn enter(State(site): State<Arc<Site>>, Query(Key { key }): Query<Key>) -> Result<Response, Turned> {
    let cookie = site.door.enter(&key, Instant::now())?;
    let home = HeaderValue::from_static("/");
    let headers = HeaderMap::from_iter([(header::SET_COOKIE, cookie), (header::LOCATION, home)]);
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

fn file((kind, bytes): files::File) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

/// What is turned away before the gateway is asked.
enum Turned {
    Shut(Shut),
    Method,
    TooLarge,
    Unknown,
}

impl From<Shut> for Turned {
    fn from(shut: Shut) -> Self {
        Self::Shut(shut)
    }
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        let (status, reason, english, chinese) = match self {
            Self::Shut(Shut::Host) => {
                (StatusCode::MISDIRECTED_REQUEST, "HOST", "The console has another name.", "控制台不使用此名称。")
            }
            Self::Shut(Shut::CrossSite) => {
                (StatusCode::FORBIDDEN, "CROSS_SITE", "Another site asked for this.", "此请求来自其他网站。")
            }
            Self::Shut(Shut::NoSession) => (
                StatusCode::UNAUTHORIZED,
                "NO_SESSION",
                "This browser was not let in. Start `comity console` anew and open the address that it prints.",
                "此浏览器未获准进入。请重新运行 `comity console`，并打开其显示的地址。",
            ),
            Self::Shut(Shut::KeySpent) => (
                StatusCode::FORBIDDEN,
                "KEY_SPENT",
                "This address was used before, or is too old. Start `comity console` anew for another one.",
                "此地址已使用过或已过期。请重新运行 `comity console` 以取得新地址。",
            ),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "METHOD", "The console only reads.", "控制台只供查看。"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "A question is short.", "请求过长。"),
            Self::Unknown => (StatusCode::NOT_FOUND, "UNKNOWN_PAGE", "There is nothing here.", "此处没有内容。"),
        };
        let text = format!("{reason}\n{english}\n{chinese}\n");
        (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
    }
}
