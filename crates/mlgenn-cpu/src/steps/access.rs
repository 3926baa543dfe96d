//! Loads from slots, stores to them and additions to them: where the operand cannot be used in
//! place.
//!
//! A step has the value of the lanes in `d` (loads) or `a` (the others), the slot in `b`, and the
//! delay or the index in `c`.

use std::marker::PhantomData;

use mlgenn_ir::Type;
use mlgenn_ir::launch::Pattern;

use super::element::{
    Bits8, Bits16, Bits32, Bits64, Boolean, Double, Element, Single, Sum, with_lanes,
};
use super::evaluate::raise_out_of_range;
use crate::simd::{MAX_LANES, Simd};
use crate::tape::{Body, Operand, Step, StepFn, Vm};

/// What is done with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Load,
    Store,
    Add,
}

/// How lanes find their elements, packed into the immediate of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: u16,
    pub(crate) pattern: Pattern,
    pub(crate) ring: Option<RingKind>,
}

/// The two kinds of rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RingKind {
    /// Delays lead to later slots.
    Accumulator,
    /// Delays lead to earlier slots.
    History,
}

impl Place {
    /// As an immediate.
    pub(crate) fn pack(self) -> u32 {
        let pattern = match self.pattern {
            Pattern::Uniform => 0,
            Pattern::Contiguous => 1,
            Pattern::Gather => 2,
            Pattern::Whole => 3,
        };
        let ring = match self.ring {
            None => 0,
            Some(RingKind::Accumulator) => 1,
            Some(RingKind::History) => 2,
        };
        u32::from(self.slot) | pattern << 16 | ring << 18
    }

    /// From an immediate.
    #[inline(always)]
    pub(crate) fn unpack(bits: u32) -> Self {
        let pattern = match bits >> 16 & 3 {
            0 => Pattern::Uniform,
            1 => Pattern::Contiguous,
            2 => Pattern::Gather,
            _ => Pattern::Whole,
        };
        let ring = match bits >> 18 & 3 {
            0 => None,
            1 => Some(RingKind::Accumulator),
            _ => Some(RingKind::History),
        };
        Self { slot: bits as u16, pattern, ring }
    }
}

/// An [`Action`] on one kind of element.
trait Act<E: Element> {
    const ACTION: Action;
    /// # Safety
    ///
    /// Both pointers must be good.
    unsafe fn act(memory: *mut E::Memory, lane: *mut E::Lane);
}

struct Load;
struct Store;
struct Add;

impl<E: Element> Act<E> for Load {
    const ACTION: Action = Action::Load;
    #[inline(always)]
    unsafe fn act(memory: *mut E::Memory, lane: *mut E::Lane) {
        *lane = E::load(*memory);
    }
}

impl<E: Element> Act<E> for Store {
    const ACTION: Action = Action::Store;
    #[inline(always)]
    unsafe fn act(memory: *mut E::Memory, lane: *mut E::Lane) {
        *memory = E::store(*lane);
    }
}

impl<E: Sum> Act<E> for Add {
    const ACTION: Action = Action::Add;
    #[inline(always)]
    unsafe fn act(memory: *mut E::Memory, lane: *mut E::Lane) {
        *memory = E::add(*memory, *lane);
    }
}

/// The operand with the values of the lanes.
#[inline(always)]
fn lanes_of<E: Element, A: Act<E>>(step: &Step) -> Operand {
    if A::ACTION == Action::Load { step.d } else { step.a }
}

/// Act on an element for each lane; `element` says which.
#[inline(always)]
unsafe fn each<E: Element, A: Act<E>>(
    vm: &Vm<'_>,
    operand: Operand,
    memory: *mut E::Memory,
    count: usize,
    element: impl Fn(usize) -> usize,
) {
    let lanes = vm.at(operand).cast::<E::Lane>();
    // Strides are known at compile time in both loops, or else compilers make gathers of them.
    if operand.is_uniform() {
        let mut shared = *lanes;
        (0..count).for_each(|i| A::act(memory.add(element(i)), &raw mut shared));
    } else {
        (0..count).for_each(|i| A::act(memory.add(element(i)), lanes.add(i)));
    }
}

/// Access to the element of each lane.
struct Lanes<E, A>(PhantomData<(E, A)>);

impl<E: Element, A: Act<E>> Body for Lanes<E, A> {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let place = Place::unpack(step.immediate);
        let operand = lanes_of::<E, A>(step);
        let mut memory = vm.at(step.b).cast::<E::Memory>();
        if let Some(kind) = place.ring {
            if !step.c.is_uniform() {
                rings::<E, A>(vm, step, place, kind, count);
                return;
            }
            memory = memory.add(due(vm, place, kind, *vm.at(step.c).cast()));
        }
        if A::ACTION == Action::Load && operand.is_uniform() {
            let lanes = vm.at(operand).cast::<E::Lane>();
            let copies = if size_of::<E::Lane>() == 4 { MAX_LANES } else { 1 };
            (0..copies).for_each(|lane| A::act(memory, lanes.add(lane)));
            return;
        }
        let indices = vm.binding(place.slot as usize).indices.as_ptr().wrapping_add(vm.first);
        let wide = size_of::<E::Memory>() == 4 && A::ACTION == Action::Load;
        let packed = vm.lanes;
        match place.pattern {
            Pattern::Contiguous if packed.is_null() => {
                each::<E, A>(vm, operand, memory, count, |i| i);
            }
            Pattern::Contiguous if wide => {
                gather::<S>(vm.at(operand).cast(), memory.cast(), packed, count);
            }
            Pattern::Contiguous => {
                each::<E, A>(vm, operand, memory, count, |i| *packed.add(i) as usize);
            }
            Pattern::Gather if packed.is_null() && wide => {
                gather::<S>(vm.at(operand).cast(), memory.cast(), indices, count);
            }
            Pattern::Gather if packed.is_null() => {
                each::<E, A>(vm, operand, memory, count, |i| *indices.add(i) as usize);
            }
            Pattern::Gather => {
                let element = |i: usize| *indices.add(*packed.add(i) as usize) as usize;
                each::<E, A>(vm, operand, memory, count, element);
            }
            Pattern::Uniform | Pattern::Whole => {
                each::<E, A>(vm, operand, memory, count, |_| 0);
            }
        }
    }
}

/// Distance from the first slot of the ring to the one that a delay leads to, in elements.
#[inline(always)]
fn due(vm: &Vm<'_>, place: Place, kind: RingKind, delay: u32) -> usize {
    let ring = vm.binding(place.slot as usize).ring;
    let (slots, current) = (i64::from(ring.slots), i64::from(ring.current));
    let slot = match kind {
        RingKind::Accumulator => (current + i64::from(delay)) % slots,
        RingKind::History => (current - i64::from(delay as i32)).rem_euclid(slots),
    };
    slot as usize * ring.stride
}

/// Access with a delay of its own for each lane.
unsafe fn rings<E: Element, A: Act<E>>(
    vm: &Vm<'_>,
    step: &Step,
    place: Place,
    kind: RingKind,
    count: usize,
) {
    let memory = vm.at(step.b).cast::<E::Memory>();
    let delays = vm.at(step.c).cast::<u32>();
    let indices = vm.binding(place.slot as usize).indices.as_ptr().wrapping_add(vm.first);
    each::<E, A>(vm, lanes_of::<E, A>(step), memory, count, |i| {
        let element = match place.pattern {
            Pattern::Contiguous => vm.lane(i),
            Pattern::Gather => *indices.add(vm.lane(i)) as usize,
            Pattern::Uniform | Pattern::Whole => 0,
        };
        element + due(vm, place, kind, *delays.add(i))
    });
}

/// Gather 32-bit elements.
#[inline(always)]
unsafe fn gather<S: Simd>(d: *mut u32, memory: *const u32, indices: *const u32, count: usize) {
    let whole = count / S::LANES * S::LANES;
    for i in (0..whole).step_by(S::LANES) {
        S::store(d.add(i), S::gather(memory, S::load(indices.add(i))));
    }
    for i in whole..count {
        *d.add(i) = *memory.add(*indices.add(i) as usize);
    }
}

/// A kind of index of array elements.
trait Index {
    type Lane: Copy;
    fn index(lane: Self::Lane) -> i64;
}

/// `i64`.
struct Wide;
/// `i32`.
struct Signed;
/// `u32`, or a smaller unsigned number.
struct Unsigned;

impl Index for Wide {
    type Lane = i64;
    #[inline(always)]
    fn index(lane: i64) -> i64 {
        lane
    }
}

impl Index for Signed {
    type Lane = i32;
    #[inline(always)]
    fn index(lane: i32) -> i64 {
        i64::from(lane)
    }
}

impl Index for Unsigned {
    type Lane = u32;
    #[inline(always)]
    fn index(lane: u32) -> i64 {
        i64::from(lane)
    }
}

/// Access to an array at the index of each lane, checked.
struct Indexed<E, A, I>(PhantomData<(E, A, I)>);

impl<E: Element, A: Act<E>, I: Index> Body for Indexed<E, A, I> {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let slot = step.immediate as usize;
        let length = vm.binding(slot).length as u64;
        let memory = vm.at(step.b).cast::<E::Memory>();
        let operand = lanes_of::<E, A>(step);
        let lanes = vm.at(operand).cast::<E::Lane>();
        let shared = operand.is_uniform();
        with_lanes!(vm, step.c, I::Lane, |index| {
            for position in 0..count {
                let i = I::index(index(position));
                let lane = if shared { lanes } else { lanes.add(position) };
                if (i as u64) < length {
                    A::act(memory.add(i as usize), lane);
                } else {
                    if A::ACTION == Action::Load {
                        *lane = E::Lane::default();
                    }
                    raise_out_of_range(vm, slot, i);
                }
            }
        });
    }
}

/// Step of access to the element of each lane.
pub(crate) fn lanes<S: Simd>(ty: Type, action: Action) -> StepFn {
    fn steps<S: Simd, E: Sum>(action: Action) -> StepFn {
        // SAFETY: a step is only run where its instruction set is.
        unsafe {
            match action {
                Action::Load => S::step::<Lanes<E, Load>>(),
                Action::Store => S::step::<Lanes<E, Store>>(),
                Action::Add => S::step::<Lanes<E, Add>>(),
            }
        }
    }
    match ty {
        Type::Bool => steps::<S, Boolean>(action),
        Type::I8 | Type::U8 => steps::<S, Bits8>(action),
        Type::I16 | Type::U16 => steps::<S, Bits16>(action),
        Type::I32 | Type::U32 => steps::<S, Bits32>(action),
        Type::F32 => steps::<S, Single>(action),
        Type::I64 | Type::U64 | Type::Ptr => steps::<S, Bits64>(action),
        Type::F64 => steps::<S, Double>(action),
    }
}

/// Step of access to an array at an index of type `index`.
pub(crate) fn indexed<S: Simd>(ty: Type, index: Type, action: Action) -> StepFn {
    fn steps<S: Simd, E: Sum, I: Index>(action: Action) -> StepFn {
        // SAFETY: a step is only run where its instruction set is.
        unsafe {
            match action {
                Action::Load => S::step::<Indexed<E, Load, I>>(),
                Action::Store => S::step::<Indexed<E, Store, I>>(),
                Action::Add => S::step::<Indexed<E, Add, I>>(),
            }
        }
    }
    fn by_index<S: Simd, E: Sum>(index: Type, action: Action) -> StepFn {
        match index {
            Type::I32 => steps::<S, E, Signed>(action),
            Type::U32 | Type::U16 | Type::U8 => steps::<S, E, Unsigned>(action),
            _ => steps::<S, E, Wide>(action),
        }
    }
    match ty {
        Type::Bool => by_index::<S, Boolean>(index, action),
        Type::I8 | Type::U8 => by_index::<S, Bits8>(index, action),
        Type::I16 | Type::U16 => by_index::<S, Bits16>(index, action),
        Type::I32 | Type::U32 => by_index::<S, Bits32>(index, action),
        Type::F32 => by_index::<S, Single>(index, action),
        Type::I64 | Type::U64 | Type::Ptr => by_index::<S, Bits64>(index, action),
        Type::F64 => by_index::<S, Double>(index, action),
    }
}
