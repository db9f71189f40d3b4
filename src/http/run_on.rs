//! Work that is begun in a handler and must not end with it.
//!
//! Hyper drops a handler when its client hangs up. A task for every request would outlive that too, but costs every
//! request what only the rare one needs; so the work runs inside the handler, and becomes a task when that is dropped.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A future that runs on in a task of its own when it is dropped before its end.
pub(super) struct RunOn<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> RunOn<F> {
    pub(super) fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for RunOn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Taken out while it runs: what panics is not run on.
        let mut work = self.0.take().expect("it is not polled after its end");
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        Poll::Ready(ready!(polled))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for RunOn<F> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and with it everything that was not acknowledged.
        if let (Some(work), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> fmt::Debug for RunOn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunOn")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_is_dropped_half_way_runs_on() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel::<()>();
        let mut work = RunOn::new(async move {
            gone.await.expect("it is told to go on");
            done.send(()).expect("somebody waits");
        });
        assert!((&mut work).now_or_never().is_none(), "it waits");
        drop(work);
        go.send(()).expect("it still waits");
        ended.await.expect("it ran on");
    }

    #[tokio::test]
    async fn what_has_ended_is_not_run_again() {
        let mut work = RunOn::new(async { 7 });
        assert_eq!((&mut work).now_or_never(), Some(7));
        assert!(work.0.is_none());
    }
}
