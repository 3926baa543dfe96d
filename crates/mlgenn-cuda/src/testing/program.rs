//! Programs of the IR's launch interface that run emitted text on the host.
#![expect(unsafe_code, reason = "hands the addresses of operands to emitted functions")]

use std::sync::Arc;

use mlgenn_ir::launch::{Launch, Operand, Pattern, Program, check_operands};
use mlgenn_ir::{Kernel, SlotKind};

use super::host::{HostError, HostModule};
use crate::abi::{LaunchHead, Slot, Watch, launch_words};
use crate::emit::{Entry, PARTIAL_SUMS, lanes_entry};

/// Kernels compiled together, as g++ takes its time for each translation unit.
pub struct HostPrograms {
    module: Arc<HostModule>,
    kernels: Vec<(Kernel, Vec<Pattern>, Entry)>,
}

/// Threads of a block.
const THREADS: usize = 128;

impl HostPrograms {
    /// Compile kernels for choices of patterns.
    ///
    /// # Errors
    ///
    /// See [`HostModule::new`].
    pub fn new(kernels: Vec<(Kernel, Vec<Pattern>)>) -> Result<Self, HostError> {
        let kernels: Vec<_> = kernels
            .into_iter()
            .enumerate()
            .map(|(index, (kernel, patterns))| {
                let entry = lanes_entry(index, &kernel, &patterns);
                (kernel, patterns, entry)
            })
            .collect();
        let module = Arc::new(HostModule::new(kernels.iter().map(|(.., entry)| entry))?);
        Ok(Self { module, kernels })
    }

    /// The program of each kernel, in order.
    pub fn programs(&self) -> impl Iterator<Item = Box<dyn Program>> + '_ {
        self.kernels.iter().map(|(kernel, patterns, entry)| {
            Box::new(HostProgram {
                module: self.module.clone(),
                kernel: kernel.clone(),
                patterns: patterns.clone(),
                entry: entry.clone(),
            }) as Box<dyn Program>
        })
    }
}

struct HostProgram {
    module: Arc<HostModule>,
    kernel: Kernel,
    patterns: Vec<Pattern>,
    entry: Entry,
}

impl Program for HostProgram {
    fn launch(&self, launch: &Launch<'_>) {
        if let Err(fault) = check_operands(&self.kernel, &self.patterns, launch) {
            launch.watch.raise(fault);
            return;
        }
        let mut watch = Watch { stop: u32::from(launch.watch.is_stopped()), ..Watch::default() };
        let mut scratch: Vec<Vec<u64>> = Vec::new();
        scratch.extend(self.entry.sums.iter().map(|_| vec![0; launch.lanes]));
        scratch.extend(self.entry.sums.iter().map(|_| vec![0; PARTIAL_SUMS]));
        let sums: Vec<u64> = scratch.iter_mut().map(|values| values.as_mut_ptr() as u64).collect();
        let head = LaunchHead {
            watch: &raw mut watch as u64,
            sums: sums.as_ptr() as u64,
            lanes: launch.lanes as u32,
            members: 1,
            ..LaunchHead::default()
        };
        let bound = self.kernel.slots.iter().zip(launch.operands);
        let slots: Vec<_> = bound.map(|(slot, operand)| place(slot.kind, operand)).collect();
        let words = launch_words(&head, &slots);
        let table = words.as_ptr() as u64;
        let name = &self.entry.name;
        let blocks = launch.lanes.div_ceil(THREADS);
        // SAFETY: the operands were checked; watch, sums and operands outlive the call. The module
        // was made of this entry.
        let done = unsafe {
            self.module.launch_at(name, [blocks, 1, THREADS], table).and_then(|()| {
                if self.entry.sums.is_empty() || launch.lanes == 0 {
                    return Ok(());
                }
                self.module.launch_at(&format!("{name}_partials"), [1, 1, PARTIAL_SUMS], table)?;
                self.module.launch_at(&format!("{name}_totals"), [1, 1, 1], table)
            })
        };
        assert!(done.is_ok(), "{done:?}");
        if let Some(fault) = watch.to_fault(&self.kernel) {
            launch.watch.raise(fault);
        }
    }
}

/// Where the elements of an operand are.
fn place(kind: SlotKind, operand: &Operand<'_>) -> Slot {
    let ring = matches!(kind, SlotKind::DelayedAccumulator { .. } | SlotKind::History { .. });
    let bytes = operand.buffer.ty().bytes() * operand.offset;
    Slot {
        data: operand.buffer.as_ptr() as u64 + bytes as u64,
        indices: operand.indices.as_ptr() as u64,
        length: operand.length as i64,
        copy_step: 0,
        ring_stride: operand.ring.stride as i64,
        current: if ring { &raw const operand.ring.current as u64 } else { 0 },
        slots: operand.ring.slots,
        back: 0,
    }
}
