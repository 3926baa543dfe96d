//! Operations evaluated lane by lane with the scalar functions of the IR: whatever has no vector
//! form.

use mlgenn_ir::launch::Fault;
use mlgenn_ir::{SlotKind, Type, evaluate, math, print, random};

use super::element::{lane_bits, set_lane_bits};
use crate::simd::{MAX_LANES, Simd};
use crate::tape::{Body, Detail, DetailKind, Step, Vm};

/// The most arguments of an operation but `Print`.
const MAX_ARGUMENTS: usize = 6;

/// The step of a [`Detail`].
pub(crate) struct Evaluate;

impl Body for Evaluate {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        run(vm, step, count)
    }
}

unsafe fn run(vm: &mut Vm<'_>, step: &Step, count: usize) {
    let program = vm.program;
    let detail = &program.details[step.immediate as usize];
    if let DetailKind::Print(format) = &detail.kind {
        for position in 0..count {
            let value = |&(operand, ty)| {
                let lane = vm.at(operand).add(position * operand.step as usize);
                (ty, unsafe { lane_bits(ty, lane) })
            };
            let values: Vec<_> = detail.arguments.iter().map(value).collect();
            print::print(format, &values);
        }
        return;
    }
    let shared = detail.result.is_some() && step.d.is_uniform();
    let d = vm.at(step.d);
    let mut arguments = [0; MAX_ARGUMENTS];
    for position in 0..if shared { 1 } else { count } {
        for (argument, &(operand, ty)) in arguments.iter_mut().zip(&detail.arguments) {
            *argument = lane_bits(ty, vm.at(operand).add(position * operand.step as usize));
        }
        let bits = evaluate(vm, detail, &arguments[..detail.arguments.len()]);
        if let Some(ty) = detail.result {
            set_lane_bits(ty, d.add(position * step.d.step as usize), bits);
        }
    }
    if shared && detail.result.is_some_and(|ty| ty.bytes() < 8) {
        let d = d.cast::<u32>();
        for lane in 1..MAX_LANES {
            *d.add(lane) = *d;
        }
    }
}

/// Evaluate an operation; the bits of its result, if it has one.
fn evaluate(vm: &Vm<'_>, detail: &Detail, arguments: &[u64]) -> u64 {
    let ty = detail.arguments.first().map_or(Type::U32, |&(_, ty)| ty);
    let result = detail.result.unwrap_or(Type::U32);
    match &detail.kind {
        DetailKind::Unary(op) => evaluate::unary(*op, ty, arguments[0]),
        DetailKind::Binary(op) => evaluate::binary(*op, ty, arguments[0], arguments[1]),
        DetailKind::Compare(op) => {
            u64::from(evaluate::compare(*op, ty, arguments[0], arguments[1]))
        }
        DetailKind::Select => arguments[if arguments[0] != 0 { 1 } else { 2 }],
        DetailKind::Convert => evaluate::convert(ty, result, arguments[0]),
        DetailKind::Math(function) => math::evaluate(*function, ty, arguments),
        DetailKind::Random(function) => {
            let position = random::Position {
                key: arguments[0],
                element: arguments[1],
                timestep: arguments[2] as u32,
                draw: arguments[3] as u32,
            };
            // The last argument has the type of the numbers, if there is any.
            let scalar = detail.arguments[4..].last().map_or(result, |&(_, ty)| ty);
            random::evaluate(*function, scalar, position, &arguments[4..])
        }
        DetailKind::LoadPointer => {
            let bits = follow(vm, arguments[0], result, false)
                .and_then(|(slot, element)| vm.binding(slot).buffer.load(element))
                .unwrap_or(0);
            if result == Type::Bool { u64::from(bits != 0) } else { bits }
        }
        DetailKind::StorePointer => {
            let value = detail.arguments[1].1;
            if let Some((slot, element)) = follow(vm, arguments[0], value, true) {
                vm.binding(slot).buffer.store(element, arguments[1]);
            }
            0
        }
        DetailKind::AtomicOr => {
            if let Some((slot, element)) = follow(vm, arguments[0], Type::U32, true) {
                let buffer = vm.binding(slot).buffer;
                buffer.store(element, buffer.load(element).unwrap_or(0) | arguments[1]);
            }
            0
        }
        DetailKind::Assert => {
            if arguments[0] == 0 {
                let kernel = vm.program.kernel.name.clone();
                vm.launch.watch.raise(Fault::AssertionFailed { kernel });
            }
            0
        }
        DetailKind::Print(_) => 0,
    }
}

/// Slot and element of the buffer that a pointer to values of type `ty` points to; a fault if
/// there is none. Types of the same width reach each other's bits.
fn follow(vm: &Vm<'_>, pointer: u64, ty: Type, write: bool) -> Option<(usize, usize)> {
    let (slot, index) = evaluate::split_pointer(pointer);
    let slot = slot as usize;
    let good = vm.program.kernel.slots.get(slot).is_some_and(|slot| {
        matches!(slot.kind, SlotKind::Array { writable } if writable || !write)
            && slot.ty.bytes() == ty.bytes()
    });
    if !good {
        vm.launch.watch.raise(Fault::BadPointer { kernel: vm.program.kernel.name.clone() });
        return None;
    }
    let operand = vm.binding(slot);
    match usize::try_from(index) {
        Ok(element) if element < operand.length => Some((slot, operand.offset + element)),
        _ => {
            raise_out_of_range(vm, slot, index);
            None
        }
    }
}

/// Report an index outside of an array.
#[cold]
pub(crate) fn raise_out_of_range(vm: &Vm<'_>, slot: usize, index: i64) {
    let kernel = &vm.program.kernel;
    vm.launch.watch.raise(Fault::IndexOutOfRange {
        kernel: kernel.name.clone(),
        array: kernel.slots[slot].name.clone(),
        index,
        length: vm.binding(slot).length,
    });
}
