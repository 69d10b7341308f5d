//! Tells the crate which sanitizer it is built for: the compiler's own `cfg(sanitize)` is not stable.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let sanitizers = std::env::var("CARGO_CFG_SANITIZE").unwrap_or_default();
    if sanitizers.split(',').any(|name| name == "thread") {
        println!("cargo:rustc-cfg=tsan");
    }
}
