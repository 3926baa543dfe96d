//! What events of dense connections mostly do to a row of synapses: add a number of each
//! postsynaptic neuron to one variable, and sum the products of another one with such numbers.
//!
//! Gradients of EventProp are of that form, and the feedback that goes with them.

use std::collections::HashMap;

use crate::buffer::Buffer;
use crate::kernel::{Domain, Kernel, SlotId, SlotKind, Value};
use crate::launch::LaneSum;
use crate::op::{BinaryOp, Op};
use crate::types::Type;

/// All that a kernel over the synapses of a row does, by the slots that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowUpdate {
    /// Synapse variable, and what is added to it.
    pub add: Option<Addition>,
    /// Products that are summed over the row.
    pub sum: Option<Products>,
}

/// `matrix[j] += vector[j]`, or `-=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Slot of a synapse variable.
    pub matrix: SlotId,
    /// Slot of a variable of the postsynaptic neurons.
    pub vector: SlotId,
    /// Whether it is subtracted.
    pub subtract: bool,
}

/// `out += matrix[j] * vector[j]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Products {
    /// Slot of a synapse variable.
    pub matrix: SlotId,
    /// Slot of a variable of the postsynaptic neurons.
    pub vector: SlotId,
    /// Slot of a sum of the presynaptic neuron.
    pub out: SlotId,
}

/// What a value of such a kernel is.
#[derive(Clone, Copy)]
enum Known {
    Matrix(SlotId),
    Vector(SlotId),
    Added(Addition),
    Product(SlotId, SlotId),
}

impl RowUpdate {
    /// What a kernel does, if it is nothing else than that; in `f32`.
    pub fn of(kernel: &Kernel) -> Option<Self> {
        let mut update = Self::default();
        let mut known: HashMap<Value, Known> = HashMap::new();
        for instruction in &kernel.body.instructions {
            match instruction.op {
                Op::Read(slot) => {
                    let result = *instruction.results.first()?;
                    known.insert(result, read(kernel, slot)?);
                }
                Op::Binary(op, a, b) => {
                    let value = combine(op, *known.get(&a)?, *known.get(&b)?)?;
                    known.insert(*instruction.results.first()?, value);
                }
                Op::Write(slot, value) => {
                    let Known::Added(addition) = *known.get(&value)? else { return None };
                    if slot != addition.matrix || update.add.replace(addition).is_some() {
                        return None;
                    }
                }
                Op::Accumulate(out, value) => {
                    let Known::Product(matrix, vector) = *known.get(&value)? else { return None };
                    let kind = SlotKind::Accumulator { domain: Domain::Pre };
                    let products = Products { matrix, vector, out };
                    if kernel.slot(out).kind != kind || update.sum.replace(products).is_some() {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        // What is summed must not be what is changed.
        let changed = update.add.map(|add| add.matrix);
        let apart = update.sum.is_none_or(|sum| Some(sum.matrix) != changed);
        (apart && update != Self::default()).then_some(update)
    }
}

fn read(kernel: &Kernel, slot: SlotId) -> Option<Known> {
    let description = kernel.slot(slot);
    let SlotKind::Variable { domain, .. } = description.kind else { return None };
    match domain {
        _ if description.ty != Type::F32 => None,
        Domain::Synapse => Some(Known::Matrix(slot)),
        Domain::Post => Some(Known::Vector(slot)),
        _ => None,
    }
}

fn combine(op: BinaryOp, a: Known, b: Known) -> Option<Known> {
    use Known::{Added, Matrix, Product, Vector};
    match (op, a, b) {
        (BinaryOp::Add, Matrix(matrix), Vector(vector))
        | (BinaryOp::Add, Vector(vector), Matrix(matrix)) => {
            Some(Added(Addition { matrix, vector, subtract: false }))
        }
        (BinaryOp::Subtract, Matrix(matrix), Vector(vector)) => {
            Some(Added(Addition { matrix, vector, subtract: true }))
        }
        (BinaryOp::Multiply, Matrix(matrix), Vector(vector))
        | (BinaryOp::Multiply, Vector(vector), Matrix(matrix)) => Some(Product(matrix, vector)),
        _ => None,
    }
}

/// Arguments of [`crate::launch::Executor::update_rows`].
#[derive(Debug)]
pub struct UpdateRows<'a> {
    /// Rows to update, in order.
    pub rows: &'a [u32],
    /// Number of columns.
    pub columns: usize,
    /// The first matrix, the vector added to its rows, and whether it is subtracted instead.
    pub add: Option<(Start<'a>, Start<'a>, bool)>,
    /// The second matrix, the vector that its rows are multiplied with, and the sums by row.
    pub sum: Option<(Start<'a>, Start<'a>, Start<'a>)>,
}

/// Where an array of `f32` starts.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The memory.
    pub buffer: &'a Buffer,
    /// First element.
    pub offset: usize,
}

impl Start<'_> {
    /// Whether so many elements are there.
    fn has(self, elements: usize) -> bool {
        let end = self.offset.checked_add(elements);
        self.buffer.ty() == Type::F32 && end.is_some_and(|end| end <= self.buffer.len())
    }

    fn get(self, index: usize) -> f32 {
        f32::from_bits(self.buffer.load(self.offset + index).unwrap_or(0) as u32)
    }

    fn set(self, index: usize, value: f32) {
        self.buffer.store(self.offset + index, u64::from(value.to_bits()));
    }
}

impl UpdateRows<'_> {
    /// Whether everything lies within its buffer.
    pub fn fits(&self) -> bool {
        let rows = self.rows.iter().max().map_or(0, |&row| row as usize + 1);
        let Some(elements) = rows.checked_mul(self.columns) else { return false };
        let add = self
            .add
            .is_none_or(|(matrix, vector, _)| matrix.has(elements) && vector.has(self.columns));
        let sum = self.sum.is_none_or(|(matrix, vector, out)| {
            matrix.has(elements) && vector.has(self.columns) && out.has(rows)
        });
        add && sum
    }

    /// Do it number by number: what faster ways have to equal to the bit.
    pub fn run(&self) {
        for &row in self.rows {
            let start = row as usize * self.columns;
            if let Some((matrix, vector, out)) = self.sum {
                let mut sum = LaneSum::new();
                for column in 0..self.columns {
                    sum.add(column, matrix.get(start + column) * vector.get(column));
                }
                let sum: f32 = sum.finish();
                if sum != 0.0 {
                    out.set(row as usize, out.get(row as usize) + sum);
                }
            }
            if let Some((matrix, vector, subtract)) = self.add {
                for column in 0..self.columns {
                    let (old, value) = (matrix.get(start + column), vector.get(column));
                    let new = if subtract { old - value } else { old + value };
                    matrix.set(start + column, new);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOTS: &str = "slot g: f32 variable synapse
slot gradient: f32 variable synapse writable
slot v: f32 variable post
slot w: f32 variable post
slot own: f32 variable pre
slot out: f32 accumulator pre
";

    fn of(body: &str) -> Option<RowUpdate> {
        let text = format!("kernel \"k\"\n{SLOTS}begin\n{body}\nend");
        RowUpdate::of(&text.parse().unwrap())
    }

    #[test]
    fn gradients_with_feedback_are_recognised() {
        let body = "%0: f32 = read g\n%1: f32 = read gradient\n%2: f32 = read v\n\
                    %3: f32 = subtract %1, %2\n%4: f32 = read w\n%5: f32 = multiply %4, %0\n\
                    accumulate out, %5\nwrite gradient, %3";
        let [g, gradient, v, w, _, out] = [0, 1, 2, 3, 4, 5].map(SlotId);
        let add = Some(Addition { matrix: gradient, vector: v, subtract: true });
        let sum = Some(Products { matrix: g, vector: w, out });
        assert_eq!(of(body), Some(RowUpdate { add, sum }));
    }

    #[test]
    fn other_kernels_are_not() {
        for body in [
            "",
            // The negative of a sum.
            "%0: f32 = read gradient\n%1: f32 = read v\n%2: f32 = subtract %1, %0\n\
             write gradient, %2",
            // Something of the presynaptic neuron.
            "%0: f32 = read gradient\n%1: f32 = read own\n%2: f32 = add %0, %1\nwrite gradient, %2",
            // Written to another variable.
            "%0: f32 = read g\n%1: f32 = read v\n%2: f32 = add %0, %1\nwrite gradient, %2",
            // What is changed is also summed.
            "%0: f32 = read gradient\n%1: f32 = read v\n%2: f32 = add %0, %1\n\
             %3: f32 = multiply %0, %1\naccumulate out, %3\nwrite gradient, %2",
        ] {
            assert_eq!(of(body), None, "{body}");
        }
    }
}
