//! What neurons did since synapses with linear dynamics were up to date, and bringing these up to
//! date: see [`mod@crate::linear`].

use std::sync::Arc;

use mlgenn_ir::launch::{Launch, Operand, Program, Ring, Watch};
use mlgenn_ir::traces::{CatchUp, Jump};
use mlgenn_ir::{Buffer, Type};
use mlgenn_model::Plan;
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{HistorySlot, SynapseGroupPlan, TracesPlan};

use crate::compiled::CompiledModel;
use crate::error::EngineError;
use crate::linear::traces_of;
use crate::neuron_update::for_each_bit;

/// What a block of batch members has noted since its synapses caught up.
#[derive(Debug, Default)]
pub(crate) struct Histories {
    /// By synapse group.
    pub(crate) groups: Vec<Option<History>>,
    /// Memory to work with, for coefficients and for weights.
    scratch: Option<[Buffer; 2]>,
}

/// What was noted for a synapse group.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) steps: usize,
    /// For traces that neurons do not update: whether the array holds the trace of now, not that
    /// of the last timestep that was noted.
    pub(crate) trace_is_current: bool,
    /// Of each input: `[member][timestep][postsynaptic neuron]`.
    pub(crate) inputs: Vec<Buffer>,
    /// The trace in the last timestep: `[member][presynaptic neuron]`.
    pub(crate) before: Buffer,
    /// Of each member.
    pub(crate) jumps: Vec<Vec<Jump>>,
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
                trace_is_current: true,
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

    /// Bring the synapses of all groups up to date, between timesteps.
    pub(crate) fn catch_up(&mut self, behind: &Behind<'_>, block: usize) {
        let plan = &behind.model.plan;
        for (index, group) in plan.synapse_groups.iter().enumerate() {
            self.catch_up_group(behind, block, index);
            if let (Some(traces), Some(history)) = (traces_of(group), &mut self.groups[index])
                && !std::mem::replace(&mut history.trace_is_current, true)
            {
                for member in plan.blocks.members(block) {
                    behind.update_trace(group, traces, member);
                }
            }
        }
    }

    /// Bring the synapses of a group up to date with what was noted last.
    pub(crate) fn catch_up_group(&mut self, behind: &Behind<'_>, block: usize, index: usize) {
        let plan = &behind.model.plan;
        let group = &plan.synapse_groups[index];
        let programs = behind.model.groups.get(index).and_then(|group| group.linear.as_ref());
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
    /// Ring pointers as of now.
    pub(crate) rings: &'a [u32],
    pub(crate) watch: &'a Watch,
}

impl Behind<'_> {
    /// Do what a neuron update does to a trace.
    pub(crate) fn update_trace(
        &self,
        group: &SynapseGroupPlan,
        traces: &TracesPlan,
        member: usize,
    ) {
        let Some(jump) = traces.spike else { return };
        let buffer = &self.buffers[traces.trace.0.0];
        let first = member * group.num_pre;
        let number = |index| buffer.load(index).map_or(0.0, |bits| f32::from_bits(bits as u32));
        let set = |index, number: f32| buffer.store(index, u64::from(number.to_bits()));
        for index in first..first + group.num_pre {
            set(index, number(index) * traces.decay);
        }
        let Some(bits) = self.spikes(group, member) else { return };
        for_each_bit(bits, |neuron| {
            set(first + neuron, number(first + neuron) + jump);
        });
    }

    /// The spikes of the source of a group in the last timestep.
    pub(crate) fn spikes(&self, group: &SynapseGroupPlan, member: usize) -> Option<&[u32]> {
        let plan = &self.model.plan;
        let id = plan.event_queues[plan.populations[group.source].spikes.0].array;
        let array = plan.layout.array(id);
        let slot = array.ring.map_or(0, |ring| self.rings[ring.0]) as usize;
        let start = (member * array.slots + slot) * array.elements();
        self.buffers[id.0].words(start, array.elements()).map(|words| &*words)
    }
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
        self.set_trace(&starts, &jumps);
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

    /// The trace in the last timestep that was noted, if neurons do not update it.
    fn set_trace(&self, starts: &[u32], jumps: &[Jump]) {
        if self.traces.spike.is_none() {
            return;
        }
        let mut decayed = vec![1.0f32; self.history.steps];
        for step in (1..self.history.steps).rev() {
            decayed[step - 1] = decayed[step] * self.traces.decay;
        }
        let buffer = &self.behind.buffers[self.traces.trace.0.0];
        let first = self.member * self.group.num_pre;
        for (row, pair) in starts.windows(2).enumerate() {
            let jumps = &jumps[pair[0] as usize..pair[1] as usize];
            let trace: f32 = jumps.iter().map(|jump| jump.size * decayed[jump.step as usize]).sum();
            buffer.store(first + row, u64::from((trace + 0.0).to_bits()));
        }
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
