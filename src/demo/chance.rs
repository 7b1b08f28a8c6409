//! Chance from a seed: the same numbers on every machine and in every version.
//!
//! SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): one addition and a
//! mix. Good enough to scatter houses and calls, never for secrets; those come from the operating system.

/// A stream of chance. Cheap to make: give each part of the town its own, so that adding to one leaves the others.
#[derive(Debug, Clone)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// The stream of `seed` for one purpose; `purpose` is any short word, e.g. `buildings`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut state = seed ^ 0x5745_584d_4f4f_5221;
        for byte in purpose.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self { state }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in [0, 1), in steps of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in [from, to).
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// A whole number in 0..n; `n` is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "there is no number below 0");
        // The bias of the remainder is under 2^-50 for the small `n` used here.
        (self.next_u64() % n as u64) as usize
    }

    /// True with probability `p`.
    pub fn one_in(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of `choices`, which is not empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One of `choices`, each as likely as the number that `weight` gives it; not all weights are 0.
    pub fn weighted<'a, T>(&mut self, choices: &'a [T], weight: impl Fn(&T) -> f64) -> &'a T {
        let total: f64 = choices.iter().map(&weight).sum();
        let mut left = self.unit() * total;
        for choice in choices {
            left -= weight(choice);
            if left < 0.0 {
                return choice;
            }
        }
        choices.iter().rev().find(|choice| weight(choice) > 0.0).expect("not all weights are 0")
    }

    /// A count with mean `mean` (Poisson, by Knuth's product); meant for means under 30.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let floor = libm::exp(-mean);
        let (mut count, mut product) = (0, self.unit());
        while product > floor {
            count += 1;
            product *= self.unit();
        }
        count
    }

    /// A waiting time with mean `mean` (exponential), cut at ten times the mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        (-libm::log(1.0 - self.unit())).min(10.0) * mean
    }

    /// Roughly normal around 0 with standard deviation 1 (the sum of twelve, less six): never beyond 6.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_published_generator() {
        // From state 0, as in the reference implementation's test values.
        let mut chance = Chance { state: 0 };
        assert_eq!(chance.next_u64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(chance.next_u64(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn purposes_give_different_streams_and_the_same_one_repeats() {
        let first = |seed, purpose| Chance::new(seed, purpose).next_u64();
        assert_eq!(first(1, "storm"), first(1, "storm"));
        assert_ne!(first(1, "storm"), first(1, "history"));
        assert_ne!(first(1, "storm"), first(2, "storm"));
    }

    #[test]
    fn means_come_out_as_asked() {
        let mut chance = Chance::new(7, "means");
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let near = |got: f64, wanted: f64| assert!((got - wanted).abs() < 0.05 * wanted, "{got} instead of {wanted}");
        near(mean((0..20_000).map(|_| f64::from(chance.poisson(3.0))).collect()), 3.0);
        near(mean((0..20_000).map(|_| chance.exponential(45.0)).collect()), 45.0);
        near(mean((0..20_000).map(|_| chance.unit()).collect()), 0.5);
        let heavy = (0..20_000).filter(|_| *chance.weighted(&[1_u8, 9], |n| f64::from(*n)) == 9).count();
        near(heavy as f64, 18_000.0);
    }
}
