//! Random numbers that a seed repeats: schedules, mixes of requests, delays. Entered by whatever
//! needs chance with a seed of its own. Nothing secret may hang on them.

use std::hash::{BuildHasher, RandomState};

/// A sequence of numbers that depends on its seed alone (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The sequence of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A sequence that does not repeat another run's.
    pub(crate) fn unpredictable() -> Self {
        // The system's randomness behind the keys of maps; that of TLS takes 50 ms to begin.
        Self::new(RandomState::new().hash_one(()))
    }

    /// The sequence of one part of what shares a seed, such as a worker: parts do not repeat each
    /// other.
    pub(crate) fn for_part(seed: u64, part: u64) -> Self {
        let mut whole = Self::new(seed);
        let base = whole.next();
        Self::new(base ^ Self::new(part).next())
    }

    /// The next 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A mask for a frame of WebSocket.
    pub(crate) fn mask(&mut self) -> [u8; 4] {
        let [mask @ .., _, _, _, _] = self.next().to_ne_bytes();
        mask
    }

    /// Sixteen random bytes.
    pub(crate) fn key(&mut self) -> [u8; 16] {
        let halves = [self.next(), self.next()].map(u64::to_ne_bytes);
        let mut key = [0; 16];
        key.copy_from_slice(halves.as_flattened());
        key
    }

    /// A number from 0 to less than `bound`, each as likely as the others but for one in 2^64 parts.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the upper half of 128 bits")
    }

    /// A fraction, more than 0 and at most 1, so that its logarithm is a number.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A waiting time of the exponential distribution with the mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence_and_parts_differ() {
        let draw = |mut random: Random| -> Vec<u64> { (0..8).map(|_| random.next()).collect() };
        assert_eq!(draw(Random::new(7)), draw(Random::new(7)));
        assert_ne!(draw(Random::new(7)), draw(Random::new(8)));
        assert_ne!(draw(Random::for_part(7, 0)), draw(Random::for_part(7, 1)));
        assert_ne!(draw(Random::for_part(7, 1)), draw(Random::for_part(8, 1)));
    }

    /// The reference implementation's first numbers for the seed 1234567.
    #[test]
    fn numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn numbers_below_a_bound_are_spread_evenly() {
        let mut random = Random::new(1);
        let mut counts = [0u32; 10];
        for _ in 0..100_000 {
            counts[usize::try_from(random.below(10)).unwrap()] += 1;
        }
        // Five standard deviations of a binomial count.
        let limit = 5.0 * (100_000.0 * 0.1 * 0.9_f64).sqrt();
        for count in counts {
            assert!((f64::from(count) - 10_000.0).abs() < limit, "{counts:?}");
        }
    }

    #[test]
    fn exponential_times_have_mean_and_variance_one() {
        let mut random = Random::new(3);
        let count = 200_000;
        let times: Vec<f64> = (0..count).map(|_| random.exponential()).collect();
        let mean = times.iter().sum::<f64>() / f64::from(count);
        let variance = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / f64::from(count);
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
    }
}
