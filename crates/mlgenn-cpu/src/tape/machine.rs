//! Running a compiled kernel: the pointers behind operands, and the scratch memory.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{NonNull, null, null_mut};

use mlgenn_ir::SlotKind;
use mlgenn_ir::launch::{
    self, BLOCK_LANES, Launch, Program, Repeated, Watch, check_operands, launch_each_row,
};

use super::assemble::{Options, assemble};
use super::program::{ArrayAccesses, BlockProgram};
use super::{Operand, Step};
use crate::simd::{MAX_LANES, Simd, Task};
use crate::steps::evaluate::raise_out_of_range;

/// What steps work on.
pub(crate) struct Vm<'a> {
    /// Pointers by the base of operands.
    bases: *const *mut u8,
    pub(crate) program: &'a BlockProgram,
    pub(crate) launch: &'a Launch<'a>,
    /// Number of the first lane of the block.
    pub(crate) first: usize,
    /// Number of each lane of the frame in the block; null if all lanes are there in order.
    pub(crate) lanes: *const u32,
}

impl Vm<'_> {
    /// Address of an operand.
    ///
    /// # Safety
    ///
    /// The operand must be one of the program.
    #[inline(always)]
    pub(crate) unsafe fn at(&self, operand: Operand) -> *mut u8 {
        // SAFETY: the program has only bases that the launch has set, and offsets inside.
        unsafe { (*self.bases.add(operand.base as usize)).add(operand.offset as usize) }
    }

    /// Number in the block of the lane at a position of the frame.
    ///
    /// # Safety
    ///
    /// The frame must have the position.
    #[inline(always)]
    pub(crate) unsafe fn lane(&self, position: usize) -> usize {
        if self.lanes.is_null() {
            position
        } else {
            // SAFETY: the list has one entry per position.
            unsafe { *self.lanes.add(position) as usize }
        }
    }

    /// Run a tape.
    ///
    /// # Safety
    ///
    /// The tape must be of the program and the frame have that many lanes.
    #[inline(always)]
    pub(crate) unsafe fn run(&mut self, steps: &[Step], count: usize) {
        for step in steps {
            // SAFETY: promised by the caller.
            unsafe { (step.run)(self, step, count) }
        }
    }

    /// Call machine code.
    ///
    /// # Safety
    ///
    /// As for [`super::StepFn`].
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) unsafe fn call(&self, function: crate::native::Function, count: usize) {
        // SAFETY: promised by the caller.
        unsafe { function(self.bases, count) }
    }

    /// How a slot is bound.
    pub(crate) fn binding(&self, slot: usize) -> &mlgenn_ir::launch::Operand<'_> {
        &self.launch.operands[slot]
    }
}

/// Scratch memory of a thread.
struct Arena {
    pointer: NonNull<u8>,
    bytes: usize,
}

const ALIGNMENT: usize = 64;

impl Arena {
    fn new(bytes: usize) -> Self {
        let bytes = bytes.next_power_of_two().max(64 * 1024);
        // The size is that of the registers of a kernel: far from overflow.
        let layout = unsafe { Layout::from_size_align_unchecked(bytes, ALIGNMENT) };
        // SAFETY: the size is not zero.
        let Some(pointer) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            handle_alloc_error(layout)
        };
        Self { pointer, bytes }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `new`.
        unsafe {
            let layout = Layout::from_size_align_unchecked(self.bytes, ALIGNMENT);
            dealloc(self.pointer.as_ptr(), layout);
        }
    }
}

thread_local! {
    /// Empty while a launch uses it.
    static ARENA: Cell<Option<Arena>> = const { Cell::new(None) };
}

fn round_up(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

impl Program for BlockProgram {
    fn launch(&self, launch: &Launch<'_>) {
        if !self.bindings.fit(self.level, launch)
            && let Err(fault) = check_operands(&self.kernel, &self.patterns, launch)
        {
            launch.watch.raise(fault);
            return;
        }
        if launch.lanes == 0 {
            return;
        }
        if self.needs_care(launch) {
            self.careful().launch(launch);
            return;
        }
        // SAFETY: the operands were checked.
        unsafe { self.run_at(launch, self.addresses(launch)) };
    }

    fn repeat<'a>(
        &'a self,
        lanes: usize,
        operands: Vec<launch::Operand<'a>>,
        watch: &'a Watch,
    ) -> Repeated<'a> {
        let launch = Launch { lanes, operands: &operands, watch };
        let fits = self.bindings.fit(self.level, &launch);
        if lanes == 0 || !fits || self.needs_care(&launch) {
            return Box::new(move || self.launch(&Launch { lanes, operands: &operands, watch }));
        }
        // SAFETY: the operands were checked.
        let addresses: Vec<_> = unsafe { self.addresses(&launch) }.collect();
        Box::new(move || {
            let launch = Launch { lanes, operands: &operands, watch };
            // SAFETY: these are the addresses of these operands, whose buffers and indices are
            // borrowed and stay as they are.
            unsafe { self.run_at(&launch, addresses.iter().copied()) };
        })
    }

    fn launch_rows(&self, launch: &Launch<'_>, steps: &[usize], rows: &[u32]) {
        let Some(largest) = rows.iter().max() else { return };
        let moves_array = self.kernel.slots.iter().zip(steps).any(|(slot, step)| {
            matches!(slot.kind, SlotKind::Array { .. } | SlotKind::Events) && *step != 0
        });
        if moves_array || steps.len() < launch.operands.len() {
            // Pointers count from the offset of the operand.
            launch_each_row(launch, steps, rows, |launch| self.launch(launch));
            return;
        }
        // Offsets grow with the row: if the largest row fits, so do the others.
        let mut operands = launch.operands.to_vec();
        for (operand, step) in operands.iter_mut().zip(steps) {
            let offset = step.saturating_mul(*largest as usize);
            operand.offset = operand.offset.saturating_add(offset);
        }
        let last = Launch { operands: &operands, ..*launch };
        if !self.bindings.fit(self.level, &last)
            && let Err(fault) = check_operands(&self.kernel, &self.patterns, &last)
        {
            launch.watch.raise(fault);
            return;
        }
        if launch.lanes == 0 {
            return;
        }
        if self.needs_care(launch) {
            self.careful().launch_rows(launch, steps, rows);
            return;
        }
        let base_bytes = self.base_bytes();
        let needed = base_bytes + self.uniform_bytes + self.register_bytes;
        let arena = ARENA.take().filter(|arena| arena.bytes >= needed);
        let arena = arena.unwrap_or_else(|| Arena::new(needed));
        // SAFETY: the operands of the largest row were checked, those of the others lie before
        // them and after those of the launch; the arena is large enough.
        unsafe {
            let bases = self.start(arena.pointer.as_ptr(), base_bytes);
            let slots = bases.add(Operand::SLOTS as usize);
            let first: Vec<(*mut u8, usize)> = launch
                .operands
                .iter()
                .zip(steps)
                .zip(self.bindings.element_bytes())
                .map(|((operand, step), width)| {
                    (operand.buffer.as_ptr().add(operand.offset * width), step * width)
                })
                .collect();
            for &row in rows {
                for (slot, (pointer, step)) in first.iter().enumerate() {
                    slots.add(slot).write(pointer.add(step * row as usize));
                }
                self.run(launch, bases);
            }
            bases.write(null_mut());
        }
        ARENA.set(Some(arena));
    }
}

impl BlockProgram {
    /// Whether a launch has what the program takes for granted that there is not.
    fn needs_care(&self, launch: &Launch<'_>) -> bool {
        let operand = |slot: usize| &launch.operands[slot];
        let too_long = |arrays: &ArrayAccesses| {
            let mut lengths = arrays.lengths.iter().map(|&(slot, _)| operand(slot).length);
            lengths.any(|length| length > ArrayAccesses::LONGEST)
        };
        let gathered = self.lists.iter().map(|&slot| operand(slot as usize).buffer.len());
        self.bindings.share_memory(launch)
            || self.arrays.as_ref().is_some_and(too_long)
            || gathered.max() > Some(ArrayAccesses::LONGEST)
    }

    /// The program for launches that need care.
    fn careful(&self) -> &Self {
        let careful =
            || Box::new(assemble(&self.kernel, &self.patterns, self.level, Options::careful()));
        self.careful.get_or_init(careful)
    }

    /// Bytes for the bases of operands.
    fn base_bytes(&self) -> usize {
        round_up((Operand::SLOTS as usize + 2 * self.patterns.len()) * 8)
    }

    /// Where the operands of a launch start.
    ///
    /// # Safety
    ///
    /// They must have been checked.
    unsafe fn addresses(&self, launch: &Launch<'_>) -> impl Iterator<Item = *mut u8> {
        let operands = launch.operands.iter().zip(self.bindings.element_bytes());
        // SAFETY: offsets are inside of the buffers.
        operands
            .map(|(operand, bytes)| unsafe { operand.buffer.as_ptr().add(operand.offset * bytes) })
    }

    /// Run the tape for operands that start at some addresses.
    ///
    /// # Safety
    ///
    /// The operands must have been checked, and the addresses be theirs.
    unsafe fn run_at(&self, launch: &Launch<'_>, addresses: impl Iterator<Item = *mut u8>) {
        let base_bytes = self.base_bytes();
        let needed = base_bytes + self.uniform_bytes + self.register_bytes;
        let arena = ARENA.take().filter(|arena| arena.bytes >= needed);
        let arena = arena.unwrap_or_else(|| Arena::new(needed));
        // SAFETY: promised by the caller, and the arena is large enough.
        unsafe {
            let bases = self.start(arena.pointer.as_ptr(), base_bytes);
            let mut slot = bases.add(Operand::SLOTS as usize);
            for address in addresses {
                slot.write(address);
                slot = slot.add(1);
            }
            self.run(launch, bases);
            bases.write(null_mut());
        }
        ARENA.set(Some(arena));
    }

    /// Lay out an arena: everything but the bases of slots.
    ///
    /// # Safety
    ///
    /// The arena must have the bytes that the program needs.
    unsafe fn start(&self, arena: *mut u8, base_bytes: usize) -> *mut *mut u8 {
        let bases = arena.cast::<*mut u8>();
        // SAFETY: the parts of the arena follow one another.
        unsafe {
            let uniforms = arena.add(base_bytes);
            bases.write(uniforms.add(self.uniform_bytes));
            bases.add(Operand::UNIFORMS as usize).write(uniforms);
            let constants = self.constants.as_ptr().cast_mut().cast();
            bases.add(Operand::CONSTANTS as usize).write(constants);
        }
        bases
    }

    /// Run the tape for all lanes.
    ///
    /// # Safety
    ///
    /// The operands must have been checked, and the bases be set.
    unsafe fn run(&self, launch: &Launch<'_>, bases: *mut *mut u8) {
        // SAFETY: slots have one base each, and offsets are inside their buffers.
        unsafe {
            let uniforms = *bases.add(Operand::UNIFORMS as usize);
            for range in &self.zeroed {
                uniforms.add(range.start).write_bytes(0, range.len());
            }
            let lists = bases.add(Operand::SLOTS as usize + self.patterns.len());
            for &slot in &self.lists {
                let list = launch.operands[slot as usize].indices.as_ptr();
                lists.add(slot as usize).write(list.cast_mut().cast());
            }
            if let Some(arrays) = &self.arrays {
                self.write_lengths(arrays, launch, uniforms);
            }
            let mut vm = Vm { bases, program: self, launch, first: 0, lanes: null() };
            if !self.prologue.is_empty() {
                vm.run(&self.prologue, MAX_LANES.min(self.lanes()));
            }
            // Machine code that uses no registers of the tape goes on over the blocks.
            let block = if self.has_blocks { BLOCK_LANES } else { launch.lanes };
            loop {
                let count = block.min(launch.lanes - vm.first);
                vm.run(&self.steps, count);
                vm.first += count;
                if vm.first == launch.lanes {
                    break;
                }
                for &(base, bytes) in &self.advances {
                    let pointer = bases.add(base);
                    pointer.write((*pointer).add(bytes));
                }
            }
            if let Some(arrays) = &self.arrays {
                report(&vm, arrays, uniforms);
            }
            if !self.epilogue.is_empty() {
                // Sums belong to the element of the first lane.
                vm.first = 0;
                vm.run(&self.epilogue, 1);
            }
        }
    }

    /// Write the lengths of arrays where machine code looks for them, and an empty report.
    ///
    /// # Safety
    ///
    /// The shared numbers must have room for them.
    unsafe fn write_lengths(&self, arrays: &ArrayAccesses, launch: &Launch<'_>, uniforms: *mut u8) {
        for &(slot, offset) in &arrays.lengths {
            let length = launch.operands[slot].length as u32;
            // SAFETY: promised by the caller.
            unsafe { uniforms.add(offset).cast::<[u32; MAX_LANES]>().write([length; MAX_LANES]) };
        }
        // SAFETY: promised by the caller.
        unsafe { uniforms.add(arrays.report).cast::<u32>().write(0) };
    }

    /// Lanes of the vector unit.
    fn lanes(&self) -> usize {
        struct Lanes;
        impl Task for Lanes {
            type Output = usize;
            unsafe fn run<S: Simd>(self) -> usize {
                S::LANES
            }
        }
        // SAFETY: programs are only made for levels that are available.
        unsafe { self.level.run(Lanes) }
    }
}

/// Raise the fault that machine code has noted, if there is one.
///
/// # Safety
///
/// The report must be among the shared numbers.
unsafe fn report(vm: &Vm<'_>, arrays: &ArrayAccesses, uniforms: *const u8) {
    // SAFETY: promised by the caller.
    let (number, mask, indices) = unsafe {
        let report = uniforms.add(arrays.report);
        (
            report.cast::<u32>().read() as usize,
            report.add(ArrayAccesses::REPORT_MASK).cast::<u16>().read(),
            report.add(ArrayAccesses::REPORT_INDICES).cast::<[u32; MAX_LANES]>().read(),
        )
    };
    let Some(access) = number.checked_sub(1).and_then(|number| arrays.accesses.get(number)) else {
        return;
    };
    let index = indices[mask.trailing_zeros() as usize % MAX_LANES];
    let index = if access.signed { i64::from(index as i32) } else { i64::from(index) };
    raise_out_of_range(vm, access.slot, index);
}
