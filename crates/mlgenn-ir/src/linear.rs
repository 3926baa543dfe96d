//! Synaptic kernels that are linear in what synapses and their sources hold.
//!
//! The traces of learning rules such as e-prop have the form
//!
//! ```text
//! state' = A state + B trace        sum' = sum + C state + D trace
//! ```
//!
//! with one trace for each presynaptic neuron and coefficients that depend on the postsynaptic
//! neuron alone. Then synapses need not be visited in every timestep: over many timesteps the sum
//! is a product of matrices. [`linear_dynamics`] finds the form and a kernel that computes the
//! coefficients.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::kernel::{Domain, Instruction, Kernel, Slot, SlotId, SlotKind, Value};
use crate::op::{BinaryOp, Op, UnaryOp};
use crate::passes;
use crate::types::Type;

/// Most state variables of a synapse.
pub const MAX_STATES: usize = 2;

/// A synaptic kernel in other words: it does this and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearDynamics {
    /// What it adds to the presynaptic neuron.
    pub row_sum: Option<RowSum>,
    /// What it does to variables of the synapse.
    pub traces: Option<LinearTraces>,
}

/// `out += weights * values`, summed over the synapses of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSum {
    /// Read-only variable of synapses.
    pub weights: SlotId,
    /// Variable of postsynaptic neurons.
    pub values: SlotId,
    /// Accumulator of presynaptic neurons.
    pub out: SlotId,
}

/// Linear dynamics of variables of synapses, all of them `f32`.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearTraces {
    /// Variable of presynaptic neurons.
    pub trace: SlotId,
    /// The state, at most [`MAX_STATES`] variables.
    pub states: Vec<SlotId>,
    /// The variable that is only added to.
    pub sum: SlotId,
    /// One row for the next value of each state, one for what is added to the sum; one column for
    /// each state, one for the trace. Row-major.
    pub matrix: Vec<Coefficient>,
    /// Computes the coefficients; its lanes are postsynaptic neurons.
    pub kernel: Kernel,
    /// What each slot of that kernel is.
    pub slots: Vec<CoefficientSlot>,
}

/// An entry of a matrix of coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coefficient {
    /// 0.
    Zero,
    /// 1.
    One,
    /// What the kernel computes for that output.
    Output(usize),
}

/// A slot of a kernel that computes coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoefficientSlot {
    /// A slot of the synaptic kernel, which is read.
    Input(SlotId),
    /// Where an output is written to.
    Output(usize),
}

/// Find the linear form of a kernel, if it has one.
pub fn linear_dynamics(kernel: &Kernel) -> Option<LinearDynamics> {
    let mut analysis = Analysis {
        kernel,
        values: kernel.values.clone(),
        instructions: Vec::new(),
        classes: HashMap::new(),
        writes: BTreeMap::new(),
        row_sum: None,
    };
    for instruction in &kernel.body.instructions {
        analysis.follow(instruction)?;
    }
    let row_sum = analysis.row_sum;
    let traces = if analysis.writes.is_empty() { None } else { Some(analysis.traces()?) };
    let found = LinearDynamics { row_sum, traces };
    (found.row_sum.is_some() || found.traces.is_some()).then_some(found)
}

/// What is known of a value.
#[derive(Clone, Debug)]
enum Class {
    /// It depends on the postsynaptic neuron alone.
    Post,
    /// A weighted sum of variables of the synapse or the presynaptic neuron.
    Linear(Form),
}

/// A factor for each variable.
type Form = BTreeMap<SlotId, Factor>;

/// Depends on the postsynaptic neuron alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Factor {
    One,
    Value(Value),
}

struct Analysis<'a> {
    kernel: &'a Kernel,
    /// Types of the values of the kernel and of those that compute factors.
    values: Vec<Type>,
    /// What depends on the postsynaptic neuron alone.
    instructions: Vec<Instruction>,
    /// Values without an entry are nothing that could be used.
    classes: HashMap<Value, Class>,
    /// What variables of the synapse become.
    writes: BTreeMap<SlotId, Form>,
    row_sum: Option<RowSum>,
}

impl Analysis<'_> {
    fn follow(&mut self, instruction: &Instruction) -> Option<()> {
        match &instruction.op {
            Op::Write(slot, value) => {
                let form = self.form(*value)?;
                self.writes.insert(*slot, form);
                return Some(());
            }
            Op::Accumulate(out, value) => return self.accumulate(*out, *value),
            op if op.has_effect() => return None,
            _ => {}
        }
        if let &[result] = instruction.results.as_slice()
            && let Some(class) = self.class(instruction, result)
        {
            self.classes.insert(result, class);
        }
        Some(())
    }

    fn class(&mut self, instruction: &Instruction, result: Value) -> Option<Class> {
        if let Op::Read(slot) = instruction.op {
            return self.read(slot, instruction);
        }
        let invariant = match instruction.op {
            Op::Random { .. } | Op::AddressOf(_) | Op::ReadDelayed { .. } | Op::If { .. } => false,
            ref op => {
                let mut all = true;
                op.for_each_operand(|operand| {
                    all &= matches!(self.classes.get(&operand), Some(Class::Post));
                });
                all
            }
        };
        if invariant {
            self.instructions.push(instruction.clone());
            return Some(Class::Post);
        }
        if self.kernel.value_type(result) != Type::F32 {
            return None;
        }
        let form = match instruction.op {
            Op::Unary(UnaryOp::Negate, a) => {
                let form = self.form(a)?;
                self.map(form, |analysis, factor| analysis.negated(factor))
            }
            Op::Binary(BinaryOp::Add, a, b) => {
                let (a, b) = (self.form(a)?, self.form(b)?);
                self.merge(a, b, BinaryOp::Add)
            }
            Op::Binary(BinaryOp::Subtract, a, b) => {
                let (a, b) = (self.form(a)?, self.form(b)?);
                self.merge(a, b, BinaryOp::Subtract)
            }
            Op::Binary(BinaryOp::Multiply, a, b) => {
                let (by, of) = if self.is_post(a) { (a, b) } else { (b, a) };
                self.scaled(of, by, BinaryOp::Multiply)?
            }
            Op::Binary(BinaryOp::Divide, a, b) => self.scaled(a, b, BinaryOp::Divide)?,
            Op::Select(condition, a, b) if self.is_post(condition) => {
                let (a, b) = (self.form(a)?, self.form(b)?);
                self.selected(condition, &a, &b)
            }
            _ => return None,
        };
        Some(Class::Linear(form))
    }

    fn read(&mut self, slot: SlotId, instruction: &Instruction) -> Option<Class> {
        let SlotKind::Variable { domain, .. } = self.kernel.slot(slot).kind else { return None };
        match domain {
            // A value from before the write could not be told from one after it.
            Domain::Synapse | Domain::Pre
                if self.kernel.slot(slot).ty == Type::F32 && !self.writes.contains_key(&slot) =>
            {
                Some(Class::Linear([(slot, Factor::One)].into()))
            }
            Domain::Post | Domain::Launch => {
                self.instructions.push(instruction.clone());
                Some(Class::Post)
            }
            _ => None,
        }
    }

    fn accumulate(&mut self, out: SlotId, value: Value) -> Option<()> {
        let form = self.form(value)?;
        let mut factors = form.into_iter();
        let (Some((weights, Factor::Value(factor))), None) = (factors.next(), factors.next())
        else {
            return None;
        };
        let domain = |slot: SlotId| self.kernel.slot(slot).kind.domain();
        let read = self.instructions.iter().find(|i| i.results.contains(&factor))?;
        let Op::Read(values) = read.op else { return None };
        let plain = domain(weights) == Some(Domain::Synapse)
            && domain(values) == Some(Domain::Post)
            && domain(out) == Some(Domain::Pre);
        let first = self.row_sum.is_none();
        self.row_sum = Some(RowSum { weights, values, out });
        (plain && first).then_some(())
    }

    fn is_post(&self, value: Value) -> bool {
        matches!(self.classes.get(&value), Some(Class::Post))
    }

    /// A value as a weighted sum.
    fn form(&self, value: Value) -> Option<Form> {
        match self.classes.get(&value)? {
            Class::Linear(form) => Some(form.clone()),
            // Zero is a sum of nothing.
            Class::Post => self
                .instructions
                .iter()
                .any(|i| i.results.contains(&value) && i.op == Op::Const(0))
                .then(Form::new),
        }
    }

    fn emit(&mut self, op: Op) -> Value {
        let result = Value(self.values.len() as u32);
        self.values.push(Type::F32);
        self.instructions.push(Instruction { results: vec![result], op });
        result
    }

    fn value(&mut self, factor: Option<Factor>) -> Value {
        let number = match factor {
            Some(Factor::Value(value)) => return value,
            Some(Factor::One) => 1.0f32,
            None => 0.0,
        };
        self.emit(Op::Const(u64::from(number.to_bits())))
    }

    fn negated(&mut self, factor: Factor) -> Factor {
        let value = self.value(Some(factor));
        Factor::Value(self.emit(Op::Unary(UnaryOp::Negate, value)))
    }

    fn map(&mut self, form: Form, mut f: impl FnMut(&mut Self, Factor) -> Factor) -> Form {
        form.into_iter().map(|(slot, factor)| (slot, f(self, factor))).collect()
    }

    fn scaled(&mut self, of: Value, by: Value, op: BinaryOp) -> Option<Form> {
        if !self.is_post(by) {
            return None;
        }
        let form = self.form(of)?;
        Some(self.map(form, |analysis, factor| {
            if factor == Factor::One && op == BinaryOp::Multiply {
                return Factor::Value(by);
            }
            let factor = analysis.value(Some(factor));
            Factor::Value(analysis.emit(Op::Binary(op, factor, by)))
        }))
    }

    fn merge(&mut self, mut into: Form, from: Form, op: BinaryOp) -> Form {
        for (slot, right) in from {
            let merged = match into.get(&slot) {
                Some(&left) => {
                    let (left, right) = (self.value(Some(left)), self.value(Some(right)));
                    Factor::Value(self.emit(Op::Binary(op, left, right)))
                }
                None if op == BinaryOp::Subtract => self.negated(right),
                None => right,
            };
            into.insert(slot, merged);
        }
        into
    }

    fn selected(&mut self, condition: Value, a: &Form, b: &Form) -> Form {
        let slots: BTreeSet<SlotId> = a.keys().chain(b.keys()).copied().collect();
        slots
            .into_iter()
            .map(|slot| {
                let (left, right) = (a.get(&slot).copied(), b.get(&slot).copied());
                let factor = if left == right {
                    left.unwrap_or(Factor::One)
                } else {
                    let (left, right) = (self.value(left), self.value(right));
                    Factor::Value(self.emit(Op::Select(condition, left, right)))
                };
                (slot, factor)
            })
            .collect()
    }

    /// What the writes say, if they are of the form that is wanted.
    fn traces(self) -> Option<LinearTraces> {
        let domain = |slot: SlotId| self.kernel.slot(slot).kind.domain();
        let used_by_others = |slot: SlotId| {
            let mut forms = self.writes.iter().filter(|(written, _)| **written != slot);
            forms.any(|(_, form)| form.contains_key(&slot))
        };
        let sum = self.writes.iter().find(|(slot, form)| {
            form.get(slot) == Some(&Factor::One) && form.len() > 1 && !used_by_others(**slot)
        });
        let sum = *sum?.0;
        let states: Vec<SlotId> = self.writes.keys().copied().filter(|slot| *slot != sum).collect();
        let others: BTreeSet<SlotId> = self
            .writes
            .values()
            .flat_map(|form| form.keys().copied())
            .filter(|slot| !self.writes.contains_key(slot))
            .collect();
        let trace = *others.first()?;
        let weights_change =
            self.row_sum.is_some_and(|row_sum| self.writes.contains_key(&row_sum.weights));
        if others.len() > 1
            || domain(trace) != Some(Domain::Pre)
            || self.writes.keys().any(|slot| domain(*slot) != Some(Domain::Synapse))
            || states.len() > MAX_STATES
            || weights_change
        {
            return None;
        }
        let columns: Vec<SlotId> = states.iter().copied().chain([trace]).collect();
        let mut outputs: Vec<Value> = Vec::new();
        let mut matrix = Vec::new();
        for row in states.iter().chain([&sum]) {
            for column in &columns {
                matrix.push(match self.writes[row].get(column) {
                    None => Coefficient::Zero,
                    Some(Factor::One) => Coefficient::One,
                    Some(Factor::Value(value)) => {
                        let known = outputs.iter().position(|output| output == value);
                        Coefficient::Output(known.unwrap_or_else(|| {
                            outputs.push(*value);
                            outputs.len() - 1
                        }))
                    }
                });
            }
        }
        let (kernel, slots) = self.coefficient_kernel(&outputs);
        Some(LinearTraces { trace, states, sum, matrix, kernel, slots })
    }

    fn coefficient_kernel(self, outputs: &[Value]) -> (Kernel, Vec<CoefficientSlot>) {
        let mut kernel = self.kernel.clone();
        kernel.name = format!("{}, coefficients", kernel.name);
        kernel.values = self.values;
        kernel.body.instructions = self.instructions;
        let first = kernel.slots.len();
        for (i, value) in outputs.iter().enumerate() {
            let mut name = format!("coefficient{i}");
            while kernel.slots.iter().any(|slot| slot.name == name) {
                name.push('_');
            }
            let kind = SlotKind::Variable { domain: Domain::Post, writable: true };
            kernel.slots.push(Slot { name, ty: Type::F32, kind });
            let op = Op::Write(SlotId((first + i) as u32), *value);
            kernel.body.instructions.push(Instruction { results: Vec::new(), op });
        }
        passes::cse(&mut kernel);
        passes::dce(&mut kernel);
        let kept = kernel.prune_slots();
        let slots = kept.iter().map(|slot| match (slot.0 as usize).checked_sub(first) {
            Some(output) => CoefficientSlot::Output(output),
            None => CoefficientSlot::Input(*slot),
        });
        let slots = slots.collect();
        (kernel, slots)
    }
}

#[cfg(test)]
#[path = "linear_tests.rs"]
mod tests;
