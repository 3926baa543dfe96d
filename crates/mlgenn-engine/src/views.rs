//! Looking at the state of a simulation from outside: arrays, dynamic parameters, recorded spikes,
//! connectivity.

use std::sync::Arc;

use mlgenn_ir::{Buffer, Type};
use mlgenn_model::layout::{ArrayId, Copies};
use mlgenn_model::plan::{ConnectivityPlan, EventQueueId};

use crate::error::EngineError;
use crate::mirror::Access;
use crate::recording::SpikeTrain;
use crate::simulation::Simulation;

/// Memory of an array and its shape.
#[derive(Clone, Debug)]
pub struct ArrayView {
    /// The memory, in the order `[copies][slots][elements]`.
    pub buffer: Arc<Buffer>,
    /// Number of copies.
    pub copies: usize,
    /// Whether there are copies for the batch, even if it is of size 1.
    pub per_member: bool,
    /// Number of delay slots.
    pub slots: usize,
    /// Number of elements in each slot.
    pub elements: usize,
}

impl Simulation {
    pub(crate) fn find(&self, path: &str) -> Result<ArrayId, EngineError> {
        let layout = &self.model.plan.layout;
        layout.find(path).ok_or_else(|| EngineError::Unknown {
            what: "array",
            name: path.to_owned(),
            available: layout.arrays().map(|(_, array)| array.path.clone()).collect(),
        })
    }

    /// The memory of an array. Writes are seen by the next timestep.
    ///
    /// If the array is on a device this is its mirror. It is copied to the device before every run
    /// and back afterwards, until it is dropped.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn array(&self, path: &str) -> Result<ArrayView, EngineError> {
        self.array_for(path, Access::ReadWrite)
    }

    /// As [`Simulation::array`], for some of its uses only, which saves copies if the array is on a
    /// device.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn array_for(&self, path: &str, access: Access) -> Result<ArrayView, EngineError> {
        let id = self.find(path)?;
        if self.model.dependents.has_array(id) {
            self.catch_up();
        }
        self.settle_for(id, access)?;
        self.show(id, access)?;
        if access != Access::Read {
            let weights = self.index.iter().filter_map(|index| index.distinct_weights.as_ref());
            weights.for_each(|weights| weights.hand_out(id));
        }
        let array = self.model.plan.layout.array(id);
        let buffer = self.buffers[id.0].clone();
        let copies = self.model.plan.copies(id);
        let elements = buffer.len() / (copies * array.slots);
        let per_member = array.copies != Copies::Shared;
        Ok(ArrayView { buffer, copies, per_member, slots: array.slots, elements })
    }

    /// Number of delay slots of an array.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn num_slots(&self, path: &str) -> Result<usize, EngineError> {
        Ok(self.model.plan.layout.array(self.find(path)?).slots)
    }

    /// The delay slot of an array that was written last.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn current_slot(&self, path: &str) -> Result<usize, EngineError> {
        let array = self.model.plan.layout.array(self.find(path)?);
        Ok(array.ring.map_or(0, |ring| self.rings[ring.0]) as usize)
    }

    /// Change a dynamic parameter.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`] if there is no dynamic parameter with that path.
    pub fn set_dynamic_param(&mut self, path: &str, value: f64) -> Result<(), EngineError> {
        let layout = &self.model.plan.layout;
        let id = layout.find(path).filter(|_| is_dynamic_param(path)).ok_or_else(|| {
            let paths = layout.arrays().map(|(_, array)| array.path.clone());
            EngineError::Unknown {
                what: "dynamic parameter",
                name: path.to_owned(),
                available: paths.filter(|path| is_dynamic_param(path)).collect(),
            }
        })?;
        let buffer = &self.buffers[id.0];
        let bits = mlgenn_ir::evaluate::convert(Type::F64, buffer.ty(), value.to_bits());
        if buffer.load(0) == Some(bits) {
            return Ok(());
        }
        if self.model.dependents.has_array(id) {
            self.catch_up();
        }
        self.settle_for(id, Access::Overwrite)?;
        buffer.store(0, bits);
        if let Some(mut mirrors) = self.mirrors() {
            mirrors.touch(id);
        }
        Ok(())
    }

    /// Recorded spikes or events, of each batch member; `path` is `neuron.P.spikes`,
    /// `syn.S.pre_events` or `syn.S.post_events`.
    ///
    /// # Errors
    ///
    /// If nothing of that name is recorded, or fewer timesteps were made than are kept.
    pub fn spikes(&self, path: &str) -> Result<Vec<SpikeTrain>, EngineError> {
        let plan = &self.model.plan;
        let queue = plan.event_queues.iter().position(|queue| queue.path == path);
        let recording = queue.and_then(|queue| self.recordings[queue].as_ref());
        let Some(recording) = recording else {
            let recorded = plan.event_queues.iter().filter(|queue| queue.recorded);
            return Err(EngineError::Unknown {
                what: "recording",
                name: path.to_owned(),
                available: recorded.map(|queue| queue.path.clone()).collect(),
            });
        };
        if let (Some(mut mirrors), Some(queue)) = (self.mirrors(), queue) {
            mirrors.state.events(EventQueueId(queue), recording.buffer())?;
        }
        recording.spikes(path, self.timestep, self.steps_made, plan.network.dt)
    }

    /// Pre- and postsynaptic neuron of each synapse of a group, in order of rows.
    ///
    /// # Errors
    ///
    /// [`EngineError::Unknown`].
    pub fn indices(&self, group: &str) -> Result<(Vec<u32>, Vec<u32>), EngineError> {
        let plan = &self.model.plan;
        let index = plan.synapse_group(group).ok_or_else(|| EngineError::Unknown {
            what: "synapse group",
            name: group.to_owned(),
            available: plan.synapse_groups.iter().map(|group| group.name.clone()).collect(),
        })?;
        let group = &plan.synapse_groups[index];
        if let ConnectivityPlan::Sparse { row_length, indices, .. } = group.connectivity {
            [row_length, indices]
                .into_iter()
                .try_for_each(|array| self.show(array, Access::Read))?;
        }
        let (mut pre, mut post) = (Vec::new(), Vec::new());
        for row in 0..group.num_pre {
            match &group.connectivity {
                ConnectivityPlan::Dense => post.extend(0..group.num_post as u32),
                ConnectivityPlan::Sparse { row_length, indices, .. } => {
                    let length = self.buffers[row_length.0].load(row).unwrap_or(0) as usize;
                    let start = row * group.row_stride;
                    if let Some(targets) = self.buffers[indices.0].words(start, length) {
                        post.extend_from_slice(targets);
                    }
                }
            }
            pre.resize(post.len(), row as u32);
        }
        Ok((pre, post))
    }
}

/// Whether the path of an array is that of a dynamic parameter.
fn is_dynamic_param(path: &str) -> bool {
    matches!(path.split('.').nth(2), Some("params" | "psm_params"))
}
