//! Go-class concurrency as an embeddable library: what a Rust embedder sees.
