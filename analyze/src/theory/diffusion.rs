//! A queue as a Brownian motion that is reflected at zero: the mean and the standard deviation of the backlog after a finite
//! time.
//!
//! In this file, *drift* is the mean growth of a Brownian motion per second, not the drift of a clock. E stands for the expected value.
//!
//! Let X(t) be the number of messages that have arrived by time t minus the number of ticks. X starts at 0, and is approximated by a
//! Brownian motion with drift mu and variance sigma^2 per second. So X(t) has a normal distribution with mean mu t and variance sigma^2 t.
//!
//! Let N(t) be the number of ticks by time t that find the queue empty. Such a tick lowers X by 1, but the queue does not get shorter. So
//! the length of the queue is Q(t) = X(t) + N(t). The length is never negative, and N never falls. So X(u) >= -N(u) >= -N(t) for all
//! u <= t. After the last tick that found the queue empty, the length was 0, so X was equal to -N(t). So -N(t) is the smallest value of X
//! up to time t, and
//!
//! > Q(t) = X(t) - (smallest X(u) for u <= t).
//!
//! So Q(t) is the greatest growth X(t) - X(u) over all times u <= t. As functions of w, the growth in the last w seconds before t and the
//! growth X(w) in the first w seconds have the same distribution. So Q(t) has the same distribution as the greatest value of X up to t. By
//! Spitzer's identity (a theorem about the greatest value of a random walk), E Q(t) is the integral of
//! E max(0, X(u)) / u over u from 0 to t.
//!
//! Let d = mu sqrt(t) / sigma, let Phi be the distribution function of the standard normal distribution, and phi its density. With the
//! normal distribution of each X(u), the integral becomes
//!
//! > E Q(t) = (sigma^2 / mu) (Phi(d) - 1/2 + d^2 Phi(d) + d phi(d)).
//!
//! After a long time, E Q(t) becomes
//!
//! - if mu > 0 (more messages than ticks): mu t + sigma^2 / (2 mu),
//! - if mu = 0 (the critical load): sqrt(2 sigma^2 t / pi),
//! - if mu < 0 (fewer messages than ticks): sigma^2 / (2 |mu|).
//!
//! For the standard deviation, E[Q^2] is needed. In a short time h, X grows by an amount x with mean mu h and variance sigma^2 h. Without
//! the reflection, Q would grow by x too, and Q^2 by 2 Q x + x^2. So E[Q^2] would grow by 2 mu h E Q + sigma^2 h (h^2 is negligible). The
//! reflection adds small amounts r to Q, but only while Q is zero. Each of them adds 2 Q r = 0 to Q^2 (r^2 is negligible). So the reflection
//! does not change the growth of E[Q^2], and
//!
//! > E[Q(t)^2] = sigma^2 t + 2 mu (integral of E Q(u) over u from 0 to t).
//!
//! With A = Phi(d) - 1/2 - d phi(d), the integral in this equation is
//!
//! > (sigma^4 / mu^3) ((d^2 + d^4/2) Phi(d) - (d^2 + A - d^3 phi(d)) / 2).

use std::ops::Range;

use statrs::function::erf::erfc;

/// If |d| is less than this, approximations for a small drift are used, because the exact formulas divide by mu. The error is negligible.
const NO_DRIFT: f64 = 1e-4;

/// The slope of a curve is computed from this number of points on the curve.
const POINTS: u32 = 200;

/// A reflected Brownian motion that starts at zero, in messages and model seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reflected {
    /// mu, in messages per second.
    pub drift: f64,
    /// sigma^2, in messages^2 per second.
    pub variance: f64,
}

impl Reflected {
    /// d = mu `time` / (sigma sqrt(`time`)): the mean growth of X in `time`, divided by the standard deviation of this growth.
    pub fn relative_drift(&self, time: f64) -> f64 {
        if self.variance > 0.0 {
            self.drift * (time / self.variance).sqrt()
        } else if self.drift == 0.0 {
            0.0
        } else {
            self.drift.signum() * f64::INFINITY
        }
    }

    /// E Q(`time`), in messages.
    pub fn mean(&self, time: f64) -> f64 {
        let d = self.relative_drift(time);
        // With a drift but without variance, d is infinite.
        if d.is_infinite() {
            return (self.drift * time).max(0.0);
        }
        if d.abs() < NO_DRIFT {
            let without_drift = (2.0 * self.variance * time / std::f64::consts::PI).sqrt();
            // The first two terms of the series of E Q in powers of mu.
            return without_drift + self.drift * time / 2.0;
        }
        let bracket = normal_cdf_above_half(d) + d * d * normal_cdf(d) + d * normal_density(d);
        (self.variance / self.drift * bracket).max(0.0)
    }

    /// The standard deviation of Q(`time`), in messages.
    pub fn sd(&self, time: f64) -> f64 {
        if self.relative_drift(time).is_infinite() {
            return 0.0;
        }
        let mean = self.mean(time);
        let square = self.variance * time + 2.0 * self.drift * self.integral(time);
        (square - mean * mean).max(0.0).sqrt()
    }

    /// The least-squares slope of the mean length of the queue within `window` (a part of the run), in messages per second. No message
    /// arrives before the time `delay`, so the mean length at time t is E Q(t - `delay`).
    pub fn slope(&self, window: &Range<f64>, delay: f64) -> f64 {
        // The mean never falls, so a negative slope is a rounding error.
        slope(window, |time| self.mean((time - delay).max(0.0))).max(0.0)
    }

    /// The integral of E Q(u) over u from 0 to `time`, in messages times seconds.
    fn integral(&self, time: f64) -> f64 {
        let d = self.relative_drift(time);
        if d.abs() < NO_DRIFT {
            // E Q(u) is nearly c sqrt(u) with a constant c. Its integral up to t is 2/3 t c sqrt(t).
            return 2.0 / 3.0 * time * self.mean(time);
        }
        let a = normal_cdf_above_half(d) - d * normal_density(d);
        let bracket = (d * d + d.powi(4) / 2.0) * normal_cdf(d)
            - (d * d + a - d.powi(3) * normal_density(d)) / 2.0;
        self.variance.powi(2) / self.drift.powi(3) * bracket
    }
}

/// The least-squares slope of `curve` within `window`, in units of the curve per second.
pub(super) fn slope(window: &Range<f64>, curve: impl Fn(f64) -> f64) -> f64 {
    let (points, length) = (f64::from(POINTS), window.end - window.start);
    // Let x = `share` - 1/2: the time since the middle of the window, as a share of the window. The n = `points` values of x are evenly
    // spaced between -1/2 and 1/2. So their mean is 0, and their variance is (1 - 1/n^2) / 12. Because the mean of x is 0, the covariance of
    // x and the curve is `sum` / n. The slope per window is covariance / variance. Divided by `length`, it becomes the slope per second.
    let sum: f64 = (0..POINTS)
        .map(|point| (f64::from(point) + 0.5) / points)
        .map(|share| (share - 0.5) * curve(window.start + share * length))
        .sum();
    12.0 * sum / (points * length * (1.0 - 1.0 / (points * points)))
}

/// Phi(x).
fn normal_cdf(x: f64) -> f64 {
    erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// Phi(x) - 1/2.
fn normal_cdf_above_half(x: f64) -> f64 {
    normal_cdf(x) - 0.5
}

/// phi(x).
fn normal_density(x: f64) -> f64 {
    (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: f64 = 60.0;

    fn reflected(drift: f64) -> Reflected {
        Reflected {
            drift,
            variance: 1.5,
        }
    }

    /// Computes mean and standard deviation of Q(T) from its distribution, which is that of the greatest value of X up to T. P(Q(T) > x) is
    /// Phi((mu T - x) / (sigma sqrt T)) + exp(2 mu x / sigma^2) Phi((-x - mu T) / (sigma sqrt T)).
    fn moments_by_summing(queue: Reflected) -> (f64, f64) {
        let scale = (queue.variance * T).sqrt();
        let probability_above = |x: f64| {
            let second_term = (2.0 * queue.drift * x / queue.variance).exp()
                * normal_cdf((-x - queue.drift * T) / scale);
            normal_cdf((queue.drift * T - x) / scale) + second_term
        };
        let step = 0.001;
        let (mut mean, mut square) = (0.0, 0.0);
        // E Q is the integral of P(Q > x) over x from 0 to infinity, and E[Q^2] is the integral of 2 x P(Q > x). The sums end at x = 200,
        // because P(Q > 200) is nearly 0.
        for point in 0..200_000 {
            let x = (f64::from(point) + 0.5) * step;
            mean += probability_above(x) * step;
            square += 2.0 * x * probability_above(x) * step;
        }
        (mean, (square - mean * mean).sqrt())
    }

    #[test]
    fn mean_and_sd_are_those_of_the_distribution() {
        for drift in [-2.0, -0.3, -0.01, -1e-7, 0.0, 1e-6, 0.02, 0.2, 1.0] {
            let queue = reflected(drift);
            let (mean, sd) = moments_by_summing(queue);
            assert!((queue.mean(T) - mean).abs() < 1e-3 * mean, "{drift}");
            assert!(
                (queue.sd(T) - sd).abs() < 1e-3 * sd,
                "{drift}: {} {sd}",
                queue.sd(T)
            );
        }
    }

    #[test]
    fn mean_and_sd_have_the_known_limits() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6 * b, "{a} {b}");
        // With mu > 0, the limit is mu t + sigma^2 / (2 mu). With mu < 0, it is sigma^2 / (2 |mu|). Here t is 60, and sigma^2 is 1.5.
        close(reflected(5.0).mean(T), 300.0 + 1.5 / 10.0);
        close(reflected(-5.0).mean(T), 1.5 / 10.0);
        // With mu < 0, Q has an exponential distribution in the end, so its standard deviation is its mean.
        close(reflected(-5.0).sd(T), 1.5 / 10.0);
        // With mu = 0, Q is distributed like the absolute value of a normal variable with mean 0 and variance sigma^2 t. So E[Q^2] is
        // sigma^2 t, E Q is sqrt(2 sigma^2 t / pi), and the variance of Q is E[Q^2] - (E Q)^2 = sigma^2 t (1 - 2 / pi).
        close(
            reflected(0.0).mean(T),
            (2.0 * 1.5 * T / std::f64::consts::PI).sqrt(),
        );
        close(
            reflected(0.0).sd(T),
            (1.5 * T * (1.0 - 2.0 / std::f64::consts::PI)).sqrt(),
        );
    }

    #[test]
    fn the_slopes_of_a_line_and_of_a_square_root_are_the_known_ones() {
        let steep = Reflected {
            drift: 2.0,
            variance: 0.0,
        };
        assert!((steep.slope(&(0.0..T), 0.0) - 2.0).abs() < 1e-9);
        assert!((steep.slope(&(10.0..T), 5.0) - 2.0).abs() < 1e-9);
        // The least-squares slope of c sqrt(t) from 0 to T is (4/5) c / sqrt(T). Here mean(T) = c sqrt(T), so c / sqrt(T) = mean(T) / T.
        let critical = reflected(0.0);
        let expected = 0.8 * critical.mean(T) / T;
        assert!((critical.slope(&(0.0..T), 0.0) - expected).abs() < 1e-3 * expected);
    }

    #[test]
    fn without_variance_a_queue_with_negative_drift_is_empty() {
        let idle = Reflected {
            drift: -3.0,
            variance: 0.0,
        };
        assert_eq!((idle.mean(T), idle.sd(T)), (0.0, 0.0));
        assert_eq!(idle.slope(&(0.0..T), 0.0), 0.0);
    }
}
