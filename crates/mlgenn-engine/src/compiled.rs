//! A network made ready to run: its plan and its programs.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use mlgenn_ir::launch::Executor;
use mlgenn_ir::row_update::RowUpdate;
use mlgenn_ir::{Buffer, Kernel, Op};
use mlgenn_model::Network;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::{
    CustomUpdatePlan, InitFrom, InitOver, KernelPlan, Plan, PlanOptions, PopulationPlan,
    SynapseKernel,
};

use crate::ahead::AheadPrograms;
use crate::arrays::{MemoryItem, check_memory, memory_plan};
use crate::backend::Backend;
use crate::bind::BoundKernel;
use crate::custom_connectivity_update::ConnectivityPrograms;
use crate::device::DeviceModel;
use crate::error::EngineError;
use crate::lanes::LaneMap;
use crate::linear::{Dependents, LinearPrograms};
use crate::stages::stage;
use crate::update_program::UpdateProgram;

/// Populations of up to this many neurons are updated for a whole block of batch members at once.
const LARGEST_FLATTENED: usize = 512;

/// A network made ready to run on a backend. Immutable; any number of simulations can share it.
pub struct CompiledModel {
    pub(crate) plan: Plan,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) populations: Vec<PopulationPrograms>,
    pub(crate) groups: Vec<GroupPrograms>,
    pub(crate) custom_updates: IndexMap<String, Vec<UpdateProgram>>,
    pub(crate) connectivity_updates: IndexMap<String, Vec<ConnectivityPrograms>>,
    pub(crate) initialisers: Vec<Option<BoundKernel>>,
    /// Populations in which each custom update group changes what sleeping neurons wait for.
    pub(crate) disturbs: IndexMap<String, Vec<usize>>,
    /// What runs everything but initialisers and host code, if the backend has a device.
    pub(crate) on_device: Option<Arc<dyn DeviceModel>>,
    /// Arrays that something but the host writes after loading.
    pub(crate) written: BTreeSet<ArrayId>,
    /// What needs synapses with linear dynamics to be up to date.
    pub(crate) dependents: Dependents,
    /// 0, 1, 2, …: the indices of everything.
    pub(crate) iota: Buffer,
}

/// Programs of a population.
pub(crate) struct PopulationPrograms {
    pub(crate) update: BoundKernel,
    /// If there is one, the update runs for the neurons that it finds.
    pub(crate) guard: Option<BoundKernel>,
    /// If there is one, neurons know when they have to be looked at next.
    pub(crate) sleep: Option<SleepPrograms>,
    /// If there are any, neurons can go through all timesteps of a stretch at once.
    pub(crate) ahead: Option<AheadPrograms>,
    /// For updates and guards of a whole block: batch member and neuron of each lane.
    pub(crate) block_lanes: Option<BlockLanes>,
}

/// Programs of neurons that know how long they can be left alone.
pub(crate) struct SleepPrograms {
    /// Asks all neurons of a block.
    pub(crate) all: BoundKernel,
    /// Updates some, and asks them.
    pub(crate) update: BoundKernel,
    /// Whether the order in which it does so makes a difference.
    pub(crate) in_order: bool,
}

impl PopulationPrograms {
    /// Whether threads can update a stretch of the neurons each.
    pub(crate) fn can_be_cut(&self) -> bool {
        self.guard.is_none() && self.block_lanes.is_none() && self.update.can_be_cut
    }
}

/// Which member and neuron each lane of a block belongs to.
pub(crate) struct BlockLanes {
    pub(crate) members: Vec<u32>,
    pub(crate) neurons: Vec<u32>,
}

/// Programs of a synapse group.
pub(crate) struct GroupPrograms {
    pub(crate) pre_spike: Option<SynapsePrograms>,
    pub(crate) pre_event: Option<SynapsePrograms>,
    pub(crate) post_spike: Option<SynapsePrograms>,
    pub(crate) post_event: Option<SynapsePrograms>,
    pub(crate) dynamics: Option<SynapsePrograms>,
    /// Dynamics in linear form, instead.
    pub(crate) linear: Option<LinearPrograms>,
    /// For columns of dense matrices: the first synapse of each row.
    pub(crate) row_starts: Vec<u32>,
}

/// Programs of a code slot of a synapse group.
pub(crate) struct SynapsePrograms {
    pub(crate) prologue: Option<BoundKernel>,
    pub(crate) body: BoundKernel,
    /// For rows of dense matrices: all that the body does, if there is a direct way to do it.
    pub(crate) row_update: Option<RowUpdate>,
}

impl CompiledModel {
    /// Validate, plan and compile a network.
    ///
    /// # Errors
    ///
    /// [`EngineError::Model`] if the description or its model code is wrong,
    /// [`EngineError::OutOfMemory`] if its arrays do not fit.
    pub fn new(
        network: Network,
        options: PlanOptions,
        backend: Arc<dyn Backend>,
    ) -> Result<Self, EngineError> {
        let many_blocks = options.many_blocks || backend.device().is_some();
        let plan = stage("plan", || Plan::new(network, PlanOptions { many_blocks, ..options }))?;
        check_memory(&plan)?;
        let on_device = backend.device().map(|device| device.compile(&plan)).transpose()?;
        stage("programs of the host", || Self::with_programs(plan, backend, on_device))
    }

    /// Make the programs that the host runs.
    fn with_programs(
        plan: Plan,
        backend: Arc<dyn Backend>,
        on_device: Option<Arc<dyn DeviceModel>>,
    ) -> Result<Self, EngineError> {
        let executor = backend.executor();
        let here = on_device.is_none();
        let populations = (0..plan.populations.len())
            .filter(|_| here)
            .map(|index| population_programs(executor, &plan, index))
            .collect();
        let groups = (0..plan.synapse_groups.len())
            .filter(|_| here)
            .map(|index| group_programs(executor, &plan, index))
            .collect();
        let custom_updates = plan
            .custom_updates
            .iter()
            .filter(|_| here)
            .map(|(name, updates)| {
                let programs =
                    updates.iter().map(|update| UpdateProgram::new(executor, &plan, update));
                (name.clone(), programs.collect())
            })
            .collect();
        let connectivity_updates = plan
            .custom_connectivity_updates
            .iter()
            .map(|(name, updates)| {
                let programs =
                    updates.iter().map(|update| ConnectivityPrograms::new(executor, &plan, update));
                (name.clone(), programs.collect())
            })
            .collect();
        let initialisers = plan
            .initialisers
            .iter()
            .map(|init| {
                let InitFrom::Kernel(kernel) = &init.from else { return None };
                let map = match init.over {
                    InitOver::Elements | InitOver::Kernel { .. } => LaneMap::Neurons,
                    InitOver::Synapses { group } => row_map(&plan, group),
                };
                Some(BoundKernel::new(executor, &plan, kernel, map))
            })
            .collect();
        let iota = iota(&plan)?;
        let disturbs = disturbed(executor, &plan);
        let dependents = Dependents::new(&plan, here && executor.traces().is_some());
        Ok(Self {
            disturbs,
            written: plan.written(),
            plan,
            backend,
            populations,
            groups,
            custom_updates,
            connectivity_updates,
            initialisers,
            on_device,
            dependents,
            iota,
        })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The description of the network.
    pub fn network(&self) -> &Network {
        &self.plan.network
    }

    /// What the arrays of the network need, in order of layout.
    pub fn memory_plan(&self) -> Vec<MemoryItem> {
        memory_plan(&self.plan)
    }

    /// Name of the backend.
    pub fn backend_name(&self) -> &'static str {
        self.backend.name()
    }

    /// Number of threads of the backend.
    pub fn threads(&self) -> usize {
        self.backend.threads()
    }

    /// What runs the network if its arrays are on a device.
    pub fn on_device(&self) -> Option<&dyn DeviceModel> {
        self.on_device.as_deref()
    }

    /// Name of what runs the kernels, such as `avx512`.
    pub fn executor_name(&self) -> &'static str {
        self.backend.executor().name()
    }
}

impl std::fmt::Debug for CompiledModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledModel")
            .field("network", &self.plan.network.name)
            .field("backend", &self.backend.name())
            .finish_non_exhaustive()
    }
}

/// How lanes of the rows of a synapse group are laid out.
pub(crate) fn row_map(plan: &Plan, group: usize) -> LaneMap {
    if plan.synapse_groups[group].is_dense() { LaneMap::DenseRow } else { LaneMap::SparseRow }
}

/// What of a population is updated in every timestep.
pub(crate) fn updated<'a>(
    executor: &dyn Executor,
    population: &'a PopulationPlan,
) -> &'a PopulationPlan {
    let without = population.without_traces.as_deref();
    without.filter(|_| executor.traces().is_some()).unwrap_or(population)
}

fn population_programs(executor: &dyn Executor, plan: &Plan, index: usize) -> PopulationPrograms {
    let population = updated(executor, &plan.populations[index]);
    let members = plan.blocks.largest();
    let has_rings = population.update.bindings.iter().any(|binding| match binding {
        mlgenn_model::plan::SlotBinding::Array { array, .. }
        | mlgenn_model::plan::SlotBinding::Ring { array } => {
            plan.layout.array(*array).ring.is_some()
        }
        _ => false,
    });
    let guard = population.guard.as_ref().filter(|_| !executor.is_reference());
    let small = population.size <= LARGEST_FLATTENED || guard.is_some();
    let flatten = members > 1 && small && !has_rings;
    let (map, block_lanes) = if flatten {
        let size = population.size as u32;
        let lanes = 0..members as u32 * size;
        let lanes = BlockLanes {
            members: lanes.clone().map(|lane| lane / size).collect(),
            neurons: lanes.map(|lane| lane % size).collect(),
        };
        (LaneMap::BlockOfNeurons, Some(lanes))
    } else {
        (LaneMap::Neurons, None)
    };
    let bind = |kernel, map| BoundKernel::new(executor, plan, kernel, map);
    let guard = guard.map(|guard| bind(guard, map));
    let whole = block_lanes.is_some() || members == 1;
    let sleep = population.sleep.as_ref().filter(|_| guard.is_some() && whole);
    let sleep = sleep.map(|sleep| SleepPrograms {
        all: bind(&sleep.sleep, map),
        update: bind(&sleep.update, LaneMap::ActiveNeurons),
        in_order: depends_on_order(&sleep.update.kernel),
    });
    let ahead = sleep.as_ref().and_then(|_| AheadPrograms::new(executor, plan, index));
    let map = if guard.is_some() { LaneMap::ActiveNeurons } else { map };
    PopulationPrograms { update: bind(&population.update, map), guard, sleep, ahead, block_lanes }
}

/// Whether lanes may do something to the same element, whose result depends on who is first.
fn depends_on_order(kernel: &Kernel) -> bool {
    let mut depends = false;
    kernel.body.for_each_op(&mut |op| {
        depends |= matches!(
            op,
            Op::Accumulate(..)
                | Op::AccumulateDelayed { .. }
                | Op::AccumulateElement(..)
                | Op::StorePointer(..)
                | Op::Print { .. }
        );
    });
    depends
}

/// Populations in which each custom update group changes what sleeping neurons wait for.
fn disturbed(executor: &dyn Executor, plan: &Plan) -> IndexMap<String, Vec<usize>> {
    let disturbs = |update: &CustomUpdatePlan, population: &PopulationPlan| {
        let Some(guard) = &population.guard else { return false };
        let written = update.kernel.written();
        guard.arrays().any(|array| written.contains(&array))
    };
    let groups = plan.custom_updates.iter().map(|(name, updates)| {
        let updated = plan.populations.iter().map(|population| updated(executor, population));
        let populations = updated.enumerate().filter(|(_, population)| {
            population.sleep.is_some() && updates.iter().any(|update| disturbs(update, population))
        });
        (name.clone(), populations.map(|(index, _)| index).collect())
    });
    groups.collect()
}

fn group_programs(executor: &dyn Executor, plan: &Plan, index: usize) -> GroupPrograms {
    let group = &plan.synapse_groups[index];
    let dense = group.is_dense();
    let (row, column) = if dense {
        (LaneMap::DenseRow, LaneMap::DenseColumn)
    } else {
        (LaneMap::SparseRow, LaneMap::SparseColumn)
    };
    let programs = |kernel: &SynapseKernel, map: LaneMap| SynapsePrograms {
        prologue: kernel
            .prologue
            .as_ref()
            .map(|prologue| BoundKernel::new(executor, plan, prologue, LaneMap::Neurons)),
        body: BoundKernel::new(executor, plan, &kernel.body, map),
        row_update: Some(&kernel.body.kernel)
            .filter(|_| map == LaneMap::DenseRow && !executor.is_reference())
            .and_then(RowUpdate::of),
    };
    let dynamics = group.dynamics.as_ref();
    let linear = dynamics.and_then(|kernel| LinearPrograms::new(executor, plan, kernel));
    let by_column = group.post_spike.is_some() || group.post_event.is_some();
    let row_starts = if dense && by_column {
        (0..group.num_pre).map(|pre| (pre * group.row_stride) as u32).collect()
    } else {
        Vec::new()
    };
    GroupPrograms {
        pre_spike: group.pre_spike.as_ref().map(|kernel| programs(kernel, row)),
        pre_event: group.pre_event.as_ref().map(|(kernel, _)| programs(kernel, row)),
        post_spike: group.post_spike.as_ref().map(|kernel| programs(kernel, column)),
        post_event: group.post_event.as_ref().map(|(kernel, _)| programs(kernel, column)),
        dynamics: dynamics.filter(|_| linear.is_none()).map(|kernel| programs(kernel, row)),
        linear,
        row_starts,
    }
}

fn iota(plan: &Plan) -> Result<Buffer, EngineError> {
    let sizes = plan.populations.iter().map(|population| population.size);
    let strides = plan.synapse_groups.iter().map(|group| group.row_stride);
    let groups = plan.synapse_groups.iter();
    let kernels = groups.filter_map(|group| group.kernel.as_ref().map(KernelPlan::elements));
    let largest = sizes.chain(strides).chain(kernels).max().unwrap_or(0);
    let elements = plan.layout.arrays().filter(|(_, array)| array.synapse_group.is_none());
    let largest = elements.map(|(_, array)| array.elements()).max().unwrap_or(0).max(largest);
    let length = largest.max(plan.network.batch_size).max(1);
    let buffer = Buffer::new(mlgenn_ir::Type::U32, length)?;
    if let Some(words) = buffer.words(0, length) {
        for (index, word) in words.iter_mut().enumerate() {
            *word = index as u32;
        }
    }
    Ok(buffer)
}
