//! How long can a lane be left alone? A neuron that waits for the time of its next spike need not
//! even be asked in every timestep: when its guard compares nothing that changes but time, the next
//! timestep in which it may do something is known in advance.

use std::collections::HashMap;

use mlgenn_lang::typed::MathFunction;

use super::cse::cse;
use super::dce::dce;
use super::fold::fold;
use super::repeat::shift;
use super::rewrite::{Replacements, fresh, written_slots};
use crate::kernel::{Domain, Instruction, Kernel, Slot, SlotId, SlotKind, Value};
use crate::op::{BinaryOp, CompareOp, Op, UnaryOp};
use crate::types::Type;

/// Longest sleep, in timesteps: stands for ever.
const FOR_EVER: f32 = (1u32 << 30) as f32;

/// What the rounding of numbers that depend on time may amount to, relative to their magnitude.
const ROUNDING: f64 = 1.0 / (1 << 20) as f64;

/// Part of a timestep by which lanes are woken too early rather than too late.
const MARGIN: f64 = 0.01;

/// A kernel that writes to the slot `sleep` (`u32`; the last of its slots, the others are those of
/// `guard`) for how many timesteps, at least one, a lane can be left alone: as long as nothing but
/// time changes, the guard does not emit for it before so many timesteps have passed. `None` if
/// that cannot be told.
///
/// `guard` is the result of [`super::guard`], `time` its slot with the time in ms (`f32`), `moving`
/// those of its slots that change from one timestep to the next in other ways, and `dt` the
/// duration of a timestep in ms.
pub fn sleep(guard: &Kernel, time: SlotId, moving: &[SlotId], dt: f64) -> Option<Kernel> {
    let (last, body) = guard.body.instructions.split_last()?;
    let Op::Emit(_, active) = last.op else { return None };
    let mut kernel = guard.clone();
    kernel.name = guard.name.replace("guard", "sleep");
    let active_slot = kernel.slots.pop()?;
    let name = if active_slot.name == "active" { "sleep" } else { &active_slot.name };
    let slot = SlotId(kernel.slots.len() as u32);
    let kind = SlotKind::Variable { domain: Domain::Neuron, writable: true };
    kernel.slots.push(Slot { name: name.to_owned(), ty: Type::U32, kind });
    let mut follower = Follower {
        time,
        moving,
        values: std::mem::take(&mut kernel.values),
        instructions: Vec::new(),
        forms: HashMap::new(),
        constants: HashMap::new(),
    };
    for instruction in body {
        follower.follow(instruction);
    }
    let delay = match follower.condition(active)? {
        Condition::Steady(_) => return None,
        Condition::After(delay) => delay,
    };
    let steps = follower.steps(delay, dt);
    follower.instructions.push(Instruction { results: Vec::new(), op: Op::Write(slot, steps) });
    kernel.values = follower.values;
    kernel.body.instructions = follower.instructions;
    fold(&mut kernel);
    dce(&mut kernel);
    Some(kernel)
}

/// The kernel `update` with `sleep` after it, so that lanes say how long they sleep once they were
/// updated. The slots of `sleep` start with those of `update`.
pub fn then_sleep(update: &Kernel, sleep: &Kernel) -> Kernel {
    let mut kernel = Kernel { slots: sleep.slots.clone(), ..update.clone() };
    let mut replacements = Replacements::default();
    let mut written = HashMap::new();
    for instruction in &update.body.instructions {
        if let Op::Write(slot, value) = instruction.op {
            written.insert(slot, value);
        }
        for region in instruction.op.regions().into_iter().flatten() {
            written_slots(region).iter().for_each(|slot| {
                written.remove(slot);
            });
        }
    }
    // Both kernels number their values from zero.
    let mut body = sleep.body.clone();
    shift(&mut body, kernel.values.len() as u32);
    kernel.values.extend_from_slice(&sleep.values);
    for mut instruction in body.instructions {
        replacements.apply(&mut instruction.op);
        for region in instruction.op.regions_mut().into_iter().flatten() {
            replacements.apply_to_region(region);
        }
        if let (Op::Read(slot), &[result]) = (&instruction.op, &instruction.results[..])
            && let Some(&value) = written.get(slot)
            && matches!(update.slot(*slot).kind, SlotKind::Variable { domain: Domain::Neuron, .. })
        {
            // What a lane has written it need not read.
            replacements.insert(result, value);
            continue;
        }
        kernel.body.instructions.push(instruction);
    }
    cse(&mut kernel);
    fold(&mut kernel);
    dce(&mut kernel);
    kernel
}

/// How a value depends on time.
#[derive(Clone, Copy)]
enum Form {
    /// Not at all.
    Steady,
    /// It changes by `slope` per ms. `magnitude` (an `f32` value) is the sum of the magnitudes of
    /// what it was computed from.
    Affine { slope: f64, magnitude: Value },
    /// The magnitude of `of`, which changes by `slope` per ms.
    Distance { of: Value, slope: f64, magnitude: Value },
    /// A condition that cannot hold before so many ms have passed (an `f32` value).
    After(Value),
    /// `otherwise`, until such a condition may hold.
    Switch { after: Value, otherwise: Value },
}

/// How a condition depends on time.
enum Condition {
    Steady(Value),
    After(Value),
}

struct Follower<'a> {
    time: SlotId,
    moving: &'a [SlotId],
    values: Vec<Type>,
    instructions: Vec<Instruction>,
    /// Values of which nothing is known have no entry.
    forms: HashMap<Value, Form>,
    constants: HashMap<Value, u64>,
}

impl Follower<'_> {
    fn follow(&mut self, instruction: &Instruction) {
        self.instructions.push(instruction.clone());
        let &[result] = &instruction.results[..] else { return };
        if let Op::Const(bits) = instruction.op {
            self.constants.insert(result, bits);
        }
        if let Some(form) = self.form(&instruction.op, result) {
            self.forms.insert(result, form);
        }
    }

    fn form(&mut self, op: &Op, result: Value) -> Option<Form> {
        match *op {
            Op::Read(slot) if slot == self.time => {
                let magnitude = self.magnitude(result);
                return Some(Form::Affine { slope: 1.0, magnitude });
            }
            Op::Read(slot) => return (!self.moving.contains(&slot)).then_some(Form::Steady),
            Op::ReadDelayed { .. } | Op::Random { .. } => return None,
            _ => {}
        }
        if self.is_steady(op) {
            return Some(Form::Steady);
        }
        if self.values[result.0 as usize] == Type::F32 {
            return self.number(op);
        }
        match *op {
            Op::Select(condition, then, otherwise) => {
                let steady = |value| matches!(self.forms.get(&value), Some(Form::Steady));
                let Form::After(after) = *self.forms.get(&condition)? else { return None };
                (steady(then) && steady(otherwise)).then_some(Form::Switch { after, otherwise })
            }
            Op::Convert(value) => {
                let ty = self.values[result.0 as usize];
                let (after, otherwise) = match *self.forms.get(&value)? {
                    Form::After(after) => (after, self.push(Op::Const(0), ty)),
                    Form::Switch { after, otherwise } => {
                        (after, self.push(Op::Convert(otherwise), ty))
                    }
                    _ => return None,
                };
                Some(Form::Switch { after, otherwise })
            }
            Op::Compare(CompareOp::NotEqual, a, b) => {
                let (after, otherwise, other) = match (self.forms.get(&a)?, self.forms.get(&b)?) {
                    (&Form::Switch { after, otherwise }, Form::Steady) => (after, otherwise, b),
                    (Form::Steady, &Form::Switch { after, otherwise }) => (after, otherwise, a),
                    _ => return None,
                };
                let differs = self.compare_values(CompareOp::NotEqual, otherwise, other);
                let now = self.float(0.0);
                Some(Form::After(self.select(differs, now, after)))
            }
            Op::Compare(op, a, b) => self.compare(op, a, b).map(Form::After),
            Op::Binary(op @ (BinaryOp::And | BinaryOp::Or), a, b)
                if self.values[a.0 as usize] == Type::Bool =>
            {
                let (a, b) = (self.condition(a)?, self.condition(b)?);
                let (a, b) = (self.after(a), self.after(b));
                let smaller = self.compare_values(CompareOp::Less, a, b);
                let (first, second) = if op == BinaryOp::Or { (a, b) } else { (b, a) };
                Some(Form::After(self.select(smaller, first, second)))
            }
            _ => None,
        }
    }

    fn is_steady(&self, op: &Op) -> bool {
        let mut steady = op.regions().into_iter().flatten().next().is_none();
        op.for_each_operand(|value| {
            steady &= matches!(self.forms.get(&value), Some(Form::Steady));
        });
        steady
    }

    /// Arithmetic that keeps a number affine in time.
    fn number(&mut self, op: &Op) -> Option<Form> {
        match *op {
            Op::Unary(UnaryOp::Negate, a) => {
                let (slope, magnitude) = self.affine(a)?;
                Some(Form::Affine { slope: -slope, magnitude })
            }
            Op::Binary(op @ (BinaryOp::Add | BinaryOp::Subtract), a, b) => {
                let (slope, magnitude) = self.affine(a)?;
                let (other, size) = self.affine(b)?;
                let slope = if op == BinaryOp::Add { slope + other } else { slope - other };
                let magnitude = self.binary(BinaryOp::Add, magnitude, size);
                Some(Form::Affine { slope, magnitude })
            }
            Op::Binary(BinaryOp::Multiply, a, b) => {
                let (a, factor) = match (self.constant(a), self.constant(b)) {
                    (None, Some(factor)) => (a, factor),
                    (Some(factor), None) => (b, factor),
                    _ => return None,
                };
                let (slope, magnitude) = self.affine(a)?;
                let size = self.float(f64::from(factor.abs()));
                let magnitude = self.binary(BinaryOp::Multiply, magnitude, size);
                Some(Form::Affine { slope: slope * f64::from(factor), magnitude })
            }
            Op::Math(MathFunction::Fabs, ref arguments) => {
                let of = *arguments.first()?;
                let (slope, magnitude) = self.affine(of)?;
                Some(Form::Distance { of, slope, magnitude })
            }
            _ => None,
        }
    }

    /// Slope and magnitude of a number.
    fn affine(&mut self, value: Value) -> Option<(f64, Value)> {
        match *self.forms.get(&value)? {
            Form::Steady if self.values[value.0 as usize] == Type::F32 => {
                Some((0.0, self.magnitude(value)))
            }
            Form::Affine { slope, magnitude } => Some((slope, magnitude)),
            _ => None,
        }
    }

    /// When a comparison may first hold.
    fn compare(&mut self, op: CompareOp, a: Value, b: Value) -> Option<Value> {
        use CompareOp::{Greater, GreaterEqual, Less, LessEqual};
        let (a, b) = match op {
            Less | LessEqual => (a, b),
            Greater | GreaterEqual => (b, a),
            _ => return None,
        };
        // Now it is `a < b`, or as good as that.
        if let Some(&Form::Distance { of, slope, magnitude }) = self.forms.get(&a) {
            let (still, size) = self.affine(b)?;
            if still != 0.0 || slope == 0.0 {
                return None;
            }
            let magnitude = self.binary(BinaryOp::Add, magnitude, size);
            // `of` enters the window at one side, and has left it at the other.
            let ahead = if slope > 0.0 { self.negate(of) } else { of };
            let enters = self.binary(BinaryOp::Subtract, ahead, b);
            let behind = self.negate(ahead);
            let leaves = self.binary(BinaryOp::Subtract, behind, b);
            return Some(self.delay(enters, Some(leaves), slope.abs(), magnitude));
        }
        let (slope_a, magnitude_a) = self.affine(a)?;
        let (slope_b, magnitude_b) = self.affine(b)?;
        let slope = slope_a - slope_b;
        let magnitude = self.binary(BinaryOp::Add, magnitude_a, magnitude_b);
        let difference = self.binary(BinaryOp::Subtract, a, b);
        if slope < 0.0 {
            Some(self.delay(difference, None, -slope, magnitude))
        } else if slope > 0.0 {
            // It holds now or never.
            let now = self.float(0.0);
            Some(self.delay(now, Some(difference), slope, magnitude))
        } else {
            None
        }
    }

    /// The time in ms until `distance`, which falls by `slope` per ms, is zero; for ever if it is
    /// known that `past` is positive.
    fn delay(
        &mut self,
        distance: Value,
        past: Option<Value>,
        slope: f64,
        magnitude: Value,
    ) -> Value {
        let rounding = self.float(ROUNDING);
        let error = self.binary(BinaryOp::Multiply, magnitude, rounding);
        let distance = self.binary(BinaryOp::Subtract, distance, error);
        let per_ms = self.float(1.0 / slope);
        let delay = self.binary(BinaryOp::Multiply, distance, per_ms);
        let Some(past) = past else { return delay };
        let is_past = self.compare_values(CompareOp::Less, error, past);
        let never = self.float(f64::from(f32::MAX));
        self.select(is_past, never, delay)
    }

    fn condition(&self, value: Value) -> Option<Condition> {
        match *self.forms.get(&value)? {
            Form::Steady => Some(Condition::Steady(value)),
            Form::After(delay) => Some(Condition::After(delay)),
            _ => None,
        }
    }

    /// When a condition may first hold, in ms from now.
    fn after(&mut self, condition: Condition) -> Value {
        match condition {
            Condition::After(delay) => delay,
            Condition::Steady(holds) => {
                let (now, never) = (self.float(0.0), self.float(f64::from(f32::MAX)));
                self.select(holds, now, never)
            }
        }
    }

    /// From ms to whole timesteps, at least one.
    fn steps(&mut self, delay: Value, dt: f64) -> Value {
        let per_step = self.float((1.0 - ROUNDING) / dt);
        let steps = self.binary(BinaryOp::Multiply, delay, per_step);
        let margin = self.float(MARGIN);
        let steps = self.binary(BinaryOp::Subtract, steps, margin);
        let most = self.float(f64::from(FOR_EVER));
        let less = self.compare_values(CompareOp::Less, steps, most);
        // Not a number: to be asked again in the next timestep.
        let more = self.compare_values(CompareOp::LessEqual, most, steps);
        let now = self.float(0.0);
        let steps = self.select(less, steps, now);
        let steps = self.select(more, most, steps);
        // Truncated, and anything below zero is zero.
        let whole = self.push(Op::Convert(steps), Type::U32);
        let one = self.push(Op::Const(1), Type::U32);
        self.push(Op::Binary(BinaryOp::Add, whole, one), Type::U32)
    }

    fn constant(&self, value: Value) -> Option<f32> {
        self.constants.get(&value).map(|&bits| f32::from_bits(bits as u32))
    }

    fn magnitude(&mut self, value: Value) -> Value {
        self.push(Op::Math(MathFunction::Fabs, vec![value]), Type::F32)
    }

    fn negate(&mut self, value: Value) -> Value {
        self.push(Op::Unary(UnaryOp::Negate, value), Type::F32)
    }

    fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        self.push(Op::Binary(op, a, b), Type::F32)
    }

    fn compare_values(&mut self, op: CompareOp, a: Value, b: Value) -> Value {
        self.push(Op::Compare(op, a, b), Type::Bool)
    }

    fn select(&mut self, condition: Value, then: Value, otherwise: Value) -> Value {
        self.push(Op::Select(condition, then, otherwise), Type::F32)
    }

    fn float(&mut self, number: f64) -> Value {
        self.push(Op::Const(u64::from((number as f32).to_bits())), Type::F32)
    }

    fn push(&mut self, op: Op, ty: Type) -> Value {
        let result = fresh(&mut self.values, ty);
        self.instructions.push(Instruction { results: vec![result], op });
        result
    }
}
