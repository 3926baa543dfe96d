//! Entries of a translation unit: what is launched.

use std::fmt::Write as _;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{Kernel, Op, SlotId, SlotKind, Type};

use super::access::{Access, Adding, CopyOf};
use super::body::{Body, BodyOptions};
use super::shape::{Members, Pass, PassAdding, Shape, close, write_lines};
use super::types::memory_type;

/// A function that can be launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the translation unit.
    pub name: String,
    /// Its definition, and those of the functions that add up sums.
    pub text: String,
    /// Type of each sum over lanes, in order. If there are any, `{name}_partials` and then
    /// `{name}_totals` are launched after the function, unless sums are those of rows.
    pub sums: Vec<Type>,
}

/// Who calls a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The host launches it for all lanes and batch members.
    Launched,
    /// Another function of the text calls it for one lane of one batch member, with all threads of
    /// a warp at a time, and has listed the events.
    Called {
        /// Whether there are so few lanes that most threads wait for them.
        few: bool,
    },
}

/// Threads that share a sum over lanes.
pub const PARTIAL_SUMS: usize = 16;

/// Threads that share the synapses of a postsynaptic neuron: those of a warp.
pub(super) const COLUMN_PARTS: usize = 32;

/// A function that runs a kernel with one thread per lane, for slots bound with such patterns;
/// `index` makes its name unique.
pub fn lanes_entry(index: usize, kernel: &Kernel, patterns: &[Pattern]) -> Entry {
    let accesses: Vec<_> = patterns
        .iter()
        .enumerate()
        .map(|(slot, &pattern)| Access::of_pattern(pattern, slot))
        .collect();
    let copies = vec![CopyOf::MEMBER; accesses.len()];
    Writer::new(index, kernel, &accesses, &copies, Shape::Lanes, Members::Each)
        .entry(Form::Launched)
}

/// The name of a function, made of what it is called for people.
pub(super) fn function_name(index: usize, title: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("kernel{index}_{}", title.chars().map(plain).collect::<String>())
}

/// What a function is called for people, as it can stand in a comment.
pub(super) fn comment(title: &str) -> String {
    title.replace(['\n', '\r', '\\'], " ")
}

/// Writes the functions of an entry.
pub(super) struct Writer<'a> {
    kernel: &'a Kernel,
    accesses: &'a [Access],
    /// Which copy each slot is bound to.
    copies: &'a [CopyOf],
    shape: Shape,
    members: Members,
    /// Slots whose sums are taken elsewhere.
    left_out: Vec<SlotId>,
    name: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        index: usize,
        kernel: &'a Kernel,
        accesses: &'a [Access],
        copies: &'a [CopyOf],
        shape: Shape,
        members: Members,
    ) -> Self {
        let name = function_name(index, &kernel.name);
        Self { kernel, accesses, copies, shape, members, left_out: Vec::new(), name }
    }

    /// Leave out sums that are taken elsewhere.
    pub(super) fn left_out(mut self, slots: Vec<SlotId>) -> Self {
        self.left_out = slots;
        self
    }

    pub(super) fn entry(self, form: Form) -> Entry {
        let (mut text, level) = match form {
            Form::Launched => self.launched(),
            Form::Called { .. } => self.called(),
        };
        let thread = self.shape.thread();
        let mut start = self.pointers();
        if self.shape.has_events() {
            let slot = self.kernel.slots.len();
            start.push(match form {
                Form::Launched => format!(
                    "const u32 *const events = current_of<u32>(launch->slots[{slot}], member);"
                ),
                Form::Called { .. } => "const u32 *const events = list.bits;".to_owned(),
            });
        }
        let passes = self.shape.passes(form, self.only_adds());
        let bodies: Vec<_> = passes.iter().map(|pass| self.body(pass, level + 1)).collect();
        // Passes differ in nothing that matters outside.
        let body = &bodies[0];
        let sums: Vec<_> = body.sums.iter().map(|slot| self.kernel.slot(*slot).ty).collect();
        start.extend(body.events.iter().map(|slot| format!("bool event{} = false;", slot.0)));
        start.extend(sums.iter().enumerate().map(|(sum, ty)| format!("{ty} sum{sum} = 0;")));
        start.extend(self.shape.before(form).iter().map(|&line| line.to_owned()));
        start.push(format!("if ({}) {{", self.shape.inside(form)));
        start.extend(self.held().map(|(slot, index)| {
            let ty = memory_type(self.kernel.slot(slot).ty);
            format!("{ty} held{0} = s{0}[{index}];", slot.0)
        }));
        let parts = self.shape == Shape::ColumnPart;
        start.extend(self.held().filter(|_| parts).map(|(slot, _)| {
            let ty = memory_type(self.kernel.slot(slot).ty);
            format!("{ty} added{} = nothing<{ty}>();", slot.0)
        }));
        let start: Vec<_> = start.iter().map(String::as_str).collect();
        write_lines(&mut text, &start, level);
        for (pass, body) in passes.iter().zip(&bodies) {
            let inner = write_lines(&mut text, &pass.lead, level + 1);
            text.push_str(&body.text);
            if pass.adding == PassAdding::AfterLane {
                close(&mut text, inner, inner - 1);
                let lines: Vec<_> = self.added_in_order().collect();
                let lines: Vec<_> = lines.iter().map(String::as_str).collect();
                write_lines(&mut text, &lines, inner - 1);
                close(&mut text, inner - 1, level + 1);
            } else {
                close(&mut text, inner, level + 1);
            }
        }
        let rows = self.shape.sums_of_rows();
        let one_of_parts = if parts { "if (part % COLUMN_PARTS == 0) " } else { "" };
        let store =
            |(slot, index): (SlotId, _)| format!("{one_of_parts}s{0}[{index}] = held{0};", slot.0);
        let mut end: Vec<String> = self.held().map(store).collect();
        if !rows {
            end.extend(sums.iter().enumerate().map(|(sum, ty)| {
                format!(
                    "(({ty} *)launch->sums[{sum}])[(u64)member * launch->lanes + {thread}] = \
                     sum{sum};"
                )
            }));
        }
        write_lines(&mut text, &end.iter().map(String::as_str).collect::<Vec<_>>(), level + 1);
        close(&mut text, level + 1, level);
        let mut last: Vec<String> = body
            .events
            .iter()
            .map(|slot| format!("emit_events(s{0}, lane, launch->lanes, event{0});", slot.0))
            .collect();
        if rows {
            last.extend(body.sums.iter().enumerate().map(|(sum, slot)| {
                format!(
                    "add_row_total(inside ? s{} + pre : 0, sum{sum}, part, launch->sums[{sum}], \
                     (u64)member * launch->lanes);",
                    slot.0
                )
            }));
        }
        write_lines(&mut text, &last.iter().map(String::as_str).collect::<Vec<_>>(), level);
        close(&mut text, level, 0);
        if !sums.is_empty() && !rows {
            text.push_str(&self.partials(&sums));
            text.push_str(&self.totals(&body.sums));
        }
        Entry { name: self.name, text, sums }
    }

    /// The body of a pass at a level.
    fn body(&self, pass: &Pass, level: usize) -> Body<'_> {
        let options = BodyOptions {
            shape: self.shape,
            ahead: &[],
            left_out: &self.left_out,
            adding: pass.adding,
        };
        let depth = level + pass.lead.iter().filter(|line| line.ends_with('{')).count();
        Body::write(self.kernel, self.accesses, options, depth)
    }

    /// Whether the kernel does nothing but add to elements that are in registers meanwhile.
    fn only_adds(&self) -> bool {
        let mut only = true;
        self.kernel.body.for_each_op(&mut |op| match op {
            Op::Accumulate(slot, _) => {
                let access = &self.accesses[slot.0 as usize];
                only &= matches!(access, Access::Element { adding: Adding::Held, .. });
            }
            Op::Const(..)
            | Op::Unary(..)
            | Op::Binary(..)
            | Op::Compare(..)
            | Op::Select(..)
            | Op::Convert(..)
            | Op::Math(..)
            | Op::Read(..) => {}
            _ => only = false,
        });
        only
    }

    /// Head and first lines of a function that is launched, and the level that its body is at.
    fn launched(&self) -> (String, usize) {
        let mut text = self.head("");
        let thread = self.shape.thread();
        let _ = writeln!(text, "    const u32 {thread} = blockIdx.x * blockDim.x + threadIdx.x;");
        let lines: &[&str] = match self.members {
            Members::Each => &["const u32 member = blockIdx.y;"],
            Members::Block => &[
                "const u32 block = blockIdx.y;",
                "const u32 first_member = block * launch->members_per_block;",
                "for (u32 member = first_member; member < launch->members",
                "        && member < first_member + launch->members_per_block; ++member) {",
            ],
            // See `elements.rs`.
            Members::All => &[],
        };
        let level = write_lines(&mut text, lines, 1);
        (text, level)
    }

    /// Head of a function that is called, and the level that its body is at.
    fn called(&self) -> (String, usize) {
        let (title, name, thread) = (comment(&self.kernel.name), &self.name, self.shape.thread());
        let list = if self.shape.has_events() { ", const EventList &list" } else { "" };
        let text = format!(
            "// {title}\ntemplate <typename L>\nFUNCTION void {name}(\n    const L *launch, const u32 \
             {thread}, const u32 block, const u32 member{list}) {{\n"
        );
        (text, 1)
    }

    /// Slots whose element stays in a register, and its index.
    fn held(&self) -> impl Iterator<Item = (SlotId, &str)> {
        self.kernel.slot_ids().filter_map(|slot| match &self.accesses[slot.0 as usize] {
            Access::Element { index, adding: Adding::Held } => Some((slot, index.as_str())),
            _ => None,
        })
    }

    /// What neighbours have left to be added is added, see [`Shape::ColumnPart`].
    fn added_in_order(&self) -> impl Iterator<Item = String> {
        self.held().map(|(SlotId(slot), _)| {
            format!("held{slot} = add_in_order(held{slot}, added{slot}, due);")
        })
    }

    /// Comment and head of a function.
    fn head(&self, suffix: &str) -> String {
        let title = comment(&self.kernel.name);
        let comment = if suffix.is_empty() { format!("// {title}\n") } else { String::new() };
        let name = &self.name;
        format!("{comment}extern \"C\" __global__ void {name}{suffix}(const Launch *launch) {{\n")
    }

    /// Pointers to the first elements of all slots.
    fn pointers(&self) -> Vec<String> {
        let in_memory = |slot: &SlotId| {
            !matches!(self.accesses[slot.0 as usize], Access::Value(_))
                && !self.left_out.contains(slot)
        };
        self.kernel.slot_ids().filter(in_memory).map(|slot| self.pointer(slot)).collect()
    }

    fn pointer(&self, slot: SlotId) -> String {
        pointer(self.kernel, self.copies, slot, true)
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

    /// The function that adds up partial sums, and adds them to the elements: one thread for each
    /// batch member.
    fn totals(&self, sums: &[SlotId]) -> String {
        let mut text = self.head("_totals");
        text.push_str("    const u32 member = blockIdx.x * blockDim.x + threadIdx.x;\n");
        text.push_str("    if (member >= launch->members) return;\n");
        text.push_str("    const u64 first = (u64)member * PARTIAL_SUMS;\n");
        let mut slots = sums.to_vec();
        slots.sort();
        slots.dedup();
        for slot in slots {
            let _ = writeln!(text, "    {}", self.pointer(slot));
        }
        for (sum, slot) in sums.iter().enumerate() {
            let Access::Element { index, adding: Adding::Summed } = &self.accesses[slot.0 as usize]
            else {
                continue;
            };
            let ty = self.kernel.slot(*slot).ty;
            let partial = format!("({ty} *)launch->sums[{}] + first", sums.len() + sum);
            let _ = writeln!(text, "    add_total(&s{}[{index}], {partial});", slot.0);
        }
        text.push_str("}\n");
        text
    }
}

/// A pointer to the first element of a slot; `alone` says that nothing else in the function writes
/// what the kernel only reads.
pub(super) fn pointer(kernel: &Kernel, copies: &[CopyOf], id: SlotId, alone: bool) -> String {
    let slot = kernel.slot(id);
    let ty = if slot.kind == SlotKind::Events { "u32" } else { memory_type(slot.ty) };
    let read_only = matches!(
        slot.kind,
        SlotKind::Variable { writable: false, .. }
            | SlotKind::History { .. }
            | SlotKind::Array { writable: false }
    );
    let before = if read_only { "const " } else { "" };
    let after = if read_only && alone { " __restrict__" } else { "" };
    let (i, name) = (id.0, &slot.name);
    let CopyOf { copy, ring } = copies[i as usize];
    let function = if ring { "current_of" } else { "copy_of" };
    format!(
        "{before}{ty} *const{after} s{i} = {function}<{ty}>(launch->slots[{i}], {copy}); // {name}"
    )
}
