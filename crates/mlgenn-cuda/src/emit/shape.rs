//! How the threads of a launch go through neurons and synapses.

use std::fmt::Write as _;

use super::entry::Form;

/// What one thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One lane: a neuron, an element, a row.
    Lanes,
    /// All synapses of a postsynaptic neuron, in the order of the presynaptic neurons, so that
    /// nothing else adds to that neuron.
    ByPost {
        /// How the synapses are found.
        connectivity: Connectivity,
        /// Which presynaptic neurons take part.
        trigger: Trigger,
    },
    /// One of `COLUMN_PARTS` parts of the sparse synapses of a postsynaptic neuron, which its
    /// neighbours have the others of; what they add is added in the order of the presynaptic
    /// neurons.
    ColumnPart,
    /// All synapses of a presynaptic neuron whose postsynaptic neuron had an event, in their order.
    ByPre {
        /// How the synapses are found.
        connectivity: Connectivity,
    },
    /// One of [`super::PARTIAL_SUMS`] parts of the synapses of a presynaptic neuron, for sums over
    /// its row.
    RowPart {
        /// How the synapses are found.
        connectivity: Connectivity,
        /// Which presynaptic neurons take part.
        trigger: Trigger,
    },
    /// One synapse.
    Synapses {
        /// How the synapses are found.
        connectivity: Connectivity,
    },
}

/// How the synapses of a group are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// All pairs, in rows of the stride of the launch.
    Dense,
    /// Rows of such a stride with a length each, and a list of targets; for columns, lists of
    /// synapses.
    Sparse,
}

/// Which neurons take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Those with an event.
    Events,
    /// All.
    Always,
}

/// Which copies of arrays a thread goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// That of one batch member.
    Each,
    /// Those of the members of a block, in order, as they share sums.
    Block,
    /// All, in order.
    All,
}

/// A way in which a thread comes to lanes.
pub(super) struct Pass {
    /// See [`Shape::lead`].
    pub(super) lead: Vec<&'static str>,
    /// When lanes add to elements that are in registers.
    pub(super) adding: PassAdding,
}

/// When lanes add to elements that are in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PassAdding {
    /// When the kernel does.
    AtOnce,
    /// When the kernel does, if `due` says so.
    IfDue,
    /// After the kernel, which leaves what there is to add: see [`Shape::ColumnPart`].
    AfterLane,
}

impl Shape {
    /// Name of what the threads of a block are numbered by.
    pub(super) fn thread(self) -> &'static str {
        match self {
            Self::Lanes => "lane",
            Self::ByPost { .. } => "post",
            Self::ByPre { .. } => "pre",
            Self::RowPart { .. } | Self::ColumnPart => "part",
            Self::Synapses { .. } => "place",
        }
    }

    /// Index of the element that a thread of a custom update has.
    pub(super) fn element(self) -> &'static str {
        if self == Self::Lanes { "lane" } else { "synapse" }
    }

    /// Whether there is a thread per neuron.
    pub(super) fn is_by_neuron(self) -> bool {
        matches!(self, Self::Lanes | Self::ByPost { .. } | Self::ByPre { .. })
    }

    /// Whether bits of events are read.
    pub(super) fn has_events(self) -> bool {
        match self {
            Self::ByPost { trigger, .. } | Self::RowPart { trigger, .. } => {
                trigger == Trigger::Events
            }
            Self::ByPre { .. } | Self::ColumnPart => true,
            Self::Lanes | Self::Synapses { .. } => false,
        }
    }

    /// Whether a thread that other functions call goes through a list of neurons with events.
    fn goes_through_list(self) -> bool {
        match self {
            Self::ByPost { connectivity, trigger } => {
                connectivity == Connectivity::Dense && trigger == Trigger::Events
            }
            Self::ByPre { connectivity } => connectivity == Connectivity::Dense,
            _ => false,
        }
    }

    /// Lines before the condition that a thread has work, see [`Shape::inside`].
    pub(super) fn before(self, form: Form) -> &'static [&'static str] {
        match (self, form) {
            (Self::RowPart { trigger: Trigger::Events, .. }, Form::Called { .. }) => &[
                "const bool inside = part < list.count * PARTIAL_SUMS;",
                "const u32 pre = inside ? list.neurons[part / PARTIAL_SUMS] : 0;",
            ],
            (Self::RowPart { .. }, _) => &[
                "const bool inside = part < launch->lanes;",
                "const u32 pre = part / PARTIAL_SUMS;",
            ],
            (Self::ColumnPart, _) => &["const u32 post = part / COLUMN_PARTS;"],
            _ => &[],
        }
    }

    /// The condition that a thread has work.
    pub(super) fn inside(self, form: Form) -> String {
        match (self, form) {
            (Self::RowPart { trigger: Trigger::Events, .. }, Form::Launched) => {
                "inside && has_event(events, pre)".to_owned()
            }
            (Self::RowPart { .. }, _) => "inside".to_owned(),
            (Self::ColumnPart, _) => "post < launch->columns".to_owned(),
            _ => format!("{} < launch->lanes", self.thread()),
        }
    }

    /// The ways in which a thread comes to the lanes of the kernel, one after the other. Kernels
    /// that only add may be run for a few neurons beyond the end of a list, if they do not add
    /// then.
    pub(super) fn passes(self, form: Form, only_adds: bool) -> Vec<Pass> {
        let pass = |each_event, adding| Pass { lead: self.lead(form, each_event), adding };
        if self == Self::ColumnPart {
            return vec![pass(&[], PassAdding::AfterLane)];
        }
        match form {
            Form::Called { few } if only_adds && self.goes_through_list() => {
                let (whole, last) = if few { (&WHOLE_16, &LAST_16) } else { (&WHOLE_8, &LAST_8) };
                vec![pass(whole, PassAdding::AtOnce), pass(last, PassAdding::IfDue)]
            }
            Form::Called { few: true } => vec![pass(&LISTED_BY_32, PassAdding::AtOnce)],
            Form::Called { few: false } => vec![pass(&LISTED_BY_8, PassAdding::AtOnce)],
            Form::Launched => vec![pass(&EVENTS, PassAdding::AtOnce)],
        }
    }

    /// The lines that lead to one lane of the kernel; as many braces are open afterwards as there
    /// are indents more.
    fn lead(self, form: Form, each_event: &'static [&'static str]) -> Vec<&'static str> {
        use Connectivity::{Dense, Sparse};
        use Trigger::Events;
        let (pre, post) = match form {
            Form::Launched => (
                "const u32 pre = 32 * word + lowest_bit(left);",
                "const u32 post = 32 * word + lowest_bit(left);",
            ),
            Form::Called { .. } => (
                "const u32 pre = list.neurons[i + next];",
                "const u32 post = list.neurons[i + next];",
            ),
        };
        let mut lines = Vec::new();
        match self {
            Self::Lanes => {}
            Self::ByPost { connectivity: Dense, trigger } => {
                if trigger == Events {
                    lines.extend(each_event);
                    lines.push(pre);
                } else {
                    lines.push("for (u32 pre = 0; pre < launch->rows; ++pre) {");
                }
                lines.push("const u64 synapse = (u64)pre * launch->stride + post;");
            }
            Self::ByPost { connectivity: Sparse, trigger } => {
                lines.push(
                    "for (u32 i = launch->starts[post]; i < launch->starts[post + 1]; ++i) {",
                );
                lines.push("const u32 pre = launch->sources[i];");
                if trigger == Events {
                    lines.push("if (!has_event(events, pre)) continue;");
                }
                lines.push("const u64 synapse = launch->synapses[i];");
            }
            Self::ColumnPart => lines.extend(SPARSE_COLUMN),
            Self::ByPre { connectivity: Dense } => {
                lines.extend(each_event);
                lines.push(post);
                lines.push("const u64 synapse = (u64)pre * launch->stride + post;");
            }
            Self::ByPre { connectivity: Sparse } => {
                lines.extend(SPARSE_ROW);
                lines.push("if (!has_event(events, post)) continue;");
            }
            Self::RowPart { connectivity, .. } => {
                lines.push("const u32 first = part % PARTIAL_SUMS;");
                if connectivity == Dense {
                    if form != Form::Launched {
                        lines.push("#pragma unroll 8");
                    }
                    lines.push(
                        "for (u32 post = first; post < launch->columns; post += PARTIAL_SUMS) {",
                    );
                    lines.push("const u64 synapse = (u64)pre * launch->stride + post;");
                } else {
                    lines.push("const u32 length = launch->row_length[pre];");
                    lines.push("for (u32 i = first; i < length; i += PARTIAL_SUMS) {");
                    lines.push("const u64 synapse = (u64)pre * launch->stride + i;");
                    lines.push("const u32 post = launch->targets[synapse];");
                }
            }
            Self::Synapses { connectivity } => {
                lines.push("const u32 pre = place / launch->stride;");
                lines.push("const u64 synapse = place;");
                if connectivity == Dense {
                    lines.push("const u32 post = place % launch->stride;");
                } else {
                    lines.push("if (place % launch->stride < launch->row_length[pre]) {");
                    lines.push("const u32 post = launch->targets[synapse];");
                }
            }
        }
        lines
    }

    /// Whether sums are taken over rows, and not over all lanes.
    pub fn sums_of_rows(self) -> bool {
        matches!(self, Self::RowPart { .. })
    }
}

const EVENTS: [&str; 2] = [
    "for (u32 word = 0; 32 * word < launch->rows; ++word) {",
    "for (u32 left = events[word]; left; left &= left - 1) {",
];

// Many synapses are under way at a time, also of the last few. Where each has a condition, few are:
// a thread has seven registers for conditions.

const WHOLE_8: [&str; 4] = [
    "u32 i = 0;",
    "for (; i + 8 <= list.count; i += 8) {",
    "#pragma unroll",
    "for (u32 next = 0; next < 8; ++next) {",
];

const LAST_8: [&str; 4] = [
    "if (i < list.count) {",
    "#pragma unroll",
    "for (u32 next = 0; next < 8; ++next) {",
    "const bool due = i + next < list.count;",
];

const WHOLE_16: [&str; 4] = [
    "u32 i = 0;",
    "for (; i + 16 <= list.count; i += 16) {",
    "#pragma unroll",
    "for (u32 next = 0; next < 16; ++next) {",
];

const LAST_16: [&str; 4] = [
    "if (i < list.count) {",
    "#pragma unroll",
    "for (u32 next = 0; next < 16; ++next) {",
    "const bool due = i + next < list.count;",
];

const LISTED_BY_8: [&str; 4] = [
    "for (u32 i = 0; i < list.count; i += 8) {",
    "#pragma unroll",
    "for (u32 next = 0; next < 8; ++next) {",
    "if (i + next < list.count) {",
];

const LISTED_BY_32: [&str; 4] = [
    "for (u32 i = 0; i < list.count; i += 32) {",
    "#pragma unroll",
    "for (u32 next = 0; next < 32; ++next) {",
    "if (i + next < list.count) {",
];

// Neighbours take neighbouring synapses, one each, and then meet; the next ones are under way.
const SPARSE_COLUMN: [&str; 10] = [
    "const u32 start = launch->starts[post];",
    "const u32 end = launch->starts[post + 1];",
    "u32 next = source_at(launch, start + part % COLUMN_PARTS, end);",
    "for (u32 first = start; first < end; first += COLUMN_PARTS) {",
    "const u32 i = first + part % COLUMN_PARTS;",
    "const u32 pre = next;",
    "next = source_at(launch, i + COLUMN_PARTS, end);",
    "const bool due = i < end && has_event(events, pre);",
    "if (due) {",
    "const u64 synapse = launch->synapses[i];",
];

const SPARSE_ROW: [&str; 3] = [
    "for (u32 i = 0; i < launch->row_length[pre]; ++i) {",
    "const u64 synapse = (u64)pre * launch->stride + i;",
    "const u32 post = launch->targets[synapse];",
];

/// Write lines, one level further in after each open brace; returns the level.
pub(super) fn write_lines(text: &mut String, lines: &[&str], mut level: usize) -> usize {
    for line in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:width$}{line}", "", width = 4 * level);
        level += usize::from(line.ends_with('{'));
    }
    level
}

/// Close braces down to a level.
pub(super) fn close(text: &mut String, mut level: usize, down_to: usize) {
    while level > down_to {
        level -= 1;
        let _ = writeln!(text, "{:width$}}}", "", width = 4 * level);
    }
}
