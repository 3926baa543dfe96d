//! Lists of launches that are repeated, as CUDA graphs where that pays.
#![expect(unsafe_code, reason = "launches kernels; see the SAFETY comments")]

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use cudarc::driver::{CudaEvent, CudaGraph, result, sys};

use super::error::{DeviceError, During};
use super::gpu::Gpu;
use super::module::{Function, Module};

/// Most launches of a graph: enough to make the start of a graph not matter.
const LARGEST_GRAPH: usize = 1024;

/// Most repetitions in a graph, so that it is made quickly.
const LONGEST_GRAPH: usize = 64;

/// Repetitions from which on a graph is worth making.
const WORTH_GRAPH: usize = 8;

/// Graphs that may wait for the GPU at a time: enough that it never waits for the host, few enough
/// that an interrupt is answered soon.
const IN_FLIGHT: usize = 3;

/// Largest number of blocks side by side (`gridDim.y`).
const LARGEST_BESIDE: usize = 65535;

/// One launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Name of the function.
    pub function: String,
    /// Number of blocks of threads; how often they are launched side by side; threads of a block.
    pub grid: [usize; 3],
    /// Address of the words of [`crate::abi::launch_words`].
    pub table: u64,
    /// What it is part of.
    pub part: Part,
}

/// What a launch is part of, for measuring times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Part {
    /// Rings, time, and copies of recorded values.
    #[default]
    Schedule,
    /// Synapse dynamics.
    SynapseDynamics,
    /// Presynaptic spikes and events.
    PresynapticUpdate,
    /// Postsynaptic spikes and events.
    PostsynapticUpdate,
    /// Neuron updates.
    NeuronUpdate,
    /// Custom updates.
    CustomUpdate,
    /// Transposes of custom updates.
    Transpose,
}

/// Time spent in each part, in the order of [`Part`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times([Duration; 7]);

impl Times {
    /// Time spent in a part.
    pub fn of(&self, part: Part) -> Duration {
        self.0[part as usize]
    }

    /// Add times.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, time)| *sum += time);
    }
}

/// Launches in order, each of which sees what those before it have written.
pub struct Launches {
    module: Arc<Module>,
    /// Functions, grids, addresses of tables.
    steps: Vec<(Function, [u32; 3], u64, Part)>,
    /// Address of an `u32` that ends loops on the GPU.
    stop_address: u64,
    /// Graphs of one repetition, and of many.
    one: Option<Graph>,
    many: Option<(Graph, usize)>,
    /// How often these launches were made so far.
    made: usize,
    in_flight: VecDeque<CudaEvent>,
}

/// A graph. It belongs to [`Launches`], of which only one thread has a mutable reference.
struct Graph(CudaGraph);

// SAFETY: the driver allows a graph to be used by any thread, if by one at a time.
unsafe impl Send for Graph {}

impl Launches {
    /// Prepare launches; at `stop_address` is an `u32` that ends loops on the GPU if it is not 0.
    ///
    /// # Errors
    ///
    /// If a function is missing, or a grid is too large.
    pub fn new(
        module: &Arc<Module>,
        steps: &[Step],
        stop_address: u64,
    ) -> Result<Self, DeviceError> {
        let prepared = steps
            .iter()
            .filter(|step| step.grid.iter().all(|&size| size > 0))
            .map(|step| {
                let [blocks, beside, threads] = step.grid;
                let size = |size: usize, most: usize| {
                    u32::try_from(size).ok().filter(|_| size <= most).ok_or_else(|| {
                        DeviceError::new(
                            format!("preparing kernel {}", step.function),
                            format!("a grid of {blocks} by {beside} blocks is too large"),
                        )
                    })
                };
                let grid = [
                    size(blocks, i32::MAX as usize)?,
                    size(beside, LARGEST_BESIDE)?,
                    size(threads, 1024)?,
                ];
                Ok((module.function(&step.function)?, grid, step.table, step.part))
            })
            .collect::<Result<_, DeviceError>>()?;
        Ok(Self {
            module: module.clone(),
            steps: prepared,
            stop_address,
            one: None,
            many: None,
            made: 0,
            in_flight: VecDeque::new(),
        })
    }

    fn gpu(&self) -> &Arc<Gpu> {
        self.module.gpu()
    }

    /// Make all launches a number of times; returns before they have run. Stops early if `stop` says
    /// so. Gives how many times they were made.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn run(&mut self, times: usize, stop: &dyn Fn() -> bool) -> Result<usize, DeviceError> {
        if self.steps.is_empty() || times == 0 {
            return Ok(times);
        }
        self.gpu().enter("launching kernels")?;
        let mut left = times;
        if self.made == 0 && !stop() {
            // The driver loads functions when they are launched first, which it cannot always do
            // while launches are captured.
            self.launch_all()?;
            left -= 1;
        }
        self.made = self.made.saturating_add(times);
        if left >= WORTH_GRAPH && self.many.is_none() {
            let repetitions = (LARGEST_GRAPH / self.steps.len()).clamp(1, LONGEST_GRAPH).min(left);
            self.many = Some((self.capture(repetitions)?, repetitions));
        }
        while left > 0 && !stop() {
            self.leave_room(stop)?;
            if let Some((graph, repetitions)) = &self.many
                && left >= *repetitions
            {
                graph.0.launch().during("launching a graph")?;
                left -= repetitions;
            } else {
                if self.made >= WORTH_GRAPH && self.one.is_none() {
                    self.one = Some(self.capture(1)?);
                }
                match &self.one {
                    Some(graph) => graph.0.launch().during("launching a graph")?,
                    None => self.launch_all()?,
                }
                left -= 1;
            }
            let event = self.gpu().mark()?;
            self.in_flight.push_back(event);
        }
        Ok(times - left)
    }

    /// As [`Launches::run`], but waits, and measures the time of each part.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn run_timed(
        &mut self,
        times: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<Times, DeviceError> {
        let mut total = Times::default();
        self.gpu().enter("launching kernels")?;
        for _ in 0..times {
            if stop() {
                break;
            }
            let mut marks = vec![(Part::Schedule, self.gpu().mark_time()?)];
            for (index, step) in self.steps.iter().enumerate() {
                self.launch(step)?;
                if self.steps.get(index + 1).is_none_or(|next| next.3 != step.3) {
                    marks.push((step.3, self.gpu().mark_time()?));
                }
            }
            if let Some((_, last)) = marks.last() {
                self.gpu().wait_for(last, stop, self.stop_address)?;
            }
            for pair in marks.windows(2) {
                let time = pair[0].1.elapsed_ms(&pair[1].1).during("reading the time")?;
                let time = Duration::try_from_secs_f32(time / 1000.0).unwrap_or_default();
                total.0[pair[1].0 as usize] += time;
            }
        }
        Ok(total)
    }

    /// Wait until few graphs wait for the GPU.
    fn leave_room(&mut self, stop: &dyn Fn() -> bool) -> Result<(), DeviceError> {
        while self.in_flight.len() >= IN_FLIGHT
            && let Some(event) = self.in_flight.pop_front()
        {
            self.gpu().wait_for(&event, stop, self.stop_address)?;
        }
        Ok(())
    }

    fn launch_all(&self) -> Result<(), DeviceError> {
        self.steps.iter().try_for_each(|step| self.launch(step))
    }

    fn launch(
        &self,
        &(function, [blocks, beside, threads], mut table, _): &(Function, [u32; 3], u64, Part),
    ) -> Result<(), DeviceError> {
        let mut parameters = [(&raw mut table).cast::<c_void>()];
        let stream = self.gpu().stream().cu_stream();
        let (grid, block) = ((blocks, beside, 1), (threads, 1, 1));
        // SAFETY: the function is one of the module, with one parameter: the address of a table,
        // which lies in an `Arena` like everything that the table names. The driver copies it.
        let launched =
            unsafe { result::launch_kernel(function.0, grid, block, 0, stream, &mut parameters) };
        launched.during("launching a kernel")
    }

    /// Make a graph of some repetitions.
    fn capture(&self, repetitions: usize) -> Result<Graph, DeviceError> {
        let operation = "making a graph";
        let stream = self.gpu().stream();
        // Nothing but launches goes to this stream meanwhile; other streams are not concerned.
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        stream.begin_capture(mode).during(operation)?;
        let launched = (0..repetitions).try_for_each(|_| self.launch_all());
        // Ended even after a failure, so that the stream can be used again.
        let graph = stream.end_capture(sys::CUgraphInstantiate_flags(0)).during(operation);
        launched?;
        graph?.map(Graph).ok_or_else(|| DeviceError::new(operation, "it is empty"))
    }
}
