//! Printing kernels.

use std::fmt::{self, Display, Formatter, Write as _};

use super::{BINARY, COMPARE, DOMAINS, RANDOM, UNARY, kind_name, math_name, name_of};
use crate::evaluate::sign_extend;
use crate::kernel::{Instruction, Kernel, Region, SlotId, SlotKind, Value};
use crate::op::Op;
use crate::types::Type;

impl Display for Kernel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "kernel {:?}", self.name)?;
        for slot in &self.slots {
            write!(f, "slot {}: {} {}", slot.name, slot.ty, kind_name(slot.kind))?;
            if let Some(domain) = slot.kind.domain() {
                write!(f, " {}", name_of(DOMAINS, &domain))?;
            }
            match slot.kind {
                SlotKind::Variable { writable: true, .. } | SlotKind::Array { writable: true } => {
                    writeln!(f, " writable")?;
                }
                _ => writeln!(f)?,
            }
        }
        writeln!(f, "begin")?;
        let mut text = String::new();
        Printer { kernel: self, out: &mut text }.region(&self.body, 1)?;
        write!(f, "{text}end")
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// Text of one instruction; also of one that is not valid in the kernel.
pub(crate) fn instruction_text(kernel: &Kernel, instruction: &Instruction) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = Printer { kernel, out: &mut text }.instruction(instruction, 0);
    text.trim_end().to_owned()
}

struct Printer<'a> {
    kernel: &'a Kernel,
    out: &'a mut String,
}

impl Printer<'_> {
    fn region(&mut self, region: &Region, depth: usize) -> fmt::Result {
        for instruction in &region.instructions {
            self.instruction(instruction, depth)?;
        }
        if !region.yields.is_empty() {
            let indent = 2 * depth;
            writeln!(self.out, "{:indent$}yield {}", "", list(&region.yields))?;
        }
        Ok(())
    }

    fn instruction(&mut self, instruction: &Instruction, depth: usize) -> fmt::Result {
        let indent = 2 * depth;
        write!(self.out, "{:indent$}", "")?;
        if !instruction.results.is_empty() {
            let results = self.definitions(&instruction.results);
            write!(self.out, "{results} = ")?;
        }
        match &instruction.op {
            Op::If { condition, then, otherwise } => {
                writeln!(self.out, "if {condition} {{")?;
                self.region(then, depth + 1)?;
                writeln!(self.out, "{:indent$}}} else {{", "")?;
                self.region(otherwise, depth + 1)?;
                writeln!(self.out, "{:indent$}}}", "")
            }
            Op::Loop { init, condition, body } => {
                let parameters = self.definitions(&condition.parameters);
                writeln!(self.out, "loop {} while {parameters} {{", list(init))?;
                self.region(condition, depth + 1)?;
                let parameters = self.definitions(&body.parameters);
                writeln!(self.out, "{:indent$}}} do {parameters} {{", "")?;
                self.region(body, depth + 1)?;
                writeln!(self.out, "{:indent$}}}", "")
            }
            op => {
                self.simple(op, &instruction.results)?;
                self.out.write_char('\n')
            }
        }
    }

    fn simple(&mut self, op: &Op, results: &[Value]) -> fmt::Result {
        let ty = results.first().and_then(|value| self.kernel.values.get(value.0 as usize));
        let slot = |slot: &SlotId| {
            let slot = self.kernel.slots.get(slot.0 as usize);
            slot.map_or_else(|| "?".to_owned(), |slot| slot.name.clone())
        };
        let text = match op {
            Op::Const(bits) => format!("const {}", constant(ty.copied(), *bits)),
            Op::Unary(op, x) => format!("{} {x}", name_of(UNARY, op)),
            Op::Binary(op, x, y) => format!("{} {x}, {y}", name_of(BINARY, op)),
            Op::Compare(op, x, y) => format!("{} {x}, {y}", name_of(COMPARE, op)),
            Op::Select(condition, x, y) => format!("select {condition}, {x}, {y}"),
            Op::Convert(x) => format!("convert {x}"),
            Op::Math(function, arguments) => {
                format!("math {} {}", math_name(*function), list(arguments))
            }
            Op::Random { function, key, element, timestep, draw, arguments } => {
                let name = name_of(RANDOM, function);
                let separator = if arguments.is_empty() { "" } else { ", " };
                let arguments = list(arguments);
                format!("random {name} {key}, {element}, {timestep}, {draw}{separator}{arguments}")
            }
            Op::Read(s) => format!("read {}", slot(s)),
            Op::Write(s, x) => format!("write {}, {x}", slot(s)),
            Op::Accumulate(s, x) => format!("accumulate {}, {x}", slot(s)),
            Op::AccumulateDelayed { slot: s, value, delay } => {
                format!("accumulate_delayed {}, {value}, {delay}", slot(s))
            }
            Op::ReadDelayed { slot: s, delay } => format!("read_delayed {}, {delay}", slot(s)),
            Op::Emit(s, x) => format!("emit {}, {x}", slot(s)),
            Op::AddressOf(s) => format!("address_of {}", slot(s)),
            Op::LoadPointer(p) => format!("load_pointer {p}"),
            Op::StorePointer(p, x) => format!("store_pointer {p}, {x}"),
            Op::LoadElement(s, i) => format!("load_element {}, {i}", slot(s)),
            Op::StoreElement(s, i, x) => format!("store_element {}, {i}, {x}", slot(s)),
            Op::AccumulateElement(s, i, x) => {
                format!("accumulate_element {}, {i}, {x}", slot(s))
            }
            Op::AtomicOr(p, x) => format!("atomic_or {p}, {x}"),
            Op::Print { format, arguments } => {
                let separator = if arguments.is_empty() { "" } else { ", " };
                format!("print {format:?}{separator}{}", list(arguments))
            }
            Op::Assert(x) => format!("assert {x}"),
            Op::If { .. } | Op::Loop { .. } => return Err(fmt::Error),
        };
        self.out.write_str(&text)
    }

    fn definitions(&self, values: &[Value]) -> String {
        let definition = |value: &Value| {
            let ty = self.kernel.values.get(value.0 as usize);
            format!("{value}: {}", ty.map_or("?", |ty| ty.name()))
        };
        values.iter().map(definition).collect::<Vec<_>>().join(", ")
    }
}

fn list(values: &[Value]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A number of a type as the parser reads it back to the same bits.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn constant_text(ty: Type, bits: u64) -> String {
    constant(Some(ty), bits)
}

/// A constant as the parser reads it back to the same bits.
fn constant(ty: Option<Type>, bits: u64) -> String {
    match ty {
        Some(Type::Bool) if bits <= 1 => (bits != 0).to_string(),
        Some(Type::F32) if f32::from_bits(bits as u32).is_finite() => {
            format!("{:?}", f32::from_bits(bits as u32))
        }
        Some(Type::F64) if f64::from_bits(bits).is_finite() => {
            format!("{:?}", f64::from_bits(bits))
        }
        Some(ty) if ty.is_signed() => sign_extend(ty, bits).to_string(),
        Some(ty) if ty.is_integer() => bits.to_string(),
        _ => format!("{bits:#x}"),
    }
}
