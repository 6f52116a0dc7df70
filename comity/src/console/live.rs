//! Orders as they change, as server-sent events: a stream of the gateway's, handed on. Each event names the change to go on from.
//! Refuses to hold more streams than a few, and to repair a broken one: the browser asks again.

use super::data::Refused;
use crate::client::{show, status};
use crate::failure::Failure;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use comity_proto::v1;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, stream};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::{Response, Status, Streaming};

/// Orders that a watch of all begins with.
pub(super) const NEWEST: i32 = 100;
/// Streams at once: one of each tab.
const STREAMS_MAX: usize = 16;
/// After how long a browser asks again whose stream has ended.
const AGAIN: Duration = Duration::from_secs(2);
/// A line that says nothing, so that a browser that has gone is noticed.
const ALIVE: Duration = Duration::from_secs(15);

/// A stream of events.
pub(super) type Events = Sse<axum::response::sse::KeepAliveStream<BoxStream<'static, Result<Event, Infallible>>>>;

/// The streams that are open.
pub(super) struct Streams {
    slots: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Streams {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { slots: Arc::new(Semaphore::new(STREAMS_MAX)), stop }
    }

    /// Hands a watch of the gateway's on: `order` for each order, `refused` with the reason where it is refused or breaks. Where
    /// it ends by itself, what was watched for has come: `over`.
    pub(super) fn orders(&self, watched: Result<Response<Streaming<v1::Order>>, Status>) -> Events {
        let events = match (self.slots.clone().try_acquire_owned(), watched) {
            (Err(_), _) => {
                let full = Failure::unavailable("more tabs watch orders than the console serves at once; close one");
                stream::iter([refused(full)]).boxed()
            }
            (Ok(_), Err(error)) => stream::iter([refused(status(error, "the orders were not watched"))]).boxed(),
            (Ok(slot), Ok(orders)) => {
                held(orders.into_inner(), slot).take_until(self.stop.clone().cancelled_owned()).boxed()
            }
        };
        let told = stream::iter([Event::default().retry(AGAIN)]).chain(events).map(Ok);
        Sse::new(told.boxed()).keep_alive(KeepAlive::new().interval(ALIVE))
    }
}

/// The events of a stream, which takes a slot for as long as it lives.
fn held(orders: Streaming<v1::Order>, slot: OwnedSemaphorePermit) -> impl Stream<Item = Event> {
    let ended = stream::iter([None]);
    let events = orders.map(Some).chain(ended);
    events.scan((slot, false), |(_, broken), order| {
        let event = match order {
            _ if *broken => return futures::future::ready(None),
            Some(Ok(order)) => Event::default().event("order").data(show::order_json(&order).to_string()),
            Some(Err(error)) => {
                *broken = true;
                refused(status(error, "the orders are watched no more"))
            }
            None => Event::default().event("over").data("{}"),
        };
        futures::future::ready(Some(event))
    })
}

fn refused(failure: Failure) -> Event {
    Event::default().event("refused").data(Refused::from(failure).json().to_string())
}
