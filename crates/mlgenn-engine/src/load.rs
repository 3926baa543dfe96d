//! Giving every array its first values.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mlgenn_ir::launch::{Launch, Watch};
use mlgenn_ir::{Buffer, Type};
use mlgenn_model::Plan;
use mlgenn_model::layout::{Array, ArrayId, Length};
use mlgenn_model::plan::{ConnectivityPlan, InitFrom, InitOver, InitPlan};

use crate::arrays::{ArrayData, Arrays};
use crate::bind::{BoundKernel, Operands, Place, Surroundings};
use crate::compiled::CompiledModel;
use crate::connectivity::{Builder, Placement, ROWS_PER_PIECE};
use crate::connectivity_index::ConnectivityIndex;
use crate::error::EngineError;
use crate::random_key::random_key;
use crate::worker::Worker;

/// Keys of all streams of random numbers: `[stream][batch]`.
///
/// # Errors
///
/// [`EngineError::Allocation`].
pub fn keys(plan: &Plan, seed: u64) -> Result<Buffer, EngineError> {
    let (streams, batch_size) = (plan.streams as usize, plan.network.batch_size);
    let keys = Buffer::new(Type::U64, streams * batch_size)?;
    for stream in 0..streams {
        for member in 0..batch_size {
            keys.store(stream * batch_size + member, random_key(seed, stream as u32, member));
        }
    }
    Ok(keys)
}

/// Initialise all arrays; returns the synapses of each group by column, and the time that
/// variables of sparse synapses and these columns took.
pub(crate) fn initialise(
    model: &CompiledModel,
    buffers: &[Arc<Buffer>],
    arrays: &Arrays,
    keys: &Buffer,
    seed: u64,
) -> Result<(Vec<ConnectivityIndex>, Duration), EngineError> {
    let plan = &model.plan;
    check_paths(plan, arrays)?;
    let watch = Watch::new();
    let worker = Worker::new(plan)?;
    worker.set_time(plan, 0);
    let around = Surroundings {
        buffers,
        rings: &worker.rings,
        memory: &worker.memory,
        steps_made: &worker.memory.steps_made,
        iota: &model.iota,
        keys,
    };
    for (id, array) in plan.layout.arrays() {
        // Memory is zero already
        if array.length == Length::GivenAtLoad
            && let Some(data @ ArrayData::Values { .. }) = arrays.get(&array.path)
        {
            data.copy_to(&buffers[id.0], 0);
        }
    }
    let builder = Builder { model, buffers, around, arrays, seed, watch: &watch };
    let placements = plan
        .synapse_groups
        .iter()
        .map(|group| builder.build(group))
        .collect::<Result<Vec<Placement>, _>>()?;
    let mut sparse_time = Duration::ZERO;
    for (init, kernel) in plan.initialisers.iter().zip(&model.initialisers) {
        let start = Instant::now();
        let loader = Loader { model, buffers, around, watch: &watch };
        loader.initialise(init, kernel.as_ref(), arrays, &placements)?;
        if let InitOver::Synapses { group } = init.over
            && matches!(plan.synapse_groups[group].connectivity, ConnectivityPlan::Sparse { .. })
        {
            sparse_time += start.elapsed();
        }
    }
    if let Some(fault) = watch.take_fault() {
        return Err(fault.into());
    }
    let start = Instant::now();
    let groups = 0..plan.synapse_groups.len();
    let index = groups.map(|group| ConnectivityIndex::new(model, group, buffers)).collect();
    Ok((index, sparse_time + start.elapsed()))
}

/// Whether each array is known to be zero after [`initialise`]: its memory has not been touched.
pub(crate) fn untouched(plan: &Plan, arrays: &Arrays) -> Vec<bool> {
    let is_zero = |(id, array): (ArrayId, &Array)| {
        let not_given = match arrays.get(&array.path) {
            None => true,
            Some(data) => {
                matches!(data, ArrayData::Zeros(_)) && array.length == Length::GivenAtLoad
            }
        };
        let mut starts = plan.initialisers.iter().filter(|init| init.array == id).peekable();
        let initialised = starts.peek().is_some() || array.length == Length::GivenAtLoad;
        not_given
            && initialised
            && array.fill == 0
            && starts.all(|init| matches!(init.from, InitFrom::Bits(0)))
    };
    plan.layout.arrays().map(is_zero).collect()
}

/// Every array that is given belongs to something.
fn check_paths(plan: &Plan, arrays: &Arrays) -> Result<(), EngineError> {
    for path in arrays.keys() {
        let pair_of = |suffix: &str| {
            path.strip_prefix("syn.")
                .and_then(|rest| rest.strip_suffix(suffix))
                .is_some_and(|name| plan.synapse_group(name).is_some())
        };
        let known = plan.layout.find(path).is_some() || pair_of(".pre_ind") || pair_of(".post_ind");
        if !known {
            return Err(EngineError::Unknown {
                what: "array",
                name: path.clone(),
                available: plan.layout.arrays().map(|(_, array)| array.path.clone()).collect(),
            });
        }
    }
    Ok(())
}

struct Loader<'a> {
    model: &'a CompiledModel,
    buffers: &'a [Arc<Buffer>],
    around: Surroundings<'a>,
    watch: &'a Watch,
}

impl Loader<'_> {
    fn initialise(
        &self,
        init: &InitPlan,
        kernel: Option<&BoundKernel>,
        arrays: &Arrays,
        placements: &[Placement],
    ) -> Result<(), EngineError> {
        let array = self.model.plan.layout.array(init.array);
        let buffer = &self.buffers[init.array.0];
        let given = arrays.get(&array.path);
        match &init.from {
            // Memory holds the fill value already
            InitFrom::Bits(bits) if *bits == array.fill => {}
            InitFrom::Bits(bits) => {
                buffer.fill(0, buffer.len(), *bits);
            }
            InitFrom::Kernel(_) => {
                if let Some(kernel) = kernel {
                    self.run(init, kernel);
                }
                self.spread(init.array);
            }
            InitFrom::Given if given.is_none() => {
                return Err(EngineError::MissingArray { path: array.path.clone() });
            }
            InitFrom::Given => {}
        }
        match given {
            Some(data) => self.set(init, data, placements),
            None => Ok(()),
        }
    }

    /// Run a kernel for the first slot of the first copy.
    fn run(&self, init: &InitPlan, kernel: &BoundKernel) {
        match init.over {
            InitOver::Elements | InitOver::Kernel { .. } => {
                let lanes = self.model.plan.layout.array(init.array).elements();
                let mut operands = Operands::new();
                kernel.operands(&self.around, &Place::default(), &mut operands);
                let launch = Launch { lanes, operands: &operands, watch: self.watch };
                kernel.program.launch(&launch);
            }
            InitOver::Synapses { group } => {
                let group = &self.model.plan.synapse_groups[group];
                let pieces = group.num_pre.div_ceil(ROWS_PER_PIECE);
                self.model.backend.for_each(pieces, &|piece| {
                    let (mut operands, mut place) = (Operands::new(), Place::default());
                    let first = piece * ROWS_PER_PIECE;
                    for row in first..(first + ROWS_PER_PIECE).min(group.num_pre) {
                        let lanes = place.enter_row(group, self.buffers, row);
                        kernel.operands(&self.around, &place, &mut operands);
                        let launch = Launch { lanes, operands: &operands, watch: self.watch };
                        kernel.program.launch(&launch);
                    }
                });
            }
        }
    }

    /// Copy the first slot of the first copy to all others.
    fn spread(&self, id: ArrayId) {
        let array = self.model.plan.layout.array(id);
        let elements = array.elements();
        let buffer = &self.buffers[id.0];
        for part in 1..self.model.plan.copies(id) * array.slots {
            buffer.copy_within(0, part * elements, elements);
        }
    }

    /// Take values that were given: for one slot of one copy, for one slot of each copy, or for
    /// everything.
    fn set(
        &self,
        init: &InitPlan,
        data: &ArrayData,
        placements: &[Placement],
    ) -> Result<(), EngineError> {
        let array = self.model.plan.layout.array(init.array);
        let buffer = &self.buffers[init.array.0];
        let (copies, elements) = (self.model.plan.copies(init.array), array.elements());
        if let InitOver::Synapses { group } = init.over {
            let group_plan = &self.model.plan.synapse_groups[group];
            if let ConnectivityPlan::Sparse { row_length, .. } = &group_plan.connectivity {
                let places = match &placements[group] {
                    Some(placement) => placement.clone(),
                    None => self.places(&self.buffers[row_length.0], group_plan.row_stride),
                };
                return self.set_sparse(&array.path, buffer, data, copies, elements, &places);
            }
        }
        if data.len() == copies * array.slots * elements {
            data.copy_to(buffer, 0);
        } else if data.len() == elements {
            data.copy_to(buffer, 0);
            self.spread(init.array);
        } else if data.len() == copies * elements {
            data.copy_to(buffer, 0);
            // From the last copy down, so that none is overwritten before it was moved.
            for copy in (0..copies).rev() {
                for slot in (0..array.slots).rev() {
                    let to = (copy * array.slots + slot) * elements;
                    buffer.copy_within(copy * elements, to, elements);
                }
            }
        } else {
            return Err(EngineError::ArraySize {
                path: array.path.clone(),
                given: data.len(),
                expected: if copies == 1 {
                    format!("{elements} are needed")
                } else {
                    format!("{elements}, or {} for the whole batch, are needed", copies * elements)
                },
            });
        }
        Ok(())
    }

    /// Index of each synapse, in order of rows.
    fn places(&self, row_length: &Buffer, stride: usize) -> Vec<u32> {
        (0..row_length.len())
            .flat_map(|row| {
                let length = row_length.load(row).unwrap_or(0) as usize;
                (row * stride..row * stride + length).map(|synapse| synapse as u32)
            })
            .collect()
    }

    fn set_sparse(
        &self,
        path: &str,
        buffer: &Buffer,
        data: &ArrayData,
        copies: usize,
        elements: usize,
        places: &[u32],
    ) -> Result<(), EngineError> {
        let values: Vec<u64> = data.bits(buffer.ty()).collect();
        if values.len() != places.len() && values.len() != copies * places.len() {
            return Err(EngineError::ArraySize {
                path: path.to_owned(),
                given: values.len(),
                expected: format!("there are {} synapses", places.len()),
            });
        }
        for copy in 0..copies {
            let first = if values.len() == places.len() { 0 } else { copy * places.len() };
            for (index, &place) in places.iter().enumerate() {
                buffer.store(copy * elements + place as usize, values[first + index]);
            }
        }
        Ok(())
    }
}
