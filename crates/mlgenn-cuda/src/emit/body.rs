//! What a thread does for its lane: the body of a kernel as statements.

use std::collections::HashMap;
use std::fmt::Write as _;

use mlgenn_ir::{
    BinaryOp, CompareOp, Instruction, Kernel, Op, Region, SlotId, SlotKind, Type, UnaryOp, Value,
};
use mlgenn_lang::typed::RandomFunction;

use super::access::{Access, Adding};
use super::additions::{Addition, additions};
use super::shape::{PassAdding, Shape};
use super::types::{constant, memory_type, value_type};
use super::{mathematics, print};

/// What else a body depends on.
#[derive(Clone, Copy)]
pub(super) struct BodyOptions<'a> {
    /// What a thread does.
    pub(super) shape: Shape,
    /// Slots whose elements have been read before, for many members.
    pub(super) ahead: &'a [SlotId],
    /// Slots whose sums are taken elsewhere.
    pub(super) left_out: &'a [SlotId],
    /// When things are added to elements that are in registers.
    pub(super) adding: PassAdding,
}

/// Statements for the body of a kernel.
pub(super) struct Body<'a> {
    kernel: &'a Kernel,
    accesses: &'a [Access],
    /// The statements.
    pub(super) text: String,
    indent: usize,
    /// Additions that do not wait for the element before, by slot.
    additions: HashMap<SlotId, Addition>,
    options: BodyOptions<'a>,
    /// Slots that lanes are summed for, one entry per instruction, in the order of the text form.
    pub(super) sums: Vec<SlotId>,
    /// Slots that events are emitted to.
    pub(super) events: Vec<SlotId>,
}

impl<'a> Body<'a> {
    /// Write the body of a kernel whose slots are reached as `accesses` says.
    pub(super) fn write(
        kernel: &'a Kernel,
        accesses: &'a [Access],
        options: BodyOptions<'a>,
        indent: usize,
    ) -> Self {
        // Threads that go through many synapses must not wait for each of them.
        let mut additions =
            if options.shape.has_events() { additions(kernel) } else { HashMap::default() };
        additions.retain(|slot, _| {
            matches!(accesses[slot.0 as usize], Access::Element { adding: Adding::Alone, .. })
        });
        let mut body = Self {
            kernel,
            accesses,
            text: String::new(),
            indent,
            additions,
            options,
            sums: Vec::new(),
            events: Vec::new(),
        };
        body.region(&kernel.body);
        body
    }

    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:width$}{text}", "", width = 4 * self.indent);
    }

    fn ty(&self, value: Value) -> Type {
        self.kernel.value_type(value)
    }

    fn declare(&mut self, value: Value, expression: &str) {
        let ty = value_type(self.ty(value));
        self.line(&format!("const {ty} v{} = {expression};", value.0));
    }

    fn region(&mut self, region: &Region) {
        for instruction in &region.instructions {
            self.instruction(instruction);
        }
    }

    fn instruction(&mut self, instruction: &Instruction) {
        match &instruction.op {
            Op::If { condition, then, otherwise } => {
                self.branch(&instruction.results, *condition, then, otherwise);
            }
            Op::Loop { init, condition, body } => {
                self.repeat(&instruction.results, init, condition, body);
            }
            Op::LoadPointer(pointer) => {
                if let Some(&result) = instruction.results.first() {
                    self.load_pointer(result, *pointer);
                }
            }
            op => match instruction.results.first() {
                Some(result) if self.is_added(*result) => {}
                Some(&result) => {
                    let expression = self.expression(op, result);
                    self.declare(result, &expression);
                }
                None => self.effect(op),
            },
        }
    }

    /// Whether a value is before or after an addition, which nobody asks for.
    fn is_added(&self, value: Value) -> bool {
        self.additions.values().any(|added| added.before == value || added.after == value)
    }

    fn branch(&mut self, results: &[Value], condition: Value, then: &Region, otherwise: &Region) {
        for &result in results {
            let ty = value_type(self.ty(result));
            self.line(&format!("{ty} v{};", result.0));
        }
        self.line(&format!("if (v{}) {{", condition.0));
        self.indent += 1;
        self.region(then);
        self.assign(results, &then.yields);
        self.indent -= 1;
        if !otherwise.instructions.is_empty() || !results.is_empty() {
            self.line("} else {");
            self.indent += 1;
            self.region(otherwise);
            self.assign(results, &otherwise.yields);
            self.indent -= 1;
        }
        self.line("}");
    }

    fn repeat(&mut self, results: &[Value], init: &[Value], condition: &Region, body: &Region) {
        for (parameter, first) in condition.parameters.iter().zip(init) {
            let ty = value_type(self.ty(*parameter));
            self.line(&format!("{ty} v{} = v{};", parameter.0, first.0));
        }
        self.line("while (!should_stop(launch)) {");
        self.indent += 1;
        self.region(condition);
        if let Some(holds) = condition.yields.first() {
            self.line(&format!("if (!v{}) break;", holds.0));
        }
        for (parameter, value) in body.parameters.iter().zip(&condition.parameters) {
            self.declare(*parameter, &format!("v{}", value.0));
        }
        self.region(body);
        self.assign(&condition.parameters, &body.yields);
        self.indent -= 1;
        self.line("}");
        for (result, value) in results.iter().zip(&condition.parameters) {
            self.declare(*result, &format!("v{}", value.0));
        }
    }

    /// Assign values to others, all at once.
    fn assign(&mut self, to: &[Value], from: &[Value]) {
        // Only a value that is assigned before it is read needs a copy.
        let overlap = |i: usize| from[i + 1..].contains(&to[i]);
        let copies: Vec<bool> = (0..to.len().min(from.len())).map(overlap).collect();
        let needed = |value: Value| to.iter().zip(&copies).any(|(t, &copy)| copy && *t == value);
        for &value in to.iter().filter(|&&value| needed(value)) {
            let ty = value_type(self.ty(value));
            self.line(&format!("const {ty} old{0} = v{0};", value.0));
        }
        for (&to, &from) in to.iter().zip(from) {
            let prefix = if needed(from) { "old" } else { "v" };
            if to != from {
                self.line(&format!("v{} = {prefix}{};", to.0, from.0));
            }
        }
    }

    /// The element of this thread, as an lvalue.
    fn element(&self, slot: SlotId) -> String {
        match &self.accesses[slot.0 as usize] {
            Access::Element { adding: Adding::Held, .. } => format!("held{}", slot.0),
            Access::Element { index, .. } => format!("s{}[{index}]", slot.0),
            // The verifier keeps these away.
            Access::Value(value) => value.clone(),
            Access::Whole => format!("s{}[0]", slot.0),
        }
    }

    /// The element of this thread in a delay slot of a ring that starts at `start`.
    fn ring_element(&self, slot: SlotId, start: &str) -> String {
        match &self.accesses[slot.0 as usize] {
            Access::Element { index, .. } => format!("s{}[{start} + {index}]", slot.0),
            _ => format!("s{}[{start}]", slot.0),
        }
    }

    /// An element in memory as a value of that type.
    fn as_value(ty: Type, element: String) -> String {
        if ty == Type::Bool { format!("{element} != 0") } else { element }
    }

    /// Arguments that name an array and one of its elements.
    fn array(slot: SlotId, index: &str) -> String {
        format!("launch, s{0}, {0}, {index}, launch->slots[{0}].length", slot.0)
    }

    fn expression(&mut self, op: &Op, result: Value) -> String {
        let ty = self.ty(result);
        match op {
            Op::Const(bits) => constant(ty, *bits),
            Op::Unary(UnaryOp::Negate, x) => format!("negate(v{})", x.0),
            Op::Unary(UnaryOp::Not, x) if ty == Type::Bool => format!("!v{}", x.0),
            Op::Unary(UnaryOp::Not, x) => format!("({ty})~v{}", x.0),
            Op::Binary(op, x, y) => self.binary(*op, *x, *y),
            Op::Compare(op, x, y) => format!("v{} {} v{}", x.0, comparison(*op), y.0),
            Op::Select(condition, x, y) => format!("v{} ? v{} : v{}", condition.0, x.0, y.0),
            Op::Convert(x) => self.convert(*x, ty),
            Op::Math(function, arguments) => {
                let arguments: Vec<_> = arguments.iter().map(|x| format!("v{}", x.0)).collect();
                format!("{}({})", mathematics::name(*function), arguments.join(", "))
            }
            Op::Random { function, key, element, timestep, draw, arguments } => {
                let scalar = arguments.last().map_or(ty, |&value| self.ty(value));
                let at = format!("{{v{}, v{}, v{}, v{}}}", key.0, element.0, timestep.0, draw.0);
                if *function == RandomFunction::Bits {
                    return format!("random_bits({at})");
                }
                let name = match function {
                    RandomFunction::LogNormal => "log_normal".to_owned(),
                    _ => format!("{function:?}").to_lowercase(),
                };
                let rest: String = arguments.iter().map(|x| format!(", v{}", x.0)).collect();
                format!("Random<{scalar}>::{name}({at}{rest})")
            }
            Op::Read(slot) if self.options.ahead.contains(slot) => {
                Self::as_value(ty, format!("ahead{}[next]", slot.0))
            }
            Op::Read(slot) => match &self.accesses[slot.0 as usize] {
                Access::Value(value) => value.clone(),
                _ => Self::as_value(ty, self.element(*slot)),
            },
            Op::ReadDelayed { slot, delay } => {
                let start = format!("past(launch->slots[{}], v{})", slot.0, delay.0);
                Self::as_value(ty, self.ring_element(*slot, &start))
            }
            Op::AddressOf(slot) => constant(Type::Ptr, mlgenn_ir::evaluate::pointer(slot.0, 0)),
            Op::LoadElement(slot, index) => {
                let array = Self::array(*slot, &format!("v{}", index.0));
                Self::as_value(ty, format!("load_element({array})"))
            }
            // Operations without results.
            _ => constant(ty, 0),
        }
    }

    fn binary(&self, op: BinaryOp, x: Value, y: Value) -> String {
        let ty = self.ty(x);
        let (x, y) = (x.0, y.0);
        let symbol = match op {
            BinaryOp::Add if ty == Type::Ptr => return format!("pointer_plus(v{x}, v{y})"),
            BinaryOp::Add if ty.is_float() => "+",
            BinaryOp::Subtract if ty.is_float() => "-",
            BinaryOp::Multiply if ty.is_float() => "*",
            BinaryOp::Divide if ty.is_float() => "/",
            BinaryOp::Add => return format!("add(v{x}, v{y})"),
            BinaryOp::Subtract => return format!("subtract(v{x}, v{y})"),
            BinaryOp::Multiply => return format!("multiply(v{x}, v{y})"),
            BinaryOp::Divide => return format!("divide(v{x}, v{y})"),
            BinaryOp::Remainder => return format!("remainder_of(v{x}, v{y})"),
            BinaryOp::ShiftLeft => return format!("shift_left(v{x}, (u32)v{y})"),
            BinaryOp::ShiftRight => return format!("shift_right(v{x}, (u32)v{y})"),
            BinaryOp::And => "&",
            BinaryOp::Or => "|",
            BinaryOp::Xor => "^",
        };
        let result = format!("v{x} {symbol} v{y}");
        // Small integers are promoted.
        if ty.is_float() || ty.bytes() >= 4 {
            result
        } else {
            format!("({})({result})", value_type(ty))
        }
    }

    fn convert(&self, x: Value, to: Type) -> String {
        let from = self.ty(x);
        match to {
            Type::Bool => format!("v{} != 0", x.0),
            _ if from.is_float() && to.is_integer() => format!("saturate<{to}>(v{})", x.0),
            _ => format!("({to})v{}", x.0),
        }
    }

    fn effect(&mut self, op: &Op) {
        match op {
            Op::Write(slot, value) => {
                let element = self.element(*slot);
                if self.options.left_out.contains(slot) {
                    return;
                }
                if let Some(Addition { value, negative, .. }) = self.additions.get(slot) {
                    let sign = if *negative { "-" } else { "" };
                    self.line(&format!("add_alone(&{element}, {sign}v{});", value.0));
                    return;
                }
                self.line(&format!("{element} = v{};", value.0));
            }
            Op::Accumulate(slot, value) => self.accumulate(*slot, *value),
            Op::AccumulateDelayed { slot, value, delay } => {
                let start = format!("due(launch->slots[{}], v{})", slot.0, delay.0);
                let element = self.ring_element(*slot, &start);
                let alone = matches!(
                    self.accesses[slot.0 as usize],
                    Access::Element { adding: Adding::Alone | Adding::Held, .. }
                );
                self.line(&add_to(&element, *value, !alone));
            }
            Op::Emit(slot, condition) => {
                self.events.push(*slot);
                self.line(&format!("event{} = v{};", slot.0, condition.0));
            }
            Op::StoreElement(slot, index, value) => {
                let array = Self::array(*slot, &format!("v{}", index.0));
                let ty = memory_type(self.kernel.slot(*slot).ty);
                self.line(&format!("store_element({array}, ({ty})v{});", value.0));
            }
            Op::AccumulateElement(slot, index, value) => {
                let array = Self::array(*slot, &format!("v{}", index.0));
                self.line(&format!("atomic_add_element({array}, v{});", value.0));
            }
            Op::StorePointer(pointer, value) => self.store_pointer(*pointer, *value),
            Op::AtomicOr(pointer, bits) => {
                self.at_pointer(*pointer, Type::U32, true, |array, ty| match ty {
                    Type::U32 => format!("atomic_or_element({array}, v{});", bits.0),
                    _ => {
                        let array = array.replacen(", s", ", (u32 *)s", 1);
                        format!("atomic_or_element({array}, v{});", bits.0)
                    }
                });
            }
            Op::Print { format, arguments } => {
                let arguments: Vec<_> = arguments.iter().map(|&x| (self.ty(x), x)).collect();
                self.line(&print::call(format, &arguments));
            }
            Op::Assert(condition) => {
                let fault = "raise(launch, FAILED_ASSERTION, 0, 0, 0);";
                self.line(&format!("if (!v{}) {fault}", condition.0));
            }
            _ => {}
        }
    }

    fn accumulate(&mut self, slot: SlotId, value: Value) {
        match &self.accesses[slot.0 as usize] {
            Access::Element { adding: Adding::Summed, .. } => {
                let sum = self.sums.len();
                self.sums.push(slot);
                self.line(&add_to(&format!("sum{sum}"), value, false));
            }
            Access::Element { adding, .. } => {
                let element = self.element(slot);
                let ty = memory_type(self.ty(value));
                let line = match (self.options.adding, adding) {
                    // A branch would have the compiler put what is read into it.
                    (PassAdding::IfDue, Adding::Held) => {
                        format!("{element} = add({element}, due ? v{} : nothing<{ty}>());", value.0)
                    }
                    (PassAdding::AfterLane, Adding::Held) => {
                        format!("added{} = v{};", slot.0, value.0)
                    }
                    _ => add_to(&element, value, *adding == Adding::Atomic),
                };
                self.line(&line);
            }
            _ => {}
        }
    }

    fn load_pointer(&mut self, result: Value, pointer: Value) {
        let ty = self.ty(result);
        self.line(&format!("{} v{} = 0;", value_type(ty), result.0));
        let name = memory_type(ty);
        self.at_pointer(pointer, ty, false, |array, stored| {
            let load = format!("load_element({array})");
            let bits = if stored == ty { load } else { format!("same_bits<{name}>({load})") };
            format!("v{} = {};", result.0, Self::as_value(ty, bits))
        });
    }

    fn store_pointer(&mut self, pointer: Value, value: Value) {
        let ty = self.ty(value);
        let name = memory_type(ty);
        self.at_pointer(pointer, ty, true, |array, stored| {
            if stored == ty {
                format!("store_element({array}, ({name})v{});", value.0)
            } else {
                let to = memory_type(stored);
                format!("store_element({array}, same_bits<{to}>(({name})v{}));", value.0)
            }
        });
    }

    /// Do something with the array that a pointer to numbers of type `ty` points into; a fault if
    /// there is none. `statement` is given the arguments for the array and the type of its
    /// elements.
    fn at_pointer(
        &mut self,
        pointer: Value,
        ty: Type,
        write: bool,
        statement: impl Fn(&str, Type) -> String,
    ) {
        self.line(&format!("switch ((u32)(v{} >> 48)) {{", pointer.0));
        for (i, slot) in self.kernel.slots.iter().enumerate() {
            let fits = matches!(slot.kind, SlotKind::Array { writable } if writable || !write)
                && slot.ty.bytes() == ty.bytes();
            if fits {
                let array =
                    Self::array(SlotId(i as u32), &format!("pointer_index(v{})", pointer.0));
                self.line(&format!("case {i}: {} break;", statement(&array, slot.ty)));
            }
        }
        self.line("default: raise(launch, BAD_POINTER, 0, 0, 0);");
        self.line("}");
    }
}

fn add_to(element: &str, value: Value, atomic: bool) -> String {
    if atomic {
        format!("atomic_add(&{element}, v{});", value.0)
    } else {
        format!("{element} = add({element}, v{});", value.0)
    }
}

fn comparison(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "==",
        CompareOp::NotEqual => "!=",
        CompareOp::Less => "<",
        CompareOp::LessEqual => "<=",
        CompareOp::Greater => ">",
        CompareOp::GreaterEqual => ">=",
    }
}
