//! Synapse dynamics in linear form, see [`mlgenn_model::plan::LinearPlan`]: what neurons do is
//! noted in every timestep, synapses are brought up to date many timesteps later.
//!
//! They *catch up* after a fixed number of timesteps, before anything reads or writes their
//! variables, when the time is set, and at the end of a run if somebody holds a view of them. That
//! depends on what is asked of the simulation, never on the number of threads.

use std::collections::BTreeSet;
use std::sync::Arc;

use mlgenn_ir::launch::{Executor, Pattern, Program};
use mlgenn_ir::traces::{Jump, RowSums, Watched};
use mlgenn_ir::{Buffer, Type};
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{
    HistorySlot, LinearPlan, Position, SlotBinding, SynapseGroupPlan, SynapseKernel, TracesPlan,
};

use crate::bind::{BoundArray, Place};
use crate::compiled::CompiledModel;
use crate::error::EngineError;
use crate::history::{Behind, History};
use crate::neuron_update::for_each_bit;
use crate::schedule::{BlockStep, Shared};

/// A history has at most so many jumps for each batch member.
const MOST_JUMPS: usize = 1 << 20;

/// Programs of the linear dynamics of a synapse group.
pub(crate) struct LinearPrograms {
    values: Option<BoundArray>,
    pub(crate) traces: Option<TracePrograms>,
}

pub(crate) struct TracePrograms {
    pub(crate) coefficients: Box<dyn Program>,
    trace: BoundArray,
    inputs: Vec<BoundArray>,
}

impl LinearPrograms {
    /// Programs for dynamics that have a linear form, if the executor makes use of it.
    pub(crate) fn new(
        executor: &dyn Executor,
        plan: &Plan,
        dynamics: &SynapseKernel,
    ) -> Option<Self> {
        executor.traces()?;
        let linear = dynamics.linear.as_ref()?;
        let bound = |position: &Position| BoundArray::new(plan, *position);
        let traces = linear.traces.as_ref().map(|traces| {
            let patterns = traces.slots.iter().map(|slot| match slot {
                HistorySlot::Parameter(_) => Pattern::Uniform,
                _ => Pattern::Contiguous,
            });
            TracePrograms {
                coefficients: executor.compile(&traces.kernel, &patterns.collect::<Vec<_>>()),
                trace: bound(&traces.trace),
                inputs: traces.inputs.iter().map(bound).collect(),
            }
        });
        let values = linear.row_sum.as_ref().map(|row_sum| bound(&row_sum.values));
        Some(Self { values, traces })
    }
}

/// What depends on synapses having caught up.
#[derive(Debug, Default)]
pub(crate) struct Dependents {
    arrays: BTreeSet<ArrayId>,
    updates: BTreeSet<String>,
}

impl Dependents {
    /// The arrays of groups with linear dynamics, and the custom update groups that use them.
    pub(crate) fn new(plan: &Plan, uses_linear: bool) -> Self {
        let groups = plan.synapse_groups.iter().filter(|_| uses_linear);
        let arrays: BTreeSet<ArrayId> =
            groups.filter_map(traces_of).flat_map(TracesPlan::arrays).collect();
        let uses = |binding: &SlotBinding| match binding {
            SlotBinding::Array { array, .. }
            | SlotBinding::AllCopies { array }
            | SlotBinding::Ring { array } => arrays.contains(array),
            _ => false,
        };
        let updates = plan.custom_updates.iter().filter(|(group, updates)| {
            let rewires = plan.custom_connectivity_updates.contains_key(*group);
            rewires
                || updates.iter().any(|update| {
                    let moved = |array| arrays.contains(&array);
                    update.kernel.bindings.iter().any(uses)
                        || update.transpose.is_some_and(|t| moved(t.from) || moved(t.to))
                })
        });
        let updates = updates.map(|(group, _)| group.clone()).collect();
        Self { arrays, updates }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    pub(crate) fn has_array(&self, array: ArrayId) -> bool {
        self.arrays.contains(&array)
    }

    /// Whether the updates of a group use the arrays.
    pub(crate) fn has_update(&self, group: &str) -> bool {
        !self.arrays.is_empty() && self.updates.contains(group)
    }

    /// Whether anybody but the simulation holds one of the arrays.
    pub(crate) fn are_viewed(&self, buffers: &[Arc<Buffer>]) -> bool {
        self.arrays.iter().any(|array| Arc::strong_count(&buffers[array.0]) > 1)
    }
}

fn linear_of(group: &SynapseGroupPlan) -> Option<&LinearPlan> {
    group.dynamics.as_ref()?.linear.as_ref()
}

/// The variables of synapses of a group that have linear dynamics.
pub(crate) fn traces_of(group: &SynapseGroupPlan) -> Option<&TracesPlan> {
    linear_of(group)?.traces.as_ref()
}

/// The weights that row sums need, in column-major order, by synapse group.
pub(crate) fn columns_of_weights(
    model: &CompiledModel,
    buffers: &[Arc<Buffer>],
) -> Result<Vec<Option<Buffer>>, EngineError> {
    let groups = model.plan.synapse_groups.iter().zip(&model.groups);
    groups
        .map(|(group, programs)| {
            let row_sum = linear_of(group).and_then(|linear| linear.row_sum);
            let Some(row_sum) = row_sum.filter(|_| programs.linear.is_some()) else {
                return Ok(None);
            };
            let columns = Buffer::new(Type::F32, group.num_pre * group.num_post)?;
            copy_columns(group, &buffers[row_sum.weights.0], &columns);
            Ok(Some(columns))
        })
        .collect()
}

/// Bring weights in column-major order up to date.
pub(crate) fn update_columns(
    model: &CompiledModel,
    buffers: &[Arc<Buffer>],
    columns: &[Option<Buffer>],
) {
    for (group, columns) in model.plan.synapse_groups.iter().zip(columns) {
        let row_sum = linear_of(group).and_then(|linear| linear.row_sum);
        if let (Some(row_sum), Some(columns)) = (row_sum, columns) {
            copy_columns(group, &buffers[row_sum.weights.0], columns);
        }
    }
}

fn copy_columns(group: &SynapseGroupPlan, weights: &Buffer, columns: &Buffer) {
    for row in 0..group.num_pre {
        for column in 0..group.num_post {
            if let Some(bits) = weights.load(row * group.row_stride + column) {
                columns.store(column * group.num_pre + row, bits);
            }
        }
    }
}

impl BlockStep<'_> {
    /// Dynamics of a synapse group in linear form: note what neurons did, add row sums.
    pub(crate) fn linear_dynamics(&mut self, index: usize, programs: &LinearPrograms) {
        let mut histories = std::mem::take(&mut self.worker.histories);
        let model = self.shared.model;
        let group = &model.plan.synapse_groups[index];
        let members = model.plan.blocks.members(self.block);
        for (nth, member) in members.enumerate() {
            let place = Place { member, block: self.block, ..Place::default() };
            self.add_row_sums(index, group, programs, &place);
            if let (Some(traces), Some(history), Some(programs)) =
                (traces_of(group), &mut histories.groups[index], &programs.traces)
            {
                self.note(group, traces, programs, history, nth, &place);
            }
        }
        if let (Some(traces), Some(history)) = (traces_of(group), &mut histories.groups[index]) {
            history.steps += 1;
            history.trace_is_current = traces.spike.is_none();
            let full = history.steps >= traces.timesteps
                || history.jumps.iter().any(|jumps| jumps.len() > MOST_JUMPS);
            if full {
                histories.catch_up_group(&self.behind(), self.block, index);
            }
        }
        self.worker.histories = histories;
    }

    fn behind(&self) -> Behind<'_> {
        let Shared { model, buffers, watch, .. } = *self.shared;
        Behind { model, buffers, rings: &self.worker.rings, watch }
    }

    fn add_row_sums(
        &self,
        index: usize,
        group: &SynapseGroupPlan,
        programs: &LinearPrograms,
        place: &Place<'_>,
    ) {
        let (Some(values), Some(matrix), Some(out)) =
            (&programs.values, &self.shared.columns[index], group.out_pre)
        else {
            return;
        };
        let (values, values_offset) = values.find(&self.surroundings(), place);
        self.shared.model.backend.executor().add_row_sums(&RowSums {
            matrix,
            rows: group.num_pre,
            columns: group.num_post,
            values,
            values_offset,
            out: &self.shared.buffers[out.0],
            out_offset: place.member * group.num_pre,
        });
    }

    fn note(
        &self,
        group: &SynapseGroupPlan,
        traces: &TracesPlan,
        programs: &TracePrograms,
        history: &mut History,
        nth: usize,
        place: &Place<'_>,
    ) {
        let around = self.surroundings();
        for (input, values) in history.inputs.iter().zip(&programs.inputs) {
            let (values, offset) = values.find(&around, place);
            let at = (nth * traces.timesteps + history.steps) * group.num_post;
            input.copy_from(at, values, offset, group.num_post);
        }
        if let Some(size) = traces.spike {
            if history.steps > 0 {
                let (step, jumps) = (history.steps as u32, &mut history.jumps[nth]);
                let behind = self.behind();
                let spikes = behind.spikes(group, place.member).unwrap_or_default();
                for_each_bit(spikes, |row| jumps.push(Jump { row: row as u32, step, size }));
                return;
            }
            if !history.trace_is_current {
                self.behind().update_trace(group, traces, place.member);
            }
        }
        let Some(executor) = self.shared.model.backend.executor().traces() else { return };
        let (buffer, offset) = programs.trace.find(&around, place);
        let watched = Watched {
            traces: buffer,
            offset,
            before: &history.before,
            before_offset: nth * group.num_pre,
            rows: group.num_pre,
            decay: traces.decay,
            step: history.steps as u32,
        };
        executor.find_jumps(&watched, &mut history.jumps[nth]);
    }
}
