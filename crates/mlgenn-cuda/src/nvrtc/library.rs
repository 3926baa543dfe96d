//! The library and its functions.
#![expect(unsafe_code, reason = "loads a library and calls its functions")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;

use libloading::Library;

use super::options::options;
use super::search::candidates;
use crate::in_words;

/// Why something cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum NvrtcError {
    /// The library was not found.
    #[error(
        "NVRTC, the compiler library of CUDA, was not found, or does not fit. Install it with `pip install \
         mlgenn_rs[cuda13]` or, for older drivers and GPUs, `pip install mlgenn_rs[cuda12]`, or set \
         MLGENN_NVRTC to the path of libnvrtc. Tried: {}",
        tried.join("; ")
    )]
    NotFound {
        /// What was tried, and why it failed.
        tried: Vec<String>,
    },
    /// The compiler refused the text: an error of this crate.
    #[error("NVRTC refuses emitted text ({reason}):\n{log}")]
    Refused {
        /// Its result.
        reason: String,
        /// Its messages.
        log: String,
    },
    /// A function of the library failed.
    #[error("{function} of NVRTC failed: {reason}")]
    Failed {
        /// The function.
        function: &'static str,
        /// Its result.
        reason: String,
    },
    /// A text with a zero byte.
    #[error("a text for NVRTC has a zero byte")]
    ZeroByte(#[from] std::ffi::NulError),
}

/// Machine code for one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The machine code, or PTX.
    pub image: Vec<u8>,
    /// What the compiler printed.
    pub log: String,
}

/// What to compile for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Machine code of `sm_XY`.
    Machine(i32),
    /// PTX of `compute_XY`, for GPUs that the compiler does not know yet.
    Ptx(i32),
}

/// What a library has to be good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Newest release of CUDA that the driver supports, such as 12.
    pub newest_release: Option<i32>,
    /// Compute capability of the GPU, such as 90.
    pub capability: Option<i32>,
}

type Handle = *mut c_void;

/// The functions that are used; results are numbers, as newer libraries may have new ones.
struct Functions {
    version: unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int,
    error_string: unsafe extern "C" fn(c_int) -> *const c_char,
    num_architectures: unsafe extern "C" fn(*mut c_int) -> c_int,
    architectures: unsafe extern "C" fn(*mut c_int) -> c_int,
    create: unsafe extern "C" fn(
        *mut Handle,
        *const c_char,
        *const c_char,
        c_int,
        *const *const c_char,
        *const *const c_char,
    ) -> c_int,
    compile: unsafe extern "C" fn(Handle, c_int, *const *const c_char) -> c_int,
    destroy: unsafe extern "C" fn(*mut Handle) -> c_int,
    log: Text,
    cubin: Text,
    ptx: Text,
}

/// Functions that give the size of something, and the thing.
#[derive(Clone, Copy)]
struct Text {
    name: &'static str,
    size: unsafe extern "C" fn(Handle, *mut usize) -> c_int,
    get: unsafe extern "C" fn(Handle, *mut c_char) -> c_int,
}

/// The loaded library.
pub struct Nvrtc {
    functions: Functions,
    path: PathBuf,
    version: (i32, i32),
    /// Sorted numbers such as 90 for `sm_90`.
    architectures: Vec<i32>,
    /// Keeps the functions valid.
    _library: Library,
}

impl Nvrtc {
    /// Find and load a library that fits; `folders` are those where Python looks for packages.
    ///
    /// # Errors
    ///
    /// [`NvrtcError::NotFound`] names everything that was tried.
    pub fn load(folders: &[PathBuf], needs: Needs) -> Result<Self, NvrtcError> {
        let mut tried = Vec::new();
        for path in candidates(folders) {
            match Self::try_open(path.clone()) {
                Ok(library) => match library.misfit(needs) {
                    None => return Ok(library),
                    Some(problem) => tried.push(format!("{}: {problem}", path.display())),
                },
                Err(problem) => {
                    tried.push(format!("{}: {}", path.display(), in_words(&*problem)));
                }
            }
        }
        Err(NvrtcError::NotFound { tried })
    }

    /// What to compile for, for a GPU of such a compute capability (90 for `sm_90`); `None` if this
    /// library does not support such GPUs any more.
    pub fn target(&self, capability: i32) -> Option<Target> {
        if self.architectures.contains(&capability) {
            return Some(Target::Machine(capability));
        }
        let older = self.architectures.iter().rev().find(|&&known| known < capability);
        older.map(|&architecture| Target::Ptx(architecture))
    }

    /// Why this library does not fit.
    fn misfit(&self, needs: Needs) -> Option<String> {
        let release = self.version.0;
        if needs.newest_release.is_some_and(|newest| release > newest) {
            return Some(format!("it is of CUDA {release}, which the driver is too old for"));
        }
        let capability = needs.capability?;
        let unsupported = || {
            let (major, minor) = (capability / 10, capability % 10);
            format!("CUDA {release} does not support GPUs of compute capability {major}.{minor}")
        };
        self.target(capability).is_none().then(unsupported)
    }

    /// Load the library at a path.
    ///
    /// # Errors
    ///
    /// [`NvrtcError::NotFound`] says why that cannot be done.
    pub fn open(path: PathBuf) -> Result<Self, NvrtcError> {
        Self::try_open(path.clone()).map_err(|problem| NvrtcError::NotFound {
            tried: vec![format!("{}: {}", path.display(), in_words(&*problem))],
        })
    }

    fn try_open(path: PathBuf) -> Result<Self, Box<dyn std::error::Error>> {
        // SAFETY: the library of that name is NVIDIA's, which may be loaded at any time.
        let library = unsafe { Library::new(&path)? };
        // SAFETY: the types are those of `nvrtc.h`; `library` outlives the functions.
        let functions = unsafe { Functions::of(&library)? };
        let mut nvrtc =
            Self { functions, path, version: (0, 0), architectures: Vec::new(), _library: library };
        let (mut major, mut minor) = (0, 0);
        // SAFETY: both pointers are good.
        nvrtc
            .check("nvrtcVersion", unsafe { (nvrtc.functions.version)(&mut major, &mut minor) })?;
        if major < 12 {
            return Err(format!("version {major}.{minor} is too old, 12.0 is needed").into());
        }
        nvrtc.version = (major, minor);
        let mut count = 0;
        // SAFETY: the pointer is good.
        let result = unsafe { (nvrtc.functions.num_architectures)(&mut count) };
        nvrtc.check("nvrtcGetNumSupportedArchs", result)?;
        nvrtc.architectures = vec![0; usize::try_from(count)?];
        // SAFETY: there is room for as many numbers as the library said.
        let result = unsafe { (nvrtc.functions.architectures)(nvrtc.architectures.as_mut_ptr()) };
        nvrtc.check("nvrtcGetSupportedArchs", result)?;
        Ok(nvrtc)
    }

    /// Where the library was found.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Major and minor version.
    pub fn version(&self) -> (i32, i32) {
        self.version
    }

    /// Architectures that it compiles for, such as 90 for `sm_90`, in ascending order.
    pub fn architectures(&self) -> &[i32] {
        &self.architectures
    }

    /// Compile a translation unit to machine code for `sm_{architecture}`.
    ///
    /// # Errors
    ///
    /// [`NvrtcError::Refused`] with the compiler's messages.
    pub fn compile(&self, text: &str, architecture: i32) -> Result<Compiled, NvrtcError> {
        self.build(text, &format!("--gpu-architecture=sm_{architecture}"), self.functions.cubin)
    }

    /// Compile a translation unit to PTX for `compute_{architecture}` and later, which the driver
    /// translates.
    ///
    /// # Errors
    ///
    /// [`NvrtcError::Refused`] with the compiler's messages.
    pub fn compile_ptx(&self, text: &str, architecture: i32) -> Result<Compiled, NvrtcError> {
        self.build(text, &format!("--gpu-architecture=compute_{architecture}"), self.functions.ptx)
    }

    fn build(&self, text: &str, target: &str, image: Text) -> Result<Compiled, NvrtcError> {
        let program = Program::new(self, text)?;
        let options = options(self.version).into_iter().chain([target]);
        let options = options.map(CString::new).collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<_> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: the program exists; the strings live until the call is over.
        let result = unsafe {
            (self.functions.compile)(program.handle, pointers.len() as c_int, pointers.as_ptr())
        };
        let log = program.bytes(self.functions.log)?;
        let log = String::from_utf8_lossy(&log).trim_end_matches('\0').trim_end().to_owned();
        if result != 0 {
            return Err(NvrtcError::Refused { reason: self.reason(result), log });
        }
        Ok(Compiled { image: program.bytes(image)?, log })
    }

    fn check(&self, function: &'static str, result: c_int) -> Result<(), NvrtcError> {
        if result == 0 {
            return Ok(());
        }
        Err(NvrtcError::Failed { function, reason: self.reason(result) })
    }

    fn reason(&self, result: c_int) -> String {
        // SAFETY: the library gives a string that is never freed, or null.
        let text = unsafe { (self.functions.error_string)(result) };
        if text.is_null() {
            return format!("result {result}");
        }
        // SAFETY: not null, ends with a zero.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }
}

impl std::fmt::Debug for Nvrtc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nvrtc")
            .field("path", &self.path)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A program of the library; destroyed with it.
struct Program<'a> {
    nvrtc: &'a Nvrtc,
    handle: Handle,
}

impl<'a> Program<'a> {
    fn new(nvrtc: &'a Nvrtc, text: &str) -> Result<Self, NvrtcError> {
        let text = CString::new(text)?;
        let mut handle = std::ptr::null_mut();
        let none = std::ptr::null();
        // SAFETY: the strings live until the call is over; the library copies them. No headers.
        let result = unsafe {
            (nvrtc.functions.create)(
                &mut handle,
                text.as_ptr(),
                c"mlgenn.cu".as_ptr(),
                0,
                none,
                none,
            )
        };
        nvrtc.check("nvrtcCreateProgram", result)?;
        Ok(Self { nvrtc, handle })
    }

    fn bytes(&self, text: Text) -> Result<Vec<u8>, NvrtcError> {
        let mut size = 0;
        // SAFETY: the program exists, the pointer is good.
        self.nvrtc.check(text.name, unsafe { (text.size)(self.handle, &mut size) })?;
        let mut bytes = vec![0u8; size];
        // SAFETY: there is room for as many bytes as the library said.
        let result = unsafe { (text.get)(self.handle, bytes.as_mut_ptr().cast()) };
        self.nvrtc.check(text.name, result)?;
        Ok(bytes)
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // SAFETY: the program exists and is not used again.
        unsafe { (self.nvrtc.functions.destroy)(&mut self.handle) };
    }
}

impl Functions {
    /// # Safety
    ///
    /// The library must be NVRTC, and outlive what is returned.
    unsafe fn of(library: &Library) -> Result<Self, libloading::Error> {
        // SAFETY: the types are those of `nvrtc.h`.
        unsafe {
            let text = |name, size: &CStr, get: &CStr| -> Result<Text, libloading::Error> {
                Ok(Text { name, size: *library.get(size)?, get: *library.get(get)? })
            };
            Ok(Self {
                version: *library.get(c"nvrtcVersion")?,
                error_string: *library.get(c"nvrtcGetErrorString")?,
                num_architectures: *library.get(c"nvrtcGetNumSupportedArchs")?,
                architectures: *library.get(c"nvrtcGetSupportedArchs")?,
                create: *library.get(c"nvrtcCreateProgram")?,
                compile: *library.get(c"nvrtcCompileProgram")?,
                destroy: *library.get(c"nvrtcDestroyProgram")?,
                log: text("nvrtcGetProgramLog", c"nvrtcGetProgramLogSize", c"nvrtcGetProgramLog")?,
                cubin: text("nvrtcGetCUBIN", c"nvrtcGetCUBINSize", c"nvrtcGetCUBIN")?,
                ptx: text("nvrtcGetPTX", c"nvrtcGetPTXSize", c"nvrtcGetPTX")?,
            })
        }
    }
}
