//! Elements as they lie in memory and in registers.
//!
//! In registers, integers of up to 32 bits are zero-extended to 32, `bool` is a mask.

use mlgenn_ir::Type;

/// A kind of element in memory.
pub(crate) trait Element {
    /// In memory.
    type Memory: Copy + Default + PartialEq;
    /// In a register.
    type Lane: Copy + Default;
    /// To a register.
    fn load(memory: Self::Memory) -> Self::Lane;
    /// From a register.
    fn store(lane: Self::Lane) -> Self::Memory;
}

macro_rules! integers {
    ($($(#[$doc:meta])* $name:ident $memory:ty, $lane:ty;)*) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;
            impl Element for $name {
                type Memory = $memory;
                type Lane = $lane;
                #[inline(always)]
                fn load(memory: $memory) -> $lane {
                    memory.into()
                }
                #[inline(always)]
                fn store(lane: $lane) -> $memory {
                    lane as $memory
                }
            }
        )*
    };
}

integers! {
    /// 8 bits that are no `bool`.
    Bits8 u8, u32;
    /// 16 bits.
    Bits16 u16, u32;
    /// 32 bits.
    Bits32 u32, u32;
    /// 64 bits.
    Bits64 u64, u64;
}

/// `bool`.
pub(crate) struct Boolean;

impl Element for Boolean {
    type Memory = u8;
    type Lane = u32;
    #[inline(always)]
    fn load(memory: u8) -> u32 {
        if memory == 0 { 0 } else { u32::MAX }
    }
    #[inline(always)]
    fn store(lane: u32) -> u8 {
        (lane & 1) as u8
    }
}

/// Elements that can be added to.
pub(crate) trait Sum: Element {
    fn add(memory: Self::Memory, lane: Self::Lane) -> Self::Memory;
}

macro_rules! wrapping {
    ($($name:ident)*) => {
        $(impl Sum for $name {
            #[inline(always)]
            fn add(memory: Self::Memory, lane: Self::Lane) -> Self::Memory {
                memory.wrapping_add(Self::store(lane))
            }
        })*
    };
}
wrapping! { Bits8 Bits16 Bits32 Bits64 Boolean }

macro_rules! floats {
    ($($(#[$doc:meta])* $name:ident $float:ty, $bits:ty;)*) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;
            impl Element for $name {
                type Memory = $bits;
                type Lane = $bits;
                #[inline(always)]
                fn load(memory: $bits) -> $bits {
                    memory
                }
                #[inline(always)]
                fn store(lane: $bits) -> $bits {
                    lane
                }
            }
            impl Sum for $name {
                #[inline(always)]
                fn add(memory: $bits, lane: $bits) -> $bits {
                    (<$float>::from_bits(memory) + <$float>::from_bits(lane)).to_bits()
                }
            }
        )*
    };
}

floats! {
    /// `f32`.
    Single f32, u32;
    /// `f64`.
    Double f64, u64;
}

/// Bits of a lane of a register as the interpreter has them.
///
/// # Safety
///
/// There must be a lane.
#[inline(always)]
pub(crate) unsafe fn lane_bits(ty: Type, lane: *const u8) -> u64 {
    match ty {
        Type::Bool => u64::from(*lane.cast::<u32>() & 1),
        _ if ty.bytes() == 8 => *lane.cast::<u64>(),
        _ => u64::from(*lane.cast::<u32>()),
    }
}

/// Set a lane of a register.
///
/// # Safety
///
/// There must be a lane.
#[inline(always)]
pub(crate) unsafe fn set_lane_bits(ty: Type, lane: *mut u8, bits: u64) {
    match ty {
        Type::Bool => *lane.cast::<u32>() = 0u32.wrapping_sub(bits as u32 & 1),
        _ if ty.bytes() == 8 => *lane.cast::<u64>() = bits,
        _ => *lane.cast::<u32>() = bits as u32,
    }
}

/// Evaluates an expression with a function that gives the lanes of an operand; the code is made
/// twice, for operands with a number per lane and for those that all lanes share. With strides
/// that are only known when the code runs, compilers make slow gathers of such loops.
macro_rules! with_lanes {
    ($vm:expr, $operand:expr, $lane:ty, |$get:ident| $body:expr) => {{
        let pointer = $vm.at($operand).cast::<$lane>().cast_const();
        if $operand.is_uniform() {
            let shared = *pointer;
            let $get = move |_: usize| shared;
            $body
        } else {
            let $get = move |position: usize| *pointer.add(position);
            $body
        }
    }};
}
pub(super) use with_lanes;
