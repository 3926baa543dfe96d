//! Synapse dynamics that need not visit every synapse in every timestep.
//!
//! Where all that dynamics do is linear in the variables of synapses and one trace of their source
//! (see [`mlgenn_ir::linear`]), backends may note what neurons do and bring the synapses up to
//! date later, many timesteps at once. This is the other way to say what
//! [`super::SynapseKernel::body`] says; results differ in rounding.

use mlgenn_ir::decay::{Decay, decay_of, without_writes};
use mlgenn_ir::linear::{Coefficient, CoefficientSlot, LinearTraces, linear_dynamics};
use mlgenn_ir::{BinaryOp, Kernel, Op, SlotId, Type, Value};

use super::kernel::{PlannedKernel, RingPosition, SlotBinding};
use super::{PopulationPlan, SynapseGroupPlan, SynapseKernel};
use crate::layout::{ArrayId, Copies, Layout};

/// Elements of the histories of a batch member: as many as stay in a cache.
const HISTORY_ELEMENTS: usize = 1 << 18;

/// Fewest and most timesteps after which synapses are brought up to date: each time costs about as
/// much as a timestep of the plain dynamics.
const TIMESTEPS: (usize, usize) = (32, 1024);

/// Dynamics of a dense synapse group in linear form.
#[derive(Clone, Debug)]
pub struct LinearPlan {
    /// What is added to presynaptic neurons.
    pub row_sum: Option<RowSumPlan>,
    /// What happens to variables of synapses.
    pub traces: Option<TracesPlan>,
}

/// An array, and which slot of its ring.
pub type Position = (ArrayId, RingPosition);

/// `out_pre[i] += Σ weights[i][j] values[j]`, with weights that the batch shares.
#[derive(Clone, Copy, Debug)]
pub struct RowSumPlan {
    /// `f32` variable of synapses.
    pub weights: ArrayId,
    /// `f32` variable of postsynaptic neurons.
    pub values: Position,
}

/// Variables of synapses with linear dynamics, see [`LinearTraces`].
#[derive(Clone, Debug)]
pub struct TracesPlan {
    /// The variable of presynaptic neurons.
    pub trace: Position,
    /// What the trace is multiplied by in a timestep without a spike, as far as can be told; a
    /// wrong number costs time and changes rounding.
    pub decay: f32,
    /// If spikes make the trace jump, and nothing else changes it: by how much. Then the trace is
    /// brought up to date with the synapses, see [`PopulationPlan::without_traces`].
    pub spike: Option<f32>,
    /// The state.
    pub states: Vec<ArrayId>,
    /// The variable that is only added to.
    pub sum: ArrayId,
    /// As in [`LinearTraces`].
    pub matrix: Vec<Coefficient>,
    /// Number of coefficients that the kernel computes.
    pub outputs: usize,
    /// Computes them, for any number of postsynaptic neurons and timesteps.
    pub kernel: Kernel,
    /// What its slots are bound to.
    pub slots: Vec<HistorySlot>,
    /// Variables of postsynaptic neurons whose history it reads.
    pub inputs: Vec<Position>,
    /// Timesteps after which synapses are brought up to date.
    pub timesteps: usize,
}

/// What a slot of a kernel over histories is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistorySlot {
    /// The history of an input.
    Input(usize),
    /// An output.
    Output(usize),
    /// A dynamic parameter.
    Parameter(ArrayId),
}

impl TracesPlan {
    /// Arrays that must be up to date when somebody else reads or writes them, and before.
    pub fn arrays(&self) -> impl Iterator<Item = ArrayId> + '_ {
        let parameters = self.slots.iter().filter_map(|slot| match slot {
            HistorySlot::Parameter(array) => Some(*array),
            _ => None,
        });
        let trace = self.spike.map(|_| self.trace.0);
        self.states.iter().copied().chain([self.sum]).chain(parameters).chain(trace)
    }
}

/// The linear form of the dynamics of a dense synapse group.
pub(super) fn plan(
    layout: &Layout,
    planned: &PlannedKernel,
    out_pre: Option<ArrayId>,
    num_post: usize,
) -> Option<LinearPlan> {
    let found = linear_dynamics(&planned.kernel)?;
    let finder = Finder { layout, planned };
    let row_sum = match found.row_sum {
        None => None,
        Some(row_sum) => {
            let (weights, out) = (finder.array(row_sum.weights)?.0, finder.array(row_sum.out)?.0);
            let values = finder.f32_array(row_sum.values)?;
            let shared = layout.array(weights).copies == Copies::Shared;
            if !shared || Some(out) != out_pre || layout.array(out).ring.is_some() {
                return None;
            }
            Some(RowSumPlan { weights, values })
        }
    };
    let traces = match found.traces {
        None => None,
        Some(traces) => Some(finder.traces(traces, num_post)?),
    };
    Some(LinearPlan { row_sum, traces })
}

struct Finder<'a> {
    layout: &'a Layout,
    planned: &'a PlannedKernel,
}

impl Finder<'_> {
    fn array(&self, slot: SlotId) -> Option<Position> {
        match self.planned.bindings[slot.0 as usize] {
            SlotBinding::Array { array, at } => Some((array, at)),
            _ => None,
        }
    }

    fn f32_array(&self, slot: SlotId) -> Option<Position> {
        self.array(slot).filter(|(array, _)| self.layout.array(*array).ty == Type::F32)
    }

    fn traces(&self, found: LinearTraces, num_post: usize) -> Option<TracesPlan> {
        let per_member = |slot: SlotId| {
            let (array, _) = self.f32_array(slot)?;
            (self.layout.array(array).copies == Copies::Member).then_some(array)
        };
        let mut inputs = Vec::new();
        let mut outputs = 0;
        let mut slots = Vec::new();
        for slot in &found.slots {
            slots.push(match *slot {
                CoefficientSlot::Output(output) => {
                    outputs += 1;
                    HistorySlot::Output(output)
                }
                CoefficientSlot::Input(slot) => {
                    let position = self.array(slot)?;
                    let array = self.layout.array(position.0);
                    if self.planned.kernel.slot(slot).kind.domain() == Some(mlgenn_ir::Domain::Post)
                    {
                        let history = (array.ty == Type::F32 && array.elements() == num_post)
                            .then_some(HistorySlot::Input(inputs.len()))?;
                        inputs.push(position);
                        history
                    } else {
                        (array.copies == Copies::Shared && array.elements() == 1)
                            .then_some(HistorySlot::Parameter(position.0))?
                    }
                }
            });
        }
        let elements = inputs.len().max(1) * num_post;
        Some(TracesPlan {
            trace: self.f32_array(found.trace)?,
            decay: 0.0,
            spike: None,
            states: found.states.iter().map(|&slot| per_member(slot)).collect::<Option<_>>()?,
            sum: per_member(found.sum)?,
            matrix: found.matrix,
            outputs,
            kernel: found.kernel,
            slots,
            inputs,
            timesteps: (HISTORY_ELEMENTS / elements.max(1)).clamp(TIMESTEPS.0, TIMESTEPS.1),
        })
    }
}

/// Give up linear forms whose variables other synaptic code uses, note how traces decay, and plan
/// populations that leave their traces to synapses that catch up.
pub(super) fn settle(
    layout: &Layout,
    groups: &mut [SynapseGroupPlan],
    populations: &mut [PopulationPlan],
) {
    let mut left_out = vec![Vec::new(); populations.len()];
    for group in groups {
        let others = other_bindings(group);
        let Some(SynapseKernel { linear, .. }) = &mut group.dynamics else { continue };
        let Some(traces) = linear.as_mut().and_then(|linear| linear.traces.as_mut()) else {
            continue;
        };
        let used = |array: ArrayId| {
            others.iter().any(|binding| {
                matches!(binding, SlotBinding::Array { array: bound, .. } if *bound == array)
            })
        };
        if traces.arrays().any(used) {
            *linear = None;
            continue;
        }
        let (trace, population) = (traces.trace.0, &populations[group.source]);
        traces.decay = first_factor(&population.update, trace).unwrap_or(0.0);
        let here = layout.array(trace).ring.is_none() && group.axonal_delay == 0;
        if let Some((slot, decay)) = trace_of(population, trace).filter(|_| here && !used(trace)) {
            traces.decay = decay.decay;
            traces.spike = Some(decay.jump);
            left_out[group.source].push(slot);
        }
    }
    for (population, slots) in populations.iter_mut().zip(left_out) {
        if !slots.is_empty() {
            let kernel = without_writes(&population.update.kernel, &slots);
            let update = PlannedKernel { kernel, ..population.update.clone() }.pruned();
            let guard = update.guard();
            let without = PopulationPlan { update, guard, ..population.clone() };
            population.without_traces = Some(Box::new(without));
        }
    }
}

/// What all synaptic code of a group but its dynamics is bound to.
fn other_bindings(group: &SynapseGroupPlan) -> Vec<SlotBinding> {
    let events = [&group.pre_event, &group.post_event].into_iter().flatten();
    let spikes = [&group.pre_spike, &group.post_spike].into_iter().flatten();
    let kernels = events.map(|(kernel, _)| kernel).chain(spikes);
    let planned = kernels.flat_map(SynapseKernel::parts);
    planned.flat_map(|planned| planned.bindings.iter().copied()).collect()
}

/// The slot of a trace in the update of its population, and how it decays and jumps at spikes.
fn trace_of(population: &PopulationPlan, array: ArrayId) -> Option<(SlotId, Decay)> {
    let update = &population.update;
    let mut slots = update.bindings.iter().enumerate().filter(|(_, binding)| {
        matches!(binding, SlotBinding::Array { array: bound, .. } if *bound == array)
    });
    let (Some((slot, _)), None) = (slots.next(), slots.next()) else { return None };
    let slot = SlotId(slot as u32);
    let decay = decay_of(&update.kernel, slot)?;
    let events = update.bindings[decay.events.0 as usize];
    (events == SlotBinding::Events(population.spikes)).then_some((slot, decay))
}

/// The first constant that a neuron update multiplies an array by.
fn first_factor(update: &PlannedKernel, array: ArrayId) -> Option<f32> {
    let instructions = &update.kernel.body.instructions;
    let is_read = |value: Value| {
        instructions.iter().any(|instruction| {
            let Op::Read(slot) = instruction.op else { return false };
            let binding = update.bindings[slot.0 as usize];
            instruction.results.contains(&value)
                && matches!(binding, SlotBinding::Array { array: bound, .. } if bound == array)
        })
    };
    let constant = |value: Value| {
        instructions.iter().find_map(|instruction| match instruction.op {
            Op::Const(bits) if instruction.results.contains(&value) => {
                Some(f32::from_bits(bits as u32))
            }
            _ => None,
        })
    };
    instructions.iter().find_map(|instruction| match instruction.op {
        Op::Binary(BinaryOp::Multiply, a, b) if is_read(a) => constant(b),
        Op::Binary(BinaryOp::Multiply, a, b) if is_read(b) => constant(a),
        _ => None,
    })
}
