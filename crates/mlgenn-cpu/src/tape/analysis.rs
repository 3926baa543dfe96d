//! What compilation needs to know of a kernel: which values all lanes share, where values are used
//! last, and which reads must be copied because memory changes before their last use.

use std::collections::{HashMap, HashSet};

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{Kernel, Op, Region, SlotId, SlotKind, Value};

/// Facts about the values of a kernel.
#[derive(Debug)]
pub(super) struct Analysis {
    /// Whether all lanes share the value and it can be computed at the start of a launch.
    pub(super) uniform: Vec<bool>,
    /// Index, in the region that defines the value, of the last instruction that uses it (itself
    /// or in its regions); `usize::MAX` if the region yields it, `None` if nothing uses it.
    pub(super) last_index: Vec<Option<usize>>,
    /// Position of the instruction that defines the value, in the order of the text.
    pub(super) defined: Vec<usize>,
    /// Position of the last use in the order of the text.
    pub(super) last_use: Vec<usize>,
    /// Position and slot of all instructions that write variables.
    pub(super) writes: Vec<(usize, SlotId)>,
    /// Position and slot of all instructions that read variables.
    pub(super) reads: Vec<(usize, SlotId)>,
    /// Position and slot where values are written to a variable, outside of control flow; only
    /// those that are written once.
    pub(super) direct_writes: HashMap<Value, (usize, SlotId)>,
    /// Whether a value is used as the index of array elements only.
    pub(super) only_index: Vec<bool>,
    /// Number of the region that defines each value, in the order of the text, from 1.
    pub(super) home: Vec<usize>,
    /// How many operands and yields each value is.
    pub(super) uses: Vec<u32>,
    /// Whether writable slots of one type may be bound to the same memory.
    pub(super) shared_memory: bool,
    /// Slots that some instruction writes.
    written: Vec<bool>,
    regions: usize,
}

impl Analysis {
    pub(super) fn new(kernel: &Kernel, patterns: &[Pattern], shared_memory: bool) -> Self {
        let values = kernel.values.len();
        let mut written = vec![false; kernel.slots.len()];
        kernel.body.for_each_op(&mut |op| {
            if let Op::Write(slot, _) = op {
                written[slot.0 as usize] = true;
            }
        });
        let mut analysis = Self {
            uniform: vec![false; values],
            last_index: vec![None; values],
            defined: vec![0; values],
            last_use: vec![0; values],
            writes: Vec::new(),
            reads: Vec::new(),
            direct_writes: HashMap::new(),
            only_index: vec![true; values],
            home: vec![0; values],
            uses: vec![0; values],
            shared_memory,
            written,
            regions: 0,
        };
        analysis.region(kernel, patterns, &kernel.body, &mut 0);
        analysis
    }

    /// Numbers the instructions of a region; the order must be that of the assembler.
    fn region(
        &mut self,
        kernel: &Kernel,
        patterns: &[Pattern],
        region: &Region,
        position: &mut usize,
    ) {
        let mut written_values = HashSet::new();
        self.regions += 1;
        let home = self.regions;
        for parameter in &region.parameters {
            self.defined[parameter.0 as usize] = *position;
            // The registers of parameters are kept as long as the region is.
            self.last_index[parameter.0 as usize] = Some(usize::MAX);
            self.home[parameter.0 as usize] = home;
        }
        for (index, instruction) in region.instructions.iter().enumerate() {
            *position += 1;
            let here = *position;
            let index_operand = match &instruction.op {
                Op::LoadElement(_, index)
                | Op::StoreElement(_, index, _)
                | Op::AccumulateElement(_, index, _) => Some(*index),
                _ => None,
            };
            let mut times = 0;
            instruction.op.for_each_operand(|value| {
                self.last_use[value.0 as usize] = here;
                self.uses[value.0 as usize] += 1;
                times += usize::from(Some(value) == index_operand);
                self.only_index[value.0 as usize] &= Some(value) == index_operand && times < 2;
            });
            match &instruction.op {
                Op::Write(slot, value) => {
                    self.writes.push((here, *slot));
                    if home == 1 && written_values.insert(*value) {
                        self.direct_writes.insert(*value, (here, *slot));
                    } else {
                        self.direct_writes.remove(value);
                    }
                }
                Op::Read(slot) => self.reads.push((here, *slot)),
                _ => {}
            }
            let uniform = self.is_uniform(kernel, patterns, &instruction.op);
            for inner in instruction.op.regions().into_iter().flatten() {
                self.region(kernel, patterns, inner, position);
            }
            for &result in &instruction.results {
                self.uniform[result.0 as usize] = uniform;
                self.defined[result.0 as usize] = here;
                self.home[result.0 as usize] = home;
            }
            uses(&instruction.op, &mut |value| {
                let value = value.0 as usize;
                if self.home[value] == home && self.last_index[value] != Some(usize::MAX) {
                    self.last_index[value] = Some(index);
                }
            });
        }
        *position += 1;
        for &value in &region.yields {
            self.last_use[value.0 as usize] = *position;
            self.uses[value.0 as usize] += 1;
            self.only_index[value.0 as usize] = false;
            if self.home[value.0 as usize] == home {
                self.last_index[value.0 as usize] = Some(usize::MAX);
            }
        }
    }

    fn is_uniform(&self, kernel: &Kernel, patterns: &[Pattern], op: &Op) -> bool {
        let shared = |slot: SlotId| patterns[slot.0 as usize] == Pattern::Uniform;
        let pure = match op {
            Op::Const(_)
            | Op::Unary(..)
            | Op::Binary(..)
            | Op::Compare(..)
            | Op::Select(..)
            | Op::Convert(_)
            | Op::Math(..)
            | Op::Random { .. }
            | Op::AddressOf(_) => true,
            Op::Read(slot) => {
                // A slot that may be written may also share memory with another one that is.
                let writable = match kernel.slot(*slot).kind {
                    SlotKind::Variable { writable, .. } => writable,
                    _ => true,
                };
                shared(*slot) && !writable && !self.written[slot.0 as usize]
            }
            Op::ReadDelayed { slot, .. } => shared(*slot),
            _ => false,
        };
        let mut uniform = pure;
        op.for_each_operand(|value| uniform &= self.uniform[value.0 as usize]);
        uniform
    }

    /// Whether memory of the slot may be written after one position and before another.
    pub(super) fn is_written_between(
        &self,
        kernel: &Kernel,
        slot: SlotId,
        after: usize,
        before: usize,
    ) -> bool {
        self.writes
            .iter()
            .any(|&(at, other)| after < at && at < before && self.may_share(kernel, slot, other))
    }

    /// Whether memory of the slot may be read by an instruction after one position and before
    /// another.
    pub(super) fn is_read_between(
        &self,
        kernel: &Kernel,
        slot: SlotId,
        after: usize,
        before: usize,
    ) -> bool {
        self.reads
            .iter()
            .any(|&(at, other)| after < at && at < before && self.may_share(kernel, slot, other))
    }

    /// Whether two slots may be bound to the same memory: only writable ones ever are.
    pub(super) fn may_share(&self, kernel: &Kernel, a: SlotId, b: SlotId) -> bool {
        a == b || self.shared_memory && may_share(kernel, a, b)
    }
}

/// Reads of gathered variables whose values are used in the bodies of branches only, so that they
/// are better read there, for the few lanes that get there. Nothing has written the variables by
/// then.
pub(super) fn reads_for_branches(
    kernel: &Kernel,
    patterns: &[Pattern],
    shared_memory: bool,
) -> HashMap<Value, SlotId> {
    let mut reads = HashMap::new();
    // Those of variables that were written since.
    let mut outdated = HashSet::new();
    for instruction in &kernel.body.instructions {
        match (&instruction.op, &instruction.results[..]) {
            (Op::Read(slot), &[result]) => {
                let constant =
                    matches!(kernel.slot(*slot).kind, SlotKind::Variable { writable: false, .. });
                if patterns[slot.0 as usize] == Pattern::Gather && (constant || !shared_memory) {
                    reads.insert(result, *slot);
                }
            }
            (Op::If { condition, then, otherwise }, _) => {
                let yields = then.yields.iter().chain(&otherwise.yields);
                yields.chain([condition]).for_each(|value| {
                    reads.remove(value);
                });
                // The second region comes after the first, for other lanes.
                for region in [then, otherwise] {
                    for value in outer_values(&[region], false) {
                        if outdated.contains(&value) {
                            reads.remove(&value);
                        }
                    }
                    region.for_each_op(&mut |op| outdate(op, &reads, &mut outdated));
                }
            }
            (op, _) => {
                uses(op, &mut |value| {
                    reads.remove(&value);
                });
                outdate(op, &reads, &mut outdated);
                for region in op.regions().into_iter().flatten() {
                    region.for_each_op(&mut |op| outdate(op, &reads, &mut outdated));
                }
            }
        }
    }
    reads
}

/// Note the reads of a variable that an operation writes.
fn outdate(op: &Op, reads: &HashMap<Value, SlotId>, outdated: &mut HashSet<Value>) {
    if let Op::Write(written, _) = op {
        outdated.extend(reads.iter().filter(|(_, slot)| *slot == written).map(|(&value, _)| value));
    }
}

/// Whether two slots are writable variables of the same type.
pub(super) fn may_share(kernel: &Kernel, a: SlotId, b: SlotId) -> bool {
    let writable =
        |slot| matches!(kernel.slot(slot).kind, SlotKind::Variable { writable: true, .. });
    writable(a) && writable(b) && kernel.slot(a).ty == kernel.slot(b).ty
}

/// Call `f` with every value that the operation uses, itself or in its regions.
pub(super) fn uses(op: &Op, f: &mut impl FnMut(Value)) {
    op.for_each_operand(&mut *f);
    for region in op.regions().into_iter().flatten() {
        for instruction in &region.instructions {
            uses(&instruction.op, f);
        }
        region.yields.iter().copied().for_each(&mut *f);
    }
}

/// Values from outside that the instructions of the regions use, and what the regions yield if
/// `yields`; in order of their first use.
pub(super) fn outer_values(regions: &[&Region], yields: bool) -> Vec<Value> {
    let mut defined = HashSet::new();
    regions.iter().for_each(|region| collect_defined(region, &mut defined));
    let mut outer = Vec::new();
    let mut add = |value| {
        if defined.insert(value) {
            outer.push(value);
        }
    };
    for region in regions {
        region.instructions.iter().for_each(|instruction| uses(&instruction.op, &mut add));
        if yields {
            region.yields.iter().copied().for_each(&mut add);
        }
    }
    outer
}

fn collect_defined(region: &Region, defined: &mut HashSet<Value>) {
    defined.extend(&region.parameters);
    for instruction in &region.instructions {
        defined.extend(&instruction.results);
        for inner in instruction.op.regions().into_iter().flatten() {
            collect_defined(inner, defined);
        }
    }
}
