//! Arrays that are recorded in every timestep of a run.

use std::sync::Arc;

use indexmap::IndexMap;
use mlgenn_ir::Buffer;
use mlgenn_model::layout::{ArrayId, Copies};

use crate::error::EngineError;
use crate::run_plan::RunPlan;
use crate::simulation::Simulation;

/// Arrays recorded in a run: `[timesteps][copies][elements]`.
#[derive(Debug, Default)]
pub struct Recorded {
    pub(crate) arrays: IndexMap<String, RecordedArray>,
}

#[derive(Debug)]
pub(crate) struct RecordedArray {
    pub(crate) source: ArrayId,
    buffer: Arc<Buffer>,
    copies: usize,
    elements: usize,
}

impl Recorded {
    /// What was recorded of an array: memory, copies, elements.
    pub fn get(&self, path: &str) -> Option<(&Arc<Buffer>, usize, usize)> {
        self.arrays.get(path).map(|array| (&array.buffer, array.copies, array.elements))
    }

    /// The arrays that are recorded, in order.
    pub(crate) fn sources(&self) -> impl Iterator<Item = ArrayId> + '_ {
        self.arrays.values().map(|array| array.source)
    }

    /// Where they are recorded.
    pub(crate) fn buffers(&self) -> impl Iterator<Item = &Buffer> {
        self.arrays.values().map(|array| &*array.buffer)
    }
}

impl Simulation {
    pub(crate) fn start_recording(&self, plan: &RunPlan) -> Result<Recorded, EngineError> {
        let mut recorded = Recorded::default();
        for path in &plan.record {
            let source = self.find(path)?;
            let array = self.model.plan.layout.array(source);
            let (copies, elements) = (self.model.plan.copies(source), array.elements());
            let buffer = Buffer::new(array.ty, plan.timesteps * copies * elements)?;
            let array = RecordedArray { source, buffer: Arc::new(buffer), copies, elements };
            recorded.arrays.insert(path.clone(), array);
        }
        Ok(recorded)
    }

    pub(crate) fn record(&self, recorded: &Recorded, step: usize) {
        let mut sources = recorded.arrays.values().map(|array| array.source);
        if sources.any(|source| self.model.dependents.has_array(source)) {
            self.catch_up();
        }
        for block in 0..self.model.plan.blocks.count() {
            self.record_block(recorded, step, block, &self.rings);
        }
    }

    pub(crate) fn record_block(
        &self,
        recorded: &Recorded,
        step: usize,
        block: usize,
        rings: &[u32],
    ) {
        for record in recorded.arrays.values() {
            let array = self.model.plan.layout.array(record.source);
            let copies = match array.copies {
                Copies::Shared if block > 0 => continue,
                Copies::Shared => 0..1,
                Copies::Member => self.model.plan.blocks.members(block),
                Copies::Block => block..block + 1,
            };
            let slot = array.ring.map_or(0, |ring| rings[ring.0]) as usize;
            let elements = record.elements;
            for copy in copies {
                let from = (copy * array.slots + slot) * elements;
                if let Some(bytes) = self.buffers[record.source.0].to_bytes(from, elements) {
                    let to = (step * record.copies + copy) * elements;
                    record.buffer.copy_from_bytes(to, &bytes);
                }
            }
        }
    }
}
