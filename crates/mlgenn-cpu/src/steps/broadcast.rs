//! Variables that all lanes share, read at the start of a launch.

use crate::simd::{MAX_LANES, Simd};
use crate::tape::{Body, Step, Vm};

/// Read all 32-bit variables that all lanes share and that nothing writes.
pub(crate) struct Broadcast;

impl Body for Broadcast {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, _: &Step, _: usize) {
        for &(from, to) in &vm.program.broadcasts {
            let v = S::splat(*vm.at(from).cast::<u32>());
            let to = vm.at(to).cast::<u32>();
            for lane in (0..MAX_LANES).step_by(S::LANES) {
                S::store(to.add(lane), v);
            }
        }
    }
}
