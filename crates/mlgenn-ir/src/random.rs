//! Random numbers as pure functions of where they are drawn.
//!
//! A number depends on the key of its stream, on the element (neuron or synapse), the timestep and
//! the number of the draw, and on nothing else: not on the number of threads or lanes, nor on what
//! was drawn before. The Philox counter is `[block low, block high, timestep, draw << 8 |
//! iteration]`; draws are taken modulo 2^24.
//!
//! Most functions in `f32` share blocks: the 4 words of 16 blocks serve 64 consecutive elements,
//! so that vector units of up to 16 lanes make 64 numbers from one pass of Philox without moving
//! a word to another lane. Word `w` of block `16 * g + i` belongs to element `64 * g + 16 * w + i`;
//! the iteration is then [`SHARED`]. For all other functions a block is an element, and rejection
//! methods count `iteration` up.

pub use mlgenn_lang::typed::RandomFunction;

use crate::math::elementary;
use crate::philox::philox4x32;
use crate::types::Type;

/// Where a random number is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Key of the stream.
    pub key: u64,
    /// Which neuron or synapse.
    pub element: u64,
    /// Which timestep since loading.
    pub timestep: u32,
    /// Which of the draws of this lane in this launch.
    pub draw: u32,
}

/// What a function takes and gives, with numbers of type `scalar`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Types of the arguments.
    pub parameters: [Option<Type>; 2],
    /// Type of the result.
    pub result: Type,
}

/// Signature of a function for floating-point numbers of type `scalar`.
pub fn signature(function: RandomFunction, scalar: Type) -> Signature {
    let scalars = |count: usize| {
        let parameter = |i: usize| (i < count).then_some(scalar);
        [parameter(0), parameter(1)]
    };
    match function {
        RandomFunction::Bits => Signature { parameters: [None, None], result: Type::U32 },
        RandomFunction::Uniform | RandomFunction::Normal | RandomFunction::Exponential => {
            Signature { parameters: scalars(0), result: scalar }
        }
        RandomFunction::Gamma => Signature { parameters: scalars(1), result: scalar },
        RandomFunction::LogNormal => Signature { parameters: scalars(2), result: scalar },
        RandomFunction::Binomial => {
            Signature { parameters: [Some(Type::U32), Some(scalar)], result: Type::U32 }
        }
    }
}

/// A random number, by its bits; `scalar` (`f32` or `f64`) is the type of the floating-point
/// arguments and results. Arguments that are missing count as 0.
///
/// `bits` ignores `scalar`; the results of `bits` and `binomial` are `u32`.
pub fn evaluate(
    function: RandomFunction,
    scalar: Type,
    position: Position,
    arguments: &[u64],
) -> u64 {
    let argument = |i: usize| arguments.get(i).copied().unwrap_or(0);
    if scalar == Type::F64 {
        let float = |i: usize| f64::from_bits(argument(i));
        let result = match function {
            RandomFunction::Bits => return u64::from(position.bits()),
            RandomFunction::Binomial => {
                return u64::from(position.binomial(argument(0) as u32, float(1)));
            }
            RandomFunction::Uniform => position.uniform64(0),
            RandomFunction::Normal => position.normal64(0),
            RandomFunction::Exponential => -libm::log(position.uniform64(0)),
            RandomFunction::LogNormal => libm::exp(float(0) + float(1) * position.normal64(0)),
            RandomFunction::Gamma => position.gamma(float(0)),
        };
        result.to_bits()
    } else {
        let float = |i: usize| f32::from_bits(argument(i) as u32);
        let result = match function {
            RandomFunction::Bits => return u64::from(position.bits()),
            RandomFunction::Binomial => {
                return u64::from(position.binomial(argument(0) as u32, f64::from(float(1))));
            }
            RandomFunction::Uniform => position.uniform32(),
            RandomFunction::Normal => position.normal32(),
            RandomFunction::Exponential => -elementary::log(position.uniform32()),
            RandomFunction::LogNormal => elementary::exp(float(0) + float(1) * position.normal32()),
            RandomFunction::Gamma => position.gamma(f64::from(float(0))) as f32,
        };
        u64::from(result.to_bits())
    }
}

/// In (0, 1] with 24 bits: `(bits >> 8) + 1` over 2^24.
fn unit32(bits: u32) -> f32 {
    ((bits >> 8) + 1) as f32 * (1.0 / 16_777_216.0)
}

/// In (0, 1] with 53 bits.
fn unit64(high: u32, low: u32) -> f64 {
    let bits = u64::from(high) << 32 | u64::from(low);
    ((bits >> 11) + 1) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// The iteration of blocks that elements share.
pub const SHARED: u32 = 0xff;

/// Elements that share the same blocks.
pub const GROUP: u64 = 64;

/// Block and word of an element, for the functions that share blocks.
#[inline]
pub fn shared_block(element: u64) -> (u64, usize) {
    ((element / GROUP) << 4 | element & 15, (element >> 4 & 3) as usize)
}

/// How often rejection methods try before they settle for the centre of the distribution: the
/// chance of that is below 1e-20 for each of them.
const MAX_ITERATIONS: u32 = 64;

impl Position {
    /// 128 bits for one iteration.
    pub fn block(&self, iteration: u32) -> [u32; 4] {
        let counter = [
            self.element as u32,
            (self.element >> 32) as u32,
            self.timestep,
            self.draw << 8 | iteration & 0xff,
        ];
        philox4x32(counter, [self.key as u32, (self.key >> 32) as u32])
    }

    /// The block that the element shares with others, and which of its words it has.
    fn shared(&self) -> ([u32; 4], usize) {
        let (block, word) = shared_block(self.element);
        (Self { element: block, ..*self }.block(SHARED), word)
    }

    /// 32 bits.
    pub fn bits(&self) -> u32 {
        let (block, word) = self.shared();
        block[word]
    }

    /// Uniform in (0, 1].
    pub fn uniform32(&self) -> f32 {
        unit32(self.bits())
    }

    /// Uniform in (0, 1]: from the first two words.
    pub fn uniform64(&self, iteration: u32) -> f64 {
        let [w0, w1, ..] = self.block(iteration);
        unit64(w0, w1)
    }

    /// Standard normal by the method of Box and Muller: words 0 and 1 of a shared block give the
    /// numbers of the elements with these words, 2 and 3 those of the others. The even ones have
    /// the cosine, the odd ones the sine.
    pub fn normal32(&self) -> f32 {
        let (block, word) = self.shared();
        let first = word & 2;
        let radius = (-2.0 * elementary::log(unit32(block[first]))).sqrt();
        let (sin, cos) = elementary::sin_cos_turns(block[first + 1]);
        radius * if word & 1 == 0 { cos } else { sin }
    }

    /// Standard normal by the method of Box and Muller, from all four words.
    pub fn normal64(&self, iteration: u32) -> f64 {
        let [w0, w1, w2, w3] = self.block(iteration);
        let radius = libm::sqrt(-2.0 * libm::log(unit64(w0, w1)));
        radius * libm::cos(std::f64::consts::TAU * unit64(w2, w3))
    }

    /// Gamma with scale 1 by the method of Marsaglia and Tsang ("A simple method for generating
    /// gamma variables", 2000). 0 for shape 0, NaN for negative shapes.
    pub fn gamma(&self, shape: f64) -> f64 {
        if shape == 0.0 || shape == f64::INFINITY {
            return shape;
        }
        if shape.is_nan() || shape < 0.0 {
            return f64::NAN;
        }
        // For shapes below 1, that of shape + 1 times a power of a uniform number.
        let boosted = if shape < 1.0 { shape + 1.0 } else { shape };
        let d = boosted - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        let mut result = d;
        for attempt in 0..MAX_ITERATIONS {
            let x = self.normal64(2 * attempt);
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            let u = self.uniform64(2 * attempt + 1);
            if libm::log(u) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                result = d * v;
                break;
            }
        }
        if shape < 1.0 {
            result * libm::pow(self.uniform64(2 * MAX_ITERATIONS), 1.0 / shape)
        } else {
            result
        }
    }

    /// Number of successes in `trials` trials of that probability (clamped to 0 and 1; NaN counts
    /// as 0): by inversion for small means, otherwise by Hörmann's BTRS ("The generation of
    /// binomial random variates", 1993).
    pub fn binomial(&self, trials: u32, probability: f64) -> u32 {
        if probability.is_nan() || probability <= 0.0 || trials == 0 {
            return 0;
        }
        if probability >= 1.0 {
            return trials;
        }
        let p = probability.min(1.0 - probability);
        let n = f64::from(trials);
        let successes =
            if n * p < 10.0 { self.invert_binomial(n, p) } else { self.reject_binomial(n, p) };
        let successes = (successes as u32).min(trials);
        if probability > 0.5 { trials - successes } else { successes }
    }

    /// Smallest count whose cumulative probability reaches a uniform number, for `n * p < 10`.
    fn invert_binomial(&self, n: f64, p: f64) -> f64 {
        let odds = p / (1.0 - p);
        let mut probability = libm::exp(n * libm::log1p(-p));
        // Counts up to 1 are reached in (0, 1]; start from [0, 1).
        let mut left = 1.0 - self.uniform64(0);
        let mut count = 0.0;
        // The chance of more than 200 successes is far below the resolution of `left`.
        while left >= probability && count < n.min(200.0) {
            left -= probability;
            count += 1.0;
            probability *= odds * (n - count + 1.0) / count;
        }
        count
    }

    /// Transformed rejection with squeeze, for `n * p >= 10` and `p <= 0.5`.
    fn reject_binomial(&self, n: f64, p: f64) -> f64 {
        let spread = libm::sqrt(n * p * (1.0 - p));
        let b = 1.15 + 2.53 * spread;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let centre = n * p + 0.5;
        let squeeze = 0.92 - 4.2 / b;
        let alpha = (2.83 + 5.1 / b) * spread;
        let log_odds = libm::log(p / (1.0 - p));
        let mode = libm::floor((n + 1.0) * p);
        let factorials = libm::lgamma(mode + 1.0) + libm::lgamma(n - mode + 1.0);
        for attempt in 0..MAX_ITERATIONS {
            let [w0, w1, w2, w3] = self.block(attempt);
            let u = unit64(w0, w1) - 0.5;
            let v = unit64(w2, w3);
            let us = 0.5 - u.abs();
            let count = libm::floor((2.0 * a / us + b) * u + centre);
            // Not a comparison with `>`: `us` may be 0.
            if !(count >= 0.0 && count <= n) {
                continue;
            }
            if us >= 0.07 && v <= squeeze {
                return count;
            }
            let bound = factorials - libm::lgamma(count + 1.0) - libm::lgamma(n - count + 1.0)
                + (count - mode) * log_odds;
            if libm::log(v * alpha / (a / (us * us) + b)) <= bound {
                return count;
            }
        }
        mode
    }
}

#[cfg(test)]
#[path = "random_tests.rs"]
mod tests;
