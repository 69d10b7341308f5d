//! Channels between fibers, between threads, and across the two.
