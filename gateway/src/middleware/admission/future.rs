//! Either the inner answer, with its slot held until it begins or its time is up, or the refusal.

use crate::error::{ApiError, Reason};
use http::Response;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tonic::Status;

pin_project! {
    #[project = Projected]
    pub(crate) enum AdmissionFuture<F> {
        Admitted { #[pin] inner: F, #[pin] deadline: Sleep, _slot: OwnedSemaphorePermit },
        Refused { status: Option<Status> },
    }
}

impl<F, Out, E> Future for AdmissionFuture<F>
where
    F: Future<Output = Result<Response<Out>, E>>,
    Out: Default,
{
    type Output = F::Output;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            Projected::Admitted { inner, deadline, .. } => match inner.poll(cx) {
                Poll::Pending if deadline.poll(cx).is_ready() => {
                    let error = ApiError::new(Reason::DeadlineExceeded, "The call took longer than it may.");
                    Poll::Ready(Ok(Status::from(error).into_http()))
                }
                polled => polled,
            },
            Projected::Refused { status } => {
                let status = status.take().unwrap_or_else(|| Status::unavailable(""));
                Poll::Ready(Ok(status.into_http()))
            }
        }
    }
}
