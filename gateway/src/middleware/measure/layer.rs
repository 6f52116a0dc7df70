//! The layer and its service.

use super::Call;
use super::future::MeasureFuture;
use crate::identity::Caller;
use http::{Request, Response};
use std::task::{Context, Poll};
use std::time::Instant;
use tower::{Layer, Service};

/// Counts and measures a service's calls.
#[derive(Clone, Copy)]
pub(crate) struct MeasureLayer;

impl<S> Layer<S> for MeasureLayer {
    type Service = Measuring<S>;
    fn layer(&self, inner: S) -> Measuring<S> {
        Measuring { inner }
    }
}

/// A service whose calls are counted.
#[derive(Clone)]
pub(crate) struct Measuring<S> {
    inner: S,
}

impl<S, In, Out> Service<Request<In>> for Measuring<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = MeasureFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        let caller = request.extensions().get::<Caller>().map(|caller| caller.institution.to_string());
        let call = Call::new(caller, request.uri().path());
        MeasureFuture { inner: self.inner.call(request), call: Some(call), began: Instant::now() }
    }
}
