//! Reproducible randomness: where a random test begins.

use std::{
    env,
    hash::{BuildHasher, RandomState},
};

const VARIABLE: &str = "VITTE_SEED";

/// The seed of a random test: the number in the environment variable `VITTE_SEED`, decimal or with
/// `0x`, or else one that differs each time. It is printed, so a failed test shows how to repeat it.
/// Never zero, which some generators cannot leave.
///
/// # Panics
/// If the variable is set and is no number: a run that was to be repeated must not begin elsewhere.
#[must_use]
pub fn seed() -> u64 {
    let seed = match env::var(VARIABLE) {
        Ok(text) => parse(&text).unwrap_or_else(|| panic!("{VARIABLE}={text} is no number")),
        Err(_) => RandomState::new().hash_one(0),
    };
    let seed = seed.max(1);
    println!("seed: repeat with {VARIABLE}={seed:#x}");
    seed
}

fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_understood() {
        let printed = format!("{:#x}", u64::MAX - 4);
        assert_eq!(parse(&printed), Some(u64::MAX - 4));
        assert_eq!(parse("17"), Some(17));
        assert_eq!(parse("seventeen"), None);
    }

    #[test]
    fn seeds_differ_unless_one_is_given() {
        let alike = seed() == seed();
        assert_eq!(alike, env::var(VARIABLE).is_ok());
    }
}
