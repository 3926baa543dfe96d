//! A network compiled for a GPU.

use std::sync::Arc;

use mlgenn_engine::{
    DeviceLoad, DeviceModel, DeviceState, EngineError, memory_plan, out_of_memory, stage,
};
use mlgenn_model::Plan;

use super::backend::{CudaDevice, CudaError};
use super::network::text;
use super::state::GpuState;
use crate::driver::Module;
use crate::emit::NetworkProgram;

/// Largest number of elements that kernels can count.
const MOST_LANES: u128 = 1 << 31;

/// A network compiled for a GPU.
pub(super) struct GpuModel {
    plan: Arc<Plan>,
    program: NetworkProgram,
    text: String,
    module: Module,
}

impl GpuModel {
    /// Compile a network.
    pub(super) fn new(device: &CudaDevice, plan: &Plan) -> Result<Self, EngineError> {
        check_sizes(plan)?;
        let bytes: u128 = memory_plan(plan).iter().map(|item| item.bytes).sum();
        let free = device.gpu.free_memory()?;
        if bytes > free as u128 {
            return Err(out_of_memory(plan));
        }
        let (program, text) = stage("text", || {
            let program = NetworkProgram::new(plan);
            let text = text(plan, &program)?;
            Ok::<_, EngineError>((program, text))
        })?;
        let load = |image: &[u8]| {
            stage("module", || Module::load(&device.gpu, image)).map_err(CudaError::from)
        };
        let module = device.compiler.compile(&text, device.target, load);
        let module = module.map_err(|error| EngineError::Device(error.to_string()))?;
        Ok(Self { plan: Arc::new(plan.clone()), program, text, module })
    }
}

impl DeviceModel for GpuModel {
    fn text(&self) -> &str {
        &self.text
    }

    fn load(&self, load: &DeviceLoad<'_>) -> Result<Box<dyn DeviceState>, EngineError> {
        let module = Arc::new(self.module.fork()?);
        Ok(Box::new(GpuState::new(&self.plan, &self.program, &module, load)?))
    }
}

/// Kernels count elements with 32 bits.
fn check_sizes(plan: &Plan) -> Result<(), EngineError> {
    let too_large = |what: &str, elements: u128| {
        Err(EngineError::Device(format!(
            "{what} has {elements} elements, the CUDA backend takes up to {MOST_LANES}; use the CPU \
             backend"
        )))
    };
    for (id, array) in plan.layout.arrays() {
        let elements = array.elements() as u128;
        if elements > MOST_LANES {
            return too_large(&array.path, elements);
        }
        if plan.copies(id) > 65535 {
            return too_large("the batch", plan.copies(id) as u128);
        }
    }
    for group in &plan.synapse_groups {
        let synapses = group.num_pre as u128 * group.row_stride as u128;
        if synapses > MOST_LANES {
            return too_large(&group.name, synapses);
        }
    }
    Ok(())
}
