//! What a backend offers whose arrays are in the memory of a device.
//!
//! The host initialises all arrays and keeps a mirror of each; the device runs timesteps and custom
//! updates. [`crate::mirror`] says when which arrays are copied.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mlgenn_ir::Buffer;
use mlgenn_ir::launch::Watch;
use mlgenn_model::Plan;
use mlgenn_model::layout::ArrayId;
use mlgenn_model::plan::EventQueueId;

use crate::error::EngineError;
use crate::progress::Progress;

/// A device that runs networks.
pub trait Device: Send + Sync {
    /// Compile the kernels of a network.
    ///
    /// # Errors
    ///
    /// If its arrays do not fit, or the device or its compiler fail.
    fn compile(&self, plan: &Plan) -> Result<Arc<dyn DeviceModel>, EngineError>;
}

/// A network compiled for a device. Immutable.
pub trait DeviceModel: Send + Sync {
    /// The text that was compiled.
    fn text(&self) -> &str;

    /// Allocate everything on the device, with the contents of the mirrors.
    ///
    /// # Errors
    ///
    /// If the device is short of memory, or fails.
    fn load(&self, load: &DeviceLoad<'_>) -> Result<Box<dyn DeviceState>, EngineError>;
}

/// What is loaded.
#[derive(Clone, Copy, Debug)]
pub struct DeviceLoad<'a> {
    /// The mirrors of all arrays, which have the sizes that are needed.
    pub mirrors: &'a [Arc<Buffer>],
    /// Whether each array is known to be zero; others may be as well.
    pub zero: &'a [bool],
    /// Keys of all random streams, see [`crate::random_keys`].
    pub keys: &'a Buffer,
    /// Timesteps of recorded events to keep.
    pub recording_timesteps: usize,
    /// Whether to measure times.
    pub timing: bool,
}

/// A stretch of equal timesteps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timesteps {
    /// Custom update groups to run before each timestep.
    pub begin: Vec<String>,
    /// Custom update groups to run after each timestep.
    pub end: Vec<String>,
    /// Whether to record arrays after each timestep, see [`DeviceState::start_recording`].
    pub record: bool,
}

/// The state of a network on a device.
pub trait DeviceState: Send {
    /// Copy an array to the device.
    ///
    /// # Errors
    ///
    /// If the device fails, as for all that follows.
    fn push(&mut self, array: ArrayId, mirror: &Buffer) -> Result<(), EngineError>;

    /// Copy an array from the device.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn pull(&mut self, array: ArrayId, mirror: &Buffer) -> Result<(), EngineError>;

    /// Arrays that launches write.
    fn written(&self) -> &BTreeSet<ArrayId>;

    /// Replace the keys of all random streams.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn set_keys(&mut self, keys: &Buffer) -> Result<(), EngineError>;

    /// Set counters and rings.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn set_progress(&mut self, progress: &Progress) -> Result<(), EngineError>;

    /// The connectivity of a synapse group is another one.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn connectivity_changed(
        &mut self,
        group: usize,
        mirrors: &[Arc<Buffer>],
    ) -> Result<(), EngineError>;

    /// Make room for some arrays in a number of timesteps, and record from the start.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn start_recording(&mut self, arrays: &[ArrayId], timesteps: usize) -> Result<(), EngineError>;

    /// Record one timestep.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn record(&mut self) -> Result<(), EngineError>;

    /// Copy what was recorded of the array of that position.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn recorded(&mut self, nth: usize, to: &Buffer) -> Result<(), EngineError>;

    /// Copy the recorded events of a queue: `[timesteps][batch][words]`.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn events(&mut self, queue: EventQueueId, to: &Buffer) -> Result<(), EngineError>;

    /// Start a number of timesteps; may return before they are made. Gives how many were started,
    /// which are less if the watch says stop.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn run(
        &mut self,
        timesteps: &Timesteps,
        count: usize,
        watch: &Watch,
    ) -> Result<usize, EngineError>;

    /// Start the custom updates of a group, and the row code of its connectivity updates.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn custom_update(&mut self, group: &str, watch: &Watch) -> Result<(), EngineError>;

    /// Start the custom updates of several groups, one group after the other, but that those go over
    /// their elements together which may, see [`crate::passes`]. None of the groups has transposes or
    /// connectivity updates, and times are not measured.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn custom_updates(&mut self, groups: &[String], watch: &Watch) -> Result<(), EngineError>;

    /// Start the transposes of a group.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn transpose(&mut self, group: &str, watch: &Watch) -> Result<(), EngineError>;

    /// Start what was put off until more follows, without waiting for it.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn start(&mut self) -> Result<(), EngineError>;

    /// Wait for all of it; faults are raised on the watch.
    ///
    /// # Errors
    ///
    /// See [`DeviceState::push`].
    fn wait(&mut self, watch: &Watch) -> Result<(), EngineError>;

    /// Time spent on the device so far, if it is measured.
    fn times(&self) -> DeviceTimes;
}

/// Time spent in each kind of kernel on a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceTimes {
    /// Neuron updates.
    pub neuron_update: Duration,
    /// Presynaptic spikes and events.
    pub presynaptic_update: Duration,
    /// Postsynaptic spikes and events.
    pub postsynaptic_update: Duration,
    /// Synapse dynamics.
    pub synapse_dynamics: Duration,
    /// Custom updates and transposes by group, if they ran on their own and not within timesteps.
    pub custom_updates: Vec<(String, Duration, Duration)>,
}
