//! Sums over all lanes of a launch in the order of [`mlgenn_ir::launch::LaneSum`].
//!
//! The 16 partial sums lie among the numbers that lanes share.

use std::marker::PhantomData;

use mlgenn_ir::Type;

use super::element::{Bits8, Bits16, Bits32, Bits64, Boolean, Double, Single, Sum, with_lanes};
use crate::simd::Simd;
use crate::tape::{Body, Step, StepFn, Vm};

/// Partial sums of one instruction.
pub(crate) const PARTIALS: usize = 16;

/// Add the lanes of `a` to the partial sums `d`.
struct AddLanes<E>(PhantomData<E>);

/// How partial sums are kept: in the width of lanes.
trait Partial: Sum {
    /// Sum of a partial sum and a lane, or of two partial sums.
    fn add_partial(partial: Self::Lane, lane: Self::Lane) -> Self::Lane;
}

macro_rules! integer_partials {
    ($($name:ident)*) => {
        $(impl Partial for $name {
            #[inline(always)]
            fn add_partial(partial: Self::Lane, lane: Self::Lane) -> Self::Lane {
                // The bits above those in memory do not matter.
                partial.wrapping_add(lane)
            }
        })*
    };
}
integer_partials! { Bits8 Bits16 Bits32 Bits64 }

impl Partial for Boolean {
    #[inline(always)]
    fn add_partial(partial: u32, lane: u32) -> u32 {
        partial.wrapping_add(lane & 1)
    }
}

impl Partial for Single {
    #[inline(always)]
    fn add_partial(partial: u32, lane: u32) -> u32 {
        Self::add(partial, lane)
    }
}

impl Partial for Double {
    #[inline(always)]
    fn add_partial(partial: u64, lane: u64) -> u64 {
        Self::add(partial, lane)
    }
}

impl<E: Partial> Body for AddLanes<E> {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let partials = vm.at(step.d).cast::<E::Lane>();
        with_lanes!(vm, step.a, E::Lane, |lane| {
            for position in 0..count {
                // Blocks start at multiples of 16 lanes.
                let partial = partials.add(vm.lane(position) % PARTIALS);
                *partial = E::add_partial(*partial, lane(position));
            }
        });
    }
}

/// The same for `f32` lanes that are all there.
struct AddF32;

impl Body for AddF32 {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let partials = vm.at(step.d).cast::<u32>();
        let lanes = vm.at(step.a).cast::<u32>().cast_const();
        let stride = step.a.step as usize;
        for part in (0..PARTIALS).step_by(S::LANES) {
            let mut sum = S::load(partials.add(part));
            let mut position = part;
            while position + S::LANES <= count {
                sum = S::add_f32(sum, S::load(lanes.byte_add(position * stride)));
                position += PARTIALS;
            }
            if position < count {
                // Missing lanes count as 0, which changes no partial sum: none is ever -0.
                let rest = S::load_partial(lanes.byte_add(position * stride), count - position);
                sum = S::add_f32(sum, rest);
            }
            S::store(partials.add(part), sum);
        }
    }
}

/// Add the sum of the partial sums `a` to the element of the slot `b`.
struct Finish<E>(PhantomData<E>);

impl<E: Partial> Body for Finish<E> {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, _: usize) {
        let partials = vm.at(step.a).cast::<E::Lane>();
        let mut half = PARTIALS / 2;
        while half > 0 {
            for i in 0..half {
                let upper = *partials.add(i + half);
                let lower = partials.add(i);
                *lower = E::add_partial(*lower, upper);
            }
            half /= 2;
        }
        // No lane may have got there: a negative zero in memory must stay then.
        if E::store(*partials) != E::Memory::default() {
            let memory = vm.at(step.b).cast::<E::Memory>();
            *memory = E::add(*memory, *partials);
        }
    }
}

/// Step that adds lanes of that type; whether all lanes of the block are there.
pub(crate) fn add_lanes<S: Simd>(ty: Type, all: bool) -> StepFn {
    // SAFETY: a step is only run where its instruction set is.
    unsafe {
        match ty {
            Type::F32 if all => S::step::<AddF32>(),
            Type::F32 => S::step::<AddLanes<Single>>(),
            Type::F64 => S::step::<AddLanes<Double>>(),
            Type::Bool => S::step::<AddLanes<Boolean>>(),
            Type::I8 | Type::U8 => S::step::<AddLanes<Bits8>>(),
            Type::I16 | Type::U16 => S::step::<AddLanes<Bits16>>(),
            Type::I32 | Type::U32 => S::step::<AddLanes<Bits32>>(),
            Type::I64 | Type::U64 | Type::Ptr => S::step::<AddLanes<Bits64>>(),
        }
    }
}

/// Step that adds a sum of that type to its element.
pub(crate) fn finish<S: Simd>(ty: Type) -> StepFn {
    // SAFETY: a step is only run where its instruction set is.
    unsafe {
        match ty {
            Type::F32 => S::step::<Finish<Single>>(),
            Type::F64 => S::step::<Finish<Double>>(),
            // The partial sums of `bool` are numbers of 8 bits.
            Type::Bool | Type::I8 | Type::U8 => S::step::<Finish<Bits8>>(),
            Type::I16 | Type::U16 => S::step::<Finish<Bits16>>(),
            Type::I32 | Type::U32 => S::step::<Finish<Bits32>>(),
            Type::I64 | Type::U64 | Type::Ptr => S::step::<Finish<Bits64>>(),
        }
    }
}
