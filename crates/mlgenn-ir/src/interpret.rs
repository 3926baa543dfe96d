//! The reference interpreter: slow, obviously right, what other executors are compared with.
//!
//! It runs operation by operation over blocks of lanes as [`crate::launch`] defines, with one
//! `u64` of bits per value and lane.

mod memory;

use crate::evaluate;
use crate::kernel::{Instruction, Kernel, Region, SlotId, Value};
use crate::launch::{
    AddRows, BLOCK_LANES, Executor, Fault, Launch, Pattern, Program, check_operands,
};
use crate::op::Op;
use crate::print;
use crate::types::Type;
use crate::{math, random};
use memory::{Memory, Sum, add};

/// Runs kernels by interpreting them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interpreter;

impl Executor for Interpreter {
    fn compile(&self, kernel: &Kernel, patterns: &[Pattern]) -> Box<dyn Program> {
        Box::new(Interpreted { kernel: kernel.clone(), patterns: patterns.to_vec() })
    }

    fn name(&self) -> &'static str {
        "interpreter"
    }

    fn is_reference(&self) -> bool {
        true
    }

    fn add_rows(&self, rows: &AddRows<'_>) {
        let size = |buffer: &crate::Buffer| if buffer.ty() == Type::F32 { buffer.len() } else { 0 };
        let out_fits =
            rows.out_offset.checked_add(rows.columns).is_some_and(|end| end <= size(rows.out));
        if !out_fits {
            return;
        }
        for &row in rows.rows {
            let start = (row as usize)
                .checked_mul(rows.columns)
                .and_then(|start| start.checked_add(rows.matrix_offset));
            let Some(start) = start else { continue };
            if start.checked_add(rows.columns).is_none_or(|end| end > size(rows.matrix)) {
                continue;
            }
            for column in 0..rows.columns {
                if let Some(value) = rows.matrix.load(start + column) {
                    add(rows.out, rows.out_offset + column, value);
                }
            }
        }
    }
}

struct Interpreted {
    kernel: Kernel,
    patterns: Vec<Pattern>,
}

impl Program for Interpreted {
    fn launch(&self, launch: &Launch<'_>) {
        if let Err(fault) = check_operands(&self.kernel, &self.patterns, launch) {
            launch.watch.raise(fault);
            return;
        }
        if launch.lanes == 0 {
            return;
        }
        let memory = Memory { kernel: &self.kernel, patterns: &self.patterns, launch };
        let mut sums = Vec::new();
        memory.find_sums(&self.kernel.body, &mut sums);
        let mut block = Block {
            memory,
            first: 0,
            values: vec![[0; BLOCK_LANES]; self.kernel.values.len()],
            sums,
        };
        for first in (0..launch.lanes).step_by(BLOCK_LANES) {
            block.first = first;
            let lanes: Vec<usize> = (0..BLOCK_LANES.min(launch.lanes - first)).collect();
            block.run(&self.kernel.body, &lanes);
        }
        for sum in block.sums {
            block.memory.add_sum(sum);
        }
    }
}

/// A block of lanes.
struct Block<'a> {
    memory: Memory<'a>,
    /// Number of the first lane.
    first: usize,
    /// Bits of every value, for each lane.
    values: Vec<[u64; BLOCK_LANES]>,
    /// Partial sums of `Accumulate` instructions on uniform operands, in order.
    sums: Vec<Sum<'a>>,
}

impl<'a> Block<'a> {
    fn get(&self, value: Value, lane: usize) -> u64 {
        self.values[value.0 as usize][lane]
    }

    fn set(&mut self, value: Value, lane: usize, bits: u64) {
        self.values[value.0 as usize][lane] = bits;
    }

    fn ty(&self, value: Value) -> Type {
        self.memory.kernel.value_type(value)
    }

    /// Run a region for some lanes.
    fn run(&mut self, region: &'a Region, lanes: &[usize]) {
        for instruction in &region.instructions {
            match &instruction.op {
                Op::If { condition, then, otherwise } => {
                    let (holds, fails): (Vec<_>, Vec<_>) =
                        lanes.iter().partition(|&&lane| self.get(*condition, lane) != 0);
                    for (branch, lanes) in [(then, holds), (otherwise, fails)] {
                        if !lanes.is_empty() {
                            self.run(branch, &lanes);
                            self.assign(&instruction.results, &branch.yields, &lanes);
                        }
                    }
                }
                Op::Loop { init, condition, body } => {
                    self.run_loop(instruction, init, condition, body, lanes);
                }
                op => {
                    for &lane in lanes {
                        let result = self.step(instruction, op, lane);
                        if let (Some(&value), Some(bits)) = (instruction.results.first(), result) {
                            self.set(value, lane, bits);
                        }
                    }
                }
            }
        }
    }

    fn run_loop(
        &mut self,
        instruction: &Instruction,
        init: &[Value],
        condition: &'a Region,
        body: &'a Region,
        lanes: &[usize],
    ) {
        self.assign(&condition.parameters, init, lanes);
        let mut active = lanes.to_vec();
        while !active.is_empty() && !self.memory.launch.watch.should_stop() {
            self.run(condition, &active);
            if let Some(&holds) = condition.yields.first() {
                active.retain(|&lane| self.get(holds, lane) != 0);
            }
            if active.is_empty() {
                break;
            }
            self.assign(&body.parameters, &condition.parameters, &active);
            self.run(body, &active);
            self.assign(&condition.parameters, &body.yields, &active);
        }
        self.assign(&instruction.results, &condition.parameters, lanes);
    }

    /// Assign values to others, all at once.
    fn assign(&mut self, to: &[Value], from: &[Value], lanes: &[usize]) {
        for &lane in lanes {
            let bits: Vec<_> = from.iter().map(|&value| self.get(value, lane)).collect();
            for (&value, bits) in to.iter().zip(bits) {
                self.set(value, lane, bits);
            }
        }
    }

    /// Run an operation without regions for one lane of the block; the bits of its result.
    fn step(&mut self, instruction: &Instruction, op: &Op, lane: usize) -> Option<u64> {
        let get = |value: Value| self.get(value, lane);
        let all = |values: &[Value]| values.iter().map(|&value| get(value)).collect::<Vec<_>>();
        let global = self.first + lane;
        let memory = &self.memory;
        match op {
            Op::Const(bits) => Some(*bits),
            Op::Unary(op, x) => Some(evaluate::unary(*op, self.ty(*x), get(*x))),
            Op::Binary(op, x, y) => Some(evaluate::binary(*op, self.ty(*x), get(*x), get(*y))),
            Op::Compare(op, x, y) => {
                Some(u64::from(evaluate::compare(*op, self.ty(*x), get(*x), get(*y))))
            }
            Op::Select(condition, x, y) => Some(get(if get(*condition) != 0 { *x } else { *y })),
            Op::Convert(x) => {
                let result = instruction.results.first()?;
                Some(evaluate::convert(self.ty(*x), self.ty(*result), get(*x)))
            }
            Op::Math(function, arguments) => {
                let ty = self.ty(*arguments.first()?);
                Some(math::evaluate(*function, ty, &all(arguments)))
            }
            Op::Random { function, key, element, timestep, draw, arguments } => {
                let position = random::Position {
                    key: get(*key),
                    element: get(*element),
                    timestep: get(*timestep) as u32,
                    draw: get(*draw) as u32,
                };
                // The last argument has the type of the numbers, if there is any.
                let scalar = arguments.last().or(instruction.results.first())?;
                Some(random::evaluate(*function, self.ty(*scalar), position, &all(arguments)))
            }
            Op::Read(slot) => Some(memory.read(*slot, global)),
            Op::ReadDelayed { slot, delay } => {
                Some(memory.read_delayed(*slot, global, get(*delay) as i32))
            }
            Op::AddressOf(slot) => Some(evaluate::pointer(slot.0, 0)),
            Op::LoadPointer(pointer) => {
                let ty = self.ty(*instruction.results.first()?);
                Some(memory.load_pointer(get(*pointer), ty))
            }
            Op::LoadElement(slot, index) => Some(memory.load(*slot, get(*index) as i64)),
            Op::Accumulate(slot, value) if memory.is_uniform(*slot) => {
                let bits = get(*value);
                let same = |sum: &&mut Sum<'_>| std::ptr::eq(sum.instruction, op);
                if let Some(sum) = self.sums.iter_mut().find(same) {
                    sum.add(global, bits);
                }
                None
            }
            _ => {
                self.effect(op, lane);
                None
            }
        }
    }

    /// Run an operation without a result for one lane of the block.
    fn effect(&self, op: &Op, lane: usize) {
        let get = |value: Value| self.get(value, lane);
        let global = self.first + lane;
        let memory = &self.memory;
        match op {
            Op::Write(slot, value) => memory.write(*slot, global, get(*value)),
            Op::Accumulate(slot, value) => memory.accumulate(*slot, global, get(*value)),
            Op::AccumulateDelayed { slot, value, delay } => {
                memory.accumulate_delayed(*slot, global, get(*value), get(*delay) as u32);
            }
            Op::Emit(slot, condition) => memory.emit(*slot, global, get(*condition) != 0),
            Op::StorePointer(pointer, value) => {
                memory.store_pointer(get(*pointer), self.ty(*value), get(*value));
            }
            Op::StoreElement(slot, index, value) => {
                memory.store(*slot, get(*index) as i64, get(*value));
            }
            Op::AccumulateElement(slot, index, value) => {
                memory.accumulate_element(*slot, get(*index) as i64, get(*value));
            }
            Op::AtomicOr(pointer, bits) => memory.atomic_or(get(*pointer), get(*bits)),
            Op::Print { format, arguments } => {
                let arguments: Vec<_> =
                    arguments.iter().map(|&value| (self.ty(value), get(value))).collect();
                print::print(format, &arguments);
            }
            Op::Assert(condition) if get(*condition) == 0 => {
                let kernel = memory.kernel.name.clone();
                memory.launch.watch.raise(Fault::AssertionFailed { kernel });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "interpret_tests.rs"]
mod tests;
