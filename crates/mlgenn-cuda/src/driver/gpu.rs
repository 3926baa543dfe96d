//! A GPU: its context, the stream that everything runs on, and its properties.
#![expect(unsafe_code, reason = "calls the driver; see the SAFETY comments")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, result, sys};
use libloading::Library;

use super::error::{DeviceError, During, Unavailable, explain};
use super::staging::{LARGEST, Staging};
use crate::in_words;

/// Oldest version of the driver that is good enough: that of CUDA 12.0.
const OLDEST_DRIVER: i32 = 12000;

/// Oldest compute capability that is good enough: Maxwell's.
const OLDEST_CAPABILITY: i32 = 50;

/// How long to ask again and again whether a GPU is done before giving way to other threads.
const SPIN: Duration = Duration::from_micros(200);

/// Names of the driver's library.
const LIBRARIES: &[&str] =
    if cfg!(windows) { &["nvcuda.dll"] } else { &["libcuda.so", "libcuda.so.1"] };

/// All functions of the driver that are called: bindings would panic if one were missing.
const FUNCTIONS: [&str; 40] = [
    "cuCtxGetCurrent",
    "cuCtxSetCurrent",
    "cuCtxSynchronize",
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuDeviceGetCount",
    "cuDeviceGetName",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxRetain",
    "cuDriverGetVersion",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventElapsedTime",
    "cuEventQuery",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuGetErrorName",
    "cuGetErrorString",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuGraphInstantiateWithFlags",
    "cuGraphLaunch",
    "cuInit",
    "cuLaunchKernel",
    "cuMemAlloc_v2",
    "cuMemFreeHost",
    "cuMemFree_v2",
    "cuMemGetInfo_v2",
    "cuMemHostAlloc",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuModuleGetFunction",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuStreamBeginCapture_v2",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamEndCapture",
    "cuStreamSynchronize",
];

/// A GPU that can be used.
pub struct Gpu {
    stream: Arc<CudaStream>,
    /// For what must not wait for launches.
    aside: Arc<CudaStream>,
    /// Where copies to the GPU start, once there are any; `None` if there is no such memory.
    staging: Mutex<Option<Option<Staging>>>,
    name: String,
    capability: i32,
    driver: i32,
    /// Set when waiting was given up because of a failure, after which nothing works.
    broken: Arc<AtomicBool>,
}

impl Gpu {
    /// Use a GPU; the first one has number 0.
    ///
    /// # Errors
    ///
    /// If there is no driver, it is too old, or there is no such GPU: what was tried, and what to
    /// do.
    pub fn open(number: usize) -> Result<Self, Unavailable> {
        check_library()?;
        let unavailable = |what: &str, error| Unavailable {
            reason: format!("{what} failed: {}", explain(error)),
            hint: "Check with `nvidia-smi` that the driver works and the GPU can be seen".into(),
        };
        result::init().map_err(|error| unavailable("starting the driver", error))?;
        let driver = driver_version().map_err(|error| unavailable("cuDriverGetVersion", error))?;
        if driver < OLDEST_DRIVER {
            return Err(Unavailable {
                reason: format!("the driver supports CUDA {} only", version(driver)),
                hint: format!("Install a driver for CUDA {} or newer", version(OLDEST_DRIVER)),
            });
        }
        let count =
            result::device::get_count().map_err(|error| unavailable("counting the GPUs", error))?;
        if usize::try_from(count).unwrap_or(0) <= number {
            return Err(Unavailable {
                reason: format!("GPU {number} was asked for, but the driver sees {count} GPUs"),
                hint: "Check CUDA_VISIBLE_DEVICES".into(),
            });
        }
        let open = || {
            let context = CudaContext::new(number)?;
            let (major, minor) = context.compute_capability()?;
            Ok(Self {
                name: context.name()?,
                capability: 10 * major + minor,
                driver,
                stream: context.new_stream()?,
                aside: context.new_stream()?,
                staging: Mutex::default(),
                broken: Arc::default(),
            })
        };
        let gpu = open().map_err(|error| unavailable("opening the GPU", error))?;
        if gpu.capability < OLDEST_CAPABILITY {
            return Err(Unavailable {
                reason: format!("{} has compute capability {}", gpu.name, gpu.capability),
                hint: format!("{OLDEST_CAPABILITY} or newer is needed"),
            });
        }
        Ok(gpu)
    }

    /// The same GPU, with a stream of its own: simulations in several threads do not meet.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn fork(&self) -> Result<Self, DeviceError> {
        let operation = "making a stream";
        self.enter(operation)?;
        Ok(Self {
            stream: self.stream.context().new_stream().during(operation)?,
            aside: self.aside.clone(),
            staging: Mutex::default(),
            name: self.name.clone(),
            broken: self.broken.clone(),
            ..*self
        })
    }

    /// Name of the GPU.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Compute capability as in `sm_90`: 90.
    pub fn capability(&self) -> i32 {
        self.capability
    }

    /// Newest CUDA release that the driver supports, such as (12, 8).
    pub fn driver(&self) -> (i32, i32) {
        (self.driver / 1000, self.driver % 1000 / 10)
    }

    /// Bytes of memory that are free.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn free_memory(&self) -> Result<usize, DeviceError> {
        self.stream.context().mem_get_info().map(|(free, _)| free).during("asking for free memory")
    }

    /// Copy bytes to memory of the GPU, after everything that was launched before; few bytes may
    /// not be there yet when this returns, but are before anything is launched that follows.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        if !bytes.is_empty() && bytes.len() <= LARGEST {
            self.enter("copying to the GPU")?;
            let mut staging = self.staging();
            if let Some(staging) = staging.get_or_insert_with(|| Staging::new(&self.stream))
                && staging.make_room(bytes.len())?
            {
                return staging.copy(address, bytes);
            }
        }
        self.write_now(address, bytes)
    }

    /// As [`Gpu::write`], but all bytes are there when this returns.
    pub(super) fn write_now(&self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.write_on(&self.stream, address, bytes)
    }

    /// Copy bytes to memory of the GPU at once, whatever is running.
    pub(super) fn write_aside(&self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.write_on(&self.aside, address, bytes)
    }

    fn write_on(&self, stream: &CudaStream, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.enter("copying to the GPU")?;
        // SAFETY: the address is one of an `Arena` with at least as many bytes; the bytes are there
        // until the copy has ended, which is waited for.
        let copied = unsafe { result::memcpy_htod_async(address, bytes, stream.cu_stream()) };
        copied.and_then(|()| stream.synchronize()).during("copying to the GPU")
    }

    /// Copy bytes from memory of the GPU, after everything that was launched before.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub(crate) fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.enter("copying from the GPU")?;
        // SAFETY: as in `write_on`.
        let copied = unsafe { result::memcpy_dtoh_async(bytes, address, self.stream.cu_stream()) };
        copied.and_then(|()| self.stream.synchronize()).during("copying from the GPU")
    }

    fn staging(&self) -> MutexGuard<'_, Option<Option<Staging>>> {
        self.staging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of copies to the GPU that may not have ended.
    fn staged(&self) -> usize {
        self.staging().as_ref().and_then(Option::as_ref).map_or(0, Staging::used)
    }

    /// Wait for everything that was launched; `stop` is asked again and again meanwhile, and what
    /// it says is written to the address (an `u32`) once it is true.
    ///
    /// # Errors
    ///
    /// If a launch failed.
    pub(crate) fn wait(
        &self,
        stop: &dyn Fn() -> bool,
        stop_address: u64,
    ) -> Result<(), DeviceError> {
        let staged = self.staged();
        let event = self.mark()?;
        self.wait_for(&event, stop, stop_address)?;
        // All copies have ended, unless one was started meanwhile.
        match self.staging().as_mut() {
            Some(Some(staging)) if staging.used() == staged => staging.clear(),
            _ => {}
        }
        Ok(())
    }

    /// An event that happens when everything launched so far has ended.
    pub(super) fn mark(&self) -> Result<CudaEvent, DeviceError> {
        self.enter("recording an event")?;
        let flags = sys::CUevent_flags::CU_EVENT_DISABLE_TIMING;
        self.stream.record_event(Some(flags)).during("recording an event")
    }

    /// An event whose time can be read.
    pub(super) fn mark_time(&self) -> Result<CudaEvent, DeviceError> {
        self.enter("recording an event")?;
        let flags = sys::CUevent_flags::CU_EVENT_DEFAULT;
        self.stream.record_event(Some(flags)).during("recording an event")
    }

    /// Wait for an event, see [`Gpu::wait`].
    pub(super) fn wait_for(
        &self,
        event: &CudaEvent,
        stop: &dyn Fn() -> bool,
        stop_address: u64,
    ) -> Result<(), DeviceError> {
        let start = Instant::now();
        let mut told = false;
        loop {
            // SAFETY: the event exists.
            match unsafe { result::event::query(event.cu_event()) } {
                Ok(()) => return Ok(()),
                Err(error) if error.0 == sys::CUresult::CUDA_ERROR_NOT_READY => {}
                Err(error) => {
                    self.broken.store(true, Ordering::Relaxed);
                    return Err(error).during("running the network");
                }
            }
            if !told && stop() {
                told = true;
                self.write_aside(stop_address, &1u32.to_ne_bytes())?;
            }
            if start.elapsed() < SPIN {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// Make this the GPU of the calling thread, as the driver wants it.
    pub(super) fn enter(&self, operation: &str) -> Result<(), DeviceError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(DeviceError::new(
                operation,
                "an earlier launch failed, after which this process cannot use the GPU",
            ));
        }
        self.stream.context().bind_to_thread().during(operation)
    }

    /// The stream that everything runs on, in order.
    pub(super) fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (sm_{}, CUDA {})", self.name, self.capability, version(self.driver))
    }
}

/// A number such as 12080 as people write it.
fn version(number: i32) -> String {
    format!("{}.{}", number / 1000, number % 1000 / 10)
}

fn driver_version() -> Result<i32, cudarc::driver::DriverError> {
    let mut driver = 0;
    // SAFETY: the pointer is good.
    unsafe { sys::cuDriverGetVersion(&mut driver) }.result()?;
    Ok(driver)
}

/// Look for the driver's library and its functions.
fn check_library() -> Result<(), Unavailable> {
    let mut tried = Vec::new();
    for &name in LIBRARIES {
        // SAFETY: the library of that name is NVIDIA's, which may be loaded at any time.
        match unsafe { Library::new(name) } {
            Ok(library) => return check_functions(&library),
            Err(error) => tried.push(format!("{name}: {}", in_words(&error))),
        }
    }
    Err(Unavailable {
        reason: format!("there is no NVIDIA driver; tried {}", tried.join("; ")),
        hint: "On a machine with an NVIDIA GPU, install its driver (525 or newer)".into(),
    })
}

fn check_functions(library: &Library) -> Result<(), Unavailable> {
    let missing = |name: &&&str| {
        // SAFETY: the symbol is only looked for.
        unsafe { library.get::<unsafe extern "C" fn()>(name.as_bytes()) }.is_err()
    };
    match FUNCTIONS.iter().find(missing) {
        None => Ok(()),
        Some(name) => Err(Unavailable {
            reason: format!("the NVIDIA driver has no function {name}"),
            hint: "Install a newer driver (525 or newer)".into(),
        }),
    }
}
