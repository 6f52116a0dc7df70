//! What people are about: tasks that are counted until they are done. It refuses to know what they are.

use std::sync::{Arc, Mutex, PoisonError};

/// How many tasks are not done.
#[derive(Clone, Default)]
pub(crate) struct Errands(Arc<Mutex<usize>>);

impl Errands {
    /// Begins a task.
    pub(crate) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        let left = Arc::clone(&self.0);
        *left.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        tokio::spawn(async move {
            work.await;
            *left.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        });
    }

    /// Whether everything is done.
    pub(crate) fn are_done(&self) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == 0
    }
}
