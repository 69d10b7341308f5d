//! Sizes of tests that are long: a part of it always, all of it when asked for.

/// Whether the environment asks for the full size of long tests: `VITTE_STORM=full`.
#[must_use]
pub fn is_full() -> bool {
    std::env::var("VITTE_STORM").is_ok_and(|size| size == "full")
}
