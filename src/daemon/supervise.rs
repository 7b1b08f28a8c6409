//! Watches over the tasks without which callout is dead: when one of them panics or ends unasked, the process aborts
//! at once, so that the service manager starts it afresh. A pager that dies inside a living process is the one
//! failure nobody sees.

use futures_util::FutureExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use tracing::error;

/// Starts a core thread. A panic in it aborts the process.
///
/// # Panics
/// If the system has no thread to give, which at start-up means that nothing can work.
pub fn thread<T: Send + 'static>(name: &'static str, run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| abort(name)))
        .expect("the system has a thread to give at start-up")
}

/// Starts a core task. A panic in it aborts the process.
pub fn task<F>(name: &'static str, run: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(async move {
        match AssertUnwindSafe(run).catch_unwind().await {
            Ok(done) => done,
            Err(_) => abort(name),
        }
    })
}

fn abort(name: &str) -> ! {
    error!(task = name, "core task {name} panicked; the process aborts, so that it is started afresh");
    eprintln!("callout: core task \"{name}\" panicked; aborting, so that the service manager starts callout afresh");
    std::process::abort()
}
