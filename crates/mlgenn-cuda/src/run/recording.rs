//! Arrays that are recorded in every timestep of a run.

use std::cell::RefCell;
use std::sync::Arc;

use mlgenn_ir::Buffer;
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;

use super::memory::{Memory, State};
use super::tables::Tables;
use crate::driver::{Arena, DeviceError, Gpu, Step};

/// Memory of recorded arrays, and the launches that record.
pub(super) struct Recording {
    gpu: Arc<Gpu>,
    _arena: Arena,
    arrays: Vec<ArrayId>,
    timesteps: usize,
    /// Address of each array: `[timesteps][copies][elements]`.
    rows: Vec<u64>,
    /// Address of the number of recorded timesteps (`u64`).
    counter: u64,
    /// The launches that record one timestep.
    pub(super) steps: Vec<Step>,
}

impl Recording {
    /// Make room.
    pub(super) fn new(
        plan: &Plan,
        gpu: &Arc<Gpu>,
        memory: &Memory,
        state: State,
        arrays: &[ArrayId],
        timesteps: usize,
    ) -> Result<Self, DeviceError> {
        let arena = RefCell::new(Arena::new(gpu.clone(), 0)?);
        let counter = arena.borrow_mut().allocate(8)?;
        let rows = arrays
            .iter()
            .map(|&array| {
                let description = plan.layout.array(array);
                let elements = timesteps * plan.copies(array) * description.elements();
                let bytes = elements * description.ty.bytes();
                arena.borrow_mut().allocate(bytes.max(8))
            })
            .collect::<Result<Vec<_>, DeviceError>>()?;
        let mut steps = Vec::new();
        {
            let tables = Tables { plan, arena: &arena, memory, state };
            for (&array, &address) in arrays.iter().zip(&rows) {
                steps.push(tables.record(array, address, timesteps, counter)?);
            }
            if !arrays.is_empty() {
                steps.push(tables.count(counter)?);
            }
        }
        let mut arena = arena.into_inner();
        arena.flush()?;
        let arrays = arrays.to_vec();
        Ok(Self { gpu: gpu.clone(), _arena: arena, arrays, timesteps, rows, counter, steps })
    }

    /// Whether it is for these arrays and as many timesteps.
    pub(super) fn is_for(&self, arrays: &[ArrayId], timesteps: usize) -> bool {
        self.arrays == arrays && self.timesteps == timesteps
    }

    /// Record from the start again.
    pub(super) fn restart(&self) -> Result<(), DeviceError> {
        self.gpu.write(self.counter, &0u64.to_ne_bytes())
    }

    /// Copy what was recorded of the array of that position.
    pub(super) fn read(&self, nth: usize, to: &Buffer) -> Result<(), DeviceError> {
        let Some(&address) = self.rows.get(nth) else { return Ok(()) };
        to.with_bytes_mut(|bytes| self.gpu.read(address, bytes))
    }
}
