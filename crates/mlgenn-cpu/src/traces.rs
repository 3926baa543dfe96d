//! Bringing synapses with linear dynamics up to date: an adjoint recursion for each postsynaptic
//! neuron, then the addition of a row for each spike.
#![expect(unsafe_code, reason = "vector loads and stores inside checked ranges")]
#![expect(unsafe_op_in_unsafe_fn, reason = "every line works on raw memory")]
#![expect(
    clippy::needless_range_loop,
    reason = "iterators are not always inlined into vector code"
)]

use mlgenn_ir::Type;
use mlgenn_ir::linear::{Coefficient, MAX_STATES};
use mlgenn_ir::traces::{CatchUp, Jump, Watched};

use crate::simd::{Level, MAX_LANES, Simd, Task};

/// Vectors of columns that are worked on at once.
const WIDTH: usize = 4;

/// See [`mlgenn_ir::traces::Traces::find_jumps`].
pub(crate) fn find_jumps(level: Level, watched: &Watched<'_>, jumps: &mut Vec<Jump>) {
    let Watched { traces, offset, before, before_offset, rows, decay, step } = *watched;
    let inside = |len: usize, offset: usize| offset.checked_add(rows).is_some_and(|n| n <= len);
    if traces.ty() != Type::F32
        || before.ty() != Type::F32
        || !inside(traces.len(), offset)
        || !inside(before.len(), before_offset)
    {
        return;
    }
    let task = Jumps {
        // SAFETY: the offsets are inside the buffers.
        traces: unsafe { traces.as_ptr().cast::<u32>().add(offset) },
        // SAFETY: as above.
        before: unsafe { before.as_ptr().cast::<u32>().add(before_offset) },
        rows,
        decay,
        step,
        jumps,
    };
    // SAFETY: executors are only made for available levels; both ranges were checked.
    unsafe { level.run(task) }
}

struct Jumps<'a> {
    traces: *const u32,
    before: *mut u32,
    rows: usize,
    decay: f32,
    step: u32,
    jumps: &'a mut Vec<Jump>,
}

impl Task for Jumps<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let decay = S::splat_f32(self.decay);
        let mut row = 0;
        while row < self.rows {
            let count = S::LANES.min(self.rows - row);
            let (traces, before) = (self.traces.add(row), self.before.add(row));
            let (now, old) = (load::<S>(traces, count), load::<S>(before, count));
            let decayed = S::mul_f32(old, decay);
            let mut changed = S::movemask(S::ne_f32(now, decayed));
            store::<S>(before, now, count);
            if changed != 0 {
                let mut sizes = [0u32; MAX_LANES];
                S::store(sizes.as_mut_ptr(), S::sub_f32(now, decayed));
                while changed != 0 {
                    let lane = changed.trailing_zeros() as usize;
                    let size = f32::from_bits(sizes[lane]);
                    let row = (row + lane) as u32;
                    // What is too small for a normal number vanishes here as everywhere.
                    if size != 0.0 {
                        self.jumps.push(Jump { row, step: self.step, size });
                    }
                    changed &= changed - 1;
                }
            }
            row += S::LANES;
        }
    }
}

/// See [`mlgenn_ir::traces::Traces::catch_up`].
pub(crate) fn catch_up(level: Level, work: &CatchUp<'_>) {
    if !work.fits() || work.states.len() > MAX_STATES {
        return;
    }
    let states = work.states.len();
    let (zeros, ones) = ([0u32; MAX_LANES], [1f32.to_bits(); MAX_LANES]);
    let mut matrix = [[Entry::constant(&zeros); MAX_STATES + 1]; MAX_STATES + 1];
    for (at, coefficient) in work.matrix.iter().enumerate() {
        matrix[at / (states + 1)][at % (states + 1)] = match *coefficient {
            Coefficient::Zero => Entry::constant(&zeros),
            Coefficient::One => Entry::constant(&ones),
            Coefficient::Output(output) => Entry {
                // SAFETY: `fits` says that all outputs are inside the buffer.
                at: unsafe {
                    work.coefficients.as_ptr().cast::<u32>().add(output * work.output_stride)
                },
                step: work.columns,
                column: 1,
            },
        };
    }
    let mut targets = [std::ptr::null_mut(); MAX_STATES + 1];
    for (target, (buffer, offset)) in
        targets.iter_mut().zip([&work.sum].into_iter().chain(work.states))
    {
        // SAFETY: `fits` says that the offset is inside the buffer.
        *target = unsafe { buffer.as_ptr().cast::<u32>().add(*offset) };
    }
    let task = Work {
        steps: work.steps,
        columns: work.columns,
        padded: CatchUp::padded(work.columns),
        states,
        decay: work.decay,
        matrix,
        targets,
        jumps: work.jumps,
        starts: work.starts,
        scratch: work.scratch.as_ptr().cast(),
    };
    // SAFETY: executors are only made for available levels; `fits` says that all matrices have
    // their elements, that jumps have timesteps of the history, and that `scratch` has space for
    // `states + 1` matrices of weights and as many rows as heads need. Vectors at the end of a row
    // of coefficients reach into the next row or the padding of the buffer.
    unsafe { level.run(task) }
}

/// Where a coefficient is found.
#[derive(Clone, Copy)]
struct Entry {
    at: *const u32,
    /// Elements from one timestep to the next.
    step: usize,
    /// Elements from one column to the next.
    column: usize,
}

impl Entry {
    fn constant(vector: &[u32; MAX_LANES]) -> Self {
        Self { at: vector.as_ptr(), step: 0, column: 0 }
    }

    #[inline(always)]
    unsafe fn load<S: Simd>(&self, step: usize, column: usize) -> S::V {
        S::load(self.at.add(step * self.step + column * self.column))
    }
}

struct Work<'a> {
    steps: usize,
    columns: usize,
    padded: usize,
    states: usize,
    decay: f32,
    matrix: [[Entry; MAX_STATES + 1]; MAX_STATES + 1],
    /// The sums, then the states.
    targets: [*mut u32; MAX_STATES + 1],
    jumps: &'a [Jump],
    starts: &'a [u32],
    /// For each target the weight of a jump in each timestep, then the weights of the states at
    /// the beginning.
    scratch: *mut u32,
}

impl Task for Work<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        match self.states {
            0 => self.catch_up::<S, 0>(),
            1 => self.catch_up::<S, 1>(),
            _ => self.catch_up::<S, MAX_STATES>(),
        }
    }
}

impl Work<'_> {
    /// Weight of a jump in a timestep, in a target.
    #[inline(always)]
    unsafe fn weight(&self, target: usize, step: usize, column: usize) -> *mut u32 {
        self.scratch.add((target * self.steps + step) * self.padded + column)
    }

    /// Weight of a state at the beginning, in a target.
    #[inline(always)]
    unsafe fn head(&self, target: usize, state: usize, column: usize) -> *mut u32 {
        let row = (self.states + 1) * self.steps + target * self.states + state;
        self.scratch.add(row * self.padded + column)
    }

    #[inline(always)]
    unsafe fn catch_up<S: Simd, const N: usize>(&self) {
        let mut column = 0;
        while column < self.columns {
            self.weights::<S, N>(column);
            column += S::LANES;
        }
        for row in 0..self.starts.len().saturating_sub(1) {
            let jumps = &self.jumps[self.starts[row] as usize..self.starts[row + 1] as usize];
            if N == 0 && jumps.is_empty() {
                continue;
            }
            let mut column = 0;
            while column + WIDTH * S::LANES <= self.columns {
                self.tile::<S, N, WIDTH>(row, column, S::LANES, jumps);
                column += WIDTH * S::LANES;
            }
            while column < self.columns {
                let count = S::LANES.min(self.columns - column);
                self.tile::<S, N, 1>(row, column, count, jumps);
                column += S::LANES;
            }
        }
    }

    /// The weights for a vector of columns, backwards in time.
    #[inline(always)]
    unsafe fn weights<S: Simd, const N: usize>(&self, column: usize) {
        let zero = S::splat(0);
        let decay = S::splat_f32(self.decay);
        // Weights of the states in the sum and in each state at the end.
        let mut in_sum = [zero; N];
        let mut in_states = [[zero; N]; N];
        for state in 0..N {
            in_states[state][state] = S::splat_f32(1.0);
        }
        let mut jump_in_sum = zero;
        let mut jump_in_states = [zero; N];
        for step in (0..self.steps).rev() {
            let of_trace = self.entries::<S, N>(N, step, column);
            let own = self.matrix[N][N].load::<S>(step, column);
            let weight = add_products::<S, N>(own, &of_trace, &in_sum);
            jump_in_sum = S::add_f32(weight, S::mul_f32(decay, jump_in_sum));
            S::store(self.weight(0, step, column), jump_in_sum);
            for state in 0..N {
                let weight = add_products::<S, N>(zero, &of_trace, &in_states[state]);
                let jump = S::add_f32(weight, S::mul_f32(decay, jump_in_states[state]));
                jump_in_states[state] = jump;
                S::store(self.weight(state + 1, step, column), jump);
            }
            let (old_in_sum, old_in_states) = (in_sum, in_states);
            for from in 0..N {
                let of_state = self.entries::<S, N>(from, step, column);
                let own = self.matrix[N][from].load::<S>(step, column);
                in_sum[from] = add_products::<S, N>(own, &of_state, &old_in_sum);
                for state in 0..N {
                    let weights = &old_in_states[state];
                    in_states[state][from] = add_products::<S, N>(zero, &of_state, weights);
                }
            }
        }
        for from in 0..N {
            S::store(self.head(0, from, column), in_sum[from]);
            for state in 0..N {
                S::store(self.head(state + 1, from, column), in_states[state][from]);
            }
        }
    }

    /// What an entry contributes to the next value of each state.
    #[inline(always)]
    unsafe fn entries<S: Simd, const N: usize>(
        &self,
        entry: usize,
        step: usize,
        column: usize,
    ) -> [S::V; N] {
        let mut entries = [S::splat(0); N];
        for row in 0..N {
            entries[row] = self.matrix[row][entry].load::<S>(step, column);
        }
        entries
    }

    /// `W` vectors of columns of a row; `count` columns of the last of them.
    #[inline(always)]
    unsafe fn tile<S: Simd, const N: usize, const W: usize>(
        &self,
        row: usize,
        column: usize,
        count: usize,
        jumps: &[Jump],
    ) {
        let zero = S::splat(0);
        let at = row * self.columns + column;
        let mut states = [[zero; W]; N];
        let mut active = !jumps.is_empty();
        for state in 0..N {
            for i in 0..W {
                let vector = load::<S>(self.targets[state + 1].add(at + i * S::LANES), count);
                active |= S::movemask(S::ne_f32(vector, zero)) != 0;
                states[state][i] = vector;
            }
        }
        if !active {
            return;
        }
        let mut sums = [zero; W];
        let mut next = [[zero; W]; N];
        for from in 0..N {
            for i in 0..W {
                let (column, vector) = (column + i * S::LANES, states[from][i]);
                sums[i] = add_product::<S>(sums[i], self.head(0, from, column), vector);
                for state in 0..N {
                    let weight = self.head(state + 1, from, column);
                    next[state][i] = add_product::<S>(next[state][i], weight, vector);
                }
            }
        }
        for jump in jumps {
            let size = S::splat_f32(jump.size);
            let step = jump.step as usize;
            for i in 0..W {
                let column = column + i * S::LANES;
                sums[i] = add_product::<S>(sums[i], self.weight(0, step, column), size);
                for state in 0..N {
                    let weight = self.weight(state + 1, step, column);
                    next[state][i] = add_product::<S>(next[state][i], weight, size);
                }
            }
        }
        for i in 0..W {
            let sum = self.targets[0].add(at + i * S::LANES);
            store::<S>(sum, S::add_f32(load::<S>(sum, count), sums[i]), count);
            for state in 0..N {
                store::<S>(self.targets[state + 1].add(at + i * S::LANES), next[state][i], count);
            }
        }
    }
}

/// `first + Σ factors weights`.
#[inline(always)]
unsafe fn add_products<S: Simd, const N: usize>(
    first: S::V,
    factors: &[S::V; N],
    weights: &[S::V; N],
) -> S::V {
    let mut sum = first;
    for i in 0..N {
        sum = S::add_f32(sum, S::mul_f32(factors[i], weights[i]));
    }
    sum
}

/// `sum + weight value`.
#[inline(always)]
unsafe fn add_product<S: Simd>(sum: S::V, weight: *const u32, value: S::V) -> S::V {
    S::add_f32(sum, S::mul_f32(S::load(weight), value))
}

/// A vector, or the first elements of one.
#[inline(always)]
unsafe fn load<S: Simd>(at: *const u32, count: usize) -> S::V {
    if count == S::LANES { S::load(at) } else { S::load_partial(at, count) }
}

#[inline(always)]
unsafe fn store<S: Simd>(at: *mut u32, vector: S::V, count: usize) {
    if count == S::LANES { S::store(at, vector) } else { S::store_partial(at, vector, count) }
}
