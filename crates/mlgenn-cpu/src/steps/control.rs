//! Branches and loops: their bodies run on the active lanes only, packed side by side.

use super::element::with_lanes;
use crate::simd::Simd;
use crate::tape::{Body, Branch, LoopPlan, Operand, Pack, Step, Vm};

/// Copy lanes: the one at `source(i)` to the one at `target(i)`.
#[inline(always)]
unsafe fn copy(
    vm: &Vm<'_>,
    pack: &Pack,
    count: usize,
    source: impl Fn(usize) -> usize,
    target: impl Fn(usize) -> usize,
) {
    if pack.to.step == 8 {
        let to = vm.at(pack.to).cast::<u64>();
        with_lanes!(vm, pack.from, u64, |lane| {
            (0..count).for_each(|i| *to.add(target(i)) = lane(source(i)));
        });
    } else {
        let to = vm.at(pack.to).cast::<u32>();
        with_lanes!(vm, pack.from, u32, |lane| {
            (0..count).for_each(|i| *to.add(target(i)) = lane(source(i)));
        });
    }
}

/// Gather lanes from the positions listed.
#[inline(always)]
unsafe fn gather<S: Simd>(vm: &Vm<'_>, pack: &Pack, count: usize, positions: *const u32) {
    if pack.to.step == 4 && pack.from.step == 4 {
        let (from, to) = (vm.at(pack.from).cast::<u32>(), vm.at(pack.to).cast::<u32>());
        let whole = count / S::LANES * S::LANES;
        for i in (0..whole).step_by(S::LANES) {
            S::store(to.add(i), S::gather(from, S::load(positions.add(i))));
        }
        for i in whole..count {
            *to.add(i) = *from.add(*positions.add(i) as usize);
        }
    } else {
        copy(vm, pack, count, |i| *positions.add(i) as usize, |i| i);
    }
}

/// Write the positions of the lanes whose mask is `wanted`; how many there are.
#[inline(always)]
unsafe fn active<S: Simd>(
    vm: &Vm<'_>,
    condition: Operand,
    wanted: bool,
    count: usize,
    positions: *mut u32,
) -> usize {
    let flip = if wanted { 0 } else { u32::MAX };
    let mut found = 0;
    let masks = vm.at(condition).cast::<u32>().cast_const();
    let stride = condition.step as usize;
    let mut first = 0;
    while first < count {
        let lanes = masks.byte_add(first * stride);
        let (loaded, lanes) = if first + S::LANES <= count {
            (S::LANES, S::load(lanes))
        } else {
            (count - first, S::load_partial(lanes, count - first))
        };
        let bits = (S::movemask(lanes) ^ flip) & ((1u32 << loaded) - 1);
        // Registers have room for a vector behind the last lane.
        found += S::store_positions(positions.add(found), first as u32, bits);
        first += loaded;
    }
    found
}

/// As [`active`], of bits that are clear behind the last lane.
#[inline(always)]
unsafe fn active_bits(words: *const u32, wanted: bool, count: usize, positions: *mut u32) -> usize {
    let mut found = 0;
    for first in (0..count).step_by(32) {
        let mut bits = *words.add(first / 32);
        if !wanted {
            let lanes = (count - first).min(32);
            bits = !bits & u32::MAX >> (32 - lanes);
        }
        while bits != 0 {
            *positions.add(found) = first as u32 + bits.trailing_zeros();
            found += 1;
            bits &= bits - 1;
        }
    }
    found
}

/// Runs a [`Branch`].
pub(crate) struct RunBranch;

impl Body for RunBranch {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let program = vm.program;
        let branch: &Branch = &program.branches[step.immediate as usize];
        let positions = vm.at(branch.positions).cast::<u32>();
        let found = match branch.bits {
            Some(bits) => active_bits(vm.at(bits).cast(), branch.wanted, count, positions),
            None => active::<S>(vm, branch.condition, branch.wanted, count, positions),
        };
        if found == 0 {
            return;
        }
        let lanes = vm.at(branch.lanes).cast::<u32>();
        for i in 0..found {
            *lanes.add(i) = vm.lane(*positions.add(i) as usize) as u32;
        }
        for pack in &branch.packs {
            if found == count && pack.from.step == 4 && pack.to.step == 4 {
                let from = vm.at(pack.from).cast::<u32>();
                vm.at(pack.to).cast::<u32>().copy_from_nonoverlapping(from, count);
            } else {
                gather::<S>(vm, pack, found, positions);
            }
        }
        let outer = std::mem::replace(&mut vm.lanes, lanes);
        vm.run(&branch.steps, found);
        vm.lanes = outer;
        let position = |i: usize| *positions.add(i) as usize;
        for result in &branch.results {
            if result.outer {
                copy(vm, result, found, position, position);
            } else {
                copy(vm, result, found, |i| i, position);
            }
        }
    }
}

/// Runs a [`LoopPlan`].
pub(crate) struct RunLoop;

impl Body for RunLoop {
    #[inline(always)]
    unsafe fn run<S: Simd>(vm: &mut Vm<'_>, step: &Step, count: usize) {
        let program = vm.program;
        let plan: &LoopPlan = &program.loops[step.immediate as usize];
        let positions = vm.at(plan.positions).cast::<u32>();
        let lanes = vm.at(plan.lanes).cast::<u32>();
        for i in 0..count {
            *positions.add(i) = i as u32;
            *lanes.add(i) = vm.lane(i) as u32;
        }
        for pack in &plan.packs {
            copy(vm, pack, count, |i| i, |i| i);
        }
        let outer = std::mem::replace(&mut vm.lanes, lanes);
        let mut running = count;
        while running > 0 && !vm.launch.watch.should_stop() {
            vm.run(&plan.condition_steps, running);
            running = retire(vm, plan, running, positions, lanes);
            if running == 0 {
                break;
            }
            vm.run(&plan.body_steps, running);
        }
        // Lanes that were stopped keep the parameters that they have.
        for result in &plan.results {
            copy(vm, result, running, |i| i, |i| *positions.add(i) as usize);
        }
        vm.lanes = outer;
    }
}

/// Write the results of the lanes whose condition fails, close the ranks of the others; how many
/// these are.
unsafe fn retire(
    vm: &Vm<'_>,
    plan: &LoopPlan,
    running: usize,
    positions: *mut u32,
    lanes: *mut u32,
) -> usize {
    let masks = vm.at(plan.condition).cast::<u32>();
    let stride = plan.condition.step as usize;
    let holds = |i: usize| *masks.byte_add(i * stride) != 0;
    let Some(first) = (0..running).find(|&i| !holds(i)) else { return running };
    for result in &plan.results {
        for i in (first..running).filter(|&i| !holds(i)) {
            let position = *positions.add(i) as usize;
            copy(vm, result, 1, |_| i, |_| position);
        }
    }
    // Everything that was packed closes ranks, and the numbers of the lanes.
    let kept = || (first..).zip((first..running).filter(|&i| holds(i)));
    for pack in &plan.packs {
        let within = Pack { from: pack.to, ..*pack };
        kept().for_each(|(to, from)| copy(vm, &within, 1, |_| from, |_| to));
    }
    for (to, from) in kept() {
        *positions.add(to) = *positions.add(from);
        *lanes.add(to) = *lanes.add(from);
    }
    first + kept().count()
}
