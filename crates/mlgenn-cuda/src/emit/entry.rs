//! Entries of a translation unit: what is launched.

use std::fmt::Write as _;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{Kernel, SlotId, SlotKind, Type};

use super::access::{Access, Adding};
use super::body::Body;
use super::types::memory_type;

/// A function that can be launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the translation unit.
    pub name: String,
    /// Its definition, and those of the functions that add up sums.
    pub text: String,
    /// Type of each sum over lanes, in order. If there are any, `{name}_partials` is launched
    /// after the function, with [`PARTIAL_SUMS`] threads for each batch member, and then
    /// `{name}_totals`, with one thread for each.
    pub sums: Vec<Type>,
}

/// Threads that share a sum over lanes.
pub const PARTIAL_SUMS: usize = 16;

/// A function that runs a kernel with one thread per lane, for slots bound with such patterns;
/// `index` makes its name unique.
pub fn lanes_entry(index: usize, kernel: &Kernel, patterns: &[Pattern]) -> Entry {
    let accesses: Vec<_> = patterns
        .iter()
        .enumerate()
        .map(|(slot, &pattern)| Access::of_pattern(pattern, slot))
        .collect();
    Writer { kernel, accesses: &accesses, name: name(index, kernel) }.lanes()
}

/// A name that C accepts.
fn name(index: usize, kernel: &Kernel) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("kernel{index}_{}", kernel.name.chars().map(plain).collect::<String>())
}

struct Writer<'a> {
    kernel: &'a Kernel,
    accesses: &'a [Access],
    name: String,
}

impl Writer<'_> {
    fn lanes(self) -> Entry {
        let body = Body::write(self.kernel, self.accesses, 2);
        let mut text = self.head("");
        text.push_str("    const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;\n");
        text.push_str("    const u32 member = blockIdx.y;\n");
        text.push_str(&self.pointers());
        for slot in &body.events {
            let _ = writeln!(text, "    bool event{} = false;", slot.0);
        }
        let sums: Vec<_> = body.sums.iter().map(|slot| self.kernel.slot(*slot).ty).collect();
        for (sum, ty) in sums.iter().enumerate() {
            let _ = writeln!(text, "    {ty} sum{sum} = 0;");
        }
        text.push_str("    if (lane < launch->lanes) {\n");
        text.push_str(&body.text);
        for (sum, ty) in sums.iter().enumerate() {
            let at = "(u64)member * launch->lanes + lane";
            let _ = writeln!(text, "        (({ty} *)launch->sums[{sum}])[{at}] = sum{sum};");
        }
        text.push_str("    }\n");
        for slot in &body.events {
            let _ = writeln!(text, "    emit_events(s{0}, lane, launch->lanes, event{0});", slot.0);
        }
        text.push_str("}\n");
        if !sums.is_empty() {
            text.push_str(&self.partials(&sums));
            text.push_str(&self.totals(&body.sums));
        }
        Entry { name: self.name, text, sums }
    }

    /// Comment and head of a function.
    fn head(&self, suffix: &str) -> String {
        let title = self.kernel.name.replace(['\n', '\r', '\\'], " ");
        let comment = if suffix.is_empty() { format!("// {title}\n") } else { String::new() };
        format!(
            "{comment}extern \"C\" __global__ void {}{suffix}(const Launch *launch) {{\n",
            self.name
        )
    }

    /// Pointers to the first elements of all slots.
    fn pointers(&self) -> String {
        let slots = self
            .kernel
            .slot_ids()
            .filter(|slot| !matches!(self.accesses[slot.0 as usize], Access::Value(_)));
        slots.map(|slot| self.pointer(slot)).collect()
    }

    fn pointer(&self, id: SlotId) -> String {
        let slot = self.kernel.slot(id);
        let ty = if slot.kind == SlotKind::Events { "u32" } else { memory_type(slot.ty) };
        let read_only = matches!(
            slot.kind,
            SlotKind::Variable { writable: false, .. }
                | SlotKind::History { .. }
                | SlotKind::Array { writable: false }
        );
        let function = match slot.kind {
            SlotKind::DelayedAccumulator { .. } | SlotKind::History { .. } => "ring_of",
            _ => "elements_of",
        };
        let (before, after) = if read_only { ("const ", " __restrict__") } else { ("", "") };
        let i = id.0;
        format!(
            "    {before}{ty} *const{after} s{i} = {function}<{ty}>(launch->slots[{i}], member);  \
             // {}\n",
            slot.name
        )
    }

    /// The function that adds up lanes to partial sums.
    fn partials(&self, sums: &[Type]) -> String {
        let mut text = self.head("_partials");
        text.push_str("    const u32 index = threadIdx.x;\n");
        text.push_str("    const u32 member = blockIdx.y;\n");
        text.push_str("    if (index >= PARTIAL_SUMS) return;\n");
        text.push_str("    const u64 first = (u64)member * launch->lanes;\n");
        for (sum, ty) in sums.iter().enumerate() {
            let (to, from) = (sums.len() + sum, format!("({ty} *)launch->sums[{sum}] + first"));
            let _ = writeln!(
                text,
                "    (({ty} *)launch->sums[{to}])[member * PARTIAL_SUMS + index] = \
                 partial_sum({from}, launch->lanes, index);"
            );
        }
        text.push_str("}\n");
        text
    }

    /// The function that adds up partial sums, and adds them to the elements.
    fn totals(&self, sums: &[SlotId]) -> String {
        let mut text = self.head("_totals");
        text.push_str("    const u32 member = blockIdx.x * blockDim.x + threadIdx.x;\n");
        text.push_str("    if (member >= launch->members) return;\n");
        let mut slots = sums.to_vec();
        slots.sort();
        slots.dedup();
        for slot in slots {
            text.push_str(&self.pointer(slot));
        }
        for (sum, slot) in sums.iter().enumerate() {
            let Access::Element { index, adding: Adding::Summed } = &self.accesses[slot.0 as usize]
            else {
                continue;
            };
            let (ty, i) = (self.kernel.slot(*slot).ty, sums.len() + sum);
            let partial = format!("({ty} *)launch->sums[{i}] + member * PARTIAL_SUMS");
            let _ = writeln!(text, "    add_total(&s{}[{index}], {partial});", slot.0);
        }
        text.push_str("}\n");
        text
    }
}
