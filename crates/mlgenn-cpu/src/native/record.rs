//! A vector unit whose vectors are nodes of a graph: an operation written for any vector unit,
//! run on this one, writes down what it would do.
#![expect(unsafe_code, reason = "the functions of a vector unit are unsafe; none of these is")]
#![expect(unsafe_op_in_unsafe_fn, reason = "as above")]

use std::cell::{Cell, RefCell};

use super::graph::{Binary, Compare, Graph, Id, Unary};
use crate::simd::{Simd, Task};
use crate::steps::vector::VectorOp;
use crate::tape::{Body, Step, StepFn, Vm};

thread_local! {
    /// The graph that is being written.
    static GRAPH: RefCell<Graph> = RefCell::default();
    /// Whether something was asked for that cannot be written down.
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

/// Append an operation; its result, or nothing if it looks at single lanes.
pub(super) fn record(graph: &mut Graph, op: VectorOp, sources: [Id; 4]) -> Option<Id> {
    GRAPH.replace(std::mem::take(graph));
    FAILED.set(false);
    // SAFETY: this vector unit needs no instruction set.
    let result = unsafe { op.apply::<Record>(sources) };
    *graph = GRAPH.take();
    (!FAILED.get()).then_some(result)
}

fn with(make: impl FnOnce(&mut Graph) -> Id) -> Id {
    GRAPH.with_borrow_mut(make)
}

fn fail() -> Id {
    FAILED.set(true);
    0
}

/// The vector unit.
#[derive(Clone, Copy, Debug)]
struct Record;

macro_rules! unary {
    ($($name:ident $op:ident)*) => {$(
        unsafe fn $name(a: Id) -> Id {
            with(|graph| graph.unary(Unary::$op, a))
        }
    )*};
}

macro_rules! binary {
    ($method:ident $kind:ident: $($name:ident $op:ident)*) => {$(
        unsafe fn $name(a: Id, b: Id) -> Id {
            with(|graph| graph.$method($kind::$op, a, b))
        }
    )*};
}

impl Simd for Record {
    type V = Id;
    const LANES: usize = 1;

    unsafe fn load(_: *const u32) -> Id {
        fail()
    }
    unsafe fn store(_: *mut u32, _: Id) {
        fail();
    }
    unsafe fn load_partial(_: *const u32, _: usize) -> Id {
        fail()
    }
    unsafe fn store_partial(_: *mut u32, _: Id, _: usize) {
        fail();
    }
    unsafe fn gather(_: *const u32, _: Id) -> Id {
        fail()
    }
    unsafe fn movemask(_: Id) -> u32 {
        fail();
        0
    }
    unsafe fn mul_even_u32(_: Id, _: Id) -> Id {
        fail()
    }
    unsafe fn odd_to_even(_: Id) -> Id {
        fail()
    }
    unsafe fn even_to_odd(_: Id) -> Id {
        fail()
    }
    unsafe fn splat(bits: u32) -> Id {
        with(|graph| graph.splat(bits))
    }
    unsafe fn not(a: Id) -> Id {
        with(|graph| graph.not(a))
    }
    unsafe fn select(mask: Id, a: Id, b: Id) -> Id {
        with(|graph| graph.select(mask, a, b))
    }

    unary! {
        sqrt_f32 Sqrt
        floor_f32 Floor
        ceil_f32 Ceil
        trunc_f32 Trunc
        rint_f32 Rint
        f32_from_i32 F32FromI32
        i32_from_f32 I32FromF32
    }

    unsafe fn f32_from_u32(a: Id) -> Id {
        if GRAPH.with_borrow(Graph::has_masks) {
            return with(|graph| graph.unary(Unary::F32FromU32, a));
        }
        // As for AVX2: both halves are exact in `f32`; only their sum rounds.
        let high = Self::f32_from_i32(Self::shr(a, Self::splat(16)));
        let low = Self::f32_from_i32(Self::and(a, Self::splat(0xffff)));
        Self::add_f32(Self::mul_f32(high, Self::splat_f32(65536.0)), low)
    }

    binary! { binary Binary:
        add_f32 AddF32
        sub_f32 SubF32
        mul_f32 MulF32
        div_f32 DivF32
        min_f32 MinF32
        max_f32 MaxF32
        add_i32 AddI32
        sub_i32 SubI32
        mul_i32 MulI32
        and And
        or Or
        xor Xor
        shl ShiftLeft
        shr ShiftRight
        sar ShiftRightSigned
    }

    binary! { compare Compare:
        eq_f32 EqualF32
        ne_f32 NotEqualF32
        lt_f32 LessF32
        le_f32 LessEqualF32
        eq_i32 EqualI32
        lt_i32 LessI32
    }

    unsafe fn step<B: Body>() -> StepFn {
        unsafe fn nothing(_: &mut Vm<'_>, _: &Step, _: usize) {}
        nothing
    }

    unsafe fn enabled<T: Task>(task: T) -> T::Output {
        task.run::<Self>()
    }
}
