//! Connecting each pair of neurons with the same probability.
//!
//! The gaps between the targets of a neuron follow the geometric distribution: a number of the
//! exponential distribution, scaled and rounded down. A kernel draws many of them at once, the
//! numbers of one row being those of one timestep, in order of their elements.

use mlgenn_ir::launch::{Executor, Launch, Operand, Pattern, Program, Ring, Watch};
use mlgenn_ir::random::RandomFunction;
use mlgenn_ir::{BinaryOp, Buffer, Domain, KernelBuilder, Op, SlotKind, Type};

use crate::error::EngineError;

/// Gaps drawn when those that were expected to do for a row have not.
const MORE: usize = 64;

/// Draws the targets of rows.
pub(crate) struct FixedProbability {
    program: Box<dyn Program>,
    key: Buffer,
    /// 0, 1, 2, ….
    iota: Buffer,
    /// Gaps that do for most rows.
    expected: usize,
    num_post: usize,
}

/// Memory for the gaps of a row.
pub(crate) struct Gaps {
    row: Buffer,
    gaps: Buffer,
}

impl FixedProbability {
    /// For a probability above 0.
    pub(crate) fn new(
        executor: &dyn Executor,
        probability: f64,
        key: u64,
        num_post: usize,
    ) -> Result<Self, EngineError> {
        let mut builder = KernelBuilder::new("gaps between the targets of a neuron");
        let variable = |domain, writable| SlotKind::Variable { domain, writable };
        let key_slot = builder.slot("key", Type::U64, variable(Domain::Launch, false));
        let row = builder.slot("row", Type::U32, variable(Domain::Launch, false));
        let number = builder.slot("number", Type::U32, variable(Domain::Synapse, false));
        let gap = builder.slot("gap", Type::U32, variable(Domain::Synapse, true));
        let random = Op::Random {
            function: RandomFunction::Exponential,
            key: builder.read(key_slot),
            element: {
                let number = builder.read(number);
                builder.convert(number, Type::U64)
            },
            timestep: builder.read(row),
            draw: builder.constant(Type::U32, 0),
            arguments: Vec::new(),
        };
        let drawn = builder.op(random, Type::F32);
        // Nothing but 0 if the probability is 1.
        let scale = builder.number(Type::F32, -1.0 / (-probability.min(1.0)).ln_1p());
        let scaled = builder.binary(BinaryOp::Multiply, drawn, scale);
        let whole = builder.convert(scaled, Type::U32);
        builder.write(gap, whole);
        let patterns =
            [Pattern::Uniform, Pattern::Uniform, Pattern::Contiguous, Pattern::Contiguous];
        let mean = num_post as f64 * probability.min(1.0);
        let expected = (mean + 4.0 * mean.sqrt()) as usize + 8;
        // One gap more than there are targets ends any row.
        let iota = Buffer::new(Type::U32, num_post + expected + MORE)?;
        if let Some(words) = iota.words(0, iota.len()) {
            words.iter_mut().zip(0..).for_each(|(word, number)| *word = number);
        }
        let key_buffer = Buffer::new(Type::U64, 1)?;
        key_buffer.store(0, key);
        let program = executor.compile(&builder.finish(), &patterns);
        Ok(Self { program, key: key_buffer, iota, expected, num_post })
    }

    /// Memory for one thread.
    pub(crate) fn memory(&self) -> Result<Gaps, EngineError> {
        let most = self.expected.max(MORE);
        Ok(Gaps { row: Buffer::new(Type::U32, 1)?, gaps: Buffer::new(Type::U32, most)? })
    }

    /// Write the targets of a row in order, all but `except`; their number, or `None` if there are
    /// more than the row has room for.
    pub(crate) fn draw(
        &self,
        memory: &Gaps,
        row: usize,
        except: Option<usize>,
        targets: &mut [u32],
    ) -> Option<usize> {
        memory.row.store(0, row as u64);
        let (mut first, mut count) = (0, self.expected);
        let (mut next, mut length) = (0, 0);
        loop {
            for &gap in self.gaps(memory, first, count) {
                next += gap as usize;
                if next >= self.num_post {
                    return Some(length);
                }
                if except != Some(next) {
                    *targets.get_mut(length)? = next as u32;
                    length += 1;
                }
                next += 1;
            }
            first += count;
            count = MORE;
        }
    }

    /// Draw `count` gaps, from number `first` on.
    fn gaps<'a>(&self, memory: &'a Gaps, first: usize, count: usize) -> &'a [u32] {
        let operand = |buffer, offset| Operand {
            buffer,
            offset,
            indices: &[],
            length: 0,
            ring: Ring { slots: 1, current: 0, stride: 0 },
        };
        let operands = [
            operand(&self.key, 0),
            operand(&memory.row, 0),
            operand(&self.iota, first),
            operand(&memory.gaps, 0),
        ];
        let launch = Launch { lanes: count, operands: &operands, watch: &Watch::new() };
        self.program.launch(&launch);
        memory.gaps.words(0, count).map_or(&[], |gaps| gaps)
    }
}
