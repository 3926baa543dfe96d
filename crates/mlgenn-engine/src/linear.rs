//! Synapse dynamics in linear form, see [`mlgenn_model::plan::LinearPlan`]: what neurons do is
//! noted in every timestep, synapses are brought up to date many timesteps later.
//!
//! They *catch up* after a fixed number of timesteps, before anything reads or writes their
//! variables, when the time is set, and at the end of a run if somebody holds a view of them. That
//! depends on what is asked of the simulation, never on the number of threads.

use std::collections::BTreeSet;
use std::sync::Arc;

use mlgenn_ir::launch::{Executor, Launch, Operand, Pattern, Program, Ring, Watch};
use mlgenn_ir::traces::{CatchUp, Jump, RowSums, Watched};
use mlgenn_ir::{Buffer, Type};
use mlgenn_model::Plan;
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{
    HistorySlot, LinearPlan, Position, SlotBinding, SynapseGroupPlan, SynapseKernel, TracesPlan,
};

use crate::bind::{BoundArray, Place};
use crate::compiled::CompiledModel;
use crate::error::EngineError;
use crate::schedule::{BlockStep, Shared};

/// A history has at most so many jumps for each batch member.
const MOST_JUMPS: usize = 1 << 20;

/// Programs of the linear dynamics of a synapse group.
pub(crate) struct LinearPrograms {
    values: Option<BoundArray>,
    traces: Option<TracePrograms>,
}

struct TracePrograms {
    coefficients: Box<dyn Program>,
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

fn traces_of(group: &SynapseGroupPlan) -> Option<&TracesPlan> {
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

/// What a block of batch members has noted since its synapses caught up.
#[derive(Debug, Default)]
pub(crate) struct Histories {
    /// By synapse group.
    groups: Vec<Option<History>>,
    /// Memory to work with, for coefficients and for weights.
    scratch: Option<[Buffer; 2]>,
}

#[derive(Debug)]
struct History {
    steps: usize,
    /// Of each input: `[member][timestep][postsynaptic neuron]`.
    inputs: Vec<Buffer>,
    /// The trace in the last timestep: `[member][presynaptic neuron]`.
    before: Buffer,
    /// Of each member.
    jumps: Vec<Vec<Jump>>,
}

impl Histories {
    pub(crate) fn new(plan: &Plan) -> Result<Self, EngineError> {
        let members = plan.blocks.largest();
        let mut largest = None;
        let mut groups = Vec::new();
        for group in &plan.synapse_groups {
            let Some(traces) = traces_of(group) else {
                groups.push(None);
                continue;
            };
            let (steps, num_post) = (traces.timesteps, group.num_post);
            let needed = [
                traces.outputs * steps * num_post,
                CatchUp::scratch_elements(traces.states.len(), steps, num_post),
            ];
            let before = largest.unwrap_or([0; 2]);
            largest = Some([needed[0].max(before[0]), needed[1].max(before[1])]);
            let input = || Buffer::new(Type::F32, members * steps * num_post);
            groups.push(Some(History {
                steps: 0,
                inputs: traces.inputs.iter().map(|_| input()).collect::<Result<_, _>>()?,
                before: Buffer::new(Type::F32, members * group.num_pre)?,
                jumps: vec![Vec::new(); members],
            }));
        }
        let scratch = match largest {
            Some([coefficients, weights]) => {
                Some([Buffer::new(Type::F32, coefficients)?, Buffer::new(Type::F32, weights)?])
            }
            None => None,
        };
        Ok(Self { groups, scratch })
    }

    /// Bytes that the histories of all blocks need.
    pub(crate) fn bytes(plan: &Plan) -> u128 {
        let groups = plan.synapse_groups.iter();
        let elements = groups.filter_map(|group| traces_of(group).map(|t| (group, t))).map(
            |(group, traces)| {
                let history = traces.inputs.len() * traces.timesteps * group.num_post;
                (history + group.num_pre) as u128 * plan.network.batch_size as u128
            },
        );
        elements.sum::<u128>() * 4
    }

    /// Bring the synapses of all groups up to date.
    pub(crate) fn catch_up(&mut self, behind: &Behind<'_>, block: usize) {
        for index in 0..self.groups.len() {
            self.catch_up_group(behind, block, index);
        }
    }

    fn catch_up_group(&mut self, behind: &Behind<'_>, block: usize, index: usize) {
        let plan = &behind.model.plan;
        let group = &plan.synapse_groups[index];
        let programs = behind.model.groups[index].linear.as_ref();
        let (Some(history), Some(scratch), Some(traces), Some(programs)) = (
            &mut self.groups[index],
            &self.scratch,
            traces_of(group),
            programs.and_then(|programs| programs.traces.as_ref()),
        ) else {
            return;
        };
        if history.steps == 0 {
            return;
        }
        for (nth, member) in plan.blocks.members(block).enumerate() {
            let task = MemberBehind { behind, group, traces, history, scratch, nth, member, block };
            task.catch_up(&*programs.coefficients);
        }
        history.steps = 0;
        history.before.fill(0, history.before.len(), 0);
        history.jumps.iter_mut().for_each(Vec::clear);
    }
}

/// What synapses need to catch up.
pub(crate) struct Behind<'a> {
    pub(crate) model: &'a CompiledModel,
    pub(crate) buffers: &'a [Arc<Buffer>],
    pub(crate) watch: &'a Watch,
}

/// The synapses of a group of one batch member.
struct MemberBehind<'a> {
    behind: &'a Behind<'a>,
    group: &'a SynapseGroupPlan,
    traces: &'a TracesPlan,
    history: &'a History,
    scratch: &'a [Buffer; 2],
    /// Which member of the block.
    nth: usize,
    member: usize,
    block: usize,
}

impl MemberBehind<'_> {
    fn catch_up(&self, program: &dyn Program) {
        let Some(executor) = self.behind.model.backend.executor().traces() else { return };
        let [coefficients, weights] = self.scratch;
        let lanes = self.history.steps * self.group.num_post;
        let first = self.nth * self.traces.timesteps * self.group.num_post;
        let operand = |buffer, offset| Operand {
            buffer,
            offset,
            indices: &[],
            length: 0,
            ring: Ring { slots: 1, current: 0, stride: 0 },
        };
        let operands: Vec<_> = self
            .traces
            .slots
            .iter()
            .map(|slot| match *slot {
                HistorySlot::Input(input) => operand(&self.history.inputs[input], first),
                HistorySlot::Output(output) => operand(coefficients, output * lanes),
                HistorySlot::Parameter(array) => operand(&self.behind.buffers[array.0], 0),
            })
            .collect();
        program.launch(&Launch { lanes, operands: &operands, watch: self.behind.watch });
        let (starts, jumps) = self.jumps_by_row();
        let states: Vec<_> = self.traces.states.iter().map(|&state| self.matrix(state)).collect();
        executor.catch_up(&CatchUp {
            steps: self.history.steps,
            columns: self.group.num_post,
            decay: self.traces.decay,
            matrix: &self.traces.matrix,
            coefficients,
            output_stride: lanes,
            states: &states,
            sum: self.matrix(self.traces.sum),
            jumps: &jumps,
            starts: &starts,
            scratch: weights,
        });
    }

    fn matrix(&self, id: ArrayId) -> (&Buffer, usize) {
        let array = self.behind.model.plan.layout.array(id);
        let copy = match array.copies {
            Copies::Shared => 0,
            Copies::Member => self.member,
            Copies::Block => self.block,
        };
        (&*self.behind.buffers[id.0], copy * array.elements())
    }

    /// First jump of each row, and jumps in order of rows and timesteps.
    fn jumps_by_row(&self) -> (Vec<u32>, Vec<Jump>) {
        let jumps = &self.history.jumps[self.nth];
        let mut starts = vec![0u32; self.group.num_pre + 1];
        for jump in jumps {
            starts[jump.row as usize + 1] += 1;
        }
        for row in 0..self.group.num_pre {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut sorted = vec![Jump::default(); jumps.len()];
        for jump in jumps {
            let at = &mut next[jump.row as usize];
            sorted[*at as usize] = *jump;
            *at += 1;
        }
        (starts, sorted)
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
            let full = history.steps >= traces.timesteps
                || history.jumps.iter().any(|jumps| jumps.len() > MOST_JUMPS);
            if full {
                let Shared { buffers, watch, .. } = *self.shared;
                histories.catch_up_group(&Behind { model, buffers, watch }, self.block, index);
            }
        }
        self.worker.histories = histories;
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
