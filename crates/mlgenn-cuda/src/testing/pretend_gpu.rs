//! A pretended GPU: see `pretend_gpu.cpp`.
#![expect(unsafe_code, reason = "loads a library that was just made, and calls its functions")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use libloading::{Library, Symbol};

use super::host::{HostError, Mathematics, mathematics};
use crate::run::CudaOptions;

/// A driver and a compiler that run on the host, loaded into this process in the place of NVIDIA's.
pub struct PretendedGpu {
    library: Library,
    /// Removed with it.
    folder: tempfile::TempDir,
    /// How threads run: a number of [`Turns`].
    turns: AtomicI32,
}

/// How the threads of a block run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// One after another, which is faster.
    None,
    /// In turns, from the first to the last: they wait for each other and exchange values as on a GPU.
    Forwards,
    /// In turns, from the last to the first. Results that differ show a race.
    Backwards,
}

/// What the pretended GPU counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Launches on their own.
    Launches,
    /// Launches of graphs.
    GraphLaunches,
    /// Graphs that were launched.
    Graphs,
    /// Texts that were compiled.
    Compiled,
}

impl PretendedGpu {
    /// The pretended GPU of this process, which is made when it is first asked for.
    ///
    /// # Errors
    ///
    /// If g++ is missing or fails.
    pub fn get() -> Result<&'static Self, &'static HostError> {
        static GPU: OnceLock<Result<PretendedGpu, HostError>> = OnceLock::new();
        GPU.get_or_init(Self::make).as_ref()
    }

    fn make() -> Result<Self, HostError> {
        let folder = tempfile::tempdir()?;
        // Where the package of NVRTC has its library.
        let place = folder.path().join("nvidia/cuda_nvrtc/lib");
        std::fs::create_dir_all(&place)?;
        let library = build(folder.path(), &place.join("libnvrtc.so.12"))?;
        // SAFETY: the library was just made of a text that runs nothing when it is loaded.
        let library = unsafe { Library::new(library)? };
        // SAFETY: the text defines a function of this name and type.
        unsafe {
            let set: Symbol<'_, extern "C" fn(Mathematics)> =
                library.get(c"pretend_set_mathematics")?;
            set(mathematics);
        }
        Ok(Self { library, folder, turns: AtomicI32::new(Turns::None as i32) })
    }

    /// Options with which the backend finds it; nothing is kept between runs.
    pub fn options(&self) -> CudaOptions {
        // What is compiled is kept with the options of the device, so these say how threads run.
        let turns = self.turns.load(Ordering::Relaxed);
        let library_folders =
            vec![self.folder.path().into(), self.folder.path().join(format!("turns-{turns}"))];
        CudaOptions { gpu: 0, library_folders, cache: None }
    }

    /// How the threads of blocks run in what is compiled with [`PretendedGpu::options`] from now on.
    pub fn take_turns(&self, turns: Turns) {
        self.turns.store(turns as i32, Ordering::Relaxed);
        // SAFETY: the text defines a function of this name and type.
        unsafe {
            if let Ok(set) = self.library.get::<extern "C" fn(i32)>(c"pretend_take_turns") {
                set(turns as i32);
            }
        }
    }

    /// How often something happened so far.
    pub fn count(&self, what: Counted) -> i64 {
        // SAFETY: the text defines a function of this name and type.
        unsafe {
            self.library
                .get::<extern "C" fn(i32) -> std::ffi::c_long>(c"pretend_count")
                .map_or(0, |count| count(what as i32))
        }
    }

    /// Pieces of memory that are allocated.
    pub fn allocations(&self) -> i64 {
        // SAFETY: the text defines a function of this name and type.
        unsafe {
            self.library
                .get::<extern "C" fn() -> std::ffi::c_long>(c"pretend_allocations")
                .map_or(0, |count| count())
        }
    }
}

/// Compile the library. Its name is one that the driver is looked for by, so that it is found
/// once it is loaded.
fn build(folder: &Path, library: &Path) -> Result<PathBuf, HostError> {
    let source = folder.join("pretend_gpu.cpp");
    std::fs::write(&source, include_str!("pretend_gpu.cpp"))?;
    let header = format!("R\"host_h({})host_h\"\n", include_str!("host.h"));
    std::fs::write(folder.join("host_h.inc"), header)?;
    let output = Command::new("g++")
        .args(["-std=c++17", "-O1", "-shared", "-fPIC", "-Wl,-soname,libcuda.so", "-o"])
        .arg(library)
        .arg(&source)
        .output()
        .map_err(HostError::NoCompiler)?;
    if !output.status.success() {
        return Err(HostError::Refused(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(library.to_owned())
}
