//! Random numbers for tests.

/// Random numbers that one unit draws (Marsaglia: Xorshift RNGs). It begins with any number but 0.
///
/// ```
/// let mut dice = vitte_tests::Dice(vitte_tests::seed() | 1);
/// assert!(dice.below(6) < 6);
/// ```
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}
