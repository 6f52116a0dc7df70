//! The layer and its service.

use super::Admission;
use super::future::AdmissionFuture;
use crate::identity::Caller;
use http::{Request, Response};
use std::task::{Context, Poll};
use tonic::Status;
use tower::{Layer, Service};

/// Puts admission before a service.
#[derive(Clone)]
pub(crate) struct AdmissionLayer(pub(crate) Admission);

impl<S> Layer<S> for AdmissionLayer {
    type Service = Admitting<S>;
    fn layer(&self, inner: S) -> Admitting<S> {
        Admitting { inner, admission: self.0.clone() }
    }
}

/// A service behind admission.
#[derive(Clone)]
pub(crate) struct Admitting<S> {
    inner: S,
    admission: Admission,
}

impl<S, In, Out> Service<Request<In>> for Admitting<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
    Out: Default,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = AdmissionFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        match self.admission.admit(request.extensions().get::<Caller>()) {
            Ok(slot) => AdmissionFuture::Admitted {
                inner: self.inner.call(request),
                deadline: tokio::time::sleep(self.admission.call_timeout),
                _slot: slot,
            },
            Err(error) => AdmissionFuture::Refused { status: Some(Status::from(error)) },
        }
    }
}
