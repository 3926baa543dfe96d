//! Events: one bit per lane.

use crate::simd::Simd;
use crate::tape::{Body, Step, Vm};

/// Set the bits `d` to the masks `a`, clearing those of the last word that have no lane.
pub(crate) struct Emit;

impl Body for Emit {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let words = vm.at(step.d).cast::<u32>();
        let masks = vm.at(step.a).cast::<u32>().cast_const();
        let stride = step.a.step as usize;
        for first in (0..count).step_by(32) {
            let mut word = 0;
            let mut position = first;
            while position < count.min(first + 32) {
                let lanes = masks.byte_add(position * stride);
                let lanes = if position + S::LANES <= count {
                    S::load(lanes)
                } else {
                    S::load_partial(lanes, count - position)
                };
                word |= S::movemask(lanes) << (position - first);
                position += S::LANES;
            }
            *words.add(first / 32) = word;
        }
    }
}
