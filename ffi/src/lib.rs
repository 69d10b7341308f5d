//! The C ABI of vitte-threads.
