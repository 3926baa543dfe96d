//! Functions of custom updates whose threads take one element each through all that is done to it:
//! through all its copies, and through several updates.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use mlgenn_engine::{is_over_batch, reduces_over_batch};
use mlgenn_ir::{Op, SlotId, SlotKind};
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{CustomUpdatePlan, CustomUpdateSize, SlotBinding};

use super::access::{Access, Adding, CopyOf};
use super::body::{Body, BodyOptions};
use super::entry::{Entry, Form, comment, function_name, pointer};
use super::planned::reach;
use super::shape::{Connectivity, Members, PassAdding, Shape, close, write_lines};
use super::types::{constant, memory_type};

/// What the threads of a custom update do.
pub(super) fn shape_of(plan: &Plan, update: &CustomUpdatePlan) -> (Shape, Members) {
    let shape = match update.size {
        CustomUpdateSize::Elements(_) | CustomUpdateSize::Matrix { .. } => Shape::Lanes,
        CustomUpdateSize::Rows { group } => {
            let dense = plan.synapse_groups[group].is_dense();
            let connectivity = if dense { Connectivity::Dense } else { Connectivity::Sparse };
            Shape::Synapses { connectivity }
        }
    };
    (shape, if is_over_batch(plan, update) { Members::All } else { Members::Each })
}

/// A function that takes each element through all copies of an update.
pub(super) fn over_copies(index: usize, plan: &Plan, update: &CustomUpdatePlan) -> Entry {
    let element = Element::new(plan, update);
    let kernel = &update.kernel.kernel;
    let name = function_name(index, &kernel.name);
    let mut text = head(&name, &kernel.name, "*launch");
    element.start(&mut text, "launch");
    element.write(&mut text, 1, true);
    text.push_str("}\n");
    Entry { name, text, sums: Vec::new() }
}

/// A function that takes each element through updates, one after the other, each with all copies of
/// its arrays or the only one. It is given the launches of all of them.
pub(super) fn joined(index: usize, plan: &Plan, updates: &[&CustomUpdatePlan]) -> Entry {
    let mut elements: Vec<_> = updates.iter().map(|update| Element::new(plan, update)).collect();
    let kept = keep_in_registers(&mut elements);
    let names: Vec<_> = updates.iter().map(|update| format!("'{}'", update.name)).collect();
    let title = format!("Custom updates {}", names.join(", "));
    let name = function_name(index, &title);
    let mut text = head(&name, &title, "*const *launches");
    if let Some(first) = elements.first() {
        first.start(&mut text, "launches[0]");
    }
    for (number, element) in elements.iter().enumerate() {
        let registers = || kept.iter().filter(move |(part, _)| *part == number);
        for (_, slot) in registers() {
            let ty = memory_type(element.update.kernel.kernel.slot(*slot).ty);
            let _ = writeln!(text, "    {ty} {};", register(number, *slot));
        }
        let launch = format!("const Launch *const launch = launches[{number}];");
        let level = write_lines(&mut text, &["{", &launch], 1);
        element.write(&mut text, level, false);
        for (_, slot) in registers() {
            let _ = writeln!(text, "        {} = held{};", register(number, *slot), slot.0);
        }
        close(&mut text, level, 1);
    }
    text.push_str("}\n");
    Entry { name, text, sums: Vec::new() }
}

/// Let updates find in registers what earlier ones have reduced over copies and only they have
/// written. Gives the registers: number of the update, slot.
fn keep_in_registers(elements: &mut [Element<'_>]) -> BTreeSet<(usize, SlotId)> {
    let mut kept: HashMap<ArrayId, (usize, SlotId)> = HashMap::new();
    let mut used = BTreeSet::new();
    for (number, element) in elements.iter_mut().enumerate() {
        let planned = &element.update.kernel;
        let bound = planned.kernel.slots.iter().zip(&planned.bindings).zip(&mut element.accesses);
        for ((slot, binding), access) in bound {
            if let SlotKind::Variable { writable: false, .. } = slot.kind
                && let SlotBinding::Array { array, .. } = binding
                && let Some(&(part, reduced)) = kept.get(array)
            {
                *access = Access::Value(register(part, reduced));
                used.insert((part, reduced));
            }
        }
        let written = planned.written();
        kept.retain(|array, _| !written.contains(array));
        kept.extend(element.reduced.iter().map(|it| (it.target, (number, it.slot))));
    }
    used
}

/// Name of the register with what an update has reduced.
fn register(number: usize, slot: SlotId) -> String {
    format!("reduced{number}_{}", slot.0)
}

fn head(name: &str, title: &str, parameter: &str) -> String {
    let title = comment(title);
    format!("// {title}\nextern \"C\" __global__ void {name}(const Launch {parameter}) {{\n")
}

/// What an update does to an element.
struct Element<'a> {
    update: &'a CustomUpdatePlan,
    shape: Shape,
    members: Members,
    accesses: Vec<Access>,
    copies: Vec<CopyOf>,
    reduced: Vec<Reduced>,
    /// Elements of each copy that are read before it is their turn, as the thread would wait for
    /// each otherwise.
    ahead: Vec<SlotId>,
}

/// A sum or maximum over copies, which stays in a register.
struct Reduced {
    target: ArrayId,
    slot: SlotId,
    /// What it starts from.
    start: String,
}

impl<'a> Element<'a> {
    fn new(plan: &Plan, update: &'a CustomUpdatePlan) -> Self {
        let (shape, members) = shape_of(plan, update);
        let planned = &update.kernel;
        let (mut accesses, copies) = reach(plan, planned, shape, members);
        let mut reduced = Vec::new();
        for reduction in update.reductions.iter().filter(|it| reduces_over_batch(plan, update, it))
        {
            let is_target = |binding: &SlotBinding| matches!(binding, SlotBinding::Array { array, .. } if *array == reduction.target);
            let Some(index) = planned.bindings.iter().position(is_target) else { continue };
            if let Access::Element { adding, .. } = &mut accesses[index] {
                *adding = Adding::Held;
                let slot = SlotId(index as u32);
                let ty = planned.kernel.slot(slot).ty;
                let start = constant(ty, reduction.reduce.start_bits(ty));
                reduced.push(Reduced { target: reduction.target, slot, start });
            }
        }
        let mut element =
            Self { update, shape, members, accesses, copies, reduced, ahead: Vec::new() };
        element.ahead = element.read_ahead();
        element
    }

    /// Elements of each copy that are read once, which can be done before the copies before it.
    fn read_ahead(&self) -> Vec<SlotId> {
        let planned = &self.update.kernel;
        let mut arrays = BTreeSet::new();
        if self.members != Members::All || !planned.arrays().all(|array| arrays.insert(array)) {
            return Vec::new();
        }
        let mut reads: HashMap<SlotId, usize> = HashMap::new();
        planned.kernel.body.for_each_op(&mut |op| {
            if let Op::Read(slot) = op {
                *reads.entry(*slot).or_default() += 1;
            }
        });
        let own = |slot: &SlotId| {
            let access = &self.accesses[slot.0 as usize];
            self.copies[slot.0 as usize] == CopyOf::MEMBER
                && matches!(access, Access::Element { index, .. } if index == self.shape.element())
        };
        let once = |slot: &SlotId| reads.get(slot) == Some(&1);
        planned.kernel.slot_ids().filter(own).filter(once).collect()
    }

    /// Lines that give a thread its element, or end it if there is none.
    fn start(&self, text: &mut String, launch: &str) {
        let thread = self.shape.thread();
        let lines = [
            format!("const u32 {thread} = blockIdx.x * blockDim.x + threadIdx.x;"),
            format!("if ({thread} >= {launch}->lanes) return;"),
        ];
        write_lines(text, &lines.each_ref().map(String::as_str), 1);
    }

    /// Statements for the element of a thread; `alone` says that no others of the function touch
    /// the same arrays.
    fn write(&self, text: &mut String, level: usize, alone: bool) {
        let kernel = &self.update.kernel.kernel;
        let pointer = |slot| pointer(kernel, &self.copies, slot, alone);
        let mut lines = Vec::new();
        for Reduced { slot, start, .. } in &self.reduced {
            let ty = memory_type(kernel.slot(*slot).ty);
            lines.push(pointer(*slot));
            lines.push(format!("{ty} held{} = {start};", slot.0));
        }
        let lead = self.shape.passes(Form::Launched, false).into_iter().flat_map(|pass| pass.lead);
        lines.extend(lead.map(str::to_owned));
        if self.members == Members::All {
            self.each_copy(&mut lines);
        } else {
            lines.push("const u32 member = 0;".to_owned());
        }
        let needed = |slot: &SlotId| {
            !matches!(self.accesses[slot.0 as usize], Access::Value(_))
                && self.reduced.iter().all(|it| it.slot != *slot)
        };
        lines.extend(kernel.slot_ids().filter(needed).map(pointer));
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let inner = write_lines(text, &lines, level);
        let options = BodyOptions {
            shape: self.shape,
            ahead: &self.ahead,
            left_out: &[],
            adding: PassAdding::AtOnce,
        };
        let body = Body::write(kernel, &self.accesses, options, inner);
        text.push_str(&body.text);
        close(text, inner, level);
        for Reduced { slot, .. } in &self.reduced {
            let line = format!("s{0}[{1}] = held{0};", slot.0, self.shape.element());
            write_lines(text, &[&line], level);
        }
    }

    /// Lines that lead to one copy after the other.
    fn each_copy(&self, lines: &mut Vec<String>) {
        lines.push("const u32 members = launch->members;".to_owned());
        lines.push("for (u32 first = 0; first < members; first += AHEAD) {".to_owned());
        for slot in &self.ahead {
            let ty = memory_type(self.update.kernel.kernel.slot(*slot).ty);
            let thread = self.shape.thread();
            lines.push(format!("{ty} ahead{}[AHEAD];", slot.0));
            lines.push(format!(
                "fetch_ahead(ahead{0}, launch->slots[{0}], {thread}, first, members);",
                slot.0
            ));
        }
        for line in [
            "#pragma unroll",
            "for (u32 next = 0; next < AHEAD; ++next) {",
            "const u32 member = first + next;",
            "if (member < members) {",
        ] {
            lines.push(line.to_owned());
        }
    }
}
