//! Runs of steps that became machine code.

use crate::simd::Simd;
use crate::tape::{Body, Step, Vm};

/// Runs the function of a run.
pub(crate) struct RunNative;

impl Body for RunNative {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        if let Some(code) = &vm.program.native {
            vm.call(code.function(step.immediate as usize), count);
        }
    }
}
