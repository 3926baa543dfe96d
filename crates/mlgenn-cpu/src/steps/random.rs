//! Random numbers in `f32`, and random bits: as [`mlgenn_ir::random`] defines them.
//!
//! Lanes with consecutive elements and the same key, timestep and draw are filled by groups of
//! elements that share blocks of Philox; other lanes get a block each.

use std::marker::PhantomData;

use mlgenn_ir::launch::BLOCK_LANES;
use mlgenn_ir::random::{GROUP, SHARED, shared_block};
use mlgenn_lang::typed::RandomFunction;

use super::elementary;
use super::philox::philox4x32;
use crate::simd::{MAX_LANES, Simd};
use crate::tape::{Body, Detail, Operand, Step, StepFn, Vm};

/// Lanes with consecutive elements that are worth a group.
const WORTH_GROUPS: usize = 17;

/// What becomes of the words of a block.
trait Distribution {
    /// The numbers of the elements that have words 0 to 3.
    unsafe fn all<S: Simd>(words: [S::V; 4]) -> [S::V; 4];

    /// The number of the element that has the word given for each lane.
    unsafe fn one<S: Simd>(words: [S::V; 4], word: S::V) -> S::V;
}

/// Of those whose numbers depend on one word.
trait OfOneWord {
    unsafe fn number<S: Simd>(bits: S::V) -> S::V;
}

impl<D: OfOneWord> Distribution for D {
    #[inline(always)]
    unsafe fn all<S: Simd>(mut words: [S::V; 4]) -> [S::V; 4] {
        for word in &mut words {
            *word = D::number::<S>(*word);
        }
        words
    }

    #[inline(always)]
    unsafe fn one<S: Simd>(words: [S::V; 4], word: S::V) -> S::V {
        let mut bits = words[0];
        for (n, other) in words.into_iter().enumerate().skip(1) {
            bits = S::select(S::eq_i32(word, S::splat(n as u32)), other, bits);
        }
        D::number::<S>(bits)
    }
}

struct Bits;

impl OfOneWord for Bits {
    #[inline(always)]
    unsafe fn number<S: Simd>(bits: S::V) -> S::V {
        bits
    }
}

struct Uniform;

impl OfOneWord for Uniform {
    #[inline(always)]
    unsafe fn number<S: Simd>(bits: S::V) -> S::V {
        let whole = S::add_i32(S::shr(bits, S::splat(8)), S::splat(1));
        S::mul_f32(S::f32_from_i32(whole), S::splat_f32(1.0 / 16_777_216.0))
    }
}

struct Exponential;

impl OfOneWord for Exponential {
    #[inline(always)]
    unsafe fn number<S: Simd>(bits: S::V) -> S::V {
        let log = elementary::log::<S>(Uniform::number::<S>(bits));
        S::xor(log, S::splat(0x8000_0000))
    }
}

struct Normal;

impl Normal {
    /// Two numbers from two words.
    #[inline(always)]
    unsafe fn pair<S: Simd>(first: S::V, second: S::V) -> [S::V; 2] {
        let log = elementary::log::<S>(Uniform::number::<S>(first));
        let radius = S::sqrt_f32(S::mul_f32(S::splat_f32(-2.0), log));
        let (sine, cosine) = elementary::sin_cos_turns::<S>(second);
        [S::mul_f32(radius, cosine), S::mul_f32(radius, sine)]
    }
}

impl Distribution for Normal {
    #[inline(always)]
    unsafe fn all<S: Simd>([w0, w1, w2, w3]: [S::V; 4]) -> [S::V; 4] {
        let ([n0, n1], [n2, n3]) = (Self::pair::<S>(w0, w1), Self::pair::<S>(w2, w3));
        [n0, n1, n2, n3]
    }

    #[inline(always)]
    unsafe fn one<S: Simd>([w0, w1, w2, w3]: [S::V; 4], word: S::V) -> S::V {
        let second = S::lt_i32(S::splat(1), word);
        let [even, odd] = Self::pair::<S>(S::select(second, w2, w0), S::select(second, w3, w1));
        S::select(S::eq_i32(S::and(word, S::splat(1)), S::splat(0)), even, odd)
    }
}

/// What becomes of the numbers.
trait Finish {
    /// Number of arguments.
    const ARITY: usize;
    unsafe fn apply<S: Simd>(x: S::V, arguments: [S::V; 2]) -> S::V;
}

/// Nothing.
struct Plain;

impl Finish for Plain {
    const ARITY: usize = 0;
    #[inline(always)]
    unsafe fn apply<S: Simd>(x: S::V, _: [S::V; 2]) -> S::V {
        x
    }
}

/// `exp(mean + deviation * x)`.
struct LogNormal;

impl Finish for LogNormal {
    const ARITY: usize = 2;
    #[inline(always)]
    unsafe fn apply<S: Simd>(x: S::V, [mean, deviation]: [S::V; 2]) -> S::V {
        elementary::exp::<S>(S::add_f32(mean, S::mul_f32(deviation, x)))
    }
}

/// The step of a function that has a number per lane; `None` if it is evaluated lane by lane.
pub(crate) fn step<S: Simd>(function: RandomFunction) -> Option<StepFn> {
    // SAFETY: a step is only run where its instruction set is.
    unsafe {
        match function {
            RandomFunction::Bits => Some(S::step::<Draw<Bits, Plain>>()),
            RandomFunction::Uniform => Some(S::step::<Draw<Uniform, Plain>>()),
            RandomFunction::Exponential => Some(S::step::<Draw<Exponential, Plain>>()),
            RandomFunction::Normal => Some(S::step::<Draw<Normal, Plain>>()),
            RandomFunction::LogNormal => Some(S::step::<Draw<Normal, LogNormal>>()),
            RandomFunction::Gamma | RandomFunction::Binomial => None,
        }
    }
}

/// Draws numbers; the immediate is that of a [`Detail`] with key, element, timestep, draw and
/// arguments.
struct Draw<D, F>(PhantomData<(D, F)>);

impl<D: Distribution, F: Finish> Body for Draw<D, F> {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let detail = &vm.program.details[step.immediate as usize];
        let mut drawn = [0; BLOCK_LANES + MAX_LANES];
        Lanes::new(vm, detail).draw::<S, D>(count, drawn.as_mut_ptr());
        let d = vm.at(step.d).cast::<u32>();
        let mut lane = 0;
        while lane < count {
            let left = (count - lane).min(S::LANES);
            let mut arguments = [S::splat(0); 2];
            for (i, argument) in arguments.iter_mut().enumerate().take(F::ARITY) {
                let operand = detail.arguments[4 + i].0;
                let p = vm.at(operand).add(lane * operand.step as usize).cast::<u32>();
                *argument = if operand.is_slot() && left < S::LANES {
                    S::load_partial(p, left)
                } else {
                    S::load(p)
                };
            }
            let x = F::apply::<S>(S::load(drawn.as_ptr().add(lane)), arguments);
            if left < S::LANES {
                S::store_partial(d.add(lane), x, left);
            } else {
                S::store(d.add(lane), x);
            }
            lane += S::LANES;
        }
    }
}

/// Where the lanes of a step draw.
struct Lanes {
    key: Column<u64>,
    element: Column<u64>,
    timestep: Column<u32>,
    draw: Column<u32>,
}

/// One number per lane, or one for all.
struct Column<T> {
    first: *const T,
    /// Bytes to the next.
    step: usize,
}

impl<T: Copy> Column<T> {
    unsafe fn new(vm: &Vm<'_>, operand: Operand) -> Self {
        Self { first: vm.at(operand).cast::<T>().cast_const(), step: operand.step as usize }
    }

    #[inline(always)]
    unsafe fn at(&self, lane: usize) -> T {
        *self.first.byte_add(lane * self.step)
    }
}

impl Lanes {
    unsafe fn new(vm: &Vm<'_>, detail: &Detail) -> Self {
        let operand = |i: usize| detail.arguments[i].0;
        Self {
            key: Column::new(vm, operand(0)),
            element: Column::new(vm, operand(1)),
            timestep: Column::new(vm, operand(2)),
            draw: Column::new(vm, operand(3)),
        }
    }

    /// Draw the numbers of the first `count` lanes; vectors may be written behind them.
    #[inline(always)]
    unsafe fn draw<S: Simd, D: Distribution>(&self, count: usize, out: *mut u32) {
        // Lanes from `apart` to `start` wait to be drawn one by one.
        let (mut apart, mut start) = (0, 0);
        while start < count {
            let end = self.run_end(start, count);
            if end - start >= WORTH_GROUPS {
                self.draw_apart::<S, D>(apart, start, out);
                self.draw_run::<S, D>(start, end, out);
                apart = end;
            }
            start = end;
        }
        self.draw_apart::<S, D>(apart, count, out);
    }

    /// End of the lanes from `start` on that have consecutive elements and nothing else that
    /// differs.
    #[inline(always)]
    unsafe fn run_end(&self, start: usize, count: usize) -> usize {
        let element = self.element.at(start);
        if self.key.step + self.timestep.step + self.draw.step == 0 && self.element.step == 8 {
            let elements = self.element.first.add(start);
            let differs = |differs: u64, i: usize| {
                differs | (*elements.add(i) ^ element.wrapping_add(i as u64))
            };
            if (0..count - start).fold(0, differs) == 0 {
                return count;
            }
        }
        let follows = |lane: usize| {
            self.element.at(lane) == element.wrapping_add((lane - start) as u64)
                && self.key.at(lane) == self.key.at(start)
                && self.timestep.at(lane) == self.timestep.at(start)
                && self.draw.at(lane) == self.draw.at(start)
        };
        let mut end = start + 1;
        while end < count && follows(end) {
            end += 1;
        }
        end
    }

    /// Draw for lanes that [`Self::run_end`] has found.
    #[inline(always)]
    unsafe fn draw_run<S: Simd, D: Distribution>(&self, start: usize, end: usize, out: *mut u32) {
        let key = self.key.at(start);
        let key = [S::splat(key as u32), S::splat((key >> 32) as u32)];
        let timestep = S::splat(self.timestep.at(start));
        let last = S::splat(self.draw.at(start) << 8 | SHARED);
        let element = self.element.at(start);
        let iota: [u32; MAX_LANES] = std::array::from_fn(|lane| lane as u32);
        let mut group = [0u32; GROUP as usize];
        let mut lane = start;
        while lane < end {
            // Where in its group the first of the lanes is.
            let at = element.wrapping_add((lane - start) as u64);
            let (block, skip) = ((at / GROUP) << 4, (at % GROUP) as usize);
            let whole = skip == 0 && lane + group.len() <= end;
            let to = if whole { out.add(lane) } else { group.as_mut_ptr() };
            for i in (0..MAX_LANES).step_by(S::LANES) {
                let low = S::add_i32(S::splat(block as u32), S::load(iota.as_ptr().add(i)));
                let counter = [low, S::splat((block >> 32) as u32), timestep, last];
                let numbers = D::all::<S>(philox4x32::<S>(counter, key));
                for (word, &numbers) in numbers.iter().enumerate() {
                    S::store(to.add(word * MAX_LANES + i), numbers);
                }
            }
            let count = (group.len() - skip).min(end - lane);
            if !whole {
                out.add(lane).copy_from_nonoverlapping(group.as_ptr().add(skip), count);
            }
            lane += count;
        }
    }

    /// Draw for lanes that have nothing in common.
    #[inline(always)]
    unsafe fn draw_apart<S: Simd, D: Distribution>(&self, start: usize, end: usize, out: *mut u32) {
        let mut first = start;
        while first < end {
            // Block low and high, timestep, draw and iteration; key low and high; word.
            let mut inputs = [[0u32; MAX_LANES]; 7];
            let count = (end - first).min(S::LANES);
            for (i, lane) in (first..first + count).enumerate() {
                let (block, word) = shared_block(self.element.at(lane));
                let key = self.key.at(lane);
                inputs[0][i] = block as u32;
                inputs[1][i] = (block >> 32) as u32;
                inputs[2][i] = self.timestep.at(lane);
                inputs[3][i] = self.draw.at(lane) << 8 | SHARED;
                inputs[4][i] = key as u32;
                inputs[5][i] = (key >> 32) as u32;
                inputs[6][i] = word as u32;
            }
            let mut vectors = [S::splat(0); 7];
            for (vector, input) in vectors.iter_mut().zip(&inputs) {
                *vector = S::load(input.as_ptr());
            }
            let [c0, c1, c2, c3, k0, k1, word] = vectors;
            let words = philox4x32::<S>([c0, c1, c2, c3], [k0, k1]);
            let numbers = D::one::<S>(words, word);
            if count < S::LANES {
                S::store_partial(out.add(first), numbers, count);
            } else {
                S::store(out.add(first), numbers);
            }
            first += count;
        }
    }
}
