//! Entries of a translation unit: what is launched.

use std::fmt::Write as _;

use mlgenn_ir::launch::Pattern;
use mlgenn_ir::{Kernel, SlotId, SlotKind, Type};

use super::access::{Access, Adding, CopyOf};
use super::body::Body;
use super::shape::{Members, Shape, close, write_lines};
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
    Called,
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
    let copies = vec![CopyOf::MEMBER; accesses.len()];
    Writer::new(index, kernel, &accesses, &copies, Shape::Lanes, Members::Each)
        .entry(Form::Launched)
}

/// Writes the functions of an entry.
pub(super) struct Writer<'a> {
    kernel: &'a Kernel,
    accesses: &'a [Access],
    /// Which copy each slot is bound to.
    copies: &'a [CopyOf],
    shape: Shape,
    members: Members,
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
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let name = format!("kernel{index}_{}", kernel.name.chars().map(plain).collect::<String>());
        Self { kernel, accesses, copies, shape, members, name }
    }

    pub(super) fn entry(self, form: Form) -> Entry {
        let (mut text, level) = match form {
            Form::Launched => self.launched(),
            Form::Called => self.called(),
        };
        let thread = self.shape.thread();
        let mut start = self.pointers();
        if self.shape.has_events() {
            let slot = self.kernel.slots.len();
            start.push(match form {
                Form::Launched => format!(
                    "const u32 *const events = current_of<u32>(launch->slots[{slot}], member);"
                ),
                Form::Called => "const u32 *const events = list.bits;".to_owned(),
            });
        }
        let lead = self.shape.lead(form);
        let depth = level + 1 + lead.iter().filter(|line| line.ends_with('{')).count();
        let body = Body::write(self.kernel, self.accesses, self.shape, depth);
        let sums: Vec<_> = body.sums.iter().map(|slot| self.kernel.slot(*slot).ty).collect();
        start.extend(body.events.iter().map(|slot| format!("bool event{} = false;", slot.0)));
        start.extend(sums.iter().enumerate().map(|(sum, ty)| format!("{ty} sum{sum} = 0;")));
        start.extend(self.shape.before(form).iter().map(|&line| line.to_owned()));
        start.push(format!("if ({}) {{", self.shape.inside(form)));
        let over_members = self.members == Members::All;
        if !over_members {
            start.extend(self.held().map(|(slot, index)| {
                let ty = memory_type(self.kernel.slot(slot).ty);
                format!("{ty} held{0} = s{0}[{index}];", slot.0)
            }));
        }
        start.extend(lead.iter().map(|&line| line.to_owned()));
        if over_members {
            start.extend(self.fetched());
        }
        let start: Vec<_> = start.iter().map(String::as_str).collect();
        let inner = write_lines(&mut text, &start, level);
        text.push_str(&body.text);
        close(&mut text, inner, level + 1);
        let rows = self.shape.sums_of_rows();
        let store = |(slot, index): (SlotId, &str)| format!("s{0}[{index}] = held{0};", slot.0);
        let mut end: Vec<String> = Vec::new();
        if !over_members {
            end.extend(self.held().map(store));
        }
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
        if over_members {
            close(&mut text, level, 1);
            for (slot, index) in self.held() {
                let store = store((slot, index));
                let _ = writeln!(text, "    if ({}) {store}", self.shape.inside(form));
            }
        }
        close(&mut text, if over_members { 1 } else { level }, 0);
        if !sums.is_empty() && !rows {
            text.push_str(&self.partials(&sums));
            text.push_str(&self.totals(&body.sums));
        }
        Entry { name: self.name, text, sums }
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
            Members::All => {
                for (slot, index) in self.held() {
                    let ty = memory_type(self.kernel.slot(slot).ty);
                    let inside = self.shape.inside(Form::Launched);
                    let _ = writeln!(text, "    {}", self.pointer(slot));
                    let _ =
                        writeln!(text, "    {ty} held{0} = {inside} ? s{0}[{index}] : 0;", slot.0);
                }
                &["for (u32 member = 0; member < launch->members; ++member) {"]
            }
        };
        let level = write_lines(&mut text, lines, 1);
        (text, level)
    }

    /// Head of a function that is called, and the level that its body is at.
    fn called(&self) -> (String, usize) {
        let (title, name, thread) = (self.title(), &self.name, self.shape.thread());
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

    /// The name of the kernel as a comment.
    fn title(&self) -> String {
        self.kernel.name.replace(['\n', '\r', '\\'], " ")
    }

    /// Comment and head of a function.
    fn head(&self, suffix: &str) -> String {
        let title = self.title();
        let comment = if suffix.is_empty() { format!("// {title}\n") } else { String::new() };
        let name = &self.name;
        format!("{comment}extern \"C\" __global__ void {name}{suffix}(const Launch *launch) {{\n")
    }

    /// Lines that ask for the elements of the next members: a thread that goes through all of them
    /// must not wait for each.
    fn fetched(&self) -> Vec<String> {
        let of_member = |slot: &SlotId| self.copies[slot.0 as usize] == CopyOf::MEMBER;
        let slots = self.kernel.slot_ids().filter(of_member);
        slots
            .filter_map(|slot| match &self.accesses[slot.0 as usize] {
                Access::Element { index, .. } => Some(format!(
                    "fetch_ahead(s{0} + {index}, launch->slots[{0}].copy_step, \
                     launch->members - member);",
                    slot.0
                )),
                _ => None,
            })
            .collect()
    }

    /// Pointers to the first elements of all slots, but of those that are held over all members.
    fn pointers(&self) -> Vec<String> {
        let held: Vec<_> = match self.members {
            Members::All => self.held().map(|(slot, _)| slot).collect(),
            _ => Vec::new(),
        };
        let in_memory = |slot: &SlotId| {
            !matches!(self.accesses[slot.0 as usize], Access::Value(_)) && !held.contains(slot)
        };
        self.kernel.slot_ids().filter(in_memory).map(|slot| self.pointer(slot)).collect()
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
        let (before, after) = if read_only { ("const ", " __restrict__") } else { ("", "") };
        let (i, name) = (id.0, &slot.name);
        let CopyOf { copy, ring } = self.copies[i as usize];
        let function = if ring { "current_of" } else { "copy_of" };
        format!(
            "{before}{ty} *const{after} s{i} = {function}<{ty}>(launch->slots[{i}], {copy}); // {name}"
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
