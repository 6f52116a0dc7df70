//! The inner answer, or its error with a reason.

use super::reason_for;
use http::Response;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::Status;

pin_project! {
    pub(crate) struct ReasonsFuture<F> {
        #[pin]
        pub(super) inner: F,
    }
}

impl<F, Out, E> Future for ReasonsFuture<F>
where
    F: Future<Output = Result<Response<Out>, E>>,
    Out: Default,
{
    type Output = F::Output;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let answer = ready!(self.project().inner.poll(cx));
        Poll::Ready(answer.map(|response| {
            // An error before the first message stands in the headers; tonic leaves it in the extensions as well.
            match Status::from_header_map(response.headers()).as_ref().and_then(reason_for) {
                Some(error) => Status::from(error).into_http(),
                None => response,
            }
        }))
    }
}
