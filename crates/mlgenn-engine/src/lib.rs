//! What every backend shares: compiled models, simulations, the timestep schedule, recording and
//! random numbers.
//!
//! A [`CompiledModel`] is immutable and shared; a [`Simulation`] holds the state of one run of it.
//! The schedule in [`mod@schedule`] says what happens in a timestep; a [`Backend`] says on which
//! threads, and its [`mlgenn_ir::launch::Executor`] runs the kernels.

mod active;
mod ahead;
mod ahead_update;
mod apart;
mod arrays;
mod backend;
mod bind;
mod blocks;
mod calendar;
mod compiled;
mod connectivity;
mod connectivity_index;
mod custom_connectivity_update;
mod custom_update;
mod deferred;
mod device;
mod distinct_weights;
mod error;
mod fixed_probability;
mod history;
mod lanes;
mod linear;
mod load;
mod mirror;
mod neuron_update;
mod on_device;
mod pace;
mod passes;
mod place;
mod progress;
mod random_key;
mod recorded;
mod recording;
mod run_plan;
mod schedule;
mod simulation;
mod spike_count;
mod stages;
mod stopwatch;
mod team;
mod update_program;
mod updates;
mod views;
mod worker;

pub use arrays::{ArrayData, Arrays, MemoryItem, memory_plan, out_of_memory};
pub use backend::{Backend, Inline};
pub use compiled::CompiledModel;
pub use device::{Device, DeviceLoad, DeviceModel, DeviceState, DeviceTimes, Timesteps};
pub use error::EngineError;
pub use load::keys as random_keys;
pub use mirror::Access;
pub use passes::{
    Pass, UpdateEffects, copies_of_update, is_over_batch, joins_others, passes, reduces_over_batch,
};
pub use progress::Progress;
pub use recorded::Recorded;
pub use recording::SpikeTrain;
pub use run_plan::{RunPlan, StepUpdate};
pub use simulation::Simulation;
pub use stages::{Stages, stage, take_stages};
pub use views::ArrayView;
