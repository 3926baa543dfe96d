//! The text of a trial: a function that goes through the timesteps of batch members.
//!
//! What depends on nothing that another function writes runs at the same time, see [`levels`];
//! between levels the threads meet. Time and rings are counted by each block.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mlgenn_ir::{Op, SlotId, SlotKind};
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{EventQueueId, RingPosition, Scalar, SlotBinding};

use super::entry::Form;
use super::network::{EventSource, NetworkEntry, Stage};
use super::placement::Placement;
use super::planned::planned_entry;
use super::shape::{Shape, Trigger};
use super::trial::{LateSum, Trial, TrialLayout, Word, queue_neurons};
use super::types::{constant, value_type};

/// Lanes of an entry for which most threads of a block wait.
const FEW_LANES: usize = 64;

/// Write a trial of these entries, which are numbered as in the network.
pub(super) fn write(plan: &Plan, stages: &[(usize, &NetworkEntry)], layout: TrialLayout) -> Trial {
    let mut writer = Writer {
        plan,
        layout,
        text: String::new(),
        words: Vec::new(),
        level: 0,
        late_sums: Vec::new(),
        kept_events: Vec::new(),
    };
    for &(number, entry) in stages.iter().filter(|(_, entry)| does_something(entry)) {
        let called = planned_entry(
            number,
            plan,
            &entry.planned,
            entry.shape,
            entry.members,
            Form::Called { few: entry.sizes(plan).lanes <= FEW_LANES },
            entry.event_sum.iter().map(|sum| sum.matrix).collect(),
        );
        writer.text.push_str(&called.text);
        writer.text.push('\n');
    }
    writer.resident_type();
    writer.function(stages);
    writer.finish();
    let Writer { layout, text, words, late_sums, kept_events, .. } = writer;
    let neurons = |list: &usize| queue_neurons(plan, layout.lists[*list].queue);
    Trial {
        kept_events: kept_events.iter().map(neurons).collect(),
        text,
        threads: layout.threads,
        longest: layout.longest,
        members_per_block: layout.members_per_block,
        late_sums,
        words,
    }
}

/// Whether an entry does more than sums that are taken later.
pub(super) fn does_something(entry: &NetworkEntry) -> bool {
    let mut does = false;
    entry.planned.kernel.body.for_each_op(&mut |op| match op {
        Op::Write(slot, _) => does |= entry.event_sum.is_none_or(|sum| sum.matrix != *slot),
        Op::Accumulate(..)
        | Op::AccumulateDelayed { .. }
        | Op::Emit(..)
        | Op::StoreElement(..)
        | Op::AccumulateElement(..)
        | Op::StorePointer(..)
        | Op::AtomicOr(..)
        | Op::Print { .. }
        | Op::Assert(_) => does = true,
        _ => {}
    });
    does
}

/// When each entry can run at the earliest: after all entries before it that write what it uses,
/// or use what it writes, and after the events that it waits for are listed, which is level 0.
fn levels(plan: &Plan, entries: &[(usize, &NetworkEntry)]) -> Vec<usize> {
    let arrays: Vec<(BTreeSet<ArrayId>, BTreeSet<ArrayId>)> = entries
        .iter()
        .map(|(_, entry)| (entry.planned.arrays().collect(), entry.planned.written()))
        .collect();
    let mut levels: Vec<usize> = Vec::new();
    for ((_, entry), (used, written)) in entries.iter().zip(&arrays) {
        let depends = |(earlier_used, earlier_written): &(BTreeSet<_>, BTreeSet<_>)| {
            !used.is_disjoint(earlier_written) || !written.is_disjoint(earlier_used)
        };
        let before = arrays.iter().zip(&levels).filter(|(earlier, _)| depends(earlier));
        let listed = usize::from(entry.events(plan).is_some());
        levels.push(before.map(|(_, level)| level + 1).fold(listed, usize::max));
    }
    levels
}

pub(super) struct Writer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) layout: TrialLayout,
    late_sums: Vec<LateSum>,
    /// Which lists are kept for them.
    kept_events: Vec<usize>,
    text: String,
    words: Vec<Word>,
    level: usize,
}

impl Writer<'_> {
    pub(super) fn line(&mut self, line: &str) {
        if line.starts_with('}') {
            self.level -= 1;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:width$}{line}", "", width = 4 * self.level);
        self.level += usize::from(line.ends_with('{'));
    }

    /// The expression of a word.
    pub(super) fn word(&mut self, word: Word) -> String {
        let index = self.words.iter().position(|&other| other == word).unwrap_or_else(|| {
            self.words.push(word);
            self.words.len() - 1
        });
        format!("words[{index}]")
    }

    fn time(&self) -> &'static str {
        value_type(self.plan.time)
    }

    /// Rings with more than one delay slot, and how many each has.
    fn rings(&self, wanted: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
        let rings = self.plan.layout.rings().iter().copied().enumerate();
        rings.filter(|&(ring, slots)| slots > 1 && wanted(ring)).collect()
    }

    fn advance(&mut self, rings: &[(usize, usize)]) {
        for (ring, slots) in rings {
            self.line(&format!("rings[{ring}] = next_slot(rings[{ring}], {slots}u);"));
        }
    }

    fn function(&mut self, stages: &[(usize, &NetworkEntry)]) {
        let plan = self.plan;
        let (threads, time) = (self.layout.threads, self.time());
        let (members, per_block) = (plan.network.batch_size, self.layout.members_per_block);
        let blocks = self.layout.side_by_side;
        self.line("// All timesteps of a block of batch members");
        self.line(&format!(
            "extern \"C\" __global__ void __launch_bounds__({threads}, {blocks}) run_trial(const Trial \
             *trial) {{"
        ));
        self.line("if (is_spare()) return;");
        self.line("const u64 *const __restrict__ words = trial->words;");
        self.line("Watch *const watch = trial->watch;");
        self.line("const u32 block = blockIdx.x;");
        for list in 0..self.layout.lists.len() {
            let neurons = queue_neurons(plan, self.layout.lists[list].queue);
            self.line(&format!("__shared__ u16 neurons{list}[{neurons} + LIST_END];"));
        }
        self.line(&format!("__shared__ u32 counts[{}];", self.layout.lists.len().max(1)));
        if !self.layout.resident.is_empty() {
            self.line("__shared__ Resident resident;");
        }
        self.line(&format!("const u32 first_member = block * {per_block}u;"));
        self.line(&format!("for (u32 member = first_member; member < {members}u"));
        self.line(&format!("        && member < first_member + {per_block}u; ++member) {{"));
        self.load_resident();
        let rings = plan.layout.rings().len();
        self.line(&format!("u32 rings[{}] = {{0}};", rings.max(1)));
        for (ring, _) in self.rings(|_| true) {
            self.line(&format!("rings[{ring}] = trial->rings[{ring}];"));
        }
        self.line("u32 timestep = *trial->timestep;");
        self.line(&format!("{time} time = *(const {time} *)trial->time;"));
        self.line("u64 steps_made = *trial->steps_made;");
        self.line("for (u32 step = 0; step < trial->timesteps; ++step) {");
        let dendritic: Vec<_> = plan
            .synapse_groups
            .iter()
            .filter_map(|g| g.den_delay)
            .map(|(_, ring)| ring.0)
            .collect();
        let moved = self.rings(|ring| dendritic.contains(&ring));
        self.advance(&moved);
        let (neurons, synaptic): (Vec<_>, Vec<_>) =
            stages.iter().partition(|(_, entry)| matches!(entry.stage, Stage::Neurons(_)));
        self.synapses(&synaptic);
        let populations: Vec<_> = plan.populations.iter().map(|p| p.ring.0).collect();
        let moved = self.rings(|ring| populations.contains(&ring));
        self.advance(&moved);
        self.neurons(&neurons);
        self.record();
        self.line("timestep += 1;");
        self.line("steps_made += 1;");
        let dt = self.dt();
        self.line(&format!("time = ({time})timestep * {dt};"));
        self.line("}");
        self.store_resident();
        self.line("}");
        self.line("}");
    }

    fn dt(&self) -> String {
        let dt = self.plan.network.dt;
        let bits = match self.time() {
            "f64" => dt.to_bits(),
            _ => u64::from((dt as f32).to_bits()),
        };
        constant(self.plan.time, bits)
    }

    /// The bits of events of the current member: an expression.
    fn bits(&mut self, source: EventSource, at: RingPosition) -> String {
        self.element(self.plan.event_queues[source.queue.0].array, at)
    }

    /// The first element of an array of the current member: an expression.
    fn element(&mut self, array: ArrayId, at: RingPosition) -> String {
        let first = self.in_shared_memory(array).unwrap_or_else(|| self.in_memory(array));
        let place = Placement::new(self.plan, array, at);
        let slot = match place.ring.filter(|_| place.slots > 1) {
            Some(ring) => {
                let (back, slots) = (place.back, place.slots);
                format!(
                    " + {} * earlier_slot(rings[{}], {back}u, {slots}u)",
                    place.ring_stride, ring.0
                )
            }
            None => String::new(),
        };
        format!("{first}{slot}")
    }

    fn list_events(&mut self) {
        let threads = self.layout.threads;
        for list in 0..self.layout.lists.len() {
            let source = self.layout.lists[list];
            let bits = self.bits(source, RingPosition::Back(source.delay));
            let neurons = queue_neurons(self.plan, source.queue);
            self.line(&format!("const u32 *const bits{list} = {bits};"));
            self.line(&format!("if (is_warp({threads}u, {list}u)) {{"));
            self.line(&format!(
                "list_events(neurons{list}, &counts[{list}], bits{list}, {neurons}u);"
            ));
            self.line("}");
        }
    }

    /// The lists, once all threads have met.
    fn take_lists(&mut self) {
        for list in 0..self.layout.lists.len() {
            self.line(&format!(
                "const EventList list{list} = {{bits{list}, neurons{list}, counts[{list}]}};"
            ));
        }
    }

    /// Keep the events that sums are taken over later: `[words][timesteps][members]`.
    fn keep_events(&mut self, stages: &[(usize, &NetworkEntry)]) {
        let (plan, threads) = (self.plan, self.layout.threads);
        let (longest, members) = (self.layout.longest, plan.network.batch_size);
        for (_, entry) in stages.iter().filter(|(_, entry)| entry.event_sum.is_some()) {
            let Some(source) = entry.events(plan) else { continue };
            let Some(list) = self.layout.lists.iter().position(|&other| other == source) else {
                continue;
            };
            if self.kept_events.contains(&list) {
                continue;
            }
            let kept = self.word(Word::Events(self.kept_events.len()));
            self.kept_events.push(list);
            let words = queue_neurons(plan, source.queue).div_ceil(32);
            self.line(&format!(
                "for (u32 word = first_lane({threads}u, 0u); word < {words}u; word += \
                 lane_step({threads}u)) {{"
            ));
            self.line(&format!(
                "((u32 *){kept})[((u64)word * {longest}u + step) * {members}u + member] = \
                 bits{list}[word];"
            ));
            self.line("}");
        }
    }

    /// Keep what a sum adds at events later: `[timesteps][members][columns]`.
    fn keep_values(&mut self, entry: &NetworkEntry, offset: usize) {
        let (plan, threads) = (self.plan, self.layout.threads);
        let (Some(source), Some(sum)) = (entry.events(plan), entry.event_sum) else { return };
        let binding = |slot: SlotId| entry.planned.bindings[slot.0 as usize];
        let (SlotBinding::Array { array, at }, SlotBinding::Array { array: target, .. }) =
            (binding(sum.vector), binding(sum.matrix))
        else {
            return;
        };
        let (sizes, members) = (entry.sizes(plan), plan.network.batch_size);
        let list = self.layout.lists.iter().position(|&other| other == source);
        let events = self.kept_events.iter().position(|&kept| Some(kept) == list).unwrap_or(0);
        let kept = self.word(Word::Values(self.late_sums.len()));
        self.late_sums.push(LateSum { sum: target, events, sizes });
        let from = self.element(array, at);
        let sign = if sum.subtract { "-" } else { "" };
        let columns = sizes.columns;
        self.line("{");
        self.line(&format!("const f32 *const from = {from};"));
        self.line(&format!(
            "f32 *const to = (f32 *){kept} + ((u64)step * {members}u + member) * {columns}u;"
        ));
        self.line(&format!(
            "for (u32 lane = first_lane({threads}u, {offset}u); lane < {columns}u; lane += \
             lane_step({threads}u)) to[lane] = {sign}from[lane];"
        ));
        self.line("}");
    }

    /// Run what concerns synapses level by level; events are listed meanwhile.
    fn synapses(&mut self, stages: &[&(usize, &NetworkEntry)]) {
        let stages: Vec<_> = stages.iter().map(|&&stage| stage).collect();
        let levels = levels(self.plan, &stages);
        self.list_events();
        for level in 0..=levels.iter().max().copied().unwrap_or(0) {
            if level == 1 {
                self.take_lists();
                self.keep_events(&stages);
            }
            let of_level = stages.iter().zip(&levels).filter(|(_, of)| **of == level);
            self.calls(of_level.map(|(stage, _)| *stage));
            self.line("meet();");
        }
    }

    /// Update neurons; populations do not depend on each other.
    fn neurons(&mut self, stages: &[&(usize, &NetworkEntry)]) {
        self.calls(stages.iter().map(|&&stage| stage));
        self.line("meet();");
    }

    /// Call entries that do not depend on each other: small ones go to different warps.
    fn calls<'a>(&mut self, stages: impl Iterator<Item = (usize, &'a NetworkEntry)>) {
        let mut offset = 0;
        for (number, entry) in stages {
            if does_something(entry) {
                self.call(number, entry, offset);
            }
            self.keep_values(entry, offset);
            let lanes = entry.sizes(self.plan).lanes.next_multiple_of(32);
            offset = (offset + lanes) % self.layout.threads;
        }
    }

    /// Call an entry for all of its lanes; lane 0 belongs to the thread at `offset`.
    fn call(&mut self, number: usize, entry: &NetworkEntry, offset: usize) {
        let plan = self.plan;
        let sizes = entry.sizes(plan);
        let name = &entry.entry.name;
        let kernel = &entry.planned.kernel;
        self.line("{");
        self.line(&format!("LaunchOf<{}> launch;", kernel.slots.len().max(1)));
        self.line("launch.watch = watch;");
        if !entry.entry.sums.is_empty() {
            let sums = self.word(Word::Sums(number));
            self.line(&format!("launch.sums = (void **){sums};"));
        }
        for (field, value) in [
            ("lanes", sizes.lanes),
            ("members", plan.network.batch_size),
            ("kernel", number),
            ("members_per_block", self.layout.members_per_block),
            ("rows", sizes.rows),
            ("columns", sizes.columns),
            ("stride", sizes.stride),
        ] {
            self.line(&format!("launch.{field} = {value}u;"));
        }
        if entry.is_sparse(plan) {
            let fields = ["row_length", "targets", "entries", "starts", "sources", "synapses"];
            for (list, field) in fields.into_iter().enumerate() {
                let word = self.word(Word::List(number, list));
                self.line(&format!("launch.{field} = (const u32 *){word};"));
            }
        }
        for (slot, (description, binding)) in
            kernel.slots.iter().zip(&entry.planned.bindings).enumerate()
        {
            if let Some(value) = self.slot(number, slot, description.kind, *binding) {
                self.line(&format!("launch.slots[{slot}] = {value};"));
            }
        }
        let list = entry.events(plan).map(|source| {
            let list = self.layout.lists.iter().position(|&other| other == source).unwrap_or(0);
            (list, format!(", list{list}"))
        });
        let by_events = matches!(entry.shape, Shape::RowPart { trigger: Trigger::Events, .. });
        let lanes = match &list {
            // Whole warps, as neighbours exchange sums.
            Some((list, _)) if by_events => {
                format!("(list{list}.count * PARTIAL_SUMS + 31) / 32 * 32")
            }
            _ => format!("{}u", sizes.lanes.next_multiple_of(32)),
        };
        let threads = self.layout.threads;
        self.line(&format!(
            "for (u32 lane = first_lane({threads}u, {offset}u); lane < {lanes}; lane += \
             lane_step({threads}u)) {{"
        ));
        let list = list.map(|(_, argument)| argument).unwrap_or_default();
        self.line(&format!("{name}(&launch, lane, block, member{list});"));
        self.line("}");
        self.line("}");
    }

    /// The value of a slot, if it is in memory.
    fn slot(
        &mut self,
        number: usize,
        slot: usize,
        kind: SlotKind,
        binding: SlotBinding,
    ) -> Option<String> {
        let plan = self.plan;
        let (array, at) = match binding {
            SlotBinding::Array { array, at } => (array, at),
            SlotBinding::Ring { array } => (array, RingPosition::Current),
            SlotBinding::Events(queue) => (plan.event_queues[queue.0].array, RingPosition::Current),
            SlotBinding::AllCopies { .. } => {
                let data = self.word(Word::Data(number, slot));
                let length = self.word(Word::Length(number, slot));
                return Some(format!("{{(void *){data}, 0, (i64){length}, 0, 0, 0, 1u, 0u}}"));
            }
            SlotBinding::Scalar(Scalar::Time) => {
                return Some("{&time, 0, 0, 0, 0, 0, 1u, 0u}".to_owned());
            }
            SlotBinding::Scalar(Scalar::StepsMade) => {
                return Some("{&steps_made, 0, 0, 0, 0, 0, 1u, 0u}".to_owned());
            }
            SlotBinding::RandomKey { .. } => {
                let data = self.word(Word::Data(number, slot));
                return Some(format!("{{(void *){data}, 0, 0, 1, 0, 0, 1u, 0u}}"));
            }
            SlotBinding::Index(_) | SlotBinding::Active | SlotBinding::Sleep => return None,
        };
        let place = Placement::new(plan, array, at);
        // There is one member at a time in shared memory.
        let (data, copy_step) = match self.in_shared_memory(array) {
            Some(data) => (data, 0),
            None => (self.word(Word::Data(number, slot)), place.copy_step),
        };
        let length = match (kind, plan.layout.array(array).elements()) {
            (SlotKind::Array { .. }, 0) => self.word(Word::Length(number, slot)),
            (_, elements) => elements.to_string(),
        };
        let current = place.ring.map_or("0".to_owned(), |ring| format!("&rings[{}]", ring.0));
        Some(format!(
            "{{(void *){data}, 0, (i64){length}, {copy_step}, {}, {current}, {}u, {}u}}",
            place.ring_stride, place.slots, place.back
        ))
    }

    /// Copy the events that are recorded.
    fn record(&mut self) {
        let plan = self.plan;
        let threads = self.layout.threads;
        let members = plan.network.batch_size;
        let recorded = plan.event_queues.iter().enumerate().filter(|(_, queue)| queue.recorded);
        for (index, queue) in recorded {
            let queue_id = EventQueueId(index);
            let source = EventSource { queue: queue_id, delay: 0 };
            let words = plan.layout.array(queue.array).elements();
            let bits = self.bits(source, RingPosition::Current);
            let rows = self.word(Word::Recorded(queue_id));
            let timesteps = self.word(Word::RecordedTimesteps);
            self.line("{");
            self.line(&format!("const u32 *const from = {bits};"));
            self.line(&format!("const u64 row = steps_made % {timesteps};"));
            self.line(&format!(
                "u32 *const to = (u32 *){rows} + (row * {members} + member) * {words};"
            ));
            self.line(&format!(
                "for (u32 word = first_lane({threads}u, 0u); word < {words}u; word += \
                 lane_step({threads}u)) to[word] = from[word];"
            ));
            self.line("}");
        }
    }

    /// The function that counts the timesteps of a trial when all blocks have made them.
    fn finish(&mut self) {
        let (time, dt) = (self.time(), self.dt());
        let mut rings = self.plan.populations.iter().map(|p| p.ring.0).collect::<BTreeSet<_>>();
        rings.extend(self.plan.synapse_groups.iter().filter_map(|g| g.den_delay).map(|d| d.1.0));
        self.text.push('\n');
        self.line("// What a trial leaves of time and rings");
        self.line("extern \"C\" __global__ void finish_trial(const Trial *trial) {");
        self.line("if (threadIdx.x != 0) return;");
        for (ring, slots) in self.rings(|ring| rings.contains(&ring)) {
            self.line(&format!(
                "trial->rings[{ring}] = (trial->rings[{ring}] + trial->timesteps) % {slots}u;"
            ));
        }
        self.line("*trial->timestep += trial->timesteps;");
        self.line("*trial->steps_made += trial->timesteps;");
        self.line(&format!("*({time} *)trial->time = ({time})*trial->timestep * {dt};"));
        self.line("}");
    }
}
