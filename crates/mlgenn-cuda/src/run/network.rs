//! A network on a device.

use indexmap::IndexMap;
use mlgenn_ir::launch::Fault;
use mlgenn_ir::{Kernel, Type};
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{ConnectivityPlan, RingPosition, SynapseGroupPlan};

use super::columns::Columns;
use super::custom_update::value_bytes;
use super::device::{Device, DeviceError, Step};
use super::memory::{Memory, State};
use super::tables::{Copied, Tables};
use crate::abi::{LaunchHead, Slot, Watch, type_code};
use crate::emit::{NetworkEntry, Shape, Stage, SynapticStage};

/// The launches of a network whose arrays are in the memory of a device.
///
/// Custom connectivity updates are not there yet.
pub struct DeviceNetwork {
    timestep: Vec<Step>,
    custom_updates: IndexMap<String, Vec<Step>>,
    kernels: Vec<Kernel>,
    state: State,
}

impl DeviceNetwork {
    /// Prepare the launches of a network: `entries` are those of [`crate::emit::network_entries`],
    /// which the device has compiled, `memory` says where its initialised arrays are.
    ///
    /// # Errors
    ///
    /// If the device is short of memory, or fails.
    pub fn new(
        plan: &Plan,
        entries: &[NetworkEntry],
        device: &dyn Device,
        memory: &Memory,
    ) -> Result<Self, DeviceError> {
        let rings = plan.layout.rings().len();
        let state = State {
            rings: device.allocate(4 * rings.max(1))?,
            timestep: device.allocate(4)?,
            time: device.allocate(8)?,
            watch: device.allocate(size_of::<Watch>())?,
        };
        let tables = Tables { plan, device, memory, state };
        Ok(Self {
            timestep: tables.timestep(entries)?,
            custom_updates: tables.custom_updates(entries)?,
            kernels: entries.iter().map(|entry| entry.planned.kernel.clone()).collect(),
            state,
        })
    }

    /// Launch a timestep.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn step(&self, device: &dyn Device) -> Result<(), DeviceError> {
        self.timestep.iter().try_for_each(|step| device.launch(step))
    }

    /// Launch the custom updates of a group; nothing if there is none of that name.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn custom_update(&self, device: &dyn Device, group: &str) -> Result<(), DeviceError> {
        let mut steps = self.custom_updates.get(group).into_iter().flatten();
        steps.try_for_each(|step| device.launch(step))
    }

    /// The first fault since the network was prepared, if there was one.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn fault(&self, device: &dyn Device) -> Result<Option<Fault>, DeviceError> {
        let bytes = device.read(self.state.watch, size_of::<Watch>())?;
        let word = |at: usize| bytes[at..at + 4].try_into().map_or(0, u32::from_ne_bytes);
        let long = |at: usize| bytes[at..at + 8].try_into().map_or(0, i64::from_ne_bytes);
        let watch = Watch {
            stop: word(0),
            fault: word(4),
            kernel: word(8),
            slot: word(12),
            index: long(16),
            length: long(24),
        };
        Ok(self.kernels.get(watch.kernel as usize).and_then(|kernel| watch.to_fault(kernel)))
    }
}

impl Tables<'_> {
    /// The launches of a timestep.
    fn timestep(&self, entries: &[NetworkEntry]) -> Result<Vec<Step>, DeviceError> {
        let plan = self.plan;
        let mut steps = Vec::new();
        let dendritic = plan.synapse_groups.iter().filter_map(|group| group.den_delay);
        steps.extend(self.advance(dendritic.map(|(_, ring)| ring.0))?);
        let in_timestep =
            |stage: &Stage| matches!(stage, Stage::Prologue(..) | Stage::Synapses(..));
        for (number, entry) in entries.iter().enumerate() {
            if in_timestep(&entry.stage) {
                steps.extend(self.synaptic(number, entry)?);
            }
        }
        steps.extend(self.advance(plan.populations.iter().map(|population| population.ring.0))?);
        for (number, entry) in entries.iter().enumerate() {
            let Stage::Neurons(population) = entry.stage else { continue };
            let lanes = plan.populations[population].size as u32;
            let head = LaunchHead { lanes, ..LaunchHead::default() };
            steps.extend(self.entry(number, entry, head, None, &self.members())?);
        }
        steps.push(self.next_timestep()?);
        Ok(steps)
    }

    fn custom_updates(
        &self,
        entries: &[NetworkEntry],
    ) -> Result<IndexMap<String, Vec<Step>>, DeviceError> {
        let mut groups = IndexMap::new();
        for (group, updates) in &self.plan.custom_updates {
            let mut steps = Vec::new();
            for (index, update) in updates.iter().enumerate() {
                let stage = Stage::CustomUpdate(group.clone(), index);
                let entry = entries.iter().enumerate().find(|(_, entry)| entry.stage == stage);
                if let Some((number, entry)) = entry {
                    steps.extend(self.custom_update(number, entry, update)?);
                }
            }
            for update in updates {
                steps.extend(self.transposition(update)?);
            }
            groups.insert(group.clone(), steps);
        }
        Ok(groups)
    }

    /// All batch members, block by block.
    fn members(&self) -> Copied {
        Copied { copies: self.plan.network.batch_size, per_block: self.plan.blocks.largest() }
    }

    fn synaptic(&self, number: usize, entry: &NetworkEntry) -> Result<Vec<Step>, DeviceError> {
        let (Stage::Synapses(stage, index) | Stage::Prologue(stage, index)) = entry.stage else {
            return Ok(Vec::new());
        };
        let plan = self.plan;
        let group = &plan.synapse_groups[index];
        let (num_pre, num_post) = (group.num_pre, group.num_post);
        let (lanes, rows) = match entry.shape {
            Shape::Lanes => (num_post, num_pre),
            Shape::ByPost { .. } => (num_post, num_pre),
            Shape::ByPre { .. } => (num_pre, num_post),
            Shape::RowPart { .. } => (num_pre * crate::emit::PARTIAL_SUMS, num_pre),
            Shape::Synapses { .. } => (num_pre * group.row_stride, num_pre),
        };
        let head = LaunchHead { lanes: lanes as u32, rows: rows as u32, ..self.synapses(group)? };
        let queue = match stage {
            SynapticStage::Dynamics => None,
            SynapticStage::PreEvent => group.pre_event.as_ref().map(|(_, queue)| *queue),
            SynapticStage::PreSpike => Some(plan.populations[group.source].spikes),
            SynapticStage::PostEvent => group.post_event.as_ref().map(|(_, queue)| *queue),
            SynapticStage::PostSpike => Some(plan.populations[group.target].spikes),
        };
        let delay = match stage {
            SynapticStage::PreEvent | SynapticStage::PreSpike => group.axonal_delay,
            _ => group.back_prop_delay,
        };
        let events = queue.map(|queue| {
            let array = plan.event_queues[queue.0].array;
            self.memory.ring(plan, &self.state, array, RingPosition::Back(delay))
        });
        self.entry(number, entry, head, events, &self.members())
    }

    /// The head of launches over the synapses of a group: sizes and lists.
    pub(super) fn synapses(&self, group: &SynapseGroupPlan) -> Result<LaunchHead, DeviceError> {
        let mut head = LaunchHead {
            rows: group.num_pre as u32,
            columns: group.num_post as u32,
            stride: group.row_stride as u32,
            ..LaunchHead::default()
        };
        if let ConnectivityPlan::Sparse { row_length, indices, .. } = &group.connectivity {
            let lengths = self.read_u32(*row_length)?;
            let targets = self.read_u32(*indices)?;
            let columns = Columns::new(&lengths, &targets, group.row_stride, group.num_post);
            let entries = group.kernel.as_ref().map_or(0, |k| self.memory.address(k.indices));
            head.lists = [
                self.memory.address(*row_length),
                self.memory.address(*indices),
                entries,
                self.upload_u32(&columns.starts)?,
                self.upload_u32(&columns.sources)?,
                self.upload_u32(&columns.synapses)?,
            ];
        }
        Ok(head)
    }

    fn read_u32(&self, array: ArrayId) -> Result<Vec<u32>, DeviceError> {
        let bytes = self.device.read(self.memory.address(array), 4 * self.memory.len(array))?;
        let word = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_ne_bytes);
        Ok(bytes.chunks_exact(4).map(word).collect())
    }

    /// Move some rings on; nothing if there are none.
    fn advance(&self, rings: impl Iterator<Item = usize>) -> Result<Option<Step>, DeviceError> {
        let sizes = self.plan.layout.rings();
        let mut moves = vec![0u32; sizes.len()];
        rings.for_each(|ring| moves[ring] = 1);
        if moves.iter().all(|&moved| moved == 0) {
            return Ok(None);
        }
        let sizes: Vec<_> = sizes.iter().map(|&slots| slots as u32).collect();
        let slot = |data: u64| Slot { data, ..Slot::default() };
        let slots = [
            slot(self.state.rings),
            slot(self.upload_u32(&sizes)?),
            slot(self.upload_u32(&moves)?),
        ];
        let head = LaunchHead { lanes: moves.len() as u32, ..LaunchHead::default() };
        self.step("advance_rings", [moves.len(), 1], head, &slots).map(Some)
    }

    fn next_timestep(&self) -> Result<Step, DeviceError> {
        let (ty, dt) = (self.plan.time, self.plan.network.dt);
        let bits = match ty {
            Type::F64 => dt.to_bits(),
            _ => u64::from((dt as f32).to_bits()),
        };
        let slot = |data: u64| Slot { data, ..Slot::default() };
        let slots = [
            slot(self.state.timestep),
            slot(self.state.time),
            slot(self.upload(&value_bytes(ty, bits))?),
        ];
        let head = LaunchHead { lanes: 1, ty: type_code(ty), ..LaunchHead::default() };
        self.step("next_timestep", [1, 1], head, &slots)
    }
}
