//! How surprising a count is: tails of the negative binomial, which is a Poisson whose rate is itself uncertain.
//!
//! A tail is given as `-ln P`, so that a one-in-a-million count is 13.8 and nothing underflows. Every function here
//! answers every input, NaN and infinities among them, with a finite number of 0 or more.

/// Steps of the continued fraction at most. It settles in about the square root of the larger count.
const STEPS_MAX: usize = 2_000;
/// Counts and means beyond this are taken as this: no council has a thousand million contacts in three hours.
const COUNT_MAX: f64 = 1e9;

/// `-ln P(N >= count)` for N with this mean and variance `mean + psi * mean^2`; 0 where the count is not above the mean.
pub fn upper(count: f64, mean: f64, psi: f64) -> f64 {
    let (count, mean, psi) = tame(count, mean, psi);
    if count <= mean || count < 1.0 {
        return 0.0;
    }
    let shape = 1.0 / psi;
    minus_ln_beta(count, shape, mean, shape)
}

/// `-ln P(N <= count)` for the same N; 0 where the count is not below the mean.
pub fn lower(count: f64, mean: f64, psi: f64) -> f64 {
    let (count, mean, psi) = tame(count, mean, psi);
    if count >= mean {
        return 0.0;
    }
    let shape = 1.0 / psi;
    minus_ln_beta(shape, count + 1.0, shape, mean)
}

/// The counts between which nine of ten fall: the 5 % and the 95 % point.
pub fn usual(mean: f64, psi: f64) -> (u32, u32) {
    let (_, mean, psi) = tame(0.0, mean, psi);
    if mean > 400.0 {
        let spread = 1.645 * libm::sqrt(mean + psi * mean * mean);
        return (libm::round((mean - spread).max(0.0)) as u32, libm::round(mean + spread) as u32);
    }
    let shape = 1.0 / psi;
    let share = mean / (mean + shape);
    let mut p = libm::exp(shape * libm::log(shape / (mean + shape)));
    let (mut sum, mut n, mut low) = (p, 0_u32, None);
    while sum < 0.95 && n < 20_000 {
        if sum >= 0.05 && low.is_none() {
            low = Some(n);
        }
        p *= (f64::from(n) + shape) / (f64::from(n) + 1.0) * share;
        n += 1;
        sum += p;
    }
    (low.unwrap_or(n), n)
}

/// Finite, in range, and with an overdispersion that cannot divide by nothing.
fn tame(count: f64, mean: f64, psi: f64) -> (f64, f64, f64) {
    let within = |x: f64, low: f64, high: f64| if x.is_nan() { low } else { x.clamp(low, high) };
    (within(count, 0.0, COUNT_MAX), within(mean, 1e-9, COUNT_MAX), within(psi, 1e-6, 1e6))
}

/// `-ln I_x(a, b)`, the regularised incomplete beta at `x = p / (p + q)`, on the side where its continued fraction
/// converges (x below the mean of the beta), by the method of Lentz.
fn minus_ln_beta(a: f64, b: f64, p: f64, q: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let x = p / (p + q);
    // ln(1 - x) from q, since 1 - x loses everything when q is small beside p.
    let front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log(q / (p + q))
        - libm::log(a);
    let mut c: f64 = 1.0;
    let mut d: f64 = 1.0 - (a + b) * x / (a + 1.0);
    if libm::fabs(d) < TINY {
        d = TINY;
    }
    d = 1.0 / d;
    let mut fraction: f64 = d;
    for step in 1..STEPS_MAX {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change: f64 = 1.0;
        for term in [even, odd] {
            d = 1.0 + term * d;
            c = 1.0 + term / c;
            if libm::fabs(d) < TINY {
                d = TINY;
            }
            if libm::fabs(c) < TINY {
                c = TINY;
            }
            d = 1.0 / d;
            change = d * c;
            fraction *= change;
        }
        if libm::fabs(change - 1.0) < 1e-9 {
            break;
        }
    }
    let surprise = -(front + libm::log(libm::fabs(fraction).max(TINY)));
    if surprise.is_nan() { 0.0 } else { surprise.clamp(0.0, 1e9) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same tail by adding up the probabilities.
    fn by_sum(count: u32, mean: f64, psi: f64) -> f64 {
        let shape = 1.0 / psi;
        let share = mean / (mean + shape);
        let mut p = libm::exp(shape * libm::log(shape / (mean + shape)));
        let mut below = 0.0;
        for n in 0..count {
            below += p;
            p *= (f64::from(n) + shape) / (f64::from(n) + 1.0) * share;
        }
        -libm::log(1.0 - below)
    }

    #[test]
    fn the_upper_tail_is_what_the_probabilities_add_up_to() {
        for (count, mean, psi) in [(3, 0.2, 0.5), (10, 4.0, 0.1), (40, 25.0, 0.02), (1, 0.001, 3.0), (300, 250.0, 0.01)]
        {
            let (fast, slow) = (upper(f64::from(count), mean, psi), by_sum(count, mean, psi));
            assert!((fast - slow).abs() < 1e-6 * slow.max(1.0), "{count} of {mean}: {fast} {slow}");
        }
    }

    #[test]
    fn both_tails_of_one_count_share_its_own_probability() {
        // P(N >= n) + P(N <= n - 1) = 1.
        let above = libm::exp(-upper(30.0, 25.0, 0.05));
        let below = 1.0 - above;
        // lower() is for counts below the mean only; 20 of 25.
        let low = libm::exp(-lower(20.0, 25.0, 0.05));
        assert!(low < below && low > 0.1, "{low} {below}");
        assert_eq!(lower(30.0, 25.0, 0.05), 0.0);
    }

    #[test]
    fn nine_of_ten_quiet_hours_lie_in_the_usual_band() {
        assert_eq!(usual(0.001, 0.5), (0, 0));
        assert_eq!(usual(2.0, 0.001), (0, 5));
        let (low, high) = usual(1_000.0, 0.0001);
        assert!((940..950).contains(&low) && (1_050..1_060).contains(&high), "{low} {high}");
    }

    #[test]
    fn no_input_gives_anything_but_a_finite_number() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e-320, 1e-9, 0.5, 3.0, 1e6, 1e15, 1e308];
        for count in odd {
            for mean in odd {
                for psi in odd {
                    for tail in [upper(count, mean, psi), lower(count, mean, psi)] {
                        assert!(tail.is_finite() && tail >= 0.0, "{count} {mean} {psi}: {tail}");
                    }
                    let (low, high) = usual(mean, psi);
                    assert!(low <= high, "{mean} {psi}");
                }
            }
        }
    }
}
