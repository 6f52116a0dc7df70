//! The inner answer, filed once.

use super::Call;
use http::Response;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tonic::Status;

pin_project! {
    pub(crate) struct MeasureFuture<F> {
        #[pin]
        pub(super) inner: F,
        pub(super) call: Option<Call>,
        pub(super) began: Instant,
    }
}

impl<F, Out, E> Future for MeasureFuture<F>
where
    F: Future<Output = Result<Response<Out>, E>>,
{
    type Output = F::Output;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx));
        if let (Some(call), Ok(response)) = (this.call.take(), &answer) {
            let status = Status::from_header_map(response.headers()).filter(|status| status.code() != tonic::Code::Ok);
            call.answered(status.as_ref(), this.began.elapsed());
        }
        Poll::Ready(answer)
    }
}
