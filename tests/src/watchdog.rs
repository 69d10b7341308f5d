//! The watchdog: a test that hangs fails with its name, and with what the process's threads do.

use crate::listed::threads;
use std::{
    panic::resume_unwind,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// Runs `body` on a thread of its own and returns what it returns.
///
/// Choose `limit` generously, ten times what a slow machine takes: it is there to end hangs, not to
/// measure. When it has passed, the threads of the process are printed and the test fails; the
/// thread that hangs is left alone and ends with the process.
///
/// # Panics
/// With the body's own panic, or, naming `name`, when `limit` has passed.
pub fn within<T: Send + 'static>(
    limit: Duration,
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, ended) = channel();
    let runner = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let value = body();
            // The receiver is gone only if the test has failed already.
            let _ = done.send(());
            value
        })
        .unwrap_or_else(|error| panic!("`{name}` got no thread: {error}"));
    // A panic of the body drops the sender, which ends the wait as well.
    if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
        panic!(
            "`{name}` has not ended within {limit:?}; the threads of this process:\n{}",
            threads()
        );
    }
    runner
        .join()
        .unwrap_or_else(|payload| resume_unwind(payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    fn text(result: thread::Result<()>) -> String {
        let payload = result.expect_err("it must fail");
        match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
        }
    }

    #[test]
    fn a_body_that_ends_gives_its_value() {
        assert_eq!(within(Duration::from_secs(60), "quick", || 7), 7);
    }

    #[test]
    fn a_body_that_hangs_fails_by_name_and_shows_the_threads() {
        // On a busy machine it takes its time to fall asleep.
        for limit in (0..12).map(|doubled| Duration::from_millis(50 << doubled)) {
            let failed = catch_unwind(|| {
                within(limit, "sleeper", || {
                    loop {
                        thread::park();
                    }
                });
            });
            let text = text(failed);
            assert!(text.starts_with("`sleeper` has not ended"), "{text}");
            if text.contains(" sleeper: S") || !cfg!(target_os = "linux") {
                return;
            }
        }
        panic!("it never sleeps");
    }

    #[test]
    fn a_panic_of_the_body_is_the_test_s_own() {
        let failed = catch_unwind(|| {
            within(Duration::from_secs(60), "panics", || panic!("as it does"));
        });
        assert_eq!(text(failed), "as it does");
    }
}
