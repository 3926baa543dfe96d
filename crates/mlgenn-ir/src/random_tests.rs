//! Statistical tests of the random numbers, with fixed streams.

use super::*;

const DRAWS: usize = 40_000;

fn position(i: usize) -> Position {
    // Vary every part of the position: no two may be the same stream.
    let i = i as u64;
    Position {
        key: 7 + (i & 3),
        element: i >> 6 << 30,
        timestep: (i >> 2 & 3) as u32,
        draw: (i >> 4 & 3) as u32,
    }
}

fn draws(function: RandomFunction, scalar: Type, arguments: &[f64]) -> Vec<f64> {
    let bits: Vec<u64> = arguments
        .iter()
        .enumerate()
        .map(|(i, &x)| {
            if function == RandomFunction::Binomial && i == 0 {
                x as u64
            } else if scalar == Type::F32 {
                u64::from((x as f32).to_bits())
            } else {
                x.to_bits()
            }
        })
        .collect();
    let result = signature(function, scalar).result;
    (0..DRAWS)
        .map(|i| evaluate(function, scalar, position(i), &bits))
        .map(|bits| f64::from_bits(crate::evaluate::convert(result, Type::F64, bits)))
        .collect()
}

/// Mean and variance within 5 standard errors (`kurtosis` gives that of the variance).
fn check_moments(values: &[f64], mean: f64, variance: f64, kurtosis: f64) {
    let n = values.len() as f64;
    let sample_mean = values.iter().sum::<f64>() / n;
    let sample_variance = values.iter().map(|x| (x - sample_mean).powi(2)).sum::<f64>() / n;
    let mean_error = 5.0 * (variance / n).sqrt();
    assert!((sample_mean - mean).abs() < mean_error, "mean {sample_mean}, expected {mean}");
    let variance_error = 5.0 * variance * ((kurtosis - 1.0) / n).sqrt();
    assert!(
        (sample_variance - variance).abs() < variance_error,
        "variance {sample_variance}, expected {variance}"
    );
}

/// Kolmogorov's distance to a distribution at the 0.1 % level.
fn check_distribution(mut values: Vec<f64>, cumulative: impl Fn(f64) -> f64) {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let distance = values
        .iter()
        .enumerate()
        .map(|(i, &x)| (cumulative(x) - (i as f64 + 0.5) / n).abs())
        .fold(0.0, f64::max);
    assert!(distance < 1.95 / n.sqrt() + 0.5 / n, "distance {distance}");
}

#[test]
fn uniform() {
    for scalar in [Type::F32, Type::F64] {
        let values = draws(RandomFunction::Uniform, scalar, &[]);
        assert!(values.iter().all(|&x| x > 0.0 && x <= 1.0));
        check_moments(&values, 0.5, 1.0 / 12.0, 1.8);
        check_distribution(values, |x| x);
    }
    assert_eq!(unit32(0), 2f32.powi(-24));
    assert_eq!(unit32(u32::MAX), 1.0);
    assert_eq!(unit64(0, 0), 2f64.powi(-53));
    assert_eq!(unit64(u32::MAX, u32::MAX), 1.0);
}

#[test]
fn normal() {
    for scalar in [Type::F32, Type::F64] {
        let values = draws(RandomFunction::Normal, scalar, &[]);
        check_moments(&values, 0.0, 1.0, 3.0);
        check_distribution(values, |x| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2));
    }
}

#[test]
fn exponential() {
    for scalar in [Type::F32, Type::F64] {
        let values = draws(RandomFunction::Exponential, scalar, &[]);
        assert!(values.iter().all(|&x| x >= 0.0 && x.is_finite()));
        check_moments(&values, 1.0, 1.0, 9.0);
        check_distribution(values, |x| 1.0 - (-x).exp());
    }
}

#[test]
fn log_normal() {
    for scalar in [Type::F32, Type::F64] {
        let values = draws(RandomFunction::LogNormal, scalar, &[0.5, 0.25]);
        let logarithms: Vec<_> = values.iter().map(|x| x.ln()).collect();
        check_moments(&logarithms, 0.5, 0.0625, 3.0);
    }
}

#[test]
fn gamma() {
    for scalar in [Type::F32, Type::F64] {
        for shape in [0.125, 0.5, 1.0, 2.5, 40.0] {
            let values = draws(RandomFunction::Gamma, scalar, &[shape]);
            check_moments(&values, shape, shape, 3.0 + 6.0 / shape);
            if shape == 1.0 {
                check_distribution(values, |x| 1.0 - (-x).exp());
            }
        }
    }
    let gamma = |shape| position(0).gamma(shape);
    assert_eq!(gamma(0.0), 0.0);
    assert!(gamma(-1.0).is_nan() && gamma(f64::NAN).is_nan());
    assert_eq!(gamma(f64::INFINITY), f64::INFINITY);
    assert!(gamma(1e300).is_finite() && gamma(f64::MIN_POSITIVE) >= 0.0);
}

#[test]
fn binomial() {
    for scalar in [Type::F32, Type::F64] {
        for (n, p) in
            [(1.0, 0.25), (20.0, 0.125), (20.0, 0.875), (100.0, 0.25), (1e6, 0.5), (4e9, 0.75)]
        {
            let values = draws(RandomFunction::Binomial, scalar, &[n, p]);
            let variance = n * p * (1.0 - p);
            check_moments(&values, n * p, variance, 3.0 + (1.0 - 6.0 * p * (1.0 - p)) / variance);
        }
    }
}

#[test]
fn binomial_has_the_right_probabilities() {
    for (n, p) in [(12, 0.3), (60, 0.4)] {
        let mut probability = (1.0f64 - p).powi(n);
        let mut observed = vec![0usize; n as usize + 1];
        for i in 0..DRAWS {
            observed[position(i).binomial(n as u32, p) as usize] += 1;
        }
        for (k, &count) in observed.iter().enumerate() {
            let expected = probability * DRAWS as f64;
            let error = (count as f64 - expected).abs();
            assert!(error < 5.0 * expected.sqrt() + 3.0, "{k}: {count}, expected {expected}");
            probability *= p / (1.0 - p) * (n as usize - k) as f64 / (k + 1) as f64;
        }
    }
}

#[test]
fn binomial_never_hangs() {
    let probabilities =
        [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, 5e-324, 1e-9, 0.5, 1.0 - 1e-16, 1.0, 2.0];
    for n in [0, 1, 2, 1000, u32::MAX] {
        for p in probabilities {
            for i in 0..100 {
                let successes = position(i).binomial(n, p);
                assert!(successes <= n);
                if p >= 1.0 {
                    assert_eq!(successes, n);
                } else if p.is_nan() || p <= 0.0 {
                    assert_eq!(successes, 0);
                }
            }
        }
    }
}

#[test]
fn positions_give_different_bits() {
    let mut all: Vec<_> = (0..DRAWS).map(|i| position(i).block(0)).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), DRAWS);
}
