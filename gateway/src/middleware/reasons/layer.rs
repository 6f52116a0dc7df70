//! The layer and its service.

use super::future::ReasonsFuture;
use http::{Request, Response};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Gives reasons to a service's bare errors.
#[derive(Clone, Copy)]
pub(crate) struct ReasonsLayer;

impl<S> Layer<S> for ReasonsLayer {
    type Service = Reasons<S>;
    fn layer(&self, inner: S) -> Reasons<S> {
        Reasons { inner }
    }
}

/// A service whose errors have reasons.
#[derive(Clone)]
pub(crate) struct Reasons<S> {
    inner: S,
}

impl<S, In, Out> Service<Request<In>> for Reasons<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
    Out: Default,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = ReasonsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        ReasonsFuture { inner: self.inner.call(request) }
    }
}
